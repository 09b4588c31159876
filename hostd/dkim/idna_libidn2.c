#include <idn2.h>

#include "dkim/domain.h"
#include "dkim/idna.h"

static bool is_ascii(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] >= 0x80)
            return false;
    return true;
}

bool idna_ascii(struct bytes name, struct out *out)
{
    char text[DKIM_DOMAIN_MAX + 1];
    uint8_t *ascii = NULL;
    if (name.len > DKIM_DOMAIN_MAX || is_ascii(name)) {
        out_add(out, name);
        return !out->overflow;
    }
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    /* No mapping of TR46: a capital or an invisible character makes no U-label, it only looks like one. */
    bool ok = idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NO_TR46) == IDN2_OK;
    if (ok)
        out_str(out, (const char *)ascii);
    idn2_free(ascii);
    return ok && !out->overflow;
}

bool idna_is_same(struct bytes a, struct bytes b)
{
    uint8_t room[2][DKIM_DOMAIN_MAX];
    struct out x = out_of(room[0], sizeof room[0]), y = out_of(room[1], sizeof room[1]);
    return idna_ascii(a, &x) && idna_ascii(b, &y) && bytes_ieq(out_bytes(&x), out_bytes(&y));
}

bool idna_is_within(struct bytes child, struct bytes parent)
{
    uint8_t room[2][DKIM_DOMAIN_MAX];
    struct out c = out_of(room[0], sizeof room[0]), p = out_of(room[1], sizeof room[1]);
    return idna_ascii(child, &c) && idna_ascii(parent, &p) && domain_is_within(out_bytes(&c), out_bytes(&p));
}
