/* OpenDKIM and dkimpy-milter, whose options are mostly the same. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "dkim/domain.h"
#include "import/fields.h"
#include "import/hosts.h"
#include "import/settings.h"
#include "import/signing.h"

static const char verifies[] =
    "for verifying inbound mail: keep the old filter for that (Mode v), or see front-ends: {verify: true}",
                  process[] = "how the process runs: systemd, zegeld(8) and users: say it", logs[] = "zegeld logs to the journal",
                  resolver[] = "signing asks no DNS; zegel's own is dns.resolver",
                  refuses[] = "Zegel answers 4xx when it cannot sign, never unsigned; on-failure: changes that for a domain",
                  scripts[] = "a Lua script decides: write down what it decides, and look how much of it senders: can say",
                  stops[] = "mail that was left alone would be signed: Zegel has no such exception",
                  marks[] = "whose mail is signed goes by authentication and trusted-networks:, not by macros",
                  secrets[] = "databases and directories are not asked: export them into files";

static const struct setting_option opendkim_options[] = {
    {"BaseDirectory", SETTING_READ, NULL},
    {"Canonicalization", SETTING_READ, NULL},
    {"Domain", SETTING_READ, NULL},
    {"ExemptDomains", SETTING_READ, NULL},
    {"InternalHosts", SETTING_READ, NULL},
    {"KeyFile", SETTING_READ, NULL},
    {"KeyTable", SETTING_READ, NULL},
    {"Mode", SETTING_READ, NULL},
    {"MultipleSignatures", SETTING_READ, NULL},
    {"OversignHeaders", SETTING_READ, NULL},
    {"PeerList", SETTING_READ, NULL},
    {"Selector", SETTING_READ, NULL},
    {"SignHeaders", SETTING_READ, NULL},
    {"SignatureAlgorithm", SETTING_READ, NULL},
    {"SignatureTTL", SETTING_READ, NULL},
    {"SigningTable", SETTING_READ, NULL},
    {"Socket", SETTING_READ, NULL},
    {"SubDomains", SETTING_READ, NULL},

    {"AutoRestart", SETTING_NOT_NEEDED, process},
    {"AutoRestartCount", SETTING_NOT_NEEDED, process},
    {"AutoRestartRate", SETTING_NOT_NEEDED, process},
    {"Background", SETTING_NOT_NEEDED, process},
    {"ChangeRootDirectory", SETTING_NOT_NEEDED, process},
    {"DisableCryptoInit", SETTING_NOT_NEEDED, process},
    {"EnableCoredumps", SETTING_NOT_NEEDED, process},
    {"PidFile", SETTING_NOT_NEEDED, process},
    {"TemporaryDirectory", SETTING_NOT_NEEDED, process},
    {"UMask", SETTING_NOT_NEEDED, process},
    {"UserID", SETTING_NOT_NEEDED, process},
    {"StrictTestMode", SETTING_NOT_NEEDED, process},
    {"SoftStart", SETTING_NOT_NEEDED, process},
    {"MilterDebug", SETTING_NOT_NEEDED, logs},
    {"LogResults", SETTING_NOT_NEEDED, logs},
    {"LogWhy", SETTING_NOT_NEEDED, logs},
    {"Syslog", SETTING_NOT_NEEDED, logs},
    {"SyslogFacility", SETTING_NOT_NEEDED, logs},
    {"SyslogName", SETTING_NOT_NEEDED, logs},
    {"SyslogSuccess", SETTING_NOT_NEEDED, logs},
    {"CaptureUnknownErrors", SETTING_NOT_NEEDED, logs},
    {"KeepTemporaryFiles", SETTING_NOT_NEEDED, logs},
    {"Diagnostics", SETTING_NOT_NEEDED, "z= is not written: it repeats the header in every message"},
    {"DiagnosticDirectory", SETTING_NOT_NEEDED, logs},
    {"SoftwareHeader", SETTING_NOT_NEEDED, "Zegel adds signatures and nothing else"},
    {"DNSConnect", SETTING_NOT_NEEDED, resolver},
    {"DNSTimeout", SETTING_NOT_NEEDED, resolver},
    {"Nameservers", SETTING_NOT_NEEDED, resolver},
    {"ResolverConfiguration", SETTING_NOT_NEEDED, resolver},
    {"ResolverTracing", SETTING_NOT_NEEDED, resolver},
    {"TrustAnchorFile", SETTING_NOT_NEEDED, resolver},
    {"UnprotectedKey", SETTING_NOT_NEEDED, resolver},
    {"BogusKey", SETTING_NOT_NEEDED, resolver},
    {"TestPublicKeys", SETTING_NOT_NEEDED, resolver},
    {"TestDNSData", SETTING_NOT_NEEDED, resolver},
    {"ExternalIgnoreList", SETTING_NOT_NEEDED, "quietens a warning that Zegel does not have"},
    {"RequireSafeKeys", SETTING_NOT_NEEDED, "there are no key files"},
    {"RequiredHeaders", SETTING_NOT_NEEDED, "Zegel always requires a From that can be read in one way"},
    {"MaximumHeaders", SETTING_NOT_NEEDED, "Zegel's own bound holds"},
    {"NoHeaderB", SETTING_NOT_NEEDED, verifies},
    {"QueryCache", SETTING_NOT_NEEDED, resolver},
    {"DomainKeysCompat", SETTING_NOT_NEEDED, verifies},
    {"AllowSHA1Only", SETTING_NOT_NEEDED, "Zegel neither makes nor takes SHA-1"},
    {"MinimumKeyBits", SETTING_NOT_NEEDED, verifies},
    {"ClockDrift", SETTING_NOT_NEEDED, verifies},
    {"Minimum", SETTING_NOT_NEEDED, verifies},
    {"MaximumSignaturesToVerify", SETTING_NOT_NEEDED, verifies},
    {"SelectCanonicalizationHeader", SETTING_NOT_NEEDED, "a message cannot choose how it is signed"},
    {"StrictHeaders", SETTING_NOT_NEEDED, "Zegel refuses headers that can be read in two ways"},
    {"WeakSyntaxChecks", SETTING_LOST_IF_TRUE, "Zegel refuses headers that can be read in two ways"},
    {"SMTPURI", SETTING_NOT_NEEDED, "Zegel sends no mail"},
    {"MTACommand", SETTING_NOT_NEEDED, "Zegel sends no mail"},
    {"ReportAddress", SETTING_NOT_NEEDED, "Zegel sends no mail"},
    {"ReportBccAddress", SETTING_NOT_NEEDED, "Zegel sends no mail"},
    {"SendReports", SETTING_LOST_IF_TRUE, "Zegel sends no mail"},
    {"RequestReports", SETTING_LOST_IF_TRUE, "r=y is not written"},

    {"AlwaysAddARHeader", SETTING_LOST_IF_TRUE, verifies},
    {"AuthservID", SETTING_NOT_NEEDED, verifies},
    {"AuthservIDWithJobID", SETTING_NOT_NEEDED, verifies},
    {"KeepAuthResults", SETTING_NOT_NEEDED, verifies},
    {"RemoveARAll", SETTING_LOST_IF_TRUE, verifies},
    {"RemoveARFrom", SETTING_LOST, verifies},
    {"TrustSignaturesFrom", SETTING_LOST, verifies},
    {"Quarantine", SETTING_LOST_IF_TRUE, verifies},
    {"MustBeSigned", SETTING_LOST, verifies},
    {"On-BadSignature", SETTING_LOST, verifies},
    {"On-DNSError", SETTING_NOT_NEEDED, verifies},
    {"On-KeyNotFound", SETTING_LOST, verifies},
    {"On-NoSignature", SETTING_LOST, verifies},
    {"On-Security", SETTING_LOST, verifies},
    {"On-SignatureError", SETTING_NOT_NEEDED, refuses},
    {"On-Default", SETTING_NOT_NEEDED, refuses},
    {"On-InternalError", SETTING_NOT_NEEDED, refuses},
    {"IgnoreMalformedMail", SETTING_LOST_IF_TRUE, "Zegel refuses with 5xx what no receiver could read in only one way"},

    {"BodyLengthDB", SETTING_LOST, "l= is never signed: anybody could add to the message"},
    {"MaximumSignedBytes", SETTING_LOST, "l= is never signed: anybody could add to the message"},
    {"DontSignMailTo", SETTING_LOST, stops},
    {"MTA", SETTING_LOST, marks},
    {"MacroList", SETTING_LOST, marks},
    {"POPDBFile", SETTING_LOST, "POP before SMTP is no authentication: use SASL"},
    {"FixCRLF", SETTING_LOST_IF_TRUE, "bare CR and LF are refused: have the MTA mend or refuse them"},
    {"IdentityHeader", SETTING_LOST, "i= is the same for all mail of a domain: identity:"},
    {"IdentityHeaderRemove", SETTING_LOST_IF_TRUE, "Zegel removes nothing"},
    {"OmitHeaders", SETTING_LOST, "what Zegel signs is in sign-headers: and oversign-headers:"},
    {"RemoveOldSignatures", SETTING_LOST_IF_TRUE, "Zegel removes nothing: remove them in the MTA, before the filter"},
    {"ReplaceHeaders", SETTING_LOST, "text is not replaced before signing: let the MTA rewrite first"},
    {"ReplaceRules", SETTING_LOST, "text is not replaced before signing: let the MTA rewrite first"},
    {"RedirectFailuresTo", SETTING_LOST, verifies},
    {"ResignAll", SETTING_LOST_IF_TRUE, "forwarded mail is not signed again"},
    {"ResignMailTo", SETTING_LOST, "forwarded mail is not signed again"},
    {"SenderHeaders", SETTING_LOST, "the domain is that of From, always: what readers see and DMARC checks"},
    {"SenderMacro", SETTING_LOST, "the domain is that of From, always: what readers see and DMARC checks"},
    {"ScreenPolicyScript", SETTING_LOST, scripts},
    {"SetupPolicyScript", SETTING_LOST, scripts},
    {"FinalPolicyScript", SETTING_LOST, scripts},
    {"StatisticsPolicyScript", SETTING_NOT_NEEDED, scripts},
    {"Statistics", SETTING_NOT_NEEDED, logs},
    {"StatisticsName", SETTING_NOT_NEEDED, logs},
    {"StatisticsPrefix", SETTING_NOT_NEEDED, logs},
    {"LDAPAuthMechanism", SETTING_LOST, secrets},
    {"LDAPAuthName", SETTING_LOST, secrets},
    {"LDAPAuthRealm", SETTING_LOST, secrets},
    {"LDAPAuthUser", SETTING_LOST, secrets},
    {"LDAPBindPassword", SETTING_LOST, secrets},
    {"LDAPBindUser", SETTING_LOST, secrets},
    {"LDAPDisableCache", SETTING_NOT_NEEDED, secrets},
    {"LDAPKeepaliveIdle", SETTING_NOT_NEEDED, secrets},
    {"LDAPKeepaliveInterval", SETTING_NOT_NEEDED, secrets},
    {"LDAPKeepaliveProbes", SETTING_NOT_NEEDED, secrets},
    {"LDAPTimeout", SETTING_NOT_NEEDED, secrets},
    {"LDAPUseTLS", SETTING_NOT_NEEDED, secrets},
    {"VBR-Certifiers", SETTING_LOST, "VBR-Info is not written"},
    {"VBR-PurgeFields", SETTING_LOST, "VBR-Info is not written"},
    {"VBR-TrustedCertifiers", SETTING_LOST, verifies},
    {"VBR-TrustedCertifiersOnly", SETTING_LOST, verifies},
    {"VBR-Type", SETTING_LOST, "VBR-Info is not written"},
    {0},
};

static const struct setting_option dkimpy_options[] = {
    {"Canonicalization", SETTING_READ, NULL},
    {"Domain", SETTING_READ, NULL},
    {"InternalHosts", SETTING_READ, NULL},
    {"KeyFile", SETTING_READ, NULL},
    {"KeyFileEd25519", SETTING_READ, NULL},
    {"KeyTable", SETTING_READ, NULL},
    {"KeyTableEd25519", SETTING_READ, NULL},
    {"Mode", SETTING_READ, NULL},
    {"Selector", SETTING_READ, NULL},
    {"SelectorEd25519", SETTING_READ, NULL},
    {"SignHeaders", SETTING_READ, NULL},
    {"SigningTable", SETTING_READ, NULL},
    {"Socket", SETTING_READ, NULL},
    {"SubDomains", SETTING_READ, NULL},
    {"AuthservID", SETTING_NOT_NEEDED, verifies},
    {"DiagnosticDirectory", SETTING_NOT_NEEDED, logs},
    {"MinimumKeyBits", SETTING_NOT_NEEDED, verifies},
    {"DNSOverride", SETTING_NOT_NEEDED, resolver},
    {"DNSTimeout", SETTING_NOT_NEEDED, resolver},
    {"PidFile", SETTING_NOT_NEEDED, process},
    {"Syslog", SETTING_NOT_NEEDED, logs},
    {"SyslogFacility", SETTING_NOT_NEEDED, logs},
    {"SyslogSuccess", SETTING_NOT_NEEDED, logs},
    {"debugLevel", SETTING_NOT_NEEDED, logs},
    {"UMask", SETTING_NOT_NEEDED, process},
    {"UserID", SETTING_NOT_NEEDED, process},
    {"MacroList", SETTING_LOST, marks},
    {"MacroListVerify", SETTING_LOST, stops},
    {"OmitHeaders", SETTING_NOT_NEEDED, "dkimpy-milter does not read it either"},
    {"PeerList", SETTING_NOT_NEEDED, "dkimpy-milter does not read it either"},
    {0},
};

/* ---- one setting at a time ---- */

