#include "glance.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { LINE_ROOM = 512, NAME_WIDTH = 28, FEW_DOMAINS = 8 };

/* One frame being made. */
struct frame {
    const struct glance *g;
    struct buf *out;
    unsigned lines;
};

static bool is_full(const struct frame *f)
{
    return f->g->height > 0 && f->lines >= f->g->height;
}

/* One line, cut to the width; `style` as in SGR, NULL: none. */
static __attribute__((format(printf, 3, 4))) void line(struct frame *f, const char *style, const char *fmt, ...)
{
    char text[LINE_ROOM];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (is_full(f))
        return;
    bool styled = style != NULL && f->g->colour;
    if (styled)
        buf_addf(f->out, "\033[%sm", style);
    buf_add_printable(f->out, bytes_slice(bytes_str(text), 0, f->g->width));
    buf_add_str(f->out, styled ? "\033[0m\n" : "\n");
    f->lines++;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s == NULL ? "?" : s;
}

static long long number_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

/* ---- times and rates ---- */

static void span(long long s, char out[32])
{
    if (s >= 2 * 86400)
        (void)snprintf(out, 32, "%lld d %lld h", s / 86400, s % 86400 / 3600);
    else if (s >= 2 * 3600)
        (void)snprintf(out, 32, "%lld h %lld min", s / 3600, s % 3600 / 60);
    else if (s >= 120)
        (void)snprintf(out, 32, "%lld min", s / 60);
    else
        (void)snprintf(out, 32, "%lld s", s < 0 ? 0 : s);
}

/* "<5 ms <25 ms": below which half, and 99 of 100, were. */
static void quantiles(const json_t *times, char out[48])
{
    const json_t *p50 = json_object_get(times, "p50-ms"), *p99 = json_object_get(times, "p99-ms");
    if (number_of(times, "count") == 0)
        (void)snprintf(out, 48, "-");
    else if (json_is_null(p50) || json_is_null(p99))
        (void)snprintf(out, 48, "over 10 s");
    else
        (void)snprintf(out, 48, "<%g ms, 99%% <%g ms", json_number_value(p50), json_number_value(p99));
}

/* The same entry of an array, by its name. */
static const json_t *same(const json_t *array, const char *key, const char *name)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (strcmp(text_of(json_array_get(array, i), key), name) == 0)
            return json_array_get(array, i);
    return NULL;
}

/* How many a second more than before; "" without a before. */
static void rate(const struct frame *f, const json_t *now, const json_t *before, const char *key, char out[16])
{
    double more = (double)(number_of(now, key) - number_of(before, key));
    out[0] = '\0';
    if (before != NULL && f->g->seconds > 0)
        (void)snprintf(out, 16, "%8.1f/s", more < 0 ? 0 : more / f->g->seconds);
}

/* ---- parts ---- */

static void head(struct frame *f, const json_t *now)
{
    char up[32];
    long long failed = number_of(now, "reloads-failed");
    span(number_of(now, "time") - number_of(now, "started"), up);
    line(f, "1", "zegeld %s   up %s   %lld domains   %lld reloads%s%.0lld%s", text_of(now, "version"), up,
         number_of(now, "domains-configured"), number_of(now, "reloads"), failed > 0 ? " (" : "", failed,
         failed > 0 ? " failed)" : "");
}

static void faults(struct frame *f, const json_t *now)
{
    const json_t *all = json_object_get(now, "faults");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *o = json_array_get(all, i);
        line(f, "1;31", "FAULT  %s%s%s", text_of(o, "name"), text_of(o, "name")[0] == '\0' ? "" : ": ", text_of(o, "text"));
    }
    if (!glance_faulty(now))
        line(f, NULL, "No faults.");
}

static void front_end(struct frame *f, const json_t *o, const json_t *before)
{
    char more[16], times[48];
    long long refused = number_of(o, "malformed") + number_of(o, "forbidden");
    rate(f, o, same(json_object_get(before, "front-ends"), "listen", text_of(o, "listen")), "signed", more);
    if (before == NULL)
        (void)snprintf(more, sizeof more, "%9lld", number_of(o, "untouched"));
    line(f, NULL, "%-*.*s %9lld %9lld %9lld %9lld %s", NAME_WIDTH, NAME_WIDTH, text_of(o, "listen"), number_of(o, "signed"),
         refused, number_of(o, "tempfailed"), number_of(o, "unsigned"), more);
    quantiles(json_object_get(o, "answering"), times);
    line(f, "2", "  answered in %s%s", times, json_is_true(json_object_get(o, "verifies")) ? "; verifies inbound mail" : "");
}

static void front_ends(struct frame *f, const json_t *now, const json_t *before)
{
    const json_t *all = json_object_get(now, "front-ends");
    line(f, "1", "%-*s %9s %9s %9s %9s  %s", NAME_WIDTH, "MESSAGES", "signed", "refused", "put off", "unsigned",
         before == NULL ? "untouched" : "signed");
    for (size_t i = 0; i < json_array_size(all); i++)
        front_end(f, json_array_get(all, i), before);
}

