/* Records a second into an audit log in DIR, with a group commit for each GROUP records: audit DIR GROUP SECONDS. Prints
 * records/s and the processor's microseconds for each. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audit/log.h"
#include "base/err.h"

static double seconds(clockid_t c)
{
    struct timespec t;
    (void)clock_gettime(c, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static const uint8_t hash[MERKLE_HASH_LEN] = {1, 2, 3};
    const struct audit_record r = {.time = 1700000000,
                                   .domain = BYTES_LIT("example.nl"),
                                   .selector = BYTES_LIT("z2026q4r"),
                                   .key = BYTES_LIT("pkcs11:token=zegel;object=example.nl/z2026q4r"),
                                   .queue_id = BYTES_LIT("4ABCDEF0123"),
                                   .client = BYTES_LIT("192.0.2.1"),
                                   .block_hash = hash,
                                   .body_hash = hash,
                                   .verdict = "signed"};
    struct buf why = BUF_INIT;
    struct audit *a = NULL;
    if (argc != 4 || audit_open(&(struct audit_config){argv[1], "bench", 64 << 20, 0}, &a, &why) != ZEGEL_OK) {
        (void)fprintf(stderr, "usage: audit DIR GROUP SECONDS %s\n", buf_cstr(&why));
        return EXIT_FAILURE;
    }
    long group = strtol(argv[2], NULL, 10), n = 0;
    double limit = strtod(argv[3], NULL), begin = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), took;
    do {
        for (long i = 0; i < group; i++)
            audit_add(a, &r);
        if (audit_commit(a, &why) != ZEGEL_OK)
            return EXIT_FAILURE;
        n += group;
        took = seconds(CLOCK_MONOTONIC) - begin;
    } while (took < limit);
    (void)printf("%.0f %.2f\n", (double)n / took, (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / (double)n);
    audit_close(a);
    return EXIT_SUCCESS;
}
