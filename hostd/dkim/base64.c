#include "dkim/base64.h"

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct bytes in, struct out *out)
{
    for (size_t i = 0; i < in.len; i += 3) {
        size_t left = in.len - i;
        uint32_t v = (uint32_t)in.data[i] << 16;
        if (left > 1)
            v |= (uint32_t)in.data[i + 1] << 8;
        if (left > 2)
            v |= in.data[i + 2];
        out_u8(out, (uint8_t)base64_alphabet[v >> 18 & 63]);
        out_u8(out, (uint8_t)base64_alphabet[v >> 12 & 63]);
        out_u8(out, left > 1 ? (uint8_t)base64_alphabet[v >> 6 & 63] : '=');
        out_u8(out, left > 2 ? (uint8_t)base64_alphabet[v & 63] : '=');
    }
}

static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct bytes in, struct out *out)
{
    uint32_t v = 0;
    unsigned chars = 0, pads = 0;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.data[i];
        if (ascii_is_fws(c))
            continue;
        if (c == '=') {
            pads++;
            continue;
        }
        int x = base64_value(c);
        if (x < 0 || pads > 0)
            return false;
        v = v << 6 | (uint32_t)x;
        if (++chars % 4 == 0) {
            out_u8(out, (uint8_t)(v >> 16));
            out_u8(out, (uint8_t)(v >> 8));
            out_u8(out, (uint8_t)v);
            v = 0;
        }
    }
    switch (chars % 4) {
    case 0: return pads == 0 && !out->overflow;
    case 2: out_u8(out, (uint8_t)(v >> 4)); return pads == 2 && (v & 15) == 0 && !out->overflow;
    case 3:
        out_u8(out, (uint8_t)(v >> 10));
        out_u8(out, (uint8_t)(v >> 2));
        return pads == 1 && (v & 3) == 0 && !out->overflow;
    default: return false;
    }
}
