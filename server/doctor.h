// SPDX-License-Identifier: Apache-2.0
// What `vox-sink doctor` found: one line for each thing that it looked at, in that order.
//
// The main thread's.
#ifndef VOX_SERVER_DOCTOR_H
#define VOX_SERVER_DOCTOR_H

#include "lib/base/err.h"
#include "server/config/config.h"

#define FINDINGS_MAX 27

enum status { STATUS_OK, STATUS_WARN, STATUS_FAIL };

struct finding {
    enum status status;
    const char *name;
    char text[sizeof(((struct err *)0)->text) + 128];
};

struct doctor {
    const struct config *config;
    struct finding findings[FINDINGS_MAX];
    size_t count;
};

void doctor_note(struct doctor *doctor, enum status status, const char *name, const char *format, ...)
    PRINTF_LIKE(4, 5);
// Everything behind the database URLs: the server, its clock, the schema, rights, partitions, tokens, keys.
void doctor_look_at_database(struct doctor *doctor);

#endif
