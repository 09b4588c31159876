#include "status/metrics.h"

#include <inttypes.h>
#include <stdio.h>

#include "status/lastcheck.h"

static void family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: all of them stand in the configuration; what would end the quotation is escaped all the same. */
static void value(struct buf *out, const char *label, const char *text)
{
    buf_addf(out, "%s=\"", label);
    for (const char *p = text; *p != '\0'; p++)
        if (*p == '\\' || *p == '"')
            buf_addf(out, "\\%c", *p);
        else if ((unsigned char)*p >= ' ')
            buf_add_u8(out, (uint8_t)*p);
    buf_add_str(out, "\"");
}

/* Labels and their values in turn. */
enum { LABELS_MAX = 8 };
#define LABELS(...) ((const char *const[LABELS_MAX]){__VA_ARGS__})
#define NO_LABELS ((const char *const[LABELS_MAX]){NULL})

static void print_labels(struct buf *out, const char *const labels[LABELS_MAX])
{
    for (unsigned i = 0; i < LABELS_MAX && labels[i] != NULL; i += 2) {
        buf_add_str(out, i == 0 ? "" : ",");
        value(out, labels[i], labels[i + 1]);
    }
}

/* name{LABEL="VALUE",...} n */
static void sample(struct buf *out, const char *name, int64_t n, const char *const labels[LABELS_MAX])
{
    buf_add_str(out, name);
    if (labels[0] != NULL) {
        buf_add_str(out, "{");
        print_labels(out, labels);
        buf_add_str(out, "}");
    }
    buf_addf(out, " %" PRId64 "\n", n);
}

static void single(struct buf *out, const char *name, const char *type, const char *help, int64_t n)
{
    family(out, name, type, help);
    sample(out, name, n, NO_LABELS);
}

static void histogram(struct buf *out, const char *name, const struct figure_histogram *h, const char *const labels[LABELS_MAX])
{
    struct buf text = BUF_INIT;
    uint64_t below = 0;
    print_labels(&text, labels);
    const char *comma = text.len == 0 ? "" : ",", *open = text.len == 0 ? "" : "{", *close = text.len == 0 ? "" : "}";
    for (unsigned i = 0; i <= FIGURES_BUCKETS; i++) {
        below += book_read(&h->bucket[i]);
        buf_addf(out, "%s_bucket{%s%sle=\"", name, buf_cstr(&text), comma);
        if (i < FIGURES_BUCKETS)
            buf_addf(out, "%g\"} %" PRIu64 "\n", (double)figures_bounds_us[i] / 1e6, below);
        else
            buf_addf(out, "+Inf\"} %" PRIu64 "\n", below);
    }
    buf_addf(out, "%s_sum%s%s%s %.6f\n", name, open, buf_cstr(&text), close, (double)book_read(&h->sum_us) / 1e6);
    buf_addf(out, "%s_count%s%s%s %" PRIu64 "\n", name, open, buf_cstr(&text), close, below);
    buf_free(&text);
}

/* ---- zegeld ---- */

static void processes(const struct book *b, struct buf *out)
{
    const struct figures *f = book_page(b, "zegeld", "");
    family(out, "zegel_build_info", "gauge", "The version that runs; always 1.");
    sample(out, "zegel_build_info", 1, LABELS("version", ZEGEL_VERSION));
    single(out, "zegel_start_time_seconds", "gauge", "When zegeld was started, in seconds since 1970.",
           book_gauge(f, FIGURE_STARTED));
    family(out, "zegel_config_reloads_total", "counter", "Configurations read while running, by result.");
    sample(out, "zegel_config_reloads_total", (int64_t)book_read(&f->counter[FIGURE_RELOADS]), LABELS("result", "done"));
    sample(out, "zegel_config_reloads_total", (int64_t)book_read(&f->counter[FIGURE_RELOADS_FAILED]), LABELS("result", "failed"));
    family(out, "zegel_process_up", "gauge", "1 when the process is there and serves.");
    for (unsigned i = 0; i < FIGURES_PROCESSES; i++) {
        const struct figure_process *p = book_process(b, i);
        if (p != NULL)
            sample(out, "zegel_process_up", atomic_load_explicit(&p->ready, memory_order_relaxed),
                   LABELS("process", p->program, "name", p->name));
    }
    family(out, "zegel_process_starts_total", "counter", "How often the process was started.");
    for (unsigned i = 0; i < FIGURES_PROCESSES; i++) {
        const struct figure_process *p = book_process(b, i);
        if (p != NULL)
            sample(out, "zegel_process_starts_total", (int64_t)book_read(&p->starts),
                   LABELS("process", p->program, "name", p->name));
    }
}

