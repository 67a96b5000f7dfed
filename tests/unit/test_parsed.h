// SPDX-License-Identifier: Apache-2.0
// Trees for tests that want many and care for none: they live until parsed_drop(), or the program's end.
#ifndef VOX_TEST_PARSED_H
#define VOX_TEST_PARSED_H

#include "lib/json/parse.h"

#include <stdlib.h>
#include <string.h>

struct parsed {
    struct json_doc doc;
    struct parsed *next; // so that no leak is seen where there is none
    char text[];
};

static struct parsed *all_parsed;
static struct json_parser parsed_by = {.nul = true};

// The text is copied. NULL if it is not JSON.
static inline const struct json *parsed_text(struct str text)
{
    struct parsed *p = malloc(sizeof(*p) + text.len + 1);
    BUG_ON(!p);
    if (text.len)
        memcpy(p->text, text.ptr, text.len);
    p->next = all_parsed;
    all_parsed = p;
    json_doc_init(&p->doc, &parsed_by, (size_t)1 << 30);
    return json_doc_parse(&p->doc, str_slice(p->text, text.len), NULL) ? NULL : p->doc.root;
}

static inline const struct json *parsed(const char *text)
{
    return parsed_text(str_from(text));
}

static inline void parsed_drop(void)
{
    while (all_parsed) {
        struct parsed *p = all_parsed;
        all_parsed = p->next;
        json_doc_release(&p->doc);
        free(p);
    }
}

#endif
