// SPDX-License-Identifier: Apache-2.0
// Internationalised host names (IDNA 2008, by libidn2) and addresses (RFC 6531).
#include "lib/schema/format_parts.h"

#include <idn2.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 1024

static bool is_between(uint32_t code, uint32_t low, uint32_t high)
{
    return code >= low && code <= high;
}

static bool is_japanese(uint32_t code)
{
    return is_between(code, 0x3041, 0x309f) || is_between(code, 0x30a1, 0x30fa) ||
           is_between(code, 0x30fc, 0x30ff) || is_between(code, 0x3400, 0x4dbf) ||
           is_between(code, 0x4e00, 0x9fff) || code == 0x3005 || code == 0x3007;
}

// The rules of RFC 5892 A.3 to A.7, which libidn2 leaves out on look-up, and the hyphens of RFC 5891.
static bool is_label(const uint32_t *label, size_t len)
{
    bool japanese = false, dot = false;
    if (len && (label[0] == '-' || label[len - 1] == '-'))
        return false;
    if (len >= 4 && label[2] == '-' && label[3] == '-' &&
        ((label[0] | 0x20) != 'x' || (label[1] | 0x20) != 'n'))
        return false;
    for (size_t i = 0; i < len; i++) {
        uint32_t before = i ? label[i - 1] : 0, after = i + 1 < len ? label[i + 1] : 0;
        japanese = japanese || is_japanese(label[i]);
        dot = dot || label[i] == 0x30fb;
        if (label[i] == 0xb7 && (before != 'l' || after != 'l'))
            return false;
        if (label[i] == 0x375 && !is_between(after, 0x370, 0x3ff) && !is_between(after, 0x1f00, 0x1fff))
            return false;
        if (is_between(label[i], 0x5f3, 0x5f4) && !is_between(before, 0x590, 0x5ff))
            return false;
    }
    return japanese || !dot;
}

static bool has_labels(struct str s)
{
    uint32_t label[NAME_MAX_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < s.len;) {
        uint32_t code = (unsigned char)s.ptr[i];
        size_t bytes = code < 0x80 ? 1 : code < 0xe0 ? 2 : code < 0xf0 ? 3 : 4;
        code = bytes == 1 ? code : code & (0x7fu >> bytes);
        for (size_t more = 1; more < bytes && i + more < s.len; more++)
            code = code << 6 | ((unsigned char)s.ptr[i + more] & 0x3f);
        i += bytes;
        bool ends = code == '.' || code == 0x3002 || code == 0xff0e || code == 0xff61;
        if (ends && !is_label(label, len))
            return false;
        if (ends)
            len = 0;
        else
            label[len++] = code;
    }
    return is_label(label, len);
}

bool format_is_idn_hostname(struct str s)
{
    char name[NAME_MAX_BYTES];
    uint8_t *ascii = NULL;
    if (!s.len || s.len >= sizeof(name) || memchr(s.ptr, '\0', s.len))
        return false;
    if (!has_labels(s))
        return false;
    memcpy(name, s.ptr, s.len);
    name[s.len] = '\0';
    int rc = idn2_lookup_u8((const uint8_t *)name, &ascii, IDN2_NO_TR46 | IDN2_USE_STD3_ASCII_RULES);
    bool ok = rc == IDN2_OK && format_is_hostname(str_from((const char *)ascii));
    idn2_free(ascii);
    return ok;
}

bool format_is_idn_email(struct str s)
{
    size_t at = s.len;
    while (at && s.ptr[at - 1] != '@')
        at--;
    return at >= 2 && format_is_local_part(str_slice(s.ptr, at - 1), true) &&
           format_is_idn_hostname(str_skip(s, at));
}
