/* signing: which From addresses are signed with which d=, as SigningTable and KeyTable say it, in terms of whole domains. */
#ifndef ZEGEL_IMPORT_SIGNING_H
#define ZEGEL_IMPORT_SIGNING_H

#include "import/dataset.h"

struct signing {
    const struct dataset *table;   /* SigningTable */
    const struct dataset *keys[2]; /* KeyTable; dkimpy-milter has one for Ed25519 besides. NULL: none */
    const struct dataset *exempt;  /* ExemptDomains; NULL: none */
    bool all;                      /* MultipleSignatures: every match signs, not the first alone */
};

/* Adds domains to `im`, and a line for each entry of the tables.
 *
 * Zegel signs D with d=D and, with subdomains, what is below D with d=D: nothing else. So an entry is carried when it is for all
 * addresses of D (or of all below D, where D itself is carried), and its key has d=D. What is for one address alone, for every
 * domain, for a pattern that is no domain, or signs with another d=, is not. */
void signing_import(struct import *im, const struct signing *s);

#endif
