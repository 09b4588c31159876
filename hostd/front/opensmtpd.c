/* zegel-opensmtpd: a filter of OpenSMTPD (smtpd-filters(7), proc-exec).
 *
 * Purpose: hold each message until its last line, have zegel-milter judge it, and give it back signed, or refuse it at the
 * commit. Security: no key, no cryptography, no configuration. Who the client is comes from smtpd's reports alone; a message
 * whose session we know nothing of is not passed. Messages are spooled in unlinked files. Shut in (front/confine.h). Diagnostics:
 * a line per refused message on standard error, which smtpd logs; ends when smtpd does, and smtpd when we do. */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/log.h"
#include "front/confine.h"
#include "front/relay.h"
#include "front/smtpdline.h"
#include "front/spool.h"

enum {
    TABLE = 1024,
    JOBS_MAX = 32,           /* messages with zegel-milter; smtpd waits while there are as many */
    SPOOL_MAX = 1024 * 1024, /* KiB of one message; smtpd's max-message-size is what should bound it */
    STACK = 256 * 1024,
    TEXT_MAX = 512, /* octets of a user name or an address */
};

struct session {
    char id[SMTPDLINE_ID_MAX + 1];
    char client[64]; /* "": by a socket of this machine */
    unsigned port;
    char user[TEXT_MAX + 1], sender[TEXT_MAX + 1], message_id[SMTPDLINE_ID_MAX + 1];
    bool odd;     /* something about it could not be understood: nothing of it passes */
    FILE *spool;  /* of the message under way */
    uint64_t len; /* octets in it */
    bool judged;  /* and `reply` is the verdict on it: "" is good */
    char reply[RELAY_REPLY_MAX + 1];
    struct session *next;
};

/* One message under way to zegel-milter: a copy of all that is said of it, since the session may end meanwhile. */
struct job {
    struct session s;
    char token[SMTPDLINE_ID_MAX + 1];
};

static const char *milter_socket;
static struct session *table[TABLE];
static unsigned jobs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all three, and of standard output */
static pthread_cond_t job_over = PTHREAD_COND_INITIALIZER;

/* ---- sessions; lock held ---- */

static struct session **place(struct bytes id)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < id.len; i++)
        h = (h ^ id.data[i]) * 16777619u;
    struct session **at = &table[h % TABLE];
    while (*at != NULL && !bytes_eq(bytes_str((*at)->id), id))
        at = &(*at)->next;
    return at;
}

static void copy_text(struct session *s, struct bytes from, char *to, size_t cap)
{
    size_t n = from.len < cap ? from.len : 0;
    s->odd = s->odd || (from.len > 0 && n == 0) || bytes_find(from, '\0') < from.len;
    if (n > 0)
        memcpy(to, from.data, n);
    to[n] = '\0';
}

static void message_end(struct session *s)
{
    if (s->spool != NULL)
        (void)fclose(s->spool);
    s->spool = NULL;
    s->len = 0;
    s->judged = false;
    s->reply[0] = '\0';
}

static void session_end(struct session **at)
{
    struct session *s = *at;
    if (s == NULL)
        return;
    *at = s->next;
    message_end(s);
    free(s);
}

/* The session of a line; one whose beginning we have not seen is odd. */
static struct session *session_of(struct bytes id, bool begins)
{
    struct session **at = place(id);
    if (*at != NULL) {
        (*at)->odd = (*at)->odd || begins;
        return *at;
    }
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL)
        exit(EX_OSERR); /* smtpd takes no mail without us */
    memcpy(s->id, id.data, id.len);
    s->odd = !begins;
    *at = s;
    return s;
}

/* ---- one message ---- */

static void judge(struct job *j, struct relay_answer *a)
{
    const struct session *s = &j->s;
    struct relay_mail mail = {.socket = milter_socket,
                              .client = s->client[0] == '\0' ? NULL : s->client,
                              .port = s->port,
                              .user = s->user,
                              .sender = s->sender,
                              .id = s->message_id};
    bool whole = s->spool != NULL && s->len / 1024 < SPOOL_MAX && fflush(s->spool) == 0 && !ferror(s->spool);
    *a = (struct relay_answer){.pass = false};
    if (s->odd || !whole)
        (void)snprintf(a->reply, sizeof a->reply, "451 4.3.0 Message not signed, try again later: %s",
                       s->odd ? "smtpd's reports on it were not understood" : "it could not be spooled");
    else
        relay_judge(&mail, s->spool, a);
}

/* Lock held. Lines of the message, and the one that ends it; what smtpd will ask about it later is settled before. */
static void give_back(const struct job *j, struct relay_answer *a)
{
    char prefix[64];
    (void)snprintf(prefix, sizeof prefix, "filter-dataline|%s|%s|", j->s.id, j->token);
    struct message_out out = {.file = stdout, .prefix = prefix, .dots = true};
    if (a->pass && !message_write(j->s.spool, &a->edits, &out)) {
        a->pass = false;
        (void)snprintf(a->reply, sizeof a->reply, "451 4.3.0 Message not signed, try again later: its spool cannot be read");
    }
    struct session *s = *place(bytes_str(j->s.id));
    if (s != NULL) {
        s->judged = true;
        (void)snprintf(s->reply, sizeof s->reply, "%s", a->pass ? "" : a->reply);
    }
    if (!a->pass)
        log_warn("%s: client=%s: %s", j->s.message_id, j->s.client[0] == '\0' ? "local" : j->s.client, a->reply);
    (void)printf("%s.\n", prefix);
    if (fflush(stdout) != 0)
        exit(EX_IOERR);
}

