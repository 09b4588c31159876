#include "supervisor/family.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "ipc/control.h"
#include "supervisor/pages.h"
#include "supervisor/pin.h"

enum {
    DRAIN_WITHIN_MS = 3000,       /* when we stop, and connections that come meanwhile are refused */
    KEPT_DRAIN_WITHIN_MS = 10000, /* when they wait for the next zegeld */
    STOP_WITHIN_MS = 2000,
    PING_EVERY_MS = 3000,
    PATIENCE_MS = 15000,
    TOKEN_PATIENCE_MS = 90000, /* a login may take long, and has a watchdog of its own */
};

/* ---- who there is ---- */

static bool add(struct supervisor *s, enum child_kind kind, const char *argument, unsigned worker)
{
    char *copy = argument == NULL ? NULL : strdup(argument);
    if (argument != NULL && copy == NULL)
        return false;
    s->children[s->count] = (struct child){.kind = kind, .argument = copy, .worker = worker, .control = -1};
    (void)pages_get(&s->pages, &s->children[s->count++]);
    return true;
}

bool family_plan(struct supervisor *s)
{
    const struct config *c = s->config;
    size_t more = 3 + (size_t)c->tokens_count * CONFIG_WORKERS_MAX + c->listen_count;
    bool verifies = false;
    struct child *room = reallocarray(s->children, s->count + more, sizeof *room);
    if (room == NULL)
        return false;
    s->children = room;
    bool ok = add(s, CHILD_SIGNER, NULL, 0);
    for (unsigned i = 0; ok && i < c->tokens_count; i++)
        for (unsigned worker = 0; ok && worker < c->tokens[i].workers_n; worker++)
            ok = add(s, CHILD_TOKEN, c->tokens[i].name, worker);
    for (unsigned i = 0; ok && i < c->listen_count; i++) {
        bool inbound = config_verifies(c, c->listen[i]);
        verifies = verifies || inbound;
        ok = add(s, inbound ? CHILD_INBOUND : CHILD_MILTER, c->listen[i], 0);
    }
    if (ok && c->status.listen_count > 0)
        ok = add(s, CHILD_STATUS, NULL, 0);
    return ok && (!verifies || add(s, CHILD_RESOLVER, NULL, 0));
}

void family_remove(struct supervisor *s, unsigned i)
{
    free(s->children[i].argument);
    s->children[i] = s->children[--s->count];
}

bool family_all_ready(const struct supervisor *s)
{
    for (unsigned i = 0; i < s->count; i++)
        if (!s->children[i].old && !s->children[i].ready && !s->children[i].fatal)
            return false;
    return true;
}

static const struct config_token *token_of(const struct supervisor *s, const struct child *c)
{
    for (unsigned i = 0; i < s->config->tokens_count; i++)
        if (strcmp(s->config->tokens[i].name, c->argument) == 0)
            return &s->config->tokens[i];
    return NULL;
}

static const char *user_of(const struct supervisor *s, const struct child *c)
{
    const struct config_users *u = &s->config->users;
    switch (c->kind) {
    case CHILD_SIGNER: return u->signer;
    case CHILD_TOKEN: return u->token;
    case CHILD_RESOLVER: return u->resolver;
    case CHILD_STATUS: return u->status;
    case CHILD_MILTER:
    case CHILD_INBOUND: break;
    }
    return u->milter;
}

/* ---- starting ---- */

/* Whom it asks, or is asked by: tokens and signing milters know the signer, verifying ones the resolver, and nobody else. */
static enum child_kind server_of(const struct child *c)
{
    return c->kind == CHILD_INBOUND || c->kind == CHILD_RESOLVER ? CHILD_RESOLVER : CHILD_SIGNER;
}

/* A new socket pair between a signer or resolver and a child, one end to each. Milters go with any of them; a token's worker with
 * the signer of its own generation, which has its configuration. */
static int connect_pair(struct child *server, struct child *c)
{
    char name[CONTROL_NAME_MAX + 1];
    int fds[2];
    if (server->control < 0 || c->control < 0 || (c->kind == CHILD_TOKEN && c->old != server->old))
        return ZEGEL_OK; /* when the missing one is started */
    if (io_pair(fds) != ZEGEL_OK) {
        log_error("socketpair: %s", strerror(errno));
        return ZEGEL_ERR_SYSTEM;
    }
    child_name(c, name);
    int err = control_send(server->control, CONTROL_PEER, name, fds[0]);
    if (err == ZEGEL_OK)
        err = control_send(c->control, CONTROL_PEER, server->kind == CHILD_SIGNER ? "signer" : "resolver", fds[1]);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return err;
}

