/* base64: RFC 4648 §4, as RFC 6376 §2.10 uses it: folding white space may stand anywhere in what is decoded. */
#ifndef ZEGEL_DKIM_BASE64_H
#define ZEGEL_DKIM_BASE64_H

#include "dkim/out.h"

/* Octets that `len` octets become. */
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* No line breaks. */
void base64_encode(struct bytes in, struct out *out);
/* False for a character outside the alphabet, wrong padding, non-zero left-over bits, or an overflow of `out`. */
bool base64_decode(struct bytes in, struct out *out);

#endif
