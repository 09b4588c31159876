#include "message.h"

#include <errno.h>
#include <unistd.h>

#include "base/err.h"

enum { MESSAGE_MAX = 256 * 1024 * 1024 };

static int read_all(int in, struct buf *text, struct buf *why)
{
    for (;;) {
        if (text->len > MESSAGE_MAX || !buf_reserve(text, 65536)) {
            buf_addf(why, "message: larger than %d octets", MESSAGE_MAX);
            return ZEGEL_ERR_TOO_BIG;
        }
        ssize_t n = read(in, text->data + text->len, text->cap - text->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            buf_addf(why, "message: %s", strerror(errno));
            return ZEGEL_ERR_SYSTEM;
        }
        if (n == 0)
            return ZEGEL_OK;
        text->len += (size_t)n;
    }
}

static void feed_body(struct message *m, struct bytes body)
{
    if (!m->lf) {
        dkim_sign_body(m->dkim, body);
        return;
    }
    while (body.len > 0) {
        size_t lf = bytes_find(body, '\n');
        dkim_sign_body(m->dkim, bytes_slice(body, 0, lf));
        if (lf < body.len)
            dkim_sign_body(m->dkim, BYTES_LIT("\r\n"));
        body = bytes_slice(body, lf + 1, body.len);
    }
}

int message_read(int in, struct message *out, struct buf *why)
{
    *out = (struct message){.text = BUF_INIT};
    int err = read_all(in, &out->text, why);
    if (err == ZEGEL_OK && (out->dkim = dkim_sign_new()) == NULL)
        err = ZEGEL_ERR_NOMEM;
    if (err == ZEGEL_OK) {
        struct bytes text = buf_bytes(&out->text);
        size_t lf = bytes_find(text, '\n');
        out->lf = lf < text.len && (lf == 0 || text.data[lf - 1] != '\r');
        out->body = header_parse(&out->dkim->header, text);
        dkim_sign_body_start(out->dkim, true, true);
        feed_body(out, bytes_slice(text, out->body, text.len));
        if (!dkim_sign_body_end(out->dkim))
            err = ZEGEL_ERR_NOMEM;
    }
    if (err != ZEGEL_OK)
        message_free(out);
    return err;
}

void message_free(struct message *m)
{
    dkim_sign_free(m->dkim);
    buf_free(&m->text);
    *m = (struct message){.text = BUF_INIT};
}
