// SPDX-License-Identifier: Apache-2.0
// Options into limit_settings.
#include "server/limits.h"

bool limits_from(const struct config *config, struct limit_settings *ret_settings, struct err *err)
{
    struct limit_settings settings = {
        .rate = config->rate,
        .burst = config->burst,
        .batch_rate = config->batch_rate,
        .batch_burst = config->batch_burst,
        .address_rate = config->address_rate,
        .address_burst = config->address_burst,
        .pacing_us = config->pacing * USEC_PER_MSEC,
        .pacing_many = config->pacing_requests,
        .quota_events = config->quota_events,
        .quota_bytes = config->quota_bytes,
        .form = strcmp(config->forwarded_header, "forwarded") == 0 ? FORWARDED_RFC7239
                                                                   : FORWARDED_X_FORWARDED_FOR,
    };
    if (!trusted_proxies_parse(config->trusted_proxies, &settings.trusted, err))
        return false;
    *ret_settings = settings;
    return true;
}