/* ---- zegel-milter ---- */

static void messages(const struct book *b, struct buf *out)
{
    static const struct {
        enum figure_counter counter;
        const char *result;
    } results[] = {{FIGURE_SIGNED, "signed"},         {FIGURE_MALFORMED, "malformed"}, {FIGURE_FORBIDDEN, "forbidden"},
                   {FIGURE_TEMPFAILED, "tempfailed"}, {FIGURE_UNSIGNED, "unsigned"},   {FIGURE_UNTOUCHED, "untouched"}};
    const struct config *c = b->config;
    family(
        out, "zegel_messages_total", "counter",
        "Messages by front end and what became of them: signed; malformed or forbidden (550); tempfailed (451); passed unsigned, "
        "as on-failure says; untouched, since not ours to sign.");
    for (unsigned l = 0; l < c->listen_count; l++)
        for (unsigned r = 0; r < sizeof results / sizeof results[0]; r++)
            sample(out, "zegel_messages_total",
                   (int64_t)book_read(&book_page(b, "zegel-milter", c->listen[l])->counter[results[r].counter]),
                   LABELS("listen", c->listen[l], "result", results[r].result));
    family(out, "zegel_message_seconds", "histogram", "From the end of a message to the answer to the MTA.");
    for (unsigned l = 0; l < c->listen_count; l++)
        histogram(out, "zegel_message_seconds", &book_page(b, "zegel-milter", c->listen[l])->time[FIGURE_TIME_MESSAGE],
                  LABELS("listen", c->listen[l]));
}

/* As dkim/verify.h numbers them. */
static void verifications(const struct book *b, struct buf *out)
{
    static const char *const results[FIGURES_VERIFIED] = {
        "pass", "fail", "permerror", "temperror", "policy", "neutral", [FIGURE_VERIFIED_NONE] = "none"};
    const struct config *c = b->config;
    family(out, "zegel_verifications_total", "counter",
           "Signatures of inbound mail by result, and messages without one (none), by front end with verify: yes.");
    for (unsigned l = 0; l < c->listen_count; l++)
        for (unsigned r = 0; config_verifies(c, c->listen[l]) && r < FIGURES_VERIFIED; r++)
            if (results[r] != NULL)
                sample(out, "zegel_verifications_total",
                       (int64_t)book_read(&book_page(b, "zegel-milter", c->listen[l])->verified[r]),
                       LABELS("listen", c->listen[l], "result", results[r]));
}

/* ---- zegel-signer ---- */

/* A failure's word, or NULL when there was none of it. */
static const char *failed(const struct figures *f, unsigned reason)
{
    bool named = reason == 0 || strcmp(book_reason(reason), book_reason(0)) != 0;
    return named && book_read(&f->failed[reason]) > 0 ? book_reason(reason) : NULL;
}

static void signatures(const struct book *b, struct buf *out)
{
    const struct figures *f = book_page(b, "zegel-signer", "");
    family(out, "zegel_signatures_total", "counter",
           "Signatures released, by domain (256 of them; the rest is domain \"other\") and algorithm.");
    for (unsigned i = 0; i < FIGURES_DOMAINS; i++) {
        const struct config_domain *d = book_domain(b, i);
        if (d == NULL)
            continue;
        sample(out, "zegel_signatures_total", (int64_t)book_read(&f->domain[i].rsa),
               LABELS("domain", d->domain, "algorithm", "rsa-sha256"));
        sample(out, "zegel_signatures_total", (int64_t)book_read(&f->domain[i].ed25519),
               LABELS("domain", d->domain, "algorithm", "ed25519-sha256"));
    }
    sample(out, "zegel_signatures_total", (int64_t)book_read(&f->other_rsa),
           LABELS("domain", "other", "algorithm", "rsa-sha256"));
    sample(out, "zegel_signatures_total", (int64_t)book_read(&f->other_ed25519),
           LABELS("domain", "other", "algorithm", "ed25519-sha256"));
    family(out, "zegel_refusals_total", "counter", "Signatures that the signer refused or could not get, by reason.");
    for (unsigned r = 0; r < FIGURES_REASONS; r++)
        if (failed(f, r) != NULL)
            sample(out, "zegel_refusals_total", (int64_t)book_read(&f->failed[r]), LABELS("reason", failed(f, r)));
    family(out, "zegel_request_seconds", "histogram", "From a request to the signer to its answer: token and audit log.");
    histogram(out, "zegel_request_seconds", &f->time[FIGURE_TIME_SIGN], NO_LABELS);
    single(out, "zegel_queue_length", "gauge", "Requests waiting at the signer or under way.", book_gauge(f, FIGURE_QUEUE));
    single(out, "zegel_keys_quarantined", "gauge", "Keys not used any more since their signatures did not verify.",
           book_gauge(f, FIGURE_QUARANTINED));
}

