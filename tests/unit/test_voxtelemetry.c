// SPDX-License-Identifier: Apache-2.0
// The library's face: what an outside program sees.
#include "lib/spool/voxtelemetry.h"
#include "test_spool_temp.h"

#include "check_main.h"

#include <pthread.h>

static struct vox_telemetry *opened(const struct vox_telemetry_options *options)
{
    struct vox_telemetry *spool;
    char error[VOX_TELEMETRY_ERROR_LEN] = "";
    ck_assert_msg(vox_telemetry_open(options, &spool, error) == VOX_TELEMETRY_OK, "%s", error);
    return spool;
}

static int count_name(void *context, const char *name)
{
    ck_assert_uint_eq(strlen(name), UUID_TEXT_LEN + strlen(".json"));
    return --*(int *)context == 0;
}

START_TEST(voxtelemetry__puts_and_counts)
{
    char id[VOX_TELEMETRY_ID_LEN + 1], path[128];
    uint64_t entries, bytes;
    temp_enter();
    const struct vox_telemetry_options options = {
        .size = sizeof(options), .spool = temp_path("spool"), .max_entries = 3};
    struct vox_telemetry *spool = opened(&options), *other = opened(&options);
    ck_assert_int_eq(vox_telemetry_enqueue(spool, "{\"a\":1}", 7, id), VOX_TELEMETRY_OK);
    snprintf(path, sizeof(path), "spool/pending/%s.json", id);
    ck_assert(temp_exists(path));
    ck_assert_int_eq(vox_telemetry_enqueue(spool, "[]", 2, NULL), VOX_TELEMETRY_REFUSED);
    ck_assert(vox_telemetry_error(spool)[0]);
    ck_assert_int_eq(vox_telemetry_enqueue(spool, "{}", 2, NULL), VOX_TELEMETRY_OK);
    ck_assert_str_eq(vox_telemetry_error(spool), "");
    ck_assert_int_eq(vox_telemetry_enqueue(other, "{}", 2, NULL), VOX_TELEMETRY_OK);
    ck_assert_int_eq(vox_telemetry_enqueue(other, "{}", 2, NULL), VOX_TELEMETRY_FULL);
    ck_assert_int_eq(vox_telemetry_count(spool, VOX_TELEMETRY_PENDING, &entries, &bytes), VOX_TELEMETRY_OK);
    ck_assert_uint_eq(entries, 3);
    ck_assert_uint_eq(bytes, 11);
    ck_assert_int_eq(vox_telemetry_count(spool, VOX_TELEMETRY_BAD, &entries, NULL), VOX_TELEMETRY_OK);
    ck_assert_uint_eq(entries, 0);
    ck_assert_int_eq(vox_telemetry_count(spool, (enum vox_telemetry_state)9, &entries, NULL),
                     VOX_TELEMETRY_FAILED);
    int names = -1;
    ck_assert_int_eq(vox_telemetry_list(spool, VOX_TELEMETRY_PENDING, count_name, &names), VOX_TELEMETRY_OK);
    ck_assert_int_eq(names, -4);
    names = 2;
    ck_assert_int_eq(vox_telemetry_list(spool, VOX_TELEMETRY_PENDING, count_name, &names), VOX_TELEMETRY_OK);
    ck_assert_int_eq(names, 0);
    ck_assert_int_eq(vox_telemetry_lock(spool), VOX_TELEMETRY_OK);
    ck_assert_int_eq(vox_telemetry_lock(spool), VOX_TELEMETRY_FAILED);
    ck_assert_int_eq(vox_telemetry_lock(other), VOX_TELEMETRY_BUSY);
    vox_telemetry_close(spool);
    ck_assert_int_eq(vox_telemetry_lock(other), VOX_TELEMETRY_OK);
    vox_telemetry_close(other);
    vox_telemetry_close(NULL);
    temp_leave();
}
END_TEST

START_TEST(voxtelemetry__takes_the_options_of_older_callers)
{
    char error[VOX_TELEMETRY_ERROR_LEN];
    struct vox_telemetry *spool;
    temp_enter();
    struct vox_telemetry_options options = {.spool = temp_path("spool"), .max_entries = 1};
    ck_assert_int_eq(vox_telemetry_open(&options, &spool, error), VOX_TELEMETRY_FAILED);
    ck_assert_int_eq(vox_telemetry_open(&options, &spool, NULL), VOX_TELEMETRY_FAILED);
    options.size = offsetof(struct vox_telemetry_options, max_bytes);
    spool = opened(&options);
    for (int i = 0; i < 2; i++) // the limit lies behind what this caller knows of
        ck_assert_int_eq(vox_telemetry_enqueue(spool, "{}", 2, NULL), VOX_TELEMETRY_OK);
    ck_assert_str_eq(vox_telemetry_path(spool), temp_path("spool"));
    vox_telemetry_close(spool);
    temp_write("file", "");
    options.spool = temp_path("file/spool");
    ck_assert_int_eq(vox_telemetry_open(&options, &spool, error), VOX_TELEMETRY_FAILED);
    ck_assert(error[0]);
    ck_assert(vox_telemetry_version()[0]);
    temp_leave();
}
END_TEST

static void *put_ten(void *context)
{
    struct vox_telemetry *spool = opened(context);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(vox_telemetry_enqueue(spool, "{}", 2, NULL), VOX_TELEMETRY_OK);
    vox_telemetry_close(spool);
    return NULL;
}

START_TEST(voxtelemetry__is_used_from_many_threads)
{
    pthread_t threads[4];
    uint64_t entries;
    temp_enter();
    struct vox_telemetry_options options = {.size = sizeof(options), .spool = temp_path("spool")};
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, put_ten, &options), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    struct vox_telemetry *spool = opened(&options);
    ck_assert_int_eq(vox_telemetry_count(spool, VOX_TELEMETRY_PENDING, &entries, NULL), VOX_TELEMETRY_OK);
    ck_assert_uint_eq(entries, 40);
    vox_telemetry_close(spool);
    temp_leave();
}
END_TEST

CHECK_MAIN("voxtelemetry", voxtelemetry__puts_and_counts, voxtelemetry__takes_the_options_of_older_callers,
           voxtelemetry__is_used_from_many_threads)
