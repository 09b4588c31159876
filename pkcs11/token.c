#include "pkcs11/token.h"

#include <p11-kit/uri.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "pkcs11/ckr.h"
#include "pkcs11/latch.h"
#include "pkcs11/uri.h"

enum { SLOTS_MAX = 256 };

void token_label(const CK_TOKEN_INFO *info, char out[33])
{
    size_t n = sizeof info->label;
    while (n > 0 && (info->label[n - 1] == ' ' || info->label[n - 1] == '\0'))
        n--;
    memcpy(out, info->label, n);
    out[n] = '\0';
}

/* ---- the slot ---- */

static int find_slot(struct token *t, struct buf *why)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    P11KitUri *uri = NULL;
    unsigned found = 0;
    int err = uri_parse(t->cfg.uri, &uri, why);
    if (err != ZEGEL_OK)
        return err;
    /* A module may look for new slots and tokens only when the list is NULL (PKCS#11 v2.40 §5.5). */
    CK_RV rv = t->module->f->C_GetSlotList(CK_TRUE, NULL, &count);
    count = SLOTS_MAX;
    if (rv == CKR_OK)
        rv = t->module->f->C_GetSlotList(CK_TRUE, slots, &count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        CK_TOKEN_INFO info;
        if (t->module->f->C_GetTokenInfo(slots[i], &info) != CKR_OK || (info.flags & CKF_TOKEN_INITIALIZED) == 0 ||
            !p11_kit_uri_match_token_info(uri, &info))
            continue;
        found++;
        t->slot = slots[i];
        t->info = info;
    }
    p11_kit_uri_free(uri);
    if (rv != CKR_OK) {
        buf_addf(why, "token %s: C_GetSlotList: %s; %s", t->cfg.name, ckr_name(rv), ckr_advice(rv));
        return ckr_to_err(rv);
    }
    if (found == 1)
        return ZEGEL_OK;
    buf_addf(why, "token %s: %s matches %s in %s; %s", t->cfg.name, t->cfg.uri, found == 0 ? "no token" : "more than one token",
             t->module->path, found == 0 ? "plug it in, or see zegel token list" : "add serial= to the URI");
    return found == 0 ? ZEGEL_ERR_TOKEN_GONE : ZEGEL_ERR_USAGE;
}

int token_open(struct module *m, const struct token_config *cfg, struct token **out, struct buf *why)
{
    pthread_condattr_t attr;
    struct token *t = calloc(1, sizeof *t);
    *out = NULL;
    if (t == NULL)
        return ZEGEL_ERR_NOMEM;
    t->module = m;
    t->cfg = *cfg;
    t->cfg.name = strdup(cfg->name);
    t->cfg.uri = strdup(cfg->uri);
    t->cfg.latch_dir = cfg->latch_dir == NULL ? NULL : strdup(cfg->latch_dir);
    t->epoch = 1;
    if (t->cfg.sessions == 0) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        t->cfg.sessions = cpus < 2 ? 2 : (unsigned)cpus;
    }
    if (t->cfg.sessions > TOKEN_SESSIONS_MAX)
        t->cfg.sessions = TOKEN_SESSIONS_MAX;
    bool locked = mlock(t->pin, sizeof t->pin) == 0;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&t->freed, &attr);
    (void)pthread_mutex_init(&t->lock, NULL);
    int err = t->cfg.name == NULL || t->cfg.uri == NULL ? ZEGEL_ERR_NOMEM : locked ? find_slot(t, why) : ZEGEL_ERR_SYSTEM;
    if (!locked)
        buf_addf(why, "token %s: no memory that is never swapped out (mlock); raise LimitMEMLOCK", cfg->name);
    if (err != ZEGEL_OK) {
        token_close(t);
        return err;
    }
    CK_ULONG most = t->info.ulMaxSessionCount;
    if (most != CK_UNAVAILABLE_INFORMATION && most != CK_EFFECTIVELY_INFINITE && most < t->cfg.sessions)
        t->cfg.sessions = (unsigned)most;
    *out = t;
    return ZEGEL_OK;
}

