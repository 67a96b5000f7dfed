// SPDX-License-Identifier: Apache-2.0
// JSON Schema, compiled: draft-07 and 2020-12 over the trees of lib/json.
//
// Put every document into a registry under its URI, compile one URI to a program, run the program as often as
// you like:
//
//     struct jsv_registry *reg = jsv_registry_new();
//     jsv_registry_add(reg, "https://…/model-call.v1.schema.json", json, JSV_DRAFT_07, &err);
//     jsv_compile(reg, "https://…/model-call.v1.schema.json", &options, &program, &err);
//     struct jsv_context *ctx = jsv_context_new(&err);               // one per thread
//     switch (jsv_validate(program, ctx, instance)) { … }
//     if it was JSV_INVALID: n = jsv_explain(program, ctx, instance, errors, ARRAY_LEN(errors));
//
// Nothing is ever fetched: a $ref to a URI that is not in the registry is an error of jsv_compile() that
// names it. A keyword that the engine does not know how to assert is an error too, never ignored; annotations
// and names that start with "x-" are accepted. Definitions of the compiled document count even if nothing
// refers to them. In draft-07 what stands beside a $ref is ignored, as that dialect has it.
//
// The metaschemas of both dialects are at hand without being added. Every document is held to the metaschema
// of its dialect, and a resource of another dialect in it to that one's. A dialect of one's own is a
// metaschema in the registry, added before the first document whose $schema names it; its $vocabulary
// switches keywords of 2020-12 on and off. $recursiveRef and $recursiveAnchor belong to another dialect and
// are refused. contentEncoding and its kin annotate.
//
// Numbers are compared exactly, int64 with double too; a real is the decimal that it prints as. 1.0 is an
// integer and equals 1. An integer beyond int64, in a schema or an instance, is the nearest double, as
// lib/json has it: those that share one are equal.
// Patterns are ECMA-262 with the u flag, and what of other dialects is harmless; the format regex is that
// flag's grammar to the letter. Most are searched in one pass; the others by PCRE2, within limits. Two things
// of ECMA-262 are not translated: a lookbehind, each of whose outermost alternatives has to be of one length,
// else it is an error of jsv_compile(); and a group within a loop keeps what an earlier turn caught, where
// JavaScript forgets it with each turn, which a backreference to it tells.
//
// Threads: a program is immutable and counted, share it; a context belongs to one thread at a time; a
// registry is needed only while compiling. Memory: validating allocates nothing, but for the formats
// idn-hostname and idn-email, and for labels of host names that begin with xn-- (libidn2 does); a context
// holds about 1.5 MiB, most of it untouched. It remembers what of a program is left to ask of
// instances of one form (lib/json/value.h), and asks the next one no more than that. Instances are only read,
// and their strings must be UTF-8. Errors: `struct err` names the schema's URI and the JSON Pointer in it.
// Limits: a schema nests at most 256 deep; an instance 128, as far as the schema looks; 1024 subschemas may
// be under way at once; a run takes at most JSV_STEPS steps, one per instruction, member, element and
// comparison, and what a search in a long text or by PCRE2 is estimated to cost; unevaluated… keeps track of
// 2^19 members and elements at once.
#ifndef VOX_SCHEMA_SCHEMA_H
#define VOX_SCHEMA_SCHEMA_H

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/json/value.h"

#define JSV_STEPS 1000000

enum jsv_dialect { JSV_DRAFT_07, JSV_2020_12 };

// JSV_LIMIT: a bound was hit before the question was settled. It is never "valid".
enum jsv_verdict { JSV_VALID, JSV_INVALID, JSV_LIMIT };

struct jsv_options {
    // Told of what is legal and yet hardly meant: assertions beside a $ref of draft-07, which that dialect
    // ignores. The sentence names the place. NULL: nobody is told.
    void (*warn)(void *arg, const char *text);
    void *warn_arg;
    bool assert_formats; // `format` asserts instead of annotating; an unknown format is then an error
    bool ignore_unknown; // unknown keywords and formats are annotations, as the specification has it
};

struct jsv_registry;
struct jsv_program;
struct jsv_context;

MUST_CHECK struct jsv_registry *jsv_registry_new(void); // NULL when memory is out
void jsv_registry_free(struct jsv_registry *registry);
// The tree must live as long as the registry. `default_dialect` holds where the
// document has no $schema. The document answers to `uri` and to its $id. After a failure the registry may
// hold a part of it: free it, or do not refer to that part.
MUST_CHECK bool jsv_registry_add(struct jsv_registry *registry, const char *uri, const struct json *schema,
                                 enum jsv_dialect default_dialect, struct err *err);

// `uri` may carry a fragment. NULL for `options` is all false. The program does not need the registry
// afterwards.
MUST_CHECK bool jsv_compile(struct jsv_registry *registry, const char *uri, const struct jsv_options *options,
                            struct jsv_program **ret_program, struct err *err);
struct jsv_program *jsv_program_ref(struct jsv_program *program); // atomic count
void jsv_program_unref(struct jsv_program *program);              // NULL is allowed

MUST_CHECK struct jsv_context *jsv_context_new(struct err *err);
void jsv_context_free(struct jsv_context *context);

MUST_CHECK enum jsv_verdict jsv_validate(const struct jsv_program *program, struct jsv_context *context,
                                         const struct json *instance);

// One failed assertion. The strings live in the context until its next explain.
struct jsv_error {
    struct str pointer; // JSON Pointer into the instance, stopped at the last name that the schema states
    struct str keyword; // "minimum"; for the schema `false` the keyword that holds it, "false" at the root
    struct str keyword_location;  // JSON Pointer along the evaluation path, over $ref
    struct str absolute_location; // URI with fragment
    struct str message;           // states the schema's limits, never the instance's values
};

// Walks the program over an instance that jsv_validate() refused and fills at most `max` errors; returns how
// many. 0 only if the instance is valid, or if a limit was hit. A failed anyOf or oneOf comes first, then
// what failed in its branches. Allocates.
size_t jsv_explain(const struct jsv_program *program, struct jsv_context *context,
                   const struct json *instance, struct jsv_error *errors, size_t max);

// The same with pointers that go all the way, over names that only the instance has: for who owns it.
size_t jsv_explain_open(const struct jsv_program *program, struct jsv_context *context,
                        const struct json *instance, struct jsv_error *errors, size_t max);

// Appends {"valid":…,"errors":[…]} as the "basic" output of 2020-12 has it; with no errors, the output of a
// valid instance. An instanceLocation ends where `pointer` does. False if the buffer failed.
MUST_CHECK bool jsv_output_basic(const struct jsv_error *errors, size_t count, struct buf *out);

#endif
