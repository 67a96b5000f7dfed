// SPDX-License-Identifier: Apache-2.0
// Collects cells, then prints them under their titles.
#include "server/config/table.h"

#include "lib/base/clock.h"

#include <stdarg.h>

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

static void print_cell(struct str text, size_t width, bool last, FILE *out)
{
    fprintf(out, "%.*s", STR_FMT(text));
    if (last)
        fputc('\n', out);
    else
        fprintf(out, "%*s", (int)(width - width_of(text) + 2), "");
}

bool table_print(const struct table *table, FILE *out)
{
    if (table->failed)
        return false;
    size_t widths[TABLE_COLUMNS_MAX];
    for (size_t c = 0; c < table->columns; c++) {
        widths[c] = strlen(table->titles[c]);
        for (size_t i = c; i < table->count; i += table->columns)
            widths[c] = MAX(widths[c], width_of(table->cells[i]));
    }
    for (size_t c = 0; c < table->columns; c++)
        print_cell(str_from(table->titles[c]), widths[c], c + 1 == table->columns, out);
    for (size_t i = 0; i < table->count; i++) {
        size_t c = i % table->columns;
        print_cell(table->cells[i], widths[c], c + 1 == table->columns, out);
    }
    return true;
}
