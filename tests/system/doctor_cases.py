"""zegel doctor on configurations of a real postconf. doctor_cases.py WORK BUILD

Each case changes a sound configuration, and says what must be found. Then every fix that is a postconf command is carried out, as
printed, and the finding must be gone."""
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time

WORK, BUILD = sys.argv[1:3]
DIR = f"{WORK}/postfix"
QUEUE = f"{WORK}/queue"
MASTER = """smtp       inet  n       -       n       -       -       smtpd
submission inet  n       -       n       -       -       smtpd
    -o smtpd_sasl_auth_enable=yes
pickup     unix  n       -       n       60      1       pickup
cleanup    unix  n       -       n       -       0       cleanup
qmgr       unix  n       -       n       300     1       qmgr
"""
FILTER = ["-e content_filter=smtp:[127.0.0.1]:10024", "-M 127.0.0.1:10025/inet=127.0.0.1:10025 inet n - n - - smtpd"]
BACK = "127.0.0.1:10025/inet"
# name: (changes by postconf, findings)
CASES = {
    "sound": ([], set()),
    "no milter at all": (["-X smtpd_milters non_smtpd_milters"], {"FAIL smtpd_milters", "FAIL non_smtpd_milters"}),
    "submission has its own": (["-P submission/inet/smtpd_milters="], {"FAIL smtpd_milters"}),
    "only submission signs": (["-P smtp/inet/smtpd_milters="], {"WARN smtpd_milters"}),
    "another filter alone": (["-e smtpd_milters=inet:127.0.0.1:11332"], {"FAIL smtpd_milters"}),
    "no local mail": (["-e non_smtpd_milters="], {"FAIL non_smtpd_milters"}),
    "accept": (["-e milter_default_action=accept"], {"FAIL milter_default_action"}),
    "accept at submission": (["-P submission/inet/milter_default_action=accept"], {"FAIL milter_default_action"}),
    "accept in braces": (["-e smtpd_milters={ unix:{SOCKET}, default_action=accept }"], {"FAIL milter_default_action"}),
    "reject is no leak": (["-e milter_default_action=reject"], set()),
    "protocol 2": (["-e milter_protocol=2"], {"FAIL milter_protocol"}),
    "no user": (["-e milter_mail_macros=i"], {"FAIL milter_mail_macros"}),
    "bounces": (["-e internal_mail_filter_classes="], {"WARN internal_mail_filter_classes"}),
    "OpenDKIM before": (["-e smtpd_milters=local:opendkim/opendkim.sock, unix:{SOCKET}"], {"FAIL two-signers"}),
    "OpenDKIM behind": (["-e smtpd_milters=unix:{SOCKET}, local:/run/opendkim/opendkim.sock"], {"FAIL two-signers"}),
    "a filter behind": (["-e smtpd_milters=unix:{SOCKET}, inet:127.0.0.1:11332"], {"WARN order"}),
    "a filter before": (["-e smtpd_milters=inet:127.0.0.1:11332, unix:{SOCKET}"], set()),
    "a filter behind, at submission": (["-P submission/inet/smtpd_milters=unix:{SOCKET},inet:127.0.0.1:11332"], {"WARN order"}),
    "conversion": (["-e disable_mime_output_conversion=no"], {"WARN disable_mime_output_conversion"}),
    "generic": (["-e smtp_generic_maps=static:x@example.nl"], {"WARN delivery"}),
    "header checks at delivery": (["-e smtp_header_checks=regexp:/nonexistent"], {"WARN delivery"}),
    "body checks at delivery": (["-e smtp_body_checks=regexp:/nonexistent"], {"WARN delivery"}),
    "checks of cleanup": (["-e header_checks=regexp:/nonexistent", "-e sender_canonical_maps=static:x@example.nl", "-e masquerade_domains=example.nl",
                           "-e always_add_missing_headers=yes"], set()),
    "checks of what milters add": (["-e milter_header_checks=regexp:/nonexistent"], {"WARN milter_header_checks"}),
    "milters by client": (["-e smtpd_milter_maps=cidr:/nonexistent"], {"WARN smtpd_milter_maps"}),
    "XCLIENT": (["-e smtpd_authorized_xclient_hosts=192.0.2.0/24"], {"WARN too-much"}),
    "a network that is not trusted": (["-e mynetworks=127.0.0.0/8 198.51.100.0/24 [2001:db8::]/32"], {"WARN mynetworks"}),
    "chroot": (["-F smtp/inet/chroot=y"], {"FAIL socket"}),
    "chroot of cleanup": (["-F cleanup/unix/chroot=y"], {"FAIL socket"}),
    "signed before the content filter": (FILTER + [f"-P {BACK}/content_filter=", f"-P {BACK}/receive_override_options=no_milters"], {"WARN content_filter"}),
    "signed before and behind it": (FILTER + [f"-P {BACK}/content_filter="], {"FAIL content_filter"}),
    "signed behind it": (FILTER + [f"-P {BACK}/content_filter=", "-P smtp/inet/receive_override_options=no_milters", "-P submission/inet/receive_override_options=no_milters"],
                         set()),
    "switched off everywhere": (["-P smtp/inet/receive_override_options=no_milters", "-P submission/inet/receive_override_options=no_milters"],
                                {"FAIL smtpd_milters"}),
    "another way to write it": (["-e smtpd_milters=local:{SOCKET}"], set()),
}
failed = 0


