// SPDX-License-Identifier: Apache-2.0
// vox-telemetry check: what a sink with these contracts would refuse, told without asking one.
#include "client/common.h"
#include "client/style.h"
#include "client/text.h"
#include "lib/contracts/contracts.h"
#include "lib/contracts/locate.h"

#define LINES_MAX 50 // of refused entries; all are counted

struct check {
    const struct options *options;
    const struct contract_set *set;
    struct jsv_context *jsv;
    uint64_t taken, refused, unsendable;
};

static void put_json(const char *name, const char *code, const struct judgement *judgement, struct str why)
{
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, 256 * 1024);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_str(&w, "name", str_from(name));
    json_str(&w, "contract", judgement && judgement->contract ? judgement->contract->name : STR_NULL);
    json_str(&w, "code", str_from(code));
    json_str(&w, "reason", why);
    json_key(&w, "errors");
    json_begin_array(&w);
    for (size_t i = 0; judgement && i < judgement->error_count; i++) {
        json_begin_object(&w);
        json_str(&w, "pointer", judgement->errors[i].pointer);
        json_str(&w, "keyword", judgement->errors[i].keyword);
        json_str(&w, "message", judgement->errors[i].message);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    printf("%.*s\n", STR_FMT(buf_str(&buf)));
    buf_release(&buf);
}

static void put_refused(const struct check *check, const char *name, const char *code,
                        const struct judgement *judgement, struct str why)
{
    if (check->options->json) {
        put_json(name, code, judgement, why);
        return;
    }
    if (check->options->quiet || check->refused + check->unsendable > LINES_MAX)
        return;
    printf("%s%s%s  ", style(stdout, STYLE_BAD), code, style(stdout, STYLE_PLAIN));
    text_put_safe(stdout, str_from(name), 60);
    putchar('\n');
    if (why.len) {
        fputs("    ", stdout);
        text_put_wrapped(stdout, why, 300, 4, 4);
    }
    for (size_t i = 0; judgement && i < MIN(judgement->error_count, (size_t)3); i++) {
        const struct problem_error *error = &judgement->errors[i];
        fputs("    ", stdout);
        text_put_safe(stdout, error->pointer.len ? error->pointer : STR("the event"), 100);
        fputs(": ", stdout);
        text_put_wrapped(stdout, error->message, 300, 6 + (int)MIN(error->pointer.len, (size_t)100), 6);
    }
}

static void judge_entry(struct check *check, const struct spool_entry *entry, const struct json *root)
{
    struct judgement judgement = {0};
    enum problem problem = contract_judge(check->set, check->jsv, root, STR_NULL, 0, &judgement);
    if (!problem && entry->text.len > LIMIT_EVENT_BYTES)
        problem = PROBLEM_body_too_large;
    if (!problem) {
        check->taken++;
        return;
    }
    const struct problem_info *info = problem_info(problem);
    check->refused++;
    put_refused(check, entry->name, info->code, &judgement,
                judgement.error_count ? STR_NULL : str_from(info->title));
}

static bool check_all(struct check *check, struct spool *spool, struct err *err)
{
    struct spool_reader reader;
    struct spool_iter *iter = spool_iter_new(spool, SPOOL_PENDING);
    const char *name;
    bool ok;
    if (!iter)
        return err_set(err, "out of memory");
    spool_reader_init(&reader);
    while ((ok = spool_iter_next(iter, &name, err)) && name) {
        struct spool_entry entry;
        struct err why;
        enum spool_read read = spool_read(spool, name, &reader, &entry, &why);
        if (read == SPOOL_READ_OK) {
            judge_entry(check, &entry, reader.doc.root);
        } else if (read != SPOOL_READ_GONE) {
            check->unsendable++;
            put_refused(check, name, "not_sendable", NULL, str_from(why.text));
        }
    }
    spool_reader_release(&reader);
    spool_iter_free(iter);
    return ok;
}

static void put_end(const struct check *check, const char *dir)
{
    char text[TEXT_SHORT];
    if (check->options->json || check->options->quiet)
        return;
    if (check->refused + check->unsendable > LINES_MAX)
        printf("... and so on; --json lists all.\n");
    text_count(check->taken, text);
    printf("%s would be taken, ", text);
    text_count(check->refused, text);
    printf("%s refused", text);
    text_count(check->unsendable, text);
    if (check->unsendable)
        printf(", %s cannot be sent", text);
    fputs(".\nBy the contracts in ", stdout);
    text_put_safe(stdout, str_from(dir), PATH_MAX);
    fputs(";\na sink may have others, and its operator decides which it takes of whom.\n", stdout);
}

static enum client_exit run(const struct options *options)
{
    char dir[PATH_MAX];
    struct check check = {.options = options};
    struct contract_set *set;
    struct spool_place place;
    struct spool *spool;
    struct err err, why;
    contract_locate(dir);
    if (options->contracts)
        snprintf(dir, sizeof(dir), "%s", options->contracts);
    if (!contract_set_load(dir, NULL, &set, &why)) {
        err_set(&err, "%s; --contracts names the folder to judge by", why.text);
        return complain(EXIT_IS_CONFIG, &err);
    }
    check.set = set;
    check.jsv = jsv_context_new(&err);
    bool opened = check.jsv && open_spool(options, false, &place, &spool, &err);
    bool ok = opened && check_all(&check, spool, &err);
    if (opened)
        spool_close(spool);
    jsv_context_free(check.jsv);
    contract_set_unref(set);
    if (!ok)
        return complain(opened ? EXIT_IS_IO : EXIT_IS_CONFIG, &err);
    put_end(&check, dir);
    return check.refused + check.unsendable ? EXIT_IS_SOME : EXIT_IS_OK;
}

static const struct option_row option_rows[] = {
    OPTION("contracts", "DIR", contracts, "these contracts instead of those installed"),
    OPTION_SPOOL,
    OPTION("json", NULL, json, "a JSON object a line for each that would be refused"),
    OPTION("quiet", NULL, quiet, "only the exit code"),
};
static const enum client_exit exits[] = {EXIT_IS_OK, EXIT_IS_SOME, EXIT_IS_USAGE, EXIT_IS_CONFIG, EXIT_IS_IO};

const struct command cmd_check = {
    .name = "check",
    .summary = "Say which pending events a sink would refuse",
    .about = "Validates every pending event against the contracts on this machine, with the\n"
             "sink's own engine and content guard. Asks no server and changes nothing.",
    COMMAND_TABLES(option_rows, exits),
    .run = run,
};
