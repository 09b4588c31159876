#include "pkcs11/keyaudit.h"

#include "base/err.h"
#include "pkcs11/rsacheck.h"

const char *key_attributes_wrong(const struct key_attributes *a)
{
    if (a->sign != 1)
        return "CKA_SIGN is not true";
    if (a->sensitive != 1 || a->always_sensitive == 0)
        return "CKA_SENSITIVE is not true";
    if (a->extractable != 0 || a->never_extractable == 0)
        return "CKA_EXTRACTABLE is not false";
    if (a->decrypt == 1 || a->unwrap == 1 || a->derive == 1 || a->sign_recover == 1)
        return "the key can do more than sign";
    if (a->modifiable == 1)
        return "CKA_MODIFIABLE is not false";
    if (a->local == 0)
        return "CKA_LOCAL is false: it was not made on the token";
    return NULL;
}

int key_audit(struct token *t, const struct key *k, struct buf *why)
{
    struct key_attributes a;
    int err = key_attributes(t, k, &a, why);
    if (err != ZEGEL_OK)
        return err;
    const char *wrong = key_attributes_wrong(&a);
    if (wrong == NULL && k->type == KEY_RSA)
        wrong = rsa_weakness(bytes_of(k->spki, k->spki_len));
    if (wrong == NULL)
        return ZEGEL_OK;
    buf_addf(why, "key %s: %s", k->label, wrong);
    return ZEGEL_ERR_KEY_UNUSABLE;
}
