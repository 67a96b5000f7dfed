// SPDX-License-Identifier: Apache-2.0
// The transport over libcurl.
#include "client/transport.h"
#include "lib/base/clock.h"
#include "lib/spool/answer.h"

#include <curl/curl.h>
#include <sodium.h>

#define CONNECT_TIMEOUT_MS 10000L
#define TOTAL_TIMEOUT_MS   60000L
#define PATIENT_TIMEOUT_MS 600000L
#define STALL_TIMEOUT_S    60L
#define WAIT_SLICE_US      (100 * USEC_PER_MSEC)

struct handle {
    CURL *easy;
    struct curl_slist *headers;
    struct http_call *call; // NULL: free, or of a post()
    struct http_reply *reply;
    const volatile sig_atomic_t *stop;
    char error[CURL_ERROR_SIZE];
};

struct transport_curl {
    CURLM *multi;
    const volatile sig_atomic_t *stop;
    struct handle alone;                   // of post()
    struct handle several[HTTP_CALLS_MAX]; // made when first used
};

static void read_type(CURL *easy, struct http_reply *reply)
{
    long status = 0;
    char *text = NULL;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    reply->status = (int)status;
    if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &text) == CURLE_OK && text)
        snprintf(reply->content_type, sizeof(reply->content_type), "%s", text);
}

static size_t on_body(char *ptr, size_t size, size_t count, void *context)
{
    struct handle *handle = context;
    struct str bytes = str_slice(ptr, size * count);
    if (!handle->call || !handle->call->on_body)
        return buf_put_str(&handle->reply->body, bytes) ? bytes.len : 0;
    if (!handle->reply->status)
        read_type(handle->easy, handle->reply);
    return handle->call->on_body(handle->call, bytes) ? bytes.len : 0;
}

static int on_progress(void *context, curl_off_t down_total, curl_off_t down_now, curl_off_t up_total,
                       curl_off_t up_now)
{
    const struct handle *handle = context;
    (void)down_total, (void)down_now, (void)up_total, (void)up_now;
    return *handle->stop ? 1 : 0;
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

static void copy_header(CURL *easy, const char *name, char *ret_text, size_t size)
{
    struct curl_header *header;
    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
        strlen(header->value) < size)
        snprintf(ret_text, size, "%s", header->value);
}

// Of a list that may be on several lines; a line that no more fits is left out.
static void copy_list(CURL *easy, const char *name, char *ret_text, size_t size)
{
    struct curl_header *header;
    size_t len = 0;
    for (size_t i = 0; curl_easy_header(easy, name, i, CURLH_HEADER, -1, &header) == CURLHE_OK; i++)
        if (len + strlen(header->value) + 1 < size)
            len += (size_t)snprintf(ret_text + len, size - len, "%s%s", len ? "," : "", header->value);
}

static void read_info(CURL *easy, struct http_reply *reply)
{
    char *text = NULL;
    curl_off_t seconds = 0;
    long went = 0;
    read_type(easy, reply);
    reply->went = curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &went) == CURLE_OK && went > 0;
    if (curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &text) == CURLE_OK && text)
        snprintf(reply->location, sizeof(reply->location), "%s", text);
    copy_header(easy, "Link", reply->link, sizeof(reply->link));
    copy_list(easy, "RateLimit", reply->rate, sizeof(reply->rate));
    copy_list(easy, "RateLimit-Policy", reply->rate_policy, sizeof(reply->rate_policy));
    struct curl_header *header;
    if (curl_easy_header(easy, "Date", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
        time_t date = curl_getdate(header->value, NULL);
        reply->date_us = date > 0 ? (int64_t)date * USEC_PER_SEC : 0;
    }
    // libcurl reads both forms, seconds and date, and gives 0 where there is none: "0" itself needs a look.
    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
        curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK &&
        (seconds > 0 || str_eq(str_trim(str_from(header->value)), STR("0"))))
        reply->retry_after_s = (int64_t)seconds;
}

static bool prepare(struct handle *handle, const struct http_request *request, struct http_reply *reply)
{
    CURL *easy = handle->easy;
    handle->headers = NULL;
    handle->reply = reply;
    handle->error[0] = '\0';
    // No 100-continue: it would cost a round trip for each larger event.
    bool ok = add_header(&handle->headers, "Expect", "");
    for (size_t i = 0; ok && i < request->header_count; i++)
        ok = add_header(&handle->headers, request->headers[i].name, request->headers[i].value);
    return ok && curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
           // NULL is "by the environment"; a proxy is never asked to reach this machine.
           curl_easy_setopt(easy, CURLOPT_PROXY, request->loopback ? "" : NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, handle->headers) == CURLE_OK &&
           curl_easy_setopt(easy, request->get ? CURLOPT_HTTPGET : CURLOPT_POST, 1L) == CURLE_OK &&
           (request->get ||
            (curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.ptr) == CURLE_OK));
}

