// SPDX-License-Identifier: Apache-2.0
// The receipt's JSON form, both ways.
#include "lib/wire/receipt.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"

void receipt_write(struct buf *buf, const struct receipt *receipt)
{
    char id[UUID_TEXT_LEN + 1], at[RFC3339_LEN + 1], digest[SHA256_HEX_LEN + 1];
    struct json_writer w;
    uuid_format(&receipt->event_id, id);
    rfc3339_format(receipt->received_at, at);
    sha256_hex(receipt->sha256, digest);
    json_writer_init(&w, buf);
    json_begin_object(&w);
    json_str(&w, "event_id", str_slice(id, UUID_TEXT_LEN));
    if (receipt->id.ptr)
        json_str(&w, "id", receipt->id);
    json_str(&w, "contract", receipt->contract);
    json_str(&w, "received_at", str_slice(at, RFC3339_LEN));
    json_str(&w, "sha256", str_slice(digest, SHA256_HEX_LEN));
    json_bool(&w, "duplicate", receipt->duplicate);
    if (receipt->quarantined)
        json_bool(&w, "quarantined", true);
    json_end_object(&w);
}

// A member's string; absent if there is no such member or it is no string.
static struct str member_text(const struct json *object, const char *name)
{
    const struct json *value = json_get(object, str_from(name));
    return json_text(value);
}

bool receipt_read(const struct json *body, struct receipt *ret_receipt)
{
    struct receipt receipt = {0};
    const struct json *duplicate = json_get(body, STR("duplicate"));
    if (!uuid_parse(member_text(body, "event_id"), &receipt.event_id) ||
        !rfc3339_parse(member_text(body, "received_at"), &receipt.received_at) ||
        !sha256_from_hex(member_text(body, "sha256"), receipt.sha256) || !json_is_boolean(duplicate))
        return false;
    receipt.duplicate = json_is_true(duplicate);
    receipt.quarantined = json_is_true(json_get(body, STR("quarantined")));
    receipt.contract = member_text(body, "contract");
    receipt.id = member_text(body, "id");
    if (!receipt.contract.len || (!receipt.id.ptr && json_get(body, STR("id"))))
        return false;
    *ret_receipt = receipt;
    return true;
}
