#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd.h"
#include "dkim/authres.h"
#include "dkim/domain.h"
#include "lookup.h"
#include "message.h"
#include "progress.h"

enum { DNS_DEADLINE_MS = 5000 }; /* for each look-up; there are at most DKIM_SIGNATURES_MAX */

static void print_text(const char *authserv_id, const struct verification *v, bool is_aligned)
{
    uint8_t room[2048];
    struct out line = out_of(room, sizeof room);
    authres_dkim(v, &line);
    (void)printf("Authentication-Results: %s; %.*s%s\n", authserv_id, (int)line.len, (const char *)line.data,
                 is_aligned ? " (From is aligned)" : " (From is not aligned)");
}

static json_t *json_text(struct bytes b)
{
    json_t *j = json_stringn((const char *)b.data, b.len);
    return j == NULL ? json_null() : j; /* not UTF-8, or absent */
}

static json_t *describe(const struct verification *v, bool is_aligned)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:s, s:i, s:b, s:b, s:s}", "result", verify_result_name(v->result), "reason",
                     v->reason, "domain", json_text(v->sig.domain), "selector", json_text(v->sig.selector), "algorithm",
                     dkim_algorithm_name(v->sig.algorithm), "bits", (int)v->bits, "testing", v->testing, "aligned", is_aligned,
                     "dnssec", verify_dnssec_name(v->dnssec));
}

static int report(const struct message *m, const struct cmd_options *o, verify_key_lookup *lookup, void *arg)
{
    struct verification v[VERIFY_RESULTS_MAX];
    progress_begin(o, "looking up the keys", 0);
    size_t n = verify_message(m->dkim, clock_wall_s(), lookup, arg, v);
    progress_end();
    const char *id = o->authserv_id != NULL ? o->authserv_id : "localhost";
    json_t *all = json_array();
    int code = n == 0 ? CMD_NO : CMD_DONE;
    bool later = false;
    for (size_t i = 0; i < n; i++) {
        bool is_aligned = authres_is_aligned(&m->dkim->header, v[i].sig.domain);
        if (!o->json)
            print_text(id, &v[i], is_aligned);
        (void)json_array_append_new(all, describe(&v[i], is_aligned));
        later = later || v[i].result == VERIFY_TEMPERROR;
        if (v[i].result != VERIFY_PASS)
            code = CMD_NO;
    }
    if (o->json)
        cmd_print_json(json_incref(all));
    else if (n == 0)
        (void)printf("Authentication-Results: %s; dkim=none\n", id);
    json_decref(all);
    return later ? CMD_FAULT : code;
}

/* The resolver that the configuration names. It may not be there, unless it was asked for: verifying needs nothing else of it. */
static int open_dns(const struct cmd_options *o, struct observe **dns, struct buf *why)
{
    struct config *c = NULL;
    int err = ZEGEL_OK;
    if (strcmp(o->config, CONFIG_DEFAULT_PATH) != 0 || access(o->config, F_OK) == 0)
        err = config_load(o->config, &c, why);
    if (err == ZEGEL_OK)
        err = observe_open(c == NULL ? NULL : c->dns.resolver, DNS_DEADLINE_MS, dns, why);
    config_free(c);
    return err;
}

static int run(int argc, char **argv)
{
    struct cmd_options o;
    struct message m = {.text = BUF_INIT};
    struct buf why = BUF_INIT;
    ldns_zone *zone = NULL;
    struct observe *dns = NULL;
    int code, err = ZEGEL_OK;
    if (!cmd_options(argc, argv, &cmd_verify, &o, &code))
        return code;
    if (o.authserv_id != NULL && !domain_is_valid(bytes_str(o.authserv_id)))
        return cmd_misuse(&cmd_verify, "--authserv-id must be a domain name");
    if (o.zone == NULL)
        err = open_dns(&o, &dns, &why);
    else if ((zone = lookup_zone_read(o.zone, &why)) == NULL)
        err = ZEGEL_ERR_USAGE;
    if (err == ZEGEL_OK)
        err = message_read(STDIN_FILENO, &m, &why);
    if (err == ZEGEL_OK)
        code = zone != NULL ? report(&m, &o, lookup_in_zone, zone) : report(&m, &o, lookup_in_dns, dns);
    else
        code = cmd_fail(&cmd_verify, err, buf_cstr(&why));
    message_free(&m);
    observe_close(dns);
    if (zone != NULL)
        ldns_zone_deep_free(zone);
    buf_free(&why);
    return code;
}

const struct cmd cmd_verify = {NULL, "verify", run, "[--zone FILE] [--authserv-id ID] [--json] <MESSAGE",
                               "Verify every DKIM signature of one message."};
