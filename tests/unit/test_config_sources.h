// SPDX-License-Identifier: Apache-2.0
// A folder, an environment and flags to load configurations from. Include last.
#ifndef VOX_TESTS_UNIT_TEST_CONFIG_SOURCES_H
#define VOX_TESTS_UNIT_TEST_CONFIG_SOURCES_H

#include "lib/base/file.h"
#include "server/config/config.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#include "tests/unit/check_main.h"

static char dir[64]; // holds what a case writes

static inline void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

static inline void make_dir(void)
{
    snprintf(dir, sizeof(dir), "/tmp/vox-config-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static inline void remove_dir(void)
{
    static const char *const names[] = {"sink.yaml", "url", "database_url"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    ck_assert_int_eq(rmdir(dir), 0);
}

static inline void clear_environment(void)
{
    static const char *const names[] = {
        "CONFIG", "LISTEN", "QUEUE_EVENTS", "DATABASE_URL", "DATABASE_URL_FILE", "LOG_LEVEL", "QEUE_EVENTS"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char name[64];
        snprintf(name, sizeof(name), "VOX_SINK_%s", names[i]);
        unsetenv(name);
    }
    unsetenv("CREDENTIALS_DIRECTORY");
}

// The path of a file in `dir` with this text and mode; static.
static inline const char *put_file(const char *name, const char *text, mode_t mode)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % ARRAY_LEN(paths)];
    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert(fd_write_all(fd, text, strlen(text)));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

#define ARGV_MAX 8
// Loads with up to ARGV_MAX words behind the command's name, ended by NULL.
static inline bool load(struct config *config, const char *const *words, int *ret_words, struct err *err)
{
    char *argv[ARGV_MAX + 1] = {"serve"};
    int argc = 1;
    for (; words && words[argc - 1]; argc++)
        argv[argc] = (char *)words[argc - 1];
    return config_load(config, argc, argv, ret_words, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline struct config loaded(const char *const *words)
{
    struct config config;
    struct err err = {""};
    ck_assert_msg(load(&config, words, NULL, &err), "%s", err.text);
    return config;
}

static inline void refused(const char *const *words, enum config_source fault, const char *const *sentences)
{
    struct config config;
    struct err err = {""};
    ck_assert_msg(!load(&config, words, NULL, &err), "%s was taken", words ? words[0] : "it");
    for (; *sentences; sentences++)
        ck_assert_msg(strstr(err.text, *sentences), "\"%s\" does not say \"%s\"", err.text, *sentences);
    ck_assert_msg(config.fault == fault, "\"%s\" is the fault of %d", err.text, (int)config.fault);
}

#endif
