/* slot: one reader as PKCS#11 sees it: the token in it, who is logged in, the keys it has. Not thread-safe: the module has one
 * lock. */
#ifndef ZEGEL_ZEGELTOKEN_SLOT_H
#define ZEGEL_ZEGELTOKEN_SLOT_H

#include "pkcs11/cryptoki.h"
#include "pkcs11/zegeltoken/applet.h"
#include "pkcs11/zegeltoken/reader.h"

struct slot {
    struct reader reader;
    enum reader_result last; /* of the exchange before, when a command was APPLET_LOST */
    bool logged_in;          /* by this process */
    bool have_keys;
    uint8_t keys_head[APPLET_HASH]; /* of the token's log when they were read: a key made or deleted moves it on */
    struct applet_key keys[APPLET_KEYS_MAX];
    size_t count;
};

/* The commands of the slot's token; between slot_begin and slot_end. */
struct applet slot_applet(struct slot *s);
/* The token for this process alone, its own application selected. CKR_OK, CKR_TOKEN_NOT_PRESENT, CKR_DEVICE_REMOVED (somebody
 * used it before), CKR_DEVICE_ERROR. Whoever finds the token reset is logged in no more. */
CK_RV slot_begin(struct slot *s);
void slot_end(struct slot *s);
/* Our application is selected, whatever another program has done meanwhile; then nobody is logged in. In between. */
CK_RV slot_select(struct slot *s);
/* A status word as an answer of PKCS#11; says what it means for the login. */
CK_RV slot_rv(struct slot *s, unsigned sw);
/* The keys, from the token; not again while its log stands where it stood. In between. */
CK_RV slot_read_keys(struct slot *s);
/* CKF_USER_PIN_COUNT_LOW and the like. In between. */
CK_RV slot_pin_flags(struct slot *s, CK_FLAGS *flags);

#endif
