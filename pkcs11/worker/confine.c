#include "worker/confine.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "sandbox/sandbox.h"

/* What any module reads, and what the common ones do. /etc as a whole is not among it: it may hold PINs. */
static const char *const module_paths[] = {"/usr",           "/lib",
                                           "/lib64",         "/etc/ld.so.cache",
                                           "/etc/localtime", "/etc/ssl",
                                           "/etc/softhsm",   "/etc/opensc",
                                           "/etc/pkcs11",    "/etc/resolv.conf",
                                           "/etc/hosts",     "/etc/nsswitch.conf",
                                           "/etc/services",  "/run/pcscd",
                                           "/dev/null",      "/dev/urandom",
                                           "/dev/random",    "/proc/self",
                                           "/proc/cpuinfo",  "/sys/devices/system/cpu"};

static enum sandbox_profile profile_of(const struct config_token *t)
{
    switch (t->profile) {
    case CONFIG_PROFILE_LOCAL: return SANDBOX_TOKEN_LOCAL;
    case CONFIG_PROFILE_PCSC: return SANDBOX_TOKEN_PCSC;
    case CONFIG_PROFILE_AUTO:
    case CONFIG_PROFILE_NETWORK: break;
    }
    return SANDBOX_TOKEN_NETWORK;
}

/* SoftHSM writes its PIN flags with every login. Where it cannot, its token is of no more use to the process after the first
 * one. Outside its usual place it says where in its configuration: "directories.tokendir = DIR". */
static void softhsm_paths(struct sandbox *s, char tokendir[512])
{
    const char *conf = getenv("SOFTHSM2_CONF");
    char line[600];
    FILE *f = conf == NULL ? NULL : fopen(conf, "re");
    s->write[s->write_count++] = "/var/lib/softhsm";
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (s->write_count == 1 && sscanf(line, " directories.tokendir = %511s", tokendir) == 1)
            s->write[s->write_count++] = tokendir;
    if (f != NULL) {
        (void)fclose(f);
        s->read[s->read_count++] = conf;
    }
}

bool confine(const struct config *c, const struct config_token *t)
{
    struct sandbox s = {.profile = profile_of(t), .landlock_optional = c->landlock_optional};
    struct buf why = BUF_INIT, latch = BUF_INIT;
    char tokendir[512];
    for (size_t i = 0; i < sizeof module_paths / sizeof module_paths[0]; i++)
        s.read[s.read_count++] = module_paths[i];
    s.read[s.read_count++] = t->module;
    if (t->prefer.module != NULL)
        s.read[s.read_count++] = t->prefer.module;
    softhsm_paths(&s, tokendir);
    for (unsigned i = 0; i < t->read_count && s.read_count < SANDBOX_PATHS_MAX; i++)
        s.read[s.read_count++] = t->read[i];
    buf_addf(&latch, "%s/pin", c->state);
    s.write[s.write_count++] = buf_cstr(&latch);
    for (unsigned i = 0; i < t->write_count && s.write_count < SANDBOX_PATHS_MAX; i++)
        s.write[s.write_count++] = t->write[i];
    bool ok = sandbox_apply(&s, &why) == ZEGEL_OK;
    if (!ok)
        log_error("%s", buf_cstr(&why));
    buf_free(&why);
    buf_free(&latch);
    return ok;
}
