#include "dkim/sign.h"

#include <stdlib.h>

#include "dkim/canon_header.h"

struct dkim_sign *dkim_sign_new(void)
{
    struct dkim_sign *s = malloc(sizeof *s); /* not calloc: only what a message fills is ever touched */
    if (s == NULL)
        return NULL;
    for (int i = 0; i < 2; i++)
        s->body[i].digest = digest_new();
    if (s->body[0].digest == NULL || s->body[1].digest == NULL) {
        dkim_sign_free(s);
        return NULL;
    }
    dkim_sign_start(s);
    return s;
}

void dkim_sign_free(struct dkim_sign *s)
{
    if (s == NULL)
        return;
    for (int i = 0; i < 2; i++)
        digest_free(s->body[i].digest);
    free(s);
}

void dkim_sign_start(struct dkim_sign *s)
{
    header_init(&s->header);
    body_check_init(&s->check);
    for (int i = 0; i < 2; i++)
        s->body[i].wanted = s->body[i].done = false;
}

static void into_digest(void *arg, struct bytes out)
{
    digest_update(arg, out);
}

void dkim_sign_body_start(struct dkim_sign *s, bool simple, bool relaxed)
{
    s->body[DKIM_SIMPLE].wanted = simple;
    s->body[DKIM_RELAXED].wanted = relaxed;
    for (int i = 0; i < 2; i++) {
        canon_body_init(&s->body[i].canon, i == DKIM_RELAXED, into_digest, s->body[i].digest);
        if (s->body[i].wanted)
            digest_start(s->body[i].digest);
    }
}

void dkim_sign_body(struct dkim_sign *s, struct bytes chunk)
{
    body_check_update(&s->check, chunk);
    for (int i = 0; i < 2; i++)
        if (s->body[i].wanted)
            canon_body_update(&s->body[i].canon, chunk);
}

bool dkim_sign_body_end(struct dkim_sign *s)
{
    body_check_final(&s->check);
    for (int i = 0; i < 2; i++) {
        if (!s->body[i].wanted)
            continue;
        canon_body_final(&s->body[i].canon);
        if (!digest_final(s->body[i].digest, s->body[i].hash))
            return false;
        s->body[i].done = true;
    }
    return true;
}

bool dkim_sign_block(const struct dkim_sign *s, const struct sigheader_params *p, const struct select_policy *policy,
                     struct out *value, struct out *block)
{
    struct selected sel;
    if (!s->body[p->relaxed_body].done || !select_fields(policy, &s->header, &sel))
        return false;
    sigheader_make(p, &sel, s->body[p->relaxed_body].hash, value);
    for (size_t i = 0; i < sel.count; i++)
        if (sel.entries[i].field != SELECT_ABSENT)
            canon_header_field(p->relaxed_header, &s->header.fields[sel.entries[i].field], block);
    struct header_field own = {.name = BYTES_LIT("DKIM-Signature"), .value = out_bytes(value)};
    canon_header_last(p->relaxed_header, &own, block);
    return !value->overflow && !block->overflow;
}
