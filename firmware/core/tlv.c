#include "core/tlv.h"

bool tlv_next_header(struct span *rest, uint16_t *tag, size_t *len)
{
    struct span s = *rest;
    size_t at = 0;
    if (s.len < 2)
        return false;
    *tag = s.data[at++];
    if ((*tag & 0x1f) == 0x1f) { /* one more octet of tag; a third one is for nobody */
        if ((s.data[at] & 0x80) != 0)
            return false;
        *tag = (uint16_t)(*tag << 8 | s.data[at++]);
    }
    if (at >= s.len)
        return false;
    uint8_t first = s.data[at++];
    size_t more = first & 0x7f;
    *len = first;
    if (first >= 0x80) {
        if (more == 0 || more > 2 || s.len - at < more)
            return false;
        *len = s.data[at++];
        if (more == 2)
            *len = *len << 8 | s.data[at++];
        if (*len < (more == 1 ? 0x80U : 0x100U))
            return false;
    }
    *rest = span_cut(s, at, s.len);
    return true;
}

bool tlv_next(struct span *rest, struct tlv *out)
{
    struct span behind = *rest;
    size_t len;
    if (!tlv_next_header(&behind, &out->tag, &len) || len > behind.len)
        return false;
    out->value = span_cut(behind, 0, len);
    *rest = span_cut(behind, len, behind.len);
    return true;
}

bool tlv_find(struct span in, uint16_t tag, struct span *value)
{
    struct tlv t;
    while (tlv_next(&in, &t))
        if (t.tag == tag) {
            *value = t.value;
            return true;
        }
    return false;
}

void tlv_put(struct tlv_out *o, struct span bytes)
{
    if (o->overflow || bytes.len > o->cap - o->len) {
        o->overflow = true;
        return;
    }
    if (bytes.len > 0)
        memcpy(o->data + o->len, bytes.data, bytes.len);
    o->len += bytes.len;
}

void tlv_put_u8(struct tlv_out *o, uint8_t v)
{
    tlv_put(o, span_of(&v, 1));
}

void tlv_put_uint(struct tlv_out *o, uint64_t v, unsigned octets)
{
    while (octets-- > 0)
        tlv_put_u8(o, (uint8_t)(v >> (8 * octets)));
}

static void put_tag(struct tlv_out *o, uint16_t tag)
{
    if (tag > 0xff)
        tlv_put_u8(o, (uint8_t)(tag >> 8));
    tlv_put_u8(o, (uint8_t)tag);
}

static unsigned length_octets(size_t len)
{
    return len < 0x80 ? 1 : len < 0x100 ? 2 : 3;
}

static void put_length(struct tlv_out *o, size_t len)
{
    unsigned octets = length_octets(len);
    if (octets > 1)
        tlv_put_u8(o, (uint8_t)(0x80 | (octets - 1)));
    tlv_put_uint(o, len, octets > 1 ? octets - 1 : 1);
}

void tlv_put_object(struct tlv_out *o, uint16_t tag, struct span value)
{
    put_tag(o, tag);
    put_length(o, value.len);
    tlv_put(o, value);
}

size_t tlv_begin(struct tlv_out *o, uint16_t tag)
{
    put_tag(o, tag);
    tlv_put_u8(o, 0);
    return o->len;
}

/* The value moves when its length needs more than the one octet that was kept. */
void tlv_end(struct tlv_out *o, size_t begin)
{
    if (o->overflow)
        return;
    size_t len = o->len - begin;
    unsigned more = length_octets(len) - 1;
    if (more > o->cap - o->len) {
        o->overflow = true;
        return;
    }
    memmove(o->data + begin + more, o->data + begin, len);
    o->len = begin - 1;
    put_length(o, len);
    o->len += len;
}

uint64_t tlv_uint(struct span s)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++)
        v = v << 8 | s.data[i];
    return v;
}
