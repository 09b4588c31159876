#include "status/page.h"

#include <inttypes.h>
#include <time.h>

#include "html/html.h"
#include "status/lastcheck.h"

/* The first `len` characters of "2026-11-25 18:30 UTC". */
static void print_time(struct buf *out, int64_t t, size_t len)
{
    char text[32] = "?";
    time_t time = (time_t)t;
    struct tm tm;
    if (gmtime_r(&time, &tm) != NULL)
        (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &tm);
    buf_add(out, bytes_slice(bytes_str(text), 0, len));
}

void page_time(struct buf *out, int64_t t)
{
    print_time(out, t, SIZE_MAX);
}

void page_day(struct buf *out, int64_t t)
{
    print_time(out, t, strlen("2026-11-25"));
}

void page_columns(struct buf *out, const struct words *w, const enum word *columns, unsigned count)
{
    buf_add_str(out, "<thead><tr>");
    for (unsigned i = 0; i < count; i++)
        buf_addf(out, "<th scope=\"col\">%s</th>", w->text[columns[i]]);
    buf_add_str(out, "</tr></thead>\n<tbody>\n");
}

/* ---- faults ---- */

void page_faults(const struct book *b, const struct words *w, int64_t now_s, struct buf *out)
{
    struct fault_found found[FAULTS_SHOWN];
    unsigned count = faults_find(b, now_s, found);
    buf_addf(out, "<section aria-labelledby=\"faults\"><h2 id=\"faults\">%s</h2>\n", w->text[WORD_FAULTS]);
    if (count == 0)
        buf_addf(out, "<p><span class=\"badge PASS\">%s</span></p>\n", w->text[WORD_NO_FAULTS]);
    else
        buf_add_str(out, "<ul class=\"plain\">\n");
    for (unsigned i = 0; i < count; i++) {
        buf_addf(out, "<li><span class=\"badge FAIL\">%s</span> ", w->text[WORD_FAULT]);
        html_escape(out, found[i].name);
        buf_addf(out, "%s%s</li>\n", found[i].name[0] == '\0' ? "" : ": ", w->faults[found[i].fault]);
    }
    buf_add_str(out, count == 0 ? "</section>\n" : "</ul></section>\n");
}

/* ---- tokens, audit log ---- */

static void milliseconds(struct buf *out, const struct figure_histogram *h, unsigned per_mille)
{
    int64_t us = book_quantile_us(h, per_mille);
    if (book_observations(h) == 0)
        buf_add_str(out, "<td>–</td>");
    else if (us < 0)
        buf_add_str(out, "<td>&gt; 10 s</td>");
    else
        buf_addf(out, "<td>%g ms</td>", (double)us / 1000);
}

static void worker_row(const struct book *b, const struct words *w, unsigned token, unsigned worker, struct buf *out)
{
    const struct figures *f = book_worker(b, token, worker);
    const char *state = book_worker_state(b, token, worker);
    bool ready = strcmp(state, "ready") == 0;
    int64_t missing = book_gauge(f, FIGURE_TOKEN_MISSING);
    buf_add_str(out, "<tr><th scope=\"row\">");
    html_escape(out, b->config->tokens[token].name);
    buf_addf(out, " / %u</th><td><span class=\"badge %s\">%s</span></td><td>%" PRId64, worker, ready ? "PASS" : "FAIL",
             ready ? w->text[WORD_READY] : state, book_gauge(f, FIGURE_TOKEN_KEYS));
    if (missing > 0)
        buf_addf(out, " (%" PRId64 " %s)", missing, w->text[WORD_MISSING]);
    buf_addf(out, "</td><td>%" PRIu64 "</td>", book_observations(&f->time[FIGURE_TIME_TOKEN]));
    milliseconds(out, &f->time[FIGURE_TIME_TOKEN], 500);
    milliseconds(out, &f->time[FIGURE_TIME_TOKEN], 990);
    buf_add_str(out, "</tr>\n");
}

