#!/usr/bin/python3
"""Verify every DKIM-Signature of messages with libopendkim, the C library inside OpenDKIM.

libopendkim is called directly: the opendkim program's own test mode (-t) drops white space at the start of header
fields, so that correct simple-canonicalised signatures fail there. The public keys come from a zone file (--zone)
or from a DNS server (--dns HOST:PORT), never from Zegel. Prints one line per signature. Exit status: 0 every
signature of every file passes and each file has at least --expect of them; 1 otherwise; 2 wrong usage.
"""
import argparse
import ctypes
import re
import sys
import tempfile

from verify_dkimpy import dns_lookup, zone_lookup

# From opendkim/dkim.h of libopendkim11 2.11.0.
STAT_OK, STAT_BADSIG, STAT_NOSIG = 0, 1, 2
QUERY_FILE = 1
OP_SETOPT = 1
OPTS_QUERYMETHOD, OPTS_QUERYINFO = 6, 7
SIGFLAG_PASSED = 0x04
SIGBH_MATCH = 0
ALGORITHMS = {0: "rsa-sha1", 1: "rsa-sha256", 2: "ed25519-sha256"}
CANONS = {0: "simple", 1: "relaxed"}


def load_library():
    lib = ctypes.CDLL("libopendkim.so.11")
    pointer, integer = ctypes.c_void_p, ctypes.c_int
    for name, result, arguments in (
            ("dkim_init", pointer, [pointer, pointer]),
            ("dkim_options", integer, [pointer, integer, integer, pointer, ctypes.c_size_t]),
            ("dkim_verify", pointer, [pointer, ctypes.c_char_p, pointer, pointer]),
            ("dkim_chunk", integer, [pointer, ctypes.c_char_p, ctypes.c_size_t]),
            ("dkim_eom", integer, [pointer, pointer]),
            ("dkim_getsiglist", integer, [pointer, pointer, pointer]),
            ("dkim_sig_process", integer, [pointer, pointer]),
            ("dkim_sig_getflags", ctypes.c_uint, [pointer]),
            ("dkim_sig_getbh", integer, [pointer]),
            ("dkim_sig_getsignalg", integer, [pointer, pointer]),
            ("dkim_sig_getcanons", integer, [pointer, pointer, pointer]),
            ("dkim_sig_getselector", ctypes.c_char_p, [pointer]),
            ("dkim_sig_getdomain", ctypes.c_char_p, [pointer]),
            ("dkim_sig_geterror", integer, [pointer]),
            ("dkim_sig_geterrorstr", ctypes.c_char_p, [integer]),
            ("dkim_geterror", ctypes.c_char_p, [pointer]),
            ("dkim_free", integer, [pointer])):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class Verifier:
    def __init__(self, lookup):
        self.lib = load_library()
        self.lookup = lookup
        self.handle = self.lib.dkim_init(None, None)
        # libopendkim reads public keys from a text file 'NAME RECORD' when asked to; it keeps the path.
        self.keys = tempfile.NamedTemporaryFile(prefix="zegel-keys-")  # pylint: disable=consider-using-with
        self.path = ctypes.create_string_buffer(self.keys.name.encode())
        method = ctypes.c_int(QUERY_FILE)
        self.option(OPTS_QUERYMETHOD, ctypes.byref(method), ctypes.sizeof(method))
        self.option(OPTS_QUERYINFO, self.path, len(self.keys.name))

    def option(self, name, value, size):
        if self.lib.dkim_options(self.handle, OP_SETOPT, name, ctypes.cast(value, ctypes.c_void_p), size) != STAT_OK:
            raise OSError(f"libopendkim refused option {name}")

    def write_keys(self, message):
        """Look up the key of every signature and hand the records to libopendkim."""
        self.keys.seek(0)
        self.keys.truncate()
        header = re.split(rb"\r\n\r\n", message, maxsplit=1)[0]
        unfolded = re.sub(rb"\r\n(?=[ \t])", b"", header)
        for field in re.findall(rb"(?im)^dkim-signature[ \t]*:(.*)$", unfolded):
            tags = dict((tag.strip(), value.strip()) for tag, _, value in
                        (part.partition(b"=") for part in field.split(b";")))
            name = tags.get(b"s", b"") + b"._domainkey." + tags.get(b"d", b"")
            record = self.lookup(name)
            if record:
                self.keys.write(name + b" " + record + b"\n")
        self.keys.flush()

    def verify(self, path, expect, quiet):
        with open(path, "rb") as handle:
            message = re.sub(rb"(?<!\r)\n", b"\r\n", handle.read())
        self.write_keys(message)
        lib, status = self.lib, ctypes.c_int(-1)
        dkim = lib.dkim_verify(self.handle, b"test", None, ctypes.byref(status))
        if not dkim:
            print(f"opendkim: FAIL {path}: dkim_verify: {status.value}")
            return False
        try:
            return self.evaluate(dkim, message, path, expect, quiet)
        finally:
            lib.dkim_free(dkim)

    def evaluate(self, dkim, message, path, expect, quiet):
        lib = self.lib
        for chunk in (message[at:at + 65536] for at in range(0, len(message), 65536)):
            if lib.dkim_chunk(dkim, chunk, len(chunk)) not in (STAT_OK, STAT_NOSIG):
                print(f"opendkim: FAIL {path}: {text(lib.dkim_geterror(dkim))}")
                return False
        lib.dkim_chunk(dkim, None, 0)
        lib.dkim_eom(dkim, None)
        signatures, count = ctypes.POINTER(ctypes.c_void_p)(), ctypes.c_int(0)
        if lib.dkim_getsiglist(dkim, ctypes.byref(signatures), ctypes.byref(count)) != STAT_OK:
            count.value = 0
        good = count.value >= expect
        if not good:
            print(f"opendkim: FAIL {path}: {count.value} signatures, {expect} expected")
        for index in range(count.value):
            good = self.report(dkim, signatures[index], quiet) and good
        return good

    def report(self, dkim, signature, quiet):
        lib = self.lib
        lib.dkim_sig_process(dkim, signature)
        algorithm, header, body = ctypes.c_int(-1), ctypes.c_int(-1), ctypes.c_int(-1)
        lib.dkim_sig_getsignalg(signature, ctypes.byref(algorithm))
        lib.dkim_sig_getcanons(signature, ctypes.byref(header), ctypes.byref(body))
        # DKIM_SIG_CHECK of dkim.h
        passed = bool(lib.dkim_sig_getflags(signature) & SIGFLAG_PASSED) and \
            lib.dkim_sig_getbh(signature) == SIGBH_MATCH
        why = ""
        if not passed:
            error = lib.dkim_sig_geterror(signature)
            why = ": body hash wrong" if error == 0 else f": {text(lib.dkim_sig_geterrorstr(error))}"
        if not (passed and quiet):
            print(f"opendkim: {'pass' if passed else 'FAIL'} {ALGORITHMS.get(algorithm.value, '?')}"
                  f" d={text(lib.dkim_sig_getdomain(signature))} s={text(lib.dkim_sig_getselector(signature))}"
                  f" c={CANONS.get(header.value, '?')}/{CANONS.get(body.value, '?')}{why}")
        return passed


def text(value):
    return value.decode("utf-8", "replace") if value else "?"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--zone", metavar="FILE", help="take the keys from this zone file")
    source.add_argument("--dns", metavar="HOST:PORT", help="ask this DNS server for the keys")
    parser.add_argument("--expect", type=int, default=1, metavar="N", help="at least N signatures (default 1)")
    parser.add_argument("--quiet", action="store_true", help="print only what fails")
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args()
    verifier = Verifier(zone_lookup(options.zone) if options.zone else dns_lookup(options.dns))
    good = [verifier.verify(path, options.expect, options.quiet) for path in options.files]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
