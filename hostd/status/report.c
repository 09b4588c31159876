#include "status/report.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/clock.h"
#include "status/faults.h"
#include "status/words.h"

enum { DOMAINS_SHOWN = 1000 };

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

/* Milliseconds below which half, and 99 of 100, were; null: none, or above all bounds. */
static json_t *times(const struct figure_histogram *h)
{
    uint64_t n = book_observations(h);
    int64_t p50 = book_quantile_us(h, 500), p99 = book_quantile_us(h, 990);
    json_t *o = json_object();
    json_object_set_new(o, "count", number(n));
    json_object_set_new(o, "seconds", json_real((double)book_read(&h->sum_us) / 1e6));
    json_object_set_new(o, "p50-ms", p50 < 0 ? json_null() : json_real((double)p50 / 1000));
    json_object_set_new(o, "p99-ms", p99 < 0 ? json_null() : json_real((double)p99 / 1000));
    return o;
}

static json_t *reasons(const struct figures *f)
{
    json_t *o = json_object();
    for (unsigned r = 0; r < FIGURES_REASONS; r++) {
        uint64_t n = book_read(&f->failed[r]);
        if (n > 0 && (r == 0 || strcmp(book_reason(r), "other") != 0))
            json_object_set_new(o, book_reason(r), number(n));
    }
    return o;
}

static json_t *processes(const struct book *b)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < FIGURES_PROCESSES; i++) {
        const struct figure_process *p = book_process(b, i);
        if (p != NULL)
            json_array_append_new(all, json_pack("{s:s, s:s, s:b, s:I}", "process", p->program, "name", p->name, "up",
                                                 atomic_load_explicit(&p->ready, memory_order_relaxed) != 0, "starts",
                                                 (json_int_t)book_read(&p->starts)));
    }
    return all;
}

static json_t *worker(const struct book *b, unsigned t, unsigned w)
{
    const struct figures *f = book_worker(b, t, w);
    int64_t pin = book_gauge(f, FIGURE_TOKEN_PIN);
    json_t *o =
        json_pack("{s:s, s:I, s:I}", "state", book_worker_state(b, t, w), "keys", (json_int_t)book_gauge(f, FIGURE_TOKEN_KEYS),
                  "missing", (json_int_t)book_gauge(f, FIGURE_TOKEN_MISSING));
    json_object_set_new(o, "pin",
                        json_pack("{s:b, s:b, s:b, s:b}", "low", (pin & FIGURE_PIN_LOW) != 0, "final-try",
                                  (pin & FIGURE_PIN_FINAL) != 0, "locked", (pin & FIGURE_PIN_LOCKED) != 0, "latched",
                                  (pin & FIGURE_PIN_LATCHED) != 0));
    if (b->config->tokens[t].prefer.module != NULL)
        json_object_set_new(o, "module", json_string(book_worker_module(b, t, w)));
    json_object_set_new(o, "signing", times(&f->time[FIGURE_TIME_TOKEN]));
    json_object_set_new(o, "failures", reasons(f));
    return o;
}

/* A token is up when one of its workers is. */
static json_t *tokens(const struct book *b)
{
    json_t *all = json_array();
    for (unsigned t = 0; t < b->config->tokens_count; t++) {
        json_t *workers = json_array();
        bool up = false;
        for (unsigned w = 0; w < b->config->tokens[t].workers_n; w++) {
            up = up || strcmp(book_worker_state(b, t, w), "ready") == 0;
            json_array_append_new(workers, worker(b, t, w));
        }
        json_array_append_new(all, json_pack("{s:s, s:b, s:o}", "name", b->config->tokens[t].name, "up", up, "workers", workers));
    }
    return all;
}

static json_t *front_ends(const struct book *b)
{
    json_t *all = json_array();
    for (unsigned l = 0; l < b->config->listen_count; l++) {
        const struct figures *f = book_page(b, "zegel-milter", b->config->listen[l]);
        uint64_t verified = 0;
        for (unsigned i = 0; i < FIGURES_VERIFIED; i++)
            verified += book_read(&f->verified[i]);
        json_t *o = json_object();
        json_object_set_new(o, "listen", json_string(b->config->listen[l]));
        json_object_set_new(o, "verifies", json_boolean(config_verifies(b->config, b->config->listen[l])));
        json_object_set_new(o, "signed", number(book_read(&f->counter[FIGURE_SIGNED])));
        json_object_set_new(o, "malformed", number(book_read(&f->counter[FIGURE_MALFORMED])));
        json_object_set_new(o, "forbidden", number(book_read(&f->counter[FIGURE_FORBIDDEN])));
        json_object_set_new(o, "tempfailed", number(book_read(&f->counter[FIGURE_TEMPFAILED])));
        json_object_set_new(o, "unsigned", number(book_read(&f->counter[FIGURE_UNSIGNED])));
        json_object_set_new(o, "untouched", number(book_read(&f->counter[FIGURE_UNTOUCHED])));
        json_object_set_new(o, "verified", number(verified));
        json_object_set_new(o, "answering", times(&f->time[FIGURE_TIME_MESSAGE]));
        json_array_append_new(all, o);
    }
    return all;
}