/* One that did not get what it needs would wait for it for ever: it is started again. */
static void give_up_on(const struct child *c, const char *what)
{
    log_warn("%s could not be given its %s; it is ended", child_program(c), what);
    if (c->pid != 0)
        (void)kill(c->pid, SIGKILL);
}

static void connect_or_end(struct child *server, struct child *c)
{
    int err = connect_pair(server, c);
    if (err != ZEGEL_OK && err != ZEGEL_ERR_CLOSED && !c->old) /* closed: one of them has ended, and its successor comes */
        give_up_on(c, "socket to the next process");
}

static void connect_to_peers(struct supervisor *s, struct child *c)
{
    for (unsigned i = 0; i < s->count && c->kind != CHILD_STATUS; i++) {
        struct child *other = &s->children[i];
        if (other->kind == CHILD_STATUS || server_of(c) != server_of(other))
            continue;
        if (c->kind == server_of(c) && other->kind != c->kind)
            connect_or_end(c, other);
        else if (c->kind != server_of(c) && other->kind == server_of(c))
            connect_or_end(other, c);
    }
}

static int hand_over_pin(struct child *c, const struct config_token *t)
{
    struct buf pin = BUF_INIT, why = BUF_INIT;
    int err = pin_read(t, &pin, &why);
    int fd = err == ZEGEL_OK ? io_pipe_with(buf_bytes(&pin)) : -1;
    if (err != ZEGEL_OK)
        log_error("%s", buf_cstr(&why));
    else
        err = fd < 0 ? ZEGEL_ERR_SYSTEM : control_send(c->control, CONTROL_PIN, t->name, fd);
    if (why.len == 0 && err != ZEGEL_OK && err != ZEGEL_ERR_CLOSED) /* closed: it has ended, and its successor is asked */
        log_error("token %s: its worker did not take the PIN", t->name);
    if (fd >= 0)
        (void)close(fd);
    buf_free(&pin);
    buf_free(&why);
    return err;
}

/* What a process needs before it can be ready. */
static int hand_over(struct supervisor *s, struct child *c)
{
    char serial[16];
    const struct config_token *t = c->kind == CHILD_TOKEN ? token_of(s, c) : NULL;
    int err = t != NULL ? hand_over_pin(c, t) : ZEGEL_OK;
    if (err != ZEGEL_OK)
        return err;
    pages_hand_over(&s->pages, c);
    for (unsigned i = 0; c->kind == CHILD_STATUS && i < s->config->status.listen_count; i++)
        err = control_send(c->control, CONTROL_LISTEN, s->config->status.listen[i],
                           listen_fd(&s->listeners, s->config->status.listen[i]));
    if (child_is_milter(c))
        err = control_send(c->control, CONTROL_LISTEN, c->argument, listen_fd(&s->listeners, c->argument));
    (void)snprintf(serial, sizeof serial, "%u", s->config_serial);
    if (err == ZEGEL_OK)
        err = control_send(c->control, CONTROL_CONFIG, serial, s->config_fd);
    if (err == ZEGEL_OK && (c->kind == CHILD_SIGNER || c->kind == CHILD_TOKEN) && s->previous_fd >= 0)
        err = control_send(c->control, CONTROL_PREVIOUS, "", s->previous_fd);
    return err;
}

int family_start(struct supervisor *s, struct child *c)
{
    int err = child_start(c, s->libexec, user_of(s, c));
    if (err != ZEGEL_OK)
        return err;
    pages_started(c);
    err = hand_over(s, c);
    if (err == ZEGEL_OK)
        connect_to_peers(s, c);
    else if (err != ZEGEL_ERR_CLOSED)
        give_up_on(c, "configuration or PIN");
    return err == ZEGEL_ERR_CLOSED ? ZEGEL_OK : err; /* it has ended: waitpid will say so */
}

void family_start_missing(struct supervisor *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        struct child *c = &s->children[i];
        if (c->pid == 0 && !c->old && !c->waits && !c->fatal && c->start_again_ms <= clock_monotonic_ms())
            (void)family_start(s, c);
    }
}

/* ---- what they say ---- */

