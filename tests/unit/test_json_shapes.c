// SPDX-License-Identifier: Apache-2.0
// lib/json: what a parser remembers of objects, and that nobody can make it remember too much.
#include "lib/base/buf.h"
#include "lib/json/parse.h"
#include "lib/json/shapes.h"
#include "tests/unit/check_main.h"

static const struct json_shape *shape_of(struct json_doc *doc, const char *text)
{
    ck_assert_msg(json_doc_parse(doc, str_from(text), NULL) == JSON_FAULT_NONE, "%s", text);
    return json_shape_of(doc->root);
}

START_TEST(json_shapes__same_names_in_the_same_order)
{
    struct json_parser parser;
    struct json_doc doc;
    json_parser_init(&parser);
    json_doc_init(&doc, &parser, 1 << 20);
    const struct json_shape *ab = shape_of(&doc, "{\"a\":1,\"b\":[]}"), *empty = shape_of(&doc, "{}");
    ck_assert_ptr_eq(shape_of(&doc, "{ \"a\" : null, \"\\u0062\":2 }"), ab);
    ck_assert_ptr_ne(shape_of(&doc, "{\"b\":1,\"a\":2}"), ab);
    ck_assert_ptr_ne(shape_of(&doc, "{\"a\":1}"), ab);
    ck_assert_ptr_ne(shape_of(&doc, "{\"a\":1,\"b\":1,\"c\":1}"), ab);
    ck_assert_ptr_eq(shape_of(&doc, "{}"), empty);
    ck_assert_ptr_eq(shape_of(&doc, "{\"a\":1,\"b\":{\"a\":1,\"b\":2}}"), ab);
    ck_assert_uint_eq(ab->count, 2);
    ck_assert_uint_eq(json_shape_find(ab, STR("b")), 1);
    ck_assert_uint_eq(json_shape_find(ab, STR("c")), JSON_NOT_FOUND);
    json_doc_release(&doc);
    json_parser_release(&parser);
}
END_TEST

// Names that a text holds with escapes, long names and many of them are not remembered, and read all the
// same.
START_TEST(json_shapes__some_are_not_remembered)
{
    struct json_parser parser;
    struct json_doc doc;
    struct buf text;
    json_parser_init(&parser);
    json_doc_init(&doc, &parser, 1 << 20);
    buf_init(&text, 1 << 20);
    ck_assert_uint_eq(shape_of(&doc, "{\"a\\\"b\":1,\"c\":2}")->id, 0);
    ck_assert_int_eq(json_get(doc.root, STR("a\"b"))->integer, 1);
    ck_assert_int_eq(json_get(doc.root, STR("c"))->integer, 2);
    for (unsigned count = SHAPES_MEMBERS - 1; count <= SHAPES_MEMBERS + 1; count++) {
        buf_clear(&text);
        for (unsigned i = 0; i < count; i++)
            buf_putf(&text, "%c\"m%u\":%u", i ? ',' : '{', i, i);
        buf_put(&text, "}", 2);
        ck_assert_int_eq(shape_of(&doc, text.ptr)->id != 0, count <= SHAPES_MEMBERS);
        for (unsigned i = 0; i < count; i++) {
            char name[16];
            snprintf(name, sizeof(name), "m%u", i);
            ck_assert_int_eq(json_get(doc.root, str_from(name))->integer, i);
        }
        // The last name again.
        text.len -= 2;
        buf_putf(&text, ",\"m%u\":0}", count - 1);
        ck_assert_int_eq(json_doc_parse(&doc, buf_str(&text), NULL), JSON_FAULT_DUPLICATE);
    }
    char name[SHAPES_NAME + 2];
    memset(name, 'n', sizeof(name));
    buf_clear(&text);
    buf_putf(&text, "{\"%.*s\":1}", SHAPES_NAME + 1, name);
    buf_put_char(&text, '\0');
    ck_assert_uint_eq(shape_of(&doc, text.ptr)->id, 0);
    buf_release(&text);
    json_doc_release(&doc);
    json_parser_release(&parser);
}
END_TEST

// Somebody sends other names each time: a text adds so many, all together so many, and then it begins anew.
START_TEST(json_shapes__are_bounded)
{
    struct json_parser parser;
    struct json_doc doc, kept;
    struct buf text;
    const struct json_shapes *first = NULL;
    unsigned renewed = 0;
    json_parser_init(&parser);
    json_doc_init(&doc, &parser, 64 << 20);
    json_doc_init(&kept, &parser, 1 << 20);
    buf_init(&text, 1 << 20);
    (void)shape_of(&kept, "{\"kept\":1}");
    first = parser.shapes;
    for (unsigned round = 0; round < 4 * SHAPES_NODES / SHAPES_TEXT_NODES; round++) {
        const struct json_shapes *before = parser.shapes;
        unsigned remembered = 0;
        buf_clear(&text);
        for (unsigned i = 0; i < 2 * SHAPES_TEXT_NODES; i++)
            buf_putf(&text, "%c{\"r%u-%u\":0}", i ? ',' : '[', round, i);
        buf_put_char(&text, ']');
        ck_assert_int_eq(json_doc_parse(&doc, buf_str(&text), NULL), JSON_FAULT_NONE);
        for (uint32_t i = 0; i < json_count(doc.root); i++)
            remembered += json_shape_of(json_at(doc.root, i))->id != 0;
        // Each object is one name and one type.
        ck_assert_uint_eq(remembered, SHAPES_TEXT_NODES / 2);
        renewed += before != parser.shapes;
    }
    ck_assert_uint_ge(renewed, 3);
    ck_assert_uint_le(renewed, 5);
    ck_assert_ptr_ne(first, parser.shapes);
    ck_assert_view_eq(json_name(kept.root, 0), "kept"); // what its document holds lives on
    ck_assert_uint_ne(json_shape_of(kept.root)->id, shape_of(&doc, "{\"kept\":1}")->id);
    buf_release(&text);
    json_doc_release(&doc);
    json_doc_release(&kept);
    json_parser_release(&parser);
}
END_TEST

START_TEST(json_shapes__a_copy_owns_all)
{
    struct arena arena;
    struct json_doc doc;
    struct json copy;
    char text[] = "{\"a\":[1,\"two\",{\"three\":3.5}],\"b\":{},\"c\":[]}";
    arena_init(&arena, 4096, 1 << 20);
    json_doc_init(&doc, NULL, 1 << 20);
    ck_assert_int_eq(json_doc_parse(&doc, str_from(text), NULL), JSON_FAULT_NONE);
    ck_assert(json_copy_into(&arena, doc.root, &copy));
    json_doc_release(&doc);
    memset(text, 'x', sizeof(text));
    ck_assert_view_eq(json_text(json_at(json_get(&copy, STR("a")), 1)), "two");
    ck_assert_double_eq(json_number(json_get(json_at(json_get(&copy, STR("a")), 2), STR("three"))), 3.5);
    ck_assert_uint_eq(json_count(&copy), 3);
    arena_release(&arena);
}
END_TEST

CHECK_MAIN("json_shapes", json_shapes__same_names_in_the_same_order, json_shapes__some_are_not_remembered,
           json_shapes__are_bounded, json_shapes__a_copy_owns_all)
