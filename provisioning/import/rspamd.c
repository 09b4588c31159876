/* rspamd's dkim_signing: the module's section, or the file of local.d with what is inside of it. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/err.h"
#include "base/io.h"
#include "dkim/domain.h"
#include "import/hosts.h"
#include "import/ucl.h"

enum what { READ, NOT_NEEDED, LOST, LOST_IF_TRUE, LOST_IF_FALSE };

static const char keys[] = "new keys, with new selectors, are made in the token: see the plan",
                  inside[] = "how rspamd works inside",
                  from_only[] = "the domain is that of From, always: what readers see and DMARC checks";

static const struct option {
    const char *name;
    enum what what;
    const char *why;
} options[] = {
    {"domain", READ, NULL},
    {"selector", READ, NULL},
    {"path", READ, NULL},
    {"selector_map", READ, NULL},
    {"path_map", READ, NULL},
    {"use_esld", READ, NULL},
    {"sign_local", READ, NULL},
    {"sign_networks", READ, NULL},
    {"enabled", READ, NULL},
    {"sign_authenticated", LOST_IF_FALSE, "Zegel signs for authenticated users: bar them under senders:"},
    {"allow_username_mismatch", LOST_IF_TRUE, "users may send as their own domain only: more of them under senders:"},
    {"allow_hdrfrom_multiple", LOST_IF_TRUE, "two From fields are refused: no receiver reads them in one way"},
    {"allow_hdrfrom_mismatch", NOT_NEEDED,
     "the domain is that of From; the envelope's plays no part, unless senders: has envelope:"},
    {"allow_hdrfrom_mismatch_local", NOT_NEEDED, "the domain is that of From; the envelope's plays no part"},
    {"allow_hdrfrom_mismatch_sign_networks", NOT_NEEDED, "the domain is that of From; the envelope's plays no part"},
    {"allow_envfrom_empty", LOST_IF_FALSE, "bounces are signed, too"},
    {"use_domain", READ, NULL},
    {"use_domain_sign_networks", LOST, from_only},
    {"use_domain_sign_local", LOST, from_only},
    {"use_domain_sign_inbound", LOST, from_only},
    {"use_domain_custom", LOST, from_only},
    {"sign_inbound", LOST_IF_TRUE, "mail from outside is never signed"},
    {"sign_condition", LOST, "a Lua function decides: write down what, and see how much of it senders: can say"},
    {"signing_table", LOST, "write it into an opendkim.conf with key_table, and import that: zegel import opendkim"},
    {"key_table", LOST, "write it into an opendkim.conf with signing_table, and import that: zegel import opendkim"},
    {"use_redis", LOST_IF_TRUE, "domains in Redis are not asked for: list them in domain { }"},
    {"use_vault", LOST_IF_TRUE, "domains in Vault are not asked for: list them in domain { }"},
    {"vault_domains", LOST, "domains in Vault are not asked for: list them in domain { }"},
    {"use_http_headers", LOST_IF_TRUE, "who asks cannot choose domain and key"},
    {"allow_headers_fallback", NOT_NEEDED, inside},
    {"skip_spam_sign", LOST_IF_TRUE, "Zegel knows no spam: have rspamd reject it before"},
    {"sign_headers", LOST, "Zegel signs what readers see, and more: sign-headers: of a domain adds to it"},
    {"try_fallback", READ, NULL},
    {"key_prefix", NOT_NEEDED, inside},
    {"selector_prefix", NOT_NEEDED, inside},
    {"symbol", NOT_NEEDED, inside},
    {"check_pubkey", NOT_NEEDED, "zegel check and zegel dns check compare DNS with the token"},
    {"allow_pubkey_mismatch", NOT_NEEDED, "zegel check and zegel dns check compare DNS with the token"},
    {"use_milter_headers", NOT_NEEDED, inside},
    {"allowed_ids", LOST, "rspamd's settings choose who signs: see senders:"},
    {"forbidden_ids", LOST, "rspamd's settings choose who does not sign: see senders:"},
};

struct old {
    struct import *im;
    const char *file;
    const struct ucl *section;
    bool subdomains;
};

static struct import_place at(const struct old *o, const struct ucl *u)
{
    return (struct import_place){o->file, u->line};
}

static bool is_true(const struct ucl *u, bool otherwise)
{
    return u == NULL || u->value == NULL ? otherwise
                                         : strcasecmp(u->value, "true") == 0 || strcasecmp(u->value, "yes") == 0 ||
                                               strcasecmp(u->value, "on") == 0 || strcmp(u->value, "1") == 0;
}

static const char *text_of(const struct ucl *u, const char *otherwise)
{
    return u == NULL || u->value == NULL ? otherwise : u->value;
}

static struct import_domain *take_domain(struct old *o, struct import_place where, const char *name)
{
    if (!domain_is_valid(bytes_str(name)) || strchr(name, '.') == NULL) {
        import_say(o->im, IMPORT_NOT_CARRIED, where, name, "is no domain name: name those that are yours");
        return NULL;
    }
    struct import_domain *d = import_domain_add(o->im, name);
    if (d != NULL)
        d->subdomains = o->subdomains;
    import_say(o->im, IMPORT_CARRIED, where, name, "signed with new keys%s",
               o->subdomains ? ", and what is below it (use_esld)" : "");
    return d;
}

/* domain { example.nl { selector, path, selectors [ { } ] } } */
static void take_section(struct old *o)
{
    const char *usual = text_of(ucl_get(o->section, "selector"), "dkim");
    for (const struct ucl *s = o->section->first; s != NULL; s = s->next)
        for (const struct ucl *c = s->key != NULL && strcmp(s->key, "domain") == 0 ? s->first : NULL; c != NULL; c = c->next) {
            struct import_domain *d = c->key == NULL ? NULL : take_domain(o, at(o, c), c->key);
            const struct ucl *list = ucl_get(c, "selectors");
            if (d == NULL)
                continue;
            if (list == NULL || ucl_get(c, "selector") != NULL)
                import_selector_add(o->im, d, text_of(ucl_get(c, "selector"), usual));
            for (const struct ucl *one = list == NULL ? NULL : list->first; one != NULL; one = one->next)
                import_selector_add(o->im, d, text_of(ucl_get(one, "selector"), usual));
        }
}

