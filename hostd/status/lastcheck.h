/* lastcheck: what the last `zegel check --all` left in STATE/status/check.json. Counted here, and believed no further: of domains
 * only those of the configuration are shown. */
#ifndef ZEGEL_STATUS_LASTCHECK_H
#define ZEGEL_STATUS_LASTCHECK_H

#include <jansson.h>

#include "config/config.h"

/* As check/check.h orders them. */
enum lastcheck_result { LASTCHECK_PASS, LASTCHECK_INFO, LASTCHECK_WARN, LASTCHECK_EXPLAINED, LASTCHECK_FAIL, LASTCHECK_RESULTS };

enum { LASTCHECK_SHOWN = 20 };

struct lastcheck {
    int64_t time_s; /* 0: there was none, or its file is of no use */
    unsigned counts[LASTCHECK_RESULTS];
    const char *failed[LASTCHECK_SHOWN]; /* domains, of the configuration */
    unsigned failed_count;
};

void lastcheck_read(const struct config *c, struct lastcheck *out);

/* And what `zegel token reconcile` left in STATE/status/reconcile.json: read once for each answer, freed with json_decref; NULL:
 * nothing, or nothing of use. */
json_t *lastcheck_logs(const struct config *c);

/* Of one token. */
struct lastcheck_token {
    int64_t time_s;      /* 0: its log was never compared */
    int64_t differences; /* that nobody has explained */
};

void lastcheck_token(const json_t *logs, const char *token, struct lastcheck_token *out);
/* "PASS" ... */
const char *lastcheck_name(enum lastcheck_result r);

#endif
