#include "check/report.h"

#include <stdio.h>
#include <time.h>

static void fill(struct buf *out, const struct check_finding *f, const struct text_language *l)
{
    const char *const args[CHECK_ARGS] = {f->args[0], f->args[1], f->args[2]};
    text_fill(out, l->messages[f->message], args);
}

void report_text(const struct check *c, const struct text_language *l, struct buf *out)
{
    buf_addf(out, "%s: %s\n", c->subject->domain, check_result_name(check_worst(c)));
    for (unsigned i = 0; i < c->count; i++) {
        const struct check_finding *f = &c->findings[i];
        buf_addf(out, "  %-9s %-16s ", check_result_name(f->result), check_rules[f->rule].id);
        fill(out, f, l);
        buf_add_u8(out, '\n');
        if (f->explained != NULL)
            buf_addf(out, "        %s %s %s\n", l->words[WORD_EXPLAINED], l->words[WORD_UNTIL], f->explained);
        if (f->result < CHECK_WARN)
            continue;
        buf_addf(out, "        %s: %s (%s)\n", l->words[WORD_WANTED], l->rules[f->rule].title, check_rules[f->rule].source);
        for (const char *p = f->evidence; *p != '\0';) {
            size_t n = strcspn(p, "\n");
            buf_addf(out, "        %.*s\n", (int)n, p);
            p += n + (p[n] == '\n');
        }
    }
    buf_addf(out, "  %s\n", l->words[WORD_NO_PROOF]);
}

/* The lines of `text`. */
static json_t *lines(const char *text)
{
    json_t *all = json_array();
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        (void)json_array_append_new(all, json_stringn(text, n));
        text += n + (text[n] == '\n');
    }
    return all;
}

static json_t *finding_json(const struct check_finding *f, const struct text_language *l)
{
    struct buf text = BUF_INIT;
    fill(&text, f, l);
    json_t *j =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s}", "rule", check_rules[f->rule].id, "result", check_result_name(f->result),
                  "title", l->rules[f->rule].title, "found", buf_cstr(&text), "evidence", lines(f->evidence), "source",
                  check_rules[f->rule].source, "does-not-prove", l->rules[f->rule].not_proven);
    if (f->explained != NULL)
        (void)json_object_set_new(j, "explained-until", json_string(f->explained));
    buf_free(&text);
    return j;
}

static void set_day(json_t *j, const char *name, int64_t t)
{
    char day[16];
    check_day(t, day);
    if (t != 0)
        (void)json_object_set_new(j, name, json_string(day));
}

static json_t *key_json(const struct check_key *k)
{
    json_t *j = json_pack("{s:s}", "selector", k->key->selector);
    set_day(j, "made", k->life.made_s);
    set_day(j, "seen", k->life.seen_s);
    set_day(j, "first-signed", k->life.first_signed_s);
    set_day(j, "last-signed", k->life.last_signed_s);
    set_day(j, "retired", k->life.retired_s);
    set_day(j, "revoked", k->life.revoked_s);
    set_day(j, "due", check_due(&k->life));
    return j;
}

json_t *report_json(const struct check *c, const struct text_language *l)
{
    json_t *findings = json_array(), *keys = json_array();
    for (unsigned i = 0; i < c->count; i++)
        (void)json_array_append_new(findings, finding_json(&c->findings[i], l));
    for (unsigned k = 0; k < c->subject->keys_count; k++)
        (void)json_array_append_new(keys, key_json(&c->subject->keys[k]));
    return json_pack("{s:s, s:b, s:I, s:s, s:o, s:o}", "domain", c->subject->domain, "sends", c->subject->sends, "time",
                     (json_int_t)c->time_s, "result", check_result_name(check_worst(c)), "findings", findings, "keys", keys);
}
