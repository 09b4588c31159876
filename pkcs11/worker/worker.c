#include "worker/worker.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "ipc/control.h"
#include "ipc/signer_token.h"
#include "figures/figures.h"
#include "pkcs11/choice.h"
#include "pkcs11/latch.h"
#include "pkcs11/sign.h"
#include "worker/confine.h"
#include "worker/keys.h"

enum {
    THREADS_MAX = 256,
    THREADS_AUTO_MIN = 2,
    WATCH_EVERY_MS = 100,
    SHOW_EVERY = 10,     /* turns of the watch */
    GRACE_MS = 200,      /* a call may overrun its deadline by this much */
    OPEN_DEADLINES = 3,  /* loading, logging in and finding the keys may take so many deadlines */
    TOKEN_AGAIN_MS = 50, /* look for an absent token after this, and then less and less often */
    TOKEN_AGAIN_MAX_MS = 500,
    LOGIN_AGAIN_MS = 3000,     /* the PIN is sent each time */
    GONE_MS = 1000,            /* a token that was there and is missed so long is looked for by a fresh process */
    GONE_BUSY_MS = 3000,       /* or so long, while one of its threads may just be finding it: another login for nothing */
    PREFERRED_AGAIN_MS = 5000, /* while another card is in use: is the preferred one there now? */
    PIN_MAX = TOKEN_PIN_MAX,
    PIN_WITHIN_S = 3,
    KEPT_MAX = 4096, /* of the keys looked for at start: with its label and public half each takes 2 KiB */
};

/* A socket to a signer, kept open by those who use it. */
struct peer {
    int fd;
    _Atomic unsigned users;
};

/* What one signing thread is doing; 0: nothing. Read by the watchdog. */
struct thread {
    struct worker *worker;
    struct peer *peer; /* whom it asks for work; NULL: nobody yet */
    pthread_t id;
    _Atomic int64_t overdue_ms; /* monotonic */
    bool lost;                  /* the card it had for the last request is there no more */
};

struct worker {
    char *token_name;
    uint8_t pin[PIN_MAX + 1];
    size_t pin_len; /* 0 but between its hand-over and the login */
    pthread_mutex_t pin_lock;
    pthread_cond_t pin_changed;
    struct config *config;
    const struct config_token *token_config;
    struct keys keys;

    pthread_mutex_t token_lock; /* for the three below and the state */
    struct module *module;
    struct token *token; /* NULL: see state_err */
    bool preferred;      /* it is reached by the module of prefer: */
    bool latched;        /* not logged in, since a PIN was refused and nobody has said zegel token unlatch */
    int state_err;
    char state_reason[300];
    _Atomic int64_t missed_ms; /* monotonic: since when requests have found no token; 0: the last one found it */

    pthread_mutex_t peer_lock; /* to change it */
    pthread_cond_t peer_changed;
    _Atomic(struct peer *) peer; /* NULL: none now */

    struct thread threads[THREADS_MAX];
    unsigned threads_count;
    _Atomic int64_t opening_overdue_ms; /* of whoever loads the module and logs in; 0: nobody does */
    _Atomic int64_t looking_overdue_ms; /* of whoever looks for the keys at start */
};

struct worker *worker_new(const char *token_name)
{
    struct worker *w = calloc(1, sizeof *w);
    if (w == NULL || (w->token_name = strdup(token_name)) == NULL) {
        free(w);
        return NULL;
    }
    w->state_err = ZEGEL_ERR_TOKEN_GONE;
    (void)snprintf(w->state_reason, sizeof w->state_reason, "token %s: not opened yet", token_name);
    (void)mlock(w->pin, sizeof w->pin); /* token_open says so where that is not permitted */
    pthread_mutex_init(&w->token_lock, NULL);
    pthread_mutex_init(&w->peer_lock, NULL);
    pthread_mutex_init(&w->keys.lock, NULL);
    pthread_cond_init(&w->peer_changed, NULL);
    pthread_mutex_init(&w->pin_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->pin_changed, &monotonic);
    return w;
}

