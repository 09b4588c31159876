/* yaml: what libcyaml says when a file is not as its schema wants it, as one line. Shared by everything that is YAML. */
#ifndef ZEGEL_CONFIG_YAML_H
#define ZEGEL_CONFIG_YAML_H

#include <cyaml/cyaml.h>

#include "base/buf.h"

/* A yes or no, into a bool. libcyaml's own takes every word that is no "no" for a "yes": what somebody misspelt would widen what
 * is signed. */
#define YAML_YES_NO(name, flags, type, member)                                                                                   \
    CYAML_FIELD_ENUM(name, CYAML_FLAG_STRICT | CYAML_FLAG_CASE_INSENSITIVE | (flags), type, member, yaml_answers, YAML_ANSWERS)
enum { YAML_ANSWERS = 4 };
extern const cyaml_strval_t yaml_answers[YAML_ANSWERS];

struct yaml_complaint {
    char text[256]; /* "": none */
    char field[64]; /* the innermost one it is about; "": not known */
    unsigned line;  /* 0: not known */
};

/* What cyaml_load_data and cyaml_free want; complaints go to *c, which outlives it. */
cyaml_config_t yaml_config(struct yaml_complaint *c);
/* "NAME:LINE: what is wrong" for what cyaml_load_data returned; CYAML_OK: it found nothing at all. */
void yaml_explain(const char *name, const struct yaml_complaint *c, cyaml_err_t e, struct buf *why);

#endif
