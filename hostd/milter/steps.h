/* steps: what both front ends leave out of the milter protocol, and what the MTA waits for no answer to. */
#ifndef ZEGEL_MILTER_STEPS_H
#define ZEGEL_MILTER_STEPS_H

#include <libmilter/mfapi.h>
#include <stdbool.h>

struct steps {
    bool leading_space;  /* SMFIP_HDR_LEADSPC was negotiated */
    unsigned long quiet; /* SMFIP_NR_*: what the MTA waits for no answer to */
};

/* Of what the MTA offers, what to ask for. `more`: SMFIP_* of this front end alone. */
unsigned long steps_choose(unsigned long offered, unsigned long more, struct steps *s);
/* The answer to a step that is always answered with "go on": SMFIP_NR_HDR, SMFIP_NR_BODY, or an NR of `more`. */
sfsistat steps_go_on(const struct steps *s, unsigned long step);

#endif
