/* zegeld: the supervisor.
 *
 * Purpose: read the configuration, start zegel-token (one per token), zegel-signer and zegel-milter (one per socket), hand
 * them their sockets, start again what ends, reload on SIGHUP.
 * Security: parses no mail and loads no vendor code. Reads the PIN and forgets it with the hand-over.
 * Diagnostics: standard error; sd_notify. Exits 0 after SIGTERM or SIGINT, 2 for a configuration it cannot run, 3 when a
 * process it needs cannot be started. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "ipc/control.h"
#include "supervisor/child.h"
#include "supervisor/pin.h"

#ifndef ZEGEL_LIBEXEC
#define ZEGEL_LIBEXEC "/usr/libexec/zegel"
#endif

enum {
    STOP_WITHIN_MS = 5000,
    PING_EVERY_MS = 3000,
    PATIENCE_MS = 15000,
    TOKEN_PATIENCE_MS = 90000, /* a login may take long, and has a watchdog of its own */
    EXIT_CONFIG = 2,
    EXIT_FAULT = 3
};

/* children[0] is the signer, then one per token, then one per milter socket. */
struct supervisor {
    const char *config_path;
    char libexec[PATH_MAX];
    struct config *config;
    int config_fd; /* sealed memory file with the YAML all children get */
    struct child *children;
    unsigned count;
    int64_t ping_ms; /* when next */
    bool announced;
};

static unsigned token_index(unsigned token)
{
    return 1 + token;
}

static bool is_token(const struct supervisor *s, unsigned i)
{
    return i >= 1 && i < 1 + s->config->tokens_count;
}

/* The configuration names the library that gets the PIN: where root runs us, nobody else may write it. */
static bool is_ours_alone(const char *path)
{
    struct stat st;
    if (geteuid() != 0 || stat(path, &st) != 0 || (st.st_uid == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0))
        return true;
    log_error("%s: others than root can write it; chown root, chmod go-w", path);
    return false;
}

static int read_config(const char *path, struct config **c, int *fd)
{
    struct buf yaml = BUF_INIT, why = BUF_INIT;
    int err = ZEGEL_ERR_CONFIG;
    *fd = -1;
    if (!is_ours_alone(path))
        return err;
    if (config_read(path, &yaml, &why) == ZEGEL_OK)
        err = config_parse(path, buf_bytes(&yaml), c, &why);
    if (err == ZEGEL_OK && (*fd = io_memfd("zegel-config", buf_bytes(&yaml))) < 0) {
        buf_addf(&why, "memfd: %s", strerror(errno));
        config_free(*c);
        err = ZEGEL_ERR_SYSTEM;
    }
    if (err != ZEGEL_OK)
        log_error("%s", buf_cstr(&why));
    buf_free(&yaml);
    buf_free(&why);
    return err;
}

