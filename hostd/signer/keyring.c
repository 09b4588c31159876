#include "signer/keyring.h"

#include <search.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "figures/figures.h"

enum {
    BAD_SIGNATURES_MAX = 2, /* then the key is quarantined */
    FILE_MAX = 64 * 1024 * 1024,
};

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

/* ---- the file ---- */

/* "HEX URI" or "forgotten URI". What is neither was written by nobody we know, and counts for nothing. */
static bool parse_line(struct keyring *r, struct bytes line)
{
    char uri[IPC_URI_MAX + 1];
    uint8_t print[DKIM_HASH_LEN];
    size_t len, space = bytes_find(line, ' ');
    struct bytes what = bytes_slice(line, 0, space), name = bytes_slice(line, space + 1, line.len);
    bool forgotten = bytes_eq(what, BYTES_LIT(KEYRING_FORGOTTEN));
    if (name.len == 0 || name.len >= sizeof uri ||
        (!forgotten && !(bytes_unhex(what, print, sizeof print, &len) && len == sizeof print)))
        return true;
    memcpy(uri, name.data, name.len);
    uri[name.len] = '\0';
    struct known_key *k = keyring_get(r, uri);
    if (k == NULL)
        return false;
    k->pinned = k->kept = !forgotten;
    if (!forgotten)
        memcpy(k->print, print, sizeof print);
    return true;
}

bool keyring_parse(struct keyring *r, struct bytes text)
{
    while (text.len > 0) {
        size_t end = bytes_find(text, '\n');
        if (end < text.len && !parse_line(r, bytes_slice(text, 0, end)))
            return false;
        text = bytes_slice(text, end + 1, text.len);
    }
    return true;
}

int keyring_load(struct keyring *r, struct audit *a, struct buf *why)
{
    struct buf text = BUF_INIT;
    int err = audit_side_read(a, KEYRING_FILE, FILE_MAX, &text, why);
    if (err == ZEGEL_OK && !keyring_parse(r, buf_bytes(&text))) {
        buf_addf(why, "%s: out of memory", KEYRING_FILE);
        err = ZEGEL_ERR_NOMEM;
    }
    if (err == ZEGEL_OK && text.len > 0 &&
        text.data[text.len - 1] != '\n') { /* nothing left for it; what follows begins a line */
        while (text.len > 0 && text.data[text.len - 1] != '\n')
            text.len--;
        err = audit_side_write(a, KEYRING_FILE, buf_bytes(&text), why);
    }
    buf_free(&text);
    return err == ZEGEL_ERR_NOT_FOUND ? ZEGEL_OK : err;
}

int keyring_save(struct keyring *r, struct audit *a, struct buf *why)
{
    int err = r->fresh.len == 0 ? ZEGEL_OK : audit_side_append(a, KEYRING_FILE, buf_bytes(&r->fresh), why);
    if (err == ZEGEL_OK)
        buf_clear(&r->fresh);
    return err;
}

/* ---- one key ---- */

int known_key_pin(struct known_key *k, struct bytes spki, const char **why)
{
    uint8_t print[DKIM_HASH_LEN];
    *why = "out of memory";
    if (!digest_sha256(spki, print))
        return ZEGEL_ERR_NOMEM;
    if (k->pinned && memcmp(print, k->print, sizeof print) != 0) {
        *why = "the token shows another public key than before";
        log_error("key %s: the token shows another public key than before; not used (replaced on purpose? zegel key forget, then "
                  "restart zegeld)",
                  k->uri);
        return ZEGEL_ERR_KEY_UNUSABLE;
    }
    memcpy(k->print, print, sizeof print);
    k->pinned = true;
    return ZEGEL_OK;
}

bool known_key_keep(struct keyring *r, struct known_key *k)
{
    char hex[2 * DKIM_HASH_LEN + 1];
    size_t from = r->fresh.len;
    if (k->kept)
        return true;
    bytes_hex(bytes_of(k->print, sizeof k->print), hex);
    buf_addf(&r->fresh, "%s %s\n", hex, k->uri);
    k->kept = !r->fresh.failed;
    if (k->kept) {
        log_info("key %s: signs for the first time; its public key, SHA-256 %s, is the only one from now on", k->uri, hex);
    } else {
        r->fresh.len = from;
        r->fresh.failed = false;
    }
    return k->kept;
}

int known_key_check(struct keyring *r, struct known_key *k, struct bytes spki, bool ed25519, const uint8_t hash[DKIM_HASH_LEN],
                    struct bytes signature, const char **why)
{
    int err = known_key_pin(k, spki, why);
    if (err != ZEGEL_OK)
        return err;
    if (k->key == NULL && (k->key = digest_key_from_spki(spki)) == NULL) {
        *why = "the token shows no public key that can be read";
        log_error("key %s: %s; not used", k->uri, *why);
        return ZEGEL_ERR_KEY_UNUSABLE;
    }
    if ((digest_key_type(k->key) == DIGEST_KEY_ED25519) != ed25519) {
        *why = "the key on the token is not of the configured algorithm";
        return ZEGEL_ERR_KEY_UNUSABLE;
    }
    /* Twice: it says no as well when it finds no memory, and that is no fault of the key. */
    for (int look = 0; look < 2; look++)
        if (digest_verify(k->key, hash, signature)) {
            *why = "out of memory";
            return known_key_keep(r, k) ? ZEGEL_OK : ZEGEL_ERR_NOMEM;
        }
    k->bad_signatures++;
    if (k->bad_signatures == BAD_SIGNATURES_MAX)
        figures_set(FIGURE_QUARANTINED, ++quarantined);
    *why = "the token made a signature that does not verify";
    log_error("key %s: the token made a signature that does not verify (%u); not released%s", k->uri, k->bad_signatures,
              k->bad_signatures == BAD_SIGNATURES_MAX ? "; KEY QUARANTINED until zegeld is restarted" : "");
    return ZEGEL_ERR_BAD_SIGNATURE;
}
