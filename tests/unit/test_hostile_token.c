/* A token's worker that was taken over holds the socket to the signer: it may answer anything, to anybody, or nothing. Against
 * the real zegel-signer; this test is the milter, the worker, and the worker of another token. No signature that the pinned
 * public key does not verify is released, the other token is not harmed, and the signer neither ends nor grows. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "audit/verify.h"
#include "base/buf.h"
#include "dkim/digest.h"
#include "ipc/signer_token.h"
#include "processes.h"
#include "tempdir.h"
#include "unit.h"

enum { DOMAINS = 100, SHORT_MS = 1500, RSS_MORE_KB = 16 * 1024, LINES_MAX = 1000, CROWD = 300 };

static int control = -1, milter = -1, hostile = -1, beside = -1;
static pid_t signer_pid;
static EVP_PKEY *own, *others, *stranger, *rsa;
static char dir[] = "/tmp/zegel-unit-XXXXXX", log_path[64];
static unsigned next_domain, tricks, released, withheld, lies;
static uint64_t next_id;
static uint8_t old_sig[64]; /* of the first honest answer */
static bool honest_checkpoints;

/* ---- keys ---- */

static struct bytes spki_of(EVP_PKEY *k, uint8_t room[IPC_SPKI_MAX])
{
    unsigned char *at = room;
    int len = i2d_PUBKEY(k, &at);
    ck_assert(len > 0 && len <= IPC_SPKI_MAX);
    return bytes_of(room, (size_t)len);
}

static void sign_with(EVP_PKEY *k, struct bytes data, uint8_t sig[64])
{
    size_t len = 64;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ck_assert(EVP_DigestSignInit(ctx, NULL, NULL, NULL, k) == 1 && EVP_DigestSign(ctx, sig, &len, data.data, data.len) == 1);
    EVP_MD_CTX_free(ctx);
}

/* RFC 8463: over the SHA-256 of the block. */
static void sign_block_with(EVP_PKEY *k, struct bytes block, uint8_t sig[64])
{
    uint8_t hash[DKIM_HASH_LEN];
    ck_assert(digest_sha256(block, hash));
    sign_with(k, bytes_of(hash, sizeof hash), sig);
}

static bool verifies(EVP_PKEY *k, struct bytes block, struct bytes sig)
{
    uint8_t hash[DKIM_HASH_LEN], room[IPC_SPKI_MAX];
    struct digest_key *d = digest_key_from_spki(spki_of(k, room));
    bool ok = d != NULL && digest_sha256(block, hash) && digest_verify(d, hash, sig);
    digest_key_free(d);
    return ok;
}

/* ---- the signer, and who talks to it ---- */

static int connect_peer(const char *name)
{
    int fds[2];
    ck_assert_int_eq(io_pair(fds), ZEGEL_OK);
    hand_over(control, CONTROL_PEER, name, fds[1]);
    wait_ready(control);
    return fds[0];
}

static void make_config(struct buf *yaml)
{
    buf_addf(yaml, "state: %s\ntokens:\n", dir);
    for (int i = 0; i < 2; i++)
        buf_addf(yaml,
                 "  - {name: %s, module: /usr/lib/softhsm/libsofthsm2.so, token: \"pkcs11:token=%s\", pin: file:/nowhere}\n",
                 i == 0 ? "t" : "good", i == 0 ? "t" : "good");
    buf_add_str(yaml, "audit: {key: \"pkcs11:token=t;object=audit/log\", origin: hostile.example/log}\n"
                      "listen: [\"inet:1@127.0.0.1\"]\ndomains:\n");
    for (unsigned i = 0; i <= DOMAINS; i++)
        buf_addf(yaml,
                 "  - {domain: k%u.example, oversign-headers: [From], keys: [{selector: e, algorithm: ed25519-sha256, "
                 "key: \"pkcs11:token=%s;object=k%u.example/e\"}]}\n",
                 i, i == DOMAINS ? "good" : "t", i);
}

static void start_signer(const struct buf *yaml)
{
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), saved = dup(STDERR_FILENO);
    ck_assert(log >= 0 && dup2(log, STDERR_FILENO) >= 0);
    signer_pid = spawn("zegel-signer", NULL, &control);
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    (void)close(log);
    hand_over(control, CONTROL_CONFIG, "zegel-signer", io_memfd("config", buf_bytes(yaml)));
    wait_ready(control);
}

