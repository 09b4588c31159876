#include "supervisor/pages.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static const char own[] = "zegeld ";

void pages_take(struct pages *p, const char *name, int fd)
{
    const struct figures *f = fd < 0 ? NULL : figures_map(fd);
    if (f != NULL && p->count < FIGURES_PROCESSES) {
        struct page *at = &p->all[p->count++];
        at->fd = fd;
        (void)snprintf(at->name, sizeof at->name, "%s", name);
    } else if (fd >= 0) {
        (void)close(fd); /* of another version: begun anew */
    }
    figures_unmap(f);
}

static int get(struct pages *p, const char *name)
{
    for (unsigned i = 0; i < p->count; i++)
        if (strcmp(p->all[i].name, name) == 0)
            return p->all[i].fd;
    unsigned before = p->count;
    pages_take(p, name, p->count < FIGURES_PROCESSES ? figures_new() : -1);
    return p->count > before ? p->all[before].fd : -1;
}

int pages_get(struct pages *p, const struct child *c)
{
    char which[CONTROL_NAME_MAX + 1], name[CONTROL_NAME_MAX + 1];
    child_name(c, which);
    if (snprintf(name, sizeof name, "%s %s", child_program(c), which) >= (int)sizeof name)
        return -1;
    return get(p, name);
}

void pages_own(struct pages *p)
{
    int fd = get(p, own);
    if (fd < 0)
        return;
    figures_take(fd);
    if (atomic_load(&figures->gauge[FIGURE_STARTED]) == 0)
        figures_set(FIGURE_STARTED, clock_wall_s());
}

static void send_for_reading(const struct page *p, int control)
{
    int fd = figures_read_only(p->fd);
    if (fd < 0)
        return;
    (void)control_send(control, CONTROL_FIGURES, p->name, fd);
    (void)close(fd);
}

void pages_hand_over(struct pages *p, const struct child *c)
{
    int fd = pages_get(p, c);
    for (unsigned i = 0; c->kind == CHILD_STATUS && i < p->count; i++)
        send_for_reading(&p->all[i], c->control);
    if (c->kind != CHILD_STATUS && fd >= 0)
        (void)control_send(c->control, CONTROL_FIGURES, "", fd);
}

static struct figure_process *find(const struct child *c)
{
    char name[CONTROL_NAME_MAX + 1];
    child_name(c, name);
    for (unsigned i = 0; i < FIGURES_PROCESSES; i++) {
        struct figure_process *p = &figures->process[i];
        if (p->used == 0) {
            (void)snprintf(p->program, sizeof p->program, "%s", child_program(c));
            (void)snprintf(p->name, sizeof p->name, "%s", name);
            atomic_store_explicit(&p->used, 1, memory_order_release);
            return p;
        }
        if (strcmp(p->program, child_program(c)) == 0 && strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

void pages_started(const struct child *c)
{
    struct figure_process *p = find(c);
    if (p != NULL)
        atomic_fetch_add_explicit(&p->starts, 1, memory_order_relaxed);
}

void pages_ready(const struct child *c, bool ready)
{
    struct figure_process *p = find(c);
    if (p != NULL)
        atomic_store_explicit(&p->ready, ready, memory_order_relaxed);
}
