#include "lookup.h"

#include <errno.h>
#include <stdio.h>
#include <unbound.h>

static bool owner_name(struct bytes selector, struct bytes domain, char out[600])
{
    int n = snprintf(out, 600, "%.*s._domainkey.%.*s.", (int)selector.len, (const char *)selector.data, (int)domain.len,
                     (const char *)domain.data);
    return n > 0 && n < 600;
}

/* RDATA of a TXT record: length-prefixed strings, concatenated without spaces (RFC 6376 §3.6.2.2). */
static bool add_strings(struct bytes rdata, struct out *txt)
{
    for (size_t at = 0; at < rdata.len;) {
        size_t len = rdata.data[at];
        if (at + 1 + len > rdata.len)
            return false;
        out_add(txt, bytes_slice(rdata, at + 1, at + 1 + len));
        at += 1 + len;
    }
    return true;
}

ldns_zone *lookup_zone_read(const char *path, struct buf *why)
{
    ldns_zone *zone = NULL;
    int line = 0;
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        buf_addf(why, "%s: %s", path, strerror(errno));
        return NULL;
    }
    ldns_rr_list *list = ldns_rr_list_new();
    ldns_rdf *origin = NULL, *previous = NULL;
    uint32_t ttl = 3600;
    ldns_status s = LDNS_STATUS_OK;
    while (list != NULL && !feof(f)) { /* record by record: a fragment without SOA is good enough */
        ldns_rr *rr = NULL;
        s = ldns_rr_new_frm_fp_l(&rr, f, &ttl, &origin, &previous, &line);
        if (s == LDNS_STATUS_OK)
            (void)ldns_rr_list_push_rr(list, rr);
        else if (s != LDNS_STATUS_SYNTAX_EMPTY && s != LDNS_STATUS_SYNTAX_TTL && s != LDNS_STATUS_SYNTAX_ORIGIN)
            break;
        s = LDNS_STATUS_OK;
    }
    (void)fclose(f);
    ldns_rdf_deep_free(origin);
    ldns_rdf_deep_free(previous);
    if (s != LDNS_STATUS_OK)
        buf_addf(why, "%s:%d: %s", path, line, ldns_get_errorstr_by_id(s));
    else
        zone = ldns_zone_new();
    if (zone == NULL) {
        ldns_rr_list_deep_free(list);
    } else {
        ldns_rr_list_free(ldns_zone_rrs(zone)); /* the empty one it was born with */
        ldns_zone_set_rrs(zone, list);
    }
    return zone;
}

enum verify_key_status lookup_in_zone(void *arg, struct bytes selector, struct bytes domain, struct out *txt)
{
    ldns_rr_list *rrs = ldns_zone_rrs(arg);
    char name[600];
    unsigned found = 0;
    if (!owner_name(selector, domain, name))
        return VERIFY_KEY_NONE;
    ldns_rdf *owner = ldns_dname_new_frm_str(name);
    for (size_t i = 0; owner != NULL && i < ldns_rr_list_rr_count(rrs); i++) {
        ldns_rr *rr = ldns_rr_list_rr(rrs, i);
        if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_TXT || ldns_dname_compare(ldns_rr_owner(rr), owner) != 0)
            continue;
        found++;
        for (size_t j = 0; j < ldns_rr_rd_count(rr); j++) {
            ldns_rdf *rd = ldns_rr_rdf(rr, j);
            (void)add_strings(bytes_of(ldns_rdf_data(rd), ldns_rdf_size(rd)), txt);
        }
    }
    ldns_rdf_deep_free(owner);
    return found == 1 ? VERIFY_KEY_FOUND : VERIFY_KEY_NONE; /* RFC 6376 §3.6.2.2: several are undefined */
}

enum verify_key_status lookup_in_dns(void *unused, struct bytes selector, struct bytes domain, struct out *txt)
{
    struct ub_result *r = NULL;
    enum verify_key_status status = VERIFY_KEY_TRY_LATER;
    char name[600];
    (void)unused;
    if (!owner_name(selector, domain, name))
        return VERIFY_KEY_NONE;
    struct ub_ctx *ctx = ub_ctx_create();
    if (ctx != NULL && ub_ctx_resolvconf(ctx, NULL) == 0 && ub_resolve(ctx, name, LDNS_RR_TYPE_TXT, LDNS_RR_CLASS_IN, &r) == 0 &&
        !r->bogus && (r->rcode == LDNS_RCODE_NOERROR || r->rcode == LDNS_RCODE_NXDOMAIN)) {
        status = VERIFY_KEY_NONE;
        if (r->havedata && r->data[0] != NULL && r->data[1] == NULL && add_strings(bytes_of(r->data[0], (size_t)r->len[0]), txt))
            status = VERIFY_KEY_FOUND;
    }
    ub_resolve_free(r);
    ub_ctx_delete(ctx);
    return status;
}
