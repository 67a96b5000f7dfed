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
// For how many days from today every row finds its partition: -1 if one of today is missing already,
// INT32_MAX if no contract has days yet. Needs the schema.
MUST_CHECK bool store_partitions_look(struct db *db, int64_t deadline, int *ret_ahead_days, struct err *err);

#endif
