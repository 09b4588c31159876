#include "status/http.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "status/metrics.h"
#include "html/html.h"
#include "status/page.h"
#include "status/report.h"

enum { CONNECTIONS_MAX = 16, CONNECTION_SECONDS = 10, REQUEST_MAX = 8 * 1024 };

struct http {
    struct MHD_Daemon *daemon;
    const struct book *book;
    bool loopback;
};

struct answer {
    unsigned status;
    const char *type;
    const char *allow; /* NULL: no such header */
    bool is_page;
    struct buf body;
};

static void plain(struct answer *a, unsigned status, const char *text)
{
    a->status = status;
    a->type = "text/plain; charset=utf-8";
    buf_clear(&a->body);
    buf_add_str(&a->body, text);
}

/* The name of this machine and nothing else, whatever the port: a page from elsewhere whose name was bent to 127.0.0.1 sends its
 * own name. */
static bool is_own_host(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; host != NULL && i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i]);
        if (strncasecmp(host, names[i], n) == 0 &&
            (host[n] == '\0' || (host[n] == ':' && strspn(host + n + 1, "0123456789") == strlen(host + n + 1))))
            return true;
    }
    return false;
}

/* The language that the reader likes best, of the two that there are. */
static const struct words *language(const struct http *h, struct MHD_Connection *c)
{
    const char *likes = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept-Language");
    if (likes != NULL && (strncasecmp(likes, "nl", 2) == 0 || strncasecmp(likes, "en", 2) == 0))
        return words_of(likes[0] == 'n' || likes[0] == 'N' ? "nl" : "en");
    return words_of(h->book->config->status.language);
}

static void answer_page(const struct http *h, const struct words *w, struct answer *a)
{
    a->type = "text/html; charset=utf-8";
    a->is_page = true;
    page_print(h->book, w, clock_wall_s(), &a->body);
}

static void route(const struct http *h, struct MHD_Connection *c, const char *path, struct answer *a)
{
    a->status = MHD_HTTP_OK;
    if (strcmp(path, "/metrics") == 0) {
        a->type = "text/plain; version=0.0.4; charset=utf-8";
        metrics_print(h->book, &a->body);
    } else if (strcmp(path, "/") == 0) {
        answer_page(h, language(h, c), a);
    } else if (strcmp(path, "/en") == 0 || strcmp(path, "/nl") == 0) {
        answer_page(h, words_of(path + 1), a);
    } else if (strcmp(path, "/status.json") == 0) {
        a->type = "application/json";
        (void)report_print(h->book, &a->body);
    } else {
        plain(a, MHD_HTTP_NOT_FOUND, "There is /, /en, /nl, /metrics and /status.json.\n");
    }
    if (a->body.failed)
        plain(a, MHD_HTTP_SERVICE_UNAVAILABLE, "Out of memory.\n");
}

/* Nothing is loaded, run, framed or sent; a page has its own style. */
static void policy(bool is_page, struct buf *out)
{
    buf_add_str(out, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    if (!is_page)
        return;
    buf_add_str(out, "; style-src '");
    html_style_hash(out);
    buf_add_str(out, "'");
}

static enum MHD_Result send_answer(struct MHD_Connection *c, struct answer *a)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(a->body.len, a->body.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_NO;
    struct buf csp = BUF_INIT;
    policy(a->is_page, &csp);
    if (r != NULL && MHD_add_response_header(r, "Content-Type", a->type) == MHD_YES &&
        MHD_add_response_header(r, "Cache-Control", "no-store") == MHD_YES &&
        MHD_add_response_header(r, "X-Content-Type-Options", "nosniff") == MHD_YES &&
        MHD_add_response_header(r, "X-Frame-Options", "DENY") == MHD_YES &&
        MHD_add_response_header(r, "Referrer-Policy", "no-referrer") == MHD_YES &&
        MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin") == MHD_YES &&
        MHD_add_response_header(r, "Content-Security-Policy", buf_cstr(&csp)) == MHD_YES &&
        (a->allow == NULL || MHD_add_response_header(r, "Allow", a->allow) == MHD_YES))
        result = MHD_queue_response(c, a->status, r);
    if (r != NULL)
        MHD_destroy_response(r);
    buf_free(&csp);
    buf_free(&a->body);
    return result;
}

/* A path with %XX is none of ours: it stays as it came. */
static size_t keep_escaped(void *arg, struct MHD_Connection *c, char *s)
{
    (void)arg;
    (void)c;
    return strlen(s);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_len, void **seen)
{
    const struct http *h = arg;
    struct answer a = {.body = BUF_INIT};
    (void)version;
    (void)upload;
    (void)upload_len;
    (void)seen; /* answered before any body could come, which is then not read */
    const char *length = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length");
    if (h->loopback && !is_own_host(MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host")))
        plain(&a, MHD_HTTP_MISDIRECTED_REQUEST, "Ask by the name of this machine: 127.0.0.1 or localhost.\n");
    else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        plain(&a, MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET and HEAD: there is nothing to change here.\n");
        a.allow = "GET, HEAD";
    } else if ((length != NULL && strcmp(length, "0") != 0) ||
               MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Transfer-Encoding") != NULL)
        plain(&a, MHD_HTTP_CONTENT_TOO_LARGE, "No body is taken.\n");
    else
        route(h, c, path, &a);
    return send_answer(c, &a);
}

struct http *http_new(const struct book *b, int fd, bool loopback)
{
    struct http *h = calloc(1, sizeof *h);
    if (h != NULL) {
        h->book = b;
        h->loopback = loopback;
        h->daemon =
            MHD_start_daemon(MHD_NO_FLAG, 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                             (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_SECONDS,
                             MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                             MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL, MHD_OPTION_END);
    }
    if (h != NULL && h->daemon != NULL)
        return h;
    (void)close(fd);
    free(h);
    return NULL;
}

void http_wait(struct http *h, fd_set *read, fd_set *write, int *most, int64_t *timeout_ms)
{
    fd_set except;
    MHD_UNSIGNED_LONG_LONG ms = 0;
    FD_ZERO(&except);
    (void)MHD_get_fdset(h->daemon, read, write, &except, most);
    if (MHD_get_timeout(h->daemon, &ms) == MHD_YES && (int64_t)ms < *timeout_ms)
        *timeout_ms = (int64_t)ms;
}

void http_serve(struct http *h, const fd_set *read, const fd_set *write)
{
    fd_set except;
    FD_ZERO(&except);
    (void)MHD_run_from_select(h->daemon, read, write, &except);
}
