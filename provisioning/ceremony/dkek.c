#include "ceremony/dkek.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"

#define SC_HSM_TOOL "/usr/bin/sc-hsm-tool"
#define PKCS15_TOOL "/usr/bin/pkcs15-tool"
#define FILE_FD 3 /* where the tool finds the encrypted key: it is in no directory */
#define FILE_PATH "/proc/self/fd/3"

enum { TOOL_WITHIN_MS = 60000, LISTING_MAX = 65536, SAID_MAX = 120 };

struct tool {
    const char *const *arguments;
    struct bytes pin; /* none: nothing */
    int file;         /* -1: none */
};

/* ---- running a tool ---- */

/* What it writes, until it ends or the time is over. */
static bool read_until(int fd, int64_t deadline_ms, struct buf *out)
{
    char room[1024];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int left = clock_left_ms(deadline_ms);
        if (left == 0 || out->len > LISTING_MAX)
            return false;
        if (poll(&p, 1, left) <= 0)
            continue;
        ssize_t n = read(fd, room, sizeof room);
        if (n == 0 || (n < 0 && errno != EINTR))
            return n == 0;
        if (n > 0)
            buf_add(out, bytes_of(room, (size_t)n));
    }
}

/* The PIN is in the environment of the tool, which only root and this user can read, and not in its arguments. */
static bool start(const struct tool *t, int out, pid_t *pid)
{
    static char path[] = "PATH=/usr/bin:/bin", locale[] = "LC_ALL=C";
    struct buf pin = BUF_INIT;
    posix_spawn_file_actions_t actions;
    buf_add_str(&pin, "ZEGEL_PIN=");
    buf_add(&pin, t->pin);
    char *environment[] = {path, locale, (char *)(uintptr_t)buf_cstr(&pin), NULL};
    bool ok = !pin.failed && posix_spawn_file_actions_init(&actions) == 0;
    if (!ok) {
        buf_free(&pin);
        return false;
    }
    ok = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
         posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) == 0 &&
         posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO) == 0 &&
         (t->file < 0 || posix_spawn_file_actions_adddup2(&actions, t->file, FILE_FD) == 0) &&
         posix_spawn_file_actions_addclosefrom_np(&actions, t->file < 0 ? FILE_FD : FILE_FD + 1) == 0 &&
         posix_spawn(pid, t->arguments[0], &actions, NULL, (char *const *)(uintptr_t)t->arguments, environment) == 0;
    (void)posix_spawn_file_actions_destroy(&actions);
    buf_free(&pin);
    return ok;
}

/* The last line that it printed says what went wrong. */
static void explain(const struct tool *t, const char *wrong, struct bytes said, struct buf *why)
{
    struct bytes last = bytes_of(NULL, 0);
    buf_addf(why, "%s: %s", t->arguments[0], wrong);
    while (said.len > 0) {
        struct bytes line = bytes_trim(bytes_line(&said));
        last = line.len > 0 ? line : last;
    }
    buf_add_str(why, last.len > 0 ? ": " : "");
    buf_add_printable(why, bytes_slice(last, 0, SAID_MAX));
}

static const char *wait_for_it(pid_t pid, bool ended)
{
    int status = -1;
    if (!ended)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!ended)
        return "does not end, or says too much; is the card in the reader?";
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? NULL : "failed";
}

static int run_tool(const struct tool *t, struct buf *said, struct buf *why)
{
    int ends[2];
    pid_t pid;
    const char *wrong = "cannot be started; install opensc";
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ZEGEL_ERR_SYSTEM;
    bool started = start(t, ends[1], &pid);
    (void)close(ends[1]);
    if (started)
        wrong = wait_for_it(pid, read_until(ends[0], clock_monotonic_ms() + TOOL_WITHIN_MS, said));
    (void)close(ends[0]);
    if (wrong == NULL)
        return ZEGEL_OK;
    explain(t, wrong, buf_bytes(said), why);
    return ZEGEL_ERR_MODULE;
}

/* OpenSC calls a slot as PC/SC calls the reader. */
static int reader_of(struct token *t, char reader[65], struct buf *why)
{
    CK_SLOT_INFO info;
    if (t->module->f->C_GetSlotInfo(t->slot, &info) != CKR_OK) {
        buf_addf(why, "token %s: C_GetSlotInfo failed; is the card in the reader?", t->cfg.name);
        return ZEGEL_ERR_MODULE;
    }
    size_t len = sizeof info.slotDescription;
    while (len > 0 && (info.slotDescription[len - 1] == ' ' || info.slotDescription[len - 1] == '\0'))
        len--;
    memcpy(reader, info.slotDescription, len);
    reader[len] = '\0';
    return ZEGEL_OK;
}

/* ---- what they print ---- */

static struct bytes trimmed(struct bytes line, size_t from, size_t to)
{
    return bytes_trim(bytes_slice(line, from, to));
}

/* Behind the first colon, when that name stands before it. */
static struct bytes value_of(struct bytes line, const char *name)
{
    size_t colon = bytes_find(line, ':');
    return colon < line.len && bytes_eq(trimmed(line, 0, colon), bytes_str(name)) ? trimmed(line, colon + 1, line.len)
                                                                                  : bytes_of(NULL, 0);
}

struct bytes dkek_said(struct bytes listing, const char *name)
{
    struct bytes found = bytes_of(NULL, 0);
    unsigned times = 0;
    while (listing.len > 0) {
        struct bytes value = value_of(bytes_line(&listing), name);
        if (value.len > 0) {
            found = value;
            times++;
        }
    }
    return times == 1 ? found : bytes_of(NULL, 0);
}

