#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf why = BUF_INIT;
    struct config *c = NULL;
    if ((config_parse("fuzz", bytes_of(data, size), &c, &why) == 0) != (c != NULL))
        __builtin_trap();
    config_free(c);
    buf_free(&why);
    return 0;
}
