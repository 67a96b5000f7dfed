// SPDX-License-Identifier: Apache-2.0
// The guard's matchers for places and people: paths, home folders, remotes, URLs, mail.
#include "lib/contracts/guard_private.h"

// Does a word begin at `at`?
static bool begins(struct str text, size_t at)
{
    return at == 0 || guard_is(text, at - 1, CH_BREAK);
}

static bool is_at(struct str text, size_t at, char c)
{
    return at < text.len && text.ptr[at] == c;
}

// A name of a path begins: not a mark, not a second separator.
static bool name_at(struct str text, size_t at)
{
    return at < text.len && guard_is(text, at, CH_NAME);
}

// Up to the next mark or separator.
static size_t name_len(struct str text, size_t at)
{
    size_t end = MIN(text.len, at + GUARD_REACH), i = at;
    while (i < end && !guard_is(text, i, CH_BREAK) && text.ptr[i] != '/' && text.ptr[i] != '\\')
        i++;
    return i - at;
}

// "/etc" where the text begins with it; within a text two names, so that "</b>" and "use /help" are none.
bool guard_match_posix_path(const struct guard_rule *rule UNUSED, struct str text, size_t at)
{
    if (text.ptr[at] != '/' || !begins(text, at) || !name_at(text, at + 1))
        return false;
    if (at == 0)
        return true;
    size_t next = at + 1 + name_len(text, at + 1);
    return is_at(text, next, '/') && name_at(text, next + 1);
}

