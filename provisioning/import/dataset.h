/* dataset: OpenDKIM's lists and tables: file:, refile:, csl: (or a list without a prefix). Databases, LDAP, Lua are not read. */
#ifndef ZEGEL_IMPORT_DATASET_H
#define ZEGEL_IMPORT_DATASET_H

#include "import/import.h"

struct dataset_entry {
    char *key;
    char *value; /* "": none */
    unsigned line;
};

struct dataset {
    char *file;    /* that the entries stand in */
    bool patterns; /* refile: keys have * for any text, and count in their order */
    struct dataset_entry *entries;
    size_t count;
};

/* `spec` stands at `at` as the value of `what`. `base`: directory of relative paths, or NULL. False: not read, or not
 * all of it, said in a line, and *out is empty. */
bool dataset_read(struct import *im, const char *spec, const char *base, struct import_place at, const char *what,
                  struct dataset *out);
void dataset_clear(struct dataset *d);

#endif
