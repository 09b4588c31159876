/* child: one process that the supervisor starts, watches, and starts again. */
#ifndef ZEGEL_SUPERVISOR_CHILD_H
#define ZEGEL_SUPERVISOR_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc/control.h"

/* Numbers stay what they are, over upgrades. CHILD_INBOUND is zegel-milter for a listen: with verify: yes. */
enum child_kind { CHILD_SIGNER, CHILD_TOKEN, CHILD_MILTER, CHILD_RESOLVER, CHILD_INBOUND, CHILD_STATUS };

struct child {
    enum child_kind kind;
    char *argument;                     /* argv[1], owned: the token's name, the socket of listen:; NULL for the signer */
    unsigned worker;                    /* which of its token's, from 0 */
    pid_t pid;                          /* 0: not running */
    int control;                        /* our end of its control socket; -1 */
    bool old;                           /* of the generation that is being replaced: not started again */
    bool waits;                         /* not to be started yet */
    bool ready;                         /* said READY since it was started */
    bool was_ready;                     /* ever, with this or an earlier process: what fails now may pass */
    bool fatal;                         /* exited in a way that a restart cannot mend (sysexits EX_CONFIG, EX_USAGE) */
    unsigned config_taken;              /* serial of the configuration it has */
    int64_t heard_ms;                   /* monotonic, as all: its last word, or its start */
    int64_t started_ms, start_again_ms; /* when it was, and when it may be */
    int64_t end_by_ms;                  /* ended by force then; 0: never */
    unsigned failures;                  /* in a row, each before it was ready */
};

/* Does mail go on without it, even where it cannot be started? */
bool child_is_spare(const struct child *c);
/* Is it zegel-milter, signing or verifying? */
bool child_is_milter(const struct child *c);
/* Which of its kind it is: "TOKEN/WORKER", the socket of listen:, or "". */
void child_name(const struct child *c, char out[CONTROL_NAME_MAX + 1]);
/* File name in the libexec directory, and for messages. */
const char *child_program(const struct child *c);
/* Start it with CONTROL_FD as its control socket, all other descriptors closed, as `user` when that is not NULL and we are
 * root. ZEGEL_OK or ZEGEL_ERR_SYSTEM (said in the log). */
int child_start(struct child *c, const char *libexec, const char *user);
/* Hang up on it: the signer and a token's worker end with that, at once and in order. */
void child_hang_up(struct child *c);
/* Note its end; `status` as from waitpid. Says so in the log and sets start_again_ms: at once or nearly so when it had been
 * ready, and with a pause that grows to 1 s while it keeps failing before. An old one's end is no news. */
void child_ended(struct child *c, int status);

#endif
