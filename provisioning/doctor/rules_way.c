/* Does mail come to Zegel, with what it has to know, and what becomes of it when Zegel is not there? */
#include "doctor/doctor.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "config/network.h"

/* "postconf -e NAME=..." or, for a service that has its own value, "postconf -P SERVICE/NAME=..." up to the value. */
static void set_command(const struct doctor *d, const struct postfix_service *s, const char *name, struct buf *out)
{
    if (s != NULL && postfix_overrides(d->postfix, s, name))
        buf_addf(out, "postconf -P '%s/%s=", s->name, name);
    else
        buf_addf(out, "postconf -e '%s=", name);
}

static bool is_smtpd(const struct postfix_service *s)
{
    return strcmp(s->command, "smtpd") == 0;
}

/* Mail that Postfix takes from people of ours, by the names and settings that Debian's master.cf has for it. */
static bool is_submission(const struct doctor *d, const struct postfix_service *s)
{
    static const char *const names[] = {"submission/", "submissions/", "smtps/", "587/", "465/"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(s->name, names[i], strlen(names[i])) == 0)
            return true;
    return strcmp(postfix_get(d->postfix, s, "smtpd_sasl_auth_enable"), "yes") == 0;
}

/* Filters are switched off there. */
static bool is_switched_off(const struct doctor *d, const struct postfix_service *s)
{
    return strstr(postfix_get(d->postfix, s, "receive_override_options"), "no_milters") != NULL;
}

static bool asks_us(const struct doctor *d, const struct postfix_service *s)
{
    return !is_switched_off(d, s) && doctor_asks_us(d, postfix_get(d->postfix, s, "smtpd_milters"), NULL, NULL);
}

static void with_us(const struct doctor *d, const struct postfix_service *s, const char *name, struct buf *fix)
{
    const char *now = postfix_get(d->postfix, s, name);
    set_command(d, s, name, fix);
    doctor_list(now, fix);
    buf_add_str(fix, now[0] == '\0' ? "" : ",");
    doctor_our_milter(d, fix);
    buf_add_str(fix, "'");
}

static void look_at_smtpd(struct doctor *d, bool others_ask, const struct postfix_service *s)
{
    struct buf text = BUF_INIT, fix = BUF_INIT;
    if (asks_us(d, s))
        return;
    if (is_switched_off(d, s)) {
        /* Behind a content filter this is right, where the mail was signed before it; a rule of its own looks at that. */
        if (!others_ask) {
            buf_addf(&text, "%s: receive_override_options has no_milters, and no other service asks Zegel: mail leaves unsigned",
                     s->name);
            set_command(d, s, "receive_override_options", &fix);
            buf_add_str(&fix, "no_address_mappings'");
            doctor_add(d, "smtpd_milters", DOCTOR_FAIL, &text, &fix);
        }
        return;
    }
    bool submission = is_submission(d, s);
    buf_addf(&text, "%s: smtpd_milters does not name Zegel: %s", s->name,
             submission ? "what users send there leaves unsigned" : "right only where nobody of yours sends mail by it");
    with_us(d, s, "smtpd_milters", &fix);
    doctor_add(d, "smtpd_milters", submission || !others_ask ? DOCTOR_FAIL : DOCTOR_WARN, &text, &fix);
}

static void look_at_services(struct doctor *d)
{
    bool some_ask = false;
    for (size_t i = 0; i < d->postfix->services_count; i++)
        some_ask = some_ask || (is_smtpd(&d->postfix->services[i]) && asks_us(d, &d->postfix->services[i]));
    for (size_t i = 0; i < d->postfix->services_count; i++)
        if (is_smtpd(&d->postfix->services[i]))
            look_at_smtpd(d, some_ask, &d->postfix->services[i]);
    if (!doctor_asks_us(d, postfix_get(d->postfix, NULL, "non_smtpd_milters"), NULL, NULL)) {
        struct buf text = BUF_INIT, fix = BUF_INIT;
        buf_add_str(&text,
                    "non_smtpd_milters does not name Zegel: mail of programs on this machine, and bounces, leave unsigned");
        with_us(d, NULL, "non_smtpd_milters", &fix);
        doctor_add(d, "non_smtpd_milters", DOCTOR_FAIL, &text, &fix);
    }
    if (strstr(postfix_get(d->postfix, NULL, "internal_mail_filter_classes"), "bounce") == NULL)
        doctor_say(d, "internal_mail_filter_classes", DOCTOR_WARN,
                   "internal_mail_filter_classes has no bounce: Postfix's own non-delivery reports leave unsigned",
                   "postconf -e 'internal_mail_filter_classes=bounce,notify'");
}

