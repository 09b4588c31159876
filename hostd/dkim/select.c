#include "dkim/select.h"

/* What people see, or what changes how the body is read: adding one of these to a signed message must break it. */
static const char *const default_oversign[] = {
    "From", "To", "Cc", "Subject", "Date", "Reply-To", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", NULL,
};

/* Signed where present. Not oversigned: mailing lists add Sender and List-* for good reasons (rspamd#2136, #2887). */
static const char *const default_sign[] = {
    "Message-ID",          "In-Reply-To",      "References", "Sender",       "Content-ID",       "Content-Description",
    "Content-Disposition", "Content-Language", "List-Id",    "List-Help",    "List-Unsubscribe", "List-Unsubscribe-Post",
    "List-Subscribe",      "List-Post",        "List-Owner", "List-Archive", "Autocrypt",        NULL,
};

const struct select_policy select_default = {.sign = default_sign, .oversign = default_oversign};

static bool add(struct selected *s, const char *name, size_t field)
{
    if (s->count == DKIM_SELECTED_MAX)
        return false;
    s->entries[s->count].name = name;
    s->entries[s->count].field = field;
    s->count++;
    return true;
}

static bool add_all(struct selected *s, const struct header *h, const char *name)
{
    size_t below = h->count;
    for (;;) {
        size_t at = header_find_above(h, bytes_str(name), below);
        if (at == below)
            return true;
        if (!add(s, name, at))
            return false;
        below = at;
    }
}

bool select_fields(const struct select_policy *policy, const struct header *h, struct selected *out)
{
    out->count = 0;
    for (const char *const *n = policy->oversign; *n != NULL; n++)
        if (!add_all(out, h, *n) || !add(out, *n, SELECT_ABSENT))
            return false;
    for (const char *const *n = policy->sign; *n != NULL; n++)
        if (!add_all(out, h, *n))
            return false;
    return true;
}

const char *const select_singletons[] = {
    "From",        "Sender",     "Reply-To", "To",   "Cc",           "Bcc",          "Message-ID",
    "In-Reply-To", "References", "Subject",  "Date", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    NULL};

const char *select_repeated_singleton(const struct header *h)
{
    for (const char *const *n = select_singletons; *n != NULL; n++)
        if (header_count(h, bytes_str(*n)) > 1)
            return *n;
    return NULL;
}
