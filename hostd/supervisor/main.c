/* zegeld: the supervisor.
 *
 * Purpose: read the configuration, hold the sockets of listen:, start zegel-token (one per token), zegel-signer, zegel-milter
 * (one per socket) and zegel-resolver, start again what ends; SIGHUP reloads, SIGUSR2 becomes the zegeld that has been installed
 * meanwhile. Security: parses no mail and loads no vendor code. Reads the PIN and forgets it with the hand-over. Diagnostics:
 * standard error; sd_notify. Exits 0 after SIGTERM or SIGINT, 2 for a configuration it cannot run, 3 when a process it needs
 * cannot be started. */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/logsocket.h"
#include "supervisor/family.h"
#include "supervisor/reload.h"
#include "supervisor/roll.h"
#include "supervisor/statedir.h"
#include "supervisor/trust.h"
#include "supervisor/taken.h"
#include "supervisor/upgrade.h"

#ifndef ZEGEL_LIBEXEC
#define ZEGEL_LIBEXEC "/usr/libexec/zegel"
#endif

/* What arrived since the last turn. -1 to go on, or the exit status. */
static int take_signals(struct supervisor *s, int signals)
{
    struct signalfd_siginfo si;
    int result = -1;
    while (read(signals, &si, sizeof si) == (ssize_t)sizeof si) {
        s->reload_wanted = s->reload_wanted || si.ssi_signo == SIGHUP;
        s->upgrade_wanted = s->upgrade_wanted || si.ssi_signo == SIGUSR2;
        if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
            result = EXIT_SUCCESS;
    }
    return result;
}

/* One change at a time: what comes while processes are being replaced waits for the end of that. */
static void do_what_is_wanted(struct supervisor *s)
{
    s->reload_wanted = taken_changed(s) || s->reload_wanted;
    if (s->reload_wanted && s->roll == ROLL_NONE) {
        s->reload_wanted = false;
        reload(s);
    }
    if (s->upgrade_wanted && s->roll == ROLL_NONE) {
        s->upgrade_wanted = false;
        upgrade_begin(s);
    }
}

/* One turn of the loop. Returns the exit status, or -1 to go on. */
static int turn(struct supervisor *s, int signals)
{
    struct pollfd *p = calloc(s->count + 1, sizeof *p);
    unsigned count = p == NULL ? 0 : s->count; /* for want of memory: the signals alone */
    struct pollfd signals_only;
    int result = -1;
    if (p == NULL)
        p = &signals_only;
    p[0] = (struct pollfd){.fd = signals, .events = POLLIN};
    for (unsigned i = 0; i < count; i++)
        p[i + 1] = (struct pollfd){.fd = s->children[i].control, .events = POLLIN};
    if (poll(p, count + 1, s->roll == ROLL_NONE ? 100 : 10) > 0) {
        for (unsigned i = 0; i < count; i++)
            if (p[i + 1].revents & POLLIN)
                (void)family_hear(s, &s->children[i]);
        if (p[0].revents & POLLIN)
            result = take_signals(s, signals);
    }
    if (p != &signals_only)
        free(p);
    if (!family_reap(s))
        return EXIT_CONFIG;
    if (result >= 0)
        return result;
    do_what_is_wanted(s);
    roll_step(s);
    family_start_missing(s);
    family_ping(s);
    taken_note(s);
    return -1;
}

static void forget(struct supervisor *s)
{
    while (s->count > 0)
        family_remove(s, 0);
    free(s->children);
    listen_close(&s->listeners);
    taken_free(s);
    config_free(s->config);
}

