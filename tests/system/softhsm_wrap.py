#!/usr/bin/python3
"""Which private keys a PKCS#11 module wraps under an AES key (CKM_AES_KEY_WRAP_PAD, RFC 5649): MODULE LABEL PIN. Rule P14 of the plans
says no of Ed25519 because of what this prints of SoftHSM 2.6.1."""
import ctypes, sys

U = ctypes.c_ulong
TOKEN, LABEL, VALUE_LEN, SENSITIVE, EXTRACTABLE, WRAP, SIGN, MODULUS_BITS, EC_PARAMS = 0x001, 0x003, 0x161, 0x103, 0x162, 0x106, 0x108, 0x121, 0x180
RSA_PAIR, EDWARDS_PAIR, AES_GEN, AES_KEY_WRAP_PAD = 0x0000, 0x1055, 0x1080, 0x210A
NAMES = {0: "wrapped", 0x69: "CKR_KEY_NOT_WRAPPABLE"}


class Attribute(ctypes.Structure):
    _fields_ = [("type", U), ("value", ctypes.c_void_p), ("length", U)]


class Mechanism(ctypes.Structure):
    _fields_ = [("mechanism", U), ("parameter", ctypes.c_void_p), ("length", U)]


def template(**values):
    keep = [(globals()[name], ctypes.create_string_buffer(value, len(value))) for name, value in values.items()]
    array = (Attribute * len(keep))(*(Attribute(t, ctypes.cast(b, ctypes.c_void_p), len(b)) for t, b in keep))
    array.keep = keep
    return array


def must(name, *arguments):
    result = getattr(module, name)(*arguments)
    if result != 0:
        sys.exit("%s: 0x%x" % (name, result))


def number(n):
    return n.to_bytes(ctypes.sizeof(U), sys.byteorder)


YES, NO = b"\x01", b"\x00"
module = ctypes.CDLL(sys.argv[1])
label, pin = sys.argv[2].encode().ljust(32), sys.argv[3].encode()
must("C_Initialize", None)
slots, count, session = (U * 64)(), U(64), U()
must("C_GetSlotList", 1, slots, ctypes.byref(count))
info = ctypes.create_string_buffer(512)
slot = next(s for s in slots[:count.value] if module.C_GetTokenInfo(U(s), info) == 0 and info.raw[:32] == label)
must("C_OpenSession", U(slot), U(6), None, None, ctypes.byref(session))
must("C_Login", session, U(1), pin, U(len(pin)))
aes, public, private = U(), U(), U()
t = template(TOKEN=NO, VALUE_LEN=number(32), WRAP=YES)
must("C_GenerateKey", session, ctypes.byref(Mechanism(AES_GEN, None, 0)), t, U(len(t)), ctypes.byref(aes))
for kind, mechanism, parameters in (("RSA", RSA_PAIR, template(TOKEN=NO, MODULUS_BITS=number(2048))),
                                    ("Ed25519", EDWARDS_PAIR, template(TOKEN=NO, EC_PARAMS=bytes.fromhex("06032b6570")))):
    t = template(TOKEN=NO, SENSITIVE=YES, EXTRACTABLE=YES, SIGN=YES)
    must("C_GenerateKeyPair", session, ctypes.byref(Mechanism(mechanism, None, 0)), parameters, U(len(parameters)), t, U(len(t)),
         ctypes.byref(public), ctypes.byref(private))
    out, length = ctypes.create_string_buffer(8192), U(8192)
    result = module.C_WrapKey(session, ctypes.byref(Mechanism(AES_KEY_WRAP_PAD, None, 0)), aes, private, out, ctypes.byref(length))
    print(kind, NAMES.get(result, "0x%x" % result))
