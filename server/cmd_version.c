// SPDX-License-Identifier: Apache-2.0
// `vox-sink version`.
#include "lib/base/json.h"
#include "server/command.h"
#include "server/store/migrate.h"

int cmd_version(int argc, char **argv)
{
    struct flag flags[] = {{"json", NULL, "one JSON object for machines"}};
    struct command command = {
        .name = "version", .about = "Prints the version.", .flags = flags, .flag_count = ARRAY_LEN(flags)};
    int code;
    if (!command_begin(&command, argc, argv, &code))
        return code;
    command_end(&command);
    if (!flags[0].given) {
        printf("vox-sink %s\n", VOX_VERSION);
        return EXIT_OK;
    }
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, 4096);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_str(&w, "name", STR("vox-sink"));
    json_str(&w, "version", STR(VOX_VERSION));
    json_i64(&w, "generation", SINK_GENERATION);
    json_end_object(&w);
    return command_write(&buf);
}
