/* A milter process that was taken over holds the socket to the signer: it may send anything. Against the real zegel-signer
 * and zegel-token, which get what zegeld would hand them, with SoftHSM behind p11fault.so, which counts. Nothing outside
 * policy is signed, nobody else is harmed, and good requests go on being served. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/io.h"
#include "ipc/control.h"
#include "ipc/milter_signer.h"
#include "mock/p11fault.h"
#include "processes.h"
#include "softhsm.h"
#include "unit.h"

static int hostile = -1, honest = -1, signer_control = -1, token_control = -1;
static pid_t signer_pid, token_pid;
static struct p11fault *fault;
static uint64_t next_id;
static unsigned signed_ones, refused_ones, forms, outside;

/* ---- the two processes, as zegeld starts them ---- */

static int connect_milter(const char *listen)
{
    int fds[2];
    ck_assert_int_eq(io_pair(fds), ZEGEL_OK);
    hand_over(signer_control, CONTROL_PEER, listen, fds[1]);
    wait_ready(signer_control);
    return fds[0];
}

static void make_config(struct buf *yaml)
{
    buf_addf(yaml,
             "state: %s/state\ntokens:\n  - {name: t, module: %s/tests/p11fault.so, token: \"pkcs11:token=zegel\", "
             "pin: file:/nowhere, profile: local, sessions: 1, read: [%s/tests], write: [%s/fault]}\n"
             "limits: {key: 100000/s, front-end: 100000/s}\n"
             "listen: [\"inet:1@127.0.0.1\", \"inet:2@127.0.0.1\"]\n"
             "domains:\n"
             "  - {domain: example.nl, subdomains: true, oversign-headers: [From, To, Subject], keys: [{selector: e, algorithm: "
             "ed25519-sha256, "
             "key: \"pkcs11:token=zegel;object=example.nl/e\"}]}\n"
             "  - {domain: example.org, oversign-headers: [From, To, Subject], keys: [{selector: r, algorithm: rsa-sha256, "
             "key: \"pkcs11:token=zegel;object=example.nl/r\"}]}\n",
             softhsm_dir, build, build, softhsm_dir);
}

static void map_fault(void)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/fault", softhsm_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(ftruncate(fd, sizeof *fault), 0);
    fault = mmap(NULL, sizeof *fault, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(fault, MAP_FAILED);
    fault->magic = P11FAULT_MAGIC;
    fault->pin_left = -1;
    (void)close(fd);
    (void)setenv("P11FAULT_CONTROL", path, 1);
    (void)setenv("P11FAULT_MODULE", SOFTHSM_MODULE, 1);
}

static void start_all(void)
{
    struct buf yaml = BUF_INIT, why = BUF_INIT;
    struct key k;
    char path[128];
    int fds[2];
    softhsm_start();
    struct token *t = softhsm_login(1);
    ck_assert_int_eq(key_generate(t, KEY_ED25519, 256, "example.nl/e", &k, &why), ZEGEL_OK);
    ck_assert_int_eq(key_generate(t, KEY_RSA, 2048, "example.nl/r", &k, &why), ZEGEL_OK);
    token_close(t);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/state%s", softhsm_dir, i == 0 ? "" : i == 1 ? "/audit" : "/pin");
        ck_assert_int_eq(mkdir(path, 0700), 0);
    }
    map_fault();
    make_config(&yaml);
    signer_pid = spawn("zegel-signer", NULL, &signer_control);
    hand_over(signer_control, CONTROL_CONFIG, "zegel-signer", io_memfd("config", buf_bytes(&yaml)));
    wait_ready(signer_control);
    token_pid = spawn("zegel-token", "t", &token_control);
    hand_over(token_control, CONTROL_PIN, "t", io_memfd("pin", bytes_str(SOFTHSM_PIN)));
    hand_over(token_control, CONTROL_CONFIG, "t", io_memfd("config", buf_bytes(&yaml)));
    wait_ready(token_control);
    ck_assert_int_eq(io_pair(fds), ZEGEL_OK);
    hand_over(token_control, CONTROL_PEER, "signer", fds[0]);
    hand_over(signer_control, CONTROL_PEER, "t", fds[1]);
    wait_ready(signer_control);
    hostile = connect_milter("inet:1@127.0.0.1");
    honest = connect_milter("inet:2@127.0.0.1");
    buf_free(&yaml);
    buf_free(&why);
}

