// SPDX-License-Identifier: Apache-2.0
// Holds a contracts folder against its own samples.
#include "lib/contracts/check.h"

#include "lib/base/file.h"
#include "lib/base/json.h"
#include "lib/contracts/line.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#define SAMPLE_PATH_MAX 4096

struct checker {
    const char *dir;
    contract_report *report;
    void *context;
    struct contract_check_tally tally;
    const struct contract_set *set;
    struct jsv_context *jsv;
    struct buf text;        // a sample as in its file
    struct buf minified;    // as the sink would see it
    struct buf expectation; // what is said of it
    struct json_parser parser;
    struct json_doc doc;
    unsigned line;     // where the sample at hand stopped being JSON, else 1
    unsigned answered; // which subjects of the contract at hand some valid sample answers: bits
    unsigned embedded; // and which JSON texts inside its events
};

static void fault_at(struct checker *checker, const char *file, unsigned line, const char *format, ...)
    PRINTF_LIKE(4, 5);

// `line` 0: the file as a whole, or a folder.
static void fault_at(struct checker *checker, const char *file, unsigned line, const char *format, ...)
{
    char message[1024], place[SAMPLE_PATH_MAX + 16];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (line)
        snprintf(place, sizeof(place), "%s:%u", file, line);
    else
        snprintf(place, sizeof(place), "%s", file);
    checker->tally.faults++;
    checker->report(checker->context, str_from(place), str_from(message));
}

#define fault(checker, file, ...) fault_at(checker, file, 0, __VA_ARGS__)

// Errors of loading begin with "<path>[:<line>]: " wherever a file is to blame.
static void report_err(struct checker *checker, const char *fallback, const struct err *err)
{
    const char *colon = strstr(err->text, ": ");
    char file[sizeof(err->text)];
    if (err->text[0] && colon && !memchr(err->text, ' ', (size_t)(colon - err->text))) {
        snprintf(file, sizeof(file), "%.*s", (int)(colon - err->text), err->text);
        fault(checker, file, "%s", colon + 2);
    } else {
        fault(checker, fallback, "%s", err->text);
    }
}

static bool join(struct checker *checker, char path[static SAMPLE_PATH_MAX], const char *dir,
                 const char *name)
{
    int len = snprintf(path, SAMPLE_PATH_MAX, "%s/%s", dir, name);
    if (len > 0 && len < SAMPLE_PATH_MAX)
        return true;
    fault(checker, dir, "the path of %s is too long", name);
    return false;
}

// What the sink would answer before it asks for a contract. On PROBLEM_NONE the tree is in the document.
static enum problem take_in(struct checker *checker, const char *path, bool *ret_read)
{
    struct err err;
    buf_clear(&checker->text);
    buf_clear(&checker->minified);
    json_doc_reset(&checker->doc);
    checker->line = 1;
    *ret_read = file_read_at(AT_FDCWD, path, &checker->text, &err);
    if (!*ret_read) {
        report_err(checker, path, &err);
        return PROBLEM_NONE;
    }
    buf_put_str(&checker->minified, buf_str(&checker->text));
    if (!buf_ok(&checker->minified))
        return PROBLEM_body_too_large;
    enum problem problem = event_text_parse(&checker->doc, checker->minified.ptr, &checker->minified.len);
    size_t offset = 0;
    if (problem && json_doc_parse(&checker->doc, buf_str(&checker->text), &offset))
        checker->line = line_of_offset(buf_str(&checker->text), offset);
    return problem;
}

static const char *code_of(enum problem problem)
{
    return problem == PROBLEM_NONE ? "valid" : problem_info(problem)->code;
}

// Of the first error, in the sample at hand.
static unsigned line_of_error(const struct checker *checker, const struct judgement *judgement)
{
    return judgement->error_count ? line_of_pointer(buf_str(&checker->text), judgement->errors[0].pointer)
                                  : 1;
}

