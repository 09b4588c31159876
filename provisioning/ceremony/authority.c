#include "ceremony/authority.h"

#include "base/err.h"
#include "ceremony/verify.h"

static bool is_named(const json_t *keys, const char *label, const char *spki_sha256)
{
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *e = json_array_get(keys, i);
        const char *name = json_string_value(json_object_get(e, "label"));
        const char *print = json_string_value(json_object_get(e, "spki_sha256"));
        if (name != NULL && print != NULL && strcmp(name, label) == 0 && strcmp(print, spki_sha256) == 0)
            return true;
    }
    return false;
}

/* `what`: in words. `backup`: it has to be a ceremony that made and tried one. */
static int ask(const char *dir, const char *trust, enum plan_action action, bool backup, const char *what, const char *label,
               const char *spki_sha256, unsigned *serial, struct buf *why)
{
    const struct verify_options options = {.trust = trust};
    struct verify_result done = {0};
    struct buf report = BUF_INIT;
    int err = trust == NULL ? ZEGEL_ERR_USAGE : verify_transcript(dir, &options, &done, &report, why);
    if (err == ZEGEL_OK &&
        (done.abandoned || done.action != action || (backup && !done.backup_tried) || !is_named(done.keys, label, spki_sha256))) {
        buf_addf(why, "%s: is a good transcript, but not one that permits to %s %s with key %.16s...", dir, what, label,
                 spki_sha256);
        err = ZEGEL_ERR_REFUSED;
    }
    *serial = err == ZEGEL_OK ? done.serial : 0;
    json_decref(done.keys);
    buf_free(&report);
    return err;
}

int authority_permits(const char *dir, const char *trust, enum plan_action action, const char *domain, const char *selector,
                      const char *spki_sha256, unsigned *serial, struct buf *why)
{
    struct buf label = BUF_INIT;
    buf_addf(&label, "%s/%s", domain, selector);
    int err = ask(dir, trust, action, false, plan_action_name(action), buf_cstr(&label), spki_sha256, serial, why);
    buf_free(&label);
    return err;
}

int authority_backed_up(const char *dir, const char *trust, const char *domain, const char *selector, const char *spki_sha256,
                        unsigned *serial, struct buf *why)
{
    struct buf label = BUF_INIT;
    buf_addf(&label, "%s/%s", domain, selector);
    int err = ask(dir, trust, PLAN_GENERATE, true, "have a wrapped backup of", buf_cstr(&label), spki_sha256, serial, why);
    buf_free(&label);
    return err;
}
