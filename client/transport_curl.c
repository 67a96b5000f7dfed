// SPDX-License-Identifier: Apache-2.0
// The transport over libcurl.
#include "client/transport.h"
#include "lib/base/clock.h"
#include "lib/spool/answer.h"

#include <curl/curl.h>
#include <sodium.h>

#define CONNECT_TIMEOUT_MS 10000L
#define TOTAL_TIMEOUT_MS   60000L
#define WAIT_SLICE_US      (100 * USEC_PER_MSEC)

struct transport_curl {
    CURL *easy;
    const volatile sig_atomic_t *stop;
    char error[CURL_ERROR_SIZE];
};

static size_t on_body(char *ptr, size_t size, size_t count, void *context)
{
    struct http_reply *reply = context;
    return buf_put(&reply->body, ptr, size * count) ? size * count : 0;
}

static int on_progress(void *context, curl_off_t down_total, curl_off_t down_now, curl_off_t up_total,
                       curl_off_t up_now)
{
    const struct transport_curl *curl = context;
    (void)down_total, (void)down_now, (void)up_total, (void)up_now;
    return *curl->stop ? 1 : 0;
}

// A copy of the list is as secret as the token in it.
static void free_headers(struct curl_slist *list)
{
    for (struct curl_slist *node = list; node; node = node->next)
        sodium_memzero(node->data, strlen(node->data));
    curl_slist_free_all(list);
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    struct buf line;
    buf_init(&line, 16 * 1024);
    if (*value)
        buf_putf(&line, "%s: %s", name, value);
    else
        buf_putf(&line, "%s:", name); // libcurl leaves the header out
    struct curl_slist *longer =
        buf_put_char(&line, '\0') && buf_ok(&line) ? curl_slist_append(*list, line.ptr) : NULL;
    if (line.ptr)
        sodium_memzero(line.ptr, line.cap);
    buf_release(&line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static enum http_result result_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return HTTP_ANSWERED;
    case CURLE_ABORTED_BY_CALLBACK:
        return HTTP_INTERRUPTED;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_LOGIN_DENIED:
        return HTTP_MISCONFIGURED;
    default:
        return HTTP_UNREACHABLE;
    }
}

static void read_info(CURL *easy, struct http_reply *reply)
{
    long status = 0;
    char *text = NULL;
    curl_off_t seconds = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    reply->status = (int)status;
    if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &text) == CURLE_OK && text)
        snprintf(reply->content_type, sizeof(reply->content_type), "%s", text);
    if (curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &text) == CURLE_OK && text)
        snprintf(reply->location, sizeof(reply->location), "%s", text);
    // libcurl reads both forms, seconds and date, and gives 0 where there is none: "0" itself needs a look.
    struct curl_header *header;
    if (curl_easy_header(easy, "Date", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
        time_t date = curl_getdate(header->value, NULL);
        reply->date_us = date > 0 ? (int64_t)date * USEC_PER_SEC : 0;
    }
    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
        curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK &&
        (seconds > 0 || str_eq(str_trim(str_from(header->value)), STR("0"))))
        reply->retry_after_s = (int64_t)seconds;
}

static enum http_result post(void *context, const struct http_request *request, struct http_reply *reply)
{
    struct transport_curl *curl = context;
    struct curl_slist *headers = NULL;
    // No 100-continue: it would cost a round trip for each larger event.
    bool ok = add_header(&headers, "Expect", "");
    for (size_t i = 0; ok && i < request->header_count; i++)
        ok = add_header(&headers, request->headers[i].name, request->headers[i].value);
    curl->error[0] = '\0';
    ok =
        ok && curl_easy_setopt(curl->easy, CURLOPT_URL, request->url) == CURLE_OK &&
        // NULL is "by the environment"; a proxy is never asked to reach this machine.
        curl_easy_setopt(curl->easy, CURLOPT_PROXY, request->loopback ? "" : NULL) == CURLE_OK &&
        curl_easy_setopt(curl->easy, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
        curl_easy_setopt(curl->easy, request->get ? CURLOPT_HTTPGET : CURLOPT_POST, 1L) == CURLE_OK &&
        (request->get || (curl_easy_setopt(curl->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                           (curl_off_t)request->body.len) == CURLE_OK &&
                          curl_easy_setopt(curl->easy, CURLOPT_POSTFIELDS, request->body.ptr) == CURLE_OK)) &&
        curl_easy_setopt(curl->easy, CURLOPT_WRITEDATA, reply) == CURLE_OK;
    CURLcode code = ok ? curl_easy_perform(curl->easy) : CURLE_OUT_OF_MEMORY;
    enum http_result result = result_of(code);
    read_info(curl->easy, reply);
    reply->complete = code == CURLE_OK;
    // Longer than any answer of a sink: an answer all the same, of somebody else.
    if (code == CURLE_WRITE_ERROR && !buf_ok(&reply->body))
        result = HTTP_ANSWERED;
    if (result != HTTP_ANSWERED)
        err_set(&reply->why, "%s", curl->error[0] ? curl->error : curl_easy_strerror(code));
    curl_easy_setopt(curl->easy, CURLOPT_HTTPHEADER, NULL);
    free_headers(headers);
    return result;
}

// In slices: a signal that comes just before a sleep would otherwise be noticed only after it.
static bool wait_for(void *context, int64_t us)
{
    const struct transport_curl *curl = context;
    for (; us > 0 && !*curl->stop; us -= WAIT_SLICE_US) {
        int64_t slice = MIN(us, WAIT_SLICE_US);
        struct timespec time = {.tv_nsec = slice * 1000};
        nanosleep(&time, NULL);
    }
    return !*curl->stop;
}

static bool set_options(struct transport_curl *curl)
{
    CURL *easy = curl->easy;
    return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, curl->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TOTAL_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFODATA, curl) == CURLE_OK;
}

bool transport_curl_new(const volatile sig_atomic_t *stop, struct transport_curl **ret_curl,
                        struct transport *ret_transport, struct err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, "libcurl cannot start");
    struct transport_curl *curl = calloc(1, sizeof(*curl));
    if (curl)
        curl->easy = curl_easy_init();
    if (!curl || !curl->easy || !set_options(curl)) {
        transport_curl_free(curl);
        return err_set(err, "libcurl cannot start: out of memory, or it lacks a part that is needed");
    }
    curl->stop = stop;
    *ret_curl = curl;
    *ret_transport = (struct transport){.post = post, .wait = wait_for, .context = curl};
    return true;
}

void transport_curl_free(struct transport_curl *curl)
{
    if (curl && curl->easy)
        curl_easy_cleanup(curl->easy);
    free(curl);
    curl_global_cleanup();
}
