#include "signer/checkpoint.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "figures/figures.h"

enum { WITHIN_MS = 5000 };

void checkpoint_init(struct checkpoint_state *c, const char *origin)
{
    *c = (struct checkpoint_state){.text = BUF_INIT};
    (void)snprintf(c->key.name, sizeof c->key.name, "%s", origin);
}

bool checkpoint_due(struct checkpoint_state *c, struct audit *a, struct known_key *key, uint64_t id, struct token_request *out)
{
    int64_t now = clock_monotonic_ms();
    if (c->id != 0 && now > c->deadline_ms)
        c->id = 0; /* the next one covers what this one would have */
    if (c->id != 0 || key == NULL || !audit_checkpoint_due(a, now))
        return false;
    buf_clear(&c->text);
    audit_checkpoint_text(a, now, &c->text);
    c->covers = audit_size(a);
    c->known = key;
    *out = (struct token_request){
        .id = id, .left_ms = WITHIN_MS, .key = bytes_str(key->uri), .is_text = true, .data = buf_bytes(&c->text)};
    return !c->text.failed;
}

void checkpoint_sent(struct checkpoint_state *c, uint64_t id)
{
    c->id = id;
    c->deadline_ms = clock_monotonic_ms() + WITHIN_MS;
}

/* RFC 8410: twelve octets of AlgorithmIdentifier and BIT STRING head, then the key. */
static bool take_key(struct checkpoint_state *c, struct bytes spki)
{
    static const uint8_t head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    if (spki.len != sizeof head + NOTE_KEY_LEN || !bytes_has_prefix(spki, bytes_of(head, sizeof head)))
        return false;
    memcpy(c->key.public_key, spki.data + sizeof head, NOTE_KEY_LEN);
    return true;
}

/* The key it was signed with is kept before the note is there. */
static int keep_key(struct checkpoint_state *c, struct audit *a, struct keyring *keys, struct buf *why)
{
    if (known_key_keep(keys, c->known))
        return keyring_save(keys, a, why);
    buf_add_str(why, "out of memory");
    return ZEGEL_ERR_NOMEM;
}

void checkpoint_take(struct checkpoint_state *c, struct audit *a, struct keyring *keys, const struct token_reply *in)
{
    struct buf why = BUF_INIT;
    const char *clause = "audit.key is not an Ed25519 key";
    c->id = 0;
    if (in->err != ZEGEL_OK)
        buf_addf(&why, "%.*s", (int)in->reason.len, (const char *)in->reason.data);
    else if (!take_key(c, in->spki) || known_key_pin(c->known, in->spki, &clause) != ZEGEL_OK)
        buf_add_str(&why, clause);
    else if (in->signature.len != NOTE_SIGNATURE_LEN || !note_signature_holds(&c->key, buf_bytes(&c->text), in->signature))
        buf_add_str(&why, "the token made a signature that does not verify");
    else if (keep_key(c, a, keys, &why) == ZEGEL_OK &&
             audit_checkpoint_write(a, &c->key, buf_bytes(&c->text), in->signature.data, &why) == ZEGEL_OK) {
        c->covered = c->covers;
        figures_count(FIGURE_CHECKPOINTS);
        figures_set(FIGURE_CHECKPOINT_TIME, clock_wall_s());
    }
    if (why.len > 0)
        log_error("audit log: no checkpoint: %s", buf_cstr(&why));
    buf_free(&why);
}
