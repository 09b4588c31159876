/* The audit log: RFC 6962's tree, signed notes, and that no octet of it can be changed unnoticed. */
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audit/log.h"
#include "audit/segment.h"
#include "audit/verify.h"
#include "base/err.h"
#include "base/io.h"
#include "memory.h"
#include "unit.h"

/* The leaves of Certificate Transparency's reference tests, and the roots of the first n of them. */
static const struct bytes ct_leaves[] = {
    BYTES_LIT(""),
    BYTES_LIT("\x00"),
    BYTES_LIT("\x10"),
    BYTES_LIT("\x20\x21"),
    BYTES_LIT("\x30\x31"),
    BYTES_LIT("\x40\x41\x42\x43"),
    BYTES_LIT("\x50\x51\x52\x53\x54\x55\x56\x57"),
    BYTES_LIT("\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"),
};
static const char *const ct_roots[] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static void expect_hex(const uint8_t hash[MERKLE_HASH_LEN], const char *want)
{
    char text[2 * MERKLE_HASH_LEN + 1];
    for (size_t i = 0; i < MERKLE_HASH_LEN; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", hash[i]);
    ck_assert_str_eq(text, want);
}

START_TEST(rfc6962_roots)
{
    struct merkle m;
    uint8_t hash[MERKLE_HASH_LEN];
    merkle_init(&m);
    for (size_t n = 0;; n++) {
        ck_assert(merkle_root(&m, hash));
        expect_hex(hash, ct_roots[n]);
        if (n == 8)
            break;
        ck_assert(merkle_leaf(ct_leaves[n], hash));
        merkle_add(&m, hash);
    }
}
END_TEST

START_TEST(paths)
{
    uint8_t leaves[40][MERKLE_HASH_LEN], path[MERKLE_LEVELS_MAX][MERKLE_HASH_LEN], root[MERKLE_HASH_LEN];
    struct merkle m;
    merkle_init(&m);
    for (uint8_t n = 0; n < 40; n++) {
        ck_assert(merkle_leaf(bytes_of(&n, 1), leaves[n]));
        merkle_add(&m, leaves[n]);
        ck_assert(merkle_root(&m, root));
        for (size_t i = 0; i <= n; i++) {
            size_t count = merkle_path((const uint8_t(*)[MERKLE_HASH_LEN])leaves, n + 1U, i, path, MERKLE_LEVELS_MAX);
            const uint8_t(*p)[MERKLE_HASH_LEN] = (const uint8_t(*)[MERKLE_HASH_LEN])path;
            ck_assert(merkle_path_holds(leaves[i], i, n + 1U, p, count, root));
            ck_assert(!merkle_path_holds(leaves[i], i + 1, n + 1U, p, count, root));
            if (count > 0) {
                ck_assert(!merkle_path_holds(leaves[i], i, n + 1U, p, count - 1, root));
                path[count - 1][0] ^= 1;
                ck_assert(!merkle_path_holds(leaves[i], i, n + 1U, p, count, root));
            }
        }
    }
}
END_TEST

/* ---- a key in memory; RFC 8032 §7.1 test 1's ---- */

static const uint8_t seed[32] = {0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
                                 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};

static void sign(struct bytes text, struct note_key *k, uint8_t sig[NOTE_SIGNATURE_LEN])
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = NOTE_SIGNATURE_LEN, key_len = NOTE_KEY_LEN;
    ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
    ck_assert_int_eq(EVP_DigestSign(ctx, sig, &len, text.data, text.len), 1);
    ck_assert_int_eq(EVP_PKEY_get_raw_public_key(key, k->public_key, &key_len), 1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
}

START_TEST(notes)
{
    struct note_key k = {.name = "zegel.example.nl/mx1"}, again;
    struct checkpoint c = {.size = 12345}, read;
    struct buf text = BUF_INIT, note = BUF_INIT, key = BUF_INIT;
    uint8_t sig[NOTE_SIGNATURE_LEN];
    memset(c.root, 7, sizeof c.root);
    note_text(k.name, &c, &text);
    sign(buf_bytes(&text), &k, sig);
    buf_add(&note, buf_bytes(&text));
    note_sign(&note, &k, sig);
    ck_assert(note_open(buf_bytes(&note), &k, &read));
    ck_assert_uint_eq(read.size, 12345);
    ck_assert_int_eq(memcmp(read.root, c.root, sizeof c.root), 0);
    for (size_t i = 0; i < note.len; i++)
        for (int bit = 0; bit < 8; bit++) { /* not one bit of it may differ */
            note.data[i] ^= (uint8_t)(1 << bit);
            ck_assert_msg(!note_open(buf_bytes(&note), &k, &read), "octet %zu bit %d", i, bit);
            note.data[i] ^= (uint8_t)(1 << bit);
        }
    for (size_t n = 0; n < note.len; n++)
        ck_assert(!note_open(bytes_slice(buf_bytes(&note), 0, n), &k, &read));
    note_key_print(&k, &key);
    ck_assert(note_key_parse(buf_bytes(&key), &again));
    ck_assert_str_eq(again.name, k.name);
    ck_assert_int_eq(memcmp(again.public_key, k.public_key, NOTE_KEY_LEN), 0);
    for (size_t i = 0; i < key.len; i++) {
        key.data[i] ^= 1;
        ck_assert_msg(!note_key_parse(buf_bytes(&key), &again), "octet %zu", i);
        key.data[i] ^= 1;
    }
    buf_free(&text);
    buf_free(&note);
    buf_free(&key);
}
END_TEST

/* ---- the log on disk ---- */

static char dir[] = "/tmp/zegel-audit-XXXXXX";
static struct note_key log_key = {.name = "test/log"};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    return ftw->level == 0 ? 0 : remove(path);
}

