#include "ceremony/tokennote.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "pkcs11/attr.h"
#include "pkcs11/ckr.h"

enum { WITHIN_MS = 20000, NOTES_MAX = 1024 };

static int failed(struct token *t, const char *what, const char *application, CK_RV rv, struct buf *why)
{
    buf_addf(why, "token %s: %s its notes on %s: %s; %s", t->cfg.name, what, application, ckr_name(rv), ckr_advice(rv));
    return ckr_to_err(rv);
}

static CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, const char *text)
{
    return (CK_ATTRIBUTE){type, (void *)(uintptr_t)text, strlen(text)};
}

static bool is_text(const char *text, size_t len)
{
    return len > 0 && strlen(text) == len;
}

static bool read_one(struct attr_session s, CK_OBJECT_HANDLE o, struct tokennote *n)
{
    size_t label = attr_get(s, o, CKA_LABEL, n->label, TOKENNOTE_LABEL_MAX).len;
    size_t value = attr_get(s, o, CKA_VALUE, n->value, TOKENNOTE_VALUE_MAX).len;
    return is_text(n->label, label) && is_text(n->value, value);
}

int tokennote_read(struct token *t, const char *application, struct tokennote **notes, size_t *count, struct buf *why)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, attribute(CKA_APPLICATION, application)};
    CK_OBJECT_HANDLE handles[NOTES_MAX];
    CK_SESSION_HANDLE session;
    CK_ULONG found = 0;
    uint64_t epoch;
    *count = 0;
    *notes = NULL;
    int err = token_acquire(t, clock_monotonic_ms() + WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    CK_RV lost = CKR_OK;
    struct attr_session s = {t->module->f, session, &lost};
    CK_RV rv = attr_find(s, template, 2, handles, NOTES_MAX, &found);
    bool readable = found <= NOTES_MAX && (*notes = calloc(found + 1, sizeof **notes)) != NULL;
    for (CK_ULONG i = 0; rv == CKR_OK && readable && i < found; i++)
        readable = read_one(s, handles[i], &(*notes)[i]);
    if (rv == CKR_OK)
        rv = lost;
    token_release(t, session, epoch, rv);
    if (rv == CKR_OK && readable) {
        *count = found;
        return ZEGEL_OK;
    }
    free(*notes);
    *notes = NULL;
    if (rv != CKR_OK)
        return failed(t, "reading", application, rv, why);
    buf_addf(why, "token %s: its notes on %s cannot be understood: somebody else wrote in them", t->cfg.name, application);
    return ZEGEL_ERR_REFUSED;
}

int tokennote_add(struct token *t, const char *application, const char *label, const char *value, struct buf *why)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE o;
    uint64_t epoch;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes},           {CKA_PRIVATE, &no, sizeof no},
        {CKA_MODIFIABLE, &no, sizeof no},  attribute(CKA_APPLICATION, application), attribute(CKA_LABEL, label),
        attribute(CKA_VALUE, value)};
    int err = token_acquire(t, clock_monotonic_ms() + WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    CK_RV rv = t->module->f->C_CreateObject(session, template, sizeof template / sizeof template[0], &o);
    token_release(t, session, epoch, rv);
    return rv == CKR_OK ? ZEGEL_OK : failed(t, "adding to", application, rv, why);
}
