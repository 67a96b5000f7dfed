// SPDX-License-Identifier: Apache-2.0
// Any answer whatever: an entry is delivered only by a receipt that names it, rejected only by a problem of
// ours.
//
// Input: status as two bytes, length of the content type as one, a flag byte, content type, body.
#include "lib/spool/answer.h"
#include "lib/wire/names.h"
#include "lib/wire/problem.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const char id_text[] = "018f0000-0000-7000-8000-000000000001";
static const char hash_text[] = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return 0;
}

// The names in hex may stand in either case, and JSON may spell any character as an escape; a body with a
// backslash is left to the equality of the parsed receipt.
static bool body_names(struct str body, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i + len <= body.len; i++)
        if (str_eq_nocase(str_slice(body.ptr + i, len), str_from(text)))
            return true;
    return memchr(body.ptr, '\\', body.len) != NULL;
}

static bool type_begins(struct str type, const char *media)
{
    type = str_trim(type);
    return type.len >= strlen(media) && str_eq_nocase(str_slice(type.ptr, strlen(media)), str_from(media));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct uuid id;
    uint8_t digest[SHA256_LEN];
    struct json_doc doc;
    if (size < 4)
        return 0;
    size_t type_len = MIN((size_t)data[2], size - 4);
    sha256(STR("{}"), digest);
    BUG_ON(!uuid_parse(str_from(id_text), &id));
    const struct answer_input input = {
        .status = data[0] << 8 | data[1],
        .content_type = str_slice(data + 4, type_len),
        .body = str_slice(data + 4 + type_len, size - 4 - type_len),
        .complete = data[3] & 1,
        .id = &id,
        .sha256 = digest,
    };
    json_doc_init(&doc, NULL, 4 << 20);
    struct answer answer = answer_decide(&input, &doc);
    BUG_ON(!answer.label);
    if (answer.verdict == ANSWER_DELIVERED)
        BUG_ON(input.status < 200 || input.status > 202 || !input.complete ||
               !type_begins(input.content_type, MEDIA_JSON) ||
               (!body_names(input.body, id_text) && !body_names(input.body, hash_text)));
    if (answer.verdict == ANSWER_REJECTED)
        BUG_ON(input.status < 400 || input.status > 499 || !input.complete ||
               !type_begins(input.content_type, MEDIA_PROBLEM) ||
               problem_from_code(str_from(answer.label)) == PROBLEM_NONE);
    json_doc_release(&doc);
    return 0;
}
