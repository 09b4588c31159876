/* note: checkpoints as signed notes (C2SP signed-note and tlog-checkpoint), so that public witnesses' tools can check them.
 *
 *     ORIGIN
 *     SIZE
 *     base64 of the root hash
 *     (empty line)
 *     — NAME base64(key hash, 4 octets || Ed25519 signature, 64 octets)
 */
#ifndef ZEGEL_AUDIT_NOTE_H
#define ZEGEL_AUDIT_NOTE_H

#include "audit/merkle.h"
#include "base/buf.h"

enum { NOTE_NAME_MAX = 200, NOTE_MAX = 1024, NOTE_KEY_LEN = 32, NOTE_SIGNATURE_LEN = 64 };

struct note_key {
    char name[NOTE_NAME_MAX + 1]; /* of the key; here also the log's origin */
    uint8_t public_key[NOTE_KEY_LEN];
};

/* No white space, no "+", not empty. */
bool note_name_is_valid(struct bytes name);
/* "NAME+HASH+KEY", the verifier key of C2SP signed-note. */
void note_key_print(const struct note_key *k, struct buf *out);
bool note_key_parse(struct bytes text, struct note_key *out);

struct checkpoint {
    uint64_t size;
    uint8_t root[MERKLE_HASH_LEN];
};

/* The text that is signed: three lines, each with its line break. */
void note_text(const char *origin, const struct checkpoint *c, struct buf *out);
/* Appends the empty line and the signature line. */
void note_sign(struct buf *note, const struct note_key *k, const uint8_t signature[NOTE_SIGNATURE_LEN]);
bool note_signature_holds(const struct note_key *k, struct bytes text, struct bytes signature);
/* One whole signed note: is it of this origin, signed by this key? */
bool note_open(struct bytes note, const struct note_key *k, struct checkpoint *out);

#endif
