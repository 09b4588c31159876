/* p11fault FILE COMMAND: says what p11fault.so shall do, and what it has seen.
 *
 * new                    make FILE
 * rule FUNCTION WHEN ACTION [after] [mechanism=rsa|eddsa]   add a rule
 *      WHEN:   N (the Nth call from now), N+ (that and all later ones), N/M (that and each Mth later one); xK: at most K times
 *      ACTION: CKR_NAME, delay=MS, hang, crash, exit=STATUS, flip=BIT, short=OCTETS, long=OCTETS, other=BIT, lie=BIT, swap,
 *      close, logout, stale, fork, remove
 * clear                  forget all rules
 * remove | return        the token is pulled out, put back
 * blind                  who has called C_Initialize sees it no more before the next C_Initialize
 * moves                  it comes back in another slot each time
 * stale                  all object handles given so far become invalid
 * idle=MS                sessions expire after so long without a call; 0: never
 * pin=N                  N wrong PINs lock the token; -1: SoftHSM's own way, never
 * calls FUNCTION | fired | forks | locked-logins            print a number */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "p11fault.h"
#include "pkcs11/ckr.h"

static _Noreturn void fail(const char *what, const char *word)
{
    (void)fprintf(stderr, "p11fault: %s: %s\n", what, word);
    exit(2);
}

static struct p11fault *map(const char *path, bool fresh)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | (fresh ? O_CREAT | O_TRUNC : 0), 0666);
    struct p11fault *c;
    if (fd < 0 || (fresh && ftruncate(fd, sizeof *c) != 0))
        fail("cannot be opened", path);
    c = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (c == MAP_FAILED)
        fail("cannot be mapped", path);
    if (fresh) {
        c->magic = P11FAULT_MAGIC;
        c->pin_left = -1;
    }
    (void)close(fd);
    return c;
}

static uint32_t function_of(const char *name)
{
#define P11FAULT_NAME(f) #f,
    static const char *const names[] = {P11FAULT_FUNCTIONS(P11FAULT_NAME)};
    for (uint32_t i = 0; i < P11FAULT_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    fail("no such function", name);
}

static uint64_t rv_of(const char *name)
{
    for (CK_RV rv = 1; rv <= 0x200; rv++)
        if (strcmp(ckr_name(rv), name) == 0)
            return rv;
    fail("no such CKR", name);
}

static void parse_when(struct p11fault_rule *r, const char *when)
{
    char *end;
    r->first = (uint32_t)strtoul(when, &end, 10);
    if (*end == '+') {
        r->every = 1;
        end++;
    } else if (*end == '/') {
        r->every = (uint32_t)strtoul(end + 1, &end, 10);
    }
    if (*end == 'x')
        r->times = (uint32_t)strtoul(end + 1, &end, 10);
    if (r->first == 0 || *end != '\0')
        fail("when?", when);
}

static enum p11fault_action parse_action(struct p11fault_rule *r, const char *action)
{
    static const struct {
        const char *name;
        enum p11fault_action action;
    } table[] = {{"delay=", P11FAULT_DELAY}, {"hang", P11FAULT_HANG},    {"crash", P11FAULT_CRASH},  {"exit=", P11FAULT_EXIT},
                 {"flip=", P11FAULT_FLIP},   {"short=", P11FAULT_SHORT}, {"other=", P11FAULT_OTHER}, {"lie=", P11FAULT_LIE},
                 {"long=", P11FAULT_LONG},   {"swap", P11FAULT_SWAP},    {"close", P11FAULT_CLOSE},  {"logout", P11FAULT_LOGOUT},
                 {"stale", P11FAULT_STALE},  {"fork", P11FAULT_FORK},    {"remove", P11FAULT_REMOVE}};
    if (strncmp(action, "CKR_", 4) == 0) {
        r->value = rv_of(action);
        return P11FAULT_RV;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t len = strlen(table[i].name);
        if (strncmp(action, table[i].name, len) == 0) {
            r->value = strtoull(action + len, NULL, 10);
            return table[i].action;
        }
    }
    fail("action?", action);
}

static void add_rule(struct p11fault *c, char **words)
{
    struct p11fault_rule *r = c->rules;
    while (r < c->rules + P11FAULT_RULES && r->action != P11FAULT_NONE)
        r++;
    if (r == c->rules + P11FAULT_RULES || words[0] == NULL || words[1] == NULL || words[2] == NULL)
        fail("rule", "FUNCTION WHEN ACTION, and room for it");
    *r = (struct p11fault_rule){.function = function_of(words[0])};
    parse_when(r, words[1]);
    enum p11fault_action action = parse_action(r, words[2]);
    for (char **w = words + 3; *w != NULL; w++) {
        if (strcmp(*w, "after") == 0)
            r->after = 1;
        else if (strcmp(*w, "mechanism=rsa") == 0)
            r->mechanism = CKM_SHA256_RSA_PKCS;
        else if (strcmp(*w, "mechanism=eddsa") == 0)
            r->mechanism = CKM_EDDSA;
        else
            fail("rule", *w);
    }
    atomic_store(&r->action, action);
}

static void print_fired(const struct p11fault *c)
{
    uint32_t fired = 0;
    for (unsigned i = 0; i < P11FAULT_RULES; i++)
        fired += c->rules[i].fired;
    (void)printf("%u\n", fired);
}

static void clear(struct p11fault *c)
{
    for (unsigned i = 0; i < P11FAULT_RULES; i++) {
        c->rules[i].action = P11FAULT_NONE;
        c->rules[i].fired = 0;
    }
}

int main(int argc, char **argv)
{
    if (argc < 3)
        fail("usage", "p11fault FILE COMMAND; see p11fault_tool.c");
    const char *word = argv[2];
    struct p11fault *c = map(argv[1], strcmp(word, "new") == 0);
    if (strcmp(word, "rule") == 0) {
        add_rule(c, argv + 3);
    } else if (strcmp(word, "clear") == 0) {
        clear(c);
    } else if (strcmp(word, "remove") == 0) {
        c->absent = 1;
        c->removals++;
    } else if (strcmp(word, "return") == 0) {
        c->absent = 0;
    } else if (strcmp(word, "blind") == 0) {
        c->blindings++;
        c->removals++;
    } else if (strcmp(word, "moves") == 0) {
        c->moves = 1;
    } else if (strcmp(word, "stale") == 0) {
        c->stale++;
    } else if (strncmp(word, "idle=", 5) == 0) {
        c->idle_ms = (uint32_t)atoi(word + 5);
    } else if (strncmp(word, "pin=", 4) == 0) {
        c->pin_left = atoi(word + 4);
    } else if (strcmp(word, "calls") == 0 && argc > 3) {
        (void)printf("%u\n", c->calls[function_of(argv[3])]);
    } else if (strcmp(word, "fired") == 0) {
        print_fired(c);
    } else if (strcmp(word, "forks") == 0) {
        (void)printf("%u\n", c->forks);
    } else if (strcmp(word, "locked-logins") == 0) {
        (void)printf("%u\n", c->locked_logins);
    } else if (strcmp(word, "new") != 0) {
        fail("command?", word);
    }
    return 0;
}
