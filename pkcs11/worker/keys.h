/* keys: the keys that the configuration gives this token, by URI. Entries live as long as the process, so that a thread
 * may hold one over a reload. */
#ifndef ZEGEL_WORKER_KEYS_H
#define ZEGEL_WORKER_KEYS_H

#include "config/config.h"
#include "pkcs11/keyaudit.h"

#define KEYS_IN_FORCE INT64_MAX

struct keys_entry {
    char *uri;
    int64_t allowed_until_ms;          /* monotonic; KEYS_IN_FORCE: the configuration in force has it */
    _Atomic bool audit_warns;          /* key-audit: warn */
    char backed_up[KEYAUDIT_HASH_HEX]; /* wrapped-backup: of the key; under `lock` */
    pthread_mutex_t lock;              /* for what follows; once there is a key, it stays as it is */
    struct key *key;                   /* NULL until it is found */
    _Atomic bool missing;              /* when last looked for */
    int64_t look_again_ms;             /* monotonic; a key that is not there is not looked for with every message */
    int err;
    char *reason; /* NULL: none, or no memory for it */
};

struct keys {
    pthread_mutex_t lock;
    struct keys_entry **entries; /* sorted by URI */
    size_t count;
};

/* The keys of token number `token` are allowed from now on; those of the configuration before for a minute more, since messages
 * may have begun with it. ZEGEL_OK or ZEGEL_ERR_NOMEM. */
int keys_set_config(struct keys *k, const struct config *c, unsigned token);
/* This is the configuration before. */
int keys_set_previous(struct keys *k, const struct config *c, unsigned token);
/* The entry for an allowed URI, or NULL. */
struct keys_entry *keys_get(struct keys *k, struct bytes uri);
/* All entries there are now; the caller frees the array (NULL without memory), and the entries stay. */
struct keys_entry **keys_all(struct keys *k, size_t *count);
/* Make sure the key is found on the token and as it should be. ZEGEL_OK, or the error of key_find or key_audit with a line in
 * `why`. */
int keys_find(struct keys_entry *e, struct token *t, struct buf *why);
/* The same question, but nothing is kept of the answer. */
int keys_look(struct keys_entry *e, struct token *t, struct buf *why);
/* Count those of the configuration in force, and those of them that were not found. Waits for nobody: a reload that has to wait
 * for a module that hangs holds the lock, and who calls this is who ends that. Then the figures stay as they were. */
void keys_show(struct keys *k);

#endif
