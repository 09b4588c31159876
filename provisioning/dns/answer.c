#include "dns/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALIASES_MAX = 16 };

static char *take_text(struct buf *b)
{
    char *text = b->failed ? NULL : strdup(buf_cstr(b));
    buf_free(b);
    return text;
}

void answer_error(struct observe_answer *a, const char *fmt, ...)
{
    va_list ap;
    if (a->error != NULL)
        return;
    va_start(ap, fmt);
    if (vasprintf(&a->error, fmt, ap) < 0)
        a->error = NULL;
    va_end(ap);
}

char *answer_name(const ldns_rdf *dname)
{
    char *text = ldns_rdf2str(dname);
    if (text == NULL)
        return NULL;
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)ascii_lower((uint8_t)text[i]);
    if (len > 1 && text[len - 1] == '.')
        text[len - 1] = '\0';
    return text;
}

static void add_string(struct buf *out, const uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] < 0x20 || s[i] >= 0x7f)
            buf_addf(out, "\\%03u", s[i]);
        else
            buf_add_u8(out, s[i]);
}

static char *txt_text(const ldns_rr *rr)
{
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *rd = ldns_rr_rdf(rr, i);
        const uint8_t *data = ldns_rdf_data(rd);
        if (ldns_rdf_size(rd) > 0)
            add_string(&out, data + 1, ldns_rdf_size(rd) - 1);
    }
    return take_text(&out);
}

static char *rdata_text(const ldns_rr *rr)
{
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        char *part = ldns_rdf2str(ldns_rr_rdf(rr, i));
        buf_addf(&out, "%s%s", i > 0 ? " " : "", part == NULL ? "?" : part);
        LDNS_FREE(part);
    }
    return take_text(&out);
}

static bool add_record(struct observe_answer *a, const ldns_rr *rr)
{
    char **more = realloc(a->records, (a->count + 1) * sizeof *more);
    if (more == NULL)
        return false;
    a->records = more;
    a->records[a->count] = a->type == LDNS_RR_TYPE_TXT ? txt_text(rr) : rdata_text(rr);
    if (a->records[a->count] == NULL)
        return false;
    a->count++;
    if (a->type == LDNS_RR_TYPE_TXT && ldns_rr_rd_count(rr) > a->strings)
        a->strings = (unsigned)ldns_rr_rd_count(rr);
    return true;
}

static void lower_ttl(struct observe_answer *a, bool *seen, uint32_t ttl)
{
    if (!*seen || ttl < a->ttl)
        a->ttl = ttl;
    *seen = true;
}

/* RFC 2308 §5: the lesser of the SOA's own TTL and its MINIMUM. */
static void negative_ttl(const ldns_pkt *pkt, struct observe_answer *a)
{
    const ldns_rr_list *authority = ldns_pkt_authority(pkt);
    for (size_t i = 0; i < ldns_rr_list_rr_count(authority); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(authority, i);
        if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA && ldns_rr_rd_count(rr) >= 7) {
            uint32_t minimum = ldns_rdf2native_int32(ldns_rr_rdf(rr, 6));
            a->ttl = ldns_rr_ttl(rr) < minimum ? ldns_rr_ttl(rr) : minimum;
        }
    }
}

/* The CNAME of this owner in the answer, or NULL. */
static const ldns_rr *find_alias(const ldns_rr_list *answer, const ldns_rdf *owner)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);
        if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME && ldns_rr_rd_count(rr) == 1 &&
            ldns_dname_compare(ldns_rr_owner(rr), owner) == 0)
            return rr;
    }
    return NULL;
}

bool answer_read(const ldns_pkt *pkt, struct observe_answer *a)
{
    const ldns_rr_list *answer = ldns_pkt_answer(pkt);
    ldns_rdf *asked = ldns_dname_new_frm_str(a->name);
    const ldns_rdf *owner = asked;
    const ldns_rr *alias = NULL;
    bool seen = false, good = asked != NULL;
    a->rcode = ldns_pkt_get_rcode(pkt);
    for (unsigned hop = 0; good && a->type != LDNS_RR_TYPE_CNAME && hop < ALIASES_MAX; hop++) {
        const ldns_rr *next = find_alias(answer, owner);
        if (next == NULL)
            break;
        alias = next;
        lower_ttl(a, &seen, ldns_rr_ttl(alias));
        owner = ldns_rr_rdf(alias, 0);
    }
    if (good && alias != NULL)
        good = (a->alias = answer_name(owner)) != NULL;
    for (size_t i = 0; good && i < ldns_rr_list_rr_count(answer); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);
        if (ldns_rr_get_type(rr) != a->type || ldns_dname_compare(ldns_rr_owner(rr), owner) != 0)
            continue;
        lower_ttl(a, &seen, ldns_rr_ttl(rr));
        good = add_record(a, rr);
    }
    if (!seen)
        negative_ttl(pkt, a);
    ldns_rdf_deep_free(asked);
    return good;
}

void observe_answer_clear(struct observe_answer *a)
{
    for (unsigned i = 0; i < a->count; i++)
        free(a->records[i]);
    free(a->records);
    free(a->name);
    free(a->server);
    free(a->error);
    free(a->alias);
    *a = (struct observe_answer){0};
}

void observe_answers_clear(struct observe_answers *a)
{
    for (unsigned i = 0; i < a->count; i++)
        observe_answer_clear(&a->list[i]);
    free(a->list);
    *a = (struct observe_answers){0};
}

const char *observe_security_name(enum observe_security s)
{
    static const char *const names[] = {"unchecked", "insecure", "secure", "bogus"};
    return names[s];
}

const char *observe_rcode_name(int rcode)
{
    static const char *const names[] = {"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
                                        "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE"};
    return rcode >= 0 && rcode < (int)(sizeof names / sizeof names[0]) ? names[rcode] : "?";
}
