// SPDX-License-Identifier: Apache-2.0
// What the compiler's files share (private to lib/schema).
//
// The blocks are their own work list: compile_child() and compile_target() only hand out a block's number,
// and the loop in compile.c fills the blocks one after the other. So instructions of a block are neighbours,
// and recursion in a schema is no recursion here.
#ifndef VOX_SCHEMA_COMPILE_H
#define VOX_SCHEMA_COMPILE_H

#include "lib/schema/program.h"
#include "lib/schema/registry.h"

// `from` hands the same instance on to `to`.
struct jsv_jump {
    uint32_t from;
    uint32_t to;
};

// A block is a subschema as seen from a dynamic scope, so that $dynamicRef is a jump like any other. Few
// subschemas have more than one block.
struct jsv_source {
    uint32_t subschema;
    uint32_t scope;
    uint32_t next; // another block of the subschema + 1
};

// The resources on the way that bring a $dynamicAnchor none before them has; a list towards the outermost.
struct jsv_scope {
    uint32_t outer; // + 1; 0: none
    uint32_t resource;
};

struct jsv_compiler {
    struct jsv_registry *registry;
    struct jsv_options options;
    struct jsv_program *program;
    struct err *err;
    VEC(struct jsv_source) sources; // by block
    VEC(uint32_t) blocks;           // by subschema: its latest block + 1; 0 is none yet
    VEC(struct jsv_scope) scopes;
    VEC(struct jsv_jump) jumps; // in the order of `from`
    size_t regex_work;          // left
    // The schema in hand.
    uint32_t block;
    uint32_t subschema;
    uint32_t resource;
    uint32_t scope; // + 1; 0 is empty
    unsigned vocabularies;
    enum jsv_dialect dialect;
    const struct json *schema;
};

// Writes "Schema <uri>#<pointer>/<keyword>: <what>." and returns false.
bool compile_fail(struct jsv_compiler *c, enum jsv_keyword keyword, const char *format, ...)
    PRINTF_LIKE(3, 4);
bool compile_no_memory(struct jsv_compiler *c);
// The keyword's value in the schema in hand, or NULL.
const struct json *compile_get(const struct jsv_compiler *c, enum jsv_keyword keyword);
MUST_CHECK bool compile_emit(struct jsv_compiler *c, enum jsv_op op, enum jsv_keyword keyword, uint32_t a,
                             uint32_t b);
// The block of the subschema at <keyword>[/<name>].
MUST_CHECK bool compile_child(struct jsv_compiler *c, enum jsv_keyword keyword, struct str name,
                              const struct json *node, uint32_t *ret_block);
// As above for each element; `*ret_first` is where their blocks start in `lists`.
MUST_CHECK bool compile_list(struct jsv_compiler *c, enum jsv_keyword keyword, const struct json *array,
                             uint32_t *ret_first);
MUST_CHECK bool compile_target(struct jsv_compiler *c, uint32_t subschema, uint32_t *ret_block);
// The scope within `resource`, entered from `scope`.
MUST_CHECK bool compile_scope(struct jsv_compiler *c, uint32_t scope, uint32_t resource, uint32_t *ret_scope);
// What a $dynamicRef that names `subschema` means in the scope of the schema in hand.
uint32_t compile_dynamic_target(const struct jsv_compiler *c, uint32_t subschema, struct str reference);
MUST_CHECK bool compile_jump(struct jsv_compiler *c, uint32_t to);
// A copy of a value that lives as long as the program; its index in `values`.
MUST_CHECK bool compile_value(struct jsv_compiler *c, const struct json *value, uint32_t *ret_index);
// A keyword whose value is a count. Absent leaves `*count`; beyond 32 bits is UINT32_MAX.
MUST_CHECK bool compile_count(struct jsv_compiler *c, enum jsv_keyword keyword, uint32_t *count);
// A list of different names, in the program's arena.
MUST_CHECK bool compile_names(struct jsv_compiler *c, enum jsv_keyword keyword, const struct json *array,
                              struct str **ret_names);

// A pattern's index in `regexes`.
MUST_CHECK bool compile_regex(struct jsv_compiler *c, enum jsv_keyword keyword, struct str pattern,
                              uint32_t *ret_index);

// One per family of keywords: looks at what the schema in hand has of them and emits.
MUST_CHECK bool compile_types(struct jsv_compiler *c);
MUST_CHECK bool compile_values(struct jsv_compiler *c);
MUST_CHECK bool compile_numbers(struct jsv_compiler *c);
MUST_CHECK bool compile_strings(struct jsv_compiler *c);
MUST_CHECK bool compile_objects(struct jsv_compiler *c);
MUST_CHECK bool compile_arrays(struct jsv_compiler *c);
MUST_CHECK bool compile_logic(struct jsv_compiler *c);
MUST_CHECK bool compile_reference(struct jsv_compiler *c);
MUST_CHECK bool compile_unevaluated(struct jsv_compiler *c);

// Compiles what stands at `root` into the compiler's program.
MUST_CHECK bool compile_program(struct jsv_compiler *c, uint32_t root);
void compile_release(struct jsv_compiler *c); // all but the program

// The fast program from the plain one.
MUST_CHECK bool compile_fast(struct jsv_compiler *c);

// An error if handing an instance on can come back to the same block.
MUST_CHECK bool compile_check_jumps(struct jsv_compiler *c);

#endif