static json_t *signer(const struct book *b)
{
    const struct figures *f = book_page(b, "zegel-signer", "");
    json_t *o = json_object();
    json_object_set_new(o, "queue", json_integer(book_gauge(f, FIGURE_QUEUE)));
    json_object_set_new(o, "quarantined", json_integer(book_gauge(f, FIGURE_QUARANTINED)));
    json_object_set_new(o, "refusals", reasons(f));
    json_object_set_new(o, "answering", times(&f->time[FIGURE_TIME_SIGN]));
    return o;
}

static json_t *audit(const struct book *b)
{
    const struct figures *f = book_page(b, "zegel-signer", "");
    int64_t last = book_gauge(f, FIGURE_CHECKPOINT_TIME);
    json_t *o = json_object();
    json_object_set_new(o, "records", number(book_read(&f->counter[FIGURE_RECORDS])));
    json_object_set_new(o, "checkpoints-wanted", json_boolean(book_gauge(f, FIGURE_CHECKPOINT_KEY) != 0));
    json_object_set_new(o, "checkpoints", number(book_read(&f->counter[FIGURE_CHECKPOINTS])));
    json_object_set_new(o, "unsigned-records", json_integer(book_gauge(f, FIGURE_UNSIGNED_LEAVES)));
    json_object_set_new(o, "checkpoint-time", last == 0 ? json_null() : json_integer(last));
    json_object_set_new(o, "commit", times(&f->time[FIGURE_TIME_COMMIT]));
    return o;
}

static json_t *key_of(const struct book *b, const struct config_key *k)
{
    json_t *o = json_object();
    json_object_set_new(o, "selector", json_string(k->selector));
    json_object_set_new(o, "algorithm", json_string(k->algorithm == CONFIG_RSA_SHA256 ? "rsa-sha256" : "ed25519-sha256"));
    json_object_set_new(o, "token", json_string(b->config->tokens[k->token].name));
    json_object_set_new(o, "since", k->since == NULL ? json_null() : json_string(k->since));
    json_object_set_new(o, "until", k->until == NULL ? json_null() : json_string(k->until));
    return o;
}

static json_t *domains(const struct book *b)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < b->config->domains_count && i < DOMAINS_SHOWN; i++) {
        const struct config_domain *d = &b->config->domains[i];
        uint64_t rsa, ed25519;
        json_t *keys = json_array();
        book_signatures(b, d, &rsa, &ed25519);
        for (unsigned k = 0; k < d->keys_count; k++)
            json_array_append_new(keys, key_of(b, &d->keys[k]));
        json_array_append_new(all, json_pack("{s:s, s:I, s:I, s:o}", "domain", d->domain, "rsa-sha256", (json_int_t)rsa,
                                             "ed25519-sha256", (json_int_t)ed25519, "keys", keys));
    }
    return all;
}

static json_t *faults(const struct book *b)
{
    struct fault_found found[FAULTS_SHOWN];
    unsigned count = faults_find(b, clock_wall_s(), found);
    json_t *all = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "fault", fault_word(found[i].fault), "name", found[i].name,
                                             "text", words_of("en")->faults[found[i].fault]));
    return all;
}

bool report_print(const struct book *b, struct buf *out)
{
    const struct figures *f = book_page(b, "zegeld", "");
    json_t *j = json_object();
    json_object_set_new(j, "version", json_string(ZEGEL_VERSION));
    json_object_set_new(j, "time", json_integer(clock_wall_s()));
    json_object_set_new(j, "started", json_integer(book_gauge(f, FIGURE_STARTED)));
    json_object_set_new(j, "reloads", number(book_read(&f->counter[FIGURE_RELOADS])));
    json_object_set_new(j, "reloads-failed", number(book_read(&f->counter[FIGURE_RELOADS_FAILED])));
    json_object_set_new(j, "faults", faults(b));
    json_object_set_new(j, "processes", processes(b));
    json_object_set_new(j, "front-ends", front_ends(b));
    json_object_set_new(j, "signer", signer(b));
    json_object_set_new(j, "audit", audit(b));
    json_object_set_new(j, "tokens", tokens(b));
    json_object_set_new(j, "domains-configured", json_integer(b->config->domains_count));
    json_object_set_new(j, "domains", domains(b));
    char *text = json_dumps(j, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    if (text != NULL)
        buf_add_str(out, text);
    buf_add_str(out, "\n");
    free(text);
    json_decref(j);
    return text != NULL && !out->failed;
}
