#include "reconcile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/segment.h"
#include "audit/verify.h"

enum { RING = 1024, UNDER_WAY_S = 2, FAULT = 0x86 };

/* An entry of the token's log and what the audit log has of it. */
struct entry {
    struct applet_entry e;
    bool blind, recorded;
};

struct run {
    const struct zegeltoken *z;
    struct reconcile_report *out;
    struct applet_info info;
    struct applet_key keys[APPLET_KEYS_MAX], after[APPLET_KEYS_MAX]; /* before the audit log was read, and after */
    /* the time before */
    json_t *before;
    uint64_t last_number, last_records;
    uint8_t last_head[APPLET_HASH];
    /* now */
    struct entry *entries; /* in the order of their numbers */
    size_t count;
    uint64_t number;
    uint8_t head[APPLET_HASH];
    /* signed records that no entry explains yet */
    json_t *unexplained;
    uint64_t records;
    bool failed;
};

__attribute__((format(printf, 2, 3))) static void differ(struct run *r, const char *format, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    (void)json_array_append_new(r->out->differences, json_string(line));
}

static void hex(const uint8_t hash[APPLET_HASH], char out[2 * APPLET_HASH + 1])
{
    bytes_hex(bytes_of(hash, APPLET_HASH), out);
}

static bool unhex(const char *text, uint8_t *out, size_t len)
{
    size_t have;
    return text != NULL && text[strspn(text, "0123456789abcdef")] == '\0' && bytes_unhex(bytes_str(text), out, len, &have) &&
           have == len;
}

/* ---- where the time before ended */

static int load_state(struct run *r, const char *path, struct buf *why)
{
    json_error_t bad;
    r->before = json_load_file(path, 0, &bad);
    if (r->before == NULL && access(path, F_OK) != 0)
        return ZEGEL_OK; /* the first time */
    json_int_t number = json_integer_value(json_object_get(r->before, "log_number"));
    json_int_t records = json_integer_value(json_object_get(r->before, "audit_records"));
    if (r->before == NULL || number < 0 || records < 0 ||
        !unhex(json_string_value(json_object_get(r->before, "log_head")), r->last_head, APPLET_HASH)) {
        buf_addf(why, "%s: is not what reconcile wrote; look into that before removing it", path);
        return ZEGEL_ERR_FORMAT;
    }
    r->last_number = (uint64_t)number;
    r->last_records = (uint64_t)records;
    return ZEGEL_OK;
}

static void id_text(const struct applet_key *k, char out[2 * APPLET_ID + 1])
{
    bytes_hex(bytes_of(k->id, APPLET_ID), out);
}

static json_t *counters(const struct applet_key *keys, size_t count)
{
    char id[2 * APPLET_ID + 1];
    json_t *j = json_object();
    for (size_t i = 0; i < count; i++) {
        id_text(&keys[i], id);
        (void)json_object_set_new(j, id, json_integer((json_int_t)keys[i].signatures));
    }
    return j;
}

static int save_state(const struct run *r, const char *dir, struct buf *why)
{
    char device[2 * APPLET_HASH + 1], head[2 * APPLET_HASH + 1];
    hex(r->info.attestation, device);
    hex(r->head, head);
    json_t *j = json_pack("{s:s, s:I, s:s, s:I, s:o, s:o}", "attestation_key", device, "log_number", (json_int_t)r->number,
                          "log_head", head, "audit_records", (json_int_t)r->records, "signatures",
                          counters(r->keys, r->info.count), "signatures_after", counters(r->after, r->info.count));
    char *text = j == NULL ? NULL : json_dumps(j, JSON_INDENT(1));
    int err = text == NULL ? ZEGEL_ERR_NOMEM : segment_replace(dir, r->z->name, bytes_str(text), why);
    free(text);
    json_decref(j);
    return err;
}

/* ---- the token */

