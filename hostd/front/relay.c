#include "front/relay.h"

#include <arpa/inet.h>
#include <libmilter/mfdef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "front/talk.h"

enum { JUDGE_WITHIN_MS = 120000, CHUNK = 32768 };

/* How far a step has brought us. */
enum step { GO_ON, OVER };

struct relay {
    struct talk *talk;
    struct relay_answer *answer;
    struct buf field;
};

/* ---- verdicts ---- */

static enum step refuse(struct relay_answer *a, const char *reply, const char *why)
{
    a->pass = false;
    (void)snprintf(a->reply, sizeof a->reply, "%s: %s", reply, why);
    return OVER;
}

static enum step defer(struct relay_answer *a, const char *why)
{
    return refuse(a, "451 4.7.5 Message not signed, try again later", why);
}

static enum step reject(struct relay_answer *a, const char *why)
{
    return refuse(a, "550 5.6.0 Message cannot be signed", why);
}

static enum step pass(struct relay_answer *a)
{
    a->pass = true;
    return OVER;
}

/* zegel-milter's own reply: a line of printable US-ASCII that begins with 4xx or 5xx. */
static enum step take_reply(struct relay_answer *a, struct bytes text)
{
    if (text.len > 0 && text.data[text.len - 1] == '\0')
        text.len--;
    bool ok = text.len > 4 && text.len <= RELAY_REPLY_MAX && (text.data[0] == '4' || text.data[0] == '5') && text.data[3] == ' ';
    for (size_t i = 0; ok && i < text.len; i++)
        ok = text.data[i] >= ' ' && text.data[i] <= '~' && (i == 0 || i > 2 || (text.data[i] >= '0' && text.data[i] <= '9'));
    if (!ok)
        return defer(a, "zegel-milter's reply cannot be read");
    a->pass = false;
    memcpy(a->reply, text.data, text.len);
    a->reply[text.len] = '\0';
    return OVER;
}

/* Of what is said at any stage. */
static enum step take_verdict(struct relay_answer *a, char command, struct bytes data)
{
    switch (command) {
    case SMFIR_CONTINUE: return GO_ON;
    case SMFIR_ACCEPT: return pass(a);
    case SMFIR_REPLYCODE: return take_reply(a, data);
    case SMFIR_TEMPFAIL: return defer(a, "zegel-milter says so");
    case SMFIR_REJECT: return reject(a, "zegel-milter says so");
    default: return defer(a, "zegel-milter said what it never says");
    }
}

static enum step hear(struct relay *r)
{
    char command;
    struct bytes data;
    if (!talk_receive(r->talk, &command, &data))
        return defer(r->answer, "zegel-milter does not answer");
    return take_verdict(r->answer, command, data);
}

static enum step say(struct relay *r, char command, struct bytes data)
{
    return talk_send(r->talk, command, data) ? GO_ON : defer(r->answer, "zegel-milter does not listen");
}

static enum step ask(struct relay *r, char command, struct bytes data)
{
    return say(r, command, data) == GO_ON ? hear(r) : OVER;
}

/* ---- what is said ---- */

static void add_z(struct buf *b, const char *s)
{
    buf_add_str(b, s == NULL ? "" : s);
    buf_add_u8(b, '\0');
}

/* Only an address counts; no text that is none may end up as "this machine's own mail". */
static enum step connection(struct relay *r, const struct relay_mail *mail)
{
    struct in6_addr ignored;
    struct buf b = BUF_INIT;
    uint16_t port = htons((uint16_t)mail->port);
    bool six = mail->client != NULL && inet_pton(AF_INET6, mail->client, &ignored) == 1;
    bool four = mail->client != NULL && inet_pton(AF_INET, mail->client, &ignored) == 1;
    if (mail->client != NULL && ((!four && !six) || mail->port == 0 || mail->port > 65535))
        return defer(r->answer, "the MTA named no client address and port");
    add_z(&b, mail->client == NULL ? "localhost" : mail->client);
    buf_add_u8(&b, (uint8_t)(four ? SMFIA_INET : six ? SMFIA_INET6 : SMFIA_UNIX));
    buf_add(&b, bytes_of(&port, sizeof port));
    if (six)
        buf_add_str(&b, "IPv6:");
    add_z(&b, mail->client == NULL ? "local" : mail->client);
    enum step s = b.failed ? defer(r->answer, "out of memory") : ask(r, SMFIC_CONNECT, buf_bytes(&b));
    buf_free(&b);
    return s;
}

