#include "pkcs11/zegeltoken/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct card {
    const uint8_t *data;
    size_t size, at;
};

/* A card that says anything: each response has its length, two octets, in front. */
static bool answer(void *arg, const uint8_t *command, size_t len, uint8_t *response, size_t *response_len)
{
    struct card *c = arg;
    (void)command;
    if (len < 4 || c->size - c->at < 2)
        return false;
    size_t n = (size_t)(c->data[c->at] << 8 | c->data[c->at + 1]);
    c->at += 2;
    n = n > c->size - c->at ? c->size - c->at : n;
    n = n > *response_len ? *response_len : n;
    if (n > 0)
        memcpy(response, c->data + c->at, n);
    c->at += n;
    *response_len = n;
    return true;
}

/* Each attribute fits into what it said that it needs. */
static void look_at(const struct applet_key *k)
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_CLASS,           CKA_LABEL,       CKA_ID,        CKA_MODULUS,
                                              CKA_PUBLIC_EXPONENT, CKA_EC_POINT,    CKA_EC_PARAMS, CKA_ALLOWED_MECHANISMS,
                                              CKA_VALUE,           CKA_MODULUS_BITS};
    for (size_t i = 0; i < 2 * sizeof types / sizeof types[0]; i++) {
        uint8_t room[600];
        CK_ATTRIBUTE a = {.type = types[i / 2]};
        if (object_attribute(k, i % 2, &a) != CKR_OK)
            continue;
        CK_ULONG len = a.ulValueLen;
        a.pValue = room;
        if (len > sizeof room || object_attribute(k, i % 2, &a) != CKR_OK || a.ulValueLen != len)
            __builtin_trap();
    }
    if (strlen(k->domain) >= sizeof k->domain || strlen(k->selector) >= sizeof k->selector || object_signature_len(k) > 512)
        __builtin_trap();
}

/* Whatever the card answers, nothing is read or written beside it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct applet_statement s;
    static struct applet_info info;
    static struct applet_entry e;
    struct applet_key k;
    uint8_t signature[APPLET_SIGNATURE_MAX], nonce[APPLET_NONCE] = {0};
    size_t len;
    if (size == 0)
        return 0;
    struct card c = {data + 1, size - 1, 0};
    struct applet a = {answer, &c};
    switch (data[0] % 6) {
    case 0:
        if (applet_info(&a, &info) == SW_OK && info.count > APPLET_KEYS_MAX)
            __builtin_trap();
        break;
    case 1:
        if (applet_key_info(&a, 0x10, &k) == SW_OK)
            look_at(&k);
        break;
    case 2:
        if (applet_attest(&a, 0x10, nonce, &s) == SW_OK)
            look_at(&s.key);
        break;
    case 3: (void)applet_read_log(&a, 1, &e); break;
    case 4: (void)applet_sign_block(&a, 0x10, span_of(data, size), signature, &len); break;
    default: (void)applet_select(&a); break;
    }
    return 0;
}
