/* unit: what every unit test program shares: main() from a list of tests. */
#ifndef ZEGEL_UNIT_H
#define ZEGEL_UNIT_H

#include <check.h>
#include <stdlib.h>

/* A test program is `UNIT_MAIN("name", test_a, test_b)`. */
#define UNIT_MAIN(name, ...)                                                                                                     \
    int main(void)                                                                                                               \
    {                                                                                                                            \
        const TTest *const tests[] = {__VA_ARGS__};                                                                              \
        return unit_run(name, tests, sizeof tests / sizeof tests[0]);                                                            \
    }

static int unit_run(const char *name, const TTest *const *tests, size_t count)
{
    Suite *s = suite_create(name);
    TCase *c = tcase_create(name);
    tcase_set_timeout(c, 120);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_fork_status(r, CK_NOFORK); /* sanitizers and PKCS#11 modules want one process */
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
