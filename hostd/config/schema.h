/* schema: what zegel.yaml may hold, one line per option. */
#ifndef ZEGEL_CONFIG_SCHEMA_H
#define ZEGEL_CONFIG_SCHEMA_H

#include <cyaml/cyaml.h>

#include "config/config.h"

extern const cyaml_schema_value_t config_schema;

/* active.yaml: a list of these. */
struct config_active {
    char *domain;
    struct config_key *keys;
    unsigned keys_count;
};
extern const cyaml_schema_value_t config_active_schema;

#endif
