#include "cmd.h"

#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OPT_CONFIG = 256,
    OPT_JSON,
    OPT_TEXTFILE,
    OPT_INTERVAL,
    OPT_COUNT,
    OPT_HELP,
    OPT_DOMAIN,
    OPT_SELECTOR,
    OPT_TOKEN,
    OPT_ALGORITHM,
    OPT_SO_PIN_FILE,
    OPT_LABEL,
    OPT_ZONE,
    OPT_AUTHSERV,
    OPT_KEY,
    OPT_AS,
    OPT_PIN,
    OPT_BACKUP_PIN,
    OPT_MODULE,
    OPT_CARD,
    OPT_PREVIOUS,
    OPT_TRUST,
    OPT_TSA,
    OPT_TEXT,
    OPT_DECISION,
    OPT_AGREED,
    OPT_STATE,
    OPT_NON_INTERACTIVE,
    OPT_ALL,
    OPT_HTML,
    OPT_LANG,
    OPT_EXPLAIN,
    OPT_NO_TOKEN,
    OPT_NO_CANARY,
    OPT_POSTFIX,
    OPT_NON_SENDING,
    OPT_POLICY,
    OPT_RATE,
    OPT_DAILY_CAP,
    OPT_MAY_LEAVE,
    OPT_SHARES,
    OPT_OUT,
    OPT_STRICT,
    OPT_DNS,
    OPT_RESOLVER,
    OPT_AUDIT,
    OPT_THRESHOLD,
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPT_CONFIG},
    {"json", no_argument, NULL, OPT_JSON},
    {"textfile", required_argument, NULL, OPT_TEXTFILE},
    {"interval", required_argument, NULL, OPT_INTERVAL},
    {"count", required_argument, NULL, OPT_COUNT},
    {"help", no_argument, NULL, OPT_HELP},
    {"domain", required_argument, NULL, OPT_DOMAIN},
    {"selector", required_argument, NULL, OPT_SELECTOR},
    {"token", required_argument, NULL, OPT_TOKEN},
    {"algorithm", required_argument, NULL, OPT_ALGORITHM},
    {"so-pin-file", required_argument, NULL, OPT_SO_PIN_FILE},
    {"label", required_argument, NULL, OPT_LABEL},
    {"zone", required_argument, NULL, OPT_ZONE},
    {"authserv-id", required_argument, NULL, OPT_AUTHSERV},
    {"key", required_argument, NULL, OPT_KEY},
    {"as", required_argument, NULL, OPT_AS},
    {"pin", required_argument, NULL, OPT_PIN},
    {"backup-pin", required_argument, NULL, OPT_BACKUP_PIN},
    {"module", required_argument, NULL, OPT_MODULE},
    {"card", required_argument, NULL, OPT_CARD},
    {"previous", required_argument, NULL, OPT_PREVIOUS},
    {"trust", required_argument, NULL, OPT_TRUST},
    {"tsa", required_argument, NULL, OPT_TSA},
    {"text", required_argument, NULL, OPT_TEXT},
    {"decision", required_argument, NULL, OPT_DECISION},
    {"agreed", required_argument, NULL, OPT_AGREED},
    {"state", required_argument, NULL, OPT_STATE},
    {"all", no_argument, NULL, OPT_ALL},
    {"non-interactive", no_argument, NULL, OPT_NON_INTERACTIVE},
    {"html", required_argument, NULL, OPT_HTML},
    {"lang", required_argument, NULL, OPT_LANG},
    {"explain", required_argument, NULL, OPT_EXPLAIN},
    {"no-token", no_argument, NULL, OPT_NO_TOKEN},
    {"postfix", required_argument, NULL, OPT_POSTFIX},
    {"no-canary", no_argument, NULL, OPT_NO_CANARY},
    {"non-sending", no_argument, NULL, OPT_NON_SENDING},
    {"policy", required_argument, NULL, OPT_POLICY},
    {"rate", required_argument, NULL, OPT_RATE},
    {"daily-cap", required_argument, NULL, OPT_DAILY_CAP},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"may-leave", no_argument, NULL, OPT_MAY_LEAVE},
    {"shares", required_argument, NULL, OPT_SHARES},
    {"out", required_argument, NULL, OPT_OUT},
    {"dns", no_argument, NULL, OPT_DNS},
    {"resolver", required_argument, NULL, OPT_RESOLVER},
    {"audit", required_argument, NULL, OPT_AUDIT},
    {"threshold", required_argument, NULL, OPT_THRESHOLD},
    {0},
};

static void put_name(FILE *f, const struct cmd *cmd)
{
    (void)fprintf(f, "zegel %s%s%s", cmd->group == NULL ? "" : cmd->group, cmd->group == NULL ? "" : " ", cmd->name);
}

static void put_usage(FILE *f, const struct cmd *cmd)
{
    (void)fputs("Usage: ", f);
    put_name(f, cmd);
    (void)fprintf(f, " [--config FILE] %s\n%s\n", cmd->usage, cmd->summary);
}

static bool allowed(const struct cmd *cmd, const char *option)
{
    char dashed[32];
    (void)snprintf(dashed, sizeof dashed, "--%s", option);
    return strcmp(option, "config") == 0 || strcmp(option, "help") == 0 || strstr(cmd->usage, dashed) != NULL;
}

