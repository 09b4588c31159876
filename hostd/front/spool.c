#include "front/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

const char *spool_directory(void)
{
    const char *dir = secure_getenv("TMPDIR"); /* tmpfile(3) of glibc does not look there */
    return dir == NULL || dir[0] == '\0' ? "/tmp" : dir;
}

/* For file systems without O_TMPFILE. */
static int open_and_unlink(void)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/zegel-XXXXXX", spool_directory()) >= (int)sizeof path)
        return -1;
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

FILE *spool_open(void)
{
    int fd = open(spool_directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        fd = open_and_unlink();
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");
    if (file == NULL && fd >= 0)
        (void)close(fd);
    return file;
}
