// SPDX-License-Identifier: Apache-2.0
// What is refused of a contracts folder, in which words and at which line.
#include "lib/base/json.h"

#include "tests/unit/test_contracts_parts.h"

#define DUP_PING                                                                                        \
    "  - {id: ping, version: 1, schema: x.json, recognise: {variant: Other}, class: S1, transmission: " \
    "local_only, "                                                                                      \
    "owner: t, enforced_by: schema, session_convention: none}\n"

static const struct broken broken[] = {
    // Form: libyaml and libcyaml
    {INDEX, NULL, "", "/index.yaml:1: the file holds no rows"},
    {INDEX, NULL, "# nothing\n", "/index.yaml:1: the file holds no rows"},
    {INDEX, NULL, "contracts: []\n", "/index.yaml:1: Insufficient entries (0 of 1 min) in sequence."},
    {INDEX, NULL, "[]\n", "/index.yaml:1: Expecting MAPPING, got event: SEQUENCE_START"},
    {INDEX, NULL, "contracts: {\n", "/index.yaml:2: not YAML: "},
    {INDEX, "id: ping", "id: \t- [", "/index.yaml:2: not YAML: "},
    {INDEX, "reserved:", "---\nreserved:", "/index.yaml:24: a second YAML document begins"},
    {INDEX, "    owner: tests\n", "    owner: tests\n    color: red\n",
     "/index.yaml:10: Unexpected key: color"},
    {INDEX, "    owner: tests\n", "", "/index.yaml:2: Missing required mapping field: owner"},
    {INDEX, "    owner: tests\n", "    owner: tests\n    owner: two\n",
     "/index.yaml:10: Mapping field already seen: owner"},
    {INDEX, "owner: tests", "owner: [a]", "/index.yaml:9: Expecting STRING, got event: SEQUENCE_START"},
    {INDEX, "owner: tests", "owner:", "/index.yaml:9: STRING length < 1"},
    {INDEX, "owner: tests", "owner: &x tests\n    formats: *x", "/index.yaml:10: YAML alias"},
    {INDEX, "version: 1", "version: one", "/index.yaml:3: Invalid INT value: 'one'"},
    // Meaning of a row
    {INDEX, "id: ping", "id: Ping", "/index.yaml:2: id 'Ping' has other characters than a-z 0-9 -"},
    {INDEX, "id: ping", "id: ping.v1", "/index.yaml:2: id 'ping.v1' has other"},
    {INDEX, "version: 1", "version: 0", "/index.yaml:3: version 0 is not from 1 to 9999"},
    {INDEX, "version: 1", "version: 10000", "/index.yaml:3: version 10000 is not from 1 to 9999"},
    {INDEX, "version: 1", "version: -1", "/index.yaml:3: version -1 is not"},
    {INDEX, "schema: ping", "schema: ../ping",
     "/index.yaml:4: schema '../ping.v1.schema.json' is not a file name"},
    {INDEX, "class: S1", "class: S3", "/index.yaml:7: class S3 is content, which telemetry never carries"},
    {INDEX, "class: S1", "class: S9", "/index.yaml:7: class 'S9' is none of S0, S1, S2"},
    {INDEX, "class: S1", "class: s1", "/index.yaml:7: class 's1' is none of"},
    {INDEX, "approved_usage_upload", "always", "/index.yaml:8: transmission 'always' is none of"},
    {INDEX, "enforced_by: schema", "enforced_by: hope", "/index.yaml:10: enforced_by 'hope' is unknown"},
    {INDEX, "metric_type: ping.sent", "metric_type: /a~2", "/index.yaml:6: '/a~2' is no JSON Pointer"},
    {INDEX, "metric_type: ping.sent", "metric_type_by: {pointer: x, types: [{value: a, metric_type: b}]}",
     "/index.yaml:6: the pointer of metric_type_by is no JSON Pointer"},
    {INDEX, "metric_type: ping.sent",
     "metric_type_by: {pointer: /x, types: [{value: a, metric_type: b}, {value: a, metric_type: c}]}",
     "/index.yaml:6: metric_type_by lists a value twice"},
    {INDEX, "metric_type: ping.sent",
     "metric_type: p\n    metric_type_by: {pointer: /x, types: [{value: a, metric_type: b}]}",
     "/index.yaml:7: a contract has metric_type or metric_type_by, not both"},
    {INDEX, "metric_type: ping.sent", "formats: check",
     "/index.yaml:6: formats 'check' is neither assert nor"},
    {INDEX, "/Ping/trace~1id", "Ping/trace", "/index.yaml:12: 'Ping/trace' is no JSON Pointer"},
    {INDEX, "/Ping/trace~1id", "/Ping/trace~", "/index.yaml:12: '/Ping/trace~' is no JSON Pointer"},
    {INDEX, "metric_type: ping.sent", "guard: {off: [emial]}",
     "/index.yaml:6: guard.yaml has no rule 'emial'"},
    {INDEX, "metric_type: ping.sent\n    class: S1", "guard: {off: [email]}\n    class: S2",
     "/index.yaml:6: for S2 no rule holds unless it is turned on"},
    {INDEX, "metric_type: ping.sent", "guard: {on: [all, email], off: [email]}",
     "/index.yaml:6: a rule is both on and off"},
    {INDEX, "metric_type: ping.sent", "guard: {on: [all], off: [all]}",
     "/index.yaml:6: a rule is both on and off"},
    {INDEX, "metric_type: ping.sent", "guard: {on: true}", "/index.yaml:6: "},
    {INDEX, "metric_type: ping.sent", "embedded_json: [Ping]", "/index.yaml:6: 'Ping' is no JSON Pointer"},
    // Rules
    {INDEX, "{variant: Ping}", "{}", "/index.yaml:5: recognise needs either variant or members"},
    {INDEX, "{variant: Ping}", "{variant: Ping, members: [a]}", "/index.yaml:5: recognise needs either"},
    {INDEX, "{variant: Ping}", "{variant: P ing}", "/index.yaml:5: the variant 'P ing' has other characters"},
    {INDEX, "[pong, at]", "[pong, pong]", "/index.yaml:16: 'pong' is listed twice"},
    {INDEX, "[pong, at]", "[pong, 'a,b']", "/index.yaml:16: the member 'a,b' has other characters"},
    {INDEX, "pointer: /pong", "pointer: pong", "/index.yaml:16: 'pong' is no JSON Pointer below the root"},
    {INDEX, "equals: back", "equals: back, any_of: [a]",
     "/index.yaml:16: the condition on /pong needs one of"},
    {INDEX, ", equals: back", "", "/index.yaml:16: the condition on /pong needs one of"},
    {INDEX, "equals: back}", "equals: back}, {pointer: /pong, equals: x}",
     "/index.yaml:16: two conditions on /pong"},
    // Rows against each other
    {INDEX, "reserved:", DUP_PING "reserved:", "/index.yaml:24: ping.v1 is there already, in line 2"},
    {INDEX, "      members: [pong, at]\n      where: [{pointer: /pong, equals: back}]\n",
     "      variant: Ping\n",
     "/index.yaml:16: pong.v1 and ping.v1 are recognised by the same rule (variant Ping)"},
    {INDEX, "later-*, classes: [S0, S1]", "po*, classes: [S1, S2]",
     "/index.yaml:19: class S0 is not one of those that the reserved pattern po* allows"},
    {INDEX, "later-*", "'*'", "/index.yaml:25: pattern '*' is not an id"},
    {INDEX, "later-*", "a*b", "/index.yaml:25: pattern 'a*b' is not an id"},
    {INDEX, "[S0, S1], owner", "[S0, S3], owner", "/index.yaml:25: class S3 is content"},
    // Retention
    {POLICY, "contract: ping.v1", "contract: pin.v1",
     "/retention-policy.yaml:2: pin.v1: the index has no such"},
    {POLICY, "contract: pong.v1", "contract: ping.v1", "/retention-policy.yaml:6: ping.v1: a second row"},
    {POLICY, NULL, "retention: []\n", "/retention-policy.yaml:1: ping.v1 of the index has no row here"},
    {POLICY, "kind: days", "kind: weeks", "/retention-policy.yaml:3: ping.v1: kind 'weeks' is none of days"},
    {POLICY, "    days: 30\n", "", "/retention-policy.yaml:3: ping.v1: kind days needs days"},
    {POLICY, "days: 30", "days: 0", "/retention-policy.yaml:4: ping.v1: days are not from 1 to 36500"},
    {POLICY, "days: 30", "days: 36501", "/retention-policy.yaml:4: ping.v1: days are not from"},
    {POLICY, "days: 30", "days: -7", "/retention-policy.yaml:4: ping.v1: days are not from"},
    {POLICY, "kind: days", "kind: manual", "/retention-policy.yaml:4: ping.v1: days go with kind days only"},
    {POLICY, "    parent: ping.v1\n", "",
     "/retention-policy.yaml:7: pong.v1: kind with_parent needs a parent"},
    {POLICY, "parent: ping.v1", "parent: pang.v1",
     "/retention-policy.yaml:8: pong.v1: the index has no such parent"},
    {POLICY, "parent: ping.v1", "parent: pong.v1",
     "/retention-policy.yaml:8: pong.v1: its parent pong.v1 is of kind with_parent"},
    {POLICY, "kind: days\n    days: 30", "kind: keep_forever",
     "/retention-policy.yaml:7: pong.v1: its parent ping.v1 is of kind keep_forever"},
    {POLICY, "kind: days\n    days: 30", "kind: expires_lt_now",
     "/retention-policy.yaml:3: ping.v1: kind expires_lt_now needs an expires_at"},
    {POLICY, "kind: days\n    days: 30", "kind: expires_lt_now\n    expires_at: until",
     "/retention-policy.yaml:4: ping.v1: expires_at is no JSON Pointer"},
    {POLICY, "kind: days\n    days: 30", "kind: manual\n    parent: pong.v1",
     "/retention-policy.yaml:4: ping.v1: a parent goes with kind with_parent only"},
    {POLICY, "    rationale: enough\n", "",
     "/retention-policy.yaml:2: Missing required mapping field: rationale"},
    // Overrides
    {OVERRIDES, "ping.v1", "pang.v1", "/overrides.yaml:2: pang.v1: the index has no such contract"},
    {OVERRIDES, "days: 7", "days: 7\n    parent: pong.v1", "/overrides.yaml:5: Unexpected key: parent"},
    {OVERRIDES, "days: 7", "days: 99999", "/overrides.yaml:4: ping.v1: days are not from 1 to 36500"},
    {OVERRIDES, "kind: days\n    days: 7", "kind: with_parent",
     "/overrides.yaml:3: ping.v1: kind with_parent needs a parent, and the policy names none"},
    {OVERRIDES, "kind: days\n    days: 7", "kind: manual",
     "/retention-policy.yaml:8: pong.v1: its parent ping.v1 is of kind manual"},
    // Schemas
    {INDEX, "schema: ping", "schema: pung", "/index.yaml:4: cannot open pung.v1.schema.json"},
    {SCHEMA, "\"type\"", "type", "/ping.v1.schema.json:3: not JSON: "},
    {SCHEMA, "\"type\"", "\"$id\": 1, \"type\"", "/ping.v1.schema.json:3: not JSON: a name comes twice"},
    {SCHEMA, NULL, "[]", "/ping.v1.schema.json:1: the schema is not a JSON object"},
    {SCHEMA, "2020-12", "2019-09", "/ping.v1.schema.json:1: /$schema is neither draft-07 nor 2020-12"},
    {SCHEMA, ":ping.v1", ":ping.v2", "/ping.v1.schema.json:2: /$id is not urn:vox:contract:ping.v1"},
    {SCHEMA, "\"Ping\": {\"type\": \"object\"}", "\"Ping\":\n{\n\"type\": \"objekt\"}",
     "/ping.v1.schema.json:6: Schema urn:vox:contract:ping.v1#/properties/Ping/type: "},
    {SCHEMA, "\"Ping\": {\"type\": \"object\"}", "\"Ping\":\n{\"$ref\": \"urn:vox:contract:none.v1\"}",
     "/ping.v1.schema.json:5: Schema urn:vox:contract:ping.v1#/properties/Ping/$ref: "
     "\"urn:vox:contract:none.v1\": it is not in the registry"},
    {SCHEMA, "\"Ping\": {\"type\": \"object\"}", "\"P/\u00e9~g\":\n{\"pattern\": \"(\"}",
     "/ping.v1.schema.json:5: Schema urn:vox:contract:ping.v1#/properties/P~1%C3%A9~0g/pattern: "},
    {SCHEMA, "\"Ping\": {\"type\": \"object\"}", "\"Ping\": {\"allOf\": [true,\n{\"minimum\": \"1\"}]}",
     "/ping.v1.schema.json:5: "},
    {SCHEMA, "\"Ping\": {\"type\": \"object\"}", "\"Ping\":\n{\"type\": \"object\", \"x\": 1}",
     "/ping.v1.schema.json:5: "},
    // The fault of a schema that another one refers to is that one's.
    {OTHER_SCHEMA, "\"type\"", "\n\"$ref\": \"urn:vox:contract:ping.v1#/nowhere\", \"$comment\"",
     "/pong.v1.schema.json:3: "},
};

START_TEST(contracts_faults__names_what_is_broken)
{
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        const struct broken *row = &broken[i];
        struct contract_set *set = NULL;
        struct err err = {""};
        setup_folder();
        spoil(row->part, row->from, row->to);
        bool ok = contract_set_load(folder, row->part == OVERRIDES ? path_of(OVERRIDES) : NULL, &set, &err);
        ck_assert_msg(!ok, "row %zu (%s) loads", i, row->says);
        ck_assert_msg(strstr(err.text, row->says) != NULL, "row %zu: expected \"%s\", got \"%s\"", i,
                      row->says, err.text);
        if (row->says[0] == '/' && strchr(row->says, '.'))
            ck_assert_msg(strncmp(err.text, folder, strlen(folder)) == 0, "row %zu: \"%s\"", i, err.text);
        ck_assert_ptr_null(set);
        folder_remove();
    }
}
END_TEST

CHECK_MAIN("contracts_faults", contracts_faults__names_what_is_broken)
