// SPDX-License-Identifier: Apache-2.0
// What the client reads beside the answer to one post: a batch's verdicts, /version, the consent record.
//
// Input: a byte that chooses the door, then the text.
#include "client/consent.h"
#include "client/sink.h"
#include "lib/spool/answer.h"
#include "lib/wire/batch_line.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const char id_text[] = "018f0000-0000-7000-8000-000000000001";
static const char hash_text[] = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
static char folder[] = "/tmp/vox-fuzz-XXXXXX";
static char record[96];

static void leave(void)
{
    char path[64];
    unlink(record);
    snprintf(path, sizeof(path), "%s/vox-telemetry", folder);
    rmdir(path);
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char path[64];
    (void)argc, (void)argv;
    BUG_ON(!mkdtemp(folder));
    atexit(leave);
    snprintf(path, sizeof(path), "%s/vox-telemetry", folder);
    snprintf(record, sizeof(record), "%s/consent.json", path);
    BUG_ON(mkdir(path, 0700) != 0 || setenv("XDG_CONFIG_HOME", folder, 1) != 0);
    return 0;
}

// JSON may spell any character as an escape; a text with a backslash is left to the parser.
static bool names(struct str text, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i + len <= text.len; i++)
        if (str_eq_nocase(str_slice(text.ptr + i, len), str_from(name)))
            return true;
    return memchr(text.ptr, '\\', text.len) != NULL;
}

// An entry is delivered only by a line that names it, rejected only by a problem of ours.
static void judge_line(struct json_doc *doc, struct str text)
{
    struct uuid id;
    uint8_t digest[SHA256_LEN];
    sha256(STR("{}"), digest);
    BUG_ON(!uuid_parse(str_from(id_text), &id));
    if (!str_trim(text).len || json_doc_parse(doc, text, NULL))
        return;
    struct answer answer = answer_decide_line(doc->root, &id, digest);
    BUG_ON(!answer.label);
    BUG_ON(answer.verdict == ANSWER_DELIVERED && !names(text, id_text) && !names(text, hash_text));
    BUG_ON(answer.verdict == ANSWER_REJECTED && problem_from_code(str_from(answer.label)) == PROBLEM_NONE);
}

static void batch_answer(struct str text)
{
    struct line_splitter splitter;
    struct json_doc doc;
    struct str line;
    bool failed = false;
    line_splitter_init(&splitter);
    json_doc_init(&doc, NULL, 4 << 20);
    // In two pieces, as the network may cut it.
    struct str rest = str_skip(text, text.len / 2), first = str_slice(text.ptr, text.len / 2);
    while (line_next(&splitter, &first, &line, &failed) == LINE_WHOLE)
        judge_line(&doc, line);
    while (!failed && line_next(&splitter, &rest, &line, &failed) == LINE_WHOLE)
        judge_line(&doc, line);
    if (!failed && line_last(&splitter, &line) == LINE_WHOLE)
        judge_line(&doc, line);
    json_doc_release(&doc);
    line_splitter_release(&splitter);
}

static enum http_result give(void *context, const struct http_request *request, struct http_reply *reply)
{
    (void)request;
    reply->status = 200;
    reply->complete = true;
    buf_put_str(&reply->body, *(const struct str *)context);
    return HTTP_ANSWERED;
}

// Its texts go to a terminal and into a line of kept.log.
static void version_page(struct str text)
{
    struct sink_version version;
    const struct transport transport = {.post = give, .context = &text};
    if (!sink_version_get(&transport, "https://sink.example/v1/events", false, "fuzz", &version))
        return;
    for (const char *c = version.version; *c; c++)
        BUG_ON(*c <= ' ' || *c >= 0x7f);
    for (const char *c = version.contract_set; *c; c++)
        BUG_ON(*c <= ' ' || *c >= 0x7f);
}

// What is not understood lets nothing be sent.
static void consent_record(struct str text)
{
    struct consent consent;
    struct err err;
    int fd = open(record, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    BUG_ON(fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len);
    close(fd);
    if (!consent_load(&consent, &err))
        return;
    BUG_ON(consent.state == CONSENT_NONE);
    BUG_ON(!names(text, consent.state == CONSENT_GIVEN ? "given" : "revoked"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct str text = str_slice(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        batch_answer(text);
        break;
    case 1:
        version_page(text);
        break;
    default:
        consent_record(text);
    }
    return 0;
}
