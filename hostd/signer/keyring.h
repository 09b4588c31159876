/* keyring: what the signer knows of each key it had a token use. The first public key that the token shows is pinned; a key
 * whose signatures do not verify is quarantined. */
#ifndef ZEGEL_SIGNER_KEYRING_H
#define ZEGEL_SIGNER_KEYRING_H

#include "dkim/digest.h"
#include "ipc/signer_token.h"

struct known_key {
    char *uri;
    uint8_t spki[IPC_SPKI_MAX];
    size_t spki_len;
    struct digest_key *key; /* NULL: not seen yet */
    unsigned bad_signatures;
    int64_t rate_at_us; /* rate_take's */
};

struct keyring {
    void *root; /* tsearch(3) */
};

/* The one for this URI, made when it is new; it stays for the life of the process. NULL when memory is short. */
struct known_key *keyring_get(struct keyring *r, const char *uri);
bool known_key_quarantined(const struct known_key *k);
/* Is this a signature over the hash by this very key, and of this algorithm? ZEGEL_OK; otherwise an error with one static clause
 * in *why, and a line in the log (DESIGN §2 rule 3). */
int known_key_check(struct known_key *k, struct bytes spki, bool ed25519, const uint8_t hash[DKIM_HASH_LEN],
                    struct bytes signature, const char **why);

#endif
