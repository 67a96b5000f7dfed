// SPDX-License-Identifier: Apache-2.0
// lib/base/file, in a folder of its own.
#include "lib/base/file.h"
#include "tests/unit/check_main.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char folder[64];
static int folder_fd = -1;

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/vox-test-file-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(folder_fd, 0);
}

static size_t count_entries(void)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return count;
}

static void remove_folder(void)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        unlinkat(folder_fd, entry->d_name, 0);
        unlinkat(folder_fd, entry->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
    close(folder_fd);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void put_file(const char *name, struct str bytes, mode_t mode)
{
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert(fd_write_all(fd, bytes.ptr, bytes.len));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

START_TEST(file__reads_within_its_ceiling)
{
    static const struct {
        size_t size, before, ceiling;
        bool ok;
    } rows[] = {
        {0, 0, 0, true},
        {0, 0, 10, true},
        {1, 0, 0, false},
        {10, 0, 10, true},
        {10, 0, 9, false},
        {10, 5, 15, true},
        {10, 5, 14, false},
        {10, 0, 1 << 20, true},
        {200000, 0, 200000, true},
        {200000, 0, 199999, false},
        {200000, 7, 1 << 20, true},
    };
    static char bytes[200000];
    make_folder();
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7 + i / 251);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf buf;
        struct err err = {"unset"};
        put_file("a", str_slice(bytes, rows[i].size), 0644);
        buf_init(&buf, rows[i].ceiling);
        ck_assert(buf_put(&buf, "before!", rows[i].before));
        bool ok = file_read_at(folder_fd, "a", &buf, &err);
        ck_assert_msg(ok == rows[i].ok, "row %zu: %s", i, err.text);
        ck_assert(buf_ok(&buf));
        ck_assert_uint_eq(buf.len, rows[i].before + (ok ? rows[i].size : 0));
        if (ok && rows[i].size)
            ck_assert_mem_eq(buf.ptr + rows[i].before, bytes, rows[i].size);
        ck_assert_int_eq(strcmp(err.text, "unset") == 0, ok);
        buf_release(&buf);
    }
    remove_folder();
}
END_TEST

START_TEST(file__reads_files_without_a_size)
{
    struct buf buf;
    struct err err;
    buf_init(&buf, 1 << 20);
    ck_assert_msg(file_read_at(AT_FDCWD, "/proc/self/status", &buf, &err), "%s", err.text);
    ck_assert_uint_gt(buf.len, 100);
    buf_release(&buf);
}
END_TEST

START_TEST(file__refuses_what_is_no_regular_file)
{
    struct buf buf;
    struct err err;
    make_folder();
    ck_assert_int_eq(mkfifoat(folder_fd, "pipe", 0600), 0);
    ck_assert_int_eq(mkdirat(folder_fd, "folder", 0700), 0);
    static const char *const names[] = {"pipe", "folder", "missing"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        buf_init(&buf, 100);
        err.text[0] = '\0';
        ck_assert_msg(!file_read_at(folder_fd, names[i], &buf, &err), "%s", names[i]);
        ck_assert_ptr_nonnull(strstr(err.text, names[i]));
        buf_release(&buf);
    }
    remove_folder();
}
END_TEST

