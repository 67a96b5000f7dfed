// SPDX-License-Identifier: Apache-2.0
// The keywords of the two dialects as a table (keyword.def).
#ifndef VOX_SCHEMA_KEYWORD_H
#define VOX_SCHEMA_KEYWORD_H

#include "lib/schema/schema.h"

enum jsv_keyword {
#define KEYWORD(id, name, dialects, vocabulary, shape, kind) KW_##id,
#include "lib/schema/keyword.def"
#undef KEYWORD
    KW_COUNT
};

enum jsv_shape { SHAPE_NONE, SHAPE_ONE, SHAPE_LIST, SHAPE_MAP, SHAPE_ONE_OR_LIST, SHAPE_MIXED };
enum jsv_kind { KIND_LOCATE, KIND_ASSERT, KIND_ANNOTATE, KIND_REFUSE };

// A metaschema may switch these off, all but the first.
enum jsv_vocabulary {
    VOCABULARY_CORE,
    VOCABULARY_APPLICATOR,
    VOCABULARY_UNEVALUATED,
    VOCABULARY_VALIDATION,
    VOCABULARY_META_DATA,
    VOCABULARY_FORMAT, // format-annotation and format-assertion
    VOCABULARY_CONTENT,
    VOCABULARY_FORMAT_ASSERTION, // has no keyword of its own
    VOCABULARY_COUNT
};
#define VOCABULARIES_USUAL ((1u << VOCABULARY_FORMAT_ASSERTION) - 1)

struct jsv_keyword_info {
    const char *name;
    unsigned dialects; // bit per enum jsv_dialect
    enum jsv_vocabulary vocabulary;
    enum jsv_shape shape;
    enum jsv_kind kind;
};

const struct jsv_keyword_info *jsv_keyword_info(enum jsv_keyword keyword);
const char *jsv_keyword_name(enum jsv_keyword keyword);
// KW_COUNT if the dialect has no such keyword.
enum jsv_keyword jsv_keyword_find(struct str name, enum jsv_dialect dialect);
// The value of `keyword` in a schema object; NULL if it is absent or not of the dialect.
const struct json *jsv_keyword_get(const struct json *schema, enum jsv_keyword keyword,
                                   enum jsv_dialect dialect);

// The vocabulary of 2020-12 that a URI names, as a set; 0 if we know none.
unsigned jsv_vocabulary_find(struct str uri);

#endif
