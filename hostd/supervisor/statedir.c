#include "supervisor/statedir.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

static bool make_dir(const char *path, mode_t mode, const char *user)
{
    struct passwd *pw = user == NULL || geteuid() != 0 ? NULL : getpwnam(user);
    if (user != NULL && geteuid() == 0 && pw == NULL) {
        log_error("users: %s: no such user", user);
        return false;
    }
    if ((mkdir(path, mode) == 0 || errno == EEXIST) && (pw == NULL || chown(path, pw->pw_uid, pw->pw_gid) == 0))
        return true;
    log_error("state: %s: %s", path, strerror(errno));
    return false;
}

bool statedir_make(const struct config *c)
{
    char audit[PATH_MAX], pin[PATH_MAX];
    bool fits = snprintf(audit, sizeof audit, "%s/audit", c->state) < (int)sizeof audit &&
                snprintf(pin, sizeof pin, "%s/pin", c->state) < (int)sizeof pin;
    return fits && make_dir(c->state, 0711, NULL) && make_dir(audit, 0700, c->users.signer) &&
           make_dir(pin, 0700, c->users.token);
}
