/* keys: the keystore. Each key stands with its policy and binding in one object of the store: made whole, replaced whole, never
 * changed. Private halves are in memory only while they sign. */
#ifndef ZEGEL_CORE_KEYS_H
#define ZEGEL_CORE_KEYS_H

#include "core/name.h"
#include "core/sig.h"
#include "core/vault.h"
#include "core/sw.h"
#include "core/tlv.h"
#include "crypto.h"

/* Keys of the OpenPGP application, and as many of our own. */
enum { KEY_SIG = 0, KEY_DEC = 1, KEY_AUT = 2, KEY_OWN = 3, KEYS = VAULT_KEYS };

/* What a key may sign, for ever. */
enum key_policy {
    KEY_DKIM_ONLY = 1, /* header blocks it has checked itself, through the own application */
    KEY_TICKET = 2,    /* the same, or, once, the hash of a block it has checked just before */
    KEY_BLIND = 3,     /* anything the OpenPGP application is given */
};

enum key_flag { KEY_STRICT = 1, KEY_8BIT = 2, KEY_WANT_EXPIRE = 4, KEY_MAY_LEAVE = 8, KEY_FLAGS = 15 };
/* Where a key came to be. */
enum key_origin { KEY_IMPORTED = 0, KEY_MADE_HERE = 1, KEY_RESTORED = 2 };
enum { KEY_SELECTOR_MAX = 100, KEY_ID_LEN = 8, KEY_DAY_S = 86400, KEY_BACKUP_LEN = 8, KEY_RATE_MAX = 60000 };

/* All that is not secret. Fixed layout: it is what the store has. */
struct key {
    uint8_t policy;    /* 0: there is no key */
    uint8_t flags;     /* key_flag */
    uint8_t generated; /* key_origin */
    uint8_t domain_len, selector_len;
    uint8_t spare;
    uint16_t bits;       /* RSA: of the modulus; Ed25519: 0 */
    uint32_t e;          /* RSA */
    uint32_t life_max_s; /* x= at most so far behind t= */
    uint32_t rate;       /* signatures per minute, KEY_RATE_MAX at most; 0: no limit */
    uint32_t daily_cap;  /* signatures per day of powered time; 0: no limit */
    uint8_t domain[NAME_LEN_MAX], selector[KEY_SELECTOR_MAX];
    uint8_t id[KEY_ID_LEN];         /* the first octets of the public key's SHA-256 */
    uint8_t backup[KEY_BACKUP_LEN]; /* KEY_MAY_LEAVE: for the backup domain of this id only */
    uint8_t public[CRYPTO_RSA_MAX]; /* modulus, or the 32 octets of Ed25519 */
};

/* From the store. -1 when the medium fails. */
__attribute__((warn_unused_result)) int keys_open(void);
/* NULL: no such key. */
const struct key *keys_get(unsigned index);
static inline bool key_is_ed25519(const struct key *k)
{
    return k->bits == 0;
}
size_t key_public_len(const struct key *k);
size_t key_signature_len(const struct key *k);
struct sig_policy key_sig_policy(const struct key *k);

/* Policy, bits, flags, limits and names are such as a key may have. Only a blind key needs no names. */
bool key_is_sound(const struct key *k);

/* `k` says policy, binding, bits and flags; the rest is filled in. The key that was there is gone when this succeeds, and
 * untouched when it does not. RSA takes seconds to minutes. */
enum sw keys_generate(unsigned index, struct key *k);
enum sw keys_import_rsa(unsigned index, struct key *k, uint32_t e, struct span p, struct span q);
enum sw keys_import_ed25519(unsigned index, struct key *k, const uint8_t seed[32]);
enum sw keys_delete(unsigned index);
/* The whole of a key in a sealed box, for backup.h; and out of one: its binding comes with it. */
enum sw keys_wrap(unsigned index, const uint8_t wrapping[32], struct span purpose, struct tlv_out *box);
enum sw keys_unwrap(unsigned index, const uint8_t wrapping[32], struct span purpose, struct span box);

/* Signs `t` as it is: RSA a DigestInfo or what else fits, Ed25519 a message. No policy is looked at here: see sign.h. */
enum sw keys_sign(unsigned index, struct span t, struct tlv_out *signature);

#endif