_Noreturn void worker_exit(struct worker *w, int status)
{
    wipe(w->pin, sizeof w->pin);
    _exit(status);
}

void worker_set_pin(struct worker *w, struct bytes pin)
{
    pthread_mutex_lock(&w->pin_lock);
    w->pin_len = pin.len < PIN_MAX ? pin.len : PIN_MAX;
    memcpy(w->pin, pin.data, w->pin_len);
    pthread_cond_broadcast(&w->pin_changed);
    pthread_mutex_unlock(&w->pin_lock);
}

/* token_ask_pin: what the supervisor has handed over, or will when asked. It is in here from then until the login. */
static size_t ask_pin(void *arg, uint8_t pin[TOKEN_PIN_MAX])
{
    struct worker *w = arg;
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PIN_WITHIN_S;
    pthread_mutex_lock(&w->pin_lock);
    if (w->pin_len == 0)
        (void)control_send(CONTROL_FD, CONTROL_NEED_PIN, w->token_name, -1);
    while (w->pin_len == 0 && pthread_cond_timedwait(&w->pin_changed, &w->pin_lock, &until) == 0)
        ;
    size_t len = w->pin_len;
    memcpy(pin, w->pin, len);
    wipe(w->pin, sizeof w->pin);
    w->pin_len = 0;
    pthread_mutex_unlock(&w->pin_lock);
    return len;
}

/* A signer that has a choice does not wait for one that is still logging in. */
static void say_logged_in(struct worker *w, int peer)
{
    uint8_t room[64];
    struct packer p = {.data = room, .cap = sizeof room};
    struct token_reply hello = {.id = TOKEN_REPLY_LOGGED_IN, .err = ZEGEL_OK};
    if (pthread_mutex_trylock(&w->token_lock) != 0)
        return; /* it is being opened */
    bool logged_in = w->state_err == ZEGEL_OK;
    pthread_mutex_unlock(&w->token_lock);
    if (logged_in && token_reply_pack(&hello, &p))
        (void)io_send(peer, bytes_of(p.data, p.len), -1);
}

static void peer_release(struct peer *p)
{
    if (p == NULL || atomic_fetch_sub(&p->users, 1) > 1)
        return;
    (void)close(p->fd);
    free(p);
}

void worker_set_peer(struct worker *w, int fd)
{
    struct peer *p = malloc(sizeof *p);
    if (p == NULL) {
        log_error("token %s: out of memory for a new signer", w->token_name);
        worker_exit(w, EX_OSERR); /* a fresh process gets one */
        return;
    }
    *p = (struct peer){.fd = fd, .users = 1};
    say_logged_in(w, fd);
    pthread_mutex_lock(&w->peer_lock);
    peer_release(w->peer);
    w->peer = p;
    pthread_cond_broadcast(&w->peer_changed);
    pthread_mutex_unlock(&w->peer_lock);
}

/* Waits until there is a signer, and has the thread ask that one from now on. */
static void follow_peer(struct thread *th)
{
    struct worker *w = th->worker;
    peer_release(th->peer);
    pthread_mutex_lock(&w->peer_lock);
    while (w->peer == NULL)
        pthread_cond_wait(&w->peer_changed, &w->peer_lock);
    th->peer = w->peer;
    th->peer->users++;
    pthread_mutex_unlock(&w->peer_lock);
}

/* The signer is gone: whoever finds that out first forgets it. */
static void forget_peer(struct worker *w, const struct peer *p)
{
    pthread_mutex_lock(&w->peer_lock);
    if (w->peer == p) {
        peer_release(w->peer);
        w->peer = NULL;
    }
    pthread_mutex_unlock(&w->peer_lock);
}

