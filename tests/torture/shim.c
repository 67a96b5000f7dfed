// SPDX-License-Identifier: Apache-2.0
// Makes the n-th allocation or the n-th libpq call of a process fail. Loaded by LD_PRELOAD into the program
// under torture; tests/torture/run arms it through a file that both map.
//
// Allocation is taken over as the C library's manual describes ("Replacing malloc"); what does not fail goes
// on to the library's own functions. Calls of libpq are found behind us by dlsym(RTLD_NEXT).
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// The file, as tests/torture/control.py has it: native 64-bit integers.
struct control {
    _Atomic int64_t alloc_left; // counts down; the allocation that takes it from 1 to 0 fails. 0: unarmed
    _Atomic int64_t alloc_seen; // all so far
    _Atomic int64_t libpq_left;
    _Atomic int64_t libpq_seen;
};

static struct control nowhere;
static struct control *control = &nowhere;

static int fails(_Atomic int64_t *left, _Atomic int64_t *seen)
{
    atomic_fetch_add_explicit(seen, 1, memory_order_relaxed);
    int64_t value = atomic_load_explicit(left, memory_order_relaxed);
    while (value > 0)
        if (atomic_compare_exchange_weak(left, &value, value - 1))
            return value == 1;
    return 0;
}

__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv("VOX_TORTURE_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        control = map;
}

// ---- allocation

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

// Within the C library's search for users: glibc 2.36 does not survive a failure there (a null pointer, an
// assertion, a module's thread-local data), and nobody outside can help it.
static _Thread_local int searching __attribute__((tls_model("initial-exec")));

static int alloc_fails(void)
{
    if (searching || !fails(&control->alloc_left, &control->alloc_seen))
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return alloc_fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return alloc_fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return alloc_fails() ? NULL : __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size)
{
    return alloc_fails() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **ret_memory, size_t alignment, size_t size)
{
    void *memory = memalign(alignment, size);
    if (!memory)
        return ENOMEM;
    *ret_memory = memory;
    return 0;
}

struct passwd *getpwnam(const char *name)
{
    static struct passwd *(*next)(const char *);
    searching = 1;
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "getpwnam");
    struct passwd *found = next(name);
    searching = 0;
    return found;
}

int initgroups(const char *user, gid_t group)
{
    static int (*next)(const char *, gid_t);
    searching = 1;
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "initgroups");
    int result = next(user, group);
    searching = 0;
    return result;
}

// ---- libpq

static int libpq_fails(void)
{
    return fails(&control->libpq_left, &control->libpq_seen);
}

// A function that returns `failure` when it is its turn to fail.
#define TAKE_OVER(type, name, failure, parameters, arguments) \
    type name parameters                                      \
    {                                                         \
        static type(*next) parameters;                        \
        if (!next)                                            \
            *(void **)&next = dlsym(RTLD_NEXT, #name);        \
        return libpq_fails() ? (failure) : next arguments;    \
    }

TAKE_OVER(PGconn *, PQconnectStartParams, NULL,
          (const char *const *keywords, const char *const *values, int expand), (keywords, values, expand))
TAKE_OVER(PostgresPollingStatusType, PQconnectPoll, PGRES_POLLING_FAILED, (PGconn * conn), (conn))
TAKE_OVER(int, PQsetnonblocking, -1, (PGconn * conn, int arg), (conn, arg))
TAKE_OVER(int, PQenterPipelineMode, 0, (PGconn * conn), (conn))
TAKE_OVER(int, PQexitPipelineMode, 0, (PGconn * conn), (conn))
TAKE_OVER(int, PQpipelineSync, 0, (PGconn * conn), (conn))
TAKE_OVER(int, PQflush, -1, (PGconn * conn), (conn))
TAKE_OVER(int, PQconsumeInput, 0, (PGconn * conn), (conn))
TAKE_OVER(int, PQsetSingleRowMode, 0, (PGconn * conn), (conn))
TAKE_OVER(PGresult *, PQgetResult, NULL, (PGconn * conn), (conn))
TAKE_OVER(PGnotify *, PQnotifies, NULL, (PGconn * conn), (conn))
TAKE_OVER(int, PQsendQuery, 0, (PGconn * conn, const char *sql), (conn, sql))
TAKE_OVER(int, PQsendPrepare, 0,
          (PGconn * conn, const char *name, const char *sql, int count, const Oid *types),
          (conn, name, sql, count, types))
TAKE_OVER(int, PQsendQueryParams, 0,
          (PGconn * conn, const char *sql, int count, const Oid *types, const char *const *values,
           const int *lengths, const int *formats, int format),
          (conn, sql, count, types, values, lengths, formats, format))
TAKE_OVER(int, PQsendQueryPrepared, 0,
          (PGconn * conn, const char *name, int count, const char *const *values, const int *lengths,
           const int *formats, int format),
          (conn, name, count, values, lengths, formats, format))
