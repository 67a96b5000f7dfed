// SPDX-License-Identifier: Apache-2.0
// The shapes that a parser remembers (private to lib/json).
//
// A tree of names: a node is a name behind those of the nodes above it, so that a path is an object's
// members as they come. Where an object ended the node holds its shape. From a node on, the child that was
// right last time is tried first; the others are in a table under a keyed hash.
#ifndef VOX_JSON_SHAPES_H
#define VOX_JSON_SHAPES_H

#include "lib/json/parse.h"

// The forms are a tree as well, below each shape and below "array": a node is a value's type, or the form of
// a container, behind those of the nodes above it.
struct json_form {
    uint64_t step;
    const struct json_form *up;
    struct json_form *likely;
    struct json_form *next; // in its bucket
    uint64_t id;            // of a container that ends here; 0: none has
};

struct json_node {
    struct str name; // needs no escapes in a text
    const struct json_node *up;
    struct json_node *likely;
    struct json_node *next; // in its bucket
    const struct json_shape *shape;
    struct json_form *forms;
    uint64_t hash; // of the name
    uint32_t depth;
    uint32_t bucket;
};

// Counted, because documents outlive what their parser remembers. NULL when memory is out.
MUST_CHECK struct json_shapes *json_shapes_new(void);
struct json_shapes *json_shapes_ref(struct json_shapes *shapes);
void json_shapes_unref(struct json_shapes *shapes); // NULL is allowed
// A text begins. False if the table is full: begin another.
MUST_CHECK bool json_shapes_begin(struct json_shapes *shapes);

struct json_node *json_shapes_root(struct json_shapes *shapes);

enum json_step {
    JSON_STEP_OK,
    JSON_STEP_TWICE, // the name is on the path already
    JSON_STEP_ALONE  // not remembered: the object has a shape of its own
};
// From a node to the one for the next member.
enum json_step json_shapes_step(struct json_shapes *shapes, struct json_node **node, struct str name);
// The shape of an object that ends here; NULL when there is no memory for it.
const struct json_shape *json_shapes_end(struct json_shapes *shapes, struct json_node *node);

// Where the forms of arrays begin.
struct json_form **json_shapes_arrays(struct json_shapes *shapes);
// The form of a container with these values; 0 if it is not remembered.
uint64_t json_shapes_form(struct json_shapes *shapes, struct json_form **root, const struct json *values,
                          uint32_t count);

// A shape that is not remembered, with an index where it is long. The names are copied only as a list.
// *ret_shape is NULL when memory is out; false if a name is there twice.
MUST_CHECK bool json_shape_make(struct arena *arena, const struct str *names, uint32_t count,
                                const struct json_shape **ret_shape);

#endif
