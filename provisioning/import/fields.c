#include "import/fields.h"

#include "dkim/select.h"

enum { NAMES_MAX = 32 };

static bool signed_by_default(const char *name, bool oversign)
{
    struct bytes n = bytes_str(name);
    return select_lists(select_default.oversign, n) ||
           (!oversign && (select_lists(select_default.oversign_present, n) || select_lists(select_default.sign, n)));
}

static bool is_name(const char *name)
{
    return name[0] != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == strlen(name);
}

static void take(struct import *im, struct import_place at, const char *entry, bool oversign)
{
    const char *name = entry[0] == '+' || entry[0] == '-' ? entry + 1 : entry,
               *key = oversign ? "oversign-headers" : "sign-headers";
    char ***list = oversign ? &im->oversign : &im->sign;
    unsigned *count = oversign ? &im->oversign_count : &im->sign_count;
    if (strcmp(entry, "*") == 0 || strcmp(entry, ".") == 0)
        return;
    if (!is_name(name))
        import_say(im, IMPORT_NOT_CARRIED, at, entry, "is no header field name");
    else if (entry[0] == '-')
        import_say(im, IMPORT_NOT_CARRIED, at, entry, "%s",
                   signed_by_default(name, oversign)
                       ? "Zegel signs it: say so under the domain's lists of headers if that has to change"
                       : "not signed by Zegel either");
    else if (select_lists(select_transient, bytes_str(name)))
        import_say(im, IMPORT_NOT_CARRIED, at, entry, "changes on the way to the receiver: a signature over it would break");
    else if (signed_by_default(name, oversign))
        import_say(im, IMPORT_CARRIED, at, entry, "in any case");
    else if (*count >= NAMES_MAX)
        import_say(im, IMPORT_NOT_CARRIED, at, entry, "over %d names of your own", NAMES_MAX);
    else if (import_has_text(*list, *count, name) || import_add_text(im, list, count, name))
        import_say(im, IMPORT_CARRIED, at, entry, "%s", key);
}

void fields_import(struct import *im, const struct dataset *names, bool oversign)
{
    for (size_t i = 0; i < names->count; i++)
        take(im, (struct import_place){names->file, names->entries[i].line}, names->entries[i].key, oversign);
}
