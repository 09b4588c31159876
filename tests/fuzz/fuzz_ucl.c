#include "base/err.h"
#include "import/ucl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The deepest part, and that every part is whole. */
static unsigned depth_of(const struct ucl *u)
{
    unsigned deepest = 0;
    for (const struct ucl *c = u->first; c != NULL; c = c->next) {
        unsigned d = 1 + depth_of(c);
        deepest = d > deepest ? d : deepest;
        if (c->line < u->line || (c->value != NULL && c->first != NULL))
            __builtin_trap();
    }
    return deepest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf why = BUF_INIT;
    struct ucl *u;
    int err = ucl_parse("fuzz", bytes_of(data, size), &u, &why);
    if ((err == ZEGEL_OK) != (u != NULL) || (err == ZEGEL_OK) != (why.len == 0))
        __builtin_trap();
    if (u != NULL && depth_of(u) > 2 * UCL_DEPTH_MAX + 2)
        __builtin_trap();
    ucl_free(u);
    buf_free(&why);
    return 0;
}
