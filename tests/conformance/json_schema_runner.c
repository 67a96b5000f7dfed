// SPDX-License-Identifier: Apache-2.0
// Runs the official JSON Schema test suite against lib/schema.
//
//     json_schema_runner [-v] [-f] REMOTES draft7|draft2020-12 FILE…
//
// prints the failures with -v, asserts formats with -f, and ends with "<dialect>: <passed>/<all>". A group
// whose schema does not compile counts as failed. Every verdict is that of both programs and of a plan, and
// compared with jsv_explain() as well. Exit status 0 means that all passed.
#include "lib/base/file.h"
#include "lib/schema/run.h"
#include "tests/unit/test_parsed.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#define REMOTE_BASE "http://localhost:1234/"

struct suite {
    const char *remotes;
    const char *dialect_name;
    enum jsv_dialect dialect;
    struct jsv_options options;
    bool verbose;
    struct jsv_context *context;
    unsigned passed, all;
};

// Every file is read once: groups share the remotes.
static const struct json *load(const char *path)
{
    static struct {
        char *path;
        const struct json *json;
    } known[1024];
    static size_t count;
    struct buf text;
    struct err err;
    for (size_t i = 0; i < count; i++)
        if (!strcmp(known[i].path, path))
            return known[i].json;
    buf_init(&text, 64 << 20);
    bool read = file_read_at(AT_FDCWD, path, &text, &err);
    const struct json *json = read ? parsed_text(buf_str(&text)) : NULL;
    buf_release(&text);
    if (!json)
        fprintf(stderr, "%s: %s\n", path, read ? "not JSON" : err.text);
    BUG_ON(count == ARRAY_LEN(known));
    known[count].path = strdup(path);
    known[count++].json = json;
    return json;
}

// Adds every .json below a folder under REMOTE_BASE and its relative path. Documents of other dialects are
// refused by the registry, and no group of this dialect needs them.
static void add_remotes(struct suite *suite, struct jsv_registry *registry, const char *relative)
{
    char path[4096];
    struct dirent *entry;
    snprintf(path, sizeof(path), "%s/%s", suite->remotes, relative);
    DIR *dir = opendir(path);
    while (dir && (entry = readdir(dir))) {
        char below[2048], uri[4096];
        if (entry->d_name[0] == '.' ||
            (!strncmp(entry->d_name, "draft", 5) && strcmp(entry->d_name, suite->dialect_name)))
            continue;
        snprintf(below, sizeof(below), "%s%s%s", relative, *relative ? "/" : "", entry->d_name);
        if (!str_ends(str_from(below), STR(".json"))) {
            add_remotes(suite, registry, below);
            continue;
        }
        struct err err;
        snprintf(path, sizeof(path), "%s/%s", suite->remotes, below);
        snprintf(uri, sizeof(uri), REMOTE_BASE "%s", below);
        const struct json *json = load(path);
        // If it is of another dialect it is refused, and nothing of this dialect refers to it.
        bool added = json && jsv_registry_add(registry, uri, json, suite->dialect, &err);
        (void)added;
    }
    if (dir)
        closedir(dir);
}

static struct jsv_program *compile(struct suite *suite, const struct json *schema, struct err *err)
{
    struct jsv_registry *registry = jsv_registry_new();
    struct jsv_program *program = NULL;
    if (!registry)
        return NULL;
    add_remotes(suite, registry, "");
    const char *uri = "urn:vox-sink:test";
    if (!jsv_registry_add(registry, uri, schema, suite->dialect, err) ||
        !jsv_compile(registry, uri, &suite->options, &program, err))
        program = NULL;
    jsv_registry_free(registry);
    return program;
}

static void run_group(struct suite *suite, const char *file, const struct json *group)
{
    struct err err = {.text = ""};
    struct jsv_program *program = compile(suite, json_get(group, STR("schema")), &err);
    struct str title = json_text(json_get(group, STR("description")));
    const struct json *tests = json_get(group, STR("tests"));
    if (!program && suite->verbose)
        printf("%s: %.*s: %s\n", file, STR_FMT(title), err.text);
    for (uint32_t i = 0; i < json_count(tests); i++) {
        const struct json *test = json_at(tests, i);
        struct jsv_error errors[4];
        const struct json *data = json_get(test, STR("data"));
        bool wanted = json_is_true(json_get(test, STR("valid")));
        suite->all++;
        if (!program)
            continue;
        bool valid = jsv_validate(program, suite->context, data) == JSV_VALID;
        for (unsigned again = 0; again < 2; again++) // planned, then by the plan
            valid = valid == (jsv_validate(program, suite->context, data) == JSV_VALID) ? valid : !wanted;
        valid = valid == (jsv_validate_plain(program, suite->context, data) == JSV_VALID) ? valid : !wanted;
        size_t told = jsv_explain(program, suite->context, data, errors, ARRAY_LEN(errors));
        if (valid == wanted && valid == (told == 0))
            suite->passed++;
        else if (suite->verbose)
            printf("%s: %.*s: %.*s: got %d, explained %zu\n", file, STR_FMT(title),
                   STR_FMT(json_text(json_get(test, STR("description")))), valid, told);
    }
    jsv_program_unref(program);
}

int main(int argc, char **argv)
{
    struct suite suite = {.options = {.ignore_unknown = true}};
    struct err err;
    int option;
    while ((option = getopt(argc, argv, "vf")) != -1) {
        suite.verbose = suite.verbose || option == 'v';
        suite.options.assert_formats = suite.options.assert_formats || option == 'f';
    }
    if (argc - optind < 3 || !(suite.context = jsv_context_new(&err)))
        return 2;
    suite.remotes = argv[optind];
    suite.dialect_name = argv[optind + 1];
    suite.dialect = strcmp(suite.dialect_name, "draft7") ? JSV_2020_12 : JSV_DRAFT_07;
    for (int i = optind + 2; i < argc; i++) {
        const struct json *groups = load(argv[i]);
        for (uint32_t n = 0; n < json_count(groups); n++)
            run_group(&suite, argv[i], json_at(groups, n));
    }
    jsv_context_free(suite.context);
    printf("%s: %u/%u\n", suite.dialect_name, suite.passed, suite.all);
    return suite.passed == suite.all ? 0 : 1;
}
