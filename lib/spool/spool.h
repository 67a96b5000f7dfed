// SPDX-License-Identifier: Apache-2.0
// The spool: a folder in which events wait, one JSON object per file, until a person uploads them.
//
//     <root>/pending/<uuid>.json     waiting
//     <root>/bad/<name>              could never be sent (no JSON object); <name>.reason says why
//     <root>/rejected/<name>         refused by a sink; <name>.answer holds what it answered
//     <root>/upload.lock             held by the one uploader at work
//     <root>/sent.log                everything ever sent (lib/spool/sent.h)
//     <root>/kept.log                what a sink does not take yet (lib/spool/kept.h)
//     <root>/dropped, enqueue.lock   where limits are set (lib/spool/limits.h)
//
// spool_locate() finds the root, spool_open() opens or creates it, spool_enqueue() adds an event. An uploader
// takes spool_lock(), walks pending/ by a spool_iter, reads each name by spool_read() and ends it by
// spool_delete(), spool_set_bad() or spool_set_rejected(), or lets it stay. spool_close() at the end.
//
// Every path below the root is opened relative to a descriptor and without following symbolic links. Folders
// are made 0700 and files 0600; a root or folder that belongs to somebody else, or that group or others can
// write, is refused. Files that another tool drops into pending/ are welcome whatever their name, but for
// those that writers give to what is not whole yet: a leading dot, "#…#", or at the end, in any case, ".tmp",
// ".part", ".partial", ".crdownload", ".lock", ".swp", ".swx" or "~". They are left alone and counted. Nor
// does any list know all such names: one that does not end in ".json" is an entry only when its file was last
// written to a minute ago or more, by a clock that agrees. In bad/ and rejected/ every entry ends in ".json":
// a name that did not gets "~.json" there, which retry takes away again. An entry that git tracks came with a
// clone, not from this user, and is never read: a hostile repository must not speak in its victim's name.
//
// One thread at a time for one spool, but for spool_delete(); any number of processes, of which one uploads.
// flock(2) is what tells uploaders apart: on NFS it may not.
#ifndef VOX_SPOOL_SPOOL_H
#define VOX_SPOOL_SPOOL_H

#include "lib/base/err.h"
#include "lib/base/json.h"
#include "lib/base/uuid.h"
#include "lib/wire/event_text.h"

#include <sys/stat.h>

#define SPOOL_PATH_MAX 4096
#define SPOOL_NAME_MAX 255 // NAME_MAX
// Of the file; what is sent is its text without white space, for which the sink has a limit of its own.
#define SPOOL_FILE_BYTES (4 * 1024 * 1024)

// ---- where

enum spool_source { SPOOL_FROM_OPTION, SPOOL_FROM_ENVIRONMENT, SPOOL_FROM_REPOSITORY, SPOOL_FROM_HOME };

struct spool_place {
    enum spool_source source;
    size_t given; // so many bytes of the path are taken as they are; below them no link is followed
    char path[SPOOL_PATH_MAX];
};

// What the rule looks at; absent members are NULL. `cwd` and `home` are absolute.
struct spool_hints {
    const char *option;      // --spool
    const char *environment; // VOX_TELEMETRY_SPOOL_DIR
    const char *cwd;
    const char *home;
};

// The option, else the environment, else .vox/telemetry-upload-queue under the nearest ancestor of `cwd` that
// holds .git or Vox.toml, else under `home`. Empty strings count as absent.
MUST_CHECK bool spool_locate_from(const struct spool_hints *hints, struct spool_place *ret_place,
                                  struct err *err);
// The same with this process's environment and folder.
MUST_CHECK bool spool_locate(const char *option, struct spool_place *ret_place, struct err *err);

// ---- the spool

struct spool;
enum spool_folder { SPOOL_PENDING, SPOOL_BAD, SPOOL_REJECTED };
#define SPOOL_FOLDERS 3

// With `create` a missing root and pending/ are made, and a .gitignore of "*" if there is none. Without it a
// missing root is an empty spool (spool_exists() is false) and nothing is written.
MUST_CHECK bool spool_open(const struct spool_place *place, bool create, struct spool **ret_spool,
                           struct err *err);
void spool_close(struct spool *spool); // NULL is fine; gives up the lock
bool spool_exists(const struct spool *spool);
const char *spool_path(const struct spool *spool);
// Nobody but the user can look into the root, or into its folders as far as they were opened.
bool spool_is_private(const struct spool *spool);
// Makes this process the one uploader until spool_close(). `*ret_taken` is false if another one is at work.
// Also removes temporary files that a crash left behind more than an hour ago.
MUST_CHECK bool spool_lock(struct spool *spool, bool *ret_taken, struct err *err);

enum spool_put {
    SPOOL_PUT_STORED,
    SPOOL_PUT_REFUSED, // the text is not one JSON object within the limits
    SPOOL_PUT_FULL,    // a limit of lib/spool/limits.h is reached
    SPOOL_PUT_FAILED   // disk or memory: nothing was stored, or so much is not known; try again
};
// Stores the text as it stands under a new UUIDv7 name. STORED is said after file and folder are synced; a
// crash before leaves the whole entry or none. The sentence in `err` goes with the other two.
MUST_CHECK enum spool_put spool_enqueue(struct spool *spool, struct str text, int64_t wall_us,
                                        struct uuid *ret_id, struct err *err);

// ---- listing

