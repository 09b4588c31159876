/* dmarc: one DMARC record (RFC 9989 §4.7, §4.8), read; the names of the tree walk (§4.10). No look-ups; views into the text. */
#ifndef ZEGEL_CHECK_DMARC_H
#define ZEGEL_CHECK_DMARC_H

#include "base/bytes.h"

/* In the order of strictness. */
enum dmarc_policy { DMARC_ABSENT, DMARC_NONE, DMARC_QUARANTINE, DMARC_REJECT, DMARC_BAD };

struct dmarc {
    enum dmarc_policy p, sp, np;
    bool testing;          /* t=y */
    char psd;              /* y, n or u */
    bool p_late;           /* p= is there, and not directly behind v=: older readers refuse that (RFC 7489 §6.3) */
    struct bytes rua, ruf; /* lists; {NULL, 0}: no such tag */
    struct bytes bad;      /* the first part that is no tag, or whose value is none of its kind; {NULL, 0}: none */
    struct bytes removed;  /* pct, rf or ri: RFC 9989 has them no more */
    struct bytes unknown;  /* a tag that is none */
};

/* False: no DMARC record at all (v= is not first, or not exactly DMARC1). Errors behind that are noted and passed over, as
 * receivers do. */
bool dmarc_parse(struct bytes text, struct dmarc *out);
/* What receivers are asked to do: t=y lowers by one (§4.7). */
enum dmarc_policy dmarc_applied(enum dmarc_policy p, bool testing);
const char *dmarc_policy_name(enum dmarc_policy p);
/* Where the walk looks behind `name` (the domain, without _dmarc): one label less, or seven labels; NULL at its end. */
const char *dmarc_parent(const char *name);
/* The next URI of a list. */
bool dmarc_next_uri(struct bytes *list, struct bytes *uri);
/* The host of a mailto: URI, in `host`; false for anything else. */
bool dmarc_mail_host(struct bytes uri, char *host, size_t cap);

#endif
