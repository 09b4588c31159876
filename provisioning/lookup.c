#include "lookup.h"

#include <errno.h>
#include <stdio.h>

#include "base/err.h"

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

enum verify_key_status lookup_in_zone(void *arg, const char *name, struct verify_key *key)
{
    ldns_rr_list *rrs = ldns_zone_rrs(arg);
    unsigned found = 0;
    ldns_rdf *owner = ldns_dname_new_frm_str(name);
    for (size_t i = 0; owner != NULL && i < ldns_rr_list_rr_count(rrs); i++) {
        ldns_rr *rr = ldns_rr_list_rr(rrs, i);
        if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_TXT || ldns_dname_compare(ldns_rr_owner(rr), owner) != 0)
            continue;
        found++;
        for (size_t j = 0; j < ldns_rr_rd_count(rr); j++) { /* strings, without spaces between (RFC 6376 §3.6.2.2) */
            ldns_rdf *rd = ldns_rr_rdf(rr, j);
            out_add(&key->txt, bytes_slice(bytes_of(ldns_rdf_data(rd), ldns_rdf_size(rd)), 1, SIZE_MAX)); /* behind its length */
        }
    }
    ldns_rdf_deep_free(owner);
    return found == 1 ? VERIFY_KEY_FOUND : found == 0 ? VERIFY_KEY_NONE : VERIFY_KEY_MANY;
}

static enum verify_dnssec dnssec_of(enum observe_security s)
{
    return s == OBSERVE_SECURE ? VERIFY_DNSSEC_SECURE : s == OBSERVE_BOGUS ? VERIFY_DNSSEC_BOGUS : VERIFY_DNSSEC_INSECURE;
}

enum verify_key_status lookup_in_dns(void *arg, const char *name, struct verify_key *key)
{
    struct observe_txt t;
    enum verify_key_status status = VERIFY_KEY_TRY_LATER;
    int err = observe_txt(arg, name, &t);
    if (t.security != OBSERVE_UNCHECKED)
        key->dnssec = dnssec_of(t.security);
    if (err == ZEGEL_OK && t.error == NULL)
        status = t.count == 1 ? VERIFY_KEY_FOUND : t.count == 0 ? VERIFY_KEY_NONE : VERIFY_KEY_MANY;
    if (status == VERIFY_KEY_FOUND)
        out_add(&key->txt, buf_bytes(&t.text));
    observe_txt_clear(&t);
    return status;
}
