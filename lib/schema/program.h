// SPDX-License-Identifier: Apache-2.0
// The compiled form of a schema (private to lib/schema).
//
// A program is in two forms: `plain`, as the schema is written, for reasons and as what the other must agree
// with; `fast` (fuse.c), for the verdict. Either is a set of blocks, one per subschema that can be reached;
// block 0 is the root. A block admits some JSON types and holds a run of instructions in one flat array; an
// instruction names other blocks by number, so a $ref is a jump and recursion costs nothing. Keywords that
// are decided together are one instruction (the four numeric bounds; everything that looks at an object's
// members): run.c takes it as a whole, explain.c takes it apart. Immutable once jsv_compile() returns.
#ifndef VOX_SCHEMA_PROGRAM_H
#define VOX_SCHEMA_PROGRAM_H

#include "lib/base/arena.h"
#include "lib/schema/format.h"
#include "lib/schema/keys.h"
#include "lib/schema/keyword.h"
#include "lib/schema/number.h"
#include "lib/schema/schema.h"
#include "lib/schema/vec.h"

#include <stdatomic.h>

#ifndef JSV_NONE
#define JSV_NONE UINT32_MAX
#endif
#define JSV_BLOCKS       50000       // subschemas in a program
#define JSV_SCHEMA_DEPTH 256         // nesting of a schema document
#define JSV_DEPTH        128         // nesting of an instance, as far as the schema looks
#define JSV_FRAMES       1024        // blocks under way at once
#define JSV_PROGRAM_SIZE (64u << 20) // bytes of strings and tables in a program

// A set of JSON types is a bit per type: struct json has it as its tag.
#define TYPE_BIT(type) (1u << (type))
#define TYPE_NUMBER    (TYPE_BIT(JSON_INTEGER) | TYPE_BIT(JSON_REAL))
#define TYPE_BOOLEAN   (TYPE_BIT(JSON_TRUE) | TYPE_BIT(JSON_FALSE))
#define TYPE_ANY       0xffu

// In the order in which a block runs them: what is cheap and refuses most comes first.
enum jsv_op {
    // Leaves: decided on the value alone, without another block.
    OP_INTEGRAL, // a real must have no fraction ("integer")
    OP_CONST,    // a: value
    OP_ENUM,     // a: enum
    OP_RANGE,    // a: range
    OP_LENGTH,   // a, b: least and most code points
    OP_ITEMS,    // a, b: least and most elements
    OP_MEMBERS,  // a, b: least and most members
    OP_MULTIPLE, // a: divisor
    OP_FORMAT,   // a: enum jsv_format
    OP_PATTERN,  // a: regex
    // Those that run blocks.
    OP_DEPENDENCY, // a: dependency
    OP_OBJECT,     // a: object
    OP_ARRAY,      // a: array
    OP_REF,        // a: block
    OP_ALL_OF,     // a: first in `lists`, b: how many blocks
    OP_ANY_OF,     // as OP_ALL_OF
    OP_ONE_OF,     // as OP_ALL_OF
    OP_NOT,        // a: block
    OP_IF,         // a: three blocks in `lists`: if, then, else; the last two may be JSV_NONE
    OP_CONTAINS,   // a: contains
    OP_UNIQUE,
    // What all before have left unevaluated. a: block for each, b: the block that the instruction is in
    OP_REST_MEMBERS,
    OP_REST_ELEMENTS, // none but these and switches come behind
    // In the fast program only. Unevaluated members where only OP_OBJECTs of the same block evaluate any: as
    // OP_REST_MEMBERS.
    OP_OTHER_MEMBERS,
    // In the fast program only, for an anyOf or oneOf of which at most one branch can hold.
    OP_SWITCH_TYPE, // a: in `lists`, by the instance's type, the block or JSV_NONE
    OP_SWITCH_KEY,  // a: switch
    OP_COUNT
};

static inline bool jsv_op_is_leaf(unsigned op)
{
    return op < OP_DEPENDENCY;
}

struct jsv_insn {
    uint8_t op;
    uint8_t keyword; // enum jsv_keyword; for a group, the first of it
    uint32_t a;
    uint32_t b;
};

struct jsv_block {
    uint8_t types; // admitted by `type`
    uint8_t work;  // those for which there is an instruction
    bool never;    // the schema `false`
    bool integer;  // a real needs OP_INTEGRAL
    bool leaf;     // all its instructions are
    uint8_t quick; // types for which low..high decides: an integer's value, a string's length (fast form)
    int64_t low;
    int64_t high;
    uint32_t first; // in `insns`
    uint32_t count;
    struct str location; // URI with fragment
};

struct jsv_enum {
    struct jsv_keys strings;
    struct jsv_pick pick; // among the same
    uint32_t first;       // the values that are no strings, in `values`
    uint32_t count;
    const struct json *all; // for messages
};

// What is wanted of one name that `properties` or `required` states; by jsv_key.value.
struct jsv_property {
    uint32_t block; // JSV_NONE if only `required` states it
    bool required;
};

struct jsv_pattern {
    const struct jsv_regex *regex;
    uint32_t block;
};

struct jsv_object {
    struct jsv_keys keys;
    const struct jsv_property *properties;
    uint32_t required; // how many names are
    uint32_t pattern_count;
    const struct jsv_pattern *patterns;
    uint32_t additional; // block or JSV_NONE
    uint32_t names;      // block or JSV_NONE
};

struct jsv_array {
    uint32_t prefix; // first in `lists`
    uint32_t prefix_count;
    uint32_t rest; // block or JSV_NONE
    uint8_t prefix_keyword;
    uint8_t rest_keyword;
};

struct jsv_contains {
    uint32_t block;
    uint32_t min;
    uint32_t max; // UINT32_MAX: none
    bool min_stated;
};

// When the member `name` is there: either the names or the block.
struct jsv_dependency {
    struct str name;
    const struct str *names;
    uint32_t name_count;
    uint32_t block; // or JSV_NONE
};

// A member that tells the branches apart.
struct jsv_switch {
    struct str key;
    struct jsv_keys values;
    const uint32_t *blocks; // by value
};

struct jsv_program {
    atomic_uint refs;
    uint64_t id;   // of this process's lifetime
    uint64_t salt; // of the places of its plans
    bool branches; // has instructions that may run a block in vain
    VEC(struct jsv_block) blocks;
    VEC(struct jsv_insn) insns;
    VEC(struct jsv_block) fast_blocks; // the same numbers
    VEC(struct jsv_insn) fast_insns;
    VEC(uint32_t) lists;
    VEC(struct jsv_switch) switches;
    VEC(const struct json *) values; // own copies
    VEC(struct jsv_enum) enums;
    VEC(struct jsv_range) ranges;
    VEC(struct jsv_divisor) divisors;
    VEC(struct jsv_regex *) regexes;
    VEC(struct jsv_object) objects;
    VEC(struct jsv_array) arrays;
    VEC(struct jsv_contains) contains;
    VEC(struct jsv_dependency) dependencies;
    struct arena arena; // names, tables, locations
};

MUST_CHECK struct jsv_program *jsv_program_new(void); // one reference; NULL when memory is out

// The types for which an instruction has something to do.
unsigned jsv_op_types(unsigned op);
// Into the order of enum jsv_op; a stable insertion sort, for blocks are short.
void jsv_sort_insns(struct jsv_insn *insns, uint32_t count);

#endif
