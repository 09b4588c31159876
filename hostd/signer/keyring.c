#include "signer/keyring.h"

#include <search.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "figures/figures.h"

enum { BAD_SIGNATURES_MAX = 2 }; /* then the key is quarantined */

static int64_t quarantined; /* since this process began */

static int by_uri(const void *a, const void *b)
{
    return strcmp(((const struct known_key *)a)->uri, ((const struct known_key *)b)->uri);
}

struct known_key *keyring_get(struct keyring *r, const char *uri)
{
    const struct known_key wanted = {.uri = (char *)(uintptr_t)uri};
    struct known_key **at = tfind(&wanted, &r->root, by_uri);
    if (at != NULL)
        return *at;
    struct known_key *k = calloc(1, sizeof *k);
    if (k != NULL && (k->uri = strdup(uri)) != NULL && tsearch(k, &r->root, by_uri) != NULL)
        return k;
    if (k != NULL)
        free(k->uri);
    free(k);
    return NULL;
}

bool known_key_quarantined(const struct known_key *k)
{
    return k->bad_signatures >= BAD_SIGNATURES_MAX;
}

/* Remember the public key, or compare. */
static bool pin(struct known_key *k, struct bytes spki)
{
    if (k->key != NULL)
        return bytes_eq(spki, bytes_of(k->spki, k->spki_len));
    k->key = digest_key_from_spki(spki);
    if (k->key == NULL || spki.len > sizeof k->spki)
        return false;
    memcpy(k->spki, spki.data, spki.len);
    k->spki_len = spki.len;
    return true;
}

int known_key_check(struct known_key *k, struct bytes spki, bool ed25519, const uint8_t hash[DKIM_HASH_LEN],
                    struct bytes signature, const char **why)
{
    if (!pin(k, spki)) {
        *why = "the token shows another public key than before";
        log_error("key %s: the token shows another public key than before, or none that can be read; not used", k->uri);
        return ZEGEL_ERR_KEY_UNUSABLE;
    }
    if ((digest_key_type(k->key) == DIGEST_KEY_ED25519) != ed25519) {
        *why = "the key on the token is not of the configured algorithm";
        return ZEGEL_ERR_KEY_UNUSABLE;
    }
    /* Twice: it says no as well when it finds no memory, and that is no fault of the key. */
    for (int look = 0; look < 2; look++)
        if (digest_verify(k->key, hash, signature))
            return ZEGEL_OK;
    k->bad_signatures++;
    if (k->bad_signatures == BAD_SIGNATURES_MAX)
        figures_set(FIGURE_QUARANTINED, ++quarantined);
    *why = "the token made a signature that does not verify";
    log_error("key %s: the token made a signature that does not verify (%u); not released%s", k->uri, k->bad_signatures,
              k->bad_signatures == BAD_SIGNATURES_MAX ? "; KEY QUARANTINED until zegeld is restarted" : "");
    return ZEGEL_ERR_BAD_SIGNATURE;
}
