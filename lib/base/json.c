// SPDX-License-Identifier: Apache-2.0
// Parsing by jansson into arenas, and writing.
#include "lib/base/json.h"

// While a document is parsed on this thread, everything jansson allocates comes from here and nothing is
// freed one by one: jansson frees only what it allocated during the same call. At all other times it is on
// the heap of whoever set jansson's functions before, so that trees which other code builds keep working.
static _Thread_local struct arena *parse_arena;
static _Thread_local bool parse_out_of_memory;
static json_malloc_t next_malloc = malloc;
static json_free_t next_free = free;

static void *route_malloc(size_t size)
{
    if (!parse_arena)
        return next_malloc(size);
    void *ptr = arena_alloc(parse_arena, size);
    if (!ptr)
        parse_out_of_memory = true;
    return ptr;
}

static void route_free(void *ptr)
{
    if (!parse_arena)
        next_free(ptr);
}

void json_setup(void)
{
    json_malloc_t set_malloc;
    json_free_t set_free;
    json_get_alloc_funcs(&set_malloc, &set_free);
    if (set_malloc != route_malloc) {
        next_malloc = set_malloc;
        next_free = set_free;
    }
    json_set_alloc_funcs(route_malloc, route_free);
    json_object_seed(0);
}

// A small event's tree fits the first block, which a reset keeps.
#define DOC_BLOCK ((size_t)32 * 1024)

void json_doc_init(struct json_doc *doc, size_t ceiling)
{
    arena_init(&doc->arena, DOC_BLOCK, ceiling);
    doc->root = NULL;
}

void json_doc_release(struct json_doc *doc)
{
    arena_release(&doc->arena);
    doc->root = NULL;
}

void json_doc_reset(struct json_doc *doc)
{
    arena_reset(&doc->arena);
    doc->root = NULL;
}

static json_t *load(struct json_doc *doc, struct str text, size_t flags, json_error_t *error)
{
    BUG_ON(parse_arena);
    json_doc_reset(doc);
    parse_arena = &doc->arena;
    parse_out_of_memory = false;
    json_t *root = json_loadb(text.ptr, text.len, flags, error);
    parse_arena = NULL;
    return root;
}

// jansson gives one code to several reasons; its text, which may quote the input and never leaves here,
// tells them apart by its first words.
static enum json_fault fault_of(const json_error_t *error)
{
    if (parse_out_of_memory)
        return JSON_FAULT_MEMORY;
    struct str text = str_from(error->text);
    switch (json_error_code(error)) {
    case json_error_out_of_memory:
        return JSON_FAULT_MEMORY;
    case json_error_stack_overflow:
        return JSON_FAULT_DEPTH;
    case json_error_invalid_utf8:
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return JSON_FAULT_STRING;
    case json_error_duplicate_key:
        return JSON_FAULT_DUPLICATE;
    case json_error_numeric_overflow:
        return JSON_FAULT_NUMBER;
    default:
        if (str_starts(text, STR("invalid Unicode")) || str_starts(text, STR("control character 0x0 ")))
            return JSON_FAULT_STRING;
        return JSON_FAULT_SYNTAX;
    }
}

// The end of the next integer literal beyond int64, from `at`; SIZE_MAX if there is none. Knows strings, and
// of text that is no JSON only that it ends.
static size_t next_oversize(struct str text, size_t at)
{
    while (at < text.len) {
        char c = text.ptr[at];
        if (c == '"') {
            for (at++; at < text.len && text.ptr[at] != '"'; at++)
                at += text.ptr[at] == '\\';
            at++;
        } else if (c == '-' || char_is_digit(c)) {
            size_t start = at;
            int64_t value;
            bool digits = true;
            for (at++; at < text.len && (char_is_digit(text.ptr[at]) || strchr("+-.eE", text.ptr[at])); at++)
                digits = digits && char_is_digit(text.ptr[at]);
            if (digits && at - start >= 19 && !str_to_i64(str_slice(text.ptr + start, at - start), &value))
                return at;
        } else {
            at++;
        }
    }
    return SIZE_MAX;
}

// Parses with oversize integers as reals, and only those: all others stay exact.
static json_t *load_oversize(struct json_doc *doc, struct str text, size_t flags, json_error_t *error)
{
    struct buf patched;
    json_t *root = NULL;
    size_t from = 0, shift = 0;
    buf_init(&patched, text.len + text.len / 8 + 16); // two bytes for each 19 and more
    for (size_t end; (end = next_oversize(text, from)) != SIZE_MAX; from = end) {
        buf_put(&patched, text.ptr + from, end - from);
        buf_put(&patched, ".0", 2);
    }
    buf_put(&patched, text.ptr + from, text.len - from);
    if (buf_ok(&patched))
        root = load(doc, buf_str(&patched), flags, error);
    else
        parse_out_of_memory = true;
    // An error's place is one in the caller's text.
    for (size_t end = 0; !root && (end = next_oversize(text, end)) != SIZE_MAX;)
        shift += end + shift < (size_t)MAX(error->position, 0) ? 2 : 0;
    error->position -= (int)shift;
    buf_release(&patched);
    return root;
}

