/* postfix: the settings of a Postfix as it would run with them, read through postconf(1): main.cf with everything expanded, and
 * the services of master.cf with what they override. */
#ifndef ZEGEL_DOCTOR_POSTFIX_H
#define ZEGEL_DOCTOR_POSTFIX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct postfix_pair {
    char *name, *value;
};

struct postfix_list {
    struct postfix_pair *pairs;
    size_t count;
};

struct postfix_service {
    char *name; /* "submission/inet" */
    char *command;
    bool chroot;
};

struct postfix {
    struct postfix_list main;      /* NAME */
    struct postfix_list overrides; /* SERVICE/TYPE/NAME */
    struct postfix_service *services;
    size_t services_count;
};

/* Asks `postconf -c DIR` (DIR NULL: Postfix's own). ZEGEL_OK; ZEGEL_ERR_SYSTEM with a line in `why`. The caller clears *out in
 * any case. */
int postfix_read(const char *dir, struct postfix *out, struct buf *why);
void postfix_clear(struct postfix *p);
/* The value that holds for the service (NULL: in main.cf); "" when there is none. Borrowed. */
const char *postfix_get(const struct postfix *p, const struct postfix_service *s, const char *name);
/* Does the service say something of its own here? */
bool postfix_overrides(const struct postfix *p, const struct postfix_service *s, const char *name);

#endif
