// SPDX-License-Identifier: Apache-2.0
// The content guard: what each rule refuses and lets pass, where it says so, and that it stays quick.
#include "lib/contracts/guard.h"

#include "lib/base/file.h"
#include "lib/base/json.h"

#include "tests/unit/check_main.h"
#include "tests/unit/test_contracts_folder.h"

#include <malloc.h>

static struct arena arena;
static struct guard *guard;
static struct contract_set *set;
static struct jsv_context *context;
static struct json_doc doc;

static void setup(void)
{
    struct err err;
    arena_init(&arena, 4096, 1 << 20);
    json_doc_init(&doc, NULL, (size_t)64 << 20);
    context = jsv_context_new(&err);
    if (!context || !guard_load(VOX_SOURCE_DIR "/contracts/guard.yaml", &arena, &guard, &err) ||
        !contract_set_load(VOX_SOURCE_DIR "/contracts", NULL, &set, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

static const char *rule_of(struct str text)
{
    uint32_t rule = guard_scan(guard, UINT64_MAX, text);
    return rule == GUARD_NONE ? NULL : guard->rules[rule].public.name.ptr;
}

// Secrets are written in two parts, so that scanners do not take this file for a leak.
static const struct {
    const char *rule;
    const char *text, *rest;
} table[] = {
    {"posix-path", "/etc/passwd", ""},
    {"posix-path", "/srv", ""},
    {"posix-path", "open /home/alice/x: denied", ""},
    {"posix-path", "(\"/var/log/x\")", ""},
    {"posix-path", "path=/opt/vox/bin", ""},
    {"posix-path", "PATH:/usr/bin:/bin", ""},
    {"posix-path", "at\t/Users/alice/src/main.vox:3", ""},
    {"posix-path",
     "/gr\xC3\xB6\xC3\x9F"
     "e/x",
     ""},
    {"posix-path", "open '/etc/passwd' failed", ""},
    {"posix-path", "read \"/root/x\" twice", ""},
    {"posix-path", "a /b/c", ""},
    {NULL, "a / b / c", ""},
    {NULL, "3/4", ""},
    {NULL, "application/json", ""},
    {NULL, "and/or", ""},
    {NULL, "n/a", ""},
    {NULL, "crates/core/src/lib.vox", ""},
    {NULL, "./src/home/x", ""},
    {NULL, "../src", ""},
    {NULL, "anthropic/claude-opus-4-7", ""},
    {NULL, "use /help", ""},
    {NULL, "<b>x</b>", ""},
    {NULL, "1 / 2", ""},
    {NULL, "@/components/x", ""},
    {NULL, "/", ""},
    {NULL, "// a comment", ""},
    {NULL, "text/html; q=0.9, */*", ""},
    {NULL, "https://example.org/a/b?c=d", ""},
    {NULL, "2026/11/22", ""},
    {"windows-path", "C:\\Users\\alice", ""},
    {"windows-path", "at d:/src/x", ""},
    {"windows-path", "\"C:\\\"", ""},
    {"windows-path", "\\Users\\bob", ""},
    {"windows-path", "in '\\Program Files\\x'", ""},
    {NULL, "\\alpha\\beta", ""},
    {NULL, "\\n\\t", ""},
    {NULL, "\\d+\\w", ""},
    {NULL, "App\\Users\\Model", ""},
    {NULL, "\\Users", ""},
    {NULL, "abc:\\x", ""},
    {NULL, "s://x", ""},
    {NULL, "x: y", ""},
    {"unc-path", "\\\\files\\share\\x", ""},
    {"unc-path", "see \\\\wsl$\\Ubuntu", ""},
    {"unc-path", "\\\\?\\C:\\x", ""},
    {"unc-path", "//files/share", ""},
    {NULL, "\\\\", ""},
    {NULL, "a\\\\b\\c", ""},
    {"file-uri", "file:///etc/hosts", ""},
    {"file-uri", "FILE:/x", ""},
    {"file-uri", "at file:\\\\x", ""},
    {NULL, "profile:x/y", ""},
    {NULL, "file: not found", ""},
    {"home-folder", "~/src", ""},
    {"home-folder", "cd ~alice/x", ""},
    {"home-folder", "~root/x", ""},
    {"home-folder", "~\\x", ""},
    {"home-folder", "$HOME/x", ""},
    {"home-folder", "a${HOME}b", ""},
    {"home-folder", "$env:USERPROFILE", ""},
    {"home-folder", "%userprofile%\\x", ""},
    {NULL, "crates/~cache/x", ""},
    {NULL, "~5 ms", ""},
    {NULL, "$HOMER", ""},
    {NULL, "100% of %x%", ""},
    {NULL, "costs $5", ""},
    {"git-remote", "git@git.example.org:team/app.git", ""},
    {"git-remote", "git@forge:team/app", ""},
    {"git-remote", "me@git.example.org:team/app", ""},
    {"git-remote", "ssh://git@example.org/app", ""},
    {"git-remote", "clone git://example.org/app", ""},
    {"git-remote", "git+ssh://example.org/app", ""},
    {"git-remote", "https://git.example.org/team/app.git", ""},
    {"git-remote", "(http://example.org:8080/a.git/info)", ""},
    {"forge-url", "https://github.com/team/app", ""},
    {"forge-url", "https://www.GitLab.com/team", ""},
    {NULL, "https://github.com/", ""},
    {"forge-path", "github.com/team/app", ""},
    {"forge-path", "at (gitlab.com/a/b)", ""},
    {"forge-path", "bitbucket.org:a/b", ""},
    {"git-remote", "host:path/app.git", ""},
    {"git-remote", "bob@box:team/app", ""},
    {"git-remote", "bob@box:app.git", ""},
    {"git-remote", "svn://h/r", ""},
    {"git-remote", "hg+ssh://x/y", ""},
    {NULL, "model@provider:free", ""},
    {NULL, "foo@npm:@scope/bar@1.0", ""},
    {NULL, "foo@workspace:packages/foo", ""},
    {NULL, "ignored: .git", ""},
    {NULL, "ignored:.git", ""},
    {NULL, "skip:a/.git", ""},
    {NULL, "a:b.github", ""},
    {NULL, "anthropic:claude-opus", ""},
    {NULL, "crates/core:lib", ""},
    {NULL, "https://example.org/github.com/x", ""},
    {NULL, "https://api.github.com/rate_limit", ""},
    {NULL, "notgithub.com/x", ""},
    {NULL, "github.com", ""},
    {NULL, "https://example.org/.github/x", ""},
    {NULL, "https://example.org/a.git-b", ""},
    {NULL, "git@", ""},
    {"url-credentials", "https://alice:pw@example.org/x", ""},
    {"url-credentials", "https://token@github.com/team/app", ""},
    {"url-credentials", "postgres://vox:pw@db/vox", ""},
    {NULL, "postgres://db/vox", ""},
    {NULL, "https://example.org/@alice", ""},
    {"email", "alice@example.org", ""},
    {"email", "Alice <a.l+x@mail.example.co.uk>", ""},
    {"email", "write to 1234@163.com.", ""},
    {"email",
     "\xC3\xBC@b\xC3\xBC"
     "cher.example",
     ""},
    {NULL, "@scope/pkg", ""},
    {NULL, "vox@1.2.3", ""},
    {NULL, "react@18.0.0-rc.beta", ""},
    {NULL, "claude-3-5@20240620", ""},
    {NULL, "image@sha256:abcdef", ""},
    {NULL, "a@b", ""},
    {NULL, "a@b.c", ""},
    {NULL, "foo@npm:bar@1.0", ""},
    {"vox-token", "vts_", "0123456789_0123456789abcdef0123456789abcdef_012345"},
    {"webhook-secret", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    {"aws-key", "AKIA", "IOSFODNN7EXAMPLE"},
    {NULL, "AKIA", "IOSFODNN"},
    {NULL, "xAKIA", "IOSFODNN7EXAMPLE"},
    {"github-token", "ghp_", "0123456789abcdefghijABCDEFGHIJ012345"},
    {"github-token", "token=gho_", "0123456789abcdefghijABCDEFGHIJ012345"},
    {"github-fine-grained-token", "github_pat_", "0123456789abcdefghij_ABCDEF"},
    {"gitlab-token", "glpat-", "0123456789abcdefghij"},
    {"slack-token", "xoxb-", "123456789012-abcdef"},
    {"google-key", "AIza", "SyA0123456789-abcdefghijklmnopqrstu"},
    {"private-key", "-----BEGIN ", "RSA PRIVATE KEY-----\nMIIE"},
    {"private-key", "x\n-----BEGIN ", "PRIVATE KEY-----"},
    {NULL, "-----BEGIN ", "CERTIFICATE-----"},
    {NULL, "-----------", "-"},
    {"json-web-token", "eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"},
    {NULL, "eyJhbGciOiJIUzI1NiJ9", ".x"},
    {NULL, "eyJ", ""},
    {"stripe-key", "sk_live_", "0123456789abcdefghij"},
    {"npm-token", "npm_", "0123456789abcdefghijABCDEFGHIJ012345"},
    {NULL, "npm_", "config_cache"},
    {"model-provider-key", "sk-ant-", "api03-0123456789abcdef"},
    {"model-provider-key-short", "sk-", "0123456789abcdefghijABCDEFGHIJ01"},
    {NULL, "sk-", "learn-is-a-library-with-a-name"},
    {NULL, "task-", "0123456789abcdefghijABCDEFGHIJ01"},
    {"pypi-token", "pypi-AgE", "IcHlwaS5vcmcCJDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5"},
    {"hugging-face-token", "hf_", "0123456789abcdefghijABCDEFGHIJ0123"},
    {"bearer-token", "Authorization: Bearer ", "0123456789abcdef-._~"},
    {"basic-credentials", "Authorization: Basic ", "dXNlcjpwYXNzd29yZHBhc3N3b3Jk"},
    {NULL, "Basic authentication is off", ""},
    {NULL, "Basic src/components/forms/inputs", ""},
    {"sendgrid-key", "SG.", "0123456789abcdefghijkl.0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"},
    {NULL, "SG.", "core.metrics"},
    {"digitalocean-token", "dop_v1_", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
    {"google-oauth-token", "ya29.", "a0AfH6SMC0123456789abcdef"},
    {"vault-token", "hvs.", "CAESI0123456789abcdefgh"},
    {NULL, "hvs.", "core"},
    {"age-key", "AGE-SECRET-KEY-1", "QQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQQPQ"},
    {"aws-secret", "aws_secret_access_key=", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
    {NULL, "aws_secret_access_key", " is missing"},
    {"password", "host=db password=", "correct-horse-battery"},
    {NULL, "password=", "required"},
    {NULL, "password=", "<hidden>"},
    {NULL, "password= is missing", ""},
    {NULL, "", ""},
    {NULL, "3f9a1c5e7b2d4860", ""},
    {NULL, "9b1c6f0e5a7d43288c1f0b9e2d4a6c8f13579bdf", ""},
    {NULL, "0198c5f2-7a10-7c3e-9d55-2f6a3b1c4d5e", ""},
    {NULL, "sha256:5d1f9b1c6f0e5a7d", ""},
    {NULL, "mcp:repo-5d1f", ""},
    {NULL, "vox_orchestrator::context_lifecycle", ""},
    {NULL, "2026-11-22T07:30:00+01:00", ""},
};

START_TEST(guard__rules_refuse_what_they_say)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char text[256];
        int len = snprintf(text, sizeof(text), "%s%s", table[i].text, table[i].rest);
        // A heap copy of the exact size, so that a sanitizer sees a look past its end.
        char *copy = malloc((size_t)len + 1);
        ck_assert_ptr_nonnull(copy);
        char *exact = memcpy(copy + 1, text, (size_t)len);
        const char *rule = rule_of(str_slice(exact, (size_t)len));
        ck_assert_msg(!rule == !table[i].rule && (!rule || strcmp(rule, table[i].rule) == 0),
                      "'%s' is refused by %s, expected %s", text, rule ? rule : "nothing",
                      table[i].rule ? table[i].rule : "nothing");
        free(copy);
    }
}
END_TEST

START_TEST(guard__every_rule_is_tried)
{
    for (size_t i = 0; i < guard->count; i++) {
        bool found = false;
        for (size_t k = 0; k < ARRAY_LEN(table); k++)
            found = found || (table[k].rule && str_eq(guard->rules[i].public.name, str_from(table[k].rule)));
        ck_assert_msg(found, "%s", guard->rules[i].public.name.ptr);
    }
}
END_TEST

static enum problem judge(const char *text, struct judgement *judgement)
{
    json_doc_reset(&doc);
    ck_assert_msg(json_doc_parse(&doc, str_from(text), NULL) == JSON_FAULT_NONE, "%s", text);
    return contract_judge(set, context, doc.root, STR_NULL, 0, judgement);
}

START_TEST(guard__pointers_stop_at_what_the_schema_states)
{
    static const struct {
        const char *event, *pointer, *told;
    } places[] = {
        {"{\"BuildSummary\":{\"build_id\":\"/srv/b\",\"outcome\":\"success\",\"wall_time_ms\":1,"
         "\"crates_compiled\":1,\"error_count\":0}}",
         "/BuildSummary/build_id", "Rule posix-path: The value holds an absolute path."},
        {"{\"BuildSummary\":{\"build_id\":\"b\",\"outcome\":\"success\",\"wall_time_ms\":1,"
         "\"crates_compiled\":1,\"error_count\":0,\"hush-hush\":{\"build_id\":[\"~/x\"]}}}",
         "/BuildSummary", "Rule home-folder: The value names a home folder."},
        {"{\"SelectionDecision\":{\"task\":\"t\",\"axes\":[1,2,3],\"chosen_model\":\"m\",\"reason\":"
         "\"scored\",\"axes2\":[\"/srv/x\"]}}",
         "/SelectionDecision", "Rule posix-path: The value holds an absolute path."},
        {"{\"ModelClassification\":{\"model_id\":\"m\",\"classifier_model\":\"c\",\"tier\":\"t\","
         "\"strengths\":[\"code\",\"a@example.org\"],\"confidence\":1}}",
         "/ModelClassification/strengths/1", "Rule email: The value holds an e-mail address."},
        {"{\"ResearchMetric\":{\"session_id\":\"s\",\"metric_type\":\"m\",\"metadata_json\":"
         "\"{\\\"hush-hush\\\":\\\"\\\\/srv\\\\/x\\\"}\"}}",
         "/ResearchMetric/metadata_json", "Rule posix-path: The value holds an absolute path."},
    };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct judgement judgement;
        ck_assert_msg(judge(places[i].event, &judgement) == PROBLEM_content_refused, "%s", places[i].event);
        ck_assert_uint_eq(judgement.error_count, 1);
        ck_assert_view_eq(judgement.errors[0].pointer, places[i].pointer);
        ck_assert_view_eq(judgement.errors[0].keyword, "guard");
        const struct str message = judgement.errors[0].message;
        ck_assert_msg(str_starts(message, str_from(places[i].told)), "%.*s", STR_FMT(message));
    }
}
END_TEST

START_TEST(guard__looks_into_embedded_json)
{
    static const struct {
        const char *metadata;
        enum problem problem;
        const char *keyword;
    } rows[] = {
        {"{}", PROBLEM_NONE, NULL},
        {"7", PROBLEM_NONE, NULL},
        {" [1, {\\\"a\\\": \\\"b\\\"}] ", PROBLEM_NONE, NULL},
        {"", PROBLEM_schema_invalid, "contentMediaType"},
        {"x", PROBLEM_schema_invalid, "contentMediaType"},
        {"{\\\"a\\\":1,\\\"a\\\":2}", PROBLEM_schema_invalid, "contentMediaType"},
        {"\\\"\\\\u0000\\\"", PROBLEM_schema_invalid, "contentMediaType"},
        {"{} {}", PROBLEM_schema_invalid, "contentMediaType"},
        {"1e999", PROBLEM_schema_invalid, "contentMediaType"},
        {"[\\\"alice@example.org\\\"]", PROBLEM_content_refused, "guard"},
        {"\\\"\\\\u002fsrv\\\\u002fx\\\"", PROBLEM_content_refused, "guard"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[256];
        struct judgement judgement;
        snprintf(text, sizeof(text),
                 "{\"ResearchMetric\":{\"session_id\":\"s\",\"metric_type\":\"m\",\"metadata_json\":\"%s\"}}",
                 rows[i].metadata);
        ck_assert_msg(judge(text, &judgement) == rows[i].problem, "%s", text);
        if (rows[i].keyword) {
            ck_assert_view_eq(judgement.errors[0].keyword, rows[i].keyword);
            ck_assert_view_eq(judgement.errors[0].pointer, "/ResearchMetric/metadata_json");
        }
    }
}
END_TEST

START_TEST(guard__leaves_higher_classes_alone)
{
    struct judgement judgement;
    ck_assert_int_eq(
        judge("{\"detector_id\":\"d\",\"tier\":\"A\",\"message\":\"/srv/x\",\"fingerprint\":\"f\"}",
              &judgement),
        PROBLEM_NONE);
    for (size_t i = 0; i < contract_set_count(set); i++) {
        const struct contract *contract = contract_set_at(set, i);
        ck_assert_msg((contract->guarded != 0) == (contract->class_ <= CLASS_S1), "%s", contract->name.ptr);
    }
}
END_TEST

// Texts that make every matcher look as far as it may, again and again.
START_TEST(guard__hostile_texts_take_linear_time)
{
    static const char *const units[] = {"a@",      "/a",         "=/a",       "eyJ-",  "eyJaaaaaaaaa.ey",
                                        "a://",    "https://a:", "\\\\",      "~",     "-----BEGIN ",
                                        "ghp_",    "sk-",        "Bearer a ", "x@x.x", "$HOM",
                                        "%HOME",   "C:",         "//a",       "git@a", "a:a/.git",
                                        "\\Users", "a@b:a/",     "Basic a",   "SG.a",  "a:"};
    const size_t size = (size_t)1 << 20;
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        size_t len = strlen(units[i]);
        for (size_t k = 0; k < size; k++)
            text[k] = units[i][k % len];
        struct timespec from, to;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        for (size_t k = 0; k < guard->count; k++)
            (void)guard_scan(guard, UINT64_C(1) << k, str_slice(text, size));
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        double seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
        // 35 passes of 1 MiB take half a second in the slowest build; what is quadratic takes hours.
        ck_assert_msg(seconds < 20, "%s: %.1f s", units[i], seconds);
    }
    free(text);
}
END_TEST

START_TEST(guard__names_broken_files)
{
    static const struct {
        const char *rules, *says;
    } rows[] = {
        {"rules: []\n", "/guard.yaml:1: Insufficient entries"},
        {"rules:\n  - {name: A, what: w, matcher: email, help: h}\n",
         "/guard.yaml:2: A: a rule's name is of"},
        {"rules:\n  - {name: a, what: w, matcher: mail, help: h}\n",
         "/guard.yaml:2: mail: there is no such matcher"},
        {"rules:\n  - {name: a, what: w, matcher: email, help: h}\n"
         "  - {name: a, what: w, matcher: email, help: h}\n",
         "/guard.yaml:3: a: a second rule of this name"},
        {"rules:\n  - {name: a, what: w, matcher: email, prefixes: [abc], help: h}\n",
         "/guard.yaml:2: a: this matcher takes no prefixes"},
        {"rules:\n  - {name: a, what: w, matcher: url, help: h}\n",
         "/guard.yaml:2: a: this matcher needs prefixes"},
        {"rules:\n  - {name: a, what: w, matcher: url, prefixes: [ab], help: h}\n",
         "/guard.yaml:2: a: a prefix is shorter"},
        {"rules:\n  - {name: a, what: w, matcher: email, min: 3, help: h}\n",
         "/guard.yaml:2: a: follows and min go with"},
        {"rules:\n  - {name: a, what: w, matcher: prefix, prefixes: [abc], follows: any, min: 3, help: h}\n",
         "/guard.yaml:2: a: follows is none of"},
        {"rules:\n  - {name: a, what: w, matcher: prefix, prefixes: [abc], follows: alnum, min: 0, help: "
         "h}\n",
         "/guard.yaml:2: a: min is not from"},
        {"rules:\n  - {name: a, what: w, matcher: email}\n", "Missing required mapping field: help"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct guard *made = NULL;
        struct err err = {""};
        char path[128];
        folder_make();
        folder_put("", "guard.yaml", str_from(rows[i].rules));
        snprintf(path, sizeof(path), "%s/guard.yaml", folder);
        ck_assert_msg(!guard_load(path, &arena, &made, &err), "%s", rows[i].says);
        ck_assert_msg(strstr(err.text, rows[i].says) != NULL, "expected \"%s\", got \"%s\"", rows[i].says,
                      err.text);
        folder_remove();
    }
}
END_TEST

START_TEST(guard__allocates_nothing_for_a_plain_event)
{
    struct buf text;
    struct err err;
    struct judgement judgement;
    buf_init(&text, LIMIT_EVENT_BYTES);
    ck_assert_msg(file_read_at(AT_FDCWD, VOX_SOURCE_DIR "/contracts/samples/model-call.v1/valid/typical.json",
                               &text, &err),
                  "%s", err.text);
    buf_put_char(&text, '\0');
    ck_assert_int_eq(judge(text.ptr, &judgement), PROBLEM_NONE);
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(guard_judge(guard, judgement.contract, doc.root, &judgement), PROBLEM_NONE);
    struct mallinfo2 after = mallinfo2();
    ck_assert_uint_eq(before.uordblks, after.uordblks);
    buf_release(&text);
}
END_TEST

CHECK_MAIN_WITH(setup, "contracts_guard", guard__rules_refuse_what_they_say, guard__every_rule_is_tried,
                guard__pointers_stop_at_what_the_schema_states, guard__looks_into_embedded_json,
                guard__leaves_higher_classes_alone, guard__hostile_texts_take_linear_time,
                guard__names_broken_files, guard__allocates_nothing_for_a_plain_event)