/* A new socket pair between the signer and child `i`, one end to each. */
static void connect_to_signer(struct supervisor *s, unsigned i)
{
    struct child *signer = &s->children[0], *c = &s->children[i];
    const char *name = is_token(s, i) ? s->config->tokens[i - 1].name : c->argument;
    int fds[2];
    if (signer->pid == 0 || c->pid == 0)
        return; /* when the missing one is started */
    if (io_pair(fds) != ZEGEL_OK) {
        log_error("socketpair: %s", strerror(errno));
        return;
    }
    if (control_send(signer->control, CONTROL_PEER, name, fds[0]) != ZEGEL_OK ||
        control_send(c->control, CONTROL_PEER, "signer", fds[1]) != ZEGEL_OK)
        log_warn("%s could not be connected to the signer", c->name);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static int hand_over_pin(struct child *c, const struct config_token *t)
{
    struct buf pin = BUF_INIT, why = BUF_INIT;
    int err = pin_read(t, &pin, &why);
    int fd = err == ZEGEL_OK ? io_memfd("zegel-pin", buf_bytes(&pin)) : -1;
    if (err != ZEGEL_OK)
        log_error("%s", buf_cstr(&why));
    else if (fd < 0 || control_send(c->control, CONTROL_PIN, t->name, fd) != ZEGEL_OK) {
        log_error("token %s: its worker did not take the PIN", t->name);
        err = ZEGEL_ERR_SYSTEM;
    }
    if (fd >= 0)
        (void)close(fd);
    buf_free(&pin);
    buf_free(&why);
    return err;
}

static const char *user_of(const struct supervisor *s, unsigned i)
{
    const struct config_users *u = &s->config->users;
    return i == 0 ? u->signer : is_token(s, i) ? u->token : u->milter;
}

static int start(struct supervisor *s, unsigned i)
{
    struct child *c = &s->children[i];
    int err = child_start(c, s->libexec, user_of(s, i));
    if (err == ZEGEL_OK && is_token(s, i))
        err = hand_over_pin(c, &s->config->tokens[i - 1]);
    if (err == ZEGEL_OK && control_send(c->control, CONTROL_CONFIG, c->name, s->config_fd) != ZEGEL_OK)
        log_warn("%s did not take its configuration", c->name); /* it has ended: waitpid will say so */
    if (err != ZEGEL_OK)
        return err;
    if (i > 0) {
        connect_to_signer(s, i);
        return ZEGEL_OK;
    }
    for (unsigned peer = 1; peer < s->count; peer++)
        connect_to_signer(s, peer);
    return ZEGEL_OK;
}

static bool plan_children(struct supervisor *s)
{
    const struct config *c = s->config;
    s->count = 1 + c->tokens_count + c->listen_count;
    s->children = calloc(s->count, sizeof *s->children);
    if (s->children == NULL)
        return false;
    for (unsigned i = 0; i < s->count; i++)
        s->children[i].control = -1;
    s->children[0].program = s->children[0].name = "zegel-signer";
    for (unsigned i = 0; i < c->tokens_count; i++) {
        s->children[token_index(i)].program = "zegel-token";
        s->children[token_index(i)].argument = strdup(c->tokens[i].name);
        s->children[token_index(i)].name = "zegel-token";
    }
    for (unsigned i = 0; i < c->listen_count; i++) {
        struct child *m = &s->children[1 + c->tokens_count + i];
        m->program = m->name = "zegel-milter";
        m->argument = strdup(c->listen[i]);
    }
    return true;
}

/* What a running set of children can take without being started anew. */
static bool same_shape(const struct config *a, const struct config *b)
{
    if (a->tokens_count != b->tokens_count || a->listen_count != b->listen_count || strcmp(a->state, b->state) != 0)
        return false;
    for (unsigned i = 0; i < a->tokens_count; i++)
        if (strcmp(a->tokens[i].name, b->tokens[i].name) != 0 || strcmp(a->tokens[i].module, b->tokens[i].module) != 0 ||
            strcmp(a->tokens[i].token, b->tokens[i].token) != 0)
            return false;
    for (unsigned i = 0; i < a->listen_count; i++)
        if (strcmp(a->listen[i], b->listen[i]) != 0)
            return false;
    return true;
}

static void take_word(struct supervisor *s, struct child *c)
{
    struct control got;
    bool all = true;
    if (control_recv(c->control, &got) != ZEGEL_OK)
        return;
    if (got.kind == CONTROL_READY)
        c->ready = c->was_ready = true;
    c->heard_ms = clock_monotonic_ms();
    if (got.kind == CONTROL_NEED_PIN && is_token(s, (unsigned)(c - s->children)))
        (void)hand_over_pin(c, &s->config->tokens[c - s->children - 1]);
    if (got.fd >= 0)
        (void)close(got.fd);
    for (unsigned i = 0; i < s->count; i++)
        all = all && (s->children[i].ready || s->children[i].fatal);
    if (all && !s->announced) {
        s->announced = true;
        log_info("ready: %u domains, %u tokens, %u sockets", s->config->domains_count, s->config->tokens_count,
                 s->config->listen_count);
        (void)sd_notify(0, "READY=1");
    }
}

static void wait_ready(struct supervisor *s, struct child *c)
{
    int64_t deadline = clock_monotonic_ms() + 2000;
    struct pollfd p = {.fd = c->control, .events = POLLIN};
    c->ready = false;
    while (!c->ready && c->pid != 0 && poll(&p, 1, clock_left_ms(deadline)) > 0 && (p.revents & POLLIN))
        take_word(s, c);
}

/* Tokens first, then the signer, then the milters: nobody asks for a key that the next one does not know. */
static void reload(struct supervisor *s)
{
    struct config *c = NULL;
    int fd;
    (void)sd_notify(0, "RELOADING=1");
    if (read_config(s->config_path, &c, &fd) != ZEGEL_OK) {
        log_error("reload: the old configuration stays in force");
    } else if (!same_shape(s->config, c)) {
        log_error("reload: tokens:, listen: or state: changed, which needs a restart; the old configuration stays in force");
        config_free(c);
        (void)close(fd);
    } else {
        (void)close(s->config_fd);
        s->config_fd = fd;
        config_free(s->config);
        s->config = c;
        for (unsigned step = 0; step < s->count; step++) {
            unsigned i = step < c->tokens_count ? 1 + step : step == c->tokens_count ? 0 : step;
            if (s->children[i].pid == 0)
                continue;
            (void)control_send(s->children[i].control, CONTROL_CONFIG, s->children[i].name, fd);
            wait_ready(s, &s->children[i]);
        }
        log_info("configuration reloaded: %u domains", c->domains_count);
    }
    (void)sd_notify(0, "READY=1");
}

static struct child *child_of(struct supervisor *s, pid_t pid)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->children[i].pid == pid)
            return &s->children[i];
    return NULL;
}

