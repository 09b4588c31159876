/* See vpcd.h. */
#include "port/vpcd.h"

#include <string.h>

enum control { POWER_OFF = 0, POWER_ON = 1, RESET = 2, GET_ATR = 4 };

void vpcd_init(struct vpcd *v)
{
    memset(v, 0, sizeof *v);
    v->atr_len = token_reset(v->atr);
}

static size_t framed(struct vpcd *v, size_t len)
{
    v->reply[0] = (uint8_t)(len >> 8);
    v->reply[1] = (uint8_t)len;
    return 2 + len;
}

static size_t control(struct vpcd *v, uint8_t what)
{
    switch (what) {
    case POWER_OFF:
    case POWER_ON:
    case RESET: v->atr_len = token_reset(v->atr); return 0;
    case GET_ATR: memcpy(v->reply + 2, v->atr, v->atr_len); return framed(v, v->atr_len);
    default: return 0;
    }
}

static size_t frame_done(struct vpcd *v)
{
    size_t have = v->have;

    v->header = v->have = 0;
    if (v->len == 1)
        return control(v, v->frame[0]);
    return framed(v, token_apdu(v->frame, have < sizeof v->frame ? have : sizeof v->frame, v->reply + 2));
}

size_t vpcd_octet(struct vpcd *v, uint8_t octet)
{
    if (v->header < 2) {
        v->len = v->header == 0 ? octet : v->len << 8 | octet;
        v->header++;
        return v->header == 2 && v->len == 0 ? frame_done(v) : 0;
    }
    if (v->have < sizeof v->frame)
        v->frame[v->have] = octet;
    v->have++;
    return v->have == v->len ? frame_done(v) : 0;
}
