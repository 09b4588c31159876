/* engine: the DKIM engine as a filter, for differential.py. Reads frames from standard input: an operation, its argument, 32 bits
 * of length (big-endian) and a message. 'S': sign it, argument = canonicalisation (bit 0 header, bit 1 body relaxed) and bit 2
 * for Ed25519; answers with the field. 'V': verify it; answers with one result name per signature. Answers are framed by their
 * length. engine RSA.PEM ED25519.PEM RECORDS, where RECORDS is lines "NAME RECORD". */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "dkim/verify.h"

static EVP_PKEY *keys[2];
static struct {
    char name[256], record[4096];
} records[8];
static int records_count;

static EVP_PKEY *read_key(const char *path)
{
    FILE *f = fopen(path, "re");
    EVP_PKEY *k = f == NULL ? NULL : PEM_read_PrivateKey(f, NULL, NULL, NULL);
    if (k == NULL)
        exit(2);
    (void)fclose(f);
    return k;
}

static void read_records(const char *path)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        exit(2);
    while (records_count < 8 && fscanf(f, "%255s %4095[^\n]", records[records_count].name, records[records_count].record) == 2)
        records_count++;
    (void)fclose(f);
}

static enum verify_key_status lookup(void *arg, const char *name, struct verify_key *key)
{
    (void)arg;
    for (int i = 0; i < records_count; i++)
        if (strcmp(records[i].name, name) == 0) {
            out_str(&key->txt, records[i].record);
            return VERIFY_KEY_FOUND;
        }
    return VERIFY_KEY_NONE;
}

static void feed(struct dkim_sign *m, struct bytes text)
{
    dkim_sign_start(m);
    size_t body = header_parse(&m->header, text);
    dkim_sign_body_start(m, true, true);
    for (size_t at = body; at < text.len; at += 997)
        dkim_sign_body(m, bytes_slice(text, at, at + 997));
    if (!dkim_sign_body_end(m))
        exit(3);
}

static size_t raw_sign(bool ed, struct bytes block, uint8_t *sig, size_t cap)
{
    uint8_t hash[DKIM_HASH_LEN];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = digest_sha256(block, hash) && EVP_DigestSignInit(ctx, NULL, ed ? NULL : EVP_sha256(), NULL, keys[ed]) == 1 &&
              EVP_DigestSign(ctx, sig, &cap, ed ? hash : block.data, ed ? sizeof hash : block.len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok ? cap : 0;
}

static void sign(const struct dkim_sign *m, unsigned how, struct buf *answer)
{
    static uint8_t value_room[DKIM_FIELD_MAX], block_room[DKIM_BLOCK_MAX];
    struct out value = out_of(value_room, sizeof value_room), block = out_of(block_room, sizeof block_room);
    uint8_t sig[DKIM_SIGNATURE_MAX];
    bool ed = (how & 4) != 0;
    struct sigheader_params p = {.algorithm = ed ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256,
                                 .relaxed_header = how & 1,
                                 .relaxed_body = how & 2,
                                 .domain = BYTES_LIT("example.nl"),
                                 .selector = ed ? BYTES_LIT("ed") : BYTES_LIT("rsa"),
                                 .timestamp = 1700000000};
    if (!dkim_sign_block(m, &p, &select_default, &value, &block))
        return; /* an empty answer: refused */
    sigheader_add_signature(bytes_of(sig, raw_sign(ed, out_bytes(&block), sig, sizeof sig)), &value);
    buf_add_str(answer, "DKIM-Signature:");
    buf_add(answer, out_bytes(&value));
    buf_add_str(answer, "\r\n");
}

static void verify(const struct dkim_sign *m, struct buf *answer)
{
    struct verification v[VERIFY_RESULTS_MAX];
    size_t n = verify_message(m, 1700000000, lookup, NULL, v);
    for (size_t i = 0; i < n; i++)
        buf_addf(answer, "%s%s: %s", i > 0 ? "\n" : "", verify_result_name(v[i].result), v[i].reason);
}

int main(int argc, char **argv)
{
    struct dkim_sign *m = dkim_sign_new();
    struct buf text = BUF_INIT, answer = BUF_INIT;
    uint8_t head[6];
    if (argc != 4 || m == NULL)
        return 2;
    keys[0] = read_key(argv[1]);
    keys[1] = read_key(argv[2]);
    read_records(argv[3]);
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        size_t len = (size_t)head[2] << 24 | (size_t)head[3] << 16 | (size_t)head[4] << 8 | head[5];
        buf_clear(&text);
        buf_clear(&answer);
        if (len > 1 << 24 || !buf_reserve(&text, len + 1) || fread(text.data, 1, len, stdin) != len)
            return 3;
        feed(m, bytes_of(text.data, len));
        if (head[0] == 'S')
            sign(m, head[1], &answer);
        else
            verify(m, &answer);
        const uint8_t size[4] = {(uint8_t)(answer.len >> 24), (uint8_t)(answer.len >> 16), (uint8_t)(answer.len >> 8),
                                 (uint8_t)answer.len};
        (void)fwrite(size, 1, sizeof size, stdout);
        if (answer.len > 0)
            (void)fwrite(answer.data, 1, answer.len, stdout);
        (void)fflush(stdout);
    }
    buf_free(&text);
    buf_free(&answer);
    dkim_sign_free(m);
    EVP_PKEY_free(keys[0]);
    EVP_PKEY_free(keys[1]);
    return 0;
}