/* A map of domains: "/path", lines "DOMAIN VALUE". */
static void take_map(struct old *o, const char *name, bool values_are_selectors)
{
    const struct ucl *u = ucl_get(o->section, name);
    struct dataset map;
    if (u == NULL)
        return;
    const char *path = text_of(u, "");
    path += strncmp(path, "file://", 7) == 0 ? 7 : 0;
    if (path[0] != '/') {
        import_say(o->im, IMPORT_NOT_CARRIED, at(o, u), name,
                   "only a map in a file, /PATH, can be read: list the domains in domain { }");
        return;
    }
    if (!dataset_read(o->im, path, NULL, at(o, u), name, &map))
        return;
    import_say(o->im, IMPORT_CARRIED, at(o, u), name, "its domains, one by one:");
    for (size_t i = 0; i < map.count; i++) {
        struct import_domain *d = take_domain(o, (struct import_place){map.file, map.entries[i].line}, map.entries[i].key);
        if (d != NULL && values_are_selectors && map.entries[i].value[0] != '\0')
            import_selector_add(o->im, d, map.entries[i].value);
    }
    dataset_clear(&map);
}

/* path = ".../$domain.$selector.key": the domains are those that have such a file. Names of files are read, not the files. */
static void take_files(struct old *o)
{
    static const char patterns[] = "*?[\\{"; /* to glob: not in what is meant as it stands */
    const struct ucl *u = ucl_get(o->section, "path"), *fallback = ucl_get(o->section, "try_fallback");
    const char *path = text_of(u, "/var/lib/rspamd/dkim/$domain.$selector.key"),
               *selector = text_of(ucl_get(o->section, "selector"), "dkim");
    const char *hole = strstr(path, "$domain");
    struct import_place where = u == NULL ? (struct import_place){o->file, o->section->line} : at(o, u);
    struct buf tail = BUF_INIT, pattern = BUF_INIT;
    glob_t found = {0};
    if (!is_true(fallback, true)) {
        import_say(o->im, IMPORT_NOT_NEEDED, fallback == NULL ? where : at(o, fallback), "try_fallback",
                   "only the domains that are named sign");
        return;
    }
    if (hole == NULL || path[0] != '/' || strpbrk(path, patterns) != NULL || strpbrk(selector, patterns) != NULL) {
        import_say(o->im, IMPORT_NOT_CARRIED, where, "path",
                   "without $domain in an absolute path, every domain signs with one key: name those that are yours");
        return;
    }
    for (const char *p = hole + strlen("$domain"); *p != '\0';) {
        const char *next = strstr(p, "$selector");
        size_t n = next == NULL ? strlen(p) : (size_t)(next - p);
        buf_add(&tail, bytes_of(p, n));
        buf_add_str(&tail, next == NULL ? "" : selector);
        p += n + (next == NULL ? 0 : strlen("$selector"));
    }
    buf_addf(&pattern, "%.*s*%s", (int)(hole - path), path, buf_cstr(&tail));
    if (glob(buf_cstr(&pattern), GLOB_NOESCAPE, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++) {
            char name[300];
            size_t len = strlen(found.gl_pathv[i]), cut = (size_t)(hole - path) + tail.len;
            (void)snprintf(name, sizeof name, "%.*s", (int)(len > cut && len - cut < 255 ? len - cut : 0),
                           found.gl_pathv[i] + (hole - path));
            import_selector_add(o->im, take_domain(o, where, name), selector);
        }
    import_say(o->im, found.gl_pathc > 0 ? IMPORT_CARRIED : IMPORT_NOT_CARRIED, where, "path",
               "%zu domains have a key file by this name", found.gl_pathc);
    globfree(&found);
    buf_free(&tail);
    buf_free(&pattern);
}

static void take_networks(struct old *o)
{
    const struct ucl *u = ucl_get(o->section, "sign_networks"), *local = ucl_get(o->section, "sign_local");
    struct dataset set = {0};
    o->im->local = is_true(local, true);
    if (o->im->local)
        import_say(o->im, IMPORT_NOT_CARRIED, local == NULL ? (struct import_place){o->file, o->section->line} : at(o, local),
                   "sign_local",
                   "mail of this machine is signed; rspamd's local_addrs (by default all private networks) are not taken over: "
                   "write yours "
                   "under trusted-networks: and senders:");
    else
        import_say(o->im, IMPORT_CARRIED, at(o, local), "sign_local", "no rule under senders: for this machine's own mail");
    if (u == NULL)
        return;
    struct buf list = BUF_INIT;
    for (const struct ucl *c = u->first; c != NULL; c = c->next)
        buf_addf(&list, "%s,", text_of(c, ""));
    const char *spec = u->value != NULL ? u->value : buf_cstr(&list);
    if (dataset_read(o->im, spec, NULL, at(o, u), "sign_networks", &set)) {
        import_say(o->im, IMPORT_CARRIED, at(o, u), "sign_networks", "its entries, one by one:");
        hosts_import(o->im, &set, NULL);
    }
    dataset_clear(&set);
    buf_free(&list);
}

static void say_option(struct old *o, const struct ucl *u)
{
    const struct option *found = NULL;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (strcmp(options[i].name, u->key) == 0)
            found = &options[i];
    if (u->key[0] == '.')
        import_say(o->im, IMPORT_NOT_CARRIED, at(o, u), u->key, "is not followed: import that file by itself, if it is there");
    else if (found == NULL)
        import_say(o->im, IMPORT_NOT_CARRIED, at(o, u), u->key, "is no option of dkim_signing that we know");
    else if (found->what != READ) {
        bool lost = found->what == LOST || (found->what == LOST_IF_TRUE && is_true(u, true)) ||
                    (found->what == LOST_IF_FALSE && !is_true(u, false));
        import_say(o->im, lost ? IMPORT_NOT_CARRIED : IMPORT_NOT_NEEDED, at(o, u), u->key, "%s", found->why);
    }
}

static void say_read(struct old *o)
{
    const struct ucl *u = ucl_get(o->section, "use_domain");
    if (u != NULL)
        import_say(o->im, strcmp(text_of(u, ""), "header") == 0 ? IMPORT_CARRIED : IMPORT_NOT_CARRIED, at(o, u), u->key, "%s",
                   from_only);
    if ((u = ucl_get(o->section, "use_esld")) != NULL)
        import_say(o->im, IMPORT_CARRIED, at(o, u), u->key, "subdomains of each domain");
    if ((u = ucl_get(o->section, "selector")) != NULL)
        import_say(o->im, IMPORT_NOT_NEEDED, at(o, u), u->key, "%s", keys);
    if ((u = ucl_get(o->section, "domain")) != NULL)
        import_say(o->im, IMPORT_CARRIED, at(o, u), u->key, "its domains, one by one:");
}

static void take_all(struct old *o)
{
    const struct ucl *enabled = ucl_get(o->section, "enabled");
    for (const struct ucl *u = o->section->first; u != NULL; u = u->next)
        if (u->key != NULL)
            say_option(o, u);
    o->subdomains = is_true(ucl_get(o->section, "use_esld"), true);
    o->im->canonicalization = "relaxed/relaxed"; /* what rspamd signs with, always */
    if (!is_true(enabled, true)) {
        import_say(o->im, IMPORT_NOT_CARRIED, at(o, enabled), "enabled",
                   "the module is switched off: there is nothing to import");
        return;
    }
    say_read(o);
    take_networks(o);
    take_section(o);
    take_map(o, "selector_map", true);
    take_map(o, "path_map", false);
    take_files(o);
}

int import_rspamd(const char *file, struct import *out, struct buf *why)
{
    struct buf text = BUF_INIT;
    struct ucl *all = NULL;
    *out = (struct import){.signer = "rspamd"};
    int err = io_read_file(file, IMPORT_FILE_MAX, &text, why) == ZEGEL_OK ? ZEGEL_OK : ZEGEL_ERR_CONFIG;
    if (err == ZEGEL_OK && bytes_find(buf_bytes(&text), '\0') < text.len) {
        buf_addf(why, "%s: has a NUL octet: it is no text file", file);
        err = ZEGEL_ERR_CONFIG;
    }
    if (err == ZEGEL_OK)
        err = ucl_parse(file, buf_bytes(&text), &all, why);
    if (err == ZEGEL_OK) {
        const struct ucl *section = ucl_get(all, "dkim_signing");
        struct old o = {.im = out, .file = file, .section = section != NULL && section->value == NULL ? section : all};
        take_all(&o);
        err = out->failed ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
    }
    ucl_free(all);
    buf_free(&text);
    return err;
}
