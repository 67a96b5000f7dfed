// SPDX-License-Identifier: Apache-2.0
// One entry of the spool: put, read, named, deleted, moved.
#include "test_spool_temp.h"

#include "check_main.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sodium.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define KEY "018f0000-0000-7000-8000-000000000001"

static struct spool_reader reader;

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
    spool_reader_init(&reader);
}

static enum spool_read read_entry(struct spool *spool, const char *name, struct spool_entry *entry,
                                  struct err *why)
{
    *why = (struct err){""};
    return spool_read(spool, name, &reader, entry, why);
}

START_TEST(spool_entry__comes_back_as_put)
{
    struct uuid id;
    struct err err = {""};
    struct spool_entry entry;
    char name[UUID_TEXT_LEN + 8], path[128];
    const int64_t now = 1790000000123LL * USEC_PER_MSEC;
    temp_enter();
    struct spool *spool = temp_spool(true);
    ck_assert_int_eq(spool_enqueue(spool, STR(" {\"a\" : [1, \"x y\"]}\n"), now, &id, &err),
                     SPOOL_PUT_STORED);
    uuid_format(&id, name);
    memcpy(name + UUID_TEXT_LEN, ".json", sizeof(".json"));
    snprintf(path, sizeof(path), "spool/pending/%s", name);
    ck_assert_uint_eq(temp_mode(path), 0600);
    ck_assert_int_eq(read_entry(spool, name, &entry, &err), SPOOL_READ_OK);
    ck_assert_view_eq(entry.text, "{\"a\":[1,\"x y\"]}");
    ck_assert(uuid_eq(&entry.id, &id));
    ck_assert(entry.has_time);
    ck_assert_int_eq(entry.time_us, now);
    ck_assert_int_eq(spool_delete(spool, &entry, &err), SPOOL_DONE);
    ck_assert_int_eq(read_entry(spool, name, &entry, &err), SPOOL_READ_GONE);
    spool_close(spool);
    temp_leave();
}
END_TEST

START_TEST(spool_entry__is_refused_unless_one_object)
{
    static const char *const rows[] = {"",
                                       " ",
                                       "[]",
                                       "1",
                                       "null",
                                       "{",
                                       "{} {}",
                                       "{\"a\":1,}",
                                       "{'a':1}",
                                       "{\"a\":1,\"a\":2}",
                                       "\"x\"",
                                       "{\"a\":\"\\u0000\"}",
                                       "{\"a\":1e999}",
                                       "\xef\xbb\xbf{}"};
    struct uuid id;
    struct err err;
    temp_enter();
    struct spool *spool = temp_spool(true);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(spool_enqueue(spool, str_from(rows[i]), 0, &id, &err) == SPOOL_PUT_REFUSED, "row %zu",
                      i);
    struct spool_count count;
    ck_assert(spool_count(spool, SPOOL_PENDING, &count, &err));
    ck_assert_uint_eq(count.entries + count.ignored, 0);
    spool_close(spool);
    temp_leave();
}
END_TEST

START_TEST(spool_entry__id_is_the_name_or_made_of_name_and_content)
{
    struct spool_entry a, b, c, d;
    struct err why;
    temp_enter();
    struct spool *spool = temp_spool(true);
    temp_write("spool/pending/" KEY ".json", "{}");
    temp_write("spool/pending/0F8FAD5B-D9CB-469F-A165-70867728950E.json", "{}");
    temp_write("spool/pending/note.json", "{ \"a\": 1 }");
    temp_write("spool/pending/other.json", "{\"a\":1}");
    ck_assert_int_eq(read_entry(spool, KEY ".json", &a, &why), SPOOL_READ_OK);
    char text[UUID_TEXT_LEN + 1];
    uuid_format(&a.id, text);
    ck_assert_str_eq(text, KEY);
    ck_assert_int_eq(read_entry(spool, "0F8FAD5B-D9CB-469F-A165-70867728950E.json", &b, &why), SPOOL_READ_OK);
    ck_assert_uint_eq(uuid_version(&b.id), 8);
    ck_assert_int_eq(b.time_us, b.mtime_us);
    ck_assert_int_eq(read_entry(spool, "note.json", &c, &why), SPOOL_READ_OK);
    ck_assert_uint_eq(uuid_version(&c.id), 8);
    ck_assert_int_eq(read_entry(spool, "other.json", &d, &why), SPOOL_READ_OK);
    ck_assert(!uuid_eq(&c.id, &d.id));
    ck_assert_mem_eq(c.sha256, d.sha256, SHA256_LEN);
    // White space is no content: the id stays.
    temp_write("spool/pending/note.json", "{\"a\":1}");
    ck_assert_int_eq(read_entry(spool, "note.json", &d, &why), SPOOL_READ_OK);
    ck_assert(uuid_eq(&c.id, &d.id));
    temp_write("spool/pending/note.json", "{\"a\":2}");
    ck_assert_int_eq(read_entry(spool, "note.json", &d, &why), SPOOL_READ_OK);
    ck_assert(!uuid_eq(&c.id, &d.id));
    spool_close(spool);
    temp_leave();
}
END_TEST

