/* session: one SMTP connection as libmilter shows it, one message after another. */
#ifndef ZEGEL_MILTER_SESSION_H
#define ZEGEL_MILTER_SESSION_H

#include <libmilter/mfapi.h>

/* The callbacks for smfi_register. */
extern struct smfiDesc session_milter;

#endif
