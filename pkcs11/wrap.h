/* wrap: an RSA key crosses from one token to another, and no machine between sees it: the second makes a pair that never leaves
 * it, the first encrypts a fresh AES key to that pair (RSA-OAEP) and the RSA key with the AES key (RFC 5649). */
#ifndef ZEGEL_PKCS11_WRAP_H
#define ZEGEL_PKCS11_WRAP_H

#include "pkcs11/key.h"

enum { WRAP_TRANSPORT_MAX = 1024, WRAP_KEY_MAX = 4096 };

struct wrapped {
    uint8_t transport[WRAP_TRANSPORT_MAX], key[WRAP_KEY_MAX];
    size_t transport_len, key_len;
};

/* RSA-3072 on `to`, able to unwrap and nothing else, with that label and CKA_ID, which must be free. */
int wrap_make_pair(struct token *to, const char *label, const uint8_t id[KEY_ID_LEN], struct buf *why);
/* `from`'s key, encrypted to the pair `id` of `to`. ZEGEL_ERR_KEY_UNUSABLE when it may not leave. */
int wrap_export(struct token *from, const struct key *k, struct token *to, const uint8_t id[KEY_ID_LEN], struct wrapped *out,
                struct buf *why);
/* The key on `to`, both halves, with the original's label and CKA_ID; it can sign, and cannot leave again. */
int wrap_import(struct token *to, const uint8_t id[KEY_ID_LEN], const struct wrapped *w, const struct key *original,
                struct buf *why);
/* From now on the key cannot leave its token. */
int wrap_close(struct token *from, const struct key *k, struct buf *why);

#endif
