#include "pkcs11/key.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "pkcs11/attr.h"
#include "pkcs11/ckr.h"
#include "pkcs11/spki.h"
#include "pkcs11/uri.h"

enum { FIND_WITHIN_MS = 10000, OBJECTS_MAX = 4096, MODULUS_MAX = 1024 };

static struct attr_session session_of(const struct token *t, CK_SESSION_HANDLE session, CK_RV *lost)
{
    return (struct attr_session){.f = t->module->f, .session = session, .lost = lost};
}

/* ---- reading one pair ---- */

static int find_public_half(struct attr_session s, const struct key *k, CK_OBJECT_HANDLE *public, struct buf *why)
{
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, (void *)(uintptr_t)k->id, k->id_len}};
    CK_ULONG count;
    CK_RV rv = attr_find(s, template, 2, public, 1, &count);
    attr_answered(s, rv);
    if (rv != CKR_OK) {
        buf_addf(why, "key %s: looking for its public half: %s; %s", k->label, ckr_name(rv), ckr_advice(rv));
        return ckr_to_err(rv);
    }
    if (count == 1)
        return ZEGEL_OK;
    buf_addf(why, "key %s: %lu public keys with its CKA_ID, one is needed", k->label, count);
    return ZEGEL_ERR_KEY_UNUSABLE;
}

static bool read_rsa(struct attr_session s, CK_OBJECT_HANDLE public, struct key *k)
{
    uint8_t n[MODULUS_MAX], e[16];
    struct bytes modulus = attr_get(s, public, CKA_MODULUS, n, sizeof n);
    struct bytes exponent = attr_get(s, public, CKA_PUBLIC_EXPONENT, e, sizeof e);
    while (modulus.len > 0 && modulus.data[0] == 0)
        modulus = bytes_slice(modulus, 1, modulus.len);
    k->type = KEY_RSA;
    k->bits = (unsigned)modulus.len * 8;
    for (uint8_t top = modulus.len > 0 ? modulus.data[0] : 0x80; (top & 0x80) == 0; top = (uint8_t)(top << 1))
        k->bits--;
    k->spki_len = spki_rsa(modulus, exponent, k->spki, sizeof k->spki);
    return modulus.len > 0 && exponent.len > 0 && k->spki_len > 0;
}

static bool read_ed25519(struct attr_session s, CK_OBJECT_HANDLE private, CK_OBJECT_HANDLE public, struct key *k)
{
    uint8_t params_room[64], point_room[128];
    struct bytes params = attr_get(s, public, CKA_EC_PARAMS, params_room, sizeof params_room);
    struct bytes point = attr_get(s, public, CKA_EC_POINT, point_room, sizeof point_room);
    if (params.len == 0)
        params = attr_get(s, private, CKA_EC_PARAMS, params_room, sizeof params_room);
    k->type = KEY_ED25519;
    k->bits = 256;
    k->spki_len = spki_ed25519(params, point, k->spki, sizeof k->spki);
    return k->spki_len > 0;
}

static bool token_has(const struct token *t, CK_MECHANISM_TYPE m)
{
    CK_MECHANISM_INFO info;
    return t->module->f->C_GetMechanismInfo(t->slot, m, &info) == CKR_OK && (info.flags & CKF_SIGN) != 0;
}

static bool key_allows(struct attr_session s, CK_OBJECT_HANDLE private, CK_MECHANISM_TYPE m)
{
    CK_MECHANISM_TYPE allowed[16];
    struct bytes b = attr_get(s, private, CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed);
    for (size_t i = 0; i < b.len / sizeof allowed[0]; i++)
        if (allowed[i] == m)
            return true;
    return b.len == 0; /* not said: all */
}

/* DESIGN §2 rule 7: where the token can hash, it shall. */
static bool choose_mechanism(const struct token *t, struct attr_session s, CK_OBJECT_HANDLE private, struct key *k)
{
    static const CK_MECHANISM_TYPE rsa[] = {CKM_SHA256_RSA_PKCS, CKM_RSA_PKCS}, ed[] = {CKM_ZEGEL_EDDSA_SHA256, CKM_EDDSA};
    const CK_MECHANISM_TYPE *m = k->type == KEY_RSA ? rsa : ed;
    for (size_t i = 0; i < 2; i++)
        if (token_has(t, m[i]) && key_allows(s, private, m[i])) {
            k->mechanism = m[i];
            return true;
        }
    return false;
}

