#include "milter/steps.h"

enum {
    LEFT_OUT = SMFIP_NOHELO | SMFIP_NORCPT | SMFIP_NOUNKNOWN | SMFIP_NODATA,
    QUIET = SMFIP_NR_CONN | SMFIP_NR_MAIL | SMFIP_NR_HDR | SMFIP_NR_BODY,
};

unsigned long steps_choose(unsigned long offered, unsigned long more, struct steps *s)
{
    unsigned long chosen = offered & (LEFT_OUT | SMFIP_HDR_LEADSPC | SMFIP_NR_HDR | SMFIP_NR_BODY | more);
    s->leading_space = (chosen & SMFIP_HDR_LEADSPC) != 0;
    s->quiet = chosen & QUIET;
    return chosen;
}

sfsistat steps_go_on(const struct steps *s, unsigned long step)
{
    return (s->quiet & step) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}