static void audit(const struct book *b, struct buf *out)
{
    const struct figures *f = book_page(b, "zegel-signer", "");
    single(out, "zegel_audit_records_total", "counter", "Records of the audit log made durable.",
           (int64_t)book_read(&f->counter[FIGURE_RECORDS]));
    single(out, "zegel_audit_checkpoints_total", "counter", "Checkpoints of the audit log signed and written.",
           (int64_t)book_read(&f->counter[FIGURE_CHECKPOINTS]));
    single(out, "zegel_audit_checkpoints_wanted", "gauge", "1 when audit.key is configured.",
           book_gauge(f, FIGURE_CHECKPOINT_KEY));
    single(out, "zegel_audit_unsigned_records", "gauge", "Records that no checkpoint covers yet.",
           book_gauge(f, FIGURE_UNSIGNED_LEAVES));
    single(out, "zegel_audit_checkpoint_timestamp_seconds", "gauge",
           "When the last checkpoint was written; 0: none since the start.", book_gauge(f, FIGURE_CHECKPOINT_TIME));
    family(out, "zegel_audit_commit_seconds", "histogram", "Making a batch of records durable.");
    histogram(out, "zegel_audit_commit_seconds", &f->time[FIGURE_TIME_COMMIT], NO_LABELS);
}

/* ---- keys ---- */

enum { KEY_DOMAINS_MAX = 1000 };

/* The day that the configuration (or zegel rotate) has for each key, where it has one. */
static void key_days(const struct book *b, struct buf *out, const char *name, bool until)
{
    for (unsigned d = 0; d < b->config->domains_count && d < KEY_DOMAINS_MAX; d++)
        for (unsigned k = 0; k < b->config->domains[d].keys_count; k++) {
            const struct config_key *key = &b->config->domains[d].keys[k];
            int64_t day = until ? key->until_s : key->since_s;
            if (day != 0)
                sample(out, name, day, LABELS("domain", b->config->domains[d].domain, "selector", key->selector));
        }
}

static void keys(const struct book *b, struct buf *out)
{
    family(out, "zegel_key_since_timestamp_seconds", "gauge", "The day since which the key signs, in seconds since 1970.");
    key_days(b, out, "zegel_key_since_timestamp_seconds", false);
    family(out, "zegel_key_until_timestamp_seconds", "gauge", "The day by which the key is to be replaced.");
    key_days(b, out, "zegel_key_until_timestamp_seconds", true);
}

/* ---- zegel-token ---- */

struct worker {
    const struct figures *f;
    const char *token, *state;
    char number[4];
};

/* Goes through all workers: false behind the last. */
static bool next_worker(const struct book *b, unsigned *t, unsigned *w, struct worker *out)
{
    while (*t < b->config->tokens_count && *w >= b->config->tokens[*t].workers_n) {
        ++*t;
        *w = 0;
    }
    if (*t == b->config->tokens_count)
        return false;
    *out =
        (struct worker){.f = book_worker(b, *t, *w), .token = b->config->tokens[*t].name, .state = book_worker_state(b, *t, *w)};
    (void)snprintf(out->number, sizeof out->number, "%u", *w % 1000);
    ++*w;
    return true;
}

/* A gauge or counter of each worker: what one has of it is for the caller to print. */
typedef void each_worker(struct buf *out, const struct worker *w);

static void of_all_workers(const struct book *b, struct buf *out, each_worker *print)
{
    struct worker one;
    for (unsigned t = 0, w = 0; next_worker(b, &t, &w, &one);)
        print(out, &one);
}

static void print_up(struct buf *out, const struct worker *w)
{
    sample(out, "zegel_token_up", strcmp(w->state, "ready") == 0, LABELS("token", w->token, "worker", w->number));
}

static void print_state(struct buf *out, const struct worker *w)
{
    sample(out, "zegel_token_state_info", 1, LABELS("token", w->token, "worker", w->number, "state", w->state));
}

static void print_fallback(struct buf *out, const struct worker *w)
{
    sample(out, "zegel_token_fallback", book_gauge(w->f, FIGURE_TOKEN_FALLBACK), LABELS("token", w->token, "worker", w->number));
}

