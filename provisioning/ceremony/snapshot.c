#include "ceremony/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "ceremony/store.h"

static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/* Nothing in a name or a path can pass for a line of its own. */
static int refuse(const struct snapshot *s, const char *name, const char *text, struct buf *why)
{
    buf_add_printable(why, bytes_str(s->dir));
    buf_add_u8(why, '/');
    buf_add_printable(why, bytes_str(name));
    buf_addf(why, ": %s; nothing here was used", text);
    return ZEGEL_ERR_FORMAT;
}

static int read_one(const struct snapshot *s, int dir, const char *name, size_t room, struct buf *content, struct buf *why)
{
    struct stat st;
    if (strspn(name, allowed) != strlen(name))
        return refuse(s, name, "is no name of a ceremony's file", why);
    /* Looked at before it is opened: opening a device may do something. */
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return refuse(s, name, "is no regular file", why);
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int err = fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ? ZEGEL_ERR_SYSTEM : ZEGEL_OK;
    if (err != ZEGEL_OK)
        buf_addf(why, "%s/%s: %s", s->dir, name, fd < 0 ? strerror(errno) : "is no regular file");
    else if (st.st_size > STORE_FILE_MAX || (size_t)st.st_size > room)
        err = refuse(s, name, "is larger than anything that a ceremony makes", why);
    else
        err = io_read_fd(fd, name, STORE_FILE_MAX, content, why); /* it may grow meanwhile */
    if (fd >= 0)
        (void)close(fd);
    return err;
}

static int add(struct snapshot *s, int dir, const char *name, size_t *room, struct buf *why)
{
    if (s->count == SNAPSHOT_FILES_MAX)
        return refuse(s, name, "is one file more than any ceremony has", why);
    struct snapshot_file *f = &s->files[s->count];
    int err = read_one(s, dir, name, *room, &f->content, why);
    if (err == ZEGEL_OK && f->content.len > *room)
        err = refuse(s, name, "grows while it is read", why);
    if (err != ZEGEL_OK) {
        buf_free(&f->content);
        return err;
    }
    (void)memcpy(f->name, name, strlen(name) + 1);
    *room -= f->content.len;
    s->count++;
    return ZEGEL_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct snapshot_file *)a)->name, ((const struct snapshot_file *)b)->name);
}

/* Every message and the verdict name it. */
static bool is_plain(const char *dir)
{
    for (; *dir != '\0'; dir++)
        if ((unsigned char)*dir < ' ' || *dir == 127)
            return false;
    return true;
}

int snapshot_take(const char *dir, struct snapshot *out, struct buf *why)
{
    size_t room = SNAPSHOT_OCTETS_MAX;
    struct dirent *e;
    *out = (struct snapshot){.dir = dir};
    if (!is_plain(dir)) {
        buf_add_printable(why, bytes_str(dir));
        buf_add_str(why, ": the name of the directory has control characters; rename it");
        return ZEGEL_ERR_FORMAT;
    }
    DIR *d = opendir(dir);
    *out = (struct snapshot){.dir = dir, .files = calloc(SNAPSHOT_FILES_MAX, sizeof *out->files)};
    int err = d == NULL || out->files == NULL ? ZEGEL_ERR_SYSTEM : ZEGEL_OK;
    if (err != ZEGEL_OK) {
        buf_add_printable(why, bytes_str(dir));
        buf_addf(why, ": %s", strerror(errno));
    }
    while (err == ZEGEL_OK && (e = readdir(d)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            err = add(out, dirfd(d), e->d_name, &room, why);
    if (d != NULL)
        (void)closedir(d);
    if (err == ZEGEL_OK)
        qsort(out->files, out->count, sizeof *out->files, by_name);
    else
        snapshot_free(out);
    return err;
}

void snapshot_free(struct snapshot *s)
{
    for (size_t i = 0; i < s->count; i++)
        buf_free(&s->files[i].content);
    free(s->files);
    *s = (struct snapshot){.dir = s->dir};
}

const struct buf *snapshot_find(const struct snapshot *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->files[i].name, name) == 0)
            return &s->files[i].content;
    return NULL;
}

int snapshot_get(const struct snapshot *s, const char *name, struct bytes *content, struct buf *why)
{
    const struct buf *b = snapshot_find(s, name);
    *content = b == NULL ? bytes_of(NULL, 0) : buf_bytes(b);
    if (b == NULL)
        buf_addf(why, "%s/%s: is not there", s->dir, name);
    return b == NULL ? ZEGEL_ERR_SYSTEM : ZEGEL_OK;
}
