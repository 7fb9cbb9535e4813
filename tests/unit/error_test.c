/* error: one tidy line whatever goes in, cut between characters, and a good guess at slips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "json.h"

static void test_set(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(error_set(&err, ERROR_LOCKED, "held by '%s' since %d", "ada", 5), -1);
    assert_int_equal(err.code, ERROR_LOCKED);
    assert_string_equal(err.message, "held by 'ada' since 5");

    error_clear(&err);
    assert_int_equal(err.code, ERROR_NONE);
    assert_string_equal(err.message, "");
}

static void test_at(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(error_at(&err, "dir/1_a.yaml", 3, 17, "unknown key '%s'", "raed"), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_string_equal(err.message, "dir/1_a.yaml:3:17: unknown key 'raed'");
}

static void test_prefix(void **state)
{
    (void)state;
    struct error err = {0};
    error_set(&err, ERROR_OPERATOR, "fenced");
    assert_int_equal(error_prefix(&err, "%lld, step '%s': ", 20200211131900LL, "flags"), -1);
    assert_int_equal(err.code, ERROR_OPERATOR);
    assert_string_equal(err.message, "20200211131900, step 'flags': fenced");
}

static void test_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *quoted, *shown;
    } cases[] = {
        {"redis://ada:s3cret@host:6379/2", "redis://***@host:6379/2"},
        {"redis://s3cret@host", "redis://***@host"},
        {"redis://:s3@cr@et@host", "redis://***@host"},
        {"redis://:s3/cr?et@host", "redis://***@host"},
        {"redis://a@b and redis://c@d", "redis://***@b and redis://***@d"},
        {"(redis://:s3cret@host) ada@home", "(redis://***@host) ada@home"},
        {"redis://ada:***@host", "redis://ada:***@host"},
        {"redis://***@host", "redis://***@host"},
        {"unix://ada:***@/run/a@b:c.sock", "unix://ada:***@/run/a@b:c.sock"},
        {"https://host/@ada", "https://host/@ada"},
        {"redis://host:6379", "redis://host:6379"},
        {"ada@home", "ada@home"},
        {"://@", "://***@"},
        {"://", "://"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        char wanted[128];
        error_set(&err, ERROR_INVALID, "'%s' is none", cases[i].quoted);
        (void)snprintf(wanted, sizeof wanted, "'%s' is none", cases[i].shown);
        assert_string_equal(err.message, wanted);

        error_at(&err, "1_a.yaml", 1, 2, "'%s' is none", cases[i].quoted);
        assert_string_equal(err.message + strlen("1_a.yaml:1:2: "), wanted);

        error_set(&err, ERROR_FAILED, "why");
        error_prefix(&err, "%s: ", cases[i].quoted);
        (void)snprintf(wanted, sizeof wanted, "%s: why", cases[i].shown);
        assert_string_equal(err.message, wanted);
    }
}

/* That waiting may help is said of one failure: words in front keep it, another failure forgets
 * it. */
static void test_passing(void **state)
{
    (void)state;
    struct error err = {0};
    error_set(&err, ERROR_SQL_UNREACHABLE, "starting up");
    assert_false(err.passing);
    err.passing = true;
    error_prefix(&err, "--database: ");
    assert_true(err.passing);
    error_set(&err, ERROR_FAILED, "no");
    assert_false(err.passing);
    err.passing = true;
    error_at(&err, "f", 1, 1, "no");
    assert_false(err.passing);
    err.passing = true;
    error_memory(&err);
    assert_false(err.passing);
    err.passing = true;
    error_clear(&err);
    assert_false(err.passing);
}

static void test_memory(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(error_memory(&err), -1);
    assert_int_equal(err.code, ERROR_FAILED);
    assert_string_equal(err.message, "out of memory");
}

/* The message may be an argument of the message that replaces it. */
static void test_own_message(void **state)
{
    (void)state;
    struct error err = {0};
    error_set(&err, ERROR_FAILED, "inner");
    error_set(&err, ERROR_INVALID, "outer: %s, once more: %s", err.message, err.message);
    assert_string_equal(err.message, "outer: inner, once more: inner");
    error_prefix(&err, "%s and ", err.message);
    assert_string_equal(err.message,
                        "outer: inner, once more: inner and outer: inner, once more: inner");
}

static void test_tidy(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        const char *kept;
    } cases[] = {
        {"", ""},
        {"\n", ""},
        {"plain\n", "plain"},
        {"\r\nplain", "plain"},
        {"server failed\n\tIs it running?\r\n", "server failed Is it running?"},
        {"failed \n  HINT:  none", "failed HINT:  none"},
        {"key 'a  b'", "key 'a  b'"},
        {"esc\x1b[31mred\x7f!", "esc [31mred !"},
        {"größe €5 🐘", "größe €5 🐘"},
        {"\xFF", "?"},
        {"a\xC3", "a?"},
        {"a\xC3(", "a?("},
        {"\xED\xA0\x80", "???"},
        {"\xF0\x9F\x90", "???"},
        {"trailing   ", "trailing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        error_set(&err, ERROR_FAILED, "%s", cases[i].given);
        assert_string_equal(err.message, cases[i].kept);
    }
}

