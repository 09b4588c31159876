#include "check/report.h"

#include <time.h>

#include "html/html.h"

static void badge(struct buf *out, enum check_result r, const struct text_language *l, unsigned count)
{
    buf_addf(out, "<span class=\"badge %s\">", check_result_name(r));
    if (count > 0)
        buf_addf(out, "%u × ", count);
    html_escape(out, l->words[WORD_PASS + r]);
    buf_add_str(out, "</span>");
}

static unsigned count_results(const struct check *c, int worst, int best)
{
    unsigned n = 0;
    for (unsigned i = 0; i < c->count; i++)
        n += (int)c->findings[i].result <= worst && (int)c->findings[i].result >= best;
    return n;
}

static void verdict_row(struct buf *out, const struct check *c, unsigned n, const struct text_language *l)
{
    buf_addf(out, "<tr><th scope=\"row\"><a href=\"#d%u\">", n);
    html_escape(out, c->subject->domain);
    buf_add_str(out, "</a></th><td>");
    badge(out, check_worst(c), l, 0);
    buf_add_str(out, "</td><td class=\"counts\">");
    for (int r = CHECK_FAIL; r >= 0; r--)
        if (count_results(c, r, r) > 0)
            badge(out, (enum check_result)r, l, count_results(c, r, r));
    buf_add_str(out, "</td></tr>\n");
}

static void header_cells(struct buf *out, const struct text_language *l, const enum check_word *words, unsigned n)
{
    buf_add_str(out, "<thead><tr>");
    for (unsigned i = 0; i < n; i++) {
        buf_addf(out, "<th scope=\"col\" class=\"c%u\">", i + 1);
        html_escape(out, l->words[words[i]]);
        buf_add_str(out, "</th>");
    }
    buf_add_str(out, "</tr></thead>\n<tbody>\n");
}

static void verdicts(struct buf *out, const struct check *all, unsigned count, const struct text_language *l)
{
    static const enum check_word columns[] = {WORD_DOMAIN, WORD_VERDICT, WORD_COUNTS};
    buf_add_str(out, "<section aria-labelledby=\"verdicts\">\n<h2 id=\"verdicts\">");
    html_escape(out, l->words[WORD_VERDICTS]);
    buf_add_str(out, "</h2>\n<table class=\"verdicts stack\">\n");
    header_cells(out, l, columns, 3);
    for (unsigned i = 0; i < count; i++)
        verdict_row(out, &all[i], i, l);
    buf_add_str(out, "</tbody></table>\n</section>\n");
}

static void labelled(struct buf *out, const char *label, const char *text)
{
    html_escape(out, label);
    buf_add_str(out, ": ");
    html_escape(out, text);
}

static void rule_row(struct buf *out, const struct check_finding *f, const struct text_language *l)
{
    struct buf found = BUF_INIT;
    const char *const args[CHECK_ARGS] = {f->args[0], f->args[1], f->args[2]};
    text_fill(&found, l->messages[f->message], args);
    buf_add_str(out, "<tr><th scope=\"row\">");
    html_escape(out, l->rules[f->rule].title);
    buf_add_str(out, "<span class=\"id\">");
    html_escape(out, check_rules[f->rule].id);
    buf_add_str(out, "</span></th><td>");
    badge(out, f->result, l, 0);
    buf_add_str(out, "</td><td>");
    html_escape(out, buf_cstr(&found));
    if (f->explained != NULL) {
        buf_add_str(out, "<p class=\"explained\">");
        html_escape(out, l->words[WORD_EXPLAINED]);
        buf_add_u8(out, ' ');
        html_escape(out, l->words[WORD_UNTIL]);
        buf_add_u8(out, ' ');
        html_escape(out, f->explained);
        buf_add_str(out, "</p>");
    }
    if (f->evidence[0] != '\0') {
        buf_addf(out, "<details%s><summary>", f->result >= CHECK_WARN ? " open" : "");
        html_escape(out, l->words[WORD_EVIDENCE]);
        buf_add_str(out, "</summary><pre>");
        html_escape(out, f->evidence);
        buf_add_str(out, "</pre></details>");
    }
    buf_add_str(out, "<p class=\"limit\">");
    labelled(out, l->words[WORD_NOT_PROVEN], l->rules[f->rule].not_proven);
    buf_add_str(out, "</p></td><td>");
    html_escape(out, check_rules[f->rule].source);
    buf_add_str(out, "</td></tr>\n");
    buf_free(&found);
}

/* The findings of these results, the worst first, as a table; nothing when there are none. */
static void rule_table(struct buf *out, const struct check *c, const struct text_language *l, int worst, int best)
{
    static const enum check_word columns[] = {WORD_RULE, WORD_RESULT, WORD_FOUND, WORD_SOURCE};
    if (count_results(c, worst, best) == 0)
        return;
    buf_add_str(out, "<table class=\"rules stack\">\n");
    header_cells(out, l, columns, 4);
    for (int r = worst; r >= best; r--)
        for (unsigned i = 0; i < c->count; i++)
            if ((int)c->findings[i].result == r)
                rule_row(out, &c->findings[i], l);
    buf_add_str(out, "</tbody></table>\n");
}

static void domain_section(struct buf *out, const struct check *c, unsigned n, const struct text_language *l)
{
    buf_addf(out, "<section aria-labelledby=\"d%u\">\n<div class=\"top\"><h2 id=\"d%u\">", n, n);
    html_escape(out, c->subject->domain);
    buf_add_str(out, "</h2>");
    badge(out, check_worst(c), l, 0);
    buf_add_str(out, "<p>");
    html_escape(out, l->words[c->subject->sends ? WORD_SENDS : WORD_SENDS_NOT]);
    buf_add_str(out, "</p></div>\n");
    rule_table(out, c, l, CHECK_FAIL, CHECK_INFO);
    if (count_results(c, CHECK_PASS, CHECK_PASS) > 0) {
        buf_addf(out, "<details class=\"passes\"><summary>%u × ", count_results(c, CHECK_PASS, CHECK_PASS));
        html_escape(out, l->words[WORD_PASS]);
        buf_add_str(out, "</summary>\n");
        rule_table(out, c, l, CHECK_PASS, CHECK_PASS);
        buf_add_str(out, "</details>\n");
    }
    if (c->subject->keys_count > 0)
        report_lives(c, l, out);
    buf_add_str(out, "</section>\n");
}

void report_html(const struct check *all, unsigned count, const struct text_language *l, int64_t time_s, struct buf *out)
{
    char when[32] = "?";
    struct tm tm;
    time_t t = (time_t)time_s;
    if (gmtime_r(&t, &tm) != NULL)
        (void)strftime(when, sizeof when, "%Y-%m-%d %H:%M UTC", &tm);
    html_head(out, l->code, l->words[WORD_TITLE]);
    buf_add_str(out, "<header>\n<h1>");
    html_escape(out, l->words[WORD_TITLE]);
    buf_add_str(out, "</h1>\n<p class=\"when\">");
    html_escape(out, l->words[WORD_MADE]);
    buf_addf(out, " %s</p>\n<p class=\"note\">", when);
    html_escape(out, l->words[WORD_NO_PROOF]);
    buf_add_str(out, "</p>\n</header>\n<main>\n");
    verdicts(out, all, count, l);
    for (unsigned i = 0; i < count; i++)
        domain_section(out, &all[i], i, l);
    buf_add_str(out, "</main>\n</body>\n</html>\n");
}