/* False when something ended that we cannot do without. */
static bool reap(struct supervisor *s)
{
    int status;
    pid_t pid;
    bool ok = true;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *c = child_of(s, pid);
        if (c == NULL)
            continue;
        child_ended(c, status);
        if (c->fatal && !is_token(s, (unsigned)(c - s->children)))
            ok = false;
    }
    return ok;
}

static void start_missing(struct supervisor *s)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->children[i].pid == 0 && !s->children[i].fatal && s->children[i].start_again_ms <= clock_monotonic_ms())
            (void)start(s, i);
}

/* What lives answers. What hangs, which waitpid does not tell, is ended and started again. */
static void ping(struct supervisor *s)
{
    int64_t now = clock_monotonic_ms();
    if (now < s->ping_ms)
        return;
    s->ping_ms = now + PING_EVERY_MS;
    for (unsigned i = 0; i < s->count; i++) {
        struct child *c = &s->children[i];
        int64_t patience = is_token(s, i) ? TOKEN_PATIENCE_MS : PATIENCE_MS;
        if (c->pid == 0)
            continue;
        if (now - c->heard_ms > patience) {
            log_error("%s has not answered for %lld s; it is ended", c->name, (long long)(now - c->heard_ms) / 1000);
            (void)kill(c->pid, SIGKILL);
        } else if (c->ready) {
            (void)control_send(c->control, CONTROL_PING, c->name, -1);
        }
    }
    (void)sd_notify(0, "WATCHDOG=1");
}

/* One turn of the loop. Returns the exit status, or -1 to go on. */
static int turn(struct supervisor *s, int signals)
{
    struct pollfd *p = calloc(s->count + 1, sizeof *p);
    struct signalfd_siginfo si;
    int result = -1;
    if (p == NULL)
        return EXIT_FAULT;
    p[0] = (struct pollfd){.fd = signals, .events = POLLIN};
    for (unsigned i = 0; i < s->count; i++)
        p[i + 1] = (struct pollfd){.fd = s->children[i].control, .events = POLLIN};
    if (poll(p, s->count + 1, 100) > 0) {
        for (unsigned i = 0; i < s->count; i++)
            if (p[i + 1].revents & POLLIN)
                take_word(s, &s->children[i]);
        if (p[0].revents & POLLIN && read(signals, &si, sizeof si) == (ssize_t)sizeof si) {
            if (si.ssi_signo == SIGHUP)
                reload(s);
            else if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
                result = EXIT_SUCCESS;
        }
    }
    free(p);
    if (!reap(s))
        return EXIT_CONFIG;
    if (result < 0)
        start_missing(s);
    ping(s);
    return result;
}

/* Milters first, so that each message under way still finds its signer. */
static void stop(struct supervisor *s)
{
    int64_t deadline = clock_monotonic_ms() + STOP_WITHIN_MS;
    (void)sd_notify(0, "STOPPING=1");
    for (unsigned i = s->count; i-- > 0;) {
        struct child *c = &s->children[i];
        if (c->pid == 0)
            continue;
        (void)kill(c->pid, SIGTERM);
        while (waitpid(c->pid, NULL, WNOHANG) == 0) {
            if (clock_left_ms(deadline) == 0)
                (void)kill(c->pid, SIGKILL);
            (void)usleep(5000);
        }
    }
}