static void stop_all(void)
{
    ck_assert(is_running(signer_pid));
    ck_assert(is_running(token_pid));
    (void)close(signer_control);
    (void)close(token_control);
    (void)waitpid(signer_pid, NULL, 0);
    (void)waitpid(token_pid, NULL, 0);
    softhsm_stop();
}

/* ---- requests ---- */

/* A good one, in parts that can be bent. */
struct form {
    const char *domain, *selector; /* of the envelope */
    char block[4096];
};

static const char good_block[] = "from:a@example.nl\r\nto:b@example.org\r\nsubject:one two\r\n"
                                 "dkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.nl; s=e; t=@NOW@; "
                                 "h=From:From:To:To:Subject:Subject; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=";

/* `text` with the first `what` replaced. */
static void replace(char text[4096], const char *what, const char *with)
{
    char rest[4096];
    char *at = strstr(text, what);
    ck_assert_msg(at != NULL, "%s is not in %s", what, text);
    (void)snprintf(rest, sizeof rest, "%s", at + strlen(what));
    (void)snprintf(at, (size_t)(4096 - (at - text)), "%s%s", with, rest);
}

static struct form good_form(int64_t at)
{
    struct form f = {.domain = "example.nl", .selector = "e"};
    char t[32];
    (void)snprintf(t, sizeof t, "%lld", (long long)at);
    (void)snprintf(f.block, sizeof f.block, "%s", good_block);
    replace(f.block, "@NOW@", t);
    return f;
}

static size_t pack_form(const struct form *f, struct bytes block, uint64_t id, uint8_t *room, size_t cap)
{
    struct sign_request r = {.id = id,
                             .left_ms = ANSWER_WITHIN_MS,
                             .domain = bytes_str(f->domain),
                             .selector = bytes_str(f->selector),
                             .queue_id = BYTES_LIT("HOSTILE"),
                             .client = BYTES_LIT("192.0.2.1"),
                             .block = block};
    struct packer p = {.data = room, .cap = cap};
    ck_assert(sign_request_pack(&r, &p));
    return p.len;
}

/* Reads answers up to that of `id`. All others must be refusals. Returns that one's error. */
static int answer_of(int fd, uint64_t id, const char *what)
{
    static uint8_t room[IO_PACKET_MAX];
    for (;;) {
        struct sign_reply r;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        size_t len = 0;
        ck_assert_msg(poll(&p, 1, ANSWER_WITHIN_MS) > 0, "%s: and then no answer to a good request", what);
        ck_assert_msg(io_recv(fd, room, sizeof room, &len, NULL) == ZEGEL_OK, "%s: the signer hung up", what);
        ck_assert(sign_reply_unpack(bytes_of(room, len), &r));
        if (r.id == id)
            return r.err;
        if (r.err == ZEGEL_OK || r.signature.len != 0) {
            (void)printf("%s: SIGNED\n", what);
            outside++;
        }
        refused_ones++;
    }
}

/* A good request is signed. */
static void still_good(int fd, const char *what)
{
    static uint8_t room[IO_PACKET_MAX];
    struct form f = good_form(clock_wall_s());
    uint64_t id = ++next_id | 1ULL << 40;
    put(fd, bytes_of(room, pack_form(&f, bytes_str(f.block), id, room, sizeof room)));
    int err = answer_of(fd, id, what);
    ck_assert_msg(err == ZEGEL_OK, "%s: and then a good request: %s", what, zegel_strerror(err));
    signed_ones++;
}

