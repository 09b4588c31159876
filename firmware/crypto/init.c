/* What has to happen before anything else of crypto is used. */
#include "random.h"
#include "selftest.h"

int crypto_init(void)
{
    int result = random_init();

    return result == CRYPTO_OK ? selftest_run() : result;
}
