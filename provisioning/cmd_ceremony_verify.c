/* zegel ceremony verify: what zegel-ceremony-verify checks, and then the world: live DNS, and the audit log of zegeld. */
#include <stdio.h>
#include <string.h>

#include "audit/verify.h"
#include "ceremony/lines.h"
#include "ceremony/verify.h"
#include "cmd.h"
#include "dns/observe.h"

enum { DEADLINE_MS = 5000 };

/* ---- DNS ---- */

static int ask_dns(void *arg, const char *name, json_t *texts, enum verify_dnssec *dnssec, struct buf *why)
{
    struct observe_txt t = {0};
    int err = observe_txt(arg, name, &t);
    if (err == ZEGEL_OK && t.error != NULL) {
        buf_addf(why, "DNS: %s: %s", name, t.error);
        err = t.security == OBSERVE_BOGUS ? ZEGEL_ERR_REFUSED : ZEGEL_ERR_SYSTEM;
    }
    *dnssec = t.security == OBSERVE_SECURE ? VERIFY_DNSSEC_SECURE : VERIFY_DNSSEC_INSECURE;
    for (unsigned i = 0; err == ZEGEL_OK && i < t.count;
         i++) /* one text, so many times: more than one is wrong whatever it says */
        (void)json_array_append_new(texts, i > 0 ? json_null() : json_stringn((const char *)t.text.data, t.text.len));
    if (err == ZEGEL_OK && json_array_size(texts) != t.count) {
        buf_addf(why, "DNS: %s: the TXT record is no text", name);
        err = ZEGEL_ERR_REFUSED;
    }
    observe_txt_clear(&t);
    return err;
}

/* ---- the audit log ---- */

/* Signatures only: a refusal used no key. */
static bool note_signing(void *arg, uint64_t number, struct bytes record)
{
    json_t *all = arg, *r = json_loadb((const char *)record.data, record.len, 0, NULL);
    const char *domain = json_string_value(json_object_get(r, "d")), *selector = json_string_value(json_object_get(r, "s")),
               *verdict = json_string_value(json_object_get(r, "verdict"));
    json_int_t time = json_integer_value(json_object_get(r, "time"));
    struct buf label = BUF_INIT;
    (void)number;
    if (domain != NULL && selector != NULL && verdict != NULL && strcmp(verdict, "signed") == 0) {
        buf_addf(&label, "%s/%s", domain, selector);
        json_t *life = json_object_get(all, buf_cstr(&label));
        json_int_t count = json_integer_value(json_object_get(life, "count")),
                   first = life == NULL ? time : json_integer_value(json_object_get(life, "first")),
                   last = life == NULL ? time : json_integer_value(json_object_get(life, "last"));
        (void)json_object_set_new(all, buf_cstr(&label),
                                  json_pack("{s:I, s:I, s:I}", "count", count + 1, "first", time < first ? time : first, "last",
                                            time > last ? time : last));
    }
    buf_free(&label);
    json_decref(r);
    return true;
}

static int read_audit(const struct cmd_options *o, struct verify_options *v, struct buf *why)
{
    struct note_key key;
    struct audit_report r;
    if (o->audit == NULL)
        return ZEGEL_OK;
    if (o->key == NULL || !note_key_parse(bytes_str(o->key), &key)) {
        buf_add_str(why, "--audit needs --key, the log's public key as zegel audit key prints it");
        return ZEGEL_ERR_USAGE;
    }
    v->audit = o->audit;
    v->signings = json_object();
    return audit_verify(o->audit, &key, note_signing, v->signings, &r, why);
}

static int run_verify(int argc, char **argv)
{
    const struct cmd *cmd = &cmd_ceremony_verify;
    struct cmd_options o;
    struct observe *observe = NULL;
    struct buf why = BUF_INIT, report = BUF_INIT;
    int code;
    if (!cmd_options(argc, argv, cmd, &o, &code))
        return code;
    if (optind != argc - 1)
        return cmd_misuse(cmd, "needs the ceremony's directory");
    struct verify_options options = {.previous = o.previous, .trust = o.trust, .tsa = o.tsa, .zone = o.zone};
    int err = read_audit(&o, &options, &why);
    if (err == ZEGEL_OK && (o.dns || o.resolver != NULL)) {
        err = observe_open(o.resolver, DEADLINE_MS, &observe, &why);
        options.dns = ask_dns;
        options.dns_arg = observe;
    }
    if (err == ZEGEL_OK)
        err = verify_transcript(argv[optind], &options, NULL, &report, &why);
    if (o.json)
        cmd_print_json(lines_verdict(argv[optind], err == ZEGEL_OK, buf_bytes(&report), buf_cstr(&why)));
    else if (err == ZEGEL_OK)
        (void)printf("%spass: %s\n", buf_cstr(&report), argv[optind]);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(cmd, err, buf_cstr(&why));
    if (err == ZEGEL_ERR_FORMAT || err == ZEGEL_ERR_BAD_SIGNATURE || err == ZEGEL_ERR_KEY_UNUSABLE)
        code = CMD_NO;
    if (observe != NULL)
        observe_close(observe);
    json_decref(options.signings);
    buf_free(&report);
    buf_free(&why);
    return code;
}

const struct cmd cmd_ceremony_verify = {
    "ceremony", "verify", run_verify,
    "[--previous DIR] [--trust PEM] [--tsa PEM] [--zone FILE]\n  [--dns [--resolver FILE]] [--audit DIR --key NOTEKEY] [--json] "
    "DIR",
    "Check a transcript: no token, no configuration; a network only for --dns. The auditor's command."};
