// SPDX-License-Identifier: Apache-2.0
// The gate's verdicts, one row a case.
#include "server/gate/gate.h"

#include "lib/base/buf.h"
#include "lib/wire/limits.h"
#include "tests/unit/check_main.h"

#define NOW 1000000

static char good_text[TOKEN_TEXT_LEN + 1], revoked_text[TOKEN_TEXT_LEN + 1], expired_text[TOKEN_TEXT_LEN + 1],
    unknown_text[TOKEN_TEXT_LEN + 1], forged_text[TOKEN_TEXT_LEN + 1];
static struct token_table *table;

static struct token row_for(const char *text, int32_t id)
{
    struct token row = {.id = id, .project_id = 7, .scopes = SCOPE_INGEST, .expires_at = INT64_MAX};
    struct str key_id, secret;
    if (!token_parse(str_from(text), &key_id, &secret))
        BUG("a generated token does not parse");
    memcpy(row.key_id, key_id.ptr, TOKEN_KEY_ID_LEN);
    token_hash(key_id, secret, row.hash);
    return row;
}

static void setup(void)
{
    token_generate(good_text);
    token_generate(revoked_text);
    token_generate(expired_text);
    token_generate(unknown_text);
    token_generate(forged_text);
    struct token rows[] = {row_for(good_text, 1), row_for(revoked_text, 2), row_for(expired_text, 3),
                           row_for(forged_text, 4)};
    rows[1].revoked = true;
    rows[2].expires_at = NOW;
    rows[3].hash[5] ^= 1; // the key id is known, the secret is another
    table = token_table_new(rows, ARRAY_LEN(rows));
    BUG_ON(!table);
}

// Good headers here are those of the first row.
static enum problem check_header(const char *header, unsigned count, unsigned scopes, bool *known)
{
    const struct token *token = NULL;
    enum problem problem = gate_check(table, str_from(header), count, scopes, NOW, &token, known);
    if (problem) {
        ck_assert_ptr_null(token);
    } else {
        ck_assert_ptr_nonnull(token);
        ck_assert_int_eq(token->id, 1);
        ck_assert_int_eq(token->project_id, 7);
        ck_assert_mem_eq(token->key_id, good_text + strlen("vts_"), TOKEN_KEY_ID_LEN);
    }
    return problem;
}

START_TEST(gate__verdicts)
{
    char wrong_crc[TOKEN_TEXT_LEN + 1];
    memcpy(wrong_crc, good_text, sizeof(wrong_crc));
    wrong_crc[TOKEN_TEXT_LEN - 1] = wrong_crc[TOKEN_TEXT_LEN - 1] == 'a' ? 'b' : 'a';
    struct {
        const char *prefix, *token, *suffix;
        unsigned scopes;
        enum problem expected;
        bool known;
    } rows[] = {
        {"Bearer ", good_text, "", SCOPE_INGEST, PROBLEM_NONE, true},
        {"bearer   ", good_text, "", SCOPE_INGEST | SCOPE_READ, PROBLEM_NONE, true},
        {"Bearer ", good_text, "", SCOPE_READ, PROBLEM_scope_insufficient, true},
        {"Bearer ", revoked_text, "", SCOPE_INGEST, PROBLEM_token_invalid, true},
        {"Bearer ", expired_text, "", SCOPE_INGEST, PROBLEM_token_invalid, true},
        {"Bearer ", unknown_text, "", SCOPE_INGEST, PROBLEM_token_invalid, true},
        {"Bearer ", forged_text, "", SCOPE_INGEST, PROBLEM_token_invalid, true},
        {"Bearer ", wrong_crc, "", SCOPE_INGEST, PROBLEM_token_invalid, false},
        {"Bearer ", good_text, "x", SCOPE_INGEST, PROBLEM_token_invalid, false},
        {"Bearer ", good_text, " x", SCOPE_INGEST, PROBLEM_authorization_malformed, false},
        {"Bearer ", good_text, "\x80", SCOPE_INGEST, PROBLEM_authorization_malformed, false},
        {"Bearer", good_text, "", SCOPE_INGEST, PROBLEM_authorization_malformed, false},
        {"Basic ", good_text, "", SCOPE_INGEST, PROBLEM_authorization_malformed, false},
        {"Bearer ", "", "", SCOPE_INGEST, PROBLEM_authorization_malformed, false},
        {"", "", "", SCOPE_INGEST, PROBLEM_authorization_malformed, false},
        {"Bearer ", "vts_", "", SCOPE_INGEST, PROBLEM_token_invalid, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char header[256];
        bool known;
        snprintf(header, sizeof(header), "%s%s%s", rows[i].prefix, rows[i].token, rows[i].suffix);
        ck_assert_msg(check_header(header, 1, rows[i].scopes, &known) == rows[i].expected, "row %zu", i);
        ck_assert_msg(known == rows[i].known, "row %zu", i);
    }
}
END_TEST

START_TEST(gate__header_count)
{
    bool known;
    char header[128];
    snprintf(header, sizeof(header), "Bearer %s", good_text);
    ck_assert_int_eq(check_header(header, 1, SCOPE_INGEST, &known), PROBLEM_NONE);
    ck_assert_int_eq(check_header(NULL, 0, SCOPE_INGEST, &known), PROBLEM_token_missing);
    ck_assert_int_eq(check_header(header, 2, SCOPE_INGEST, &known), PROBLEM_authorization_malformed);
}
END_TEST

// A text of the longest length is read through, and so found malformed; a longer one is not even looked at.
START_TEST(gate__oversized_token)
{
    bool known;
    char header[8200];
    for (size_t len = LIMIT_TOKEN_TEXT; len < sizeof(header) - 7; len = len * 2 + 1) {
        memset(header, 'a', sizeof(header));
        memcpy(header, "Bearer ", 7);
        header[7 + len - 1] = ',';
        header[7 + len] = '\0';
        enum problem problem = check_header(header, 1, SCOPE_INGEST, &known);
        ck_assert_msg(problem ==
                          (len > LIMIT_TOKEN_TEXT ? PROBLEM_token_invalid : PROBLEM_authorization_malformed),
                      "%zu bytes", len);
        ck_assert(!known);
    }
}
END_TEST

START_TEST(gate__scopes)
{
    unsigned scopes;
    ck_assert(scopes_parse(STR("ingest"), &scopes) && scopes == SCOPE_INGEST);
    ck_assert(scopes_parse(STR("read,ingest"), &scopes) && scopes == (SCOPE_INGEST | SCOPE_READ));
    ck_assert_str_eq(scopes_name(scopes), "ingest,read");
    ck_assert(!scopes_parse(STR(""), &scopes));
    ck_assert(!scopes_parse(STR("ingest,"), &scopes));
    ck_assert(!scopes_parse(STR("root"), &scopes));
}
END_TEST

START_TEST(gate__empty_table)
{
    bool known;
    const struct token *token = NULL;
    struct token_table *empty = token_table_new(NULL, 0);
    char header[128];
    snprintf(header, sizeof(header), "Bearer %s", good_text);
    ck_assert_int_eq(gate_check(empty, str_from(header), 1, SCOPE_INGEST, NOW, &token, &known),
                     PROBLEM_token_invalid);
    token_table_free(empty);
}
END_TEST

CHECK_MAIN_WITH(setup, "gate", gate__verdicts, gate__header_count, gate__oversized_token, gate__scopes,
                gate__empty_table)