static void bad_packet(struct bytes packet, const char *what)
{
    put(hostile, packet);
    forms++;
    still_good(hostile, what);
}

static void bad_block(const struct form *f, struct bytes block, const char *what)
{
    static uint8_t room[IO_PACKET_MAX];
    bad_packet(bytes_of(room, pack_form(f, block, ++next_id, room, sizeof room)), what);
}

static void bad_form(const struct form *f, const char *what)
{
    bad_block(f, bytes_str(f->block), what);
}

static void bend(const char *what, const char *with)
{
    struct form f = good_form(clock_wall_s());
    char name[256];
    replace(f.block, what, with);
    (void)snprintf(name, sizeof name, "%.100s -> %.100s", what, with);
    bad_form(&f, name);
}

/* ---- the tests ---- */

START_TEST(start)
{
    start_all();
    still_good(hostile, "at first");
    still_good(honest, "at first");
}
END_TEST

/* What somebody would try. */
START_TEST(by_hand)
{
    static const char *const pairs[][2] = {
        /* another domain, selector, algorithm, canonicalisation */
        {"d=example.nl", "d=example.org"},
        {"d=example.nl", "d=nl"},
        {"d=example.nl", "d=sub.example.nl"},
        {"d=example.nl", "d=EXAMPLE.NL"},
        {"d=example.nl", "d=example.nl."},
        {"d=example.nl", "d="},
        {"d=example.nl;", ""},
        {"d=example.nl", "d=example.nl; d=example.nl"},
        {"d=example.nl", "d=bank.example; d=example.nl"},
        {"s=e", "s=r"},
        {"s=e", "s=E"},
        {"s=e", "s="},
        {"s=e;", ""},
        {"s=e", "s=e; s=e"},
        {"a=ed25519-sha256", "a=rsa-sha256"},
        {"a=ed25519-sha256", "a=rsa-sha1"},
        {"a=ed25519-sha256", "a=none"},
        {"a=ed25519-sha256;", ""},
        {"c=relaxed/relaxed", "c=simple/simple"},
        {"c=relaxed/relaxed", "c=relaxed/simple"},
        {"c=relaxed/relaxed", "c=simple/relaxed"},
        {"c=relaxed/relaxed;", ""},
        {"v=1", "v=2"},
        {"v=1", "v=0"},
        {"v=1; ", ""},
        /* tags that open doors */
        {"s=e;", "s=e; l=0;"},
        {"s=e;", "s=e; l=1000;"},
        {"s=e;", "s=e; x=9999999999;"},
        {"s=e;", "s=e; z=From:a@bank.example;"},
        {"s=e;", "s=e; q=dns/txt;"},
        {"s=e;", "s=e; i=@example.nl;"},
        {"s=e;", "s=e; i=ceo@example.nl;"},
        {"s=e;", "s=e; atps=bank.example;"},
        {"s=e;", "s=e; n=note;"},
        /* h= against the block */
        {"h=From:From:To:To", "h=From:To:To"},
        {"h=From:From:To:To", "h=To:To:From:From"},
        {"h=From:From:To:To:", "h=From:From:"},
        {"h=From:From:To:To:Subject:Subject", "h=To:To:Subject:Subject"},
        {"h=From:From:To:To:Subject:Subject", "h="},
        {"h=From:From:To:To:Subject:Subject;", ""},
        {"h=From:From", "h=From:From:"},
        {"h=From:From", "h=:From:From"},
        {"h=From:From", "h=From:From:DKIM-Signature"},
        {"h=From:From", "h=From:From;h=From:From"},
        /* the body hash */
        {"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "bh="},
        {"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hS"},
        {"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"},
        {"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV="},
        {"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUA"},
        {"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=AAAA"},
        {"bh=47", "bh=!7"},
        {"; bh=", "; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; bh="},
        /* b= not empty, or not the last word */
        {"; b=", "; b=AAAA"},
        {"; b=", "; b= "},
        {"; b=", "; b=;"},
        {"; b=", "; b=\r\n"},
        {"; b=", ""},
        {"; b=", "; b=; b="},
        {"; b=", "; b=\r\nfrom:ceo@bank.example"},
        {"v=1; ", "b=; v=1; "},
        /* From */
        {"from:a@example.nl\r\n", ""},
        {"from:a@example.nl", "from:a@bank.example"},
        {"from:a@example.nl", "from:a@example.nl.bank.example"},
        {"from:a@example.nl", "from:a@notexample.nl"},
        {"from:a@example.nl", "from:a@example.nl, ceo@bank.example"},
        {"from:a@example.nl", "from:ceo@bank.example, a@example.nl"},
        {"from:a@example.nl", "from:\"a@example.nl\" <ceo@bank.example>"},
        {"from:a@example.nl", "from:<ceo@bank.example> (a@example.nl)"},
        {"from:a@example.nl", "from:a@example.nl <ceo@bank.example>"},
        {"from:a@example.nl", "from:\"x\"@bank.example"},
        {"from:a@example.nl", "from:a"},
        {"from:a@example.nl", "from:"},
        {"from:a@example.nl", "from:g: a@example.nl, ceo@bank.example;"},
        {"from:a@example.nl", "from:a@example.nl\r\nfrom:ceo@bank.example"},
        {"from:a@example.nl", "from:ceo@bank.example\r\nfrom:a@example.nl"},
        {"from:a@example.nl\r\nto:", "to:a@example.nl\r\nfrom:"},
        /* shape of the block */
        {"from:a@", "From:a@"},
        {"from:a@", "from :a@"},
        {"from:a@", "from: a@"},
        {"from:a@", "fr\x01om:a@"},
        {"one two", "one  two"},
        {"one two", "one two "},
        {"one two", "one\ttwo"},
        {"one two", "one\rtwo"},
        {"one two", "one\ntwo"},
        {"one two", "one\r\n two"},
        {"one two", "one two\r\n"},
        {"one two\r\n", "one two\n"},
        {"one two\r\n", "one two\r"},
        {"one two\r\n", "one two"},
        {"subject:one two", "one two"},
        {"subject:one two", ":one two"},
        {"to:b@example.org\r\n", "to:b@example.org\r\nto:b@example.org\r\nto:b@example.org\r\n"},
        {"to:b@example.org\r\n", "to:b@example.org\r\nbcc:c@example.org\r\n"},
        {"dkim-signature:", "DKIM-Signature:"},
        {"dkim-signature:", "dkim-signature :"},
        {"dkim-signature:", "x:"},
        {"dkim-signature:", "dkim-signature:v=1; b=\r\ndkim-signature:"},
        {"dkim-signature:", "arc-seal:"},
        {"dkim-signature:", "dkim-signature: "},
        {"from:", "\r\nfrom:"},
        {"from:", "\r\n\r\nfrom:"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        bend(pairs[i][0], pairs[i][1]);
}
END_TEST

START_TEST(time_and_envelope)
{
    static const long long steps[] = {-86400, 86400, -3600, 3600, -120, 120, -100000000, 10000000000LL, 4000000000LL};
    static const char *const names[][2] = {
        {"example.org", "e"},    {"example.org", "r"}, {"example.nl", "r"}, {"example.nl", ""},   {"", "e"},
        {"sub.example.nl", "e"}, {"nl", "e"},          {"EXAMPLE.NL", "e"}, {"example.nl.", "e"}, {"example.nl", "e; d=bank"},
        {"../..", "e"},          {"example.nl", "*"}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct form f = good_form(clock_wall_s() + steps[i]);
        bad_form(&f, "t=");
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct form f = good_form(clock_wall_s());
        f.domain = names[i][0];
        f.selector = names[i][1];
        bad_form(&f, "envelope");
    }
    struct form f = good_form(clock_wall_s());
    bad_block(&f, bytes_of(NULL, 0), "empty block");
    char digest[32] = "0123456789abcdef0123456789abcde";
    bad_block(&f, bytes_of(digest, 32), "a digest");
    static char big[IPC_BLOCK_MAX];
    memset(big, 'a', sizeof big);
    bad_block(&f, bytes_of(big, sizeof big), "64 KiB of a");
    f.domain = "example.org";
    f.selector = "r";
    replace(f.block, "d=example.nl; s=e", "d=example.org; s=r");
    replace(f.block, "a=ed25519-sha256", "a=rsa-sha256");
    bad_form(&f, "whole for example.org, but From is example.nl");
}
END_TEST

/* One octet of what a verifier would go by: each becomes each of some others. Only case and the digits of t= may vary. */
START_TEST(one_octet)
{
    static const char others[] = {'\0', '\t', '\n', '\r', ':', ';', '=', 'q', '\x80', '\xff'};
    struct form f = good_form(clock_wall_s());
    const char *regions[][2] = {
        {"from:", "a@"}, {"@example.nl", "\r\nto"}, {"dkim-signature:", " t="}, {"h=From", ":To:To:Subject"}, {"; b=", ""}};
    for (size_t r = 0; r < sizeof regions / sizeof regions[0]; r++) {
        size_t from = (size_t)(strstr(f.block, regions[r][0]) - f.block);
        size_t to = regions[r][1][0] == '\0' ? strlen(f.block) : (size_t)(strstr(f.block + from, regions[r][1]) - f.block);
        for (size_t i = from; i < to; i++)
            for (size_t o = (i + r) % 3; o < sizeof others; o += 3) {
                struct form bad = good_form(clock_wall_s());
                char what[64];
                size_t len = strlen(bad.block);
                if (bad.block[i] == others[o])
                    continue;
                (void)snprintf(what, sizeof what, "octet %zu (%.10s) becomes 0x%02x", i, bad.block + i,
                               (unsigned)(uint8_t)others[o]);
                bad.block[i] = others[o];
                bad_block(&bad, bytes_of(bad.block, len), what);
            }
    }
}
END_TEST

/* The packet itself. */
START_TEST(framing)
{
    static uint8_t room[IO_PACKET_MAX + 4096], bad[sizeof room];
    struct form f = good_form(clock_wall_s());
    size_t len = pack_form(&f, bytes_str(f.block), ++next_id, room, sizeof room);
    for (size_t cut = 1; cut < len; cut += cut < 80 ? 1 : 13)
        bad_packet(bytes_of(room, cut), "cut");
    memcpy(bad, room, len);
    bad[len] = 0;
    bad_packet(bytes_of(bad, len + 1), "one octet more");
    for (size_t at = 16; at < 16 + 4; at++)
        for (unsigned v = 0; v < 256; v += 51) {
            memcpy(bad, room, len);
            if (bad[at] == v)
                continue;
            bad[at] = (uint8_t)v; /* the length of the first string */
            bad_packet(bytes_of(bad, len), "a length");
        }
    for (size_t at = 0; at < 4; at++) {
        memcpy(bad, room, len);
        bad[at] ^= 0x10;
        bad_packet(bytes_of(bad, len), "magic");
    }
    static const uint32_t others[] = {0x5a470002, 0x5a470011, 0x5a470012, 0x5a470021, 0};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        memcpy(bad, room, len);
        memcpy(bad, &others[i], 4);
        bad_packet(bytes_of(bad, len), "another kind of message");
    }
    memset(bad, 0xff, sizeof bad);
    bad_packet(bytes_of(bad, IO_PACKET_MAX), "as large as can be");
    bad_packet(bytes_of(bad, IO_PACKET_MAX + 1), "larger");
    uint32_t noise = 1;
    for (int i = 0; i < 100; i++) {
        for (size_t n = 0; n < 300; n++)
            bad[n] = (uint8_t)((noise = noise * 1664525 + 1013904223) >> 24);
        bad_packet(bytes_of(bad, 1 + noise % 300), "noise");
    }
}
END_TEST

/* Descriptors nobody asked for are closed: whoever holds the other end of the pipe sees it. */
START_TEST(descriptors)
{
    static const int counts[] = {1, 2, 3, 20, 253};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        int ends[2], fds[253] = {0};
        char room[CMSG_SPACE(sizeof fds)] = {0};
        struct iovec iov = {.iov_base = (char[]){"x"}, .iov_len = 1};
        struct msghdr msg = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = CMSG_SPACE((size_t)counts[i] * sizeof(int))};
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
        for (int n = 0; n < counts[i]; n++)
            fds[n] = ends[1];
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)counts[i] * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (size_t)counts[i] * sizeof(int));
        ck_assert_int_eq(sendmsg(hostile, &msg, MSG_NOSIGNAL), 1);
        forms++;
        (void)close(ends[1]);
        still_good(hostile, "descriptors");
        struct pollfd p = {.fd = ends[0], .events = POLLIN};
        ck_assert_msg(poll(&p, 1, 2000) == 1 && (p.revents & POLLHUP) != 0, "%d descriptors: some stay open in the signer",
                      counts[i]);
        (void)close(ends[0]);
    }
}
END_TEST

