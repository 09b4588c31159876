#include "milter/session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "dkim/sign.h"
#include "figures/figures.h"
#include "milter/current.h"
#include "milter/field.h"
#include "milter/policy.h"
#include "milter/signing.h"
#include "milter/steps.h"

struct session {
    bool local; /* not SMTP: this machine's own mail */
    struct steps steps;
    struct sockaddr_storage client;
    char client_name[INET6_ADDRSTRLEN]; /* "local" without an address */
    struct current *config;             /* while in a message */
    bool header_over;
    struct policy_answer policy;
    struct dkim_sign *dkim;
    struct signing *signing;
};

static const char *own_listen;

int session_start(const char *listen)
{
    own_listen = listen;
    return signing_start();
}

/* ---- replies ---- */

/* 4xx or 5xx with a reason. A reply of our own always: a dropped connection could go as "accept" (DESIGN §2 rule 1). */
static sfsistat reply(SMFICTX *ctx, const char *code, const char *enhanced, const char *what, const char *reason)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%s: %s", what, reason);
    for (char *p = text; *p != '\0'; p++) /* libmilter takes % as its own, and CR LF ends the reply */
        if (*p == '%' || (unsigned char)*p < ' ' || (unsigned char)*p > '~')
            *p = '?';
    if (smfi_setreply(ctx, (char *)(uintptr_t)code, (char *)(uintptr_t)enhanced, text) != MI_SUCCESS)
        log_event(LOG_LEVEL_WARN, &(struct log_fields){.queue_id = field_queue_id(ctx)}, "reply could not be set");
    return code[0] == '4' ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

/* What became of the message: for the log, whose line begins with the queue id. */
static struct log_fields event(SMFICTX *ctx, const struct session *s, const char *result, const char *reason)
{
    const struct config_domain *d = s->policy.domain;
    return (struct log_fields){
        .queue_id = field_queue_id(ctx), .domain = d == NULL ? NULL : d->domain, .result = result, .reason = reason};
}

static sfsistat reject(SMFICTX *ctx, struct session *s, const char *reason)
{
    const struct log_fields f = event(ctx, s, "malformed", reason);
    figures_count(FIGURE_MALFORMED);
    log_event(LOG_LEVEL_INFO, &f, "client=%s: refused, 550: %s", s->client_name, reason);
    return reply(ctx, "550", "5.6.0", "Message cannot be signed", reason);
}

static sfsistat forbid(SMFICTX *ctx, struct session *s, const struct sender *sender, const char *reason)
{
    const struct log_fields f = event(ctx, s, "forbidden", reason);
    figures_count(FIGURE_FORBIDDEN);
    log_event(LOG_LEVEL_WARN, &f, "client=%s user=%s: refused, 550: %s", s->client_name, sender->user == NULL ? "" : sender->user,
              reason);
    return reply(ctx, "550", "5.7.1", "Not authorised", reason);
}

static sfsistat tempfail(SMFICTX *ctx, const struct session *s, const char *reason)
{
    const struct config_domain *d = s->policy.domain;
    const struct log_fields f = event(ctx, s, "tempfailed", reason);
    figures_count(FIGURE_TEMPFAILED);
    log_event(LOG_LEVEL_WARN, &f, "client=%s domain=%s: not signed, 451: %s", s->client_name, d == NULL ? "?" : d->domain,
              reason);
    return reply(ctx, "451", "4.7.5", "Message not signed, try again later", reason);
}

static sfsistat fail(SMFICTX *ctx, struct session *s, const char *reason)
{
    const struct config_domain *d = s->policy.domain;
    if (d != NULL && d->on_failure == CONFIG_PASS_UNSIGNED) {
        const struct log_fields f = event(ctx, s, "unsigned", reason);
        figures_count(FIGURE_UNSIGNED);
        log_event(LOG_LEVEL_WARN, &f, "client=%s domain=%s: passed UNSIGNED, as its on-failure says: %s", s->client_name,
                  d->domain, reason);
        return SMFIS_ACCEPT;
    }
    return tempfail(ctx, s, reason);
}

/* ---- one message ---- */

