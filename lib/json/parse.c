// SPDX-License-Identifier: Apache-2.0
// The grammar: values onto the parser's stack, containers from there into the document's arena.
#include "lib/json/parse.h"

#include "lib/json/build.h"
#include "lib/json/scan.h"

#include <stdlib.h>
#include <string.h>

// Memory comes in blocks of the text's size within these bounds: a tree is mostly smaller than its text, and
// trees that lie close together share pages and do not all fall on the same few lines of a cache.
#define DOC_LEAST ((size_t)128) // more than the text
#define DOC_BLOCK ((size_t)8 * 1024)

void json_parser_init(struct json_parser *parser)
{
    *parser = (struct json_parser){.shapes = NULL};
}

void json_parser_release(struct json_parser *parser)
{
    json_shapes_unref(parser->shapes);
    free(parser->values);
    free(parser->names);
    json_parser_init(parser);
}

void json_doc_init(struct json_doc *doc, struct json_parser *parser, size_t ceiling)
{
    *doc = (struct json_doc){.parser = parser};
    arena_init(&doc->arena, DOC_BLOCK, ceiling);
}

void json_doc_release(struct json_doc *doc)
{
    arena_release(&doc->arena);
    json_shapes_unref(doc->shapes);
    json_parser_release(&doc->own);
    doc->shapes = NULL;
    doc->root = NULL;
}

void json_doc_reset(struct json_doc *doc)
{
    arena_reset(&doc->arena);
    doc->root = NULL;
}

const char *json_fault_text(enum json_fault fault)
{
    static const char *const texts[] = {
        [JSON_FAULT_NONE] = "nothing is wrong",
        [JSON_FAULT_SYNTAX] = "the syntax is not JSON's",
        [JSON_FAULT_DUPLICATE] = "a name comes twice in an object",
        [JSON_FAULT_STRING] = "a string is not UTF-8, or holds NUL or a lone surrogate",
        [JSON_FAULT_NUMBER] = "a number is beyond what a double holds",
        [JSON_FAULT_DEPTH] = "it is nested too deep",
        [JSON_FAULT_VALUES] = "it has too many values",
        [JSON_FAULT_MEMORY] = "it is too large, or memory is out",
    };
    return texts[fault];
}

SCAN_INLINE bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

// Takes white space out of the text, or only passes it.
static void drop_space(struct json_scan *s)
{
    size_t len = (size_t)(s->at - s->start);
    if (s->out) {
        if (s->out + s->written != s->start)
            memmove(s->out + s->written, s->start, len);
        s->written += len;
    }
    while (s->at < s->end && is_space(*s->at))
        s->at++;
    s->start = s->at;
}

SCAN_INLINE void skip_space(struct json_scan *s)
{
    if (s->at < s->end && (unsigned char)*s->at <= ' ')
        drop_space(s);
}

// A byte that may not stand there.
static bool unexpected(struct json_scan *s)
{
    uint32_t point;
    bool broken = s->at < s->end && (unsigned char)*s->at >= 0x80 &&
                  !utf8_sequence((const unsigned char *)s->at, (size_t)(s->end - s->at), &point);
    return json_fail(s, broken ? JSON_FAULT_STRING : JSON_FAULT_SYNTAX);
}

static bool grow(struct json_parser *parser)
{
    uint32_t capacity = parser->capacity ? parser->capacity * 2 : 256;
    if (capacity < parser->capacity)
        return false;
    struct json *values = realloc(parser->values, capacity * sizeof(*values));
    if (values)
        parser->values = values;
    struct str *names = values ? realloc(parser->names, capacity * sizeof(*names)) : NULL;
    if (!names)
        return false;
    parser->names = names;
    parser->capacity = capacity;
    return true;
}

SCAN_INLINE bool push(struct json_scan *s, struct json value)
{
    if (s->rules && s->values == s->rules->values)
        return json_fail(s, JSON_FAULT_VALUES);
    if (s->top == s->parser->capacity && !grow(s->parser))
        return json_fail(s, JSON_FAULT_MEMORY);
    s->values++;
    if (value.tag == 1u << JSON_INTEGER && value.integer < 0)
        s->traits |= JSON_HAS_NEGATIVE;
    else if (value.tag == 1u << JSON_STRING && !value.size)
        s->traits |= JSON_HAS_EMPTY;
    s->parser->values[s->top++] = value;
    return true;
}

