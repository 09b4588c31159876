/* reload: the configuration, read and put in force. */
#ifndef ZEGEL_SUPERVISOR_RELOAD_H
#define ZEGEL_SUPERVISOR_RELOAD_H

#include "supervisor/supervisor.h"

/* Read it into *c, and into *fd for the children. ZEGEL_OK or an error (said in the log). */
int reload_read(const char *path, struct config **c, int *fd);
/* SIGHUP: the new one comes into force, in the running processes or in new ones; or the old one stays, and the log says why. */
void reload(struct supervisor *s);

#endif
