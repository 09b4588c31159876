#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "pkcs11/ckr.h"
#include "pkcs11/init.h"
#include "pkcs11/latch.h"
#include "pkcs11/uri.h"
#include "progress.h"
#include "zegeltoken.h"

enum { SLOTS_MAX = 256 };

/* ---- list ---- */

static void padded(const CK_UTF8CHAR *field, size_t len, char *out)
{
    while (len > 0 && (field[len - 1] == ' ' || field[len - 1] == '\0'))
        len--;
    for (size_t i = 0; i < len; i++)
        out[i] = field[i] < ' ' || field[i] == 0x7f ? '?' : (char)field[i];
    out[len] = '\0';
}

static json_t *describe(const char *module, CK_SLOT_ID slot, const CK_TOKEN_INFO *info)
{
    char label[33], maker[33], model[17], serial[17];
    padded(info->label, 32, label);
    padded(info->manufacturerID, 32, maker);
    padded(info->model, 16, model);
    padded(info->serialNumber, 16, serial);
    return json_pack("{s:s, s:I, s:b, s:s, s:s, s:s, s:s, s:b, s:b, s:b}", "module", module, "slot", (json_int_t)slot,
                     "initialised", (info->flags & CKF_TOKEN_INITIALIZED) != 0, "label", label, "manufacturer", maker, "model",
                     model, "serial", serial, "pin_set", (info->flags & CKF_USER_PIN_INITIALIZED) != 0, "pin_count_low",
                     (info->flags & CKF_USER_PIN_COUNT_LOW) != 0, "pin_locked", (info->flags & CKF_USER_PIN_LOCKED) != 0);
}

static int list_module(const char *path, const char *sha256, json_t *all, struct buf *why)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    struct module *m;
    int err = module_open(path, sha256, &m, why);
    if (err != ZEGEL_OK)
        return err;
    CK_RV rv = m->f->C_GetSlotList(CK_TRUE, NULL, &count); /* looks for new ones */
    count = SLOTS_MAX;
    if (rv == CKR_OK)
        rv = m->f->C_GetSlotList(CK_TRUE, slots, &count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        CK_TOKEN_INFO info;
        if (m->f->C_GetTokenInfo(slots[i], &info) == CKR_OK)
            (void)json_array_append_new(all, describe(path, slots[i], &info));
    }
    module_close(m);
    if (rv == CKR_OK)
        return ZEGEL_OK;
    buf_addf(why, "module %s: C_GetSlotList: %s; %s", path, ckr_name(rv), ckr_advice(rv));
    return ckr_to_err(rv);
}

/* Each module once, however many tokens it is named for. */
static int list_once(const char *path, const char *sha256, json_t *seen, json_t *all)
{
    struct buf why = BUF_INIT;
    if (path == NULL || json_object_get(seen, path) != NULL)
        return CMD_DONE;
    (void)json_object_set_new(seen, path, json_true());
    int err = list_module(path, sha256, all, &why);
    int code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(&cmd_token_list, err, buf_cstr(&why));
    buf_free(&why);
    return code;
}

static void print_tokens(const json_t *all)
{
    size_t i;
    json_t *t;
    (void)printf("%-20s %-16s %-18s %-12s %s\n", "LABEL", "SERIAL", "MODEL", "STATE", "MODULE");
    json_array_foreach(all, i, t)
    {
        const char *state = !json_is_true(json_object_get(t, "initialised"))    ? "empty"
                            : json_is_true(json_object_get(t, "pin_locked"))    ? "PIN locked"
                            : !json_is_true(json_object_get(t, "pin_set"))      ? "no PIN set"
                            : json_is_true(json_object_get(t, "pin_count_low")) ? "PIN refused"
                                                                                : "ready";
        (void)printf("%-20s %-16s %-18s %-12s %s\n", json_string_value(json_object_get(t, "label")),
                     json_string_value(json_object_get(t, "serial")), json_string_value(json_object_get(t, "model")), state,
                     json_string_value(json_object_get(t, "module")));
    }
}

