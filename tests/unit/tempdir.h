/* tempdir: a directory of the test's own, and all that came to be in it, go away. */
#ifndef ZEGEL_UNIT_TEMPDIR_H
#define ZEGEL_UNIT_TEMPDIR_H

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static int tempdir_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void tempdir_remove(const char *dir)
{
    (void)nftw(dir, tempdir_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
