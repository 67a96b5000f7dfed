// SPDX-License-Identifier: Apache-2.0
// How long one validation takes, for every sample of every contract.
//
//     bench_schema CONTRACTS [ROUNDS]
//
// prints for each sample, in nanoseconds, each the least of ROUNDS (default 15) timed rounds, for what else
// the machine does only adds:
//
//     ns/<contract>/<sample>       a verdict, over COPIES trees in turn, parsed one after the other
//     warm/…                       a verdict on one tree again and again
//     parse/…                      our parse of the text
//     jansson/…                    jansson's, and its free
//
// Formats annotate, as they do for the peer that runs beside it.
#include "lib/schema/schema.h"
#include "bench/jansson.h"
#include "lib/json/parse.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUND_NS 1000000 // one timed round
#define COPIES   512

static unsigned rounds = 15;

static double now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

struct work {
    const struct jsv_program *program;
    struct jsv_context *context;
    struct json_parser parser;
    struct json_doc copies[COPIES];
    const struct json *roots[COPIES];
    struct json_doc scratch;
    struct str text;
    unsigned long sum; // so that nothing is left out
};

static void validate_next(struct work *work, unsigned long count)
{
    for (unsigned long n = 0; n < count; n++)
        work->sum += (unsigned long)jsv_validate(work->program, work->context, work->roots[n % COPIES]);
}

static void validate_one(struct work *work, unsigned long count)
{
    for (unsigned long n = 0; n < count; n++)
        work->sum += (unsigned long)jsv_validate(work->program, work->context, work->roots[0]);
}

static void parse(struct work *work, unsigned long count)
{
    for (unsigned long n = 0; n < count; n++)
        work->sum += json_doc_parse(&work->scratch, work->text, NULL);
}

static void parse_by_jansson(struct work *work, unsigned long count)
{
    for (unsigned long n = 0; n < count; n++)
        work->sum += jansson_reads(work->text.ptr, work->text.len);
}

// Nanoseconds of one call. The loop is in the function that is measured, as it is in the peer.
static double measure(void (*calls)(struct work *, unsigned long count), struct work *work)
{
    double least = INFINITY, from = now_ns();
    unsigned long count = 0;
    for (; now_ns() - from < ROUND_NS; count += 64)
        calls(work, 64);
    for (unsigned i = 0; i < rounds; i++) {
        from = now_ns();
        calls(work, count);
        least = MIN(least, (now_ns() - from) / (double)count);
    }
    return least;
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0;
    bool ok = file && getdelim(&text, &size, '\0', file) >= 0;
    if (file)
        fclose(file);
    if (ok)
        return text;
    free(text);
    return NULL;
}

// False if the text is no JSON.
static bool parse_copies(struct work *work)
{
    bool ok = true;
    for (size_t i = 0; i < COPIES && ok; i++) {
        ok = json_doc_parse(&work->copies[i], work->text, NULL) == JSON_FAULT_NONE;
        work->roots[i] = work->copies[i].root;
    }
    return ok;
}

static void sample(const char *path, const char *name, struct work *work)
{
    static const struct {
        const char *name;
        void (*calls)(struct work *, unsigned long count);
    } figures[] = {
        {"ns", validate_next}, {"warm", validate_one}, {"parse", parse}, {"jansson", parse_by_jansson}};
    char *text = read_text(path);
    work->text = str_from(text);
    for (size_t i = 0; text && parse_copies(work) && i < ARRAY_LEN(figures); i++)
        printf("%s/%s: %.2f\n", figures[i].name, name, measure(figures[i].calls, work));
    for (size_t i = 0; i < COPIES; i++) // the next ones begin with memory of their own
        json_doc_release(&work->copies[i]);
    free(text);
}

static bool samples(const char *folder, const char *contract, const char *kind, struct work *work)
{
    char path[4096];
    struct dirent **entries = NULL;
    snprintf(path, sizeof(path), "%s/samples/%s/%s", folder, contract, kind);
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        struct str name = str_from(entries[i]->d_name);
        if (str_ends(name, STR(".json")) && !str_ends(name, STR(".expect.json"))) {
            char file[8192], label[1024];
            snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
            snprintf(label, sizeof(label), "%s/%s/%s", contract, kind, entries[i]->d_name);
            sample(file, label, work);
        }
        free(entries[i]);
    }
    free(entries);
    return count >= 0;
}

static bool contract(struct jsv_registry *registry, const char *folder, const char *file, struct work *work,
                     struct err *err)
{
    char uri[512], name[256];
    struct jsv_options options = {.ignore_unknown = true};
    struct jsv_program *program;
    snprintf(uri, sizeof(uri), "bench:%s", file);
    snprintf(name, sizeof(name), "%.*s", (int)(strlen(file) - strlen(".schema.json")), file);
    if (!jsv_compile(registry, uri, &options, &program, err))
        return false;
    work->program = program;
    bool ok = samples(folder, name, "valid", work) && samples(folder, name, "invalid", work);
    jsv_program_unref(program);
    return ok || err_set(err, "%s has no samples.", name);
}

// Every schema of the folder, under its file's name; their trees stay for the process's life.
static bool add_schema(struct jsv_registry *registry, const char *folder, const char *file, struct err *err)
{
    char path[4096], uri[512];
    snprintf(path, sizeof(path), "%s/%s", folder, file);
    snprintf(uri, sizeof(uri), "bench:%s", file);
    char *text = read_text(path);
    struct json_doc *doc = malloc(sizeof(*doc));
    if (!text || !doc)
        return err_set(err, "%s: cannot be read.", path);
    json_doc_init(doc, NULL, (size_t)64 << 20);
    if (json_doc_parse(doc, str_from(text), NULL))
        return err_set(err, "%s: not JSON.", path);
    return jsv_registry_add(registry, uri, doc->root, JSV_2020_12, err);
}

static bool run(const char *folder, struct work *work, struct err *err)
{
    struct dirent **entries = NULL;
    struct jsv_registry *registry = jsv_registry_new();
    int count = scandir(folder, &entries, NULL, alphasort);
    bool ok = (count > 0 && registry) || err_set(err, "%s: no schemas.", folder);
    for (int i = 0; i < count && ok; i++)
        if (str_ends(str_from(entries[i]->d_name), STR(".schema.json")))
            ok = add_schema(registry, folder, entries[i]->d_name, err);
    for (int i = 0; i < count && ok; i++)
        if (str_ends(str_from(entries[i]->d_name), STR(".schema.json")))
            ok = contract(registry, folder, entries[i]->d_name, work, err);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    jsv_registry_free(registry);
    return ok;
}

int main(int argc, char **argv)
{
    static struct work work;
    struct err err = {.text = ""};
    work.context = jsv_context_new(&err);
    if (argc < 2 || !work.context)
        return 2;
    if (argc > 2)
        rounds = (unsigned)MAX(strtoul(argv[2], NULL, 10), 1);
    json_parser_init(&work.parser);
    json_doc_init(&work.scratch, &work.parser, (size_t)64 << 20);
    for (size_t i = 0; i < COPIES; i++)
        json_doc_init(&work.copies[i], &work.parser, (size_t)64 << 20);
    bool ok = run(argv[1], &work, &err);
    json_doc_release(&work.scratch);
    json_parser_release(&work.parser);
    jsv_context_free(work.context);
    if (!ok)
        fprintf(stderr, "%s\n", err.text);
    return ok ? 0 : 1;
}
