#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/verify.h"
#include "audit_key.h"
#include "base/io.h"
#include "cmd.h"
#include "progress.h"

/* Where the log is: the word of the command line, or the configuration's state. */
static bool find_dir(const struct cmd *cmd, const struct cmd_options *o, int argc, char **argv, struct buf *dir, int *code)
{
    if (optind < argc) {
        buf_add_str(dir, argv[optind]);
        return true;
    }
    struct config *c = cmd_config(cmd, o, code);
    if (c == NULL)
        return false;
    buf_addf(dir, "%s/audit", c->state);
    config_free(c);
    return true;
}

/* ---- key ---- */

static int run_key(int argc, char **argv)
{
    struct cmd_options o;
    struct cmd_token t;
    struct buf why = BUF_INIT, text = BUF_INIT;
    struct note_key note;
    struct key k;
    int code;
    if (!cmd_options(argc, argv, &cmd_audit_key, &o, &code))
        return code;
    struct config *c = cmd_config(&cmd_audit_key, &o, &code);
    if (c == NULL)
        return code;
    int err = c->audit.key == NULL ? ZEGEL_ERR_CONFIG : cmd_token_open(c, &c->tokens[c->audit.token], &t, &why);
    if (c->audit.key == NULL)
        buf_add_str(&why, "the configuration has no audit.key");
    if (err == ZEGEL_OK) {
        err = key_find(t.token, c->audit.key, &k, &why);
        if (err == ZEGEL_OK && k.type != KEY_ED25519) {
            buf_add_str(&why, "audit.key must be an Ed25519 key (C2SP signed-note)");
            err = ZEGEL_ERR_CONFIG;
        }
        if (err == ZEGEL_OK) {
            (void)snprintf(note.name, sizeof note.name, "%s", c->audit.origin);
            memcpy(note.public_key, k.spki + k.spki_len - NOTE_KEY_LEN, NOTE_KEY_LEN); /* RFC 8410: the last 32 octets */
            note_key_print(&note, &text);
            if (o.json)
                cmd_print_json(json_pack("{s:s, s:s}", "origin", note.name, "key", buf_cstr(&text)));
            else
                (void)printf("%s\n", buf_cstr(&text));
        }
        cmd_token_close(&t);
    }
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(&cmd_audit_key, err, buf_cstr(&why));
    buf_free(&why);
    buf_free(&text);
    config_free(c);
    return code;
}

/* ---- verify ---- */

static int result(const struct cmd *cmd, int err, const struct buf *why)
{
    if (err == ZEGEL_OK)
        return CMD_DONE;
    struct buf text = BUF_INIT;
    buf_add(&text, buf_bytes(why));
    int code = cmd_fail(cmd, err, buf_cstr(&text));
    buf_free(&text);
    return err == ZEGEL_ERR_BAD_SIGNATURE || err == ZEGEL_ERR_FORMAT ? CMD_NO : code;
}

/* A log of a million records takes seconds: as many as its newest checkpoint says are ahead. */
static void begin_walk(const struct cmd_options *o, const char *dir, const struct note_key *key)
{
    struct buf path = BUF_INIT, text = BUF_INIT, why = BUF_INIT;
    struct checkpoint newest = {0};
    buf_addf(&path, "%s/checkpoint", dir);
    bool known = io_read_file(buf_cstr(&path), NOTE_MAX, &text, &why) == ZEGEL_OK && note_open(buf_bytes(&text), key, &newest);
    progress_begin(o, "reading the audit log", known ? newest.size : 0); /* what is wrong with it, audit_verify says */
    buf_free(&path);
    buf_free(&text);
    buf_free(&why);
}

static bool count_record(void *arg, uint64_t number, struct bytes record)
{
    (void)arg;
    (void)record;
    progress_at(number);
    return true;
}

static int run_verify(int argc, char **argv)
{
    struct cmd_options o;
    struct audit_report r;
    struct note_key key;
    struct buf why = BUF_INIT, dir = BUF_INIT;
    int code;
    if (!cmd_options(argc, argv, &cmd_audit_verify, &o, &code))
        return code;
    if (!audit_key(&cmd_audit_verify, &o, &key, &code))
        return code;
    if (!find_dir(&cmd_audit_verify, &o, argc, argv, &dir, &code))
        return code;
    begin_walk(&o, buf_cstr(&dir), &key);
    int err = audit_verify(buf_cstr(&dir), &key, count_record, NULL, &r, &why);
    progress_end();
    if (err == ZEGEL_OK && o.json)
        cmd_print_json(json_pack("{s:b, s:I, s:I, s:I, s:I}", "whole", 1, "records", (json_int_t)r.records, "first_kept",
                                 (json_int_t)r.first, "checkpoints", (json_int_t)r.checkpoints, "covered",
                                 (json_int_t)r.covered));
    else if (err == ZEGEL_OK)
        (void)printf("whole: %llu records from number %llu, %llu signed checkpoints; the last covers the first %llu\n",
                     (unsigned long long)(r.records - r.first), (unsigned long long)r.first, (unsigned long long)r.checkpoints,
                     (unsigned long long)r.covered);
    code = result(&cmd_audit_verify, err, &why);
    buf_free(&why);
    buf_free(&dir);
    return code;
}

/* ---- export ---- */

/* A line for each; with --json, one array of all. */
static bool print_record(void *arg, uint64_t number, struct bytes record)
{
    const char **before = arg; /* what stands between this record and the one before */
    (void)count_record(NULL, number, record);
    bool ok = fputs(*before, stdout) != EOF && fwrite(record.data, 1, record.len, stdout) == record.len;
    *before = strcmp(*before, "[\n") == 0 ? ",\n" : *before[0] == '\0' ? "\n" : *before;
    return ok;
}

