/* log: one event, one line. Whatever comes from outside is escaped, so that no mail can forge a line of ours. */
#ifndef ZEGEL_LOG_H
#define ZEGEL_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* `program` must live as long as the process. With JOURNAL_STREAM set, lines carry <N> priorities for journald. */
void log_open(const char *program, enum log_level least);
/* Write one line to standard error in a single write(2); control characters and non-ASCII become \xNN. */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
