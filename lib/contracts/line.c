// SPDX-License-Identifier: Apache-2.0
// A walk over the text itself: parsed trees do not know their lines.
#include "lib/contracts/line.h"

#include "lib/contracts/pointer.h"

struct walk {
    struct str text;
    size_t at;
};

static int peek(const struct walk *walk)
{
    return walk->at < walk->text.len ? (unsigned char)walk->text.ptr[walk->at] : -1;
}

static void skip_space(struct walk *walk)
{
    while (peek(walk) == ' ' || peek(walk) == '\t' || peek(walk) == '\r' || peek(walk) == '\n')
        walk->at++;
}

// Over a string, from quote to quote; what is between them, as it is spelled.
static struct str skip_string(struct walk *walk)
{
    size_t start = ++walk->at;
    while (peek(walk) >= 0 && peek(walk) != '"')
        walk->at += peek(walk) == '\\' ? 2 : 1;
    size_t end = MIN(walk->at, walk->text.len);
    walk->at = MIN(end + 1, walk->text.len);
    return str_slice(walk->text.ptr + start, end - MIN(start, end));
}

static void skip_value(struct walk *walk)
{
    size_t depth = 0;
    for (; peek(walk) >= 0; walk->at++) {
        int c = peek(walk);
        if (c == '"') {
            skip_string(walk);
            walk->at--; // the loop steps on
        }
        if (c == '{' || c == '[')
            depth++;
        if ((c == '}' || c == ']' || c == ',') && depth == 0)
            return;
        if (c == '}' || c == ']')
            depth--;
    }
}

// To the value of the member at the object's brace; `*place` becomes where its name stands.
static bool enter_member(struct walk *walk, struct str name, size_t *place)
{
    do {
        walk->at++;
        skip_space(walk);
        size_t here = walk->at;
        if (peek(walk) != '"')
            return false;
        bool found = str_eq(skip_string(walk), name);
        skip_space(walk);
        walk->at++; // the colon
        skip_space(walk);
        if (found) {
            *place = here;
            return true;
        }
        skip_value(walk);
    } while (peek(walk) == ',');
    return false;
}

static bool enter_element(struct walk *walk, struct str token, size_t *place)
{
    uint64_t index;
    if (!str_to_u64(token, &index))
        return false;
    for (;; index--) {
        walk->at++;
        skip_space(walk);
        if (peek(walk) == ']' || peek(walk) < 0)
            return false;
        if (!index)
            break;
        skip_value(walk);
        if (peek(walk) != ',')
            return false;
    }
    *place = walk->at;
    return true;
}

static int hex_digit(char c)
{
    if (char_is_digit(c))
        return c - '0';
    return char_lower(c) >= 'a' && char_lower(c) <= 'f' ? char_lower(c) - 'a' + 10 : -1;
}

// A reference token as a name: without %XX, and without the pointer's own escapes, which those may hide.
static struct str decode(struct str token, char text[static POINTER_MAX])
{
    size_t len = 0, plain = 0;
    for (size_t i = 0; i < token.len && len < POINTER_MAX; i++, len++) {
        text[len] = token.ptr[i];
        if (token.ptr[i] != '%' || i + 2 >= token.len || hex_digit(token.ptr[i + 1]) < 0 ||
            hex_digit(token.ptr[i + 2]) < 0)
            continue;
        text[len] = (char)(hex_digit(token.ptr[i + 1]) << 4 | hex_digit(token.ptr[i + 2]));
        i += 2;
    }
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '~' && i + 1 < len)
            c = text[++i] == '1' ? '/' : '~';
        text[plain++] = c;
    }
    return str_slice(text, plain);
}

unsigned line_of_offset(struct str text, size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < MIN(offset, text.len); i++)
        line += text.ptr[i] == '\n';
    return line;
}

unsigned line_of_pointer(struct str text, struct str pointer)
{
    struct walk walk = {.text = text};
    skip_space(&walk);
    size_t place = walk.at;
    struct str rest = str_skip(pointer, 1);
    bool found = pointer.len > 0;
    while (found && rest.ptr) {
        char name[POINTER_MAX];
        struct str token = str_cut(&rest, '/');
        if (peek(&walk) == '{')
            found = enter_member(&walk, decode(token, name), &place);
        else
            found = peek(&walk) == '[' && enter_element(&walk, token, &place);
    }
    return line_of_offset(text, place);
}
