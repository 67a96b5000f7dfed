// SPDX-License-Identifier: Apache-2.0
// `vox-sink version`.
#include "lib/base/json.h"
#include "server/command.h"
#include "server/store/migrate.h"

static int print(struct call *call)
{
    struct buf buf;
    struct json_writer w;
    if (!call->flags[0].given) {
        printf("vox-sink %s\n", VOX_VERSION);
        return EXIT_OK;
    }
    buf_init(&buf, 4096);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_str(&w, "name", STR("vox-sink"));
    json_str(&w, "version", STR(VOX_VERSION));
    json_i64(&w, "generation", SINK_GENERATION);
    json_end_object(&w);
    return command_write(&buf);
}

static const struct flag cmd_version_flags[] = {FLAG_FOR_JSON};

const struct command cmd_version = {
    .name = "version", .about = "Prints the version.", COMMAND_FLAGS(cmd_version_flags), .run = print};
