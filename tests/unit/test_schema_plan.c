// SPDX-License-Identifier: Apache-2.0
// lib/schema/plan: which instances get a plan, and that a plan looks at values.
#include "lib/base/buf.h"
#include "lib/schema/plan.h"
#include "tests/unit/check_main.h"
#include "tests/unit/test_parsed.h"

#define URI "https://test.invalid/schema.json"

static struct jsv_context *context;

static struct jsv_program *compile(const char *text)
{
    struct err err = {.text = ""};
    struct jsv_program *program = NULL;
    struct jsv_registry *registry = jsv_registry_new();
    if (!context)
        context = jsv_context_new(&err);
    ck_assert_msg(jsv_registry_add(registry, URI, parsed(text), JSV_2020_12, &err) &&
                      jsv_compile(registry, URI, NULL, &program, &err),
                  "%s", err.text);
    jsv_registry_free(registry);
    return program;
}

static void learn(const struct jsv_program *program, const char *text)
{
    for (unsigned i = 0; i < 2; i++)
        (void)!jsv_validate(program, context, parsed(text));
}

static const char event_schema[] =
    "{\"type\":\"object\",\"required\":[\"E\"],\"additionalProperties\":false,\"properties\":{\"E\":{"
    "\"type\":\"object\",\"required\":[\"id\",\"n\"],\"properties\":{\"id\":{\"type\":\"string\","
    "\"minLength\":1},\"n\":{\"type\":\"integer\",\"minimum\":0},\"rank\":{\"type\":\"integer\","
    "\"minimum\":1,\"maximum\":9},\"kind\":{\"enum\":[\"a\",\"bc\"]},\"is\":{\"const\":\"seventeen "
    "bytes!!\"},"
    "\"ratio\":{\"type\":\"number\",\"maximum\":1},\"hash\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{4}$"
    "\"},"
    "\"other\":{\"type\":\"integer\"},\"short\":{\"maxLength\":2}}}}}";

START_TEST(schema_plan__looks_at_values)
{
    static const struct {
        const char *good, *bad; // of one form
    } rows[] = {
        {"{\"E\":{\"id\":\"x\",\"n\":0}}", "{\"E\":{\"id\":\"\",\"n\":0}}"},
        {"{\"E\":{\"id\":\"x\",\"n\":5}}", "{\"E\":{\"id\":\"x\",\"n\":-1}}"},
        {"{\"E\":{\"id\":\"x\",\"n\":0,\"other\":-7}}", "{\"E\":{\"id\":\"x\",\"n\":-7,\"other\":0}}"},
        {"{\"E\":{\"id\":\"x\",\"n\":0,\"rank\":9}}", "{\"E\":{\"id\":\"x\",\"n\":0,\"rank\":10}}"},
        {"{\"E\":{\"id\":\"x\",\"n\":0,\"rank\":1}}", "{\"E\":{\"id\":\"x\",\"n\":0,\"rank\":0}}"},
        {"{\"E\":{\"id\":\"x\",\"n\":0,\"kind\":\"bc\"}}", "{\"E\":{\"id\":\"x\",\"n\":0,\"kind\":\"b\"}}"},
        {"{\"E\":{\"id\":\"x\",\"n\":0,\"is\":\"seventeen bytes!!\"}}",
         "{\"E\":{\"id\":\"x\",\"n\":0,\"is\":\"seventeen_bytes!!\"}}"},
        {"{\"E\":{\"id\":\"x\",\"n\":0,\"ratio\":0.5}}", "{\"E\":{\"id\":\"x\",\"n\":0,\"ratio\":1.5}}"},
        {"{\"E\":{\"id\":\"x\",\"n\":1.0}}", "{\"E\":{\"id\":\"x\",\"n\":1.5}}"},
        {"{\"E\":{\"id\":\"x\",\"n\":0,\"hash\":\"09af\"}}",
         "{\"E\":{\"id\":\"x\",\"n\":0,\"hash\":\"09ag\"}}"},
        {"{\"E\":{\"id\":\"x\",\"n\":0,\"short\":\"\\u20ac\\u20ac\"}}",
         "{\"E\":{\"id\":\"x\",\"n\":0,\"short\":\"abc\"}}"},
    };
    struct jsv_program *program = compile(event_schema);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct json *good = parsed(rows[i].good), *bad = parsed(rows[i].bad);
        ck_assert_msg(json_form_of(good) && json_form_of(good) == json_form_of(bad), "%s", rows[i].good);
        learn(program, i % 2 ? rows[i].bad : rows[i].good);
        enum jsv_plan_state state = jsv_plan_state_of(context, program, good);
        ck_assert_msg(state == PLAN_LIGHT, "%s", rows[i].good);
        ck_assert_msg(jsv_validate(program, context, good) == JSV_VALID, "%s", rows[i].good);
        ck_assert_msg(jsv_validate(program, context, bad) == JSV_INVALID, "%s", rows[i].bad);
    }
    jsv_program_unref(program);
}
END_TEST