// The values from `base` on become one.
static bool close_container(struct json_scan *s, uint32_t base, enum json_type type,
                            const struct json_shape *shape, struct json_form **forms)
{
    struct json value = {
        .type = (uint8_t)type, .tag = (uint8_t)(1u << type), .size = s->top - base, .traits = s->traits};
    const struct json *values = s->parser->values + base;
    uint64_t form = forms ? json_shapes_form(s->shapes, forms, values, value.size) : 0;
    if (!s->depth) { // the root: who judges it reads both
        s->root = arena_alloc(&s->doc->arena, sizeof(*s->root));
        if (!s->root)
            return json_fail(s, JSON_FAULT_MEMORY);
    }
    value.values = json_build_container(&s->doc->arena, values, value.size, shape, form);
    s->top = base;
    return value.values ? push(s, value) : json_fail(s, JSON_FAULT_MEMORY);
}

static bool scan_value(struct json_scan *s);

static bool open_container(struct json_scan *s)
{
    if (s->depth++ == (s->rules ? s->rules->depth : JSON_DEPTH))
        return json_fail(s, JSON_FAULT_DEPTH);
    if (!s->parser->capacity && !grow(s->parser)) // an empty container's place is a place too
        return json_fail(s, JSON_FAULT_MEMORY);
    s->traits = 0;
    s->at++;
    skip_space(s);
    return true;
}

// Takes the bracket that ends a container, if it is there.
static inline bool take_end(struct json_scan *s, char end)
{
    if (s->at == s->end || *s->at != end)
        return false;
    s->at++;
    s->depth--;
    return true;
}

// Behind an element or a member, a comma or the end.
static inline bool scan_next(struct json_scan *s, char end, bool *ret_more)
{
    skip_space(s);
    *ret_more = s->at < s->end && *s->at == ',';
    if (!*ret_more)
        return take_end(s, end) || unexpected(s);
    s->at++;
    skip_space(s);
    return true;
}

static bool scan_array(struct json_scan *s)
{
    uint32_t base = s->top;
    uint16_t outer = s->traits;
    if (!open_container(s))
        return false;
    bool more = !take_end(s, ']');
    while (more)
        if (!scan_value(s) || !scan_next(s, ']', &more))
            return false;
    bool ok = close_container(s, base, JSON_ARRAY, NULL, json_shapes_arrays(s->shapes));
    s->traits = outer;
    return ok;
}

// A name, from its opening quote on. `*node` is NULL once the object's names are not remembered.
static bool scan_name(struct json_scan *s, struct json_node **node, struct str *ret_name)
{
    const struct json_node *likely = *node ? (*node)->likely : NULL;
    if (s->at == s->end || *s->at != '"')
        return unexpected(s);
    const char *at = ++s->at;
    if (likely && (size_t)(s->end - at) > likely->name.len && at[likely->name.len] == '"' &&
        !memcmp(at, likely->name.ptr, likely->name.len)) {
        *ret_name = likely->name;
        *node = (*node)->likely;
        s->at += likely->name.len + 1;
        return true;
    }
    if (!json_scan_string(s, ret_name))
        return false;
    // As long as names are compared, this one's bytes are where they were.
    struct str name = *ret_name;
    bool moved = name.ptr == json_final(s, at);
    enum json_step step =
        *node ? json_shapes_step(s->shapes, node, moved ? str_slice(at, name.len) : name) : JSON_STEP_ALONE;
    if (step == JSON_STEP_ALONE)
        *node = NULL;
    else if (step == JSON_STEP_OK)
        *ret_name = (*node)->name;
    return step != JSON_STEP_TWICE || json_fail(s, JSON_FAULT_DUPLICATE);
}

static bool scan_member(struct json_scan *s, struct json_node **node)
{
    struct str name;
    if (!scan_name(s, node, &name))
        return false;
    skip_space(s);
    if (s->at == s->end || *s->at != ':')
        return unexpected(s);
    s->at++;
    skip_space(s);
    if (!scan_value(s))
        return false;
    s->parser->names[s->top - 1] = name;
    return true;
}

static bool close_object(struct json_scan *s, uint32_t base, struct json_node *node)
{
    const struct json_shape *shape = node ? json_shapes_end(s->shapes, node) : NULL;
    if (!shape) {
        drop_space(s); // names are compared where they will stand
        if (!json_shape_make(&s->doc->arena, s->parser->names + base, s->top - base, &shape))
            return json_fail(s, JSON_FAULT_DUPLICATE);
    }
    return shape ? close_container(s, base, JSON_OBJECT, shape, shape->id ? &node->forms : NULL)
                 : json_fail(s, JSON_FAULT_MEMORY);
}

