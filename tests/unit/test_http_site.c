// SPDX-License-Identifier: Apache-2.0
// The routes of the site, and the client's side of HTTP in its simplest form.
#include "test_http_site.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <strings.h>
#include <sys/socket.h>

static int64_t site_wall_us(void *context)
{
    (void)context;
    return clock_wall_us(clock_system());
}

static int64_t site_mono_us(void *context)
{
    const struct site *site = context;
    int64_t stands = atomic_load(&site->clock_stands);
    return (stands ? stands : clock_mono_us(clock_system())) + atomic_load(&site->clock_ahead);
}

void site_stop_clock(struct site *site)
{
    atomic_store(&site->clock_stands, clock_mono_us(clock_system()));
}

static void reply_text(struct http_request *request, struct str text)
{
    const struct http_reply reply = {.status = 200, .content_type = "text/plain", .body = text};
    http_reply(request, &reply);
}

static void on_hello(struct http_request *request, void *app)
{
    struct site *site = app;
    atomic_fetch_add(&site->calls, 1);
    reply_text(request, STR("hello"));
}

static void on_inner(struct http_request *request, void *app)
{
    struct site *site = app;
    atomic_fetch_add(&site->inner, 1);
    on_hello(request, app);
}

// With as much head to its answer as any handler may set.
static void on_wide(struct http_request *request, void *app)
{
    static const char *const names[] = {"RateLimit", "RateLimit-Policy", "Retry-After",
                                        "Link",      "Server-Timing",    "ETag"};
    static const char value[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
        "8901234567890123456789012345678901234567890123456789";
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        http_request_set_header(request, names[i], STR(value));
    on_inner(request, app);
}

static void on_echo(struct http_request *request, void *app)
{
    struct site *site = app;
    atomic_fetch_add(&site->calls, 1);
    reply_text(request, http_request_body(request));
}

static void count_release(void *context)
{
    struct site *site = context;
    atomic_fetch_add(&site->released, 1);
}

void site_park(struct http_request *request, struct site *site, http_handler *resume)
{
    http_park(request, resume);
    pthread_mutex_lock(&site->lock);
    BUG_ON(site->parked_count == ARRAY_LEN(site->parked));
    site->parked[site->parked_count++] = request;
    pthread_cond_broadcast(&site->changed);
    pthread_mutex_unlock(&site->lock);
}

static void on_park(struct http_request *request, void *app)
{
    struct site *site = app;
    atomic_fetch_add(&site->calls, 1);
    http_request_set_context(request, site, count_release);
    site_park(request, site, on_echo);
}

static void park_again(struct http_request *request, void *app)
{
    site_park(request, app, on_echo);
}

static void on_park_twice(struct http_request *request, void *app)
{
    site_park(request, app, park_again);
}

static void refuse_head(struct http_request *request, void *app)
{
    struct site *site = app;
    atomic_fetch_add(&site->heads, 1);
    http_reply_problem(request, PROBLEM_token_missing, STR_NULL, NULL, 0);
}

static void on_arg(struct http_request *request, void *app)
{
    (void)app;
    reply_text(request, http_request_arg(request));
}

static bool put_parameter(void *context, struct str name, struct str value)
{
    struct buf *buf = context;
    return buf_put_str(buf, name) && buf_put_char(buf, '=') && buf_put_str(buf, value) &&
           buf_put_char(buf, ';');
}

static void on_query(struct http_request *request, void *app)
{
    (void)app;
    struct buf buf;
    buf_init(&buf, 4096);
    bool completed = http_request_query(request, put_parameter, &buf);
    buf_put_cstr(&buf, completed ? "done" : "stopped");
    const struct http_reply reply = {.status = 200, .content_type = "text/plain"};
    http_reply_take(request, &reply, &buf);
}

static void on_large(struct http_request *request, void *app)
{
    (void)app;
    struct buf buf;
    buf_init(&buf, 4 << 20);
    while (buf.len < 2 << 20)
        buf_put_cstr(&buf, "0123456789abcdef");
    http_request_set_header(request, "Link", STR("</v1/batch>; rel=\"batch\""));
    const struct http_reply reply = {.status = 200, .content_type = "text/plain"};
    http_reply_take(request, &reply, &buf);
}

static void on_problem(struct http_request *request, void *app)
{
    (void)app;
    http_request_set_header(request, "RateLimit", STR("\"burst\";r=0;t=1"));
    enum problem problem = problem_from_code(http_request_arg(request));
    BUG_ON(problem == PROBLEM_NONE);
    http_reply_problem(request, problem, STR_NULL, NULL, 0);
}

static void on_headers(struct http_request *request, void *app)
{
    (void)app;
    unsigned count;
    struct str value = http_request_header(request, "x-thing", &count);
    struct buf buf;
    buf_init(&buf, 4096);
    buf_putf(&buf, "%u %.*s", count, STR_FMT(value));
    const struct http_reply reply = {.status = 200, .content_type = "text/plain"};
    http_reply_take(request, &reply, &buf);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/hello", 0, NULL, on_hello},
    {HTTP_GET, "/inner", 0, NULL, on_inner},
    {HTTP_GET, "/wide", 0, NULL, on_wide},
    {HTTP_POST, "/echo", SITE_ECHO_MAX, NULL, on_echo},
    {HTTP_POST, "/big", 1 << 20, NULL, on_echo},
    {HTTP_POST, "/none", 0, NULL, on_echo},
    {HTTP_POST, "/park", SITE_ECHO_MAX, NULL, on_park},
    {HTTP_POST, "/park-twice", SITE_ECHO_MAX, NULL, on_park_twice},
    {HTTP_POST, "/stream", SITE_STREAM_MAX, stream_on_head, stream_on_request, HTTP_EVERYWHERE,
     stream_on_body},
    {HTTP_POST, "/refused", 1 << 20, refuse_head, on_echo},
    {HTTP_GET, "/items/{id}", 0, NULL, on_arg},
    {HTTP_GET, "/items/fixed", 0, NULL, on_hello},
    {HTTP_DELETE, "/items/{id}", 0, NULL, on_arg},
    {HTTP_GET, "/query", 0, NULL, on_query},
    {HTTP_GET, "/large", 0, NULL, on_large},
    {HTTP_GET, "/headers", 0, NULL, on_headers},
    {HTTP_GET, "/problem/{code}", 0, NULL, on_problem},
    {HTTP_GET, "/only-admin", 0, NULL, on_hello, HTTP_ADMIN},
    {HTTP_GET, "/only-public", 0, NULL, on_hello, HTTP_PUBLIC},
};

void site_open_as(struct site *site, struct http_config config, struct http_where where)
{
    struct err err;
    *site = (struct site){0};
    signal(SIGPIPE, SIG_IGN);
    pthread_mutex_init(&site->lock, NULL);
    pthread_cond_init(&site->changed, NULL);
    site->metrics = metrics_new();
    ck_assert_ptr_nonnull(site->metrics);
    site->clock = (struct clock){site_wall_us, site_mono_us, site};
    where.listen = where.listen ? where.listen : "127.0.0.1:0";
    ck_assert_msg(http_listen(&where, &config.listeners, &err), "%s", err.text);
    config.max_connections = config.max_connections ? config.max_connections : 2048;
    config.pace.idle_sec = config.pace.idle_sec ? config.pace.idle_sec : 60;
    config.pace.head_sec = 120;
    config.pace.grace_sec = 120;
    config.pace.bytes_per_sec = 4096;
    config.pace.transfer_sec = 300;
    config.routes = routes;
    config.route_count = ARRAY_LEN(routes);
    config.app = site;
    config.metrics = site->metrics;
    config.clock = &site->clock;
    ck_assert_msg(http_server_start(&config, &site->server, &err), "%s", err.text);
    site->port = http_server_port(site->server);
}

void site_open(struct site *site, unsigned max_connections, unsigned idle_timeout_sec)
{
    const struct http_config config = {.max_connections = max_connections, .pace.idle_sec = idle_timeout_sec};
    site_open_as(site, config, (struct http_where){0});
    ck_assert_uint_gt(site->port, 0);
}

void site_stop(struct site *site)
{
    int64_t deadline = clock_mono_us(&site->clock) + SITE_PATIENCE_MS * USEC_PER_MSEC;
    ck_assert_msg(http_server_wait_idle(site->server, deadline), "a request is still unanswered");
    http_server_stop(site->server);
}

void site_release(struct site *site)
{
    metrics_free(site->metrics);
    pthread_cond_destroy(&site->changed);
    pthread_mutex_destroy(&site->lock);
}

void site_close(struct site *site)
{
    site_stop(site);
    site_release(site);
}

static struct timespec patience(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    ts.tv_sec += SITE_PATIENCE_MS / 1000;
    return ts;
}

void site_await_parked(struct site *site, unsigned count)
{
    const struct timespec until = patience();
    pthread_mutex_lock(&site->lock);
    while (site->parked_count < count)
        ck_assert_msg(pthread_cond_timedwait(&site->changed, &site->lock, &until) == 0,
                      "%u of %u requests parked", site->parked_count, count);
    pthread_mutex_unlock(&site->lock);
}

void site_wake_all(struct site *site)
{
    pthread_mutex_lock(&site->lock);
    for (unsigned i = 0; i < site->parked_count; i++)
        http_wake(site->parked[i]);
    site->parked_count = 0;
    pthread_mutex_unlock(&site->lock);
}

struct http_request *site_take_parked(struct site *site, const _Atomic bool *stop)
{
    struct http_request *request = NULL;
    pthread_mutex_lock(&site->lock);
    while (site->parked_count == 0 && !atomic_load(stop))
        pthread_cond_wait(&site->changed, &site->lock);
    if (site->parked_count > 0)
        request = site->parked[--site->parked_count];
    pthread_mutex_unlock(&site->lock);
    return request;
}

static int dial_as(const struct site *site, unsigned host, int room)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_msg(fd >= 0, "socket: %s", strerror(errno));
    // Before connecting, so that the window is never larger.
    ck_assert_int_eq(room ? setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) : 0, 0);
    const struct sockaddr_in own = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host)};
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)site->port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    // Not for the usual one: a bound port is taken for a minute after its end, whoever the peer was.
    ck_assert_msg(host == 1 || bind(fd, (const struct sockaddr *)&own, sizeof(own)) == 0, "bind: %s",
                  strerror(errno));
    ck_assert_msg(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0, "connect: %s",
                  strerror(errno));
    return fd;
}

