#include "core/session.h"

struct session session;

void session_forget(void)
{
    session.user_sign = session.user_other = session.admin = false;
}

static bool *flag_of(uint8_t p2)
{
    return p2 == 0x81 ? &session.user_sign : p2 == 0x82 ? &session.user_other : p2 == 0x83 ? &session.admin : NULL;
}

enum sw session_verify(const struct apdu *c)
{
    bool *flag = flag_of(c->p2);
    enum pin pin = c->p2 == 0x83 ? PIN_ADMIN : PIN_USER;
    if (flag == NULL || (c->p1 != 0 && c->p1 != 0xff))
        return SW_WRONG_P1P2;
    if (c->p1 == 0xff) {
        *flag = false;
        return c->data.len == 0 ? SW_OK : SW_WRONG_LENGTH;
    }
    if (c->data.len == 0) {
        unsigned tries = pin_tries(pin);
        return *flag ? SW_OK : tries == 0 ? SW_BLOCKED : (enum sw)(SW_TRIES | tries);
    }
    *flag = false;
    enum sw sw = pin_verify(pin, c->data);
    *flag = sw == SW_OK;
    return sw;
}