/* ---- what the worker may say ---- */

static void send_reply(int fd, struct token_reply r)
{
    static uint8_t room[IO_PACKET_MAX];
    struct packer p = {.data = room, .cap = sizeof room};
    ck_assert(token_reply_pack(&r, &p));
    put(fd, bytes_of(p.data, p.len));
}

/* What an honest worker says, with `k`. The views last until the next call. */
static struct token_reply honest_reply(EVP_PKEY *k, const struct token_request *in)
{
    static uint8_t sig[64], spki[IPC_SPKI_MAX];
    if (in->is_text)
        sign_with(k, in->data, sig);
    else
        sign_block_with(k, in->data, sig);
    return (struct token_reply){.id = in->id, .signature = bytes_of(sig, sizeof sig), .spki = spki_of(k, spki)};
}

static size_t packed_honest(const struct token_request *in, uint8_t room[4096])
{
    struct token_reply r = honest_reply(own, in);
    struct packer p = {.data = room, .cap = 4096};
    ck_assert(token_reply_pack(&r, &p));
    return p.len;
}

static unsigned argument; /* of the trick */

static void say_honest(const struct token_request *in)
{
    static bool again;
    struct token_reply r = honest_reply(own, in);
    if (!again)
        memcpy(old_sig, r.signature.data, sizeof old_sig);
    again = true;
    send_reply(hostile, r);
}

static void say_thrice(const struct token_request *in)
{
    for (int i = 0; i < 3; i++)
        say_honest(in);
}

static void say_others(const struct token_request *in) /* what it was not asked, the other token's among it */
{
    struct token_reply r = honest_reply(own, in);
    for (uint64_t d = 1; d <= 100; d++) {
        r.id = in->id + d;
        send_reply(hostile, r);
        r.id = in->id - d;
        send_reply(hostile, r);
    }
    r.id = UINT64_MAX;
    send_reply(hostile, r);
    say_honest(in);
}

static void say_logged_in(const struct token_request *in)
{
    for (int i = 0; i < 1000; i++)
        send_reply(hostile, (struct token_reply){.id = TOKEN_REPLY_LOGGED_IN});
    say_honest(in);
}

static void say_cut(const struct token_request *in) /* and with too much behind it */
{
    uint8_t room[4096] = {0};
    size_t len = packed_honest(in, room);
    for (size_t n = 1; n < len; n++)
        put(hostile, bytes_of(room, n));
    for (size_t more = 1; more < 4096 - len; more += 1 + more / 2)
        put(hostile, bytes_of(room, len + more));
    say_honest(in);
}

static void say_lengths(const struct token_request *in)
{
    static const uint32_t values[] = {0x7fffffff, 0x80000000, 0xffffffff, 0x10000, 4000, 513, 1201, 1000000};
    uint8_t room[4096];
    struct token_reply r = honest_reply(own, in);
    size_t len = packed_honest(in, room);
    size_t at[] = {12, 16, 20 + r.signature.len, 24 + r.signature.len + r.spki.len}; /* of err, signature, spki, reason */
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            uint8_t bad[4096];
            memcpy(bad, room, len);
            memcpy(bad + at[i], &values[v], sizeof values[v]);
            if (i > 0 || values[v] > 1000) /* an error that is one would be taken */
                put(hostile, bytes_of(bad, len));
        }
    say_honest(in);
}

static void say_noise(const struct token_request *in)
{
    static uint8_t noise[IO_PACKET_MAX];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)((state = state * 1664525 + 1013904223) >> 24);
    for (size_t n = 1; n < 300; n++)
        put(hostile, bytes_of(noise, n));
    for (size_t n = 512; n <= sizeof noise; n *= 2)
        put(hostile, bytes_of(noise, n));
    put(hostile, bytes_of(noise, sizeof noise));
    say_honest(in);
}

static void say_many(const struct token_request *in)
{
    for (int i = 0; i < 20000; i++)
        put(hostile, BYTES_LIT("\x12no answer at all"));
    say_honest(in);
}