/* Asks as much as the socket takes, and reads no answer: an honest front end is served all the same. */
START_TEST(deaf)
{
    static uint8_t room[IO_PACKET_MAX];
    struct form f = good_form(clock_wall_s());
    unsigned sent = 0;
    replace(f.block, "a@example.nl", "a@bank.example");
    for (int64_t end = clock_monotonic_ms() + 300; clock_monotonic_ms() < end && sent < 3000;)
        sent += io_send(hostile, bytes_of(room, pack_form(&f, bytes_str(f.block), ++next_id, room, sizeof room)), -1) == ZEGEL_OK;
    ck_assert_uint_gt(sent, 100);
    still_good(honest, "a crowd of bad requests from another");
    still_good(hostile, "read at last");
}
END_TEST

/* Resident memory, KiB. */
static long rss_of(pid_t pid)
{
    char path[64], line[256];
    long kib = -1;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    ck_assert_ptr_nonnull(f);
    while (kib < 0 && fgets(line, sizeof line, f) != NULL)
        (void)sscanf(line, "VmRSS: %ld", &kib);
    (void)fclose(f);
    return kib;
}

/* One block of nearly 64 KiB that is within policy; a domain may have as many as it likes. */
static size_t pack_heavy(uint8_t *room, size_t cap)
{
    static char block[IPC_BLOCK_MAX];
    static char words[IPC_BLOCK_MAX - 1024];
    struct form f = good_form(clock_wall_s());
    char *subject = strstr(f.block, "subject:");
    memset(words, 'a', sizeof words - 1);
    int len =
        snprintf(block, sizeof block, "%.*ssubject:%s%s", (int)(subject - f.block), f.block, words, strstr(subject, "\r\n"));
    ck_assert_int_gt(len, (int)sizeof words);
    return pack_form(&f, bytes_of(block, (size_t)len), ++next_id, room, cap);
}