int dial(const struct site *site)
{
    return dial_from(site, 1);
}

int dial_from(const struct site *site, unsigned host)
{
    return dial_as(site, host, 0);
}

int dial_with_room(const struct site *site, int bytes)
{
    return dial_as(site, 1, bytes);
}

// The server may close on us in the middle: what it answered is still to be read.
void send_bytes(int fd, const void *ptr, size_t len)
{
    const char *p = ptr;
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return;
        p += n;
        len -= (size_t)n;
    }
}

void send_text(int fd, const char *text)
{
    send_bytes(fd, text, strlen(text));
}

// 0 at the end of the stream, however it ended.
static size_t receive(int fd, void *ptr, size_t len, int flags)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    if (poll(&pollfd, 1, SITE_PATIENCE_MS) != 1)
        ck_abort_msg("nothing came in time");
    ssize_t n = recv(fd, ptr, len, flags);
    return n < 0 ? 0 : (size_t)n;
}

const char *answer_header(const struct answer *answer, const char *name)
{
    static _Thread_local char value[1024];
    size_t len = strlen(name);
    for (const char *line = strchr(answer->head, '\n'); line; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, len) != 0 || line[len] != ':')
            continue;
        const char *start = line + len + 1 + strspn(line + len + 1, " ");
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(start, "\r\n"), start);
        return value;
    }
    return NULL;
}

