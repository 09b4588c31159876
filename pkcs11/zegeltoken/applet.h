/* applet: the commands of the Zegel token's own application (firmware/README.md), and what their answers say. Over anything that
 * carries a command: the module's reader, or the module's zegel_command from outside. Nothing the token says is believed
 * further than its lengths reach. */
#ifndef ZEGEL_ZEGELTOKEN_APPLET_H
#define ZEGEL_ZEGELTOKEN_APPLET_H

#include "core/reason.h"
#include "core/sw.h"
#include "core/tlv.h"

enum {
    APPLET_KEYS_MAX = 35,
    APPLET_NAME_MAX = 254,
    APPLET_PUBLIC_MAX = 512,
    APPLET_SIGNATURE_MAX = 512,
    APPLET_COMMAND_MAX = 2048, /* octets of data in one command APDU */
    APPLET_RESPONSE_MAX = 4096,
    APPLET_NONCE = 32,
    APPLET_HASH = 32,
    APPLET_ID = 8,
    APPLET_LOST = 0 /* instead of a status word: the command did not get through */
};

enum { APPLET_STRICT = 1, APPLET_MAY_LEAVE = 8 };
enum applet_policy { APPLET_DKIM_ONLY = 1, APPLET_TICKET = 2, APPLET_BLIND = 3 };

/* Sends one APDU; *response_len: room, then octets, status word included. False: it did not get through. */
typedef bool applet_send(void *arg, const uint8_t *command, size_t len, uint8_t *response, size_t *response_len);

struct applet {
    applet_send *send;
    void *arg;
};

/* INFO */
struct applet_info {
    char serial[9];   /* hexadecimal, of the AID */
    bool development; /* its keys come from a constant seed: manufacturer FFFF in the AID */
    char version[32], port[96];
    uint8_t attestation[32];
    uint8_t numbers[APPLET_KEYS_MAX]; /* of the keys there are */
    size_t count;
    uint64_t boots, log_number;
    uint8_t log_head[APPLET_HASH];
};

/* KEY INFO; in CREATE KEY what of it is to be chosen. */
struct applet_key {
    uint8_t number, id[APPLET_ID];
    unsigned bits; /* 0: Ed25519 */
    unsigned policy, flags;
    uint32_t rate, daily_cap, life_max_s;
    char domain[APPLET_NAME_MAX], selector[APPLET_NAME_MAX];
    bool generated;
    uint64_t signatures, today;
    uint8_t public[APPLET_PUBLIC_MAX]; /* modulus, or the 32 octets of Ed25519 */
    size_t public_len;
    uint32_t e;
};

/* One entry of the log. */
struct applet_entry {
    uint8_t before[APPLET_HASH], after[APPLET_HASH]; /* heads of the chain */
    uint64_t number, signatures;
    uint8_t slot, id[APPLET_ID], verdict, hash[APPLET_HASH];
    char domain[APPLET_NAME_MAX], selector[APPLET_NAME_MAX];
};

/* What the device vouches for: the log, and perhaps a key. `statement` is what its key has signed, tag and length included. */
struct applet_statement {
    uint8_t statement[APPLET_RESPONSE_MAX];
    size_t len;
    uint8_t signature[64];
    uint8_t nonce[APPLET_NONCE], log_head[APPLET_HASH];
    uint64_t log_number;
    struct applet_key key; /* number 0: the log alone */
};

/* All return a status word (sw.h), or APPLET_LOST. An answer that makes no sense is SW_FAULT. */
/* Any command of the application, chained as need be, and its whole answer. */
unsigned applet_command(const struct applet *a, uint8_t ins, uint8_t p1, uint8_t p2, struct span data,
                        uint8_t response[APPLET_RESPONSE_MAX], size_t *len);
unsigned applet_select(const struct applet *a);
unsigned applet_info(const struct applet *a, struct applet_info *out);
unsigned applet_key_info(const struct applet *a, uint8_t number, struct applet_key *out);
/* p2 82: who signs, 83: who makes keys. An empty PIN asks how many tries are left (63Cx), or says 9000: verified already. */
unsigned applet_verify(const struct applet *a, uint8_t p2, struct span pin);
/* Nobody is verified any more. */
unsigned applet_forget(const struct applet *a, uint8_t p2);
/* BEGIN, UPDATE, FINISH: the token checks the header block and signs it, or says why not (69xx). */
unsigned applet_sign_block(const struct applet *a, uint8_t number, struct span block, uint8_t *signature, size_t *len);
/* SIGN: a DigestInfo or message, for keys of policy blind. */
unsigned applet_sign(const struct applet *a, uint8_t number, struct span data, uint8_t *signature, size_t *len);
unsigned applet_create(const struct applet *a, const struct applet_key *k);
unsigned applet_delete(const struct applet *a, uint8_t number);
unsigned applet_attest(const struct applet *a, uint8_t number, const uint8_t nonce[APPLET_NONCE], struct applet_statement *out);
unsigned applet_read_log(const struct applet *a, uint64_t number, struct applet_entry *out);

/* One line of English for a status word; static. */
const char *applet_sw_text(unsigned sw);

#endif