START_TEST(schema_plan__settles_names_and_types)
{
    static const char *const never[] = {
        "{\"E\":{\"id\":\"x\"}}",
        "{\"E\":{\"id\":1,\"n\":0}}",
        "{\"E\":[]}",
        "{\"F\":{\"id\":\"x\",\"n\":0}}",
        "{\"E\":{\"id\":\"x\",\"n\":0},\"F\":1}",
        "[]",
        "{}",
    };
    struct jsv_program *program = compile(event_schema);
    for (size_t i = 0; i < ARRAY_LEN(never); i++) {
        learn(program, never[i]);
        ck_assert_msg(jsv_plan_state_of(context, program, parsed(never[i])) == PLAN_INVALID, "%s", never[i]);
        ck_assert_int_eq(jsv_validate(program, context, parsed(never[i])), JSV_INVALID);
    }
    ck_assert_int_eq(jsv_validate(program, context, parsed("1")), JSV_INVALID);
    jsv_program_unref(program);
}
END_TEST

// Constants and bounds: what is settled, and what is left is exact.
START_TEST(schema_plan__is_exact)
{
    static const struct {
        const char *schema, *good, *bad; // of one form; NULL: none
        enum jsv_plan_state state;
    } rows[] = {
        {"{\"const\":1}", "[1]", "[2]", PLAN_LIGHT},
        {"{\"const\":1.0}", "[1]", "[0]", PLAN_LIGHT},
        {"{\"const\":1.5}", NULL, "[1]", PLAN_INVALID},
        {"{\"const\":1}", "[1.0]", "[1.5]", PLAN_LIGHT},
        {"{\"const\":0}", "[-0.0]", "[5e-324]", PLAN_LIGHT},
        {"{\"const\":1.5}", "[15e-1]", "[1.0]", PLAN_LIGHT},
        {"{\"const\":\"1\"}", NULL, "[1.0]", PLAN_INVALID},
        {"{\"const\":9007199254740993}", NULL, "[9007199254740992.0]", PLAN_FULL},
        {"{\"enum\":[\"a\",\"b\",\"abc\",\"abcd\",\"abce\",\"abcdefgh\",\"abcdefgi\",\"0123456789abcdef\"]}",
         "[\"abce\",\"abc\",\"a\",\"abcdefgi\",\"0123456789abcdef\"]",
         "[\"abce\",\"abd\",\"a\",\"abcdefgi\",\"0123456789abcdef\"]", PLAN_LIGHT},
        {"{\"enum\":[\"0123456789abcdefg\",\"0123456789abcdef0123456789abcdef\",\"0123456789abcdef+"
         "123456789abcdefg\"]}",
         "[\"0123456789abcdefg\",\"0123456789abcdef0123456789abcdef\"]",
         "[\"0123456789abcdefg\",\"0123456789abcdef0023456789abcdef\"]", PLAN_LIGHT},
        {"{\"const\":9223372036854775808}", NULL, "[9223372036854775807]", PLAN_INVALID},
        {"{\"const\":\"1\"}", NULL, "[1]", PLAN_INVALID},
        {"{\"const\":null}", "[null]", NULL, PLAN_VALID},
        {"{\"const\":0}", NULL, "[null]", PLAN_INVALID},
        {"{\"enum\":[\"a\",null]}", "[null]", NULL, PLAN_VALID},
        {"{\"enum\":[\"a\",0]}", NULL, "[null]", PLAN_INVALID},
        {"{\"enum\":[1,null]}", NULL, "[\"\"]", PLAN_INVALID},
        {"{\"enum\":[\"\",\"a\",\"aa\",\"aab\"]}", "[\"\"]", "[\"ab\"]", PLAN_LIGHT},
        {"{\"enum\":[\"aaa\",\"seventeen bytes!!\",\"twenty-five bytes of text\"]}",
         "[\"twenty-five bytes of text\"]", "[\"twenty-five_bytes of text\"]", PLAN_LIGHT},
        {"{\"const\":\"a text of twenty-four by.\"}", "[\"a text of twenty-four by.\"]",
         "[\"a text of_twenty-four by.\"]", PLAN_LIGHT},
        {"{\"minimum\":0.1}", "[0.1]", "[0.09999999999999999]", PLAN_LIGHT},
        {"{\"exclusiveMinimum\":0.1}", "[0.10000000000000002]", "[0.1]", PLAN_LIGHT},
        {"{\"exclusiveMaximum\":0}", "[-5e-324]", "[-0.0]", PLAN_LIGHT},
        {"{\"maximum\":9007199254740993}", "[9007199254740992.0]", "[9007199254740994.0]", PLAN_LIGHT},
        {"{\"minimum\":9007199254740993}", "[9007199254740994.0]", "[9007199254740992.0]", PLAN_LIGHT},
        {"{\"exclusiveMinimum\":9007199254740993}", "[9007199254740994.0]", "[9007199254740992.0]",
         PLAN_LIGHT},
        {"{\"exclusiveMaximum\":9223372036854775807}", "[9223372036854774784.0]", "[9223372036854775808.0]",
         PLAN_LIGHT},
        {"{\"type\":\"integer\",\"minimum\":3}", "[9007199254740994.0]", "[3.5]", PLAN_LIGHT},
        {"{\"minLength\":1}", "[\"a\",\"\\u20ac\"]", "[\"a\",\"\"]", PLAN_LIGHT},
        {"{\"minimum\":0}", "[1,0]", "[1,-1]", PLAN_LIGHT},
        {"{\"minLength\":1,\"minimum\":0}", "[1,\"a\"]", "[1,\"\"]", PLAN_LIGHT},
        {"{\"items\":{\"minimum\":0}}", "[[[]],[1,[[]]],[2]]", "[[[]],[1,[[]]],[-2]]", PLAN_LIGHT},
    };
    char text[256];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(text, sizeof(text), "{\"items\":%s}", rows[i].schema);
        struct jsv_program *program = compile(text);
        const char *some = rows[i].good ? rows[i].good : rows[i].bad;
        learn(program, some);
        ck_assert_msg(jsv_plan_state_of(context, program, parsed(some)) == rows[i].state, "%s of %s: %d",
                      some, text, (int)jsv_plan_state_of(context, program, parsed(some)));
        if (rows[i].good)
            ck_assert_msg(jsv_validate(program, context, parsed(rows[i].good)) == JSV_VALID, "%s of %s",
                          rows[i].good, text);
        if (rows[i].bad)
            ck_assert_msg(jsv_validate(program, context, parsed(rows[i].bad)) == JSV_INVALID, "%s of %s",
                          rows[i].bad, text);
        if (rows[i].good && rows[i].bad)
            ck_assert_msg(json_form_of(parsed(rows[i].good)) == json_form_of(parsed(rows[i].bad)), "%s",
                          rows[i].good);
        jsv_program_unref(program);
    }
}
END_TEST

