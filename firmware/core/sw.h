/* sw: status words (ISO 7816-4 §5.6), and our own for what the DKIM policy refuses. */
#ifndef ZEGEL_CORE_SW_H
#define ZEGEL_CORE_SW_H

enum sw {
    SW_OK = 0x9000,
    SW_TERMINATED = 0x6285, /* selected file is in termination state */
    SW_MEMORY_FAILURE = 0x6581,
    SW_WRONG_LENGTH = 0x6700,
    SW_CHAIN_LAST_EXPECTED = 0x6883,
    SW_CHAINING_NOT_SUPPORTED = 0x6884,
    SW_SECURITY = 0x6982, /* who asks was not verified */
    SW_BLOCKED = 0x6983,
    SW_CONDITIONS = 0x6985, /* what is asked is not allowed now, or never with this key */
    SW_WRONG_DATA = 0x6a80,
    SW_NOT_SUPPORTED = 0x6a81,
    SW_FILE_NOT_FOUND = 0x6a82,
    SW_NO_SPACE = 0x6a84,
    SW_WRONG_P1P2 = 0x6a86,
    SW_NOT_FOUND = 0x6a88,
    SW_EXISTS = 0x6a89,
    SW_INS = 0x6d00,
    SW_CLA = 0x6e00,
    SW_FAULT = 0x6f00,       /* a computation did not verify; nothing was released */
    SW_TRIES = 0x63c0,       /* the last digit: tries left */
    SW_MORE = 0x6100,        /* the low octet: so many octets wait for GET RESPONSE */
    SW_DKIM_REFUSED = 0x6900 /* the low octet is the reason (reason.h); their codes keep clear of ISO's own 69xx */
};

#endif
