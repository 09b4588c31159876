#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

/* Rights of ABI 1, which every kernel with Landlock has; later ones where the headers and the kernel know them. */
static const uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t write_rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t file_rights = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE;

static uint64_t handled_rights(int abi)
{
    uint64_t rights = (1ULL << 13) - 1; /* ABI 1: EXECUTE to MAKE_SYM */
    if (abi >= 2)
        rights |= 1ULL << 13; /* REFER */
    if (abi >= 3)
        rights |= 1ULL << 14; /* TRUNCATE */
    return rights;
}

static int add_path(int ruleset, const char *path, uint64_t rights, struct buf *why)
{
    struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
    struct stat st;
    int err = ZEGEL_OK;
    if (rule.parent_fd < 0)
        return ZEGEL_OK; /* what is not there needs no permission */
    bool file = fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode);
    rule.allowed_access = file ? rights & file_rights : rights;
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
        buf_addf(why, "sandbox: landlock: %s: %s", path, strerror(errno));
        err = ZEGEL_ERR_SYSTEM;
    }
    (void)close(rule.parent_fd);
    return err;
}

int landlock_apply(const struct sandbox *s, struct buf *why)
{
    int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        buf_addf(why, "sandbox: landlock: %s; this kernel has none: boot one that does, or set landlock: optional",
                 strerror(errno));
        return ZEGEL_ERR_NOT_FOUND;
    }
    struct landlock_ruleset_attr attr = {.handled_access_fs = handled_rights(abi)};
    uint64_t truncate = attr.handled_access_fs & 1ULL << 14;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    int err = ruleset < 0 ? ZEGEL_ERR_SYSTEM : ZEGEL_OK;
    for (unsigned i = 0; i < s->read_count && err == ZEGEL_OK; i++)
        err = add_path(ruleset, s->read[i], read_rights, why);
    for (unsigned i = 0; i < s->write_count && err == ZEGEL_OK; i++)
        err = add_path(ruleset, s->write[i], write_rights | truncate, why);
    if (err == ZEGEL_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        err = ZEGEL_ERR_SYSTEM;
    if (err != ZEGEL_OK && why->len == 0)
        buf_addf(why, "sandbox: landlock: %s", strerror(errno));
    if (ruleset >= 0)
        (void)close(ruleset);
    return err;
}
