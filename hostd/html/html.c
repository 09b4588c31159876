#include "html/html.h"

#include "dkim/base64.h"
#include "dkim/digest.h"

/* The length of the UTF-8 sequence at `s`, and its code point; 0: it is none. */
static size_t sequence(const uint8_t *s, uint32_t *code)
{
    size_t n = s[0] < 0x80                   ? 1
               : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
               : (s[0] & 0xf0) == 0xe0       ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                             : 0;
    *code = n == 1 ? s[0] : s[0] & (0xffU >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (s[i] & 0x3f);
    }
    return (n == 3 && *code < 0x800) || (n == 4 && (*code < 0x10000 || *code > 0x10ffff)) || (*code >= 0xd800 && *code < 0xe000)
               ? 0
               : n;
}

/* Controls, and what turns the direction of writing (a way to show another text than there is). */
static bool hides(uint32_t code)
{
    return (code < 0x20 && code != '\n') || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
           code == 0xfeff;
}

void html_escape(struct buf *out, const char *s)
{
    for (const uint8_t *p = (const uint8_t *)s; *p != '\0';) {
        uint32_t code;
        size_t n = sequence(p, &code);
        if (n == 0)
            buf_addf(out, "\\x%02X", *p);
        else if (hides(code))
            buf_addf(out, "\\u{%04X}", (unsigned)code);
        else if (code < 0x80 && strchr("&<>\"'", (int)code) != NULL)
            buf_addf(out, "&#%u;", (unsigned)code);
        else
            buf_add(out, bytes_of(p, n));
        p += n == 0 ? 1 : n;
    }
}

void html_style_hash(struct buf *out)
{
    uint8_t hash[DKIM_HASH_LEN], room[64];
    struct out text = out_of(room, sizeof room);
    (void)digest_sha256(bytes_of(html_style, html_style_len), hash);
    base64_encode(bytes_of(hash, sizeof hash), &text);
    buf_addf(out, "sha256-%.*s", (int)text.len, (const char *)text.data);
}

void html_head(struct buf *out, const char *language, const char *title)
{
    buf_addf(out, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n", language);
    buf_add_str(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; style-src &#39;");
    html_style_hash(out);
    buf_add_str(
        out, "&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    html_escape(out, title);
    buf_addf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n", html_style);
}
