// SPDX-License-Identifier: Apache-2.0
// Runs the official JSON Schema test suite against lib/schema.
//
//     json_schema_runner [-v] [-f] REMOTES draft7|draft2020-12 FILE…
//
// prints the failures with -v, asserts formats with -f, and ends with "<dialect>: <passed>/<all>". A group
// whose schema does not compile counts as failed. Every verdict is that of both programs, and compared with
// jsv_explain() as well. Exit status 0 means that all passed.
#include "lib/schema/run.h"

#include <dirent.h>
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

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!json)
        fprintf(stderr, "%s: %s\n", path, error.text);
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
        json_t *json = load(path);
        // If it is of another dialect it is refused, and nothing of this dialect refers to it.
        bool added = json && jsv_registry_add(registry, uri, json, suite->dialect, &err);
        (void)added;
        json_decref(json);
    }
    if (dir)
        closedir(dir);
}

static struct jsv_program *compile(struct suite *suite, json_t *schema, struct err *err)
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

static void run_group(struct suite *suite, const char *file, const json_t *group)
{
    struct err err = {.text = ""};
    struct jsv_program *program = compile(suite, json_object_get(group, "schema"), &err);
    const char *title = json_string_value(json_object_get(group, "description"));
    size_t i;
    json_t *test;
    if (!program && suite->verbose)
        printf("%s: %s: %s\n", file, title, err.text);
    json_array_foreach(json_object_get(group, "tests"), i, test)
    {
        struct jsv_error errors[4];
        const json_t *data = json_object_get(test, "data");
        bool wanted = json_is_true(json_object_get(test, "valid"));
        suite->all++;
        if (!program)
            continue;
        bool valid = jsv_validate(program, suite->context, data) == JSV_VALID;
        valid = valid == (jsv_validate_plain(program, suite->context, data) == JSV_VALID) ? valid : !wanted;
        size_t told = jsv_explain(program, suite->context, data, errors, ARRAY_LEN(errors));
        if (valid == wanted && valid == (told == 0))
            suite->passed++;
        else if (suite->verbose)
            printf("%s: %s: %s: got %d, explained %zu\n", file, title,
                   json_string_value(json_object_get(test, "description")), valid, told);
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
        json_t *groups = load(argv[i]), *group;
        size_t j;
        json_array_foreach(groups, j, group) run_group(&suite, argv[i], group);
        json_decref(groups);
    }
    jsv_context_free(suite.context);
    printf("%s: %u/%u\n", suite.dialect_name, suite.passed, suite.all);
    return suite.passed == suite.all ? 0 : 1;
}
