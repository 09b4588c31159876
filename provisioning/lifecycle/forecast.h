/* forecast: what will happen to a domain's keys when all goes well. Pure. */
#ifndef ZEGEL_LIFECYCLE_FORECAST_H
#define ZEGEL_LIFECYCLE_FORECAST_H

#include "lifecycle/machine.h"

typedef void forecast_each(void *arg, int64_t time_s, unsigned number, enum life_act act);

/* Every act from `now_s` until `until_s`, in order. `step_s`: how often zegel rotate run is started. */
void forecast(const struct life_policy *p, const struct life_domain *d, int64_t now_s, int64_t until_s, int64_t step_s,
              forecast_each *each, void *arg);

#endif