void token_close(struct token *t)
{
    if (t == NULL)
        return;
    for (unsigned i = 0; i < t->idle_count; i++)
        (void)t->module->f->C_CloseSession(t->idle[i]);
    wipe(t->pin, sizeof t->pin);
    (void)munlock(t->pin, sizeof t->pin);
    (void)pthread_cond_destroy(&t->freed);
    (void)pthread_mutex_destroy(&t->lock);
    free((char *)(uintptr_t)t->cfg.name);
    free((char *)(uintptr_t)t->cfg.uri);
    free((char *)(uintptr_t)t->cfg.latch_dir);
    free(t);
}

static int find_again(struct token *t, struct buf *why)
{
    t->idle_count = t->open_count = 0; /* C_Finalize closed them */
    t->logged_in = false;
    t->epoch++;
    return find_slot(t, why);
}

int token_restart(struct token *t, struct token *other, struct buf *why)
{
    int err = module_restart(t->module, why);
    if (err == ZEGEL_OK && other != NULL && other->module != t->module)
        err = module_restart(other->module, why);
    if (err == ZEGEL_OK)
        err = find_again(t, why);
    if (err == ZEGEL_OK && other != NULL)
        err = find_again(other, why);
    return err;
}

/* ---- the login; all with the lock held ---- */

/* What the token itself says about its PIN, without a PIN being sent. */
static int check_pin_flags(struct token *t, struct buf *why)
{
    const char *problem = NULL;
    if (t->module->f->C_GetTokenInfo(t->slot, &t->info) != CKR_OK)
        return ZEGEL_OK; /* C_Login will tell */
    if (t->info.flags & CKF_USER_PIN_LOCKED)
        problem = "the PIN is locked; unlock it with the SO PIN or PUK";
    else if (t->info.flags & CKF_USER_PIN_FINAL_TRY)
        problem = "only one try is left; it is not spent by a machine: log in once by hand";
    else if (t->info.flags & CKF_USER_PIN_TO_BE_CHANGED)
        problem = "the PIN must be changed first";
    else if ((t->info.flags & CKF_USER_PIN_INITIALIZED) == 0)
        problem = "no user PIN is set; run zegel token init";
    if (problem == NULL)
        return ZEGEL_OK;
    buf_addf(why, "token %s: %s", t->cfg.name, problem);
    return ZEGEL_ERR_PIN;
}

static int check_latch(struct token *t, struct buf *why)
{
    if (t->cfg.latch_dir == NULL)
        return ZEGEL_OK;
    enum latch_state state = latch_read(t->cfg.latch_dir, t->cfg.name);
    /* A process that died within C_Login: nobody knows the answer but the token, which counts wrong ones. */
    bool unknown = state == LATCH_TRYING && (t->info.flags & CKF_USER_PIN_COUNT_LOW) != 0;
    if (state == LATCH_OPEN || (state == LATCH_TRYING && !unknown))
        return ZEGEL_OK;
    buf_addf(why, "token %s: the PIN was refused before and is not sent again; correct it, then run zegel token unlatch %s",
             t->cfg.name, t->cfg.name);
    return ZEGEL_ERR_PIN;
}

static CK_RV open_session(struct token *t, CK_SESSION_HANDLE *session)
{
    return t->module->f->C_OpenSession(t->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, session);
}