/* ---- when Zegel is not there ---- */

static bool passes_unsigned(const char *action)
{
    return strcmp(action, "accept") == 0 || strcmp(action, "shutdown") == 0;
}

/* {inet:..., default_action=accept}: a milter's own. */
static void look_at_own_actions(struct doctor *d, const struct postfix_service *s, const char *name)
{
    char word[600];
    const char *p = postfix_get(d->postfix, s, name);
    while (doctor_next(&p, word, sizeof word)) {
        const char *own = word[0] == '{' && doctor_asks_us(d, word, NULL, NULL) ? strstr(word, "default_action") : NULL;
        if (own == NULL)
            continue;
        own += strcspn(own, "=");
        own += strspn(own, "= ");
        if (strncmp(own, "accept", 6) == 0) {
            struct buf text = BUF_INIT, fix = BUF_INIT;
            buf_addf(&text, "%s%s%s: default_action=accept: mail leaves unsigned while Zegel is not there",
                     s == NULL ? "" : s->name, s == NULL ? "" : "/", name);
            set_command(d, s, name, &fix);
            doctor_our_milter(d, &fix);
            buf_add_str(&fix, "'");
            doctor_add(d, "milter_default_action", DOCTOR_FAIL, &text, &fix);
        }
    }
}

static void look_at_action(struct doctor *d, const struct postfix_service *s)
{
    struct buf text = BUF_INIT, fix = BUF_INIT;
    const char *action = postfix_get(d->postfix, s, "milter_default_action");
    if (s != NULL && !postfix_overrides(d->postfix, s, "milter_default_action"))
        return;
    if (!passes_unsigned(action))
        return;
    buf_addf(&text, "%s%smilter_default_action=%s: mail leaves unsigned while Zegel is not there", s == NULL ? "" : s->name,
             s == NULL ? "" : "/", action);
    set_command(d, s, "milter_default_action", &fix);
    buf_add_str(&fix, "tempfail'");
    doctor_add(d, "milter_default_action", DOCTOR_FAIL, &text, &fix);
}

static void look_at_protocol(struct doctor *d, const struct postfix_service *s)
{
    struct buf text = BUF_INIT, fix = BUF_INIT;
    const char *version = postfix_get(d->postfix, s, "milter_protocol");
    if ((s != NULL && !postfix_overrides(d->postfix, s, "milter_protocol")) || strtol(version, NULL, 10) >= 6)
        return;
    buf_addf(&text, "%s%smilter_protocol=%s: below 6, white space of header fields is not shown as it is, and signatures break",
             s == NULL ? "" : s->name, s == NULL ? "" : "/", version);
    set_command(d, s, "milter_protocol", &fix);
    buf_add_str(&fix, "6'");
    doctor_add(d, "milter_protocol", DOCTOR_FAIL, &text, &fix);
}

/* Who sends: without these, an authenticated user is a stranger, and senders: with envelope: has nothing to go by. */
static void look_at_macros(struct doctor *d, const struct postfix_service *s)
{
    const char *macros = postfix_get(d->postfix, s, "milter_mail_macros");
    struct buf text = BUF_INIT, fix = BUF_INIT;
    if (s != NULL && !postfix_overrides(d->postfix, s, "milter_mail_macros"))
        return;
    if (strstr(macros, "{auth_authen}") != NULL && strstr(macros, "{mail_addr}") != NULL)
        return;
    buf_addf(&text, "%s%smilter_mail_macros lacks {auth_authen} or {mail_addr}: Zegel does not see who sends",
             s == NULL ? "" : s->name, s == NULL ? "" : "/");
    set_command(d, s, "milter_mail_macros", &fix);
    buf_add_str(&fix, "i,{auth_type},{auth_authen},{auth_author},{mail_addr},{mail_host},{mail_mailer}'");
    doctor_add(d, "milter_mail_macros", DOCTOR_FAIL, &text, &fix);
}

/* ---- the socket ---- */

/* May Postfix's user connect, as far as the socket's own permissions say? */
static bool may_connect(const struct stat *st, const char *user)
{
    gid_t groups[64];
    int n = 64;
    struct passwd *pw = getpwnam(user);
    if (pw == NULL || (st->st_mode & S_IWOTH) != 0)
        return true;
    if (pw->pw_uid == st->st_uid)
        return (st->st_mode & S_IWUSR) != 0;
    if (getgrouplist(user, pw->pw_gid, groups, &n) < 0)
        return true;
    for (int i = 0; i < n; i++)
        if (groups[i] == st->st_gid)
            return (st->st_mode & S_IWGRP) != 0;
    return false;
}

