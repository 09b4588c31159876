#include "check/dmarc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dmarc d;
    struct bytes uri;
    char host[254];
    unsigned n = 0;
    if (!dmarc_parse(bytes_of(data, size), &d))
        return 0;
    while (dmarc_next_uri(&d.rua, &uri)) {
        if (dmarc_mail_host(uri, host, sizeof host) && strchr(host, '.') == NULL && strlen(host) > 63)
            __builtin_trap();
        if (++n > size)
            __builtin_trap();
    }
    return 0;
}
