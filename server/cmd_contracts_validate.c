// SPDX-License-Identifier: Apache-2.0
// `vox-sink contracts validate`: the JSON Schema engine for people, over any schema and any document.
#include "server/cmd_contracts.h"

#include "lib/base/file.h"
#include "lib/base/json.h"
#include "lib/json/parse.h"
#include "server/schema_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#define ERRORS_MAX     100
#define INSTANCE_BYTES ((size_t)256 * 1024 * 1024)
#define OUTPUT_CEILING ((size_t)256 * 1024 * 1024)

enum { FLAG_DIALECT, FLAG_FORMAT, FLAG_REF, FLAG_STRICT, FLAG_JSON };

struct validation {
    const struct flag *flags;
    struct jsv_program *program;
    struct jsv_context *context;
    struct json_doc doc;
    struct buf text; // an instance as in its file
    struct jsv_error errors[ERRORS_MAX];
};

static bool read_all(int fd, struct buf *text, struct err *err)
{
    char piece[16384];
    ssize_t got;
    while ((got = read(fd, piece, sizeof(piece))) > 0 || (got < 0 && errno == EINTR))
        if (got > 0 && !buf_put(text, piece, (size_t)got))
            return err_set(err, "the standard input is longer than %zu bytes, or memory is out",
                           INSTANCE_BYTES);
    return got == 0 || err_set_errno(err, "cannot read the standard input");
}

static bool read_instance(struct validation *v, const char *name, struct err *err)
{
    buf_clear(&v->text);
    if (strcmp(name, "-") == 0)
        return read_all(STDIN_FILENO, &v->text, err);
    return file_read_at(AT_FDCWD, name, &v->text, err);
}

// One line: the basic output of 2020-12. Where it is no verdict of the schema, `verdict` says which.
static bool put_json(const struct validation *v, size_t count, const char *verdict, const char *why)
{
    struct buf out;
    buf_init(&out, OUTPUT_CEILING);
    if (verdict) {
        struct json_writer w;
        json_writer_init(&w, &out);
        json_begin_object(&w);
        json_bool(&w, "valid", false);
        json_str(&w, "verdict", str_from(verdict));
        json_key(&w, "errors");
        json_begin_array(&w);
        json_begin_object(&w);
        json_str(&w, "keywordLocation", STR(""));
        json_str(&w, "instanceLocation", STR(""));
        json_str(&w, "error", str_from(why));
        json_end_object(&w);
        json_end_array(&w);
        json_end_object(&w);
    } else if (!jsv_output_basic(v->errors, count, &out)) {
        buf_release(&out);
        return false;
    }
    return command_write(&out) == EXIT_OK;
}

// A text of the instance's or the schema's may hold anything; a terminal gets it on one line.
static void print_safe(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
}

static void print_errors(const struct validation *v, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct jsv_error *error = &v->errors[i];
        printf("  at \"");
        print_safe(error->pointer);
        printf("\", %.*s: ", STR_FMT(error->keyword));
        print_safe(error->message);
        printf("\n    ");
        print_safe(error->absolute_location);
        putchar('\n');
    }
    if (count == ERRORS_MAX)
        printf("  and perhaps more: only the first %d are told\n", ERRORS_MAX);
}

// Not a verdict of the schema.
static bool tell_other(const struct validation *v, const char *name, const char *verdict, const char *why)
{
    if (v->flags[FLAG_JSON].given)
        (void)put_json(v, 0, verdict, why);
    else
        printf("%s: %s\n", name, why);
    return false;
}

static bool tell_not_json(const struct validation *v, const char *name, enum json_fault fault, size_t offset)
{
    char why[128];
    unsigned line = 1;
    for (size_t i = 0; i < MIN(offset, v->text.len); i++)
        line += v->text.ptr[i] == '\n';
    snprintf(why, sizeof(why), "not JSON: line %u: %s", line, json_fault_text(fault));
    return tell_other(v, name, "not_json", why);
}

// True if the instance is valid; whatever else has been said.
static bool judge(struct validation *v, const char *name)
{
    size_t offset = 0, count = 0;
    json_doc_reset(&v->doc);
    enum json_fault fault = json_doc_parse(&v->doc, buf_str(&v->text), &offset);
    if (fault)
        return tell_not_json(v, name, fault, offset);
    enum jsv_verdict verdict = jsv_validate(v->program, v->context, v->doc.root);
    if (verdict == JSV_INVALID)
        count = jsv_explain_open(v->program, v->context, v->doc.root, v->errors, ERRORS_MAX);
    if (verdict == JSV_LIMIT || (verdict == JSV_INVALID && !count))
        return tell_other(
            v, name, "limit",
            verdict == JSV_LIMIT
                ? "no verdict: a limit of depth, steps or patterns was hit before the question was settled"
                : "invalid; a limit was hit before the reason was found");
    if (v->flags[FLAG_JSON].given)
        return put_json(v, count, NULL, NULL) && verdict == JSV_VALID;
    printf("%s: %s\n", name, verdict == JSV_VALID ? "valid" : "invalid");
    print_errors(v, count);
    return verdict == JSV_VALID;
}

