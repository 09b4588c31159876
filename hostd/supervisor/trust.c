#include "supervisor/trust.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* In a directory with the sticky bit nobody can take away what is another's. */
static bool is_roots_alone(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return true;
    bool sticky = S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX) != 0;
    return st.st_uid == 0 && ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 || sticky);
}

static bool refuse(const char *path)
{
    log_error("%s: others than root can write it; chown root, chmod go-w", path);
    return false;
}

/* The path itself and all above it. */
static bool trust_chain(const char *path)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof part)
        return refuse(path);
    memcpy(part, path, len + 1);
    for (char *slash = part + len; slash != NULL; slash = strrchr(part, '/')) {
        *slash = '\0';
        if (!is_roots_alone(part[0] == '\0' ? "/" : part))
            return refuse(part[0] == '\0' ? "/" : part);
    }
    return true;
}

bool trust_file(const char *path)
{
    char *real = geteuid() != 0 ? NULL : realpath(path, NULL);
    bool ok = real == NULL || trust_chain(real);
    if (ok && real != NULL && path[0] == '/') /* where a link stands may not be others' either */
        ok = trust_chain(path);
    free(real);
    return ok;
}

bool trust_environment(void)
{
    static const char *const names[] = {"LD_PRELOAD",        "LD_LIBRARY_PATH", "LD_AUDIT",        "GCONV_PATH",
                                        "OPENSSL_CONF",      "OPENSSL_MODULES", "OPENSSL_ENGINES", "SOFTHSM2_CONF",
                                        "ZEGEL_LIBEXEC_DIR", "OPENSC_CONF"};
    bool ok = true;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && geteuid() == 0; i++) {
        const char *value = getenv(names[i]);
        char *copy = value == NULL ? NULL : strdup(value), *rest = NULL;
        ok = ok && (value == NULL || copy != NULL);
        for (char *path = copy == NULL ? NULL : strtok_r(copy, ": ", &rest); path != NULL; path = strtok_r(NULL, ": ", &rest))
            if (!is_roots_alone(path)) {
                log_error("environment: %s: %s: others than root can write it; not started with it", names[i], path);
                ok = false;
            }
        free(copy);
    }
    return ok;
}
