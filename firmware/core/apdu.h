/* apdu: command APDUs (ISO 7816-4 §5.1), short and extended. */
#ifndef ZEGEL_CORE_APDU_H
#define ZEGEL_CORE_APDU_H

#include "core/span.h"

struct apdu {
    uint8_t cla, ins, p1, p2;
    struct span data; /* empty when Lc is absent */
    uint32_t le;      /* most octets of response data: 0 when Le is absent, 256 or 65,536 when it stands as zero */
};

enum { APDU_CLA_CHAIN = 0x10 };

/* False when it is none of the seven cases: too short, or lengths that do not add up. */
bool apdu_parse(struct span in, struct apdu *out);

#endif