struct old {
    struct import *im;
    struct settings s;
    const char *base;
};

static void carried(struct old *o, const struct setting *s, const char *as)
{
    import_say(o->im, IMPORT_CARRIED, settings_place(s), s->option->name, "%s", as);
}

static void lost(struct old *o, const struct setting *s, const char *why)
{
    import_say(o->im, IMPORT_NOT_CARRIED, settings_place(s), s->option->name, "%s", why);
}

/* The dataset of a setting; false: there is none, or it cannot be read, and that was said. */
static bool read_set(struct old *o, const char *name, struct dataset *out)
{
    const struct setting *s = settings_get(&o->s, name);
    *out = (struct dataset){0};
    return s != NULL && dataset_read(o->im, s->value, o->base, settings_place(s), name, out);
}

static void take_small(struct old *o, const char *default_canonicalization)
{
    const struct setting *s = settings_get(&o->s, "Canonicalization");
    char *end;
    o->im->canonicalization = s == NULL ? default_canonicalization : import_canonicalization(s->value);
    if (o->im->canonicalization == NULL)
        lost(o, s, "is neither simple nor relaxed, nor two of them");
    else if (s != NULL)
        carried(o, s, "canonicalization of each domain");
    if ((s = settings_get(&o->s, "SignatureTTL")) != NULL) {
        long ttl = strtol(s->value, &end, 10);
        if (*end != '\0' || ttl < 60 || ttl > 366L * 86400)
            lost(o, s, "must be seconds, 60 to 366 days, to become expire:");
        else
            carried(o, s, "expire of each domain");
        o->im->expire_s = *end != '\0' || ttl < 60 || ttl > 366L * 86400 ? 0 : ttl;
    }
    if ((s = settings_get(&o->s, "SignatureAlgorithm")) != NULL) {
        if (strcasecmp(s->value, "rsa-sha256") == 0 || strcasecmp(s->value, "ed25519-sha256") == 0)
            carried(o, s, "both rsa-sha256 and ed25519-sha256");
        else
            lost(o, s, "Zegel signs with SHA-256 only");
    }
    if ((s = settings_get(&o->s, "Socket")) != NULL)
        carried(o, s, "Zegel listens on a socket of its own, so that both can run until the MTA is switched: see the plan");
    if ((s = settings_get(&o->s, "Mode")) != NULL) {
        if (strchr(s->value, 's') == NULL)
            lost(o, s, "nothing is signed there: there is nothing to import");
        else if (strchr(s->value, 'v') != NULL)
            lost(o, s, verifies);
        else
            carried(o, s, "signs");
    }
    if ((s = settings_get(&o->s, "BaseDirectory")) != NULL)
        import_say(o->im, IMPORT_NOT_NEEDED, settings_place(s), s->option->name, "%s", process);
}

