/* store: the files of one ceremony's directory. New files appear whole or not at all, and are on disk when the call returns. */
#ifndef ZEGEL_CEREMONY_STORE_H
#define ZEGEL_CEREMONY_STORE_H

#include "ceremony/canon.h"

enum { STORE_FILE_MAX = 16 * 1024 * 1024 };

bool store_has(const char *dir, const char *name);
int store_read(const char *dir, const char *name, struct buf *content, struct buf *why);
/* ZEGEL_ERR_EXISTS when there is one with other content; the same content is fine (a run resumed). */
int store_write(const char *dir, const char *name, struct bytes content, struct buf *why);
int store_write_json(const char *dir, const char *name, const json_t *j, struct buf *why);
/* SHA-256 of any file as hex. */
int store_hash(const char *path, char out[CANON_HEX], struct buf *why);
/* Make the directory's entries durable. */
int store_sync(const char *dir, struct buf *why);

#endif
