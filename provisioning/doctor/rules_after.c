/* Is what was signed what leaves? And is nothing signed that should not be? */
#include "doctor/doctor.h"

#include <stdio.h>

#include "config/network.h"

/* Changes at delivery come behind every signature. Those of cleanup(8) (header_checks, canonical_maps, masquerade_domains,
 * always_add_missing_headers) come before filters see the message, and break none: test_doctor.sh shows it. */
static const struct {
    const char *name, *what;
} at_delivery[] = {
    {"smtp_generic_maps", "rewrites From and To"},
    {"smtp_header_checks", "changes header fields"},
    {"smtp_mime_header_checks", "changes header fields"},
    {"smtp_nested_header_checks", "changes header fields of attached messages"},
    {"smtp_body_checks", "changes the body"},
    {"lmtp_generic_maps", "rewrites From and To"},
};

static void look_at_delivery(struct doctor *d)
{
    for (size_t i = 0; i < sizeof at_delivery / sizeof at_delivery[0]; i++) {
        struct buf text = BUF_INIT, fix = BUF_INIT;
        const char *name = at_delivery[i].name;
        if (postfix_get(d->postfix, NULL, name)[0] == '\0')
            continue;
        buf_addf(&text, "%s %s at delivery, behind the signature, which breaks", name, at_delivery[i].what);
        buf_addf(&fix, "postconf -X %s", name);
        doctor_add(d, "delivery", DOCTOR_WARN, &text, &fix);
    }
    if (strcmp(postfix_get(d->postfix, NULL, "disable_mime_output_conversion"), "yes") != 0)
        doctor_say(d, "disable_mime_output_conversion", DOCTOR_WARN,
                   "8-bit mail is converted for receivers without 8BITMIME, behind the signature, which breaks",
                   "postconf -e 'disable_mime_output_conversion=yes'");
    if (postfix_get(d->postfix, NULL, "milter_header_checks")[0] != '\0')
        doctor_say(d, "milter_header_checks", DOCTOR_WARN,
                   "milter_header_checks sees the DKIM-Signature that Zegel adds, and can change or drop it",
                   "postconf -X milter_header_checks");
    if (postfix_get(d->postfix, NULL, "smtpd_milter_maps")[0] != '\0')
        doctor_say(d, "smtpd_milter_maps", DOCTOR_WARN,
                   "smtpd_milter_maps decides by client who is filtered: some may leave unsigned",
                   "postconf -X smtpd_milter_maps");
}

/* ---- other filters ---- */

static bool signs_too(const char *milter)
{
    static const char *const signers[] = {"opendkim", "dkimpy", "dkim-milter", "dkim_sign"};
    for (size_t i = 0; i < sizeof signers / sizeof signers[0]; i++)
        if (strcasestr(milter, signers[i]) != NULL)
            return true;
    return false;
}

static void look_at_list(struct doctor *d, const struct postfix_service *s, const char *name)
{
    const char *list = postfix_get(d->postfix, s, name), *where = s == NULL ? "" : s->name, *slash = s == NULL ? "" : "/";
    unsigned at = 0, of = 0, n = 0;
    char word[600];
    if (!doctor_asks_us(d, list, &at, &of))
        return;
    struct buf others = BUF_INIT, text = BUF_INIT, fix = BUF_INIT, kept = BUF_INIT;
    bool second = false;
    for (const char *p = list; doctor_next(&p, word, sizeof word); n++) {
        bool signer = n != at && signs_too(word);
        second = second || signer;
        if (n > at)
            buf_addf(&others, "%s%s", others.len > 0 ? ", " : "", word);
        if (n != at && !signer) {
            doctor_list(word, &kept);
            buf_add_str(&kept, ",");
        }
    }
    buf_addf(&fix, "postconf -%c '%s%s%s=%s", s == NULL ? 'e' : 'P', where, slash, name, buf_cstr(&kept));
    doctor_our_milter(d, &fix);
    buf_add_str(&fix, "'");
    if (second) {
        buf_addf(&text, "%s%s%s names another DKIM signer besides Zegel: messages are signed twice, with keys in files", where,
                 slash, name);
        doctor_add(d, "two-signers", DOCTOR_FAIL, &text, &fix);
    } else if (at + 1 < of) {
        buf_addf(&text, "%s%s%s: %s may change messages behind Zegel's signature: Zegel is to be the last", where, slash, name,
                 buf_cstr(&others));
        doctor_add(d, "order", DOCTOR_WARN, &text, &fix);
    }
    buf_free(&others);
    buf_free(&kept);
    buf_free(&text);
    buf_free(&fix);
}

/* ---- content filters ---- */

static bool filtered_by_us(const struct doctor *d, const struct postfix_service *s)
{
    return strstr(postfix_get(d->postfix, s, "receive_override_options"), "no_milters") == NULL &&
           doctor_asks_us(d, postfix_get(d->postfix, s, "smtpd_milters"), NULL, NULL);
}

static bool trusts_loopback(const struct config *c)
{
    struct network loopback;
    return network_parse("127.0.0.1", &loopback) && config_trusts(c, &loopback);
}