static void say_kinds(const struct token_request *in) /* as if it were another kind of process */
{
    static const uint32_t magic[] = {0, 0x5a470001, 0x5a470002, 0x5a470011, 0x5a470021, 0x5a470031, 0x5a470032};
    uint8_t room[4096];
    size_t len = packed_honest(in, room);
    for (size_t i = 0; i < sizeof magic / sizeof magic[0]; i++) {
        memcpy(room, &magic[i], sizeof magic[i]);
        put(hostile, bytes_of(room, len));
    }
    say_honest(in);
}

static void say_descriptors(const struct token_request *in)
{
    static const int counts[] = {1, 2, 3, 30, 253};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        int fds[253] = {0};
        char room[CMSG_SPACE(sizeof fds)] = {0};
        struct iovec iov = {.iov_base = (char[]){"x"}, .iov_len = 1};
        struct msghdr msg = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = CMSG_SPACE((size_t)counts[i] * sizeof(int))};
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)counts[i] * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (size_t)counts[i] * sizeof(int));
        ck_assert_int_eq(sendmsg(hostile, &msg, MSG_NOSIGNAL), 1);
    }
    say_honest(in);
}

static void say_error(const struct token_request *in) /* and then, too late, the signature */
{
    send_reply(hostile, (struct token_reply){.id = in->id, .err = -(int)argument});
    say_honest(in);
}

static void say_reason(const struct token_request *in) /* words that would be lines, records and screens of their own */
{
    char reason[IPC_REASON_MAX];
    memset(reason, 'x', sizeof reason);
    memcpy(reason, "no\r\n250 yes\",\"verdict\":\"signed\"}\n{\x1b[2J\0\xff", 40);
    send_reply(hostile, (struct token_reply){.id = in->id, .err = ZEGEL_ERR_REFUSED, .reason = bytes_of(reason, sizeof reason)});
}

static void say_length(const struct token_request *in) /* of the signature */
{
    uint8_t sig[IPC_SIGNATURE_MAX] = {0};
    struct token_reply r = honest_reply(own, in);
    memcpy(sig, r.signature.data, r.signature.len);
    r.signature = bytes_of(sig, argument);
    send_reply(hostile, r);
}

static void say_flipped(const struct token_request *in)
{
    uint8_t sig[64];
    struct token_reply r = honest_reply(own, in);
    memcpy(sig, r.signature.data, sizeof sig);
    sig[argument / 8] ^= (uint8_t)(1U << argument % 8);
    r.signature = bytes_of(sig, sizeof sig);
    send_reply(hostile, r);
}

static void say_replay(const struct token_request *in)
{
    struct token_reply r = honest_reply(own, in);
    r.signature = bytes_of(old_sig, sizeof old_sig);
    send_reply(hostile, r);
}

static void say_other_bytes(const struct token_request *in) /* the block itself, a prefix of it, nothing */
{
    uint8_t sig[64];
    struct token_reply r = honest_reply(own, in);
    if (argument == 0)
        sign_with(own, in->data, sig);
    else
        sign_block_with(own, bytes_slice(in->data, 0, argument == 1 ? in->data.len - 1 : 0), sig);
    r.signature = bytes_of(sig, sizeof sig);
    send_reply(hostile, r);
}

static void say_stranger(const struct token_request *in) /* its signature, its key, or both */
{
    uint8_t sig[64], spki[IPC_SPKI_MAX];
    struct token_reply r = honest_reply(own, in);
    sign_block_with(stranger, in->data, sig);
    if (argument != 1)
        r.signature = bytes_of(sig, sizeof sig);
    if (argument != 0)
        r.spki = spki_of(stranger, spki);
    send_reply(hostile, r);
}

static void say_key(const struct token_request *in) /* a public key that is none, or of another kind */
{
    uint8_t spki[IPC_SPKI_MAX], room[IPC_SPKI_MAX];
    struct token_reply r = honest_reply(own, in);
    memset(spki, 0x30, sizeof spki);
    switch (argument) {
    case 0: r.spki = bytes_of(NULL, 0); break;
    case 1: r.spki = bytes_of(spki, 1); break;
    case 2: r.spki = bytes_of(spki, sizeof spki); break;
    case 3: r.spki = bytes_of(r.spki.data, r.spki.len - 1); break;
    case 4: r.spki = spki_of(rsa, room); break;
    default:
        memcpy(spki, r.spki.data, r.spki.len); /* and something behind it */
        r.spki = bytes_of(spki, r.spki.len + 1);
    }
    send_reply(hostile, r);
}

