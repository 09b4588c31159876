#include "dkim/domain.h"

static bool is_ldh(uint8_t c)
{
    c = ascii_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool domain_is_valid(struct bytes d)
{
    size_t label = 0;
    if (d.len == 0 || d.len > DKIM_DOMAIN_MAX)
        return false;
    for (size_t i = 0; i < d.len; i++) {
        if (d.data[i] == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (!is_ldh(d.data[i]) || ++label > 63) {
            return false;
        }
    }
    return label > 0;
}

bool domain_is_within(struct bytes child, struct bytes parent)
{
    if (child.len < parent.len)
        return false;
    if (!bytes_ieq(bytes_slice(child, child.len - parent.len, child.len), parent))
        return false;
    return child.len == parent.len || child.data[child.len - parent.len - 1] == '.';
}
