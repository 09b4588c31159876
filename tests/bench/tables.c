/* A configuration of 100,000 domains and as many senders: how long it takes to load, and to find one. Prints load seconds, domain
 * look-up and sender look-up in nanoseconds, and memory in MiB. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/err.h"
#include "milter/senders.h"

enum { DOMAINS = 100000, LOOKUPS = 2000000 };

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(void)
{
    struct buf text = BUF_INIT, why = BUF_INIT;
    struct config *c = NULL;
    static char names[1024][64], users[1024][64];
    buf_add_str(&text, "tokens:\n  - {name: t, module: /m.so, token: 'pkcs11:token=z', pin: prompt}\n"
                       "senders-table: /etc/zegel/senders\ndomains:\n");
    for (int i = 0; i < DOMAINS; i++)
        buf_addf(&text,
                 "  - domain: d%d.example.nl\n    keys:\n      - {selector: z2026q4r, algorithm: rsa-sha256}\n"
                 "      - {selector: z2026q4e, algorithm: ed25519-sha256}\n",
                 i);
    buf_add_u8(&text, '\0');
    for (int i = 0; i < DOMAINS; i++)
        buf_addf(&text, "*@d%d.example.nl d%d.example.nl\n", i, i);
    double begin = now();
    if (config_parse("bench", buf_bytes(&text), &c, &why) != ZEGEL_OK) {
        (void)fprintf(stderr, "%s\n", buf_cstr(&why));
        return EXIT_FAILURE;
    }
    double loaded = now() - begin;
    for (unsigned i = 0; i < 1024; i++) {
        unsigned n = i * 97U % DOMAINS;
        (void)snprintf(names[i], sizeof names[i], "D%u.Example.NL", n);
        (void)snprintf(users[i], sizeof users[i], "piet@d%u.example.nl", n);
    }
    size_t found = 0;
    begin = now();
    for (unsigned i = 0; i < LOOKUPS; i++)
        found += config_find_domain(c, bytes_str(names[i % 1024])) != NULL;
    double domain_ns = (now() - begin) * 1e9 / LOOKUPS;
    const struct config_domain *d = config_find_domain(c, bytes_str(names[5]));
    begin = now();
    for (unsigned i = 0; i < LOOKUPS; i++)
        found += sender_may(c, &(const struct sender){.user = users[i % 1024]}, d);
    double sender_ns = (now() - begin) * 1e9 / LOOKUPS;
    struct rusage r;
    (void)getrusage(RUSAGE_SELF, &r);
    if (found != LOOKUPS + LOOKUPS / 1024 + (LOOKUPS % 1024 > 5))
        return EXIT_FAILURE;
    (void)printf("%.2f %.0f %.0f %ld\n", loaded, domain_ns, sender_ns, r.ru_maxrss / 1024);
    config_free(c);
    buf_free(&text);
    buf_free(&why);
    return EXIT_SUCCESS;
}
