// SPDX-License-Identifier: Apache-2.0
// Reading and checking URL and token.
#include "client/settings.h"
#include "lib/base/file.h"
#include "lib/base/secret_env.h"
#include "lib/wire/names.h"
#include "lib/wire/token.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <sodium.h>

#define URL_VARIABLE   "VOX_TELEMETRY_UPLOAD_URL"
#define TOKEN_VARIABLE "VOX_TELEMETRY_UPLOAD_TOKEN"
#define KEY_VARIABLE   "VOX_TELEMETRY_SIGNING_SECRET"

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

bool settings_hide_secrets(struct err *err)
{
    return secret_env_hide(TOKEN_VARIABLE, err) && secret_env_hide(KEY_VARIABLE, err);
}

// The name "localhost", or an address that can only be this machine.
static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    struct str text = str_from(host);
    if (str_eq_nocase(text, STR("localhost")))
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    char inner[INET6_ADDRSTRLEN];
    if (text.len < 3 || text.len - 2 >= sizeof(inner) || host[0] != '[' || host[text.len - 1] != ']')
        return false;
    memcpy(inner, host + 1, text.len - 2);
    inner[text.len - 2] = '\0';
    return inet_pton(AF_INET6, inner, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool check_parts(CURLU *url, bool allow_http, struct endpoint *endpoint, struct err *err)
{
    char *scheme = NULL, *host = NULL, *path = NULL, *secret = NULL;
    bool ok = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK;
    if (!ok) {
        err_set(err, "the URL cannot be read; write https://HOST/v1/events");
    } else if (curl_url_get(url, CURLUPART_USER, &secret, 0) == CURLUE_OK ||
               curl_url_get(url, CURLUPART_PASSWORD, &secret, 0) == CURLUE_OK) {
        ok = err_set(err, "the URL holds a user name or password; put the token into " TOKEN_VARIABLE);
    } else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0) {
        ok = err_set(err, "the URL must begin with https://");
    } else {
        endpoint->loopback = is_loopback(host);
        if (strcmp(scheme, "http") == 0 && !endpoint->loopback && !allow_http)
            ok = err_set(err, "the URL is http and its host is not this machine: token and events would go "
                              "unencrypted; use https, or --allow-http if you must");
    }
    if (ok && strcmp(path, "/") == 0)
        ok = curl_url_set(url, CURLUPART_PATH, PATH_EVENTS, 0) == CURLUE_OK || err_set(err, "out of memory");
    curl_free(scheme);
    curl_free(host);
    curl_free(path);
    curl_free(secret);
    return ok;
}

bool endpoint_parse(const char *text, bool allow_http, struct endpoint *ret_endpoint, struct err *err)
{
    struct endpoint endpoint = {.source = ret_endpoint->source};
    char *whole = NULL;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return err_set(err, "the URL holds a blank or control character");
    CURLU *url = curl_url();
    if (!url)
        return err_set(err, "out of memory");
    bool ok = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK ||
              err_set(err, "the URL is not one that can be used; write https://HOST/v1/events");
    ok = ok && check_parts(url, allow_http, &endpoint, err);
    if (ok && (curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
               curl_url_get(url, CURLUPART_URL, &whole, 0) != CURLUE_OK))
        ok = err_set(err, "out of memory");
    if (ok && strlen(whole) >= sizeof(endpoint.url))
        ok = err_set(err, "the URL is longer than %d bytes", URL_MAX_BYTES - 1);
    if (ok) {
        memcpy(endpoint.url, whole, strlen(whole) + 1);
        *ret_endpoint = endpoint;
    }
    curl_free(whole);
    curl_url_cleanup(url);
    return ok;
}

const char *url_shown(const char *url, char ret_text[static URL_MAX_BYTES])
{
    size_t query = strcspn(url, "?");
    snprintf(ret_text, URL_MAX_BYTES, "%.*s%s", (int)query, url, url[query] ? "?..." : "");
    return ret_text;
}

void endpoint_shown(const struct endpoint *endpoint, char ret_text[static URL_MAX_BYTES])
{
    url_shown(endpoint->url, ret_text);
}

