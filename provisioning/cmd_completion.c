/* Completion scripts for shells, made of the one table of commands: what the table has, they have. */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static int run(int argc, char **argv);

const struct cmd cmd_completion = {NULL, "completion", run, "bash|zsh|fish",
                                   "A script for the shell, that completes commands and options"};

/* ---- the table, as the scripts want it ---- */

/* The option that begins in `usage` at or after *at, with what follows it ("" or "FILE"); false: no more. */
static bool next_option(const char *usage, size_t *at, char option[40], char value[40])
{
    const char *p = strstr(usage + *at, "--");
    if (p == NULL)
        return false;
    size_t n = strspn(p + 2, "abcdefghijklmnopqrstuvwxyz0123456789-") + 2;
    (void)snprintf(option, 40, "%.*s", (int)n, p);
    value[0] = '\0';
    if (p[n] == ' ' && p[n + 1] != '[' && p[n + 1] != '-' && p[n + 1] != '(')
        (void)snprintf(value, 40, "%.*s", (int)strcspn(p + n + 1, " ]|)."), p + n + 1);
    *at = (size_t)(p - usage) + n;
    return true;
}

static bool is_path(const char *value)
{
    return strcmp(value, "FILE") == 0 || strcmp(value, "DIR") == 0 || strcmp(value, "MODULE") == 0;
}

static const char *first_word(const struct cmd *c)
{
    return c->group != NULL ? c->group : c->name;
}

/* Is it the first command with this first word? */
static bool is_first(const struct cmd *const *c)
{
    for (const struct cmd *const *b = cmd_table; b != c; b++)
        if (strcmp(first_word(*b), first_word(*c)) == 0)
            return false;
    return true;
}

static void put_options(const struct cmd *c)
{
    char option[40], value[40];
    size_t at = 0;
    (void)fputs("--config --help", stdout);
    while (next_option(c->usage, &at, option, value))
        (void)printf(" %s", option);
}

/* For single quotes of a shell. */
static void put_quoted(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p == '\'')
            (void)fputs("'\\''", stdout);
        else
            (void)putchar(*p);
}

/* ---- bash ---- */

static void bash_cases(void)
{
    for (const struct cmd *const *c = cmd_table; *c != NULL; c++) {
        if (is_first(c) && (*c)->group != NULL) {
            (void)printf("    %s)\n        words='", (*c)->group);
            for (const struct cmd *const *d = c; *d != NULL; d++)
                if ((*d)->group != NULL && strcmp((*d)->group, (*c)->group) == 0)
                    (void)printf("%s ", (*d)->name);
            (void)puts("' ;;");
        }
        (void)printf("    '%s%s%s') words='", first_word(*c), (*c)->group == NULL ? "" : " ",
                     (*c)->group == NULL ? "" : (*c)->name);
        put_options(*c);
        (void)puts("' ;;");
    }
}

static void bash_paths(void)
{
    char option[40], value[40];
    (void)fputs("--config", stdout);
    for (const struct cmd *const *c = cmd_table; *c != NULL; c++)
        for (size_t at = 0; next_option((*c)->usage, &at, option, value);)
            if (is_path(value))
                (void)printf(" | %s", option);
}

static void bash(void)
{
    (void)puts("# bash completion for zegel; made by `zegel completion bash`.\n_zegel() {\n"
               "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} at=${COMP_WORDS[1]} words='' word\n"
               "    COMPREPLY=()\n    case $prev in");
    (void)fputs("    ", stdout);
    bash_paths();
    (void)fputs(
        ") mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n    esac\n    if [ \"$COMP_CWORD\" -gt 2 ]; then\n"
        "        case \" $_zegel_groups \" in *\" $at \"*) at=\"$at ${COMP_WORDS[2]}\" ;; esac\n    fi\n"
        "    [ \"$COMP_CWORD\" -gt 1 ] || at=\n    case $at in\n    '') words='--help --version",
        stdout);
    for (const struct cmd *const *c = cmd_table; *c != NULL; c++)
        if (is_first(c))
            (void)printf(" %s", first_word(*c));
    (void)puts("' ;;");
    bash_cases();
    (void)puts("    esac\n    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
               "    [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n}");
    (void)fputs("_zegel_groups='", stdout);
    for (const struct cmd *const *c = cmd_table; *c != NULL; c++)
        if (is_first(c) && (*c)->group != NULL)
            (void)printf("%s ", (*c)->group);
    (void)puts("'\ncomplete -o filenames -F _zegel zegel");
}

/* ---- zsh ---- */