static void take_fields(struct old *o)
{
    struct dataset names;
    for (int oversign = 0; oversign < 2; oversign++) {
        const char *name = oversign ? "OversignHeaders" : "SignHeaders";
        if (read_set(o, name, &names)) {
            carried(o, settings_get(&o->s, name), "its names, one by one:");
            fields_import(o->im, &names, oversign != 0);
        }
        dataset_clear(&names);
    }
}

static void take_hosts(struct old *o)
{
    struct dataset signs, peers;
    const struct setting *s = settings_get(&o->s, "InternalHosts");
    bool known = read_set(o, "PeerList", &peers);
    if (settings_get(&o->s, "PeerList") != NULL && known)
        carried(o, settings_get(&o->s, "PeerList"), "its entries, one by one:");
    if (s == NULL) {
        o->im->local = import_add_text(o->im, &o->im->networks, &o->im->networks_count, "127.0.0.1");
    } else if (settings_get(&o->s, "PeerList") != NULL && !known) {
        lost(o, s, "without PeerList, which cannot be read, mail of peers would be signed, too");
    } else if (read_set(o, "InternalHosts", &signs)) {
        carried(o, s, "its entries, one by one:");
        hosts_import(o->im, &signs, &peers);
        o->im->local = import_has_text(o->im->networks, o->im->networks_count, "127.0.0.1") ||
                       import_has_text(o->im->networks, o->im->networks_count, "127.0.0.0/8");
        if (!o->im->local)
            lost(o, s,
                 "127.0.0.1 is not in it, or not carried: mail of this machine itself with a From of yours is refused (5xx), "
                 "unless "
                 "senders: has {network: local}");
        dataset_clear(&signs);
    }
    dataset_clear(&peers);
}