static void check_valid(struct checker *checker, const struct contract *contract, const char *path)
{
    bool read;
    struct judgement judgement = {.contract = NULL};
    enum problem problem = take_in(checker, path, &read);
    if (!read)
        return;
    checker->tally.valid++;
    if (problem != PROBLEM_NONE) {
        fault_at(checker, path, checker->line, "should be valid and is refused before it is judged: %s",
                 code_of(problem));
        return;
    }
    const struct json *event = checker->doc.root;
    const struct contract *family = contract_recognise(checker->set, event);
    if (!family || !str_eq(family->id, contract->id))
        fault_at(checker, path, 1, "should be recognised as %s and is recognised as %s", contract->id.ptr,
                 family ? family->id.ptr : "nothing");
    problem = contract_judge(checker->set, checker->jsv, event, contract->id, contract->version, &judgement);
    if (problem != PROBLEM_NONE)
        fault_at(checker, path, line_of_error(checker, &judgement),
                 "should be valid and is refused: %s at '%.*s', keyword %.*s", code_of(problem),
                 STR_FMT(judgement.errors[0].pointer), STR_FMT(judgement.errors[0].keyword));
    const struct str subjects[] = {contract->session_id, contract->trace_id, contract->repository_id};
    for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
        if (contract_text_at(event, subjects[i]).ptr)
            checker->answered |= 1U << i;
    for (size_t i = 0; i < contract->embedded_count; i++)
        if (contract_text_at(event, contract->embedded[i]).ptr)
            checker->embedded |= 1U << i;
}

// Its texts are those of the file, in the document that it was read into.
struct expectation {
    struct str code;
    struct str pointer; // absent: the code has no errors
    struct str keyword;
};

// A member that is a string, if it is there at all; counts what it has seen.
static bool take_text(const struct json *object, struct str name, struct str *ret_text, uint32_t *seen)
{
    const struct json *value = json_get(object, name);
    *ret_text = json_text(value);
    *seen += value != NULL;
    return !value || json_is_string(value);
}

static bool read_expectation(struct checker *checker, const char *path, struct json_doc *doc,
                             struct expectation *ret_expectation)
{
    struct expectation e;
    struct err err;
    uint32_t seen = 0;
    size_t offset = 0;
    buf_clear(&checker->expectation);
    if (!file_read_at(AT_FDCWD, path, &checker->expectation, &err)) {
        report_err(checker, path, &err);
        return false;
    }
    bool ok = !json_doc_parse(doc, buf_str(&checker->expectation), &offset) && json_is_object(doc->root) &&
              take_text(doc->root, STR("code"), &e.code, &seen) &&
              take_text(doc->root, STR("pointer"), &e.pointer, &seen) &&
              take_text(doc->root, STR("keyword"), &e.keyword, &seen) && seen == json_count(doc->root);
    if (ok && e.code.ptr && !e.pointer.ptr == !e.keyword.ptr && problem_from_code(e.code) != PROBLEM_NONE) {
        *ret_expectation = e;
        return true;
    }
    unsigned line = doc->root ? 1 : line_of_offset(buf_str(&checker->expectation), offset);
    fault_at(checker, path, line,
             "is not an object of a known code and, both or neither, pointer and keyword");
    return false;
}

static bool has_error(const struct judgement *judgement, const struct expectation *expectation)
{
    for (size_t i = 0; i < judgement->error_count; i++)
        if (str_eq(judgement->errors[i].pointer, expectation->pointer) &&
            str_eq(judgement->errors[i].keyword, expectation->keyword))
            return true;
    return false;
}

