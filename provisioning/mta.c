#include "mta.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"

/* libmilter/mfdef.h: version; the filter may add fields; values come with the space behind the colon. */
enum { VERSION = 6, MAY_ADD = 0x01, LEADING_SPACE = 0x100000, VERDICT_WAITS_MAX = 1000 };

struct peer {
    int fd;
    int64_t deadline_ms;
    uint8_t packet[MTA_PACKET_MAX]; /* the last one that came */
    size_t len;
};

/* ---- packets: length, command, data ---- */

static int put(const struct peer *p, char command, struct bytes data)
{
    struct buf b = BUF_INIT;
    uint32_t size = htonl((uint32_t)data.len + 1);
    buf_add(&b, bytes_of(&size, sizeof size));
    buf_add_u8(&b, (uint8_t)command);
    buf_add(&b, data);
    int err = b.failed ? ZEGEL_ERR_NOMEM : io_send_all(p->fd, buf_bytes(&b), p->deadline_ms);
    buf_free(&b);
    return err;
}

static int get(struct peer *p)
{
    uint32_t size;
    int err = io_recv_all(p->fd, &size, sizeof size, p->deadline_ms);
    if (err != ZEGEL_OK)
        return err;
    p->len = ntohl(size);
    if (p->len < 1 || p->len > sizeof p->packet)
        return ZEGEL_ERR_FORMAT;
    return io_recv_all(p->fd, p->packet, p->len, p->deadline_ms);
}

/* ---- what the filter says ---- */

/* "NAME\0VALUE\0" as one more added field, its lines ended as on the wire. */
static int take_field(struct mta_answer *a, struct bytes data)
{
    size_t end = bytes_find(data, 0);
    struct bytes value = bytes_slice(data, end + 1, data.len);
    struct buf text = BUF_INIT;
    if (end == data.len || a->added_count == MTA_ADDED_MAX)
        return ZEGEL_ERR_FORMAT;
    value.len = bytes_find(value, 0);
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '\n' && (i == 0 || value.data[i - 1] != '\r'))
            buf_add_u8(&text, '\r');
        buf_add_u8(&text, value.data[i]);
    }
    struct mta_added *f = &a->added[a->added_count++];
    f->name = strndup((const char *)data.data, end);
    f->value = strdup(buf_cstr(&text));
    buf_free(&text);
    return f->name == NULL || f->value == NULL ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
}

static void take_reply(struct mta_answer *a, const struct peer *p)
{
    const char *text = p->packet[0] == 't' ? "451 (tempfail)" : p->packet[0] == 'd' ? "discard" : "550 (reject)";
    a->accepted = false;
    if (p->packet[0] != 'y') {
        buf_add_str(&a->reply, text);
        return;
    }
    struct bytes reply = bytes_of(p->packet + 1, p->len - 1); /* SMTP replies are ASCII; this one goes to terminals */
    buf_add_printable(&a->reply, bytes_slice(reply, 0, bytes_find(reply, '\0')));
}

/* The answer to one command; *over: the message's fate is known. Changes come before the answer to its end. */
static int take_answer(struct peer *p, struct mta_answer *a, bool *over)
{
    for (unsigned i = 0; i < VERDICT_WAITS_MAX; i++) {
        int err = get(p);
        if (err != ZEGEL_OK)
            return err;
        struct bytes data = bytes_of(p->packet + 1, p->len - 1);
        switch (p->packet[0]) {
        case 'c': return ZEGEL_OK;
        case 'a': *over = a->accepted = true; return ZEGEL_OK;
        case 't':
        case 'r':
        case 'd':
        case 'y':
            *over = true;
            take_reply(a, p);
            return ZEGEL_OK;
        case 'h': err = take_field(a, data); break;
        case 'i': err = data.len < 4 ? ZEGEL_ERR_FORMAT : take_field(a, bytes_slice(data, 4, data.len)); break;
        case 'p': break; /* progress */
        default: err = ZEGEL_ERR_FORMAT;
        }
        if (err != ZEGEL_OK)
            return err;
    }
    return ZEGEL_ERR_FORMAT;
}

/* ---- the conversation ---- */

/* Words that end in NUL each, as one packet, and the answer; `a` NULL: none comes. */
static int say(struct peer *p, char command, const char *const words[], unsigned n, struct mta_answer *a, bool *over)
{
    struct buf b = BUF_INIT;
    for (unsigned i = 0; i < n; i++)
        buf_add(&b, bytes_of(words[i], strlen(words[i]) + 1));
    int err = b.failed ? ZEGEL_ERR_NOMEM : put(p, command, buf_bytes(&b));
    buf_free(&b);
    return err == ZEGEL_OK && a != NULL ? take_answer(p, a, over) : err;
}

#define WORDS(...) (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)

static int negotiate(struct peer *p)
{
    uint32_t offer[3] = {htonl(VERSION), htonl(MAY_ADD), htonl(LEADING_SPACE)};
    int err = put(p, 'O', bytes_of(offer, sizeof offer));
    if (err == ZEGEL_OK)
        err = get(p);
    return err == ZEGEL_OK && p->packet[0] != 'O' ? ZEGEL_ERR_FORMAT : err;
}

