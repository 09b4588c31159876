/* log: one event, one line. Whatever comes from outside is escaped, so that no mail can forge a line of ours, nor a field. */
#ifndef ZEGEL_LOG_H
#define ZEGEL_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* What an event is about; NULL or "": nothing. journald gets each as a field, which `journalctl QUEUE_ID=...` finds. */
struct log_fields {
    const char *queue_id, *domain, *selector;
    const char *result; /* one word: signed, malformed, forbidden, tempfailed, unsigned, refused, verified, ... */
    const char *reason;
};

enum { LOG_WHERE_MAX = 128, LOG_FD = 4 }; /* the socket that zegeld has opened for its processes, which open none */

/* `program` must live as long as the process. Lines go to standard error, or through LOG_FD where $ZEGEL_LOG says so, as zegeld
 * has set it (logsocket.h). With JOURNAL_STREAM set, those to standard error carry <N> priorities for journald. */
void log_open(const char *program, enum log_level least);
/* "auto", "stderr", "journal", "syslog", the latter two with ":/PATH" of another socket than the usual one, as log_through wants
 * it;
 * "" for standard error, which auto is where $JOURNAL_STREAM is not set. 0: it is none of these. */
int log_resolve(const char *where, char out[LOG_WHERE_MAX]);
/* Through this socket from now on, as `where` says: "journal:/PATH" (the native protocol of journald), "syslog:/PATH" (RFC 3164,
 * facility mail). What it does not take goes to standard error. */
void log_through(int fd, const char *where);
/* Write one line, at once; control characters and non-ASCII become \xNN. */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same about a message: the line begins with its queue id. */
void log_event(enum log_level level, const struct log_fields *f, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Of what another process can do as often as it likes: counts it in *times, and is true the 1st, 2nd, 4th, 8th ... time. One that
 * was taken over must not fill the log. */
static inline bool log_seldom(unsigned *times)
{
    ++*times;
    return (*times & (*times - 1)) == 0;
}

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
