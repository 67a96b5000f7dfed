// SPDX-License-Identifier: Apache-2.0
// The problem table in memory, and its JSON form.
#include "lib/wire/problem.h"
#include "lib/base/json.h"

static const struct problem_info table[PROBLEM_COUNT] = {
#define PROBLEM(code, status, retry, action, title, detail) \
    [PROBLEM_##code] = {#code, (status), RETRY_##retry, ACTION_##action, (title), (detail)},
#include "lib/wire/problem.def"
#undef PROBLEM
};

static const char *const retry_names[] = {
    [RETRY_NEVER] = "never",
    [RETRY_AFTER] = "after",
    [RETRY_NOW] = "now",
};

const struct problem_info *problem_info(enum problem problem)
{
    BUG_ON(problem <= PROBLEM_NONE || problem >= PROBLEM_COUNT);
    return &table[problem];
}

enum problem problem_from_code(struct str code)
{
    for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++)
        if (str_eq(code, str_from(table[i].code)))
            return (enum problem)i;
    return PROBLEM_NONE;
}

static void write_errors(struct json_writer *w, const struct problem_error *errors, size_t count)
{
    json_key(w, "errors");
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(w);
        json_str(w, "pointer", errors[i].pointer);
        json_str(w, "keyword", errors[i].keyword);
        json_str(w, "message", errors[i].message);
        json_end_object(w);
    }
    json_end_array(w);
}

void problem_write(struct buf *buf, enum problem problem, struct str detail, struct str instance,
                   const struct problem_error *errors, size_t count)
{
    const struct problem_info *info = problem_info(problem);
    struct json_writer w;
    json_writer_init(&w, buf);
    json_begin_object(&w);
    // No host is ours to name, so the type is a URN; docs/reference/problems.md says what each means.
    char type[96];
    snprintf(type, sizeof(type), "urn:vox-sink:problem:%s", info->code);
    json_str(&w, "type", str_from(type));
    json_str(&w, "title", str_from(info->title));
    json_i64(&w, "status", info->status);
    json_str(&w, "detail", detail.ptr ? detail : str_from(info->detail));
    if (instance.ptr)
        json_str(&w, "instance", instance);
    json_str(&w, "code", str_from(info->code));
    json_str(&w, "retry", str_from(retry_names[info->retry]));
    if (count)
        write_errors(&w, errors, count);
    json_end_object(&w);
}
