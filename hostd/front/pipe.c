/* zegel-pipe: a message from standard input, signed to standard output.
 *
 * Purpose: sign for an MTA that speaks no milter but can send what it delivers through a program (Exim: transport_filter).
 * Security: no key, no cryptography, no configuration; zegel-milter judges, and believes of the sender what Exim's spool file or
 * our arguments say, as it believes a milter MTA. So the MTA alone may connect to that socket. Shut in (front/confine.h).
 * Diagnostics: nothing is written unless all is well. Exits 0; 64 for wrong usage, 75 (try again) for all else, with the reason
 * on standard error. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "front/confine.h"
#include "front/eximspool.h"
#include "front/relay.h"
#include "front/spool.h"

enum { PORT_MAX = 65535, SPOOL_FILE_MAX = 16 * 1024 * 1024 };

static int usage(const char *what)
{
    log_error("%s; usage: zegel-pipe --socket FILE {--exim DIRECTORY --id ID | [--id ID] --sender ADDRESS {--local | --client "
              "ADDRESS --port PORT [--user USER]}} <message >signed",
              what);
    return EX_USAGE;
}

/* NULL: no memory or no disk for it. */
static FILE *spool_input(void)
{
    char chunk[65536];
    FILE *spool = spool_open();
    size_t n;
    while (spool != NULL && (n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
        if (fwrite(chunk, 1, n, spool) != n)
            break;
    if (spool == NULL || (!ferror(stdin) && !ferror(spool) && fflush(spool) == 0))
        return spool;
    (void)fclose(spool);
    return NULL;
}

static int sign(const struct relay_mail *mail)
{
    struct relay_answer a;
    struct message_out out = {.file = stdout, .prefix = "", .dots = false};
    FILE *message = spool_input();
    if (message == NULL) {
        log_error("%s: the message cannot be read or spooled", mail->id);
        return EX_TEMPFAIL;
    }
    relay_judge(mail, message, &a);
    bool ok = a.pass && message_write(message, &a.edits, &out) && fflush(stdout) == 0;
    if (!ok)
        log_error("%s: %s", mail->id, a.pass ? "the message cannot be written" : a.reply);
    edits_free(&a.edits);
    (void)fclose(message);
    return ok ? EX_OK : EX_TEMPFAIL;
}

/* What ends up in a macro or a log is one line. */
static bool is_line(const char *s)
{
    return s == NULL || s[strcspn(s, "\r\n")] == '\0';
}

/* Views become C strings where they lie: what is behind each is a delimiter that has been read. */
static bool end_string(struct bytes b)
{
    if (memchr(b.data, '\0', b.len) != NULL)
        return false;
    ((uint8_t *)(uintptr_t)b.data)[b.len] = '\0';
    return true;
}

/* Exim's spool: all in one directory, or (split_spool_directory) by the sixth character of the name. `file` keeps what mail
 * points to. */
static bool from_exim(const char *directory, struct relay_mail *mail, struct buf *file)
{
    char path[4096];
    struct eximspool e;
    struct buf why = BUF_INIT;
    struct bytes id = bytes_str(mail->id);
    bool ok = eximspool_is_id(id) && id.len > 5;
    (void)snprintf(path, sizeof path, "%s/%s-H", directory, mail->id);
    if (ok && io_read_file(path, SPOOL_FILE_MAX, file, &why) != ZEGEL_OK) {
        (void)snprintf(path, sizeof path, "%s/%c/%s-H", directory, mail->id[5], mail->id);
        buf_clear(file);
        ok = io_read_file(path, SPOOL_FILE_MAX, file, &why) == ZEGEL_OK;
    }
    ok = ok && eximspool_parse(buf_bytes(file), id, &e) && end_string(e.sender) && (e.client.len == 0 || end_string(e.client)) &&
         (e.user.len == 0 || end_string(e.user));
    buf_free(&why);
    if (!ok)
        return false;
    mail->sender = (const char *)e.sender.data;
    mail->client = e.client.len == 0 ? NULL : (const char *)e.client.data;
    mail->port = e.port;
    mail->user = e.user.len == 0 ? NULL : (const char *)e.user.data;
    return true;
}

static int run_exim(const char *directory, struct relay_mail *mail)
{
    struct buf file = BUF_INIT;
    int status = EX_TEMPFAIL;
    if (from_exim(directory, mail, &file))
        status = sign(mail);
    else
        log_error("%s: %s: no spool file of that message that can be read and understood", mail->id, directory);
    buf_free(&file);
    return status;
}

static int run(struct relay_mail *mail, bool local)
{
    if (mail->sender == NULL || local == (mail->client != NULL) || (local && mail->user != NULL))
        return usage("--sender, and either --local or --client and --port, are needed");
    if (!is_line(mail->user) || !is_line(mail->sender) || !is_line(mail->id))
        return usage("an argument has a line break in it");
    return sign(mail);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'}, {"exim", required_argument, NULL, 'e'}, {"local", no_argument, NULL, 'l'},
        {"client", required_argument, NULL, 'c'}, {"port", required_argument, NULL, 'p'}, {"user", required_argument, NULL, 'u'},
        {"sender", required_argument, NULL, 'f'}, {"id", required_argument, NULL, 'i'},   {NULL, 0, NULL, 0}};
    struct relay_mail mail = {.id = "NOQUEUE"};
    const char *exim = NULL;
    bool local = false;
    char *rest = (char *)(uintptr_t) "";
    log_open("zegel-pipe", LOG_LEVEL_INFO);
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 's': mail.socket = optarg; break;
        case 'e': exim = optarg; break;
        case 'l': local = true; break;
        case 'c': mail.client = optarg; break;
        case 'p': mail.port = (unsigned)strtoul(optarg, &rest, 10); break;
        case 'u': mail.user = optarg; break;
        case 'f': mail.sender = optarg; break;
        case 'i': mail.id = optarg; break;
        default: return usage("what option is that?");
        }
    if (optind != argc || mail.socket == NULL || *rest != '\0' || mail.port > PORT_MAX)
        return usage("--socket is needed, and nothing that is no option");
    if (!confine(exim))
        return EX_TEMPFAIL;
    if (exim == NULL)
        return run(&mail, local);
    if (local || mail.client != NULL || mail.user != NULL || mail.sender != NULL)
        return usage("with --exim, Exim's spool says the rest");
    return run_exim(exim, &mail);
}
