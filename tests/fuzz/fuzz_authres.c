/* A folded Authentication-Results says what it said before, in lines that start with a tab. */
#include "dkim/authres.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[1 << 16];
    struct out o = out_of(room, sizeof room);
    size_t at = 0;
    if (size == 0 || size > sizeof room / 4 || memchr(data, '\r', size) != NULL)
        return 0;
    authres_fold(bytes_of(data + 1, size - 1), data[0], &o);
    for (size_t i = 0; i < o.len; i++, at++) {
        uint8_t c = o.data[i];
        if (c == '\r') {
            i += 2; /* CRLF HTAB stands for a space */
            c = ' ';
        }
        if (at + 1 >= size || c != data[at + 1])
            __builtin_trap();
    }
    return 0;
}