bool family_hear(struct supervisor *s, struct child *c)
{
    struct control got;
    int err = control_recv(c->control, &got);
    if (err != ZEGEL_OK)
        return err != ZEGEL_ERR_CLOSED;
    c->heard_ms = clock_monotonic_ms();
    if (got.kind == CONTROL_READY) {
        unsigned long serial = strtoul(got.name, NULL, 10); /* of a configuration; 0 for all else */
        c->ready = c->was_ready = true;
        pages_ready(c, true);
        if (serial > c->config_taken && serial <= s->config_serial)
            c->config_taken = (unsigned)serial;
    }
    const struct config_token *t = got.kind == CONTROL_NEED_PIN && c->kind == CHILD_TOKEN ? token_of(s, c) : NULL;
    if (t != NULL)
        (void)hand_over_pin(c, t);
    if (got.fd >= 0)
        (void)close(got.fd);
    if (!s->announced && s->roll == ROLL_NONE && family_all_ready(s)) {
        s->announced = true;
        log_info("ready: %u domains, %u tokens, %u sockets", s->config->domains_count, s->config->tokens_count,
                 s->config->listen_count);
        (void)sd_notify(0, "READY=1");
    }
    return true;
}

/* What lives answers. What hangs, which waitpid does not tell, is ended and started again. */
void family_ping(struct supervisor *s)
{
    int64_t now = clock_monotonic_ms();
    if (now < s->ping_ms)
        return;
    s->ping_ms = now + PING_EVERY_MS;
    for (unsigned i = 0; i < s->count; i++) {
        struct child *c = &s->children[i];
        int64_t patience = c->kind == CHILD_TOKEN ? TOKEN_PATIENCE_MS : PATIENCE_MS;
        if (c->pid == 0)
            continue;
        if (c->end_by_ms != 0 && now > c->end_by_ms) {
            log_warn("%s (old) has still not ended; it is made to", child_program(c));
            (void)kill(c->pid, SIGKILL);
        } else if (now - c->heard_ms > patience) {
            log_error("%s has not answered for %lld s; it is ended", child_program(c), (long long)(now - c->heard_ms) / 1000);
            (void)kill(c->pid, SIGKILL);
        } else if (c->ready && c->control >= 0) {
            (void)control_send(c->control, CONTROL_PING, "", -1);
        }
    }
    (void)sd_notify(0, "WATCHDOG=1");
}

/* ---- their ends ---- */

static struct child *child_of(struct supervisor *s, pid_t pid)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->children[i].pid == pid)
            return &s->children[i];
    return NULL;
}

bool family_reap(struct supervisor *s)
{
    int status;
    pid_t pid;
    bool ok = true;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *c = child_of(s, pid);
        if (c == NULL)
            continue;
        child_ended(c, status);
        if (!c->old)
            pages_ready(c, false);
        if (c->old)
            family_remove(s, (unsigned)(c - s->children));
        else if (c->fatal && !child_is_spare(c))
            ok = false;
    }
    return ok;
}

static bool runs(struct supervisor *s, enum child_kind kind)
{
    for (unsigned i = 0; i < s->count; i++) {
        struct child *c = &s->children[i];
        if (c->pid != 0 && waitpid(c->pid, NULL, WNOHANG) == c->pid)
            c->pid = 0;
        if (c->pid != 0 && c->kind == kind)
            return true;
    }
    return false;
}

static void signal_all(const struct supervisor *s, enum child_kind kind, int signal)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->children[i].pid != 0 && s->children[i].kind == kind)
            (void)kill(s->children[i].pid, signal);
}

static void wait_for_end(struct supervisor *s, enum child_kind kind, int64_t deadline_ms)
{
    while (runs(s, kind) && clock_left_ms(deadline_ms) > 0)
        (void)poll(NULL, 0, 5);
}

void family_stop(struct supervisor *s)
{
    static const enum child_kind order[] = {CHILD_MILTER, CHILD_INBOUND, CHILD_SIGNER, CHILD_RESOLVER,
                                            CHILD_TOKEN,  CHILD_STATUS}; /* what is under way still finds its signer */
    int within_ms = listen_all_kept(&s->listeners) ? KEPT_DRAIN_WITHIN_MS : DRAIN_WITHIN_MS;
    int64_t drained_ms = clock_monotonic_ms() + within_ms;
    (void)sd_notify(0, "STOPPING=1");
    for (unsigned i = 0; i < s->count; i++)
        if (child_is_milter(&s->children[i]) && s->children[i].control >= 0)
            (void)control_send(s->children[i].control, CONTROL_DRAIN, "", -1);
    wait_for_end(s, CHILD_MILTER, drained_ms);
    wait_for_end(s, CHILD_INBOUND, drained_ms);
    for (size_t k = 0; k < sizeof order / sizeof order[0]; k++) {
        for (unsigned i = 0; i < s->count; i++)
            if (s->children[i].kind == order[k])
                child_hang_up(&s->children[i]);
        wait_for_end(s, order[k], clock_monotonic_ms() + STOP_WITHIN_MS);
        signal_all(s, order[k], SIGKILL);
        wait_for_end(s, order[k], clock_monotonic_ms() + STOP_WITHIN_MS);
    }
}
