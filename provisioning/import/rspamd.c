#include "import/import.h"

#include "base/err.h"

int import_rspamd(const char *file, struct import *out, struct buf *why)
{
    *out = (struct import){.signer = "rspamd"};
    buf_addf(why, "%s: not yet", file);
    return ZEGEL_ERR_CONFIG;
}
