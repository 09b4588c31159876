#include "left.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/log.h"

enum { FILE_MAX = 4 * 1024 * 1024 }; /* as zegel-status reads */

void left_write(const struct config *c, const char *name, const json_t *j)
{
    struct buf path = BUF_INIT, why = BUF_INIT;
    char *text = json_dumps(j, JSON_ENSURE_ASCII);
    buf_addf(&path, "%s/status", c->state);
    if (text != NULL && access(buf_cstr(&path), F_OK) == 0) {
        buf_addf(&path, "/%s", name);
        if (io_replace_file(buf_cstr(&path), 0644, bytes_str(text), &why) != ZEGEL_OK)
            log_warn("zegel-status will not know of this: %s", buf_cstr(&why));
    }
    free(text);
    buf_free(&path);
    buf_free(&why);
}

json_t *left_read(const struct config *c, const char *name)
{
    struct buf path = BUF_INIT, text = BUF_INIT, ignored = BUF_INIT;
    buf_addf(&path, "%s/status/%s", c->state, name);
    json_t *j = io_read_file(buf_cstr(&path), FILE_MAX, &text, &ignored) == ZEGEL_OK
                    ? json_loadb((const char *)text.data, text.len, 0, NULL)
                    : NULL;
    buf_free(&path);
    buf_free(&text);
    buf_free(&ignored);
    return j;
}
