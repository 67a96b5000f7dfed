// SPDX-License-Identifier: Apache-2.0
// lib/base/secret_env: what leaves the environment that the process was given.
#include "lib/base/secret_env.h"

#include "tests/unit/check_main.h"

#include <unistd.h>

// In place of what the kernel put there.
struct given {
    char first[16], again[16], longer[16], empty[16];
    char *entries[5];
    char **before;
};

static void begin(struct given *g)
{
    *g = (struct given){"SECRET=word", "SECRET=other", "SECRET_FILE=/a", "EMPTY=", {NULL}, environ};
    g->entries[0] = g->first, g->entries[1] = g->longer, g->entries[2] = g->again, g->entries[3] = g->empty;
    environ = g->entries;
}

static void end(struct given *g)
{
    static const char wiped[sizeof(g->first)] = "SECRET=";
    ck_assert_mem_eq(g->first, wiped, sizeof(wiped));
    ck_assert_mem_eq(g->again, wiped, sizeof(wiped));
    ck_assert_str_eq(g->longer, "SECRET_FILE=/a");
    environ = g->before;
}

START_TEST(secret_env__hides_and_is_found)
{
    struct given g;
    struct err err;
    begin(&g);
    ck_assert(secret_env_hide("SECRET", &err));
    ck_assert_str_eq(getenv("SECRET"), "word");
    // Once more, what is empty, and what is not there.
    ck_assert(secret_env_hide("SECRET", &err) && secret_env_hide("EMPTY", &err) &&
              secret_env_hide("NONE", &err));
    ck_assert_str_eq(getenv("SECRET"), "word");
    ck_assert_str_eq(getenv("EMPTY"), "");
    ck_assert_ptr_null(getenv("NONE"));
    end(&g);
}
END_TEST

START_TEST(secret_env__wipes)
{
    struct given g;
    begin(&g);
    secret_env_wipe("SECRET");
    ck_assert_str_eq(getenv("SECRET"), "");
    end(&g);
}
END_TEST

CHECK_MAIN("secret_env", secret_env__hides_and_is_found, secret_env__wipes)
