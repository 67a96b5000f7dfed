// SPDX-License-Identifier: Apache-2.0
// Formatting for people.
#include "client/text.h"
#include "lib/base/clock.h"

#include <inttypes.h>
#include <unistd.h>

#define SENTENCE_INDENT 2

static bool is_c1(struct str s, size_t i)
{
    return (unsigned char)s.ptr[i] == 0xc2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] >= 0x80 &&
           (unsigned char)s.ptr[i + 1] <= 0x9f;
}

// Bytes of the well-shaped UTF-8 sequence at `i`; 0 for a stray byte.
static size_t utf8_len(struct str s, size_t i)
{
    unsigned char c = (unsigned char)s.ptr[i];
    size_t need = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (need > s.len - i)
        return 0;
    for (size_t k = 1; k < need; k++)
        if (((unsigned char)s.ptr[i + k] & 0xc0) != 0x80)
            return 0;
    return need;
}

void text_put_safe(FILE *to, struct str s, size_t max)
{
    for (size_t i = 0, len; i < s.len; i += len) {
        len = utf8_len(s, i);
        if (i + MAX(len, (size_t)1) > max) {
            fputs("...", to);
            return;
        }
        if (len && !is_c1(s, i) && (unsigned char)s.ptr[i] >= 0x20 && s.ptr[i] != 0x7f) {
            fwrite(s.ptr + i, 1, len, to);
            continue;
        }
        len = MAX(len, (size_t)1);
        for (size_t k = 0; k < len; k++)
            fprintf(to, "\\x%02x", (unsigned char)s.ptr[i + k]);
    }
}

// Columns of a word as text_put_safe() writes it; characters beyond ASCII count as one.
static int columns_of(struct str s)
{
    int columns = 0;
    for (size_t i = 0, len; i < s.len; i += MAX(len, (size_t)1)) {
        len = utf8_len(s, i);
        bool plain = len && !is_c1(s, i) && (unsigned char)s.ptr[i] >= 0x20 && s.ptr[i] != 0x7f;
        columns += plain ? 1 : 4 * (int)MAX(len, (size_t)1);
    }
    return columns;
}

// Up to the next blank, which goes too.
static struct str cut_word(struct str *rest)
{
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != ' ' && rest->ptr[len] != '\n')
        len++;
    struct str word = str_slice(rest->ptr, len);
    *rest = str_skip(*rest, MIN(len + 1, rest->len));
    return word;
}

static void put_words(FILE *to, struct str rest, int column, int indent)
{
    bool first = true;
    while (rest.len) {
        struct str word = cut_word(&rest);
        int columns = columns_of(word);
        if (!first && column + 1 + columns > TEXT_COLUMNS) {
            fprintf(to, "\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            putc(' ', to);
            column++;
        }
        text_put_safe(to, word, word.len);
        column += columns;
        first = false;
    }
}

void text_put_wrapped(FILE *to, struct str s, size_t max, int column, int indent)
{
    bool cut = s.len > max;
    put_words(to, str_slice(s.ptr, MIN(s.len, max)), column, indent);
    fputs(cut ? "...\n" : "\n", to);
}

void text_put_sentence(FILE *to, int column, struct str s)
{
    s = str_trim(s);
    while (s.len && s.ptr[s.len - 1] == '.')
        s.len--;
    if (isatty(fileno(to)) == 1)
        put_words(to, s, column, SENTENCE_INDENT);
    else
        text_put_safe(to, s, s.len);
    fputs(".\n", to);
}

void text_put_json(FILE *to, struct str json)
{
    for (size_t i = 0; i < json.len; i++) {
        if (is_c1(json, i))
            fprintf(to, "\\u00%02x", (unsigned char)json.ptr[++i]);
        else if (json.ptr[i] == 0x7f)
            fputs("\\u007f", to);
        else
            putc(json.ptr[i], to);
    }
}

void text_count(uint64_t n, char ret_text[static TEXT_SHORT])
{
    char digits[TEXT_SHORT];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, n), out = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            ret_text[out++] = ',';
        ret_text[out++] = digits[i];
    }
    ret_text[out] = '\0';
}

void text_bytes(uint64_t n, char ret_text[static TEXT_SHORT])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double value = (double)n / 1000;
    size_t unit = 0;
    if (n < 1000) {
        snprintf(ret_text, TEXT_SHORT, "%u bytes", (unsigned)n);
        return;
    }
    // Half a tenth early, so that 999.96 does not print as 1000.0.
    for (; value >= 999.95 && unit + 1 < ARRAY_LEN(units); unit++)
        value /= 1000;
    snprintf(ret_text, TEXT_SHORT, "%.1f %s", value, units[unit]);
}

void text_age(int64_t us, char ret_text[static TEXT_SHORT])
{
    static const struct {
        int64_t unit_s, below_s;
        const char *name;
    } rows[] = {{1, 120, "s"}, {60, 7200, "min"}, {3600, 172800, "h"}, {86400, INT64_MAX, "days"}};
    int64_t seconds = us < 0 ? 0 : us / USEC_PER_SEC;
    size_t i = 0;
    while (seconds >= rows[i].below_s)
        i++;
    snprintf(ret_text, TEXT_SHORT, "%" PRId64 " %s", seconds / rows[i].unit_s, rows[i].name);
}
