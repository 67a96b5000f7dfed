// SPDX-License-Identifier: Apache-2.0
// Prints a contract set as Markdown.
#include "server/config/reference.h"

static void put_code(FILE *out, struct str text)
{
    fprintf(out, "`%.*s`", STR_FMT(text));
}

static void put_metric_types(FILE *out, const struct contract *contract)
{
    bool in_event = contract->metric_type.len && contract->metric_type.ptr[0] == '/';
    if (in_event)
        fputs("as the event says at ", out);
    if (contract->metric_type.len)
        put_code(out, contract->metric_type);
    for (size_t i = 0; i < contract->metric_count; i++) {
        fputs(i ? ", " : "", out);
        put_code(out, contract->metrics[i].metric_type);
        fprintf(out, " (%.*s)", STR_FMT(contract->metrics[i].value));
    }
    if (!contract->metric_type.len && !contract->metric_count)
        fputs("none", out);
}

static void put_contract(FILE *out, const struct contract *contract)
{
    fprintf(out, "| `%.*s` | ", STR_FMT(contract->name));
    put_metric_types(out, contract);
    fprintf(out, " | %.*s | [%.*s](../../contracts/%.*s) | %s | `%.*s` | %.*s |\n",
            STR_FMT(contract->session_convention), STR_FMT(contract->schema_file),
            STR_FMT(contract->schema_file), contract_class_name(contract->class_),
            STR_FMT(contract->transmission), STR_FMT(contract->owner));
}

static void put_reserved(FILE *out, const struct contract_reserved *reserved)
{
    fprintf(out, "| `%.*s` | ", STR_FMT(reserved->pattern));
    const char *between = "";
    for (unsigned class_ = CLASS_S0; class_ <= CLASS_S3; class_++)
        if (reserved->classes >> class_ & 1) {
            fprintf(out, "%s%s", between, contract_class_name((enum contract_class)class_));
            between = ", ";
        }
    fprintf(out, " | %.*s | %.*s |\n", STR_FMT(reserved->owner), STR_FMT(reserved->note));
}

void reference_taxonomy(FILE *out, const struct contract_set *set)
{
    fputs("# Taxonomy\n"
          "\n"
          "Made by `vox-sink reference taxonomy` from `contracts/index.yaml`; a test compares the two.\n"
          "\n"
          "Every event that the sink takes. A class is what an event may hold, a transmission class by which "
          "way it may\n"
          "leave a machine; both are told in [retention-sensitivity.md](retention-sensitivity.md).\n"
          "\n"
          "| Contract | Metric type | Session id | Schema | Class | Transmission | Owner |\n"
          "| --- | --- | --- | --- | --- | --- | --- |\n",
          out);
    for (size_t i = 0; i < contract_set_count(set); i++)
        put_contract(out, contract_set_at(set, i));
    fputs("\n"
          "Names that are spoken for, and the classes that contracts of these names keep within:\n"
          "\n"
          "| Pattern | Classes | Owner | Note |\n"
          "| --- | --- | --- | --- |\n",
          out);
    for (size_t i = 0; i < contract_set_reserved_count(set); i++)
        put_reserved(out, contract_set_reserved_at(set, i));
}

static void put_retention(FILE *out, const struct contract *contract)
{
    const struct retention *retention = &contract->retention;
    fprintf(out, "| `%.*s` | %s | `%s` | ", STR_FMT(contract->name), contract_class_name(contract->class_),
            retention_kind_name(retention->kind));
    if (retention->kind == RETENTION_DAYS)
        fprintf(out, "%d", retention->days);
    else if (retention->kind == RETENTION_WITH_PARENT)
        fprintf(out, "%d, as `%.*s`", retention->days, STR_FMT(retention->parent));
    else if (retention->kind == RETENTION_EXPIRES_LT_NOW)
        fprintf(out, "until `%.*s`, else no end", STR_FMT(retention->expires_at));
    else
        fputs("no end", out);
    fprintf(out, " | %.*s |\n", STR_FMT(retention->rationale));
}

void reference_retention(FILE *out, const struct contract_set *set)
{
    fputs(
        "# Retention and sensitivity\n"
        "\n"
        "Made by `vox-sink reference retention` from `contracts/retention-policy.yaml` and "
        "`contracts/index.yaml`; a test\n"
        "compares the two. An operator's overrides are not in it: `vox-sink contracts list` shows what a "
        "sink "
        "does.\n"
        "\n"
        "| Class | What an event of it may hold | Taken |\n"
        "| --- | --- | --- |\n"
        "| S0 | coarse counters and version strings | yes |\n"
        "| S1 | operational metadata without user content | yes |\n"
        "| S2 | what stands close to a workspace: relative paths, keys of a repository | where the operator "
        "raised the project's class |\n"
        "| S3 | content: prompts, code, tool arguments, transcripts | never |\n"
        "\n"
        "| Transmission class | By which way an event may leave a machine |\n"
        "| --- | --- |\n"
        "| `local_only` | none |\n"
        "| `explicit_operator_export` | when an operator exports it by name |\n"
        "| `approved_usage_upload` | with an upload that a person runs |\n"
        "\n"
        "Days count from the day of receipt. Kinds: `days`; `with_parent`, the days of another contract, "
        "from "
        "the event's own\n"
        "receipt; `expires_lt_now`, until the date that the event states; `keep_forever`; `manual`, until an "
        "operator removes it.\n"
        "\n"
        "| Contract | Class | Kind | Days | Why |\n"
        "| --- | --- | --- | --- | --- |\n",
        out);
    for (size_t i = 0; i < contract_set_count(set); i++)
        put_retention(out, contract_set_at(set, i));
}
