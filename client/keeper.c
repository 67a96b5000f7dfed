// SPDX-License-Identifier: Apache-2.0
// Asking /version, and the log.
#include "client/keeper.h"
#include "client/sink.h"
#include "lib/base/json.h"
#include "lib/spool/url_key.h"

static bool ask(struct keeper *keeper, struct err *err)
{
    char key[KEPT_KEY_MAX + 1], known_as[URL_KEY_BYTES];
    struct sink_version version;
    keeper->asked = true;
    if (!sink_version_get(keeper->transport, keeper->url, keeper->loopback, keeper->user_agent, &version))
        return true;
    if (!version.contract_set[0])
        return true;
    int len = snprintf(key, sizeof(key), "%s %s", version.contract_set, url_key(keeper->url, known_as));
    return len >= (int)sizeof(key) || spool_kept_load(keeper->spool, key, &keeper->kept, err);
}

bool keeper_begin(struct keeper *keeper, struct err *err)
{
    bool any;
    return spool_kept_any(keeper->spool, &any, err) && (!any || ask(keeper, err));
}

void keeper_end(struct keeper *keeper)
{
    spool_kept_free(keeper->kept);
    keeper->kept = NULL;
}

enum problem keeper_find(const struct keeper *keeper, const char *name, int64_t wall_us)
{
    return keeper->kept ? spool_kept_find(keeper->kept, name, wall_us) : PROBLEM_NONE;
}

bool keeper_add(struct keeper *keeper, const char *name, struct str code, int64_t wall_us, struct err *err)
{
    enum problem problem = problem_from_code(code);
    if (!spool_kept_is_for(problem))
        return true;
    if (!keeper->asked && !ask(keeper, err))
        return false;
    return !keeper->kept || spool_kept_add(keeper->spool, keeper->kept, name, problem, wall_us, err);
}