int worker_set_config(struct worker *w, struct bytes yaml, struct buf *why)
{
    struct config *c = NULL;
    int err = config_parse("configuration", yaml, &c, why);
    if (err != ZEGEL_OK)
        return err;
    for (unsigned i = 0; i < c->tokens_count; i++) {
        if (strcmp(c->tokens[i].name, w->token_name) != 0)
            continue;
        err = keys_set_config(&w->keys, c, i);
        if (w->config != NULL) { /* reload: the token itself stays (the supervisor has compared) */
            config_free(c);
            return err;
        }
        w->config = c;
        w->token_config = &c->tokens[i];
        return err;
    }
    config_free(c);
    buf_addf(why, "token %s is not in the configuration", w->token_name);
    return ZEGEL_ERR_CONFIG;
}

int worker_set_previous(struct worker *w, struct bytes yaml, struct buf *why)
{
    struct config *c = NULL;
    int err = config_parse("configuration", yaml, &c, why);
    if (err != ZEGEL_OK)
        return err;
    for (unsigned i = 0; i < c->tokens_count && err == ZEGEL_OK; i++)
        if (strcmp(c->tokens[i].name, w->token_name) == 0)
            err = keys_set_previous(&w->keys, c, i);
    config_free(c);
    return err;
}

/* ---- the token ---- */

/* Lock held. */
static bool is_fallback(const struct worker *w)
{
    return w->token_config->prefer.module != NULL && w->token != NULL && !w->preferred;
}

/* Says a state once, not with every attempt. Lock held. */
static void set_state(struct worker *w, int err, const char *reason)
{
    if (err != ZEGEL_OK && strcmp(w->state_reason, reason) != 0)
        log_error("%s", reason);
    if (err == ZEGEL_OK && w->state_err != ZEGEL_OK)
        log_info("token %s: logged in%s%s", w->token_name, w->token_config->prefer.module == NULL ? "" : ", through ",
                 w->token_config->prefer.module == NULL ? "" : w->module->path);
    if (err == ZEGEL_OK && w->state_err != ZEGEL_OK && is_fallback(w))
        log_warn("token %s: the module of prefer: shows no such token", w->token_name);
    w->state_err = err;
    figures_set(FIGURE_TOKEN_STATE, -err);
    figures_set(FIGURE_TOKEN_FALLBACK, is_fallback(w));
    (void)snprintf(w->state_reason, sizeof w->state_reason, "%s", reason);
}

static bool is_latched(const struct worker *w)
{
    struct buf dir = BUF_INIT;
    buf_addf(&dir, "%s/pin", w->config->state);
    bool latched = latch_read(buf_cstr(&dir), w->token_name) != LATCH_OPEN;
    buf_free(&dir);
    return latched;
}

static void show_pin(const struct worker *w, CK_FLAGS flags)
{
    int64_t pin = 0;
    if (flags & CKF_USER_PIN_COUNT_LOW)
        pin |= FIGURE_PIN_LOW;
    if (flags & CKF_USER_PIN_FINAL_TRY)
        pin |= FIGURE_PIN_FINAL;
    if (flags & CKF_USER_PIN_LOCKED)
        pin |= FIGURE_PIN_LOCKED;
    if (w->latched)
        pin |= FIGURE_PIN_LATCHED;
    figures_set(FIGURE_TOKEN_PIN, pin);
}

static struct choice choice_of(const struct config_token *t)
{
    return (struct choice){{t->prefer.module, t->prefer.module_sha256, t->prefer.token}, {t->module, t->module_sha256, t->token}};
}

/* Load, find, log in. Lock held. */
static void open_token(struct worker *w)
{
    struct buf why = BUF_INIT, latch = BUF_INIT;
    CK_FLAGS token_flags = 0;
    const struct config_token *t = w->token_config;
    const struct choice choice = choice_of(t);
    atomic_store(&w->opening_overdue_ms, clock_monotonic_ms() + OPEN_DEADLINES * t->deadline_ms);
    buf_addf(&latch, "%s/pin", w->config->state);
    struct token_config cfg = {
        .name = w->token_name,
        .latch_dir = buf_cstr(&latch),
        .sessions = w->threads_count,
        .pinpad = strcmp(t->pin, "pinpad") == 0,
        .ask = ask_pin,
        .ask_arg = w,
    };
    int err = choice_open(&choice, &cfg, &w->module, &w->token, &w->preferred, &why);
    if (err == ZEGEL_OK)
        err = token_login(w->token, bytes_of(NULL, 0), &why);
    if (w->token != NULL)
        token_flags = w->token->info.flags;
    if (err != ZEGEL_OK && w->token != NULL) {
        token_close(w->token);
        w->token = NULL;
    }
    atomic_store(&w->opening_overdue_ms, 0);
    w->latched = err == ZEGEL_ERR_PIN && is_latched(w);
    show_pin(w, token_flags);
    set_state(w, err, buf_cstr(&why));
    buf_free(&why);
    buf_free(&latch);
}