static enum http_result finish(struct handle *handle, CURLcode code)
{
    struct http_reply *reply = handle->reply;
    enum http_result result = result_of(code);
    read_info(handle->easy, reply);
    reply->complete = code == CURLE_OK;
    // Longer than any answer of a sink, or not read on: an answer all the same.
    if (code == CURLE_WRITE_ERROR && reply->status)
        result = HTTP_ANSWERED;
    if (result != HTTP_ANSWERED)
        err_set(&reply->why, "%s", handle->error[0] ? handle->error : curl_easy_strerror(code));
    curl_easy_setopt(handle->easy, CURLOPT_HTTPHEADER, NULL);
    free_headers(handle->headers);
    handle->headers = NULL;
    handle->call = NULL;
    return result;
}

static enum http_result post(void *context, const struct http_request *request, struct http_reply *reply)
{
    struct transport_curl *curl = context;
    struct handle *handle = &curl->alone;
    bool ok = prepare(handle, request, reply);
    return finish(handle, ok ? curl_easy_perform(handle->easy) : CURLE_OUT_OF_MEMORY);
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

// What the command line tool of libcurl and OpenSSL's programs take, libcurl itself does not.
static bool set_certificates(CURL *easy)
{
    const char *bundle = getenv("CURL_CA_BUNDLE"), *folder = getenv("SSL_CERT_DIR");
    if (!bundle || !*bundle)
        bundle = getenv("SSL_CERT_FILE");
    return (!bundle || !*bundle || curl_easy_setopt(easy, CURLOPT_CAINFO, bundle) == CURLE_OK) &&
           (!folder || !*folder || curl_easy_setopt(easy, CURLOPT_CAPATH, folder) == CURLE_OK);
}

static bool set_limits(CURL *easy)
{
    return curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TOTAL_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STALL_TIMEOUT_S) == CURLE_OK;
}

static bool handle_make(struct handle *handle, const volatile sig_atomic_t *stop)
{
    CURL *easy = curl_easy_init();
    handle->easy = easy;
    handle->stop = stop;
    return easy && curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, handle->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, handle) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, handle) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFODATA, handle) == CURLE_OK && set_limits(easy) &&
           set_certificates(easy);
}

static struct handle *free_handle(struct transport_curl *curl)
{
    for (size_t i = 0; i < HTTP_CALLS_MAX; i++) {
        struct handle *handle = &curl->several[i];
        if (handle->call)
            continue;
        if (handle->easy || handle_make(handle, curl->stop))
            return handle;
        break;
    }
    return NULL;
}

static bool start(void *context, struct http_call *call)
{
    struct transport_curl *curl = context;
    int running;
    struct handle *handle = free_handle(curl);
    if (!handle)
        return false;
    handle->call = call;
    call->handle = handle;
    bool ok = prepare(handle, &call->request, &call->reply) &&
              curl_easy_setopt(handle->easy, CURLOPT_TIMEOUT_MS,
                               call->patient ? PATIENT_TIMEOUT_MS : TOTAL_TIMEOUT_MS) == CURLE_OK &&
              curl_multi_add_handle(curl->multi, handle->easy) == CURLM_OK;
    if (!ok) {
        finish(handle, CURLE_OUT_OF_MEMORY);
        return false;
    }
    curl_multi_perform(curl->multi, &running);
    return true;
}

static struct http_call *take_done(struct transport_curl *curl)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(curl->multi, &left));) {
        struct handle *handle = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &handle) != CURLE_OK)
            continue;
        struct http_call *call = handle->call;
        curl_multi_remove_handle(curl->multi, handle->easy);
        call->result = finish(handle, code);
        return call;
    }
    return NULL;
}

static struct http_call *next(void *context, int64_t us)
{
    struct transport_curl *curl = context;
    int64_t until = clock_mono_us(clock_system()) + us;
    for (;;) {
        int running;
        curl_multi_perform(curl->multi, &running);
        struct http_call *call = take_done(curl);
        int64_t left = until - clock_mono_us(clock_system());
        if (call || left <= 0 || *curl->stop)
            return call;
        curl_multi_poll(curl->multi, NULL, 0, (int)(MIN(left, WAIT_SLICE_US) / 1000 + 1), NULL);
    }
}

static void cancel(void *context, struct http_call *call)
{
    struct transport_curl *curl = context;
    struct handle *handle = call->handle;
    curl_multi_remove_handle(curl->multi, handle->easy);
    call->result = finish(handle, CURLE_ABORTED_BY_CALLBACK);
}

bool transport_curl_new(const volatile sig_atomic_t *stop, struct transport_curl **ret_curl,
                        struct transport *ret_transport, struct err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, "libcurl cannot start");
    struct transport_curl *curl = calloc(1, sizeof(*curl));
    if (curl)
        curl->multi = curl_multi_init();
    if (!curl || !curl->multi || !handle_make(&curl->alone, stop)) {
        transport_curl_free(curl);
        return err_set(err, "libcurl cannot start: out of memory, or it lacks a part that is needed");
    }
    curl->stop = stop;
    *ret_curl = curl;
    *ret_transport = (struct transport){
        .post = post, .wait = wait_for, .context = curl, .start = start, .next = next, .cancel = cancel};
    return true;
}

void transport_curl_free(struct transport_curl *curl)
{
    if (curl) {
        for (size_t i = 0; i < HTTP_CALLS_MAX; i++)
            curl_easy_cleanup(curl->several[i].easy);
        curl_easy_cleanup(curl->alone.easy);
        curl_multi_cleanup(curl->multi);
    }
    free(curl);
    curl_global_cleanup();
}
