/* memory: libcrypto's allocations go through here, and one of them can be made to fail. */
#ifndef ZEGEL_UNIT_MEMORY_H
#define ZEGEL_UNIT_MEMORY_H

#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdlib.h>

static unsigned memory_fail_at, memory_count;

static void *memory_give(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return ++memory_count == memory_fail_at ? NULL : malloc(n);
}

static void *memory_give_more(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return ++memory_count == memory_fail_at ? NULL : realloc(p, n);
}

static void memory_take(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

/* At the start of the program: libcrypto takes them only before it has allocated anything. It sets itself up. */
static bool memory_hook(void)
{
    return CRYPTO_set_mem_functions(memory_give, memory_give_more, memory_take) == 1 && OPENSSL_init_crypto(0, NULL) == 1;
}

/* The nth allocation from now fails. */
static void memory_fails_at(unsigned nth)
{
    memory_count = 0;
    memory_fail_at = nth;
}

/* Did it? From now on none does. */
static bool memory_failed(void)
{
    bool failed = memory_count >= memory_fail_at;
    memory_fail_at = 0;
    return failed;
}

#endif