/* At most `most` answers, as long as one comes within that time: how many came. *good counts those with a signature. */
static unsigned read_answers(int fd, unsigned most, int within_ms, unsigned *good)
{
    static uint8_t room[IO_PACKET_MAX];
    unsigned n = 0;
    for (; n < most; n++) {
        struct sign_reply r;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        size_t len = 0;
        if (poll(&p, 1, within_ms) <= 0)
            break;
        ck_assert_int_eq(io_recv(fd, room, sizeof room, &len, NULL), ZEGEL_OK);
        ck_assert(sign_reply_unpack(bytes_of(room, len), &r));
        ck_assert_msg(r.err == ZEGEL_OK || r.err == ZEGEL_ERR_BUSY, "%.*s", (int)r.reason.len, (const char *)r.reason.data);
        *good += r.err == ZEGEL_OK;
    }
    return n;
}

/* As many large blocks as it likes, while the token hangs: what waits is bounded in octets too, and leaves room for others. */
START_TEST(heavy)
{
    enum { COUNT = 1500, ROOM_KIB = 48 * 1024 };
    static uint8_t room[IO_PACKET_MAX];
    struct form f = good_form(clock_wall_s());
    uint64_t id = ++next_id;
    long before = rss_of(signer_pid), most = before;
    unsigned answers = 0, good = 0, others = 0;
    ck_assert_int_eq(kill(token_pid, SIGSTOP), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        put(hostile, bytes_of(room, pack_heavy(room, sizeof room)));
        answers += read_answers(hostile, COUNT, 0, &good);
        long now = i % 100 == 0 ? rss_of(signer_pid) : most;
        most = now > most ? now : most;
    }
    f.domain = "example.org";
    f.selector = "r";
    replace(f.block, "a@example.nl", "a@example.org");
    replace(f.block, "d=example.nl; s=e", "d=example.org; s=r");
    replace(f.block, "a=ed25519-sha256", "a=rsa-sha256");
    put(honest, bytes_of(room, pack_form(&f, bytes_str(f.block), id, room, sizeof room)));
    ck_assert_int_eq(kill(token_pid, SIGCONT), 0);
    ck_assert_uint_eq(answers + read_answers(hostile, COUNT - answers, ANSWER_WITHIN_MS, &good), COUNT);
    ck_assert_uint_eq(read_answers(honest, 1, ANSWER_WITHIN_MS, &others), 1);
    ck_assert_uint_eq(others, 1);
    signed_ones += good + others;
    (void)printf("%d blocks of 64 KiB at a token that hangs: %u waited, the signer grew by %ld KiB\n", COUNT, good,
                 most - before);
    ck_assert_uint_gt(good, 100);
    ck_assert_uint_lt(good, COUNT);
#ifndef ZEGEL_SANITIZED
    ck_assert_int_lt(most - before, ROOM_KIB);
#endif
    still_good(hostile, "as before");
}
END_TEST

