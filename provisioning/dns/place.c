#include "dns/place.h"

#include "base/err.h"

int place_find(struct observe *o, const char *name, struct buf *zone, struct buf *target, struct buf *why)
{
    struct observe_answer at = {0}, ns = {0};
    int err = observe_resolve(o, name, LDNS_RR_TYPE_TXT, &at);
    if (err == ZEGEL_OK && at.error != NULL) {
        buf_addf(why, "%s: %s", name, at.error);
        err = ZEGEL_ERR_SYSTEM;
    }
    if (err == ZEGEL_OK) {
        buf_add_str(target, at.alias == NULL ? name : at.alias);
        err = observe_zone(o, buf_cstr(target), &ns);
    }
    if (err == ZEGEL_ERR_NOT_FOUND || (err == ZEGEL_OK && ns.error != NULL)) {
        buf_addf(why, "%s: its zone cannot be found: %s", buf_cstr(target), ns.error == NULL ? "no NS records" : ns.error);
        err = ZEGEL_ERR_SYSTEM;
    }
    if (err == ZEGEL_OK)
        buf_add_str(zone, ns.name);
    observe_answer_clear(&at);
    observe_answer_clear(&ns);
    return err;
}
