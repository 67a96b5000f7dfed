// SPDX-License-Identifier: Apache-2.0
// lib/base/quote: nothing keeps a meaning of its own.
#include "lib/base/quote.h"
#include "tests/unit/check_main.h"

#include <stdlib.h>

START_TEST(quote__disarms)
{
    static const struct {
        void (*put)(FILE *out, const char *text);
        const char *text, *want;
    } rows[] = {
        {quote_zsh, "plain $x", "plain $x"},
        {quote_zsh, "a's [b]:\\", "a'\\''s \\[b\\]\\:\\\\"},
        {quote_fish, "plain $x", "'plain $x'"},
        {quote_fish, "a's \\", "'a\\'s \\\\'"},
        {quote_roff, "a-b\\c", "a\\-b\\ec"},
        {quote_roff, ".SH\n'x\na.b", "\\&.SH\n\\&'x\na.b"},
        {quote_roff, "x\xe2\x80\xa6 \xc3\xa9", "x... \\[u00E9]"},
        {quote_roff, "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);
        ck_assert_ptr_nonnull(out);
        rows[i].put(out, rows[i].text);
        fclose(out);
        ck_assert_str_eq(text, rows[i].want);
        free(text);
    }
}
END_TEST

CHECK_MAIN("quote", quote__disarms)
