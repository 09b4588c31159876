/* life: what is known of the life of a key, from whoever knows it: the token's CKA_START_DATE, the audit log, the rotation's
 * database. Times are seconds since 1970; 0: not known, or not yet. */
#ifndef ZEGEL_CHECK_LIFE_H
#define ZEGEL_CHECK_LIFE_H

#include <stdint.h>

struct check_life {
    int64_t made_s;         /* generated on the token */
    int64_t seen_s;         /* first seen in DNS */
    int64_t first_signed_s; /* first and last signature */
    int64_t last_signed_s;
    int64_t retired_s; /* signs no more */
    int64_t revoked_s; /* p= became empty */
    int64_t due_s;     /* a successor is to take over by then */
};

#endif
