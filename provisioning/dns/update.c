#include "dns/update.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "dns/observe.h"

/* RFC 2136 §2.3: classes that are no class. RFC 8945 §3: errors of TSIG, and the clocks may differ by so much. */
enum {
    CLASS_NONE = 254,
    CLASS_ANY = 255,
    TSIG_BADSIG = 16,
    TSIG_BADKEY = 17,
    TSIG_BADTIME = 18,
    FUDGE_S = 300,
    STRING_MAX = 255
};

struct lists {
    ldns_rr_list *before, *change;
};

/* ---- the message ---- */

/* A record of the update's own language: no data unless `txt`. */
static bool add_rr(ldns_rr_list *list, const char *name, int class, ldns_rr_type type, const char *txt, uint32_t ttl)
{
    ldns_rr *rr = ldns_rr_new();
    ldns_rdf *owner = ldns_dname_new_frm_str(name);
    bool good = rr != NULL && owner != NULL;
    if (good) {
        ldns_rr_set_owner(rr, owner);
        owner = NULL;
        ldns_rr_set_class(rr, (ldns_rr_class) class);
        ldns_rr_set_type(rr, type);
        ldns_rr_set_ttl(rr, ttl);
    }
    for (size_t at = 0, len = txt == NULL ? 0 : strlen(txt); good && at < len; at += STRING_MAX) {
        uint8_t string[1 + STRING_MAX];
        string[0] = (uint8_t)(len - at < STRING_MAX ? len - at : STRING_MAX);
        memcpy(string + 1, txt + at, string[0]);
        ldns_rdf *rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, 1U + string[0], string);
        good = rdf != NULL && ldns_rr_push_rdf(rr, rdf);
    }
    good = good && ldns_rr_list_push_rr(list, rr);
    ldns_rdf_deep_free(owner);
    if (!good)
        ldns_rr_free(rr);
    return good;
}

/* RFC 2136 §2.4 what must be there before, §2.5 what is then done. */
static bool fill(const struct update_change *c, struct lists *l)
{
    l->before = ldns_rr_list_new();
    l->change = ldns_rr_list_new();
    if (l->before == NULL || l->change == NULL)
        return false;
    if (!(c->before == NULL ? add_rr(l->before, c->name, CLASS_NONE, LDNS_RR_TYPE_ANY, NULL, 0)
                            : add_rr(l->before, c->name, LDNS_RR_CLASS_IN, LDNS_RR_TYPE_TXT, c->before, 0)))
        return false;
    if (c->before != NULL && !add_rr(l->change, c->name, CLASS_ANY, LDNS_RR_TYPE_TXT, NULL, 0))
        return false;
    return c->wanted == NULL || add_rr(l->change, c->name, LDNS_RR_CLASS_IN, LDNS_RR_TYPE_TXT, c->wanted, c->ttl);
}

static ldns_pkt *make(const struct update_server *s, const struct update_change *c)
{
    struct lists l = {NULL, NULL};
    ldns_rdf *zone = ldns_dname_new_frm_str(c->zone);
    char algorithm[32];
    ldns_pkt *pkt = NULL;
    (void)snprintf(algorithm, sizeof algorithm, "%s.", s->algorithm);
    if (zone != NULL && fill(c, &l))
        pkt = ldns_update_pkt_new(zone, LDNS_RR_CLASS_IN, l.before, l.change, NULL);
    if (pkt == NULL) {
        ldns_rdf_deep_free(zone);
    } else {
        ldns_pkt_set_random_id(pkt);
        if (ldns_pkt_tsig_sign(pkt, s->key, s->secret, FUDGE_S, algorithm, NULL) != LDNS_STATUS_OK) {
            ldns_pkt_free(pkt);
            pkt = NULL;
        }
    }
    ldns_rr_list_deep_free(l.before);
    ldns_rr_list_deep_free(l.change);
    return pkt;
}

/* ---- the answer ---- */

static bool address_of(const struct update_server *s, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    *out = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, s->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(s->port);
        *len = sizeof *v4;
        return true;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(s->port);
    *len = sizeof *v6;
    return inet_pton(AF_INET6, s->address, &v6->sin6_addr) == 1;
}

/* The error field of the answer's TSIG (RFC 8945 §4.2), or 0. */
static unsigned tsig_error(const ldns_pkt *reply)
{
    const ldns_rr *tsig = ldns_pkt_tsig(reply);
    const ldns_rdf *field = tsig == NULL || ldns_rr_rd_count(tsig) < 6 ? NULL : ldns_rr_rdf(tsig, 5);
    return field == NULL || ldns_rdf_size(field) != 2 ? 0 : ldns_read_uint16(ldns_rdf_data(field));
}

