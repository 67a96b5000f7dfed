// SPDX-License-Identifier: Apache-2.0
// Prints tables as Markdown.
#include "server/config/reference.h"

#include "lib/wire/problem.h"

void reference_problems(FILE *out)
{
    static const char *const retries[] = {
        [RETRY_NEVER] = "no", [RETRY_AFTER] = "after Retry-After", [RETRY_NOW] = "at once"};
    static const char *const actions[] = {[ACTION_REJECT] = "moves it to rejected/ and goes on",
                                          [ACTION_KEEP] = "keeps it and goes on",
                                          [ACTION_STOP] = "keeps all and stops",
                                          [ACTION_WAIT] = "keeps it, waits and retries"};
    fputs("# Problems\n"
          "\n"
          "Made by `vox-sink reference problems` from `lib/wire/problem.def`; a test compares the two.\n"
          "\n"
          "A refusal is `application/problem+json` (RFC 9457) with `type` `urn:vox-sink:problem:<code>`. "
          "Whatever is not a\n"
          "2xx that names the event means: keep it. The last column is what `vox-telemetry upload` does with "
          "the\n"
          "spool entry.\n"
          "\n"
          "| Code | Status | Retry | Title | Detail | The uploader |\n"
          "| --- | --- | --- | --- | --- | --- |\n",
          out);
    for (enum problem problem = PROBLEM_NONE + 1; problem < PROBLEM_COUNT; problem++) {
        const struct problem_info *info = problem_info(problem);
        fprintf(out, "| `%s` | %d | %s | %s | %s | %s |\n", info->code, info->status, retries[info->retry],
                info->title, info->detail, actions[info->action]);
    }
}

struct metric_row {
    const char *name, *type, *label1, *label2, *help;
};

#define METRIC_TEXT_COUNTER "counter"
#define METRIC_TEXT_GAUGE   "gauge"
#define METRIC_TEXT_SIZES   "histogram"
#define METRIC_TEXT_SECONDS "histogram"

static const struct metric_row metric_rows[] = {
#define METRIC(id, type, name, label1, label2, help) {name, METRIC_TEXT_##type, label1, label2, help},
#include "server/core/metrics.def"
#undef METRIC
};

void reference_metrics(FILE *out)
{
    fputs("# Metrics\n"
          "\n"
          "Made by `vox-sink reference metrics` from `server/core/metrics.def`; a test compares the two.\n"
          "\n"
          "`GET /metrics` answers in Prometheus text format 0.0.4. A series appears with its first value.\n"
          "\n"
          "| Name | Type | Labels | Meaning |\n"
          "| --- | --- | --- | --- |\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(metric_rows); i++) {
        const struct metric_row *row = &metric_rows[i];
        fprintf(out, "| `%s` | %s | %s%s%s | %s |\n", row->name, row->type, row->label1 ? row->label1 : "",
                row->label2 ? ", " : "", row->label2 ? row->label2 : "", row->help);
    }
}
