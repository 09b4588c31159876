#include "base/err.h"

const char *zegel_strerror(int err)
{
    switch ((enum zegel_err)err) {
    case ZEGEL_OK: return "done";
    case ZEGEL_ERR_NOMEM: return "out of memory";
    case ZEGEL_ERR_USAGE: return "wrong usage";
    case ZEGEL_ERR_CONFIG: return "wrong configuration";
    case ZEGEL_ERR_SYSTEM: return "the system refused";
    case ZEGEL_ERR_TIMEOUT: return "deadline passed";
    case ZEGEL_ERR_CLOSED: return "the other process is gone";
    case ZEGEL_ERR_FORMAT: return "malformed data";
    case ZEGEL_ERR_TOO_BIG: return "over a limit";
    case ZEGEL_ERR_REFUSED: return "refused by policy";
    case ZEGEL_ERR_BUSY: return "queue full";
    case ZEGEL_ERR_TOKEN_GONE: return "token not present";
    case ZEGEL_ERR_KEY_GONE: return "key not on the token";
    case ZEGEL_ERR_KEY_UNUSABLE: return "key may not be used";
    case ZEGEL_ERR_PIN: return "PIN not accepted";
    case ZEGEL_ERR_MODULE: return "PKCS#11 module broken";
    case ZEGEL_ERR_BAD_SIGNATURE: return "signature does not verify";
    case ZEGEL_ERR_EXISTS: return "exists already";
    case ZEGEL_ERR_NOT_FOUND: return "not found";
    }
    return "unknown error";
}
