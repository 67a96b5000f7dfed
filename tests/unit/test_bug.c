// SPDX-License-Identifier: Apache-2.0
// lib/base/bug.
#include "lib/base/base.h"
#include "tests/unit/check_main.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

START_TEST(bug__aborts_only_if_true)
{
    for (int condition = 0; condition < 2; condition++) {
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
            close(STDERR_FILENO);
            BUG_ON(condition);
            _exit(0);
        }
        int status;
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        if (condition)
            ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        else
            ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}
END_TEST

CHECK_MAIN("bug", bug__aborts_only_if_true)
