#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"
#include "cmd.h"
#include "progress.h"
#include "supervisor/pin.h"

enum { LINE_MAX_LEN = 260 };

/* From the terminal itself, not from standard input, which may be a message. */
int cmd_ask_secret(const char *prompt, struct buf *secret, struct buf *why)
{
    struct termios old, quiet;
    FILE *tty = fopen("/dev/tty", "r+e");
    if (tty == NULL || tcgetattr(fileno(tty), &old) != 0) {
        buf_addf(why, "%s: there is no terminal to ask on", prompt);
        if (tty != NULL)
            (void)fclose(tty);
        return ZEGEL_ERR_SYSTEM;
    }
    progress_hold();
    (void)setvbuf(tty, NULL, _IONBF, 0); /* no buffer that would keep it */
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(fileno(tty), TCSAFLUSH, &quiet); /* first: who is quick would see the PIN, and have it thrown away */
    (void)fprintf(tty, "%s: ", prompt);
    (void)fflush(tty);
    bool got = buf_lock(secret) && buf_reserve(secret, LINE_MAX_LEN) && fgets((char *)secret->data, LINE_MAX_LEN, tty) != NULL;
    (void)tcsetattr(fileno(tty), TCSAFLUSH, &old);
    (void)fputc('\n', tty);
    (void)fclose(tty);
    progress_go_on();
    if (got)
        secret->len = strcspn((char *)secret->data, "\r\n");
    if (got && secret->len > 0)
        return ZEGEL_OK;
    buf_addf(why, "%s: nothing was typed", prompt);
    return ZEGEL_ERR_REFUSED;
}

static int ask(const char *token, struct buf *pin, struct buf *why)
{
    struct buf prompt = BUF_INIT;
    buf_addf(&prompt, "PIN for token %s", token);
    int err = cmd_ask_secret(buf_cstr(&prompt), pin, why);
    buf_free(&prompt);
    return err;
}

int cmd_read_pin(const struct config_token *t, struct buf *pin, struct buf *why)
{
    return strcmp(t->pin, "prompt") == 0 ? ask(t->name, pin, why) : pin_read(t, pin, why);
}

int cmd_read_secret_file(const char *path, struct buf *pin, struct buf *why)
{
    struct buf source = BUF_INIT;
    buf_addf(&source, "file:%s", path);
    struct config_token t = {.name = (char *)(uintptr_t) "security officer", .pin = (char *)(uintptr_t)buf_cstr(&source)};
    int err = pin_read(&t, pin, why);
    buf_free(&source);
    return err;
}
