// SPDX-License-Identifier: Apache-2.0
// Any bytes as an event, judged by content and as every contract that we ship.
//
// Nothing crashes, whatever is refused says where, and no error names a member that the schema does not
// state.
#include "lib/contracts/contracts.h"

#include "lib/base/json.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct contract_set *set;
static struct jsv_context *context;
static struct json_doc doc;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct err err;
    (void)argc, (void)argv;
    json_doc_init(&doc, NULL, (size_t)64 << 20);
    context = jsv_context_new(&err);
    if (!context || !contract_set_load(VOX_SOURCE_DIR "/contracts", NULL, &set, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return 0;
}

// An array's index, or a text that stands in quotes in the schema. None of our names need escapes.
static bool is_stated(const struct contract *contract, struct str name)
{
    uint64_t index;
    if (str_to_u64(name, &index))
        return true;
    const char *at = contract->schema_text.ptr;
    const char *end = at + contract->schema_text.len;
    while ((at = memmem(at, (size_t)(end - at), name.ptr, name.len))) {
        if (at > contract->schema_text.ptr && at[-1] == '"' && at + name.len < end && at[name.len] == '"')
            return true;
        at++;
    }
    return false;
}

static void check(enum problem problem, const struct judgement *judgement)
{
    BUG_ON(problem != PROBLEM_NONE && problem != PROBLEM_unknown_contract &&
           problem != PROBLEM_schema_invalid && problem != PROBLEM_schema_limit &&
           problem != PROBLEM_content_refused);
    BUG_ON((problem == PROBLEM_unknown_contract) != !judgement->contract);
    BUG_ON(judgement->error_count > LIMIT_ERRORS);
    BUG_ON(judgement->error_count && problem != PROBLEM_schema_invalid && problem != PROBLEM_content_refused);
    BUG_ON(problem == PROBLEM_content_refused && judgement->error_count != 1);
    for (size_t i = 0; i < judgement->error_count; i++) {
        struct str rest = judgement->errors[i].pointer;
        BUG_ON(judgement->errors[i].keyword.len == 0 || judgement->errors[i].message.len == 0);
        BUG_ON(rest.len && rest.ptr[0] != '/');
        rest = rest.len ? str_skip(rest, 1) : STR_NULL;
        while (rest.ptr)
            BUG_ON(!is_stated(judgement->contract, str_cut(&rest, '/')));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct judgement judgement;
    json_doc_reset(&doc);
    if (json_doc_parse(&doc, str_slice(data, size), NULL) != JSON_FAULT_NONE)
        return 0;
    enum problem problem = contract_judge(set, context, doc.root, STR_NULL, 0, &judgement);
    check(problem, &judgement);
    const struct contract *family = contract_recognise(set, doc.root);
    BUG_ON(!family != (problem == PROBLEM_unknown_contract));
    for (size_t i = 0; i < contract_set_count(set); i++) {
        const struct contract *contract = contract_set_at(set, i);
        problem = contract_judge(set, context, doc.root, contract->id, contract->version, &judgement);
        BUG_ON(judgement.contract != contract);
        check(problem, &judgement);
        (void)contract_text_at(doc.root, contract->session_id);
        (void)contract_text_at(doc.root, contract->trace_id);
        (void)contract_text_at(doc.root, contract->repository_id);
    }
    return 0;
}