static void say_nothing(const struct token_request *in)
{
    (void)in;
}

static void hang_up(const struct token_request *in) /* its successor has to */
{
    (void)in;
    if (argument == 1)
        ck_assert_int_eq(send(hostile, "", 0, MSG_NOSIGNAL), 0); /* reads like an end */
    (void)close(hostile);
    hostile = connect_peer("t/0");
    argument = 2;
}

static void say_or_hang_up(const struct token_request *in)
{
    if (argument == 2)
        say_honest(in);
    else
        hang_up(in);
}

/* A checkpoint of the audit log: never a right one, until the end. */
static void lie_about_checkpoint(const struct token_request *in)
{
    uint8_t sig[64] = {0};
    struct token_reply r = honest_reply(own, in);
    switch (honest_checkpoints ? 4 : lies++ % 4) {
    case 0: r.signature = bytes_of(sig, sizeof sig); break;
    case 1:
        sign_with(own, bytes_slice(in->data, 1, in->data.len), sig);
        r.signature = bytes_of(sig, sizeof sig);
        break;
    case 2: r = honest_reply(stranger, in); break;
    case 3: r.signature = bytes_of(r.signature.data, 63); break;
    default: break;
    }
    r.id = in->id;
    send_reply(hostile, r);
}

/* ---- one message for the hostile token, and one for the other at the same time ---- */

struct asked {
    uint64_t id;
    char block[512];
    EVP_PKEY *key;
    bool answered;
    int err;
};

static void ask(struct asked *a, unsigned domain, EVP_PKEY *key, uint32_t left_ms)
{
    static uint8_t room[IO_PACKET_MAX];
    struct packer p = {.data = room, .cap = sizeof room};
    char name[32];
    (void)snprintf(name, sizeof name, "k%u.example", domain);
    *a = (struct asked){.id = ++next_id, .key = key};
    (void)snprintf(a->block, sizeof a->block,
                   "from:a@%s\r\ndkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; d=%s; s=e; t=%lld; h=From:From; "
                   "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=",
                   name, name, (long long)clock_wall_s());
    struct sign_request r = {.id = a->id,
                             .left_ms = left_ms,
                             .domain = bytes_str(name),
                             .selector = BYTES_LIT("e"),
                             .queue_id = BYTES_LIT("HOSTILE"),
                             .client = BYTES_LIT("192.0.2.1"),
                             .block = bytes_str(a->block)};
    ck_assert(sign_request_pack(&r, &p));
    put(milter, bytes_of(p.data, p.len));
}

static void take_answer(struct asked *const *all, size_t count, struct bytes packet)
{
    struct sign_reply r;
    ck_assert(sign_reply_unpack(packet, &r));
    for (size_t i = 0; i < count; i++) {
        if (all[i]->id != r.id)
            continue;
        ck_assert_msg(!all[i]->answered, "answered twice");
        all[i]->answered = true;
        all[i]->err = r.err;
        ck_assert_msg(r.err == ZEGEL_OK ? verifies(all[i]->key, bytes_str(all[i]->block), r.signature) : r.signature.len == 0,
                      "A WRONG SIGNATURE IS RELEASED");
    }
}

/* Plays everybody until all have their answers. `say`: what the hostile worker does with a request; NULL: it does not even look.
 */
static void play(struct asked *const *all, size_t count, void (*say)(const struct token_request *), const char *what)
{
    static uint8_t packet[IO_PACKET_MAX];
    size_t left = count;
    while (left > 0) {
        struct pollfd p[] = {{.fd = milter, .events = POLLIN},
                             {.fd = beside, .events = POLLIN},
                             {.fd = say == NULL ? -1 : hostile, .events = POLLIN}};
        size_t len = 0;
        struct token_request in;
        ck_assert_msg(poll(p, 3, ANSWER_WITHIN_MS) > 0, "%s: %zu answers do not come", what, left);
        for (int i = 0; i < 3; i++) {
            if (p[i].revents == 0)
                continue;
            ck_assert_msg(io_recv(p[i].fd, packet, sizeof packet, &len, NULL) == ZEGEL_OK, "%s: the signer is gone", what);
            if (i == 0) {
                take_answer(all, count, bytes_of(packet, len));
                continue;
            }
            ck_assert(token_request_unpack(bytes_of(packet, len), &in));
            if (i == 1)
                send_reply(beside, honest_reply(others, &in));
            else if (in.is_text)
                lie_about_checkpoint(&in);
            else
                say(&in);
        }
        left = 0;
        for (size_t i = 0; i < count; i++)
            left += !all[i]->answered;
    }
}

