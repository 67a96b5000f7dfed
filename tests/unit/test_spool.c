// SPDX-License-Identifier: Apache-2.0
// The spool's folders: where, whose, created how, locked by whom, listed in which order.
#include "test_spool_temp.h"

#include "check_main.h"

#include <sodium.h>
#include <utime.h>

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

START_TEST(spool__is_located_by_the_rule)
{
    temp_enter();
    mkdir(temp_path("repo"), 0755);
    mkdir(temp_path("repo/.git"), 0755);
    mkdir(temp_path("repo/a"), 0755);
    mkdir(temp_path("repo/a/b"), 0755);
    mkdir(temp_path("vox"), 0755);
    mkdir(temp_path("vox/a"), 0755);
    temp_write("vox/Vox.toml", "");
    mkdir(temp_path("tree"), 0755);
    temp_write("tree/.git", "gitdir: elsewhere");
    mkdir(temp_path("plain"), 0755);
    static const struct {
        const char *option, *environment, *cwd, *home;
        enum spool_source source;
        const char *want; // below the temp folder unless absolute
    } rows[] = {
        {"/x/y", "/e", "repo", "plain", SPOOL_FROM_OPTION, "/x/y"},
        {"/x/y//", NULL, "repo", "plain", SPOOL_FROM_OPTION, "/x/y"},
        {"", "/e", "repo", "plain", SPOOL_FROM_ENVIRONMENT, "/e"},
        {NULL, NULL, "repo", "plain", SPOOL_FROM_REPOSITORY, "repo"},
        {NULL, "", "repo/a/b", "plain", SPOOL_FROM_REPOSITORY, "repo"},
        {NULL, NULL, "vox/a", "plain", SPOOL_FROM_REPOSITORY, "vox"},
        {NULL, NULL, "tree", "plain", SPOOL_FROM_REPOSITORY, "tree"},
        {NULL, NULL, "plain", "plain", SPOOL_FROM_HOME, "plain"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct spool_place place;
        struct err err = {""};
        char cwd[512], home[512], want[600];
        snprintf(cwd, sizeof(cwd), "%s/%s", temp_root, rows[i].cwd);
        snprintf(home, sizeof(home), "%s/%s", temp_root, rows[i].home);
        if (rows[i].want[0] == '/')
            snprintf(want, sizeof(want), "%s", rows[i].want);
        else
            snprintf(want, sizeof(want), "%s/%s/.vox/telemetry-upload-queue", temp_root, rows[i].want);
        struct spool_hints hints = {rows[i].option, rows[i].environment, cwd, home};
        ck_assert_msg(spool_locate_from(&hints, &place, &err), "row %zu: %s", i, err.text);
        ck_assert_msg(strcmp(place.path, want) == 0, "row %zu: %s", i, place.path);
        ck_assert_msg(place.source == rows[i].source, "row %zu", i);
    }
    temp_leave();
}
END_TEST

START_TEST(spool__has_no_place_without_a_home)
{
    struct spool_place place;
    struct err err;
    temp_enter();
    struct spool_hints hints = {.cwd = temp_root, .home = NULL};
    ck_assert(!spool_locate_from(&hints, &place, &err));
    hints.home = "relative";
    ck_assert(!spool_locate_from(&hints, &place, &err));
    temp_leave();
}
END_TEST

START_TEST(spool__is_empty_while_missing)
{
    const char *name = "";
    struct err err;
    bool taken = false;
    temp_enter();
    struct spool *spool = temp_spool(false);
    ck_assert(!spool_exists(spool));
    ck_assert_uint_eq(temp_count(spool, SPOOL_PENDING), 0);
    struct spool_iter *iter = spool_iter_new(spool, SPOOL_PENDING);
    ck_assert(spool_iter_next(iter, &name, &err));
    ck_assert_ptr_null(name);
    spool_iter_free(iter);
    ck_assert(spool_lock(spool, &taken, &err));
    ck_assert(taken);
    spool_close(spool);
    ck_assert(!temp_exists("spool"));
    temp_leave();
}
END_TEST

START_TEST(spool__is_created_private)
{
    temp_enter();
    mode_t old = umask(0);
    spool_close(temp_spool(true));
    umask(old);
    ck_assert_uint_eq(temp_mode("spool"), 0700);
    ck_assert_uint_eq(temp_mode("spool/pending"), 0700);
    ck_assert_uint_eq(temp_mode("spool/.gitignore"), 0600);
    temp_leave();
}
END_TEST

START_TEST(spool__is_made_with_the_folders_above_it)
{
    struct spool_place place;
    struct spool *spool;
    struct err err = {""};
    temp_enter();
    struct spool_hints hints = {.option = temp_path("a/b/c")};
    ck_assert(spool_locate_from(&hints, &place, &err));
    ck_assert_msg(spool_open(&place, true, &spool, &err), "%s", err.text);
    spool_close(spool);
    ck_assert(temp_exists("a/b/c/pending"));
    // Below the place that was found no link is followed, not even in the middle.
    ck_assert_int_eq(mkdir(temp_path("home"), 0700), 0);
    ck_assert_int_eq(symlink(temp_path("a"), temp_path("home/.vox")), 0);
    hints = (struct spool_hints){.cwd = "/", .home = temp_path("home")};
    ck_assert(spool_locate_from(&hints, &place, &err));
    ck_assert(!spool_open(&place, true, &spool, &err));
    ck_assert_msg(strstr(err.text, "symbolic link") != NULL, "%s", err.text);
    temp_leave();
}
END_TEST

static void refuse_open(const char *reason)
{
    struct spool_place place;
    struct spool *spool;
    struct err err = {""};
    struct spool_hints hints = {.option = temp_path("spool")};
    ck_assert(spool_locate_from(&hints, &place, &err));
    ck_assert(!spool_open(&place, true, &spool, &err));
    ck_assert_msg(strstr(err.text, reason) != NULL, "%s", err.text);
}

START_TEST(spool__refuses_folders_that_others_reach)
{
    temp_enter();
    spool_close(temp_spool(true));
    chmod(temp_path("spool"), 0770);
    refuse_open("chmod go-w");
    chmod(temp_path("spool"), 0755); // as the vox tool makes it
    spool_close(temp_spool(true));
    chmod(temp_path("spool/pending"), 0702);
    refuse_open("chmod go-w");
    chmod(temp_path("spool/pending"), 0700);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(temp_path("spool/pending"), 12345, 0), 0);
        refuse_open("another user");
    }
    temp_leave();
}
END_TEST

