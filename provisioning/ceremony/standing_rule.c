/* The rules of standing.h, without a token: also the auditor's. */
#include "ceremony/standing.h"

static const char *text_of(const json_t *e, const char *name)
{
    const char *s = json_string_value(json_object_get(e, name));
    return s == NULL ? "" : s;
}

const char *standing_after(enum plan_action a)
{
    return a == PLAN_ACTIVATE ? "active" : a == PLAN_RETIRE ? "retired" : NULL;
}

const char *standing_forbids(enum plan_action a, const char *now)
{
    bool active = strcmp(now, "active") == 0;
    if (a == PLAN_ACTIVATE && active)
        return "is active already";
    if (a == PLAN_RETIRE && !active)
        return "is not active: only an activated key can be retired";
    if (a == PLAN_DESTROY && active)
        return "is active: retire it first, by a ceremony of its own";
    return NULL;
}

const char *standing_signed_wrongly(enum plan_action a, int64_t acted_s, int64_t until_s, int64_t first_s, int64_t last_s)
{
    switch (a) {
    case PLAN_GENERATE: return first_s < acted_s - STANDING_SKEW_S ? "signed mail before it was made" : NULL;
    case PLAN_ACTIVATE: return first_s < acted_s - STANDING_SKEW_S ? "signed mail before it was activated" : NULL;
    case PLAN_RETIRE: return last_s > until_s + STANDING_SKEW_S ? "signed mail after it was retired" : NULL;
    case PLAN_DESTROY: return last_s > acted_s + STANDING_SKEW_S ? "signed mail after it was destroyed" : NULL;
    }
    return NULL;
}

const char *standing_of(const json_t *all, const char *label, const char *spki_sha256)
{
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *e = json_array_get(all, i);
        if (strcmp(text_of(e, "label"), label) == 0 && strcmp(text_of(e, "spki_sha256"), spki_sha256) == 0)
            return text_of(e, "standing");
    }
    return "none";
}
