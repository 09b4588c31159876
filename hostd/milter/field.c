#include "milter/field.h"

#include "base/buf.h"

const char *field_queue_id(SMFICTX *ctx)
{
    const char *id = smfi_getsymval(ctx, (char *)(uintptr_t) "i");
    return id == NULL ? "NOQUEUE" : id;
}

/* Old MTAs eat the space behind the colon; "Name: value" is what they will send. */
static void add_spaced(struct header *h, struct bytes name, struct bytes value)
{
    struct buf whole = BUF_INIT;
    buf_add_str(&whole, " ");
    buf_add(&whole, value);
    if (whole.failed)
        h->defects |= HEADER_TOO_MANY;
    else
        header_add(h, name, buf_bytes(&whole));
    buf_free(&whole);
}

void field_add(struct header *h, const char *name, const char *value, bool leading_space)
{
    if (leading_space)
        header_add(h, bytes_str(name), bytes_str(value));
    else
        add_spaced(h, bytes_str(name), bytes_str(value));
}

/* libmilter wants LF folds, and the leading space only when it was negotiated; a C string either way. */
bool field_insert(SMFICTX *ctx, int index, const char *name, struct bytes value, bool leading_space)
{
    char text[FIELD_TEXT_MAX + 1];
    size_t n = 0;
    if (value.len > FIELD_TEXT_MAX)
        return false;
    for (size_t i = leading_space ? 0 : 1; i < value.len; i++)
        if (value.data[i] != '\r')
            text[n++] = (char)value.data[i];
    text[n] = '\0';
    return smfi_insheader(ctx, index, (char *)(uintptr_t)name, text) == MI_SUCCESS;
}
