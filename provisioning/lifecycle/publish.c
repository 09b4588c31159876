#include "lifecycle/publish.h"

#include <stdio.h>

#include "base/err.h"
#include "dns/place.h"
#include "lifecycle/program.h"

enum { STRING_MAX = 255 }; /* RFC 1035 §3.3 */

static int send_update(const struct publish *p, const struct publish_change *c, struct buf *why)
{
    struct buf zone = BUF_INIT, target = BUF_INIT;
    if (p->server == NULL) {
        buf_add_str(why, p->server_fault);
        return ZEGEL_ERR_CONFIG;
    }
    int err = place_find(p->observe, c->name, &zone, &target, why);
    if (err == ZEGEL_OK) {
        struct update_change u = {
            .zone = buf_cstr(&zone), .name = buf_cstr(&target), .before = c->before, .wanted = c->wanted, .ttl = PUBLISH_TTL};
        err = update_send(p->server, &u, why);
    }
    buf_free(&zone);
    buf_free(&target);
    return err;
}

static int run_program(const struct publish *p, const struct publish_change *c, struct buf *why)
{
    char ttl[12];
    const char *set[] = {p->rotation->exec, "set", c->name, ttl, NULL}, *remove[] = {p->rotation->exec, "remove", c->name, NULL};
    struct buf input = BUF_INIT;
    (void)snprintf(ttl, sizeof ttl, "%d", PUBLISH_TTL);
    if (c->wanted != NULL)
        buf_addf(&input, "%s\n", c->wanted);
    int err = program_run(c->wanted != NULL ? set : remove, buf_bytes(&input), why);
    buf_free(&input);
    return err;
}

int publish_send(const struct publish *p, const struct publish_change *c, struct buf *why)
{
    switch (p->rotation->publish) {
    case CONFIG_PUBLISH_UPDATE: return send_update(p, c, why);
    case CONFIG_PUBLISH_EXEC: return run_program(p, c, why);
    default: break;
    }
    publish_print(c, why);
    return ZEGEL_ERR_REFUSED; /* people do it */
}

static void print_strings(const char *record, struct buf *text)
{
    struct bytes all = bytes_str(record);
    for (size_t at = 0; at < all.len; at += STRING_MAX) {
        struct bytes part = bytes_slice(all, at, at + STRING_MAX);
        buf_addf(text, " \"%.*s\"", (int)part.len, (const char *)part.data);
    }
}

void publish_print(const struct publish_change *c, struct buf *text)
{
    if (c->wanted == NULL) {
        buf_addf(text, "remove the TXT record of %s", c->name);
        return;
    }
    buf_addf(text, "%s in DNS: %s. %d IN TXT (", c->before == NULL ? "put this" : "replace what is there by this", c->name,
             PUBLISH_TTL);
    print_strings(c->wanted, text);
    buf_addf(text, " ), as one string: %s", c->wanted);
}
