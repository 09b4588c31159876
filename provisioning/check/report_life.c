/* The lives of keys as an inline SVG: a bar each, from the first that is known of it to the last, and today. */
#include "check/report.h"

#include "html/html.h"

enum { WIDTH = 960, LEFT = 190, RIGHT = 20, ROW = 34, TOP = 14, BAR = 16, LABEL_MAX = 24, DAY_S = 86400 };

struct span {
    int64_t from_s, to_s; /* what the axis shows */
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The first thing that is known; 0: nothing. */
static int64_t begin_of(const struct check_life *x)
{
    int64_t all[] = {x->made_s, x->seen_s, x->first_signed_s}, least = 0;
    for (unsigned i = 0; i < 3; i++)
        if (all[i] != 0 && (least == 0 || all[i] < least))
            least = all[i];
    return least;
}

static struct span span_of(const struct check *c)
{
    struct span s = {c->time_s, c->time_s};
    for (unsigned k = 0; k < c->subject->keys_count; k++) {
        const struct check_life *x = &c->subject->keys[k].life;
        int64_t begin = begin_of(x);
        if (begin != 0 && begin < s.from_s)
            s.from_s = begin;
        s.to_s = later(s.to_s, check_due(x));
    }
    int64_t margin = later((s.to_s - s.from_s) / 25, (int64_t)7 * DAY_S);
    s.from_s -= margin;
    s.to_s += margin;
    return s;
}

static int x_of(const struct span *s, int64_t t)
{
    return LEFT + (int)((t - s->from_s) * (WIDTH - LEFT - RIGHT) / (s->to_s - s->from_s));
}

static void bar(struct buf *out, const struct span *s, const char *class, int64_t from, int64_t to, int y)
{
    int x = x_of(s, from), width = x_of(s, to) - x;
    if (from != 0 && to > from)
        buf_addf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\"/>", class, x, y,
                 width > 2 ? width : 2, BAR);
}

static void line(struct buf *out, const char *class, int x, int y1, int y2)
{
    buf_addf(out, "<line class=\"%s\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>", class, x, y1, x, y2);
}

static void draw_key(struct buf *out, const struct span *s, const struct check_key *k, const struct text_language *l, int64_t now,
                     int y)
{
    const struct check_life *x = &k->life;
    int64_t begin = begin_of(x), end = x->retired_s != 0 ? x->retired_s : now, signing = x->first_signed_s;
    buf_addf(out, "<text x=\"0\" y=\"%d\">", y + 13);
    buf_addf(out, "%.*s%s</text>", LABEL_MAX, k->key->selector, strlen(k->key->selector) > LABEL_MAX ? "…" : "");
    if (begin == 0) {
        buf_addf(out, "<text class=\"soft\" x=\"%d\" y=\"%d\">", LEFT, y + 13);
        html_escape(out, l->words[WORD_KEY_UNKNOWN]);
        buf_add_str(out, "</text>");
        return;
    }
    bar(out, s, "made", begin, signing == 0 ? end : signing, y);
    bar(out, s, "signing", signing, end, y);
    bar(out, s, "after", x->retired_s, x->revoked_s != 0 ? x->revoked_s : now, y);
    if (check_due(x) != 0)
        line(out, "due", x_of(s, check_due(x)), y - 3, y + BAR + 3);
}

/* The first of each month, or of each quarter when there are many. */
static void axis(struct buf *out, const struct span *s, int bottom)
{
    int64_t days = (s->to_s - s->from_s) / DAY_S;
    int step = days > 900 ? 12 : days > 300 ? 3 : 1, before = -1;
    int last = -100;
    for (int64_t t = s->from_s - s->from_s % DAY_S + DAY_S; t < s->to_s; t += DAY_S) {
        char day[16];
        check_day(t, day);
        int month = (day[5] - '0') * 10 + day[6] - '0', x = x_of(s, t);
        if (month == before || day[8] != '0' || day[9] != '1' || (month - 1) % step != 0)
            continue;
        before = month;
        line(out, "axis", x, TOP, bottom);
        if (x - last > 60 && x < WIDTH - 56)
            buf_addf(out, "<text class=\"soft\" x=\"%d\" y=\"%d\">%.7s</text>", last = x, bottom + 15, day);
    }
}

