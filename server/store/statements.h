// SPDX-License-Identifier: Apache-2.0
// The SQL of the writer's transaction, as events.c prepares and sends it.
#ifndef VOX_STORE_STATEMENTS_H
#define VOX_STORE_STATEMENTS_H

// The last two take the place of STEP_STORE where a token of the batch has a quota, and where an event goes
// into quarantine.
enum {
    STEP_BEGIN,
    STEP_LOCK,
    STEP_STORE,
    STEP_COMMIT,
    STEP_KEYS,
    STEP_STORE_COUNTED,
    STEP_STORE_MIXED,
    STEP_COUNT
};

struct statement {
    const char *name;
    const char *sql;
    unsigned arrays; // its parameters: arrays of one length, one element an event (rows.h)
};

extern const struct statement store_statements[STEP_COUNT];

#endif
