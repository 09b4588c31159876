#include "check/report.h"

#include <time.h>

#include "dkim/base64.h"
#include "dkim/digest.h"

static const char style[] =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1a1d21;--soft:#59616b;--line:#d5dae0;--head:#f3f5f7;"
    "--pass:#0b5d2a;--pass-b:#e2f3e7;--info:#1b4a75;--info-b:#e3edf7;--warn:#724700;--warn-b:#fdf0d5;"
    "--explained:#57257f;--explained-b:#f0e6f8;--fail:#9b1020;--fail-b:#fce4e6}"
    "@media (prefers-color-scheme:dark){:root{--paper:#15181c;--ink:#e8eaed;--soft:#a3abb5;--line:#3a4149;--head:#20252b;"
    "--pass:#8fdcaa;--pass-b:#123321;--info:#9fcbf2;--info-b:#14293d;--warn:#f3c877;--warn-b:#3a2a0a;"
    "--explained:#d5b3f0;--explained-b:#2f1c40;--fail:#ffa3ac;--fail-b:#43141a}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:72rem;padding:2rem 1.5rem 4rem;background:var(--paper);color:var(--ink);"
    "font:1rem/1.5 system-ui,'Segoe UI','Liberation Sans',Arial,sans-serif}"
    "h1{font-size:1.75rem;line-height:1.2;margin:0 0 .25rem}h2{font-size:1.35rem;margin:0}h3{font-size:1.05rem;margin:1.5rem 0 "
    ".5rem}"
    "section{margin-top:2.5rem}.when,.note{color:var(--soft);margin:.25rem 0}.note{max-width:46rem}"
    ".top{display:flex;flex-wrap:wrap;gap:.25rem .75rem;align-items:baseline;margin-bottom:.75rem}.top "
    "p{margin:0;color:var(--soft)}"
    "table{border-collapse:collapse;width:100%;font-size:.92rem}caption{text-align:left;font-weight:600;padding-bottom:.4rem}"
    "th,td{text-align:left;vertical-align:top;padding:.5rem .7rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}"
    "thead th{background:var(--head);font-weight:600}tbody th{font-weight:400}"
    ".rules{table-layout:fixed}.rules .c1{width:29%}.rules .c2{width:9.5rem}.rules .c4{width:16%}"
    ".id{display:block;color:var(--soft);font-size:.82rem;font-family:ui-monospace,'DejaVu Sans Mono',monospace}"
    ".badge{display:inline-block;padding:.05rem .55rem;border-radius:.75rem;font-size:.85rem;font-weight:600;white-space:nowrap}"
    ".PASS{color:var(--pass);background:var(--pass-b)}.INFO{color:var(--info);background:var(--info-b)}"
    ".WARN{color:var(--warn);background:var(--warn-b)}.FAIL{color:var(--fail);background:var(--fail-b)}"
    ".EXPLAINED{color:var(--explained);background:var(--explained-b)}"
    ".counts .badge{margin-right:.35rem}"
    "details{margin-top:.35rem;color:var(--soft)}summary{cursor:pointer}"
    "pre{margin:.35rem 0 0;padding:.5rem .6rem;background:var(--head);color:var(--ink);font:.78rem/1.45 ui-monospace,'DejaVu "
    "Sans "
    "Mono',monospace;white-space:pre-wrap;overflow-wrap:anywhere;border-radius:.3rem}"
    ".limit{margin:.35rem 0 0;color:var(--soft)}.explained{margin:.35rem 0 0;padding-left:.6rem;border-left:3px solid "
    "var(--explained)}"
    ".passes{color:inherit;margin-top:1rem}.passes>summary{font-weight:600}"
    "a{color:var(--info)}a:focus-visible,summary:focus-visible,.wide:focus-visible{outline:2px solid "
    "var(--info);outline-offset:2px}"
    ".wide{overflow-x:auto;margin:1rem 0}.wide table{min-width:46rem}.wide th,.wide td{overflow-wrap:normal}figure{margin:0}"
    "svg{display:block;width:100%;min-width:46rem;height:auto}"
    "svg text{fill:var(--ink);font:12px system-ui,'Liberation Sans',Arial,sans-serif}svg .axis{stroke:var(--line)}svg "
    ".soft{fill:var(--soft)}"
    "svg .made{fill:var(--info-b);stroke:var(--info)}svg .signing{fill:var(--pass-b);stroke:var(--pass)}"
    "svg .after{fill:var(--head);stroke:var(--soft)}svg .now{stroke:var(--fail);stroke-dasharray:4 3}svg "
    ".due{stroke:var(--warn);stroke-width:2}"
    ".key{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;color:var(--soft);font-size:.85rem;margin:.25rem 0 1rem}"
    ".key i{display:inline-block;width:1.5rem;height:.8rem;margin-right:.4rem;border:1px solid;border-radius:.15rem}"
    ".key .made{background:var(--info-b);border-color:var(--info)}.key "
    ".signing{background:var(--pass-b);border-color:var(--pass)}"
    ".key .after{background:var(--head);border-color:var(--soft)}.key .now,.key .due{width:0;border-width:0 0 0 "
    "2px;border-radius:0}"
    ".key .now{border-color:var(--fail);border-style:dashed}.key .due{border-color:var(--warn)}"
    "@media "
    "print{:root{--paper:#fff;--ink:#000;--soft:#444}body{max-width:none;padding:0;font-size:9.5pt}section{break-before:auto}"
    "tr,figure{break-inside:avoid}h2,h3{break-after:avoid}.verdicts a{color:inherit;text-decoration:none}"
    ".badge{border:1px solid currentColor}details::details-content{content-visibility:visible;height:auto}"
    ".wide{overflow:visible}.wide table,svg{min-width:0}}"
    "@media (max-width:44rem){body{padding:1rem .75rem 3rem}"
    ".stack,.stack tbody,.stack tr,.stack td,.stack th{display:block;width:auto!important}"
    ".stack thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"
    ".stack td,.stack th{border:0;padding:.15rem 0}.stack tr{border-bottom:1px solid var(--line);padding:.6rem 0}}";

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