START_TEST(spool_entry__time_beyond_rfc3339_is_left_out)
{
    struct spool_entry entry;
    struct err why;
    temp_enter();
    struct spool *spool = temp_spool(true);
    temp_write("spool/pending/ffffffff-ffff-7fff-8fff-ffffffffffff.json", "{}");
    ck_assert_int_eq(read_entry(spool, "ffffffff-ffff-7fff-8fff-ffffffffffff.json", &entry, &why),
                     SPOOL_READ_OK);
    ck_assert(!entry.has_time);
    // A time that no file system should hand out, and some do.
    const struct timespec far[2] = {{.tv_sec = INT64_MAX}, {.tv_sec = INT64_MAX}};
    temp_write("spool/pending/far.json", "{}");
    ck_assert_int_eq(utimensat(AT_FDCWD, temp_path("spool/pending/far.json"), far, 0), 0);
    ck_assert_int_eq(read_entry(spool, "far.json", &entry, &why), SPOOL_READ_OK);
    ck_assert(entry.has_time == spool_time_can_be_said(entry.time_us));
    ck_assert(!spool_time_can_be_said(-1) && spool_time_can_be_said(0));
    spool_close(spool);
    temp_leave();
}
END_TEST

START_TEST(spool_entry__is_skipped_if_not_a_plain_file_of_ours)
{
    static const struct {
        const char *name, *why;
    } rows[] = {{"link.json", "symbolic link"},   {"dangling.json", "symbolic link"},
                {"pipe.json", "no regular file"}, {"folder.json", "no regular file"},
                {"twice.json", "hard link"},      {"foreign.json", "another user"}};
    struct spool_entry entry;
    struct err why;
    char path[64];
    temp_enter();
    struct spool *spool = temp_spool(true);
    temp_write("target", "{}");
    ck_assert_int_eq(symlink(temp_path("target"), temp_path("spool/pending/link.json")), 0);
    ck_assert_int_eq(symlink("/nonexistent", temp_path("spool/pending/dangling.json")), 0);
    ck_assert_int_eq(mkfifo(temp_path("spool/pending/pipe.json"), 0600), 0);
    ck_assert_int_eq(mkdir(temp_path("spool/pending/folder.json"), 0700), 0);
    ck_assert_int_eq(link(temp_path("target"), temp_path("spool/pending/twice.json")), 0);
    temp_write("spool/pending/foreign.json", "{}");
    bool is_root = geteuid() == 0;
    if (is_root)
        ck_assert_int_eq(chown(temp_path("spool/pending/foreign.json"), 12345, 0), 0);
    for (size_t i = 0; i + (is_root ? 0 : 1) < ARRAY_LEN(rows); i++) {
        enum spool_read read = read_entry(spool, rows[i].name, &entry, &why);
        ck_assert_msg(read == SPOOL_READ_SKIPPED, "%s: %d", rows[i].name, read);
        ck_assert_msg(strstr(why.text, rows[i].why) != NULL, "%s: %s", rows[i].name, why.text);
        snprintf(path, sizeof(path), "spool/pending/%s", rows[i].name);
        ck_assert(temp_exists(path));
    }
    spool_close(spool);
    temp_leave();
}
END_TEST