static int say_fields(struct peer *p, const struct mta_message *m, struct mta_answer *a, bool *over)
{
    int err = ZEGEL_OK;
    for (unsigned i = 0; err == ZEGEL_OK && !*over && i < m->fields_count; i++)
        err = say(p, 'L', WORDS(m->fields[i].name, m->fields[i].value), a, over);
    return err;
}

/* As Postfix shows mail of its own machine: from 127.0.0.1, port 0. */
static int converse(struct peer *p, const struct mta_message *m, struct mta_answer *a)
{
    static const char client[] = "localhost\0"
                                 "4\0\0"
                                 "127.0.0.1";
    char path[300];
    bool over = false;
    (void)snprintf(path, sizeof path, "<%s>", m->sender);
    int err = negotiate(p);
    if (err == ZEGEL_OK)
        err = put(p, 'C', bytes_of(client, sizeof client));
    if (err == ZEGEL_OK)
        err = take_answer(p, a, &over);
    if (err == ZEGEL_OK && !over)
        err = say(p, 'H', WORDS("localhost"), a, &over);
    if (err == ZEGEL_OK && !over)
        err = say(p, 'D', WORDS("Mi", "zegel-canary", "{mail_addr}", m->sender, "{auth_authen}", m->sender), NULL, NULL);
    if (err == ZEGEL_OK && !over)
        err = say(p, 'M', WORDS(path), a, &over);
    if (err == ZEGEL_OK && !over)
        err = say(p, 'R', WORDS(path), a, &over);
    if (err == ZEGEL_OK && !over)
        err = say(p, 'T', NULL, 0, a, &over);
    if (err == ZEGEL_OK)
        err = say_fields(p, m, a, &over);
    if (err == ZEGEL_OK && !over)
        err = say(p, 'N', NULL, 0, a, &over);
    if (err == ZEGEL_OK && !over && (err = put(p, 'B', bytes_str(m->body))) == ZEGEL_OK)
        err = take_answer(p, a, &over);
    if (err == ZEGEL_OK && !over) {
        err = say(p, 'E', NULL, 0, a, &over);
        a->accepted = err == ZEGEL_OK && (!over || a->accepted);
    }
    if (err == ZEGEL_OK)
        (void)put(p, 'Q', bytes_of(NULL, 0));
    return err;
}

/* ---- where it listens ---- */

static int connect_to(struct peer *p, const struct sockaddr *address, socklen_t len)
{
    int error = 0;
    socklen_t error_len = sizeof error;
    p->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0 || (connect(p->fd, address, len) != 0 && errno != EINPROGRESS))
        return ZEGEL_ERR_NOT_FOUND;
    if (io_wait(p->fd, POLLOUT, p->deadline_ms) != ZEGEL_OK)
        errno = ETIMEDOUT;
    else if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &error_len) == 0 && error == 0)
        return ZEGEL_OK;
    else
        errno = error;
    return ZEGEL_ERR_NOT_FOUND;
}

static int open_peer(struct peer *p, const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct addrinfo hints = {.ai_family = strncmp(name, "inet6:", 6) == 0 ? AF_INET6 : AF_INET, .ai_socktype = SOCK_STREAM},
                    *found = NULL;
    char port[16];
    if (strncmp(name, "unix:", 5) == 0) {
        (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", name + 5);
        return connect_to(p, (const struct sockaddr *)&a, sizeof a);
    }
    const char *at = strchr(name, ':') + 1, *host = strchr(at, '@');
    (void)snprintf(port, sizeof port, "%.*s", (int)strcspn(at, "@"), at);
    if (getaddrinfo(host == NULL ? NULL : host + 1, port, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return ZEGEL_ERR_NOT_FOUND;
    }
    int err = connect_to(p, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return err;
}

int mta_offer(const char *name, const struct mta_message *m, int64_t deadline_ms, struct mta_answer *out, struct buf *why)
{
    *out = (struct mta_answer){.reply = BUF_INIT};
    struct peer *p = calloc(1, sizeof *p);
    if (p == NULL)
        return ZEGEL_ERR_NOMEM;
    p->deadline_ms = deadline_ms;
    p->fd = -1;
    int err = open_peer(p, name);
    if (err != ZEGEL_OK)
        buf_addf(why, "%s: %s", name, strerror(errno));
    else if ((err = converse(p, m, out)) != ZEGEL_OK)
        buf_addf(why, "%s: %s", name, zegel_strerror(err));
    if (p->fd >= 0)
        (void)close(p->fd);
    free(p);
    return err;
}

void mta_answer_clear(struct mta_answer *a)
{
    for (unsigned i = 0; i < a->added_count; i++) {
        free(a->added[i].name);
        free(a->added[i].value);
    }
    buf_free(&a->reply);
    *a = (struct mta_answer){.reply = BUF_INIT};
}
