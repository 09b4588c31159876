/* What an import becomes: zegel.yaml, with everything that was said, and the plan, as comments. */
#include "import/import.h"

#include <stdio.h>
#include <time.h>

enum { SHOWN_MAX = 200 };

/* New selectors, by quarter as DESIGN has them; a letter more where the old signer uses that name. */
struct names {
    char rsa[32], ed25519[32];
};

static struct names names_for(const struct import_domain *d, int64_t now_s)
{
    struct names n;
    struct tm tm = {0};
    time_t t = (time_t)now_s;
    (void)gmtime_r(&t, &tm);
    for (int more = 'a' - 1; more <= 'z'; more++) {
        char extra[2] = {more < 'a' ? '\0' : (char)more, '\0'};
        (void)snprintf(n.rsa, sizeof n.rsa, "z%dq%d%sr", (tm.tm_year + 1900) % 10000, tm.tm_mon / 3 + 1, extra);
        (void)snprintf(n.ed25519, sizeof n.ed25519, "z%dq%d%se", (tm.tm_year + 1900) % 10000, tm.tm_mon / 3 + 1, extra);
        if (!import_has_text(d->old_selectors, d->old_count, n.rsa) &&
            !import_has_text(d->old_selectors, d->old_count, n.ed25519))
            break;
    }
    return n;
}

/* On one line of a comment or of a terminal: no control characters, and not without end. */
static void show(struct buf *out, const char *text)
{
    struct bytes b = bytes_str(text);
    buf_add_printable(out, bytes_slice(b, 0, SHOWN_MAX));
    if (b.len >= SHOWN_MAX)
        buf_add_str(out, "...");
}

static void write_lines(const struct import *im, struct buf *out)
{
    static const enum import_fate order[] = {IMPORT_NOT_CARRIED, IMPORT_CARRIED, IMPORT_NOT_NEEDED};
    for (unsigned f = 0; f < 3; f++) {
        buf_addf(out, "#\n# %s: %u\n", import_fate_name(order[f]), import_count(im, order[f]));
        for (unsigned i = 0; i < im->lines_count; i++) {
            const struct import_line *l = &im->lines[i];
            if (l->fate != order[f])
                continue;
            buf_add_str(out, "#   ");
            show(out, l->file);
            buf_addf(out, ":%u: ", l->line);
            show(out, l->what);
            buf_add_str(out, ": ");
            show(out, l->why);
            buf_add_u8(out, '\n');
        }
    }
}

void import_plan(const struct import *im, int64_t now_s, struct buf *out)
{
    unsigned step = 1;
    buf_addf(out, "%u. Put module, token and pin of your HSM into this file; zegeld --check. A new SoftHSM: zegel token init.\n",
             step++);
    buf_addf(out, "%u. Make the keys in the token (the old key files are not used, and never were read):\n", step++);
    for (unsigned i = 0; i < im->domains_count; i++) {
        struct names n = names_for(&im->domains[i], now_s);
        buf_addf(out, "     zegel key generate --domain %s --selector %s --algorithm rsa2048\n", im->domains[i].domain, n.rsa);
        buf_addf(out, "     zegel key generate --domain %s --selector %s --algorithm ed25519\n", im->domains[i].domain,
                 n.ed25519);
    }
    buf_addf(out,
             "%u. Publish them beside the old ones: zegel dns record, or zegel dns publish. Then zegel dns check, until it is "
             "content,\n"
             "   and a day more: what resolvers remember of names that were not there has to expire.\n",
             step++);
    buf_addf(
        out,
        "%u. Start zegeld. Let the MTA ask it in the place of %s, not besides it (each message would be signed twice). Postfix:\n"
        "     postconf -e smtpd_milters=unix:/run/zegel/milter.sock non_smtpd_milters=unix:/run/zegel/milter.sock \\\n"
        "         milter_default_action=tempfail internal_mail_filter_classes=bounce && postfix reload\n"
        "   zegel doctor looks whether something is still in the way; zegel check sends a message through it.\n",
        step++, im->signer);
    buf_addf(out, "%u. Stop %s (or keep it with Mode v, for inbound mail). The way back until now: the old smtpd_milters.\n",
             step++, im->signer);
    buf_addf(out,
             "%u. Leave the old records in DNS for 14 days: mail that they signed waits in queues. Then set p= empty in each:\n",
             step++);
    for (unsigned i = 0; i < im->domains_count; i++)
        for (unsigned s = 0; s < im->domains[i].old_count; s++) {
            buf_add_str(out, "     ");
            show(out, im->domains[i].old_selectors[s]);
            buf_addf(out, "._domainkey.%s. TXT \"v=DKIM1; p=\"\n", im->domains[i].domain);
        }
    buf_addf(out,
             "%u. Destroy the old key files and their backups: whoever has one can sign as you until p= is empty everywhere.\n",
             step++);
}

