#include "front/confine.h"

#include "base/err.h"
#include "base/log.h"
#include "front/spool.h"
#include "front/talk.h"
#include "sandbox/sandbox.h"

bool confine(const char *readable)
{
    struct sandbox s = {.profile = SANDBOX_FRONT, .landlock_optional = true, .read_count = readable != NULL, .write_count = 1};
    struct buf why = BUF_INIT;
    s.read[0] = readable;
    s.write[0] = spool_directory();
    talk_know_zegel();
    bool ok = sandbox_apply(&s, &why) == ZEGEL_OK;
    if (!ok)
        log_error("%s", buf_cstr(&why));
    buf_free(&why);
    return ok;
}