static void read_label(struct attr_session s, CK_OBJECT_HANDLE o, struct key *k)
{
    struct bytes label = attr_get(s, o, CKA_LABEL, k->label, sizeof k->label - 1);
    k->label[label.len] = '\0';
    for (size_t i = 0; i < label.len; i++)
        if ((uint8_t)k->label[i] < ' ')
            k->label[i] = '?';
}

/* CKA_END_DATE of one half into `out`, "" when it has none. False when there is one that the token cannot show: SoftHSM
 * answers CKR_GENERAL_ERROR for a private object's. */
static bool read_date(struct attr_session s, CK_OBJECT_HANDLE o, char out[9])
{
    CK_ATTRIBUTE a = {.type = CKA_END_DATE, .pValue = out, .ulValueLen = 8};
    CK_RV rv = s.f->C_GetAttributeValue(s.session, o, &a, 1);
    attr_answered(s, rv);
    bool none = rv == CKR_ATTRIBUTE_TYPE_INVALID || (rv == CKR_OK && a.ulValueLen != 8);
    out[rv == CKR_OK && !none ? 8 : 0] = '\0';
    return rv == CKR_OK || none;
}

/* The earlier of both halves' dates. False when the only one there is cannot be read: then nobody could keep to it. */
static bool read_end_date(struct attr_session s, CK_OBJECT_HANDLE private, CK_OBJECT_HANDLE public, struct key *k)
{
    char other[9];
    bool readable = read_date(s, private, k->end_date);
    if (!read_date(s, public, other))
        other[0] = '\0';
    if (other[0] != '\0' && (k->end_date[0] == '\0' || strcmp(other, k->end_date) < 0))
        memcpy(k->end_date, other, sizeof other);
    return readable || k->end_date[0] != '\0';
}

static int read_all(struct token *t, struct attr_session s, CK_OBJECT_HANDLE private, struct key *k, struct buf *why)
{
    CK_OBJECT_HANDLE public = 0;
    CK_ULONG type = 0;
    bool readable = false;
    memset(k, 0, sizeof *k);
    (void)pthread_mutex_init(&k->lock, NULL);
    read_label(s, private, k);
    k->id_len = attr_get(s, private, CKA_ID, k->id, sizeof k->id).len;
    if (k->id_len == 0) {
        buf_addf(why, "key %s: has no CKA_ID of 1 to %d octets, so that its public half cannot be told", k->label, KEY_ID_MAX);
        return ZEGEL_ERR_KEY_UNUSABLE;
    }
    int err = find_public_half(s, k, &public, why);
    if (err != ZEGEL_OK)
        return err;
    if (attr_get_ulong(s, private, CKA_KEY_TYPE, &type) && type == CKK_RSA)
        readable = read_rsa(s, public, k);
    else if (type == CKK_EC_EDWARDS)
        readable = read_ed25519(s, private, public, k);
    if (!readable) {
        buf_addf(why, "key %s: neither RSA nor Ed25519, or its public half cannot be read", k->label);
        return ZEGEL_ERR_KEY_UNUSABLE;
    }
    if (!choose_mechanism(t, s, private, k)) {
        buf_addf(why, "key %s: token and key allow none of %s", k->label,
                 k->type == KEY_RSA ? "CKM_SHA256_RSA_PKCS and CKM_RSA_PKCS" : "CKM_EDDSA");
        return ZEGEL_ERR_KEY_UNUSABLE;
    }
    if (!read_end_date(s, private, public, k)) {
        buf_addf(why, "key %s: has a CKA_END_DATE that the token cannot show; set it on the public half too", k->label);
        return ZEGEL_ERR_KEY_UNUSABLE;
    }
    k->private_handle = private;
    return ZEGEL_OK;
}

/* Everything about the pair whose private half is `private`. When it cannot be read because the token does not answer, or its
 * handle or the session went stale on the way, *rv says so, and it is no fault of the key. */
