#include "milter/current.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"

struct current {
    struct config *config;
    unsigned users; /* under `lock`; the one in force has one more */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct current *in_force;

void current_release(struct current *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&lock);
    bool last = --c->users == 0;
    pthread_mutex_unlock(&lock);
    if (last) {
        config_free(c->config);
        free(c);
    }
}

bool current_set(struct config *c)
{
    struct current *s = malloc(sizeof *s);
    if (s == NULL) {
        log_error("out of memory for the new configuration: the old one stays");
        config_free(c);
        return false;
    }
    *s = (struct current){.config = c, .users = 1};
    pthread_mutex_lock(&lock);
    struct current *old = in_force;
    in_force = s;
    pthread_mutex_unlock(&lock);
    current_release(old);
    return true;
}

struct current *current_acquire(void)
{
    pthread_mutex_lock(&lock);
    struct current *c = in_force;
    c->users++;
    pthread_mutex_unlock(&lock);
    return c;
}

const struct config *current_config(const struct current *c)
{
    return c->config;
}
