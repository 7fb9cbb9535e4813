/* Verdicts on their way from one process to another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"
#include "verdict.h"

static const struct verdict_difference DIFFERENCE = {
    .line = 12,
    .column = 7,
    .moment = "after up",
    .what = "GET 7:a\nb",
    .expected = "\"\"",
    .got = "x: y",
};

/* A verdict, written and read. */
static void pass_on(const struct verdict *verdict, struct verdict *read)
{
    struct buffer bytes = {0};
    struct error err = {0};
    verdict_write(verdict, &bytes);
    assert_int_equal(verdict_read(read, bytes.bytes, bytes.length, &err), 0);
    buffer_release(&bytes);
}

static void all_of_it_arrives(void **state)
{
    struct verdict verdict = {.seconds = 1.5, .kills = 3, .failed_moment = "up"};
    struct verdict read;
    (void)state;
    verdict_add(&verdict, &DIFFERENCE);
    (void)error_set(&verdict.error, ERROR_OPERATOR, "who: knows");
    pass_on(&verdict, &read);
    assert_int_equal(read.count, 1);
    assert_int_equal(read.items[0].line, 12);
    assert_int_equal(read.items[0].column, 7);
    assert_string_equal(read.items[0].moment, "after up");
    assert_string_equal(read.items[0].what, "GET 7:a\nb");
    assert_string_equal(read.items[0].expected, "\"\"");
    assert_string_equal(read.items[0].got, "x: y");
    assert_int_equal(read.error.code, ERROR_OPERATOR);
    assert_string_equal(read.error.message, "who: knows");
    assert_string_equal(read.failed_moment, "up");
    assert_int_equal(read.kills, 3);
    assert_true(read.seconds > 1.49 && read.seconds < 1.51);
    assert_false(verdict_is_good(&read));
    verdict_release(&verdict);
    verdict_release(&read);
}

static void a_good_one_is_good(void **state)
{
    struct verdict verdict = {.kills = 2}, read;
    (void)state;
    pass_on(&verdict, &read);
    assert_true(verdict_is_good(&read));
    assert_null(read.failed_moment);
    verdict_release(&read);
}

static void those_without_room_are_counted(void **state)
{
    struct verdict verdict = {0}, read;
    (void)state;
    for (int i = 0; i < VERDICT_MOST + 3; i++) verdict_add(&verdict, &DIFFERENCE);
    pass_on(&verdict, &read);
    assert_int_equal(read.count, VERDICT_MOST);
    assert_int_equal(read.omitted, 3);
    verdict_release(&verdict);
    verdict_release(&read);
}

/* A process that was killed may leave any part of it. */
static void no_part_of_it_is_taken_for_the_whole(void **state)
{
    struct verdict verdict = {0}, read;
    struct buffer bytes = {0};
    struct error err = {0};
    (void)state;
    verdict_add(&verdict, &DIFFERENCE);
    verdict_write(&verdict, &bytes);
    for (size_t length = 0; length < bytes.length; length++) {
        assert_int_equal(verdict_read(&read, bytes.bytes, length, &err), -1);
        verdict_release(&read);
    }
    buffer_append_char(&bytes, 'x');
    assert_int_equal(verdict_read(&read, bytes.bytes, bytes.length, &err), -1);
    verdict_release(&read);
    verdict_release(&verdict);
    buffer_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_arrives),
        cmocka_unit_test(a_good_one_is_good),
        cmocka_unit_test(those_without_room_are_counted),
        cmocka_unit_test(no_part_of_it_is_taken_for_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