static void check_invalid(struct checker *checker, const struct contract *contract, const char *path,
                          const struct expectation *expectation)
{
    bool read;
    struct judgement judgement = {.contract = NULL};
    enum problem wanted = problem_from_code(expectation->code);
    enum problem problem = take_in(checker, path, &read);
    if (!read)
        return;
    checker->tally.invalid++;
    const struct json *event = checker->doc.root;
    if (problem == PROBLEM_NONE) {
        // An unknown body is unknown to all; any other is the contract's, which is judged in this version.
        const struct contract *family = contract_recognise(checker->set, event);
        bool own = family && str_eq(family->id, contract->id);
        if (wanted != PROBLEM_unknown_contract && !own)
            fault_at(checker, path, 1, "should be recognised as %s and is recognised as %s", contract->id.ptr,
                     family ? family->id.ptr : "nothing");
        problem = contract_judge(checker->set, checker->jsv, event, own ? contract->id : STR_NULL,
                                 contract->version, &judgement);
    }
    if (problem != wanted)
        fault_at(checker, path, problem ? MAX(checker->line, line_of_error(checker, &judgement)) : 1,
                 "should be %.*s and is %s", STR_FMT(expectation->code), code_of(problem));
    else if (expectation->pointer.ptr && !has_error(&judgement, expectation))
        fault_at(checker, path, line_of_error(checker, &judgement),
                 "should fail at '%.*s' by %.*s and fails at '%.*s' by %.*s", STR_FMT(expectation->pointer),
                 STR_FMT(expectation->keyword), STR_FMT(judgement.errors[0].pointer),
                 STR_FMT(judgement.errors[0].keyword));
}

