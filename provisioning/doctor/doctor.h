/* doctor: what in a Postfix keeps mail from being signed, breaks signatures on their way, or has too much signed; each with the
 * line that mends it. Judges what postfix.h read; changes nothing. */
#ifndef ZEGEL_DOCTOR_DOCTOR_H
#define ZEGEL_DOCTOR_DOCTOR_H

#include "config/config.h"
#include "doctor/postfix.h"

enum doctor_weight { DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_finding {
    const char *rule;
    enum doctor_weight weight;
    char *text, *fix;
};

struct doctor {
    const struct postfix *postfix;
    const struct config *config;
    struct doctor_finding *findings;
    unsigned count;
    bool failed; /* memory was short */
};

/* ZEGEL_OK or ZEGEL_ERR_NOMEM. The caller clears *out. */
int doctor_look(const struct postfix *p, const struct config *c, struct doctor *out);
void doctor_clear(struct doctor *d);

/* ---- for the rules ---- */

/* `fix`: a whole line, to be pasted. Both are taken over, and empty after it. */
void doctor_add(struct doctor *d, const char *rule, enum doctor_weight w, struct buf *text, struct buf *fix);
void doctor_say(struct doctor *d, const char *rule, enum doctor_weight w, const char *text, const char *fix);
/* Names one of ours in a list of milters (smtpd_milters)? *at: which one, from 0; *of: how many there are. Both may be NULL. */
bool doctor_asks_us(const struct doctor *d, const char *milters, unsigned *at, unsigned *of);
/* The next word of such a list, with {...} as one; false: none. */
bool doctor_next(const char **list, char *word, size_t cap);
/* Such a list once more, with commas and no white space: master.cf takes it so. */
void doctor_list(const char *list, struct buf *out);
/* The socket that listen: names first, as Postfix writes it. */
void doctor_our_milter(const struct doctor *d, struct buf *out);

/* rules_way.c: does mail come to us? */
void doctor_way(struct doctor *d);
/* rules_after.c: does it stay as it was signed, and is it only what should be? */
void doctor_after(struct doctor *d);

#endif