/* A prefix's blank at its end is between it and the message, not at the end of a line. */
static void test_prefix_tidies(void **state)
{
    (void)state;
    struct error err = {0};
    error_set(&err, ERROR_FAILED, "no");
    error_prefix(&err, "row 'a\nb': ");
    assert_string_equal(err.message, "row 'a b': no");
}

/* Every length around the limit, in characters of one to four bytes. */
static void test_truncation(void **state)
{
    (void)state;
    static const char *const characters[] = {"x", "ß", "€", "🐘"};
    for (size_t c = 0; c < 4; c++) {
        size_t wide = strlen(characters[c]);
        for (size_t length = ERROR_MESSAGE_SIZE - 12; length < ERROR_MESSAGE_SIZE + 12;
             length++) {
            char text[ERROR_MESSAGE_SIZE + 16] = "";
            size_t at = 0;
            while (at + wide <= length) {
                memcpy(text + at, characters[c], wide);
                at += wide;
            }
            memset(text + at, 'y', length - at);

            struct error err = {0};
            error_set(&err, ERROR_FAILED, "%s", text);
            size_t kept = strlen(err.message);
            assert_true(json_is_utf8(err.message, kept));
            if (length < ERROR_MESSAGE_SIZE) {
                assert_string_equal(err.message, text);
            } else {
                assert_true(kept > ERROR_MESSAGE_SIZE - 12);
                assert_string_equal(err.message + kept - 3, "…");
                assert_memory_equal(err.message, text, kept - 3);
            }
        }
    }
}

static void test_truncation_of_much(void **state)
{
    (void)state;
    char text[5 * ERROR_MESSAGE_SIZE];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    struct error err = {0};
    error_set(&err, ERROR_FAILED, "%s", text);
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_SIZE - 1);
    assert_string_equal(err.message + ERROR_MESSAGE_SIZE - 4, "…");

    error_prefix(&err, "%s", "in front: ");
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_SIZE - 1);
    assert_memory_equal(err.message, "in front: xxx", 13);
    assert_string_equal(err.message + ERROR_MESSAGE_SIZE - 4, "…");

    /* Blanks that fold away leave room, but what lay behind them is still missing. */
    memset(text, '\n', sizeof text - 1);
    text[0] = 'a';
    error_set(&err, ERROR_FAILED, "%s", text);
    assert_string_equal(err.message, "a…");
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const keys[] = {"name", "read",    "from",  "key",   "write",
                                       "sql",  "publish", "batch", "pause", "description"};
    static const struct {
        const char *word;
        const char *nearest;
    } cases[] = {
        {"raed", "read"},
        {"reed", "read"},
        {"READ", "read"},
        {"rea", "read"},
        {"publlish", "publish"},
        {"keys", "key"},
        {"wirte", "write"},
        {"decsription", "description"},
        {"sqll", "sql"},
        {"elephant", NULL},
        {"x", NULL},
        {"", NULL},
        {"xyz", NULL},
        {"batch", "batch"},
        {"pauze", "pause"},
        {"writes", "write"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *nearest = error_nearest(cases[i].word, keys, sizeof keys / sizeof keys[0]);
        if (cases[i].nearest == NULL) {
            assert_null(nearest);
        } else {
            assert_non_null(nearest);
            assert_string_equal(nearest, cases[i].nearest);
        }
    }
    assert_null(error_nearest("read", NULL, 0));
}

/* The nearest of several, the first of equals, and words of any length. */
static void test_nearest_of_many(void **state)
{
    (void)state;
    char lengthy[200];
    memset(lengthy, 'a', sizeof lengthy);
    lengthy[sizeof lengthy - 1] = '\0';
    const char *const words[] = {lengthy, "statue", "statxs", "status"};
    assert_ptr_equal(error_nearest("status", words, 4), words[3]);
    assert_ptr_equal(error_nearest("statu", words, 4), words[1]);
    assert_null(error_nearest(lengthy, words, 4));
    lengthy[63] = '\0';
    assert_ptr_equal(error_nearest(lengthy, words, 4), words[0]);
}

/* Who knows which migration it is about says so behind; too long a message still ends. */
static void test_name_version(void **state)
{
    (void)state;
    struct error err = {0};
    (void)error_set(&err, ERROR_OPERATOR,
                    "'VERSION' is odd; `redferry repair VERSION` or "
                    "`redferry down --only VERSION` helps");
    err.passing = true;
    assert_int_equal(error_name_version(&err, 20200211131900), -1);
    assert_string_equal(err.message, "'VERSION' is odd; `redferry repair 20200211131900` or "
                                     "`redferry down --only 20200211131900` helps");
    assert_int_equal(err.code, ERROR_OPERATOR);
    assert_true(err.passing);
    (void)error_set(&err, ERROR_FAILED, "%02040d VERSION`", 0);
    (void)error_name_version(&err, INT64_MAX);
    assert_null(strstr(err.message, "VERSION"));
    assert_in_range(strlen(err.message), ERROR_MESSAGE_SIZE - 8, ERROR_MESSAGE_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_at),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_passing),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_own_message),
        cmocka_unit_test(test_tidy),
        cmocka_unit_test(test_prefix_tidies),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_truncation_of_much),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_nearest_of_many),
        cmocka_unit_test(test_name_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
