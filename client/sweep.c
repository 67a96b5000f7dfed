// SPDX-License-Identifier: Apache-2.0
// The queue of deletions and its helpers.
#include "client/sweep.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#define QUEUE         4096 // deletions that may wait: more of them hold up the sending
#define CHUNK         16   // taken at a time, at most
#define PER_HELPER    64   // deletions waiting, for each of which one more helper is worth its start
#define HELPER_NICE   5    // more than the caller: what is still to be sent goes first
#define NICEST        19
#define CHANGED_BYTES ((size_t)16 * 1024 * 1024)

struct job {
    char name[SPOOL_NAME_MAX + 1];
    struct stat stamp;
};

struct sweep {
    struct spool *spool;
    struct sent_log *log;
    unsigned threads_max, threads; // the caller's
    pthread_t ids[SWEEP_THREADS_MAX];
    size_t changed_at; // the caller's: where sweep_next_changed() is

    pthread_mutex_t lock;  // of all below
    pthread_cond_t work;   // for helpers: something can be done
    pthread_cond_t done;   // for the caller: something has been
    uint64_t added;        // ever; the queue holds those from `taken` on
    uint64_t synced;       // of those added, how many have their line on disk
    uint64_t taken;        // of those synced, how many somebody deletes or has deleted
    bool syncing, closing; //
    bool waits;            // a deletion that runs alone waits for the device
    unsigned busy;         // threads that are deleting or syncing
    bool failed;           // `why` says how
    struct err why;        //
    struct buf changed;    // names, each with its NUL
    struct job queue[QUEUE];
};

struct sweep *sweep_new(struct spool *spool, struct sent_log *log, unsigned threads)
{
    struct sweep *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->spool = spool;
    s->log = log;
    s->threads_max = MIN(threads, (unsigned)SWEEP_THREADS_MAX);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->done, NULL);
    buf_init(&s->changed, CHANGED_BYTES);
    return s;
}

static void fail(struct sweep *s, const struct err *why)
{
    if (!s->failed)
        s->why = *why;
    s->failed = true;
}

// The lock is held, and given up meanwhile.
static void sync_log(struct sweep *s)
{
    uint64_t until = s->added;
    struct err why;
    s->syncing = true;
    pthread_mutex_unlock(&s->lock);
    bool ok = !s->log || sent_log_commit(s->log, &why);
    pthread_mutex_lock(&s->lock);
    s->syncing = false;
    if (ok)
        s->synced = until;
    else
        fail(s, &why);
    pthread_cond_broadcast(&s->work);
}

static void delete_one(struct sweep *s, const struct job *job)
{
    const struct spool_entry entry = {.name = job->name, .stamp = job->stamp};
    struct err why;
    enum spool_done done = spool_delete(s->spool, &entry, &why);
    if (done == SPOOL_DONE)
        return;
    pthread_mutex_lock(&s->lock);
    if (done == SPOOL_DONE_CHANGED)
        buf_put(&s->changed, job->name, strlen(job->name) + 1);
    else
        fail(s, &why);
    pthread_mutex_unlock(&s->lock);
}

// How often this thread has given up the processor of itself: where deleting waits, once for each.
static long sleeps(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
}

// The lock is held, and given up meanwhile.
static void delete_some(struct sweep *s)
{
    struct job jobs[CHUNK];
    uint64_t most = MIN(MAX((s->synced - s->taken) / (s->busy + 1), (uint64_t)1), (uint64_t)CHUNK);
    size_t count = 0;
    bool alone = s->busy == 1;
    for (; count < most; s->taken++)
        jobs[count++] = s->queue[s->taken % QUEUE];
    pthread_mutex_unlock(&s->lock);
    long before = sleeps();
    for (size_t i = 0; i < count; i++)
        delete_one(s, &jobs[i]);
    bool slept = (size_t)(sleeps() - before) >= (count + 1) / 2;
    pthread_mutex_lock(&s->lock);
    // Several of them wait for each other too, for the folder's lock.
    if (alone)
        s->waits = slept;
}

// A piece of the work, the lock held before and after; false if there is nothing that this thread could do.
static bool step(struct sweep *s)
{
    bool may_delete = s->taken < s->synced, may_sync = s->synced < s->added && !s->syncing;
    if (s->failed || (!may_delete && !may_sync))
        return false;
    s->busy++;
    if (may_delete)
        delete_some(s);
    else
        sync_log(s);
    s->busy--;
    pthread_cond_signal(&s->done);
    return true;
}

// A thread begins with the priority of its maker. Where that cannot be told or changed it stays.
static void be_nicer(void)
{
    errno = 0;
    int now = getpriority(PRIO_PROCESS, (id_t)gettid());
    if (errno == 0)
        (void)!setpriority(PRIO_PROCESS, (id_t)gettid(), MIN(now + HELPER_NICE, NICEST));
}

static void *help(void *context)
{
    struct sweep *s = context;
    pthread_setname_np(pthread_self(), "sweep");
    be_nicer();
    pthread_mutex_lock(&s->lock);
    while (!s->closing)
        if (!step(s))
            pthread_cond_wait(&s->work, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

// Signals are the caller's: one that a helper took would not wake it.
static void start_helper(struct sweep *s)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&s->ids[s->threads], NULL, help, s) == 0)
        s->threads++;
    else
        s->threads_max = s->threads; // the machine has no more
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

// The lock is not held.
static void start_helpers(struct sweep *s, uint64_t waiting, bool waits)
{
    uint64_t wanted = waits ? 1 + waiting / PER_HELPER : 1;
    while (s->threads < wanted && s->threads < s->threads_max)
        start_helper(s);
}

static bool told(const struct sweep *s, struct err *err)
{
    if (s->failed)
        *err = s->why;
    return !s->failed;
}

bool sweep_add(struct sweep *s, const struct spool_entry *entry, struct err *err)
{
    pthread_mutex_lock(&s->lock);
    while (!s->failed && s->added - s->taken == QUEUE)
        if (!step(s))
            pthread_cond_wait(&s->done, &s->lock);
    bool ok = told(s, err);
    if (ok) {
        struct job *job = &s->queue[s->added++ % QUEUE];
        snprintf(job->name, sizeof(job->name), "%s", entry->name);
        job->stamp = entry->stamp;
    }
    uint64_t waiting = s->added - s->taken;
    bool waits = s->waits, idle = !s->syncing;
    pthread_mutex_unlock(&s->lock);
    if (ok)
        start_helpers(s, waiting, waits);
    if (idle)
        pthread_cond_signal(&s->work);
    return ok;
}

bool sweep_wait(struct sweep *s, struct err *err)
{
    pthread_mutex_lock(&s->lock);
    for (;;) {
        if (step(s))
            continue;
        if (!s->busy)
            break;
        pthread_cond_wait(&s->done, &s->lock);
    }
    bool ok = told(s, err);
    if (ok && !buf_ok(&s->changed))
        ok = err_set(err, "out of memory");
    pthread_mutex_unlock(&s->lock);
    return ok;
}

const char *sweep_next_changed(struct sweep *s)
{
    if (s->changed_at >= s->changed.len)
        return NULL;
    const char *name = s->changed.ptr + s->changed_at;
    s->changed_at += strlen(name) + 1;
    return name;
}

void sweep_free(struct sweep *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < s->threads; i++)
        pthread_join(s->ids[i], NULL);
    pthread_cond_destroy(&s->done);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    buf_release(&s->changed);
    free(s);
}
