#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *log_program = "zegel";
static enum log_level log_least = LOG_LEVEL_INFO;
static bool log_to_journal;
static int log_pid;

void log_open(const char *program, enum log_level least)
{
    log_program = program;
    log_least = least;
    log_pid = (int)getpid();
    log_to_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_line(enum log_level level, const char *fmt, ...)
{
    static const char *const names[] = {"error: ", "warning: ", "", "debug: "};
    static const int priorities[] = {3, 4, 6, 7}; /* syslog(3) */
    if (level > log_least)
        return;
    int saved = errno;
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);

    char line[4 * sizeof text + 128];
    int head;
    if (log_to_journal)
        head = snprintf(line, sizeof line, "<%d>%s", priorities[level], names[level]);
    else
        head = snprintf(line, sizeof line, "%s[%d]: %s", log_program, log_pid, names[level]);
    size_t n = head < 0 ? 0 : (size_t)head;
    for (const char *p = text; *p != '\0' && n + 6 < sizeof line; p++) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x20 && c < 0x7f)
            line[n++] = (char)c;
        else
            n += (size_t)snprintf(line + n, sizeof line - n, "\\x%02x", (unsigned)c);
    }
    line[n++] = '\n';
    (void)!write(STDERR_FILENO, line, n); /* nowhere to complain about a log that cannot be written */
    errno = saved;
}
