/* canon_body: RFC 6376 §3.4.3 (simple) and §3.4.4 (relaxed), streaming. The result does not depend on how the body is cut
 * into chunks. Nothing grows with the body: held-back line breaks and white space are counted, not stored. */
#ifndef ZEGEL_DKIM_CANON_BODY_H
#define ZEGEL_DKIM_CANON_BODY_H

#include "base/bytes.h"

/* Takes the next canonical octets: spans of the input, as long as nothing changes, and what stands between them. */
typedef void canon_sink(void *arg, struct bytes out);

struct canon_body {
    canon_sink *sink;
    void *arg;
    bool relaxed;
    bool cr;         /* a CR is held back, to see whether LF follows */
    bool space;      /* relaxed: white space is held back */
    bool any;        /* something was written */
    uint64_t breaks; /* line breaks held back: they are written only when something follows */
};

void canon_body_init(struct canon_body *c, bool relaxed, canon_sink *sink, void *arg);
void canon_body_update(struct canon_body *c, struct bytes chunk);
/* Writes what is held back and counts, and the final CRLF where the RFC wants one. */
void canon_body_final(struct canon_body *c);

#endif