static void look_at_path(struct doctor *d, const struct postfix_service *s, const char *path)
{
    char seen[900];
    struct stat st;
    struct buf text = BUF_INIT, fix = BUF_INIT;
    const char *queue = postfix_get(d->postfix, NULL, "queue_directory"), *owner = postfix_get(d->postfix, NULL, "mail_owner");
    bool inside = s->chroot || path[0] != '/';
    (void)snprintf(seen, sizeof seen, "%s%s%s", inside ? queue : "", inside && path[0] != '/' ? "/" : "", path);
    if (stat(seen, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        buf_addf(&text, "%s: there is no socket at %s%s", s->name, seen,
                 s->chroot ? ", which is where the chrooted service looks for it" : "; does zegeld run?");
        if (s->chroot)
            buf_addf(&fix, "postconf -F %s/chroot=n", s->name);
        else
            buf_add_str(&fix, "systemctl start zegeld");
        doctor_add(d, "socket", DOCTOR_FAIL, &text, &fix);
    } else if (!may_connect(&st, owner)) {
        struct group *g = getgrgid(st.st_gid);
        buf_addf(&text, "%s: user %s may not write to the socket %s", s->name, owner, seen);
        if (g != NULL && st.st_gid != 0)
            buf_addf(&fix, "adduser %s %s && systemctl restart postfix", owner, g->gr_name);
        else
            buf_addf(&fix, "zegel.yaml: socket-group: %s", owner);
        doctor_add(d, "socket", DOCTOR_FAIL, &text, &fix);
    }
}

static void look_at_socket(struct doctor *d, const struct postfix_service *s, const char *list)
{
    char word[600];
    while (doctor_next(&list, word, sizeof word)) {
        const char *p = word + (word[0] == '{') + strspn(word + (word[0] == '{'), " ");
        const char *path = strncmp(p, "unix:", 5) == 0 ? p + 5 : strncmp(p, "local:", 6) == 0 ? p + 6 : NULL;
        char clean[600];
        if (path == NULL || !doctor_asks_us(d, word, NULL, NULL))
            continue;
        (void)snprintf(clean, sizeof clean, "%.*s", (int)strcspn(path, ", }"), path);
        look_at_path(d, s, clean);
    }
}

/* ---- networks ---- */

/* Relays for these, and they are not ours to sign for. */
static void look_at_networks(struct doctor *d)
{
    char word[128], plain[128];
    const char *p = postfix_get(d->postfix, NULL, "mynetworks");
    while (doctor_next(&p, word, sizeof word)) {
        struct network n, trusted;
        size_t len = 0;
        bool known = false;
        for (const char *c = word; *c != '\0'; c++) /* [::1]/128 */
            if (*c != '[' && *c != ']')
                plain[len++] = *c;
        plain[len] = '\0';
        if (!network_parse(plain, &n))
            continue;
        for (unsigned i = 0; i < d->config->trusted_networks_count && !known; i++)
            known = network_parse(d->config->trusted_networks[i], &trusted) && network_within(&n, &trusted);
        if (known)
            continue;
        struct buf text = BUF_INIT, fix = BUF_INIT;
        buf_addf(&text,
                 "mynetworks: %s may send without authentication, and is not under trusted-networks: its mail passes unsigned",
                 plain);
        buf_addf(&fix, "zegel.yaml: trusted-networks: [\"%s\"], and a rule under senders: for it", plain);
        doctor_add(d, "mynetworks", DOCTOR_WARN, &text, &fix);
    }
}

void doctor_way(struct doctor *d)
{
    const struct postfix *p = d->postfix;
    look_at_services(d);
    for (size_t i = 0; i <= p->services_count; i++) {
        const struct postfix_service *s = i == 0 ? NULL : &p->services[i - 1];
        if (s != NULL && !is_smtpd(s) && strcmp(s->command, "cleanup") != 0)
            continue;
        look_at_action(d, s);
        look_at_protocol(d, s);
        look_at_macros(d, s);
        if (s == NULL || postfix_overrides(p, s, "smtpd_milters"))
            look_at_own_actions(d, s, "smtpd_milters");
        if (s == NULL || postfix_overrides(p, s, "non_smtpd_milters"))
            look_at_own_actions(d, s, "non_smtpd_milters");
        if (s != NULL && !is_switched_off(d, s))
            look_at_socket(d, s, postfix_get(p, s, is_smtpd(s) ? "smtpd_milters" : "non_smtpd_milters"));
    }
    look_at_networks(d);
}
