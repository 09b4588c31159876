/* zegel-ceremony-verify: the auditor's program.
 *
 * Purpose: checks the transcript of a key ceremony (ceremony/verify.h), and nothing else.
 * Security: reads the files it is given. No token code, no network, no configuration: the linker says so (tests/layers.sh).
 * Diagnostics: one line on standard error; exit codes 0 it verifies, 1 it does not, 2 wrong use. */
#include <getopt.h>
#include <stdio.h>

#include "base/err.h"
#include "ceremony/lines.h"
#include "ceremony/verify.h"

static int usage(FILE *f)
{
    (void)fputs("Usage: zegel-ceremony-verify [--previous DIR] [--trust PEM] [--tsa PEM] [--zone FILE] [--json] DIR\n"
                "  --previous  the transcript that this one continues\n"
                "  --trust     certificates that you got from the custodians and the witness themselves\n"
                "  --tsa       certificate of the time-stamping authority, to check manifest.tsr\n"
                "  --zone      zone file, one record a line as dig prints it: are the transcript's records published?\n"
                "  --json      the report, or what is wrong, for programs\n",
                f);
    return f == stdout ? 0 : 2;
}

static void print_json(json_t *j)
{
    (void)json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    (void)putchar('\n');
    json_decref(j);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"previous", required_argument, NULL, 'p'},
                                            {"trust", required_argument, NULL, 't'},
                                            {"tsa", required_argument, NULL, 's'},
                                            {"zone", required_argument, NULL, 'z'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct verify_options o = {0};
    struct buf report = BUF_INIT, why = BUF_INIT;
    bool json = false;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'p': o.previous = optarg; break;
        case 't': o.trust = optarg; break;
        case 's': o.tsa = optarg; break;
        case 'z': o.zone = optarg; break;
        case 'j': json = true; break;
        case 'h': return usage(stdout);
        default: return usage(stderr);
        }
    }
    if (optind != argc - 1)
        return usage(stderr);
    bool pass = verify_transcript(argv[optind], &o, NULL, &report, &why) == ZEGEL_OK;
    if (json)
        print_json(lines_verdict(argv[optind], pass, buf_bytes(&report), buf_cstr(&why)));
    else if (pass)
        (void)printf("%spass: %s\n", buf_cstr(&report), argv[optind]);
    if (!pass)
        (void)fprintf(stderr, "zegel-ceremony-verify: %s\n", buf_cstr(&why));
    buf_free(&report);
    buf_free(&why);
    return pass ? 0 : 1;
}
