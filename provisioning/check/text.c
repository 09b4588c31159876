#include "check/text.h"

#include <string.h>

const struct text_language *text_find(const char *code)
{
    static const struct text_language *const all[] = {&text_en, &text_nl};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i]->code, code) == 0)
            return all[i];
    return NULL;
}

void text_fill(struct buf *out, const char *pattern, const char *const args[CHECK_ARGS])
{
    for (const char *p = pattern; *p != '\0'; p++)
        if (p[0] == '{' && p[1] >= '0' && p[1] < '0' + CHECK_ARGS && p[2] == '}') {
            const char *arg = args[p[1] - '0'];
            buf_add_str(out, arg == NULL ? "" : arg);
            p += 2;
        } else {
            buf_add_u8(out, (uint8_t)*p);
        }
}
