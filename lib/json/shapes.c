// SPDX-License-Identifier: Apache-2.0
// Remembering shapes, and finding a name in one.
#include "lib/json/shapes.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS    8192u
#define BLOCK      ((size_t)32 * 1024)
#define CEILING    ((size_t)16 * 1024 * 1024) // more than SHAPES_NODES can need
#define LONG_SHAPE 16u                        // names from which on there is an index

struct json_shapes {
    atomic_uint refs;
    struct arena arena;
    struct json_node root;
    struct json_node *buckets[BUCKETS];
    struct json_form *arrays;
    struct json_form *forms[BUCKETS];
    uint32_t count; // nodes of both
    uint32_t left;  // that this text may add
};

static unsigned char hash_key[crypto_shorthash_KEYBYTES];

static void make_key(void)
{
    randombytes_buf(hash_key, sizeof(hash_key));
}

// Names are a client's choice, so that a hash of them must not be foreseen.
static uint64_t hash_name(struct str name)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t hash;
    pthread_once(&once, make_key);
    crypto_shorthash(out, (const unsigned char *)name.ptr, name.len, hash_key);
    memcpy(&hash, out, sizeof(hash));
    return hash;
}

struct json_shapes *json_shapes_new(void)
{
    struct json_shapes *shapes = calloc(1, sizeof(*shapes));
    if (!shapes)
        return NULL;
    atomic_init(&shapes->refs, 1);
    arena_init(&shapes->arena, BLOCK, CEILING);
    return shapes;
}

struct json_shapes *json_shapes_ref(struct json_shapes *shapes)
{
    atomic_fetch_add_explicit(&shapes->refs, 1, memory_order_relaxed);
    return shapes;
}

void json_shapes_unref(struct json_shapes *shapes)
{
    if (!shapes || atomic_fetch_sub_explicit(&shapes->refs, 1, memory_order_acq_rel) != 1)
        return;
    arena_release(&shapes->arena);
    free(shapes);
}

bool json_shapes_begin(struct json_shapes *shapes)
{
    shapes->left = MIN(SHAPES_TEXT_NODES, SHAPES_NODES - shapes->count);
    return shapes->left == SHAPES_TEXT_NODES;
}

struct json_node *json_shapes_root(struct json_shapes *shapes)
{
    return &shapes->root;
}

static bool is_named(const struct json_node *node, struct str name)
{
    return node->name.len == name.len && !memcmp(node->name.ptr, name.ptr, name.len);
}

// A name that a text holds as it is, so that it can be compared with the text.
static bool is_plain(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == '"' || name.ptr[i] == '\\')
            return false;
    return true;
}

static enum json_step add_node(struct json_shapes *shapes, struct json_node **node, struct str name,
                               uint64_t hash, uint32_t bucket)
{
    for (const struct json_node *at = *node; at->up; at = at->up)
        if (at->hash == hash && is_named(at, name))
            return JSON_STEP_TWICE;
    if (!shapes->left || (*node)->depth == SHAPES_MEMBERS || name.len > SHAPES_NAME || !is_plain(name))
        return JSON_STEP_ALONE;
    struct json_node *made = arena_zalloc(&shapes->arena, sizeof(*made));
    struct str copy = made ? arena_dup(&shapes->arena, name) : STR_NULL;
    if (!copy.ptr)
        return JSON_STEP_ALONE;
    *made = (struct json_node){.name = copy,
                               .up = *node,
                               .next = shapes->buckets[bucket],
                               .hash = hash,
                               .depth = (*node)->depth + 1,
                               .bucket = bucket};
    shapes->buckets[bucket] = made;
    shapes->count++;
    shapes->left--;
    (*node)->likely = made;
    *node = made;
    return JSON_STEP_OK;
}

enum json_step json_shapes_step(struct json_shapes *shapes, struct json_node **node, struct str name)
{
    struct json_node *likely = (*node)->likely;
    if (likely && is_named(likely, name)) {
        *node = likely;
        return JSON_STEP_OK;
    }
    uint64_t hash = hash_name(name);
    uint64_t mixed = (hash ^ (uint64_t)(uintptr_t)*node) * 0x9e3779b97f4a7c15u;
    uint32_t bucket = (uint32_t)(mixed >> 32) & (BUCKETS - 1);
    for (struct json_node *at = shapes->buckets[bucket]; at; at = at->next) {
        if (at->up == *node && at->hash == hash && is_named(at, name)) {
            (*node)->likely = at;
            *node = at;
            return JSON_STEP_OK;
        }
    }
    return add_node(shapes, node, name, hash, bucket);
}

// Ids of shapes and forms; the first 256 are the tags of scalars.
static atomic_uint_fast64_t last_id = 256;

