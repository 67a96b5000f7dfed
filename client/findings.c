// SPDX-License-Identifier: Apache-2.0
// Printing of findings.
#include "client/findings.h"
#include "client/style.h"
#include "client/text.h"
#include "lib/base/json.h"

#define JSON_BYTES   (1024 * 1024)
#define DETAIL_BYTES 600
#define INDENT       16

static const struct {
    const char *mark, *word;
    enum style style;
} kinds[] = {
    [FINDING_FINE] = {"ok", "ok", STYLE_GOOD},
    [FINDING_WARNING] = {"warn", "warning", STYLE_WARN},
    [FINDING_FAULT] = {"FAULT", "fault", STYLE_BAD},
};

void findings_begin(struct findings *findings, bool json)
{
    *findings = (struct findings){.json = json};
    buf_init(&findings->text, JSON_BYTES);
}

void findings_say(struct findings *findings, enum finding finding, const char *about, const char *text,
                  struct str detail)
{
    findings->warnings += finding == FINDING_WARNING;
    findings->faults += finding == FINDING_FAULT;
    struct buf said;
    buf_init(&said, DETAIL_BYTES + 1024);
    buf_put_cstr(&said, text);
    buf_put(&said, detail.ptr, MIN(detail.len, (size_t)DETAIL_BYTES));
    if (findings->json) {
        struct json_writer w;
        if (findings->text.len)
            buf_put_char(&findings->text, ',');
        json_writer_init(&w, &findings->text);
        json_begin_object(&w);
        json_str(&w, "finding", str_from(kinds[finding].word));
        json_str(&w, "about", str_from(about));
        json_str(&w, "text", buf_str(&said));
        json_end_object(&w);
        buf_release(&said);
        return;
    }
    printf("%s%-5s%s  %-8s ", style(stdout, kinds[finding].style), kinds[finding].mark,
           style(stdout, STYLE_PLAIN), about);
    text_put_wrapped(stdout, buf_str(&said), DETAIL_BYTES, INDENT, INDENT);
    buf_release(&said);
    fflush(stdout);
}

void findings_advise(struct findings *findings, const char *advice)
{
    if (findings->json)
        return;
    printf("%*s", INDENT, "");
    text_put_wrapped(stdout, str_from(advice), DETAIL_BYTES, INDENT, INDENT);
}

void findings_end(struct findings *findings)
{
    if (findings->json)
        printf("{\"warnings\":%u,\"faults\":%u,\"findings\":[%.*s]}\n", findings->warnings, findings->faults,
               STR_FMT(buf_str(&findings->text)));
    else if (findings->faults || findings->warnings)
        printf("\n%u fault%s, %u warning%s.\n", findings->faults, findings->faults == 1 ? "" : "s",
               findings->warnings, findings->warnings == 1 ? "" : "s");
    else
        printf("\nAll is well.\n");
    buf_release(&findings->text);
}
