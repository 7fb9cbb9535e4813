/* What was heard, held against what should have been. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "heard.h"
#include "test_file.h"
#include "verdict.h"

enum { MOST = 16 };

/* Each word is a message to the channel c. */
static size_t messages_of(struct heard_message items[MOST], char words[128], const char *all)
{
    char *rest = NULL;
    size_t count = 0;
    (void)snprintf(words, 128, "%s", all);
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        items[count++] = (struct heard_message){"c", 1, word, strlen(word)};
    return count;
}

static const char *join(const struct verdict *verdict)
{
    static char all[2048];
    all[0] = '\0';
    for (size_t i = 0; i < verdict->count; i++) {
        const struct verdict_difference *item = &verdict->items[i];
        const size_t used = strlen(all);
        (void)snprintf(all + used, sizeof all - used, "%s%d %s|%s", i > 0 ? "; " : "",
                       item->line, item->expected, item->got);
    }
    return all;
}

/* What is noted where wanted is expected, on lines 11, 12, …, and got is heard. */
static const char *noted(const char *wanted, const char *got)
{
    struct heard_message expected[MOST], heard[MOST];
    struct test_message messages[MOST];
    char words[128], other_words[128];
    struct verdict verdict = {0};
    struct error err = {0};
    struct test_expectation expectation = {
        .published_line = 10, .messages = messages, .has_published = true};
    expectation.message_count = messages_of(expected, words, wanted);
    for (size_t i = 0; i < expectation.message_count; i++)
        messages[i] = (struct test_message){.channel = "c",
                                            .channel_length = 1,
                                            .message = expected[i].message,
                                            .message_length = expected[i].message_length,
                                            .line = 11 + (int)i};
    const struct heard all = {.items = heard, .count = messages_of(heard, other_words, got)};
    assert_int_equal(heard_compare(&all, &expectation, "then", &verdict, &err), 0);
    const char *text = join(&verdict);
    verdict_release(&verdict);
    return text;
}

static void messages_are_compared_in_order(void **state)
{
    (void)state;
    assert_string_equal(noted("a b c", "a b c"), "");
    assert_string_equal(noted("", ""), "");
    assert_string_equal(noted("a b", "b a"), "10 no message|c: b; 12 c: b|no message");
    assert_string_equal(noted("a b c", "a x c"), "12 c: b|c: x");
}

static void what_is_missing_does_not_make_all_behind_it_wrong(void **state)
{
    (void)state;
    assert_string_equal(noted("a b c d", "a c d"), "12 c: b|no message");
    assert_string_equal(noted("a c d", "a b c d"), "10 no message|c: b");
    assert_string_equal(noted("a b", "a"), "12 c: b|no message");
    assert_string_equal(noted("a", "a b"), "10 no message|c: b");
    assert_string_equal(noted("", "a"), "10 no message|c: a");
    assert_string_equal(noted("a a a", "a a"), "13 c: a|no message");
    assert_string_equal(noted("a b c d e", "a x y d z"),
                        "12 c: b|c: x; 13 c: c|c: y; 15 c: e|c: z");
}

/* What is noted where undisturbed was heard of one run, and got of another. */
static const char *noted_again(const char *undisturbed, const char *got, size_t often,
                               bool once)
{
    struct heard_message one[MOST], other[MOST];
    char words[128], other_words[128];
    struct verdict verdict = {0};
    struct error err = {0};
    const struct heard before = {.items = one, .count = messages_of(one, words, undisturbed)};
    const struct heard after = {.items = other, .count = messages_of(other, other_words, got)};
    const struct heard_promise promise = {.undisturbed = &before, .often = often, .once = once};
    assert_int_equal(heard_compare_again(&after, &promise, "then", &verdict, &err), 0);
    const char *text = join(&verdict);
    verdict_release(&verdict);
    return text;
}

static void a_promise_of_once_is_kept(void **state)
{
    (void)state;
    assert_string_equal(noted_again("a b", "b a", 0, true), "");
    assert_string_equal(noted_again("a b", "a b b", 0, true), "0 1 times|2 times");
    assert_string_equal(noted_again("a b", "a", 0, true), "0 1 times|0 times");
    assert_string_equal(noted_again("a", "a x", 0, true), "0 0 times|1 times");
    assert_string_equal(noted_again("a a", "a", 0, true), "0 2 times|1 times");
}

static void the_last_ones_may_come_again(void **state)
{
    (void)state;
    assert_string_equal(noted_again("a b", "a b b", 1, true), "");
    assert_string_equal(noted_again("a b", "a a b", 1, true), "0 1 times|2 times");
    assert_string_equal(noted_again("a b", "a", 1, true), "0 at least 1 times|0 times");
    assert_string_equal(noted_again("a b", "a a b", 0, false), "");
    assert_string_equal(noted_again("a b", "b", 0, false), "0 at least 1 times|0 times");
    assert_string_equal(noted_again("a", "a x", 0, false), "0 0 times|1 times");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_compared_in_order),
        cmocka_unit_test(what_is_missing_does_not_make_all_behind_it_wrong),
        cmocka_unit_test(a_promise_of_once_is_kept),
        cmocka_unit_test(the_last_ones_may_come_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