// "<case>.json" and "<case>.expect.json" come in pairs.
static void check_pair(struct checker *checker, const struct contract *contract, const char *dir,
                       const char *name)
{
    static const struct str body_ending = {".json", 5}, expect_ending = {".expect.json", 12};
    char body_path[SAMPLE_PATH_MAX], expect_path[SAMPLE_PATH_MAX], case_name[256];
    bool is_expectation = str_ends(str_from(name), expect_ending);
    struct str ending = is_expectation ? expect_ending : body_ending;
    snprintf(case_name, sizeof(case_name), "%.*s", (int)(strlen(name) - ending.len), name);
    char other[300];
    snprintf(other, sizeof(other), "%s%s", case_name, is_expectation ? ".json" : ".expect.json");
    if (!join(checker, body_path, dir, is_expectation ? other : name) ||
        !join(checker, expect_path, dir, is_expectation ? name : other))
        return;
    if (is_expectation) {
        if (access(body_path, F_OK) != 0)
            fault(checker, expect_path, "there is no %s that it speaks of", other);
        return;
    }
    struct expectation expectation;
    struct json_doc doc;
    json_doc_init(&doc, NULL, LIMIT_EVENT_BYTES);
    if (read_expectation(checker, expect_path, &doc, &expectation))
        check_invalid(checker, contract, body_path, &expectation);
    json_doc_release(&doc);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

// The names in a folder, in byte order; a folder that is missing is reported if it is `needed`.
static int list(struct checker *checker, const char *dir, bool needed, struct dirent ***ret_names)
{
    int count = scandir(dir, ret_names, is_visible, by_name);
    if (count < 0) {
        *ret_names = NULL;
        if (needed || errno != ENOENT)
            fault(checker, dir, "cannot list it: %s", strerror(errno));
    }
    return MAX(count, 0);
}

static void free_names(struct dirent **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static void check_folder(struct checker *checker, const struct contract *contract, const char *samples,
                         bool valid)
{
    char dir[SAMPLE_PATH_MAX], path[SAMPLE_PATH_MAX];
    struct dirent **names;
    size_t before = valid ? checker->tally.valid : checker->tally.invalid;
    if (!join(checker, dir, samples, valid ? "valid" : "invalid"))
        return;
    int count = list(checker, dir, true, &names);
    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        if (!join(checker, path, dir, name))
            continue;
        if (!str_ends(str_from(name), STR(".json")))
            fault(checker, path, "a sample's name ends in .json");
        else if (valid)
            check_valid(checker, contract, path);
        else
            check_pair(checker, contract, dir, name);
    }
    free_names(names, count);
    if (before == (valid ? checker->tally.valid : checker->tally.invalid))
        fault(checker, dir, "%s has no %s sample", contract->name.ptr, valid ? "valid" : "invalid");
}

static void check_contract(struct checker *checker, const struct contract *contract)
{
    char all[SAMPLE_PATH_MAX], samples[SAMPLE_PATH_MAX];
    checker->answered = checker->embedded = 0;
    if (!join(checker, all, checker->dir, "samples") || !join(checker, samples, all, contract->name.ptr))
        return;
    check_folder(checker, contract, samples, true);
    check_folder(checker, contract, samples, false);
    const struct str subjects[] = {contract->session_id, contract->trace_id, contract->repository_id};
    for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
        if (subjects[i].ptr && !(checker->answered >> i & 1))
            fault(checker, samples, "no valid sample of %s has a text at its subject pointer %s",
                  contract->name.ptr, subjects[i].ptr);
    for (size_t i = 0; i < contract->embedded_count; i++)
        if (!(checker->embedded >> i & 1))
            fault(checker, samples, "no valid sample of %s has a JSON text at %s", contract->name.ptr,
                  contract->embedded[i].ptr);
}

static bool is_a_schema_file(const struct contract_set *set, struct str name)
{
    for (size_t i = 0; i < contract_set_count(set); i++)
        if (str_eq(contract_set_at(set, i)->schema_file, name))
            return true;
    return false;
}

// Files that look like a contract's and belong to none.
static void check_strays(struct checker *checker)
{
    char path[SAMPLE_PATH_MAX], samples[SAMPLE_PATH_MAX];
    struct dirent **names;
    int count = list(checker, checker->dir, true, &names);
    for (int i = 0; i < count; i++) {
        struct str name = str_from(names[i]->d_name);
        if (str_ends(name, STR(".json")) && !is_a_schema_file(checker->set, name) &&
            join(checker, path, checker->dir, name.ptr))
            fault(checker, path, "no contract of the index names this schema");
    }
    free_names(names, count);
    if (!join(checker, samples, checker->dir, "samples"))
        return;
    count = list(checker, samples, false, &names);
    for (int i = 0; i < count; i++) {
        struct str name = str_from(names[i]->d_name);
        const struct contract *contract = contract_set_find(checker->set, name);
        if ((!contract || !str_eq(contract->name, name)) && join(checker, path, samples, name.ptr))
            fault(checker, path, "the index has no such contract");
    }
    free_names(names, count);
}

static void check_set(struct checker *checker)
{
    struct err err;
    checker->jsv = jsv_context_new(&err);
    if (!checker->jsv) {
        report_err(checker, checker->dir, &err);
        return;
    }
    buf_init(&checker->text, LIMIT_EVENT_BYTES);
    buf_init(&checker->minified, LIMIT_EVENT_BYTES);
    buf_init(&checker->expectation, LIMIT_EVENT_BYTES);
    json_parser_init(&checker->parser);
    json_doc_init(&checker->doc, &checker->parser, (size_t)64 * LIMIT_EVENT_BYTES);
    checker->tally.contracts = contract_set_count(checker->set);
    for (size_t i = 0; i < checker->tally.contracts; i++)
        check_contract(checker, contract_set_at(checker->set, i));
    check_strays(checker);
    json_doc_release(&checker->doc);
    json_parser_release(&checker->parser);
    buf_release(&checker->minified);
    buf_release(&checker->expectation);
    buf_release(&checker->text);
    jsv_context_free(checker->jsv);
}

bool contract_check(const char *dir, const char *overrides_path, contract_report *report, void *context,
                    struct contract_check_tally *ret_tally)
{
    struct checker checker = {.dir = dir, .report = report, .context = context};
    struct contract_set *set = NULL;
    struct err err;
    if (contract_set_load(dir, overrides_path, &set, &err)) {
        checker.set = set;
        check_set(&checker);
        contract_set_unref(set);
    } else {
        report_err(&checker, dir, &err);
    }
    *ret_tally = checker.tally;
    return checker.tally.faults == 0;
}
