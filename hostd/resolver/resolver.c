#include "resolver/resolver.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "dkim/domain.h"
#include "ipc/milter_resolver.h"
#include "resolver/context.h"

enum {
    PEERS_MAX = 32,
    QUERIES_MAX = 512,          /* under way; more are answered "try later" at once */
    QUERIES_PER_PEER_MAX = 256, /* so that one milter cannot have all of them */
    LOOKUP_MAX_MS = 20000,
    BATCH_MAX = 64, /* packets taken from one socket before others have their turn */
    TYPE_TXT = 16,
    CLASS_IN = 1,
    RCODE_NOERROR = 0,
    RCODE_NXDOMAIN = 3,
};

struct query {
    struct resolver *resolver;
    uint64_t peer_id; /* the asker's */
    uint64_t peer;    /* peer.serial: the asker may be gone and its slot reused */
    int64_t deadline_ms;
    int async_id; /* libunbound's */
    bool over;
    struct query *next;
};

struct peer {
    int fd;
    uint64_t serial;
    unsigned queries;
    unsigned faults;
};

struct resolver {
    struct ub_ctx *ctx;
    struct peer peers[PEERS_MAX];
    unsigned peers_count;
    uint64_t next_serial;
    struct query *queries;
    unsigned queries_count;
    uint8_t packet[IO_PACKET_MAX];
};

struct resolver *resolver_new(struct ub_ctx *ctx)
{
    struct resolver *r = calloc(1, sizeof *r);
    if (r != NULL)
        r->ctx = ctx;
    return r;
}

void resolver_add_peer(struct resolver *r, int fd)
{
    if (r->peers_count == PEERS_MAX) {
        log_error("too many milter processes; one is not served");
        (void)close(fd);
        return;
    }
    r->peers[r->peers_count++] = (struct peer){.fd = fd, .serial = ++r->next_serial};
}

static struct peer *find_peer(struct resolver *r, uint64_t serial)
{
    for (unsigned i = 0; i < r->peers_count; i++)
        if (r->peers[i].serial == serial)
            return &r->peers[i];
    return NULL;
}

static void complain(struct peer *about, const char *what)
{
    if (log_seldom(&about->faults))
        log_warn("a milter process %s (%u times so far)", what, about->faults);
}

static void answer(struct peer *to, const struct key_reply *reply)
{
    uint8_t room[IPC_KEYRECORD_MAX + 64];
    struct packer p = {.data = room, .cap = sizeof room};
    if (to == NULL || !key_reply_pack(reply, &p))
        return;
    if (io_send(to->fd, bytes_of(p.data, p.len), -1) == ZEGEL_ERR_BUSY)
        complain(to, "does not take its answers"); /* its deadline answers */
}

/* ---- what libunbound says ---- */

static void judge(const struct ub_result *in, uint8_t text[IPC_KEYRECORD_MAX], struct key_reply *out)
{
    out->security = in->bogus ? KEY_BOGUS : in->secure ? KEY_SECURE : KEY_INSECURE;
    if (in->bogus || (in->rcode != RCODE_NOERROR && in->rcode != RCODE_NXDOMAIN))
        return;
    out->status = KEY_NONE;
    if (!in->havedata || in->data[0] == NULL)
        return;
    out->status = in->data[1] == NULL ? KEY_NONE : KEY_MANY;
    if (out->status == KEY_MANY)
        return;
    size_t len = context_txt(bytes_of(in->data[0], (size_t)in->len[0]), text, IPC_KEYRECORD_MAX);
    if (len == SIZE_MAX)
        return; /* no key is that long */
    out->status = KEY_FOUND;
    out->txt = bytes_of(text, len);
}

static void finish(struct query *q, int err, const struct ub_result *result)
{
    uint8_t text[IPC_KEYRECORD_MAX];
    struct peer *to = find_peer(q->resolver, q->peer);
    struct key_reply reply = {.id = q->peer_id, .status = KEY_TRY_LATER};
    if (err == 0 && result != NULL)
        judge(result, text, &reply);
    answer(to, &reply);
    if (to != NULL)
        to->queries--;
    q->over = true;
}

static void arrived(void *arg, int err, struct ub_result *result)
{
    struct query *q = arg;
    if (!q->over)
        finish(q, err, result);
    ub_resolve_free(result);
}

