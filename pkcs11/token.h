/* token: a slot found by RFC 7512 URI, the login, and a bounded pool of sessions. Thread-safe but for open and close.
 *
 * After any loss of session or login: new session, log in, find the key again and compare its public key. No handle
 * outlives the `epoch` it was found in. */
#ifndef ZEGEL_TOKEN_H
#define ZEGEL_TOKEN_H

#include <pthread.h>
#include <stdbool.h>

#include "base/buf.h"
#include "pkcs11/module.h"

enum { TOKEN_SESSIONS_MAX = 256, TOKEN_PIN_MAX = 255 };

/* Puts the PIN into `pin` and returns its length; 0: none to be had now. */
typedef size_t token_ask_pin(void *arg, uint8_t pin[TOKEN_PIN_MAX]);

struct token_config {
    const char *name;      /* for messages and for the PIN latch */
    const char *uri;       /* RFC 7512 */
    const char *latch_dir; /* STATE/pin; NULL: no latch (SO login, tests) */
    unsigned sessions;     /* most sessions at once; 0: as many as processors, at least 2 */
    bool pinpad;           /* CKF_PROTECTED_AUTHENTICATION_PATH: log in with a NULL PIN */
    token_ask_pin *ask;    /* then the PIN is wiped after each login and asked for before the next; NULL: it is kept */
    void *ask_arg;
};

struct token {
    struct module *module;
    struct token_config cfg;
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    CK_SESSION_HANDLE idle[TOKEN_SESSIONS_MAX]; /* logged in, waiting */
    unsigned idle_count, open_count;
    uint64_t epoch; /* grows whenever handles may have died */
    bool logged_in, was_logged_in;
    uint8_t pin[TOKEN_PIN_MAX + 1]; /* locked in memory by token_open, wiped by token_close */
    size_t pin_len;
    bool pin_refused; /* by the token: not asked for again */
};

/* Find the slot. ZEGEL_ERR_TOKEN_GONE when no token matches, ZEGEL_ERR_USAGE for a bad URI or two matches. */
int token_open(struct module *m, const struct token_config *cfg, struct token **out, struct buf *why);
void token_close(struct token *t);

/* Log in with `pin` (copied; empty: asked for), once: the latch is written before C_Login, and a latched token is refused without
 * a call. Also refused when the token says FINAL_TRY, LOCKED or TO_BE_CHANGED. ZEGEL_ERR_PIN is for ever. */
int token_login(struct token *t, struct bytes pin, struct buf *why);

/* Borrow a session; waits until `deadline_ms` (monotonic). `epoch` is the one its handles belong to. */
int token_acquire(struct token *t, int64_t deadline_ms, CK_SESSION_HANDLE *session, uint64_t *epoch, struct buf *why);
/* Give it back; `rv` of the last call decides whether it is kept, and whether the epoch or the login ended. */
void token_release(struct token *t, CK_SESSION_HANDLE session, uint64_t epoch, CK_RV rv);

/* The module of `t`, and of `other` when it is not NULL, started anew, for what it shows only then: OpenSC, what another program
 * did to a card, and what a key is that it made itself. No session may be borrowed. The next one logs in again, with the PIN
 * kept. */
int token_restart(struct token *t, struct token *other, struct buf *why);

/* Token label without padding, as a C string in `out`. */
void token_label(const CK_TOKEN_INFO *info, char out[33]);

#endif