static bool read_url_file(const char *path, char ret_text[static URL_MAX_BYTES], struct err *err)
{
    struct buf buf;
    buf_init(&buf, URL_MAX_BYTES);
    bool ok = file_read_at(AT_FDCWD, path, &buf, err);
    struct str text = ok ? str_trim(buf_str(&buf)) : STR_NULL;
    if (ok && (text.len >= URL_MAX_BYTES || memchr(text.ptr, '\0', text.len)))
        ok = err_set(err, "%s does not hold a URL", path);
    if (ok) {
        memcpy(ret_text, text.ptr, text.len);
        ret_text[text.len] = '\0';
    }
    buf_release(&buf);
    return ok;
}

bool settings_endpoint(const char *option, bool allow_http, struct endpoint *ret_endpoint, struct err *err)
{
    char text[URL_MAX_BYTES];
    const char *file = environment(URL_VARIABLE "_FILE"), *variable = environment(URL_VARIABLE);
    struct endpoint endpoint = {.source = "none"};
    if (option) {
        endpoint.source = "--url";
    } else if (variable && file) {
        return err_set(err, URL_VARIABLE " and " URL_VARIABLE "_FILE are both set; unset one");
    } else if (variable) {
        endpoint.source = URL_VARIABLE;
        option = variable;
    } else if (file) {
        endpoint.source = URL_VARIABLE "_FILE";
        if (!read_url_file(file, text, err))
            return err_prefix(err, URL_VARIABLE "_FILE");
        option = text;
    }
    if (option && !endpoint_parse(option, allow_http, &endpoint, err))
        return err_prefix(err, "%s", endpoint.source);
    *ret_endpoint = endpoint;
    return true;
}

static bool check_token(struct str text, struct err *err)
{
    struct str key_id, secret;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || (unsigned char)text.ptr[i] >= 0x7f)
            return err_set(err, "the token holds a blank, control or non-ASCII character");
    if (str_starts(text, STR("vts_")) && !token_parse(text, &key_id, &secret))
        return err_set(err, "the token is not whole: its checksum is wrong; copy it again");
    return true;
}

// The variable's value, or the contents of the file that …_FILE names, which nobody else may be able to read.
static bool read_secret(const char *variable, const char *file_variable, struct token *token, struct err *err)
{
    const char *file = environment(file_variable), *value = environment(variable);
    bool ok = true;
    token->source = "none";
    if (file && value)
        return err_set(err, "%s and %s are both set; unset one", variable, file_variable);
    // All at once, so that no outgrown copy of the secret is left behind.
    if ((file || value) && !buf_reserve(&token->text, TOKEN_MAX_BYTES))
        return err_set(err, "out of memory");
    if (file) {
        token->source = file_variable;
        ok = file_read_secret(file, &token->text, err);
    } else if (value) {
        token->source = variable;
        ok = buf_put_cstr(&token->text, value) || err_set(err, "it is longer than %d bytes", TOKEN_MAX_BYTES);
    }
    if (ok && file && !token->text.len)
        ok = err_set(err, "the file is empty");
    return ok || err_prefix(err, "%s", token->source);
}

bool settings_token(struct token *ret_token, struct err *err)
{
    struct token token;
    buf_init(&token.text, TOKEN_MAX_BYTES);
    bool ok = read_secret(TOKEN_VARIABLE, TOKEN_VARIABLE "_FILE", &token, err);
    if (ok && !check_token(buf_str(&token.text), err))
        ok = err_prefix(err, "%s", token.source);
    if (ok)
        *ret_token = token;
    else
        token_release(&token);
    return ok;
}

bool settings_signing_key(struct signing_key *ret_key, bool *ret_present, struct err *err)
{
    struct token text;
    buf_init(&text.text, TOKEN_MAX_BYTES);
    bool ok = read_secret(KEY_VARIABLE, KEY_VARIABLE "_FILE", &text, err), present = ok && text.text.len;
    if (present && !signing_secret_parse(str_trim(buf_str(&text.text)), ret_key)) {
        err_set(err, "the signing secret is not whsec_ and base64; copy it again");
        ok = err_prefix(err, "%s", text.source);
    }
    token_release(&text);
    if (ok)
        *ret_present = present;
    return ok;
}

void token_release(struct token *token)
{
    if (token->text.ptr)
        sodium_memzero(token->text.ptr, token->text.cap);
    buf_release(&token->text);
}

void token_mask(struct str token, char ret_text[static TOKEN_MASK_BYTES])
{
    struct str key_id, secret;
    if (token_parse(token, &key_id, &secret))
        snprintf(ret_text, TOKEN_MASK_BYTES, "vts_%.*s_...", STR_FMT(key_id));
    else
        snprintf(ret_text, TOKEN_MASK_BYTES, "(hidden)");
}
