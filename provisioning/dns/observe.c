#include "dns/observe.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "dns/answer.h"
#include "dns/resolve.h"

/* More than any zone has: NS names, addresses in all, CNAMEs in a row. */
enum { SERVERS_MAX = 64, HOPS_MAX = 8, UDP_SIZE = 1232 };

static struct observe_answer *add_answer(struct observe_answers *all, const char *name, ldns_rr_type type)
{
    struct observe_answer *more = realloc(all->list, (all->count + 1) * sizeof *more);
    if (more == NULL)
        return NULL;
    all->list = more;
    all->list[all->count] = (struct observe_answer){.name = strdup(name), .type = type, .time_s = clock_wall_s()};
    return all->list[all->count].name == NULL ? NULL : &all->list[all->count++];
}

int observe_zone(struct observe *o, const char *name, struct observe_answer *ns)
{
    for (const char *at = name; at != NULL; at = strchr(at, '.') == NULL ? NULL : strchr(at, '.') + 1) {
        int err = observe_resolve(o, at, LDNS_RR_TYPE_NS, ns);
        if (err != ZEGEL_OK || ns->error != NULL || (ns->count > 0 && ns->alias == NULL))
            return err;
        observe_answer_clear(ns);
    }
    return ZEGEL_ERR_NOT_FOUND;
}

static ldns_resolver *resolver_for(const char *address, int deadline_ms)
{
    ldns_resolver *r = ldns_resolver_new();
    ldns_rdf *rdf = ldns_rdf_new_frm_str(strchr(address, ':') == NULL ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA, address);
    if (r == NULL || rdf == NULL || ldns_resolver_push_nameserver(r, rdf) != LDNS_STATUS_OK) {
        ldns_resolver_deep_free(r);
        r = NULL;
    } else {
        ldns_resolver_set_recursive(r, false);
        ldns_resolver_set_retry(r, 2);
        ldns_resolver_set_timeout(r, (struct timeval){.tv_sec = deadline_ms / 2000, .tv_usec = deadline_ms % 2000 * 500});
        ldns_resolver_set_edns_udp_size(r, UDP_SIZE);
        ldns_resolver_set_fallback(r, true); /* truncated: once more by TCP */
    }
    ldns_rdf_deep_free(rdf);
    return r;
}

/* Is it the answer to this question, by someone who is in charge of the zone? ldns does not compare what comes back. */
static void check_reply(const ldns_pkt *question, const ldns_pkt *reply, struct observe_answer *a)
{
    const ldns_rr_list *asked = ldns_pkt_question(question), *answered = ldns_pkt_question(reply);
    a->rcode = ldns_pkt_get_rcode(reply);
    if (!ldns_pkt_qr(reply) || ldns_pkt_id(question) != ldns_pkt_id(reply) || ldns_rr_list_rr_count(answered) != 1 ||
        ldns_rr_compare(ldns_rr_list_rr(asked, 0), ldns_rr_list_rr(answered, 0)) != 0)
        answer_error(a, "answers another question");
    else if (a->rcode != LDNS_RCODE_NOERROR && a->rcode != LDNS_RCODE_NXDOMAIN)
        answer_error(a, "%s", observe_rcode_name(a->rcode));
    else if (!ldns_pkt_aa(reply))
        answer_error(a, "not authoritative for this zone (lame)");
    else if (ldns_pkt_tc(reply))
        answer_error(a, "truncated, also by TCP");
}

/* A server that is down would cost its deadline for each name that it should know. */
static bool is_silent(const struct observe *o, const char *address)
{
    for (unsigned i = 0; i < o->silent_count; i++)
        if (strcmp(o->silent[i], address) == 0)
            return true;
    return false;
}

static void note_silent(struct observe *o, const char *address, struct observe_answer *a)
{
    answer_error(a, "no answer");
    if (o->silent_count < OBSERVE_SILENT_MAX)
        (void)snprintf(o->silent[o->silent_count++], OBSERVE_ADDRESS_MAX, "%s", address);
}

