#include "progress.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { AFTER_MS = 1000, EVERY_MS = 200, BAR = 24, WIDTH = 80, LINE_MAX_OCTETS = 256 };

static struct {
    pthread_t thread;
    pthread_mutex_t lock; /* of the terminal's last line, and of what is not atomic */
    pthread_cond_t ended;
    bool running, is_shown, ending;
    const char *what;
    uint64_t total;
    int64_t begin_ms;
    atomic_uint_fast64_t done;
} p = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

static void put(const char *text, size_t len)
{
    (void)!write(STDERR_FILENO, text, len);
}

static unsigned terminal_width(void)
{
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : WIDTH;
}

/* A bar that fills where the end is known; a mark that walks where it is not. ASCII, and without colour. */
static void draw_bar(char bar[BAR + 1], uint64_t done, int64_t ms)
{
    uint64_t full = p.total == 0 ? 0 : done >= p.total ? BAR : done * BAR / p.total;
    uint64_t at = (uint64_t)(ms / EVERY_MS) % BAR;
    for (uint64_t i = 0; i < BAR; i++)
        bar[i] = (p.total > 0 ? i < full : i == at) ? '#' : '.';
    bar[BAR] = '\0';
}

static void draw(void)
{
    char bar[BAR + 1], count[64] = "", line[LINE_MAX_OCTETS];
    uint64_t done = atomic_load(&p.done);
    int64_t ms = clock_monotonic_ms() - p.begin_ms;
    draw_bar(bar, done, ms);
    if (p.total > 0)
        (void)snprintf(count, sizeof count, " %llu%%", (unsigned long long)(done >= p.total ? 100 : done * 100 / p.total));
    else if (done > 0)
        (void)snprintf(count, sizeof count, " %llu", (unsigned long long)done);
    (void)snprintf(line, sizeof line, "[%s]%s %llds %s", bar, count, (long long)(ms / 1000), p.what);
    size_t room = terminal_width() - 1; /* the last column wraps on some */
    put("\r\033[K", 4);
    put(line, strlen(line) < room ? strlen(line) : room);
    p.is_shown = true;
}

static void take_away(void)
{
    if (p.is_shown)
        put("\r\033[K", 4);
    p.is_shown = false;
}

static void *watch(void *arg)
{
    (void)arg;
    (void)pthread_mutex_lock(&p.lock);
    for (int64_t wait_ms = AFTER_MS; !p.ending; wait_ms = EVERY_MS) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += wait_ms % 1000 * 1000000;
        until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_clockwait(&p.ended, &p.lock, CLOCK_MONOTONIC, &until);
        if (!p.ending && clock_monotonic_ms() - p.begin_ms >= AFTER_MS)
            draw();
    }
    take_away();
    (void)pthread_mutex_unlock(&p.lock);
    return NULL;
}

static bool is_wanted(const struct cmd_options *o)
{
    const char *term = getenv("TERM");
    return !o->json && isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

void progress_begin(const struct cmd_options *o, const char *what, uint64_t total)
{
    sigset_t all, before;
    if (p.running || !is_wanted(o))
        return;
    p.what = what;
    p.total = total;
    p.ending = false;
    p.begin_ms = clock_monotonic_ms();
    atomic_store(&p.done, 0);
    (void)sigfillset(&all); /* signals are the command's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    p.running = pthread_create(&p.thread, NULL, watch, NULL) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void progress_at(uint64_t done)
{
    atomic_store(&p.done, done);
}

void progress_hold(void)
{
    if (!p.running)
        return;
    (void)pthread_mutex_lock(&p.lock);
    take_away();
}

void progress_go_on(void)
{
    if (!p.running)
        return;
    (void)fflush(stdout); /* a line that is half written would be cut by ours */
    (void)pthread_mutex_unlock(&p.lock);
}

void progress_end(void)
{
    if (!p.running)
        return;
    (void)pthread_mutex_lock(&p.lock);
    p.ending = true;
    (void)pthread_cond_signal(&p.ended);
    (void)pthread_mutex_unlock(&p.lock);
    (void)pthread_join(p.thread, NULL);
    p.running = false;
}
