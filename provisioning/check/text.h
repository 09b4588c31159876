/* text: everything a report says, in every language there is, one file each (text_en.c, text_nl.c). Evidence is not language: it
 * is what was asked and answered. */
#ifndef ZEGEL_CHECK_TEXT_H
#define ZEGEL_CHECK_TEXT_H

#include "base/buf.h"

enum { CHECK_ARGS = 3 };

enum check_rule_id {
    RULE_DKIM_NODE,
    RULE_DKIM_RECORD,
    RULE_DKIM_STRENGTH,
    RULE_DKIM_TESTING,
    RULE_DKIM_TOKEN,
    RULE_DKIM_SERVERS,
    RULE_DKIM_DNSSEC,
    RULE_DKIM_AGE,
    RULE_DKIM_WILDCARD,
    RULE_DKIM_UNKNOWN,
    RULE_CANARY,
    RULE_SPF_ONE,
    RULE_SPF_SYNTAX,
    RULE_SPF_INCLUDES,
    RULE_SPF_LOOKUPS,
    RULE_SPF_ALL,
    RULE_DMARC_ONE,
    RULE_DMARC_SYNTAX,
    RULE_DMARC_POLICY,
    RULE_DMARC_SUBDOMAINS,
    RULE_DMARC_REPORTS,
    RULE_DNSSEC_DOMAIN,
    RULE_DNSSEC_MX,
    RULE_NOSEND_MX,
    RULE_NOSEND_SPF,
    RULE_NOSEND_DMARC,
    RULE_NOSEND_DKIM,
    RULE_EXPLAIN,
    CHECK_RULES
};

/* What a finding says. {0} is the name that was asked, unless said otherwise. */
enum check_message {
    MSG_OK,
    MSG_ERROR,  /* {1}: why there is no answer */
    MSG_RCODE,  /* {1}: NXDOMAIN */
    MSG_NONE,   /* no record */
    MSG_MANY,   /* {1}: how many */
    MSG_SECURE, /* also MSG_INSECURE: no chain of trust */
    MSG_INSECURE,
    MSG_KEY_BAD, /* {1}: what is wrong with it */
    MSG_KEY_REVOKED,
    MSG_KEY_BITS, /* {1}: bits */
    MSG_KEY_BITS_MANY,
    MSG_KEY_BITS_FEW,
    MSG_KEY_SHA1,
    MSG_KEY_TESTING,
    MSG_KEY_NOT_TESTING,
    MSG_TOKEN_SAME,
    MSG_TOKEN_OTHER,  /* {1}: server */
    MSG_TOKEN_ABSENT, /* {1}: why */
    MSG_SERVERS_SAME, /* {1}: how many */
    MSG_SERVERS_ODD,  /* {1}: server */
    MSG_TOKEN_NONE,   /* {1}: what the token said */
    MSG_AGE,          /* {1}: days, {2}: due when */
    MSG_AGE_OLD,      /* {1}: days, {2}: most */
    MSG_AGE_OVERDUE,  /* {1}: due when */
    MSG_AGE_UNKNOWN,
    MSG_WILDCARD_NONE,
    MSG_WILDCARD,
    MSG_UNKNOWN_NONE, /* {1}: how many names were tried */
    MSG_UNKNOWN,      /* {0}: selector's name */
    MSG_UNKNOWN_HIDDEN,
    MSG_CANARY_NOT_TRIED, /* {0}: domain, {1}: why */
    MSG_CANARY_REFUSED,   /* {1}: socket, {2}: answer */
    MSG_CANARY_UNSIGNED,  /* {1}: socket */
    MSG_CANARY_BAD,       /* {1}: selector, {2}: why */
    MSG_CANARY_GOOD,      /* {1}: how many keys, {2}: socket */
    MSG_SPF_SYNTAX,       /* {1}: the term, {2}: what is wrong with it */
    MSG_SPF_SYNTAX_OK,
    MSG_SPF_INCLUDES_OK,  /* {1}: how many */
    MSG_SPF_INCLUDE_NONE, /* {1}: the included name */
    MSG_SPF_INCLUDE_MANY,
    MSG_SPF_INCLUDE_ERROR, /* {1}: the included name, {2}: why */
    MSG_SPF_LOOP,          /* {1}: the name that comes again */
    MSG_SPF_MACRO,         /* {1}: the term */
    MSG_SPF_LOOKUPS,       /* {1}: look-ups, {2}: void ones */
    MSG_SPF_LOOKUPS_MANY,
    MSG_SPF_VOIDS_MANY,
    MSG_SPF_MX_MANY, /* {1}: the name whose MX are too many */
    MSG_SPF_ALL,     /* {1}: the term */
    MSG_SPF_ALL_WEAK,
    MSG_SPF_ALL_NONE,
    MSG_DMARC_AT,   /* {1}: where */
    MSG_DMARC_MANY, /* {1}: where */
    MSG_DMARC_NONE,
    MSG_DMARC_SYNTAX_OK,
    MSG_DMARC_BAD, /* {1}: the part */
    MSG_DMARC_P_LATE,
    MSG_DMARC_REMOVED, /* {1}: the tag */
    MSG_DMARC_UNKNOWN, /* {1}: the tag */
    MSG_DMARC_POLICY,  /* {1}: what applies */
    MSG_DMARC_WEAK,    /* {1}: what applies */
    MSG_DMARC_TESTING, /* {1}: what applies with t=y */
    MSG_DMARC_SUB,     /* {1}: sp, {2}: np */
    MSG_DMARC_SUB_WEAK,
    MSG_DMARC_SUB_INHERIT, /* {1}: domain of the record */
    MSG_REPORT_NONE,
    MSG_REPORT_OWN,     /* {1}: address */
    MSG_REPORT_ALLOWED, /* {1}: host, {2}: where that stands */
    MSG_REPORT_REFUSED,
    MSG_REPORT_BAD, /* {1}: URI */
    MSG_REPORT_TOO_MANY,
    MSG_MX_NONE,
    MSG_MX_NULL,
    MSG_MX_NULL_PREFERENCE,
    MSG_MX_OTHER,   /* {1}: the record */
    MSG_NOSEND_SPF, /* {1}: the record */
    MSG_NOSEND_SPF_OTHER,
    MSG_NOSEND_DMARC, /* {1}: what applies */
    MSG_NOSEND_DKIM,
    MSG_NOSEND_DKIM_NONE,
    MSG_NOSEND_DKIM_KEY,
    MSG_EXPLAIN_EXPIRED, /* {0}: rule, {1}: when, {2}: owner */
    MSG_EXPLAIN_UNUSED,  /* {0}: rule */
    CHECK_MESSAGES
};

