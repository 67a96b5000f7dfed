// SPDX-License-Identifier: Apache-2.0
// How long one validation takes, for every sample of every contract.
//
//     bench_schema CONTRACTS [ROUNDS]
//
// prints for each sample "ns/<contract>/<sample>: <verdict's time>" and "parse/…: <time of jansson's parse
// and free>", in nanoseconds, each the median of ROUNDS (default 15) timed rounds. Formats annotate, as they
// do for the peer that runs beside it.
#include "lib/schema/schema.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUND_NS   2000000 // one timed round
#define ROUNDS_MAX 1000

static unsigned rounds = 15;

static double now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct work {
    const struct jsv_program *program;
    struct jsv_context *context;
    const json_t *json;
    const char *text;
    unsigned long sum; // so that nothing is left out
};

static void validate(struct work *work)
{
    work->sum += (unsigned long)jsv_validate(work->program, work->context, work->json);
}

static void parse(struct work *work)
{
    json_t *json = json_loads(work->text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    work->sum += json != NULL;
    json_decref(json);
}

// Nanoseconds of one call.
static double measure(void (*call)(struct work *), struct work *work)
{
    double times[ROUNDS_MAX], from = now_ns();
    unsigned long count = 0;
    for (; now_ns() - from < ROUND_NS; count++)
        call(work);
    count += 1;
    for (unsigned i = 0; i < rounds; i++) {
        from = now_ns();
        for (unsigned long n = 0; n < count; n++)
            call(work);
        times[i] = (now_ns() - from) / (double)count;
    }
    qsort(times, rounds, sizeof(*times), compare);
    return times[rounds / 2];
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

static bool samples(const char *folder, const char *contract, const char *kind, struct work *work)
{
    char path[4096];
    struct dirent **entries = NULL;
    snprintf(path, sizeof(path), "%s/samples/%s/%s", folder, contract, kind);
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        struct str name = str_from(entries[i]->d_name);
        if (str_ends(name, STR(".json")) && !str_ends(name, STR(".expect.json"))) {
            char file[8192];
            snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
            char *text = read_text(file);
            json_t *json = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
            work->text = text;
            work->json = json;
            if (json) { // else it is no JSON, or has a number that only the sink's parser takes
                printf("ns/%s/%s/%.*s: %.1f\n", contract, kind, STR_FMT(name), measure(validate, work));
                printf("parse/%s/%s/%.*s: %.1f\n", contract, kind, STR_FMT(name), measure(parse, work));
            }
            json_decref(json);
            free(text);
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

int main(int argc, char **argv)
{
    struct err err = {.text = ""};
    struct dirent **entries = NULL;
    struct jsv_registry *registry = jsv_registry_new();
    struct work work = {.context = jsv_context_new(&err)};
    if (argc < 2 || !registry || !work.context)
        return 2;
    if (argc > 2)
        rounds = (unsigned)MIN(MAX(strtoul(argv[2], NULL, 10), 1), ROUNDS_MAX);
    int count = scandir(argv[1], &entries, NULL, alphasort);
    bool ok = count > 0;
    for (int i = 0; i < count && ok; i++) {
        char path[4096], uri[512];
        if (!str_ends(str_from(entries[i]->d_name), STR(".schema.json")))
            continue;
        snprintf(path, sizeof(path), "%s/%s", argv[1], entries[i]->d_name);
        snprintf(uri, sizeof(uri), "bench:%s", entries[i]->d_name);
        json_t *schema = json_load_file(path, 0, NULL);
        ok = schema && jsv_registry_add(registry, uri, schema, JSV_2020_12, &err);
        json_decref(schema);
    }
    for (int i = 0; i < count && ok; i++)
        if (str_ends(str_from(entries[i]->d_name), STR(".schema.json")))
            ok = contract(registry, argv[1], entries[i]->d_name, &work, &err);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    jsv_context_free(work.context);
    jsv_registry_free(registry);
    if (!ok)
        fprintf(stderr, "%s\n", err.text);
    return ok ? 0 : 1;
}
