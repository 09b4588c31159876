#include "pkcs11/zegeltoken/reader.h"

#include <string.h>

enum { NAMES_MAX = 4096 };

/* What the token answers to a reset, but for what may differ from build to build: other cards are never spoken to. */
static const uint8_t atr_begins[] = {0x3b, 0xda, 0x18, 0xff, 0x81, 0xb1, 0xfe, 0x75, 0x1f,
                                     0x03, 0x00, 0x31, 0xf5, 0x73, 0xc0, 0x01, 0x80};

static SCARDCONTEXT context;
static bool have_context;

static enum reader_result result_of(LONG rv)
{
    switch (rv) {
    case SCARD_S_SUCCESS: return READER_OK;
    case SCARD_W_RESET_CARD: return READER_RESET;
    case SCARD_W_REMOVED_CARD:
    case SCARD_W_UNPOWERED_CARD:
    case SCARD_W_UNRESPONSIVE_CARD:
    case SCARD_E_NO_SMARTCARD:
    case SCARD_E_NO_READERS_AVAILABLE:
    case SCARD_E_READER_UNAVAILABLE:
    case SCARD_E_UNKNOWN_READER:
    case SCARD_E_NOT_TRANSACTED: /* pcscd says so before it has noticed that the card is gone */
    case SCARD_F_COMM_ERROR:
    case SCARD_E_NO_SERVICE:
    case SCARD_E_SERVICE_STOPPED:
    case SCARD_E_INVALID_HANDLE: /* of a pcscd that is no more */ return READER_GONE;
    default: return READER_FAULT;
    }
}

/* ---- pcscd */

static enum reader_result enter(void)
{
    if (have_context && SCardIsValidContext(context) == SCARD_S_SUCCESS)
        return READER_OK;
    if (have_context)
        (void)SCardReleaseContext(context);
    LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
    have_context = rv == SCARD_S_SUCCESS;
    return result_of(rv);
}

static void add(struct reader list[READERS_MAX], size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(list[i].name, name) == 0)
            return;
    if (*count < READERS_MAX && strlen(name) < READER_NAME_LEN)
        memcpy(list[(*count)++].name, name, strlen(name) + 1);
}

enum reader_result readers_look(struct reader list[READERS_MAX], size_t *count)
{
    char names[NAMES_MAX];
    DWORD len = sizeof names;
    enum reader_result r = enter();
    if (r != READER_OK)
        return r;
    LONG rv = SCardListReaders(context, NULL, names, &len);
    if (result_of(rv) == READER_GONE && have_context && rv != SCARD_E_NO_READERS_AVAILABLE) { /* pcscd was started anew */
        (void)SCardReleaseContext(context);
        have_context = false;
        len = sizeof names;
        if ((r = enter()) == READER_OK)
            rv = SCardListReaders(context, NULL, names, &len);
    }
    if (rv == SCARD_E_NO_READERS_AVAILABLE)
        return READER_OK;
    if (r != READER_OK || rv != SCARD_S_SUCCESS)
        return r != READER_OK ? r : result_of(rv);
    names[sizeof names - 1] = '\0';
    for (const char *n = names; n < names + len && *n != '\0'; n += strlen(n) + 1)
        add(list, count, n);
    return READER_OK;
}

static void disconnect(struct reader *r)
{
    if (r->connected)
        (void)SCardDisconnect(r->card, SCARD_LEAVE_CARD);
    r->connected = false;
}

void readers_leave(struct reader list[READERS_MAX], size_t count)
{
    for (size_t i = 0; i < count; i++)
        disconnect(&list[i]);
    if (have_context)
        (void)SCardReleaseContext(context);
    have_context = false;
}

/* ---- the card */

static enum reader_result connect(struct reader *r)
{
    uint8_t atr[MAX_ATR_SIZE];
    DWORD protocol, len = sizeof atr;
    enum reader_result result = enter();
    if (result != READER_OK)
        return result;
    LONG rv = SCardConnect(context, r->name, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1 | SCARD_PROTOCOL_T0, &r->card, &protocol);
    if (rv != SCARD_S_SUCCESS)
        return result_of(rv);
    r->connected = true;
    rv = SCardStatus(r->card, NULL, NULL, NULL, NULL, atr, &len);
    if (rv == SCARD_S_SUCCESS && len >= sizeof atr_begins && memcmp(atr, atr_begins, sizeof atr_begins) == 0)
        return READER_OK;
    disconnect(r);
    return rv == SCARD_S_SUCCESS ? READER_GONE : result_of(rv);
}

static LONG reconnect(struct reader *r)
{
    DWORD protocol;
    return SCardReconnect(r->card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1 | SCARD_PROTOCOL_T0, SCARD_LEAVE_CARD, &protocol);
}

enum reader_result reader_begin(struct reader *r, bool *fresh)
{
    enum reader_result result = READER_OK;
    *fresh = !r->connected;
    if (!r->connected && (result = connect(r)) != READER_OK)
        return result;
    LONG rv = SCardBeginTransaction(r->card);
    if (rv == SCARD_W_RESET_CARD && (rv = reconnect(r)) == SCARD_S_SUCCESS) {
        *fresh = true;
        rv = SCardBeginTransaction(r->card);
    }
    result = result_of(rv);
    if (result != READER_OK)
        disconnect(r);
    return result;
}

void reader_end(struct reader *r)
{
    if (r->connected)
        (void)SCardEndTransaction(r->card, SCARD_LEAVE_CARD);
}

enum reader_result reader_exchange(struct reader *r, const uint8_t *in, size_t len, uint8_t *out, size_t *out_len)
{
    DWORD got = *out_len;
    LONG rv = r->connected ? SCardTransmit(r->card, SCARD_PCI_T1, in, len, NULL, out, &got) : SCARD_E_NO_SMARTCARD;
    enum reader_result result = result_of(rv);
    *out_len = result == READER_OK && got <= *out_len ? got : 0;
    if (result != READER_OK)
        disconnect(r);
    return result;
}
