#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cmd.h"
#include "import/import.h"
#include "progress.h"

static json_t *texts(const struct buf *text)
{
    json_t *all = json_array();
    for (struct bytes rest = buf_bytes(text); rest.len > 0;) {
        size_t end = bytes_find(rest, '\n');
        (void)json_array_append_new(all, json_stringn((const char *)rest.data, end));
        rest = bytes_slice(rest, end + 1, rest.len);
    }
    return all;
}

static json_t *text_json(const char *text)
{
    json_t *j = json_string(text);
    return j == NULL ? json_string("(not UTF-8)") : j;
}

static json_t *describe(const struct import *im, const struct buf *yaml)
{
    static const char *const fates[] = {"carried", "not-needed", "not-carried"};
    json_t *lines = json_array(), *domains = json_array();
    struct buf plan = BUF_INIT;
    for (unsigned i = 0; i < im->lines_count; i++)
        (void)json_array_append_new(lines, json_pack("{s:s, s:o, s:I, s:o, s:o}", "fate", fates[im->lines[i].fate], "file",
                                                     text_json(im->lines[i].file), "line", (json_int_t)im->lines[i].line, "what",
                                                     text_json(im->lines[i].what), "why", text_json(im->lines[i].why)));
    for (unsigned i = 0; i < im->domains_count; i++)
        (void)json_array_append_new(
            domains, json_pack("{s:s, s:b}", "domain", im->domains[i].domain, "subdomains", im->domains[i].subdomains));
    import_plan(im, clock_wall_s(), &plan);
    json_t *j = json_pack("{s:s, s:o, s:o, s:o, s:o}", "signer", im->signer, "lines", lines, "domains", domains, "plan",
                          texts(&plan), "zegel.yaml", text_json((const char *)yaml->data));
    buf_free(&plan);
    return j;
}

/* What we write, our own configuration takes; otherwise it is not written. */
static int try_yaml(const struct buf *yaml, struct buf *why)
{
    struct config *c = NULL;
    struct buf said = BUF_INIT;
    int err = yaml->failed ? ZEGEL_ERR_NOMEM : config_parse("zegel.yaml", buf_bytes(yaml), &c, &said);
    if (err == ZEGEL_ERR_CONFIG)
        buf_addf(why, "what was made of it is no valid configuration (%s): this is an error of zegel import", buf_cstr(&said));
    config_free(c);
    buf_free(&said);
    return err;
}

static int print(const struct cmd_options *o, const struct import *im, struct buf *yaml)
{
    unsigned lost = import_count(im, IMPORT_NOT_CARRIED);
    if (o->json)
        cmd_print_json(describe(im, yaml));
    else
        (void)fwrite(yaml->data, 1, yaml->len, stdout);
    if (!o->json)
        (void)fprintf(stderr, "zegel import: %u domains; %u lines carried, %u not needed, %u not carried%s\n", im->domains_count,
                      import_count(im, IMPORT_CARRIED), import_count(im, IMPORT_NOT_NEEDED), lost,
                      lost > 0 ? ": see the comments at the beginning" : "");
    return lost > 0 || im->domains_count == 0 ? CMD_NO : CMD_DONE;
}

static int run_import(const struct cmd *cmd, int argc, char **argv,
                      int (*import)(const char *file, struct import *out, struct buf *why))
{
    struct cmd_options o;
    struct import im = {0};
    struct buf why = BUF_INIT, yaml = BUF_INIT;
    int code;
    if (!cmd_options(argc, argv, cmd, &o, &code))
        return code;
    if (argc - optind != 1)
        return cmd_misuse(cmd, "needs one FILE");
    progress_begin(&o, "reading the configuration and its tables", 0);
    int err = import(argv[optind], &im, &why);
    if (err == ZEGEL_OK) {
        import_write(&im, clock_wall_s(), &yaml);
        (void)buf_cstr(&yaml);
        err = try_yaml(&yaml, &why);
        progress_end();
        code = err == ZEGEL_OK ? print(&o, &im, &yaml) : CMD_FAULT;
    }
    if (err != ZEGEL_OK)
        code = cmd_fail(cmd, err, buf_cstr(&why));
    import_clear(&im);
    buf_free(&yaml);
    buf_free(&why);
    return code;
}

static int run_opendkim(int argc, char **argv)
{
    return run_import(&cmd_import_opendkim, argc, argv, import_opendkim);
}

static int run_rspamd(int argc, char **argv)
{
    return run_import(&cmd_import_rspamd, argc, argv, import_rspamd);
}

static int run_dkimpy(int argc, char **argv)
{
    return run_import(&cmd_import_dkimpy, argc, argv, import_dkimpy);
}

const struct cmd cmd_import_opendkim = {
    "import", "opendkim", run_opendkim, "[--json] FILE >ZEGEL.YAML",
    "an OpenDKIM configuration as ours, with what could not be carried over; 1: something could not"};
const struct cmd cmd_import_dkimpy = {"import", "dkimpy", run_dkimpy, "[--json] FILE >ZEGEL.YAML",
                                      "the same of dkimpy-milter.conf"};
const struct cmd cmd_import_rspamd = {"import", "rspamd", run_rspamd, "[--json] FILE >ZEGEL.YAML",
                                      "the same of rspamd's dkim_signing.conf"};
