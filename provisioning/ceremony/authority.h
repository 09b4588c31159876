/* authority: does a sealed transcript permit this? What zegel rotate asks before it activates, retires or destroys a key. */
#ifndef ZEGEL_CEREMONY_AUTHORITY_H
#define ZEGEL_CEREMONY_AUTHORITY_H

#include "ceremony/plan.h"

/* ZEGEL_OK: the transcript in `dir` verifies, everybody who signed it is in `trust` (PEM certificates got from the people
 * themselves, never NULL: a transcript brings its own certificates, and anybody can make one), and it did `action` to the key of
 * that name and public key. ZEGEL_ERR_REFUSED when it is good but speaks of something else; the verifier's errors otherwise.
 * *serial: of the ceremony; who uses a permission takes it once, and only with a higher one than the last for that key. */
int authority_permits(const char *dir, const char *trust, enum plan_action action, const char *domain, const char *selector,
                      const char *spki_sha256, unsigned *serial, struct buf *why);
/* The same for a fact: the ceremony made this key with a wrapped backup, restored and tried. Then, and only then, zegel.yaml may
 * say `wrapped-backup:` of it, so that zegeld does not refuse a key that was once allowed to leave its token. */
int authority_backed_up(const char *dir, const char *trust, const char *domain, const char *selector, const char *spki_sha256,
                        unsigned *serial, struct buf *why);

#endif