// What depends on values under a choice is asked of the program; what has no form, or does not fit, is as
// before.
START_TEST(schema_plan__leaves_the_rest_to_the_program)
{
    struct jsv_program *program =
        compile("{\"anyOf\":[{\"items\":{\"minimum\":5}},{\"items\":{\"maximum\":1}}]}");
    struct buf text;
    learn(program, "[9]");
    ck_assert_int_eq(jsv_plan_state_of(context, program, parsed("[1]")), PLAN_FULL);
    ck_assert_int_eq(jsv_validate(program, context, parsed("[0]")), JSV_VALID);
    ck_assert_int_eq(jsv_validate(program, context, parsed("[3]")), JSV_INVALID);
    ck_assert_int_eq(jsv_validate(program, context, parsed("[6]")), JSV_VALID);
    jsv_program_unref(program);

    program = compile("{\"items\":{\"minimum\":5}}");
    buf_init(&text, 1 << 16);
    for (unsigned count = PLAN_CHECKS; count <= PLAN_CHECKS + 1; count++) {
        buf_clear(&text);
        for (unsigned i = 0; i < count; i++)
            buf_put_cstr(&text, i ? ",7" : "[7");
        buf_put(&text, "]", 2);
        learn(program, text.ptr);
        ck_assert_int_eq(jsv_plan_state_of(context, program, parsed(text.ptr)),
                         count > PLAN_CHECKS ? PLAN_NONE : PLAN_LIGHT);
        ck_assert_int_eq(jsv_validate(program, context, parsed(text.ptr)), JSV_VALID);
        text.ptr[1] = '4';
        ck_assert_int_eq(jsv_validate(program, context, parsed(text.ptr)), JSV_INVALID);
    }
    buf_release(&text);
    jsv_program_unref(program);
}
END_TEST

