/* key: a pair on a token, found by RFC 7512 URI; its identity is CKA_ID plus the public key. */
#ifndef ZEGEL_KEY_H
#define ZEGEL_KEY_H

#include "pkcs11/token.h"

enum key_type { KEY_RSA, KEY_ED25519 };
enum { KEY_ID_LEN = 20, KEY_ID_MAX = 64, KEY_SPKI_MAX = 1200, KEY_LABEL_MAX = 400 };

struct key {
    enum key_type type;
    unsigned bits;          /* RSA modulus; 256 for Ed25519 */
    uint8_t id[KEY_ID_MAX]; /* CKA_ID */
    size_t id_len;
    char label[KEY_LABEL_MAX];  /* CKA_LABEL, NUL-terminated; DOMAIN/SELECTOR for ours */
    uint8_t spki[KEY_SPKI_MAX]; /* DER SubjectPublicKeyInfo (RFC 5280; RFC 8410 for Ed25519) */
    size_t spki_len;
    pthread_mutex_t lock;            /* for the next two */
    CK_OBJECT_HANDLE private_handle; /* valid in `epoch` only */
    uint64_t epoch;
    CK_MECHANISM_TYPE mechanism; /* CKM_SHA256_RSA_PKCS, CKM_RSA_PKCS, CKM_ZEGEL_EDDSA_SHA256 or CKM_EDDSA */
    char end_date[9];            /* CKA_END_DATE as YYYYMMDD, "" when none: tokens do not enforce it, key_sign does */
};

/* Find the pair by URI (object=, id=; type is ignored). Needs a logged-in token.
 * ZEGEL_ERR_KEY_GONE: none. ZEGEL_ERR_KEY_UNUSABLE: two, no public half, or of a kind that cannot sign DKIM. */
/* *out is the caller's; it may be used by several threads at once. */
int key_find(struct token *t, const char *uri, struct key *out, struct buf *why);
/* Every private key of the token; `*keys` is the caller's to free. */
int key_list(struct token *t, struct key **keys, size_t *count, struct buf *why);

/* Generate a pair on the token, every attribute explicit and read back; a mismatch destroys the pair.
 * `label` must not exist yet (ZEGEL_ERR_EXISTS). bits: 2048, 3072 or 4096 for RSA. */
int key_generate(struct token *t, enum key_type type, unsigned bits, const char *label, struct key *out, struct buf *why);
/* The same, and more of it for the caller to say. */
struct key_wish {
    enum key_type type;
    unsigned bits;
    const char *label;
    uint8_t id[KEY_ID_LEN]; /* so that a ceremony that was cut off finds what it made */
    bool may_leave;         /* CKA_EXTRACTABLE, until wrap_close: the caller then checks the attributes */
    bool unchecked;         /* the module shows the attributes only when it was started anew: the caller does that, and checks */
};
int key_generate_as(struct token *t, const struct key_wish *w, struct key *out, struct buf *why);

/* Find the same key again after a loss of session: same CKA_ID, same label, same public key, or ZEGEL_ERR_KEY_GONE. */
int key_find_again(struct token *t, CK_SESSION_HANDLE session, const struct key *k, CK_OBJECT_HANDLE *handle, CK_RV *rv,
                   struct buf *why);

/* Destroy both halves, and look that they are gone. */
int key_destroy(struct token *t, const struct key *k, struct buf *why);

/* Attributes an auditor asks about, as read from the private object; -1: the token does not say. */
struct key_attributes {
    int sensitive, always_sensitive, extractable, never_extractable, local, modifiable, copyable, sign, decrypt, unwrap, derive,
        sign_recover;
    CK_ULONG allowed[8];
    size_t allowed_count;
};
int key_attributes(struct token *t, const struct key *k, struct key_attributes *out, struct buf *why);

#endif
