// SPDX-License-Identifier: Apache-2.0
// Door: a string that `format` is asked about: the format by the first byte, the text behind it.
#include "lib/base/json.h"
#include "lib/schema/format.h"
#include "lib/schema/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What a pattern has to be before it can mean something: the parser of the format and the translator for
// PCRE2 count the same groups, so that one that both take compiles, but for Unicode properties that do not
// exist, names with escapes, and PCRE2's own bounds on counts and sizes.
static void try_pattern(struct str text)
{
    struct err err;
    struct buf translated;
    if (text.len > 256 || memchr(text.ptr, '\\', text.len) || memchr(text.ptr, '{', text.len) ||
        memchr(text.ptr, '<', text.len))
        return;
    buf_init(&translated, (size_t)16 * 256 + 64);
    BUG_ON(!jsv_regex_translate(text, &translated, &err));
    buf_release(&translated);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    enum jsv_format format = (enum jsv_format)(data[0] % FORMAT_COUNT);
    struct str text = str_slice(data + 1, size - 1);
    if (!json_is_utf8(text))
        return 0;
    bool holds = jsv_format_holds(format, text);
    BUG_ON(holds != jsv_format_holds(format, text));
    if (format == FORMAT_REGEX && holds)
        try_pattern(text);
    // A host name of ASCII is one to both, and one of U-labels only to the second.
    if (format == FORMAT_HOSTNAME && holds)
        BUG_ON(!jsv_format_holds(FORMAT_IDN_HOSTNAME, text));
    return 0;
}
