// SPDX-License-Identifier: Apache-2.0
// Going over an object's members (private to lib/schema).
//
// jansson wants four calls into its library per member, which is most of what a validation costs. Its
// iterator is the address of a list link within the member, and what we want stands behind that link:
//
//     prev, next, hash, value, key length, key
//
// That is nobody's promise. So jsv_members_probe() tries it on an object of its own when a context is made,
// and only if everything is where it is expected are members read in place; else through the calls.
#ifndef VOX_SCHEMA_MEMBERS_H
#define VOX_SCHEMA_MEMBERS_H

#include "lib/base/str.h"

#include <jansson.h>

struct jsv_member_link {
    const struct jsv_member_link *prev, *next;
    size_t hash;
    json_t *value;
    size_t key_len;
    char key[];
};

struct jsv_members {
    json_t *object;
    const void *at; // NULL: the end
    size_t left;    // in place
    bool in_place;
};

// Whether members can be read in place; false also when memory is out.
bool jsv_members_probe(void);

static inline struct jsv_members jsv_members_of(const json_t *value, bool in_place)
{
    json_t *object = (json_t *)value; // jansson's iterators take no const
    return (struct jsv_members){object, json_object_iter(object), json_object_size(object), in_place};
}

static inline struct str jsv_member_name(const struct jsv_members *members)
{
    const struct jsv_member_link *link = members->at;
    if (__builtin_expect(members->in_place, 1))
        return (struct str){link->key, link->key_len};
    void *it = (void *)members->at;
    return (struct str){json_object_iter_key(it), json_object_iter_key_len(it)};
}

static inline json_t *jsv_member_value(const struct jsv_members *members)
{
    if (__builtin_expect(members->in_place, 1))
        return ((const struct jsv_member_link *)members->at)->value;
    return json_object_iter_value((void *)members->at);
}

static inline void jsv_members_next(struct jsv_members *members)
{
    if (__builtin_expect(members->in_place, 1))
        members->at = --members->left ? ((const struct jsv_member_link *)members->at)->next : NULL;
    else
        members->at = json_object_iter_next(members->object, (void *)members->at);
}

#endif
