// SPDX-License-Identifier: Apache-2.0
// Deleting behind the sending: everything that was added, nothing else, in any number of threads.
#include "client/sweep.h"
#include "test_spool_temp.h"

#include "check_main.h"

#include <dirent.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/resource.h>

#define ENTRIES 200
#define QUEUED  5000 // more than the queue holds

static struct spool *spool;
static struct sent_log *log_;
static struct err err;
static char names[ENTRIES][32];
static struct spool_entry entries[ENTRIES];

static void enter(int count)
{
    struct spool_reader reader;
    char path[96];
    temp_enter();
    spool = temp_spool(true);
    ck_assert(sent_log_open(spool, &log_, &err));
    spool_reader_init(&reader);
    for (int i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "%04d.json", i);
        snprintf(path, sizeof(path), "spool/pending/%s", names[i]);
        temp_write(path, "{}");
        ck_assert(spool_read(spool, names[i], &reader, &entries[i], &err) == SPOOL_READ_OK);
    }
    spool_reader_release(&reader);
}

static void leave(void)
{
    ck_assert(sent_log_close(log_, &err));
    spool_close(spool);
    temp_leave();
}

static uint64_t left(void)
{
    uint64_t count;
    ck_assert(spool_count_entries(spool, SPOOL_PENDING, &count, &err));
    return count;
}

static void delete_most(unsigned threads, int count)
{
    enter(count);
    struct sweep *sweep = sweep_new(spool, log_, threads);
    for (int i = 0; i < count; i++)
        if (i % 10)
            ck_assert(sweep_add(sweep, &entries[i], &err));
    ck_assert(sweep_wait(sweep, &err));
    ck_assert_ptr_null(sweep_next_changed(sweep));
    ck_assert_uint_eq(left(), (uint64_t)count / 10);
    ck_assert(sweep_wait(sweep, &err));
    ck_assert(sweep_add(sweep, &entries[0], &err));
    ck_assert(sweep_wait(sweep, &err));
    ck_assert_uint_eq(left(), (uint64_t)count / 10 - 1);
    sweep_free(sweep);
    leave();
}

START_TEST(sweep__deletes_what_was_added_and_nothing_else)
{
    delete_most(0, 50);
    delete_most(1, 50);
    delete_most(4, ENTRIES);
    delete_most(99, 50);
}
END_TEST

// An entry that is gone is deleted, so a few of them fill the queue.
static void overfill(unsigned threads)
{
    enter(20);
    struct sweep *sweep = sweep_new(spool, log_, threads);
    for (int i = 0; i < QUEUED; i++)
        ck_assert(sweep_add(sweep, &entries[i % 20], &err));
    ck_assert(sweep_wait(sweep, &err));
    ck_assert_uint_eq(left(), 0);
    sweep_free(sweep);
    leave();
}

START_TEST(sweep__a_full_queue_holds_up_the_caller)
{
    overfill(0);
    overfill(1);
    overfill(99);
}
END_TEST

START_TEST(sweep__leaves_another_file_under_the_name)
{
    enter(20);
    struct sweep *sweep = sweep_new(spool, log_, 2);
    temp_write("spool/pending/0001.json", "{\"other\":1}");
    ck_assert_int_eq(unlink(temp_path("spool/pending/0002.json")), 0);
    for (int i = 0; i < 4; i++)
        ck_assert(sweep_add(sweep, &entries[i], &err));
    ck_assert(sweep_wait(sweep, &err));
    ck_assert_str_eq(sweep_next_changed(sweep), "0001.json");
    ck_assert_ptr_null(sweep_next_changed(sweep));
    ck_assert_uint_eq(left(), 20 - 3);
    sweep_free(sweep);
    leave();
}
END_TEST

// A folder where the entry was cannot be unlinked, not even by root.
static void fail_one(unsigned threads)
{
    enter(20);
    struct sweep *sweep = sweep_new(spool, log_, threads);
    struct stat st;
    ck_assert_int_eq(unlink(temp_path("spool/pending/0000.json")), 0);
    ck_assert_int_eq(mkdir(temp_path("spool/pending/0000.json"), 0700), 0);
    ck_assert_int_eq(lstat(temp_path("spool/pending/0000.json"), &st), 0);
    entries[0].stamp = st;
    ck_assert(sweep_add(sweep, &entries[0], &err));
    ck_assert(!sweep_wait(sweep, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "cannot delete"));
    ck_assert(!sweep_add(sweep, &entries[1], &err));
    ck_assert(!sweep_wait(sweep, &err));
    ck_assert_uint_eq(left(), 20);
    sweep_free(sweep);
    sweep_free(NULL);
    leave();
}

START_TEST(sweep__stops_at_a_failure)
{
    fail_one(0);
    fail_one(2);
}
END_TEST

// Sanitizers tell if a thread or memory is left.
START_TEST(sweep__can_be_given_up)
{
    enter(20);
    struct sweep *sweep = sweep_new(spool, NULL, 4);
    for (int i = 0; i < 20; i++)
        ck_assert(sweep_add(sweep, &entries[i], &err));
    sweep_free(sweep);
    leave();
}
END_TEST

static bool another_thread_has(int nice)
{
    bool found = false;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        uint64_t id;
        found = found || (str_to_u64(str_from(task->d_name), &id) && (pid_t)id != gettid() &&
                          getpriority(PRIO_PROCESS, (id_t)id) == nice);
    }
    if (tasks)
        closedir(tasks);
    return found;
}

// A thread of its own, since no other could become less nice again.
static void *sweep_nicely(void *context)
{
    int nice = MIN(getpriority(PRIO_PROCESS, (id_t)gettid()) + 7, 19);
    bool *ok = context;
    struct sweep *sweep = sweep_new(spool, log_, 1);
    *ok = setpriority(PRIO_PROCESS, (id_t)gettid(), nice) == 0 && sweep_add(sweep, &entries[0], &err);
    while (*ok && !another_thread_has(MIN(nice + 5, 19)))
        sched_yield();
    sweep_free(sweep);
    return NULL;
}

START_TEST(sweep__is_nicer_than_who_sends)
{
    pthread_t thread;
    bool ok;
    enter(1);
    ck_assert_int_eq(pthread_create(&thread, NULL, sweep_nicely, &ok), 0);
    pthread_join(thread, NULL);
    ck_assert(ok);
    leave();
}
END_TEST

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

CHECK_MAIN_WITH(setup, "sweep", sweep__deletes_what_was_added_and_nothing_else,
                sweep__a_full_queue_holds_up_the_caller, sweep__leaves_another_file_under_the_name,
                sweep__stops_at_a_failure, sweep__can_be_given_up, sweep__is_nicer_than_who_sends)