static bool scan_object(struct json_scan *s)
{
    uint32_t base = s->top;
    struct json_node *node = json_shapes_root(s->shapes);
    uint16_t outer = s->traits;
    if (!open_container(s))
        return false;
    bool more = !take_end(s, '}');
    while (more)
        if (!scan_member(s, &node) || !scan_next(s, '}', &more))
            return false;
    bool ok = close_object(s, base, node);
    s->traits = outer;
    return ok;
}

static bool scan_literal(struct json_scan *s, const char *text, size_t len, enum json_type type)
{
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, text, len) != 0)
        return unexpected(s);
    s->at += len;
    return push(s, (struct json){.type = (uint8_t)type, .tag = (uint8_t)(1u << type)});
}

static bool scan_value(struct json_scan *s)
{
    struct json value = {.type = JSON_STRING, .tag = 1u << JSON_STRING};
    struct str text;
    if (s->at == s->end)
        return unexpected(s);
    switch (*s->at) {
    case '"':
        s->at++;
        if (!json_scan_string(s, &text))
            return false;
        value.text = text.ptr;
        value.size = (uint32_t)text.len;
        return push(s, value);
    case '{':
        return scan_object(s);
    case '[':
        return scan_array(s);
    case 't':
        return scan_literal(s, "true", 4, JSON_TRUE);
    case 'f':
        return scan_literal(s, "false", 5, JSON_FALSE);
    case 'n':
        return scan_literal(s, "null", 4, JSON_NULL);
    default:
        if (*s->at != '-' && !json_is_digit(*s->at))
            return unexpected(s);
        return json_scan_number(s, &value) && push(s, value);
    }
}

// The parser's shapes, begun anew where they are full, and the document's hold on them.
static bool take_shapes(struct json_scan *s)
{
    struct json_parser *parser = s->parser;
    if (!parser->shapes || !json_shapes_begin(parser->shapes)) {
        struct json_shapes *shapes = json_shapes_new();
        if (!shapes)
            return json_fail(s, JSON_FAULT_MEMORY);
        json_shapes_unref(parser->shapes);
        parser->shapes = shapes;
        BUG_ON(!json_shapes_begin(shapes));
    }
    s->shapes = parser->shapes;
    if (s->doc->shapes != s->shapes) {
        json_shapes_unref(s->doc->shapes);
        s->doc->shapes = json_shapes_ref(s->shapes);
    }
    return true;
}

// A document that once needed more than its text's size begins with as much the next time.
static void begin_tree(struct json_doc *doc, size_t len)
{
    doc->arena.block_size = MIN(MAX(len + DOC_LEAST, doc->arena.used), DOC_BLOCK);
    json_doc_reset(doc);
}

// The root of a text that went well, its value still on the stack.
static bool take_root(struct json_scan *s)
{
    struct json *root = s->root ? s->root : arena_alloc(&s->doc->arena, sizeof(*root));
    if (!root)
        return json_fail(s, JSON_FAULT_MEMORY);
    *root = s->parser->values[0];
    s->doc->root = root;
    return true;
}

static enum json_fault parse(struct json_scan *s, size_t *ret_offset)
{
    struct json_doc *doc = s->doc;
    begin_tree(doc, (size_t)(s->end - s->at));
    s->parser = doc->parser ? doc->parser : &doc->own;
    s->begin = s->start = s->at;
    bool ok = (size_t)(s->end - s->at) <= UINT32_MAX ? take_shapes(s) : json_fail(s, JSON_FAULT_MEMORY);
    if (ok) {
        skip_space(s);
        ok = scan_value(s);
        if (ok)
            drop_space(s);
        ok = ok && (s->at == s->end || unexpected(s)) && take_root(s);
    }
    if (ret_offset)
        *ret_offset = (size_t)(s->at - s->begin);
    if (!ok) {
        json_doc_reset(doc);
        return s->fault;
    }
    return JSON_FAULT_NONE;
}

enum json_fault json_doc_parse(struct json_doc *doc, struct str text, size_t *ret_offset)
{
    if (!text.ptr)
        text = STR("");
    struct json_scan s = {.at = text.ptr, .end = text.ptr + text.len, .doc = doc};
    return parse(&s, ret_offset);
}

enum json_fault json_doc_take(struct json_doc *doc, char *text, size_t *len, const struct json_rules *rules,
                              size_t *ret_offset)
{
    struct json_scan s = {.at = text, .end = text + *len, .out = text, .doc = doc, .rules = rules};
    enum json_fault fault = parse(&s, ret_offset);
    if (!fault)
        *len = s.written;
    return fault;
}
