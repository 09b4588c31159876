#include "status/faults.h"

#include <stdio.h>

#include "status/lastcheck.h"

struct list {
    struct fault_found *out;
    unsigned count;
};

static void add(struct list *l, enum fault f, const char *program, const char *name)
{
    if (l->count == FAULTS_SHOWN)
        return;
    struct fault_found *at = &l->out[l->count++];
    at->fault = f;
    (void)snprintf(at->name, sizeof at->name, "%s%s%s", program, program[0] == '\0' || name[0] == '\0' ? "" : " ", name);
}

static void processes(const struct book *b, struct list *l)
{
    for (unsigned i = 0; i < FIGURES_PROCESSES; i++) {
        const struct figure_process *p = book_process(b, i);
        if (p != NULL && atomic_load_explicit(&p->ready, memory_order_relaxed) == 0)
            add(l, FAULT_PROCESS_DOWN, p->program, p->name);
    }
}

static void tokens(const struct book *b, struct list *l)
{
    static const struct {
        enum figure_pin flag;
        enum fault fault;
    } flags[] = {{FIGURE_PIN_LATCHED, FAULT_PIN_LATCHED},
                 {FIGURE_PIN_LOCKED, FAULT_PIN_LOCKED},
                 {FIGURE_PIN_FINAL, FAULT_PIN_FINAL},
                 {FIGURE_PIN_LOW, FAULT_PIN_LOW}};
    json_t *logs = lastcheck_logs(b->config);
    for (unsigned t = 0; t < b->config->tokens_count; t++) {
        const char *name = b->config->tokens[t].name;
        bool up = false;
        int64_t pin = 0, missing = 0;
        for (unsigned w = 0; w < b->config->tokens[t].workers_n; w++) {
            const struct figures *f = book_worker(b, t, w);
            up = up || strcmp(book_worker_state(b, t, w), "ready") == 0;
            pin |= book_gauge(f, FIGURE_TOKEN_PIN);
            missing += book_gauge(f, FIGURE_TOKEN_MISSING);
        }
        if (!up)
            add(l, FAULT_TOKEN_DOWN, "", name);
        if (up && missing > 0)
            add(l, FAULT_KEYS_MISSING, "", name);
        struct lastcheck_token log;
        lastcheck_token(logs, name, &log);
        if (log.differences > 0)
            add(l, FAULT_TOKEN_LOG, "", name);
        for (unsigned i = 0; i < sizeof flags / sizeof flags[0]; i++)
            if (pin & flags[i].flag) {
                add(l, flags[i].fault, "", name);
                break; /* the worst says it */
            }
    }
    json_decref(logs);
}

static void signer(const struct book *b, int64_t now_s, struct list *l)
{
    const struct figures *f = book_page(b, "zegel-signer", "");
    int64_t last = book_gauge(f, FIGURE_CHECKPOINT_TIME), started = book_gauge(book_page(b, "zegeld", ""), FIGURE_STARTED);
    if (book_gauge(f, FIGURE_QUARANTINED) > 0)
        add(l, FAULT_QUARANTINED, "", "");
    if (book_gauge(f, FIGURE_CHECKPOINT_KEY) != 0 && book_gauge(f, FIGURE_UNSIGNED_LEAVES) > 0 &&
        now_s - (last > started ? last : started) > FAULTS_AUDIT_LAG_S)
        add(l, FAULT_AUDIT_LAG, "", "");
}

unsigned faults_find(const struct book *b, int64_t now_s, struct fault_found out[FAULTS_SHOWN])
{
    struct list l = {.out = out};
    processes(b, &l);
    tokens(b, &l);
    signer(b, now_s, &l);
    return l.count;
}

const char *fault_word(enum fault f)
{
    static const char *const words[FAULTS] = {"process-down", "token-down",   "pin-latched", "pin-locked", "pin-final-try",
                                              "pin-low",      "keys-missing", "quarantined", "token-log",  "audit-lag"};
    return words[f];
}
