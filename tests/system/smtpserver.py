"""What the mail servers of the tests have in common: an SMTP server (RFC 5321) that believes everything."""
import socketserver


class Session(socketserver.StreamRequestHandler):
    name = "test"

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def command(self, verb, line):
        """The answer to MAIL, RCPT and whatever else there is."""
        return "250 ok"

    def take(self, message):
        """The answer to a message, as it came over the wire with its dots undone."""
        raise NotImplementedError

    def data(self):
        """False: the end never came, and there is no message."""
        self.say("354 go on")
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                self.say(self.take(b"".join(lines)))
                return True
            lines.append(line[1:] if line.startswith(b".") else line)
        return False

    def handle(self):
        self.say(f"220 {self.name} ESMTP")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say(f"250-{self.name}")
                self.say("250 8BITMIME")
            elif verb == b"DATA":
                if not self.data():
                    return
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say(self.command(verb, line))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def serve(address, port, session):
    Server((address, port), session).serve_forever()
