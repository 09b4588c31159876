#include "figures/figures.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

const int64_t figures_bounds_us[FIGURES_BUCKETS] = {500,    1000,   2500,   5000,    10000,   25000,   50000,
                                                    100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

static struct figures private_page;
struct figures *figures = &private_page;

static void add(_Atomic uint64_t *at, uint64_t n)
{
    atomic_fetch_add_explicit(at, n, memory_order_relaxed);
}

void figures_fail(int err)
{
    unsigned n = err < 0 ? (unsigned)-err : 0;
    add(&figures->failed[n < FIGURES_REASONS ? n : 0], 1);
}

void figures_verified(unsigned result)
{
    add(&figures->verified[result < FIGURES_VERIFIED ? result : FIGURE_VERIFIED_NONE], 1);
}

void figures_observe(enum figure_time t, int64_t us)
{
    struct figure_histogram *h = &figures->time[t];
    unsigned i = 0;
    while (i < FIGURES_BUCKETS && us > figures_bounds_us[i])
        i++;
    add(&h->bucket[i], 1);
    add(&h->sum_us, us > 0 ? (uint64_t)us : 0);
}

/* The domain's place: where its hash points, or behind; NULL when all are others'. */
static struct figure_domain *find_domain(const char *name)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (const char *p = name; *p != '\0'; p++)
        hash = (hash ^ (uint8_t)*p) * 16777619U;
    for (unsigned i = 0; i < FIGURES_DOMAINS; i++) {
        struct figure_domain *d = &figures->domain[(hash + i) % FIGURES_DOMAINS];
        if (atomic_load_explicit(&d->used, memory_order_relaxed) == 0) {
            (void)snprintf(d->name, sizeof d->name, "%s", name);
            atomic_store_explicit(&d->used, 1, memory_order_release);
            return d;
        }
        if (strncmp(d->name, name, sizeof d->name) == 0)
            return d;
    }
    return NULL;
}

void figures_signature(const char *domain, bool ed25519)
{
    struct figure_domain *d = strlen(domain) <= FIGURES_DOMAIN_MAX ? find_domain(domain) : NULL;
    if (d != NULL)
        add(ed25519 ? &d->ed25519 : &d->rsa, 1);
    else
        add(ed25519 ? &figures->other_ed25519 : &figures->other_rsa, 1);
}

/* ---- pages ---- */

int figures_new(void)
{
    static const uint32_t layout = FIGURES_LAYOUT;
    int fd = memfd_create("zegel-figures", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && ftruncate(fd, sizeof(struct figures)) == 0 &&
        pwrite(fd, &layout, sizeof layout, offsetof(struct figures, layout)) == (ssize_t)sizeof layout &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return fd;
    log_warn("no memory for figures: %s", strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static struct figures *map(int fd, int protection)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(fd, &st) != 0 || st.st_size != (off_t)sizeof(struct figures))
        return NULL;
    struct figures *f = mmap(NULL, sizeof *f, protection, MAP_SHARED, fd, 0);
    if (f == MAP_FAILED)
        return NULL;
    if (f->layout == FIGURES_LAYOUT)
        return f;
    (void)munmap(f, sizeof *f);
    return NULL;
}

const struct figures *figures_map(int fd)
{
    return map(fd, PROT_READ);
}

void figures_unmap(const struct figures *f)
{
    if (f != NULL)
        (void)munmap((void *)(uintptr_t)f, sizeof *f);
}

void figures_take(int fd)
{
    struct figures *f = map(fd, PROT_READ | PROT_WRITE);
    if (f != NULL)
        figures = f;
    else
        log_warn("the page for figures is of no use; what this process counts will not be seen");
}

int figures_read_only(int fd)
{
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}