def expect(what, good, seen=""):
    global failed
    failed += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}{'' if good else f': {seen}'}", flush=True)


def settle():
    """Postfix reads a file again and again until it is older than a second or two: these are."""
    for name in ("main.cf", "master.cf"):
        os.utime(f"{DIR}/{name}", (time.time() - 60,) * 2)


def postconf(words):
    subprocess.run(["postconf", "-c", DIR, *words], check=True, stdout=subprocess.DEVNULL)
    settle()


def doctor(config="zegel.yaml", directory=DIR):
    done = subprocess.run([f"{BUILD}/zegel", "doctor", "--postfix", directory, "--config", f"{WORK}/{config}", "--json"], capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else [], done.stderr


def fresh(sock):
    shutil.rmtree(DIR, ignore_errors=True)
    os.mkdir(DIR)
    with open(f"{DIR}/main.cf", "w") as f:
        f.write(f"compatibility_level = 3.6\nqueue_directory = {QUEUE}\nmynetworks = 127.0.0.0/8 192.0.2.0/24\nsmtpd_milters = unix:{sock}\nnon_smtpd_milters = unix:{sock}\n"
                "internal_mail_filter_classes = bounce\ndisable_mime_output_conversion = yes\n")
    with open(f"{DIR}/master.cf", "w") as f:
        f.write(MASTER)
    settle()


def try_case(name, changes, wanted, sock):
    fresh(sock)
    for change in changes:
        option, _, rest = change.replace("{SOCKET}", sock).partition(" ")
        postconf([option, *(rest.split() if option == "-X" else [rest])])
    code, found, err = doctor()
    seen = {f"{f['result']} {f['rule']}" for f in found}
    expect(f"{name}: what is found", seen == wanted, (seen, err))
    expect(f"{name}: exit code", code == (1 if any("FAIL" in w for w in wanted) else 0), code)
    expect(f"{name}: everything has a fix", all(f["fix"] for f in found), found)
    commands = [f["fix"] for f in found if f["fix"].startswith("postconf ")]
    for command in dict.fromkeys(commands):
        postconf(shlex.split(command)[1:])
    mended = {f["rule"] for f in found if f["fix"].startswith("postconf ")}
    _, left, _ = doctor()
    expect(f"{name}: the fixes mend it", not mended & {f["rule"] for f in left}, (commands, left))


def main():
    sock = f"{WORK}/milter.sock"
    os.makedirs(QUEUE, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sock)
    listener.listen()
    os.chmod(sock, 0o666)
    yaml = (f"tokens:\n  - {{name: none, module: /nonexistent.so, token: 'pkcs11:token=none', pin: prompt}}\nlisten: ['unix:{sock}']\n"
            "trusted-networks: [127.0.0.0/8, 192.0.2.0/24]\n")
    with open(f"{WORK}/zegel.yaml", "w") as f:
        f.write(yaml)
    for name, (changes, wanted) in CASES.items():
        try_case(name, changes, wanted, sock)

    fresh(sock)
    os.chmod(sock, 0o600)
    expect("a socket that Postfix may not use", {f["rule"] for f in doctor()[1]} == {"socket"}, doctor())
    os.chmod(sock, 0o666)
    os.unlink(sock)
    expect("no socket at all", {f["rule"] for f in doctor()[1]} == {"socket"}, doctor())
    with open(f"{WORK}/wide.yaml", "w") as f:
        f.write(yaml.replace("192.0.2.0/24", "0.0.0.0/0").replace(f"unix:{sock}", "inet:8891@127.0.0.1"))
    postconf(["-e", "smtpd_milters=inet:localhost:8891", "non_smtpd_milters=inet:127.0.0.1:8891"])
    expect("the whole world is trusted", {f["rule"] for f in doctor("wide.yaml")[1]} == {"too-much"}, doctor("wide.yaml"))
    with open(f"{WORK}/narrow.yaml", "w") as f:
        f.write(yaml.replace("127.0.0.0/8, ", "").replace(f"unix:{sock}", "inet:8891@127.0.0.1"))
    for change in FILTER + [f"-P {BACK}/content_filter=", "-P smtp/inet/receive_override_options=no_milters", "-P submission/inet/receive_override_options=no_milters"]:
        option, _, rest = change.partition(" ")
        postconf([option, rest])
    expect("mail from the content filter is not trusted", {f["rule"] for f in doctor("narrow.yaml")[1]} == {"content_filter", "mynetworks"}, doctor("narrow.yaml"))

    code, _, err = doctor(directory=f"{WORK}/nowhere")
    expect("no Postfix: 3, and one line", code == 3 and err.count("\n") >= 1 and "postconf" in err, (code, err))
    code, _, err = doctor("nowhere.yaml")
    expect("no zegel.yaml: 2", code == 2, (code, err))
    fresh(sock)
    with open(f"{DIR}/main.cf", "a") as f:
        f.write("smtpd_milters = " + "{" * 5000 + "unix:/x, inet:1\x1b[31m" + "," * 5000 + "\n")
    settle()
    done = subprocess.run([f"{BUILD}/zegel", "doctor", "--postfix", DIR, "--config", f"{WORK}/zegel.yaml"], capture_output=True, text=True, check=False)
    expect("a hostile main.cf: an answer, and no escape sequence", done.returncode == 1 and "\x1b" not in done.stdout, done)
    print(f"{failed} failed")
    return failed


sys.exit(main() != 0)
