// SPDX-License-Identifier: Apache-2.0
// Reading the header, resolving the target.
#include "client/link.h"

#include <curl/curl.h>

// Up to the next ',' or ';' outside quotes; leaves what follows, the separator first.
static struct str next_part(struct str *rest)
{
    bool quoted = false;
    size_t at = 0;
    for (; at < rest->len; at++) {
        char c = rest->ptr[at];
        if (c == '"')
            quoted = !quoted;
        else if (c == '\\' && quoted && at + 1 < rest->len)
            at++;
        else if (!quoted && (c == ',' || c == ';'))
            break;
    }
    struct str part = {rest->ptr, at};
    *rest = str_skip(*rest, at);
    return str_trim(part);
}

// rel=batch, rel="batch", rel="self batch"
static bool is_rel_batch(struct str part)
{
    struct str name = str_trim(str_cut(&part, '='));
    if (!str_eq_nocase(name, STR("rel")))
        return false;
    part = str_trim(part);
    if (part.len >= 2 && part.ptr[0] == '"' && part.ptr[part.len - 1] == '"')
        part = str_slice(part.ptr + 1, part.len - 2);
    while (part.len)
        if (str_eq_nocase(str_cut(&part, ' '), STR("batch")))
            return true;
    return false;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart which)
{
    char *x = NULL, *y = NULL;
    bool same = curl_url_get(a, which, &x, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                curl_url_get(b, which, &y, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                str_eq_nocase(str_from(x), str_from(y));
    curl_free(x);
    curl_free(y);
    return same;
}

static bool resolve(struct str target, const char *url, char ret_url[static URL_MAX_BYTES])
{
    char text[URL_MAX_BYTES], *whole = NULL;
    CURLU *base = curl_url(), *full = curl_url();
    bool ok = base && full && target.len && target.len < sizeof(text);
    if (ok) {
        memcpy(text, target.ptr, target.len);
        text[target.len] = '\0';
    }
    ok = ok && curl_url_set(base, CURLUPART_URL, url, 0) == CURLUE_OK &&
         curl_url_set(full, CURLUPART_URL, url, 0) == CURLUE_OK &&
         curl_url_set(full, CURLUPART_URL, text, 0) == CURLUE_OK && same_part(base, full, CURLUPART_SCHEME) &&
         same_part(base, full, CURLUPART_HOST) && same_part(base, full, CURLUPART_PORT) &&
         curl_url_set(full, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
         curl_url_set(full, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
         curl_url_set(full, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
         curl_url_get(full, CURLUPART_URL, &whole, 0) == CURLUE_OK && strlen(whole) < URL_MAX_BYTES;
    if (ok)
        memcpy(ret_url, whole, strlen(whole) + 1);
    curl_free(whole);
    curl_url_cleanup(base);
    curl_url_cleanup(full);
    return ok;
}

bool link_batch(const char *header, const char *url, char ret_url[static URL_MAX_BYTES])
{
    struct str rest = str_from(header);
    while (rest.len) {
        rest = str_trim(rest);
        bool found = false;
        if (!rest.len || rest.ptr[0] != '<')
            return false;
        size_t end = str_find(rest, '>');
        struct str target = str_slice(rest.ptr + 1, end - 1);
        rest = str_trim(str_skip(rest, end + 1));
        while (rest.len && rest.ptr[0] == ';') {
            rest = str_skip(rest, 1);
            found = is_rel_batch(next_part(&rest)) || found;
            rest = str_trim(rest);
        }
        if (found && resolve(target, url, ret_url))
            return true;
        if (rest.len && rest.ptr[0] != ',')
            return false;
        rest = str_skip(rest, 1);
    }
    return false;
}
