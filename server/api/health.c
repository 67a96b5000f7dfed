// SPDX-License-Identifier: Apache-2.0
// GET /healthz, /readyz, /metrics, /version: for supervisors, scrapers and clients that plan.
#include "lib/wire/limits.h"
#include "lib/wire/names.h"
#include "server/api/api.h"

void health_on_request(struct http_request *request, void *app UNUSED)
{
    // Whoever reads this answer knows that the loop turns: that is all "live" means.
    http_reply(request, &(struct http_reply){
                            .status = 200, .content_type = MEDIA_JSON, .body = STR("{\"live\":true}\n")});
}

// What /readyz looks at; the first that is false is named.
static const char *unready_reason(struct api *api)
{
    if (!writer_is_up(api->writer))
        return "No connection to a database that can commit durably. The sink's log and vox-sink doctor say "
               "why.";
    if (!catalog_is_ready(api->catalog))
        return "Tokens and contracts are not loaded from the database yet.";
    if (catalog_is_locked(api->catalog))
        return "Signing keys of tokens do not open: VOX_SINK_MASTER_KEY_FILE is missing, or not what they "
               "are "
               "sealed under. The sink's log says which.";
    if (keeper_ahead_days(api->keeper) < 0)
        return "Partitions are not made ahead yet. The sink's log says why.";
    return NULL;
}

void ready_on_request(struct http_request *request, void *app)
{
    struct api *api = app;
    const char *reason = unready_reason(api);
    if (reason)
        http_reply_problem(request, PROBLEM_not_ready, str_from(reason), NULL, 0);
    else
        http_reply(request, &(struct http_reply){.status = 200,
                                                 .content_type = MEDIA_JSON,
                                                 .body = STR("{\"ready\":true}\n")});
}

void metrics_on_request(struct http_request *request, void *app)
{
    struct api *api = app;
    size_t events, bytes;
    struct buf body;
    writer_queue_size(api->writer, &events, &bytes);
    metrics_set(api->metrics, METRIC_QUEUE_EVENTS, NULL, NULL, (double)events);
    metrics_set(api->metrics, METRIC_QUEUE_BYTES, NULL, NULL, (double)bytes);
    metrics_set(api->metrics, METRIC_BATCH_BYTES, "bodies", NULL, (double)api->batch_kept);
    metrics_set(api->metrics, METRIC_BATCH_BYTES, "verdicts", NULL, (double)api->batch_verdicts);
    metrics_set(api->metrics, METRIC_BATCH_BYTES, "decoders", NULL, (double)api->batch_decoders);
    metrics_set(api->metrics, METRIC_READY, NULL, NULL, unready_reason(api) ? 0 : 1);
    metrics_set(api->metrics, METRIC_BUILD_INFO, VOX_VERSION, NULL, 1);
    buf_init(&body, 8 * 1024 * 1024);
    metrics_render(api->metrics, &body);
    http_reply_take(request, &(struct http_reply){.status = 200, .content_type = MEDIA_METRICS}, &body);
}

void version_on_request(struct http_request *request, void *app)
{
    struct api *api = app;
    struct snapshot *s = catalog_get(api->catalog);
    struct buf body;
    struct json_writer w;
    buf_init(&body, 64 * 1024);
    json_writer_init(&w, &body);
    json_begin_object(&w);
    json_str(&w, "name", STR("vox-sink"));
    json_str(&w, "version", STR(VOX_VERSION));
    json_i64(&w, "dedup_window_days", DEDUP_WINDOW_DAYS);
    json_str(&w, "contract_set", str_from(contract_set_hash(s->contracts)));
    json_key(&w, "limits");
    json_begin_object(&w);
    json_i64(&w, "event_bytes", LIMIT_EVENT_BYTES);
    json_i64(&w, "batch_events", LIMIT_BATCH_EVENTS);
    json_i64(&w, "batch_bytes", LIMIT_BATCH_BYTES);
    json_i64(&w, "json_depth", LIMIT_JSON_DEPTH);
    json_i64(&w, "json_nodes", LIMIT_JSON_NODES);
    json_i64(&w, "number_digits", LIMIT_NUMBER_DIGITS);
    json_i64(&w, "number_exponent", LIMIT_NUMBER_EXPONENT);
    json_i64(&w, "query_rows", LIMIT_QUERY_ROWS);
    json_end_object(&w);
    json_end_object(&w);
    buf_put_char(&body, '\n');
    snapshot_unref(s);
    http_reply_take(request, &(struct http_reply){.status = 200, .content_type = MEDIA_JSON}, &body);
}
