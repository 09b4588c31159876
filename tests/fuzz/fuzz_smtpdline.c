#include "front/smtpdline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool within(struct bytes view, const uint8_t *data, size_t size)
{
    return view.len == 0 || (view.data >= data && view.data + view.len <= data + size);
}

/* Whatever the line is, views stay in it, and what we would echo or use as an address is of its form. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smtpdline l = smtpdline_parse(bytes_of(data, size));
    bool turn = l.kind == SMTPDLINE_DATA || l.kind == SMTPDLINE_COMMIT;
    if (!within(l.session, data, size) || !within(l.token, data, size) || !within(l.text, data, size) ||
        !within(l.client, data, size) || !within(l.id, data, size))
        __builtin_trap();
    if (turn && (l.session.len == 0 || l.session.len > SMTPDLINE_ID_MAX || l.token.len == 0 || l.token.len > SMTPDLINE_ID_MAX ||
                 memchr(l.token.data, '|', l.token.len) != NULL))
        __builtin_trap();
    if (l.kind == SMTPDLINE_CONNECT && l.client.len > 0 && (l.port == 0 || l.port > 65535))
        __builtin_trap();
    if (l.kind == SMTPDLINE_AUTH && l.text.len == 0)
        __builtin_trap();
    return 0;
}
