#include <stdio.h>

#include "cmd.h"
#include "doctor/doctor.h"
#include "progress.h"

/* What postconf said goes to terminals. */
static void put(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        (void)putchar((unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
}

static void print(const struct doctor *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        const struct doctor_finding *f = &d->findings[i];
        (void)printf("%s  ", f->weight == DOCTOR_FAIL ? "FAIL" : "WARN");
        put(f->text);
        (void)printf("\n      ");
        put(f->fix);
        (void)printf("\n");
    }
    if (d->count == 0)
        (void)printf("nothing found: what Postfix sends comes to Zegel, and leaves as it was signed\n");
}

static json_t *text_json(const char *text)
{
    json_t *j = json_string(text);
    return j == NULL ? json_string("(not UTF-8)") : j;
}

static json_t *describe(const struct doctor *d)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < d->count; i++)
        (void)json_array_append_new(all, json_pack("{s:s, s:s, s:o, s:o}", "rule", d->findings[i].rule, "result",
                                                   d->findings[i].weight == DOCTOR_FAIL ? "FAIL" : "WARN", "found",
                                                   text_json(d->findings[i].text), "fix", text_json(d->findings[i].fix)));
    return all;
}

static int run(int argc, char **argv)
{
    struct cmd_options o;
    struct postfix p = {0};
    struct doctor d = {0};
    struct buf why = BUF_INIT;
    int code;
    if (!cmd_options(argc, argv, &cmd_doctor, &o, &code))
        return code;
    if (optind != argc)
        return cmd_misuse(&cmd_doctor, "takes no words; --postfix names another configuration directory");
    struct config *c = cmd_config(&cmd_doctor, &o, &code);
    if (c == NULL)
        return code;
    progress_begin(&o, "asking Postfix for its configuration", 0);
    int err = postfix_read(o.postfix, &p, &why);
    if (err == ZEGEL_OK)
        err = doctor_look(&p, c, &d);
    progress_end();
    if (err == ZEGEL_OK && o.json)
        cmd_print_json(describe(&d));
    else if (err == ZEGEL_OK)
        print(&d);
    code = err == ZEGEL_OK ? CMD_DONE : cmd_fail(&cmd_doctor, err, buf_cstr(&why));
    for (unsigned i = 0; err == ZEGEL_OK && i < d.count; i++)
        if (d.findings[i].weight == DOCTOR_FAIL)
            code = CMD_NO;
    doctor_clear(&d);
    postfix_clear(&p);
    buf_free(&why);
    config_free(c);
    return code;
}

const struct cmd cmd_doctor = {
    NULL, "doctor", run, "[--postfix DIR] [--json]",
    "What in the running Postfix breaks signatures, or has too much or nothing signed? 1: something fails."};
