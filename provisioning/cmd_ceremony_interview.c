/* The interview of zegel ceremony prepare: one question at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ceremony/transcript.h"
#include "cmd.h"
#include "cmd_ceremony_plan.h"

enum { ANSWERS_MAX = 512, ANSWER_MAX = 4096, COLUMNS = 80 };

struct interview {
    struct plan_flags *flags;
    char *answers[ANSWERS_MAX];
    size_t count;
    char serial[16]; /* that follows the transcript before */
    struct buf *why;
};

/* NULL: fine; or what is wrong, one line. */
typedef const char *check(struct interview *i, const char *answer);

/* ---- asking ---- */

static const char *keep(struct interview *i, const char *text)
{
    char *copy = i->count < ANSWERS_MAX ? strdup(text) : NULL;
    if (copy != NULL)
        i->answers[i->count++] = copy;
    return copy;
}

static bool read_line(char line[ANSWER_MAX])
{
    if (fgets(line, ANSWER_MAX, stdin) == NULL)
        return false;
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

/* The answer, the default when it was empty, or NULL when the input ended. `usual` "": it may be left empty. */
static const char *ask(struct interview *i, const char *question, const char *usual, check *is_good)
{
    char line[ANSWER_MAX];
    for (;;) {
        (void)printf("\n%s", question);
        if (usual != NULL && usual[0] != '\0') /* on 80 columns */
            (void)printf("%s[%s]", strlen(question) + strlen(usual) > COLUMNS - 3 ? "\n    " : " ", usual);
        (void)printf("\n> ");
        (void)fflush(stdout);
        if (!read_line(line))
            return NULL;
        const char *answer = line[0] == '\0' && usual != NULL ? usual : line;
        const char *wrong = answer[0] == '\0' ? (usual == NULL ? "an answer is needed" : NULL)
                            : is_good != NULL ? is_good(i, answer)
                                              : NULL;
        if (wrong == NULL)
            return keep(i, answer);
        (void)printf("    No: %s.\n", wrong);
    }
}

/* Until an empty answer; at least `least` of them. */
static bool ask_many(struct interview *i, const char *question, size_t least, check *is_good, const char **out, size_t *count)
{
    char text[256];
    for (*count = 0; *count < PLAN_FLAGS_MAX;) {
        (void)snprintf(text, sizeof text, "%s%s", question, *count >= least ? "\nNo more: press Enter" : "");
        const char *answer = ask(i, text, *count >= least ? "" : NULL, is_good);
        if (answer == NULL)
            return false;
        if (answer[0] == '\0')
            return true;
        out[(*count)++] = answer;
    }
    return true;
}

/* ---- what an answer has to be ---- */

static const char *is_action(struct interview *i, const char *answer)
{
    (void)i;
    for (enum plan_action a = PLAN_GENERATE; a <= PLAN_DESTROY; a++)
        if (strcmp(plan_action_name(a), answer) == 0)
            return NULL;
    return "one of generate, activate, retire, destroy";
}

static const char *is_number(struct interview *i, const char *answer)
{
    (void)i;
    return strlen(answer) <= 9 && strspn(answer, "0123456789") == strlen(answer) && strtoul(answer, NULL, 10) > 0
               ? NULL
               : "a number from 1";
}

static const char *is_days(struct interview *i, const char *answer)
{
    return is_number(i, answer) != NULL || strtoul(answer, NULL, 10) > 90 ? "a number from 1 to 90" : NULL;
}

static const char *is_serial(struct interview *i, const char *answer)
{
    if (is_number(i, answer) != NULL)
        return "a number from 1";
    return strtoul(answer, NULL, 10) < strtoul(i->serial, NULL, 10) ? "each ceremony has a higher number than the one before"
                                                                    : NULL;
}

static const char *is_threshold(struct interview *i, const char *answer)
{
    unsigned long n = is_number(i, answer) == NULL ? strtoul(answer, NULL, 10) : 0;
    return n >= 2 && n <= i->flags->custodians_count ? NULL : "at least 2, and no more than there are custodians";
}

static const char *is_file(struct interview *i, const char *answer)
{
    struct stat st;
    (void)i;
    return stat(answer, &st) == 0 && S_ISREG(st.st_mode) ? NULL : "there is no such file";
}

static const char *said(struct interview *i, int err)
{
    return err == ZEGEL_OK ? NULL : buf_cstr(i->why);
}

static const char *is_token(struct interview *i, const char *answer)
{
    struct buf yaml = BUF_INIT;
    buf_clear(i->why);
    int err = ceremony_plan_token(&yaml, "", i->flags->module, answer, i->why);
    buf_free(&yaml);
    return said(i, err);
}

static const char *is_key(struct interview *i, const char *answer)
{
    struct buf yaml = BUF_INIT;
    bool there = strcmp(i->flags->action, "generate") != 0;
    size_t colons = 0;
    for (const char *c = answer; *c != '\0'; c++)
        colons += *c == ':';
    buf_clear(i->why);
    int err = ceremony_plan_key(&yaml, answer, i->why);
    buf_free(&yaml);
    if (err == ZEGEL_OK && there != (colons == 2))
        return there ? "a key that is there is named with its SHA-256 as well" : "a key that is to be made has no SHA-256 yet";
    return said(i, err);
}

/* NAME alone is NAME=NAME.pem. */
static const char *as_person(struct interview *i, const char *answer)
{
    char both[ANSWER_MAX];
    if (answer == NULL || answer[0] == '\0' || strchr(answer, '=') != NULL)
        return answer;
    (void)snprintf(both, sizeof both, "%.2000s=%.2000s.pem", answer, answer);
    return keep(i, both);
}

static const char *is_person(struct interview *i, const char *answer)
{
    struct buf yaml = BUF_INIT;
    const char *person = as_person(i, answer);
    buf_clear(i->why);
    int err = person == NULL ? ZEGEL_ERR_NOMEM : ceremony_plan_person(&yaml, "", person, i->why);
    buf_free(&yaml);
    return said(i, err);
}

static const char *is_transcript(struct interview *i, const char *answer)
{
    struct transcript t;
    buf_clear(i->why);
    int err = transcript_open(answer, &t, i->why);
    if (err == ZEGEL_OK && snapshot_find(&t.files, MANIFEST_FILE) == NULL) {
        buf_addf(i->why, "%s: is not sealed", answer);
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK)
        (void)snprintf(i->serial, sizeof i->serial, "%u", t.plan->serial + 1);
    transcript_close(&t);
    return said(i, err);
}

/* ---- the questions ---- */

static bool ask_what(struct interview *i)
{
    struct plan_flags *f = i->flags;
    f->action = ask(i, "What is the ceremony for? generate, activate, retire or destroy", "generate", is_action);
    if (f->action != NULL)
        f->organisation = ask(i, "Which organisation?", NULL, NULL);
    if (f->organisation == NULL)
        return false;
    f->previous = ask(i, "Directory of the ceremony before this one; none: press Enter", "", is_transcript);
    if (f->previous == NULL)
        return false;
    if (f->previous[0] == '\0')
        f->previous = NULL;
    f->serial = ask(i, "Number of this ceremony", i->serial, is_serial);
    return f->serial != NULL;
}

static bool ask_where(struct interview *i)
{
    struct plan_flags *f = i->flags;
    f->module = ask(i, "PKCS#11 module of the token", "/usr/lib/softhsm/libsofthsm2.so", is_file);
    if (f->module != NULL)
        f->label = ask(i, "Label of the token, which is plugged in now", NULL, is_token);
    if (f->label == NULL)
        return false;
    return ask_many(i,
                    strcmp(f->action, "generate") == 0 ? "A key: DOMAIN/SELECTOR:ALGORITHM (rsa2048, rsa3072, rsa4096, ed25519)"
                                                       : "A key: DOMAIN/SELECTOR:ALGORITHM:SHA-256 of its public key",
                    1, is_key, f->keys, &f->keys_count);
}

static bool ask_backup(struct interview *i)
{
    struct plan_flags *f = i->flags;
    f->backup_label = ask(i, "Label of a second token for a backup (RSA only); none: press Enter", "", is_token);
    if (f->backup_label != NULL && f->backup_label[0] == '\0') {
        f->backup_label = NULL;
        f->backup_reason = ask(i, "Why there is no backup", f->backup_reason, NULL);
        return f->backup_reason != NULL;
    }
    return f->backup_label != NULL;
}

static bool ask_who(struct interview *i)
{
    struct plan_flags *f = i->flags;
    const struct {
        const char *question;
        const char **to;
    } others[] = {{"The administrator, who operates and never approves", &f->administrator},
                  {"The DNS operator, who publishes", &f->dns_operator},
                  {"The witness, who notes what happens", &f->witness},
                  {"The transcript key, on a token of its own", &f->transcript}};
    (void)puts("\nPeople are NAME=CERTIFICATE.pem; NAME alone means NAME.pem, here.");
    if (!ask_many(i, "A custodian", 2, is_person, f->custodians, &f->custodians_count))
        return false;
    for (size_t n = 0; n < f->custodians_count; n++)
        f->custodians[n] = as_person(i, f->custodians[n]);
    f->threshold = ask(i, "How many custodians have to approve", "2", is_threshold);
    for (size_t n = 0; f->threshold != NULL && n < sizeof others / sizeof others[0]; n++)
        if ((*others[n].to = as_person(i, ask(i, others[n].question, NULL, is_person))) == NULL)
            return false;
    return f->threshold != NULL;
}

static bool ask_when(struct interview *i)
{
    i->flags->days = ask(i, "For how many days from now is the plan good", "7", is_days);
    return i->flags->days != NULL;
}

static void show_list(const char *name, const char *const *texts, size_t count)
{
    for (size_t n = 0; n < count; n++)
        (void)printf("    %-14s %s\n", n == 0 ? name : "", texts[n]);
}

static bool confirm(struct interview *i, const char *dir)
{
    const struct plan_flags *f = i->flags;
    (void)printf("\n---- The plan: ceremony %s of %s\n\n", f->serial, f->organisation);
    const struct {
        const char *name, *text;
    } lines[] = {{"action", f->action},
                 {"continues", f->previous == NULL ? "nothing: the first" : f->previous},
                 {"token", f->label},
                 {"backup", f->backup_label == NULL ? "none" : f->backup_label},
                 {"approve", f->threshold},
                 {"administrator", f->administrator},
                 {"DNS operator", f->dns_operator},
                 {"witness", f->witness},
                 {"transcript key", f->transcript},
                 {"days", f->days}};
    for (size_t n = 0; n < sizeof lines / sizeof lines[0]; n++)
        (void)printf("    %-14s %s\n", lines[n].name, lines[n].text);
    show_list("keys", f->keys, f->keys_count);
    show_list("custodians", f->custodians, f->custodians_count);
    char question[ANSWER_MAX];
    (void)snprintf(question, sizeof question, "Write %.3000s/plan.yaml? Type Yes", dir);
    const char *answer = ask(i, question, "No", NULL);
    return answer != NULL && strcmp(answer, "Yes") == 0;
}

int ceremony_interview(const char *dir, struct plan_flags *f, struct interview **out, struct buf *why)
{
    struct interview *i = *out = calloc(1, sizeof *i);
    if (i == NULL)
        return ZEGEL_ERR_NOMEM;
    *i = (struct interview){.flags = f, .serial = "1", .why = why};
    (void)puts("An interview: one question at a time. In [brackets] stands what Enter means.");
    bool done = ask_what(i) && ask_where(i) && ask_backup(i) && ask_who(i) && ask_when(i) && confirm(i, dir);
    buf_clear(why);
    if (!done)
        buf_add_str(why, "the interview was not finished; nothing was written");
    return done ? ZEGEL_OK : ZEGEL_ERR_REFUSED;
}

void ceremony_interview_free(struct interview *i)
{
    for (size_t n = 0; i != NULL && n < i->count; n++)
        free(i->answers[n]);
    free(i);
}
