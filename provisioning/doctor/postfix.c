#include "doctor/postfix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

enum { OUTPUT_MAX = 4 << 20, PAIRS_MAX = 20000, DEADLINE_MS = 20000 };

/* ---- postconf ---- */

/* All that comes out of it until it ends; false: not in time, or too much. */
static bool read_all(int fd, struct buf *text)
{
    int64_t deadline = clock_monotonic_ms() + DEADLINE_MS;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (;;) {
        int ready = poll(&p, 1, clock_left_ms(deadline));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0 || text->len > OUTPUT_MAX || !buf_reserve(text, 65536))
            return false;
        ssize_t n = read(fd, text->data + text->len, text->cap - text->len);
        if (n <= 0)
            return n == 0;
        text->len += (size_t)n;
    }
}

static int run_postconf(const char *dir, const char *option, struct buf *text, struct buf *why)
{
    const char *const argv[] = {"postconf", "-x", option, dir == NULL ? NULL : "-c", dir, NULL};
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        buf_addf(why, "pipe: %s", strerror(errno));
        return ZEGEL_ERR_SYSTEM;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin", 1);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    (void)close(ends[1]);
    bool good = pid > 0 && read_all(ends[0], text);
    (void)close(ends[0]);
    if (pid > 0 && !good)
        (void)kill(pid, SIGKILL);
    if (pid > 0 && waitpid(pid, &status, 0) == pid && good && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ZEGEL_OK;
    buf_addf(why, "postconf%s%s: %s", dir == NULL ? "" : " -c ", dir == NULL ? "" : dir,
             pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127 ? "is not there: is Postfix installed?"
                                                                        : "does not say what Postfix is configured to do");
    return ZEGEL_ERR_SYSTEM;
}

/* ---- what it says: "name = value" ---- */

static bool add(struct postfix_list *l, struct bytes line)
{
    size_t equals = bytes_find(line, '=');
    struct bytes name = bytes_trim(bytes_slice(line, 0, equals)), value = bytes_trim(bytes_slice(line, equals + 1, line.len));
    if (equals == line.len || l->count >= PAIRS_MAX)
        return true;
    struct postfix_pair *more = realloc(l->pairs, (l->count + 1) * sizeof *more);
    if (more == NULL)
        return false;
    l->pairs = more;
    more[l->count].name = strndup((const char *)name.data, name.len);
    more[l->count].value = strndup(value.len == 0 ? "" : (const char *)value.data, value.len);
    l->count++;
    return more[l->count - 1].name != NULL && more[l->count - 1].value != NULL;
}

static int read_list(const char *dir, const char *option, struct postfix_list *out, struct buf *why)
{
    struct buf text = BUF_INIT;
    int err = run_postconf(dir, option, &text, why);
    for (struct bytes rest = buf_bytes(&text); err == ZEGEL_OK && rest.len > 0;) {
        size_t end = bytes_find(rest, '\n');
        if (!add(out, bytes_slice(rest, 0, end)))
            err = ZEGEL_ERR_NOMEM;
        rest = bytes_slice(rest, end + 1, rest.len);
    }
    buf_free(&text);
    return err;
}

static const char *find(const struct postfix_list *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->pairs[i].name, name) == 0)
            return l->pairs[i].value;
    return NULL;
}

/* "smtp/inet/command = smtpd -o ..." names a service. */
static int find_services(struct postfix *p, const struct postfix_list *fields)
{
    static const char tail[] = "/command";
    for (size_t i = 0; i < fields->count; i++) {
        size_t n = strlen(fields->pairs[i].name);
        char chroot[300];
        if (n < sizeof tail || strcmp(fields->pairs[i].name + n - (sizeof tail - 1), tail) != 0)
            continue;
        struct postfix_service *more = realloc(p->services, (p->services_count + 1) * sizeof *more);
        if (more == NULL)
            return ZEGEL_ERR_NOMEM;
        p->services = more;
        struct postfix_service *s = &more[p->services_count++];
        s->name = strndup(fields->pairs[i].name, n - (sizeof tail - 1));
        s->command = strndup(fields->pairs[i].value, strcspn(fields->pairs[i].value, " \t"));
        if (s->name == NULL || s->command == NULL)
            return ZEGEL_ERR_NOMEM;
        (void)snprintf(chroot, sizeof chroot, "%s/chroot", s->name);
        const char *value = find(fields, chroot);
        s->chroot = value != NULL && value[0] == 'y';
    }
    return ZEGEL_OK;
}

static void clear_list(struct postfix_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->pairs[i].name);
        free(l->pairs[i].value);
    }
    free(l->pairs);
    *l = (struct postfix_list){0};
}

int postfix_read(const char *dir, struct postfix *out, struct buf *why)
{
    struct postfix_list fields = {0};
    *out = (struct postfix){0};
    int err = read_list(dir, "-p", &out->main, why);
    if (err == ZEGEL_OK)
        err = read_list(dir, "-P", &out->overrides, why);
    if (err == ZEGEL_OK)
        err = read_list(dir, "-F", &fields, why);
    if (err == ZEGEL_OK)
        err = find_services(out, &fields);
    clear_list(&fields);
    return err;
}

void postfix_clear(struct postfix *p)
{
    clear_list(&p->main);
    clear_list(&p->overrides);
    for (size_t i = 0; i < p->services_count; i++) {
        free(p->services[i].name);
        free(p->services[i].command);
    }
    free(p->services);
    *p = (struct postfix){0};
}

static const char * override(const struct postfix *p, const struct postfix_service *s, const char *name)
{
    char full[400];
    if (s == NULL)
        return NULL;
    (void)snprintf(full, sizeof full, "%s/%s", s->name, name);
    return find(&p->overrides, full);
}

bool postfix_overrides(const struct postfix *p, const struct postfix_service *s, const char *name)
{
    return override(p, s, name) != NULL;
}

const char *postfix_get(const struct postfix *p, const struct postfix_service *s, const char *name)
{
    const char *value = override(p, s, name);
    if (value == NULL)
        value = find(&p->main, name);
    return value == NULL ? "" : value;
}