static int number_of(struct bytes value) /* "1 (0x01)" */
{
    int n = 0;
    for (size_t i = 0; i < value.len && i < 3 && value.data[i] >= '0' && value.data[i] <= '9'; i++)
        n = 10 * n + (value.data[i] - '0');
    return n;
}

int dkek_listed(struct bytes listing, struct bytes id)
{
    uint8_t room[KEY_ID_MAX];
    size_t len;
    int reference = -1, found = -1, times = 0;
    while (listing.len > 0) {
        struct bytes line = bytes_line(&listing), value;
        if (bytes_has_prefix(line, BYTES_LIT("Private "))) /* the next key begins */
            reference = -1;
        if ((value = value_of(line, "Key ref")).len > 0)
            reference = number_of(value);
        value = value_of(line, "ID");
        if (value.len > 0 && bytes_unhex(value, room, sizeof room, &len) && bytes_eq(bytes_of(room, len), id)) {
            found = reference;
            times++;
        }
    }
    return times == 1 && found > 0 && found < 256 ? found : -1;
}

/* ---- the cards ---- */

int dkek_check(struct token *t, char check[DKEK_CHECK_HEX], struct buf *why)
{
    char reader[65];
    struct buf said = BUF_INIT;
    uint8_t value[8];
    size_t len = 0;
    int err = reader_of(t, reader, why);
    const char *const arguments[] = {SC_HSM_TOOL, "--reader", reader, NULL};
    check[0] = '\0';
    if (err == ZEGEL_OK)
        err = run_tool(&(struct tool){.arguments = arguments, .file = -1}, &said, why);
    if (err == ZEGEL_OK && bytes_unhex(dkek_said(buf_bytes(&said), "DKEK key check value"), value, sizeof value, &len) &&
        len == sizeof value) {
        bytes_hex(bytes_of(value, sizeof value), check);
    } else if (err == ZEGEL_OK) {
        struct bytes shares = dkek_said(buf_bytes(&said), "DKEK shares");
        buf_addf(why, "token %s: %s", t->cfg.name,
                 shares.len == 0 ? "has no DKEK; it has to be initialised with --dkek-shares, which erases it"
                                 : "waits for DKEK shares; each custodian imports theirs with sc-hsm-tool --import-dkek-share");
        err = ZEGEL_ERR_REFUSED;
    }
    buf_free(&said);
    return err;
}

int dkek_reference(struct token *t, const struct key *k, int *reference, struct buf *why)
{
    char reader[65];
    struct buf said = BUF_INIT;
    int err = reader_of(t, reader, why);
    const char *const arguments[] = {PKCS15_TOOL, "--reader", reader, "--list-keys", NULL};
    if (err == ZEGEL_OK)
        err = run_tool(&(struct tool){.arguments = arguments, .file = -1}, &said, why);
    *reference = err == ZEGEL_OK ? dkek_listed(buf_bytes(&said), bytes_of(k->id, k->id_len)) : -1;
    if (err == ZEGEL_OK && *reference < 0) {
        buf_addf(why, "key %s: the card in reader %s does not list it once", k->label, reader);
        err = ZEGEL_ERR_KEY_GONE;
    }
    buf_free(&said);
    return err;
}

/* `good`: what the tool says when it went well; it exits with 0 also when it found no card. */
static int with_key(struct token *t, const char *what, int reference, int file, const char *good, struct buf *why)
{
    char reader[65], number[12];
    struct buf said = BUF_INIT;
    int err = reader_of(t, reader, why);
    const char *const arguments[] = {SC_HSM_TOOL, "--reader", reader,          what, FILE_PATH, "--key-reference",
                                     number,      "--pin",    "env:ZEGEL_PIN", NULL};
    const struct tool tool = {.arguments = arguments, .pin = bytes_of(t->pin, t->pin_len), .file = file};
    (void)snprintf(number, sizeof number, "%d", reference);
    if (err == ZEGEL_OK)
        err = run_tool(&tool, &said, why);
    if (err == ZEGEL_OK && strstr(buf_cstr(&said), good) == NULL) {
        explain(&tool, "failed, though it says otherwise", buf_bytes(&said), why);
        err = ZEGEL_ERR_MODULE;
    }
    buf_free(&said);
    return err;
}

int dkek_wrap(struct token *t, int reference, struct wrapped *w, struct buf *why)
{
    struct buf content = BUF_INIT;
    int fd = memfd_create("wrapped", MFD_CLOEXEC);
    int err = fd < 0 ? ZEGEL_ERR_SYSTEM : with_key(t, "--wrap-key", reference, fd, "", why);
    if (err == ZEGEL_OK)
        err = io_read_fd(fd, "wrapped key", sizeof w->key, &content, why);
    if (err == ZEGEL_OK && content.len == 0) {
        buf_addf(why, SC_HSM_TOOL " --wrap-key: said that it went well, but wrote no key");
        err = ZEGEL_ERR_MODULE;
    }
    w->transport_len = 0;
    w->key_len = err == ZEGEL_OK ? content.len : 0;
    if (w->key_len > 0)
        memcpy(w->key, content.data, content.len);
    if (fd >= 0)
        (void)close(fd);
    buf_free(&content);
    return err;
}

int dkek_unwrap(struct token *t, int reference, const struct wrapped *w, struct buf *why)
{
    int fd = io_memfd("wrapped", bytes_of(w->key, w->key_len));
    int err = fd < 0 ? ZEGEL_ERR_SYSTEM : with_key(t, "--unwrap-key", reference, fd, "Key successfully imported", why);
    if (fd >= 0)
        (void)close(fd);
    return err;
}