static int run_list(int argc, char **argv)
{
    struct cmd_options o;
    int code;
    if (!cmd_options(argc, argv, &cmd_token_list, &o, &code))
        return code;
    struct config *c = cmd_config(&cmd_token_list, &o, &code);
    if (c == NULL)
        return code;
    json_t *all = json_array(), *seen = json_object();
    code = CMD_DONE;
    for (unsigned i = 0; i < c->tokens_count; i++) {
        const struct config_token *t = &c->tokens[i];
        int first = list_once(t->prefer.module, t->prefer.module_sha256, seen, all);
        int second = list_once(t->module, t->module_sha256, seen, all);
        code = second != CMD_DONE ? second : first != CMD_DONE ? first : code;
    }
    json_decref(seen);
    if (o.json) {
        cmd_print_json(all);
    } else {
        print_tokens(all);
        json_decref(all);
    }
    config_free(c);
    return code;
}

/* ---- init ---- */

/* The label a URI asks for: what a new token must be called to be found by it. */
static int label_of(const struct config_token *t, char label[33], struct buf *why)
{
    P11KitUri *uri;
    int err = uri_parse(t->token, &uri, why);
    if (err != ZEGEL_OK)
        return err;
    token_label(p11_kit_uri_get_token_info(uri), label);
    p11_kit_uri_free(uri);
    if (label[0] != '\0' && (uint8_t)label[0] != 0xff)
        return ZEGEL_OK;
    buf_addf(why, "token %s: its URI has no token=; say --label", t->name);
    return ZEGEL_ERR_USAGE;
}

static int init(const struct cmd_options *o, const struct config_token *t, struct buf *why)
{
    struct buf pin = BUF_INIT, so_pin = BUF_INIT;
    struct module *m = NULL;
    char label[33] = "", serial[17];
    int err = ZEGEL_OK;
    if (o->label == NULL)
        err = label_of(t, label, why);
    if (err == ZEGEL_OK)
        err = cmd_read_secret_file(o->so_pin_file, &so_pin, why);
    if (err == ZEGEL_OK)
        err = cmd_read_pin(t, &pin, why);
    if (err == ZEGEL_OK)
        err = module_open(t->module, t->module_sha256, &m, why);
    progress_begin(o, "the token is being initialised", 0);
    if (err == ZEGEL_OK)
        err = token_init(m, o->label != NULL ? o->label : label, buf_bytes(&so_pin), buf_bytes(&pin), serial, why);
    progress_end();
    if (err == ZEGEL_OK && o->json)
        cmd_print_json(
            json_pack("{s:s, s:s, s:s}", "name", t->name, "label", o->label != NULL ? o->label : label, "serial", serial));
    else if (err == ZEGEL_OK)
        (void)printf("token %s: initialised, serial %s, user PIN set\n", o->label != NULL ? o->label : label, serial);
    module_close(m);
    buf_free(&pin);
    buf_free(&so_pin);
    return err;
}

static int run_init(int argc, char **argv)
{
    struct cmd_options o;
    struct buf why = BUF_INIT;
    int code;
    if (!cmd_options(argc, argv, &cmd_token_init, &o, &code))
        return code;
    if (o.so_pin_file == NULL)
        return cmd_misuse(&cmd_token_init, "--so-pin-file is needed: the security officer's PIN, in a file only you can read");
    struct config *c = cmd_config(&cmd_token_init, &o, &code);
    if (c == NULL)
        return code;
    const struct config_token *t = cmd_find_token(c, o.token);
    int err = t == NULL ? ZEGEL_ERR_USAGE : init(&o, t, &why);
    if (t == NULL)
        buf_addf(&why, "--token %s: not in the configuration", o.token);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(&cmd_token_init, err, buf_cstr(&why));
    buf_free(&why);
    config_free(c);
    return code;
}

/* ---- info ---- */

static json_t *mechanisms(const struct token *t)
{
    static const struct {
        CK_MECHANISM_TYPE type;
        const char *name;
    } known[] = {{CKM_SHA256_RSA_PKCS, "CKM_SHA256_RSA_PKCS"},
                 {CKM_RSA_PKCS, "CKM_RSA_PKCS"},
                 {CKM_EDDSA, "CKM_EDDSA"},
                 {CKM_ZEGEL_EDDSA_SHA256, "CKM_ZEGEL_EDDSA_SHA256"},
                 {CKM_RSA_PKCS_KEY_PAIR_GEN, "CKM_RSA_PKCS_KEY_PAIR_GEN"},
                 {CKM_EC_EDWARDS_KEY_PAIR_GEN, "CKM_EC_EDWARDS_KEY_PAIR_GEN"}};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        CK_MECHANISM_INFO info;
        if (t->module->f->C_GetMechanismInfo(t->slot, known[i].type, &info) == CKR_OK)
            (void)json_array_append_new(list, json_string(known[i].name));
    }
    return list;
}

