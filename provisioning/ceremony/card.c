#include "ceremony/card.h"

#include <libp11.h>

#include "base/err.h"
#include "ceremony/cms.h"
#include "pkcs11/token.h"

static int check_first(const struct card *card, struct bytes pin, char serial[17], struct buf *why)
{
    struct token_config cfg = {.name = card->name, .uri = card->uri, .latch_dir = card->latch_dir, .sessions = 1};
    struct module *m = NULL;
    struct token *t = NULL;
    int err = module_open(card->module, NULL, &m, why);
    if (err == ZEGEL_OK)
        err = token_open(m, &cfg, &t, why);
    if (err == ZEGEL_OK) {
        memcpy(serial, t->info.serialNumber, 16);
        for (size_t n = 16; n > 0 && (serial[n - 1] == ' ' || serial[n - 1] == '\0'); n--)
            serial[n - 1] = '\0';
        err = token_login(t, pin, why);
    }
    token_close(t);
    module_close(m);
    return err;
}

static PKCS11_SLOT *find_slot(PKCS11_SLOT *slots, unsigned count, const char *serial)
{
    for (unsigned i = 0; i < count; i++)
        if (slots[i].token != NULL && slots[i].token->initialized && slots[i].token->serialnr != NULL &&
            strcmp(slots[i].token->serialnr, serial) == 0)
            return &slots[i];
    return NULL;
}

/* The card's private key whose public half is the certificate's; the caller frees. */
static EVP_PKEY *find_key(PKCS11_TOKEN *token, X509 *certificate)
{
    PKCS11_KEY *keys = NULL;
    unsigned count = 0;
    if (PKCS11_enumerate_keys(token, &keys, &count) != 0)
        return NULL;
    for (unsigned i = 0; i < count; i++) {
        EVP_PKEY *public = PKCS11_get_public_key(&keys[i]);
        bool same = public != NULL && EVP_PKEY_eq(public, X509_get0_pubkey(certificate)) == 1;
        EVP_PKEY_free(public);
        if (same)
            return PKCS11_get_private_key(&keys[i]);
    }
    return NULL;
}

int card_sign(const struct card *card, struct bytes pin, X509 *certificate, struct bytes content, struct buf *der,
              struct buf *why)
{
    char serial[17] = {0};
    struct buf pin_text = BUF_INIT;
    PKCS11_SLOT *slots = NULL, *slot = NULL;
    unsigned count = 0;
    EVP_PKEY *key = NULL;
    int err = check_first(card, pin, serial, why);
    if (err != ZEGEL_OK)
        return err;
    PKCS11_CTX *ctx = PKCS11_CTX_new();
    bool loaded = ctx != NULL && PKCS11_CTX_load(ctx, card->module) == 0;
    buf_add(&pin_text, pin);
    if (loaded && PKCS11_enumerate_slots(ctx, &slots, &count) == 0)
        slot = find_slot(slots, count, serial);
    if (slot == NULL || PKCS11_login(slot, 0, buf_cstr(&pin_text)) != 0) {
        buf_addf(why, "card %s: libp11 cannot use it; see whether pkcs11-tool can", serial);
        err = ZEGEL_ERR_MODULE;
    } else if ((key = find_key(slot->token, certificate)) == NULL) {
        buf_addf(why, "card %s: holds no key that belongs to the certificate in the plan; is it the right card?", serial);
        err = ZEGEL_ERR_REFUSED;
    } else {
        err = cms_sign(key, certificate, content, der, why);
    }
    EVP_PKEY_free(key);
    buf_free(&pin_text);
    if (slots != NULL)
        PKCS11_release_all_slots(ctx, slots, count);
    if (loaded)
        PKCS11_CTX_unload(ctx);
    if (ctx != NULL)
        PKCS11_CTX_free(ctx);
    return err;
}
