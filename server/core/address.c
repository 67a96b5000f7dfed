// SPDX-License-Identifier: Apache-2.0
// Reads addresses strictly: what a resolver might take for something else is refused.
#include "server/core/address.h"

static bool refuse(struct str text, struct err *err)
{
    return err_set(err,
                   "\"%.*s\" is no address to listen on; write it as 127.0.0.1:8787, [::1]:8787 or "
                   "unix:/run/vox-sink/sink.sock",
                   (int)MIN(text.len, (size_t)100), text.ptr ? text.ptr : "");
}

static bool is_host_name(struct str host)
{
    for (size_t i = 0; i < host.len; i++)
        if (!char_is_alpha(host.ptr[i]) && !char_is_digit(host.ptr[i]) && host.ptr[i] != '-' &&
            host.ptr[i] != '.' && host.ptr[i] != '_')
            return false;
    return host.len > 0;
}

// Hexadecimal groups, and a scope's name behind "%".
static bool is_v6(struct str host)
{
    struct str scope = host;
    struct str groups = str_cut(&scope, '%');
    for (size_t i = 0; i < groups.len; i++) {
        char c = char_lower(groups.ptr[i]);
        if (!char_is_digit(c) && !(c >= 'a' && c <= 'f') && c != ':' && c != '.')
            return false;
    }
    return groups.len > 1 && str_find(groups, ':') < groups.len && (!scope.ptr || is_host_name(scope));
}

static bool parse_tcp(struct str text, struct address *ret_address)
{
    struct str host, port;
    bool bracketed = str_starts(text, STR("["));
    if (bracketed) {
        port = str_skip(text, 1);
        host = str_cut(&port, ']');
        if (!str_starts(port, STR(":")))
            return false;
        port = str_skip(port, 1);
    } else {
        port = text;
        host = str_cut(&port, ':');
    }
    uint64_t number;
    if (host.len > ADDRESS_HOST_MAX || !(bracketed ? is_v6(host) : is_host_name(host)) || port.len > 5 ||
        !str_to_u64(port, &number) || number > UINT16_MAX)
        return false;
    memcpy(ret_address->host, host.ptr, host.len);
    ret_address->port = (uint16_t)number;
    return true;
}

// ":0660" at the end, which a path may not have then. Digits of octal, permissions only.
static struct str cut_mode(struct str path, unsigned *ret_mode)
{
    if (path.len < 5 || path.ptr[path.len - 5] != ':' || path.ptr[path.len - 4] != '0')
        return path;
    unsigned mode = 0;
    for (size_t i = path.len - 3; i < path.len; i++) {
        if (path.ptr[i] < '0' || path.ptr[i] > '7')
            return path;
        mode = mode * 8 + (unsigned)(path.ptr[i] - '0');
    }
    *ret_mode = mode;
    return str_slice(path.ptr, path.len - 5);
}

static bool parse_unix(struct str text, struct address *ret_address)
{
    ret_address->is_unix = true;
    ret_address->mode = ADDRESS_UNIX_MODE;
    struct str path = cut_mode(text, &ret_address->mode);
    if (path.len < 2 || path.len > ADDRESS_PATH_MAX || path.ptr[0] != '/' || str_ends(path, STR("/")))
        return false;
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.ptr[i] <= ' ' || path.ptr[i] == 0x7f || path.ptr[i] == ',' ||
            path.ptr[i] == ':')
            return false;
    memcpy(ret_address->path, path.ptr, path.len);
    return true;
}

bool address_parse(struct str text, struct address *ret_address, struct err *err)
{
    struct address address = {0};
    bool ok = str_starts(text, STR("unix:")) ? parse_unix(str_skip(text, strlen("unix:")), &address)
                                             : parse_tcp(text, &address);
    if (!ok)
        return refuse(text, err);
    *ret_address = address;
    return true;
}

static bool is_same(const struct address *a, const struct address *b)
{
    if (a->is_unix || b->is_unix)
        return a->is_unix && b->is_unix && strcmp(a->path, b->path) == 0;
    return a->port != 0 && a->port == b->port && str_eq_nocase(str_from(a->host), str_from(b->host));
}

bool address_parse_list(struct str text, struct address ret_list[static ADDRESS_MANY], size_t *ret_count,
                        struct err *err)
{
    struct str rest = text;
    size_t count = 0;
    do {
        struct str one = str_trim(str_cut(&rest, ','));
        if (count == ADDRESS_MANY)
            return err_set(err, "more than %d addresses to listen on", ADDRESS_MANY);
        if (!address_parse(one, &ret_list[count], err))
            return false;
        for (size_t i = 0; i < count; i++)
            if (is_same(&ret_list[i], &ret_list[count]))
                return err_set(err, "\"%.*s\" is there twice", (int)MIN(one.len, (size_t)200), one.ptr);
        count++;
    } while (rest.ptr);
    *ret_count = count;
    return true;
}

void address_format(const struct address *address, char ret_text[static ADDRESS_TEXT_LEN + 1])
{
    bool v6 = strchr(address->host, ':') != NULL;
    if (!address->is_unix)
        snprintf(ret_text, ADDRESS_TEXT_LEN + 1, "%s%s%s:%u", v6 ? "[" : "", address->host, v6 ? "]" : "",
                 (unsigned)address->port);
    else if (address->mode == ADDRESS_UNIX_MODE)
        snprintf(ret_text, ADDRESS_TEXT_LEN + 1, "unix:%s", address->path);
    else
        snprintf(ret_text, ADDRESS_TEXT_LEN + 1, "unix:%s:0%03o", address->path, address->mode);
}
