// SPDX-License-Identifier: Apache-2.0
// The lexical door and the parser behind it agree: what the scan lets through parses before and after
// minifying, to the same tree within the limits, or in neither form; and minified text stays as it is. The
// scan in place agrees with the other.
#include "lib/base/json.h"
#include "lib/wire/event_text.h"
#include "lib/wire/limits.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
    json_setup();
    return 0;
}

static size_t count_values(json_t *value, size_t depth)
{
    size_t count = 1, index, length;
    const char *name;
    json_t *member;
    BUG_ON(depth > LIMIT_JSON_DEPTH && (json_is_object(value) || json_is_array(value)));
    json_array_foreach(value, index, member) count += count_values(member, depth + 1);
    json_object_keylen_foreach(value, name, length, member)
    {
        BUG_ON(strlen(name) != length);
        count += count_values(member, depth + 1);
    }
    BUG_ON(json_is_string(value) && strlen(json_string_value(value)) != json_string_length(value));
    return count;
}

static void check_accepted(struct str text, struct buf *minified)
{
    struct json_doc before, after;
    struct buf again;
    json_doc_init(&before, (size_t)1 << 30);
    json_doc_init(&after, (size_t)1 << 30);
    buf_init(&again, minified->len);
    BUG_ON(minified->len > text.len);
    BUG_ON(event_text_scan(buf_str(minified), &again) != PROBLEM_NONE);
    BUG_ON(!str_eq(buf_str(minified), buf_str(&again)));
    enum json_fault first = json_doc_parse(&before, text, NULL);
    enum json_fault second = json_doc_parse(&after, buf_str(minified), NULL);
    BUG_ON(first != second);
    BUG_ON(first == JSON_FAULT_DEPTH || first == JSON_FAULT_MEMORY);
    if (first == JSON_FAULT_NONE) {
        BUG_ON(!json_is_object(after.root));
        BUG_ON(!json_equal(before.root, after.root));
        BUG_ON(count_values(after.root, 1) > LIMIT_JSON_NODES);
    }
    buf_release(&again);
    json_doc_release(&before);
    json_doc_release(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_slice(data, size);
    struct buf minified;
    buf_init(&minified, size);
    enum problem problem = event_text_scan(text, &minified);
    size_t len = size;
    char *own = malloc(size ? size : 1);
    BUG_ON(!own);
    if (size)
        memcpy(own, data, size);
    BUG_ON(event_text_scan_in_place(own, &len) != problem);
    if (problem == PROBLEM_NONE) {
        BUG_ON(!str_eq(str_slice(own, len), buf_str(&minified)));
        check_accepted(text, &minified);
    }
    free(own);
    buf_release(&minified);
    return 0;
}
