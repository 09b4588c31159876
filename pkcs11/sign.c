#include "pkcs11/sign.h"

#include <openssl/evp.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "pkcs11/ckr.h"

/* Several threads may find out about one loss one after the other. Busy is asked again more often, and after a pause; one does
 * not count for the other. */
enum { TRIES = 5, TRIES_BUSY = 10, PAUSE_MS = 20 };

/* Tokens show CKA_END_DATE and sign on (SoftHSM does): we are the ones who keep to it. Dates are UTC; the last day counts. */
static bool is_over(const struct key *k)
{
    char today[9];
    time_t now = (time_t)clock_wall_s();
    struct tm tm;
    if (k->end_date[0] == '\0' || gmtime_r(&now, &tm) == NULL || strftime(today, sizeof today, "%Y%m%d", &tm) != 8)
        return false;
    return strcmp(today, k->end_date) > 0;
}

/* RFC 8017 §9.2 note 1: DigestInfo of SHA-256, for tokens that do not hash. */
static size_t digest_info(struct bytes data, uint8_t out[19 + 32])
{
    static const uint8_t prefix[19] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                       0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    memcpy(out, prefix, sizeof prefix);
    return EVP_Digest(data.data, data.len, out + sizeof prefix, NULL, EVP_sha256(), NULL) == 1 ? 19 + 32 : 0;
}

/* The handle for this session's epoch, found again if the last one belongs to another. */
static int handle_for(struct token *t, struct key *k, CK_SESSION_HANDLE session, uint64_t epoch, CK_OBJECT_HANDLE *handle,
                      CK_RV *rv, struct buf *why)
{
    int err = ZEGEL_OK;
    pthread_mutex_lock(&k->lock);
    if (k->epoch != epoch) {
        err = key_find_again(t, session, k, &k->private_handle, rv, why);
        k->epoch = err == ZEGEL_OK ? epoch : 0;
    }
    *handle = k->private_handle;
    pthread_mutex_unlock(&k->lock);
    return err;
}

/* One try. *rv is what the token said last. */
static int sign_once(struct token *t, struct key *k, struct bytes data, int64_t deadline_ms, uint8_t sig[SIGN_MAX],
                     size_t *sig_len, CK_RV *rv, struct buf *why)
{
    CK_MECHANISM mechanism = {k->mechanism, NULL, 0};
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE handle;
    CK_ULONG len = SIGN_MAX;
    uint64_t epoch;
    *rv = CKR_OK;
    int err = token_acquire(t, deadline_ms, &session, &epoch, why);
    if (err != ZEGEL_OK)
        return err;
    err = handle_for(t, k, session, epoch, &handle, rv, why);
    if (err == ZEGEL_OK) {
        const char *call = "C_SignInit";
        *rv = t->module->f->C_SignInit(session, &mechanism, handle);
        if (*rv == CKR_OK) {
            call = "C_Sign";
            *rv = t->module->f->C_Sign(session, (CK_BYTE *)(uintptr_t)data.data, data.len, sig, &len);
        }
        if (*rv != CKR_OK) {
            buf_addf(why, "key %s: %s: %s; %s", k->label, call, ckr_name(*rv), ckr_advice(*rv));
            err = ckr_to_err(*rv);
        } else if (len > SIGN_MAX) {
            buf_addf(why, "key %s: C_Sign says its signature has %lu octets", k->label, len);
            err = ZEGEL_ERR_MODULE;
        }
    }
    token_release(t, session, epoch, *rv);
    *sig_len = len;
    return err;
}

static bool worth_another_try(CK_RV rv)
{
    switch (ckr_classify(rv)) {
    case CKR_CLASS_NEW_SESSION:
    case CKR_CLASS_STALE_HANDLE:
    case CKR_CLASS_LOGIN_AGAIN:
    case CKR_CLASS_BUSY:
    case CKR_CLASS_TOKEN_GONE: return true;
    case CKR_CLASS_OK:
    case CKR_CLASS_KEY_UNUSABLE:
    case CKR_CLASS_PIN:
    case CKR_CLASS_MODULE_BROKEN: return false;
    }
    return false;
}

static void pause_ms(long ms)
{
    struct timespec ts = {.tv_sec = 0, .tv_nsec = ms * 1000000};
    (void)nanosleep(&ts, NULL);
}

static int sign_data(struct token *t, struct key *k, struct bytes data, int64_t deadline_ms, uint8_t sig[SIGN_MAX],
                     size_t *sig_len, struct buf *why)
{
    uint8_t info[19 + 32];
    CK_RV rv = CKR_OK;
    int err = ZEGEL_OK;
    if (is_over(k)) {
        buf_addf(why, "key %s: its CKA_END_DATE %s is over; rotate it", k->label, k->end_date);
        return ZEGEL_ERR_KEY_UNUSABLE;
    }
    if (k->mechanism == CKM_RSA_PKCS) {
        data = bytes_of(info, digest_info(data, info));
        if (data.len == 0)
            return ZEGEL_ERR_NOMEM;
    }
    for (int tries = 0, busy_tries = 0;;) {
        buf_clear(why);
        err = sign_once(t, k, data, deadline_ms, sig, sig_len, &rv, why);
        bool busy = ckr_classify(rv) == CKR_CLASS_BUSY;
        if (err == ZEGEL_OK || !worth_another_try(rv) || clock_left_ms(deadline_ms) == 0 ||
            (busy ? ++busy_tries == TRIES_BUSY : ++tries == TRIES))
            break;
        if (busy)
            pause_ms(PAUSE_MS);
    }
    /* What new sessions do not mend, a new process may. */
    if (err != ZEGEL_OK && ckr_classify(rv) == CKR_CLASS_NEW_SESSION)
        err = ZEGEL_ERR_MODULE;
    return err;
}

int sign_block(struct token *t, struct key *k, struct bytes block, int64_t deadline_ms, uint8_t sig[SIGN_MAX], size_t *sig_len,
               struct buf *why)
{
    uint8_t hash[32];
    if (k->mechanism != CKM_EDDSA)
        return sign_data(t, k, block, deadline_ms, sig, sig_len, why);
    if (EVP_Digest(block.data, block.len, hash, NULL, EVP_sha256(), NULL) != 1)
        return ZEGEL_ERR_NOMEM;
    return sign_data(t, k, bytes_of(hash, sizeof hash), deadline_ms, sig, sig_len, why);
}

int sign_text(struct token *t, struct key *k, struct bytes text, int64_t deadline_ms, uint8_t sig[SIGN_MAX], size_t *sig_len,
              struct buf *why)
{
    if (k->mechanism == CKM_ZEGEL_EDDSA_SHA256) {
        buf_addf(why, "key %s: the token lets it sign mail, nothing else; use a key of policy blind", k->label);
        return ZEGEL_ERR_KEY_UNUSABLE;
    }
    return sign_data(t, k, text, deadline_ms, sig, sig_len, why);
}