static void message_end(struct session *s)
{
    current_release(s->config);
    s->config = NULL;
    s->header_over = false;
    s->policy = (struct policy_answer){.verdict = POLICY_UNTOUCHED, .domain = NULL, .reason = ""};
    dkim_sign_start(s->dkim);
}

static struct sender sender_of(SMFICTX *ctx, const struct session *s)
{
    const char *user = smfi_getsymval(ctx, (char *)(uintptr_t) "{auth_authen}");
    const char *envelope = smfi_getsymval(ctx, (char *)(uintptr_t) "{mail_addr}");
    return (struct sender){.user = user == NULL || user[0] == '\0' ? NULL : user,
                           .envelope = envelope,
                           .client = (const struct sockaddr *)&s->client,
                           .local = s->local,
                           .front_end = config_find_front_end(current_config(s->config), own_listen)};
}

static sfsistat sign_message(SMFICTX *ctx, struct session *s)
{
    const struct config_domain *d = s->policy.domain;
    if (d->keys_count == 0) /* on-failure: is about failures; this domain has never been able to sign */
        return tempfail(ctx, s, "no key signs for this domain yet (zegel rotate status)");
    const char *reason = "";
    switch (signing_run(s->signing, s->dkim, d, bytes_str(field_queue_id(ctx)), s->client_name, &reason)) {
    case SIGNING_REFUSED: return reject(ctx, s, reason);
    case SIGNING_FAILED: return fail(ctx, s, reason);
    case SIGNING_DONE: break;
    }
    for (unsigned i = d->keys_count; i-- > 0;) /* the first key's ends up on top */
        if (!field_insert(ctx, 1, "DKIM-Signature", signing_value(s->signing, i), s->steps.leading_space))
            return fail(ctx, s, "the MTA did not take the header field"); /* 4xx: those already inserted go with the mail */
    const struct log_fields f = event(ctx, s, "signed", NULL);
    figures_count(FIGURE_SIGNED);
    log_event(LOG_LEVEL_INFO, &f, "client=%s domain=%s: signed, %u signature%s", s->client_name, d->domain, d->keys_count,
              d->keys_count == 1 ? "" : "s");
    return SMFIS_ACCEPT;
}

/* ---- callbacks ---- */

static void session_free(struct session *s)
{
    current_release(s->config);
    dkim_sign_free(s->dkim);
    signing_free(s->signing);
    free(s);
}

static struct session *session_new(void)
{
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->dkim = dkim_sign_new();
    s->signing = signing_new();
    if (s->dkim != NULL && s->signing != NULL)
        return s;
    session_free(s);
    return NULL;
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long f2, unsigned long f3,
                             unsigned long *want_actions, unsigned long *want_steps, unsigned long *want2, unsigned long *want3)
{
    (void)f2;
    (void)f3;
    if ((actions & SMFIF_ADDHDRS) == 0) {
        log_error("the MTA does not let milters add header fields: nothing could be signed");
        return SMFIS_REJECT;
    }
    struct session *s = session_new();
    if (s == NULL)
        return SMFIS_REJECT;
    (void)snprintf(s->client_name, sizeof s->client_name, "local");
    *want_actions = SMFIF_ADDHDRS;
    *want_steps = steps_choose(steps, SMFIP_NR_CONN | SMFIP_NR_MAIL, &s->steps);
    *want2 = *want3 = 0;
    if (smfi_setpriv(ctx, s) == MI_SUCCESS)
        return SMFIS_CONTINUE;
    session_free(s);
    return SMFIS_REJECT;
}

/* Postfix shows its non-SMTP mail as coming from 127.0.0.1 port 0, Sendmail as from no address at all. No TCP client has
 * port 0; a content filter that re-injects from loopback has a real one, and is not local. */
static bool is_local(const struct sockaddr *a)
{
    if (a == NULL || a->sa_family == AF_UNIX)
        return true;
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a;
        return in->sin_port == 0 && ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)a;
    return a->sa_family == AF_INET6 && in6->sin6_port == 0 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
    struct session *s = smfi_getpriv(ctx);
    (void)host;
    s->local = is_local(address);
    if (address != NULL && address->sa_family == AF_INET) {
        memcpy(&s->client, address, sizeof(struct sockaddr_in));
        (void)inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)address)->sin_addr, s->client_name, sizeof s->client_name);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        memcpy(&s->client, address, sizeof(struct sockaddr_in6));
        (void)inet_ntop(AF_INET6, &((struct sockaddr_in6 *)(void *)address)->sin6_addr, s->client_name, sizeof s->client_name);
    }
    return steps_go_on(&s->steps, SMFIP_NR_CONN);
}

