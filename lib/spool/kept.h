// SPDX-License-Identifier: Apache-2.0
// kept.log: entries that a sink does not take yet, so that an upload need not offer them again and again.
//
// They stay in pending/. The log belongs to a key, which names the sink and the hash of its contract set:
// under another key nothing is kept out, and the first spool_kept_add() begins the log anew. What hangs on
// the operator's leave and not on the contracts (contract_not_allowed, class_not_allowed) is offered again
// after a day whatever the key. `retry --state kept` removes the log.
//
// The uploader (spool locked) loads it once, asks for every name, and adds as the sink answers. Memory: 24
// bytes for each name that is kept.
#ifndef VOX_SPOOL_KEPT_H
#define VOX_SPOOL_KEPT_H

#include "lib/spool/spool.h"

#define KEPT_FILE    "kept.log"
#define KEPT_KEY_MAX 2400

struct spool_kept;
// `key` is copied; at most KEPT_KEY_MAX bytes.
MUST_CHECK bool spool_kept_load(struct spool *spool, const char *key, struct spool_kept **ret_kept,
                                struct err *err);
void spool_kept_free(struct spool_kept *kept); // NULL is fine
// The problem for which the entry is kept out, PROBLEM_NONE if it may be offered.
enum problem spool_kept_find(const struct spool_kept *kept, const char *name, int64_t wall_us);
// Whether an entry refused so waits in this log at all.
bool spool_kept_is_for(enum problem problem);
MUST_CHECK bool spool_kept_add(struct spool *spool, struct spool_kept *kept, const char *name,
                               enum problem problem, int64_t wall_us, struct err *err);
// Is anything kept, under whatever key?
MUST_CHECK bool spool_kept_any(struct spool *spool, bool *ret_any, struct err *err);
// Those of pending/ that are kept, under whatever key: for people. One refused twice (after a day) counts
// twice.
struct spool_kept_count {
    uint64_t unknown_contract, contract_not_allowed, class_not_allowed;
};
MUST_CHECK bool spool_kept_count(struct spool *spool, struct spool_kept_count *ret_count, struct err *err);
MUST_CHECK bool spool_kept_forget(struct spool *spool, struct err *err);

#endif