/* 'name:summary', for _describe. */
static void zsh_entry(const char *name, const char *summary)
{
    (void)printf("        '%s:", name);
    put_quoted(summary);
    (void)puts("'");
}

static void zsh(void)
{
    (void)puts("#compdef zegel\n# zsh completion for zegel; made by `zegel completion zsh`.\n_zegel() {\n    local -a list\n"
               "    local at=\"$words[2]\"\n    if (( CURRENT == 2 )); then\n        list=(");
    for (const struct cmd *const *c = cmd_table; *c != NULL; c++)
        if (is_first(c))
            zsh_entry(first_word(*c), (*c)->group != NULL ? "" : (*c)->summary);
    (void)puts("        )\n        _describe -t commands command list\n        return\n    fi\n    case \"$at\" in");
    for (const struct cmd *const *c = cmd_table; *c != NULL; c++) {
        if (!is_first(c) || (*c)->group == NULL)
            continue;
        (void)printf("    %s)\n        if (( CURRENT == 3 )); then\n        list=(\n", (*c)->group);
        for (const struct cmd *const *d = c; *d != NULL; d++)
            if ((*d)->group != NULL && strcmp((*d)->group, (*c)->group) == 0)
                zsh_entry((*d)->name, (*d)->summary);
        (void)puts(
            "        )\n        _describe -t commands command list\n        return\n        fi\n        at=\"$at $words[3]\" ;;");
    }
    (void)puts("    esac\n    case \"$at\" in");
    for (const struct cmd *const *c = cmd_table; *c != NULL; c++) {
        (void)printf("    '%s%s%s') list=(", first_word(*c), (*c)->group == NULL ? "" : " ",
                     (*c)->group == NULL ? "" : (*c)->name);
        put_options(*c);
        (void)puts(") ;;");
    }
    (void)puts(
        "    esac\n    if [[ \"$words[CURRENT]\" == -* ]]; then\n        compadd -- $list\n    else\n        _files\n    fi\n}\n"
        "if [ \"$funcstack[1]\" = _zegel ]; then _zegel; else compdef _zegel zegel; fi");
}

/* ---- fish ---- */

static void fish_options(const struct cmd *c)
{
    char option[40], value[40];
    size_t at = 0;
    const char *space = c->group == NULL ? "" : " ", *second = c->group == NULL ? "" : c->name;
    (void)printf("complete -c zegel -n '__zegel_in %s%s%s' -l config -r -F\n", first_word(c), space, second);
    (void)printf("complete -c zegel -n '__zegel_in %s%s%s' -l help\n", first_word(c), space, second);
    while (next_option(c->usage, &at, option, value))
        (void)printf("complete -c zegel -n '__zegel_in %s%s%s' -l %s%s\n", first_word(c), space, second, option + 2,
                     value[0] == '\0' ? ""
                     : is_path(value) ? " -r -F"
                                      : " -x");
}

static void fish(void)
{
    (void)puts("# fish completion for zegel; made by `zegel completion fish`.\n"
               "function __zegel_at # exactly these words so far\n"
               "    set -l said (commandline -opc)[2..-1]\n    test \"$said\" = \"$argv\"\nend\n"
               "function __zegel_in # these words to begin with\n"
               "    set -l said (commandline -opc)[2..-1]\n"
               "    string match -q -- \"$argv *\" \"$said \"\nend\n"
               "complete -c zegel -n '__zegel_at' -f -l help\ncomplete -c zegel -n '__zegel_at' -f -l version");
    for (const struct cmd *const *c = cmd_table; *c != NULL; c++) {
        if (is_first(c)) {
            (void)printf("complete -c zegel -n '__zegel_at' -f -a %s -d '", first_word(*c));
            put_quoted((*c)->group != NULL ? "" : (*c)->summary);
            (void)puts("'");
        }
        if ((*c)->group != NULL) {
            (void)printf("complete -c zegel -n '__zegel_at %s' -f -a %s -d '", (*c)->group, (*c)->name);
            put_quoted((*c)->summary);
            (void)puts("'");
        }
        fish_options(*c);
    }
}

static int run(int argc, char **argv)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    struct cmd_options o;
    int code;
    if (!cmd_options(argc, argv, &cmd_completion, &o, &code))
        return code;
    for (size_t i = 0; optind < argc && i < sizeof shells / sizeof shells[0]; i++)
        if (strcmp(argv[optind], shells[i].shell) == 0) {
            shells[i].print();
            return CMD_DONE;
        }
    return cmd_misuse(&cmd_completion, "name a shell: bash, zsh or fish");
}
