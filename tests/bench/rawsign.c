/* rawsign: C_SignInit + C_Sign on a token, from as many threads as sessions, and nothing else: what the token itself can do.
 *
 * rawsign CONFIG TOKEN KEY_URI THREADS SECONDS: prints signatures/s. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "cmd.h"

static struct {
    struct token *token;
    struct key key;
    int64_t until;
} job;

static _Atomic unsigned long made, failed;

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
    while (clock_monotonic_ms() < job.until) {
        CK_ULONG len = sizeof sig;
        if (f->C_SignInit(session, &mechanism, job.key.private_handle) == CKR_OK &&
            f->C_Sign(session, data, data_len, sig, &len) == CKR_OK)
            made++;
        else
            failed++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct buf why = BUF_INIT;
    struct config *c = NULL;
    struct cmd_token t;
    if (argc != 6)
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
    int64_t begin = clock_monotonic_ms();
    job.token = t.token;
    job.until = begin + (int64_t)(atof(argv[5]) * 1000);
    pthread_t *id = calloc(threads, sizeof *id);
    for (unsigned i = 0; i < threads; i++)
        (void)pthread_create(&id[i], NULL, run, NULL);
    for (unsigned i = 0; i < threads; i++)
        (void)pthread_join(id[i], NULL);
    (void)printf("%.1f\n", (double)made * 1000 / (double)(clock_monotonic_ms() - begin));
    return failed == 0 ? 0 : 1;
}