static void print_pin(struct buf *out, const struct worker *w)
{
    static const char *const names[] = {"low", "final-try", "locked", "latched"}; /* as enum figure_pin has the bits */
    int64_t flags = book_gauge(w->f, FIGURE_TOKEN_PIN);
    for (unsigned i = 0; i < 4; i++)
        sample(out, "zegel_token_pin_flag", flags >> i & 1, LABELS("token", w->token, "worker", w->number, "flag", names[i]));
}

static void print_keys(struct buf *out, const struct worker *w)
{
    int64_t missing = book_gauge(w->f, FIGURE_TOKEN_MISSING), all = book_gauge(w->f, FIGURE_TOKEN_KEYS);
    sample(out, "zegel_token_keys", all - missing, LABELS("token", w->token, "worker", w->number, "state", "found"));
    sample(out, "zegel_token_keys", missing, LABELS("token", w->token, "worker", w->number, "state", "missing"));
}

static void print_failures(struct buf *out, const struct worker *w)
{
    for (unsigned r = 0; r < FIGURES_REASONS; r++)
        if (failed(w->f, r) != NULL)
            sample(out, "zegel_token_failures_total", (int64_t)book_read(&w->f->failed[r]),
                   LABELS("token", w->token, "worker", w->number, "reason", failed(w->f, r)));
}

static void print_times(struct buf *out, const struct worker *w)
{
    histogram(out, "zegel_token_signing_seconds", &w->f->time[FIGURE_TIME_TOKEN], LABELS("token", w->token, "worker", w->number));
}

static void tokens(const struct book *b, struct buf *out)
{
    family(out, "zegel_token_up", "gauge", "1 when the worker is logged in to its token.");
    of_all_workers(b, out, print_up);
    family(out, "zegel_token_state_info", "gauge", "The worker's state, or the reason why it is not ready; always 1.");
    of_all_workers(b, out, print_state);
    family(out, "zegel_token_fallback", "gauge", "1 when the token is not reached by the module that prefer: names.");
    of_all_workers(b, out, print_fallback);
    family(
        out, "zegel_token_pin_flag", "gauge",
        "What the token says of the tries its PIN has left (low: a wrong one was given; final-try; locked), and latched: refused "
        "once and not sent again.");
    of_all_workers(b, out, print_pin);
    family(out, "zegel_token_keys", "gauge", "Keys that the configuration has on the token, found and missing (or not usable).");
    of_all_workers(b, out, print_keys);
    family(out, "zegel_token_failures_total", "counter", "Signatures that the token did not make, by reason.");
    of_all_workers(b, out, print_failures);
    family(out, "zegel_token_signing_seconds", "histogram", "One signature in the token.");
    of_all_workers(b, out, print_times);
}

/* Only of tokens whose own log was ever compared with the audit log. */
static void token_logs(const struct book *b, struct buf *out)
{
    struct lastcheck_token log;
    json_t *logs = lastcheck_logs(b->config);
    family(
        out, "zegel_token_log_differences", "gauge",
        "What zegel token reconcile found that is in one of the token's log and the audit log only, and nobody has explained.");
    for (unsigned t = 0; t < b->config->tokens_count; t++) {
        lastcheck_token(logs, b->config->tokens[t].name, &log);
        if (log.time_s > 0)
            sample(out, "zegel_token_log_differences", log.differences, LABELS("token", b->config->tokens[t].name));
    }
    family(out, "zegel_token_log_timestamp_seconds", "gauge", "When they were last compared.");
    for (unsigned t = 0; t < b->config->tokens_count; t++) {
        lastcheck_token(logs, b->config->tokens[t].name, &log);
        if (log.time_s > 0)
            sample(out, "zegel_token_log_timestamp_seconds", log.time_s, LABELS("token", b->config->tokens[t].name));
    }
    json_decref(logs);
}

static void check(const struct book *b, struct buf *out)
{
    struct lastcheck last;
    lastcheck_read(b->config, &last);
    single(out, "zegel_check_timestamp_seconds", "gauge", "When zegel check --all was last run; 0: never.", last.time_s);
    family(out, "zegel_check_domains", "gauge", "Domains by the worst result of that check.");
    for (int r = 0; r < LASTCHECK_RESULTS; r++)
        sample(out, "zegel_check_domains", last.counts[r], LABELS("result", lastcheck_name((enum lastcheck_result)r)));
}

void metrics_print(const struct book *b, struct buf *out)
{
    processes(b, out);
    messages(b, out);
    verifications(b, out);
    signatures(b, out);
    audit(b, out);
    tokens(b, out);
    keys(b, out);
    check(b, out);
    token_logs(b, out);
}
