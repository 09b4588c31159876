#include "pkcs11/module.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "base/err.h"
#include "pkcs11/ckr.h"

int module_open(const char *path, struct module **out, struct buf *why)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_C_GetFunctionList get;
    CK_RV rv;
    struct module *m = calloc(1, sizeof *m);
    *out = NULL;
    if (m == NULL || (m->path = strdup(path)) == NULL) {
        free(m);
        return ZEGEL_ERR_NOMEM;
    }
    m->handle = path[0] == '/' ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (m->handle == NULL) {
        const char *reason = path[0] == '/' ? dlerror() : "not an absolute path";
        buf_addf(why, "module %s: cannot be loaded: %s; check module: in the configuration", path, reason == NULL ? "?" : reason);
        goto fail;
    }
    void *symbol = dlsym(m->handle, "C_GetFunctionList");
    memcpy(&get, &symbol, sizeof get); /* ISO C has no cast from object to function pointer */
    if (symbol == NULL || get(&m->f) != CKR_OK || m->f == NULL) {
        buf_addf(why, "module %s: is no PKCS#11 module (no usable C_GetFunctionList)", path);
        goto fail;
    }
    rv = m->f->C_Initialize(&args);
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        buf_addf(why, "module %s: C_Initialize: %s; see the module's own configuration", path, ckr_name(rv));
        goto fail;
    }
    *out = m;
    return ZEGEL_OK;
fail:
    free(m->path);
    free(m);
    return ZEGEL_ERR_MODULE;
}

/* Not unloaded: vendor code leaves threads and exit handlers behind that would run into unmapped memory (SoftHSM#635). */
void module_close(struct module *m)
{
    if (m == NULL)
        return;
    (void)m->f->C_Finalize(NULL);
    free(m->path);
    free(m);
}