/* ---- Domain, KeyFile, Selector ---- */

static void take_domain(struct old *o, const struct dataset *domains, const struct dataset_entry *e, bool subdomains)
{
    struct import_place at = {domains->file, e->line};
    const struct setting *s;
    if (!domain_is_valid(bytes_str(e->key)) || strchr(e->key, '.') == NULL) {
        import_say(o->im, IMPORT_NOT_CARRIED, at, e->key, "is no domain name: name those that are yours");
        return;
    }
    struct import_domain *d = import_domain_add(o->im, e->key);
    if (d == NULL)
        return;
    d->subdomains = subdomains;
    if ((s = settings_get(&o->s, "Selector")) != NULL)
        import_selector_add(o->im, d, s->value);
    if ((s = settings_get(&o->s, "SelectorEd25519")) != NULL)
        import_selector_add(o->im, d, s->value);
    import_say(o->im, IMPORT_CARRIED, at, e->key, "signed with new keys%s", subdomains ? ", and what is below it" : "");
}

static void take_domains(struct old *o)
{
    struct dataset domains, exempt;
    const struct setting *sub = settings_get(&o->s, "SubDomains"), *s = settings_get(&o->s, "ExemptDomains");
    bool subdomains = sub != NULL && import_is_true(sub->value), exceptions = read_set(o, "ExemptDomains", &exempt);
    if (s != NULL && (!exceptions || exempt.count > 0)) {
        lost(o, s, "some mail is left alone: no domain was taken over; name those that sign under domains:");
    } else if (read_set(o, "Domain", &domains)) {
        for (size_t i = 0; i < domains.count; i++)
            take_domain(o, &domains, &domains.entries[i], subdomains);
        dataset_clear(&domains);
    }
    if (sub != NULL)
        carried(o, sub, "subdomains of each domain");
    static const char *const keys[] = {"KeyFile", "KeyFileEd25519", "Selector", "SelectorEd25519"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if ((s = settings_get(&o->s, keys[i])) != NULL)
            import_say(o->im, IMPORT_NOT_NEEDED, settings_place(s), keys[i],
                       "new keys, with new selectors, are made in the token: see the plan");
    dataset_clear(&exempt);
}

/* ---- SigningTable, KeyTable ---- */

static void take_tables(struct old *o)
{
    struct dataset table, keys, more, exempt;
    const struct setting *multiple = settings_get(&o->s, "MultipleSignatures"), *exempts = settings_get(&o->s, "ExemptDomains");
    bool have = read_set(o, "SigningTable", &table), first = read_set(o, "KeyTable", &keys),
         second = read_set(o, "KeyTableEd25519", &more), exceptions = read_set(o, "ExemptDomains", &exempt);
    static const char *const tables[] = {"KeyTable", "KeyTableEd25519"};
    if (exempts != NULL && !exceptions) {
        lost(o, exempts, "without it more would be signed than now: no domain was taken over");
    } else if (have && (first || second)) {
        const struct signing s = {.table = &table,
                                  .keys = {first ? &keys : NULL, second ? &more : NULL},
                                  .exempt = exceptions ? &exempt : NULL,
                                  .all = multiple != NULL && import_is_true(multiple->value)};
        carried(o, settings_get(&o->s, "SigningTable"), "its entries, one by one:");
        if (exempts != NULL)
            carried(o, exempts, "no domain was taken over that contains one of these");
        signing_import(o->im, &s);
        for (int i = 0; i < 2; i++)
            if (settings_get(&o->s, tables[i]) != NULL)
                import_say(o->im, IMPORT_NOT_NEEDED, settings_place(settings_get(&o->s, tables[i])), tables[i],
                           "new keys, with new selectors, are made in the token: see the plan");
    }
    if (multiple != NULL)
        carried(o, multiple, "Zegel signs with every key of a domain");
    dataset_clear(&table);
    dataset_clear(&keys);
    dataset_clear(&more);
    dataset_clear(&exempt);
}

static int take_all(struct old *o, const char *file, const char *default_canonicalization, struct buf *why)
{
    bool tables = settings_get(&o->s, "KeyTable") != NULL || settings_get(&o->s, "KeyTableEd25519") != NULL;
    const struct setting *mode = settings_get(&o->s, "Mode"), *base = settings_get(&o->s, "BaseDirectory");
    o->base = base == NULL || base->value[0] != '/' ? NULL : base->value;
    take_small(o, default_canonicalization);
    take_fields(o);
    take_hosts(o);
    if (mode != NULL && strchr(mode->value, 's') == NULL)
        return o->im->failed ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
    if (tables && settings_get(&o->s, "SigningTable") == NULL) {
        buf_addf(why, "%s: KeyTable without SigningTable: a script decides who signs, and scripts are not read", file);
        return ZEGEL_ERR_CONFIG;
    }
    if (tables)
        take_tables(o);
    else
        take_domains(o);
    return o->im->failed ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
}

static int import_it(const char *file, const char *signer, const struct setting_option *options, bool include,
                     const char *default_canonicalization, struct import *out, struct buf *why)
{
    struct old o = {.im = out};
    *out = (struct import){.signer = signer};
    int err = settings_read(out, file, options, include, &o.s, why);
    if (err == ZEGEL_OK)
        err = take_all(&o, file, default_canonicalization, why);
    settings_clear(&o.s);
    return err;
}

int import_opendkim(const char *file, struct import *out, struct buf *why)
{
    return import_it(file, "OpenDKIM", opendkim_options, true, "simple/simple", out, why);
}

int import_dkimpy(const char *file, struct import *out, struct buf *why)
{
    return import_it(file, "dkimpy-milter", dkimpy_options, false, "relaxed/simple", out, why);
}
