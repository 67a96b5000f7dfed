// SPDX-License-Identifier: Apache-2.0
// From status, type and body to a verdict.
#include "lib/spool/answer.h"
#include "lib/wire/names.h"
#include "lib/wire/receipt.h"

// The media type without its parameters.
static bool is_media(struct str content_type, const char *media)
{
    struct str type = str_cut(&content_type, ';');
    return str_eq_nocase(str_trim(type), str_from(media));
}

static struct answer foreign(const char *label)
{
    return (struct answer){.verdict = ANSWER_FOREIGN, .label = label};
}

static struct answer decide_receipt(const struct json *object, const struct uuid *id, const uint8_t *hash)
{
    struct receipt receipt;
    if (!receipt_read(object, &receipt))
        return foreign("no_receipt");
    if (!uuid_eq(&receipt.event_id, id) && memcmp(receipt.sha256, hash, SHA256_LEN) != 0)
        return foreign("receipt_of_another");
    return (struct answer){.verdict = ANSWER_DELIVERED, .duplicate = receipt.duplicate, .label = "delivered"};
}

static bool is_success(int64_t status)
{
    return status == 200 || status == 201 || status == 202;
}

static struct answer decide_success(const struct answer_input *input, struct json_doc *doc)
{
    if (!is_success(input->status))
        return foreign("no_receipt");
    if (!input->complete)
        return foreign("incomplete_answer");
    if (!is_media(input->content_type, MEDIA_JSON) || json_doc_parse(doc, input->body, NULL))
        return foreign("no_receipt");
    return decide_receipt(doc->root, input->id, input->sha256);
}

static struct str member(const struct json *object, const char *name)
{
    const struct json *value = json_get(object, str_from(name));
    return json_text(value);
}

// By the problem's code, if it is one that we know.
static bool decide_code(const struct json *object, int64_t status, struct answer *ret_answer)
{
    static const enum answer_verdict verdicts[] = {
        [ACTION_REJECT] = ANSWER_REJECTED,
        [ACTION_KEEP] = ANSWER_KEPT,
        [ACTION_STOP] = ANSWER_STOP,
        [ACTION_WAIT] = ANSWER_WAIT,
    };
    enum problem problem = problem_from_code(member(object, "code"));
    if (problem == PROBLEM_NONE)
        return false;
    const struct problem_info *info = problem_info(problem);
    // Moving an entry away needs both to agree: the code and its own status.
    if (info->action == ACTION_REJECT && status != info->status)
        return false;
    *ret_answer = (struct answer){.verdict = verdicts[info->action], .ours = true, .label = info->code};
    const struct json *first = json_at(json_get(object, STR("errors")), 0);
    ret_answer->detail = member(object, "detail");
    ret_answer->pointer = member(first, "pointer");
    ret_answer->message = member(first, "message");
    return true;
}

static bool decide_problem(const struct answer_input *input, struct json_doc *doc, struct answer *ret_answer)
{
    return input->complete && is_media(input->content_type, MEDIA_PROBLEM) &&
           !json_doc_parse(doc, input->body, NULL) && decide_code(doc->root, input->status, ret_answer);
}

static struct answer decide_by_status(int status)
{
    switch (status) {
    case 401:
    case 407:
        return (struct answer){.verdict = ANSWER_STOP, .label = "unauthorized"};
    case 403:
        return (struct answer){.verdict = ANSWER_STOP, .label = "forbidden"};
    case 404:
    case 405:
    case 501:
        return (struct answer){.verdict = ANSWER_STOP, .label = "not_a_sink"};
    case 408:
    case 425:
    case 429:
        return (struct answer){.verdict = ANSWER_WAIT, .label = "busy"};
    default:
        break;
    }
    if (status >= 300 && status <= 399)
        return (struct answer){.verdict = ANSWER_STOP, .label = "redirected"};
    if (status >= 500 && status <= 599)
        return (struct answer){.verdict = ANSWER_WAIT, .label = "server_error"};
    return foreign("foreign_answer");
}

struct answer answer_decide(const struct answer_input *input, struct json_doc *doc)
{
    struct answer answer;
    if (input->status >= 200 && input->status <= 299)
        return decide_success(input, doc);
    if (input->status >= 400 && input->status <= 599 && decide_problem(input, doc, &answer))
        return answer;
    return decide_by_status(input->status);
}

struct answer answer_decide_line(const struct json *line, const struct uuid *id, const uint8_t *hash)
{
    struct answer answer;
    int64_t status = json_integer(json_get(line, STR("status")));
    if (is_success(status))
        return decide_receipt(json_get(line, STR("receipt")), id, hash);
    if (status >= 400 && status <= 599 && decide_code(json_get(line, STR("problem")), status, &answer))
        return answer;
    return foreign("no_receipt");
}
