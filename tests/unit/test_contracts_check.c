// SPDX-License-Identifier: Apache-2.0
// contract_check(): a folder whose samples are wrong in every way is told so, file by file.
#include "lib/contracts/check.h"

#include "lib/base/json.h"

#include "tests/unit/check_main.h"
#include "tests/unit/test_contracts_folder.h"

#define INDEX(class_)                                                                                    \
    "contracts:\n"                                                                                       \
    "  - {id: ping, version: 1, schema: ping.v1.schema.json, recognise: {variant: Ping}, class: " class_ \
    ",\n"                                                                                                \
    "     transmission: local_only, owner: t, enforced_by: schema, session_convention: none,\n"          \
    "     subject: {trace_id: /Ping/trace~1id}, embedded_json: [/Ping/text]}\n"                          \
    "  - {id: pong, version: 1, schema: pong.v1.schema.json, recognise: {members: [pong]}, class: S0,\n" \
    "     transmission: local_only, owner: t, enforced_by: schema, session_convention: none}\n"

#define SCHEMA(name, rest)                                                                                   \
    "{\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"$id\": \"urn:vox:contract:" name "\"" rest \
    "}"

static void put(const char *name, const char *text)
{
    folder_put("", name, str_from(text));
}

static void put_in(const char *below, const char *name, const char *text)
{
    folder_put(below, name, str_from(text));
}

static void setup_folder(void)
{
    folder_make();
    put("index.yaml", INDEX("S1"));
    put("retention-policy.yaml", "retention:\n"
                                 "  - {contract: ping.v1, kind: manual, rationale: r}\n"
                                 "  - {contract: pong.v1, kind: manual, rationale: r}\n");
    put("ping.v1.schema.json",
        SCHEMA("ping.v1", ", \"required\": [\"Ping\"], \"properties\": {\"Ping\": {\"type\": \"object\"}}"));
    put("pong.v1.schema.json", SCHEMA("pong.v1", ""));
    put_in("samples", ".keep", "");
    put_in("samples/ping.v1", ".keep", "");
    put_in("samples/gone.v1", ".keep", "");
    put("old.v1.schema.json", "{}");
}

static void collect(void *context, struct str file, struct str message)
{
    struct buf *all = context;
    buf_put_str(all, str_skip(file, strlen(folder)));
    buf_put_cstr(all, " ");
    buf_put_str(all, message);
    buf_put_cstr(all, "\n");
}

