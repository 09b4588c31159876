#include "dns/resolve.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unbound.h>

#include "base/clock.h"
#include "base/err.h"
#include "dns/answer.h"
#include "resolver/context.h"

struct pending {
    bool done;
    int err;
    struct ub_result *result;
};

int observe_open(const char *resolver, int deadline_ms, struct observe **out, struct buf *why)
{
    struct observe *o = calloc(1, sizeof *o);
    *out = NULL;
    if (o == NULL)
        return ZEGEL_ERR_NOMEM;
    o->deadline_ms = deadline_ms;
    o->ctx = context_open(resolver, why);
    if (o->ctx != NULL)
        *out = o;
    else
        free(o);
    return *out == NULL ? ZEGEL_ERR_CONFIG : ZEGEL_OK;
}

void observe_close(struct observe *o)
{
    if (o != NULL) {
        ub_ctx_delete(o->ctx);
        free(o);
    }
}

void observe_until(struct observe *o, int64_t until_ms)
{
    o->until_ms = until_ms;
}

int observe_left_ms(const struct observe *o)
{
    int left = o->until_ms == 0 ? o->deadline_ms : clock_left_ms(o->until_ms);
    return left < o->deadline_ms ? left : o->deadline_ms;
}

static void arrived(void *arg, int err, struct ub_result *result)
{
    struct pending *p = arg;
    *p = (struct pending){.done = true, .err = err, .result = result};
}

/* Waits for the answer or for the deadline, after which it is not wanted any more. */
static void ask(struct observe *o, const char *name, ldns_rr_type type, struct pending *p)
{
    int id = 0;
    int64_t deadline = clock_monotonic_ms() + observe_left_ms(o);
    p->err = ub_resolve_async(o->ctx, name, (int)type, LDNS_RR_CLASS_IN, p, arrived, &id);
    if (p->err != 0)
        return;
    while (!p->done && clock_left_ms(deadline) > 0) {
        struct pollfd fd = {.fd = ub_fd(o->ctx), .events = POLLIN};
        if (poll(&fd, 1, clock_left_ms(deadline)) < 0 && errno != EINTR)
            break;
        (void)ub_process(o->ctx);
    }
    if (!p->done)
        (void)ub_cancel(o->ctx, id);
}

static void judge(const struct ub_result *r, struct observe_answer *a)
{
    a->security = r->bogus ? OBSERVE_BOGUS : r->secure ? OBSERVE_SECURE : OBSERVE_INSECURE;
    a->rcode = r->rcode;
    if (r->bogus)
        answer_error(a, "bogus: %s", r->why_bogus != NULL && r->why_bogus[0] != '\0' ? r->why_bogus : "does not validate");
    else if (r->rcode != LDNS_RCODE_NOERROR && r->rcode != LDNS_RCODE_NXDOMAIN)
        answer_error(a, "%s", observe_rcode_name(r->rcode));
}

int observe_resolve(struct observe *o, const char *name, ldns_rr_type type, struct observe_answer *out)
{
    struct pending p = {0};
    ldns_pkt *pkt = NULL;
    bool good = true;
    *out = (struct observe_answer){.name = strdup(name), .type = type};
    if (out->name == NULL)
        return ZEGEL_ERR_NOMEM;
    ask(o, name, type, &p);
    out->time_s = clock_wall_s();
    if (p.err != 0)
        answer_error(out, "%s", ub_strerror(p.err));
    else if (!p.done)
        answer_error(out, "no answer within %d ms", o->deadline_ms);
    else
        judge(p.result, out);
    if (out->error == NULL && ldns_wire2pkt(&pkt, p.result->answer_packet, (size_t)p.result->answer_len) != LDNS_STATUS_OK)
        answer_error(out, "an answer that cannot be read");
    if (out->error == NULL)
        good = answer_read(pkt, out);
    ldns_pkt_free(pkt);
    ub_resolve_free(p.result);
    return good ? ZEGEL_OK : ZEGEL_ERR_NOMEM;
}

/* RDATA of a TXT record: length-prefixed strings (RFC 1035 §3.3.14). */
static bool add_strings(struct bytes rdata, struct buf *text)
{
    for (size_t at = 0; at < rdata.len;) {
        size_t len = rdata.data[at];
        if (at + 1 + len > rdata.len)
            return false;
        buf_add(text, bytes_slice(rdata, at + 1, at + 1 + len));
        at += 1 + len;
    }
    return true;
}

static void read_txt(const struct ub_result *r, struct observe_txt *out)
{
    while (r->havedata && r->data[out->count] != NULL)
        out->count++;
    if (out->count > 0 && !add_strings(bytes_of(r->data[0], (size_t)r->len[0]), &out->text))
        out->error = strdup("a TXT record that cannot be read");
}

int observe_txt(struct observe *o, const char *name, struct observe_txt *out)
{
    struct pending p = {0};
    struct observe_answer a = {.security = OBSERVE_UNCHECKED};
    *out = (struct observe_txt){.text = BUF_INIT};
    ask(o, name, LDNS_RR_TYPE_TXT, &p);
    if (p.err != 0)
        answer_error(&a, "%s", ub_strerror(p.err));
    else if (!p.done)
        answer_error(&a, "no answer within %d ms", o->deadline_ms);
    else
        judge(p.result, &a);
    out->security = a.security;
    out->error = a.error;
    if (out->error == NULL && p.done)
        read_txt(p.result, out);
    bool good = !out->text.failed && (p.done || out->error != NULL);
    ub_resolve_free(p.result);
    return good ? ZEGEL_OK : ZEGEL_ERR_NOMEM;
}

void observe_txt_clear(struct observe_txt *t)
{
    free(t->error);
    buf_free(&t->text);
    *t = (struct observe_txt){.text = BUF_INIT};
}
