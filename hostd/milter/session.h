/* session: one SMTP connection as libmilter shows it, one message after another. */
#ifndef ZEGEL_MILTER_SESSION_H
#define ZEGEL_MILTER_SESSION_H

#include <libmilter/mfapi.h>

/* The callbacks for smfi_register. */
extern struct smfiDesc session_milter;

/* Once, before any of them: `listen` is the one of listen: that this process serves. ZEGEL_OK or why signing cannot start. */
int session_start(const char *listen);

#endif
