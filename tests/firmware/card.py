"""card: plays the reader for one port of the token, without pcscd: for traces, power cuts and figures.

Environment: BUILD, the build directory. The ports: 'dev' (native, constant seed) and 'qemu' (imx6ul).
"""
import ctypes
import os
import signal
import socket
import struct
import subprocess
import time

FIRMWARE = os.path.join(os.environ.get("BUILD", "build"), "firmware")
SD_SIZE = 16 << 20
WITH_US = ["setpriv", "--pdeathsig", "KILL"]  # a port that we started ends with us, and we with who started us, however that ends
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Gone(Exception):
    """The token went away: its power was cut, or it panicked."""


class Token:
    """One powered token. `store` is a path without suffix; each port keeps its own file there. For `cut` and `run` see
        firmware/port/blocks.h and firmware/port/imx6ul/request.h (qemu only); `more` are options for QEMU."""

    def __init__(self, port, store, cut=None, run=0, timeout=300, more=()):
        self.port, self.log = port, store + "." + port + ".log"
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        number = str(listener.getsockname()[1])
        with open(self.log, "wb") as log:
            if port == "qemu":
                self.store = store + ".sd"
                self._card(cut, run)
                command = ["qemu-system-arm", "-M", "mcimx6ul-evk", "-m", "512M", "-display", "none", "-monitor", "none", "-nic", "none", "-nic", "none",
                           "-kernel", FIRMWARE + "/zegel-token-imx6ul.elf", "-drive", "if=sd,format=raw,file=" + self.store,
                           "-chardev", f"socket,id=reader,host=127.0.0.1,port={number},nodelay=on", "-serial", "chardev:reader",
                           "-serial", "file:" + self.log]
                self.process = subprocess.Popen(WITH_US + command + list(more), stderr=subprocess.DEVNULL)
            else:
                self.store = store + ".native"
                command = [FIRMWARE + "/zegel-token-native-dev", self.store, "127.0.0.1", number]
                self.process = subprocess.Popen(WITH_US + command + [str(n) for n in cut or ()], stderr=log)
        listener.settimeout(0.2)
        self.socket = self._accept(listener)
        listener.close()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(0.5)
        self.deadline = timeout

    def _accept(self, listener):
        for _ in range(300):
            try:
                return listener.accept()[0]
            except socket.timeout:
                if self.process.poll() is not None:
                    raise Gone(self.logged()) from None
        self.process.kill()
        raise Gone("the port never came to the reader")

    def _card(self, cut, run):
        if not os.path.exists(self.store):
            with open(self.store, "wb") as card:
                card.truncate(SD_SIZE)
        with open(self.store, "r+b") as card:
            card.seek(512)
            card.write(b"ZEGELCUT" + struct.pack("<QQ", *cut) if cut else b"ZEGELRUN" + struct.pack("<QQ", run, 0) if run else bytes(24))

    def logged(self):
        with open(self.log, encoding="ascii", errors="replace") as log:
            return log.read()

    def _receive(self, count):
        data, end = b"", time.monotonic() + self.deadline
        while len(data) < count:
            try:
                part = self.socket.recv(count - len(data))
            except socket.timeout:
                if "PANIC" in self.logged():
                    raise Gone(self.logged()) from None
                if time.monotonic() > end:
                    raise
                continue
            except ConnectionError:
                part = b""
            if not part:
                raise Gone(self.logged())
            data += part
        return data

    def frame(self, data):
        try:
            self.socket.sendall(struct.pack(">H", len(data)) + data)
        except ConnectionError:
            raise Gone(self.logged()) from None
        return self._receive(struct.unpack(">H", self._receive(2))[0])

    def control(self, what):
        """0 off, 1 on, 2 reset: no answer."""
        self.socket.sendall(struct.pack(">HB", 1, what))

    def atr(self):
        return self.frame(b"\x04")

    def apdu(self, command):
        """A command as hex or octets; its response, status word included."""
        return self.frame(bytes.fromhex(command) if isinstance(command, str) else command)

    def off(self):
        """Power fails: no time for anything."""
        self.process.kill()
        self.process.wait()
        self.socket.close()
