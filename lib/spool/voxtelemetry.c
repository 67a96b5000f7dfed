// SPDX-License-Identifier: Apache-2.0
// The library's face on the spool.
#include "lib/spool/voxtelemetry.h"
#include "lib/base/clock.h"
#include "lib/spool/limits.h"
#include "lib/spool/spool.h"

#include <pthread.h>
#include <sodium.h>

_Static_assert(sizeof(((struct err *)0)->text) == VOX_TELEMETRY_ERROR_LEN, "a sentence fits");
_Static_assert(UUID_TEXT_LEN == VOX_TELEMETRY_ID_LEN, "an id fits");

struct vox_telemetry {
    struct spool *spool;
    bool locked;
    struct err err;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_set_up;

static void set_up(void)
{
    is_set_up = sodium_init() >= 0;
}

static enum vox_telemetry_result fail(struct vox_telemetry *spool, enum vox_telemetry_result result)
{
    if (!spool->err.text[0])
        err_set(&spool->err, "it failed");
    return result;
}

// A caller built against an older header has filled less of the struct.
static bool read_options(const struct vox_telemetry_options *given, struct vox_telemetry_options *ret_options,
                         struct err *err)
{
    *ret_options = (struct vox_telemetry_options){0};
    if (!given)
        return true;
    if (given->size < offsetof(struct vox_telemetry_options, max_bytes))
        return err_set(err, "the options do not state their size");
    memcpy(ret_options, given, MIN(given->size, sizeof(*ret_options)));
    if (ret_options->max_age_s > (uint64_t)(INT64_MAX / USEC_PER_SEC))
        return err_set(err, "the limit on age is beyond all time");
    return true;
}

static bool open_place(struct vox_telemetry *spool, const struct vox_telemetry_options *given)
{
    struct vox_telemetry_options options;
    struct spool_place place;
    if (!is_set_up)
        return err_set(&spool->err, "no source of random numbers");
    if (!read_options(given, &options, &spool->err) || !spool_locate(options.spool, &place, &spool->err) ||
        !spool_open(&place, true, &spool->spool, &spool->err))
        return false;
    const struct spool_limits limits = {options.max_bytes, options.max_entries,
                                        (int64_t)options.max_age_s * USEC_PER_SEC, options.drop_oldest != 0};
    spool_set_limits(spool->spool, &limits);
    return true;
}

enum vox_telemetry_result vox_telemetry_open(const struct vox_telemetry_options *options,
                                             struct vox_telemetry **ret_spool,
                                             char error[VOX_TELEMETRY_ERROR_LEN])
{
    struct vox_telemetry *spool = calloc(1, sizeof(*spool));
    if (!spool) {
        if (error)
            memcpy(error, "out of memory", sizeof("out of memory"));
        return VOX_TELEMETRY_FAILED;
    }
    pthread_once(&once, set_up);
    if (!open_place(spool, options)) {
        if (error)
            memcpy(error, spool->err.text, VOX_TELEMETRY_ERROR_LEN);
        free(spool);
        return VOX_TELEMETRY_FAILED;
    }
    *ret_spool = spool;
    return VOX_TELEMETRY_OK;
}

void vox_telemetry_close(struct vox_telemetry *spool)
{
    if (spool)
        spool_close(spool->spool);
    free(spool);
}

const char *vox_telemetry_error(const struct vox_telemetry *spool)
{
    return spool->err.text;
}

const char *vox_telemetry_path(const struct vox_telemetry *spool)
{
    return spool_path(spool->spool);
}

enum vox_telemetry_result vox_telemetry_enqueue(struct vox_telemetry *spool, const char *json, size_t len,
                                                char ret_id[VOX_TELEMETRY_ID_LEN + 1])
{
    struct uuid id;
    spool->err.text[0] = '\0';
    switch (
        spool_enqueue(spool->spool, str_slice(json, len), clock_wall_us(clock_system()), &id, &spool->err)) {
    case SPOOL_PUT_STORED:
        if (ret_id)
            uuid_format(&id, ret_id);
        return VOX_TELEMETRY_OK;
    case SPOOL_PUT_REFUSED:
        return fail(spool, VOX_TELEMETRY_REFUSED);
    case SPOOL_PUT_FULL:
        return fail(spool, VOX_TELEMETRY_FULL);
    default:
        return fail(spool, VOX_TELEMETRY_FAILED);
    }
}

static bool folder_of(struct vox_telemetry *spool, enum vox_telemetry_state state,
                      enum spool_folder *ret_folder)
{
    static const enum spool_folder folders[] = {[VOX_TELEMETRY_PENDING] = SPOOL_PENDING,
                                                [VOX_TELEMETRY_BAD] = SPOOL_BAD,
                                                [VOX_TELEMETRY_REJECTED] = SPOOL_REJECTED};
    spool->err.text[0] = '\0';
    if ((unsigned)state >= ARRAY_LEN(folders))
        return err_set(&spool->err, "there is no such state");
    *ret_folder = folders[state];
    return true;
}

enum vox_telemetry_result vox_telemetry_count(struct vox_telemetry *spool, enum vox_telemetry_state state,
                                              uint64_t *ret_entries, uint64_t *ret_bytes)
{
    struct spool_count count;
    enum spool_folder folder;
    if (!folder_of(spool, state, &folder) || !spool_count(spool->spool, folder, &count, &spool->err))
        return fail(spool, VOX_TELEMETRY_FAILED);
    if (ret_entries)
        *ret_entries = count.entries;
    if (ret_bytes)
        *ret_bytes = count.bytes;
    return VOX_TELEMETRY_OK;
}

enum vox_telemetry_result vox_telemetry_list(struct vox_telemetry *spool, enum vox_telemetry_state state,
                                             int (*on_name)(void *context, const char *name), void *context)
{
    enum spool_folder folder;
    const char *name;
    bool ok;
    if (!folder_of(spool, state, &folder))
        return VOX_TELEMETRY_FAILED;
    struct spool_iter *iter = spool_iter_new(spool->spool, folder);
    if (!iter) {
        err_set(&spool->err, "out of memory");
        return VOX_TELEMETRY_FAILED;
    }
    while ((ok = spool_iter_next(iter, &name, &spool->err)) && name && on_name(context, name) == 0)
        ;
    spool_iter_free(iter);
    return ok ? VOX_TELEMETRY_OK : fail(spool, VOX_TELEMETRY_FAILED);
}

enum vox_telemetry_result vox_telemetry_lock(struct vox_telemetry *spool)
{
    bool taken;
    spool->err.text[0] = '\0';
    if (spool->locked) {
        err_set(&spool->err, "this handle has the lock already");
        return VOX_TELEMETRY_FAILED;
    }
    if (!spool_lock(spool->spool, &taken, &spool->err))
        return fail(spool, VOX_TELEMETRY_FAILED);
    if (!taken) {
        err_set(&spool->err, "another uploader is at work");
        return VOX_TELEMETRY_BUSY;
    }
    spool->locked = true;
    return VOX_TELEMETRY_OK;
}

const char *vox_telemetry_version(void)
{
    return VOX_VERSION;
}