static void *run_job(void *arg)
{
    struct job *j = arg;
    struct relay_answer a;
    judge(j, &a);
    pthread_mutex_lock(&lock);
    give_back(j, &a);
    jobs--;
    pthread_cond_signal(&job_over);
    pthread_mutex_unlock(&lock);
    edits_free(&a.edits);
    if (j->s.spool != NULL)
        (void)fclose(j->s.spool);
    free(j);
    return NULL;
}

/* Lock held. */
static void start_job(struct session *s, struct bytes token)
{
    pthread_attr_t attr;
    pthread_t thread;
    struct job *j = malloc(sizeof *j);
    while (jobs == JOBS_MAX)
        pthread_cond_wait(&job_over, &lock);
    if (j == NULL || pthread_attr_init(&attr) != 0 || pthread_attr_setstacksize(&attr, STACK) != 0 ||
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) != 0)
        exit(EX_OSERR);
    *j = (struct job){.s = *s};
    memcpy(j->token, token.data, token.len);
    s->spool = NULL; /* the job's now */
    message_end(s);
    jobs++;
    if (pthread_create(&thread, &attr, run_job, j) != 0)
        exit(EX_OSERR);
    (void)pthread_attr_destroy(&attr);
}

static void take_data(struct session *s, const struct smtpdline *l)
{
    struct bytes line = l->text;
    if (s->spool == NULL && s->len == 0)
        s->spool = spool_open();
    if (bytes_eq(line, BYTES_LIT("."))) {
        start_job(s, l->token);
        return;
    }
    if (line.len > 0 && line.data[0] == '.')
        line = bytes_slice(line, 1, line.len);
    s->len += line.len + 1;
    if (s->spool == NULL || s->len / 1024 >= SPOOL_MAX)
        return; /* judge() says so */
    (void)fwrite(line.data, 1, line.len, s->spool);
    (void)putc('\n', s->spool);
}

static void take_commit(struct session *s, struct bytes token)
{
    const char *reply = !s->judged ? "451 4.3.0 Message not signed, try again later: it has not been judged" : s->reply;
    (void)printf("filter-result|%s|%.*s|%s%s\n", s->id, (int)token.len, (const char *)token.data,
                 reply[0] == '\0' ? "proceed" : "reject|", reply);
    if (fflush(stdout) != 0)
        exit(EX_IOERR);
    message_end(s);
}

/* ---- lines ---- */

static void register_events(void)
{
    static const char *const events[] = {
        "report|smtp-in|link-connect", "report|smtp-in|link-disconnect", "report|smtp-in|link-auth", "report|smtp-in|tx-mail",
        "report|smtp-in|tx-reset",     "filter|smtp-in|data-line",       "filter|smtp-in|commit",    "ready"};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        (void)printf("register|%s\n", events[i]);
    (void)fflush(stdout);
}

static void take_line(struct bytes line)
{
    struct smtpdline l = smtpdline_parse(line);
    if (l.kind == SMTPDLINE_READY)
        register_events();
    if (l.kind == SMTPDLINE_BAD || l.kind == SMTPDLINE_VERSION)
        log_error("a line of smtpd was not understood: %.*s", (int)(line.len < 200 ? line.len : 200), (const char *)line.data);
    if (l.kind == SMTPDLINE_VERSION)
        exit(EX_PROTOCOL); /* smtpd ends too, rather than wait for answers */
    if (l.kind == SMTPDLINE_READY || l.kind == SMTPDLINE_OTHER || l.session.len == 0 || l.session.len > SMTPDLINE_ID_MAX)
        return;
    struct session *s = session_of(l.session, l.kind == SMTPDLINE_CONNECT);
    switch (l.kind) {
    case SMTPDLINE_CONNECT:
        copy_text(s, l.client, s->client, sizeof s->client);
        s->port = l.port;
        break;
    case SMTPDLINE_DISCONNECT: session_end(place(l.session)); break;
    case SMTPDLINE_AUTH: copy_text(s, l.text, s->user, sizeof s->user); break;
    case SMTPDLINE_MAIL:
        message_end(s);
        copy_text(s, l.text, s->sender, sizeof s->sender);
        copy_text(s, l.id, s->message_id, sizeof s->message_id);
        break;
    case SMTPDLINE_RESET: message_end(s); break;
    case SMTPDLINE_DATA: take_data(s, &l); break;
    case SMTPDLINE_COMMIT: take_commit(s, l.token); break;
    default: s->odd = true;
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"socket", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
    char *line = NULL;
    size_t cap = 0;
    log_open("zegel-opensmtpd", LOG_LEVEL_INFO);
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        milter_socket = c == 's' ? optarg : NULL;
    if (milter_socket == NULL || optind != argc) {
        log_error("usage: zegel-opensmtpd --socket FILE (started by smtpd: see hostd/handbook/mta.md)");
        return EX_USAGE;
    }
    if (!confine(NULL))
        return EX_OSERR;
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
        pthread_mutex_lock(&lock);
        take_line(bytes_of(line, (size_t)n - (line[n - 1] == '\n')));
        pthread_mutex_unlock(&lock);
    }
    free(line);
    return EX_OK;
}
