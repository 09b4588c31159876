#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { TEXT_MAX = 1024, ESCAPED_MAX = 4 * TEXT_MAX, RECORD_MAX = 16 * TEXT_MAX, FACILITY_MAIL = 2 << 3 };

enum sink { SINK_STDERR, SINK_JOURNAL, SINK_SYSLOG };

static const char *log_program = "zegel";
static enum log_level log_least = LOG_LEVEL_INFO;
static enum sink log_sink = SINK_STDERR;
static bool log_priorities; /* standard error is journald's: lines carry <N> */
static int log_fd = -1;
static struct sockaddr_un log_address = {.sun_family = AF_UNIX}; /* not connected: the other end may be started again */

static const int priorities[] = {3, 4, 6, 7}; /* syslog(3) */
static const char *const words[] = {"error: ", "warning: ", "", "debug: "};

/* ---- where to ---- */

int log_resolve(const char *where, char out[LOG_WHERE_MAX])
{
    static const char *const usual[] = {"journal:/run/systemd/journal/socket", "syslog:/dev/log"};
    out[0] = '\0';
    if (strcmp(where, "stderr") == 0)
        return 1;
    if (strcmp(where, "auto") == 0) {
        if (getenv("JOURNAL_STREAM") != NULL)
            (void)snprintf(out, LOG_WHERE_MAX, "%s", usual[0]);
        return 1;
    }
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        size_t n = strcspn(usual[i], ":");
        if (strncmp(where, usual[i], n) != 0 || (where[n] != '\0' && strncmp(where + n, ":/", 2) != 0))
            continue;
        (void)snprintf(out, LOG_WHERE_MAX, "%s", where[n] == '\0' ? usual[i] : where);
        return strlen(where) - n <= sizeof log_address.sun_path;
    }
    return 0;
}

void log_through(int fd, const char *where)
{
    const char *colon = strchr(where, ':');
    if (colon == NULL || strlen(colon + 1) >= sizeof log_address.sun_path)
        return;
    log_fd = fd;
    (void)snprintf(log_address.sun_path, sizeof log_address.sun_path, "%s", colon + 1);
    log_sink = where[0] == 'j' ? SINK_JOURNAL : SINK_SYSLOG;
}

void log_open(const char *program, enum log_level least)
{
    const char *where = secure_getenv("ZEGEL_LOG");
    struct stat st;
    log_program = program;
    log_least = least;
    log_priorities = getenv("JOURNAL_STREAM") != NULL;
    if (where != NULL && fstat(LOG_FD, &st) == 0 && S_ISSOCK(st.st_mode))
        log_through(LOG_FD, where);
}

/* ---- one event ---- */

struct record {
    char data[RECORD_MAX];
    size_t len;
};

static void add(struct record *r, const char *text)
{
    size_t n = strlen(text);
    if (n > sizeof r->data - 1 - r->len)
        n = sizeof r->data - 1 - r->len;
    memcpy(r->data + r->len, text, n);
    r->len += n;
}

/* Nothing in `text` ends a line or a field. */
static void escape(const char *text, char out[ESCAPED_MAX])
{
    size_t n = 0;
    for (const char *p = text; *p != '\0' && n + 5 < ESCAPED_MAX; p++) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x20 && c < 0x7f)
            out[n++] = (char)c;
        else
            n += (size_t)snprintf(out + n, ESCAPED_MAX - n, "\\x%02x", (unsigned)c);
    }
    out[n] = '\0';
}

static void add_field(struct record *r, const char *name, const char *value, const char *end)
{
    char text[TEXT_MAX], escaped[ESCAPED_MAX];
    if (value == NULL || value[0] == '\0')
        return;
    (void)snprintf(text, sizeof text, "%.400s", value);
    escape(text, escaped);
    add(r, name);
    add(r, escaped);
    add(r, end);
}

/* journald's native protocol: NAME=VALUE lines, in one datagram. */
static void make_journal(struct record *r, enum log_level level, const struct log_fields *f, const char *text)
{
    char head[96];
    (void)snprintf(head, sizeof head, "PRIORITY=%d\nSYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=%.32s\n", priorities[level],
                   log_program);
    add(r, head);
    if (f != NULL) {
        add_field(r, "QUEUE_ID=", f->queue_id, "\n");
        add_field(r, "DOMAIN=", f->domain, "\n");
        add_field(r, "SELECTOR=", f->selector, "\n");
        add_field(r, "RESULT=", f->result, "\n");
        add_field(r, "REASON=", f->reason, "\n");
    }
    add(r, "MESSAGE=");
    add(r, text);
    add(r, "\n");
}

/* syslog has no fields: what a search needs and the text does not say in one word stands at its end, where nothing that came from
 * outside can. */
static void make_line(struct record *r, enum sink sink, enum log_level level, const struct log_fields *f, const char *text)
{
    char head[96] = "";
    if (sink == SINK_SYSLOG)
        (void)snprintf(head, sizeof head, "<%d>%.32s[%d]: ", FACILITY_MAIL | priorities[level], log_program, (int)getpid());
    else if (log_priorities)
        (void)snprintf(head, sizeof head, "<%d>", priorities[level]);
    else
        (void)snprintf(head, sizeof head, "%.32s[%d]: ", log_program, (int)getpid());
    add(r, head);
    add(r, words[level]);
    add(r, text);
    if (sink != SINK_SYSLOG)
        add(r, "\n");
    else if (f != NULL)
        add_field(r, " result=", f->result, "");
}

static bool send_record(const struct record *r)
{
    return sendto(log_fd, r->data, r->len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&log_address,
                  sizeof log_address) == (ssize_t)r->len;
}

__attribute__((format(printf, 3, 0))) /* clang looks at what log_line and log_event were promised */
static void
put(enum log_level level, const struct log_fields *f, const char *fmt, va_list ap)
{
    int saved = errno;
    char text[TEXT_MAX], escaped[ESCAPED_MAX];
    struct record r;
    size_t head = 0;
    if (f != NULL && f->queue_id != NULL)
        head = (size_t)snprintf(text, sizeof text, "%.64s: ", f->queue_id);
    (void)vsnprintf(text + head, sizeof text - head, fmt, ap);
    escape(text, escaped);
    r.len = 0;
    if (log_sink == SINK_JOURNAL)
        make_journal(&r, level, f, escaped);
    else if (log_sink == SINK_SYSLOG)
        make_line(&r, SINK_SYSLOG, level, f, escaped);
    if (log_sink == SINK_STDERR || !send_record(&r)) {
        r.len = 0;
        make_line(&r, SINK_STDERR, level, f, escaped);
        (void)!write(STDERR_FILENO, r.data, r.len); /* nowhere to complain about a log that cannot be written */
    }
    errno = saved;
}

void log_line(enum log_level level, const char *fmt, ...)
{
    va_list ap;
    if (level > log_least)
        return;
    va_start(ap, fmt);
    put(level, NULL, fmt, ap);
    va_end(ap);
}

void log_event(enum log_level level, const struct log_fields *f, const char *fmt, ...)
{
    va_list ap;
    if (level > log_least)
        return;
    va_start(ap, fmt);
    put(level, f, fmt, ap);
    va_end(ap);
}