static void warn(void *arg UNUSED, const char *text)
{
    command_error(0, "warning: %s", text);
}

// The paths of --ref, between commas.
static bool add_references(struct schema_files *files, const char *list, struct err *err)
{
    struct str rest = str_from(list);
    while (rest.ptr) {
        char path[PATH_MAX];
        struct str item = str_cut(&rest, ',');
        if (!item.len || item.len >= sizeof(path))
            return err_set(err, "--ref is a list of files and folders, between commas");
        snprintf(path, sizeof(path), "%.*s", STR_FMT(item));
        if (!schema_files_add_path(files, path, err))
            return false;
    }
    return true;
}

static bool read_dialect(const char *name, enum jsv_dialect *ret_dialect)
{
    if (name && strcmp(name, "draft-07") != 0 && strcmp(name, "2020-12") != 0)
        return false;
    *ret_dialect = name && strcmp(name, "draft-07") == 0 ? JSV_DRAFT_07 : JSV_2020_12;
    return true;
}

static struct jsv_program *compile(const struct flag *flags, const char *path, enum jsv_dialect dialect,
                                   struct err *err)
{
    struct jsv_options options = {.warn = warn,
                                  .assert_formats = flags[FLAG_FORMAT].given,
                                  .ignore_unknown = !flags[FLAG_STRICT].given};
    struct jsv_program *program = NULL;
    struct schema_files files;
    bool ok = schema_files_init(&files, dialect, err) &&
              (!flags[FLAG_REF].given || add_references(&files, flags[FLAG_REF].value, err)) &&
              schema_files_compile(&files, path, &options, &program, err);
    schema_files_release(&files);
    return ok ? program : NULL;
}

static int judge_all(struct validation *v, char **names, int count)
{
    int code = EXIT_OK;
    struct err err;
    for (int i = 0; i < count; i++) {
        if (!read_instance(v, names[i], &err))
            return command_error(EXIT_USAGE, "%s", err.text);
        if (!judge(v, names[i]))
            code = EXIT_FAILED;
    }
    return code;
}

static int validate(struct call *call)
{
    const struct flag *flags = call->flags;
    struct err err;
    enum jsv_dialect dialect;
    if (!read_dialect(flags[FLAG_DIALECT].value, &dialect))
        return command_error(EXIT_USAGE, "--dialect is draft-07 or 2020-12");
    struct validation *v = calloc(1, sizeof(*v));
    if (!v)
        return command_error(EXIT_USAGE, "out of memory");
    v->flags = flags;
    buf_init(&v->text, INSTANCE_BYTES);
    json_doc_init(&v->doc, NULL, 64 * INSTANCE_BYTES);
    v->context = jsv_context_new(&err);
    v->program = v->context ? compile(flags, call->word[0], dialect, &err) : NULL;
    int code = v->program ? judge_all(v, call->word + 1, call->word_count - 1)
                          : command_error(EXIT_USAGE, "%s", err.text);
    jsv_program_unref(v->program);
    jsv_context_free(v->context);
    json_doc_release(&v->doc);
    buf_release(&v->text);
    free(v);
    return code;
}

static const struct flag contracts_validate_flags[] = {
    [FLAG_DIALECT] = {"dialect", "NAME", "of schemas without $schema: draft-07 or 2020-12 (the default)",
                      "draft-07|2020-12"},
    [FLAG_FORMAT] = {"format", NULL, "format can refuse a document; otherwise it annotates"},
    [FLAG_REF] = {"ref", "PATHS",
                  "schemas that SCHEMA refers to by their $id: files or folders, between commas"},
    [FLAG_STRICT] = {"strict", NULL, "refuse keywords and formats that are not known, as for contracts"},
    [FLAG_JSON] = {"json", NULL, "one line per document: the basic output of 2020-12"}};

const struct command contracts_validate = {
    .name = "contracts validate",
    .words = "SCHEMA INSTANCE…",
    .min_words = 2,
    .max_words = INT_MAX,
    .about = "Judges JSON documents by a JSON Schema, draft-07 or 2020-12, of any file; an INSTANCE\n"
             "of - is the standard input. Nothing is fetched: what a $ref names has to be in SCHEMA\n"
             "or under --ref. An error tells where in the document it is, which keyword does not hold,\n"
             "and where that keyword stands.\n"
             "\n"
             "Exit codes: 0 all are valid; 1 at least one is not, is no JSON, or hit a limit, which is\n"
             "no verdict; 2 the command line or the schema is wrong, or a file cannot be read.",
    COMMAND_FLAGS(contracts_validate_flags),
    .run = validate};
