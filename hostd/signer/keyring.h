/* keyring: what the signer knows of each key it had a token use. The first public key that the token shows is pinned, and once it
 * has verified a signature it stays so over restarts: a worker that was taken over cannot wait for one and then have mail signed
 * with a key of its own. A key whose signatures do not verify is quarantined.
 *
 * STATE/audit/public-keys, a line each, the last one counts: "SHA256-OF-SPKI URI", or "forgotten URI" (by zegel key destroy and
 * zegel key forget), which lets the next one be pinned. */
#ifndef ZEGEL_SIGNER_KEYRING_H
#define ZEGEL_SIGNER_KEYRING_H

#include "audit/log.h"
#include "dkim/digest.h"
#include "ipc/signer_token.h"

#define KEYRING_FILE "public-keys"
#define KEYRING_FORGOTTEN "forgotten"

struct known_key {
    char *uri;
    bool pinned, kept;            /* the latter: over restarts, or will be once keyring_save has succeeded */
    uint8_t print[DKIM_HASH_LEN]; /* SHA-256 of the public key, once pinned */
    struct digest_key *key;       /* NULL: not seen by this process */
    unsigned bad_signatures;
    int64_t rate_at_us; /* rate_take's */
};

struct keyring {
    void *root;       /* tsearch(3) */
    struct buf fresh; /* lines that the last keyring_save did not have yet */
};

/* What was pinned before. ZEGEL_OK, also when there is no such file yet; otherwise with a line in `why`: then nothing may be
 * signed, since any key would be taken. */
int keyring_load(struct keyring *r, struct audit *a, struct buf *why);
/* The lines of the file, as far as they are whole. False without memory. */
bool keyring_parse(struct keyring *r, struct bytes text);
/* Makes durable what is to be kept since the last time. As long as that fails, no signature may leave. */
int keyring_save(struct keyring *r, struct audit *a, struct buf *why);

/* The one for this URI, made when it is new; it stays for the life of the process. NULL when memory is short. */
struct known_key *keyring_get(struct keyring *r, const char *uri);
bool known_key_quarantined(const struct known_key *k);
/* Pins the public key, or compares it with the one that is: ZEGEL_OK, ZEGEL_ERR_KEY_UNUSABLE (said in the log), ZEGEL_ERR_NOMEM.
 */
int known_key_pin(struct known_key *k, struct bytes spki, const char **why);
/* It has verified a signature. False without memory: then that is not to be released. */
bool known_key_keep(struct keyring *r, struct known_key *k);
/* Is this a signature over the hash by this very key, and of this algorithm? ZEGEL_OK; otherwise an error with one static clause
 * in *why, and a line in the log (DESIGN §2 rule 3). */
int known_key_check(struct keyring *r, struct known_key *k, struct bytes spki, bool ed25519, const uint8_t hash[DKIM_HASH_LEN],
                    struct bytes signature, const char **why);

#endif
