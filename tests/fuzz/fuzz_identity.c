// SPDX-License-Identifier: Apache-2.0
// Identity headers: the first byte picks the header, the rest is its value; what is accepted keeps its form.
#include "lib/base/clock.h"
#include "lib/wire/identity.h"
#include "lib/wire/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_key(struct str header)
{
    struct uuid id, again;
    char text[UUID_TEXT_LEN + 1];
    if (identity_from_key(header, &id) != PROBLEM_NONE)
        return;
    uuid_format(&id, text);
    BUG_ON(identity_from_key(str_from(text), &again) != PROBLEM_NONE || !uuid_eq(&id, &again));
}

static void check_webhook(struct str header)
{
    struct uuid id, other;
    bool foreign, again;
    if (identity_from_webhook(header, 1, &id, &foreign) != PROBLEM_NONE)
        return;
    BUG_ON(foreign && uuid_version(&id) != 8);
    BUG_ON(identity_from_webhook(header, 2, &other, &again) != PROBLEM_NONE || foreign != again);
    BUG_ON(uuid_eq(&id, &other) == foreign);
}

static void check_time(struct str header)
{
    int64_t at, now = 1795334462000000LL;
    bool known;
    if (identity_time(header, now, &at, &known) == PROBLEM_NONE)
        BUG_ON(known && at > now + USEC_PER_DAY);
}

static void check_pin(struct str header)
{
    struct str id;
    unsigned version;
    char text[32];
    if (identity_contract_pin(header, &id, &version) != PROBLEM_NONE)
        return;
    BUG_ON(id.len == 0 || version < 1 || version > 9999);
    snprintf(text, sizeof(text), ".v%u", version);
    BUG_ON(!str_starts(str_trim(header), id) || !str_ends(str_trim(header), str_from(text)));
    BUG_ON(str_trim(header).len != id.len + strlen(text));
}

static void check_client(struct str header)
{
    struct str client = identity_client(header);
    BUG_ON(client.len > LIMIT_CLIENT_TEXT || !str_starts(str_trim(header), client));
    for (size_t i = 0; i < client.len; i++)
        BUG_ON(client.ptr[i] <= ' ' || client.ptr[i] > '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[])(struct str) = {check_key, check_webhook, check_time, check_pin,
                                                 check_client};
    if (size)
        checks[data[0] % ARRAY_LEN(checks)](str_slice(data + 1, size - 1));
    return 0;
}
