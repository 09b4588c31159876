/* The log's sinks: fields for journald, lines for syslog and standard error; nothing from outside makes a line or a field. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/logsocket.h"
#include "unit.h"

static char dir[] = "/tmp/zegel-log-XXXXXX", path[64], where[96];

/* A socket as journald or a syslogd has. */
static int listen_on(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    (void)unlink(path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static const char *receive(int fd)
{
    static char room[16384];
    ssize_t n = recv(fd, room, sizeof room - 1, MSG_DONTWAIT);
    ck_assert_int_ge(n, 0);
    room[n] = '\0';
    return room;
}

static unsigned lines(const char *text)
{
    unsigned n = 0;
    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

START_TEST(journal)
{
    int fd = listen_on();
    (void)snprintf(where, sizeof where, "journal:%s", path);
    logsocket_open(where);
    const struct log_fields f = {.queue_id = "4F1B",
                                 .domain = "example.nl",
                                 .selector = "s",
                                 .result = "refused",
                                 .reason = "no\nMESSAGE=forged\nPRIORITY=0"};
    log_event(LOG_LEVEL_WARN, &f, "refused: %s", "x\ny\x01\xff");
    const char *got = receive(fd);
    ck_assert_str_eq(
        got,
        "PRIORITY=4\nSYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=test\nQUEUE_ID=4F1B\nDOMAIN=example.nl\nSELECTOR=s\nRESULT=refused\n"
        "REASON=no\\x0aMESSAGE=forged\\x0aPRIORITY=0\nMESSAGE=4F1B: refused: x\\x0ay\\x01\\xff\n");
    log_info("%s", "no fields");
    ck_assert_uint_eq(lines(receive(fd)), 4);
    /* longer than there is room: cut, and still one record that ends */
    static char longest[5000];
    memset(longest, '\n', sizeof longest - 1);
    const struct log_fields g = {
        .queue_id = longest, .domain = longest, .selector = longest, .result = longest, .reason = longest};
    log_event(LOG_LEVEL_ERROR, &g, "%s", longest);
    got = receive(fd);
    ck_assert_uint_eq(lines(got), 9);
    ck_assert_int_eq(got[strlen(got) - 1], '\n');
    (void)close(fd);
}
END_TEST

START_TEST(syslog_line)
{
    int fd = listen_on();
    char want[128];
    (void)snprintf(where, sizeof where, "syslog:%s", path);
    logsocket_open(where);
    log_event(LOG_LEVEL_INFO, &(struct log_fields){.queue_id = "Q\n"}, "signed");
    (void)snprintf(want, sizeof want, "<22>test[%d]: Q\\x0a: signed", (int)getpid());
    ck_assert_str_eq(receive(fd), want);
    log_event(LOG_LEVEL_INFO, &(struct log_fields){.queue_id = "Q", .result = "signed"}, "client=x result=forged\n");
    (void)snprintf(want, sizeof want, "<22>test[%d]: Q: client=x result=forged\\x0a result=signed", (int)getpid());
    ck_assert_str_eq(receive(fd), want);
    (void)close(fd);
}
END_TEST

/* A journald that is away, or full, loses no line: it goes to standard error. */
START_TEST(nobody_there)
{
    char got[256] = "", file[96];
    (void)unlink(path);
    (void)snprintf(where, sizeof where, "journal:%s", path);
    logsocket_open(where);
    (void)snprintf(file, sizeof file, "%s/stderr", dir);
    int saved = dup(STDERR_FILENO), fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
    (void)dup2(fd, STDERR_FILENO);
    log_error("nobody listens");
    int journald = listen_on();
    log_error("now somebody does"); /* without a reconnect */
    (void)dup2(saved, STDERR_FILENO);
    ck_assert_int_gt(pread(fd, got, sizeof got - 1, 0), 0);
    ck_assert_ptr_nonnull(strstr(got, "error: nobody listens\n"));
    ck_assert_uint_eq(lines(got), 1);
    ck_assert_ptr_nonnull(strstr(receive(journald), "MESSAGE=now somebody does\n"));
    (void)close(journald);
    (void)close(fd);
    (void)close(saved);
    (void)unlink(file);
    (void)unlink(path);
    (void)rmdir(dir);
}
END_TEST

START_TEST(destinations)
{
    char to[LOG_WHERE_MAX];
    static const char *const good[] = {"auto", "stderr", "journal", "syslog", "syslog:/run/x", "journal:/x"};
    static const char *const bad[] = {
        "",
        "file",
        "stderr:/x",
        "journal:",
        "journal:x",
        "syslogd",
        "journal:/2345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(log_resolve(good[i], to), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!log_resolve(bad[i], to), "%s", bad[i]);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/socket", dir);
    log_open("test", LOG_LEVEL_INFO);
}
END_TEST

UNIT_MAIN("log", destinations, journal, syslog_line, nobody_there)