/* An empty packet reads like an end; a milter that sends one has hung up. The other one has not. */
START_TEST(empty)
{
    struct pollfd p = {.fd = hostile, .events = POLLIN};
    forms++;
    ck_assert_int_eq(send(hostile, "", 0, MSG_NOSIGNAL), 0);
    ck_assert_int_gt(poll(&p, 1, ANSWER_WITHIN_MS), 0);
    ck_assert(p.revents & POLLHUP);
    still_good(honest, "an empty packet from another");
    (void)close(hostile);
    hostile = connect_milter("inet:1@127.0.0.1");
    still_good(hostile, "connected anew");
}
END_TEST

START_TEST(sum)
{
    (void)printf("%u illegal forms, %u of them answered with a refusal; %u good requests signed, C_Sign called %u times\n", forms,
                 refused_ones, signed_ones, (unsigned)fault->calls[P11FAULT_C_Sign]);
    ck_assert_uint_eq(outside, 0);
    ck_assert_uint_ge(forms, 500);
    ck_assert_uint_eq(signed_ones, fault->calls[P11FAULT_C_Sign]);
    stop_all();
}
END_TEST

int main(int argc, char **argv)
{
    const TTest *const tests[] = {start, by_hand, time_and_envelope, one_octet, framing, descriptors, deaf, heavy, empty, sum};
    (void)argc;
    processes_find(argv[0]);
    return unit_run("hostile milter", tests, sizeof tests / sizeof tests[0]);
}