START_TEST(file__writes_atomically)
{
    struct buf buf;
    struct err err;
    struct stat st;
    make_folder();
    static const char *const texts[] = {"first", "", "second and longer"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ck_assert_msg(file_write_atomic_at(folder_fd, "a", str_from(texts[i]), 0600, &err), "%s", err.text);
        buf_init(&buf, 100);
        ck_assert(file_read_at(folder_fd, "a", &buf, &err));
        ck_assert_view_eq(buf_str(&buf), texts[i]);
        buf_release(&buf);
        ck_assert_uint_eq(count_entries(), 1);
    }
    ck_assert_int_eq(fstatat(folder_fd, "a", &st, 0), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    remove_folder();
}
END_TEST

START_TEST(file__failed_write_leaves_no_temp_file)
{
    struct err err;
    make_folder();
    // A folder stands where the file should go: all but the rename works.
    ck_assert_int_eq(mkdirat(folder_fd, "a", 0700), 0);
    ck_assert(!file_write_atomic_at(folder_fd, "a", STR("x"), 0600, &err));
    ck_assert_uint_eq(count_entries(), 1);
    ck_assert(!file_write_atomic_at(-1, "a", STR("x"), 0600, &err));
    remove_folder();
}
END_TEST

START_TEST(file__writes_into_the_current_folder)
{
    struct err err;
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    make_folder();
    ck_assert_int_eq(fchdir(folder_fd), 0);
    ck_assert_msg(file_write_atomic_at(AT_FDCWD, "a", STR("x"), 0600, &err), "%s", err.text);
    ck_assert_int_eq(fchdir(here), 0);
    close(here);
    ck_assert_uint_eq(count_entries(), 1);
    remove_folder();
}
END_TEST

START_TEST(file__secret_must_be_private)
{
    static const struct {
        const char *bytes;
        mode_t mode;
        const char *secret; // NULL: refused
    } rows[] = {
        {"s3cret\n", 0600, "s3cret"},
        {"s3cret", 0400, "s3cret"},
        {"s3cret\n\n", 0600, "s3cret\n"},
        {"", 0600, ""},
        {"\n", 0600, ""},
        {"s3cret", 0640, NULL},
        {"s3cret", 0604, NULL},
        {"s3cret", 0620, NULL},
        {"s3cret", 0602, NULL},
        {"s3cret", 0710, "s3cret"},
    };
    make_folder();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf buf;
        struct err err;
        char path[128];
        snprintf(path, sizeof(path), "%s/s%zu", folder, i);
        put_file(strrchr(path, '/') + 1, str_from(rows[i].bytes), rows[i].mode);
        buf_init(&buf, 100);
        bool ok = file_read_secret(path, &buf, &err);
        ck_assert_msg(ok == (rows[i].secret != NULL), "row %zu", i);
        ck_assert_view_eq(buf_str(&buf), rows[i].secret ? rows[i].secret : "");
        buf_release(&buf);
    }
    remove_folder();
}
END_TEST

START_TEST(file__secret_is_wiped_when_too_long)
{
    struct buf buf;
    struct err err;
    char path[128];
    make_folder();
    snprintf(path, sizeof(path), "%s/s", folder);
    put_file("s", STR("0123456789"), 0600);
    buf_init(&buf, 9);
    ck_assert(!file_read_secret(path, &buf, &err));
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_ptr_null(strstr(err.text, "012"));
    buf_release(&buf);
    remove_folder();
}
END_TEST

START_TEST(fd__write_all_goes_on_after_part)
{
    // A pipe takes 64 KiB at a time; the child drains it.
    static char bytes[300000];
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        size_t total = 0;
        close(fds[1]);
        for (ssize_t n; (n = read(fds[0], bytes, sizeof(bytes))) > 0;)
            total += (size_t)n;
        _exit(total == sizeof(bytes) ? 0 : 1);
    }
    close(fds[0]);
    ck_assert(fd_write_all(fds[1], bytes, sizeof(bytes)));
    close(fds[1]);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    errno = 0;
    ck_assert(!fd_write_all(-1, "x", 1));
    ck_assert_int_eq(errno, EBADF);
}
END_TEST

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

CHECK_MAIN_WITH(setup, "file", file__reads_within_its_ceiling, file__reads_files_without_a_size,
                file__refuses_what_is_no_regular_file, file__writes_atomically,
                file__failed_write_leaves_no_temp_file, file__writes_into_the_current_folder,
                file__secret_must_be_private, file__secret_is_wiped_when_too_long,
                fd__write_all_goes_on_after_part)
