/* session: one SMTP connection as libmilter shows it, one message after another. */
#ifndef ZEGEL_MILTER_SESSION_H
#define ZEGEL_MILTER_SESSION_H

#include <libmilter/mfapi.h>

#include "config/config.h"

/* The callbacks for smfi_register. */
extern struct smfiDesc session_milter;

/* The configuration that messages use from their first header field on; the one before lives until the last message that
 * began with it has ended. Takes `c` over. */
void session_set_config(struct config *c);

#endif
