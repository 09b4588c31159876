/* settings: a file of "Name value" lines, as OpenDKIM and dkimpy-milter have it, read against a table of all options there are.
 */
#ifndef ZEGEL_IMPORT_SETTINGS_H
#define ZEGEL_IMPORT_SETTINGS_H

#include "import/import.h"

struct setting_option {
    const char *name;
    enum { SETTING_READ, SETTING_NOT_NEEDED, SETTING_LOST, SETTING_LOST_IF_TRUE } what; /* READ: whoever reads it says its fate */
    const char *why;
};

struct setting {
    const struct setting_option *option;
    char *value;
    char *file;
    unsigned line;
};

struct settings {
    struct setting *list;
    unsigned count;
};

/* Reads FILE and, where `include`, what it includes. Says the fate of every option that is not SETTING_READ, and of names that
 * are not in the table (which ends with a NULL name). ZEGEL_OK or ZEGEL_ERR_CONFIG with a line in `why`. */
int settings_read(struct import *im, const char *file, const struct setting_option *table, bool include, struct settings *out,
                  struct buf *why);
void settings_clear(struct settings *s);
/* The last one of this name, which is the one that holds; NULL: none. */
const struct setting *settings_get(const struct settings *s, const char *name);
struct import_place settings_place(const struct setting *s);

#endif