void page_tokens(const struct book *b, const struct words *w, struct buf *out)
{
    static const enum word columns[] = {WORD_TOKEN, WORD_STATE, WORD_KEYS, WORD_SIGNATURES, WORD_HALF, WORD_MOST};
    buf_addf(out,
             "<section aria-labelledby=\"tokens\"><h2 id=\"tokens\">%s</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" "
             "aria-labelledby=\"tokens\"><table>\n",
             w->text[WORD_TOKENS]);
    page_columns(out, w, columns, 6);
    for (unsigned t = 0; t < b->config->tokens_count; t++)
        for (unsigned i = 0; i < b->config->tokens[t].workers_n; i++)
            worker_row(b, w, t, i, out);
    buf_add_str(out, "</tbody></table></div></section>\n");
}

void page_audit(const struct book *b, const struct words *w, struct buf *out)
{
    const struct figures *f = book_page(b, "zegel-signer", "");
    int64_t last = book_gauge(f, FIGURE_CHECKPOINT_TIME);
    buf_addf(out, "<section aria-labelledby=\"audit\"><h2 id=\"audit\">%s</h2>\n<table class=\"stack\"><tbody>\n",
             w->text[WORD_AUDIT]);
    buf_addf(out, "<tr><th scope=\"row\">%s</th><td>%" PRIu64 "</td></tr>\n", w->text[WORD_RECORDS],
             book_read(&f->counter[FIGURE_RECORDS]));
    buf_addf(out, "<tr><th scope=\"row\">%s</th><td>%" PRId64 "</td></tr>\n", w->text[WORD_WAITING],
             book_gauge(f, FIGURE_UNSIGNED_LEAVES));
    buf_addf(out, "<tr><th scope=\"row\">%s</th><td>", w->text[WORD_LAST_CHECKPOINT]);
    if (last == 0)
        buf_add_str(out, w->text[WORD_NONE]);
    else
        page_time(out, last);
    buf_add_str(out, "</td></tr>\n</tbody></table></section>\n");
}

/* ---- the last check ---- */

static void last_check(const struct book *b, const struct words *w, struct buf *out)
{
    struct lastcheck last;
    lastcheck_read(b->config, &last);
    buf_addf(out, "<section aria-labelledby=\"check\"><h2 id=\"check\">%s</h2>\n<p>", w->text[WORD_LAST_CHECK]);
    if (last.time_s == 0)
        buf_add_str(out, w->text[WORD_NO_CHECK]);
    else
        page_time(out, last.time_s);
    for (int r = LASTCHECK_FAIL; r >= 0; r--)
        if (last.counts[r] > 0)
            buf_addf(out, " <span class=\"badge %s\">%u × %s</span>", lastcheck_name((enum lastcheck_result)r), last.counts[r],
                     lastcheck_name((enum lastcheck_result)r));
    buf_add_str(out, last.failed_count > 0 ? "</p>\n<ul class=\"plain\">\n" : "</p>\n");
    for (unsigned i = 0; i < last.failed_count; i++) {
        buf_add_str(out, "<li>");
        html_escape(out, last.failed[i]);
        buf_addf(out, ": %s</li>\n", w->text[WORD_FAILED]);
    }
    buf_add_str(out, last.failed_count > 0 ? "</ul></section>\n" : "</section>\n");
}

/* ---- the whole ---- */

void page_print(const struct book *b, const struct words *w, int64_t now_s, struct buf *out)
{
    html_head(out, w->code, w->text[WORD_TITLE]);
    buf_addf(out, "<header>\n<h1>%s</h1>\n<p class=\"when\">%s ", w->text[WORD_TITLE], w->text[WORD_AS_OF]);
    page_time(out, now_s);
    buf_addf(out, "; zegeld %s %s ", ZEGEL_VERSION, w->text[WORD_UP_SINCE]);
    page_time(out, book_gauge(book_page(b, "zegeld", ""), FIGURE_STARTED));
    buf_addf(out, ". <a href=\"/%s\" lang=\"%s\" hreflang=\"%s\">%s</a></p>\n<p class=\"note\">%s</p>\n</header>\n<main>\n",
             w->other_code, w->other_code, w->other_code, w->text[WORD_OTHER_LANGUAGE], w->text[WORD_RELOAD]);
    page_faults(b, w, now_s, out);
    page_mail(b, w, out);
    page_keys(b, w, now_s, out);
    last_check(b, w, out);
    page_tokens(b, w, out);
    page_audit(b, w, out);
    buf_add_str(out, "</main>\n</body>\n</html>\n");
}
