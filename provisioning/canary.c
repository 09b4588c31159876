#include "canary.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "dkim/domain.h"
#include "dkim/sign.h"
#include "lookup.h"
#include "mta.h"

enum { DEADLINE_MS = 20000, SHOWN_MAX = 255 };

static const char body[] = "This message asks whether mail of this domain is signed. Nobody gets it.\r\n";

/* The message as it would arrive: what the daemon added stands above what was there. */
static bool assemble(struct dkim_sign *s, const struct mta_message *m, const struct mta_answer *a)
{
    dkim_sign_start(s);
    for (unsigned i = a->added_count; i > 0; i--)
        header_add(&s->header, bytes_str(a->added[i - 1].name), bytes_str(a->added[i - 1].value));
    for (unsigned i = 0; i < m->fields_count; i++)
        header_add(&s->header, bytes_str(m->fields[i].name), bytes_str(m->fields[i].value));
    dkim_sign_body_start(s, true, true);
    dkim_sign_body(s, bytes_str(m->body));
    return dkim_sign_body_end(s);
}

static bool is_by(const struct verification *v, const struct config_key *k)
{
    return bytes_ieq(v->sig.selector, bytes_str(k->selector)) &&
           (v->sig.algorithm == DKIM_RSA_SHA256) == (k->algorithm == CONFIG_RSA_SHA256);
}

/* The first key without exactly one good signature, and what is wrong; NULL: none. */
static const struct config_key *find_bad(const struct config_domain *d, const struct verification *v, size_t n,
                                         const char **fault)
{
    for (unsigned k = 0; k < d->keys_count; k++) {
        unsigned good = 0;
        *fault = "no signature";
        for (size_t i = 0; i < n; i++) {
            if (!is_by(&v[i], &d->keys[k]))
                continue;
            if (v[i].result != VERIFY_PASS)
                *fault = v[i].reason[0] != '\0' ? v[i].reason : verify_result_name(v[i].result);
            else if (!domain_is_within(bytes_str(d->domain), v[i].sig.domain))
                *fault = "d= is not aligned with From";
            else
                good++;
        }
        if (good != 1)
            return &d->keys[k];
    }
    return NULL;
}

/* Of a signature that anybody may have made up: it goes to terminals. */
static void show(struct buf *out, const char *tag, struct bytes value)
{
    buf_add_str(out, tag);
    buf_add_printable(out, bytes_slice(value, 0, SHOWN_MAX));
}

/* A filter that adds anything else, as a second From, changes what people see of a message that verifies. */
static bool adds_signatures_only(const struct mta_answer *a)
{
    for (unsigned i = 0; i < a->added_count; i++)
        if (!bytes_ieq(bytes_str(a->added[i].name), BYTES_LIT("DKIM-Signature")))
            return false;
    return true;
}

static int judge(const struct config_domain *d, const struct mta_message *m, const struct mta_answer *a, struct observe *dns,
                 struct check_canary *out)
{
    struct verification v[VERIFY_RESULTS_MAX];
    struct dkim_sign *s = dkim_sign_new();
    const char *fault = NULL;
    if (s == NULL || !assemble(s, m, a)) {
        dkim_sign_free(s);
        return ZEGEL_ERR_NOMEM;
    }
    observe_until(dns, clock_monotonic_ms() + DEADLINE_MS); /* however long the daemon took */
    size_t n = verify_message(s, clock_wall_s(), lookup_in_dns, dns, v);
    const struct config_key *bad = find_bad(d, v, n, &fault);
    if (n == 0)
        out->fate = CANARY_UNSIGNED;
    else if (bad != NULL) {
        out->fate = CANARY_BAD;
        (void)snprintf(out->selector, sizeof out->selector, "%s", bad->selector);
        (void)snprintf(out->reason, sizeof out->reason, "%s", fault);
    } else
        out->fate = CANARY_GOOD;
    for (size_t i = 0; i < n; i++) {
        show(&out->evidence, "s=", v[i].sig.selector);
        show(&out->evidence, " d=", v[i].sig.domain);
        buf_addf(&out->evidence, ": %s, %s, DNSSEC %s\n", dkim_algorithm_name(v[i].sig.algorithm),
                 verify_result_name(v[i].result), verify_dnssec_name(v[i].dnssec));
    }
    dkim_sign_free(s);
    return out->evidence.failed ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
}

static int offer(const char *listen, const struct config_domain *d, struct observe *dns, struct check_canary *out)
{
    char sender[280], from[300], id[360], date[64] = "";
    struct tm tm;
    time_t now = (time_t)clock_wall_s();
    struct buf why = BUF_INIT;
    struct mta_answer a;
    if (gmtime_r(&now, &tm) != NULL)
        (void)strftime(date, sizeof date, " %a, %d %b %Y %H:%M:%S +0000", &tm); /* no locale was set */
    (void)snprintf(sender, sizeof sender, "zegel-canary@%s", d->domain);
    (void)snprintf(from, sizeof from, " %s", sender);
    (void)snprintf(id, sizeof id, " <%lld.%ld.canary@%s>", (long long)now, random(), d->domain);
    const struct mta_field fields[] = {
        {"From", from}, {"To", from}, {"Date", date}, {"Message-ID", id}, {"Subject", " Zegel asks whether mail is signed"}};
    const struct mta_message m = {
        .sender = sender, .fields = fields, .fields_count = sizeof fields / sizeof fields[0], .body = body};
    out->fate = CANARY_REFUSED;
    int err = mta_offer(listen, &m, clock_monotonic_ms() + DEADLINE_MS, &a, &why);
    (void)snprintf(out->through, sizeof out->through, "%s", listen);
    if (err == ZEGEL_OK && !a.accepted)
        (void)snprintf(out->reason, sizeof out->reason, "%s", buf_cstr(&a.reply));
    else if (err == ZEGEL_OK && !adds_signatures_only(&a))
        (void)snprintf(out->reason, sizeof out->reason, "it adds a field that is no DKIM-Signature");
    else if (err == ZEGEL_OK)
        err = judge(d, &m, &a, dns, out);
    else if (err != ZEGEL_ERR_NOMEM) {
        out->fate = err == ZEGEL_ERR_NOT_FOUND ? CANARY_NOT_TRIED : CANARY_REFUSED;
        (void)snprintf(out->reason, sizeof out->reason, "%s", buf_cstr(&why));
        err = ZEGEL_OK;
    }
    mta_answer_clear(&a);
    buf_free(&why);
    return err;
}

int canary_send(const struct config *c, const struct config_domain *d, struct observe *dns, struct check_canary *out)
{
    int err = ZEGEL_OK;
    *out = (struct check_canary){.fate = CANARY_NOT_TRIED, .reason = "no listen: may sign for this domain"};
    for (unsigned i = 0; err == ZEGEL_OK && out->fate == CANARY_NOT_TRIED && i < c->listen_count; i++)
        if (config_front_end_may(c, c->listen[i], d->domain))
            err = offer(c->listen[i], d, dns, out);
    return err;
}
