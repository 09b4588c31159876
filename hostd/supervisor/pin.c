#include "supervisor/pin.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/io.h"

enum { PIN_MAX = 255 };

static int read_secret(const char *path, struct buf *pin, struct buf *why)
{
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0) {
        buf_addf(why, "%s: others may read or change it; chmod 0600 it", path);
        return ZEGEL_ERR_CONFIG;
    }
    if (!buf_lock(pin)) {
        buf_addf(why, "%s: no memory for it that is never swapped out (mlock); raise LimitMEMLOCK", path);
        return ZEGEL_ERR_SYSTEM;
    }
    if (io_read_file(path, PIN_MAX + 2, pin, why) != ZEGEL_OK)
        return ZEGEL_ERR_CONFIG;
    if (pin->len > 0 && pin->data[pin->len - 1] == '\n')
        pin->len--;
    if (pin->len > 0 && pin->data[pin->len - 1] == '\r')
        pin->len--;
    if (pin->len == 0 || pin->len > PIN_MAX) {
        buf_addf(why, "%s: holds no PIN of 1 to %d octets", path, PIN_MAX);
        return ZEGEL_ERR_CONFIG;
    }
    return ZEGEL_OK;
}

int pin_read(const struct config_token *t, struct buf *pin, struct buf *why)
{
    if (strcmp(t->pin, "pinpad") == 0)
        return ZEGEL_OK;
    if (strncmp(t->pin, "file:", 5) == 0)
        return read_secret(t->pin + 5, pin, why);
    if (strncmp(t->pin, "credential:", 11) == 0) {
        const char *dir = getenv("CREDENTIALS_DIRECTORY");
        struct buf path = BUF_INIT;
        int err = ZEGEL_ERR_CONFIG;
        buf_addf(&path, "%s/%s", dir == NULL ? "" : dir, t->pin + 11);
        if (dir == NULL)
            buf_addf(why, "token %s: pin: %s: $CREDENTIALS_DIRECTORY is not set; is LoadCredential= in the unit?", t->name,
                     t->pin);
        else
            err = read_secret(buf_cstr(&path), pin, why);
        buf_free(&path);
        return err;
    }
    buf_addf(why, "token %s: pin: %s: a daemon has nobody to ask; use file:, credential: or pinpad", t->name, t->pin);
    return ZEGEL_ERR_CONFIG;
}
