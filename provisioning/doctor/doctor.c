#include "doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

void doctor_add(struct doctor *d, const char *rule, enum doctor_weight w, struct buf *text, struct buf *fix)
{
    struct doctor_finding *more = realloc(d->findings, (d->count + 1) * sizeof *more);
    struct doctor_finding f = {.rule = rule, .weight = w, .text = strdup(buf_cstr(text)), .fix = strdup(buf_cstr(fix))};
    if (more != NULL)
        d->findings = more;
    if (more != NULL && f.text != NULL && f.fix != NULL && !text->failed && !fix->failed) {
        d->findings[d->count++] = f;
    } else {
        d->failed = true;
        free(f.text);
        free(f.fix);
    }
    buf_free(text);
    buf_free(fix);
}

void doctor_say(struct doctor *d, const char *rule, enum doctor_weight w, const char *text, const char *fix)
{
    struct buf t = BUF_INIT, f = BUF_INIT;
    buf_add_str(&t, text);
    buf_add_str(&f, fix);
    doctor_add(d, rule, w, &t, &f);
}

bool doctor_next(const char **list, char *word, size_t cap)
{
    const char *p = *list + strspn(*list, ", \t\n");
    size_t n = 0;
    int depth = 0;
    if (*p == '\0')
        return false;
    for (; *p != '\0' && (depth > 0 || strchr(", \t\n", *p) == NULL); p++) {
        depth += (*p == '{') - (*p == '}');
        if (n + 1 < cap)
            word[n++] = *p;
    }
    word[n] = '\0';
    *list = p;
    return true;
}

void doctor_list(const char *list, struct buf *out)
{
    char word[600];
    for (unsigned n = 0; doctor_next(&list, word, sizeof word); n++) {
        buf_add_str(out, n == 0 ? "" : ",");
        for (const char *p = word; *p != '\0'; p++)
            if (!ascii_is_fws((uint8_t)*p))
                buf_add_u8(out, (uint8_t)*p);
    }
}

/* A milter's address as Postfix writes it: the first word inside of {...}. */
static void address_of(const char *word, char *out, size_t cap)
{
    const char *p = word[0] == '{' ? word + 1 : word;
    (void)doctor_next(&p, out, cap);
    out[strcspn(out, "}")] = '\0';
}

/* listen: as Postfix writes it: inet:PORT@HOST is inet:HOST:PORT there. */
static void as_postfix(const char *listen, char *out, size_t cap)
{
    const char *colon = strchr(listen, ':') + 1, *at = strchr(colon, '@');
    if (strncmp(listen, "unix:", 5) == 0 || at == NULL)
        (void)snprintf(out, cap, "%s", listen);
    else if (strncmp(listen, "inet6:", 6) == 0)
        (void)snprintf(out, cap, "inet:[%s]:%.*s", at + 1, (int)(at - colon), colon);
    else
        (void)snprintf(out, cap, "inet:%s:%.*s", at + 1, (int)(at - colon), colon);
}

/* Also what another name reaches: local: for unix:, localhost, a path inside of the queue directory. */
static bool is_ours(const struct doctor *d, const char *address)
{
    const char *path = strncmp(address, "unix:", 5) == 0 ? address + 5 : strncmp(address, "local:", 6) == 0 ? address + 6 : NULL;
    const char *queue = postfix_get(d->postfix, NULL, "queue_directory");
    for (unsigned i = 0; i < d->config->listen_count; i++) {
        char ours[400], inside[1300], named[700];
        as_postfix(d->config->listen[i], ours, sizeof ours);
        if (path != NULL && strncmp(ours, "unix:", 5) == 0) {
            (void)snprintf(inside, sizeof inside, "%s/%s", queue, path + (path[0] == '/'));
            if (strcmp(path, ours + 5) == 0 || strcmp(inside, ours + 5) == 0)
                return true;
        }
        (void)snprintf(named, sizeof named, "%s", address);
        if (strncmp(address, "inet:localhost:", 15) == 0)
            (void)snprintf(named, sizeof named, "inet:127.0.0.1:%s", address + 15);
        if (strcmp(named, ours) == 0)
            return true;
    }
    return false;
}

bool doctor_asks_us(const struct doctor *d, const char *milters, unsigned *at, unsigned *of)
{
    char word[600], address[600];
    bool found = false;
    unsigned n = 0;
    for (const char *p = milters; doctor_next(&p, word, sizeof word); n++) {
        address_of(word, address, sizeof address);
        if (!found && is_ours(d, address)) {
            found = true;
            if (at != NULL)
                *at = n;
        }
    }
    if (of != NULL)
        *of = n;
    return found;
}

void doctor_our_milter(const struct doctor *d, struct buf *out)
{
    char ours[400] = "unix:/run/zegel/milter.sock";
    if (d->config->listen_count > 0)
        as_postfix(d->config->listen[0], ours, sizeof ours);
    buf_add_str(out, ours);
}

int doctor_look(const struct postfix *p, const struct config *c, struct doctor *out)
{
    *out = (struct doctor){.postfix = p, .config = c};
    doctor_way(out);
    doctor_after(out);
    return out->failed ? ZEGEL_ERR_NOMEM : ZEGEL_OK;
}

void doctor_clear(struct doctor *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        free(d->findings[i].text);
        free(d->findings[i].fix);
    }
    free(d->findings);
    *d = (struct doctor){0};
}
