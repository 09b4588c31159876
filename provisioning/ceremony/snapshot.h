/* snapshot: a ceremony's directory, read once and only once, so that what was checked is what is used. Such a directory comes
 * over an air gap: it may be somebody else's work. Symbolic links, FIFOs, devices, directories, names that no ceremony gives,
 * too many files and too large ones are refused, and none of them is waited for. */
#ifndef ZEGEL_CEREMONY_SNAPSHOT_H
#define ZEGEL_CEREMONY_SNAPSHOT_H

#include "ceremony/canon.h"

enum { SNAPSHOT_FILES_MAX = 512, SNAPSHOT_NAME_MAX = 255, SNAPSHOT_OCTETS_MAX = 64 * 1024 * 1024 };

struct snapshot_file {
    char name[SNAPSHOT_NAME_MAX + 1]; /* letters, digits, dot, hyphen, underscore */
    struct buf content;
};

struct snapshot {
    const char *dir; /* as given: for messages */
    struct snapshot_file *files;
    size_t count;
};

/* Sorted by name. ZEGEL_ERR_FORMAT when there is something in it that does not belong in any ceremony. */
int snapshot_take(const char *dir, struct snapshot *out, struct buf *why);
void snapshot_free(struct snapshot *s);
/* The content, borrowed; NULL when there is no such file. */
const struct buf *snapshot_find(const struct snapshot *s, const char *name);
/* The same; its absence is ZEGEL_ERR_SYSTEM. */
int snapshot_get(const struct snapshot *s, const char *name, struct bytes *content, struct buf *why);

#endif
