/* What policy lets pass, the engine makes a block of, and the signer accepts that block: in all four canonicalisations. */
#include "dkim/sign.h"
#include "dkim/survive.h"
#include "milter/policy.h"
#include "signer/blockcheck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dkim_sign *m;
    static uint8_t value_room[DKIM_FIELD_MAX], block_room[DKIM_BLOCK_MAX];
    struct config_key k = {.selector = (char *)(uintptr_t) "s1", .algorithm = CONFIG_RSA_SHA256};
    struct config_domain d = {
        .domain = (char *)(uintptr_t) "example.nl", .subdomains = true, .keys = &k, .keys_count = 1, .headers = select_default};
    const struct config c = {.domains = &d, .domains_count = 1};
    const struct sender local = {.local = true};
    struct survive_risk risks[SURVIVE_RISKS_MAX];
    struct sigheader parsed;
    if ((m == NULL && (m = dkim_sign_new()) == NULL) || size == 0)
        return 0;
    dkim_sign_start(m);
    size_t body = header_parse(&m->header, bytes_of(data + 1, size - 1));
    dkim_sign_body_start(m, true, true);
    dkim_sign_body(m, bytes_slice(bytes_of(data + 1, size - 1), body, size));
    d.relaxed_header = data[0] & 1;
    d.relaxed_body = data[0] & 2;
    struct policy_answer a = policy_judge(&c, &local, &m->header);
    if (!dkim_sign_body_end(m) || a.verdict != POLICY_SIGN || policy_defect(&m->header) != NULL)
        return 0;
    (void)survive_risks(m, &d.headers, true, risks);
    struct sigheader_params p = {.relaxed_header = d.relaxed_header,
                                 .relaxed_body = d.relaxed_body,
                                 .domain = BYTES_LIT("example.nl"),
                                 .selector = BYTES_LIT("s1"),
                                 .timestamp = 1700000000};
    struct out value = out_of(value_room, sizeof value_room), block = out_of(block_room, sizeof block_room);
    if (dkim_sign_block(m, &p, &d.headers, &value, &block) && blockcheck(out_bytes(&block), &d, &k, 1700000000, &parsed) != NULL)
        __builtin_trap();
    return 0;
}
