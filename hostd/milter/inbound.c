#include "milter/inbound.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "dkim/authres.h"
#include "dkim/authserv.h"
#include "figures/figures.h"
#include "milter/current.h"
#include "milter/field.h"
#include "milter/keylookup.h"
#include "milter/steps.h"

static const char field_name[] = "Authentication-Results";

enum {
    CLAIMS_MAX = 4096, /* Authentication-Results fields we look into; of those beyond, none stays */
    RESULTS_MAX = 8192,
};

struct inbound {
    struct steps steps;
    struct current *config; /* while in a message */
    struct dkim_sign *m;
    struct keylookup keys;
    unsigned claims;             /* fields called Authentication-Results so far */
    bool forged[CLAIMS_MAX + 1]; /* by their number, from 1 */
    bool header_over, hides;     /* a claim behind a bare CR or LF in some other field */
};

static const char *own_listen;

int inbound_start(const char *listen)
{
    own_listen = listen;
    return keylookup_start();
}

static void message_end(struct inbound *s)
{
    current_release(s->config);
    s->config = NULL;
    s->claims = 0;
    s->header_over = s->hides = false;
    dkim_sign_start(s->m);
}

static void inbound_free(struct inbound *s)
{
    current_release(s->config);
    dkim_sign_free(s->m);
    free(s);
}

static const char *authserv_id(const struct inbound *s)
{
    const struct config_front_end *f = config_find_front_end(current_config(s->config), own_listen);
    return f == NULL || f->authserv_id == NULL ? "localhost" : f->authserv_id; /* a reload cannot take it away */
}

static sfsistat defer(SMFICTX *ctx, const char *why)
{
    figures_count(FIGURE_TEMPFAILED);
    log_event(LOG_LEVEL_WARN, &(struct log_fields){.queue_id = field_queue_id(ctx), .result = "tempfailed", .reason = why},
              "not verified, 451: %s", why);
    (void)smfi_setreply(ctx, (char *)(uintptr_t) "451", (char *)(uintptr_t) "4.7.5",
                        (char *)(uintptr_t) "Message not verified, try again later");
    return SMFIS_TEMPFAIL;
}

/* There is no way to remove what only some readers see: such mail is not taken. */
static sfsistat refuse_hidden(SMFICTX *ctx)
{
    log_event(LOG_LEVEL_WARN, &(struct log_fields){.queue_id = field_queue_id(ctx), .result = "malformed"},
              "refused, 554: a bare CR or LF hides an Authentication-Results");
    (void)smfi_setreply(ctx, (char *)(uintptr_t) "554", (char *)(uintptr_t) "5.6.0",
                        (char *)(uintptr_t) "A bare CR or LF in the header hides an Authentication-Results field");
    return SMFIS_REJECT;
}

/* ---- results ---- */

/* "ID; dkim=...; dkim=...", folded. */
static void write_results(const struct inbound *s, const char *id, const struct verification *v, size_t count, struct out *out)
{
    uint8_t room[2048];
    out_str(out, " ");
    out_str(out, id);
    for (size_t i = 0; i < count; i++) {
        struct out one = out_of(room, sizeof room);
        authres_dkim(&v[i], &one);
        out_str(&one, authres_is_aligned(&s->m->header, v[i].sig.domain) ? " (From is aligned)" : " (From is not aligned)");
        out_str(out, ";\r\n\t");
        authres_fold(out_bytes(&one), 8, out);
    }
    if (count == 0)
        out_str(out, "; dkim=none");
}

/* From the last one up, since each that goes moves those below it (CVE-2022-48521). */
static bool remove_forged(SMFICTX *ctx, const struct inbound *s, unsigned *removed)
{
    *removed = 0;
    for (unsigned i = s->claims; i > 0; i--)
        if (i > CLAIMS_MAX || s->forged[i]) {
            if (smfi_chgheader(ctx, (char *)(uintptr_t)field_name, (int)i, NULL) != MI_SUCCESS)
                return false;
            ++*removed;
        }
    return true;
}

/* Domain and selector are the message's: the log escapes them. */
static void log_result(SMFICTX *ctx, const struct verification *v)
{
    char domain[256], selector[256];
    (void)snprintf(domain, sizeof domain, "%.*s", (int)v->sig.domain.len, (const char *)v->sig.domain.data);
    (void)snprintf(selector, sizeof selector, "%.*s", (int)v->sig.selector.len, (const char *)v->sig.selector.data);
    const struct log_fields f = {.queue_id = field_queue_id(ctx),
                                 .domain = domain,
                                 .selector = selector,
                                 .result = verify_result_name(v->result),
                                 .reason = v->reason};
    log_event(LOG_LEVEL_INFO, &f, "dkim=%s d=%s s=%s%s%s", f.result, domain, selector, v->reason[0] == '\0' ? "" : ": ",
              v->reason);
}

static void log_results(SMFICTX *ctx, const struct verification *v, size_t count, unsigned removed)
{
    for (size_t i = 0; i < count; i++) {
        figures_verified((unsigned)v[i].result);
        log_result(ctx, &v[i]);
    }
    if (count == 0) {
        figures_verified(FIGURE_VERIFIED_NONE);
        log_event(LOG_LEVEL_INFO, &(struct log_fields){.queue_id = field_queue_id(ctx), .result = "none"}, "dkim=none");
    }
    if (removed > 0)
        log_event(LOG_LEVEL_WARN, &(struct log_fields){.queue_id = field_queue_id(ctx)},
                  "%u forged Authentication-Results removed", removed);
}

