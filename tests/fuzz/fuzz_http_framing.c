// SPDX-License-Identifier: Apache-2.0
// The head of a request, as it comes from the wire: its end, its parts, what they ask for, and its target.
#include "server/http/framing.h"
#include "server/http/target.h"

#include "lib/base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned count_of(const struct head *head, struct str name)
{
    unsigned count = 0;
    for (size_t i = 0; i < head->count; i++)
        count += str_eq_nocase(head->headers[i].name, name);
    return count;
}

// Takes `text` from the front of `*rest`, which must be there, and at the very place where a part lies.
static void expect(struct str *rest, struct str text, bool is_part)
{
    BUG_ON(!str_starts(*rest, text) || (is_part && text.ptr != rest->ptr));
    *rest = str_skip(*rest, text.len);
}

static void skip_blanks(struct str *rest)
{
    while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
        *rest = str_skip(*rest, 1);
}

static bool is_clean(struct str part, bool is_value)
{
    for (size_t i = 0; i < part.len; i++) {
        unsigned char c = (unsigned char)part.ptr[i];
        bool is_blank = c == ' ' || c == '\t';
        if (is_blank ? !is_value : c < ' ' || c == 0x7f)
            return false;
    }
    return is_value || part.len > 0;
}

static bool is_token(struct str part)
{
    for (size_t i = 0; i < part.len; i++)
        if ((unsigned char)part.ptr[i] >= 0x80 || strchr("\"(),/:;<=>?@[\\]{}", part.ptr[i]))
            return false;
    return is_clean(part, false);
}

static bool is_trimmed(struct str value)
{
    struct str blank = STR(" "), tab = STR("\t");
    return !str_starts(value, blank) && !str_starts(value, tab) && !str_ends(value, blank) &&
           !str_ends(value, tab);
}

// The parts lie in the text in order, and between them nothing but what has to be there.
static void check_parts(struct str text, const struct head *head)
{
    BUG_ON(!is_token(head->method) || !is_clean(head->target, false));
    BUG_ON(!str_eq(head->version, head->is_1_0 ? STR("HTTP/1.0") : STR("HTTP/1.1")));
    if (str_starts(text, STR("\r\n")))
        expect(&text, STR("\r\n"), false);
    expect(&text, head->method, true);
    expect(&text, STR(" "), false);
    expect(&text, head->target, true);
    expect(&text, STR(" "), false);
    expect(&text, head->version, true);
    expect(&text, STR("\r\n"), false);
    uint64_t names = 0;
    for (size_t i = 0; i < head->count; i++) {
        const struct head_header *header = &head->headers[i];
        BUG_ON(!is_token(header->name) || !is_clean(header->value, true) || !is_trimmed(header->value));
        expect(&text, header->name, true);
        expect(&text, STR(":"), false);
        if (header->value.len > 0)
            skip_blanks(&text);
        expect(&text, header->value, header->value.len > 0);
        skip_blanks(&text);
        expect(&text, STR("\r\n"), false);
        names |= head_name_bit(header->name);
    }
    expect(&text, STR("\r\n"), false);
    BUG_ON(text.len > 0 || names != head->names);
}

static char *put(char *at, struct str text)
{
    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    return at + text.len;
}

// Written anew from its parts, the head is the same.
static void check_rewritten(const struct head *head, size_t len)
{
    static struct head again;
    char *copy = malloc(len + 2 * HEAD_HEADERS_MAX), *at = copy;
    BUG_ON(!copy);
    at = put(put(at, head->method), STR(" "));
    at = put(put(at, head->target), STR(" "));
    at = put(put(at, head->version), STR("\r\n"));
    for (size_t i = 0; i < head->count; i++) {
        at = put(put(at, head->headers[i].name), STR(": "));
        at = put(put(at, head->headers[i].value), STR("\r\n"));
    }
    at = put(at, STR("\r\n"));
    struct str text = str_slice(copy, (size_t)(at - copy)), why;
    BUG_ON(head_end(text, 0) != text.len || head_parse(text, &again, &why));
    BUG_ON(!str_eq(again.method, head->method) || !str_eq(again.target, head->target));
    BUG_ON(!str_eq(again.version, head->version) || again.count != head->count || again.names != head->names);
    for (size_t i = 0; i < head->count; i++)
        BUG_ON(!str_eq(again.headers[i].name, head->headers[i].name) ||
               !str_eq(again.headers[i].value, head->headers[i].value));
    free(copy);
}

static void check_framing(const struct head *head, const struct framing *framing)
{
    unsigned lengths = count_of(head, STR("content-length"));
    unsigned codings = count_of(head, STR("transfer-encoding"));
    BUG_ON(lengths + codings > 1);
    BUG_ON(framing->has_length != (lengths == 1) || framing->chunked != (codings == 1));
    BUG_ON(count_of(head, STR("host")) > 1 || (count_of(head, STR("host")) == 0 && !head->is_1_0));
    BUG_ON(head->is_1_0 && (framing->chunked || framing->expects_continue || framing->keeps_alive));
    BUG_ON(!head->is_1_0 && !framing->keeps_alive && count_of(head, STR("connection")) == 0);
}

static bool on_parameter(void *context, struct str name, struct str value)
{
    unsigned *count = context;
    ++*count;
    BUG_ON(strlen(name.ptr) != name.len || strlen(value.ptr) != value.len);
    return true;
}

// What a route would match must hold nothing that means more than itself.
static void check_target(struct str target)
{
    struct str query = target, path = str_cut(&query, '?');
    BUG_ON(path.len == 0 || path.ptr[0] != '/');
    for (size_t i = 0; i + 1 < path.len; i++)
        BUG_ON(path.ptr[i] == '/' && path.ptr[i + 1] == '/');
    for (size_t i = 0; i < path.len; i++)
        BUG_ON(path.ptr[i] <= ' ' || path.ptr[i] == '\\' || path.ptr[i] == ';');
    char *bytes = malloc(target.len);
    size_t len = 0;
    BUG_ON(!bytes || !target_decode(path, false, bytes, &len) || len == 0 || len > path.len);
    BUG_ON(memchr(bytes, 0, len) || memchr(bytes, ';', len) || memchr(bytes, '\\', len));
    free(bytes);
    struct arena arena;
    arena_init(&arena, 4096, 1 << 24);
    unsigned count = 0;
    BUG_ON(target_query(query, &arena, on_parameter, &count) != TARGET_WHOLE ||
           (count > 0) != (query.len > 0));
    arena_release(&arena);
}

static size_t check_end(struct str text)
{
    static struct head head;
    struct str why;
    size_t end = head_end(text, 0);
    if (end > 0)
        BUG_ON(head_end(str_slice(text.ptr, end - 1), 0) != 0 || head_end(text, end - 1) != end);
    if (end != text.len || end == 0)
        BUG_ON(head_parse(text, &head, &why) == PROBLEM_NONE); // none, or more than one
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct head head;
    struct str text = str_slice(data, size), why = STR_NULL;
    text.len = check_end(text);
    enum problem problem = head_parse(text, &head, &why);
    BUG_ON((problem == PROBLEM_http_malformed) != (why.len > 0));
    if (!problem) {
        check_parts(text, &head);
        check_rewritten(&head, text.len);
        struct framing framing;
        if (!framing_judge(&head, &framing, &why))
            check_framing(&head, &framing);
    }
    if (head.target.ptr && !framing_judge_target(head.target, &why))
        check_target(head.target);
    return 0;
}
