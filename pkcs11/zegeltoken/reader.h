/* reader: PC/SC readers, and exchanges with the Zegel token in one of them. Not thread-safe: the module has one lock. */
#ifndef ZEGEL_ZEGELTOKEN_READER_H
#define ZEGEL_ZEGELTOKEN_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <winscard.h>

enum { READERS_MAX = 16, READER_NAME_LEN = 128, READER_RESPONSE_MAX = 4096 };

enum reader_result {
    READER_OK,
    READER_RESET, /* another program reset the card, or it lost power: it knows nobody any more */
    READER_GONE,  /* no card, no reader or no pcscd */
    READER_FAULT  /* of PC/SC, or of us: nothing of the card's */
};

struct reader {
    char name[READER_NAME_LEN];
    SCARDHANDLE card;
    bool connected;
};

/* Adds what pcscd has now to `list`, which has `*count`; a reader keeps its place in it for ever. READER_GONE: no pcscd. */
enum reader_result readers_look(struct reader list[READERS_MAX], size_t *count);
/* Gives up the connections and pcscd. */
void readers_leave(struct reader list[READERS_MAX], size_t count);

/* From here to reader_end no other program speaks to the card. READER_OK also after a new connection, which *fresh says. */
enum reader_result reader_begin(struct reader *r, bool *fresh);
void reader_end(struct reader *r);
/* One command APDU and its response, in between. *out_len: room, then octets. */
enum reader_result reader_exchange(struct reader *r, const uint8_t *in, size_t len, uint8_t *out, size_t *out_len);

#endif
