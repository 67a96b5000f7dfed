// SPDX-License-Identifier: Apache-2.0
// Text for people: foreign bytes made safe for a terminal, sizes, counts and ages.
#ifndef VOX_CLIENT_TEXT_H
#define VOX_CLIENT_TEXT_H

#include "lib/base/str.h"

#include <stdio.h>

#define TEXT_SHORT   32
#define TEXT_COLUMNS 79

// File names, paths and a peer's text: control characters, C1 ones too, are written as \xNN, so that none of
// them reaches a terminal. At most `max` bytes of `s` are shown, then "...".
void text_put_safe(FILE *to, struct str s, size_t max);
// A sentence behind `column` columns, made safe, with one full stop and a newline behind it. One line, but on
// a terminal broken as by text_put_wrapped.
void text_put_sentence(FILE *to, int column, struct str s);
// As text_put_safe, broken at blanks so that no line passes 79 columns; the first begins at `column`, further
// ones are indented by `indent`. Line feeds are blanks. Ends with a newline.
void text_put_wrapped(FILE *to, struct str s, size_t max, int column, int indent);
// JSON text: the few control characters that a JSON string may hold raw (DEL, C1) as \u00NN.
void text_put_json(FILE *to, struct str json);
// "8,605"
void text_count(uint64_t n, char ret_text[static TEXT_SHORT]);
// "512 bytes", "34.5 kB", "1.2 MB"
void text_bytes(uint64_t n, char ret_text[static TEXT_SHORT]);
// "4 s", "12 min", "3 h", "5 days"; a time in the future is "0 s".
void text_age(int64_t us, char ret_text[static TEXT_SHORT]);

#endif
