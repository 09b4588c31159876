/* A key record, NUL, and a message: every result can be written as one Authentication-Results. */
#include "dkim/authres.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum verify_key_status lookup(void *arg, const char *name, struct verify_key *key)
{
    (void)name;
    out_add(&key->txt, *(struct bytes *)arg);
    return VERIFY_KEY_FOUND;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dkim_sign *m;
    struct verification v[VERIFY_RESULTS_MAX];
    struct bytes all = bytes_of(data, size), record = bytes_slice(all, 0, bytes_find(all, '\0')),
                 text = bytes_slice(all, record.len + 1, size);
    if (m == NULL && (m = dkim_sign_new()) == NULL)
        return 0;
    dkim_sign_start(m);
    size_t body = header_parse(&m->header, text);
    dkim_sign_body_start(m, true, true);
    dkim_sign_body(m, bytes_slice(text, body, text.len));
    if (!dkim_sign_body_end(m))
        return 0;
    size_t n = verify_message(m, 1700000000, lookup, &record, v);
    for (size_t i = 0; i < n; i++) {
        uint8_t room[2048];
        struct out line = out_of(room, sizeof room);
        authres_dkim(&v[i], &line);
        bool quoted = false;
        for (size_t at = 0; at < line.len; at++) {
            quoted ^= room[at] == '"';
            if (line.overflow || room[at] < ' ' || room[at] == '\\' || (room[at] == ';' && !quoted))
                __builtin_trap();
        }
        if (quoted)
            __builtin_trap();
        (void)authres_is_aligned(&m->header, v[i].sig.domain);
    }
    return 0;
}
