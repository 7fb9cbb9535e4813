/* arena: aligned, zeroed, never moving, never overlapping; failure is reported and survivable.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "arena.h"

static void test_empty(void **state)
{
    (void)state;
    struct arena arena = {0};
    arena_release(&arena);
    arena_release(&arena);
    assert_null(arena.chunks);
    assert_false(arena.failed);
}

/* Sizes around a chunk's, filled and then looked at again: nothing moved, nothing overlaps. */
static void test_nothing_overlaps(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 100, 4031, 4032, 4033, 100000};
    enum { ROUNDS = 20, SIZES = sizeof sizes / sizeof sizes[0] };
    struct arena arena = {0};
    unsigned char *all[ROUNDS][SIZES];

    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < SIZES; i++) {
            unsigned char *bytes = arena_alloc(&arena, sizes[i]);
            assert_non_null(bytes);
            assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
            for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(bytes[k], 0);
            memset(bytes, (int)(round * SIZES + i) + 1, sizes[i]);
            all[round][i] = bytes;
        }
    }
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < SIZES; i++) {
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(all[round][i][k], (unsigned char)(round * SIZES + i + 1));
        }
    }
    arena_release(&arena);
}

static void test_no_size_is_an_address(void **state)
{
    (void)state;
    struct arena arena = {0};
    void *first = arena_alloc(&arena, 0);
    void *second = arena_array(&arena, 0, 8);
    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    arena_release(&arena);
}

static void test_texts(void **state)
{
    (void)state;
    struct arena arena = {0};
    char *copy = arena_copy(&arena, "a\0bc", 3);
    assert_memory_equal(copy, "a\0b", 4);
    assert_string_equal(arena_copy(&arena, NULL, 0), "");
    assert_string_equal(arena_text(&arena, "text"), "text");
    assert_null(arena_text(&arena, NULL));
    assert_string_equal(arena_format(&arena, "%s:%d", "host", 6379), "host:6379");
    assert_int_equal(strlen(arena_format(&arena, "%09000d", 1)), 9000);
    assert_false(arena.failed);
    arena_release(&arena);
}

static void test_impossible_sizes(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_true(arena.failed);
    arena.failed = false;
    assert_null(arena_alloc(&arena, PTRDIFF_MAX));
    assert_true(arena.failed);
    arena.failed = false;
    assert_null(arena_array(&arena, SIZE_MAX / 2, 4));
    assert_true(arena.failed);
    arena_release(&arena);
    assert_false(arena.failed);
}

static void test_failure(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char *kept = arena_text(&arena, "kept");
    alloc_fail_at(1, true);
    assert_null(arena_alloc(&arena, 5000));
    assert_null(arena_format(&arena, "%05000d", 1));
    assert_null(arena_array(&arena, 1000, 8));
    assert_true(alloc_fail_happened());
    assert_true(arena.failed);
    alloc_fail_never();

    assert_string_equal(kept, "kept");
    assert_string_equal(arena_text(&arena, "more"), "more");
    assert_true(arena.failed);
    arena_release(&arena);
    assert_false(arena.failed);
}

static void test_first_allocation_fails(void **state)
{
    (void)state;
    struct arena arena = {0};
    alloc_fail_at(1, false);
    assert_null(arena_text(&arena, "text"));
    alloc_fail_never();
    assert_true(arena.failed);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_nothing_overlaps),
        cmocka_unit_test(test_no_size_is_an_address),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_impossible_sizes),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_first_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