/* A refused PIN is not tried again unless a custodian has said so since, and a module that does not load will not do so later.
 * Absence may pass by itself, and so may whatever else kept the token from taking the login: OpenSC says CKR_GENERAL_ERROR of a
 * card that is just being put in. Lock held. */
static bool may_pass(const struct worker *w)
{
    return w->state_err == ZEGEL_ERR_TOKEN_GONE || w->state_err == ZEGEL_ERR_SYSTEM || w->state_err == ZEGEL_ERR_BUSY ||
           (w->latched && !is_latched(w));
}

/* The token that was there is missed, or found. */
static void note_token(struct worker *w, bool found)
{
    int64_t never = 0;
    if (found)
        atomic_store(&w->missed_ms, 0);
    else
        (void)atomic_compare_exchange_strong(&w->missed_ms, &never, clock_monotonic_ms());
}

/* ---- one request ---- */

static int sign(struct thread *th, const struct token_request *in, int64_t deadline_ms, struct token_reply *out, uint8_t *sig,
                struct buf *why)
{
    struct worker *w = th->worker;
    pthread_mutex_lock(&w->token_lock);
    struct token *t = w->token;
    int err = w->state_err;
    if (err != ZEGEL_OK)
        buf_add_str(why, w->state_reason);
    pthread_mutex_unlock(&w->token_lock);
    if (err != ZEGEL_OK)
        return err;
    struct keys_entry *e = keys_get(&w->keys, in->key);
    if (e == NULL) {
        buf_add_str(why, "no such key in the configuration of this token");
        return ZEGEL_ERR_REFUSED;
    }
    err = keys_find(e, t, why);
    th->lost = err == ZEGEL_ERR_TOKEN_GONE;
    if (th->lost)
        note_token(w, false);
    if (err != ZEGEL_OK)
        return err;
    size_t len = 0;
    int64_t begin = clock_monotonic_us();
    err = in->is_text ? sign_text(t, e->key, in->data, deadline_ms, sig, &len, why)
                      : sign_block(t, e->key, in->data, deadline_ms, sig, &len, why);
    th->lost = err == ZEGEL_ERR_TOKEN_GONE || err == ZEGEL_ERR_KEY_GONE;
    note_token(w, err != ZEGEL_ERR_TOKEN_GONE);
    if (err != ZEGEL_OK)
        return err;
    figures_observe(FIGURE_TIME_TOKEN, clock_monotonic_us() - begin);
    out->signature = bytes_of(sig, len);
    out->spki = bytes_of(e->key->spki, e->key->spki_len);
    return ZEGEL_OK;
}

