// SPDX-License-Identifier: Apache-2.0
// Finding out whether members can be read in place.
#include "lib/schema/members.h"

#include <string.h>

// Enough for a rehash.
#define PROBES 24

static bool reads_alike(json_t *object)
{
    struct jsv_members calls = jsv_members_of(object, false), places = jsv_members_of(object, true);
    for (; calls.at; jsv_members_next(&calls), jsv_members_next(&places)) {
        // The fields first, each within the member's own memory, so that nothing else is read on a mismatch.
        const struct jsv_member_link *link = calls.at;
        if (places.at != calls.at || link->value != jsv_member_value(&calls) ||
            (const char *)link->key != jsv_member_name(&calls).ptr ||
            link->key_len != jsv_member_name(&calls).len)
            return false;
        if (places.left > 1 && (const void *)link->next != json_object_iter_next(object, (void *)calls.at))
            return false;
    }
    return !places.at;
}

bool jsv_members_probe(void)
{
    json_t *object = json_object();
    bool ok = object != NULL;
    for (unsigned i = 0; ok && i < PROBES; i++) {
        char name[PROBES + 1];
        memset(name, 'a', i + 1);
        name[i + 1] = '\0';
        ok = !json_object_set_new(object, name, json_null());
        ok = ok && reads_alike(object);
    }
    ok = ok && !json_object_del(object, "aaa") && reads_alike(object);
    json_decref(object);
    return ok;
}
