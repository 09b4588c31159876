/* load: speaks the milter protocol as Postfix does (version 6), from many connections, several messages on each.
 *
 * load HOST PORT CONNECTIONS SECONDS BODY_OCTETS SIGNATURES [RATE]
 * A message is good when it was accepted with SIGNATURES DKIM-Signature fields, tempfail when answered 4xx, lost when the
 * connection broke (the MTA makes that a 4xx), and bad when anything else was said about it, or its fields show two
 * configurations. Prints "messages/s p50_us p99_us p999_us good tempfail lost bad slowest_us"; the last one counts tempfails too.
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
#include <time.h>
#include <unistd.h>

enum { MESSAGES_EACH = 50, LATENCIES_MAX = 2000000, PACKET_MAX = 65536 };

static struct {
    struct sockaddr_in address;
    double until, interval;
    size_t body;
    unsigned signatures;
    const char *domain;
    unsigned long messages; /* 0: no limit */
} job;

static _Atomic unsigned long good, tempfail, lost, bad, measured, begun;
static _Atomic uint32_t slowest;
static uint32_t latencies[LATENCIES_MAX];

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct peer {
    int fd;
    uint8_t out[PACKET_MAX * 2];
    size_t out_len;
    uint8_t in[PACKET_MAX];
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

static bool read_all(int fd, void *data, size_t len)
{
    for (uint8_t *at = data; len > 0;) {
        ssize_t n = recv(fd, at, len, 0);
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* One reply packet: its command, or 0. */
static char get(struct peer *p, size_t *len)
{
    uint32_t size;
    if (!flush(p) || !read_all(p->fd, &size, 4))
        return 0;
    size = ntohl(size);
    if (size < 1 || size > sizeof p->in || !read_all(p->fd, p->in, size))
        return 0;
    *len = size - 1;
    return (char)p->in[0];
}

#define PUT(p, command, literal) put(p, command, literal, sizeof(literal) - 1)

static bool open_peer(struct peer *p)
{
    int one = 1;
    size_t len;
    uint32_t offer[3] = {htonl(6), htonl(0x1ff), htonl(0x1fffff)};
    p->out_len = 0;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&job.address, sizeof job.address) != 0)
        return false;
    (void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!put(p, 'O', offer, sizeof offer) || get(p, &len) != 'O')
        return false;
    return PUT(p, 'D', "Cj\0mail.example.nl\0{daemon_name}\0smtpd\0") &&
           PUT(p, 'C',
               "client.example.nl\0"
               "4\x30\x39"
               "127.0.0.1\0") &&
           get(p, &len) == 'c';
}

static bool header(struct peer *p, const char *name, const char *value)
{
    char field[512];
    size_t n = strlen(name) + 1, v = strlen(value) + 1;
    memcpy(field, name, n);
    memcpy(field + n, value, v);
    return put(p, 'L', field, n + v);
}

static bool send_body(struct peer *p)
{
    static const char line[] = "The quick brown fox jumps over the lazy dog, and the seal of the realm is set.\r\n";
    char chunk[PACKET_MAX - 1];
    size_t left = job.body, len;
    for (size_t i = 0; i < sizeof chunk; i++)
        chunk[i] = line[i % (sizeof line - 1)];
    while (left > 0) {
        size_t n = left < 65000 ? left : 65000;
        n -= n % (sizeof line - 1) == n ? 0 : n % (sizeof line - 1);
        if (!put(p, 'B', chunk, n))
            return false;
        char r = get(p, &len);
        if (r != 'c')
            return false;
        left -= n;
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
    if (!put(p, 'D', macros, (size_t)n + 1) || !put(p, 'M', sender, strlen(sender) + 1) || get(p, &len) != 'c')
        return LOST;
    if (!header(p, "From", from) || !header(p, "To", " b@example.org") || !header(p, "Subject", " load") ||
        !header(p, "Date", " Tue, 24 Nov 2026 08:00:00 +0000") || !header(p, "Message-ID", id) ||
        !header(p, "MIME-Version", " 1.0") || !header(p, "Content-Type", " text/plain; charset=utf-8") || !PUT(p, 'N', "") ||
        get(p, &len) != 'c' || !send_body(p) || !PUT(p, 'E', ""))
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

static void note(double took, bool answered_well)
{
    uint32_t us = (uint32_t)(took * 1e6), most = slowest;
    while (us > most && !atomic_compare_exchange_weak(&slowest, &most, us))
        ;
    if (!answered_well)
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
                note(now() - begin, o == GOOD);
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

int main(int argc, char **argv)
{
    if (argc < 7) {
        (void)fprintf(stderr, "usage: load HOST PORT CONNECTIONS SECONDS BODY_OCTETS SIGNATURES [MESSAGES_PER_SECOND]\n");
        return 2;
    }
    unsigned connections = (unsigned)atoi(argv[3]);
    double begin = now();
    job.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &job.address.sin_addr) != 1)
        return 2;
    const char *domain = getenv("LOAD_DOMAIN"), *messages = getenv("LOAD_MESSAGES");
    job.domain = domain == NULL ? "example.nl" : domain;
    job.messages = messages == NULL ? 0 : strtoul(messages, NULL, 10);
    job.until = begin + atof(argv[4]);
    job.body = (size_t)atol(argv[5]);
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
    (void)printf("%.1f %u %u %u %lu %lu %lu %lu %u\n", (double)good / (now() - begin), n == 0 ? 0 : latencies[n / 2],
                 n == 0 ? 0 : latencies[n * 99 / 100], n == 0 ? 0 : latencies[n * 999 / 1000], good, tempfail, lost, bad,
                 slowest);
    return bad == 0 && lost == 0 ? 0 : 1;
}