START_TEST(spool__follows_no_link)
{
    temp_enter();
    mkdir(temp_path("real"), 0700);
    ck_assert_int_eq(symlink(temp_path("real"), temp_path("spool")), 0);
    refuse_open("symbolic link");
    unlink(temp_path("spool"));
    spool_close(temp_spool(true));
    rmdir(temp_path("spool/pending"));
    ck_assert_int_eq(symlink(temp_path("real"), temp_path("spool/pending")), 0);
    refuse_open("symbolic link");
    temp_leave();
}
END_TEST

START_TEST(spool__has_one_uploader)
{
    struct err err = {""};
    bool taken;
    temp_enter();
    struct spool *first = temp_spool(true), *second = temp_spool(true);
    ck_assert(spool_lock(first, &taken, &err));
    ck_assert(taken);
    ck_assert_msg(spool_lock(second, &taken, &err), "%s", err.text);
    ck_assert(!taken);
    spool_close(first);
    ck_assert(spool_lock(second, &taken, &err));
    ck_assert(taken);
    spool_close(second);
    temp_leave();
}
END_TEST

START_TEST(spool__lock_removes_old_temps_only)
{
    struct err err;
    bool taken;
    temp_enter();
    struct spool *spool = temp_spool(true);
    temp_write("spool/pending/.0123456789abcdef.tmp", "{");
    temp_write("spool/pending/.fedcba9876543210.tmp", "{");
    temp_write("spool/pending/.0123456789abcdeg.tmp", "{");
    struct utimbuf old = {.actime = 1000000000, .modtime = 1000000000};
    utime(temp_path("spool/pending/.0123456789abcdef.tmp"), &old);
    utime(temp_path("spool/pending/.0123456789abcdeg.tmp"), &old);
    ck_assert(spool_lock(spool, &taken, &err));
    ck_assert(!temp_exists("spool/pending/.0123456789abcdef.tmp"));
    ck_assert(temp_exists("spool/pending/.fedcba9876543210.tmp"));
    ck_assert(temp_exists("spool/pending/.0123456789abcdeg.tmp"));
    spool_close(spool);
    temp_leave();
}
END_TEST

