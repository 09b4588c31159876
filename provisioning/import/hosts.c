#include "import/hosts.h"

#include <stdio.h>

#include "config/network.h"

enum { NETWORK_TEXT_MAX = 64 };

/* An entry as an address or network, without the brackets that it may have; false: it is a name, or nothing. */
static bool read_network(const char *entry, char text[NETWORK_TEXT_MAX], struct network *out)
{
    size_t n = 0;
    for (const char *p = entry[0] == '!' ? entry + 1 : entry; *p != '\0' && n + 1 < NETWORK_TEXT_MAX; p++)
        if (*p != '[' && *p != ']')
            text[n++] = *p;
    text[n] = '\0';
    return network_parse(text, out);
}

static bool overlaps(const struct network *a, const struct network *b)
{
    return network_within(a, b) || network_within(b, a);
}

/* The first entry of `list` for which no mail is signed (with !, or any: a peer) and that shares an address with `n`; NULL: none.
 */
static const struct dataset_entry *find_exception(const struct dataset *list, bool any, const struct network *n)
{
    struct network other;
    char text[NETWORK_TEXT_MAX];
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct dataset_entry *e = &list->entries[i];
        if ((e->key[0] == '!') != any && read_network(e->key, text, &other) && overlaps(&other, n))
            return e;
    }
    return NULL;
}

static void take(struct import *im, const struct dataset *signs, const struct dataset *peers, const struct dataset_entry *e)
{
    struct import_place at = {signs->file, e->line};
    struct network n;
    char text[NETWORK_TEXT_MAX];
    if (!read_network(e->key, text, &n)) {
        import_say(im, IMPORT_NOT_CARRIED, at, e->key,
                   strchr(e->key, '/') != NULL
                       ? "is no network: bits behind the prefix are set; write it exactly under trusted-networks:"
                       : "is a name, which the client's reverse DNS could claim: write addresses under trusted-networks:");
        return;
    }
    if (e->key[0] == '!') {
        import_say(im, IMPORT_CARRIED, at, e->key, "not under trusted-networks:, nor a network that contains it");
        return;
    }
    const struct dataset_entry *but = find_exception(signs, false, &n);
    if (but == NULL)
        but = find_exception(peers, true, &n);
    if (but != NULL) {
        import_say(im, IMPORT_NOT_CARRIED, at, e->key,
                   "%s in it does not sign: write the rest of it under trusted-networks:", but->key);
        return;
    }
    if (!import_has_text(im->networks, im->networks_count, text))
        (void)import_add_text(im, &im->networks, &im->networks_count, text);
    import_say(im, IMPORT_CARRIED, at, e->key, "trusted-networks");
}

void hosts_import(struct import *im, const struct dataset *signs, const struct dataset *peers)
{
    char text[NETWORK_TEXT_MAX];
    struct network n;
    for (size_t i = 0; i < signs->count; i++)
        take(im, signs, peers, &signs->entries[i]);
    for (size_t i = 0; peers != NULL && i < peers->count; i++) {
        struct import_place at = {peers->file, peers->entries[i].line};
        if (read_network(peers->entries[i].key, text, &n))
            import_say(im, IMPORT_CARRIED, at, peers->entries[i].key, "not under trusted-networks:");
        else
            import_say(im, IMPORT_NOT_CARRIED, at, peers->entries[i].key,
                       "is a name: see that its addresses are not under trusted-networks:");
    }
}
