// SPDX-License-Identifier: Apache-2.0
// Door: an event's text. What comes through is an object within the limits, the same tree whether it is read
// with its white space or without, its strings in the text; and minified text stays as it is.
#include "lib/wire/event_text.h"
#include "lib/wire/limits.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json_parser parser; // one for all texts, as in the sink

int LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
    json_parser_init(&parser);
    return 0;
}

static size_t count_values(const struct json *value, size_t depth)
{
    size_t count = 1;
    struct str text = json_text(value);
    BUG_ON(depth > LIMIT_JSON_DEPTH && (json_is_object(value) || json_is_array(value)));
    BUG_ON(text.len && (memchr(text.ptr, 0, text.len) || !json_text(value).ptr));
    for (uint32_t i = 0; i < json_count(value); i++) {
        BUG_ON(value->values[i].tag != 1u << value->values[i].type);
        if (json_is_object(value))
            BUG_ON(json_shape_find(json_shape_of(value), json_name(value, i)) != i);
        count += count_values(&value->values[i], depth + 1);
    }
    return count;
}

static bool equal(const struct json *a, const struct json *b)
{
    bool same = a->type == b->type && a->size == b->size;
    if (same && (json_is_number(a)))
        return a->integer == b->integer; // bits
    if (same && json_is_string(a))
        return str_eq(json_text(a), json_text(b));
    for (uint32_t i = 0; same && i < json_count(a); i++)
        same = equal(&a->values[i], &b->values[i]) &&
               (json_is_array(a) || str_eq(json_name(a, i), json_name(b, i)));
    return same;
}

static void check_accepted(struct str text, const struct json *root, const char *minified, size_t len)
{
    struct json_doc again, plain;
    size_t before = len;
    char *copy = malloc(len);
    BUG_ON(!copy);
    memcpy(copy, minified, len);
    json_doc_init(&again, NULL, (size_t)1 << 30);
    json_doc_init(&plain, &parser, (size_t)1 << 30);
    BUG_ON(event_text_parse(&again, copy, &len) != PROBLEM_NONE);
    BUG_ON(len != before || memcmp(copy, minified, len) != 0 || !equal(root, again.root));
    BUG_ON(json_doc_parse(&plain, text, NULL) != JSON_FAULT_NONE || !equal(root, plain.root));
    BUG_ON(!json_is_object(root) || count_values(root, 1) > LIMIT_JSON_NODES);
    json_doc_release(&again);
    json_doc_release(&plain);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_doc doc;
    size_t len = size;
    char *own = malloc(size ? size : 1);
    BUG_ON(!own);
    if (size)
        memcpy(own, data, size);
    json_doc_init(&doc, &parser, (size_t)1 << 30);
    if (event_text_parse(&doc, own, &len) == PROBLEM_NONE)
        check_accepted(str_slice(data, size), doc.root, own, len);
    json_doc_release(&doc);
    free(own);
    return 0;
}
