/* pin: the three secrets that say who asks: the user's (PW1), the administrator's (PW3) and the code that resets the user's.
 *
 * Only a salted, stretched hash is kept, keyed with a secret of the device. A try is counted, durably, before it is compared:
 * power that fails between gives nobody another one. */
#ifndef ZEGEL_CORE_PIN_H
#define ZEGEL_CORE_PIN_H

#include "core/span.h"
#include "core/sw.h"

enum pin { PIN_USER, PIN_RESET_CODE, PIN_ADMIN, PINS };
enum { PIN_TRIES = 3, PIN_MAX = 64, PIN_USER_MIN = 6, PIN_ADMIN_MIN = 8 };

/* From the store. -1 when it cannot be read. */
__attribute__((warn_unused_result)) int pin_open(void);
/* Factory settings: 123456, no reset code, 12345678. */
__attribute__((warn_unused_result)) int pin_reset_all(void);
unsigned pin_tries(enum pin p);
/* SW_OK; 63Cx; SW_BLOCKED; SW_MEMORY_FAILURE. */
enum sw pin_verify(enum pin p, struct span value);
/* A new value with all its tries. An empty reset code: there is none. SW_WRONG_DATA when too short or too long. */
enum sw pin_set(enum pin p, struct span value);
/* pin_verify without a value to compare: the token takes the old one from the front of `both`, whose length it knows. */
enum sw pin_change(enum pin p, struct span both);
/* Verifies the reset code at the front of `both`; the rest is the user's new PIN. */
enum sw pin_unblock(struct span both);
/* C4[0]: one PW1 is good for several PSO:CDS. */
bool pin_several(void);
enum sw pin_set_several(bool several);

#endif
