// SPDX-License-Identifier: Apache-2.0
// The contract registry: which events there are, how a body is recognised, what judges it, how long it stays.
//
// contract_set_load() reads `<dir>/index.yaml`, the schema files that it names, `<dir>/guard.yaml` and
// `<dir>/retention-policy.yaml`, and an operator's optional overrides, and gives one immutable, counted set.
// A set is good as a whole or not at all: the error names file, line or JSON Pointer. Reload = load a new one
// and publish it; requests keep the one they began with.
//
// Threads: a set is shared read-only; contract_judge() needs a jsv_context of the calling thread.
// Ownership: strings and structs reachable from a set live as long as the set.
#ifndef VOX_CONTRACTS_CONTRACTS_H
#define VOX_CONTRACTS_CONTRACTS_H

#include "lib/base/err.h"
#include "lib/schema/schema.h"
#include "lib/wire/event_text.h"
#include "lib/wire/limits.h"
#include "lib/wire/problem.h"

// Sensitivity (docs/PROTOCOL.md): S0 counters, S1 operational, S2 workspace-adjacent, S3 content, never
// accepted.
enum contract_class { CLASS_S0, CLASS_S1, CLASS_S2, CLASS_S3 };

enum retention_kind {
    RETENTION_DAYS,           // `days` from receipt
    RETENTION_WITH_PARENT,    // the parent contract's days, from the child's own receipt
    RETENTION_EXPIRES_LT_NOW, // the date that `expires_at` points to; without one, for ever
    RETENTION_KEEP_FOREVER,
    RETENTION_MANUAL // kept until an operator removes it
};

struct retention {
    enum retention_kind kind;
    int32_t days;          // DAYS, and WITH_PARENT (resolved); else 0
    struct str parent;     // WITH_PARENT: "completion-run.v1"
    struct str expires_at; // EXPIRES_LT_NOW: JSON Pointer in the event
    struct str rationale;
};

// Where one contract has several metric types: the one of events whose member has this value.
struct contract_metric {
    struct str value;
    struct str metric_type;
};

struct contract {
    struct str name; // "model-call.v1", what the wire says
    struct str id;   // "model-call"
    unsigned version;
    enum contract_class class_;
    struct str owner;
    struct str enforced_by;  // what judges it: "schema"
    struct str transmission; // local_only | explicit_operator_export | approved_usage_upload
    struct str metric_type;  // or the pointer to where the event says it; absent where it has none
    struct str metric_by;    // or the pointer to the value that tells, one of `metrics`
    const struct contract_metric *metrics;
    size_t metric_count;
    struct str session_convention; // how its session ids are made, for people
    struct str session_id;         // JSON Pointers in the event, absent where it has none
    struct str trace_id;
    struct str repository_id;
    struct retention retention;
    struct str recognised_by; // its rule in words: "variant ModelCall"
    bool assert_formats;      // `format` in its schema can refuse an event
    bool is_probe;            // no telemetry: neither counted nor listed unless it is asked for
    struct str schema_file;   // "model-call.v1.schema.json"
    struct str schema_text;   // as in the file
    uint8_t schema_sha256[SHA256_LEN];
    const struct str *stated; // the names of members that its schema states, sorted
    size_t stated_count;
    uint64_t guarded;           // rules of the content guard that hold: 1 << index
    const struct str *embedded; // pointers to strings that are JSON texts themselves
    size_t embedded_count;
    struct jsv_program *program;
    size_t index; // its place in the set, 0..count-1
};

// Names that are spoken for: a contract whose id matches keeps within these classes.
struct contract_reserved {
    struct str pattern; // "usage-event-*"
    unsigned classes;   // bit 1 << CLASS_S0 and so on
    struct str owner;
    struct str note;
};

// A rule of the content guard (guard.yaml).
struct contract_guard_rule {
    struct str name; // "posix-path"
    struct str what;
    struct str matcher;
    struct str help; // what a client is told, behind the name
};

struct contract_set;

// `overrides_path` may be NULL. Files are at most 1 MiB each, the set at most 512 contracts.
MUST_CHECK bool contract_set_load(const char *dir, const char *overrides_path, struct contract_set **ret_set,
                                  struct err *err);
struct contract_set *contract_set_ref(struct contract_set *set); // atomic count
void contract_set_unref(struct contract_set *set);
size_t contract_set_count(const struct contract_set *set);
// In order of id, then of version.
const struct contract *contract_set_at(const struct contract_set *set, size_t index);
size_t contract_set_reserved_count(const struct contract_set *set);
const struct contract_reserved *contract_set_reserved_at(const struct contract_set *set, size_t index);
size_t contract_set_guard_count(const struct contract_set *set);
const struct contract_guard_rule *contract_set_guard_at(const struct contract_set *set, size_t index);
// By "model-call.v1"; or by id alone, which gives the newest version. NULL if there is none.
const struct contract *contract_set_find(const struct contract_set *set, struct str name);
#define CONTRACT_NEWEST UINT32_MAX
// By id and version; CONTRACT_NEWEST for the newest.
const struct contract *contract_set_find_version(const struct contract_set *set, struct str id,
                                                 unsigned version);
// SHA-256 over the content guard's file and every contract's name, class, schema hash, treatment of formats,
// rules of the guard and of recognition, in order of id and version, as 64 hex digits, NUL-terminated:
// clients compare it to learn that a refused event may be taken now.
const char *contract_set_hash(const struct contract_set *set);

// What the judge found. `contract` is set as soon as the family is known.
struct judgement {
    const struct contract *contract;
    size_t error_count;
    // Strings live in the jsv_context until its next use; what the guard says, in the set and in `pointer`.
    struct problem_error errors[LIMIT_ERRORS];
    char pointer[256];
};

// Recognises and validates: `pin_id` absent means by content (the family by its `recognise` rule, then the
// newest version that validates), else exactly that version. What the schema took goes through the content
// guard. PROBLEM_NONE, unknown_contract, schema_invalid, schema_limit or content_refused; or the problem of
// having no memory for a JSON text inside the event.
MUST_CHECK enum problem contract_judge(const struct contract_set *set, struct jsv_context *context,
                                       const struct json *event, struct str pin_id, unsigned pin_version,
                                       struct judgement *ret_judgement);

// The guard alone, for an event that its schema did not take and that is to be kept all the same; `contract`
// NULL: every rule holds. PROBLEM_NONE, or why it must not be kept.
MUST_CHECK enum problem contract_guard_alone(const struct contract_set *set, const struct contract *contract,
                                             const struct json *event);

// Family of a body by content alone, its newest version; NULL if none recognises it.
const struct contract *contract_recognise(const struct contract_set *set, const struct json *event);

// A string that a JSON Pointer (RFC 6901) names in `event`; absent if there is none or it is no string.
struct str contract_text_at(const struct json *event, struct str pointer);

const char *contract_class_name(enum contract_class class_); // "S1"
MUST_CHECK bool contract_class_from(struct str name, enum contract_class *ret_class);
const char *retention_kind_name(enum retention_kind kind); // "days"

#endif
