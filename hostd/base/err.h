/* err: one enum for everything that can go wrong between our own functions. 0 is success, all errors are negative. */
#ifndef ZEGEL_ERR_H
#define ZEGEL_ERR_H

enum zegel_err {
    ZEGEL_OK = 0,
    ZEGEL_ERR_NOMEM = -1,
    ZEGEL_ERR_USAGE = -2,          /* wrong call, wrong option */
    ZEGEL_ERR_CONFIG = -3,         /* configuration does not say something sensible */
    ZEGEL_ERR_SYSTEM = -4,         /* the operating system refused; errno was in the message */
    ZEGEL_ERR_TIMEOUT = -5,        /* the deadline passed */
    ZEGEL_ERR_CLOSED = -6,         /* the peer process is gone */
    ZEGEL_ERR_FORMAT = -7,         /* bytes that are not what they should be */
    ZEGEL_ERR_TOO_BIG = -8,        /* over a limit */
    ZEGEL_ERR_REFUSED = -9,        /* policy says no */
    ZEGEL_ERR_BUSY = -10,          /* queue full, try later */
    ZEGEL_ERR_TOKEN_GONE = -11,    /* no such token now; it may come back */
    ZEGEL_ERR_KEY_GONE = -12,      /* the token has no such key, or it is not the one it was */
    ZEGEL_ERR_KEY_UNUSABLE = -13,  /* attributes, dates or mechanisms forbid it */
    ZEGEL_ERR_PIN = -14,           /* PIN wrong, locked or latched: never again by itself */
    ZEGEL_ERR_MODULE = -15,        /* the PKCS#11 module is broken */
    ZEGEL_ERR_BAD_SIGNATURE = -16, /* the token answered, the public key says no */
    ZEGEL_ERR_EXISTS = -17,        /* there already */
    ZEGEL_ERR_NOT_FOUND = -18,
};

/* A short English phrase, never NULL. */
const char *zegel_strerror(int err);

#endif
