/* import: what another signer's configuration becomes here. Each setting has one fate, and is reported with its file and line:
 * nothing is left out in silence, and what zegel.yaml cannot say as narrowly is not said at all. Keys are never read: they are
 * made anew in a token, and the plan says how the old ones retire. */
#ifndef ZEGEL_IMPORT_H
#define ZEGEL_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum import_fate {
    IMPORT_CARRIED,
    IMPORT_NOT_NEEDED,
    IMPORT_NOT_CARRIED, /* a person has to decide */
};

struct import_line {
    enum import_fate fate;
    char *file; /* where it stands */
    unsigned line;
    char *what; /* the setting's name, or the table's entry; never its value where that may be a secret */
    char *why;
};

struct import_domain {
    char *domain;
    bool subdomains;
    char *identity;       /* i=; NULL: none */
    char **old_selectors; /* that sign for it now */
    unsigned old_count;
};

struct import {
    struct import_line *lines;
    unsigned lines_count;
    struct import_domain *domains;
    unsigned domains_count;
    char **networks; /* that may send without authentication */
    unsigned networks_count;
    bool local;              /* mail of the machine itself is signed for every domain */
    char **sign, **oversign; /* header fields, besides ours */
    unsigned sign_count, oversign_count;
    const char *canonicalization; /* "relaxed/simple"; static */
    int64_t expire_s;             /* 0: none */
    const char *signer;           /* "OpenDKIM" */
    bool failed;                  /* memory was short: what stands here is not all */
};

/* Where something stands. Borrowed. */
struct import_place {
    const char *file;
    unsigned line;
};

enum { IMPORT_FILE_MAX = 64 << 20, IMPORT_LINES_MAX = 1000000 };

/* Each reads FILE and what it names. ZEGEL_OK; ZEGEL_ERR_CONFIG with a line in `why` when it cannot be read at all, and so
 * nothing can be said. The caller clears *out in any case. */
int import_opendkim(const char *file, struct import *out, struct buf *why);
int import_dkimpy(const char *file, struct import *out, struct buf *why);
int import_rspamd(const char *file, struct import *out, struct buf *why);
void import_clear(struct import *im);
/* Lines with this fate. */
unsigned import_count(const struct import *im, enum import_fate fate);

/* ---- for the parts ---- */

void import_say(struct import *im, enum import_fate fate, struct import_place at, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The domain's entry, made where there is none; NULL: memory is short. */
struct import_domain *import_domain_add(struct import *im, const char *domain);
struct import_domain *import_domain_find(struct import *im, const char *domain);
/* `domain` is signed with this selector today. */
void import_selector_add(struct import *im, struct import_domain *d, const char *selector);
/* One more at the end, and *count with it. False: memory is short. */
bool import_add_text(struct import *im, char ***list, unsigned *count, const char *text);
bool import_has_text(char *const *list, unsigned count, const char *text);
/* "yes", "true", "1" and so on. */
bool import_is_true(const char *value);
/* Canonicalization as "head/body"; NULL: cannot be read. */
const char *import_canonicalization(const char *value);

/* zegel.yaml, with the report and the plan as comments. `now_s` names the new selectors. */
void import_write(const struct import *im, int64_t now_s, struct buf *out);
/* The plan alone, a line for each step. */
void import_plan(const struct import *im, int64_t now_s, struct buf *out);
const char *import_fate_name(enum import_fate f);

#endif
