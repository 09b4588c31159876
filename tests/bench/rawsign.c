/* rawsign: C_SignInit + C_Sign on a token, from as many threads as sessions, and nothing else: what the token itself can do.
 *
 * rawsign CONFIG TOKEN KEY_URI THREADS SECONDS [PER_SECOND]: prints "signatures/s p99_us cpu_us_each". With PER_SECOND the
 * threads together make so many, evenly; the latency then is from when each was due. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "cmd.h"

static struct {
    struct token *token;
    struct key key;
    int64_t until_us, interval_us; /* 0: as fast as it goes */
} job;

enum { LATENCIES_MAX = 1000000 };

static _Atomic unsigned long made, failed;
static uint32_t latencies[LATENCIES_MAX];

static void note(int64_t us)
{
    unsigned long at = atomic_fetch_add(&made, 1);
    if (at < LATENCIES_MAX)
        latencies[at] = (uint32_t)us;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void *run(void *arg)
{
    CK_FUNCTION_LIST *f = job.token->module->f;
    CK_SESSION_HANDLE session;
    CK_MECHANISM mechanism = {job.key.mechanism, NULL, 0};
    CK_BYTE data[1024] = {0}, sig[512];
    CK_ULONG data_len = job.key.type == KEY_RSA ? sizeof data : 32;
    (void)arg;
    if (f->C_OpenSession(job.token->slot, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK) {
        failed++;
        return NULL;
    }
    int64_t due = clock_monotonic_us();
    while (clock_monotonic_us() < job.until_us) {
        CK_ULONG len = sizeof sig;
        if (job.interval_us == 0)
            due = clock_monotonic_us();
        for (int64_t early; (early = due - clock_monotonic_us()) > 0;)
            (void)usleep((useconds_t)early);
        if (f->C_SignInit(session, &mechanism, job.key.private_handle) == CKR_OK &&
            f->C_Sign(session, data, data_len, sig, &len) == CKR_OK)
            note(clock_monotonic_us() - due);
        else
            failed++;
        due += job.interval_us;
    }
    return NULL;
}

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    struct buf why = BUF_INIT;
    struct config *c = NULL;
    struct cmd_token t;
    if (argc != 6 && argc != 7)
        return 2;
    int err = config_load(argv[1], &c, &why);
    if (err == ZEGEL_OK)
        err = cmd_token_open(c, cmd_find_token(c, argv[2]), &t, &why);
    if (err == ZEGEL_OK)
        err = key_find(t.token, argv[3], &job.key, &why);
    if (err != ZEGEL_OK) {
        (void)fprintf(stderr, "rawsign: %s\n", buf_cstr(&why));
        return 3;
    }
    unsigned threads = (unsigned)atoi(argv[4]);
    int64_t begin = clock_monotonic_us();
    double cpu = cpu_us();
    job.token = t.token;
    job.until_us = begin + (int64_t)(atof(argv[5]) * 1e6);
    job.interval_us = argc == 7 ? (int64_t)(threads * 1e6 / atof(argv[6])) : 0;
    pthread_t *id = calloc(threads, sizeof *id);
    for (unsigned i = 0; i < threads; i++)
        (void)pthread_create(&id[i], NULL, run, NULL);
    for (unsigned i = 0; i < threads; i++)
        (void)pthread_join(id[i], NULL);
    double took = (double)(clock_monotonic_us() - begin) / 1e6;
    unsigned long n = made < LATENCIES_MAX ? made : LATENCIES_MAX;
    qsort(latencies, n, sizeof latencies[0], by_value);
    (void)printf("%.1f %u %.1f\n", (double)made / took, n == 0 ? 0 : latencies[n * 99 / 100],
                 (cpu_us() - cpu) / (double)(made > 0 ? made : 1));
    return failed == 0 ? 0 : 1;
}
