#include "dkim/domain.h"

static bool is_ldh(uint8_t c)
{
    c = ascii_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Octets of the UTF-8 character at `i` (RFC 3629 §4), two to four; 0 when there is none. */
static size_t utf8_len(struct bytes b, size_t i)
{
    uint8_t first = b.data[i];
    size_t len = first >= 0xc2 && first <= 0xdf ? 2 : (first & 0xf0) == 0xe0 ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
    if (len == 0 || b.len - i < len)
        return 0;
    for (size_t k = 1; k < len; k++)
        if ((b.data[i + k] & 0xc0) != 0x80)
            return 0;
    uint32_t lead = (uint32_t)first << 8 | b.data[i + 1];
    bool overlong = (len == 3 && lead < 0xe0a0) || (len == 4 && lead < 0xf090);
    bool surrogate = lead >= 0xeda0 && lead <= 0xedbf, beyond = lead >= 0xf490;
    return overlong || surrogate || beyond ? 0 : len;
}

static bool is_name(struct bytes d, bool international)
{
    size_t label = 0;
    if (d.len == 0 || d.len > DKIM_DOMAIN_MAX)
        return false;
    for (size_t i = 0; i < d.len;) {
        size_t len = international && d.data[i] >= 0x80 ? utf8_len(d, i) : (size_t)is_ldh(d.data[i]);
        if (d.data[i] == '.' && label > 0) {
            label = 0;
            i++;
        } else if (len > 0 && ++label <= 63) { /* a label of more than 63 characters has no A-label */
            i += len;
        } else {
            return false;
        }
    }
    return label > 0;
}

bool domain_is_valid(struct bytes d)
{
    return is_name(d, false);
}

bool domain_is_international(struct bytes d)
{
    return is_name(d, true);
}

bool domain_is_within(struct bytes child, struct bytes parent)
{
    if (child.len < parent.len)
        return false;
    if (!bytes_ieq(bytes_slice(child, child.len - parent.len, child.len), parent))
        return false;
    return child.len == parent.len || child.data[child.len - parent.len - 1] == '.';
}
