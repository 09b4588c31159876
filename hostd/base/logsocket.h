/* logsocket: zegeld's side of the log: where it goes, and the socket that its processes inherit. */
#ifndef ZEGEL_LOGSOCKET_H
#define ZEGEL_LOGSOCKET_H

/* This process, and those that it starts from now on (with logsocket_fd as LOG_FD), log where log_resolve says. */
void logsocket_open(const char *where);
/* -1: standard error. */
int logsocket_fd(void);

#endif