START_TEST(spool_entry__is_bad_if_it_can_never_be_sent)
{
    static const struct {
        const char *text, *why;
    } rows[] = {{"", "is empty"},
                {"{\"a\":", "json_malformed"},
                {"[1]", "json_not_object"},
                {"\x7f"
                 "ELF",
                 "json_malformed"},
                {"{\"a\":\"\xff\"}", "json_string_refused"}};
    struct spool_entry entry;
    struct err why;
    temp_enter();
    struct spool *spool = temp_spool(true);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        temp_write("spool/pending/x.json", rows[i].text);
        enum spool_read read = read_entry(spool, "x.json", &entry, &why);
        ck_assert_msg(read == SPOOL_READ_BAD, "row %zu: %d", i, read);
        ck_assert_msg(strstr(why.text, rows[i].why) != NULL, "row %zu: %s", i, why.text);
        ck_assert_int_gt(entry.mtime_us, 0);
    }
    ck_assert_int_eq(truncate(temp_path("spool/pending/x.json"), SPOOL_FILE_BYTES + 1), 0);
    ck_assert_int_eq(read_entry(spool, "x.json", &entry, &why), SPOOL_READ_BAD);
    ck_assert_msg(strstr(why.text, "larger") != NULL, "%s", why.text);
    spool_close(spool);
    temp_leave();
}
END_TEST

