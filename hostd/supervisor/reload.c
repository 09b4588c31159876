#include "supervisor/reload.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "figures/figures.h"
#include "ipc/control.h"
#include "supervisor/family.h"
#include "supervisor/roll.h"
#include "supervisor/trust.h"

enum { TAKE_WITHIN_MS = 5000 };

/* Said here, while the old configuration is still there to be kept. */
static int check_resolver(const struct config *c, struct buf *why)
{
    bool verifies = false;
    for (unsigned i = 0; i < c->listen_count; i++)
        verifies = verifies || config_verifies(c, c->listen[i]);
    if (!verifies || c->dns.resolver == NULL || access(c->dns.resolver, R_OK) == 0)
        return ZEGEL_OK;
    buf_addf(why, "dns.resolver: %s: %s", c->dns.resolver, strerror(errno));
    return ZEGEL_ERR_CONFIG;
}

int reload_read(const char *path, struct config **c, int *fd)
{
    struct buf yaml = BUF_INIT, why = BUF_INIT;
    int err = ZEGEL_ERR_CONFIG;
    *fd = -1;
    if (!trust_file(path)) /* it names the library that gets the PIN */
        return err;
    if (config_read(path, &yaml, &why) == ZEGEL_OK)
        err = config_parse(path, buf_bytes(&yaml), c, &why);
    if (err == ZEGEL_OK && (*fd = io_memfd("zegel-config", buf_bytes(&yaml))) < 0) {
        buf_addf(&why, "memfd: %s", strerror(errno));
        config_free(*c);
        err = ZEGEL_ERR_SYSTEM;
    }
    if (err == ZEGEL_OK && ((*c)->listen_count == 0 || (*c)->domains_count == 0)) {
        buf_addf(&why, "%s: listen: and domains: are needed to run", path);
        err = ZEGEL_ERR_CONFIG;
    } else if (err == ZEGEL_OK) {
        err = check_resolver(*c, &why);
    }
    if (err != ZEGEL_OK && *fd >= 0) {
        config_free(*c);
        (void)close(*fd);
    }
    if (err != ZEGEL_OK)
        log_error("%s", buf_cstr(&why));
    buf_free(&yaml);
    buf_free(&why);
    return err;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_list(char *const *a, unsigned a_count, char *const *b, unsigned b_count)
{
    for (unsigned i = 0; i < a_count && a_count == b_count; i++)
        if (!same(a[i], b[i]))
            return false;
    return a_count == b_count;
}

static bool same_token(const struct config_token *a, const struct config_token *b)
{
    return same(a->name, b->name) && same(a->module, b->module) && same(a->module_sha256, b->module_sha256) &&
           same(a->prefer.module, b->prefer.module) && same(a->prefer.module_sha256, b->prefer.module_sha256) &&
           same(a->prefer.token, b->prefer.token) && same(a->token, b->token) && same(a->pin, b->pin) &&
           a->profile == b->profile && a->sessions_n == b->sessions_n && a->workers_n == b->workers_n &&
           a->deadline_ms == b->deadline_ms && same_list(a->read, a->read_count, b->read, b->read_count) &&
           same_list(a->write, a->write_count, b->write, b->write_count);
}

/* What running processes can take: the rest is theirs from their start on. */
static bool same_processes(const struct config *a, const struct config *b)
{
    for (unsigned i = 0; i < a->tokens_count && i < b->tokens_count; i++)
        if (!same_token(&a->tokens[i], &b->tokens[i]))
            return false;
    for (unsigned i = 0; i < a->listen_count; i++)
        if (config_verifies(a, a->listen[i]) != config_verifies(b, a->listen[i]))
            return false;
    return a->tokens_count == b->tokens_count &&
           same_list(a->status.listen, a->status.listen_count, b->status.listen, b->status.listen_count) &&
           same(a->users.status, b->users.status) && same_list(a->listen, a->listen_count, b->listen, b->listen_count) &&
           same(a->users.milter, b->users.milter) && same(a->users.signer, b->users.signer) &&
           same(a->users.token, b->users.token) && same(a->users.resolver, b->users.resolver) &&
           same(a->dns.resolver, b->dns.resolver) && a->landlock_optional == b->landlock_optional;
}

static void wait_taken(struct supervisor *s, struct child *c)
{
    int64_t deadline = clock_monotonic_ms() + TAKE_WITHIN_MS;
    struct pollfd p = {.fd = c->control, .events = POLLIN};
    while (c->config_taken != s->config_serial && clock_left_ms(deadline) > 0 && poll(&p, 1, clock_left_ms(deadline)) > 0 &&
           (p.revents & POLLIN) && family_hear(s, c))
        ;
}

/* Tokens first, then the signer, then the milters: nobody asks for a key that the next one does not know. */
static void tell_all(struct supervisor *s)
{
    static const enum child_kind order[] = {CHILD_TOKEN, CHILD_SIGNER, CHILD_RESOLVER, CHILD_MILTER, CHILD_INBOUND, CHILD_STATUS};
    char serial[16];
    (void)snprintf(serial, sizeof serial, "%u", s->config_serial);
    for (size_t k = 0; k < sizeof order / sizeof order[0]; k++)
        for (unsigned i = 0; i < s->count; i++) {
            struct child *c = &s->children[i];
            if (c->kind != order[k] || c->control < 0 || (c->old && !child_is_milter(c)))
                continue;
            if (control_send(c->control, CONTROL_CONFIG, serial, s->config_fd) == ZEGEL_OK)
                wait_taken(s, c);
        }
}

static void put_in_force(struct supervisor *s, struct config *c, int fd)
{
    figures_count(FIGURE_RELOADS);
    if (s->previous_fd >= 0)
        (void)close(s->previous_fd);
    s->previous_fd = s->config_fd;
    s->config_fd = fd;
    s->config_serial++;
    config_free(s->config);
    s->config = c;
    for (unsigned i = 0; i < s->count; i++)
        if (s->children[i].kind == CHILD_RESOLVER)
            s->children[i].fatal = false; /* its files may have been put right */
}

void reload(struct supervisor *s)
{
    struct config *c = NULL;
    int fd;
    (void)sd_notify(0, "RELOADING=1");
    if (reload_read(s->config_path, &c, &fd) != ZEGEL_OK) {
        log_error("reload: the old configuration stays in force");
        figures_count(FIGURE_RELOADS_FAILED);
    } else if (!same(s->config->state, c->state) || !same(s->config->audit.origin, c->audit.origin) ||
               listen_open(&s->listeners, c) != ZEGEL_OK) {
        log_error("reload: state: or audit.origin: changed, which needs a restart, or a socket cannot be opened; the old "
                  "configuration stays in force");
        listen_prune(&s->listeners, s->config);
        config_free(c);
        (void)close(fd);
    } else if (same_processes(s->config, c)) {
        put_in_force(s, c, fd);
        tell_all(s);
        log_info("configuration reloaded: %u domains", c->domains_count);
    } else {
        put_in_force(s, c, fd);
        if (roll_begin(s)) {
            log_info("configuration reloaded: %u domains; tokens:, listen:, verify:, dns: or users: changed, so all processes "
                     "are replaced",
                     c->domains_count);
            return; /* READY=1 when they are */
        }
        log_error("reload: out of memory");
    }
    (void)sd_notify(0, "READY=1");
}
