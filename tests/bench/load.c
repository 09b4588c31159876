/* load: speaks the milter protocol as Postfix does (version 6), from many connections, several messages on each.
 *
 * load HOST PORT CONNECTIONS SECONDS BODY_OCTETS SIGNATURES [RATE], or unix PATH instead of HOST PORT
 * A message is good when it was accepted with SIGNATURES DKIM-Signature fields, tempfail when answered 4xx, lost when the
 * connection broke (the MTA makes that a 4xx), and bad when anything else was said about it, or its fields show two
 * configurations. Prints "messages/s p50_us p99_us p999_us good tempfail lost bad slowest_us slowest_tempfail_us"; slowest_us
 * counts tempfails too.
 * Exits 1 when any was lost or bad. SIGTERM: stop after the message under way. $LOAD_DOMAIN: From this domain (example.nl);
 * $LOAD_MESSAGES: stop after so many. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGES_EACH = 50, LATENCIES_MAX = 2000000, PACKET_MAX = 70000, CHUNK_MAX = 65535 };

static struct {
    struct sockaddr_storage address;
    socklen_t address_len;
    double until, interval;
    size_t body;
    unsigned signatures;
    const char *domain;
    unsigned long messages; /* 0: no limit */
} job;

static _Atomic unsigned long good, tempfail, lost, bad, measured, begun;
static _Atomic uint32_t slowest, slowest_tempfail;
static uint32_t latencies[LATENCIES_MAX];

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct peer {
    int fd;
    uint32_t steps; /* SMFIP_* as agreed */
    uint8_t out[PACKET_MAX * 2];
    size_t out_len;
    uint8_t in[PACKET_MAX];
    uint8_t ahead[8192];
    size_t ahead_from, ahead_to;
};