enum json_fault json_doc_parse(struct json_doc *doc, struct str text, size_t *ret_offset)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_error_t error = {.position = 0};
    enum json_fault fault = JSON_FAULT_NONE;
    if (!text.ptr)
        text = STR("");
    json_t *root = load(doc, text, flags, &error);
    if (!root && fault_of(&error) == JSON_FAULT_NUMBER)
        root = load_oversize(doc, text, flags, &error);
    if (!root) {
        fault = fault_of(&error);
        json_doc_reset(doc);
    }
    doc->root = root;
    if (ret_offset)
        *ret_offset = root ? text.len : MIN((size_t)MAX(error.position, 0), text.len);
    return fault;
}

// Length of the well-formed UTF-8 sequence at `p` (RFC 3629), 0 if there is none; `*ret_point` is its scalar.
static size_t utf8_sequence(const unsigned char *p, size_t len, uint32_t *ret_point)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t need = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (need == 0 || need > len)
        return 0;
    uint32_t point = need == 1 ? p[0] : p[0] & (0x7fu >> need);
    for (size_t i = 1; i < need; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        point = (point << 6) | (p[i] & 0x3fu);
    }
    if (point < lowest[need] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *ret_point = point;
    return need;
}

bool json_is_utf8(struct str s)
{
    uint32_t point;
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_sequence((const unsigned char *)s.ptr + i, s.len - i, &point);
        if (!n)
            return false;
    }
    return true;
}

static void put_escape(struct buf *buf, uint32_t point)
{
    static const char shorts[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (point == '"' || point == '\\')
        buf_put(buf, (char[]){'\\', (char)point}, 2);
    else if (point < ARRAY_LEN(shorts) && shorts[point])
        buf_put(buf, (char[]){'\\', shorts[point]}, 2);
    else
        buf_putf(buf, "\\u%04x", (unsigned)point);
}

// Beyond what JSON demands: DEL, the C1 controls and the two Unicode line ends, which steer terminals and
// split lines.
static bool wants_escape(uint32_t point)
{
    return point < 0x20 || point == '"' || point == '\\' || (point >= 0x7f && point < 0xa0) ||
           point == 0x2028 || point == 0x2029;
}

bool json_put_string(struct buf *buf, struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t start = 0, i = 0;
    buf_put_char(buf, '"');
    while (i < s.len) {
        uint32_t point = 0;
        size_t n = utf8_sequence(p + i, s.len - i, &point);
        if (n && !wants_escape(point)) {
            i += n;
            continue;
        }
        buf_put(buf, s.ptr + start, i - start);
        if (n)
            put_escape(buf, point);
        else
            buf_put(buf, "\xef\xbf\xbd", 3);
        i += n ? n : 1;
        start = i;
    }
    if (i > start)
        buf_put(buf, s.ptr + start, i - start);
    return buf_put_char(buf, '"');
}

void json_writer_init(struct json_writer *w, struct buf *buf)
{
    *w = (struct json_writer){.buf = buf};
}

// The comma before a value or a name. A name sets `first` again: its value stands behind a colon.
static void separate(struct json_writer *w)
{
    if (w->depth == 0)
        return;
    if (!w->first[w->depth - 1])
        buf_put_char(w->buf, ',');
    w->first[w->depth - 1] = false;
}

static void begin(struct json_writer *w, char bracket)
{
    separate(w);
    BUG_ON(w->depth == ARRAY_LEN(w->first));
    buf_put_char(w->buf, bracket);
    w->first[w->depth++] = true;
}

static void end(struct json_writer *w, char bracket)
{
    BUG_ON(w->depth == 0);
    w->depth--;
    buf_put_char(w->buf, bracket);
}

void json_begin_object(struct json_writer *w)
{
    begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
    end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
    end(w, ']');
}

void json_key(struct json_writer *w, const char *key)
{
    BUG_ON(w->depth == 0);
    separate(w);
    buf_put_char(w->buf, '"');
    buf_put_cstr(w->buf, key);
    buf_put(w->buf, "\":", 2);
    w->first[w->depth - 1] = true;
}

void json_value_raw(struct json_writer *w, struct str json)
{
    separate(w);
    buf_put_str(w->buf, json);
}

void json_value_null(struct json_writer *w)
{
    json_value_raw(w, STR("null"));
}

void json_value_str(struct json_writer *w, struct str s)
{
    if (!s.ptr) {
        json_value_null(w);
        return;
    }
    separate(w);
    json_put_string(w->buf, s);
}

static void put_decimal(struct json_writer *w, uint64_t magnitude, bool negative)
{
    char digits[21];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude);
    if (negative)
        digits[--at] = '-';
    json_value_raw(w, str_slice(digits + at, sizeof(digits) - at));
}

void json_value_i64(struct json_writer *w, int64_t v)
{
    put_decimal(w, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

void json_value_u64(struct json_writer *w, uint64_t v)
{
    put_decimal(w, v, false);
}

void json_value_bool(struct json_writer *w, bool v)
{
    json_value_raw(w, v ? STR("true") : STR("false"));
}

void json_str(struct json_writer *w, const char *key, struct str s)
{
    json_key(w, key);
    json_value_str(w, s);
}

void json_i64(struct json_writer *w, const char *key, int64_t v)
{
    json_key(w, key);
    json_value_i64(w, v);
}

void json_u64(struct json_writer *w, const char *key, uint64_t v)
{
    json_key(w, key);
    json_value_u64(w, v);
}

void json_bool(struct json_writer *w, const char *key, bool v)
{
    json_key(w, key);
    json_value_bool(w, v);
}