static int read_pair(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE private, struct key *k, CK_RV *rv,
                     struct buf *why)
{
    CK_OBJECT_CLASS class;
    CK_ATTRIBUTE a = {.type = CKA_CLASS, .pValue = &class, .ulValueLen = sizeof class};
    *rv = CKR_OK;
    int err = read_all(t, session_of(t, session, rv), private, k, why);
    if (err != ZEGEL_OK && *rv == CKR_OK)
        *rv = t->module->f->C_GetAttributeValue(session, private, &a, 1);
    if (*rv == CKR_OK)
        return err;
    buf_clear(why);
    buf_addf(why, "key %s: reading it: %s; %s", k->label, ckr_name(*rv), ckr_advice(*rv));
    return ckr_to_err(*rv);
}

/* ---- finding ---- */

/* Private objects as the template says. A session that lost its login sees none of them and no error either: that is not
 * "no such key", it is CKR_USER_NOT_LOGGED_IN. Looked twice, since another thread may log in again between look and check. */
static CK_RV find_private(struct attr_session s, CK_ATTRIBUTE *template, CK_ULONG n, CK_OBJECT_HANDLE *found, CK_ULONG max,
                          CK_ULONG *count)
{
    CK_SESSION_INFO info;
    CK_RV rv = CKR_OK;
    *count = 0;
    for (int look = 0; look < 2 && rv == CKR_OK && *count == 0; look++) {
        rv = attr_find(s, template, n, found, max, count);
        if (rv == CKR_OK && *count == 0)
            rv = s.f->C_GetSessionInfo(s.session, &info);
        if (rv == CKR_OK && *count == 0 && info.state != CKS_RW_USER_FUNCTIONS && info.state != CKS_RO_USER_FUNCTIONS)
            rv = CKR_USER_NOT_LOGGED_IN;
    }
    return rv;
}

/* The template for private keys that a URI asks for. Values stay the URI's. */
static CK_ULONG private_template(P11KitUri *uri, CK_OBJECT_CLASS *class, CK_ATTRIBUTE template[3])
{
    CK_ULONG n = 0;
    CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(uri, CKA_LABEL), *id = p11_kit_uri_get_attribute(uri, CKA_ID);
    *class = CKO_PRIVATE_KEY;
    template[n++] = (CK_ATTRIBUTE){CKA_CLASS, class, sizeof *class};
    if (label != NULL)
        template[n++] = *label;
    if (id != NULL)
        template[n++] = *id;
    return n;
}

static int not_one(const char *uri, CK_RV rv, CK_ULONG count, struct buf *why)
{
    if (rv != CKR_OK) {
        buf_addf(why, "key %s: looking for it: %s; %s", uri, ckr_name(rv), ckr_advice(rv));
        return ckr_to_err(rv);
    }
    buf_addf(why, "key %s: %s; see zegel key list", uri, count == 0 ? "not on the token" : "more than one key matches");
    return count == 0 ? ZEGEL_ERR_KEY_GONE : ZEGEL_ERR_KEY_UNUSABLE;
}

int key_find(struct token *t, const char *uri_text, struct key *out, struct buf *why)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_CLASS class;
    CK_OBJECT_HANDLE private = 0;
    CK_ATTRIBUTE template[3];
    CK_ULONG count = 0;
    uint64_t epoch;
    P11KitUri *uri = NULL;
    int err = uri_parse(uri_text, &uri, why);
    if (err != ZEGEL_OK)
        return err;
    CK_ULONG n = private_template(uri, &class, template);
    err = n < 2 ? ZEGEL_ERR_USAGE : token_acquire(t, clock_monotonic_ms() + FIND_WITHIN_MS, &session, &epoch, why);
    if (n < 2)
        buf_addf(why, "key %s: a key URI needs object= or id=", uri_text);
    if (err == ZEGEL_OK) {
        CK_RV rv = find_private(session_of(t, session, NULL), template, n, &private, 1, &count);
        if (rv == CKR_OK && count == 1)
            err = read_pair(t, session, private, out, &rv, why);
        else
            err = not_one(uri_text, rv, count, why);
        if (err == ZEGEL_OK)
            out->epoch = epoch;
        token_release(t, session, epoch, rv);
    }
    p11_kit_uri_free(uri);
    return err;
}

