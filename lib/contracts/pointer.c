// SPDX-License-Identifier: Apache-2.0
// JSON Pointers over JSON trees, without allocating.
#include "lib/contracts/pointer.h"

#include "lib/contracts/contracts.h"

bool pointer_well_formed(struct str pointer)
{
    if (pointer.len == 0 || pointer.len > POINTER_MAX || pointer.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < pointer.len; i++) {
        if (pointer.ptr[i] != '~')
            continue;
        if (i + 1 == pointer.len || (pointer.ptr[i + 1] != '0' && pointer.ptr[i + 1] != '1'))
            return false;
    }
    return true;
}

// A reference token without its escapes; `text` holds them only where there are any.
static struct str unescape(struct str token, char text[static POINTER_MAX])
{
    if (str_find(token, '~') == token.len || token.len > POINTER_MAX)
        return token;
    size_t len = 0;
    for (size_t i = 0; i < token.len; i++) {
        char c = token.ptr[i];
        if (c == '~' && i + 1 < token.len)
            c = token.ptr[++i] == '1' ? '/' : '~';
        text[len++] = c;
    }
    return (struct str){text, len};
}

static const struct json *element(const struct json *array, struct str token)
{
    uint64_t index;
    if (!str_to_u64(token, &index) || (token.len > 1 && token.ptr[0] == '0'))
        return NULL;
    return json_at(array, (size_t)index);
}

const struct json *pointer_get(const struct json *root, struct str pointer)
{
    const struct json *at = root;
    struct str rest = str_skip(pointer, 1);
    if (pointer.len == 0)
        return root;
    while (at && rest.ptr) {
        char text[POINTER_MAX];
        struct str token = str_cut(&rest, '/');
        if (json_is_object(at)) {
            struct str name = unescape(token, text);
            at = json_get(at, name);
        } else if (json_is_array(at)) {
            at = element(at, token);
        } else {
            at = NULL;
        }
    }
    return at;
}

struct str contract_text_at(const struct json *event, struct str pointer)
{
    if (!pointer.ptr)
        return STR_NULL;
    const struct json *value = pointer_get(event, pointer);
    if (!json_is_string(value))
        return STR_NULL;
    return json_text(value);
}