static sfsistat on_envfrom(SMFICTX *ctx, char **args)
{
    struct session *s = smfi_getpriv(ctx);
    (void)args;
    message_end(s);
    s->config = current_acquire();
    const struct sender sender = sender_of(ctx, s);
    sfsistat go_on = steps_go_on(&s->steps, SMFIP_NR_MAIL);
    if (go_on == SMFIS_NOREPLY || sender_is_ours(current_config(s->config), &sender))
        return go_on; /* where the MTA does not wait, it hears at the end of the header whether we are interested */
    figures_count(FIGURE_UNTOUCHED);
    return SMFIS_ACCEPT; /* the next message of this connection is judged anew */
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
    struct session *s = smfi_getpriv(ctx);
    field_add(&s->dkim->header, name, value, s->steps.leading_space);
    return steps_go_on(&s->steps, SMFIP_NR_HDR);
}

static sfsistat on_header_end(SMFICTX *ctx)
{
    struct session *s = smfi_getpriv(ctx);
    s->header_over = true;
    const struct sender sender = sender_of(ctx, s);
    s->policy = policy_judge(current_config(s->config), &sender, &s->dkim->header);
    if (s->policy.verdict == POLICY_UNTOUCHED) {
        figures_count(FIGURE_UNTOUCHED);
        log_debug("client=%s: untouched: %s", s->client_name, s->policy.reason);
        return SMFIS_ACCEPT;
    }
    if (s->policy.verdict == POLICY_FORBIDDEN)
        return forbid(ctx, s, &sender, s->policy.reason);
    if (s->policy.verdict == POLICY_REJECT)
        return reject(ctx, s, s->policy.reason);
    bool relaxed = s->policy.domain->relaxed_body;
    dkim_sign_body_start(s->dkim, !relaxed, relaxed);
    return SMFIS_CONTINUE;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *chunk, size_t len)
{
    struct session *s = smfi_getpriv(ctx);
    dkim_sign_body(s->dkim, bytes_of(chunk, len));
    return steps_go_on(&s->steps, SMFIP_NR_BODY);
}

static sfsistat on_end_of_message(SMFICTX *ctx)
{
    struct session *s = smfi_getpriv(ctx);
    sfsistat result;
    int64_t begin = clock_monotonic_us();
    if (!s->header_over && (result = on_header_end(ctx)) != SMFIS_CONTINUE) /* no header at all */
        return result;
    if (!dkim_sign_body_end(s->dkim))
        return fail(ctx, s, "the body could not be hashed");
    const char *defect = policy_defect(&s->dkim->header);
    if (defect != NULL)
        return reject(ctx, s, defect);
    result = sign_message(ctx, s);
    figures_observe(FIGURE_TIME_MESSAGE, clock_monotonic_us() - begin);
    message_end(s);
    return result;
}

static sfsistat on_abort(SMFICTX *ctx)
{
    struct session *s = smfi_getpriv(ctx);
    if (s != NULL)
        message_end(s);
    return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
    struct session *s = smfi_getpriv(ctx);
    if (s == NULL)
        return SMFIS_CONTINUE;
    session_free(s);
    (void)smfi_setpriv(ctx, NULL);
    return SMFIS_CONTINUE;
}

struct smfiDesc session_milter = {
    .xxfi_name = (char *)(uintptr_t) "zegel",
    .xxfi_version = SMFI_VERSION,
    .xxfi_flags = SMFIF_ADDHDRS,
    .xxfi_negotiate = on_negotiate,
    .xxfi_connect = on_connect,
    .xxfi_envfrom = on_envfrom,
    .xxfi_header = on_header,
    .xxfi_eoh = on_header_end,
    .xxfi_body = on_body,
    .xxfi_eom = on_end_of_message,
    .xxfi_abort = on_abort,
    .xxfi_close = on_close,
};