// Where a member's value chooses the branch each value has a plan, and one branch's values say nothing of the
// other's.
START_TEST(schema_plan__a_member_chooses_the_branch)
{
    struct jsv_program *program = compile(
        "{\"type\":\"object\",\"properties\":{\"x\":{\"minimum\":0}},\"oneOf\":["
        "{\"required\":[\"kind\"],\"properties\":{\"kind\":{\"const\":\"a\"},\"n\":{\"maximum\":5}}},"
        "{\"required\":[\"kind\"],\"properties\":{\"kind\":{\"enum\":[\"b\",\"bb\"]},\"n\":{\"minimum\":3}}},"
        "{\"required\":[\"kind\",\"s\"],\"properties\":{\"kind\":{\"const\":\"c\"},\"n\":{\"type\":\"null\"}}"
        "}]}");
    static const struct {
        const char *text;
        enum jsv_verdict verdict;
    } rows[] = {
        {"{\"kind\":\"a\",\"n\":5,\"x\":0}", JSV_VALID},
        {"{\"kind\":\"a\",\"n\":6,\"x\":0}", JSV_INVALID},
        {"{\"kind\":\"b\",\"n\":6,\"x\":0}", JSV_VALID},
        {"{\"kind\":\"bb\",\"n\":3,\"x\":0}", JSV_VALID},
        {"{\"kind\":\"b\",\"n\":2,\"x\":0}", JSV_INVALID},
        {"{\"kind\":\"bb\",\"n\":2,\"x\":0}", JSV_INVALID},
        {"{\"kind\":\"c\",\"n\":2,\"x\":0}", JSV_INVALID},
        {"{\"kind\":\"d\",\"n\":4,\"x\":0}", JSV_INVALID},
        {"{\"kind\":\"\",\"n\":4,\"x\":0}", JSV_INVALID},
        {"{\"kind\":\"a\",\"n\":4,\"x\":-1}", JSV_INVALID},
        {"{\"kind\":\"b\",\"n\":4,\"x\":-1}", JSV_INVALID},
    };
    for (unsigned round = 0; round < 4; round++)
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            ck_assert_msg(jsv_validate(program, context, parsed(rows[i].text)) == rows[i].verdict,
                          "%s in round %u", rows[i].text, round);
    const struct json *instance = parsed(rows[0].text);
    ck_assert_int_eq(jsv_plan_state_of(context, program, instance), PLAN_SWITCH);
    for (uint32_t value = 0; value < 3; value++) // a, b, bb; the form leaves c no chance
        ck_assert_int_eq(jsv_plan_choice_slot(context, program, json_form_of(instance), value)->state,
                         PLAN_LIGHT);
    // One branch is left: no choice.
    learn(program, "{\"kind\":\"c\",\"n\":null,\"s\":0}");
    ck_assert_int_eq(jsv_validate(program, context, parsed("{\"kind\":\"c\",\"n\":null,\"s\":0}")),
                     JSV_VALID);
    learn(program, "{\"n\":1}");
    ck_assert_int_eq(jsv_plan_state_of(context, program, parsed("{\"n\":1}")), PLAN_INVALID);
    learn(program, "{\"kind\":1}");
    ck_assert_int_eq(jsv_plan_state_of(context, program, parsed("{\"kind\":1}")), PLAN_INVALID);
    jsv_program_unref(program);
}
END_TEST

