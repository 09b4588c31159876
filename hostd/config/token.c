#include "config/token.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "config/check.h"

enum { SESSIONS_MAX = 256, DEADLINE_MAX_MS = 25000, DEADLINE_DEFAULT_MS = 10000, WORKERS_AUTO = 2 };

static bool is_token_name(const char *s)
{
    for (; *s != '\0'; s++)
        if (!((ascii_lower((uint8_t)*s) >= 'a' && ascii_lower((uint8_t)*s) <= 'z') || (*s >= '0' && *s <= '9') || *s == '-' ||
              *s == '_'))
            return false;
    return true;
}

bool token_pin_source_is_valid(const char *s)
{
    return strcmp(s, "prompt") == 0 || strcmp(s, "pinpad") == 0 || (strncmp(s, "file:/", 6) == 0) ||
           (strncmp(s, "credential:", 11) == 0 && s[11] != '\0' && strchr(s + 11, '/') == NULL);
}

static bool is_sha256(const char *s)
{
    return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

/* "auto" or nothing: *out is `automatic`. */
static bool count_of(const char *text, unsigned most, unsigned automatic, unsigned *out)
{
    char *end;
    *out = automatic;
    if (text == NULL || strcmp(text, "auto") == 0)
        return true;
    unsigned long n = strtoul(text, &end, 10);
    *out = (unsigned)n;
    return *end == '\0' && n >= 1 && n <= most;
}

/* profile: auto goes by the module's file name: what we do not know may be an HSM on the network. */
static void resolve_profile(struct config_token *t)
{
    if (t->profile != CONFIG_PROFILE_AUTO)
        return;
    bool reader = strstr(t->module, "opensc") != NULL || strstr(t->module, "zegel-pkcs11") != NULL;
    t->profile = strstr(t->module, "softhsm") != NULL ? CONFIG_PROFILE_LOCAL
                 : reader                             ? CONFIG_PROFILE_PCSC
                                                      : CONFIG_PROFILE_NETWORK;
}

/* A smartcard does one thing at a time, and nobody types a PIN twice. */
static unsigned workers_auto(const struct config_token *t)
{
    return t->profile == CONFIG_PROFILE_PCSC || strcmp(t->pin, "pinpad") == 0 ? 1 : WORKERS_AUTO;
}

/* One way to a token; `under`: where it stands. */
static int check_way(const char *under, const char *module, const char *sha256, const char *token, const char *file,
                     struct buf *why)
{
    char at[64];
    const char *key = NULL, *value = token, *must = NULL;
    if (module[0] != '/') {
        key = "module";
        value = module;
        must = "must be an absolute path";
    } else if (sha256 != NULL && !is_sha256(sha256)) {
        key = "module-sha256";
        value = sha256;
        must = "must be 64 hexadecimal digits, as sha256sum prints them";
    } else if (strncmp(token, "pkcs11:", 7) != 0) {
        key = "token";
        must = "must be a pkcs11: URI (RFC 7512)";
    } else if (strstr(token, "pin-value") != NULL) {
        key = "token";
        value = "pkcs11:...";
        must = "no PIN belongs into a URI; use pin:";
    }
    (void)snprintf(at, sizeof at, "%s.%s", under, key == NULL ? "" : key);
    return key == NULL ? ZEGEL_OK : config_bad(why, file, at, value, must);
}

static int check_text(const struct config *c, const struct config_token *t, const char *file, struct buf *why)
{
    if (!is_token_name(t->name))
        return config_bad(why, file, "tokens.name", t->name, "letters, digits, - and _ only");
    for (const struct config_token *o = c->tokens; o < t; o++)
        if (strcmp(o->name, t->name) == 0)
            return config_bad(why, file, "tokens.name", t->name, "stands there twice");
    int err = check_way("tokens", t->module, t->module_sha256, t->token, file, why);
    if (err == ZEGEL_OK && t->prefer.module != NULL)
        err = check_way("tokens.prefer", t->prefer.module, t->prefer.module_sha256, t->prefer.token, file, why);
    if (err != ZEGEL_OK)
        return err;
    if (!token_pin_source_is_valid(t->pin))
        return config_bad(why, file, "tokens.pin", t->name, "must be file:/PATH, credential:NAME, prompt or pinpad");
    return ZEGEL_OK;
}

int token_check(struct config *c, unsigned token, const char *file, struct buf *why)
{
    struct config_token *t = &c->tokens[token];
    int err = check_text(c, t, file, why);
    if (err != ZEGEL_OK)
        return err;
    resolve_profile(t);
    if (!count_of(t->sessions, SESSIONS_MAX, 0, &t->sessions_n))
        return config_bad(why, file, "tokens.sessions", t->sessions, "must be auto or 1 to 256");
    if (!count_of(t->workers, CONFIG_WORKERS_MAX, workers_auto(t), &t->workers_n))
        return config_bad(why, file, "tokens.workers", t->workers, "must be auto or 1 to 4");
    t->deadline_ms = t->deadline == NULL ? DEADLINE_DEFAULT_MS : config_duration_ms(t->deadline);
    if (t->deadline_ms < 100 || t->deadline_ms > DEADLINE_MAX_MS)
        return config_bad(why, file, "tokens.deadline", t->deadline, "must be 100ms to 25s (the MTA waits 30 s)");
    return ZEGEL_OK;
}
