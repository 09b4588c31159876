#include "ceremony/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/io.h"
#include "ceremony/store.h"
#include "dkim/base64.h"

enum { SIGNATURE_MAX = 16384 };

static json_t *encode(struct bytes der)
{
    char room[BASE64_LEN(SIGNATURE_MAX) + 1];
    struct out out = out_of(room, sizeof room);
    base64_encode(der, &out);
    return out.overflow ? NULL : json_stringn(room, out.len);
}

static int add_approval(const struct transcript *t, const char *name, json_t *approvals, struct buf *why)
{
    char file[64];
    struct bytes der;
    (void)snprintf(file, sizeof file, "approval-%s.p7s", name);
    int err = snapshot_get(&t->files, file, &der, why);
    if (err == ZEGEL_OK && json_object_set_new(approvals, name, encode(der)) != 0)
        err = ZEGEL_ERR_TOO_BIG;
    return err;
}

int exchange_request(const struct transcript *t, json_t **out, struct buf *why)
{
    json_t *signers = json_object(), *approvals = json_object(), *ignored;
    struct bytes yaml = {0};
    const char *name;
    *out = NULL;
    int err = transcript_approved(t, signers, why);
    if (err == ZEGEL_OK)
        err = snapshot_get(&t->files, "plan.yaml", &yaml, why);
    json_object_foreach(signers, name, ignored) if (err == ZEGEL_OK) err = add_approval(t, name, approvals, why);
    if (err == ZEGEL_OK) {
        *out = json_pack("{s:s, s:s#, s:s#, s:s, s:O}", "format", REQUEST_FORMAT, "plan.yaml", (const char *)yaml.data,
                         (int)yaml.len, "plan.json", (const char *)t->plan_json.data, (int)t->plan_json.len, "plan_sha256",
                         t->plan_hash, "approvals", approvals);
        if (*out == NULL) {
            buf_addf(why, "%s/plan.yaml: is no UTF-8", t->dir);
            err = ZEGEL_ERR_FORMAT;
        }
    }
    json_decref(signers);
    json_decref(approvals);
    return err;
}

int exchange_export(const struct transcript *t, struct buf *why)
{
    json_t *request;
    int err = exchange_request(t, &request, why);
    if (err == ZEGEL_OK)
        err = store_write_json(t->dir, REQUEST_FILE, request, why);
    json_decref(request);
    return err;
}

static int unpack(const json_t *request, const char *dir, struct buf *why)
{
    static const char *const plans[] = {"plan.yaml", "plan.json"};
    uint8_t room[SIGNATURE_MAX];
    const char *name, *text;
    json_t *value;
    char file[96];
    int err = ZEGEL_OK;
    for (size_t i = 0; i < 2 && err == ZEGEL_OK; i++) {
        text = json_string_value(json_object_get(request, plans[i]));
        err = text == NULL ? ZEGEL_ERR_FORMAT : store_write(dir, plans[i], bytes_str(text), why);
    }
    json_object_foreach(json_object_get(request, "approvals"), name, value)
    {
        struct out der = out_of(room, sizeof room);
        (void)snprintf(file, sizeof file, "approval-%.64s.p7s", name);
        text = json_string_value(value);
        if (text == NULL || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name) ||
            !base64_decode(bytes_str(text), &der))
            err = ZEGEL_ERR_FORMAT;
        if (err == ZEGEL_OK)
            err = store_write(dir, file, out_bytes(&der), why);
    }
    if (err == ZEGEL_ERR_FORMAT)
        buf_add_str(why, "the request lacks a part, or a name in it is none");
    return err;
}

int exchange_import(const char *request, const char *dir, struct buf *why)
{
    struct buf text = BUF_INIT;
    struct transcript t = {0};
    json_t *signers = NULL, *j = NULL;
    int err = io_read_file(request, STORE_FILE_MAX, &text, why);
    if (err == ZEGEL_OK && (j = canon_parse(request, buf_bytes(&text), why)) == NULL)
        err = ZEGEL_ERR_FORMAT;
    if (err == ZEGEL_OK && mkdir(dir, 0755) != 0) {
        buf_addf(why, "%s: %s; import into a new directory", dir, strerror(errno));
        err = errno == EEXIST ? ZEGEL_ERR_EXISTS : ZEGEL_ERR_SYSTEM;
    }
    if (err == ZEGEL_OK)
        err = unpack(j, dir, why);
    if (err == ZEGEL_OK)
        err = store_write(dir, REQUEST_FILE, buf_bytes(&text), why);
    if (err == ZEGEL_OK)
        err = transcript_open(dir, &t, why);
    if (err == ZEGEL_OK)
        err = transcript_approved(&t, signers, why);
    if (err == ZEGEL_OK)
        err = exchange_export(&t, why); /* the same again, or the request said something else */
    transcript_close(&t);
    json_decref(j);
    buf_free(&text);
    return err;
}
