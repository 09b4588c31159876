#include "dkim/taglist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct taglist t;
    (void)taglist_parse(bytes_of(data, size), &t);
    return 0;
}
