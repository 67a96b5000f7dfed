// SPDX-License-Identifier: Apache-2.0
// Deep equality, a hash that agrees with it, and uniqueItems.
#include "lib/schema/equal.h"

#include "lib/schema/context.h"

#define DEPTH_MAX 256 // recursion here; deeper is a limit

static enum jsv_verdict equal_at(struct jsv_context *context, const struct json *a, const struct json *b,
                                 unsigned depth)
{
    if (depth == DEPTH_MAX || !jsv_take_steps(context, 1))
        return JSV_LIMIT;
    if (json_is_number(a) && json_is_number(b))
        return jsv_number_cmp(a, b) ? JSV_INVALID : JSV_VALID;
    if (a->type != b->type)
        return JSV_INVALID;
    enum jsv_verdict verdict = JSV_VALID;
    if (json_is_string(a)) {
        bool same = a->size == b->size && !memcmp(a->text, b->text, a->size);
        return same ? JSV_VALID : JSV_INVALID;
    }
    if (json_is_array(a)) {
        size_t count = json_count(a);
        if (count != json_count(b))
            return JSV_INVALID;
        for (size_t i = 0; verdict == JSV_VALID && i < count; i++)
            verdict = equal_at(context, json_at(a, i), json_at(b, i), depth + 1);
    } else if (json_is_object(a)) {
        if (json_count(a) != json_count(b))
            return JSV_INVALID;
        for (uint32_t i = 0; verdict == JSV_VALID && i < a->size; i++) {
            const struct json *other = json_get(b, json_name(a, i));
            verdict = other ? equal_at(context, &a->values[i], other, depth + 1) : JSV_INVALID;
        }
    }
    return verdict;
}

enum jsv_verdict jsv_equal(struct jsv_context *context, const struct json *a, const struct json *b)
{
    return equal_at(context, a, b, 0);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0xd6e8feb86659fd93u;
    return hash ^ hash >> 32;
}

static uint64_t hash_bytes(const char *ptr, size_t len)
{
    uint64_t hash = len;
    for (; len >= 8; ptr += 8, len -= 8)
        hash = mix(hash, jsv_load64(ptr));
    uint64_t rest = 0;
    memcpy(&rest, ptr, len);
    return mix(hash, rest);
}

static uint64_t hash_number(const struct json *value)
{
    int64_t whole;
    if (json_is_integer(value))
        return mix(1, (uint64_t)value->integer);
    double real = value->real;
    if (jsv_real_to_int(real, &whole))
        return mix(1, (uint64_t)whole);
    uint64_t bits;
    memcpy(&bits, &real, sizeof(bits));
    return mix(2, bits);
}

// Equal values have equal hashes. False if steps or depth ran out.
static bool hash_at(struct jsv_context *context, const struct json *value, unsigned depth, uint64_t *ret_hash)
{
    if (depth == DEPTH_MAX || !jsv_take_steps(context, 1))
        return false;
    uint64_t hash = 3, part;
    if (json_is_number(value)) {
        hash = hash_number(value);
    } else if (json_is_string(value)) {
        hash = mix(4, hash_bytes(value->text, value->size));
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_count(value); i++) {
            if (!hash_at(context, json_at(value, i), depth + 1, &part))
                return false;
            hash = mix(hash, part);
        }
    } else if (json_is_object(value)) {
        hash = 5;
        for (uint32_t i = 0; i < value->size; i++) {
            if (!hash_at(context, &value->values[i], depth + 1, &part))
                return false;
            // A sum, for members have no order.
            hash += mix(hash_bytes(json_name(value, i).ptr, json_name(value, i).len), part);
        }
    } else {
        hash = mix(6, value->type);
    }
    *ret_hash = hash;
    return true;
}

static enum jsv_verdict unique_by_pairs(struct jsv_context *context, const struct json *array)
{
    size_t count = json_count(array);
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            enum jsv_verdict same = jsv_equal(context, json_at(array, i), json_at(array, j));
            if (same != JSV_INVALID)
                return same == JSV_VALID ? JSV_INVALID : JSV_LIMIT;
        }
    }
    return JSV_VALID;
}

static enum jsv_verdict unique_by_table(struct jsv_context *context, const struct json *array)
{
    size_t count = json_count(array), size = 64;
    while (size < 2 * count)
        size *= 2;
    struct jsv_unique_slot *slots = context->unique;
    memset(slots, 0, size * sizeof(*slots));
    for (size_t i = 0; i < count; i++) {
        const struct json *value = json_at(array, i);
        uint64_t hash;
        if (!hash_at(context, value, 0, &hash))
            return JSV_LIMIT;
        uint32_t wanted = (uint32_t)(hash >> 32);
        size_t at = wanted & (size - 1);
        for (; slots[at].index; at = (at + 1) & (size - 1)) {
            if (!jsv_take_steps(context, 1))
                return JSV_LIMIT;
            if (slots[at].hash != wanted)
                continue;
            enum jsv_verdict same = jsv_equal(context, value, json_at(array, slots[at].index - 1));
            if (same != JSV_INVALID)
                return same == JSV_VALID ? JSV_INVALID : JSV_LIMIT;
        }
        slots[at] = (struct jsv_unique_slot){wanted, (uint32_t)i + 1};
    }
    return JSV_VALID;
}

enum jsv_verdict jsv_unique(struct jsv_context *context, const struct json *array)
{
    size_t count = json_count(array);
    if (count <= JSV_UNIQUE_PAIRS || count > JSV_UNIQUE_MAX)
        return unique_by_pairs(context, array);
    return unique_by_table(context, array);
}
