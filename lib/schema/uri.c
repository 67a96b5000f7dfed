// SPDX-License-Identifier: Apache-2.0
// RFC 3986 reference resolution and RFC 6901 escapes.
#include "lib/schema/uri.h"

#include "lib/schema/hex.h"

static bool is_scheme(struct str s)
{
    if (!s.len || !char_is_alpha(s.ptr[0]))
        return false;
    for (size_t i = 1; i < s.len; i++) {
        char c = s.ptr[i];
        if (!char_is_alpha(c) && !char_is_digit(c) && c != '+' && c != '-' && c != '.')
            return false;
    }
    return true;
}

// Cuts what stands behind the first `mark` off `*text`; absent if there is no `mark`.
static struct str cut_tail(struct str *text, char mark)
{
    size_t at = str_find(*text, mark);
    if (at == text->len)
        return STR_NULL;
    struct str tail = {text->ptr + at + 1, text->len - at - 1};
    text->len = at;
    return tail;
}

struct uri uri_split(struct str text)
{
    struct uri uri = {.scheme = STR_NULL};
    if (!text.ptr)
        text = STR("");
    uri.fragment = cut_tail(&text, '#');
    uri.query = cut_tail(&text, '?');
    size_t colon = str_find(text, ':');
    if (colon < text.len && is_scheme(str_slice(text.ptr, colon))) {
        uri.scheme = str_slice(text.ptr, colon);
        text = str_slice(text.ptr + colon + 1, text.len - colon - 1);
    }
    if (str_starts(text, STR("//"))) {
        text = str_slice(text.ptr + 2, text.len - 2);
        size_t slash = str_find(text, '/');
        uri.authority = str_slice(text.ptr, slash);
        text = str_slice(text.ptr + slash, text.len - slash);
    }
    uri.path = text;
    return uri;
}

// Appends the path without "." and ".." segments (section 5.2.4); `start` is where the path began in `out`.
static void put_without_dots(struct buf *out, struct str path)
{
    size_t start = out->len;
    bool rooted = path.len && path.ptr[0] == '/';
    struct str rest = rooted ? str_slice(path.ptr + 1, path.len - 1) : path;
    if (rooted)
        buf_put_char(out, '/');
    size_t root = start + rooted;
    while (rest.ptr) {
        bool last = str_find(rest, '/') == rest.len;
        struct str segment = str_cut(&rest, '/');
        if (str_eq(segment, STR("."))) {
            continue;
        }
        if (str_eq(segment, STR(".."))) {
            if (out->len > root)
                out->len--; // the slash that ends the segment before
            while (out->len > root && out->ptr[out->len - 1] != '/')
                out->len--;
            continue;
        }
        buf_put_str(out, segment);
        if (!last)
            buf_put_char(out, '/');
    }
}

// The base's path up to its last slash, then the reference's path (section 5.2.3).
static void put_merged(struct buf *out, const struct uri *base, struct str path)
{
    struct buf merged;
    buf_init(&merged, SIZE_MAX / 2);
    size_t keep = base->path.len;
    while (keep && base->path.ptr[keep - 1] != '/')
        keep--;
    if (base->authority.ptr && !base->path.len)
        buf_put_char(&merged, '/');
    buf_put(&merged, base->path.ptr, keep);
    buf_put_str(&merged, path);
    out->failed = out->failed || merged.failed;
    put_without_dots(out, buf_str(&merged));
    buf_release(&merged);
}

static void put_head(struct buf *out, struct str scheme, struct str authority)
{
    if (scheme.ptr) {
        buf_put_str(out, scheme);
        buf_put_char(out, ':');
    }
    if (authority.ptr) {
        buf_put_cstr(out, "//");
        buf_put_str(out, authority);
    }
}

void uri_resolve(struct buf *out, struct str base_text, struct str reference_text)
{
    struct uri base = uri_split(base_text), reference = uri_split(reference_text);
    struct str query = reference.query;
    if (reference.scheme.ptr || reference.authority.ptr) {
        put_head(out, reference.scheme.ptr ? reference.scheme : base.scheme, reference.authority);
        if (reference.path.len && reference.path.ptr[0] == '/')
            put_without_dots(out, reference.path);
        else
            buf_put_str(out, reference.path); // urn:…, tag:… have no hierarchy
    } else {
        put_head(out, base.scheme, base.authority);
        if (!reference.path.len) {
            buf_put_str(out, base.path);
            if (!query.ptr)
                query = base.query;
        } else if (reference.path.ptr[0] == '/') {
            put_without_dots(out, reference.path);
        } else {
            put_merged(out, &base, reference.path);
        }
    }
    if (query.ptr) {
        buf_put_char(out, '?');
        buf_put_str(out, query);
    }
}

bool uri_decode(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%') {
            buf_put_char(out, text.ptr[i]);
            continue;
        }
        int32_t byte = jsv_hex_number(text, i + 1, 2);
        if (byte <= 0)
            return false;
        buf_put_char(out, (char)byte);
        i += 2;
    }
    return true;
}

void uri_encode_fragment(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (char_is_alpha(c) || char_is_digit(c) || (c && strchr("-._~!$&'()*+,;=:@/?", c)))
            buf_put_char(out, c);
        else
            buf_putf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

void pointer_put_name(struct buf *out, struct str name)
{
    buf_put_char(out, '/');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '~')
            buf_put_cstr(out, "~0");
        else if (name.ptr[i] == '/')
            buf_put_cstr(out, "~1");
        else
            buf_put_char(out, name.ptr[i]);
    }
}

bool pointer_next(struct str *rest, struct buf *ret_token)
{
    struct str text = str_skip(*rest, 1);
    size_t end = str_find(text, '/');
    for (size_t i = 0; i < end; i++) {
        if (text.ptr[i] != '~') {
            buf_put_char(ret_token, text.ptr[i]);
            continue;
        }
        if (i + 1 == end || (text.ptr[i + 1] != '0' && text.ptr[i + 1] != '1'))
            return false;
        buf_put_char(ret_token, text.ptr[++i] == '0' ? '~' : '/');
    }
    *rest = str_slice(text.ptr + end, text.len - end);
    return true;
}
