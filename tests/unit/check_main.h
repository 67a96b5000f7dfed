// SPDX-License-Identifier: Apache-2.0
// A unit test program in one line. Include last, write START_TEST(module__behaviour) cases, end the file with
//
//     CHECK_MAIN("uuid", uuid__parses_both_cases, uuid__refuses_bad_text)
//
// or, where the module needs something done once before any case (sodium_init):
//
//     CHECK_MAIN_WITH(setup, "api", api__…, …)
//
// Tables are looped over inside a case; name the row in ck_assert_msg(). Cases run in one process without
// fork, so that sanitizers and gdb see them; `test_uuid name …` runs only those
// cases. The last line is `# cases: P passed, F failed, 0 skipped`, which tests/run adds up.
#ifndef VOX_TESTS_UNIT_CHECK_MAIN_H
#define VOX_TESTS_UNIT_CHECK_MAIN_H

#include "lib/base/str.h"

#include <check.h>

// A `struct str` against a C string.
#define ck_assert_view_eq(got, want)                                                                 \
    do {                                                                                             \
        struct str got_ = (got), want_ = str_from(want);                                             \
        ck_assert_msg(str_eq(got_, want_), "%s is \"%.*s\", expected \"%.*s\"", #got, STR_FMT(got_), \
                      STR_FMT(want_));                                                               \
    } while (0)

static inline bool check_main_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(name, argv[i]) == 0)
            return true;
    return argc < 2;
}

static inline int check_main_run(void (*setup)(void), const char *name, const TTest *const *tests,
                                 size_t count, int argc, char **argv)
{
    Suite *suite = suite_create(name);
    if (setup)
        setup();
    for (size_t i = 0; i < count; i++) {
        if (!check_main_wanted(tests[i]->name, argc, argv))
            continue;
        TCase *tcase = tcase_create(tests[i]->name);
        tcase_set_timeout(tcase, 0);
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int run = srunner_ntests_run(runner), failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    printf("# cases: %d passed, %d failed, 0 skipped\n", run - failed, failed);
    return run > 0 && failed == 0 ? 0 : 1;
}

#define CHECK_MAIN_WITH(setup, name, ...)                                            \
    int main(int argc, char **argv)                                                  \
    {                                                                                \
        const TTest *const tests[] = {__VA_ARGS__};                                  \
        return check_main_run((setup), (name), tests, ARRAY_LEN(tests), argc, argv); \
    }
#define CHECK_MAIN(name, ...) CHECK_MAIN_WITH(NULL, name, __VA_ARGS__)

#endif
