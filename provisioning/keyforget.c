#include "keyforget.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "signer/keyring.h"

static void forget(struct buf *lines, const char *uri, unsigned *count)
{
    buf_addf(lines, "%s %s\n", KEYRING_FORGOTTEN, uri);
    (*count)++;
}

/* audit.key is no key of a domain; it is the one with that label. */
static bool has_label(const char *uri, const char *domain, const char *selector)
{
    const char *object = uri == NULL ? NULL : strstr(uri, "object=");
    size_t len = strlen(domain);
    if (object == NULL)
        return false;
    object += strlen("object=");
    return strncasecmp(object, domain, len) == 0 && object[len] == '/' &&
           strncasecmp(object + len + 1, selector, strlen(selector)) == 0 &&
           strchr(";?", object[len + 1 + strlen(selector)]) != NULL;
}

/* One write: the signer adds lines of its own. */
static int append(const struct config *c, struct bytes lines, struct buf *why)
{
    struct buf path = BUF_INIT;
    buf_addf(&path, "%s/audit/" KEYRING_FILE, c->state);
    int fd = open(buf_cstr(&path), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    bool absent = fd < 0 && errno == ENOENT; /* nothing was signed yet */
    bool ok = absent || (fd >= 0 && io_write(fd, lines) && fdatasync(fd) == 0);
    if (!ok)
        buf_addf(why, "%s: %s", buf_cstr(&path), strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    buf_free(&path);
    return ok ? ZEGEL_OK : ZEGEL_ERR_SYSTEM;
}

int keyforget(const struct config *c, const char *domain, const char *selector, unsigned *count, struct buf *why)
{
    struct buf lines = BUF_INIT;
    *count = 0;
    for (unsigned d = 0; d < c->domains_count; d++)
        for (unsigned k = 0; strcasecmp(c->domains[d].domain, domain) == 0 && k < c->domains[d].keys_count; k++)
            if (strcasecmp(c->domains[d].keys[k].selector, selector) == 0)
                forget(&lines, c->domains[d].keys[k].key, count);
    if (has_label(c->audit.key, domain, selector))
        forget(&lines, c->audit.key, count);
    int err = lines.failed ? ZEGEL_ERR_NOMEM : *count == 0 ? ZEGEL_OK : append(c, buf_bytes(&lines), why);
    buf_free(&lines);
    return err;
}