static bool is_blind(const struct run *r, const uint8_t id[APPLET_ID])
{
    for (size_t i = 0; i < r->info.count; i++)
        if (memcmp(r->keys[i].id, id, APPLET_ID) == 0)
            return r->keys[i].policy == APPLET_BLIND;
    return false; /* of a key that was deleted: compared */
}

/* Its keys, with the counters that it vouches for. */
static int look_at_keys(const struct run *r, struct applet_key keys[APPLET_KEYS_MAX], struct buf *why)
{
    static struct applet_statement s;
    int err = ZEGEL_OK;
    for (size_t i = 0; err == ZEGEL_OK && i < r->info.count; i++) {
        err = zegeltoken_attest(r->z, r->info.numbers[i], r->info.attestation, &s, why);
        keys[i] = s.key;
    }
    return err;
}

/* Who it is: pinned the first time. */
static int look_at_token(struct run *r, struct buf *why)
{
    char device[2 * APPLET_HASH + 1];
    const char *pinned = json_string_value(json_object_get(r->before, "attestation_key"));
    int err = zegeltoken_said(r->z, "looking at it", applet_info(&r->z->applet, &r->info), why);
    if (err != ZEGEL_OK)
        return err;
    hex(r->info.attestation, device);
    if (pinned != NULL && strcmp(pinned, device) != 0) {
        buf_addf(why, "token %s: is another one than the time before: its device key is %s, not %s", r->z->name, device, pinned);
        return ZEGEL_ERR_BAD_SIGNATURE;
    }
    return look_at_keys(r, r->keys, why);
}

/* Entries behind number `after` up to what the device signs now, added to those there are. */
static int read_log(struct run *r, uint64_t after, struct buf *why)
{
    static struct applet_statement s;
    int err = zegeltoken_attest(r->z, 0, r->info.attestation, &s, why);
    if (err != ZEGEL_OK)
        return err;
    if (s.log_number > INT64_MAX) {
        buf_addf(why, "token %s: the number that its log ends with cannot be", r->z->name);
        return ZEGEL_ERR_FORMAT;
    }
    r->number = s.log_number;
    memcpy(r->head, s.log_head, APPLET_HASH);
    uint64_t first = s.log_number > RING && s.log_number - RING > after ? s.log_number - RING : after;
    struct entry *more =
        realloc(r->entries, (r->count + (size_t)(s.log_number > first ? s.log_number - first : 0) + 1) * sizeof *more);
    if (more == NULL)
        return ZEGEL_ERR_NOMEM;
    r->entries = more;
    for (uint64_t n = first + 1; n <= s.log_number && err == ZEGEL_OK; n++) {
        struct entry *e = &r->entries[r->count];
        unsigned sw = applet_read_log(&r->z->applet, n, &e->e);
        if (sw == SW_NOT_FOUND)
            continue; /* lost with the power, or overwritten: the chain tells which */
        err = zegeltoken_said(r->z, "reading its log", sw, why);
        e->blind = is_blind(r, e->e.id);
        e->recorded = false;
        r->count += err == ZEGEL_OK;
    }
    return err;
}

/* Each entry stands on the one before, the last under the signed head, the first on where the time before ended. */
static void check_chain(struct run *r)
{
    const uint8_t *head = r->last_head;
    if (r->number < r->last_number)
        differ(r, "the token's log went back: it was at number %llu, it is at %llu: an older copy of its memory is in it",
               (unsigned long long)r->last_number, (unsigned long long)r->number);
    for (size_t i = 0; i < r->count; i++) {
        const struct applet_entry *e = &r->entries[i].e;
        if (i == 0 && memcmp(e->before, head, APPLET_HASH) != 0 && e->number > r->last_number + 1 &&
            r->number - r->last_number >= RING)
            r->out->overwritten = e->number - r->last_number - 1;
        else if (memcmp(e->before, head, APPLET_HASH) != 0)
            differ(r, "number %llu of the token's log does not stand on %s", (unsigned long long)e->number,
                   i == 0 ? "where it was the time before: it is another history" : "the entry before it");
        head = e->after;
    }
    if (r->number >= r->last_number && memcmp(head, r->head, APPLET_HASH) != 0)
        differ(r, "the token's log does not end in the head that its device key signs");
}

