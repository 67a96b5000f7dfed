// SPDX-License-Identifier: Apache-2.0
// Cuts the lists of hosts, addresses and ports that libpq finds in a URL.
#include "server/store/hosts.h"

#include "lib/base/str.h"

#include <libpq-fe.h>

static struct str value_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val && options->val[0] ? str_from(options->val) : STR_NULL;
    return STR_NULL;
}

static size_t count_of(struct str list)
{
    size_t count = list.ptr ? 1 : 0;
    for (size_t i = 0; i < list.len; i++)
        count += list.ptr[i] == ',';
    return count;
}

// False: it is empty where nothing stands for that, or does not fit.
static bool take(struct str *list, struct str empty, char *ret_text, size_t cap)
{
    struct str item = str_cut(list, ',');
    if (!item.len)
        item = empty;
    if (!item.len || item.len >= cap)
        return false;
    memcpy(ret_text, item.ptr, item.len);
    ret_text[item.len] = '\0';
    return true;
}

static bool cut(struct str names, struct str addresses, struct str ports, struct db_hosts *hosts)
{
    size_t count = addresses.ptr ? count_of(addresses) : count_of(names), port_count = count_of(ports);
    struct str all_ports = ports;
    if (count < 2 || count > DB_HOSTS_MAX || (names.ptr && count_of(names) != count) ||
        (port_count > 1 && port_count != count))
        return false;
    for (hosts->count = 0; hosts->count < count; hosts->count++) {
        struct db_host *host = &hosts->hosts[hosts->count];
        if (port_count == 1)
            ports = all_ports;
        if ((names.ptr && !take(&names, STR_NULL, host->name, sizeof(host->name))) ||
            (addresses.ptr && !take(&addresses, STR_NULL, host->address, sizeof(host->address))) ||
            (port_count && !take(&ports, STR("5432"), host->port, sizeof(host->port))))
            return false;
    }
    return true;
}

bool db_hosts_read(const char *url, struct db_hosts *ret_hosts, struct err *err)
{
    // Tried here first: a URL that libpq cannot read is quoted in its message, password and all.
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &why);
    if (!options) {
        bool unread = why; // it has nothing to say where memory is out
        PQfreemem(why);
        return unread ? err_set(err, "the database URL is not one that libpq reads; "
                                     "it looks like postgresql://user@host:5432/database")
                      : err_set(err, "no memory to read the database URL");
    }
    *ret_hosts = (struct db_hosts){.count = 1};
    struct str attrs = value_of(options, "target_session_attrs");
    if (str_eq(attrs, STR("prefer-standby")) ||
        !cut(value_of(options, "host"), value_of(options, "hostaddr"), value_of(options, "port"), ret_hosts))
        *ret_hosts = (struct db_hosts){.count = 1};
    PQconninfoFree(options);
    return true;
}
