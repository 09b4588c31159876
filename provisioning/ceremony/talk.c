#include "ceremony/talk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ceremony/words.h"

#define BOLD "\033[1m"
#define GREEN "\033[1;32m"
#define RED "\033[1;31m"
#define PLAIN "\033[0m"

struct talk talk_open(bool ask)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    bool plain = (no_colour != NULL && no_colour[0] != '\0') || term == NULL || strcmp(term, "dumb") == 0;
    return (struct talk){.in = stdin, .out = stdout, .ask = ask, .colour = isatty(STDOUT_FILENO) == 1 && !plain};
}

static const char *code(const struct talk *t, const char *escape)
{
    return t->colour ? escape : "";
}

bool talk_step(const struct talk *t, unsigned number, unsigned count, const char *title, const char *text, const char *hash)
{
    char answer[64];
    (void)fprintf(t->out, "\n%s---- STEP %u of %u: %s%s\n\n    ", code(t, BOLD), number, count, title, code(t, PLAIN));
    for (; *text != '\0'; text++) {
        (void)fputc(*text, t->out);
        if (*text == '\n')
            (void)fputs("    ", t->out);
    }
    (void)fputc('\n', t->out);
    if (hash != NULL) {
        (void)fputs("\n    Compare SHA-256 with your own copy:\n\n", t->out);
        words_print(t->out, "        ", hash);
    }
    if (!t->ask)
        return true;
    for (;;) {
        (void)fputs("\n    Type Yes to go on, No to stop here: ", t->out);
        (void)fflush(t->out);
        if (fgets(answer, sizeof answer, t->in) == NULL)
            return false;
        answer[strcspn(answer, "\r\n")] = '\0';
        if (strcmp(answer, "Yes") == 0)
            return true;
        if (strcmp(answer, "No") == 0)
            return false;
        (void)fputs("    Please type the whole word, with its capital.", t->out);
    }
}

void talk_result(const struct talk *t, bool good, const char *text)
{
    (void)fprintf(t->out, "    %s[%s]%s %s\n", code(t, good ? GREEN : RED), good ? "DONE" : "STOPPED", code(t, PLAIN), text);
    (void)fflush(t->out);
}
