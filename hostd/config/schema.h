/* schema: what zegel.yaml may hold, one line per option. */
#ifndef ZEGEL_CONFIG_SCHEMA_H
#define ZEGEL_CONFIG_SCHEMA_H

#include <cyaml/cyaml.h>

extern const cyaml_schema_value_t config_schema;

#endif
