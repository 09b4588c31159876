#include "pkcs11/module.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "pkcs11/ckr.h"

static bool hash_file(int fd, char hex[2 * 32 + 1])
{
    uint8_t room[16384], hash[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    ssize_t n = 1;
    while (ok && (n = read(fd, room, sizeof room)) > 0)
        ok = EVP_DigestUpdate(ctx, room, (size_t)n) == 1;
    ok = ok && n == 0 && EVP_DigestFinal_ex(ctx, hash, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (ok)
        bytes_hex(bytes_of(hash, 32), hex);
    return ok;
}

/* Whoever can write the file can have the PIN. */
static bool is_trustworthy(const char *path, const char *sha256, struct buf *why)
{
    char hex[2 * 32 + 1] = "";
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true; /* dlopen has the better message */
    bool ok = fstat(fd, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    if (!ok)
        buf_addf(why, "module %s: not loaded: others than root can write that file", path);
    else if (sha256 != NULL && (!hash_file(fd, hex) || strcmp(hex, sha256) != 0)) {
        buf_addf(why, "module %s: not loaded: its SHA-256 is %s, not that of module-sha256:", path, hex);
        ok = false;
    }
    (void)close(fd);
    return ok;
}

static int initialise(struct module *m, struct buf *why)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv = m->f->C_Initialize(&args);
    if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return ZEGEL_OK;
    buf_addf(why, "module %s: C_Initialize: %s; see the module's own configuration", m->path, ckr_name(rv));
    return ZEGEL_ERR_MODULE;
}

int module_restart(struct module *m, struct buf *why)
{
    (void)m->f->C_Finalize(NULL);
    return initialise(m, why);
}

int module_open(const char *path, const char *sha256, struct module **out, struct buf *why)
{
    CK_C_GetFunctionList get;
    struct module *m = calloc(1, sizeof *m);
    *out = NULL;
    if (m == NULL || (m->path = strdup(path)) == NULL) {
        free(m);
        return ZEGEL_ERR_NOMEM;
    }
    if (path[0] == '/' && !is_trustworthy(path, sha256, why))
        goto fail;
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
    if (initialise(m, why) != ZEGEL_OK)
        goto fail;
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