static bool ask_server(struct observe *o, const char *address, struct observe_answer *a)
{
    ldns_resolver *r = resolver_for(address, observe_left_ms(o));
    ldns_rdf *name = ldns_dname_new_frm_str(a->name);
    ldns_pkt *question = NULL, *reply = NULL;
    bool good = true;
    if (observe_left_ms(o) == 0)
        answer_error(a, "no time left to ask");
    else if (is_silent(o, address))
        answer_error(a, "no answer");
    else if (r == NULL || name == NULL ||
             ldns_resolver_prepare_query_pkt(&question, r, name, a->type, LDNS_RR_CLASS_IN, 0) != LDNS_STATUS_OK)
        answer_error(a, "the question cannot be asked");
    else if (ldns_resolver_send_pkt(&reply, r, question) != LDNS_STATUS_OK || reply == NULL)
        note_silent(o, address, a);
    else
        check_reply(question, reply, a);
    a->time_s = clock_wall_s();
    if (a->error == NULL)
        good = answer_read(reply, a);
    ldns_pkt_free(question);
    ldns_pkt_free(reply);
    ldns_rdf_deep_free(name);
    ldns_resolver_deep_free(r);
    return good;
}

static char *server_name(const char *ns, const char *address)
{
    char *name;
    return asprintf(&name, "%s %s", ns, address) < 0 ? NULL : name;
}

/* Every address of one server. One without any is an answer with an error: nobody can ask it. */
static int ask_addresses(struct observe *o, const char *ns, const char *name, ldns_rr_type type, struct observe_answers *all)
{
    static const ldns_rr_type families[] = {LDNS_RR_TYPE_A, LDNS_RR_TYPE_AAAA};
    unsigned before = all->count;
    int err = ZEGEL_OK;
    for (unsigned f = 0; err == ZEGEL_OK && f < 2; f++) {
        struct observe_answer addresses;
        err = observe_resolve(o, ns, families[f], &addresses);
        for (unsigned i = 0; err == ZEGEL_OK && i < addresses.count && all->count < SERVERS_MAX; i++) {
            struct observe_answer *a = add_answer(all, name, type);
            if (a == NULL || (a->server = server_name(addresses.name, addresses.records[i])) == NULL ||
                !ask_server(o, addresses.records[i], a))
                err = ZEGEL_ERR_NOMEM;
        }
        observe_answer_clear(&addresses);
    }
    if (err == ZEGEL_OK && all->count == before && all->count < SERVERS_MAX) {
        struct observe_answer *a = add_answer(all, name, type);
        if (a == NULL || (a->server = strdup(ns)) == NULL)
            return ZEGEL_ERR_NOMEM;
        answer_error(a, "its address cannot be found");
    }
    return err;
}

static int ask_zone(struct observe *o, const char *name, ldns_rr_type type, struct observe_answers *all)
{
    struct observe_answer ns = {0};
    int err = observe_zone(o, name, &ns);
    if (err == ZEGEL_ERR_NOT_FOUND || (err == ZEGEL_OK && ns.error != NULL)) {
        struct observe_answer *a = add_answer(all, name, type);
        err = a == NULL ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
        if (a != NULL)
            answer_error(a, "its servers cannot be found: %s", ns.error == NULL ? "no NS records" : ns.error);
    }
    for (unsigned i = 0; err == ZEGEL_OK && i < ns.count && all->count < SERVERS_MAX; i++) {
        size_t len = strlen(ns.records[i]);
        if (len > 1 && ns.records[i][len - 1] == '.')
            ns.records[i][len - 1] = '\0';
        err = ask_addresses(o, ns.records[i], name, type, all);
    }
    observe_answer_clear(&ns);
    return err;
}

static bool asked_already(const struct observe_answers *all, const char *name)
{
    for (unsigned i = 0; i < all->count; i++)
        if (strcasecmp(all->list[i].name, name) == 0)
            return true;
    return false;
}

/* The list grows while it is walked: a target that a server names is asked for in its own zone, once. */
int observe_servers(struct observe *o, const char *name, ldns_rr_type type, struct observe_answers *out)
{
    *out = (struct observe_answers){0};
    int err = ask_zone(o, name, type, out);
    unsigned hops = 0;
    for (unsigned i = 0; err == ZEGEL_OK && i < out->count && hops < HOPS_MAX; i++) {
        char *alias = out->list[i].alias;
        if (alias != NULL && !asked_already(out, alias)) {
            hops++;
            err = ask_zone(o, alias, type, out);
        }
    }
    if (err == ZEGEL_OK && out->count >= SERVERS_MAX) /* there may be more, and what they say is not known */
        answer_error(&out->list[out->count - 1], "one of %d servers or more, not all of which were asked", SERVERS_MAX);
    return err;
}