// 0, that of what is not remembered, when there are no more.
static uint64_t next_id(void)
{
    uint64_t id = (uint64_t)atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed);
    return id < JSON_IDS ? id : 0;
}

const struct json_shape *json_shapes_end(struct json_shapes *shapes, struct json_node *node)
{
    if (node->shape)
        return node->shape;
    struct str *names = arena_alloc(&shapes->arena, node->depth * sizeof(*names));
    const struct json_shape *made = NULL;
    for (const struct json_node *at = node; names && at->up; at = at->up)
        names[at->depth - 1] = at->name;
    bool once = !names || json_shape_make(&shapes->arena, names, node->depth, &made);
    BUG_ON(!once); // each step has looked
    if (!made)
        return NULL;
    struct json_shape *shape = arena_alloc(&shapes->arena, sizeof(*shape));
    if (!shape)
        return NULL;
    *shape = *made;
    shape->id = next_id();
    return node->shape = shape;
}

struct json_form **json_shapes_arrays(struct json_shapes *shapes)
{
    return &shapes->arrays;
}

// The node behind `up`, found or made; NULL if it is not remembered.
static struct json_form *form_behind(struct json_shapes *shapes, struct json_form *up, uint64_t step)
{
    uint64_t mixed = (step * 0xd6e8feb86659fd93u ^ (uint64_t)(uintptr_t)up) * 0x9e3779b97f4a7c15u;
    struct json_form **bucket = &shapes->forms[(mixed >> 32) & (BUCKETS - 1)];
    struct json_form *found = *bucket;
    while (found && (found->up != up || found->step != step))
        found = found->next;
    if (!found) {
        found = shapes->left ? arena_zalloc(&shapes->arena, sizeof(*found)) : NULL;
        if (!found)
            return NULL;
        *found = (struct json_form){.step = step, .up = up, .next = *bucket};
        *bucket = found;
        shapes->count++;
        shapes->left--;
    }
    if (up)
        up->likely = found;
    return found;
}

uint64_t json_shapes_form(struct json_shapes *shapes, struct json_form **root, const struct json *values,
                          uint32_t count)
{
    if (!*root)
        *root = arena_zalloc(&shapes->arena, sizeof(**root));
    struct json_form *at = *root;
    if (count > SHAPES_MEMBERS)
        return 0;
    for (uint32_t i = 0; at && i < count; i++) {
        uint64_t step = values[i].tag;
        if (step & (1u << JSON_OBJECT | 1u << JSON_ARRAY))
            step = json_form_of(&values[i]);
        else if (step == 1u << JSON_FALSE)
            step = 1u << JSON_TRUE;
        if (!step)
            return 0;
        at = at->likely && at->likely->step == step ? at->likely : form_behind(shapes, at, step);
    }
    if (at && !at->id)
        at->id = next_id();
    return at ? at->id : 0;
}

bool json_shape_make(struct arena *arena, const struct str *names, uint32_t count,
                     const struct json_shape **ret_shape)
{
    struct json_shape *shape = arena_alloc(arena, sizeof(*shape));
    struct str *list = arena_alloc(arena, count * sizeof(*list));
    *ret_shape = NULL;
    if (!shape || !list)
        return true;
    if (count)
        memcpy(list, names, count * sizeof(*list));
    *shape = (struct json_shape){.names = list, .count = count};
    if (count > LONG_SHAPE) {
        uint32_t size = 32;
        while (size < 2 * (uint64_t)count)
            size *= 2;
        uint32_t *slots = arena_zalloc(arena, size * sizeof(*slots));
        if (!slots)
            return true;
        shape->slots = slots;
        shape->mask = size - 1;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t slot = (uint32_t)hash_name(list[i]) & shape->mask;
            for (; slots[slot]; slot = (slot + 1) & shape->mask)
                if (str_eq(list[slots[slot] - 1], list[i]))
                    return false;
            slots[slot] = i + 1;
        }
    } else {
        for (uint32_t i = 1; i < count; i++)
            for (uint32_t n = 0; n < i; n++)
                if (str_eq(list[i], list[n]))
                    return false;
    }
    *ret_shape = shape;
    return true;
}

uint32_t json_shape_find(const struct json_shape *shape, struct str name)
{
    if (!shape->slots) {
        for (uint32_t i = 0; i < shape->count; i++)
            if (shape->names[i].len == name.len && !memcmp(shape->names[i].ptr, name.ptr, name.len))
                return i;
        return JSON_NOT_FOUND;
    }
    uint32_t slot = (uint32_t)hash_name(name) & shape->mask;
    for (; shape->slots[slot]; slot = (slot + 1) & shape->mask)
        if (str_eq(shape->names[shape->slots[slot] - 1], name))
            return shape->slots[slot] - 1;
    return JSON_NOT_FOUND;
}
