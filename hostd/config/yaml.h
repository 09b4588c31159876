/* yaml: what libcyaml says when a file is not as its schema wants it, as one line. Shared by everything that is YAML. */
#ifndef ZEGEL_CONFIG_YAML_H
#define ZEGEL_CONFIG_YAML_H

#include <cyaml/cyaml.h>

#include "base/buf.h"

struct yaml_complaint {
    char text[256]; /* "": none */
    unsigned line;  /* 0: not known */
};

/* What cyaml_load_data and cyaml_free want; complaints go to *c, which outlives it. */
cyaml_config_t yaml_config(struct yaml_complaint *c);
/* "NAME:LINE: what is wrong" for what cyaml_load_data returned; CYAML_OK: it found nothing at all. */
void yaml_explain(const char *name, const struct yaml_complaint *c, cyaml_err_t e, struct buf *why);

#endif
