#include "ceremony/ledger.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "pkcs11/attr.h"
#include "pkcs11/ckr.h"

enum { WITHIN_MS = 20000, ENTRIES_MAX = 1024, VALUE_LEN = 128 };

static char application[] = "zegel ceremony";

struct entry {
    unsigned serial;
    char value[VALUE_LEN + 1]; /* plan hash, then hash of the journal's first line */
};

static int failed(struct token *t, const char *what, CK_RV rv, struct buf *why)
{
    buf_addf(why, "token %s: %s: %s; %s", t->cfg.name, what, ckr_name(rv), ckr_advice(rv));
    return ckr_to_err(rv);
}

static bool read_entry(struct attr_session s, CK_OBJECT_HANDLE o, struct entry *e)
{
    char label[16] = {0}, *end;
    size_t label_len = attr_get(s, o, CKA_LABEL, label, sizeof label - 1).len;
    e->value[attr_get(s, o, CKA_VALUE, e->value, VALUE_LEN).len] = '\0';
    e->serial = (unsigned)strtoul(label, &end, 10);
    return label_len > 0 && *end == '\0' && strlen(e->value) == VALUE_LEN;
}

static int read_all(struct token *t, struct entry **entries, CK_ULONG *count, struct buf *why)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_APPLICATION, application, sizeof application - 1}};
    CK_OBJECT_HANDLE handles[ENTRIES_MAX];
    CK_SESSION_HANDLE session;
    uint64_t epoch;
    *count = 0;
    *entries = NULL;
    int err = token_acquire(t, clock_monotonic_ms() + WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    struct attr_session s = {t->module->f, session};
    CK_RV rv = attr_find(s, template, 2, handles, ENTRIES_MAX, count);
    bool readable = *count <= ENTRIES_MAX && (*entries = calloc(*count + 1, sizeof **entries)) != NULL;
    for (CK_ULONG i = 0; rv == CKR_OK && readable && i < *count; i++)
        readable = read_entry(s, handles[i], &(*entries)[i]);
    token_release(t, session, epoch, rv);
    if (rv != CKR_OK)
        return failed(t, "reading its list of ceremonies", rv, why);
    if (!readable)
        buf_addf(why, "token %s: its list of ceremonies cannot be understood: somebody else wrote in it", t->cfg.name);
    return readable ? ZEGEL_OK : ZEGEL_ERR_REFUSED;
}

int ledger_check(struct token *t, const struct plan *p, const char *plan_hash, const char *open_hash, const char *previous_plan,
                 bool *ours, struct buf *why)
{
    struct entry *entries;
    const struct entry *last = NULL;
    CK_ULONG count;
    int err = read_all(t, &entries, &count, why);
    *ours = false;
    for (CK_ULONG i = 0; err == ZEGEL_OK && entries != NULL && i < count; i++) {
        const struct entry *e = &entries[i];
        if (e->serial == p->serial && strncmp(e->value, plan_hash, 64) == 0 && strcmp(e->value + 64, open_hash) == 0) {
            *ours = true;
        } else if (e->serial >= p->serial) {
            buf_addf(why, "token %s: ceremony %u was held with it already; a plan is used once: prepare one with serial %u",
                     p->token.label, e->serial, e->serial + 1);
            err = ZEGEL_ERR_REFUSED;
        } else if (last == NULL || e->serial > last->serial) {
            last = e;
        }
    }
    if (err == ZEGEL_OK && (last == NULL ? previous_plan[0] != '\0' : strncmp(last->value, previous_plan, 64) != 0)) {
        if (last == NULL)
            buf_addf(why, "token %s: has seen no ceremony, but the plan continues one; is it the right token?", p->token.label);
        else
            buf_addf(why,
                     "token %s: its last ceremony was %u, and the plan does not continue that; set previous to the hash of its "
                     "manifest.json and give --previous",
                     p->token.label, last->serial);
        err = ZEGEL_ERR_REFUSED;
    }
    free(entries);
    return err;
}

int ledger_enter(struct token *t, const struct plan *p, const char *plan_hash, const char *open_hash, struct buf *why)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE o;
    char label[16], value[VALUE_LEN + 1];
    uint64_t epoch;
    (void)snprintf(label, sizeof label, "%010u", p->serial);
    (void)snprintf(value, sizeof value, "%s%s", plan_hash, open_hash);
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_TOKEN, &yes, sizeof yes},
                               {CKA_PRIVATE, &no, sizeof no},
                               {CKA_MODIFIABLE, &no, sizeof no},
                               {CKA_APPLICATION, application, sizeof application - 1},
                               {CKA_LABEL, label, strlen(label)},
                               {CKA_VALUE, value, VALUE_LEN}};
    int err = token_acquire(t, clock_monotonic_ms() + WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    CK_RV rv = t->module->f->C_CreateObject(session, template, sizeof template / sizeof template[0], &o);
    token_release(t, session, epoch, rv);
    return rv == CKR_OK ? ZEGEL_OK : failed(t, "writing down that the plan is used", rv, why);
}
