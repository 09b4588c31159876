#include "supervisor/roll.h"

#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc/control.h"
#include "supervisor/family.h"

enum {
    STEP_WITHIN_MS = 30000,   /* then the next one comes all the same */
    END_WITHIN_MS = 5000,     /* the signer and the workers, once hung up on */
    DRAIN_WITHIN_MS = 600000, /* an MTA may keep a connection, and send a message now and then */
    OLD_MILTERS_MAX = 64,     /* more of them at once, and the first has to go */
};

static void enter(struct supervisor *s, enum roll step)
{
    s->roll = step;
    s->roll_deadline_ms = clock_monotonic_ms() + STEP_WITHIN_MS;
}

bool roll_begin(struct supervisor *s)
{
    for (unsigned i = s->count; i-- > 0;) {
        s->children[i].old = true;
        if (s->children[i].pid == 0)
            family_remove(s, i);
    }
    unsigned first = s->count;
    if (!family_plan(s))
        return false;
    for (unsigned i = first; i < s->count; i++)
        s->children[i].waits = s->children[i].kind != CHILD_TOKEN;
    enter(s, ROLL_TOKENS);
    return true;
}

static bool all_ready(const struct supervisor *s, enum child_kind kind)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct child *c = &s->children[i];
        if (c->kind == kind && !c->old && !c->ready && !c->fatal)
            return false;
    }
    return true;
}

static bool any_old(const struct supervisor *s, enum child_kind kind)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->children[i].kind == kind && s->children[i].old)
            return true;
    return false;
}

static void start_new(struct supervisor *s, enum child_kind kind)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->children[i].kind == kind && !s->children[i].old)
            s->children[i].waits = false;
}

static void hang_up_old(struct supervisor *s)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->children[i].old && !child_is_milter(&s->children[i])) {
            child_hang_up(&s->children[i]);
            s->children[i].end_by_ms = clock_monotonic_ms() + END_WITHIN_MS;
        }
}

static void drain_old(struct supervisor *s)
{
    struct child *first = NULL;
    unsigned count = 0;
    for (unsigned i = 0; i < s->count; i++) {
        struct child *c = &s->children[i];
        if (!c->old || !child_is_milter(c))
            continue;
        count++;
        if (c->end_by_ms == 0) {
            c->end_by_ms = clock_monotonic_ms() + DRAIN_WITHIN_MS;
            (void)control_send(c->control, CONTROL_DRAIN, "", -1);
        }
        if (first == NULL || c->end_by_ms < first->end_by_ms)
            first = c;
    }
    if (count > OLD_MILTERS_MAX)
        first->end_by_ms = clock_monotonic_ms();
}

void roll_step(struct supervisor *s)
{
    bool late = clock_left_ms(s->roll_deadline_ms) == 0;
    switch (s->roll) {
    case ROLL_NONE: break;
    case ROLL_TOKENS:
        if (!late && !all_ready(s, CHILD_TOKEN))
            break;
        hang_up_old(s);
        enter(s, ROLL_SIGNER);
        break;
    case ROLL_SIGNER:
        if (any_old(s, CHILD_SIGNER))
            break;
        start_new(s, CHILD_SIGNER);
        start_new(s, CHILD_STATUS);
        start_new(s, CHILD_RESOLVER); /* mail goes on without it: nobody waits until it is ready */
        if (!all_ready(s, CHILD_SIGNER))
            break;
        start_new(s, CHILD_MILTER);
        start_new(s, CHILD_INBOUND);
        enter(s, ROLL_MILTERS);
        break;
    case ROLL_MILTERS:
        if (!late && !(all_ready(s, CHILD_MILTER) && all_ready(s, CHILD_INBOUND)))
            break;
        drain_old(s);
        listen_prune(&s->listeners, s->config);
        s->roll = ROLL_NONE;
        s->announced = true;
        log_info("all processes replaced: %u domains, %u tokens, %u sockets", s->config->domains_count, s->config->tokens_count,
                 s->config->listen_count);
        (void)sd_notify(0, "READY=1");
        break;
    }
}
