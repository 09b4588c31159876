/* module: one vendor library, loaded from an absolute path and initialised with CKF_OS_LOCKING_OK by us. */
#ifndef ZEGEL_MODULE_H
#define ZEGEL_MODULE_H

#include "base/buf.h"
#include "pkcs11/cryptoki.h"

struct module {
    void *handle; /* dlopen */
    CK_FUNCTION_LIST *f;
    char *path;
};

/* ZEGEL_OK, ZEGEL_ERR_MODULE or ZEGEL_ERR_NOMEM; on failure one line in `why`. The caller closes it. `sha256`: 64 hexadecimal
 * digits that the file must hash to before any of it runs, or NULL. A file that others than root and we can write is refused. */
int module_open(const char *path, const char *sha256, struct module **out, struct buf *why);
/* C_Finalize and C_Initialize: what it read of its tokens before is forgotten, and every session with them is over. */
int module_restart(struct module *m, struct buf *why);
/* C_Finalize; the library stays mapped. NULL is fine. */
void module_close(struct module *m);

#endif
