/* zegeltoken: what zegel does with a Zegel token beyond PKCS#11: keys are made and deleted by its administrator (PW3), it has a
 * policy and limits for each, a log of its own, and signs what it says about itself. */
#ifndef ZEGEL_ZEGELTOKEN_H
#define ZEGEL_ZEGELTOKEN_H

#include "base/buf.h"
#include "cmd.h"
#include "pkcs11/zegeltoken/applet.h"
#include "pkcs11/zegeltoken/extension.h"

struct zegeltoken {
    const char *name; /* of the configuration */
    CK_SLOT_ID slot;
    zegel_token_exchange_fn *exchange;
    struct applet applet;
    CK_RV rv; /* of the last command that did not get through */
};

/* False: another vendor's token. `out` must not be moved afterwards. */
bool zegeltoken_of(const struct module *m, CK_SLOT_ID slot, const char *name, struct zegeltoken *out);
struct zegeltoken_opened {
    struct module *module;
    struct token *token;
    struct zegeltoken z;
};
/* A Zegel token of the configuration, without a login; on failure nothing is open. Not to be moved. ZEGEL_ERR_NOT_FOUND: it is
 * another vendor's. */
int zegeltoken_open(const struct config_token *t, struct zegeltoken_opened *out, struct buf *why);
void zegeltoken_close(struct zegeltoken_opened *t);
/* The administrator (--so-pin-file) from here on, until zegeltoken_admin_end. A wrong PIN is one of three tries: never sent again
 * by itself. */
int zegeltoken_admin(const struct zegeltoken *z, const struct cmd_options *o, struct buf *why);
void zegeltoken_admin_end(const struct zegeltoken *z);
/* k->number: one that no key has; nor may any key have its domain and selector, where it has them. */
int zegeltoken_free_number(const struct zegeltoken *z, struct applet_key *k, struct buf *why);
/* ZEGEL_OK for SW_OK; otherwise an error, and "token NAME: WHAT: why" in `why`. */
int zegeltoken_said(const struct zegeltoken *z, const char *what, unsigned sw, struct buf *why);
/* A key as the options say, for DOMAIN/SELECTOR, under the next free number. */
int zegeltoken_generate(struct zegeltoken *z, const struct cmd_options *o, unsigned bits, struct buf *why);
int zegeltoken_destroy(struct zegeltoken *z, const struct cmd_options *o, const uint8_t *id, size_t id_len, struct buf *why);
/* A fresh statement of the device, about key `number` or (0) its log alone, whose signature holds. `device`: the public key that
 * it has to be signed with. */
int zegeltoken_attest(const struct zegeltoken *z, uint8_t number, const uint8_t device[32], struct applet_statement *out,
                      struct buf *why);
/* The same for a key by its CKA_ID. */
int zegeltoken_vouches(const struct zegeltoken *z, const uint8_t *id, size_t id_len, struct buf *why);
/* All of it for zegel token info, into `j`: keys with policies, limits and counters, log and attestation, verified. */
int zegeltoken_describe(const struct zegeltoken *z, json_t *j, struct buf *why);
const char *zegeltoken_policy_name(unsigned policy);

#endif
