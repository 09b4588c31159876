/* words: what the page says, in each language. */
#ifndef ZEGEL_STATUS_WORDS_H
#define ZEGEL_STATUS_WORDS_H

#include "status/faults.h"

enum word {
    WORD_TITLE,
    WORD_AS_OF,
    WORD_UP_SINCE,
    WORD_RELOAD,
    WORD_OTHER_LANGUAGE,
    WORD_FAULTS,
    WORD_NO_FAULTS,
    WORD_FAULT,
    WORD_MAIL,
    WORD_PER_MINUTE,
    WORD_LAST_MINUTE,
    WORD_LAST_5,
    WORD_LAST_HOUR,
    WORD_SINCE_START,
    WORD_SIGNED,
    WORD_REFUSED,
    WORD_PUT_OFF,
    WORD_UNSIGNED,
    WORD_UNTOUCHED,
    WORD_FRONT_END,
    WORD_HALF,
    WORD_MOST,
    WORD_PERIOD,
    WORD_TOKENS,
    WORD_TOKEN,
    WORD_STATE,
    WORD_READY,
    WORD_KEYS,
    WORD_MISSING,
    WORD_SIGNATURES,
    WORD_AUDIT,
    WORD_RECORDS,
    WORD_WAITING,
    WORD_LAST_CHECKPOINT,
    WORD_NONE,
    WORD_DOMAINS,
    WORD_DOMAIN,
    WORD_SELECTOR,
    WORD_ALGORITHM,
    WORD_SIGNS_SINCE,
    WORD_SIGNS_UNTIL,
    WORD_TIMELINE,
    WORD_TODAY,
    WORD_NEXT,
    WORD_NEXT_NONE,
    WORD_MORE,
    WORD_LAST_CHECK,
    WORD_NO_CHECK,
    WORD_FAILED,
    WORDS
};

struct words {
    const char *code;       /* "en" */
    const char *other_code; /* of the language that the page offers */
    const char *text[WORDS];
    const char *faults[FAULTS]; /* a sentence without its end, to stand behind the name */
};

/* The language of that code, "en" or "nl"; English for all else. */
const struct words *words_of(const char *code);

#endif