static int trial(unsigned domain, void (*say)(const struct token_request *), uint32_t left_ms, const char *what)
{
    struct asked a, b;
    ask(&a, domain, own, left_ms);
    ask(&b, DOMAINS, others, ANSWER_WITHIN_MS);
    play((struct asked *[]){&a, &b}, 2, say, what);
    ck_assert_msg(b.err == ZEGEL_OK, "%s: the other token's message: %s", what, zegel_strerror(b.err));
    return a.err;
}

/* With a key that is known already, unless `fresh`. */
static void trick(const char *what, void (*say)(const struct token_request *), unsigned arg, bool fresh, bool good)
{
    unsigned domain = next_domain++;
    ck_assert_uint_lt(domain, DOMAINS);
    if (!fresh)
        ck_assert_msg(trial(domain, say_honest, ANSWER_WITHIN_MS, "honest") == ZEGEL_OK, "before %s: not signed", what);
    argument = arg;
    int err = trial(domain, say, say == say_nothing ? SHORT_MS : ANSWER_WITHIN_MS, what);
    ck_assert_msg((err == ZEGEL_OK) == good, "%s (%u): %s", what, arg, zegel_strerror(err));
    tricks++;
    *(good ? &released : &withheld) += 1;
}

static long in_kb(const char *name)
{
    char path[64], line[256];
    long kb = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)signer_pid);
    FILE *f = fopen(path, "re");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtol(line + strlen(name) + 1, NULL, 10);
    (void)fclose(f);
    return kb;
}

/* ---- the tests ---- */

START_TEST(start)
{
    struct buf yaml = BUF_INIT;
    char path[64];
    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/audit", dir);
    (void)snprintf(log_path, sizeof log_path, "%s/log", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    own = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    others = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    stranger = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    make_config(&yaml);
    start_signer(&yaml);
    buf_free(&yaml);
    hostile = connect_peer("t/0");
    beside = connect_peer("good/0");
    milter = connect_peer("inet:1@127.0.0.1");
}
END_TEST

static const struct {
    const char *what;
    void (*say)(const struct token_request *);
    unsigned first, last; /* argument */
    bool fresh, good;
} all_tricks[] = {
    {"honest", say_honest, 0, 0, true, true},
    {"three times", say_thrice, 0, 0, false, true},
    {"answers nobody asked for", say_others, 0, 0, false, true},
    {"logged in, again and again", say_logged_in, 0, 0, false, true},
    {"cut, and longer", say_cut, 0, 0, false, true},
    {"lengths", say_lengths, 0, 0, false, true},
    {"noise", say_noise, 0, 0, false, true},
    {"20,000 packets", say_many, 0, 0, false, true},
    {"other kinds of message", say_kinds, 0, 0, false, true},
    {"descriptors", say_descriptors, 0, 0, false, true},
    {"hangs up", say_or_hang_up, 0, 1, false, true},
    {"an error, then a signature", say_error, 1, 20, true, false},
    {"an error of no meaning", say_error, 1000, 1000, true, false},
    {"reason", say_reason, 0, 0, false, false},
    {"no signature, or of one octet", say_length, 0, 1, false, false},
    {"one octet short", say_length, 63, 63, false, false},
    {"longer", say_length, 65, 65, false, false},
    {"as long as can be", say_length, IPC_SIGNATURE_MAX, IPC_SIGNATURE_MAX, false, false},
    {"a bit flipped", say_flipped, 0, 0, false, false},
    {"a bit flipped", say_flipped, 300, 300, false, false},
    {"a bit flipped", say_flipped, 511, 511, false, false},
    {"an old signature", say_replay, 0, 0, false, false},
    {"signature of other octets", say_other_bytes, 0, 2, false, false},
    {"somebody else's", say_stranger, 0, 2, false, false},
    {"no such public key", say_key, 0, 5, false, false},
    {"no such public key, at first", say_key, 0, 4, true, false},
    {"nothing", say_nothing, 0, 0, false, false},
};

START_TEST(tricks_of_all_kinds)
{
    for (size_t i = 0; i < sizeof all_tricks / sizeof all_tricks[0]; i++)
        for (unsigned a = all_tricks[i].first; a <= all_tricks[i].last; a++)
            trick(all_tricks[i].what, all_tricks[i].say, a, all_tricks[i].fresh, all_tricks[i].good);
}
END_TEST

/* Two wrong signatures: this key is used no more, whatever is said later; others are. */
START_TEST(quarantine)
{
    unsigned domain = next_domain++;
    argument = 5;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(trial(domain, say_flipped, ANSWER_WITHIN_MS, "wrong"), ZEGEL_ERR_BAD_SIGNATURE);
    ck_assert_int_ne(trial(domain, say_honest, ANSWER_WITHIN_MS, "quarantined"), ZEGEL_OK);
    trick("after a quarantine", say_honest, 0, true, true);
}
END_TEST

/* Reads nothing, while many ask: each has a 4xx at its deadline, and nothing is kept. */
START_TEST(deaf)
{
    static struct asked crowd[CROWD];
    struct asked *all[CROWD];
    long before = in_kb("VmRSS");
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < CROWD; i++) {
            ask(&crowd[i], 0, own, SHORT_MS);
            all[i] = &crowd[i];
        }
        play(all, CROWD, NULL, "deaf");
        for (size_t i = 0; i < CROWD; i++)
            ck_assert_int_eq(crowd[i].err, ZEGEL_ERR_TIMEOUT);
    }
    trick("read at last", say_honest, 0, false, true);
    ck_assert_int_le(in_kb("VmRSS"), before + RSS_MORE_KB);
}
END_TEST