// Two programs and one form.
START_TEST(schema_plan__is_of_one_program)
{
    struct jsv_program *small = compile("{\"items\":{\"maximum\":5}}"),
                       *large = compile("{\"items\":{\"minimum\":6}}");
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(jsv_validate(small, context, parsed("[3]")), JSV_VALID);
        ck_assert_int_eq(jsv_validate(large, context, parsed("[3]")), JSV_INVALID);
        ck_assert_int_eq(jsv_validate(small, context, parsed("[8]")), JSV_INVALID);
        ck_assert_int_eq(jsv_validate(large, context, parsed("[8]")), JSV_VALID);
    }
    jsv_program_unref(small);
    jsv_program_unref(large);
    jsv_context_free(context);
    context = NULL;
}
END_TEST

// Of so many strings some share a slot, and some are longer than two words.
START_TEST(schema_plan__finds_each_of_many_texts)
{
    struct buf schema, text;
    buf_init(&schema, 1 << 16);
    buf_init(&text, 1 << 16);
    buf_put_cstr(&schema, "{\"items\":{\"enum\":[");
    for (unsigned i = 0; i < 300; i++)
        buf_putf(&schema, "%s\"%.*s%u\"", i ? "," : "", (int)(i % 25), "abcdefghijklmnopqrstuvwxyz", i);
    buf_put(&schema, "]}}", 4);
    struct jsv_program *program = compile(schema.ptr);
    learn(program, "[\"\"]");
    for (unsigned i = 0; i < 300; i++) {
        for (unsigned other = 0; other < 2; other++) {
            buf_clear(&text);
            buf_putf(&text, "[\"%.*s%u%s\"]", (int)(i % 25), "abcdefghijklmnopqrstuvwxyz", i,
                     other ? "x" : "");
            buf_put(&text, "", 1);
            ck_assert_int_eq(jsv_plan_state_of(context, program, parsed(text.ptr)), PLAN_LIGHT);
            ck_assert_msg(jsv_validate(program, context, parsed(text.ptr)) ==
                              (other ? JSV_INVALID : JSV_VALID),
                          "%s", text.ptr);
        }
    }
    jsv_program_unref(program);
    buf_release(&schema);
    buf_release(&text);
}
END_TEST

CHECK_MAIN("schema_plan", schema_plan__finds_each_of_many_texts, schema_plan__looks_at_values,
           schema_plan__settles_names_and_types, schema_plan__is_exact,
           schema_plan__leaves_the_rest_to_the_program, schema_plan__a_member_chooses_the_branch,
           schema_plan__is_of_one_program)