static int login_locked(struct token *t, CK_SESSION_HANDLE session, struct buf *why)
{
    int err = check_pin_flags(t, why);
    if (err == ZEGEL_OK)
        err = check_latch(t, why);
    if (err == ZEGEL_OK && t->cfg.latch_dir != NULL)
        err = latch_write(t->cfg.latch_dir, t->cfg.name, LATCH_TRYING, why);
    if (err != ZEGEL_OK)
        return err;
    CK_RV rv = t->module->f->C_Login(session, CKU_USER, t->cfg.pinpad ? NULL : t->pin, t->cfg.pinpad ? 0 : (CK_ULONG)t->pin_len);
    enum ckr_class class = ckr_classify(rv);
    t->pin_refused = t->pin_refused || class == CKR_CLASS_PIN;
    if (t->pin_refused || t->cfg.ask != NULL) {
        wipe(t->pin, sizeof t->pin);
        t->pin_len = 0;
    }
    if (t->cfg.latch_dir != NULL) {
        struct buf ignored = BUF_INIT; /* LATCH_TRYING already stands there, which errs on the safe side */
        if (class == CKR_CLASS_PIN)
            (void)latch_write(t->cfg.latch_dir, t->cfg.name, LATCH_REJECTED, &ignored);
        else
            (void)latch_write(t->cfg.latch_dir, t->cfg.name, LATCH_OPEN, &ignored);
        buf_free(&ignored);
    }
    if (class == CKR_CLASS_OK) {
        t->logged_in = true;
        t->was_logged_in = true;
        return ZEGEL_OK;
    }
    buf_addf(why, "token %s: login: %s; %s", t->cfg.name, ckr_name(rv), ckr_advice(rv));
    if (class == CKR_CLASS_NEW_SESSION && t->was_logged_in)
        return ZEGEL_ERR_MODULE; /* OpenSC cannot log in to a card that was exchanged; a new process may */
    return class == CKR_CLASS_LOGIN_AGAIN ? ZEGEL_ERR_PIN : ckr_to_err(rv);
}

/* One process at a time: two with the same wrong PIN must not both send it. */
static int login_on(struct token *t, CK_SESSION_HANDLE session, struct buf *why)
{
    if (t->cfg.latch_dir == NULL)
        return login_locked(t, session, why);
    int lock = latch_lock(t->cfg.latch_dir, t->cfg.name, why);
    if (lock < 0)
        return ZEGEL_ERR_SYSTEM;
    int err = login_locked(t, session, why);
    (void)close(lock);
    return err;
}

/* What was refused is not sent again until somebody has said so: zegel token unlatch, which opens the latch. */
static bool is_refused(struct token *t)
{
    if (t->pin_refused && t->cfg.latch_dir != NULL && latch_read(t->cfg.latch_dir, t->cfg.name) == LATCH_OPEN)
        t->pin_refused = false;
    return t->pin_refused;
}

static int have_pin(struct token *t, struct buf *why)
{
    if (t->pin_len > 0 || t->cfg.pinpad)
        return ZEGEL_OK;
    if (is_refused(t) || t->cfg.ask == NULL) {
        buf_addf(why, "token %s: not logged in, and no PIN that may be sent", t->cfg.name);
        return ZEGEL_ERR_PIN;
    }
    t->pin_len = t->cfg.ask(t->cfg.ask_arg, t->pin);
    if (t->pin_len > 0)
        return ZEGEL_OK;
    buf_addf(why, "token %s: the PIN for another login did not come", t->cfg.name);
    return ZEGEL_ERR_SYSTEM;
}

/* A new session, logged in. The login belongs to the application, not the session (PKCS#11 v2.40 §5.6): only the first
 * needs one, and one that outlives all sessions is checked for. */
static int new_session(struct token *t, CK_SESSION_HANDLE *session, struct buf *why)
{
    CK_SESSION_INFO info;
    CK_RV rv = open_session(t, session);
    if (rv != CKR_OK) {
        buf_addf(why, "token %s: C_OpenSession: %s; %s", t->cfg.name, ckr_name(rv), ckr_advice(rv));
        return ckr_to_err(rv);
    }
    rv = t->module->f->C_GetSessionInfo(*session, &info);
    bool user = rv == CKR_OK && info.state == CKS_RW_USER_FUNCTIONS;
    if (user)
        return ZEGEL_OK;
    t->logged_in = false;
    int err = have_pin(t, why);
    if (err == ZEGEL_OK)
        err = login_on(t, *session, why);
    if (err != ZEGEL_OK)
        (void)t->module->f->C_CloseSession(*session);
    return err;
}

