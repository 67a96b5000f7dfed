// SPDX-License-Identifier: Apache-2.0
// A contracts folder that loads, and spoiling one place of it: setup_folder(), spoil(), load().
#ifndef VOX_TESTS_UNIT_TEST_CONTRACTS_PARTS_H
#define VOX_TESTS_UNIT_TEST_CONTRACTS_PARTS_H

#include "lib/contracts/contracts.h"

#include "tests/unit/check_main.h"
#include "tests/unit/test_contracts_folder.h"

enum part { INDEX, POLICY, SCHEMA, OTHER_SCHEMA, OVERRIDES, PART_COUNT };

static const char *const part_names[] = {"index.yaml", "retention-policy.yaml", "ping.v1.schema.json",
                                         "pong.v1.schema.json", "overrides.yaml"};

// A folder that loads; every case below spoils one place of it.
static const char *const good[] = {
    [INDEX] = "contracts:\n"
              "  - id: ping\n"
              "    version: 1\n"
              "    schema: ping.v1.schema.json\n"
              "    recognise: {variant: Ping}\n"
              "    metric_type: ping.sent\n"
              "    class: S1\n"
              "    transmission: approved_usage_upload\n"
              "    owner: tests\n"
              "    enforced_by: schema\n"
              "    session_convention: none\n"
              "    subject: {trace_id: /Ping/trace~1id}\n"
              "  - id: pong\n"
              "    version: 1\n"
              "    schema: pong.v1.schema.json\n"
              "    recognise:\n"
              "      members: [pong, at]\n"
              "      where: [{pointer: /pong, equals: back}]\n"
              "    class: S0\n"
              "    transmission: local_only\n"
              "    owner: tests\n"
              "    enforced_by: schema\n"
              "    session_convention: none\n"
              "reserved:\n"
              "  - {pattern: later-*, classes: [S0, S1], owner: tests, note: soon}\n",
    [POLICY] = "retention:\n"
               "  - contract: ping.v1\n"
               "    kind: days\n"
               "    days: 30\n"
               "    rationale: enough\n"
               "  - contract: pong.v1\n"
               "    kind: with_parent\n"
               "    parent: ping.v1\n"
               "    rationale: goes with its ping\n",
    [SCHEMA] = "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
               " \"$id\": \"urn:vox:contract:ping.v1\",\n"
               " \"type\": \"object\", \"required\": [\"Ping\"],\n"
               " \"properties\": {\"Ping\": {\"type\": \"object\"}}}\n",
    [OTHER_SCHEMA] = "{\"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
                     " \"$id\": \"urn:vox:contract:pong.v1\", \"type\": \"object\"}\n",
    [OVERRIDES] = "retention:\n"
                  "  - contract: ping.v1\n"
                  "    kind: days\n"
                  "    days: 7\n",
};

static inline void put_file(const char *name, const char *text)
{
    folder_put("", name, str_from(text));
}

static inline void setup_folder(void)
{
    folder_make();
    for (size_t i = 0; i < PART_COUNT; i++)
        put_file(part_names[i], good[i]);
}

static inline const char *path_of(enum part part)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, part_names[part]);
    return path;
}

// The good part with the first `from` in it replaced; `from` NULL replaces all.
static inline void spoil(enum part part, const char *from, const char *to)
{
    struct buf text;
    buf_init(&text, (size_t)64 * 1024);
    const char *at = from ? strstr(good[part], from) : good[part];
    ck_assert_msg(at != NULL, "no '%s' in %s", from, part_names[part]);
    buf_put(&text, good[part], (size_t)(at - good[part]));
    buf_put_cstr(&text, to);
    buf_put_cstr(&text, from ? at + strlen(from) : "");
    buf_put_char(&text, '\0');
    ck_assert(buf_ok(&text));
    put_file(part_names[part], text.ptr);
    buf_release(&text);
}

static inline struct contract_set *load(bool with_overrides)
{
    struct contract_set *set = NULL;
    struct err err;
    ck_assert_msg(contract_set_load(folder, with_overrides ? path_of(OVERRIDES) : NULL, &set, &err), "%s",
                  err.text);
    return set;
}

struct broken {
    enum part part;
    const char *from;
    const char *to;
    const char *says; // after the folder's path
};

#endif
