// SPDX-License-Identifier: Apache-2.0
// Looking up keywords.
#include "lib/schema/keyword.h"

#define D07   (1u << JSV_DRAFT_07)
#define D2020 (1u << JSV_2020_12)
#define BOTH  (D07 | D2020)

static const struct jsv_keyword_info keywords[] = {
#define KEYWORD(id, name, dialects, vocabulary, shape, kind) \
    [KW_##id] = {name, dialects, VOCABULARY_##vocabulary, SHAPE_##shape, KIND_##kind},
#include "lib/schema/keyword.def"
#undef KEYWORD
};

const struct jsv_keyword_info *jsv_keyword_info(enum jsv_keyword keyword)
{
    BUG_ON(keyword >= KW_COUNT);
    return &keywords[keyword];
}

const char *jsv_keyword_name(enum jsv_keyword keyword)
{
    return jsv_keyword_info(keyword)->name;
}

enum jsv_keyword jsv_keyword_find(struct str name, enum jsv_dialect dialect)
{
    for (unsigned i = 0; i < KW_COUNT; i++)
        if (keywords[i].dialects & (1u << dialect) && str_eq(str_from(keywords[i].name), name))
            return (enum jsv_keyword)i;
    return KW_COUNT;
}

const struct json *jsv_keyword_get(const struct json *schema, enum jsv_keyword keyword,
                                   enum jsv_dialect dialect)
{
    const struct jsv_keyword_info *info = jsv_keyword_info(keyword);
    return info->dialects & (1u << dialect) ? json_get(schema, str_from(info->name)) : NULL;
}

unsigned jsv_vocabulary_find(struct str uri)
{
    static const char base[] = "https://json-schema.org/draft/2020-12/vocab/";
    static const struct {
        const char *name;
        unsigned set;
    } names[] = {
        {"core", 1u << VOCABULARY_CORE},
        {"applicator", 1u << VOCABULARY_APPLICATOR},
        {"unevaluated", 1u << VOCABULARY_UNEVALUATED},
        {"validation", 1u << VOCABULARY_VALIDATION},
        {"meta-data", 1u << VOCABULARY_META_DATA},
        {"format-annotation", 1u << VOCABULARY_FORMAT},
        {"format-assertion", 1u << VOCABULARY_FORMAT | 1u << VOCABULARY_FORMAT_ASSERTION},
        {"content", 1u << VOCABULARY_CONTENT},
    };
    if (!str_starts(uri, str_from(base)))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(str_skip(uri, strlen(base)), str_from(names[i].name)))
            return names[i].set;
    return 0;
}
