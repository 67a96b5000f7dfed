// SPDX-License-Identifier: Apache-2.0
// Collects cells, then prints them under their titles.
#include "server/config/table.h"

#include "lib/base/clock.h"
#include "lib/base/str.h"

#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CELL_MAX 512

void table_init(struct table *table, const char *const *titles, size_t columns)
{
    BUG_ON(columns == 0 || columns > TABLE_COLUMNS_MAX);
    *table = (struct table){.titles = titles, .columns = columns};
    arena_init(&table->arena, (size_t)64 * 1024, (size_t)64 * 1024 * 1024);
}

void table_release(struct table *table)
{
    arena_release(&table->arena);
    free(table->cells);
    table->cells = NULL;
    table->count = table->room = 0;
}

static bool make_room(struct table *table)
{
    if (table->count < table->room)
        return true;
    size_t room = table->room ? table->room * 2 : 64;
    struct str *cells = reallocarray(table->cells, room, sizeof(*cells));
    if (!cells)
        return false;
    table->cells = cells;
    table->room = room;
    return true;
}

void table_cell(struct table *table, struct str text)
{
    struct str copy = arena_dup(&table->arena, text.len ? text : STR("-"));
    if (!copy.ptr || !make_room(table)) {
        table->failed = true;
        return;
    }
    char *bytes = (char *)copy.ptr;
    for (size_t i = 0; i < copy.len; i++)
        if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f)
            bytes[i] = '?';
    table->cells[table->count++] = copy;
}

void table_cellf(struct table *table, const char *format, ...)
{
    char text[CELL_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    table_cell(table, str_from(text));
}

void table_time(int64_t wall_us, char ret_text[static TABLE_TIME_LEN + 1])
{
    char text[RFC3339_LEN + 1];
    rfc3339_format(wall_us, text);
    snprintf(ret_text, TABLE_TIME_LEN + 1, "%.19sZ", text);
}

void table_cell_time(struct table *table, int64_t wall_us)
{
    char text[TABLE_TIME_LEN + 1] = "never";
    if (wall_us != INT64_MAX)
        table_time(wall_us, text);
    table_cell(table, str_from(text));
}

// Code points, so that a name in another script does not shift what follows.
static size_t width_of(struct str text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++)
        width += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return width;
}

#define NARROWEST 11 // of a column that is folded: a date and its T
#define GAP       2

static size_t total_of(const size_t *widths, size_t columns)
{
    size_t total = GAP * (columns - 1);
    for (size_t c = 0; c < columns; c++)
        total += widths[c];
    return total;
}

// Takes from the widest column, one by one, until the line fits or no column can give.
static void narrow(size_t *widths, const size_t *floors, size_t columns, size_t room)
{
    for (size_t total = total_of(widths, columns); total > room; total--) {
        size_t widest = columns;
        for (size_t c = 0; c < columns; c++)
            if (widths[c] > floors[c] && (widest == columns || widths[c] > widths[widest]))
                widest = c;
        if (widest == columns)
            return;
        widths[widest]--;
    }
}

static size_t longest_word(struct str text)
{
    size_t longest = 0;
    for (struct str rest = text; rest.ptr;) {
        struct str word = str_cut(&rest, ' ');
        longest = MAX(longest, word.len);
    }
    return longest;
}

static size_t bytes_of(struct str text, size_t width)
{
    size_t at = 0;
    for (size_t left = width; at < text.len && left; left--)
        for (at++; at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80;)
            at++;
    return at;
}

// The beginning of `rest` that fits, cut off it: best behind a blank or a mark, else wherever it must.
static struct str cut_piece(struct str *rest, size_t width)
{
    size_t end = bytes_of(*rest, width);
    if (end == rest->len) {
        struct str whole = *rest;
        *rest = str_skip(*rest, end);
        return whole;
    }
    for (size_t i = rest->ptr[end] == ' ' ? 0 : end; i > 0; i--)
        if (strchr(" ,-/_", rest->ptr[i - 1]) ||
            (i > 1 && rest->ptr[i - 1] == 'T' && char_is_digit(rest->ptr[i - 2]))) {
            end = i;
            break;
        }
    struct str piece = str_trim(str_slice(rest->ptr, end));
    *rest = str_trim(str_skip(*rest, end));
    return piece;
}