START_TEST(contracts_check__tells_bad_samples)
{
    struct contract_check_tally tally;
    struct buf said;
    setup_folder();
    const char *valid = "samples/ping.v1/valid", *invalid = "samples/ping.v1/invalid";
    put_in(valid, "bad-type.json", "{\n\"Ping\": 1}");
    put_in(valid, "no-json.json", "{\"Ping\":\n{,}}");
    put_in(valid, "other.json", "{\"pong\": 1}");
    put_in(valid, "readme.txt", "?");
    put_in(invalid, "valid.json", "{\"Ping\": {}}");
    put_in(invalid, "valid.expect.json",
           "{\"code\": \"schema_invalid\", \"pointer\": \"/Ping\", \"keyword\": \"type\"}");
    put_in(invalid, "elsewhere.json", "{\"Ping\": []}");
    put_in(invalid, "elsewhere.expect.json",
           "{\"code\": \"schema_invalid\", \"pointer\": \"\", \"keyword\": \"required\"}");
    put_in(invalid, "half.json", "{}");
    put_in(invalid, "half.expect.json", "{\"code\": \"schema_invalid\", \"pointer\": \"\"}");
    put_in(invalid, "broken.json", "{}");
    put_in(invalid, "broken.expect.json", "{\"code\":\n?}");
    put_in(invalid, "wrong.json", "{\"Ping\":\n{\"x\":\n\"/srv/x\"}}");
    put_in(invalid, "wrong.expect.json", "{\"code\": \"unknown_contract\"}");
    put_in(invalid, "alone.json", "{}");
    put_in(invalid, "lonely.expect.json", "{\"code\": \"unknown_contract\"}");
    put_in(invalid, "right.json", "{\"Ping\": []}");
    put_in(invalid, "right.expect.json",
           "{\"code\": \"schema_invalid\", \"pointer\": \"/Ping\", \"keyword\": \"type\"}");

    put_in(invalid, "content.json", "{\"Ping\": {\"x\": \"/srv/x\"}}");
    put_in(invalid, "content.expect.json",
           "{\"code\": \"content_refused\", \"pointer\": \"\", \"keyword\": \"guard\"}");

    buf_init(&said, (size_t)64 * 1024);
    ck_assert(!contract_check(folder, NULL, collect, &said, &tally));
    buf_put_char(&said, '\0');
    static const char *const says[] = {
        "/samples/ping.v1/valid/bad-type.json:2 should be valid and is refused: schema_invalid at '/Ping', "
        "keyword type\n",
        "/samples/ping.v1/valid/no-json.json:2 should be valid and is refused before it is judged: "
        "json_malformed\n",
        "/samples/ping.v1/valid/other.json:1 should be recognised as ping and is recognised as pong\n",
        "/samples/ping.v1/valid/readme.txt a sample's name ends in .json\n",
        "/samples/ping.v1/invalid/valid.json:1 should be schema_invalid and is valid\n",
        "/samples/ping.v1/invalid/elsewhere.json:1 should fail at '' by required and fails at '/Ping' by "
        "type\n",
        "/samples/ping.v1/invalid/half.expect.json:1 is not an object of a known code",
        "/samples/ping.v1/invalid/broken.expect.json:2 is not an object of a known code",
        "/samples/ping.v1/invalid/wrong.json:1 should be unknown_contract and is content_refused\n",
        "/samples/ping.v1/invalid/alone.expect.json cannot open ",
        "/samples/ping.v1/invalid/lonely.expect.json there is no lonely.json",
        "/samples/ping.v1 no valid sample of ping.v1 has a text at its subject pointer /Ping/trace~1id\n",
        "/samples/ping.v1 no valid sample of ping.v1 has a JSON text at /Ping/text\n",
        "/samples/ping.v1/invalid/content.json:1 should fail at '' by guard and fails at '/Ping' by guard\n",
        "/samples/pong.v1/valid cannot list it: No such file or directory\n",
        "/samples/pong.v1/invalid pong.v1 has no invalid sample\n",
        "/samples/gone.v1 the index has no such contract\n",
        "/old.v1.schema.json no contract of the index names this schema\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(says); i++)
        ck_assert_msg(strstr(said.ptr, says[i]) != NULL, "missing \"%s\" in\n%s", says[i], said.ptr);
    ck_assert_msg(strstr(said.ptr, "right.json") == NULL, "%s", said.ptr);
    ck_assert_uint_ge(tally.faults, ARRAY_LEN(says));
    ck_assert_uint_eq(tally.contracts, 2);

    buf_clear(&said);
    put("index.yaml", INDEX("S3"));
    ck_assert(!contract_check(folder, NULL, collect, &said, &tally));
    ck_assert_msg(str_starts(buf_str(&said), STR("/index.yaml:2 class S3 is content")), "%.*s",
                  STR_FMT(buf_str(&said)));
    ck_assert_uint_eq(tally.faults, 1);
    buf_release(&said);
    folder_remove();
}
END_TEST

// One fault of each file that a set is loaded from; the report has the file, its line and a sentence.
START_TEST(contracts_check__tells_where_a_set_is_broken)
{
    static const struct {
        const char *name, *text, *says;
    } rows[] = {
        {"index.yaml", "contracts:\n  - {id: ping,\n     version: 0}\n", "/index.yaml:2 "},
        {"index.yaml", "contracts: [\n", "/index.yaml:2 not YAML: "},
        {"guard.yaml", "rules:\n  - {name: a, what: w, matcher: mail, help: h}\n",
         "/guard.yaml:2 mail: there is no such matcher\n"},
        {"retention-policy.yaml",
         "retention:\n  - {contract: ping.v1, kind: manual, rationale: r}\n"
         "  - contract: pong.v1\n    kind: days\n    days: 0\n    rationale: r\n",
         "/retention-policy.yaml:5 pong.v1: days are not from 1 to 36500\n"},
        {"ping.v1.schema.json", "{\n\"$schema\": 1,\n}", "/ping.v1.schema.json:3 not JSON: "},
        {"ping.v1.schema.json", SCHEMA("ping.v1", ",\n\"required\": [1]"),
         "/ping.v1.schema.json:2 Schema urn:vox:contract:ping.v1#/required"},
        {"pong.v1.schema.json", SCHEMA("pong.v1", ",\n\n\"$comment\": 5"),
         "/pong.v1.schema.json:3 Schema urn:vox:contract:pong.v1#/$comment"},
        {"overrides.yaml", "retention:\n  - {contract: pang.v1, kind: manual}\n",
         "/overrides.yaml:2 pang.v1: the index has no such contract"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct contract_check_tally tally;
        struct buf said;
        char overrides[128];
        setup_folder();
        put("overrides.yaml", "retention: []\n");
        put(rows[i].name, rows[i].text);
        snprintf(overrides, sizeof(overrides), "%s/overrides.yaml", folder);
        buf_init(&said, (size_t)64 * 1024);
        ck_assert_msg(!contract_check(folder, overrides, collect, &said, &tally), "%s", rows[i].says);
        ck_assert_uint_eq(tally.faults, 1);
        ck_assert_msg(str_starts(buf_str(&said), str_from(rows[i].says)), "expected \"%s\", got \"%.*s\"",
                      rows[i].says, STR_FMT(buf_str(&said)));
        buf_release(&said);
        folder_remove();
    }
}
END_TEST

CHECK_MAIN("contracts_check", contracts_check__tells_where_a_set_is_broken,
           contracts_check__tells_bad_samples)