void report_escape(struct buf *out, const char *s)
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

static void badge(struct buf *out, enum check_result r, const struct text_language *l, unsigned count)
{
    buf_addf(out, "<span class=\"badge %s\">", check_result_name(r));
    if (count > 0)
        buf_addf(out, "%u × ", count);
    report_escape(out, l->words[WORD_PASS + r]);
    buf_add_str(out, "</span>");
}

/* Nothing may be loaded or run, and the only style is this one. */
static void head(struct buf *out, const struct text_language *l)
{
    uint8_t hash[DKIM_HASH_LEN], room[64];
    struct out text = out_of(room, sizeof room);
    (void)digest_sha256(bytes_of(style, sizeof style - 1), hash);
    base64_encode(bytes_of(hash, sizeof hash), &text);
    buf_addf(out, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n", l->code);
    buf_addf(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; style-src &#39;sha256-%.*s&#39;; ",
        (int)text.len, (const char *)text.data);
    buf_add_str(out, "base-uri &#39;none&#39;; form-action &#39;none&#39;\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    report_escape(out, l->words[WORD_TITLE]);
    buf_addf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n", style);
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
    report_escape(out, c->subject->domain);
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
        report_escape(out, l->words[words[i]]);
        buf_add_str(out, "</th>");
    }
    buf_add_str(out, "</tr></thead>\n<tbody>\n");
}

static void verdicts(struct buf *out, const struct check *all, unsigned count, const struct text_language *l)
{
    static const enum check_word columns[] = {WORD_DOMAIN, WORD_VERDICT, WORD_COUNTS};
    buf_add_str(out, "<section aria-labelledby=\"verdicts\">\n<h2 id=\"verdicts\">");
    report_escape(out, l->words[WORD_VERDICTS]);
    buf_add_str(out, "</h2>\n<table class=\"verdicts stack\">\n");
    header_cells(out, l, columns, 3);
    for (unsigned i = 0; i < count; i++)
        verdict_row(out, &all[i], i, l);
    buf_add_str(out, "</tbody></table>\n</section>\n");
}

static void labelled(struct buf *out, const char *label, const char *text)
{
    report_escape(out, label);
    buf_add_str(out, ": ");
    report_escape(out, text);
}

static void rule_row(struct buf *out, const struct check_finding *f, const struct text_language *l)
{
    struct buf found = BUF_INIT;
    const char *const args[CHECK_ARGS] = {f->args[0], f->args[1], f->args[2]};
    text_fill(&found, l->messages[f->message], args);
    buf_add_str(out, "<tr><th scope=\"row\">");
    report_escape(out, l->rules[f->rule].title);
    buf_add_str(out, "<span class=\"id\">");
    report_escape(out, check_rules[f->rule].id);
    buf_add_str(out, "</span></th><td>");
    badge(out, f->result, l, 0);
    buf_add_str(out, "</td><td>");
    report_escape(out, buf_cstr(&found));
    if (f->explained != NULL) {
        buf_add_str(out, "<p class=\"explained\">");
        report_escape(out, l->words[WORD_EXPLAINED]);
        buf_add_u8(out, ' ');
        report_escape(out, l->words[WORD_UNTIL]);
        buf_add_u8(out, ' ');
        report_escape(out, f->explained);
        buf_add_str(out, "</p>");
    }
    if (f->evidence[0] != '\0') {
        buf_addf(out, "<details%s><summary>", f->result >= CHECK_WARN ? " open" : "");
        report_escape(out, l->words[WORD_EVIDENCE]);
        buf_add_str(out, "</summary><pre>");
        report_escape(out, f->evidence);
        buf_add_str(out, "</pre></details>");
    }
    buf_add_str(out, "<p class=\"limit\">");
    labelled(out, l->words[WORD_NOT_PROVEN], l->rules[f->rule].not_proven);
    buf_add_str(out, "</p></td><td>");
    report_escape(out, check_rules[f->rule].source);
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
    report_escape(out, c->subject->domain);
    buf_add_str(out, "</h2>");
    badge(out, check_worst(c), l, 0);
    buf_add_str(out, "<p>");
    report_escape(out, l->words[c->subject->sends ? WORD_SENDS : WORD_SENDS_NOT]);
    buf_add_str(out, "</p></div>\n");
    rule_table(out, c, l, CHECK_FAIL, CHECK_INFO);
    if (count_results(c, CHECK_PASS, CHECK_PASS) > 0) {
        buf_addf(out, "<details class=\"passes\"><summary>%u × ", count_results(c, CHECK_PASS, CHECK_PASS));
        report_escape(out, l->words[WORD_PASS]);
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
    head(out, l);
    buf_add_str(out, "<header>\n<h1>");
    report_escape(out, l->words[WORD_TITLE]);
    buf_add_str(out, "</h1>\n<p class=\"when\">");
    report_escape(out, l->words[WORD_MADE]);
    buf_addf(out, " %s</p>\n<p class=\"note\">", when);
    report_escape(out, l->words[WORD_NO_PROOF]);
    buf_add_str(out, "</p>\n</header>\n<main>\n");
    verdicts(out, all, count, l);
    for (unsigned i = 0; i < count; i++)
        domain_section(out, &all[i], i, l);
    buf_add_str(out, "</main>\n</body>\n</html>\n");
}