static unsigned open_files(void)
{
    char path[64];
    struct stat st;
    unsigned n = 0;
    for (int fd = 0; fd < 1024; fd++) {
        (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)signer_pid, fd);
        n += lstat(path, &st) == 0;
    }
    return n;
}

static unsigned lines_in_log(void)
{
    FILE *f = fopen(log_path, "re");
    unsigned n = 0;
    ck_assert_ptr_nonnull(f);
    for (int c; (c = fgetc(f)) != EOF;)
        n += c == '\n';
    (void)fclose(f);
    return n;
}

/* No checkpoint of those lies was written; with a right one the log is whole. */
static void check_audit(void)
{
    char path[64], audit[64];
    struct buf why = BUF_INIT;
    struct audit_report report;
    struct note_key key = {.name = "hostile.example/log"};
    size_t len = NOTE_KEY_LEN;
    (void)snprintf(audit, sizeof audit, "%s/audit", dir);
    (void)snprintf(path, sizeof path, "%s/audit/checkpoint", dir);
    for (int i = 0; i < 100 && access(path, F_OK) != 0; i++) {
        honest_checkpoints = lies >= 4;
        ck_assert_int_eq(trial(0, say_honest, ANSWER_WITHIN_MS, "honest"), ZEGEL_OK);
        ck_assert_msg(honest_checkpoints || access(path, F_OK) != 0, "a checkpoint with a wrong signature");
        (void)poll(NULL, 0, 100);
    }
    ck_assert_int_eq(EVP_PKEY_get_raw_public_key(own, key.public_key, &len), 1);
    ck_assert_msg(audit_verify(audit, &key, NULL, NULL, &report, &why) == ZEGEL_OK, "%s", buf_cstr(&why));
    buf_free(&why);
}

START_TEST(sum)
{
    check_audit();
    ck_assert_msg(is_running(signer_pid), "the signer has ended");
    (void)printf(
        "%u tricks: %u signatures released, all right, %u withheld; %u lies about checkpoints; %u lines logged, %u files open\n",
        tricks, released, withheld, lies, lines_in_log(), open_files());
    ck_assert_uint_le(lines_in_log(), LINES_MAX);
    ck_assert_uint_le(open_files(), 16);
    (void)close(control);
    (void)waitpid(signer_pid, NULL, 0);
    tempdir_remove(dir);
    EVP_PKEY_free(own);
    EVP_PKEY_free(others);
    EVP_PKEY_free(stranger);
    EVP_PKEY_free(rsa);
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {start, tricks_of_all_kinds, quarantine, deaf, sum};
    (void)argc;
    processes_find(argv[0]);
    return unit_run("hostile token", tests, sizeof tests / sizeof tests[0]);
}
