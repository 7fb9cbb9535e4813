/*
 * Text on its way to a person: nothing that a terminal obeys, and widths as on the screen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static const struct {
    const char *text, *shown;
    size_t width;
} samples[] = {
    {"", "", 0},
    {"plain text", "plain text", 10},
    {"\033[31mred", "\\x1b[31mred", 11},
    {"a\r\nb\tc\007", "a\\x0d\\nb\\tc\\x07", 15},
    {"\x7f", "\\x7f", 4},
    {"\xc2\x9b"
     "31m",
     "\\u009b31m", 9},
    {"\xe2\x80\xae"
     "abc",
     "\\u202eabc", 9},
    {"\xff\xfe", "\\xff\\xfe", 8},
    {"\xc0\xaf", "\\xc0\\xaf", 8},           /* overlong */
    {"\xed\xa0\x80", "\\xed\\xa0\\x80", 12}, /* a surrogate */
    {"\xe2\x82", "\\xe2\\x82", 8},           /* cut off */
    {"\xc3\xa4\xc3\xb6", "\xc3\xa4\xc3\xb6", 2},
    {"e\xcc\x81", "e\xcc\x81", 1},
    {"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", 4},
    {"\xf0\x9f\x9a\xa2", "\xf0\x9f\x9a\xa2", 2},
};

enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void test_shows_nothing_that_a_terminal_obeys(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        char *page = NULL;
        size_t length = 0;
        FILE *stream = open_memstream(&page, &length);
        assert_non_null(stream);
        text_put(stream, samples[i].text);
        assert_int_equal(fclose(stream), 0);
        assert_string_equal(page, samples[i].shown);
        assert_int_equal(text_width(samples[i].text), samples[i].width);
        free(page);
    }
}

static void test_cuts_at_every_width(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        for (size_t columns = 0; columns < samples[i].width + 3; columns++) {
            char *page = NULL;
            size_t length = 0;
            FILE *stream = open_memstream(&page, &length);
            assert_non_null(stream);
            size_t filled = text_put_cut(stream, samples[i].text, columns);
            assert_int_equal(fclose(stream), 0);
            assert_true(filled <= columns);
            assert_int_equal(text_width(page), filled);
            assert_int_equal(strcmp(page, samples[i].shown) == 0, columns >= samples[i].width);
            free(page);
        }
    }
}

static void test_wraps_between_words(void **state)
{
    (void)state;
    char *page = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&page, &length);
    assert_non_null(stream);
    text_put_wrapped(stream, "one two three four\nnew line", 4, 14);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(page, "one two\n    three four\n    new line\n");
    free(page);
}

/* Nothing of the text is lost: not a blank, not a wide character, nor where one does not fit.
 */
static void test_folds_anywhere(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t columns;
        const char *page;
    } cases[] = {
        {"SET a  b", 80, "SET a  b\n"},
        {"SET a  b", 8, "SET a \n   b\n"},
        {"ab\x1b", 5, "ab\n  \\x1b\n"},
        {"\xe6\x97\xa5\xe6\x9c\xac", 5, "\xe6\x97\xa5\n  \xe6\x9c\xac\n"},
        {"abc", 1, "a\n  b\n  c\n"},
        {"", 10, "\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *page = NULL;
        size_t length = 0;
        FILE *stream = open_memstream(&page, &length);
        assert_non_null(stream);
        text_put_folded(stream, cases[i].text, 2, cases[i].columns);
        assert_int_equal(fclose(stream), 0);
        assert_string_equal(page, cases[i].page);
        free(page);
    }
}

static void test_makes_utf8_valid(void **state)
{
    (void)state;
    char *copy = text_valid("a\xff\xc3\xa4\xe2\x82");
    assert_string_equal(copy, "a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd");
    free(copy);
}

static void test_takes_numbers_strictly(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        " 1",
        "1 ",
        "+1",
        "-1",
        "0x1",
        "1.0",
        "1e3",
        "0",
        "101",
        "9223372036854775808",
        "99999999999999999999",
    };
    int64_t number = 7;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(text_number(wrong[i], 1, 100, &number), -1);
        assert_int_equal(number, 7);
    }
    assert_int_equal(text_number("100", 1, 100, &number), 0);
    assert_int_equal(number, 100);
    assert_int_equal(text_number("9223372036854775807", 1, INT64_MAX, &number), 0);
    assert_true(number == INT64_MAX);
}

static void test_words_times_and_counts(void **state)
{
    (void)state;
    char buf[TEXT_TIME], count[TEXT_COUNT];
    assert_string_equal(text_time(buf, "2020-02-11T13:19:00.123456Z"), "2020-02-11T13:19:00Z");
    assert_string_equal(text_time(buf, "once"), "once");
    assert_null(text_time(buf, NULL));
    assert_string_equal(
        text_between(buf, "2020-02-28T23:59:59.500Z", "2020-02-29T00:00:00.750Z"), "1.25 s");
    assert_string_equal(text_between(buf, "2020-02-11T13:19:00.123Z", "2020-02-11T14:20:30Z"),
                        "1 h 1 min");
    assert_null(text_between(buf, "2020-02-11T13:19:00.123Z", NULL));
    assert_string_equal(text_duration(buf, 0.0123), "0.01 s");
    assert_string_equal(text_duration(buf, 12.34), "12.3 s");
    assert_string_equal(text_duration(buf, 200), "3 min 20 s");
    assert_string_equal(text_count(count, 1, "row"), "1 row");
    assert_string_equal(text_count(count, 0, "row"), "0 rows");
}

static void test_finds_the_nearest_name(void **state)
{
    (void)state;
    static const char *const names[] = {"status", "history", "up", "redo", "run", "rollback"};
    static const struct {
        const char *word, *name;
    } cases[] = {
        {"stauts", "status"},
        {"stat", "status"},
        {"histroy", "history"},
        {"rnu", "run"},
        {"rol", "rollback"},
        {"xyzzy", NULL},
        {"", NULL},
        {"q", NULL},
        {"upp", "up"},
        {"rollbak", "rollback"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text_nearest nearest = {.word = cases[i].word};
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++)
            text_nearest_offer(&nearest, names[j]);
        text_nearest_offer(&nearest, NULL);
        if (cases[i].name == NULL) {
            assert_null(nearest.name);
        } else {
            assert_non_null(nearest.name);
            assert_string_equal(nearest.name, cases[i].name);
        }
    }
}

static void test_hides_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *said, *shown;
    } cases[] = {
        {"unknown command 'redis://ada:s3cret@host'", "unknown command 'redis://***@host'"},
        {"redis://:s3@cr/et@host x@y", "redis://***@host x@y"},
        {"redis://a@b redis://:cd@e", "redis://*@b redis://***@e"},
        {"unix://ada:***@/run/a@b.sock", "unix://ada:***@/run/a@b.sock"},
        {"https://host/@ada", "https://host/@ada"},
        {"ada@home", "ada@home"},
        {"://", "://"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "%s", cases[i].said);
        text_hide_secrets(text);
        assert_string_equal(text, cases[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shows_nothing_that_a_terminal_obeys),
        cmocka_unit_test(test_cuts_at_every_width),
        cmocka_unit_test(test_wraps_between_words),
        cmocka_unit_test(test_folds_anywhere),
        cmocka_unit_test(test_makes_utf8_valid),
        cmocka_unit_test(test_hides_secrets),
        cmocka_unit_test(test_takes_numbers_strictly),
        cmocka_unit_test(test_words_times_and_counts),
        cmocka_unit_test(test_finds_the_nearest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
