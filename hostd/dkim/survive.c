#include "dkim/survive.h"

static bool has_8bit(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] >= 0x80)
            return true;
    return false;
}

/* Has the field a line over DKIM_LINE_MAX? The first one starts with the name and the colon. */
static bool has_long_line(const struct header_field *f)
{
    size_t at = 0, column = f->name.len + 1;
    while (at < f->value.len) {
        size_t len = bytes_find(bytes_slice(f->value, at, f->value.len), '\n');
        bool broken = at + len < f->value.len; /* then a CR stands before the LF: header.h */
        if (column + len - (broken ? 1 : 0) > DKIM_LINE_MAX)
            return true;
        at += len + 1;
        column = 0;
    }
    return false;
}

struct found {
    struct survive_risk *out;
    size_t count;
};

static void add(struct found *f, struct bytes field, const char *what)
{
    f->out[f->count++] = (struct survive_risk){.field = field, .what = what};
}

static void header_risks(const struct header *h, const struct select_policy *policy, bool seven_bit, struct found *out)
{
    struct selected sel;
    bool long_seen = false, eight_seen = !seven_bit;
    if (!select_fields(policy, h, &sel)) /* then it cannot be signed, and dkim_sign_block says so */
        return;
    for (size_t i = 0; i < sel.count; i++) {
        if (sel.entries[i].field == SELECT_ABSENT)
            continue;
        const struct header_field *f = &h->fields[sel.entries[i].field];
        if (!long_seen && has_long_line(f)) {
            add(out, header_name(f), "a line over 998 octets (RFC 5322 section 2.1.1): an MTA breaks it in two");
            long_seen = true;
        }
        if (!eight_seen && has_8bit(f->value)) {
            add(out, header_name(f), "8-bit octets, and the path is 7-bit: they are encoded or refused");
            eight_seen = true;
        }
    }
}

size_t survive_risks(const struct dkim_sign *m, const struct select_policy *policy, bool seven_bit,
                     struct survive_risk out[SURVIVE_RISKS_MAX])
{
    static const struct {
        enum body_defect defect;
        const char *what;
    } body[] = {
        {BODY_NUL, "a NUL octet (RFC 5321 section 2.3.8): taken out or refused"},
        {BODY_BARE_CR, "a CR without LF (RFC 5321 section 2.3.8): becomes a line break or is refused"},
        {BODY_BARE_LF, "an LF without CR (RFC 5321 section 2.3.8): becomes a line break or is refused"},
        {BODY_LONG_LINE, "a line over 998 octets (RFC 5322 section 2.1.1): an MTA breaks it in two"},
        {BODY_8BIT, "8-bit octets, and the path is 7-bit: the body is encoded anew"},
    };
    struct found found = {.out = out, .count = 0};
    const struct bytes none = {NULL, 0};
    header_risks(&m->header, policy, seven_bit, &found);
    for (size_t i = 0; i < sizeof body / sizeof body[0]; i++)
        if ((m->check.defects & body[i].defect) != 0 && (body[i].defect != BODY_8BIT || seven_bit))
            add(&found, none, body[i].what);
    return found.count;
}
