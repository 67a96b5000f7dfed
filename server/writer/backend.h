// SPDX-License-Identifier: Apache-2.0
// The writer's way to PostgreSQL.
#ifndef VOX_WRITER_BACKEND_H
#define VOX_WRITER_BACKEND_H

#include "server/writer/writer.h"

// A backend on the store. `url` must outlive it.
struct writer_backend writer_backend_store(const char *url);

#endif
