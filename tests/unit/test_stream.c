/* What libmilter reads through milter/stream is what the MTA wrote, however it was cut. */
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milter/stream.h"
#include "unit.h"

enum { MANY = 200000 };

static int pair[2];

static void open_pair(void)
{
    ck_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    stream_open(pair[0]);
}

static void close_pair(void)
{
    stream_close(pair[0]);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static int ready(int timeout)
{
    struct pollfd p = {.fd = pair[0], .events = POLLIN | POLLPRI};
    int n = poll(&p, 1, timeout);
    return n == 1 ? p.revents : n;
}

START_TEST(left_is_ready)
{
    char got[4];
    open_pair();
    ck_assert(ready(0) == 0);
    ck_assert(write(pair[1], "abcdef", 6) == 6);
    ck_assert(ready(-1) == POLLIN);
    ck_assert(read(pair[0], got, 4) == 4 && memcmp(got, "abcd", 4) == 0);
    ck_assert(ready(-1) == POLLIN); /* the kernel has nothing any more */
    ck_assert(read(pair[0], got, 4) == 2 && memcmp(got, "ef", 2) == 0);
    ck_assert(ready(0) == 0);
    close_pair();
}
END_TEST

/* One that waits for many descriptors, as libmilter's controller does. */
START_TEST(among_many)
{
    int other[2];
    char c;
    open_pair();
    ck_assert(pipe(other) == 0);
    ck_assert(write(pair[1], "ab", 2) == 2 && read(pair[0], &c, 1) == 1);
    struct pollfd p[2] = {{.fd = other[0], .events = POLLIN}, {.fd = pair[0], .events = POLLIN}};
    ck_assert(poll(p, 2, -1) == 1 && p[0].revents == 0 && p[1].revents == POLLIN);
    ck_assert(read(pair[0], &c, 1) == 1 && c == 'b');
    ck_assert(write(other[1], "x", 1) == 1);
    ck_assert(poll(p, 2, -1) == 1 && p[0].revents == POLLIN && p[1].revents == 0);
    (void)close(other[0]);
    (void)close(other[1]);
    close_pair();
}
END_TEST

START_TEST(end)
{
    char got[16];
    open_pair();
    ck_assert(write(pair[1], "last", 4) == 4 && shutdown(pair[1], SHUT_WR) == 0);
    ck_assert(read(pair[0], got, 2) == 2 && read(pair[0], got, 16) == 2);
    ck_assert((ready(-1) & POLLIN) != 0);
    ck_assert(read(pair[0], got, 16) == 0 && read(pair[0], got, 16) == 0);
    close_pair();
}
END_TEST

/* The next connection with the same descriptor begins with nothing. */
START_TEST(close_forgets)
{
    char c;
    open_pair();
    ck_assert(write(pair[1], "secret", 6) == 6 && read(pair[0], &c, 1) == 1);
    int before = pair[0];
    close_pair();
    open_pair();
    ck_assert(pair[0] == before);
    ck_assert(ready(0) == 0);
    close_pair();
}
END_TEST

static uint32_t drawn = 6376; /* the same cuts in every run */

static size_t draw(size_t below)
{
    drawn = drawn * 1664525 + 1013904223;
    return (drawn >> 8) % below;
}

START_TEST(every_cut)
{
    static char sent[MANY], got[MANY];
    size_t written = 0, taken = 0;
    for (size_t i = 0; i < MANY; i++)
        sent[i] = (char)draw(256);
    open_pair();
    while (taken < MANY) {
        size_t put = draw(30000), want = draw(3) == 0 ? draw(20000) + 1 : draw(64) + 1;
        put = put > MANY - written ? MANY - written : put;
        ssize_t sent_now = put == 0 ? 0 : send(pair[1], sent + written, put, MSG_DONTWAIT); /* what there is room for */
        written += sent_now > 0 ? (size_t)sent_now : 0;
        if (ready(0) != POLLIN)
            continue;
        ssize_t n = read(pair[0], got + taken, want < MANY - taken ? want : MANY - taken);
        ck_assert(n > 0);
        taken += (size_t)n;
    }
    ck_assert(memcmp(sent, got, MANY) == 0);
    ck_assert(ready(0) == 0);
    close_pair();
}
END_TEST

/* Every other descriptor is the system's. */
START_TEST(no_stream)
{
    int fds[2];
    char got[8];
    ck_assert(pipe(fds) == 0 && write(fds[1], "abcdef", 6) == 6);
    ck_assert(read(fds[0], got, 2) == 2);
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    ck_assert(poll(&p, 1, 0) == 1 && read(fds[0], got, 8) == 4 && poll(&p, 1, 0) == 0);
    ck_assert(read(-1, got, 1) == -1);
    (void)close(fds[0]);
    (void)close(fds[1]);
}
END_TEST

UNIT_MAIN("stream", left_is_ready, among_many, end, close_forgets, every_cut, no_stream)