// "\Users\x": without a drive only where the folder is one that Windows has, as "\alpha\beta" is no path.
static bool is_windows_folder(struct str text, size_t at)
{
    static const struct str names[] = {{"Users", 5},
                                       {"Windows", 7},
                                       {"ProgramData", 11},
                                       {"Program Files", 13},
                                       {"Documents and Settings", 22}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (guard_has_nocase(text, at + 1, names[i]) && is_at(text, at + 1 + names[i].len, '\\'))
            return begins(text, at);
    return false;
}

// "C:\x" and "C:/x", but no "s://".
bool guard_match_windows_path(const struct guard_rule *rule UNUSED, struct str text, size_t at)
{
    if (text.ptr[at] == '\\')
        return is_windows_folder(text, at);
    if (at == 0 || !guard_is(text, at - 1, CH_ALPHA) || (at > 1 && guard_is(text, at - 2, CH_NAME)))
        return false;
    return is_at(text, at + 1, '\\') || (is_at(text, at + 1, '/') && !is_at(text, at + 2, '/'));
}

// "\\host\share" and "//host/share"; what follows a colon is a URL.
bool guard_match_unc_path(const struct guard_rule *rule UNUSED, struct str text, size_t at)
{
    char separator = text.ptr[at];
    if (!is_at(text, at + 1, separator) || !begins(text, at) ||
        (at > 0 && separator == '/' && text.ptr[at - 1] == ':'))
        return false;
    size_t host = name_len(text, at + 2), share = at + 2 + host;
    return host > 0 && is_at(text, share, separator) && share + 1 < text.len &&
           text.ptr[share + 1] != separator && !guard_is(text, share + 1, CH_BREAK);
}

bool guard_match_file_uri(const struct guard_rule *rule UNUSED, struct str text, size_t at)
{
    if (at < 4 || !guard_has_nocase(text, at - 4, STR("file")) || (at > 4 && guard_is(text, at - 5, CH_NAME)))
        return false;
    return is_at(text, at + 1, '/') || is_at(text, at + 1, '\\');
}

static bool ends_word(struct str text, size_t at)
{
    return at >= text.len || !guard_is(text, at, CH_ALNUM | CH_UNDER);
}

// "$HOME", "${HOME}", "$env:USERPROFILE".
static bool is_home_variable(struct str text, size_t at)
{
    static const struct str names[] = {
        {"HOME", 4}, {"USERPROFILE", 11}, {"HOMEPATH", 8}, {"APPDATA", 7}, {"LOCALAPPDATA", 12}};
    size_t name = at + 1 + is_at(text, at + 1, '{');
    if (guard_has_nocase(text, name, STR("env:")))
        name += 4;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (guard_has(text, name, names[i]) && ends_word(text, name + names[i].len))
            return true;
    return false;
}

static bool is_home_percent(struct str text, size_t at)
{
    static const struct str names[] = {{"%USERPROFILE%", 13},
                                       {"%HOMEPATH%", 10},
                                       {"%HOMEDRIVE%", 11},
                                       {"%APPDATA%", 9},
                                       {"%LOCALAPPDATA%", 14}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (guard_has_nocase(text, at, names[i]))
            return true;
    return false;
}

// "~/x" and "~name/x".
bool guard_match_home(const struct guard_rule *rule UNUSED, struct str text, size_t at)
{
    if (text.ptr[at] == '$')
        return is_home_variable(text, at);
    if (text.ptr[at] == '%')
        return is_home_percent(text, at);
    if (!begins(text, at))
        return false;
    size_t end = at + 1 + guard_run(text, at + 1, CH_ALNUM | CH_UNDER | CH_DASH | CH_DOT, 32);
    return is_at(text, end, '/') || is_at(text, end, '\\');
}

// The scheme before "://" at `at`; absent if that is not what stands there.
static struct str scheme_before(struct str text, size_t at)
{
    if (!guard_has(text, at, STR("://")))
        return STR_NULL;
    size_t begin = at;
    while (begin > 0 && at - begin < 16 &&
           (guard_is(text, begin - 1, CH_ALNUM) || text.ptr[begin - 1] == '+'))
        begin--;
    return str_slice(text.ptr + begin, at - begin);
}

static bool is_web(struct str scheme)
{
    return str_eq_nocase(scheme, STR("https")) || str_eq_nocase(scheme, STR("http"));
}

// What follows "://" at `at`, up to a mark that no URL has, another "://" or GUARD_REACH bytes.
static struct str url_rest(struct str text, size_t at)
{
    struct str rest = str_skip(text, at + 3);
    size_t len = 0;
    while (len < MIN(rest.len, (size_t)GUARD_REACH) &&
           (!guard_is(rest, len, CH_BREAK) || rest.ptr[len] == '&' || rest.ptr[len] == '=' ||
            (rest.ptr[len] == ':' && !guard_has(rest, len, STR("://")))))
        len++;
    return str_slice(rest.ptr, len);
}

// The part of `rest` before the first "/": user, host, port.
static struct str authority_of(struct str rest)
{
    return str_cut(&rest, '/');
}

bool guard_match_url(const struct guard_rule *rule, struct str text, size_t at)
{
    if (!is_web(scheme_before(text, at)))
        return false;
    struct str rest = url_rest(text, at);
    size_t user = str_find(authority_of(rest), '@');
    if (user < authority_of(rest).len)
        rest = str_skip(rest, user + 1);
    if (guard_has_nocase(rest, 0, STR("www.")))
        rest = str_skip(rest, 4);
    for (size_t i = 0; i < rule->prefix_count; i++)
        if (guard_has_nocase(rest, 0, rule->prefixes[i]) && rest.len > rule->prefixes[i].len)
            return true;
    return false;
}

static bool is_remote_url(struct str text, size_t at)
{
    static const struct str schemes[] = {{"ssh", 3},       {"git", 3},      {"git+ssh", 7}, {"ssh+git", 7},
                                         {"git+https", 9}, {"git+http", 8}, {"svn+ssh", 7}, {"svn", 3},
                                         {"svn+https", 9}, {"svn+http", 8}, {"hg+ssh", 6},  {"hg+https", 8},
                                         {"hg+http", 7},   {"bzr", 3},      {"bzr+ssh", 7}};
    struct str scheme = scheme_before(text, at);
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (str_eq_nocase(scheme, schemes[i]))
            return true;
    if (!is_web(scheme))
        return false;
    struct str rest = url_rest(text, at);
    struct str path = str_skip(rest, authority_of(rest).len);
    for (size_t i = 0; i + 4 <= path.len; i++)
        if (guard_has(path, i, STR(".git")) && ends_word(path, i + 4) && !is_at(path, i + 4, '-'))
            return true;
    return false;
}

// Where the name before the "@" at `at` begins; `at` if there is none.
static size_t user_begin(struct str text, size_t at)
{
    size_t begin = at;
    while (begin > 0 && at - begin < 64 &&
           (guard_is(text, begin - 1, CH_NAME) || text.ptr[begin - 1] == '+' || text.ptr[begin - 1] == '%'))
        begin--;
    return begin;
}

// Up to the next mark, and whether it is a path ("a/b") or a repository ("a.git").
static size_t path_len(struct str text, size_t at, bool *ret_slash, bool *ret_git)
{
    size_t end = MIN(text.len, at + GUARD_REACH), i = at;
    *ret_slash = false;
    for (; i < end && !guard_is(text, i, CH_BREAK); i++)
        *ret_slash = *ret_slash || text.ptr[i] == '/';
    size_t len = i - at;
    *ret_git = len > 4 && guard_has(text, i - 4, STR(".git")) && guard_is(text, i - 5, CH_NAME);
    return len;
}

// Before ":" in "package@npm:scope/name" and its kin stands how the package is found, no host.
static bool is_host_alone(struct str name)
{
    static const struct str others[] = {{"npm", 3},    {"workspace", 9}, {"patch", 5},  {"file", 4},
                                        {"link", 4},   {"portal", 6},    {"exec", 4},   {"jsr", 3},
                                        {"sha256", 6}, {"sha512", 6},    {"catalog", 7}};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (str_eq(name, others[i]))
            return false;
    return guard_is(name, 0, CH_ALPHA);
}

// "host:path/app.git", which no user stands before.
static bool is_bare_remote(struct str text, size_t at)
{
    bool slash, git;
    if (at == 0 || !guard_is(text, at - 1, CH_NAME) || at + 1 >= text.len || guard_is(text, at + 1, CH_BREAK))
        return false;
    (void)path_len(text, at + 1, &slash, &git);
    return git;
}

// "git@host:path", "user@host.example:path", "user@host:team/app"; a number behind the colon is a port.
static bool is_scp_like(struct str text, size_t at)
{
    size_t begin = user_begin(text, at);
    size_t host = guard_run(text, at + 1, CH_ALNUM | CH_DASH | CH_DOT, GUARD_REACH), colon = at + 1 + host;
    if (begin == at || host == 0 || !is_at(text, colon, ':') || colon + 1 >= text.len)
        return false;
    bool git = str_eq(str_slice(text.ptr + begin, at - begin), STR("git"));
    if (!git && !memchr(text.ptr + at + 1, '.', host)) {
        // "model@provider:free" is none: without a dot in the host it takes a path.
        bool slash, repository;
        (void)path_len(text, colon + 1, &slash, &repository);
        if (!(slash || repository) || !is_host_alone(str_slice(text.ptr + at + 1, host)))
            return false;
    }
    size_t digits = guard_run(text, colon + 1, CH_DIGIT, GUARD_REACH);
    size_t end = colon + 1 + digits;
    return !guard_is(text, colon + 1, CH_BREAK) &&
           (digits == 0 || (end < text.len && !guard_is(text, end, CH_BREAK)));
}

bool guard_match_git_remote(const struct guard_rule *rule UNUSED, struct str text, size_t at)
{
    if (text.ptr[at] == '@')
        return is_scp_like(text, at);
    return guard_has(text, at, STR("://")) ? is_remote_url(text, at) : is_bare_remote(text, at);
}

// Labels with dots between them, the last of two letters at least; "1.2-rc.beta" behind an "@" is a version.
static bool is_mail_host(struct str host)
{
    size_t labels = 0, versions = 0;
    while (host.len && host.ptr[host.len - 1] == '.') // the end of a sentence
        host.len--;
    struct str rest = host, label = STR_NULL;
    while (rest.ptr) {
        label = str_cut(&rest, '.');
        if (label.len == 0 || label.ptr[0] == '-')
            return false;
        versions += labels < 2 && char_is_digit(label.ptr[0]);
        labels++;
    }
    return labels >= 2 && versions < 2 && label.len >= 2 &&
           guard_run(label, 0, CH_ALPHA | CH_HIGH, label.len) == label.len;
}

bool guard_match_email(const struct guard_rule *rule UNUSED, struct str text, size_t at)
{
    if (user_begin(text, at) == at)
        return false;
    size_t host = guard_run(text, at + 1, CH_ALNUM | CH_DASH | CH_DOT | CH_HIGH, GUARD_REACH);
    return host > 0 && is_mail_host(str_slice(text.ptr + at + 1, host));
}

// "scheme://user:password@host"; on the web a user alone is a secret too.
bool guard_match_url_credentials(const struct guard_rule *rule UNUSED, struct str text, size_t at)
{
    struct str scheme = scheme_before(text, at);
    if (scheme.len == 0)
        return false;
    struct str authority = authority_of(url_rest(text, at));
    size_t end = str_find(authority, '@');
    struct str user = str_slice(authority.ptr, end);
    return end > 0 && end < authority.len && (is_web(scheme) || str_find(user, ':') < user.len);
}
