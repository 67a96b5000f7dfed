// SPDX-License-Identifier: Apache-2.0
// The spool's own files, sent.log, kept.log and dropped, as a crash or somebody's hand may leave them.
#include "lib/base/clock.h"
#include "lib/spool/kept.h"
#include "lib/spool/limits.h"
#include "lib/spool/sent.h"

#include <fcntl.h>
#include <sodium.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// In memory where there is such a folder: every input is synced to it.
static char folder[] = "/dev/shm/vox-fuzz-logs-XXXXXX";
static struct spool *spool;

static void leave(void)
{
    static const char *const names[] = {SENT_FILE, KEPT_FILE, "dropped", ".gitignore"};
    char path[sizeof(folder) + 64];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/spool/%s", folder, names[i]);
        unlink(path);
    }
    spool_close(spool);
    snprintf(path, sizeof(path), "%s/spool/pending", folder);
    rmdir(path);
    snprintf(path, sizeof(path), "%s/spool", folder);
    rmdir(path);
    rmdir(folder);
}

static void enter(void)
{
    struct spool_place place;
    struct err err;
    char path[sizeof(folder) + 16];
    BUG_ON(sodium_init() < 0);
    if (!mkdtemp(folder)) {
        memcpy(folder, "/tmp/vox-fuzz-logs-XXXXXX", sizeof("/tmp/vox-fuzz-logs-XXXXXX"));
        BUG_ON(!mkdtemp(folder));
    }
    snprintf(path, sizeof(path), "%s/spool", folder);
    const struct spool_hints hints = {.option = path};
    BUG_ON(!spool_locate_from(&hints, &place, &err) || !spool_open(&place, true, &spool, &err));
    atexit(leave);
}

static void write_file(const char *name, const uint8_t *data, size_t size)
{
    char path[sizeof(folder) + 64];
    snprintf(path, sizeof(path), "%s/spool/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    BUG_ON(fd < 0 || write(fd, data, size) != (ssize_t)size);
    close(fd);
}

static void read_sent(void)
{
    struct sent_reader *reader;
    const struct json *line;
    struct str text;
    struct err err;
    BUG_ON(!sent_reader_open(spool, &reader, &err));
    while (sent_reader_next(reader, &line, &text, &err) && line)
        BUG_ON(memchr(text.ptr, '\n', text.len) != NULL);
    sent_reader_close(reader);
}

// What is added is found again, whatever stood before.
static void read_kept(const char *key)
{
    struct spool_kept *kept;
    struct spool_kept_count count;
    struct err err;
    BUG_ON(!spool_kept_count(spool, &count, &err) || !spool_kept_load(spool, key, &kept, &err));
    BUG_ON(!spool_kept_add(spool, kept, "added.json", PROBLEM_unknown_contract, USEC_PER_SEC, &err));
    spool_kept_free(kept);
    BUG_ON(!spool_kept_load(spool, key, &kept, &err));
    BUG_ON(spool_kept_find(kept, "added.json", USEC_PER_SEC) == PROBLEM_NONE);
    spool_kept_free(kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spool_dropped dropped;
    struct err err;
    if (!spool)
        enter();
    write_file(SENT_FILE, data, size);
    read_sent();
    write_file("dropped", data, size);
    (void)!spool_dropped(spool, &dropped, &err);
    write_file(KEPT_FILE, data, size);
    read_kept("hash https://sink.example/v1/events");
    return 0;
}
