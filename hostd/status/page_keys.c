/* Domains and keys: a bar for the time that each signs, and the same as a table. */
#include <inttypes.h>

#include "html/html.h"
#include "status/page.h"

enum { DOMAINS_SHOWN = 100, WIDTH = 960, LEFT = 260, ROW = 26, TOP = 12, BAR = 14, DAY_S = 86400 };

/* The time that the drawing covers. */
struct axis {
    int64_t from_s, to_s, now_s;
};

static const struct config_key *key_at(const struct book *b, unsigned *d, unsigned *k)
{
    while (*d < b->config->domains_count && *d < DOMAINS_SHOWN && *k >= b->config->domains[*d].keys_count) {
        ++*d;
        *k = 0;
    }
    return *d < b->config->domains_count && *d < DOMAINS_SHOWN ? &b->config->domains[*d].keys[*k] : NULL;
}

static int x_of(const struct axis *a, int64_t t)
{
    return LEFT + (int)((t - a->from_s) * (WIDTH - LEFT - 10) / (a->to_s - a->from_s));
}

/* False when no key has a time to draw. */
static bool find_axis(const struct book *b, int64_t now_s, struct axis *a)
{
    const struct config_key *key;
    bool any = false;
    *a = (struct axis){now_s, now_s, now_s};
    for (unsigned d = 0, k = 0; (key = key_at(b, &d, &k)) != NULL; k++) {
        if (key->since_s != 0 && key->since_s < a->from_s)
            a->from_s = key->since_s;
        if (key->until_s > a->to_s)
            a->to_s = key->until_s;
        any = any || key->since_s != 0 || key->until_s != 0;
    }
    int64_t margin = (a->to_s - a->from_s) / 25 + DAY_S;
    a->from_s -= margin;
    a->to_s += margin;
    return any;
}

static void bar(const struct axis *a, const struct config_key *key, int y, struct buf *out)
{
    int64_t from = key->since_s != 0 ? key->since_s : a->now_s, to = key->until_s != 0 ? key->until_s : a->now_s;
    int x = x_of(a, from), width = x_of(a, to) - x;
    if (key->since_s == 0 && key->until_s == 0)
        return;
    buf_addf(out, "<rect class=\"signing\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\"/>", x, y, width > 2 ? width : 2,
             BAR);
    if (key->until_s != 0)
        buf_addf(out, "<line class=\"due\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>", x + width, y - 3, x + width, y + BAR + 3);
}

static void draw(const struct book *b, const struct words *w, int64_t now_s, struct buf *out)
{
    const struct config_key *key;
    struct axis a;
    int rows = 0, y = TOP;
    if (!find_axis(b, now_s, &a))
        return;
    for (unsigned d = 0, k = 0; key_at(b, &d, &k) != NULL; k++)
        rows++;
    buf_addf(out, "<figure class=\"wide\" tabindex=\"0\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">", WIDTH,
             TOP + rows * ROW + 22, w->text[WORD_TIMELINE]);
    for (unsigned d = 0, k = 0; (key = key_at(b, &d, &k)) != NULL; k++, y += ROW) {
        buf_addf(out, "<text x=\"0\" y=\"%d\">", y + 11);
        html_escape(out, key->selector);
        buf_add_str(out, " · ");
        html_escape(out, b->config->domains[d].domain);
        buf_add_str(out, "</text>");
        bar(&a, key, y, out);
    }
    int x = x_of(&a, now_s);
    buf_addf(out,
             "<line class=\"now\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/><text class=\"soft\" x=\"%d\" y=\"%d\" "
             "text-anchor=\"middle\">%s</text></svg></figure>\n",
             x, TOP - 8, x, y, x, y + 14, w->text[WORD_TODAY]);
}

/* The one that is to be replaced first. */
static void next(const struct book *b, const struct words *w, struct buf *out)
{
    const struct config_key *key, *first = NULL;
    const char *domain = "";
    for (unsigned d = 0, k = 0; (key = key_at(b, &d, &k)) != NULL; k++)
        if (key->until_s != 0 && (first == NULL || key->until_s < first->until_s)) {
            first = key;
            domain = b->config->domains[d].domain;
        }
    if (first == NULL) {
        buf_addf(out, "<p class=\"note\">%s</p>\n", w->text[WORD_NEXT_NONE]);
        return;
    }
    buf_addf(out, "<p>%s: ", w->text[WORD_NEXT]);
    html_escape(out, first->selector);
    buf_add_str(out, " · ");
    html_escape(out, domain);
    buf_add_str(out, ", ");
    page_day(out, first->until_s);
    buf_add_str(out, "</p>\n");
}

static void day_cell(int64_t t, struct buf *out)
{
    buf_add_str(out, "<td>");
    if (t == 0)
        buf_add_str(out, "–");
    else
        page_day(out, t);
    buf_add_str(out, "</td>");
}

static void row(const struct book *b, const struct config_domain *d, const struct config_key *key, struct buf *out)
{
    uint64_t rsa, ed25519;
    bool is_rsa = key->algorithm == CONFIG_RSA_SHA256;
    book_signatures(b, d, &rsa, &ed25519);
    buf_add_str(out, "<tr><th scope=\"row\">");
    html_escape(out, d->domain);
    buf_add_str(out, "</th><td>");
    html_escape(out, key->selector);
    buf_addf(out, "</td><td>%s</td><td>%" PRIu64 "</td>", is_rsa ? "rsa-sha256" : "ed25519-sha256", is_rsa ? rsa : ed25519);
    day_cell(key->since_s, out);
    day_cell(key->until_s, out);
    buf_add_str(out, "</tr>\n");
}

void page_keys(const struct book *b, const struct words *w, int64_t now_s, struct buf *out)
{
    static const enum word columns[] = {WORD_DOMAIN,     WORD_SELECTOR,    WORD_ALGORITHM,
                                        WORD_SIGNATURES, WORD_SIGNS_SINCE, WORD_SIGNS_UNTIL};
    const struct config_key *key;
    buf_addf(out, "<section aria-labelledby=\"domains\"><h2 id=\"domains\">%s</h2>\n", w->text[WORD_DOMAINS]);
    next(b, w, out);
    draw(b, w, now_s, out);
    buf_add_str(out, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"domains\"><table>\n");
    page_columns(out, w, columns, 6);
    for (unsigned d = 0, k = 0; (key = key_at(b, &d, &k)) != NULL; k++)
        row(b, &b->config->domains[d], key, out);
    buf_add_str(out, "</tbody></table></div>\n");
    if (b->config->domains_count > DOMAINS_SHOWN)
        buf_addf(out, "<p class=\"note\">%u %s</p>\n", b->config->domains_count - DOMAINS_SHOWN, w->text[WORD_MORE]);
    buf_add_str(out, "</section>\n");
}