struct spool_iter;
// Names in byte order, which for UUIDv7 names is age. Memory is bounded whatever the folder holds: the folder
// is read again for each few thousand names. Names that appear meanwhile are seen only by such a reading.
MUST_CHECK struct spool_iter *spool_iter_new(struct spool *spool, enum spool_folder folder);
void spool_iter_free(struct spool_iter *iter);
// The next name, valid until the following call; NULL at the end.
MUST_CHECK bool spool_iter_next(struct spool_iter *iter, const char **ret_name, struct err *err);

struct spool_count {
    uint64_t entries; // files that an iterator names
    uint64_t bytes;
    uint64_t young;    // no entries yet: of another ending than ".json", and written to just now
    uint64_t ignored;  // other names in the folder
    uint64_t loose;    // entries that group or others can do anything with
    int64_t oldest_us; // by spool_name_time or mtime; INT64_MAX if there are none
};
MUST_CHECK bool spool_count(struct spool *spool, enum spool_folder folder, struct spool_count *ret_count,
                            struct err *err);
// The entries alone, without a look at those that end in ".json".
MUST_CHECK bool spool_count_entries(struct spool *spool, enum spool_folder folder, uint64_t *ret_entries,
                                    struct err *err);

// In years 1970 to 9999: an RFC 3339 text can say it.
bool spool_time_can_be_said(int64_t time_us);

// ---- one entry

// Memory that reading reuses: one for a whole walk.
struct spool_reader {
    struct buf raw;
    struct buf text;
    struct json_parser parser;
    struct json_doc doc;
};
void spool_reader_init(struct spool_reader *reader);
void spool_reader_release(struct spool_reader *reader);

struct spool_entry {
    const char *name; // as given
    struct uuid id;   // the name's UUID in lower case, else UUIDv8 of name and content
    bool has_time;    // false where the time is outside years 1970 to 9999
    int64_t time_us;  // of a UUIDv7 name, else the file's mtime
    int64_t mtime_us;
    struct str text; // the JSON object without white space, in the reader
    uint8_t sha256[SHA256_LEN];
    struct stat stamp; // the file that was read, so that another one is never deleted in its place
};

enum spool_read {
    SPOOL_READ_OK,
    SPOOL_READ_GONE,    // no such file any more
    SPOOL_READ_SKIPPED, // a link, a pipe, another user's, hard-linked, tracked by git, kept from us by the
                        // system
    SPOOL_READ_BAD,     // cannot be sent as it is: empty, no JSON object, of a mode that forbids reading
    SPOOL_READ_FAILED   // memory or disk; it may work another time
};
// For SKIPPED, BAD and FAILED `why` is a clause without subject ("is empty"). For BAD only `name`,
// `stamp` and `mtime_us` of the entry are set.
MUST_CHECK enum spool_read spool_read(struct spool *spool, const char *name, struct spool_reader *reader,
                                      struct spool_entry *ret_entry, struct err *why);
// The id of an entry of any folder, as it has or had it in pending/; false where it has none (or cannot be
// read). Of a name that was shortened or given a random part when it was moved: as retry will make it.
MUST_CHECK bool spool_id_of(struct spool *spool, enum spool_folder folder, const char *name,
                            struct spool_reader *reader, struct uuid *ret_id);
// The text's minified form in reader->text if it is one JSON object, else what is wrong with it.
MUST_CHECK enum problem spool_check_text(struct str text, struct spool_reader *reader);
// The id of an entry of this name and content (WIRE: "Spool on disk").
struct uuid spool_entry_id(const char *name, const uint8_t sha256[static SHA256_LEN]);

// CHANGED: another file stands under the name by now; it stays. A file that is gone already is DONE.
enum spool_done { SPOOL_DONE, SPOOL_DONE_CHANGED, SPOOL_DONE_FAILED };
// From any thread; looks at nothing of the entry but name and stamp.
MUST_CHECK enum spool_done spool_delete(struct spool *spool, const struct spool_entry *entry,
                                        struct err *err);
// Moves to bad/ with `reason` beside it. A name that is taken there gets a random part.
MUST_CHECK enum spool_done spool_set_bad(struct spool *spool, const struct spool_entry *entry,
                                         struct str reason, struct err *err);
// Moves to rejected/ with the sink's answer beside it.
MUST_CHECK enum spool_done spool_set_rejected(struct spool *spool, const struct spool_entry *entry,
                                              struct str answer, struct err *err);

// For SKIPPED and FAILED `err` is a clause without subject. SKIPPED is not this user's to touch, or is in the
// way of itself.
enum spool_again { SPOOL_AGAIN_DONE, SPOOL_AGAIN_GONE, SPOOL_AGAIN_SKIPPED, SPOOL_AGAIN_FAILED };
// Puts an entry of bad/ or rejected/ back into pending/ under its first name, which is in the note if it was
// renamed, and drops the note. Where that name is taken it keeps its present one.
MUST_CHECK enum spool_again spool_retry(struct spool *spool, enum spool_folder folder, const char *name,
                                        struct err *err);
// When it was enqueued, by its name or else by its mtime.
MUST_CHECK enum spool_again spool_age_of(struct spool *spool, enum spool_folder folder, const char *name,
                                         int64_t *ret_time_us, struct err *err);
// Deletes an entry that was not sent, and the note about it. Never one that git tracks or somebody else owns.
MUST_CHECK enum spool_again spool_purge(struct spool *spool, enum spool_folder folder, const char *name,
                                        struct err *err);

#endif
