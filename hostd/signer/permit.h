/* permit: may this be signed, now, for this front end? All that the signer decides (DESIGN §2 rule 2) is in this one file. */
#ifndef ZEGEL_SIGNER_PERMIT_H
#define ZEGEL_SIGNER_PERMIT_H

#include "config/config.h"
#include "dkim/sigheader.h"
#include "ipc/milter_signer.h"
#include "signer/keyring.h"
#include "signer/rate.h"

/* The process behind one of listen:. Its bucket outlives the process: one that ends itself begins no new one. */
struct front_end {
    char listen[128];
    int64_t rate_at_us;
};

struct permit {
    const struct config *config;
    struct keyring *keys;
    struct ceilings *ceilings;
    struct front_end *front_end;
    int64_t now_s, now_ms; /* wall clock for t= and days; monotonic for rates */
};

struct permitted {
    const struct config_domain *domain;
    const struct config_key *config_key;
    struct known_key *key;
    struct sigheader sig; /* as the block has it */
};

/* ZEGEL_OK: it may, and it has been counted (ceilings_give_back when nothing comes of it). Otherwise an error, with one static
 * clause in *why: ZEGEL_ERR_REFUSED never may, ZEGEL_ERR_BUSY not now. */
int permit(const struct permit *p, const struct sign_request *in, struct permitted *out, const char **why);

#endif
