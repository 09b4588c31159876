#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd_sign.h"
#include "dkim/survive.h"

/* What is told of one message. */
struct explained {
    const struct message *m;
    const struct config_domain *d; /* NULL: not signed */
    const char *refusal;           /* static; NULL: signed */
    struct selected sel;
    struct survive_risk risks[SURVIVE_RISKS_MAX];
    size_t risks_count;
};

static void explain(struct explained *e)
{
    if (e->d == NULL)
        return;
    if (!select_fields(&e->d->headers, &e->m->dkim->header, &e->sel))
        e->refusal = "header fields to be signed are too many";
    if (e->d->survive != CONFIG_SURVIVE_OFF)
        e->risks_count = survive_risks(e->m->dkim, &e->d->headers, e->d->seven_bit, e->risks);
    if (e->refusal == NULL && e->d->survive == CONFIG_SURVIVE_REFUSE && e->risks_count > 0)
        e->refusal = "it will not survive the way, and survive: refuse";
}

static bool is_absent(const struct explained *e, size_t i)
{
    return e->sel.entries[i].field == SELECT_ABSENT;
}

/* The names of the fields that are there, or of those that are asserted not to be (again). */
static json_t *names(const struct explained *e, bool absent)
{
    json_t *all = json_array();
    for (size_t i = 0; i < e->sel.count; i++)
        if (is_absent(e, i) == absent)
            (void)json_array_append_new(all, json_string(e->sel.entries[i].name));
    return all;
}

static bool is_selected(const struct explained *e, size_t field)
{
    for (size_t i = 0; i < e->sel.count; i++)
        if (e->sel.entries[i].field == field)
            return true;
    return false;
}

static json_t *text_of(struct bytes b)
{
    json_t *j = json_stringn((const char *)b.data, b.len);
    return j == NULL ? json_string("(not UTF-8)") : j;
}

static json_t *names_left(const struct explained *e)
{
    const struct header *h = &e->m->dkim->header;
    json_t *all = json_array();
    for (size_t i = 0; i < h->count; i++)
        if (!is_selected(e, i))
            (void)json_array_append_new(all, text_of(header_name(&h->fields[i])));
    return all;
}

static json_t *keys(const struct config_domain *d)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < d->keys_count; i++)
        (void)json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "selector", d->keys[i].selector, "algorithm",
                                                   d->keys[i].algorithm == CONFIG_RSA_SHA256 ? "rsa-sha256" : "ed25519-sha256",
                                                   "key", d->keys[i].key));
    return all;
}

static json_t *risks(const struct explained *e)
{
    json_t *all = json_array();
    for (size_t i = 0; i < e->risks_count; i++)
        (void)json_array_append_new(all,
                                    json_pack("{s:o, s:s}", "where",
                                              e->risks[i].field.data == NULL ? json_string("body") : text_of(e->risks[i].field),
                                              "what", e->risks[i].what));
    return all;
}

static json_t *described(const struct explained *e)
{
    json_t *j = json_pack("{s:b}", "signed", e->refusal == NULL);
    if (e->refusal != NULL)
        (void)json_object_set_new(j, "reason", json_string(e->refusal));
    if (e->d == NULL)
        return j;
    (void)json_object_set_new(j, "domain", json_string(e->d->domain));
    (void)json_object_set_new(j, "canonicalization", json_string(e->d->canonicalization));
    (void)json_object_set_new(j, "signatures", keys(e->d));
    (void)json_object_set_new(j, "fields", names(e, false));
    (void)json_object_set_new(j, "oversigned", names(e, true));
    (void)json_object_set_new(j, "unsigned", names_left(e));
    (void)json_object_set_new(j, "will-not-survive", risks(e));
    return j;
}

static void print_list(const char *title, const json_t *list)
{
    size_t i;
    json_t *name;
    (void)printf("%-18s", title);
    json_array_foreach(list, i, name)
    {
        (void)printf("%s%s", i == 0 ? "" : ", ", json_string_value(name));
    }
    (void)printf("%s\n", json_array_size(list) == 0 ? "-" : "");
}

/* The text says what the JSON says. */
static void print_text(json_t *j)
{
    size_t i;
    json_t *row;
    if (json_object_get(j, "domain") != NULL)
        (void)printf("%-18s%s\n%-18s%s\n", "d=", json_string_value(json_object_get(j, "domain")),
                     "c=", json_string_value(json_object_get(j, "canonicalization")));
    json_array_foreach(json_object_get(j, "signatures"), i, row)
    {
        (void)printf("%-18s%s s=%s, key %s\n", i == 0 ? "signatures" : "", json_string_value(json_object_get(row, "algorithm")),
                     json_string_value(json_object_get(row, "selector")), json_string_value(json_object_get(row, "key")));
    }
    if (json_object_get(j, "domain") != NULL) {
        print_list("signed", json_object_get(j, "fields"));
        print_list("none can be added", json_object_get(j, "oversigned"));
        print_list("not signed", json_object_get(j, "unsigned"));
    }
    json_array_foreach(json_object_get(j, "will-not-survive"), i, row)
    {
        (void)printf("%-18s%s: %s\n", i == 0 ? "will not survive" : "", json_string_value(json_object_get(row, "where")),
                     json_string_value(json_object_get(row, "what")));
    }
    const char *reason = json_string_value(json_object_get(j, "reason"));
    (void)printf("%-18s%s%s\n", "verdict",
                 reason == NULL ? "would be signed" : "would not be signed: ", reason == NULL ? "" : reason);
}

int cmd_sign_explain(const struct config *c, const struct cmd_options *o)
{
    static struct explained e;
    struct message m = {.text = BUF_INIT};
    struct buf why = BUF_INIT;
    int in = open(o->explain, O_RDONLY | O_CLOEXEC), err = ZEGEL_ERR_USAGE;
    if (in < 0)
        buf_addf(&why, "%s: %s", o->explain, strerror(errno));
    else
        err = message_read(in, &m, &why);
    if (in >= 0)
        (void)close(in);
    if (err != ZEGEL_OK) {
        int code = cmd_fail(&cmd_sign, err, buf_cstr(&why));
        buf_free(&why);
        return code;
    }
    e = (struct explained){.m = &m};
    e.d = cmd_sign_judge(c, &m, o->domain, &e.refusal);
    explain(&e);
    json_t *j = described(&e);
    if (o->json)
        cmd_print_json(json_incref(j));
    else
        print_text(j);
    json_decref(j);
    message_free(&m);
    return e.refusal == NULL ? CMD_DONE : CMD_NO;
}