int key_find_again(struct token *t, CK_SESSION_HANDLE session, const struct key *k, CK_OBJECT_HANDLE *handle, CK_RV *rv,
                   struct buf *why)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_ID, (void *)(uintptr_t)k->id, k->id_len},
                               {CKA_LABEL, (void *)(uintptr_t)k->label, strlen(k->label)}};
    CK_ULONG count = 0;
    struct key now;
    *rv = find_private(session_of(t, session, NULL), template, 3, handle, 1, &count);
    if (*rv != CKR_OK || count != 1)
        return not_one(k->label, *rv, count, why);
    int err = read_pair(t, session, *handle, &now, rv, why);
    (void)pthread_mutex_destroy(&now.lock);
    if (err != ZEGEL_OK)
        return err;
    if (bytes_eq(bytes_of(now.spki, now.spki_len), bytes_of(k->spki, k->spki_len)))
        return ZEGEL_OK;
    buf_addf(why, "key %s: the token now has another key of that name; not used", k->label);
    return ZEGEL_ERR_KEY_GONE;
}

int key_list(struct token *t, struct key **keys, size_t *count, struct buf *why)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}};
    CK_SESSION_HANDLE session;
    CK_ULONG found = 0;
    uint64_t epoch;
    *keys = NULL;
    *count = 0;
    int err = token_acquire(t, clock_monotonic_ms() + FIND_WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    CK_OBJECT_HANDLE *handles = calloc(OBJECTS_MAX, sizeof *handles);
    CK_RV rv =
        handles == NULL ? CKR_HOST_MEMORY : find_private(session_of(t, session, NULL), template, 1, handles, OBJECTS_MAX, &found);
    if (found > OBJECTS_MAX)
        found = OBJECTS_MAX;
    if (rv == CKR_OK && (*keys = calloc(found + 1, sizeof **keys)) == NULL)
        rv = CKR_HOST_MEMORY;
    for (CK_ULONG i = 0; rv == CKR_OK && i < found; i++) {
        struct buf ignored = BUF_INIT; /* keys that cannot sign DKIM are not ours to list; what cannot be read now may be */
        if (read_pair(t, session, handles[i], &(*keys)[*count], &rv, &ignored) == ZEGEL_OK)
            (*keys)[(*count)++].epoch = epoch;
        buf_free(&ignored);
    }
    if (rv != CKR_OK) {
        buf_addf(why, "token %s: listing keys: %s; %s", t->cfg.name, ckr_name(rv), ckr_advice(rv));
        err = ckr_to_err(rv);
        free(*keys);
        *keys = NULL;
        *count = 0;
    }
    token_release(t, session, epoch, rv);
    free(handles);
    return err;
}

/* ---- attributes ---- */

int key_attributes(struct token *t, const struct key *k, struct key_attributes *out, struct buf *why)
{
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE o;
    CK_RV rv = CKR_OK;
    uint64_t epoch;
    int err = token_acquire(t, clock_monotonic_ms() + FIND_WITHIN_MS, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    struct attr_session s = session_of(t, session, &rv);
    err = key_find_again(t, session, k, &o, &rv, why);
    if (err == ZEGEL_OK) {
        *out = (struct key_attributes){
            .sensitive = attr_get_bool(s, o, CKA_SENSITIVE),
            .always_sensitive = attr_get_bool(s, o, CKA_ALWAYS_SENSITIVE),
            .extractable = attr_get_bool(s, o, CKA_EXTRACTABLE),
            .never_extractable = attr_get_bool(s, o, CKA_NEVER_EXTRACTABLE),
            .local = attr_get_bool(s, o, CKA_LOCAL),
            .modifiable = attr_get_bool(s, o, CKA_MODIFIABLE),
            .copyable = attr_get_bool(s, o, CKA_COPYABLE),
            .sign = attr_get_bool(s, o, CKA_SIGN),
            .decrypt = attr_get_bool(s, o, CKA_DECRYPT),
            .unwrap = attr_get_bool(s, o, CKA_UNWRAP),
            .derive = attr_get_bool(s, o, CKA_DERIVE),
            .sign_recover = attr_get_bool(s, o, CKA_SIGN_RECOVER),
        };
        out->allowed_count =
            attr_get(s, o, CKA_ALLOWED_MECHANISMS, out->allowed, sizeof out->allowed).len / sizeof out->allowed[0];
        if (rv != CKR_OK) {
            buf_addf(why, "key %s: reading its attributes: %s; %s", k->label, ckr_name(rv), ckr_advice(rv));
            err = ckr_to_err(rv);
        }
    }
    token_release(t, session, epoch, rv);
    return err;
}