static void serve(struct thread *th, int peer, struct bytes packet)
{
    struct worker *w = th->worker;
    struct token_request in;
    struct token_reply out = {0};
    struct buf why = BUF_INIT;
    uint8_t sig[SIGN_MAX], room[4096];
    struct packer p = {.data = room, .cap = sizeof room};
    if (!token_request_unpack(packet, &in)) {
        log_error("malformed request of %zu octets from the signer; ignored", packet.len);
        return;
    }
    int64_t left = in.left_ms < w->token_config->deadline_ms ? in.left_ms : w->token_config->deadline_ms;
    int64_t deadline = clock_monotonic_ms() + left;
    atomic_store(&th->overdue_ms, deadline + GRACE_MS);
    out.id = in.id;
    out.err = sign(th, &in, deadline, &out, sig, &why);
    if (out.err != ZEGEL_OK && why.len == 0)
        buf_add_str(&why, zegel_strerror(out.err));
    atomic_store(&th->overdue_ms, 0);
    if (out.err != ZEGEL_OK)
        figures_fail(out.err);
    if (out.err == ZEGEL_ERR_MODULE) {
        log_error("token %s: %s; ending this process, a fresh one takes over", w->token_name, buf_cstr(&why));
        worker_exit(w, EX_SOFTWARE); /* no answer: the signer asks the next worker */
    }
    if (out.err != ZEGEL_OK)
        log_warn("token %s: %s", w->token_name, buf_cstr(&why));
    out.reason = bytes_slice(buf_bytes(&why), 0, IPC_REASON_MAX);
    if (token_reply_pack(&out, &p))
        (void)io_send_wait(peer, bytes_of(p.data, p.len), -1, clock_monotonic_ms() + 1000);
    buf_free(&why);
    if (th->lost && w->token_config->prefer.module != NULL) { /* the next card may be one for the other module */
        log_info("token %s: gone; ending this process, a fresh one looks which module has it then", w->token_name);
        worker_exit(w, EX_SOFTWARE);
    }
}

/* The threads wait for requests side by side: the kernel wakes one of them for each. One that waits for the signer before the one
 * there is now does so until that one has ended. */
static void *run(void *arg)
{
    struct thread *th = arg;
    uint8_t *packet = malloc(IO_PACKET_MAX);
    if (packet == NULL)
        worker_exit(th->worker, EX_OSERR);
    for (;;) {
        size_t len = 0;
        if (th->peer == NULL || th->peer != th->worker->peer)
            follow_peer(th);
        int err = io_recv(th->peer->fd, packet, IO_PACKET_MAX, &len, NULL);
        if (err == ZEGEL_OK)
            serve(th, th->peer->fd, bytes_of(packet, len));
        else if (err == ZEGEL_ERR_CLOSED)
            forget_peer(th->worker, th->peer);
    }
    return NULL;
}

static bool is_overdue(const _Atomic int64_t *overdue_ms, int64_t now)
{
    int64_t overdue = atomic_load(overdue_ms);
    return overdue != 0 && now >= overdue;
}

/* Does nothing that could wait for the module: whatever hangs, this thread ends it. */
static void *watch(void *arg)
{
    struct worker *w = arg;
    for (unsigned n = 0;; n++) {
        (void)poll(NULL, 0, WATCH_EVERY_MS);
        if (n % SHOW_EVERY == 0)
            keys_show(&w->keys);
        int64_t now = clock_monotonic_ms();
        bool overdue = is_overdue(&w->opening_overdue_ms, now) || is_overdue(&w->looking_overdue_ms, now);
        for (unsigned i = 0; i < w->threads_count; i++)
            overdue = overdue || is_overdue(&w->threads[i].overdue_ms, now);
        if (!overdue)
            continue;
        log_error("token %s: a call into the module overran its deadline; ending this process", w->token_name);
        worker_exit(w, EX_SOFTWARE);
    }
    return NULL;
}

/* OpenSC signs with the Zegel token too, without a look at what it is: when that came in place of another card, nothing else
 * would tell. Lock held. */
static void look_for_preferred(struct worker *w)
{
    const struct choice choice = choice_of(w->token_config);
    const struct token_config cfg = {.name = w->token_name};
    atomic_store(&w->opening_overdue_ms, clock_monotonic_ms() + OPEN_DEADLINES * w->token_config->deadline_ms);
    bool there = choice_preferred_is_there(&choice, &cfg);
    atomic_store(&w->opening_overdue_ms, 0);
    if (!there)
        return;
    log_info("token %s: the one of prefer: is there; ending this process, a fresh one uses that", w->token_name);
    worker_exit(w, EX_SOFTWARE);
}

static bool is_signing(const struct worker *w)
{
    bool any = false;
    for (unsigned i = 0; i < w->threads_count; i++)
        any = any || atomic_load(&w->threads[i].overdue_ms) != 0;
    return any;
}

