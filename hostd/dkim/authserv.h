/* authserv: whose is an Authentication-Results field (RFC 8601 §2.2)? What a border must know to remove forged ones (§5). */
#ifndef ZEGEL_DKIM_AUTHSERV_H
#define ZEGEL_DKIM_AUTHSERV_H

#include "base/bytes.h"

enum authserv {
    AUTHSERV_OTHER,
    AUTHSERV_OURS,
    AUTHSERV_UNREADABLE, /* no authserv-id that everybody would read alike: some reader may take it for ours */
};

/* `value`: all behind the colon. `id`: our authserv-id, a domain name; compared without case, a dot at its end is no part of it.
 * Comments (nested), folds, quoted strings with quoted pairs, and a version number are read as §2.2 and RFC 5322 have them. */
enum authserv authserv_of(struct bytes value, struct bytes id);

/* Does a field's value, of whatever name, have a CR or LF in it that is no fold, and an Authentication-Results behind that? Some
 * readers end a line there, and take what follows for a field. */
bool authserv_is_hidden_in(struct bytes value);

#endif