/* Where we were started from, before an upgrade puts another file there. */
static bool find_self(struct supervisor *s)
{
    ssize_t n = readlink("/proc/self/exe", s->self, sizeof s->self - 1);
    s->self[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static bool find_libexec(struct supervisor *s)
{
    const char *env = secure_getenv("ZEGEL_LIBEXEC_DIR");
    char beside[PATH_MAX + 16];
    int dir = (int)(strrchr(s->self, '/') - s->self);
    (void)snprintf(s->libexec, sizeof s->libexec, "%s", ZEGEL_LIBEXEC);
    if (env != NULL)
        return snprintf(s->libexec, sizeof s->libexec, "%s", env) < (int)sizeof s->libexec;
    (void)snprintf(beside, sizeof beside, "%.*s/zegel-milter", dir, s->self);
    if (access(beside, X_OK) == 0)
        (void)snprintf(s->libexec, sizeof s->libexec, "%.*s", dir, s->self); /* run from the build tree */
    return true;
}

/* A PIN passes through here: no core dump, and nobody of our user looks in. (LeakSanitizer looks in.) */
static void hide_memory(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
#ifndef ZEGEL_SANITIZED
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

static int open_signals(void)
{
    static const int handled[] = {SIGHUP, SIGTERM, SIGINT, SIGCHLD, SIGUSR2};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++)
        sigaddset(&set, handled[i]);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Exit status, or -1 to go on. */
static int start(struct supervisor *s)
{
    bool upgraded = upgrade_take(s);
    logsocket_open(s->config->log == NULL ? "auto" : s->config->log);
    pages_own(&s->pages);
    if (upgraded)
        return listen_open(&s->listeners, s->config) == ZEGEL_OK && statedir_make(s->config) && roll_begin(s) ? -1 : EXIT_FAULT;
    listen_from_systemd(&s->listeners, s->config);
    if (!statedir_make(s->config) || !family_plan(s))
        return EXIT_FAULT;
    if (listen_open(&s->listeners, s->config) != ZEGEL_OK)
        return EXIT_CONFIG;
    for (unsigned i = 0; i < s->count; i++) {
        int err = family_start(s, &s->children[i]);
        if (err != ZEGEL_OK)
            return err == ZEGEL_ERR_CONFIG ? EXIT_CONFIG : EXIT_FAULT;
    }
    return -1;
}

/* Once more when there are active keys: from now on it would be noticed if they change. */
static bool read_first(struct supervisor *s)
{
    if (reload_read(s->config_path, &s->config, &s->config_fd) != ZEGEL_OK)
        return false;
    if (!taken_changed(s))
        return true;
    config_free(s->config);
    (void)close(s->config_fd);
    return reload_read(s->config_path, &s->config, &s->config_fd) == ZEGEL_OK;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", no_argument, NULL, 'n'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {0}};
    struct supervisor s = {
        .config_path = CONFIG_DEFAULT_PATH, .argv = argv, .config_fd = -1, .previous_fd = -1, .config_serial = 1};
    bool check_only = false;
    int o;
    (void)unsetenv("ZEGEL_LOG"); /* of the zegeld before an upgrade */
    log_open("zegeld", LOG_LEVEL_INFO);
    while ((o = getopt_long(argc, argv, "c:nh", options, NULL)) != -1) {
        if (o == 'c')
            s.config_path = optarg;
        else if (o == 'n')
            check_only = true;
        else if (o == 'V')
            return puts("zegeld " ZEGEL_VERSION) < 0 ? EXIT_FAULT : EXIT_SUCCESS;
        else {
            (void)fprintf(o == 'h' ? stdout : stderr, "Usage: zegeld [--config FILE] [--check]\nRuns in the foreground; SIGHUP "
                                                      "reloads, SIGUSR2 upgrades to the program now installed, SIGTERM stops.\n");
            return o == 'h' ? EXIT_SUCCESS : EXIT_CONFIG;
        }
    }
    if (!trust_environment() || !read_first(&s))
        return EXIT_CONFIG;
    if (check_only) {
        (void)printf("%s: good: %u domains, %u tokens\n", s.config_path, s.config->domains_count, s.config->tokens_count);
        forget(&s);
        return EXIT_SUCCESS;
    }
    hide_memory();
    int signals = open_signals();
    int result = signals < 0 || !find_self(&s) || !find_libexec(&s) ? EXIT_FAULT : start(&s);
    while (result < 0)
        result = turn(&s, signals);
    family_stop(&s);
    forget(&s);
    return result;
}
