// SPDX-License-Identifier: Apache-2.0
// What we ship holds together: nothing listed is missing, nothing there is unlisted, no event is two things.
#include "lib/contracts/set.h"

#include "lib/base/file.h"
#include "lib/base/json.h"

#include "tests/unit/check_main.h"
#include "tests/unit/test_parsed.h"

#include <dirent.h>
#include <fcntl.h>

#define CONTRACTS VOX_SOURCE_DIR "/contracts"

static struct contract_set *set;

static void setup(void)
{
    struct err err;
    if (!contract_set_load(CONTRACTS, NULL, &set, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

// What has been promised of each; days 0 is no number of days.
static const struct {
    const char *name;
    enum contract_class class_;
    enum retention_kind kind;
    int days;
    const char *metric_type;
} promises[] = {
    {"research-metric.v1", CLASS_S1, RETENTION_DAYS, 365, "/ResearchMetric/metric_type"},
    {"model-call.v1", CLASS_S1, RETENTION_DAYS, 365, "model_call_event"},
    {"task-root-summary.v1", CLASS_S1, RETENTION_DAYS, 365, "task.root_summary"},
    {"build-summary.v1", CLASS_S0, RETENTION_DAYS, 365, "build.summary"},
    {"telemetry-error.v1", CLASS_S1, RETENTION_DAYS, 365, "telemetry.error"},
    {"ai-fixture-model-intent.v1", CLASS_S1, RETENTION_DAYS, 365, "fixture.model.intent_resolved"},
    {"ai-fixture-subagent-dispatch.v1", CLASS_S1, RETENTION_DAYS, 365, "orch.subagent.dispatch"},
    {"ai-fixture-prompt-dispatch.v1", CLASS_S1, RETENTION_DAYS, 365, "fixture.prompt.dispatch"},
    {"ai-fixture-search-dispatch.v1", CLASS_S1, RETENTION_DAYS, 365, "fixture.search.dispatch"},
    {"ai-fixture-hole-observed.v1", CLASS_S1, RETENTION_DAYS, 365, "fixture.hole.observed"},
    {"lint-finding.v1", CLASS_S1, RETENTION_DAYS, 365, "vox.lint.finding"},
    {"lint-autofix.v1", CLASS_S1, RETENTION_DAYS, 365, "vox.lint.autofix_applied"},
    {"repair-attempt.v1", CLASS_S1, RETENTION_DAYS, 365, "vox.repair.attempt"},
    {"repair-outcome.v1", CLASS_S1, RETENTION_DAYS, 365, "vox.repair.outcome"},
    {"audit-run.v1", CLASS_S1, RETENTION_DAYS, 365, "vox.audit.run"},
    {"selection-decision.v1", CLASS_S1, RETENTION_DAYS, 365, "vox.model.selection_decision"},
    {"model-discovery.v1", CLASS_S1, RETENTION_DAYS, 365, "vox.model.discovery"},
    {"model-classification.v1", CLASS_S1, RETENTION_DAYS, 365, "vox.model.classification"},
    {"confidence-promotion.v1", CLASS_S1, RETENTION_DAYS, 365, "vox.model.confidence_promotion"},
    {"completion-run.v1", CLASS_S2, RETENTION_DAYS, 365, NULL},
    {"completion-finding.v1", CLASS_S2, RETENTION_WITH_PARENT, 365, NULL},
    {"completion-detector-snapshot.v1", CLASS_S2, RETENTION_WITH_PARENT, 365, NULL},
    {"completion-suppression.v1", CLASS_S2, RETENTION_EXPIRES_LT_NOW, 0, NULL},
    {"scientia-novelty-decision-calibration.v1", CLASS_S1, RETENTION_DAYS, 365, NULL},
    {"agentos-guardrail-deny.v1", CLASS_S1, RETENTION_DAYS, 90, "orch.agentos.guardrail_deny"},
    {"research-event-bridge.v1", CLASS_S1, RETENTION_DAYS, 365, NULL},
    {"fixture-model-intent-resolved.v1", CLASS_S1, RETENTION_DAYS, 90, "fixture.model.intent_resolved"},
    {"fixture-prompt-dispatch.v1", CLASS_S1, RETENTION_DAYS, 90, "fixture.prompt.dispatch"},
    {"fixture-search-dispatch.v1", CLASS_S1, RETENTION_DAYS, 90, "fixture.search.dispatch"},
    {"fixture-hole-observed.v1", CLASS_S1, RETENTION_DAYS, 90, "fixture.hole.observed"},
    {"orch-subagent-dispatch.v1", CLASS_S1, RETENTION_DAYS, 90, "orch.subagent.dispatch"},
    {"syntax-k-event.v1", CLASS_S1, RETENTION_DAYS, 365, "syntax_k_event"},
    {"context-lifecycle.v1", CLASS_S1, RETENTION_DAYS, 90, NULL},
    {"vox-telemetry-probe.v1", CLASS_S0, RETENTION_DAYS, 1, NULL},
    {"interruption-decision.v1", CLASS_S1, RETENTION_DAYS, 90, NULL},
};

START_TEST(drift__every_contract_is_as_promised)
{
    ck_assert_uint_eq(contract_set_count(set), ARRAY_LEN(promises));
    for (size_t i = 0; i < ARRAY_LEN(promises); i++) {
        const char *name = promises[i].name;
        const struct contract *contract = contract_set_find(set, str_from(name));
        ck_assert_msg(contract != NULL, "%s", name);
        ck_assert_msg(contract->class_ == promises[i].class_, "%s", name);
        ck_assert_msg(contract->retention.kind == promises[i].kind, "%s", name);
        ck_assert_msg(contract->retention.days == promises[i].days, "%s", name);
        struct str metric = contract->metric_count ? contract->metrics[0].metric_type : contract->metric_type;
        ck_assert_msg(str_eq(metric, str_from(promises[i].metric_type)), "%s", name);
    }
    const struct contract *autofix = contract_set_find(set, STR("lint-autofix"));
    ck_assert_uint_eq(autofix->metric_count, 2);
    ck_assert_view_eq(autofix->metrics[1].metric_type, "vox.lint.autofix_rejected");
    ck_assert_view_eq(contract_set_find(set, STR("completion-suppression"))->retention.expires_at,
                      "/expires_at");
}
END_TEST

// The audit's schemas stay with us whatever else the index says.
START_TEST(drift__completion_contracts_leave_only_by_export)
{
    static const char *const ids[] = {"completion-run", "completion-finding", "completion-detector-snapshot",
                                      "completion-suppression"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        const struct contract *contract = contract_set_find(set, str_from(ids[i]));
        ck_assert_msg(contract && contract->program, "%s", ids[i]);
        ck_assert_view_eq(contract->transmission, "explicit_operator_export");
        ck_assert_msg(memmem(contract->schema_text.ptr, contract->schema_text.len, "draft-07", 8), "%s",
                      ids[i]);
    }
}
END_TEST

START_TEST(drift__usage_events_are_spoken_for)
{
    ck_assert_uint_eq(contract_set_reserved_count(set), 1);
    const struct contract_reserved *reserved = contract_set_reserved_at(set, 0);
    ck_assert_view_eq(reserved->pattern, "usage-event-*");
    ck_assert_uint_eq(reserved->classes, 1U << CLASS_S0 | 1U << CLASS_S1);
}
END_TEST

START_TEST(drift__schema_files_and_index_agree)
{
    size_t files = 0;
    DIR *dir = opendir(CONTRACTS);
    ck_assert_ptr_nonnull(dir);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        struct str name = str_from(entry->d_name);
        struct str ending = STR(".schema.json");
        if (!str_ends(name, ending))
            continue;
        name.len -= ending.len;
        const struct contract *contract = contract_set_find(set, name);
        ck_assert_msg(contract && str_eq(contract->schema_file, str_from(entry->d_name)), "%s",
                      entry->d_name);
        files++;
    }
    closedir(dir);
    ck_assert_uint_eq(files, contract_set_count(set));
}
END_TEST

static struct buf read_page(const char *path)
{
    struct buf page;
    struct err err;
    buf_init(&page, (size_t)1 << 20);
    ck_assert_msg(file_read_at(AT_FDCWD, path, &page, &err), "%s", err.text);
    return page;
}

// The line of a table that begins with the name.
static struct str row_of(const struct buf *page, const char *name)
{
    char begin[128];
    struct str rest = buf_str(page);
    snprintf(begin, sizeof(begin), "| `%s` |", name);
    while (rest.ptr) {
        struct str line = str_cut(&rest, '\n');
        if (str_starts(line, str_from(begin)))
            return line;
    }
    ck_abort_msg("no row of %s", name);
}

static void expect(struct str row, struct str text)
{
    bool there = !text.len || memmem(row.ptr, row.len, text.ptr, text.len);
    ck_assert_msg(there, "\"%.*s\" is missing in %.*s; run vox-sink reference again", STR_FMT(text),
                  STR_FMT(row));
}

// A cell of its own, in code style or not.
static void expect_cell(struct str row, const char *text)
{
    char plain[128], code[128];
    snprintf(plain, sizeof(plain), " %s |", text);
    snprintf(code, sizeof(code), " `%s` |", text);
    bool there =
        memmem(row.ptr, row.len, plain, strlen(plain)) || memmem(row.ptr, row.len, code, strlen(code));
    ck_assert_msg(there, "no cell \"%s\" in %.*s; run vox-sink reference again", text, STR_FMT(row));
}

START_TEST(drift__pages_name_everything)
{
    struct buf taxonomy = read_page(VOX_SOURCE_DIR "/docs/reference/taxonomy.md");
    struct buf retention = read_page(VOX_SOURCE_DIR "/docs/reference/retention-sensitivity.md");
    for (size_t i = 0; i < contract_set_count(set); i++) {
        const struct contract *contract = contract_set_at(set, i);
        struct str row = row_of(&taxonomy, contract->name.ptr);
        expect(row, contract->metric_type);
        for (size_t k = 0; k < contract->metric_count; k++)
            expect(row, contract->metrics[k].metric_type);
        expect(row, contract->session_convention);
        expect(row, contract->schema_file);
        expect_cell(row, contract_class_name(contract->class_));
        expect_cell(row, contract->transmission.ptr);
        expect_cell(row, contract->owner.ptr);
        row = row_of(&retention, contract->name.ptr);
        char days[16];
        snprintf(days, sizeof(days), "%d", contract->retention.days);
        expect_cell(row, contract_class_name(contract->class_));
        expect(row, str_from(retention_kind_name(contract->retention.kind)));
        expect(row, contract->retention.parent);
        expect(row, contract->retention.expires_at);
        expect(row, contract->retention.rationale);
        if (contract->retention.kind == RETENTION_DAYS)
            expect_cell(row, days);
        else if (contract->retention.days)
            expect(row, str_from(days));
    }
    struct str reserved = contract_set_reserved_at(set, 0)->pattern;
    ck_assert_ptr_nonnull(memmem(taxonomy.ptr, taxonomy.len, reserved.ptr, reserved.len));
    buf_release(&taxonomy);
    buf_release(&retention);
}
END_TEST

// Which rules say yes, whatever their precedence.
static size_t count_families(const struct json *event)
{
    size_t count = 0;
    struct str only = json_count(event) == 1 ? json_name(event, 0) : STR_NULL;
    for (size_t i = 0; i < set->recogniser.count; i++) {
        const struct rule *rule = set->recogniser.entries[i].rule;
        if (rule->variant.ptr && (!only.ptr || !str_eq(rule->variant, only)))
            continue;
        count += rule_matches(rule, event);
    }
    return count;
}

START_TEST(drift__every_sample_is_of_one_family)
{
    for (size_t i = 0; i < contract_set_count(set); i++) {
        const struct contract *contract = contract_set_at(set, i);
        char folder[1024];
        snprintf(folder, sizeof(folder), CONTRACTS "/samples/%s/valid", contract->name.ptr);
        DIR *dir = opendir(folder);
        ck_assert_msg(dir != NULL, "%s", folder);
        size_t samples = 0;
        for (const struct dirent *entry; (entry = readdir(dir));) {
            if (entry->d_name[0] == '.')
                continue;
            char path[2048];
            snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            struct buf text;
            struct err err;
            buf_init(&text, LIMIT_EVENT_BYTES);
            ck_assert_msg(file_read_at(AT_FDCWD, path, &text, &err), "%s", err.text);
            const struct json *event = parsed_text(buf_str(&text));
            buf_release(&text);
            ck_assert_msg(event != NULL, "%s", path);
            ck_assert_msg(count_families(event) == 1, "%s", path);
            ck_assert_msg(str_eq(contract_recognise(set, event)->id, contract->id), "%s", path);
            samples++;
        }
        closedir(dir);
        ck_assert_msg(samples >= 3, "%s", folder);
    }
}
END_TEST

START_TEST(drift__every_contract_has_refused_samples)
{
    for (size_t i = 0; i < contract_set_count(set); i++) {
        char folder[1024];
        snprintf(folder, sizeof(folder), CONTRACTS "/samples/%s/invalid", contract_set_at(set, i)->name.ptr);
        DIR *dir = opendir(folder);
        ck_assert_msg(dir != NULL, "%s", folder);
        size_t expectations = 0;
        for (const struct dirent *entry; (entry = readdir(dir));)
            expectations += str_ends(str_from(entry->d_name), STR(".expect.json"));
        closedir(dir);
        ck_assert_msg(expectations >= 5, "%s", folder);
    }
}
END_TEST

CHECK_MAIN_WITH(setup, "contracts_drift", drift__every_contract_is_as_promised,
                drift__completion_contracts_leave_only_by_export, drift__usage_events_are_spoken_for,
                drift__schema_files_and_index_agree, drift__pages_name_everything,
                drift__every_sample_is_of_one_family, drift__every_contract_has_refused_samples)