static bool flush(struct peer *p)
{
    size_t at = 0;
    while (at < p->out_len) {
        ssize_t n = send(p->fd, p->out + at, p->out_len - at, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    p->out_len = 0;
    return true;
}

static bool put(struct peer *p, char command, const void *data, size_t len)
{
    if (p->out_len + len + 5 > sizeof p->out && !flush(p))
        return false;
    uint32_t size = htonl((uint32_t)len + 1);
    memcpy(p->out + p->out_len, &size, 4);
    p->out[p->out_len + 4] = (uint8_t)command;
    if (len > 0)
        memcpy(p->out + p->out_len + 5, data, len);
    p->out_len += len + 5;
    return true;
}

static bool read_all(struct peer *p, void *data, size_t len)
{
    for (uint8_t *at = data; len > 0;) {
        if (p->ahead_from == p->ahead_to) {
            ssize_t n = recv(p->fd, p->ahead, sizeof p->ahead, 0);
            if (n <= 0)
                return false;
            p->ahead_from = 0;
            p->ahead_to = (size_t)n;
        }
        size_t n = p->ahead_to - p->ahead_from < len ? p->ahead_to - p->ahead_from : len;
        memcpy(at, p->ahead + p->ahead_from, n);
        p->ahead_from += n;
        at += n;
        len -= n;
    }
    return true;
}

/* One reply packet: its command, or 0. */
static char get(struct peer *p, size_t *len)
{
    uint32_t size;
    if (!flush(p) || !read_all(p, &size, 4))
        return 0;
    size = ntohl(size);
    if (size < 1 || size > sizeof p->in || !read_all(p, p->in, size))
        return 0;
    *len = size - 1;
    return (char)p->in[0];
}

#define PUT(p, command, literal) put(p, command, literal, sizeof(literal) - 1)

/* SMFIP_*, by what the milter wants no command or gives no answer to (mfapi.h). */
enum {
    NO_CONNECT = 0x1,
    NO_HELO = 0x2,
    NO_MAIL = 0x4,
    NO_RCPT = 0x8,
    NO_BODY = 0x10,
    NO_HDRS = 0x20,
    NO_EOH = 0x40,
    NO_DATA = 0x200,
    NR_HDR = 0x80,
    NR_CONN = 0x1000,
    NR_HELO = 0x2000,
    NR_MAIL = 0x4000,
    NR_RCPT = 0x8000,
    NR_DATA = 0x10000,
    NR_EOH = 0x40000,
    NR_BODY = 0x80000,
};

/* A command, unless the milter wants none, and the answer that it goes on, unless it gives none. */
static bool say(struct peer *p, char command, const void *data, size_t data_len, uint32_t no, uint32_t nr)
{
    size_t len;
    if ((p->steps & no) != 0)
        return true;
    return put(p, command, data, data_len) && ((p->steps & nr) != 0 || get(p, &len) == 'c');
}

#define SAY(p, command, literal, no, nr) say(p, command, literal, sizeof(literal) - 1, no, nr)

static bool open_peer(struct peer *p)
{
    int one = 1;
    size_t len;
    uint32_t offer[3] = {htonl(6), htonl(0x1ff), htonl(0x1fffff)};
    p->out_len = p->ahead_from = p->ahead_to = 0;
    p->fd = socket(job.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&job.address, job.address_len) != 0)
        return false;
    (void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!put(p, 'O', offer, sizeof offer) || get(p, &len) != 'O' || len < sizeof offer)
        return false;
    memcpy(&p->steps, p->in + 9, sizeof p->steps);
    p->steps = ntohl(p->steps);
    return PUT(p, 'D', "Cj\0mail.example.nl\0{daemon_name}\0smtpd\0") &&
           SAY(p, 'C',
               "client.example.nl\0"
               "4\x30\x39"
               "127.0.0.1\0",
               NO_CONNECT, NR_CONN) &&
           SAY(p, 'H', "client.example.nl\0", NO_HELO, NR_HELO);
}

static bool header(struct peer *p, const char *name, const char *value)
{
    char field[512];
    size_t n = strlen(name) + 1, v = strlen(value) + 1;
    memcpy(field, name, n);
    memcpy(field + n, value, v);
    return say(p, 'L', field, n + v, NO_HDRS, NR_HDR);
}

static const char line[] = "The quick brown fox jumps over the lazy dog, and the seal of the realm is set.\r\n";

/* In chunks as Postfix makes them. */
static bool send_body(struct peer *p)
{
    static char text[CHUNK_MAX * (sizeof line - 1)];
    static _Atomic bool made;
    if (!made)
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = line[i % (sizeof line - 1)];
    made = true;
    for (size_t at = 0; at < job.body;) {
        size_t n = job.body - at < CHUNK_MAX ? job.body - at : CHUNK_MAX;
        if (!say(p, 'B', text + at % (sizeof line - 1), n, NO_BODY, NR_BODY))
            return false;
        at += n;
    }
    return true;
}

enum outcome { GOOD, TEMPFAIL, LOST, BAD };

/* The canonicalization that the field in `p` says ("c=relaxed/relaxed"), or another one than before: signed by two
 * configurations. */
static bool agrees(const struct peer *p, size_t len, char c[32])
{
    const char *at = memmem(p->in, len, " c=", 3),
               *end = at == NULL ? NULL : memchr(at, ';', (size_t)((const char *)p->in + len - at));
    char now_c[32] = "";
    if (end != NULL && end - at < (long)sizeof now_c)
        memcpy(now_c, at, (size_t)(end - at));
    bool same = c[0] == '\0' || strcmp(c, now_c) == 0;
    memcpy(c, now_c, sizeof now_c);
    return same;
}

static enum outcome one_message(struct peer *p)
{
    static _Atomic unsigned long serial;
    char id[64], from[300], sender[300], canonicalization[32] = "";
    size_t len;
    unsigned signatures = 0;
    (void)snprintf(id, sizeof id, " <%lu.load@example.nl>", atomic_fetch_add(&serial, 1));
    (void)snprintf(from, sizeof from, " Load <a@%s>", job.domain);
    (void)snprintf(sender, sizeof sender, "<a@%s>", job.domain);
    char macros[400]; /* name, NUL, value, NUL; the user is one of the From domain */
    int n = snprintf(macros, sizeof macros, "M{auth_authen}%cload@%s%ci%cLOADTEST", 0, job.domain, 0, 0);
    if (!put(p, 'D', macros, (size_t)n + 1) || !say(p, 'M', sender, strlen(sender) + 1, NO_MAIL, NR_MAIL) ||
        !SAY(p, 'R', "<b@example.org>\0", NO_RCPT, NR_RCPT) || !SAY(p, 'T', "", NO_DATA, NR_DATA))
        return LOST;
    if (!header(p, "From", from) || !header(p, "To", " b@example.org") || !header(p, "Subject", " load") ||
        !header(p, "Date", " Tue, 24 Nov 2026 08:00:00 +0000") || !header(p, "Message-ID", id) ||
        !header(p, "MIME-Version", " 1.0") || !header(p, "Content-Type", " text/plain; charset=utf-8") ||
        !SAY(p, 'N', "", NO_EOH, NR_EOH) || !send_body(p) || !PUT(p, 'E', ""))
        return LOST;
    for (;;) {
        char r = get(p, &len);
        if (r == 'i')
            signatures += agrees(p, len, canonicalization) ? 1 : 100;
        else if (r == 'a' || r == 'c')
            return signatures == job.signatures ? GOOD : BAD;
        else if (r == 't' || (r == 'y' && p->in[1] == '4'))
            return TEMPFAIL;
        else if (r != 'p')
            return r == 0 ? LOST : BAD;
    }
}

static void raise_to(_Atomic uint32_t *most, uint32_t us)
{
    uint32_t seen = *most;
    while (us > seen && !atomic_compare_exchange_weak(most, &seen, us))
        ;
}

static void note(double took, enum outcome o)
{
    uint32_t us = (uint32_t)(took * 1e6);
    raise_to(&slowest, us);
    if (o == TEMPFAIL)
        raise_to(&slowest_tempfail, us);
    if (o != GOOD)
        return;
    unsigned long at = atomic_fetch_add(&measured, 1);
    if (at < LATENCIES_MAX)
        latencies[at] = us;
}

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static bool more(void)
{
    return stopped == 0 && now() < job.until && (job.messages == 0 || begun < job.messages);
}

static void *run(void *arg)
{
    struct peer *p = malloc(sizeof *p);
    double next = now() + job.interval * (double)(rand() % 1000) / 1000;
    (void)arg;
    while (p != NULL && more()) {
        if (!open_peer(p)) {
            lost++;
            (void)usleep(10000);
        } else {
            for (int i = 0; i < MESSAGES_EACH && more(); i++) {
                if (job.messages != 0 && atomic_fetch_add(&begun, 1) >= job.messages)
                    break;
                if (job.interval > 0) {
                    while (now() < next)
                        (void)usleep(100);
                    next += job.interval;
                }
                double begin = now();
                enum outcome o = one_message(p);
                note(now() - begin, o);
                atomic_fetch_add(o == GOOD ? &good : o == TEMPFAIL ? &tempfail : o == LOST ? &lost : &bad, 1);
                if (o == LOST || o == BAD)
                    break;
            }
            (void)PUT(p, 'Q', "");
            (void)flush(p);
        }
        if (p->fd >= 0)
            (void)close(p->fd);
    }
    free(p);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static bool set_address(const char *host, const char *port)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&job.address;
    struct sockaddr_in *in = (struct sockaddr_in *)&job.address;
    if (strcmp(host, "unix") == 0) {
        *un = (struct sockaddr_un){.sun_family = AF_UNIX};
        job.address_len = sizeof *un;
        return snprintf(un->sun_path, sizeof un->sun_path, "%s", port) < (int)sizeof un->sun_path;
    }
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    job.address_len = sizeof *in;
    return inet_pton(AF_INET, host, &in->sin_addr) == 1;
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        (void)fprintf(stderr, "usage: load HOST PORT CONNECTIONS SECONDS BODY_OCTETS SIGNATURES [MESSAGES_PER_SECOND]\n");
        return 2;
    }
    unsigned connections = (unsigned)atoi(argv[3]);
    double begin = now();
    if (!set_address(argv[1], argv[2]))
        return 2;
    const char *domain = getenv("LOAD_DOMAIN"), *messages = getenv("LOAD_MESSAGES");
    job.domain = domain == NULL ? "example.nl" : domain;
    job.messages = messages == NULL ? 0 : strtoul(messages, NULL, 10);
    job.until = begin + atof(argv[4]);
    job.body = (size_t)atol(argv[5]);
    if (job.body >= sizeof line - 1)
        job.body -= job.body % (sizeof line - 1); /* whole lines: OpenDKIM takes no others */
    job.signatures = (unsigned)atoi(argv[6]);
    job.interval = argc > 7 && atof(argv[7]) > 0 ? connections / atof(argv[7]) : 0;
    (void)signal(SIGTERM, stop);
    pthread_t *threads = calloc(connections, sizeof *threads);
    if (threads == NULL)
        return 3;
    for (unsigned i = 0; i < connections; i++)
        if (pthread_create(&threads[i], NULL, run, NULL) != 0)
            return 3;
    for (unsigned i = 0; i < connections; i++)
        (void)pthread_join(threads[i], NULL);
    free(threads);
    unsigned long n = measured < LATENCIES_MAX ? measured : LATENCIES_MAX;
    qsort(latencies, n, sizeof latencies[0], by_value);
    (void)printf("%.1f %u %u %u %lu %lu %lu %lu %u %u\n", (double)good / (now() - begin), n == 0 ? 0 : latencies[n / 2],
                 n == 0 ? 0 : latencies[n * 99 / 100], n == 0 ? 0 : latencies[n * 999 / 1000], good, tempfail, lost, bad, slowest,
                 slowest_tempfail);
    return bad == 0 && lost == 0 ? 0 : 1;
}
