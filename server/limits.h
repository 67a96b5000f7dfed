// SPDX-License-Identifier: Apache-2.0
// The limits that the options ask for.
#ifndef VOX_SERVER_LIMITS_H
#define VOX_SERVER_LIMITS_H

#include "server/config/config.h"
#include "server/gate/limit.h"

// False with `err` if trusted_proxies is no list of networks.
MUST_CHECK bool limits_from(const struct config *config, struct limit_settings *ret_settings,
                            struct err *err);

#endif