/* What else stands in a report. */
enum check_word {
    WORD_TITLE,
    WORD_MADE,
    WORD_VERDICTS,
    WORD_DOMAIN,
    WORD_VERDICT,
    WORD_COUNTS,
    WORD_RULE,
    WORD_RESULT,
    WORD_FOUND,
    WORD_WANTED,
    WORD_SOURCE,
    WORD_EVIDENCE,
    WORD_NOT_PROVEN,
    WORD_EXPLAINED,
    WORD_UNTIL,
    WORD_KEYS,
    WORD_SELECTOR,
    WORD_ALGORITHM,
    WORD_KEY_MADE,
    WORD_KEY_SEEN,
    WORD_KEY_FIRST,
    WORD_KEY_LAST,
    WORD_KEY_RETIRED,
    WORD_KEY_REVOKED,
    WORD_KEY_DUE,
    WORD_KEY_UNKNOWN,
    WORD_BAR_MADE,
    WORD_BAR_SIGNING,
    WORD_BAR_AFTER,
    WORD_TODAY,
    WORD_SENDS,
    WORD_SENDS_NOT,
    WORD_NO_PROOF,
    WORD_PASS,
    WORD_INFO,
    WORD_WARN,
    WORD_RESULT_EXPLAINED,
    WORD_FAIL,
    CHECK_WORDS
};

struct text_rule {
    const char *title;      /* what is wanted */
    const char *not_proven; /* what a pass does not show */
};

struct text_language {
    const char *code; /* BCP 47: "en", "nl" */
    struct text_rule rules[CHECK_RULES];
    const char *messages[CHECK_MESSAGES];
    const char *words[CHECK_WORDS];
};

extern const struct text_language text_en, text_nl;

/* NULL: no such language. */
const struct text_language *text_find(const char *code);
/* The pattern with {0} {1} {2} replaced; a missing argument is nothing. */
void text_fill(struct buf *out, const char *pattern, const char *const args[CHECK_ARGS]);

#endif