/* No filters where mail goes to the content filter first. */
static void switch_off(const struct doctor *d, struct buf *fix)
{
    for (size_t i = 0; i < d->postfix->services_count; i++) {
        const struct postfix_service *s = &d->postfix->services[i];
        if (strcmp(s->command, "smtpd") == 0 && postfix_get(d->postfix, s, "content_filter")[0] != '\0' && filtered_by_us(d, s))
            buf_addf(fix, " '%s/receive_override_options=no_address_mappings,no_milters'", s->name);
    }
}

/* A service that hands mail to a content filter, and the one that takes it back (with an empty content_filter of its own). */
static void look_at_content_filter(struct doctor *d)
{
    const struct postfix *p = d->postfix;
    const struct postfix_service *hands = NULL, *takes = NULL;
    for (size_t i = 0; i < p->services_count; i++) {
        const struct postfix_service *s = &p->services[i];
        if (strcmp(s->command, "smtpd") != 0)
            continue;
        const char *filter = postfix_get(p, s, "content_filter");
        if (filter[0] != '\0' && (hands == NULL || filtered_by_us(d, s)))
            hands = s;
        else if (filter[0] == '\0' && (postfix_overrides(p, s, "content_filter") || strncmp(s->name, "127.0.0.1:", 10) == 0 ||
                                       strncmp(s->name, "localhost:", 10) == 0))
            takes = s;
    }
    if (hands == NULL)
        return;
    struct buf text = BUF_INIT, fix = BUF_INIT;
    bool before = filtered_by_us(d, hands), behind = takes != NULL && filtered_by_us(d, takes);
    if (before && behind) {
        buf_addf(&text, "%s and %s both ask Zegel: what passes the content filter is signed twice", hands->name, takes->name);
        buf_add_str(&fix, "postconf -P");
        switch_off(d, &fix);
        doctor_add(d, "content_filter", DOCTOR_FAIL, &text, &fix);
    } else if (before) {
        buf_addf(&text, "%s: Zegel signs before the content filter, which may change the message: sign when it comes back",
                 hands->name);
        if (takes != NULL) {
            buf_add_str(&fix, "postconf -P");
            switch_off(d, &fix);
            buf_addf(&fix, " '%s/receive_override_options=no_header_body_checks'", takes->name);
        } else
            buf_add_str(&fix, "master.cf: have the filter hand mail back to an smtpd of its own, with smtpd_milters as here");
        doctor_add(d, "content_filter", DOCTOR_WARN, &text, &fix);
    } else if (behind && !trusts_loopback(d->config)) {
        buf_addf(&text,
                 "%s: mail comes back from the content filter without its user, from 127.0.0.1, which Zegel does not trust: it "
                 "passes unsigned",
                 takes->name);
        buf_add_str(&fix,
                    "zegel.yaml: a socket of its own, with front-ends: {listen: ..., trusted-networks: [127.0.0.1]}, and under "
                    "senders: {network: 127.0.0.1, domains: [...]}");
        doctor_add(d, "content_filter", DOCTOR_FAIL, &text, &fix);
    }
    buf_free(&text);
    buf_free(&fix);
}

/* ---- too much ---- */

static void look_at_trust(struct doctor *d)
{
    for (unsigned i = 0; i < d->config->trusted_networks_count; i++) {
        struct network n;
        const char *name = d->config->trusted_networks[i];
        if (!network_parse(name, &n) || n.prefix >= (n.family == AF_INET ? 8U : 16U))
            continue;
        struct buf text = BUF_INIT, fix = BUF_INIT;
        buf_addf(&text, "trusted-networks: %s is more than one organisation can have: others' mail would be signed", name);
        buf_add_str(&fix, "zegel.yaml: trusted-networks: only your own");
        doctor_add(d, "too-much", DOCTOR_FAIL, &text, &fix);
    }
    for (size_t i = 0; i <= d->postfix->services_count; i++) {
        const struct postfix_service *s = i == 0 ? NULL : &d->postfix->services[i - 1];
        const char *hosts = postfix_get(d->postfix, s, "smtpd_authorized_xclient_hosts");
        if (hosts[0] == '\0' || (s != NULL && !postfix_overrides(d->postfix, s, "smtpd_authorized_xclient_hosts")))
            continue;
        struct buf text = BUF_INIT, fix = BUF_INIT;
        buf_addf(&text, "%s%ssmtpd_authorized_xclient_hosts: %s may claim any client and any user, and so any signature",
                 s == NULL ? "" : s->name, s == NULL ? "" : "/", hosts);
        buf_addf(&fix, "postconf -%c '%s%ssmtpd_authorized_xclient_hosts='", s == NULL ? 'e' : 'P', s == NULL ? "" : s->name,
                 s == NULL ? "" : "/");
        doctor_add(d, "too-much", DOCTOR_WARN, &text, &fix);
    }
}

void doctor_after(struct doctor *d)
{
    look_at_delivery(d);
    look_at_list(d, NULL, "smtpd_milters");
    look_at_list(d, NULL, "non_smtpd_milters");
    for (size_t i = 0; i < d->postfix->services_count; i++)
        if (postfix_overrides(d->postfix, &d->postfix->services[i], "smtpd_milters"))
            look_at_list(d, &d->postfix->services[i], "smtpd_milters");
    look_at_content_filter(d);
    look_at_trust(d);
}