/* ---- the audit log */

static struct entry *entry_of(struct run *r, const uint8_t hash[APPLET_HASH], size_t from)
{
    for (size_t i = from; i < r->count; i++)
        if (r->entries[i].e.verdict == 0 && !r->entries[i].blind && memcmp(r->entries[i].e.hash, hash, APPLET_HASH) == 0)
            return &r->entries[i];
    return NULL;
}

static bool is_of_token(const struct run *r, const char *domain, const char *selector)
{
    for (size_t i = 0; domain != NULL && selector != NULL && i < r->info.count; i++)
        if (strcmp(r->keys[i].domain, domain) == 0 && strcmp(r->keys[i].selector, selector) == 0)
            return true;
    return false;
}

/* Any record with that hash explains an entry: also one of a signature that came too late and was not used. */
static bool take_record(void *arg, uint64_t number, struct bytes record)
{
    struct run *r = arg;
    uint8_t hash[APPLET_HASH];
    struct entry *e = NULL;
    json_t *j = json_loadb((const char *)record.data, record.len, 0, NULL);
    const char *block = json_string_value(json_object_get(j, "block")),
               *verdict = json_string_value(json_object_get(j, "verdict"));
    bool has_hash = unhex(block, hash, sizeof hash);
    if (has_hash)
        for (size_t i = 0; (e = entry_of(r, hash, i)) != NULL; i = (size_t)(e - r->entries) + 1)
            e->recorded = true;
    bool is_signed = verdict != NULL && strcmp(verdict, "signed") == 0;
    if (is_signed && number >= r->last_records &&
        is_of_token(r, json_string_value(json_object_get(j, "d")), json_string_value(json_object_get(j, "s")))) {
        r->out->records++;
        if (!has_hash || entry_of(r, hash, 0) == NULL)
            r->failed = json_array_append(r->unexplained, j) != 0 || r->failed;
    }
    json_decref(j);
    return !r->failed;
}

/* A signature that did not verify in the token never left it. */
static bool was_a_fault(const struct run *r, size_t i)
{
    for (size_t k = i + 1; k < r->count; k++)
        if (r->entries[k].e.verdict == FAULT && memcmp(r->entries[k].e.hash, r->entries[i].e.hash, APPLET_HASH) == 0)
            return true;
    return false;
}

static void compare(struct run *r)
{
    char hash[2 * APPLET_HASH + 1];
    for (size_t i = 0; i < r->count; i++) {
        const struct entry *e = &r->entries[i];
        if (e->e.verdict != 0)
            continue;
        r->out->blind += e->blind;
        r->out->signatures += !e->blind;
        if (e->blind || e->recorded || was_a_fault(r, i))
            continue;
        hex(e->e.hash, hash);
        differ(r, "the token signed for d=%s s=%s (number %llu), and the audit log does not know: block %s", e->e.domain,
               e->e.selector, (unsigned long long)e->e.number, hash);
    }
}

/* What was signed since the token was looked at has entries behind that; for the rest there is none. */
static int explain(struct run *r, struct buf *why)
{
    struct run later = {.z = r->z, .info = r->info};
    uint8_t hash[APPLET_HASH];
    size_t i;
    json_t *j;
    if (json_array_size(r->unexplained) == 0 || r->out->overwritten > 0)
        return ZEGEL_OK;
    memcpy(later.keys, r->keys, sizeof later.keys);
    int err = read_log(&later, r->number, why);
    json_array_foreach(r->unexplained, i, j)
    {
        const char *block = json_string_value(json_object_get(j, "block"));
        if (err == ZEGEL_OK && (!unhex(block, hash, sizeof hash) || entry_of(&later, hash, 0) == NULL))
            differ(r, "the audit log has a signature for d=%s s=%s (record %lld) that the token's log does not have",
                   json_string_value(json_object_get(j, "d")), json_string_value(json_object_get(j, "s")),
                   (long long)json_integer_value(json_object_get(j, "seq")));
    }
    free(later.entries);
    return err;
}