/* ---- callbacks ---- */

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long f2, unsigned long f3,
                             unsigned long *want_actions, unsigned long *want_steps, unsigned long *want2, unsigned long *want3)
{
    (void)f2;
    (void)f3;
    *want_actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS;
    *want2 = *want3 = 0;
    struct inbound *s = (actions & *want_actions) == *want_actions ? calloc(1, sizeof *s) : NULL;
    if (s == NULL || (s->m = dkim_sign_new()) == NULL || smfi_setpriv(ctx, s) != MI_SUCCESS) {
        log_error("out of memory, or the MTA does not let milters add and remove header fields: nothing could be marked");
        if (s != NULL)
            inbound_free(s);
        return SMFIS_REJECT;
    }
    *want_steps = steps_choose(steps, SMFIP_NOCONNECT, &s->steps);
    return SMFIS_CONTINUE;
}

static sfsistat on_envfrom(SMFICTX *ctx, char **args)
{
    struct inbound *s = smfi_getpriv(ctx);
    (void)args;
    message_end(s);
    s->config = current_acquire();
    return SMFIS_CONTINUE;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
    struct inbound *s = smfi_getpriv(ctx);
    struct header_field f = {.name = bytes_str(name), .value = bytes_str(value)};
    if (bytes_ieq(header_name(&f), bytes_str(field_name)) && ++s->claims <= CLAIMS_MAX)
        s->forged[s->claims] = authserv_of(f.value, bytes_str(authserv_id(s))) != AUTHSERV_OTHER;
    s->hides = s->hides || authserv_is_hidden_in(f.value);
    field_add(&s->m->header, name, value, s->steps.leading_space);
    return steps_go_on(&s->steps, SMFIP_NR_HDR);
}

/* Only the body hashes that a signature asks for are made. */
static sfsistat on_header_end(SMFICTX *ctx)
{
    struct inbound *s = smfi_getpriv(ctx);
    const struct header *h = &s->m->header;
    bool wanted[2] = {false, false};
    struct sigheader sig;
    s->header_over = true;
    for (size_t i = 0; i < h->count; i++)
        if (bytes_ieq(header_name(&h->fields[i]), BYTES_LIT("DKIM-Signature")) &&
            sigheader_parse(h->fields[i].value, &sig) == SIG_OK)
            wanted[sig.relaxed_body] = true;
    dkim_sign_body_start(s->m, wanted[DKIM_SIMPLE], wanted[DKIM_RELAXED]);
    return SMFIS_CONTINUE;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *chunk, size_t len)
{
    struct inbound *s = smfi_getpriv(ctx);
    dkim_sign_body(s->m, bytes_of(chunk, len));
    return steps_go_on(&s->steps, SMFIP_NR_BODY);
}

static sfsistat on_end_of_message(SMFICTX *ctx)
{
    struct inbound *s = smfi_getpriv(ctx);
    struct verification v[VERIFY_RESULTS_MAX];
    uint8_t room[RESULTS_MAX];
    struct out value = out_of(room, sizeof room);
    unsigned removed = 0;
    int64_t now = clock_wall_s(), begin = clock_monotonic_us();
    if (s->hides)
        return refuse_hidden(ctx);
    if (!s->header_over)
        (void)on_header_end(ctx);
    if (!dkim_sign_body_end(s->m))
        return defer(ctx, "the body could not be hashed");
    keylookup_run(&s->keys, s->m, now);
    size_t count = verify_message(s->m, now, keylookup_find, &s->keys, v);
    write_results(s, authserv_id(s), v, count, &value);
    if (value.overflow || !remove_forged(ctx, s, &removed) ||
        !field_insert(ctx, 0, field_name, out_bytes(&value), s->steps.leading_space))
        return defer(ctx, "the MTA did not take the results");
    log_results(ctx, v, count, removed);
    figures_observe(FIGURE_TIME_MESSAGE, clock_monotonic_us() - begin);
    message_end(s);
    return SMFIS_ACCEPT;
}

static sfsistat on_abort(SMFICTX *ctx)
{
    struct inbound *s = smfi_getpriv(ctx);
    if (s != NULL)
        message_end(s);
    return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
    struct inbound *s = smfi_getpriv(ctx);
    if (s != NULL)
        inbound_free(s);
    (void)smfi_setpriv(ctx, NULL);
    return SMFIS_CONTINUE;
}

struct smfiDesc inbound_milter = {
    .xxfi_name = (char *)(uintptr_t) "zegel",
    .xxfi_version = SMFI_VERSION,
    .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS,
    .xxfi_negotiate = on_negotiate,
    .xxfi_envfrom = on_envfrom,
    .xxfi_header = on_header,
    .xxfi_eoh = on_header_end,
    .xxfi_body = on_body,
    .xxfi_eom = on_end_of_message,
    .xxfi_abort = on_abort,
    .xxfi_close = on_close,
};
