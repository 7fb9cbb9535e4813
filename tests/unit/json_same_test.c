/* json_same: what says the same is the same, however it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "json_same.h"

static int same(const char *one, const char *other)
{
    const int result = json_same(one, strlen(one), other, strlen(other));
    assert_int_equal(json_same(other, strlen(other), one, strlen(one)), result);
    return result;
}

static void test_same(void **state)
{
    (void)state;
    static const char *const alike[][2] = {
        {"1", "1.0"},
        {"1e2", " 100 "},
        {"-0", "0"},
        {"{\"a\":1,\"b\":[true,null]}", "{ \"b\" : [ true , null ] , \"a\" : 1.0 }"},
        {"\"\\u00e9\"", "\"\xc3\xa9\""},
        {"\"a\\u0000b\"", "\"a\\u0000b\""},
        {"123456789012345678901234567890", "1.2345678901234568e29"},
        {"{\"a\":1,\"a\":2}", "{\"a\":2}"},
        {"[]", "[ ]"},
    };
    static const char *const unlike[][2] = {
        {"1", "2"},
        {"1", "1.5"},
        {"9007199254740993", "9007199254740992"},
        {"1", "\"1\""},
        {"1", "true"},
        {"null", "false"},
        {"[1,2]", "[2,1]"},
        {"[1,2]", "[1]"},
        {"{\"a\":1}", "{\"a\":1,\"b\":1}"},
        {"{\"a\":1}", "{\"b\":1}"},
        {"{}", "[]"},
        {"\"a\\u0000b\"", "\"a\\u0000c\""},
        {"{", "{"},
        {"", ""},
        {"1 2", "1 2"},
    };
    for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
        if (!same(alike[i][0], alike[i][1])) fail_msg("%s, %s", alike[i][0], alike[i][1]);
    for (size_t i = 0; i < sizeof unlike / sizeof *unlike; i++)
        if (same(unlike[i][0], unlike[i][1])) fail_msg("%s, %s", unlike[i][0], unlike[i][1]);
}

static void test_each(void **state)
{
    (void)state;
    static const struct {
        const char *array, *value;
        int want;
    } cases[] = {{"[1,1.0]", "1", 1}, {"[1,2]", "1", 0}, {"[]", "1", -1}, {"1", "1", 0},
                 {"[1", "1", 0},      {"[[]]", "[]", 1}, {"[1]", "{", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(json_same_each(cases[i].array, strlen(cases[i].array), cases[i].value,
                                        strlen(cases[i].value)),
                         cases[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same),
                                       cmocka_unit_test(test_each)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
