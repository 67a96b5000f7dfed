// SPDX-License-Identifier: Apache-2.0
// lib/wire/receipt.
#include "lib/wire/receipt.h"
#include "tests/unit/check_main.h"

#define ID     "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
#define DIGEST "00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff"
#define BODY(id, at, digest, duplicate)                                                              \
    "{\"event_id\":\"" id "\",\"contract\":\"a.v1\",\"received_at\":\"" at "\",\"sha256\":\"" digest \
    "\",\"duplicate\":" duplicate "}"
#define GOOD BODY(ID, "2026-11-22T08:01:02.000000Z", DIGEST, "false")

static struct receipt sample(void)
{
    struct receipt receipt = {.contract = STR("a.v1"), .received_at = 1795334462000000LL};
    BUG_ON(!uuid_parse(STR(ID), &receipt.event_id));
    BUG_ON(!sha256_from_hex(STR(DIGEST), receipt.sha256));
    return receipt;
}

START_TEST(receipt__is_written)
{
    struct buf buf;
    struct receipt receipt = sample();
    buf_init(&buf, 4096);
    receipt_write(&buf, &receipt);
    ck_assert_view_eq(buf_str(&buf), GOOD);
    buf_clear(&buf);
    receipt.id = STR("a\"b");
    receipt.duplicate = true;
    receipt_write(&buf, &receipt);
    ck_assert_view_eq(buf_str(&buf),
                      "{\"event_id\":\"" ID "\",\"id\":\"a\\\"b\",\"contract\":\"a.v1\",\"received_at\":"
                      "\"2026-11-22T08:01:02.000000Z\",\"sha256\":\"" DIGEST "\",\"duplicate\":true}");
    buf_clear(&buf);
    receipt = sample();
    receipt.quarantined = true;
    receipt_write(&buf, &receipt);
    ck_assert(str_ends(buf_str(&buf), STR("\"duplicate\":false,\"quarantined\":true}")));
    buf_release(&buf);
}
END_TEST

START_TEST(receipt__is_read_back)
{
    struct buf buf;
    struct json_doc doc;
    struct receipt wrote = sample(), got;
    buf_init(&buf, 4096);
    json_doc_init(&doc, NULL, 1 << 16);
    for (int i = 0; i < 8; i++) {
        wrote.quarantined = i & 4;
        wrote.id = i & 1 ? STR("msg_1") : STR_NULL;
        wrote.duplicate = i & 2;
        buf_clear(&buf);
        receipt_write(&buf, &wrote);
        ck_assert_int_eq(json_doc_parse(&doc, buf_str(&buf), NULL), JSON_FAULT_NONE);
        ck_assert(receipt_read(doc.root, &got));
        ck_assert(uuid_eq(&got.event_id, &wrote.event_id));
        ck_assert(str_eq(got.id, wrote.id) && !got.id.ptr == !wrote.id.ptr);
        ck_assert(str_eq(got.contract, wrote.contract));
        ck_assert_int_eq(got.received_at, wrote.received_at);
        ck_assert_mem_eq(got.sha256, wrote.sha256, SHA256_LEN);
        ck_assert_int_eq(got.duplicate, wrote.duplicate);
        ck_assert_int_eq(got.quarantined, wrote.quarantined);
    }
    buf_release(&buf);
    json_doc_release(&doc);
}
END_TEST

START_TEST(receipt__must_be_whole)
{
    static const struct {
        const char *body;
        bool ok;
    } rows[] = {
        {GOOD, true},
        {"{\"new\":[1],\"event_id\":\"" ID
         "\",\"contract\":\"a.v1\",\"received_at\":\"2026-11-22T08:01:02Z\","
         "\"sha256\":\"" DIGEST "\",\"duplicate\":true}",
         true},
        {BODY(ID, "2026-11-22T08:01:02.000000Z", DIGEST, "0"), false},
        {BODY(ID, "2026-11-22T08:01:02.000000Z", DIGEST, "null"), false},
        {BODY(ID, "2026-11-22T08:01:02.000000Z", "00ff", "true"), false},
        {BODY(ID, "yesterday", DIGEST, "true"), false},
        {BODY("x", "2026-11-22T08:01:02.000000Z", DIGEST, "true"), false},
        {"{\"event_id\":\"" ID
         "\",\"contract\":1,\"received_at\":\"2026-11-22T08:01:02Z\",\"sha256\":\"" DIGEST
         "\",\"duplicate\":true}",
         false},
        {"{\"event_id\":\"" ID "\",\"id\":1,\"contract\":\"a.v1\",\"received_at\":\"2026-11-22T08:01:02Z\","
         "\"sha256\":\"" DIGEST "\",\"duplicate\":true}",
         false},
        {"{}", false},
        {"[]", false},
        {"\"ok\"", false},
        {"null", false},
    };
    struct json_doc doc;
    json_doc_init(&doc, NULL, 1 << 16);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct receipt receipt;
        ck_assert_int_eq(json_doc_parse(&doc, str_from(rows[i].body), NULL), JSON_FAULT_NONE);
        ck_assert_msg(receipt_read(doc.root, &receipt) == rows[i].ok, "row %zu", i);
    }
    struct receipt receipt;
    ck_assert(!receipt_read(NULL, &receipt));
    json_doc_release(&doc);
}
END_TEST

CHECK_MAIN("receipt", receipt__is_written, receipt__is_read_back, receipt__must_be_whole)
