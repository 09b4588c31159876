/* words: a hash for people: hex in groups of four, and as words to read aloud. */
#ifndef ZEGEL_CEREMONY_WORDS_H
#define ZEGEL_CEREMONY_WORDS_H

#include <stdio.h>

/* `hash`: 64 lower-case hex digits. Lines of at most 79 columns, each begun with `indent`. */
void words_print(FILE *f, const char *indent, const char *hash);

#endif