static void empty_dir(void)
{
    (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct audit *open_log(uint64_t segment_max)
{
    struct audit_config cfg = {.dir = dir, .origin = log_key.name, .segment_max = segment_max};
    struct buf why = BUF_INIT;
    struct audit *a = NULL;
    ck_assert_msg(audit_open(&cfg, &a, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    buf_free(&why);
    return a;
}

static int add(struct audit *a, unsigned count)
{
    static const uint8_t hash[MERKLE_HASH_LEN] = {1, 2, 3};
    struct buf why = BUF_INIT;
    for (unsigned i = 0; i < count; i++) {
        struct audit_record r = {.time = 1700000000,
                                 .domain = BYTES_LIT("example.nl"),
                                 .selector = BYTES_LIT("s\"\\\n\xc3\xa9"),
                                 .key = BYTES_LIT("pkcs11:object=x"),
                                 .queue_id = BYTES_LIT("4ABC"),
                                 .client = BYTES_LIT("192.0.2.1"),
                                 .block_hash = hash,
                                 .body_hash = i % 2 ? hash : NULL,
                                 .verdict = "signed"};
        audit_add(a, &r);
    }
    int err = audit_commit(a, &why);
    buf_free(&why);
    return err;
}

static void checkpoint(struct audit *a, int64_t now)
{
    struct buf text = BUF_INIT, why = BUF_INIT;
    uint8_t sig[NOTE_SIGNATURE_LEN];
    ck_assert(audit_checkpoint_due(a, now));
    audit_checkpoint_text(a, now, &text);
    ck_assert(!audit_checkpoint_due(a, now));
    sign(buf_bytes(&text), &log_key, sig);
    ck_assert_int_eq(audit_checkpoint_write(a, &log_key, buf_bytes(&text), sig, &why), ZEGEL_OK);
    buf_free(&text);
    buf_free(&why);
}

static int verify(struct audit_report *r)
{
    struct buf why = BUF_INIT;
    int err = audit_verify(dir, &log_key, NULL, NULL, r, &why);
    ck_assert((err == ZEGEL_OK) == (why.len == 0));
    buf_free(&why);
    return err;
}

/* 30 records in small segments, over a restart, three checkpoints; the last covers all. */
static void make_log(void)
{
    empty_dir();
    struct audit *a = open_log(2000);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(add(a, 3), ZEGEL_OK);
    checkpoint(a, 5000);
    audit_close(a);
    a = open_log(2000);
    ck_assert_int_eq(add(a, 1), ZEGEL_OK);
    checkpoint(a, 7000);
    for (int i = 0; i < 7; i++)
        ck_assert_int_eq(add(a, 2), ZEGEL_OK);
    checkpoint(a, 9000);
    audit_close(a);
}

START_TEST(whole)
{
    struct audit_report r;
    make_log();
    ck_assert_int_eq(verify(&r), ZEGEL_OK);
    ck_assert_uint_eq(r.records, 30);
    ck_assert_uint_eq(r.covered, 30);
    ck_assert_uint_eq(r.checkpoints, 3);
    /* what comes behind the last checkpoint is told apart */
    struct audit *a = open_log(2000);
    ck_assert_int_eq(add(a, 2), ZEGEL_OK);
    audit_close(a);
    ck_assert_int_eq(verify(&r), ZEGEL_OK);
    ck_assert_uint_eq(r.records, 32);
    ck_assert_uint_eq(r.covered, 30);
}
END_TEST

/* Whatever fails for want of memory: no record that is not in the tree, no checkpoint over another tree. */
START_TEST(memory_short)
{
    struct audit_report r;
    unsigned failures = 0, round = 0;
    empty_dir();
    struct audit *a = open_log(2000);
    for (bool reached = true; reached; round++) {
        struct buf text = BUF_INIT, why = BUF_INIT;
        uint8_t sig[NOTE_SIGNATURE_LEN];
        memory_fails_at(round + 1);
        failures += add(a, 3) != ZEGEL_OK;
        audit_checkpoint_text(a, round, &text);
        failures += text.failed;
        reached = memory_failed();
        if (!text.failed) {
            sign(buf_bytes(&text), &log_key, sig);
            memory_fails_at(round + 1);
            failures += audit_checkpoint_write(a, &log_key, buf_bytes(&text), sig, &why) != ZEGEL_OK;
            (void)memory_failed();
        }
        buf_free(&text);
        buf_free(&why);
        ck_assert_int_eq(add(a, 1), ZEGEL_OK);
    }
    checkpoint(a, 1000000);
    audit_close(a);
    ck_assert_int_eq(verify(&r), ZEGEL_OK);
    ck_assert_uint_eq(r.covered, r.records);
    ck_assert_uint_gt(failures, 10);
}
END_TEST

START_TEST(retention)
{
    struct audit_config cfg = {.dir = dir, .origin = log_key.name, .segment_max = 2000, .keep = 5000};
    struct audit_report r;
    struct audit *a = NULL;
    struct buf why = BUF_INIT;
    uint64_t *firsts = NULL;
    size_t count = 0;
    empty_dir();
    ck_assert_int_eq(audit_open(&cfg, &a, &why), ZEGEL_OK);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(add(a, 3), ZEGEL_OK);
    checkpoint(a, 5000);
    audit_close(a);
    ck_assert_int_eq(segment_list(dir, &firsts, &count, &why), ZEGEL_OK);
    ck_assert_uint_ge(count, 2);
    ck_assert_uint_le(count, 6);
    ck_assert_uint_gt(firsts[0], 0);
    free(firsts);
    ck_assert_int_eq(verify(&r), ZEGEL_OK); /* what stayed is whole, and says from where */
    ck_assert_uint_gt(r.first, 0);
    ck_assert_uint_eq(r.records, 60);
    ck_assert_uint_eq(r.covered, 60);
    buf_free(&why);
}
END_TEST

static int mutations;

/* Every octet of one file: changed, removed, and the file cut there. */
static int mutate(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    struct buf content = BUF_INIT, why = BUF_INIT;
    struct audit_report r;
    (void)ftw;
    if (type != FTW_F)
        return 0;
    ck_assert_int_eq(io_read_file(path, 1 << 20, &content, &why), ZEGEL_OK);
    for (size_t i = 0; i < content.len; i++) {
        for (int how = 0; how < 3; how++) {
            int fd = open(path, O_WRONLY | O_TRUNC);
            ck_assert_int_ge(fd, 0);
            uint8_t flipped = content.data[i] ^ 1;
            ck_assert_int_eq(write(fd, content.data, i), (ssize_t)i);
            if (how == 0)
                ck_assert_int_eq(write(fd, &flipped, 1), 1);
            if (how < 2)
                ck_assert_int_eq(write(fd, content.data + i + 1, content.len - i - 1), (ssize_t)(content.len - i - 1));
            (void)close(fd);
            ck_assert_msg(verify(&r) != ZEGEL_OK, "%s: octet %zu of %lld, %s", path, i, (long long)st->st_size,
                          how == 0   ? "changed"
                          : how == 1 ? "removed"
                                     : "cut");
            mutations++;
        }
    }
    int fd = open(path, O_WRONLY | O_TRUNC);
    ck_assert_int_eq(write(fd, content.data, content.len), (ssize_t)content.len);
    (void)close(fd);
    ck_assert_int_eq(remove(path), 0); /* the whole file */
    /* the oldest records may have been archived; that is said */
    ck_assert_msg(verify(&r) != ZEGEL_OK || r.first > 0, "%s: removed", path);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_eq(write(fd, content.data, content.len), (ssize_t)content.len);
    (void)close(fd);
    buf_free(&content);
    buf_free(&why);
    return 0;
}

START_TEST(nothing_changes_unnoticed)
{
    struct audit_report r;
    make_log();
    ck_assert_int_eq(nftw(dir, mutate, 8, FTW_PHYS), 0);
    ck_assert_int_gt(mutations, 20000);
    ck_assert_int_eq(verify(&r), ZEGEL_OK); /* and all is back */
}
END_TEST

START_TEST(swapped_records)
{
    struct buf content = BUF_INIT, why = BUF_INIT, swapped = BUF_INIT;
    struct audit_report r;
    char path[128];
    make_log();
    (void)snprintf(path, sizeof path, "%s/records-%016d.jsonl", dir, 0);
    ck_assert_int_eq(io_read_file(path, 1 << 20, &content, &why), ZEGEL_OK);
    size_t first = bytes_find(buf_bytes(&content), '\n') + 1;
    size_t second = first + bytes_find(bytes_slice(buf_bytes(&content), first, content.len), '\n') + 1;
    buf_add(&swapped, bytes_slice(buf_bytes(&content), first, second));
    buf_add(&swapped, bytes_slice(buf_bytes(&content), 0, first));
    buf_add(&swapped, bytes_slice(buf_bytes(&content), second, content.len));
    int fd = open(path, O_WRONLY | O_TRUNC);
    ck_assert_int_eq(write(fd, swapped.data, swapped.len), (ssize_t)swapped.len);
    (void)close(fd);
    ck_assert_int_ne(verify(&r), ZEGEL_OK);
    buf_free(&content);
    buf_free(&swapped);
    buf_free(&why);
}
END_TEST

START_TEST(half_a_record_is_cut_off)
{
    struct audit_report r;
    char path[128];
    empty_dir();
    struct audit *a = open_log(1 << 20);
    ck_assert_int_eq(add(a, 5), ZEGEL_OK);
    audit_close(a);
    (void)snprintf(path, sizeof path, "%s/records-%016d.jsonl", dir, 0);
    int fd = open(path, O_WRONLY | O_APPEND);
    ck_assert_int_eq(write(fd, "{\"seq\":5,\"ti", 12), 12);
    (void)close(fd);
    a = open_log(1 << 20);
    ck_assert_int_eq(add(a, 1), ZEGEL_OK);
    checkpoint(a, 5000);
    audit_close(a);
    ck_assert_int_eq(verify(&r), ZEGEL_OK);
    ck_assert_uint_eq(r.records, 6);
}
END_TEST

/* What the log reads in here comes through these; some calls bring only an octet of what is there. */
static unsigned few;

static ssize_t read_at(int fd, void *data, size_t len, off_t at)
{
    bool is_short = few > 0 && len > 1;
    few -= few > 0;
    return syscall(SYS_pread64, fd, data, is_short ? 1 : len, at);
}

ssize_t pread(int fd, void *data, size_t len, off_t at)
{
    return read_at(fd, data, len, at);
}

ssize_t __pread_chk(int fd, void *data, size_t len, off_t at, size_t room); /* NOLINT(*-reserved-identifier): glibc's name */
ssize_t __pread_chk(int fd, void *data, size_t len, off_t at, size_t room)
{
    ck_assert_uint_le(len, room);
    return read_at(fd, data, len, at);
}

/* What is there is not cut off because a read brought less of it. */
START_TEST(short_reads)
{
    struct audit_report r;
    empty_dir();
    struct audit *a = open_log(1 << 20);
    ck_assert_int_eq(add(a, 5), ZEGEL_OK);
    checkpoint(a, 5000);
    audit_close(a);
    for (unsigned n = 1; n < 300; n += 7) {
        few = n;
        a = open_log(1 << 20);
        ck_assert_uint_eq(audit_size(a), 5);
        audit_close(a);
    }
    few = 0;
    ck_assert_int_eq(verify(&r), ZEGEL_OK);
    ck_assert_uint_eq(r.records, 5);
}
END_TEST

/* A full disk: no record, and the log goes on where it was when there is room again. */
START_TEST(full_disk)
{
    struct audit_report r;
    struct rlimit old, small;
    empty_dir();
    struct audit *a = open_log(1 << 20);
    ck_assert_int_eq(add(a, 5), ZEGEL_OK);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){.rlim_cur = 2000, .rlim_max = old.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    int err = add(a, 20);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    ck_assert_int_eq(err, ZEGEL_ERR_SYSTEM);
    ck_assert_int_eq(add(a, 2), ZEGEL_OK);
    checkpoint(a, 5000);
    audit_close(a);
    ck_assert_int_eq(verify(&r), ZEGEL_OK);
    ck_assert_uint_eq(r.records, 7);
}
END_TEST

/* The oldest files may be archived: what is left is still checked against the signed roots. */
START_TEST(archived_head)
{
    struct audit_report r;
    char path[128];
    make_log();
    (void)snprintf(path, sizeof path, "%s/records-%016d.jsonl", dir, 0);
    ck_assert_int_eq(remove(path), 0);
    ck_assert_int_eq(verify(&r), ZEGEL_OK);
    ck_assert_uint_gt(r.first, 0);
    ck_assert_uint_eq(r.covered, 30);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {rfc6962_roots,
                                  paths,
                                  notes,
                                  whole,
                                  memory_short,
                                  swapped_records,
                                  half_a_record_is_cut_off,
                                  short_reads,
                                  full_disk,
                                  archived_head,
                                  nothing_changes_unnoticed,
                                  retention};
    if (!memory_hook() || mkdtemp(dir) == NULL)
        return EXIT_FAILURE;
    int status = unit_run("audit", tests, sizeof tests / sizeof tests[0]);
    empty_dir();
    (void)rmdir(dir);
    return status;
}
