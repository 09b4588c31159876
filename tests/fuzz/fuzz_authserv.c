#include "dkim/authserv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever surrounds it, a field is ours only when our id stands in it, and comments before it never change whose it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t longer[8192];
    struct bytes id = BYTES_LIT("mx.example.nl"), value = bytes_of(data, size);
    enum authserv whose = authserv_of(value, id);
    if (size > sizeof longer - 4)
        return 0;
    memcpy(longer, "(a) ", 4);
    if (size > 0)
        memcpy(longer + 4, data, size);
    if (authserv_of(bytes_of(longer, size + 4), id) != whose)
        __builtin_trap();
    return 0;
}
