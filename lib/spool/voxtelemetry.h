// SPDX-License-Identifier: Apache-2.0
// libvoxtelemetry: puts telemetry events into the spool from which vox-telemetry sends them, when its user
// says so.
//
//     struct vox_telemetry *spool;
//     char error[VOX_TELEMETRY_ERROR_LEN], id[VOX_TELEMETRY_ID_LEN + 1];
//     if (vox_telemetry_open(NULL, &spool, error) != VOX_TELEMETRY_OK) ...
//     if (vox_telemetry_enqueue(spool, json, strlen(json), id) != VOX_TELEMETRY_OK)
//         fprintf(stderr, "%s\n", vox_telemetry_error(spool));
//     vox_telemetry_close(spool);
//
// Nothing here speaks to a network. An event is one JSON object (RFC 8259) of at most 4 MiB; it is on disk,
// file and folder synced, when enqueue says OK, and whole or absent after a crash. Any number of processes
// may use one spool at once. Use one handle in one thread at a time; different handles in different threads
// are fine.
//
// Build with `pkg-config --cflags --libs voxtelemetry`. Within one SONAME functions and members are only
// added; a struct that a caller fills begins with its size, so that programs built before go on working.
//
// Once loaded the library stays.
#ifndef VOXTELEMETRY_H
#define VOXTELEMETRY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VOX_TELEMETRY_API       __attribute__((visibility("default")))
#define VOX_TELEMETRY_ID_LEN    36 // "0198c5f2-7a10-7c3e-9d55-2f6a3b1c4d5e"
#define VOX_TELEMETRY_ERROR_LEN 512

struct vox_telemetry;

enum vox_telemetry_result {
    VOX_TELEMETRY_OK,
    VOX_TELEMETRY_REFUSED, // the text is not one JSON object within the limits: do not try again
    VOX_TELEMETRY_FULL,    // a limit of the options is reached
    VOX_TELEMETRY_FAILED,  // disk, memory, permissions: nothing was stored, try again later
    VOX_TELEMETRY_BUSY     // of lock: another uploader is at work
};

// Where an entry stands.
enum vox_telemetry_state { VOX_TELEMETRY_PENDING, VOX_TELEMETRY_BAD, VOX_TELEMETRY_REJECTED };

struct vox_telemetry_options {
    size_t size;          // sizeof(struct vox_telemetry_options)
    const char *spool;    // its folder; NULL: VOX_TELEMETRY_SPOOL_DIR, else the rule of vox-telemetry(1)
    uint64_t max_bytes;   // limits of what waits in pending/; 0: none
    uint64_t max_entries; //
    uint64_t max_age_s;   // of the oldest entry
    int drop_oldest;      // at a limit: delete the oldest, counted, instead of refusing the new
};

// `options` may be NULL. Makes the spool if it is not there, readable by this user only. On failure the
// sentence is in `error`, which may be NULL.
VOX_TELEMETRY_API enum vox_telemetry_result vox_telemetry_open(const struct vox_telemetry_options *options,
                                                               struct vox_telemetry **ret_spool,
                                                               char error[VOX_TELEMETRY_ERROR_LEN]);
// NULL is fine. Gives up the lock.
VOX_TELEMETRY_API void vox_telemetry_close(struct vox_telemetry *spool);
// What went wrong in the last call, a sentence; "" after OK. Lives until the next call.
VOX_TELEMETRY_API const char *vox_telemetry_error(const struct vox_telemetry *spool);
VOX_TELEMETRY_API const char *vox_telemetry_path(const struct vox_telemetry *spool);

// OK, REFUSED, FULL or FAILED. `ret_id` gets the event's id, NUL-terminated; it may be NULL.
VOX_TELEMETRY_API enum vox_telemetry_result vox_telemetry_enqueue(struct vox_telemetry *spool,
                                                                  const char *json, size_t len,
                                                                  char ret_id[VOX_TELEMETRY_ID_LEN + 1]);
// Entries and their bytes; either pointer may be NULL. OK or FAILED.
VOX_TELEMETRY_API enum vox_telemetry_result vox_telemetry_count(struct vox_telemetry *spool,
                                                                enum vox_telemetry_state state,
                                                                uint64_t *ret_entries, uint64_t *ret_bytes);
// File names in byte order, in bounded memory, until the callback returns other than 0. OK or FAILED.
VOX_TELEMETRY_API enum vox_telemetry_result
vox_telemetry_list(struct vox_telemetry *spool, enum vox_telemetry_state state,
                   int (*on_name)(void *context, const char *name), void *context);
// Keeps uploaders out until the handle is closed. OK, BUSY or FAILED; once for a handle.
VOX_TELEMETRY_API enum vox_telemetry_result vox_telemetry_lock(struct vox_telemetry *spool);

VOX_TELEMETRY_API const char *vox_telemetry_version(void); // "0.1.0"

#ifdef __cplusplus
}
#endif

#endif
