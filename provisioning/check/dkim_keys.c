/* Each selector of ours: its record, what every server says of it, the token behind it, its age. */
#include "check/check.h"

#include <time.h>

#include "base/err.h"
#include "dkim/keyrecord.h"

enum { BITS_MIN = 2048, BITS_USUAL = 2048, DAY_S = 86400 };

struct look {
    const struct check_key *key;
    char name[CHECK_NAME_MAX];
};

/* The key in this record, for our algorithm, or why there is none. */
static enum keyrecord_error read_record(const struct look *l, const char *txt, struct keyrecord *out)
{
    struct sigheader sig = {.algorithm = l->key->key->algorithm == CONFIG_RSA_SHA256 ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256};
    return keyrecord_parse(bytes_str(txt), &sig, out);
}

static bool lists_sha1(const char *txt)
{
    struct taglist t;
    struct bytes item, h;
    if (!taglist_parse(bytes_str(txt), &t))
        return false;
    h = taglist_get(&t, "h");
    while (h.data != NULL && sigheader_next_name(&h, &item))
        if (bytes_ieq(item, BYTES_LIT("sha1")))
            return true;
    return false;
}

static void judge_strength(struct check *c, const struct look *l, const struct observe_answer *a, const struct keyrecord *record)
{
    struct buf evidence = BUF_INIT;
    unsigned bits = digest_key_bits(record->key);
    bool rsa = digest_key_type(record->key) == DIGEST_KEY_RSA;
    enum check_result result = CHECK_PASS;
    enum check_message m = MSG_KEY_BITS;
    if (lists_sha1(a->records[0])) {
        result = CHECK_FAIL;
        m = MSG_KEY_SHA1;
    } else if (rsa && bits < BITS_MIN) {
        result = CHECK_FAIL;
        m = MSG_KEY_BITS_FEW;
    } else if (rsa && bits > BITS_USUAL) {
        result = CHECK_INFO;
        m = MSG_KEY_BITS_MANY;
    }
    check_evidence(&evidence, a);
    check_add(c, RULE_DKIM_STRENGTH, result, m, &evidence, CHECK_WITH(l->name, check_number(bits).text));
    check_evidence(&evidence, a);
    check_add(c, RULE_DKIM_TESTING, record->testing ? CHECK_FAIL : CHECK_PASS,
              record->testing ? MSG_KEY_TESTING : MSG_KEY_NOT_TESTING, &evidence, CHECK_WITH(l->name));
}

static void judge_record(struct check *c, const struct look *l, const struct observe_answer *a)
{
    struct buf evidence = BUF_INIT;
    struct keyrecord record = {0};
    check_evidence(&evidence, a);
    if (a->error != NULL) {
        check_add(c, RULE_DKIM_RECORD, CHECK_FAIL, MSG_ERROR, &evidence, CHECK_WITH(l->name, a->error));
        return;
    }
    if (a->count != 1) {
        check_add(c, RULE_DKIM_RECORD, CHECK_FAIL, a->count == 0 ? MSG_NONE : MSG_MANY, &evidence,
                  CHECK_WITH(l->name, check_number(a->count).text));
        return;
    }
    enum keyrecord_error e = read_record(l, a->records[0], &record);
    if (e == KEYRECORD_OK)
        check_add(c, RULE_DKIM_RECORD, CHECK_PASS, MSG_OK, &evidence, CHECK_WITH(l->name));
    else
        check_add(c, RULE_DKIM_RECORD, CHECK_FAIL, e == KEYRECORD_REVOKED ? MSG_KEY_REVOKED : MSG_KEY_BAD, &evidence,
                  CHECK_WITH(l->name, keyrecord_strerror(e)));
    if (e == KEYRECORD_OK)
        judge_strength(c, l, a, &record);
    digest_key_free(record.key);
}

static void judge_security(struct check *c, const struct look *l, const struct observe_answer *a)
{
    struct buf evidence = BUF_INIT;
    check_evidence(&evidence, a);
    if (a->error != NULL)
        check_add(c, RULE_DKIM_DNSSEC, CHECK_FAIL, MSG_ERROR, &evidence, CHECK_WITH(l->name, a->error));
    else if (a->security == OBSERVE_SECURE)
        check_add(c, RULE_DKIM_DNSSEC, CHECK_PASS, MSG_SECURE, &evidence, CHECK_WITH(l->name));
    else
        check_add(c, RULE_DKIM_DNSSEC, CHECK_FAIL, MSG_INSECURE, &evidence, CHECK_WITH(l->name));
}

/* The first server that does not have one record, the same as the others; NULL when all have. One that only points on counts for
 * nothing by itself. */
static const struct observe_answer *odd_one(const struct observe_answers *all)
{
    const struct observe_answer *first = NULL;
    for (unsigned i = 0; i < all->count; i++) {
        const struct observe_answer *a = &all->list[i];
        if (a->error != NULL || (a->count != 1 && a->alias == NULL))
            return a;
        if (a->count == 1 && first == NULL)
            first = a;
        if (a->count == 1 && strcmp(first->records[0], a->records[0]) != 0)
            return a;
    }
    return first == NULL && all->count > 0 ? &all->list[0] : NULL;
}

static void show_all(struct buf *evidence, const struct observe_answers *all)
{
    for (unsigned i = 0; i < all->count; i++)
        check_evidence(evidence, &all->list[i]);
}

