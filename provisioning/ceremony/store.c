#include "ceremony/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"

enum { HASHED_FILE_MAX = 256 * 1024 * 1024 };

static const char *path_of(const char *dir, const char *name, struct buf *path)
{
    buf_clear(path);
    buf_addf(path, "%s/%s", dir, name);
    return buf_cstr(path);
}

bool store_has(const char *dir, const char *name)
{
    struct buf path = BUF_INIT;
    bool has = access(path_of(dir, name, &path), F_OK) == 0;
    buf_free(&path);
    return has;
}

int store_read(const char *dir, const char *name, struct buf *content, struct buf *why)
{
    struct buf path = BUF_INIT;
    int err = io_read_file(path_of(dir, name, &path), STORE_FILE_MAX, content, why);
    buf_free(&path);
    return err;
}

int store_sync(const char *dir, struct buf *why)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        buf_addf(why, "%s: cannot be made durable: %s; use another disk", dir, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return ok ? ZEGEL_OK : ZEGEL_ERR_SYSTEM;
}

static int write_new(const char *dir, const char *name, struct bytes content, struct buf *why)
{
    struct buf path = BUF_INIT, temporary = BUF_INIT;
    int err = ZEGEL_OK;
    buf_addf(&temporary, "%s/.%s.tmp", dir, name);
    int fd = open(buf_cstr(&temporary), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && io_write(fd, content) && fsync(fd) == 0;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    if (!ok || rename(buf_cstr(&temporary), path_of(dir, name, &path)) != 0) {
        buf_addf(why, "%s/%s: cannot be written: %s; free space or mend the permissions, then run the same command again", dir,
                 name, strerror(errno));
        (void)unlink(buf_cstr(&temporary));
        err = ZEGEL_ERR_SYSTEM;
    }
    if (err == ZEGEL_OK)
        err = store_sync(dir, why);
    buf_free(&temporary);
    buf_free(&path);
    return err;
}

int store_write(const char *dir, const char *name, struct bytes content, struct buf *why)
{
    struct buf there = BUF_INIT;
    int err = ZEGEL_OK;
    if (!store_has(dir, name)) {
        err = write_new(dir, name, content, why);
    } else if ((err = store_read(dir, name, &there, why)) == ZEGEL_OK && !bytes_eq(buf_bytes(&there), content)) {
        buf_addf(why, "%s/%s: is there already with other content; nothing was overwritten", dir, name);
        err = ZEGEL_ERR_EXISTS;
    }
    buf_free(&there);
    return err;
}

int store_write_json(const char *dir, const char *name, const json_t *j, struct buf *why)
{
    struct buf text = BUF_INIT;
    int err = canon_json(j, &text) ? store_write(dir, name, buf_bytes(&text), why) : ZEGEL_ERR_NOMEM;
    buf_free(&text);
    return err;
}

int store_hash(const char *path, char out[CANON_HEX], struct buf *why)
{
    struct buf content = BUF_INIT;
    int err = io_read_file(path, HASHED_FILE_MAX, &content, why);
    canon_hash(buf_bytes(&content), out);
    buf_free(&content);
    return err;
}
