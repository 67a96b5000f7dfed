// SPDX-License-Identifier: Apache-2.0
// A parsed JSON value, read-only.
//
// A tree is made by json_doc_parse() (parse.h) and belongs to its document. A value is 16 bytes; the elements
// of an array and the members of an object are neighbours, in the order of the text. What an object's members
// are called is its shape, which objects of the same names in the same order mostly share: whoever knows a
// shape by its id knows the place of every member.
//
// Strings are UTF-8 without NUL, by length and without a terminator. They point into the text that was
// parsed, but for those with escapes. An integer is an int64; an integer beyond that is a real, as is all
// that has a point or an exponent.
// Threads: a tree may be read by many.
#ifndef VOX_JSON_VALUE_H
#define VOX_JSON_VALUE_H

#include "lib/base/arena.h"
#include "lib/base/str.h"

enum json_type {
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_INTEGER,
    JSON_REAL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

struct json {
    union {
        int64_t integer;
        double real;
        const char *text;
        const struct json *values; // of a container; behind a struct json_head
    };
    uint32_t size;   // bytes, elements or members
    uint8_t type;    // enum json_type
    uint8_t tag;     // 1 << type
    uint16_t traits; // of a container: JSON_HAS_…, about its own values
};

#define JSON_HAS_NEGATIVE 1u // an integer below 0
#define JSON_HAS_EMPTY    2u // an empty string

// The names of an object's members.
struct json_shape {
    uint64_t id; // of this process's lifetime; 0: only this one object has the shape
    const struct str *names;
    uint32_t count;
    uint32_t mask;         // of `slots`
    const uint32_t *slots; // where there are many names: index + 1 by hash, 0 is empty
};

#define JSON_IDS ((uint64_t)1 << 48) // ids of shapes and forms are below

// Before the values of a container.
struct json_head {
    const struct json_shape *shape; // NULL for an array
    uint64_t form;                  // json_form_of()
};

// All of these take NULL for a value that is not there.
#define JSON_IS(name, tags)                                     \
    static inline bool json_is_##name(const struct json *value) \
    {                                                           \
        return value && (value->tag & (tags)) != 0;             \
    }
JSON_IS(object, 1u << JSON_OBJECT)
JSON_IS(array, 1u << JSON_ARRAY)
JSON_IS(string, 1u << JSON_STRING)
JSON_IS(integer, 1u << JSON_INTEGER)
JSON_IS(real, 1u << JSON_REAL)
JSON_IS(number, 1u << JSON_INTEGER | 1u << JSON_REAL)
JSON_IS(true, 1u << JSON_TRUE)
JSON_IS(false, 1u << JSON_FALSE)
JSON_IS(boolean, 1u << JSON_TRUE | 1u << JSON_FALSE)
JSON_IS(null, 1u << JSON_NULL)
#undef JSON_IS

// STR_NULL if it is no string.
static inline struct str json_text(const struct json *value)
{
    return json_is_string(value) ? (struct str){value->text, value->size} : STR_NULL;
}

// The nearest double of a number; 0 of anything else.
static inline double json_number(const struct json *value)
{
    return json_is_integer(value) ? (double)value->integer : json_is_real(value) ? value->real : 0;
}

// 0 of anything else than an integer.
static inline int64_t json_integer(const struct json *value)
{
    return json_is_integer(value) ? value->integer : 0;
}

// Elements or members; 0 of anything else.
static inline uint32_t json_count(const struct json *value)
{
    return json_is_object(value) || json_is_array(value) ? value->size : 0;
}

// An element, or a member's value, by its place; NULL beyond the last.
static inline const struct json *json_at(const struct json *container, size_t index)
{
    return index < json_count(container) ? &container->values[index] : NULL;
}

static inline const struct json_shape *json_shape_of(const struct json *object)
{
    return ((const struct json_head *)(const void *)object->values)[-1].shape;
}

// What a container's form is: two of the same number (other than 0) have the same shapes, the same numbers of
// elements and values of the same types all the way down; true and false count as one type. 0: only this one
// has it. Of a scalar it is 0. Not of NULL.
static inline uint64_t json_form_of(const struct json *value)
{
    if (!(value->tag & (1u << JSON_OBJECT | 1u << JSON_ARRAY)))
        return 0;
    return ((const struct json_head *)(const void *)value->values)[-1].form;
}

// A member's name; its place is below json_count().
static inline struct str json_name(const struct json *object, size_t index)
{
    return json_shape_of(object)->names[index];
}

#define JSON_NOT_FOUND UINT32_MAX
// The place of a name, or JSON_NOT_FOUND.
uint32_t json_shape_find(const struct json_shape *shape, struct str name);

// The value of a member; NULL if there is none, or no object.
const struct json *json_get(const struct json *object, struct str name);

// A copy that owns all it needs. False when the arena is out of memory.
MUST_CHECK bool json_copy_into(struct arena *arena, const struct json *value, struct json *ret_copy);

#endif
