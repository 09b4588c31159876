/* upgrade: zegeld becomes the program that now lies where it was started from. The process stays the same one, and so do its
 * children and sockets; the new program takes them over and replaces the children (roll.h). */
#ifndef ZEGEL_SUPERVISOR_UPGRADE_H
#define ZEGEL_SUPERVISOR_UPGRADE_H

#include "supervisor/supervisor.h"

/* Does not return when it succeeds. Otherwise the log says why not, and all goes on as before: above all when the new program
 * does not find the configuration good. */
void upgrade_begin(struct supervisor *s);
/* In the new program, at start: take over what the old one left. False when there was none. */
bool upgrade_take(struct supervisor *s);

#endif
