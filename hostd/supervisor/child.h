/* child: one process that the supervisor starts, watches, and starts again. */
#ifndef ZEGEL_SUPERVISOR_CHILD_H
#define ZEGEL_SUPERVISOR_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
    const char *program;                /* file name in the libexec directory */
    const char *argument;               /* argv[1], or NULL */
    const char *name;                   /* for messages */
    pid_t pid;                          /* 0: not running */
    int control;                        /* our end of its control socket; -1 */
    int64_t heard_ms;                   /* monotonic: its last word, or its start */
    bool ready;                         /* said READY since it was started */
    bool was_ready;                     /* ever, with this or an earlier process: what fails now may pass */
    bool fatal;                         /* exited in a way that a restart cannot mend (sysexits EX_CONFIG, EX_USAGE) */
    int64_t started_ms, start_again_ms; /* monotonic */
    unsigned failures;                  /* in a row, each before it was ready */
};

/* Start it with CONTROL_FD as its control socket, all other descriptors closed, as `user` when that is not NULL and we are
 * root. ZEGEL_OK or ZEGEL_ERR_SYSTEM (said in the log). */
int child_start(struct child *c, const char *libexec, const char *user);
/* Note its end; `status` as from waitpid. Says so in the log and sets start_again_ms: at once or nearly so when it had been
 * ready, and with a pause that grows to 1 s while it keeps failing before. */
void child_ended(struct child *c, int status);

#endif
