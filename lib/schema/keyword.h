// SPDX-License-Identifier: Apache-2.0
// The keywords of the two dialects as a table (keyword.def).
#ifndef VOX_SCHEMA_KEYWORD_H
#define VOX_SCHEMA_KEYWORD_H

#include "lib/schema/schema.h"

enum jsv_keyword {
#define KEYWORD(id, name, dialects, shape, kind) KW_##id,
#include "lib/schema/keyword.def"
#undef KEYWORD
    KW_COUNT
};

enum jsv_shape { SHAPE_NONE, SHAPE_ONE, SHAPE_LIST, SHAPE_MAP, SHAPE_ONE_OR_LIST, SHAPE_MIXED };
enum jsv_kind { KIND_LOCATE, KIND_ASSERT, KIND_ANNOTATE, KIND_REFUSE };

struct jsv_keyword_info {
    const char *name;
    unsigned dialects; // bit per enum jsv_dialect
    enum jsv_shape shape;
    enum jsv_kind kind;
};

const struct jsv_keyword_info *jsv_keyword_info(enum jsv_keyword keyword);
const char *jsv_keyword_name(enum jsv_keyword keyword);
// KW_COUNT if the dialect has no such keyword.
enum jsv_keyword jsv_keyword_find(const char *name, enum jsv_dialect dialect);
// The value of `keyword` in a schema object; NULL if it is absent or not of the dialect.
json_t *jsv_keyword_get(const json_t *schema, enum jsv_keyword keyword, enum jsv_dialect dialect);

#endif
