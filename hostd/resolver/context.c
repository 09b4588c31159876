#include "resolver/context.h"

static int configure(struct ub_ctx *ctx, const char *resolver, const char **what)
{
    *what = resolver == NULL ? "/etc/resolv.conf" : resolver;
    int err = resolver == NULL ? ub_ctx_resolvconf(ctx, NULL) : ub_ctx_config(ctx, resolver);
    if (err != 0)
        return err;
    if (resolver == NULL && (err = ub_ctx_add_ta_file(ctx, *what = CONTEXT_ROOT_ANCHOR)) != 0)
        return err;
    return ub_ctx_async(ctx, 1);
}

struct ub_ctx *context_open(const char *resolver, struct buf *why)
{
    const char *what;
    struct ub_ctx *ctx = ub_ctx_create();
    int err = ctx == NULL ? UB_NOMEM : configure(ctx, resolver, &what);
    if (err == 0)
        return ctx;
    buf_addf(why, "%s: %s", ctx == NULL ? "libunbound" : what, ub_strerror(err));
    ub_ctx_delete(ctx);
    return NULL;
}

size_t context_txt(struct bytes rdata, uint8_t *text, size_t cap)
{
    size_t n = 0;
    for (size_t at = 0; at < rdata.len;) {
        size_t len = rdata.data[at];
        if (len > rdata.len - at - 1 || len > cap - n)
            return SIZE_MAX;
        memcpy(text + n, rdata.data + at + 1, len);
        n += len;
        at += 1 + len;
    }
    return n;
}