static void forget(struct supervisor *s)
{
    for (unsigned i = 0; i < s->count; i++)
        free((char *)(uintptr_t)s->children[i].argument);
    free(s->children);
    config_free(s->config);
}

static bool find_libexec(struct supervisor *s)
{
    const char *const env = getenv("ZEGEL_LIBEXEC_DIR");
    char self[PATH_MAX], beside[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (env != NULL)
        return snprintf(s->libexec, sizeof s->libexec, "%s", env) < (int)sizeof s->libexec;
    (void)snprintf(s->libexec, sizeof s->libexec, "%s", ZEGEL_LIBEXEC);
    if (n <= 0)
        return true;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (slash == NULL)
        return true;
    *slash = '\0';
    if (snprintf(beside, sizeof beside, "%s/zegel-milter", self) < (int)sizeof beside && access(beside, X_OK) == 0)
        (void)snprintf(s->libexec, sizeof s->libexec, "%s", self); /* run from the build tree */
    return true;
}

/* A directory that belongs to the one process that writes in it. */
static bool make_dir(const char *path, mode_t mode, const char *user)
{
    struct passwd *pw = user == NULL || geteuid() != 0 ? NULL : getpwnam(user);
    if (user != NULL && geteuid() == 0 && pw == NULL) {
        log_error("users: %s: no such user", user);
        return false;
    }
    if ((mkdir(path, mode) == 0 || errno == EEXIST) && (pw == NULL || chown(path, pw->pw_uid, pw->pw_gid) == 0))
        return true;
    log_error("state: %s: %s", path, strerror(errno));
    return false;
}

static bool make_state(const struct config *c)
{
    char audit[PATH_MAX], pin[PATH_MAX];
    bool fits = snprintf(audit, sizeof audit, "%s/audit", c->state) < (int)sizeof audit &&
                snprintf(pin, sizeof pin, "%s/pin", c->state) < (int)sizeof pin;
    return fits && make_dir(c->state, 0711, NULL) && make_dir(audit, 0700, c->users.signer) &&
           make_dir(pin, 0700, c->users.token);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", no_argument, NULL, 'n'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {0}};
    struct supervisor s = {.config_path = CONFIG_DEFAULT_PATH, .config_fd = -1};
    bool check_only = false;
    int o, result = -1;
    log_open("zegeld", LOG_LEVEL_INFO);
    while ((o = getopt_long(argc, argv, "c:nh", options, NULL)) != -1) {
        if (o == 'c')
            s.config_path = optarg;
        else if (o == 'n')
            check_only = true;
        else if (o == 'V')
            return puts("zegeld " ZEGEL_VERSION) < 0 ? EXIT_FAULT : EXIT_SUCCESS;
        else {
            (void)fprintf(o == 'h' ? stdout : stderr,
                          "Usage: zegeld [--config FILE] [--check]\nRuns in the foreground; SIGHUP reloads, SIGTERM stops.\n");
            return o == 'h' ? EXIT_SUCCESS : EXIT_CONFIG;
        }
    }
    if (read_config(s.config_path, &s.config, &s.config_fd) != ZEGEL_OK)
        return EXIT_CONFIG;
    if (check_only) {
        (void)printf("%s: good: %u domains, %u tokens\n", s.config_path, s.config->domains_count, s.config->tokens_count);
        forget(&s);
        return EXIT_SUCCESS;
    }
    if (s.config->listen_count == 0 || s.config->domains_count == 0) {
        log_error("%s: listen: and domains: are needed to run", s.config_path);
        forget(&s);
        return EXIT_CONFIG;
    }
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (signals < 0 || !find_libexec(&s) || !make_state(s.config) || !plan_children(&s))
        return EXIT_FAULT;
    for (unsigned i = 0; i < s.count && result < 0; i++)
        if (start(&s, i) != ZEGEL_OK)
            result = EXIT_CONFIG;
    while (result < 0)
        result = turn(&s, signals);
    stop(&s);
    forget(&s);
    return result;
}
