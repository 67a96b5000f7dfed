// SPDX-License-Identifier: Apache-2.0
// GET /v1/contracts and /v1/contracts/{name}: what this sink accepts, with the schemas.
#include "lib/wire/names.h"
#include "server/api/api.h"

#define CONTRACTS_CEILING ((size_t)64 * 1024 * 1024)

static void write_metric_types(struct json_writer *w, const struct contract *c)
{
    json_str(w, "metric_type", c->metric_type);
    if (!c->metric_count)
        return;
    json_key(w, "metric_type_by");
    json_begin_object(w);
    json_str(w, "pointer", c->metric_by);
    json_key(w, "types");
    json_begin_array(w);
    for (size_t i = 0; i < c->metric_count; i++) {
        json_begin_object(w);
        json_str(w, "value", c->metrics[i].value);
        json_str(w, "metric_type", c->metrics[i].metric_type);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

static void write_contract(struct json_writer *w, const struct contract *c)
{
    json_begin_object(w);
    json_str(w, "contract", c->name);
    json_str(w, "class", str_from(contract_class_name(c->class_)));
    write_metric_types(w, c);
    json_str(w, "transmission", c->transmission);
    json_str(w, "owner", c->owner);
    json_key(w, "retention");
    json_begin_object(w);
    json_str(w, "kind", str_from(retention_kind_name(c->retention.kind)));
    if (c->retention.days)
        json_i64(w, "days", c->retention.days);
    json_end_object(w);
    char hex[SHA256_HEX_LEN + 1];
    sha256_hex(c->schema_sha256, hex);
    json_str(w, "schema_sha256", str_from(hex));
    json_key(w, "schema");
    json_value_raw(w, str_trim(c->schema_text));
    json_end_object(w);
}

// The answer to all who ask for one contract set, made once: it is large, and anybody may ask. All of it is
// the loop thread's.
struct contracts_page {
    unsigned refs; // the api's, and those of requests whose answer is not out yet
    struct contract_set *set;
    struct buf body;
};

void contracts_page_unref(struct contracts_page *page)
{
    if (!page || --page->refs)
        return;
    contract_set_unref(page->set);
    buf_release(&page->body);
    free(page);
}

// NULL when memory is out.
static struct contracts_page *contracts_page_new(struct contract_set *set)
{
    struct contracts_page *page = malloc(sizeof(*page));
    struct json_writer w;
    if (!page)
        return NULL;
    page->refs = 1;
    page->set = contract_set_ref(set);
    buf_init(&page->body, CONTRACTS_CEILING);
    json_writer_init(&w, &page->body);
    json_begin_object(&w);
    json_str(&w, "contract_set", str_from(contract_set_hash(set)));
    json_key(&w, "contracts");
    json_begin_array(&w);
    for (size_t i = 0; i < contract_set_count(set); i++)
        write_contract(&w, contract_set_at(set, i));
    json_end_array(&w);
    json_end_object(&w);
    if (buf_ok(&page->body))
        return page;
    contracts_page_unref(page);
    return NULL;
}

static void release_page(void *context)
{
    contracts_page_unref(context);
}

void contracts_on_request(struct http_request *request, void *app)
{
    struct api *api = app;
    struct snapshot *s = catalog_get(api->catalog);
    if (!api->contracts || api->contracts->set != s->contracts) {
        contracts_page_unref(api->contracts);
        api->contracts = contracts_page_new(s->contracts);
    }
    snapshot_unref(s);
    struct contracts_page *page = api->contracts;
    if (!page) {
        http_reply_problem(request, PROBLEM_overloaded, STR_NULL, NULL, 0);
        return;
    }
    page->refs++;
    http_request_set_context(request, page, release_page);
    http_reply(request,
               &(struct http_reply){.status = 200, .content_type = MEDIA_JSON, .body = buf_str(&page->body)});
}

void contract_on_request(struct http_request *request, void *app)
{
    struct api *api = app;
    struct snapshot *s = catalog_get(api->catalog);
    const struct contract *c = contract_set_find(s->contracts, http_request_arg(request));
    if (c) {
        struct buf body;
        struct json_writer w;
        buf_init(&body, CONTRACTS_CEILING);
        json_writer_init(&w, &body);
        write_contract(&w, c);
        http_reply_take(request, &(struct http_reply){.status = 200, .content_type = MEDIA_JSON}, &body);
    } else {
        http_reply_problem(request, PROBLEM_contract_unknown, STR_NULL, NULL, 0);
    }
    snapshot_unref(s);
}