static int refused(const struct update_server *s, const ldns_pkt *reply, struct buf *why)
{
    switch (tsig_error(reply)) {
    case TSIG_BADKEY: buf_addf(why, "%s does not know the TSIG key %s, or not with %s", s->address, s->key, s->algorithm); break;
    case TSIG_BADSIG: buf_addf(why, "%s has another secret for the TSIG key %s", s->address, s->key); break;
    case TSIG_BADTIME: buf_addf(why, "%s: its clock and ours differ by more than %d s", s->address, FUDGE_S); break;
    default: buf_addf(why, "%s refused the update: %s", s->address, observe_rcode_name(ldns_pkt_get_rcode(reply))); break;
    }
    return ZEGEL_ERR_REFUSED;
}

/* An error that is not signed moves nothing, so it is only reported; a success must be signed. */
static int judge(const struct update_server *s, ldns_pkt *question, ldns_pkt *reply, struct bytes wire, struct buf *why)
{
    int rcode = ldns_pkt_get_rcode(reply);
    if (ldns_pkt_id(reply) != ldns_pkt_id(question) || !ldns_pkt_qr(reply) || ldns_pkt_get_opcode(reply) != LDNS_PACKET_UPDATE) {
        buf_addf(why, "%s answered something else", s->address);
        return ZEGEL_ERR_FORMAT;
    }
    if (ldns_pkt_tc(reply)) {
        buf_addf(why, "%s: its answer is truncated", s->address);
        return ZEGEL_ERR_FORMAT;
    }
    if (rcode == LDNS_RCODE_YXDOMAIN || rcode == LDNS_RCODE_YXRRSET || rcode == LDNS_RCODE_NXRRSET ||
        rcode == LDNS_RCODE_NXDOMAIN) {
        buf_addf(why, "%s: what must be there before is not (%s)", s->address, observe_rcode_name(rcode));
        return ZEGEL_ERR_EXISTS;
    }
    if (rcode != LDNS_RCODE_NOERROR)
        return refused(s, reply, why);
    if (ldns_pkt_tsig(reply) != NULL &&
        ldns_pkt_tsig_verify(reply, wire.data, wire.len, s->key, s->secret, ldns_rr_rdf(ldns_pkt_tsig(question), 3)))
        return ZEGEL_OK;
    buf_addf(why, "%s: its answer is not signed by the TSIG key %s", s->address, s->key);
    return ZEGEL_ERR_FORMAT;
}

static int exchange(const struct update_server *s, ldns_pkt *question, struct buf *why)
{
    struct timeval deadline = {.tv_sec = s->deadline_ms / 1000, .tv_usec = s->deadline_ms % 1000 * 1000};
    ldns_buffer *out = ldns_buffer_new(LDNS_MIN_BUFLEN);
    struct sockaddr_storage to;
    socklen_t to_len = 0;
    uint8_t *wire = NULL;
    size_t len = 0;
    ldns_pkt *reply = NULL;
    int err = ZEGEL_ERR_NOMEM;
    if (out == NULL || ldns_pkt2buffer_wire(out, question) != LDNS_STATUS_OK) {
        buf_addf(why, "the update cannot be made");
    } else if (!address_of(s, &to, &to_len)) {
        buf_addf(why, "%s is no address", s->address);
        err = ZEGEL_ERR_CONFIG;
    } else if (ldns_tcp_send(&wire, out, &to, to_len, deadline, &len) != LDNS_STATUS_OK) {
        buf_addf(why, "%s port %u: no answer to the update", s->address, s->port);
        err = ZEGEL_ERR_TIMEOUT;
    } else if (ldns_wire2pkt(&reply, wire, len) != LDNS_STATUS_OK) {
        buf_addf(why, "%s: an answer that cannot be read", s->address);
        err = ZEGEL_ERR_FORMAT;
    } else {
        err = judge(s, question, reply, bytes_of(wire, len), why);
    }
    ldns_pkt_free(reply);
    LDNS_FREE(wire);
    ldns_buffer_free(out);
    return err;
}

int update_send(const struct update_server *s, const struct update_change *c, struct buf *why)
{
    ldns_pkt *question = make(s, c);
    if (question == NULL) {
        buf_addf(why, "the update of %s cannot be made: is the TSIG secret base64?", c->name);
        return ZEGEL_ERR_CONFIG;
    }
    int err = exchange(s, question, why);
    ldns_pkt_free(question);
    return err;
}
