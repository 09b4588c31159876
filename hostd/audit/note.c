#include "audit/note.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { ALGORITHM_ED25519 = 0x01, KEY_HASH_LEN = 4 };

static const char dash[] = "\xe2\x80\x94 "; /* EM DASH, SP */

static void add_base64(struct buf *out, const uint8_t *data, size_t len)
{
    uint8_t text[4 * 100 + 1];
    int n = EVP_EncodeBlock(text, data, (int)len); /* callers have at most 100 octets */
    buf_add(out, bytes_of(text, n < 0 ? 0 : (size_t)n));
}

/* Exactly `want` octets. */
static bool read_base64(struct bytes text, uint8_t *out, size_t want)
{
    uint8_t room[3 * 50];
    if (text.len % 4 != 0 || text.len > 4 * 50 || text.len != (want + 2) / 3 * 4)
        return false;
    if (EVP_DecodeBlock(room, text.data, (int)text.len) < (int)want)
        return false;
    memcpy(out, room, want);
    struct buf again = BUF_INIT; /* EVP_DecodeBlock is lenient; only the one right form counts */
    add_base64(&again, out, want);
    bool same = !again.failed && bytes_eq(buf_bytes(&again), text);
    buf_free(&again);
    return same;
}

bool note_name_is_valid(struct bytes name)
{
    if (name.len == 0 || name.len > NOTE_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] <= ' ' || name.data[i] == '+' || name.data[i] > 0x7e)
            return false;
    return true;
}

/* SHA-256(name || "\n" || 0x01 || key), first four octets. False when memory is short. */
static bool key_hash(const struct note_key *k, uint8_t hash[KEY_HASH_LEN])
{
    uint8_t text[NOTE_NAME_MAX + 2 + NOTE_KEY_LEN], full[EVP_MAX_MD_SIZE] = {0};
    size_t n = strlen(k->name);
    memcpy(text, k->name, n);
    text[n++] = '\n';
    text[n++] = ALGORITHM_ED25519;
    memcpy(text + n, k->public_key, NOTE_KEY_LEN);
    bool ok = EVP_Digest(text, n + NOTE_KEY_LEN, full, NULL, EVP_sha256(), NULL) == 1;
    memcpy(hash, full, KEY_HASH_LEN);
    return ok;
}

void note_key_print(const struct note_key *k, struct buf *out)
{
    uint8_t hash[KEY_HASH_LEN], key[1 + NOTE_KEY_LEN] = {ALGORITHM_ED25519};
    if (!key_hash(k, hash))
        out->failed = true;
    memcpy(key + 1, k->public_key, NOTE_KEY_LEN);
    buf_addf(out, "%s+%02x%02x%02x%02x+", k->name, hash[0], hash[1], hash[2], hash[3]);
    add_base64(out, key, sizeof key);
}

bool note_key_parse(struct bytes text, struct note_key *out)
{
    size_t first = bytes_find(text, '+');
    struct bytes name = bytes_slice(text, 0, first), rest = bytes_slice(text, first + 1, text.len);
    size_t second = bytes_find(rest, '+');
    uint8_t key[1 + NOTE_KEY_LEN];
    if (!note_name_is_valid(name) || second == rest.len ||
        !read_base64(bytes_slice(rest, second + 1, rest.len), key, sizeof key) || key[0] != ALGORITHM_ED25519)
        return false;
    memcpy(out->name, name.data, name.len);
    out->name[name.len] = '\0';
    memcpy(out->public_key, key + 1, NOTE_KEY_LEN);
    struct buf again = BUF_INIT;
    note_key_print(out, &again); /* the hash in the middle must be the key's */
    bool same = bytes_eq(buf_bytes(&again), text);
    buf_free(&again);
    return same;
}

void note_text(const char *origin, const struct checkpoint *c, struct buf *out)
{
    buf_addf(out, "%s\n%llu\n", origin, (unsigned long long)c->size);
    add_base64(out, c->root, sizeof c->root);
    buf_add_str(out, "\n");
}

void note_sign(struct buf *note, const struct note_key *k, const uint8_t signature[NOTE_SIGNATURE_LEN])
{
    uint8_t both[KEY_HASH_LEN + NOTE_SIGNATURE_LEN];
    if (!key_hash(k, both))
        note->failed = true;
    memcpy(both + KEY_HASH_LEN, signature, NOTE_SIGNATURE_LEN);
    buf_addf(note, "\n%s%s ", dash, k->name);
    add_base64(note, both, sizeof both);
    buf_add_str(note, "\n");
}

bool note_signature_holds(const struct note_key *k, struct bytes text, struct bytes signature)
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->public_key, NOTE_KEY_LEN);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = pkey != NULL && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
              EVP_DigestVerify(ctx, signature.data, signature.len, text.data, text.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return ok;
}

static bool next_line(struct bytes *rest, struct bytes *line)
{
    size_t end = bytes_find(*rest, '\n');
    if (end == rest->len)
        return false;
    *line = bytes_slice(*rest, 0, end);
    *rest = bytes_slice(*rest, end + 1, rest->len);
    return true;
}

static bool read_size(struct bytes line, uint64_t *size)
{
    *size = 0;
    if (line.len == 0 || line.len > 19 || (line.data[0] == '0' && line.len > 1))
        return false;
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] < '0' || line.data[i] > '9')
            return false;
        *size = *size * 10 + (uint64_t)(line.data[i] - '0');
    }
    return true;
}

bool note_open(struct bytes note, const struct note_key *k, struct checkpoint *out)
{
    struct bytes rest = note, origin, size, root, empty, signature;
    uint8_t both[KEY_HASH_LEN + NOTE_SIGNATURE_LEN], hash[KEY_HASH_LEN];
    if (!next_line(&rest, &origin) || !next_line(&rest, &size) || !next_line(&rest, &root) || !next_line(&rest, &empty) ||
        empty.len != 0 || !next_line(&rest, &signature) || rest.len != 0)
        return false;
    struct bytes text = bytes_of(note.data, (size_t)(empty.data - note.data));
    size_t head = sizeof dash - 1 + strlen(k->name) + 1;
    char expected[sizeof dash + NOTE_NAME_MAX + 2];
    (void)snprintf(expected, sizeof expected, "%s%s ", dash, k->name);
    return key_hash(k, hash) && bytes_eq(origin, bytes_str(k->name)) && read_size(size, &out->size) &&
           read_base64(root, out->root, sizeof out->root) && bytes_eq(bytes_slice(signature, 0, head), bytes_str(expected)) &&
           read_base64(bytes_slice(signature, head, signature.len), both, sizeof both) && memcmp(both, hash, sizeof hash) == 0 &&
           note_signature_holds(k, text, bytes_of(both + KEY_HASH_LEN, NOTE_SIGNATURE_LEN));
}
