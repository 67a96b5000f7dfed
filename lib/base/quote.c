// SPDX-License-Identifier: Apache-2.0
// Escapes what has a meaning of its own.
#include "lib/base/quote.h"

#include "lib/base/str.h"

void quote_zsh(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *text))
            fprintf(out, "\\%c", *text);
        else
            putc(*text, out);
    }
}

void quote_fish(FILE *out, const char *text)
{
    putc('\'', out);
    for (; *text; text++)
        fprintf(out, *text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
    putc('\'', out);
}

// A line must not begin with a dot or a quote, a hyphen is a minus, a backslash is \e, and a character beyond
// ASCII goes by its number.
void quote_roff(FILE *out, const char *text)
{
    bool begin = true;
    for (struct str rest = str_from(text); rest.len;) {
        uint32_t point = 0;
        size_t len = utf8_sequence((const unsigned char *)rest.ptr, rest.len, &point);
        char c = *rest.ptr;
        if (begin && (c == '.' || c == '\''))
            fputs("\\&", out);
        begin = c == '\n';
        if (point == 0x2026)
            fputs("...", out); // not every device has it
        else if (len > 1)
            fprintf(out, "\\[u%04X]", (unsigned)point);
        else if (c == '-')
            fputs("\\-", out);
        else if (c == '\\')
            fputs("\\e", out);
        else
            putc(c, out);
        rest = str_skip(rest, len ? len : 1);
    }
}
