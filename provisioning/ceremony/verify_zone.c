/* Are the published records those of the transcript? Going by a zone file that the auditor got: no network in here. */
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

static int check_key(struct verify *v, struct bytes zone, const json_t *record, struct buf *why)
{
    const char *name = verify_text(record, "name");
    json_t *texts = json_array();
    int err = zonefile_txt(v->o->zone, zone, name, texts, why);
    const char *wrong = err == ZEGEL_OK ? wrong_records(v->t.plan->action, texts, verify_text(record, "txt")) : NULL;
    if (wrong != NULL) {
        buf_addf(why, "%s: %s %s", v->o->zone, name, wrong);
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK)
        buf_addf(v->report, "proved    %s %s in %s\n", name,
                 json_array_size(texts) == 0 ? "is not there any more" : "has the record of the transcript (or is revoked)",
                 v->o->zone);
    json_decref(texts);
    return err;
}

int verify_zone(struct verify *v, struct buf *why)
{
    struct buf zone = BUF_INIT;
    if (v->o->zone == NULL) {
        buf_add_str(v->report, "unchecked what is published in DNS; no --zone\n");
        return ZEGEL_OK;
    }
    json_t *response = v->response.len == 0 ? NULL : canon_parse("response.json", v->response, why);
    const json_t *keys = json_object_get(response, "keys");
    int err = io_read_file(v->o->zone, STORE_FILE_MAX, &zone, why);
    if (err == ZEGEL_OK && v->t.plan->action == PLAN_DESTROY)
        buf_add_str(v->report, "unchecked what is published in DNS: a destruction knows no records\n");
    for (size_t i = 0; err == ZEGEL_OK && v->t.plan->action != PLAN_DESTROY && i < json_array_size(keys); i++)
        err = check_key(v, buf_bytes(&zone), json_object_get(json_array_get(keys, i), "record"), why);
    json_decref(response);
    buf_free(&zone);
    return err;
}
