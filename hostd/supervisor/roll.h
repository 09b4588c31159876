/* roll: all processes are replaced by new ones while mail goes on: after an upgrade, and where a new configuration is more than
 * running processes can take.
 *
 * New tokens' workers log in beside the old ones. Then the old signer ends, since two cannot write one audit log, and the new one
 * takes over what the milters have asked. Then new milters accept on the sockets, and the old ones drain. */
#ifndef ZEGEL_SUPERVISOR_ROLL_H
#define ZEGEL_SUPERVISOR_ROLL_H

#include "supervisor/supervisor.h"

/* Everyone is old from now on, and successors as the configuration in force wants them are on their way. False when memory is
 * short. */
bool roll_begin(struct supervisor *s);
/* One step further, if it is time. */
void roll_step(struct supervisor *s);

#endif
