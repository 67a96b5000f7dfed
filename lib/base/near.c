// SPDX-License-Identifier: Apache-2.0
// Levenshtein's distance, of short words.
#include "lib/base/near.h"

#include <string.h>

#define EDITS_ENOUGH 3 // another word, not a misspelt one
#define WORD_MAX     32

// Edits (insert, remove, change a character) from one word to another.
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX], length = strlen(b);
    if (length >= WORD_MAX || strlen(a) >= WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = MIN(change, MIN(row[j], diagonal) + 1);
        }
    }
    return row[length];
}

void near_init(struct near *near, const char *name)
{
    *near = (struct near){.name = name, .edits = EDITS_ENOUGH};
}

bool near_try(struct near *near, const char *word)
{
    size_t edits = distance(near->name, word);
    if (edits >= near->edits)
        return false;
    near->edits = edits;
    near->found = word;
    return true;
}