static enum step envelope(struct relay *r, const struct relay_mail *mail)
{
    struct buf b = BUF_INIT;
    buf_add_u8(&b, SMFIC_MAIL);
    add_z(&b, "i");
    add_z(&b, mail->id);
    add_z(&b, "{mail_addr}");
    add_z(&b, mail->sender);
    if (mail->user != NULL && mail->user[0] != '\0') {
        add_z(&b, "{auth_authen}");
        add_z(&b, mail->user);
    }
    enum step s = b.failed ? defer(r->answer, "out of memory") : say(r, SMFIC_MACRO, buf_bytes(&b));
    buf_clear(&b);
    buf_add_str(&b, "<");
    buf_add_str(&b, mail->sender);
    add_z(&b, ">");
    if (s == GO_ON)
        s = b.failed ? defer(r->answer, "out of memory") : ask(r, SMFIC_MAIL, buf_bytes(&b));
    buf_free(&b);
    return s;
}

static enum step header(struct relay *r, FILE *message)
{
    enum message_item item;
    enum step s = GO_ON;
    while (s == GO_ON && (item = message_field(message, &r->field)) != MESSAGE_BODY) {
        if (item == MESSAGE_BAD)
            return ferror(message) ? defer(r->answer, "the spooled message cannot be read")
                                   : reject(r->answer, "the header has NUL, a line that is no field, or one over 60000 octets");
        r->field.data[message_name_len(buf_bytes(&r->field))] = '\0'; /* was the colon */
        buf_add_u8(&r->field, '\0');
        s = r->field.failed ? defer(r->answer, "out of memory") : say(r, SMFIC_HEADER, buf_bytes(&r->field));
    }
    return s == GO_ON ? ask(r, SMFIC_EOH, bytes_of(NULL, 0)) : s;
}

/* Lines end with CRLF here: what will be sent. */
static enum step body(struct relay *r, FILE *message)
{
    uint8_t chunk[CHUNK];
    size_t n = 0;
    int c, last = '\n';
    enum step s = GO_ON;
    while (s == GO_ON && (c = getc(message)) != EOF) {
        if (c == '\n')
            chunk[n++] = '\r';
        chunk[n++] = (uint8_t)c;
        last = c;
        if (n >= CHUNK - 4) {
            s = say(r, SMFIC_BODY, bytes_of(chunk, n));
            n = 0;
        }
    }
    if (last != '\n') {
        chunk[n++] = '\r';
        chunk[n++] = '\n';
    }
    if (s == GO_ON && n > 0)
        s = say(r, SMFIC_BODY, bytes_of(chunk, n));
    return s == GO_ON && ferror(message) ? defer(r->answer, "the spooled message cannot be read") : s;
}

/* ---- what zegel-milter wants changed ---- */

/* Number, name, value: what both kinds of change have. */
static bool read_change(struct bytes data, uint32_t *number, struct bytes *name, struct bytes *value)
{
    if (data.len < sizeof *number + 2 || data.data[data.len - 1] != '\0')
        return false;
    memcpy(number, data.data, sizeof *number);
    *number = ntohl(*number);
    struct bytes rest = bytes_slice(data, sizeof *number, data.len - 1);
    size_t at = bytes_find(rest, '\0');
    *name = bytes_slice(rest, 0, at);
    *value = bytes_slice(rest, at + 1, rest.len);
    return at < rest.len;
}

static enum step end_of_message(struct relay *r)
{
    char command;
    struct bytes data, name, value;
    uint32_t number;
    if (say(r, SMFIC_BODYEOB, bytes_of(NULL, 0)) != GO_ON)
        return OVER;
    for (;;) {
        if (!talk_receive(r->talk, &command, &data))
            return defer(r->answer, "zegel-milter does not answer");
        if (command != SMFIR_INSHEADER && command != SMFIR_CHGHEADER)
            break;
        bool ok = read_change(data, &number, &name, &value) &&
                  (command == SMFIR_INSHEADER ? number <= 1 && edits_add(&r->answer->edits, name, value)
                                              : value.len == 0 && edits_remove(&r->answer->edits, name, number));
        if (!ok)
            return defer(r->answer, "zegel-milter asked for a change that it never asks for");
    }
    return take_verdict(r->answer, command, data) == GO_ON ? pass(r->answer) : OVER;
}

void relay_judge(const struct relay_mail *mail, FILE *message, struct relay_answer *answer)
{
    const char *why;
    *answer = (struct relay_answer){.edits = {.added = BUF_INIT, .removed = BUF_INIT}};
    struct relay r = {.talk = malloc(sizeof *r.talk), .answer = answer, .field = BUF_INIT};
    if (r.talk == NULL) {
        (void)defer(answer, "out of memory");
        return;
    }
    rewind(message);
    if (!talk_open(r.talk, mail->socket, clock_monotonic_ms() + JUDGE_WITHIN_MS, &why)) {
        (void)defer(answer, why);
    } else {
        if (connection(&r, mail) == GO_ON && envelope(&r, mail) == GO_ON && header(&r, message) == GO_ON &&
            body(&r, message) == GO_ON)
            (void)end_of_message(&r);
        talk_close(r.talk);
    }
    buf_free(&r.field);
    free(r.talk);
}
