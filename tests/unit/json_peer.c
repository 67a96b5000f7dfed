// SPDX-License-Identifier: Apache-2.0
// Our side of the comparison.
#include "tests/unit/json_peer.h"

#include "lib/json/parse.h"

#include <stdio.h>

#define TEXT_MAX ((size_t)1 << 26)

static void put(struct buf *out, const struct json *value, bool reals)
{
    bool object = json_is_object(value);
    switch ((enum json_type)value->type) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        buf_put_char(out, object ? '{' : '[');
        for (uint32_t i = 0; i < value->size; i++) {
            struct str name = object ? json_name(value, i) : STR_NULL;
            BUG_ON(object && json_get(value, name) != &value->values[i]);
            if (object)
                buf_putf(out, "%zu:", name.len);
            buf_put_str(out, name);
            put(out, &value->values[i], reals);
        }
        buf_put_char(out, object ? '}' : ']');
        break;
    case JSON_STRING:
        buf_putf(out, "%u\"", value->size);
        buf_put_str(out, json_text(value));
        break;
    case JSON_INTEGER:
        if (reals)
            buf_putf(out, "r%.17g ", (double)value->integer);
        else
            buf_putf(out, "i%lld ", (long long)value->integer);
        break;
    case JSON_REAL:
        buf_putf(out, "r%.17g ", value->real);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        buf_putf(out, "%c", json_is_true(value) ? 't' : json_is_false(value) ? 'f' : 'n');
        break;
    }
}

bool json_peer_check(struct json_parser *parser, struct str text)
{
    struct json_doc doc;
    struct buf ours, theirs;
    bool reals;
    json_doc_init(&doc, parser, (size_t)1 << 30);
    buf_init(&ours, TEXT_MAX);
    buf_init(&theirs, TEXT_MAX);
    size_t offset;
    enum json_fault fault = json_doc_parse(&doc, text, &offset);
    bool taken = fault == JSON_FAULT_NONE;
    bool theirs_taken = json_peer_jansson(text, &reals, &theirs);
    // A NUL stands in no JSON text that is let in. jansson overlooks one right behind a number.
    if (text.len && memchr(text.ptr, 0, text.len))
        theirs_taken = false;
    if (taken != theirs_taken) {
        fprintf(stderr, "%.*s\n%s at %zu (%s)\n", (int)MIN(text.len, 2000), text.ptr ? text.ptr : "",
                taken ? "we take it, jansson does not" : "jansson takes it, we do not", offset,
                json_fault_text(fault));
        BUG("the parsers disagree");
    }
    if (taken)
        put(&ours, doc.root, reals);
    BUG_ON(!buf_ok(&ours) || !buf_ok(&theirs));
    // "-0" among integers that jansson reads as reals keeps its sign there.
    BUG_ON(taken && !reals && !str_eq(buf_str(&ours), buf_str(&theirs)));
    BUG_ON(reals && taken && ours.len > theirs.len);
    buf_release(&ours);
    buf_release(&theirs);
    json_doc_release(&doc);
    return taken;
}
