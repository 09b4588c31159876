#include "pkcs11/keyaudit.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "pkcs11/rsacheck.h"

const char *key_attributes_wrong(const struct key_attributes *a, bool backed_up)
{
    if (a->sign != 1)
        return "CKA_SIGN is not true";
    if (a->sensitive != 1 || (a->always_sensitive == 0 && !backed_up))
        return "CKA_SENSITIVE is not true";
    if (a->extractable != 0)
        return "CKA_EXTRACTABLE is not false";
    if (a->never_extractable == 0 && !backed_up)
        return "CKA_EXTRACTABLE is false, but was not always (CKA_NEVER_EXTRACTABLE)";
    if (a->decrypt == 1 || a->unwrap == 1 || a->derive == 1 || a->sign_recover == 1)
        return "the key can do more than sign";
    if (a->modifiable == 1 && !backed_up)
        return "CKA_MODIFIABLE is not false";
    if (a->local == 0 && !backed_up)
        return "CKA_LOCAL is false: it was not made on the token";
    return NULL;
}

static bool is_key(const struct key *k, const char *sha256)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    char hex[KEYAUDIT_HASH_HEX] = "";
    unsigned len = 0;
    if (sha256[0] == '\0' || EVP_Digest(k->spki, k->spki_len, hash, &len, EVP_sha256(), NULL) != 1)
        return false;
    bytes_hex(bytes_of(hash, len), hex);
    return strcmp(hex, sha256) == 0;
}

int key_audit(struct token *t, const struct key *k, const char *backed_up, bool *excused, struct buf *why)
{
    struct key_attributes a;
    int err = key_attributes(t, k, &a, why);
    *excused = false;
    if (err != ZEGEL_OK)
        return err;
    const char *wrong = key_attributes_wrong(&a, false);
    if (wrong != NULL && is_key(k, backed_up)) {
        wrong = key_attributes_wrong(&a, true);
        *excused = wrong == NULL;
    }
    if (wrong == NULL && k->type == KEY_RSA)
        wrong = rsa_weakness(bytes_of(k->spki, k->spki_len));
    if (wrong == NULL)
        return ZEGEL_OK;
    buf_addf(why, "key %s: %s", k->label, wrong);
    return ZEGEL_ERR_KEY_UNUSABLE;
}