// More names than the iterator holds at once, made in an order that is not theirs.
START_TEST(spool__lists_in_order_of_name)
{
    enum { MANY = 9001, STEP = 4567 };
    const char *name;
    struct err err;
    char path[sizeof("spool/pending/") + SPOOL_NAME_MAX + 1], before[SPOOL_NAME_MAX + 1] = "";
    unsigned count = 0;
    temp_enter();
    struct spool *spool = temp_spool(true);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(path, sizeof(path), "spool/pending/%06u.json", i * STEP % MANY);
        temp_write(path, "");
    }
    temp_write("spool/pending/.hidden.json", "{}");
    temp_write("spool/pending/half.json.part", "{}");
    temp_write("spool/pending/.json", "{}");
    temp_write("spool/pending/half.swp", "{}");
    temp_write("spool/pending/half~", "{}");
    temp_write("spool/pending/half.json.tmp", "{}");
    // Whatever the name, and however long.
    temp_write("spool/pending/noext", "{}");
    temp_age("spool/pending/noext", 120);
    temp_write("spool/pending/x.JSON", "{}");
    int len = snprintf(path, sizeof(path), "spool/pending/%0*d", SPOOL_NAME_MAX, 7);
    ck_assert_int_eq(len, SPOOL_NAME_MAX + (int)strlen("spool/pending/"));
    temp_write(path, "{}");
    temp_age(path, 120);
    struct spool_iter *iter = spool_iter_new(spool, SPOOL_PENDING);
    while (spool_iter_next(iter, &name, &err) && name) {
        ck_assert_msg(strcmp(name, before) > 0, "%s after %s", name, before);
        memcpy(before, name, strlen(name) + 1);
        if (++count % 3 == 0) { // entries go while they are walked
            snprintf(path, sizeof(path), "spool/pending/%s", name);
            unlink(temp_path(path));
        }
    }
    ck_assert_uint_eq(count, MANY + 3);
    spool_iter_free(iter);
    struct spool_count counted;
    ck_assert(spool_count(spool, SPOOL_PENDING, &counted, &err));
    ck_assert_uint_eq(counted.entries, MANY + 3 - (MANY + 3) / 3);
    ck_assert_uint_eq(counted.ignored, 6);
    spool_close(spool);
    temp_leave();
}
END_TEST

// What other tools make of "x.json" before it is whole, and a name that nobody knows.
START_TEST(spool__leaves_what_is_still_written)
{
    static const struct {
        const char *name;
        int age;
        unsigned entries, young, ignored;
    } rows[] = {
        {"x.json", 0, 1, 0, 0},          {"X.JSON", 0, 1, 0, 0},
        {"x.json", -3600, 1, 0, 0},      {"x.json.AB12CD", 0, 0, 1, 0},
        {"x.json.AB12CD", 30, 0, 1, 0},  {"x.json.AB12CD", 65, 1, 0, 0},
        {"x.json.AB12CD", -1, 0, 1, 0},  {"x.json.123456789", -86400, 0, 1, 0},
        {"tmpab12", 0, 0, 1, 0},         {"tmpab12", 86400, 1, 0, 0},
        {"#", 86400, 1, 0, 0},           {"#x.json#", 86400, 0, 0, 1},
        {"##", 86400, 0, 0, 1},          {"x.json.crdownload", 86400, 0, 0, 1},
        {"x.json.lock", 86400, 0, 0, 1}, {"x.json.Partial", 86400, 0, 0, 1},
        {"x.json.swx", 86400, 0, 0, 1},  {"a.TMP", 86400, 0, 0, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {""};
        struct spool_count count;
        uint64_t entries;
        const char *name;
        char path[64];
        temp_enter();
        struct spool *spool = temp_spool(true);
        snprintf(path, sizeof(path), "spool/pending/%s", rows[i].name);
        temp_write(path, "{}");
        temp_age(path, rows[i].age);
        ck_assert(spool_count(spool, SPOOL_PENDING, &count, &err));
        ck_assert_msg(count.entries == rows[i].entries && count.young == rows[i].young &&
                          count.ignored == rows[i].ignored,
                      "row %zu", i);
        ck_assert(spool_count_entries(spool, SPOOL_PENDING, &entries, &err));
        ck_assert_msg(entries == rows[i].entries, "row %zu", i);
        struct spool_iter *iter = spool_iter_new(spool, SPOOL_PENDING);
        ck_assert(spool_iter_next(iter, &name, &err));
        ck_assert_msg(!name == !rows[i].entries, "row %zu", i);
        spool_iter_free(iter);
        spool_close(spool);
        temp_leave();
    }
}
END_TEST

CHECK_MAIN_WITH(setup, "spool", spool__is_located_by_the_rule, spool__has_no_place_without_a_home,
                spool__is_empty_while_missing, spool__is_created_private,
                spool__is_made_with_the_folders_above_it, spool__refuses_folders_that_others_reach,
                spool__follows_no_link, spool__has_one_uploader, spool__lock_removes_old_temps_only,
                spool__lists_in_order_of_name, spool__leaves_what_is_still_written)
