/* store_sql: SQL with values, for the files of the store. */
#ifndef ZEGEL_LIFECYCLE_STORE_SQL_H
#define ZEGEL_LIFECYCLE_STORE_SQL_H

#include <sqlite3.h>

#include "lifecycle/store.h"

struct store {
    sqlite3 *db;
    char *path;
    int lock; /* -1: for reading only */
};

/* `types`: for each ? of the statement, s (const char *) or i (int64_t). The caller finalizes. */
int store_sql(struct store *s, sqlite3_stmt **out, struct buf *why, const char *sql, const char *types, ...);
/* The same, done. ZEGEL_ERR_EXISTS when a uniqueness forbids it. */
int store_do(struct store *s, struct buf *why, const char *sql, const char *types, ...);
/* Is there another row? False also at a fault; *err says so. */
bool store_row(struct store *s, sqlite3_stmt *stmt, int *err, struct buf *why);
/* A column of text into room for `size`; what does not fit is cut off. */
void store_text(sqlite3_stmt *stmt, int column, char *out, size_t size);

#endif
