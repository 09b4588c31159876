#include "config/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "config/check.h"

enum { SOCKET_PATH_MAX = 107 };

/* Anybody on this machine may ask; nobody else. */
static int check_listen(const struct config *c, const char *l, const char *file, struct buf *why)
{
    unsigned port;
    int end = 0;
    for (unsigned i = 0; i < c->listen_count; i++)
        if (strcmp(c->listen[i], l) == 0)
            return config_bad(why, file, "status.listen", l, "is under listen: too, where MTAs come");
    if (strncmp(l, "unix:/", 6) == 0)
        return strlen(l) - 5 <= SOCKET_PATH_MAX
                   ? ZEGEL_OK
                   : config_bad(why, file, "status.listen", l, "path too long for a socket (107 octets)");
    if (((sscanf(l, "inet:%5u@127.0.0.1%n", &port, &end) == 1 && end > 0) ||
         (sscanf(l, "inet6:%5u@::1%n", &port, &end) == 1 && end > 0)) &&
        l[end] == '\0' && port > 0 && port < 65536)
        return ZEGEL_OK;
    return config_bad(why, file, "status.listen", l, "must be unix:/PATH, inet:PORT@127.0.0.1 or inet6:PORT@::1");
}

/* Without status.listen: a socket in the state directory, for whoever may look in there. */
static int set_default_listen(struct config *c)
{
    struct buf name = BUF_INIT;
    buf_addf(&name, "unix:%s/status.sock", c->state);
    int err = name.failed ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
    if (err == ZEGEL_OK && name.len - 5 <= SOCKET_PATH_MAX) { /* as libcyaml allocates: with malloc */
        c->status.listen = calloc(1, sizeof(char *));
        char *copy = c->status.listen == NULL ? NULL : strdup(buf_cstr(&name));
        if (copy != NULL)
            c->status.listen[c->status.listen_count++] = copy;
        else
            err = ZEGEL_ERR_NOMEM;
    }
    buf_free(&name);
    return err;
}

int64_t status_day(const char *text)
{
    struct tm tm = {0};
    char again[16];
    if (text == NULL)
        return 0;
    const char *end = strptime(text, "%Y-%m-%d", &tm);
    if (end == NULL || *end != '\0' || strftime(again, sizeof again, "%Y-%m-%d", &tm) == 0 || strcmp(text, again) != 0)
        return -1;
    int64_t t = timegm(&tm); /* which would make March of February 30th */
    return t > 0 && tm.tm_mday == (text[8] - '0') * 10 + text[9] - '0' ? t : -1;
}

int status_check(struct config *c, const char *file, struct buf *why)
{
    int err = ZEGEL_OK;
    char ignored[LOG_WHERE_MAX];
    if (c->log != NULL && !log_resolve(c->log, ignored))
        return config_bad(why, file, "log", c->log,
                          "must be auto, stderr, journal or syslog (these two also with :/PATH of the socket)");
    if (c->status.language == NULL && (c->status.language = strdup("en")) == NULL)
        return ZEGEL_ERR_NOMEM;
    if (strcmp(c->status.language, "en") != 0 && strcmp(c->status.language, "nl") != 0)
        return config_bad(why, file, "status.language", c->status.language, "must be en or nl");
    for (unsigned i = 0; i < c->status.listen_count && err == ZEGEL_OK; i++)
        err = check_listen(c, c->status.listen[i], file, why);
    if (err == ZEGEL_OK && c->status.off && c->status.listen_count > 0)
        return config_bad(why, file, "status.listen", c->status.listen[0], "is there, but status.run: no; one of them has to go");
    return err != ZEGEL_OK || c->status.off || c->status.listen_count > 0 ? err : set_default_listen(c);
}
