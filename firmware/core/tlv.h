/* tlv: BER-TLV as ISO 7816-4 has it (§5.2.2): tags of one or two octets, definite lengths of up to 65,535. */
#ifndef ZEGEL_CORE_TLV_H
#define ZEGEL_CORE_TLV_H

#include "core/span.h"

struct tlv {
    uint16_t tag; /* as it stands: 0x81, 0x7f49 */
    struct span value;
};

/* Takes the first object off `rest`. False, with `rest` as it was, when none is there or it is not well formed: a length that
 * runs out of the data, is indefinite, or is not the shortest way to write it. */
bool tlv_next(struct span *rest, struct tlv *out);
/* The first object with that tag at the top level of `in`; false when there is none before the end or before what is malformed.
 */
bool tlv_find(struct span in, uint16_t tag, struct span *value);
/* Tag and length alone, as in the extended header list (ISO 7816-4 §8.4): the values stand elsewhere. */
bool tlv_next_header(struct span *rest, uint16_t *tag, size_t *len);

/* Appending to a buffer of fixed size. Once something does not fit, nothing more is added and `overflow` stays. */
struct tlv_out {
    uint8_t *data;
    size_t len, cap;
    bool overflow;
};

static inline struct tlv_out tlv_out_of(uint8_t *data, size_t cap)
{
    return (struct tlv_out){data, 0, cap, false};
}

void tlv_put(struct tlv_out *o, struct span bytes);
void tlv_put_u8(struct tlv_out *o, uint8_t v);
/* Big-endian, the lowest `octets` of v. */
void tlv_put_uint(struct tlv_out *o, uint64_t v, unsigned octets);
void tlv_put_object(struct tlv_out *o, uint16_t tag, struct span value);
/* A constructed object: what is put between begin and end is its value. `begin` is remembered by the caller. */
size_t tlv_begin(struct tlv_out *o, uint16_t tag);
void tlv_end(struct tlv_out *o, size_t begin);

/* Big-endian number of at most 8 octets. */
uint64_t tlv_uint(struct span s);

#endif
