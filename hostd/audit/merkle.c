#include "audit/merkle.h"

#include <openssl/evp.h>

void merkle_init(struct merkle *m)
{
    m->size = 0;
    m->peaks_count = 0;
    m->failed = false;
}

bool merkle_leaf(struct bytes record, uint8_t hash[MERKLE_HASH_LEN])
{
    static const uint8_t prefix = 0x00;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, &prefix, 1) == 1 &&
              EVP_DigestUpdate(ctx, record.data, record.len) == 1 && EVP_DigestFinal_ex(ctx, hash, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

bool merkle_node(const uint8_t left[MERKLE_HASH_LEN], const uint8_t right[MERKLE_HASH_LEN], uint8_t hash[MERKLE_HASH_LEN])
{
    uint8_t both[1 + 2 * MERKLE_HASH_LEN] = {0x01};
    memcpy(both + 1, left, MERKLE_HASH_LEN);
    memcpy(both + 1 + MERKLE_HASH_LEN, right, MERKLE_HASH_LEN);
    return EVP_Digest(both, sizeof both, hash, NULL, EVP_sha256(), NULL) == 1; /* it allocates */
}

/* As a binary counter: each carry joins two subtrees of one height. */
void merkle_add(struct merkle *m, const uint8_t leaf[MERKLE_HASH_LEN])
{
    uint8_t hash[MERKLE_HASH_LEN];
    memcpy(hash, leaf, sizeof hash);
    for (uint64_t n = m->size; n & 1; n >>= 1)
        m->failed = !merkle_node(m->peaks[--m->peaks_count], hash, hash) || m->failed;
    memcpy(m->peaks[m->peaks_count++], hash, sizeof hash);
    m->size++;
}

bool merkle_root(const struct merkle *m, uint8_t root[MERKLE_HASH_LEN])
{
    if (m->size == 0)
        return EVP_Digest("", 0, root, NULL, EVP_sha256(), NULL) == 1;
    unsigned i = m->peaks_count - 1;
    bool ok = !m->failed;
    memcpy(root, m->peaks[i], MERKLE_HASH_LEN);
    while (i-- > 0)
        ok = merkle_node(m->peaks[i], root, root) && ok;
    return ok;
}

/* The largest power of two smaller than n, n > 1. */
static size_t split(size_t n)
{
    size_t k = 1;
    while (k * 2 < n)
        k *= 2;
    return k;
}

static bool subtree_root(const uint8_t (*leaves)[MERKLE_HASH_LEN], size_t count, uint8_t root[MERKLE_HASH_LEN])
{
    struct merkle m;
    merkle_init(&m);
    for (size_t i = 0; i < count; i++)
        merkle_add(&m, leaves[i]);
    return merkle_root(&m, root);
}

size_t merkle_path(const uint8_t (*leaves)[MERKLE_HASH_LEN], size_t count, size_t index, uint8_t (*path)[MERKLE_HASH_LEN],
                   size_t max)
{
    uint8_t down[MERKLE_LEVELS_MAX][MERKLE_HASH_LEN];
    size_t n = 0;
    while (count > 1) { /* from the root down; the path itself goes up */
        size_t k = split(count);
        bool left = index < k;
        if (n == max || n == MERKLE_LEVELS_MAX || !subtree_root(left ? leaves + k : leaves, left ? count - k : k, down[n++]))
            return 0;
        if (left) {
            count = k;
        } else {
            leaves += k;
            index -= k;
            count -= k;
        }
    }
    for (size_t i = 0; i < n; i++)
        memcpy(path[i], down[n - 1 - i], MERKLE_HASH_LEN);
    return n;
}

/* RFC 9162 §2.1.3.2, which says it for the same tree. */
bool merkle_path_holds(const uint8_t leaf[MERKLE_HASH_LEN], uint64_t index, uint64_t size, const uint8_t (*path)[MERKLE_HASH_LEN],
                       size_t count, const uint8_t root[MERKLE_HASH_LEN])
{
    uint8_t hash[MERKLE_HASH_LEN];
    uint64_t fn = index, sn = size - 1;
    if (index >= size)
        return false;
    bool ok = true;
    memcpy(hash, leaf, sizeof hash);
    for (size_t i = 0; i < count; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            ok = merkle_node(path[i], hash, hash) && ok;
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            ok = merkle_node(hash, path[i], hash) && ok;
        }
        fn >>= 1;
        sn >>= 1;
    }
    return ok && sn == 0 && memcmp(hash, root, sizeof hash) == 0;
}