// From here on this process can open no entry, as where SELinux forbids it.
static bool forbid_opening(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_NOCTTY, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = ARRAY_LEN(code), .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

START_TEST(spool_entry__is_bad_only_if_its_own_mode_forbids_reading)
{
    static const struct {
        unsigned mode;
        enum spool_read want;
        const char *why;
    } rows[] = {{0600, SPOOL_READ_SKIPPED, "permission denied"}, {0200, SPOOL_READ_BAD, "chmod u+r"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct spool_entry entry;
        struct err why;
        int status;
        temp_enter();
        struct spool *spool = temp_spool(true);
        temp_write("spool/pending/x.json", "{}");
        ck_assert_int_eq(chmod(temp_path("spool/pending/x.json"), rows[i].mode), 0);
        pid_t child = fork();
        if (child == 0)
            _exit(!forbid_opening()                                           ? 2
                  : read_entry(spool, "x.json", &entry, &why) != rows[i].want ? 3
                  : strstr(why.text, rows[i].why) == NULL                     ? 4
                                                                              : 0);
        ck_assert_int_gt(child, 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "row %zu: %d", i, status);
        spool_close(spool);
        temp_leave();
    }
}
END_TEST

START_TEST(spool_entry__that_changed_is_not_deleted)
{
    struct spool_entry entry;
    struct err why;
    temp_enter();
    struct spool *spool = temp_spool(true);
    temp_write("spool/pending/x.json", "{}");
    ck_assert_int_eq(read_entry(spool, "x.json", &entry, &why), SPOOL_READ_OK);
    temp_write("spool/pending/x.json", "{\"new\":1}");
    ck_assert_int_eq(spool_delete(spool, &entry, &why), SPOOL_DONE_CHANGED);
    ck_assert(temp_exists("spool/pending/x.json"));
    unlink(temp_path("spool/pending/x.json"));
    ck_assert_int_eq(spool_delete(spool, &entry, &why), SPOOL_DONE);
    spool_close(spool);
    temp_leave();
}
END_TEST

static struct spool_entry stamped(const char *name)
{
    char path[64];
    struct spool_entry entry = {.name = name};
    snprintf(path, sizeof(path), "spool/pending/%s", name);
    ck_assert_int_eq(lstat(temp_path(path), &entry.stamp), 0);
    return entry;
}

START_TEST(spool_entry__moves_with_its_reason_and_never_over_another)
{
    struct err err = {""};
    struct spool_entry entry;
    temp_enter();
    struct spool *spool = temp_spool(true);
    for (int i = 0; i < 3; i++) {
        temp_write("spool/pending/x.json", "{");
        entry = stamped("x.json");
        ck_assert_msg(spool_set_bad(spool, &entry, STR("is torn\n"), &err) == SPOOL_DONE, "%s", err.text);
        ck_assert(!temp_exists("spool/pending/x.json"));
    }
    ck_assert_uint_eq(temp_count(spool, SPOOL_BAD), 3);
    ck_assert(temp_exists("spool/bad/x.json"));
    ck_assert(temp_exists("spool/bad/x.json.reason"));
    ck_assert_uint_eq(temp_mode("spool/bad"), 0700);
    temp_write("spool/pending/y.json", "{}");
    entry = stamped("y.json");
    ck_assert(spool_set_rejected(spool, &entry, STR("{}\n"), &err) == SPOOL_DONE);
    ck_assert(temp_exists("spool/rejected/y.json"));
    ck_assert(temp_exists("spool/rejected/y.json.answer"));
    ck_assert_uint_eq(temp_count(spool, SPOOL_PENDING), 0);
    // Pruned by another tool meanwhile: nothing to move, and no note about it.
    ck_assert_msg(spool_set_bad(spool, &entry, STR("is torn\n"), &err) == SPOOL_DONE, "%s", err.text);
    ck_assert(!temp_exists("spool/bad/y.json.reason"));
    // Written anew meanwhile: what was judged is not what stands there.
    temp_write("spool/pending/z.json", "{");
    entry = stamped("z.json");
    temp_write("spool/pending/z.json", "{\"a\":1}");
    ck_assert(spool_set_bad(spool, &entry, STR("is torn\n"), &err) == SPOOL_DONE_CHANGED);
    ck_assert(temp_exists("spool/pending/z.json"));
    ck_assert(!temp_exists("spool/bad/z.json.reason"));
    spool_close(spool);
    temp_leave();
}
END_TEST

START_TEST(spool_entry__goes_back_under_its_first_name)
{
    struct err err = {""};
    struct spool_entry entry;
    temp_enter();
    struct spool *spool = temp_spool(true);
    const char *name = "018f0000-0000-7000-8000-000000000000.json";
    for (int i = 0; i < 2; i++) {
        temp_write("spool/pending/018f0000-0000-7000-8000-000000000000.json", "{}");
        entry = stamped(name);
        ck_assert(spool_set_rejected(spool, &entry, STR("{}\n"), &err) == SPOOL_DONE);
    }
    struct spool_iter *iter = spool_iter_new(spool, SPOOL_REJECTED);
    const char *at;
    unsigned done = 0, skipped = 0;
    while (spool_iter_next(iter, &at, &err) && at) {
        enum spool_again again = spool_retry(spool, SPOOL_REJECTED, at, &err);
        done += again == SPOOL_AGAIN_DONE;
        skipped += again == SPOOL_AGAIN_SKIPPED;
    }
    spool_iter_free(iter);
    // The second bears a random part, whose own name is free in pending/.
    ck_assert_uint_eq(done, 2);
    ck_assert_uint_eq(skipped, 0);
    ck_assert(temp_exists("spool/pending/018f0000-0000-7000-8000-000000000000.json"));
    ck_assert_uint_eq(temp_count(spool, SPOOL_PENDING), 2);
    ck_assert_uint_eq(temp_count(spool, SPOOL_REJECTED), 0);
    ck_assert(!temp_exists("spool/rejected/018f0000-0000-7000-8000-000000000000.json.answer"));
    // One of that name waits already: neither is touched.
    entry = stamped(name);
    ck_assert(spool_set_rejected(spool, &entry, STR("{}\n"), &err) == SPOOL_DONE);
    temp_write("spool/pending/018f0000-0000-7000-8000-000000000000.json", "{\"new\":1}");
    ck_assert_int_eq(spool_retry(spool, SPOOL_REJECTED, name, &err), SPOOL_AGAIN_SKIPPED);
    ck_assert(temp_exists("spool/rejected/018f0000-0000-7000-8000-000000000000.json.answer"));
    ck_assert_int_eq(spool_retry(spool, SPOOL_REJECTED, "gone.json", &err), SPOOL_AGAIN_GONE);
    ck_assert_int_eq(symlink("/etc/passwd", temp_path("spool/rejected/link.json")), 0);
    ck_assert_int_eq(spool_retry(spool, SPOOL_REJECTED, "link.json", &err), SPOOL_AGAIN_SKIPPED);
    ck_assert_int_eq(spool_purge(spool, SPOOL_REJECTED, "link.json", &err), SPOOL_AGAIN_SKIPPED);
    ck_assert_int_eq(spool_purge(spool, SPOOL_REJECTED, name, &err), SPOOL_AGAIN_DONE);
    ck_assert(!temp_exists("spool/rejected/018f0000-0000-7000-8000-000000000000.json.answer"));
    spool_close(spool);
    temp_leave();
}
END_TEST

// By its note: what a name looks like says nothing of how it came about.
START_TEST(spool_entry__gets_no_name_that_it_never_had)
{
    static const char *const names[] = {"foo~12345678.json", "foo~.json", "foo", "foo~12345678~.json"};
    struct err err = {""};
    temp_enter();
    struct spool *spool = temp_spool(true);
    char path[64 + SPOOL_NAME_MAX], longest[SPOOL_NAME_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        bool renamed = !str_ends(str_from(names[i]), STR(".json"));
        char moved[64];
        snprintf(path, sizeof(path), "spool/pending/%s", names[i]);
        snprintf(moved, sizeof(moved), "%s%s", names[i], renamed ? "~.json" : "");
        temp_write(path, "{}");
        struct spool_entry entry = stamped(names[i]);
        ck_assert_int_eq(spool_set_bad(spool, &entry, STR("is torn\n"), &err), SPOOL_DONE);
        ck_assert(!temp_exists(path));
        ck_assert_msg(spool_retry(spool, SPOOL_BAD, moved, &err) == SPOOL_AGAIN_DONE, "%s: %s", moved,
                      err.text);
        ck_assert_msg(temp_exists(path), "%s", names[i]);
        unlink(temp_path(path));
    }
    // One that had to be cut short gets all of it back, whatever bytes it is made of.
    memset(longest, 'n', SPOOL_NAME_MAX);
    memcpy(longest, "\xff\nFirst name: x", strlen("\xff\nFirst name: x"));
    longest[SPOOL_NAME_MAX] = '\0';
    snprintf(path, sizeof(path), "spool/pending/%s", longest);
    temp_write(path, "{}");
    struct spool_entry entry = {.name = longest};
    ck_assert_int_eq(lstat(temp_path(path), &entry.stamp), 0);
    ck_assert_int_eq(spool_set_rejected(spool, &entry, STR("{}\n"), &err), SPOOL_DONE);
    struct spool_iter *iter = spool_iter_new(spool, SPOOL_REJECTED);
    const char *moved;
    ck_assert(spool_iter_next(iter, &moved, &err) && moved);
    ck_assert_int_eq(spool_retry(spool, SPOOL_REJECTED, moved, &err), SPOOL_AGAIN_DONE);
    ck_assert(temp_exists(path));
    spool_iter_free(iter);
    // A note of an earlier release names nothing; one that names a path is not believed.
    static const char *const notes[] = {"is torn\n", "is torn\nFirst name: ../x\n", "\nFirst name: foo"};
    for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
        temp_write("spool/bad/foo~.json", "{}");
        temp_write("spool/bad/foo~.json.reason", notes[i]);
        ck_assert_int_eq(spool_retry(spool, SPOOL_BAD, "foo~.json", &err), SPOOL_AGAIN_DONE);
        ck_assert(temp_exists("spool/pending/foo~.json"));
        unlink(temp_path("spool/pending/foo~.json"));
    }
    spool_close(spool);
    temp_leave();
}
END_TEST

START_TEST(spool_entry__names_that_differ_in_case_have_ids_of_their_own)
{
    uint8_t hash[SHA256_LEN] = {7};
    struct uuid lower = spool_entry_id("018f0000-0000-7000-8000-00000000abcd.json", hash);
    struct uuid upper = spool_entry_id("018F0000-0000-7000-8000-00000000ABCD.json", hash);
    ck_assert(!uuid_eq(&lower, &upper));
    ck_assert_uint_eq(uuid_version(&lower), 7);
    ck_assert_uint_eq(uuid_version(&upper), 8);
}
END_TEST

CHECK_MAIN_WITH(
    setup, "spool_entry", spool_entry__comes_back_as_put, spool_entry__is_refused_unless_one_object,
    spool_entry__id_is_the_name_or_made_of_name_and_content, spool_entry__time_beyond_rfc3339_is_left_out,
    spool_entry__is_skipped_if_not_a_plain_file_of_ours, spool_entry__is_bad_if_it_can_never_be_sent,
    spool_entry__is_bad_only_if_its_own_mode_forbids_reading, spool_entry__that_changed_is_not_deleted,
    spool_entry__moves_with_its_reason_and_never_over_another, spool_entry__goes_back_under_its_first_name,
    spool_entry__gets_no_name_that_it_never_had, spool_entry__names_that_differ_in_case_have_ids_of_their_own)