static void write_plan(const struct import *im, int64_t now_s, struct buf *out)
{
    struct buf plan = BUF_INIT;
    import_plan(im, now_s, &plan);
    buf_add_str(out, "#\n# The way from the old keys to the new ones\n");
    for (struct bytes rest = buf_bytes(&plan); rest.len > 0;) {
        size_t end = bytes_find(rest, '\n');
        buf_addf(out, "#   %.*s\n", (int)end, (const char *)rest.data);
        rest = bytes_slice(rest, end + 1, rest.len);
    }
    out->failed = out->failed || plan.failed;
    buf_free(&plan);
}

static void write_names(struct buf *out, const char *key, char *const *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        buf_addf(out, "%s\"+%s\"%s", i > 0 ? ", " : key, list[i], i + 1 == count ? "]\n" : "");
}

static void write_domain(const struct import *im, const struct import_domain *d, int64_t now_s, struct buf *out)
{
    struct names n = names_for(d, now_s);
    buf_addf(out, "  - domain: %s\n    subdomains: %s\n", d->domain, d->subdomains ? "true" : "false");
    if (im->canonicalization != NULL)
        buf_addf(out, "    canonicalization: %s\n", im->canonicalization);
    if (im->expire_s > 0)
        buf_addf(out, "    expire: %llds\n", (long long)im->expire_s);
    if (d->identity != NULL)
        buf_addf(out, "    identity: \"%s\"\n", d->identity);
    write_names(out, "    sign-headers: [", im->sign, im->sign_count);
    write_names(out, "    oversign-headers: [", im->oversign, im->oversign_count);
    buf_addf(out, "    keys:\n");
    buf_addf(out, "      - {selector: %s, algorithm: rsa-sha256, key: \"pkcs11:token=zegel;object=%s/%s\"}\n", n.rsa, d->domain,
             n.rsa);
    buf_addf(out, "      - {selector: %s, algorithm: ed25519-sha256, key: \"pkcs11:token=zegel;object=%s/%s\"}\n", n.ed25519,
             d->domain, n.ed25519);
    buf_add_str(out, "    on-failure: tempfail\n");
}

/* Whose mail was signed for every domain still is; authenticated users each get their own domain. */
static void write_senders(const struct import *im, struct buf *out)
{
    if (im->domains_count == 0)
        return;
    buf_add_str(out, "senders:\n");
    if (im->local)
        buf_add_str(out, "  - {network: local, domains: [\"*\"]}\n");
    for (unsigned i = 0; i < im->networks_count; i++)
        buf_addf(out, "  - {network: \"%s\", domains: [\"*\"]}\n", im->networks[i]);
    for (unsigned i = 0; i < im->domains_count; i++) {
        const char *d = im->domains[i].domain;
        buf_addf(out, "  - {user: \"*@%s\", domains: [%s]}\n", d, d);
        if (im->domains[i].subdomains)
            buf_addf(out, "  - {user: \"*@*.%s\", domains: [%s]}\n", d, d);
    }
}

void import_write(const struct import *im, int64_t now_s, struct buf *out)
{
    buf_addf(out, "# Made by zegel import from the configuration of %s. Read what was not carried before using it.\n",
             im->signer);
    write_lines(im, out);
    buf_addf(
        out,
        "#\n# %s signs for whoever is authenticated, as any of its domains. Under senders: below, user@D may send as D and "
        "nothing\n"
        "# else, and gets a 5xx for the rest: where users have other names, or more domains, say so there before the switch.\n",
        im->signer);
    write_plan(im, now_s, out);
    buf_add_str(out, "\nstate: /var/lib/zegel\n"
                     "tokens: # yours: the HSM's module and token\n"
                     "  - name: hsm\n    module: /usr/lib/softhsm/libsofthsm2.so\n    token: pkcs11:token=zegel\n    pin: "
                     "file:/etc/zegel/pin\n"
                     "listen:\n  - unix:/run/zegel/milter.sock\n");
    if (im->networks_count > 0)
        buf_add_str(out, "trusted-networks:\n");
    for (unsigned i = 0; i < im->networks_count; i++)
        buf_addf(out, "  - \"%s\"\n", im->networks[i]);
    write_senders(im, out);
    if (im->domains_count > 0)
        buf_add_str(out, "domains:\n");
    for (unsigned i = 0; i < im->domains_count; i++)
        write_domain(im, &im->domains[i], now_s, out);
}