static void print_row(const struct str *cells, const size_t *widths, size_t columns, FILE *out)
{
    struct str rest[TABLE_COLUMNS_MAX];
    bool more = true;
    memcpy(rest, cells, columns * sizeof(*cells));
    while (more) {
        size_t blanks = 0; // put off until something follows them
        more = false;
        for (size_t c = 0; c < columns; c++) {
            struct str piece = cut_piece(&rest[c], widths[c]);
            if (piece.len)
                fprintf(out, "%*s%.*s", (int)blanks, "", STR_FMT(piece));
            blanks = (piece.len ? 0 : blanks) + widths[c] - width_of(piece) + GAP;
            more = more || rest[c].len;
        }
        fputc('\n', out);
    }
}

// How many columns are shown, and how wide each is.
static size_t lay_out(const struct table *table, size_t room, size_t *widths)
{
    size_t floors[TABLE_COLUMNS_MAX], shown = table->columns;
    for (size_t c = 0; c < table->columns; c++) {
        struct str title = str_from(table->titles[c]);
        size_t content = 0;
        for (size_t i = c; i < table->count; i += table->columns)
            content = MAX(content, width_of(table->cells[i]));
        widths[c] = MAX(title.len, content);
        floors[c] = MAX(longest_word(title), MIN(content, (size_t)NARROWEST));
    }
    if (!room)
        return shown;
    while (shown > table->columns - table->optional && total_of(widths, shown) > room)
        shown--;
    // What a row is called by is copied: whole, where that can be.
    size_t floor = floors[0];
    floors[0] = widths[0];
    narrow(widths, floors, shown, room);
    floors[0] = floor;
    narrow(widths, floors, shown, room);
    return shown;
}

bool table_print_folded(const struct table *table, size_t room, FILE *out)
{
    if (table->failed)
        return false;
    size_t widths[TABLE_COLUMNS_MAX], shown = lay_out(table, room, widths);
    struct str titles[TABLE_COLUMNS_MAX];
    for (size_t c = 0; c < table->columns; c++)
        titles[c] = str_from(table->titles[c]);
    print_row(titles, widths, shown, out);
    for (size_t i = 0; i < table->count; i += table->columns)
        print_row(table->cells + i, widths, shown, out);
    for (size_t c = shown; c < table->columns; c++)
        fprintf(out, "%s%s%s", c == shown ? "left out for want of width: " : ", ", table->titles[c],
                c + 1 == table->columns ? "; --json has all\n" : "");
    return true;
}

// 0: no terminal.
static size_t terminal_columns(FILE *out)
{
    struct winsize size;
    int fd = fileno(out);
    if (fd < 0 || !isatty(fd))
        return 0;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

bool table_print(const struct table *table, FILE *out)
{
    return table_print_folded(table, terminal_columns(out), out);
}

void table_wrap(FILE *out, const char *text, size_t column, size_t indent)
{
    bool begun = false;
    for (struct str rest = str_from(text); rest.len;) {
        size_t len = 0;
        while (len < rest.len && rest.ptr[len] != ' ' && rest.ptr[len] != '\n')
            len++;
        struct str word = str_slice(rest.ptr, len);
        if (begun && column + 1 + width_of(word) > 80) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
            begun = false;
        }
        fprintf(out, "%s%.*s", begun ? " " : "", STR_FMT(word));
        column += width_of(word) + begun;
        begun = true;
        bool paragraph = str_starts(str_skip(rest, len), STR("\n\n"));
        if (paragraph) {
            fprintf(out, "\n\n%*s", (int)indent, "");
            column = indent;
            begun = false;
        }
        rest = str_skip(rest, len + (paragraph ? 2 : 1));
    }
    fputc('\n', out);
}
