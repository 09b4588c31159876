#include "dkim/select.h"

/* What people see, or what changes how the body is read: adding one of these to a signed message must break it. */
static const char *const default_oversign[] = {
    "From", "To", "Cc", "Subject", "Date", "Reply-To", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", NULL,
};

/* What nobody adds to a message that has it already; a second one would only be there to mislead. */
static const char *const default_oversign_present[] = {
    "Message-ID",
    "In-Reply-To",
    "References",
    "Content-ID",
    "Content-Description",
    "Content-Disposition",
    "Content-Language",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    NULL,
};

/* Signed where present. Not oversigned: mailing lists add Sender and List-* for good reasons (rspamd#2136, #2887). */
static const char *const default_sign[] = {
    "Sender", "List-Id", "List-Help", "List-Subscribe", "List-Post", "List-Owner", "List-Archive", "Autocrypt", NULL,
};

const struct select_policy select_default = {
    .oversign = default_oversign, .oversign_present = default_oversign_present, .sign = default_sign};

const char *const select_transient[] = {
    "DKIM-Signature", "Return-Path", "Received", "Bcc", "Resent-Bcc", "Content-Length", "Authentication-Results", NULL};

bool select_lists(const char *const *list, struct bytes name)
{
    for (const char *const *n = list; n != NULL && *n != NULL; n++)
        if (bytes_ieq(bytes_str(*n), name))
            return true;
    return false;
}

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

enum how { ONCE_MORE, ONCE_MORE_IF_PRESENT, AS_PRESENT };

static bool add_list(struct selected *s, const struct header *h, const char *const *list, enum how how)
{
    size_t others = s->count; /* of stricter lists */
    for (const char *const *n = list; n != NULL && *n != NULL; n++) {
        size_t before = s->count;
        bool done = false;
        for (size_t i = 0; i < others && !done; i++)
            done = bytes_ieq(bytes_str(s->entries[i].name), bytes_str(*n));
        if (done)
            continue;
        if (!add_all(s, h, *n))
            return false;
        bool once_more = how == ONCE_MORE || (how == ONCE_MORE_IF_PRESENT && s->count > before);
        if (once_more && !add(s, *n, SELECT_ABSENT))
            return false;
    }
    return true;
}

bool select_fields(const struct select_policy *policy, const struct header *h, struct selected *out)
{
    out->count = 0;
    return add_list(out, h, policy->oversign, ONCE_MORE) && add_list(out, h, policy->oversign_present, ONCE_MORE_IF_PRESENT) &&
           add_list(out, h, policy->sign, AS_PRESENT);
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