static void name_it(struct buf *out, const struct check *c, const struct text_language *l)
{
    html_escape(out, l->words[WORD_KEYS]);
    buf_add_str(out, ": ");
    html_escape(out, c->subject->domain);
}

static bool something_known(const struct check *c)
{
    for (unsigned k = 0; k < c->subject->keys_count; k++)
        if (begin_of(&c->subject->keys[k].life) != 0)
            return true;
    return false;
}

/* What the bars and lines mean. */
static void key(struct buf *out, const struct text_language *l)
{
    static const struct {
        const char *class;
        enum check_word word;
    } all[] = {{"made", WORD_BAR_MADE},
               {"signing", WORD_BAR_SIGNING},
               {"after", WORD_BAR_AFTER},
               {"due", WORD_KEY_DUE},
               {"now", WORD_TODAY}};
    buf_add_str(out, "<figcaption class=\"key\">");
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        buf_addf(out, "<span><i class=\"%s\"></i>", all[i].class);
        html_escape(out, l->words[all[i].word]);
        buf_add_str(out, "</span>");
    }
    buf_add_str(out, "</figcaption>");
}

static void draw(const struct check *c, const struct text_language *l, struct buf *out)
{
    struct span s = span_of(c);
    int bottom = TOP + (int)c->subject->keys_count * ROW, now = x_of(&s, c->time_s);
    buf_addf(out, "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, bottom + 40);
    name_it(out, c, l);
    buf_add_str(out, "\">");
    axis(out, &s, bottom);
    for (unsigned k = 0; k < c->subject->keys_count; k++)
        draw_key(out, &s, &c->subject->keys[k], l, c->time_s, TOP + (int)k * ROW + 8);
    line(out, "now", now, TOP - 8, bottom + 20);
    buf_addf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", now + 20, bottom + 34);
    html_escape(out, l->words[WORD_TODAY]);
    buf_add_str(out, "</text></svg>");
    key(out, l);
    buf_add_str(out, "</figure>\n");
}

static void cell(struct buf *out, int64_t t)
{
    char day[16];
    check_day(t, day);
    buf_addf(out, "<td>%s</td>", t == 0 ? "–" : day);
}

void report_lives(const struct check *c, const struct text_language *l, struct buf *out)
{
    static const enum check_word columns[] = {WORD_SELECTOR, WORD_ALGORITHM,   WORD_KEY_MADE,    WORD_KEY_SEEN, WORD_KEY_FIRST,
                                              WORD_KEY_LAST, WORD_KEY_RETIRED, WORD_KEY_REVOKED, WORD_KEY_DUE};
    buf_add_str(out, "<h3>");
    html_escape(out, l->words[WORD_KEYS]);
    buf_add_str(out, "</h3>\n");
    /* Wider than a telephone: it scrolls by itself, also with the keyboard. */
    buf_add_str(out, "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"");
    name_it(out, c, l);
    buf_add_str(out, "\">\n");
    if (something_known(c))
        draw(c, l, out);
    buf_add_str(out, "<table>\n<thead><tr>");
    for (unsigned i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        buf_add_str(out, "<th scope=\"col\">");
        html_escape(out, l->words[columns[i]]);
        buf_add_str(out, "</th>");
    }
    buf_add_str(out, "</tr></thead>\n<tbody>\n");
    for (unsigned k = 0; k < c->subject->keys_count; k++) {
        const struct check_key *key = &c->subject->keys[k];
        buf_add_str(out, "<tr><th scope=\"row\">");
        html_escape(out, key->key->selector);
        buf_addf(out, "</th><td>%s</td>", key->key->algorithm == CONFIG_RSA_SHA256 ? "rsa-sha256" : "ed25519-sha256");
        cell(out, key->life.made_s);
        cell(out, key->life.seen_s);
        cell(out, key->life.first_signed_s);
        cell(out, key->life.last_signed_s);
        cell(out, key->life.retired_s);
        cell(out, key->life.revoked_s);
        cell(out, check_due(&key->life));
        buf_add_str(out, "</tr>\n");
    }
    buf_add_str(out, "</tbody></table>\n</div>\n");
}
