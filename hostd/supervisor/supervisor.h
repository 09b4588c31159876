/* supervisor: what zegeld knows. One generation of processes is in force; while it is replaced (roll.h), the old one is there
 * too. */
#ifndef ZEGEL_SUPERVISOR_H
#define ZEGEL_SUPERVISOR_H

#include <limits.h>
#include <sys/types.h>
#include <time.h>

#include "config/config.h"
#include "supervisor/child.h"
#include "supervisor/listen.h"
#include "supervisor/pages.h"

enum { EXIT_CONFIG = 2, EXIT_FAULT = 3 };

/* How far the replacing of the old generation has come. */
enum roll { ROLL_NONE, ROLL_TOKENS, ROLL_SIGNER, ROLL_MILTERS };

struct supervisor {
    const char *config_path;
    char **argv;         /* ours, for the next zegeld */
    char self[PATH_MAX]; /* the program file we were started from; what lies there later is the upgrade */
    char libexec[PATH_MAX];
    struct config *config;
    int config_fd;          /* sealed memory file with the YAML that all children get */
    int previous_fd;        /* the one before it, for a signer that starts: messages may have begun with it; -1: none */
    unsigned config_serial; /* counts what children were given */
    struct listeners listeners;
    struct pages pages;
    struct child *children;
    unsigned count;
    enum roll roll;
    int64_t roll_deadline_ms;
    bool reload_wanted, upgrade_wanted; /* SIGHUP, SIGUSR2; done when no roll is under way */
    int64_t ping_ms;                    /* when next */
    bool announced;
    ino_t active_inode; /* STATE/active.yaml as it was last seen; taken.h */
    struct timespec active_mtime;
    unsigned taken_serial; /* the configuration that STATE/taken tells of */
    struct taken *taken;
    unsigned taken_count;
};

#endif