/* ---- questions ---- */

/* Of the name of a key, and of no other. False: no such name can exist. */
static bool owner_name(struct bytes in, char name[DKIM_DOMAIN_MAX + 1])
{
    static const char mark[] = "._domainkey.";
    if (!domain_is_valid(in) || in.len > DKIM_DOMAIN_MAX || memmem(in.data, in.len, mark, sizeof mark - 1) == NULL)
        return false;
    memcpy(name, in.data, in.len);
    name[in.len] = '\0';
    return true;
}

static void ask(struct resolver *r, struct peer *from, const struct key_request *in)
{
    char name[DKIM_DOMAIN_MAX + 1];
    struct key_reply no = {.id = in->id, .status = KEY_NONE}, later = {.id = in->id, .status = KEY_TRY_LATER};
    if (!owner_name(in->name, name)) {
        answer(from, &no);
        return;
    }
    struct query *q = NULL;
    if (r->queries_count < QUERIES_MAX && from->queries < QUERIES_PER_PEER_MAX)
        q = malloc(sizeof *q);
    if (q == NULL) {
        answer(from, &later);
        return;
    }
    *q = (struct query){.resolver = r,
                        .peer_id = in->id,
                        .peer = from->serial,
                        .deadline_ms = clock_monotonic_ms() + (in->left_ms < LOOKUP_MAX_MS ? in->left_ms : LOOKUP_MAX_MS),
                        .next = r->queries};
    r->queries = q;
    r->queries_count++;
    from->queries++;
    int err = ub_resolve_async(r->ctx, name, TYPE_TXT, CLASS_IN, q, arrived, &q->async_id);
    if (err != 0)
        finish(q, err, NULL);
}

/* False when the peer is gone. */
static bool drain(struct resolver *r, struct peer *from)
{
    for (unsigned i = 0; i < BATCH_MAX; i++) {
        struct pollfd p = {.fd = from->fd, .events = POLLIN};
        struct key_request in;
        size_t len = 0;
        if (poll(&p, 1, 0) <= 0)
            return true;
        int err = io_recv(from->fd, r->packet, sizeof r->packet, &len, NULL);
        if (err == ZEGEL_ERR_CLOSED)
            return false;
        if (err == ZEGEL_OK && key_request_unpack(bytes_of(r->packet, len), &in))
            ask(r, from, &in);
        else if (err != ZEGEL_ERR_BUSY)
            complain(from, "sent a malformed request");
    }
    return true;
}

/* Gives up what nobody waits for any more, forgets what is over. Returns how long to wait for the next deadline. */
static int sweep(struct resolver *r)
{
    int wait = -1;
    for (struct query **at = &r->queries; *at != NULL;) {
        struct query *q = *at;
        int left = clock_left_ms(q->deadline_ms);
        if (!q->over && (left == 0 || find_peer(r, q->peer) == NULL)) {
            (void)ub_cancel(r->ctx, q->async_id);
            finish(q, UB_NOERROR, NULL);
        }
        if (q->over) {
            *at = q->next;
            free(q);
            r->queries_count--;
            continue;
        }
        if (wait < 0 || left < wait)
            wait = left;
        at = &q->next;
    }
    return wait;
}

void resolver_run(struct resolver *r, int control)
{
    struct pollfd p[2 + PEERS_MAX];
    do {
        unsigned peers = r->peers_count;
        int wait = sweep(r);
        p[0] = (struct pollfd){.fd = control, .events = POLLIN};
        p[1] = (struct pollfd){.fd = ub_fd(r->ctx), .events = POLLIN};
        for (unsigned i = 0; i < peers; i++)
            p[2 + i] = (struct pollfd){.fd = r->peers[i].fd, .events = POLLIN};
        if (poll(p, 2 + peers, wait) < 0)
            p[0].revents = 0;
        else if (p[1].revents != 0)
            (void)ub_process(r->ctx);
        for (unsigned i = peers; i-- > 0;)
            if (p[2 + i].revents != 0 && !drain(r, &r->peers[i])) {
                (void)close(r->peers[i].fd);
                r->peers[i] = r->peers[--r->peers_count];
            }
    } while (p[0].revents == 0);
}
