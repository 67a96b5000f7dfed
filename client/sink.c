// SPDX-License-Identifier: Apache-2.0
// GET /version.
#include "client/sink.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/json/parse.h"
#include "lib/wire/names.h"

#define TREE_BYTES ((size_t)2 * 1024 * 1024)

bool sink_url(const char *url, const char *path, char ret_url[static URL_MAX_BYTES])
{
    const char *host = strstr(url, "://");
    if (!host)
        return false;
    size_t end = (size_t)(host + 3 - url) + strcspn(host + 3, "/?");
    size_t stop = strcspn(url, "?"); // what a query holds belongs to the posts
    for (size_t at = end; at + 4 <= stop; at++)
        if (memcmp(url + at, "/v1/", 4) == 0)
            end = at;
    int len = snprintf(ret_url, URL_MAX_BYTES, "%.*s%s", (int)end, url, path);
    return len > 0 && len < URL_MAX_BYTES;
}

static void copy_member(const struct json *object, const char *name, char *ret_text, size_t size)
{
    struct str text = json_text(json_get(object, str_from(name)));
    bool fits = text.ptr && text.len < size;
    // A key of kept.log is one line, and a version goes to a terminal.
    for (size_t i = 0; i < text.len && fits; i++)
        fits = text.ptr[i] > ' ' && text.ptr[i] < 0x7f;
    if (fits)
        snprintf(ret_text, size, "%.*s", STR_FMT(text));
}

static void read_version(const struct http_reply *reply, struct sink_version *version)
{
    struct json_doc doc;
    json_doc_init(&doc, NULL, TREE_BYTES);
    if (!json_doc_parse(&doc, buf_str(&reply->body), NULL)) {
        version->is_sink = str_eq(json_text(json_get(doc.root, STR("name"))), STR("vox-sink"));
        copy_member(doc.root, "version", version->version, sizeof(version->version));
        copy_member(doc.root, "contract_set", version->contract_set, sizeof(version->contract_set));
        version->dedup_window_days = json_integer(json_get(doc.root, STR("dedup_window_days")));
    }
    json_doc_release(&doc);
}

bool sink_version_get(const struct transport *transport, const char *url, bool loopback,
                      const char *user_agent, struct sink_version *ret_version)
{
    char version_url[URL_MAX_BYTES];
    struct http_reply reply;
    const struct http_header headers[] = {{"Accept", MEDIA_JSON, NULL}, {"User-Agent", user_agent, NULL}};
    const struct http_request request = {.url = version_url,
                                         .loopback = loopback,
                                         .headers = headers,
                                         .header_count = ARRAY_LEN(headers),
                                         .get = true};
    if (!sink_url(url, "/version", version_url))
        return false;
    http_reply_init(&reply);
    enum http_result result = transport->post(transport->context, &request, &reply);
    *ret_version = (struct sink_version){0};
    bool ok = result == HTTP_ANSWERED && reply.status == 200 && reply.complete;
    if (ok)
        read_version(&reply, ret_version);
    if (reply.date_us) {
        ret_version->has_skew = true;
        ret_version->skew_us = reply.date_us - clock_wall_us(clock_system());
    }
    http_reply_release(&reply);
    return ok;
}
