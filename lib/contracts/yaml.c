// SPDX-License-Identifier: Apache-2.0
// YAML through libyaml (syntax, lines) and libcyaml (structs), with cyaml's log turned into one sentence.
#include "lib/contracts/yaml.h"

#include "lib/base/file.h"

#include <fcntl.h>
#include <stdarg.h>

// What cyaml logged: the reason, then a backtrace from the inmost place outwards.
struct cyaml_story {
    char reason[256];
    size_t line; // from 1; 0 while unknown
    size_t column;
};

static bool syntax_fault(const char *path, const yaml_parser_t *parser, struct err *err)
{
    if (!parser->problem) // libyaml names every problem but this
        return err_set(err, "%s: out of memory", path);
    size_t line = parser->error == YAML_READER_ERROR ? parser->mark.line : parser->problem_mark.line;
    return err_set(err, "%s:%zu: not YAML: %s", path, line + 1, parser->problem);
}

// The one document of the stream; a stream without any gives one without a root.
static bool parse(struct yaml_file *file, yaml_parser_t *parser, struct err *err)
{
    yaml_parser_set_input_string(parser, (const unsigned char *)file->text.ptr, file->text.len);
    if (!yaml_parser_load(parser, &file->document))
        return syntax_fault(file->path, parser, err);
    yaml_document_t second;
    bool ok = yaml_parser_load(parser, &second);
    if (!ok) {
        syntax_fault(file->path, parser, err);
    } else {
        if (yaml_document_get_root_node(&second))
            ok = err_set(err, "%s:%zu: a second YAML document begins; only one is read", file->path,
                         second.start_mark.line + 1);
        yaml_document_delete(&second);
    }
    if (!ok)
        yaml_document_delete(&file->document);
    return ok;
}

bool yaml_open(const char *path, struct yaml_file *ret_file, struct err *err)
{
    struct yaml_file file = {.path = path};
    buf_init(&file.text, YAML_FILE_MAX);
    yaml_parser_t parser;
    bool ok = file_read_at(AT_FDCWD, path, &file.text, err);
    if (ok && !yaml_parser_initialize(&parser)) {
        ok = err_set(err, "%s: out of memory", path);
    } else if (ok) {
        ok = parse(&file, &parser, err);
        yaml_parser_delete(&parser);
    }
    if (!ok) {
        buf_release(&file.text);
        return false;
    }
    *ret_file = file;
    return true;
}

static void listen(cyaml_log_t level, void *context, const char *format, va_list args) PRINTF_LIKE(3, 0);

static void listen(cyaml_log_t level, void *context, const char *format, va_list args)
{
    struct cyaml_story *story = context;
    if (level != CYAML_LOG_ERROR)
        return;
    char text[256];
    vsnprintf(text, sizeof(text), format, args);
    struct str s = str_trim(str_from(text));
    if (str_starts(s, STR("Load: ")))
        s = str_skip(s, strlen("Load: "));
    const char *at = strstr(text, "(line: ");
    if (at) {
        bool outer =
            strncmp(story->reason, "Missing", strlen("Missing")) == 0 && strstr(text, "sequence entry");
        if (story->line == 0 || outer) {
            char *rest;
            story->line = strtoul(at + strlen("(line: "), &rest, 10);
            const char *column = strstr(rest, "column: ");
            story->column = column ? strtoul(column + strlen("column: "), NULL, 10) : 0;
        }
    } else if (!story->reason[0] && !str_starts(s, STR("Backtrace"))) {
        snprintf(story->reason, sizeof(story->reason), "%.*s", STR_FMT(s));
    }
}

// Of a key that is unexpected or comes twice, cyaml names the place before; the key itself stands further on.
static void find_key(const struct yaml_file *file, struct cyaml_story *story)
{
    static const char *const says[] = {"Unexpected key: ", "Mapping field already seen: "};
    const char *key = NULL;
    for (size_t i = 0; i < ARRAY_LEN(says); i++)
        if (strncmp(story->reason, says[i], strlen(says[i])) == 0)
            key = story->reason + strlen(says[i]);
    if (!key)
        return;
    for (const yaml_node_t *node = file->document.nodes.start; node < file->document.nodes.top; node++) {
        size_t line = node->start_mark.line + 1;
        bool after =
            line > story->line || (line == story->line && node->start_mark.column + 1 >= story->column);
        if (node->type == YAML_SCALAR_NODE && after &&
            strcmp((const char *)node->data.scalar.value, key) == 0) {
            story->line = line;
            return;
        }
    }
}

static const cyaml_config_t quiet = {
    .mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR, .flags = CYAML_CFG_NO_ALIAS};

bool yaml_load(struct yaml_file *file, const cyaml_schema_value_t *schema, struct err *err)
{
    struct cyaml_story story = {.reason = ""};
    cyaml_config_t config = quiet;
    if (!yaml_document_get_root_node(&file->document))
        return err_set(err, "%s:1: the file holds no rows", file->path);
    config.log_fn = listen;
    config.log_ctx = &story;
    void *data = NULL;
    cyaml_err_t fault =
        cyaml_load_data((const uint8_t *)file->text.ptr, file->text.len, &config, schema, &data, NULL);
    if (fault == CYAML_OK && data) {
        file->schema = schema;
        file->data = data;
        return true;
    }
    // The syntax is good, yaml_open() saw to that: what libyaml stumbles over now is memory.
    if (fault == CYAML_ERR_OOM ||
        (fault >= CYAML_ERR_LIBYAML_EMITTER_INIT && fault <= CYAML_ERR_LIBYAML_PARSER))
        return err_set(err, "%s: out of memory", file->path);
    find_key(file, &story);
    return err_set(err, "%s:%zu: %s", file->path, MAX(story.line, (size_t)1),
                   story.reason[0] ? story.reason : cyaml_strerror(fault));
}

void yaml_close(struct yaml_file *file)
{
    if (file->data)
        cyaml_free(&quiet, file->schema, file->data, 0);
    yaml_document_delete(&file->document);
    buf_release(&file->text);
    *file = (struct yaml_file){0};
}

static yaml_node_t *member(yaml_document_t *document, const yaml_node_t *mapping, const char *key,
                           const yaml_node_t **ret_key)
{
    if (!mapping || mapping->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(document, pair->key);
        if (name && name->type == YAML_SCALAR_NODE &&
            strcmp((const char *)name->data.scalar.value, key) == 0) {
            *ret_key = name;
            return yaml_document_get_node(document, pair->value);
        }
    }
    return NULL;
}

unsigned yaml_line(const struct yaml_file *file, const char *list, size_t row, const char *key)
{
    // libyaml's accessors want a document that they may change; they do not.
    yaml_document_t *document = (yaml_document_t *)&file->document;
    const yaml_node_t *place = NULL;
    const yaml_node_t *rows = member(document, yaml_document_get_root_node(document), list, &place);
    if (rows && rows->type == YAML_SEQUENCE_NODE) {
        const yaml_node_item_t *item = rows->data.sequence.items.start;
        if (row < (size_t)(rows->data.sequence.items.top - item)) {
            place = yaml_document_get_node(document, item[row]);
            if (key)
                member(document, place, key, &place);
        }
    }
    return place ? (unsigned)place->start_mark.line + 1 : 1;
}

bool yaml_fault(const struct yaml_file *file, const char *list, size_t row, const char *key, struct err *err,
                const char *format, ...)
{
    char sentence[sizeof(err->text)];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    return err_set(err, "%s:%u: %s", file->path, yaml_line(file, list, row, key), sentence);
}
