#include "core/name.h"

static bool is_ldh(uint8_t c)
{
    c = span_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

enum name_fault name_check(struct span name)
{
    size_t label = 0;
    if (name.len == 0)
        return NAME_EMPTY;
    if (name.len > NAME_LEN_MAX)
        return NAME_LONG;
    for (size_t i = 0; i <= name.len; i++) {
        if (i == name.len || name.data[i] == '.') {
            if (label == 0)
                return NAME_LABEL_EMPTY;
            label = 0;
        } else if (!is_ldh(name.data[i])) {
            return NAME_OCTET;
        } else if (++label > NAME_LABEL_MAX) {
            return NAME_LABEL_LONG;
        }
    }
    return NAME_OK;
}

bool name_within(struct span name, struct span parent)
{
    if (name.len < parent.len || !span_same(span_cut(name, name.len - parent.len, name.len), parent))
        return false;
    return name.len == parent.len || name.data[name.len - parent.len - 1] == '.';
}
