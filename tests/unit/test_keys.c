/* The keys of a token's worker, as far as no token is needed for them. */
#include "base/err.h"
#include "unit.h"
#include "worker/keys.h"

static struct config_key key[] = {{.key = (char *)(uintptr_t) "pkcs11:object=a", .token = 1},
                                  {.key = (char *)(uintptr_t) "pkcs11:object=b", .token = 0},
                                  {.key = (char *)(uintptr_t) "pkcs11:object=a", .token = 1}};
static struct config_domain domain = {.keys = key, .keys_count = 3};
static const struct config config = {.domains = &domain, .domains_count = 1};

static struct keys keys_of_token(void)
{
    struct keys k = {.count = 0};
    pthread_mutex_init(&k.lock, NULL);
    ck_assert_int_eq(keys_set_config(&k, &config, 1), ZEGEL_OK);
    return k;
}

START_TEST(each_key_of_the_token_once)
{
    struct keys k = keys_of_token();
    ck_assert_uint_eq(k.count, 1);
    ck_assert_ptr_nonnull(keys_get(&k, bytes_str("pkcs11:object=a")));
    ck_assert_ptr_null(keys_get(&k, bytes_str("pkcs11:object=b")));
}
END_TEST

/* The thread that ends a worker whose module hangs shows the figures too. A reload that waits for that module has the lock. */
START_TEST(showing_waits_for_nobody)
{
    struct keys k = keys_of_token();
    pthread_mutex_lock(&k.lock);
    keys_show(&k);
    pthread_mutex_unlock(&k.lock);
    keys_show(&k);
    ck_assert_ptr_nonnull(keys_get(&k, bytes_str("pkcs11:object=a")));
}
END_TEST

UNIT_MAIN("keys", each_key_of_the_token_once, showing_waits_for_nobody)