/* A module may never show again what it once lost sight of: SoftHSM forgets a token whose file it read while another process was
 * writing it, and looks again at C_Initialize only. */
static void look_for_missed(struct worker *w)
{
    int64_t missed_ms = atomic_load(&w->missed_ms);
    int64_t patience = is_signing(w) ? GONE_BUSY_MS : GONE_MS;
    if (missed_ms == 0 || clock_monotonic_ms() - missed_ms < patience)
        return;
    log_info("token %s: gone; ending this process, a fresh one looks for it", w->token_name);
    worker_exit(w, EX_SOFTWARE);
}

/* Looks for a token that was not there at start, for one that is there no more, and for the preferred one. */
static void *look_for_token(void *arg)
{
    struct worker *w = arg;
    int pause = TOKEN_AGAIN_MS;
    int64_t preferred_ms = 0;
    for (;;) {
        (void)poll(NULL, 0, pause);
        pause = pause * 2 < TOKEN_AGAIN_MAX_MS ? pause * 2 : TOKEN_AGAIN_MAX_MS;
        look_for_missed(w);
        pthread_mutex_lock(&w->token_lock);
        if (is_fallback(w) && clock_monotonic_ms() >= preferred_ms) {
            look_for_preferred(w);
            preferred_ms = clock_monotonic_ms() + PREFERRED_AGAIN_MS;
        }
        if (w->state_err == ZEGEL_ERR_BUSY)
            pause = LOGIN_AGAIN_MS;
        bool again = w->token == NULL && may_pass(w);
        if (again && w->module != NULL) { /* a module shows a token that came later only after C_Finalize, or never */
            module_close(w->module);
            w->module = NULL;
        }
        if (again)
            open_token(w);
        pthread_mutex_unlock(&w->token_lock);
    }
    return NULL;
}

/* Says soon after the start which of the configured keys are not there, instead of with the first message. Messages need not
 * wait for it: with a hundred thousand keys it takes minutes, and each is also looked for by whoever needs it first. */
static void *look_for_keys(void *arg)
{
    struct worker *w = arg;
    size_t count = 0;
    struct keys_entry **all = keys_all(&w->keys, &count);
    for (size_t i = 0; i < count; i++) {
        struct buf why = BUF_INIT;
        atomic_store(&w->looking_overdue_ms, clock_monotonic_ms() + OPEN_DEADLINES * w->token_config->deadline_ms);
        int err = i < KEPT_MAX ? keys_find(all[i], w->token, &why) : keys_look(all[i], w->token, &why);
        if (err != ZEGEL_OK)
            log_error("%s", buf_cstr(&why));
        atomic_store(&w->looking_overdue_ms, 0);
        buf_free(&why);
    }
    free(all);
    return NULL;
}

/* Nobody waits for its end: the process has none but _exit. */
static bool begin_thread(void *(*run_it)(void *), void *arg, pthread_t *id)
{
    return pthread_create(id, NULL, run_it, arg) == 0 && pthread_detach(*id) == 0;
}

int worker_start(struct worker *w)
{
    pthread_t thread;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted = w->token_config->sessions_n > 0 ? w->token_config->sessions_n
                      : cpus > THREADS_AUTO_MIN       ? (unsigned)cpus
                                                      : THREADS_AUTO_MIN;
    w->threads_count = wanted < THREADS_MAX ? wanted : THREADS_MAX;
    if (!confine(w->config, w->token_config))
        return EX_CONFIG;
    if (!begin_thread(watch, w, &thread))
        return EX_OSERR;
    pthread_mutex_lock(&w->token_lock);
    open_token(w);
    pthread_mutex_unlock(&w->token_lock);
    if (w->token != NULL && !begin_thread(look_for_keys, w, &thread))
        return EX_OSERR;
    for (unsigned i = 0; i < w->threads_count; i++) {
        w->threads[i].worker = w;
        if (!begin_thread(run, &w->threads[i], &w->threads[i].id))
            return EX_OSERR;
    }
    return begin_thread(look_for_token, w, &thread) ? EX_OK : EX_OSERR;
}
