/* Are the published records those of the transcript? Going by a zone file that the auditor got, or by DNS as the caller of verify
 * asks it: no network in here. */
#include "base/err.h"
#include "base/io.h"
#include "ceremony/store.h"
#include "ceremony/verify_parts.h"
#include "ceremony/zonefile.h"

static const char revoked[] = "v=DKIM1; p="; /* RFC 6376 §3.6.1 */

/* What is wrong with what is published of one key, or NULL. A key that may sign has to be there; a retired one may still be. */
static const char *wrong_records(enum plan_action a, const json_t *texts, const char *want)
{
    size_t count = json_array_size(texts);
    const char *have = json_string_value(json_array_get(texts, 0));
    if (count > 1)
        return "has more than one TXT record";
    if (count == 0)
        return a == PLAN_RETIRE ? NULL : "is not published";
    if (have != NULL && (strcmp(have, want) == 0 || (a == PLAN_RETIRE && strcmp(have, revoked) == 0)))
        return NULL;
    return "is published with another record than the transcript's";
}

/* Where records come from. */
struct source {
    const char *name;
    verify_txt *texts;
    void *arg;
};

static void report_key(struct verify *v, const struct source *from, const char *name, bool there, enum verify_dnssec dnssec)
{
    static const char *const vouched[] = {[VERIFY_DNSSEC_NONE] = "",
                                          [VERIFY_DNSSEC_INSECURE] = "; no DNSSEC vouches for that",
                                          [VERIFY_DNSSEC_SECURE] = "; DNSSEC vouches for that"};
    buf_addf(v->report, "%s %s %s in %s%s\n", dnssec == VERIFY_DNSSEC_INSECURE ? "claimed  " : "proved   ", name,
             there ? "has the record of the transcript (or is revoked)" : "is not there any more", from->name, vouched[dnssec]);
}

static int check_key(struct verify *v, const struct source *from, const json_t *record, struct buf *why)
{
    const char *name = verify_text(record, "name");
    enum verify_dnssec dnssec = VERIFY_DNSSEC_NONE;
    json_t *texts = json_array();
    int err = from->texts(from->arg, name, texts, &dnssec, why);
    const char *wrong = err == ZEGEL_OK ? wrong_records(v->t.plan->action, texts, verify_text(record, "txt")) : NULL;
    if (wrong != NULL) {
        buf_addf(why, "%s: %s %s", from->name, name, wrong);
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK)
        report_key(v, from, name, json_array_size(texts) > 0, dnssec);
    json_decref(texts);
    return err;
}

static int check_keys(struct verify *v, const struct source *from, struct buf *why)
{
    json_t *response = v->response.len == 0 ? NULL : canon_parse("response.json", v->response, why);
    const json_t *keys = json_object_get(response, "keys");
    int err = ZEGEL_OK;
    if (v->t.plan->action == PLAN_DESTROY)
        buf_addf(v->report, "unchecked what is published in %s: a destruction knows no records\n", from->name);
    for (size_t i = 0; err == ZEGEL_OK && v->t.plan->action != PLAN_DESTROY && i < json_array_size(keys); i++)
        err = check_key(v, from, json_object_get(json_array_get(keys, i), "record"), why);
    json_decref(response);
    return err;
}

struct zone {
    const char *file;
    struct buf content;
};

static int texts_of_zone(void *arg, const char *name, json_t *texts, enum verify_dnssec *dnssec, struct buf *why)
{
    const struct zone *z = arg;
    (void)dnssec;
    return zonefile_txt(z->file, buf_bytes(&z->content), name, texts, why);
}

int verify_zone(struct verify *v, struct buf *why)
{
    struct zone zone = {.file = v->o->zone};
    if (v->o->zone == NULL && v->o->dns == NULL)
        buf_add_str(v->report, "unchecked what is published in DNS; no --zone\n");
    int err = v->o->zone == NULL ? ZEGEL_OK : io_read_file(v->o->zone, STORE_FILE_MAX, &zone.content, why);
    if (err == ZEGEL_OK && v->o->zone != NULL)
        err = check_keys(v, &(struct source){v->o->zone, texts_of_zone, &zone}, why);
    if (err == ZEGEL_OK && v->o->dns != NULL)
        err = check_keys(v, &(struct source){"DNS", v->o->dns, v->o->dns_arg}, why);
    buf_free(&zone.content);
    return err;
}
