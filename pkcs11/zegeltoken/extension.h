/* extension: what zegel-pkcs11.so exports beside C_GetFunctionList, for programs that know the Zegel token. */
#ifndef ZEGEL_ZEGELTOKEN_EXTENSION_H
#define ZEGEL_ZEGELTOKEN_EXTENSION_H

#include <stdint.h>

#include "pkcs11/cryptoki.h"

/* One command APDU to the token in that slot, whose own application is selected, and the response with its status word.
 * *response_len: room, then octets. After C_Initialize; needs no session. */
typedef CK_RV zegel_token_exchange_fn(CK_SLOT_ID slot, const uint8_t *command, CK_ULONG len, uint8_t *response,
                                      CK_ULONG *response_len);
zegel_token_exchange_fn zegel_token_exchange;
#define ZEGEL_TOKEN_EXCHANGE "zegel_token_exchange"

#endif
