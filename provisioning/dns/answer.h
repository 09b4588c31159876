/* answer: from a DNS packet to a struct observe_answer. */
#ifndef ZEGEL_DNS_ANSWER_H
#define ZEGEL_DNS_ANSWER_H

#include "dns/observe.h"

/* Fills rcode, alias, ttl, records of `a` (whose name and type are set) from the packet. False when memory is short. */
bool answer_read(const ldns_pkt *pkt, struct observe_answer *a);
/* Sets a->error unless there is one already. */
void answer_error(struct observe_answer *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "example.nl." as "example.nl", lower case; the caller frees. NULL when memory is short. */
char *answer_name(const ldns_rdf *dname);

#endif
