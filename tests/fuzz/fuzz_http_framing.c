// SPDX-License-Identifier: Apache-2.0
// The head's checks over any bytes: the first line is "method version target", each further one "name:value",
// or " name:value" for a folded line.
#include "server/http/framing.h"

#include "lib/base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct framing_header headers[FRAMING_HEADERS_MAX];

static unsigned count_of(const struct framing_head *head, struct str name)
{
    unsigned count = 0;
    for (size_t i = 0; i < head->count; i++)
        count += str_eq_nocase(head->headers[i].name, name);
    return count;
}

static void check_accepted(const struct framing_head *head, const struct framing *framing)
{
    unsigned lengths = count_of(head, STR("content-length"));
    unsigned codings = count_of(head, STR("transfer-encoding"));
    BUG_ON(lengths + codings > 1);
    BUG_ON(framing->has_length != (lengths == 1) || framing->chunked != (codings == 1));
    BUG_ON(count_of(head, STR("host")) > 1);
    for (size_t i = 0; i < head->count; i++)
        BUG_ON(head->headers[i].folded || head->headers[i].name.len == 0);
}

// What a route would match must hold nothing that means more than itself.
static void check_target(struct str target)
{
    struct str path = str_cut(&target, '?');
    BUG_ON(path.len == 0 || path.ptr[0] != '/');
    for (size_t i = 0; i + 1 < path.len; i++)
        BUG_ON(path.ptr[i] == '/' && path.ptr[i + 1] == '/');
    for (size_t i = 0; i < path.len; i++)
        BUG_ON(path.ptr[i] <= ' ' || path.ptr[i] == '\\' || path.ptr[i] == ';');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_slice(data, size);
    struct str line = str_cut(&text, '\n');
    struct framing_head head = {.headers = headers};
    head.method = str_cut(&line, ' ');
    head.version = str_cut(&line, ' ');
    while (text.len > 0 && head.count < ARRAY_LEN(headers)) {
        struct str value = str_cut(&text, '\n');
        bool folded = str_starts(value, STR(" "));
        value = folded ? str_skip(value, 1) : value;
        struct str name = str_cut(&value, ':');
        headers[head.count++] = (struct framing_header){name, value, folded};
    }
    struct framing framing;
    struct str why = STR_NULL;
    enum problem problem = framing_judge(&head, &framing, &why);
    if (!problem)
        check_accepted(&head, &framing);
    if (!framing_judge_target(line, &why))
        check_target(line);
    return 0;
}