/* Signatures over mail by all keys since what the state calls `then`. */
static uint64_t made_since(const struct run *r, const struct applet_key *keys, const char *then)
{
    uint64_t made = 0;
    char id[2 * APPLET_ID + 1];
    for (size_t i = 0; i < r->info.count; i++) {
        id_text(&keys[i], id);
        json_int_t had = json_integer_value(json_object_get(json_object_get(r->before, then), id));
        if (keys[i].policy != APPLET_BLIND)
            made += keys[i].signatures - (uint64_t)had;
    }
    return made;
}

/* Where entries are gone, counters are left, which the device vouches for. Mail goes on while we look: at least as many records
 * as signatures that were made for certain in between, and at most as many as may have been. */
static void count(struct run *r)
{
    if (r->out->overwritten == 0)
        return;
    uint64_t least = made_since(r, r->keys, "signatures_after"), most = made_since(r, r->after, "signatures");
    if (r->out->records < least || r->out->records > most)
        differ(r,
               "%llu entries were overwritten unread; since the time before the token made %llu to %llu signatures, the audit "
               "log has %llu",
               (unsigned long long)r->out->overwritten, (unsigned long long)least, (unsigned long long)most,
               (unsigned long long)r->out->records);
}

static int all_of_it(struct run *r, const char *audit_dir, const struct note_key *key, struct buf *why)
{
    struct audit_report report;
    int err = look_at_token(r, why);
    if (err == ZEGEL_OK)
        err = read_log(r, r->last_number, why);
    if (err != ZEGEL_OK)
        return err;
    check_chain(r);
    (void)sleep(UNDER_WAY_S);
    err = audit_verify(audit_dir, key, take_record, r, &report, why);
    if (r->failed)
        err = ZEGEL_ERR_NOMEM;
    r->records = report.records;
    if (err != ZEGEL_OK)
        return err;
    compare(r);
    if ((err = look_at_keys(r, r->after, why)) != ZEGEL_OK)
        return err;
    count(r);
    return explain(r, why);
}

int reconcile(const struct zegeltoken *z, const char *state, const struct note_key *key, struct reconcile_report *out,
              struct buf *why)
{
    struct run r = {.z = z, .out = out, .unexplained = json_array()};
    struct buf dir = BUF_INIT, path = BUF_INIT, audit_dir = BUF_INIT;
    *out = (struct reconcile_report){.differences = json_array()};
    buf_addf(&dir, "%s/token", state);
    buf_addf(&path, "%s/token/%s", state, z->name);
    buf_addf(&audit_dir, "%s/audit", state);
    int err = load_state(&r, buf_cstr(&path), why);
    if (err == ZEGEL_OK)
        err = all_of_it(&r, buf_cstr(&audit_dir), key, why);
    out->from = r.last_number;
    out->to = r.number;
    out->entries = r.count;
    if (err == ZEGEL_OK && mkdir(buf_cstr(&dir), 0700) != 0 && errno != EEXIST) {
        buf_addf(why, "%s: %s", buf_cstr(&dir), strerror(errno));
        err = ZEGEL_ERR_SYSTEM;
    }
    if (err == ZEGEL_OK && r.number >= r.last_number) /* a log that went back is told each time */
        err = save_state(&r, buf_cstr(&dir), why);
    free(r.entries);
    json_decref(r.before);
    json_decref(r.unexplained);
    buf_free(&dir);
    buf_free(&path);
    buf_free(&audit_dir);
    return err;
}
