// SPDX-License-Identifier: Apache-2.0
// Aligned columns for people on a terminal.
//
// table_init() with the column titles, table_cell() for each cell row by row, table_print(), table_release().
// A control character in a cell prints as "?", so that stored text cannot drive the terminal; an empty or
// absent cell prints as "-". On a terminal that is too narrow the last `optional` columns are left out, which
// a last line says (--json must have them), then the widest are folded: a cell goes on below itself.
// Elsewhere all is there and a row is a line. One thread.
#ifndef VOX_SERVER_TABLE_H
#define VOX_SERVER_TABLE_H

#include "lib/base/arena.h"

#include <stdio.h>

#define TABLE_COLUMNS_MAX 8
#define TABLE_TIME_LEN    20

struct table {
    const char *const *titles;
    size_t columns;
    size_t optional; // 0 unless the caller says otherwise
    struct str *cells;
    size_t count, room;
    bool failed;
    struct arena arena; // text of the cells
};

void table_init(struct table *table, const char *const *titles, size_t columns);
void table_release(struct table *table);
void table_cell(struct table *table, struct str text); // copied
void table_cellf(struct table *table, const char *format, ...) PRINTF_LIKE(2, 3);
void table_cell_time(struct table *table, int64_t wall_us); // INT64_MAX: "never"
// False when memory ran out on the way: then nothing is printed.
MUST_CHECK bool table_print(const struct table *table, FILE *out);
// The same for a terminal with `room` columns, as far as titles let it; 0: no terminal.
MUST_CHECK bool table_print_folded(const struct table *table, size_t room, FILE *out);

// Text for 80 columns: it begins at `column` and goes on at `indent`, broken at blanks. A line break in it is
// a blank, two are an empty line. Ends the line.
void table_wrap(FILE *out, const char *text, size_t column, size_t indent);

// "2026-11-22T08:01:02Z", NUL-terminated.
void table_time(int64_t wall_us, char ret_text[static TABLE_TIME_LEN + 1]);

#endif