static void judge_servers(struct check *c, const struct look *l, const struct observe_answers *all)
{
    struct buf evidence = BUF_INIT;
    const struct observe_answer *odd = odd_one(all);
    show_all(&evidence, all);
    if (odd == NULL)
        check_add(c, RULE_DKIM_SERVERS, CHECK_PASS, MSG_SERVERS_SAME, &evidence,
                  CHECK_WITH(l->name, check_number(all->count).text));
    else if (odd->error != NULL)
        check_add(c, RULE_DKIM_SERVERS, CHECK_FAIL, MSG_ERROR, &evidence,
                  CHECK_WITH(odd->server == NULL ? l->name : odd->server, odd->error));
    else
        check_add(c, RULE_DKIM_SERVERS, CHECK_FAIL, MSG_SERVERS_ODD, &evidence, CHECK_WITH(l->name, odd->server));
}

/* Is the key in this record the token's? */
static bool is_tokens(const struct look *l, const char *txt)
{
    uint8_t ours[CHECK_SPKI_MAX], theirs[CHECK_SPKI_MAX];
    struct digest_key *token = digest_key_from_spki(bytes_of(l->key->spki, l->key->spki_len));
    struct keyrecord record = {0};
    bool same = false;
    if (token != NULL && read_record(l, txt, &record) == KEYRECORD_OK) {
        size_t a = digest_key_record(token, ours, sizeof ours), b = digest_key_record(record.key, theirs, sizeof theirs);
        same = a > 0 && bytes_eq(bytes_of(ours, a), bytes_of(theirs, b));
    }
    digest_key_free(record.key);
    digest_key_free(token);
    return same;
}

static void judge_token(struct check *c, const struct look *l, const struct observe_answers *all)
{
    struct buf evidence = BUF_INIT;
    const struct observe_answer *other = NULL;
    unsigned same = 0;
    if (l->key->spki_len == 0) {
        check_add(c, RULE_DKIM_TOKEN, l->key->gone ? CHECK_FAIL : CHECK_WARN, l->key->gone ? MSG_TOKEN_NONE : MSG_TOKEN_ABSENT,
                  NULL, CHECK_WITH(l->name, l->key->absent));
        return;
    }
    for (unsigned i = 0; i < all->count; i++)
        for (unsigned r = 0; r < all->list[i].count; r++)
            if (is_tokens(l, all->list[i].records[r]))
                same++;
            else if (other == NULL)
                other = &all->list[i];
    show_all(&evidence, all);
    if (other == NULL && same > 0)
        check_add(c, RULE_DKIM_TOKEN, CHECK_PASS, MSG_TOKEN_SAME, &evidence, CHECK_WITH(l->name, check_number(same).text));
    else if (other != NULL)
        check_add(c, RULE_DKIM_TOKEN, CHECK_FAIL, MSG_TOKEN_OTHER, &evidence, CHECK_WITH(l->name, other->server));
    else
        check_add(c, RULE_DKIM_TOKEN, CHECK_FAIL, MSG_NONE, &evidence, CHECK_WITH(l->name));
}

static void judge_age(struct check *c, const struct look *l)
{
    const struct check_life *life = &l->key->life;
    int64_t since = check_since(life);
    struct buf evidence = BUF_INIT;
    char day[16], due[16];
    if (l->key->life_source != NULL)
        buf_addf(&evidence, "%s\n", l->key->life_source);
    if (since == 0) {
        check_add(c, RULE_DKIM_AGE, CHECK_INFO, MSG_AGE_UNKNOWN, &evidence, CHECK_WITH(l->name));
        return;
    }
    int64_t days = (c->time_s - since) / DAY_S;
    check_day(since, day);
    check_day(check_due(life), due);
    if (days > CHECK_AGE_MAX_DAYS)
        check_add(c, RULE_DKIM_AGE, CHECK_FAIL, MSG_AGE_OLD, &evidence,
                  CHECK_WITH(l->name, check_number(days).text, check_number(CHECK_AGE_MAX_DAYS).text));
    else if (check_due(life) < c->time_s)
        check_add(c, RULE_DKIM_AGE, CHECK_FAIL, MSG_AGE_OVERDUE, &evidence, CHECK_WITH(l->name, due));
    else
        check_add(c, RULE_DKIM_AGE, CHECK_PASS, MSG_AGE, &evidence, CHECK_WITH(l->name, check_number(days).text, due));
}

void check_dkim_keys(struct check *c)
{
    for (unsigned k = 0; k < c->subject->keys_count; k++) {
        struct look l = {.key = &c->subject->keys[k]};
        struct observe_answer a = {0};
        struct observe_answers all = {0};
        char node[300];
        (void)snprintf(node, sizeof node, "%s._domainkey", l.key->key->selector);
        if (!check_join(node, c->subject->domain, l.name)) {
            check_add(c, RULE_DKIM_RECORD, CHECK_FAIL, MSG_NONE, NULL, CHECK_WITH(node));
            continue;
        }
        check_ask(c, l.name, LDNS_RR_TYPE_TXT, &a);
        judge_record(c, &l, &a);
        judge_security(c, &l, &a);
        if (observe_servers(c->observe, l.name, LDNS_RR_TYPE_TXT, &all) != ZEGEL_OK)
            c->failed = true;
        judge_servers(c, &l, &all);
        judge_token(c, &l, &all);
        judge_age(c, &l);
        observe_answer_clear(&a);
        observe_answers_clear(&all);
    }
}
