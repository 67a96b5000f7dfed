// SPDX-License-Identifier: Apache-2.0
// The route table.
#include "server/api/api.h"

#include "lib/wire/limits.h"
#include "lib/wire/names.h"

#include <sodium.h>

// What one event may need as a tree: a value takes up to 128 bytes of it, its text no more than itself.
#define DOC_CEILING ((size_t)LIMIT_JSON_NODES * 128 + 4 * (size_t)LIMIT_EVENT_BYTES)

static const struct http_route routes[] = {
    {HTTP_POST, PATH_EVENTS, LIMIT_EVENT_BYTES, ingest_on_head, ingest_on_request, HTTP_PUBLIC},
    {HTTP_POST, PATH_BATCH, LIMIT_BATCH_BYTES, batch_on_head, batch_on_request, HTTP_PUBLIC, batch_on_body},
    {HTTP_GET, PATH_RECEIPTS "{id}", 0, NULL, receipt_on_request},
    {HTTP_GET, PATH_CONTRACTS, 0, NULL, contracts_on_request},
    {HTTP_GET, PATH_CONTRACTS "/{id}", 0, NULL, contract_on_request},
    {HTTP_GET, PATH_ADMIN_EVENTS, 0, NULL, admin_events_on_request, HTTP_ADMIN},
    {HTTP_GET, "/healthz", 0, NULL, health_on_request},
    {HTTP_GET, "/readyz", 0, NULL, ready_on_request},
    {HTTP_GET, "/metrics", 0, NULL, metrics_on_request, HTTP_ADMIN},
    {HTTP_GET, "/version", 0, NULL, version_on_request},
};

const struct http_route *api_routes(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(routes);
    return routes;
}

void api_turn_over(void *app)
{
    struct api *api = app;
    writer_flush(api->writer);
}

bool api_init(struct api *api, struct err *err)
{
    json_parser_init(&api->parser);
    json_doc_init(&api->doc, &api->parser, DOC_CEILING);
    buf_init(&api->line, LIMIT_EVENT_BYTES);
    crypto_shorthash_keygen(api->asked.key);
    api->judge = jsv_context_new(err);
    return api->judge != NULL;
}

void api_release(struct api *api)
{
    buf_release(&api->line);
    json_doc_release(&api->doc);
    json_parser_release(&api->parser);
    jsv_context_free(api->judge);
    contracts_page_unref(api->contracts);
}