static int run_export(int argc, char **argv)
{
    struct cmd_options o;
    struct audit_report r;
    struct note_key key;
    struct buf why = BUF_INIT, dir = BUF_INIT;
    const char *before;
    int code;
    if (!cmd_options(argc, argv, &cmd_audit_export, &o, &code))
        return code;
    if (!audit_key(&cmd_audit_export, &o, &key, &code))
        return code;
    if (!find_dir(&cmd_audit_export, &o, argc, argv, &dir, &code))
        return code;
    before = o.json ? "[\n" : "";
    if (!isatty(STDOUT_FILENO)) /* there the records themselves go by */
        begin_walk(&o, buf_cstr(&dir), &key);
    int err = audit_verify(buf_cstr(&dir), &key, print_record, &before, &r, &why);
    progress_end();
    if (err == ZEGEL_OK)
        (void)puts(o.json ? "\n]" : "");
    code = result(&cmd_audit_export, err, &why);
    buf_free(&why);
    buf_free(&dir);
    return code;
}

/* ---- prove ---- */

struct proof {
    uint64_t wanted;
    struct buf record;
    uint8_t (*leaves)[MERKLE_HASH_LEN];
    size_t count, room;
    bool failed;
};

static bool keep_leaf(void *arg, uint64_t number, struct bytes record)
{
    struct proof *p = arg;
    progress_at(number);
    if (number == p->wanted)
        buf_add(&p->record, record);
    if (p->count == p->room) {
        size_t room = p->room == 0 ? 1024 : p->room * 2;
        void *more = realloc(p->leaves, room * MERKLE_HASH_LEN);
        if (more == NULL) {
            p->failed = true;
            return false;
        }
        p->leaves = more;
        p->room = room;
    }
    p->failed = p->failed || !merkle_leaf(record, p->leaves[p->count++]);
    return !p->failed;
}

static json_t *hex(const uint8_t hash[MERKLE_HASH_LEN])
{
    char text[2 * MERKLE_HASH_LEN + 1];
    bytes_hex(bytes_of(hash, MERKLE_HASH_LEN), text);
    return json_string(text);
}

static bool print_proof(const struct proof *p, uint64_t size)
{
    uint8_t path[MERKLE_LEVELS_MAX][MERKLE_HASH_LEN], root[MERKLE_HASH_LEN];
    struct merkle m;
    size_t n = merkle_path((const uint8_t(*)[MERKLE_HASH_LEN])p->leaves, size, p->wanted, path, MERKLE_LEVELS_MAX);
    json_t *list = json_array();
    merkle_init(&m);
    for (size_t i = 0; i < size; i++)
        merkle_add(&m, p->leaves[i]);
    if (!merkle_root(&m, root) || (n == 0 && size > 1)) {
        json_decref(list);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(list, hex(path[i]));
    cmd_print_json(json_pack("{s:I, s:I, s:s#, s:o, s:o, s:o}", "seq", (json_int_t)p->wanted, "tree_size", (json_int_t)size,
                             "record", (const char *)p->record.data, (int)p->record.len, "leaf_hash", hex(p->leaves[p->wanted]),
                             "root_hash", hex(root), "inclusion_path", list));
    return true;
}

static int run_prove(int argc, char **argv)
{
    struct cmd_options o;
    struct audit_report r;
    struct note_key key;
    struct proof p = {.record = BUF_INIT};
    struct buf why = BUF_INIT, dir = BUF_INIT;
    char *end = NULL;
    int code;
    if (!cmd_options(argc, argv, &cmd_audit_prove, &o, &code))
        return code;
    if (!audit_key(&cmd_audit_prove, &o, &key, &code))
        return code;
    if (optind < argc)
        p.wanted = strtoull(argv[optind++], &end, 10);
    if (end == NULL || *end != '\0')
        return cmd_misuse(&cmd_audit_prove, "needs the number of a record (its seq)");
    if (!find_dir(&cmd_audit_prove, &o, argc, argv, &dir, &code))
        return code;
    begin_walk(&o, buf_cstr(&dir), &key);
    int err = audit_verify(buf_cstr(&dir), &key, keep_leaf, &p, &r, &why);
    if (p.failed)
        err = ZEGEL_ERR_NOMEM;
    if (err == ZEGEL_OK && (r.first > 0 || p.wanted >= r.covered)) {
        buf_add_str(&why, r.first > 0 ? "older records were archived; put all of them beside each other first"
                                      : "that record is not under a checkpoint (yet)");
        err = ZEGEL_ERR_NOT_FOUND;
    }
    if (err == ZEGEL_OK && !print_proof(&p, r.covered))
        err = ZEGEL_ERR_NOMEM;
    code = result(&cmd_audit_prove, err, &why);
    free(p.leaves);
    buf_free(&p.record);
    buf_free(&why);
    buf_free(&dir);
    return code;
}

const struct cmd cmd_audit_key = {"audit", "key", run_key, "[--json]",
                                  "The public key of the audit log, for verify and for witnesses."};
const struct cmd cmd_audit_verify = {"audit", "verify", run_verify, "--key KEY [--json] [DIR]",
                                     "Is the audit log whole? Needs its public key alone."};
const struct cmd cmd_audit_export = {"audit", "export", run_export, "--key KEY [--json] [DIR]",
                                     "The records as JSON lines, or with --json as one array; verified on the way."};
const struct cmd cmd_audit_prove = {"audit", "prove", run_prove, "--key KEY [--json] SEQ [DIR]",
                                    "A proof that one record is in the log (RFC 6962); JSON with and without --json."};
