#include <stdlib.h>

#include "front/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is written without edits is what was read, but for a last line that had no end; or it is said that it is not. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct edits e = {.added = BUF_INIT, .removed = BUF_INIT};
    char *text = NULL;
    size_t len = 0;
    FILE *in = tmpfile(), *out = open_memstream(&text, &len);
    if (in == NULL || out == NULL)
        abort();
    (void)fwrite(data, 1, size, in);
    struct message_out to = {.file = out, .prefix = "", .dots = false};
    bool ok = message_write(in, &e, &to) && fflush(out) == 0;
    if (ok && (len < size || len > size + 1 || (size > 0 && memcmp(text, data, size) != 0)))
        __builtin_trap();
    (void)fclose(out);
    (void)fclose(in);
    free(text);
    return 0;
}