// The whole head and nothing behind it; false at the end of the stream.
static bool read_head(int fd, struct answer *answer)
{
    size_t len = 0;
    while (len < sizeof(answer->head) - 1) {
        size_t n = receive(fd, answer->head + len, sizeof(answer->head) - 1 - len, MSG_PEEK);
        if (n == 0)
            return false;
        size_t from = len > 3 ? len - 3 : 0;
        char *end = memmem(answer->head + from, len + n - from, "\r\n\r\n", 4);
        size_t take = end ? (size_t)(end + 4 - answer->head) - len : n;
        receive(fd, answer->head + len, take, 0);
        len += take;
        answer->head[len] = '\0';
        if (end)
            return true;
    }
    return false;
}

struct answer read_answer_to(int fd, bool to_head)
{
    struct answer answer = {0};
    if (!read_head(fd, &answer))
        return answer;
    const char *length = answer_header(&answer, "Content-Length");
    answer.body_len = length && !to_head ? strtoul(length, NULL, 10) : 0;
    answer.body = calloc(1, answer.body_len + 1);
    ck_assert_ptr_nonnull(answer.body);
    for (size_t got = 0; got < answer.body_len;) {
        size_t n = receive(fd, answer.body + got, answer.body_len - got, 0);
        if (n == 0)
            return answer;
        got += n;
    }
    answer.status = (int)strtol(answer.head + strlen("HTTP/1.1 "), NULL, 10);
    return answer;
}

struct answer read_answer(int fd)
{
    return read_answer_to(fd, false);
}

void answer_release(struct answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

size_t read_to_end(int fd)
{
    char bytes[4096];
    size_t total = 0;
    for (size_t n; (n = receive(fd, bytes, sizeof(bytes), 0)) > 0;)
        total += n;
    return total;
}

size_t site_outlast(struct site *site, int fd)
{
    char bytes[4096];
    size_t total = 0;
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    for (int tries = 0; tries < SITE_PATIENCE_MS / 100; tries++) {
        if (poll(&pollfd, 1, 100) == 0) {
            atomic_fetch_add(&site->clock_ahead, 3600 * USEC_PER_SEC);
            continue;
        }
        size_t n = receive(fd, bytes, sizeof(bytes), 0);
        if (n == 0)
            return total;
        total += n;
        tries = 0;
    }
    ck_abort_msg("the server does not end the connection");
}

int ask(const struct site *site, const char *text)
{
    int fd = dial(site);
    send_text(fd, text);
    struct answer answer = read_answer(fd);
    int status = answer.status;
    answer_release(&answer);
    read_to_end(fd);
    close(fd);
    return status;
}

void expect(int fd, int status, const char *body)
{
    struct answer answer = read_answer(fd);
    ck_assert_int_eq(answer.status, status);
    if (body)
        ck_assert_str_eq(answer.body, body);
    answer_release(&answer);
}

void expect_header(const struct answer *answer, const char *name, const char *value)
{
    const char *got = answer_header(answer, name);
    if (!value)
        ck_assert_msg(!got, "%s is there: %s", name, got);
    else
        ck_assert_msg(got && strcmp(got, value) == 0, "%s is \"%s\", not \"%s\"", name, got ? got : "absent",
                      value);
}