static int info(const struct config *c, const struct config_token *t, bool json, struct buf *why)
{
    static const char *const latch_names[] = {"open", "login was interrupted", "PIN refused"};
    struct buf dir = BUF_INIT;
    struct token_config cfg = {.name = t->name};
    struct module *m = NULL;
    struct token *token = NULL;
    struct zegeltoken z;
    int err = cmd_token_find(t, &cfg, &m, &token, why); /* no login: this must not cost a PIN try */
    if (err == ZEGEL_OK) {
        json_t *j = describe(m->path, token->slot, &token->info);
        buf_addf(&dir, "%s/pin", c->state);
        (void)json_object_set_new(j, "name", json_string(t->name));
        (void)json_object_set_new(j, "pin_latch", json_string(latch_names[latch_read(buf_cstr(&dir), t->name)]));
        (void)json_object_set_new(j, "mechanisms", mechanisms(token));
        if (zegeltoken_of(m, token->slot, t->name, &z))
            err = zegeltoken_describe(&z, j, why);
        if (json) {
            cmd_print_json(j);
        } else {
            const char *key;
            json_t *value;
            json_object_foreach(j, key, value)
            {
                char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
                (void)printf("%-14s %s\n", key, json_is_string(value) ? json_string_value(value) : text == NULL ? "" : text);
                free(text);
            }
            json_decref(j);
        }
    }
    token_close(token);
    module_close(m);
    buf_free(&dir);
    return err;
}

static int run_info(int argc, char **argv)
{
    struct cmd_options o;
    struct buf why = BUF_INIT;
    int code;
    if (!cmd_options(argc, argv, &cmd_token_info, &o, &code))
        return code;
    struct config *c = cmd_config(&cmd_token_info, &o, &code);
    if (c == NULL)
        return code;
    const struct config_token *t = cmd_find_token(c, o.token);
    int err = t == NULL ? ZEGEL_ERR_USAGE : info(c, t, o.json, &why);
    if (t == NULL)
        buf_addf(&why, "--token %s: not in the configuration", o.token);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(&cmd_token_info, err, buf_cstr(&why));
    if (err == ZEGEL_ERR_TOKEN_GONE)
        code = CMD_NO; /* not usable */
    buf_free(&why);
    config_free(c);
    return code;
}

/* ---- unlatch ---- */

static int run_unlatch(int argc, char **argv)
{
    struct cmd_options o;
    struct buf why = BUF_INIT, dir = BUF_INIT;
    int code;
    if (!cmd_options(argc, argv, &cmd_token_unlatch, &o, &code))
        return code;
    if (optind != argc - 1)
        return cmd_misuse(&cmd_token_unlatch, "names one token of the configuration");
    struct config *c = cmd_config(&cmd_token_unlatch, &o, &code);
    if (c == NULL)
        return code;
    buf_addf(&dir, "%s/pin", c->state);
    int err = ZEGEL_ERR_USAGE;
    if (cmd_find_token(c, argv[optind]) == NULL)
        buf_addf(&why, "%s: not in the configuration", argv[optind]);
    else
        err = latch_write(buf_cstr(&dir), argv[optind], LATCH_OPEN, &why);
    if (err == ZEGEL_OK && o.json)
        cmd_print_json(json_pack("{s:s, s:s}", "name", argv[optind], "pin_latch", "open"));
    else if (err == ZEGEL_OK)
        (void)printf("token %s: the configured PIN may be sent once more; a running zegeld does so now\n", argv[optind]);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(&cmd_token_unlatch, err, buf_cstr(&why));
    buf_free(&why);
    buf_free(&dir);
    config_free(c);
    return code;
}

const struct cmd cmd_token_list = {"token", "list", run_list, "[--json]", "Tokens behind the configured modules."};
const struct cmd cmd_token_init = {"token", "init", run_init, "--so-pin-file FILE [--token NAME] [--label LABEL] [--json]",
                                   "Make an empty slot a token, with the configured user PIN."};
const struct cmd cmd_token_info = {"token", "info", run_info, "[--token NAME] [--json]",
                                   "What a token can do and how its PIN stands; sends no PIN."};
const struct cmd cmd_token_unlatch = {"token", "unlatch", run_unlatch, "[--json] NAME",
                                      "Let a PIN be sent again after one was refused."};
