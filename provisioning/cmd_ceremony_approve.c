/* zegel ceremony approve: one person signs one paper with the own card: the plan, the manifest, or what was published. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ceremony/card.h"
#include "ceremony/exchange.h"
#include "ceremony/store.h"
#include "ceremony/talk.h"
#include "cmd_ceremony.h"

void ceremony_latch_dir(const struct cmd_options *o, struct buf *dir)
{
    const char *state = o->state == NULL ? CONFIG_DEFAULT_STATE : o->state;
    (void)mkdir(state, 0700);
    buf_addf(dir, "%s/pin", state);
}

int ceremony_ask_pin(void *arg, struct buf *pin, struct buf *why)
{
    const struct ceremony_pin *s = arg;
    struct config_token t = {.name = (char *)(uintptr_t)s->name,
                             .pin = (char *)(uintptr_t)(s->source == NULL ? "prompt" : s->source)};
    return ceremony_is_shares(t.pin) ? ceremony_read_shares(s->name, t.pin, pin, why) : cmd_read_pin(&t, pin, why);
}

int ceremony_sign_as(const struct transcript *t, const struct plan_person *p, const struct cmd_options *o, const char *prefix,
                     struct bytes content, struct buf *why)
{
    char name[96], file[96];
    struct buf latch = BUF_INIT, pin = BUF_INIT, der = BUF_INIT;
    X509 *x = plan_certificate(p->certificate);
    (void)snprintf(name, sizeof name, "card-%s", p->name);
    (void)snprintf(file, sizeof file, "%s-%s.p7s", prefix, p->name);
    ceremony_latch_dir(o, &latch);
    struct card card = {.name = name, .module = o->module, .uri = o->card, .latch_dir = buf_cstr(&latch)};
    int err = ceremony_ask_pin(&(struct ceremony_pin){name, o->pin}, &pin, why);
    if (err == ZEGEL_OK)
        err = card_sign(&card, buf_bytes(&pin), x, content, &der, why);
    if (err == ZEGEL_OK)
        err = store_write(t->dir, file, buf_bytes(&der), why);
    if (err == ZEGEL_OK)
        (void)printf("%s: signed as %s\n", file, p->name);
    X509_free(x);
    buf_free(&latch);
    buf_free(&pin);
    buf_free(&der);
    return err;
}

/* What there is for somebody to sign now. */
struct paper {
    const char *prefix, *file, *text;
};
static const struct paper plan_paper = {"approval", "plan.json", "Approve the plan: this may happen."},
                          manifest_paper = {"manifest", MANIFEST_FILE, "Sign the manifest: this is what happened."},
                          published_paper = {"published", RESPONSE_FILE, "Sign response.json: what it says is published in DNS."};

/* Custodians sign the plan. Once there is a manifest, they and the witness sign that, and the DNS operator the response. */
static int choose(const struct transcript *t, const struct plan_person *p, const char *name, const struct paper **out,
                  struct buf *why)
{
    const struct plan *plan = t->plan;
    bool sealed = snapshot_find(&t->files, MANIFEST_FILE) != NULL;
    *out = p == &plan->dns_operator ? &published_paper : sealed ? &manifest_paper : &plan_paper;
    const char *no = p == NULL                             ? "is nobody in this plan"
                     : p == &plan->administrator           ? "is the administrator, who never approves"
                     : p == &plan->transcript              ? "is the transcript key; zegel ceremony seal uses it"
                     : !sealed && p == &plan->witness      ? "is the witness, who signs the manifest, not the plan"
                     : !sealed && *out == &published_paper ? "is the DNS operator, who signs response.json behind the seal"
                     : !sealed && snapshot_find(&t->files, REQUEST_FILE) != NULL
                         ? "comes late: the request with its approvals is made already; no more approvals are taken"
                         : NULL;
    if (no == NULL)
        return ZEGEL_OK;
    buf_addf(why, "%s: %s", name, no);
    return ZEGEL_ERR_REFUSED;
}

static int sign_paper(const struct transcript *t, const struct plan_person *p, const struct paper *paper,
                      const struct cmd_options *o, struct buf *why)
{
    struct bytes content;
    char file[96], hash[CANON_HEX];
    (void)snprintf(file, sizeof file, "%s-%s.p7s", paper->prefix, p->name);
    if (snapshot_find(&t->files, file) != NULL) {
        buf_addf(why, "%s: has signed already", p->name);
        return ZEGEL_ERR_EXISTS;
    }
    int err = snapshot_get(&t->files, paper->file, &content, why);
    canon_hash(content, hash);
    struct talk talk = talk_open(!o->non_interactive);
    if (err == ZEGEL_OK && !talk_step(&talk, 1, 1, "sign", paper->text, hash)) {
        buf_add_str(why, "not signed, as you said");
        err = ZEGEL_ERR_REFUSED;
    }
    if (err == ZEGEL_OK)
        err = ceremony_sign_as(t, p, o, paper->prefix, content, why);
    return err;
}

int ceremony_approve(const struct transcript *t, const struct cmd_options *o, struct buf *why)
{
    const struct plan_person *p = transcript_person(t, o->as);
    const struct paper *paper;
    int err = choose(t, p, o->as, &paper, why);
    return err == ZEGEL_OK ? sign_paper(t, p, paper, o, why) : err;
}
