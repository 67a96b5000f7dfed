// SPDX-License-Identifier: Apache-2.0
// Entries that git tracks are skipped, whatever form its index has; untracked ones beside them are read.
#include "test_spool_temp.h"

#include "check_main.h"

#include <sodium.h>

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

#define SPOOL_BELOW ".vox/telemetry-upload-queue"
#define TRACKED     "018f0000-0000-7000-8000-000000000001.json"

static void shell(const char *commands)
{
    char line[2048];
    snprintf(line, sizeof(line),
             "cd '%s' && export HOME=\"$PWD\" GIT_CONFIG_NOSYSTEM=1 && git() { command git -c user.name=a "
             "-c user.email=a@b \"$@\"; } && { %s\n} >/dev/null 2>&1",
             temp_root, commands);
    ck_assert_msg(system(line) == 0, "%s", commands);
}

static enum spool_read read_one(struct spool *spool, const char *name, struct err *why)
{
    struct spool_reader reader;
    struct spool_entry entry;
    *why = (struct err){""};
    spool_reader_init(&reader);
    enum spool_read read = spool_read(spool, name, &reader, &entry, why);
    spool_reader_release(&reader);
    return read;
}

static struct spool *open_at(const char *work_tree)
{
    struct spool_place place;
    struct spool *spool;
    struct err err = {""};
    char cwd[512];
    snprintf(cwd, sizeof(cwd), "%s", temp_path(work_tree));
    struct spool_hints hints = {.cwd = cwd};
    ck_assert(spool_locate_from(&hints, &place, &err));
    ck_assert_msg(spool_open(&place, false, &spool, &err), "%s", err.text);
    return spool;
}

// `make` builds a repository in w/ and tracks TRACKED and many others of its spool.
static void expect_skipped(const char *label, const char *make)
{
    struct err why;
    temp_enter();
    shell("mkdir -p w/" SPOOL_BELOW "/pending && chmod -R go-w w && cd w/" SPOOL_BELOW "/pending && "
          "for i in 000 001 002 003 004 005 006 007 008 009 0123456789; do echo '{}' > x$i.json; done && "
          "echo '{}' > " TRACKED);
    shell(make);
    shell("echo '{}' > w/" SPOOL_BELOW "/pending/mine.json");
    struct spool *spool = open_at("w");
    static const char *const tracked[] = {TRACKED, "x000.json", "x009.json", "x0123456789.json"};
    for (size_t i = 0; i < ARRAY_LEN(tracked); i++) {
        enum spool_read read = read_one(spool, tracked[i], &why);
        ck_assert_msg(read == SPOOL_READ_SKIPPED && strstr(why.text, "git"), "%s: %s: %d %s", label,
                      tracked[i], read, why.text);
    }
    ck_assert_msg(read_one(spool, "mine.json", &why) == SPOOL_READ_OK, "%s: %s", label, why.text);
    spool_close(spool);
    temp_leave();
}

static bool git_is_there(void)
{
    return system("git --version >/dev/null 2>&1") == 0;
}

START_TEST(spool_git__tracked_entries_are_skipped)
{
    if (!git_is_there())
        return;
    expect_skipped("version 2", "cd w && git init -q && git add -f .");
    expect_skipped("version 3", "cd w && git init -q && git add -f . && echo n > n && git add -N n && "
                                "git update-index --index-version 3");
    expect_skipped("version 4", "cd w && git init -q && git add -f . && git update-index --index-version 4");
    expect_skipped("split", "cd w && git init -q && git add -f . && git update-index --split-index && "
                            "echo n > n && git add n");
    expect_skipped("SHA-256", "cd w && git init -q --object-format=sha256 && git add -f .");
    expect_skipped("work tree", "cd w && git init -q && git add -f . && git commit -q -m a && cd .. && "
                                "mv w main && git -C main worktree add -q ../w && chmod -R go-w w");
    expect_skipped("no root of its own", "git init -q && git add -f . && touch w/Vox.toml");
}
END_TEST

// A clone can bring pending/ as a submodule: the entries are in the submodule's index only.
START_TEST(spool_git__entries_of_a_submodule_are_skipped)
{
    struct err why;
    if (!git_is_there())
        return;
    temp_enter();
    shell("mkdir s w && cd s && git init -q && echo '{}' > " TRACKED " && git add . && git commit -q -m a");
    shell("cd w && git init -q && git -c protocol.file.allow=always submodule add -q ../s " SPOOL_BELOW
          "/pending && chmod -R go-w .vox && echo '{}' > " SPOOL_BELOW "/pending/mine.json");
    struct spool *spool = open_at("w");
    ck_assert_int_eq(read_one(spool, TRACKED, &why), SPOOL_READ_SKIPPED);
    ck_assert_msg(strstr(why.text, "git"), "%s", why.text);
    ck_assert_msg(read_one(spool, "mine.json", &why) == SPOOL_READ_OK, "%s", why.text);
    spool_close(spool);
    temp_leave();
}
END_TEST

START_TEST(spool_git__repository_without_the_entry_is_no_obstacle)
{
    struct err why;
    if (!git_is_there())
        return;
    temp_enter();
    shell("mkdir -p w/" SPOOL_BELOW "/pending && cd w && git init -q");
    shell("echo '{}' > w/" SPOOL_BELOW "/pending/mine.json && chmod -R go-w w/.vox");
    struct spool *spool = open_at("w");
    ck_assert_int_eq(read_one(spool, "mine.json", &why), SPOOL_READ_OK);
    spool_close(spool);
    shell("cd w && echo a > a && git add a");
    spool = open_at("w");
    ck_assert_int_eq(read_one(spool, "mine.json", &why), SPOOL_READ_OK);
    spool_close(spool);
    temp_leave();
}
END_TEST

// An index that cannot be understood says nothing about an entry, so the entry stays where it is.
START_TEST(spool_git__index_that_is_not_understood_holds_back)
{
    struct err why;
    static const char *const indexes[] = {"", "DIRC", "rubbish that is longer than a header",
                                          "DIRC\\0\\0\\0\\5\\0\\0\\0\\0",
                                          "DIRC\\0\\0\\0\\2\\377\\377\\377\\377x"};
    for (size_t i = 0; i < ARRAY_LEN(indexes); i++) {
        char make[256];
        temp_enter();
        shell("mkdir -p w/" SPOOL_BELOW "/pending w/.git && echo '{}' > w/" SPOOL_BELOW
              "/pending/mine.json && chmod -R go-w w/.vox");
        snprintf(make, sizeof(make), "printf '%s' > w/.git/index", indexes[i]);
        shell(make);
        struct spool *spool = open_at("w");
        ck_assert_msg(read_one(spool, "mine.json", &why) == SPOOL_READ_FAILED, "row %zu", i);
        spool_close(spool);
        temp_leave();
    }
}
END_TEST

CHECK_MAIN_WITH(setup, "spool_git", spool_git__tracked_entries_are_skipped,
                spool_git__entries_of_a_submodule_are_skipped,
                spool_git__repository_without_the_entry_is_no_obstacle,
                spool_git__index_that_is_not_understood_holds_back)
