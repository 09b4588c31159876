/* clock: deadlines are monotonic milliseconds, so that a step of the wall clock cannot stretch or cut them. */
#ifndef ZEGEL_CLOCK_H
#define ZEGEL_CLOCK_H

#include <stdint.h>

int64_t clock_monotonic_ms(void);
/* The same clock, for measuring. */
int64_t clock_monotonic_us(void);
/* Seconds since 1970-01-01 UTC. */
int64_t clock_wall_s(void);
/* Milliseconds left until `deadline_ms` (monotonic), 0 when it has passed; fits an int for poll(). */
int clock_left_ms(int64_t deadline_ms);

#endif
