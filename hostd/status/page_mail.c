/* Mail: the last hour drawn, the last minutes and all front ends as tables. */
#include <inttypes.h>

#include "html/html.h"
#include "status/page.h"

enum { WIDTH = 960, HEIGHT = 150, TOP = 14, BOTTOM = 22, STEP = WIDTH / BOOK_MINUTES };

/* What was signed in the minute that ended `i` minutes ago. */
static uint64_t signed_in(const struct book *b, unsigned i)
{
    return i + 1 < b->minutes_count ? b->minutes[i].signed_ - b->minutes[i + 1].signed_ : 0;
}

static void draw(const struct book *b, const struct words *w, struct buf *out)
{
    uint64_t most = 1;
    for (unsigned i = 0; i < BOOK_MINUTES; i++)
        if (signed_in(b, i) > most)
            most = signed_in(b, i);
    buf_addf(out, "<figure class=\"wide\" tabindex=\"0\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">", WIDTH,
             HEIGHT, w->text[WORD_PER_MINUTE]);
    for (unsigned i = 0; i < BOOK_MINUTES; i++) {
        int height = (int)(signed_in(b, i) * (HEIGHT - TOP - BOTTOM) / most), x = WIDTH - (int)(i + 1) * STEP;
        if (height > 0)
            buf_addf(out, "<rect class=\"signing\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", x + 1,
                     HEIGHT - BOTTOM - height, STEP - 3, height);
    }
    buf_addf(out,
             "<line class=\"axis\" x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/><text class=\"soft\" x=\"0\" y=\"11\">%" PRIu64
             "</text>"
             "<text class=\"soft\" x=\"0\" y=\"%d\">−60 min</text><text class=\"soft\" x=\"%d\" y=\"%d\" "
             "text-anchor=\"end\">0 min</text></svg></figure>\n",
             HEIGHT - BOTTOM, WIDTH, HEIGHT - BOTTOM, most, HEIGHT - 6, WIDTH, HEIGHT - 6);
}

static void period(const struct words *w, enum word name, const struct book_total *now, const struct book_total *before,
                   struct buf *out)
{
    buf_addf(out,
             "<tr><th scope=\"row\">%s</th><td>%" PRIu64 "</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td><td>%" PRIu64
             "</td></tr>\n",
             w->text[name], now->signed_ - before->signed_, now->refused - before->refused, now->tempfailed - before->tempfailed,
             now->unsigned_ - before->unsigned_);
}

/* So many whole minutes ago; as far back as is known. */
static const struct book_total *ago(const struct book *b, unsigned minutes)
{
    static const struct book_total nothing;
    if (b->minutes_count == 0)
        return &nothing;
    return &b->minutes[minutes < b->minutes_count ? minutes : b->minutes_count - 1];
}

static void periods(const struct book *b, const struct words *w, struct buf *out)
{
    static const enum word columns[] = {WORD_PERIOD, WORD_SIGNED, WORD_REFUSED, WORD_PUT_OFF, WORD_UNSIGNED};
    const struct book_total now = book_total(b), start = {0};
    buf_add_str(out, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"mail\"><table>\n");
    page_columns(out, w, columns, 5);
    period(w, WORD_LAST_MINUTE, &now, ago(b, 0), out);
    period(w, WORD_LAST_5, &now, ago(b, 4), out);
    period(w, WORD_LAST_HOUR, &now, ago(b, BOOK_MINUTES - 1), out);
    period(w, WORD_SINCE_START, &now, &start, out);
    buf_add_str(out, "</tbody></table></div>\n");
}

static void quantile(const struct figure_histogram *h, unsigned per_mille, struct buf *out)
{
    int64_t us = book_quantile_us(h, per_mille);
    if (us >= 0)
        buf_addf(out, "<td>%g ms</td>", (double)us / 1000);
    else
        buf_add_str(out, book_observations(h) == 0 ? "<td>–</td>" : "<td>&gt; 10 s</td>");
}

static void front_end(const struct book *b, const char *listen, struct buf *out)
{
    static const enum figure_counter shown[] = {FIGURE_SIGNED, FIGURE_MALFORMED, FIGURE_FORBIDDEN, FIGURE_TEMPFAILED,
                                                FIGURE_UNTOUCHED};
    const struct figures *f = book_page(b, "zegel-milter", listen);
    uint64_t n[5];
    for (unsigned i = 0; i < 5; i++)
        n[i] = book_read(&f->counter[shown[i]]);
    buf_add_str(out, "<tr><th scope=\"row\">");
    html_escape(out, listen);
    buf_addf(out, "</th><td>%" PRIu64 "</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td>", n[0], n[1] + n[2],
             n[3], n[4]);
    quantile(&f->time[FIGURE_TIME_MESSAGE], 500, out);
    quantile(&f->time[FIGURE_TIME_MESSAGE], 990, out);
    buf_add_str(out, "</tr>\n");
}

void page_mail(const struct book *b, const struct words *w, struct buf *out)
{
    static const enum word columns[] = {WORD_FRONT_END, WORD_SIGNED, WORD_REFUSED, WORD_PUT_OFF,
                                        WORD_UNTOUCHED, WORD_HALF,   WORD_MOST};
    buf_addf(out, "<section aria-labelledby=\"mail\"><h2 id=\"mail\">%s</h2>\n<p class=\"note\">%s</p>\n", w->text[WORD_MAIL],
             w->text[WORD_PER_MINUTE]);
    draw(b, w, out);
    periods(b, w, out);
    buf_add_str(out, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"mail\"><table>\n");
    page_columns(out, w, columns, 7);
    for (unsigned l = 0; l < b->config->listen_count; l++)
        front_end(b, b->config->listen[l], out);
    buf_add_str(out, "</tbody></table></div></section>\n");
}
