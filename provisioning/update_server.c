#include "cmd.h"
#include "supervisor/pin.h"

enum { DEADLINE_MS = 5000 };

int cmd_update_server(const struct config *c, const struct config_domain *d, struct update_server *out, struct buf *secret,
                      struct buf *why)
{
    const struct config_update *u = d->update != NULL ? d->update : &c->dns.update;
    const struct config_token source = {.name = (char *)(uintptr_t) "dns.update", .pin = u->secret};
    if (u->server == NULL) {
        buf_add_str(why, "dns.update: no server is named; publish what zegel dns record prints by hand");
        return ZEGEL_ERR_CONFIG;
    }
    *out = (struct update_server){.address = u->server,
                                  .port = u->port_n,
                                  .key = u->key,
                                  .algorithm = u->sha512 ? "hmac-sha512" : "hmac-sha256",
                                  .deadline_ms = DEADLINE_MS};
    buf_clear(secret);
    int err = pin_read(&source, secret, why);
    out->secret = buf_cstr(secret);
    return err;
}
