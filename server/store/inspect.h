// SPDX-License-Identifier: Apache-2.0
// What an operator's look at the database needs, changing nothing.
#ifndef VOX_STORE_INSPECT_H
#define VOX_STORE_INSPECT_H

#include "server/store/db.h"

struct store_facts {
    int32_t server_version; // 150006
    int64_t now_us;         // the database's clock
};

MUST_CHECK bool store_facts(struct db *db, int64_t deadline, struct store_facts *ret_facts, struct err *err);

#endif
