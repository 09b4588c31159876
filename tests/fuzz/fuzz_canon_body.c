/* Both canonicalisers, and that the cut into chunks does not matter: the first octet says how long they are. */
#include "base/buf.h"
#include "dkim/body_check.h"
#include "dkim/canon_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void collect(void *arg, struct bytes out)
{
    buf_add(arg, out);
}

static void canon(bool relaxed, struct bytes body, size_t step, struct buf *out)
{
    struct canon_body c;
    canon_body_init(&c, relaxed, collect, out);
    for (size_t at = 0; at < body.len; at += step)
        canon_body_update(&c, bytes_slice(body, at, at + step));
    canon_body_final(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t step = size > 0 ? data[0] % 61 + 1U : 1;
    struct bytes body = bytes_slice(bytes_of(data, size), 1, size);
    for (int relaxed = 0; relaxed < 2; relaxed++) {
        struct buf whole = BUF_INIT, cut = BUF_INIT, twice = BUF_INIT;
        canon(relaxed, body, body.len + 1, &whole);
        canon(relaxed, body, step, &cut);
        canon(relaxed, buf_bytes(&whole), step, &twice);
        if (!bytes_eq(buf_bytes(&whole), buf_bytes(&cut)) || !bytes_eq(buf_bytes(&whole), buf_bytes(&twice)))
            __builtin_trap();
        buf_free(&whole);
        buf_free(&cut);
        buf_free(&twice);
    }
    struct body_check a, b;
    body_check_init(&a);
    body_check_init(&b);
    body_check_update(&a, body);
    for (size_t at = 0; at < body.len; at += step)
        body_check_update(&b, bytes_slice(body, at, at + step));
    body_check_final(&a);
    body_check_final(&b);
    if (a.defects != b.defects)
        __builtin_trap();
    return 0;
}