static void reasons(const json_t *failures, char out[160])
{
    json_t *o = (json_t *)(uintptr_t)failures;
    size_t at = 0;
    (void)snprintf(out, 160, "none");
    for (void *i = json_object_iter(o); i != NULL && at < 120; i = json_object_iter_next(o, i))
        at += (size_t)snprintf(out + at, 160 - at, "%s%.20s %lld", at == 0 ? "" : ", ", json_object_iter_key(i),
                               (long long)json_integer_value(json_object_iter_value(i)));
}

static void worker(struct frame *f, const char *token, size_t number, const json_t *o, const json_t *old)
{
    char name[NAME_WIDTH + 1], more[16], times[48], why[160];
    const json_t *signing = json_object_get(o, "signing");
    (void)snprintf(name, sizeof name, "%.20s/%u", token, (unsigned)number);
    rate(f, signing, json_object_get(old, "signing"), "count", more);
    line(f, NULL, "%-*s %-14.14s %4lld %9lld %s", NAME_WIDTH, name, text_of(o, "state"),
         number_of(o, "keys") - number_of(o, "missing"), number_of(signing, "count"), more);
    quantiles(signing, times);
    reasons(json_object_get(o, "failures"), why);
    line(f, "2", "  signs in %s; failures: %s", times, why);
    if (json_is_string(json_object_get(o, "module")))
        line(f, "2", "  through %s", text_of(o, "module"));
}

static void tokens(struct frame *f, const json_t *now, const json_t *before)
{
    const json_t *all = json_object_get(now, "tokens");
    line(f, "1", "%-*s %-14s %4s %9s %11s", NAME_WIDTH, "TOKENS", "state", "keys", "signed", before == NULL ? "" : "signed");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *o = json_array_get(all, i), *workers = json_object_get(o, "workers");
        const json_t *old = json_object_get(same(json_object_get(before, "tokens"), "name", text_of(o, "name")), "workers");
        for (size_t w = 0; w < json_array_size(workers); w++)
            worker(f, text_of(o, "name"), w, json_array_get(workers, w), json_array_get(old, w));
    }
}

static void signer(struct frame *f, const json_t *now)
{
    char why[160], times[48], age[32] = "-";
    const json_t *s = json_object_get(now, "signer"), *a = json_object_get(now, "audit");
    const json_t *last = json_object_get(a, "checkpoint-time");
    reasons(json_object_get(s, "refusals"), why);
    quantiles(json_object_get(s, "answering"), times);
    line(f, "1", "SIGNER");
    line(f, NULL, "  queue %lld; answers in %s; refusals: %s", number_of(s, "queue"), times, why);
    if (json_is_integer(last))
        span(number_of(now, "time") - (long long)json_integer_value(last), age);
    if (json_is_true(json_object_get(a, "checkpoints-wanted")))
        line(f, NULL, "  audit log: %lld records, %lld under no checkpoint yet; the last one %s ago", number_of(a, "records"),
             number_of(a, "unsigned-records"), age);
    else
        line(f, NULL, "  audit log: %lld records; no audit.key, so no checkpoints", number_of(a, "records"));
}

static void selectors(const json_t *keys, char out[160])
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t k = 0; k < json_array_size(keys) && at < 100; k++)
        at += (size_t)snprintf(out + at, 160 - at, "%s%.40s", at == 0 ? "" : " ", text_of(json_array_get(keys, k), "selector"));
}

static void domains(struct frame *f, const json_t *now, const json_t *before)
{
    const json_t *all = json_object_get(now, "domains");
    line(f, "1", "%-*s %9s %9s  %s", NAME_WIDTH, "DOMAINS", "RSA", "Ed25519", "selectors");
    for (size_t i = 0; i < json_array_size(all); i++) {
        char names[160];
        const json_t *o = json_array_get(all, i);
        const json_t *old = same(json_object_get(before, "domains"), "domain", text_of(o, "domain"));
        bool quiet = old != NULL && json_equal((json_t *)(uintptr_t)old, (json_t *)(uintptr_t)o);
        if (quiet && json_array_size(all) > FEW_DOMAINS)
            continue; /* of many, those that have something to do are shown */
        selectors(json_object_get(o, "keys"), names);
        line(f, NULL, "%-*.*s %9lld %9lld  %s", NAME_WIDTH, NAME_WIDTH, text_of(o, "domain"), number_of(o, "rsa-sha256"),
             number_of(o, "ed25519-sha256"), names);
    }
}

bool glance_faulty(const json_t *now)
{
    return json_array_size(json_object_get(now, "faults")) > 0;
}

void glance_print(const json_t *now, const json_t *before, const struct glance *g, struct buf *out)
{
    struct frame f = {.g = g, .out = out};
    head(&f, now);
    faults(&f, now);
    front_ends(&f, now, before);
    tokens(&f, now, before);
    signer(&f, now);
    domains(&f, now, before);
}