int token_login(struct token *t, struct bytes pin, struct buf *why)
{
    CK_SESSION_HANDLE session;
    if (pin.len > TOKEN_PIN_MAX) {
        buf_addf(why, "token %s: PIN longer than %d octets", t->cfg.name, TOKEN_PIN_MAX);
        return ZEGEL_ERR_PIN;
    }
    pthread_mutex_lock(&t->lock);
    if (pin.len > 0)
        memcpy(t->pin, pin.data, pin.len);
    t->pin_len = pin.len;
    int err = new_session(t, &session, why);
    if (err == ZEGEL_OK) {
        t->idle[t->idle_count++] = session; /* kept: closing the last session would log out */
        t->open_count++;
    }
    pthread_mutex_unlock(&t->lock);
    return err;
}

/* ---- the pool ---- */

static struct timespec timespec_of(int64_t ms)
{
    return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

int token_acquire(struct token *t, int64_t deadline_ms, CK_SESSION_HANDLE *session, uint64_t *epoch, struct buf *why)
{
    struct timespec until = timespec_of(deadline_ms);
    int err = ZEGEL_OK;
    pthread_mutex_lock(&t->lock);
    while (t->idle_count == 0 && t->open_count >= t->cfg.sessions && err == ZEGEL_OK)
        if (pthread_cond_timedwait(&t->freed, &t->lock, &until) != 0)
            err = ZEGEL_ERR_TIMEOUT;
    if (err == ZEGEL_OK && t->idle_count > 0) {
        *session = t->idle[--t->idle_count];
    } else if (err == ZEGEL_OK) {
        err = new_session(t, session, why);
        if (err == ZEGEL_ERR_TOKEN_GONE) { /* back, perhaps in another slot? */
            buf_clear(why);
            err = find_slot(t, why);
            if (err == ZEGEL_OK)
                err = new_session(t, session, why);
        }
        if (err == ZEGEL_OK)
            t->open_count++;
    } else {
        buf_addf(why, "token %s: all %u sessions busy until the deadline", t->cfg.name, t->cfg.sessions);
    }
    *epoch = t->epoch;
    pthread_mutex_unlock(&t->lock);
    return err;
}

/* Handles found before are not to be used again; idle sessions are given up, since they will have shared the fate. */
static void new_epoch(struct token *t)
{
    t->epoch++;
    while (t->idle_count > 0) {
        (void)t->module->f->C_CloseSession(t->idle[--t->idle_count]);
        t->open_count--;
    }
}

/* Closing the last session would log out, and with the login the handles of private objects die (PKCS#11 v2.40 §5.6): another one
 * is opened first. */
static void give_up(struct token *t, CK_SESSION_HANDLE session)
{
    CK_SESSION_HANDLE next;
    bool last = t->open_count == 1, replaced = last && open_session(t, &next) == CKR_OK;
    (void)t->module->f->C_CloseSession(session);
    if (replaced) {
        t->idle[t->idle_count++] = next;
        return;
    }
    t->open_count--;
    if (last)
        t->epoch++;
}

void token_release(struct token *t, CK_SESSION_HANDLE session, uint64_t epoch, CK_RV rv)
{
    pthread_mutex_lock(&t->lock);
    bool keep = epoch == t->epoch, dead = false;
    switch (ckr_classify(rv)) {
    case CKR_CLASS_OK: break;
    case CKR_CLASS_KEY_UNUSABLE:
    case CKR_CLASS_BUSY:
        keep = false; /* an operation may still be active in it */
        break;
    case CKR_CLASS_STALE_HANDLE:
        keep = false;
        if (epoch == t->epoch)
            t->epoch++;
        break;
    case CKR_CLASS_NEW_SESSION:
    case CKR_CLASS_LOGIN_AGAIN:
    case CKR_CLASS_TOKEN_GONE:
    case CKR_CLASS_PIN:
    case CKR_CLASS_MODULE_BROKEN:
        keep = false;
        dead = true;
        if (epoch == t->epoch)
            new_epoch(t);
        break;
    }
    if (keep) {
        t->idle[t->idle_count++] = session;
    } else if (!dead) {
        give_up(t, session);
    } else {
        (void)t->module->f->C_CloseSession(session);
        t->open_count--;
    }
    pthread_cond_signal(&t->freed);
    pthread_mutex_unlock(&t->lock);
}