bool cmd_options(int argc, char **argv, const struct cmd *cmd, struct cmd_options *out, int *code)
{
    int o, index = 0;
    *out = (struct cmd_options){.config = CONFIG_DEFAULT_PATH};
    *code = CMD_USAGE;
    optind = 1;
    while ((o = getopt_long(argc, argv, "", long_options, &index)) != -1) {
        if (o == '?') /* getopt has said what it was */
            return false;
        if (!allowed(cmd, long_options[index].name)) {
            put_name(stderr, cmd);
            (void)fprintf(stderr, ": takes no --%s; see --help\n", long_options[index].name);
            return false;
        }
        switch (o) {
        case OPT_CONFIG: out->config = optarg; break;
        case OPT_JSON: out->json = true; break;
        case OPT_TEXTFILE: out->textfile = optarg; break;
        case OPT_INTERVAL: out->interval = optarg; break;
        case OPT_COUNT: out->count = optarg; break;
        case OPT_DOMAIN: out->domain = optarg; break;
        case OPT_SELECTOR: out->selector = optarg; break;
        case OPT_TOKEN: out->token = optarg; break;
        case OPT_ALGORITHM: out->algorithm = optarg; break;
        case OPT_SO_PIN_FILE: out->so_pin_file = optarg; break;
        case OPT_LABEL: out->label = optarg; break;
        case OPT_ZONE: out->zone = optarg; break;
        case OPT_AUTHSERV: out->authserv_id = optarg; break;
        case OPT_KEY: out->key = optarg; break;
        case OPT_AS: out->as = optarg; break;
        case OPT_PIN: out->pin = optarg; break;
        case OPT_BACKUP_PIN: out->backup_pin = optarg; break;
        case OPT_MODULE: out->module = optarg; break;
        case OPT_CARD: out->card = optarg; break;
        case OPT_PREVIOUS: out->previous = optarg; break;
        case OPT_TRUST: out->trust = optarg; break;
        case OPT_TSA: out->tsa = optarg; break;
        case OPT_TEXT: out->text = optarg; break;
        case OPT_DECISION: out->decision = optarg; break;
        case OPT_AGREED: out->agreed = optarg; break;
        case OPT_STATE: out->state = optarg; break;
        case OPT_ALL: out->all = true; break;
        case OPT_HTML: out->html = optarg; break;
        case OPT_LANG: out->lang = optarg; break;
        case OPT_EXPLAIN: out->explain = optarg; break;
        case OPT_NO_TOKEN: out->no_token = true; break;
        case OPT_POSTFIX: out->postfix = optarg; break;
        case OPT_NO_CANARY: out->no_canary = true; break;
        case OPT_NON_SENDING: out->non_sending = true; break;
        case OPT_POLICY: out->policy = optarg; break;
        case OPT_RATE: out->rate = optarg; break;
        case OPT_DAILY_CAP: out->daily_cap = optarg; break;
        case OPT_STRICT: out->strict = true; break;
        case OPT_MAY_LEAVE: out->may_leave = true; break;
        case OPT_SHARES: out->shares = optarg; break;
        case OPT_OUT: out->out = optarg; break;
        case OPT_DNS: out->dns = true; break;
        case OPT_RESOLVER: out->resolver = optarg; break;
        case OPT_AUDIT: out->audit = optarg; break;
        case OPT_THRESHOLD: out->threshold = optarg; break;
        case OPT_NON_INTERACTIVE: out->non_interactive = true; break;
        case OPT_HELP:
            put_usage(stdout, cmd);
            *code = CMD_DONE;
            return false;
        default: return false;
        }
    }
    return true;
}

int cmd_fail(const struct cmd *cmd, int err, const char *text)
{
    progress_end();
    put_name(stderr, cmd);
    (void)fprintf(stderr, ": %s\n", text[0] != '\0' ? text : zegel_strerror(err));
    switch (err) {
    case ZEGEL_ERR_USAGE:
    case ZEGEL_ERR_CONFIG: return CMD_USAGE;
    case ZEGEL_ERR_EXISTS:
    case ZEGEL_ERR_REFUSED:
    case ZEGEL_ERR_NOT_FOUND: return CMD_NO;
    default: return CMD_FAULT;
    }
}

int cmd_misuse(const struct cmd *cmd, const char *problem)
{
    put_name(stderr, cmd);
    (void)fprintf(stderr, ": %s; see --help\n", problem);
    return CMD_USAGE;
}

struct config *cmd_config(const struct cmd *cmd, const struct cmd_options *o, int *code)
{
    struct buf why = BUF_INIT;
    struct config *c = NULL;
    int err = config_load(o->config, &c, &why);
    if (err != ZEGEL_OK)
        *code = cmd_fail(cmd, ZEGEL_ERR_CONFIG, buf_cstr(&why));
    buf_free(&why);
    return c;
}

bool cmd_wants_key(const struct cmd_options *o, const struct config_domain *d, const struct config_key *k)
{
    return (o->domain == NULL || strcasecmp(o->domain, d->domain) == 0) &&
           (o->selector == NULL || strcasecmp(o->selector, k->selector) == 0);
}

unsigned cmd_keys_wanted(const struct cmd_options *o, const struct config *c)
{
    unsigned n = 0;
    for (unsigned d = 0; d < c->domains_count; d++)
        for (unsigned k = 0; k < c->domains[d].keys_count; k++)
            n += cmd_wants_key(o, &c->domains[d], &c->domains[d].keys[k]);
    return n;
}

bool cmd_colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

void cmd_print_json(json_t *j)
{
    progress_end();
    (void)json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    (void)putchar('\n');
    json_decref(j);
}
