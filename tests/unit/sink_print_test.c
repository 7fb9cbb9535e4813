/* sink_print: every row's commands are shown, once and in order, as a person would type them;
 * what another sink would refuse is refused; and nothing needs a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "buffer.h"
#include "sink_print.h"
#include "sink_rows.h"

/* What was shown, as "row key: text\n". */
static int show(void *context, const struct sink_print_line *line, struct error *err)
{
    struct buffer *shown = context;
    (void)err;
    buffer_append_format(shown, "%d %s: %s%s\n", (int)line->row,
                         line->key != NULL ? line->key : "-", line->text,
                         line->command->is_publish ? " (told)" : "");
    return 0;
}

struct world {
    struct arena arena;
    struct sink_rows rows;
    struct buffer shown;
    struct sink *sink;
};

static void begin(struct world *world, size_t key_count, const char *channel,
                  const char *const *writes)
{
    struct error err = {0};
    *world = (struct world){0};
    sink_rows_init(&world->rows, &world->arena, key_count, channel, writes);
    world->rows.sink_step.batch = 7;
    assert_int_equal(sink_print_open(&world->sink, show, &world->shown, &err), 0);
    assert_int_equal(sink_begin(world->sink, &world->rows.sink_step, &err), 0);
}

static void end(struct world *world)
{
    sink_close(world->sink);
    buffer_release(&world->shown);
    arena_release(&world->arena);
}

static void expect_shown(struct world *world, const char *text)
{
    assert_string_equal(buffer_text(&world->shown), text);
    buffer_clear(&world->shown);
}

static void test_shows_what_is_sent(void **state)
{
    (void)state;
    static const char *const writes[] = {"SET flag:${name} ${n}", "SADD all ${name}", NULL};
    struct error err = {0};
    struct world world;
    begin(&world, 1, "news", writes);
    assert_int_equal(sink_batch_rows(world.sink), 7);
    assert_int_equal(sink_rows_put(world.sink, "a b", 1, &err), 0);
    assert_int_equal(sink_rows_put(world.sink, "\x1b[2J\xff", 2, &err), -1);
    expect_shown(&world, "");
    assert_int_equal(sink_close_batch(world.sink, "[\"a b\"]", &err), 0);
    expect_shown(&world, "1 'a b': SET \"flag:a b\" 1\n"
                         "1 'a b': SADD all \"a b\"\n"
                         "1 'a b': PUBLISH news '{\"name\":\"a b\",\"n\":1}' (told)\n");
    assert_string_equal(sink_cursor(world.sink), "[\"a b\"]");

    /* The next batch goes on counting; an empty one is none. */
    assert_int_equal(sink_close_batch(world.sink, NULL, &err), 0);
    expect_shown(&world, "");
    sink_rows_must_put(world.sink, 2);
    sink_rows_must_put(world.sink, 3);
    assert_int_equal(sink_close_batch(world.sink, NULL, &err), 0);
    expect_shown(&world, "2 'row2': SET flag:row2 2\n"
                         "2 'row2': SADD all row2\n"
                         "2 'row2': PUBLISH news '{\"name\":\"row2\",\"n\":2}' (told)\n"
                         "3 'row3': SET flag:row3 3\n"
                         "3 'row3': SADD all row3\n"
                         "3 'row3': PUBLISH news '{\"name\":\"row3\",\"n\":3}' (told)\n");
    assert_int_equal(sink_tally(world.sink)->rows_read, 3);
    assert_int_equal(sink_tally(world.sink)->commands_sent, 6);
    assert_int_equal(sink_tally(world.sink)->messages_published, 3);
    assert_int_equal(sink_flush(world.sink, &err), 0);
    assert_int_equal(sink_wait(world.sink, -1, 0, &err), 0);
    end(&world);
}

/* Control characters, and bytes that are no UTF-8, never come out as they are. */
static void test_bytes_are_escaped(void **state)
{
    (void)state;
    static const char *const writes[] = {"SET k ${name}", NULL};
    struct error err = {0};
    struct world world;
    begin(&world, 0, NULL, writes);
    assert_int_equal(sink_rows_put(world.sink, "\x1b[2J\r\n\xff\"", 1, &err), 0);
    assert_int_equal(sink_close_batch(world.sink, NULL, &err), 0);
    expect_shown(&world, "1 -: SET k \"\\x1b[2J\\r\\n\\xff\\\"\"\n");
    end(&world);
}

/* The words are those of the sinks that write. */
static void test_refuses_what_others_refuse(void **state)
{
    (void)state;
    static const char *const writes[] = {"SET ${name} 1", NULL};
    struct error err = {0};
    struct world world;
    begin(&world, 2, NULL, writes);
    sink_rows_must_put(world.sink, 1);
    assert_int_equal(sink_rows_put(world.sink, NULL, 2, &err), -1);
    assert_non_null(strstr(err.message, "row (NULL, 2): "));
    assert_non_null(strstr(err.message, "'name' is NULL"));
    assert_int_equal(sink_rows_put(world.sink, "", 3, &err), -1);
    assert_non_null(strstr(err.message, "row ('', 3): "));
    assert_int_equal(sink_rows_put(world.sink, "redferry:x", 3, &err), -1);
    assert_int_equal(sink_close_batch(world.sink, NULL, &err), 0);
    expect_shown(&world, "1 ('row1', 1): SET row1 1\n");

    sink_rows_must_put(world.sink, 4);
    sink_drop_batch(world.sink);
    assert_int_equal(sink_close_batch(world.sink, NULL, &err), 0);
    expect_shown(&world, "");
    end(&world);
}

static int show_nothing(void *context, const struct sink_print_line *line, struct error *err)
{
    (void)context;
    (void)line;
    return error_set(err, ERROR_FAILED, "no more, please");
}

static void test_who_looks_can_end_it(void **state)
{
    (void)state;
    static const char *const writes[] = {"SET ${name} 1", NULL};
    struct error err = {0};
    struct world world;
    begin(&world, 1, NULL, writes);
    sink_close(world.sink);
    assert_int_equal(sink_print_open(&world.sink, show_nothing, NULL, &err), 0);
    assert_int_equal(sink_begin(world.sink, &world.rows.sink_step, &err), 0);
    sink_rows_must_put(world.sink, 1);
    assert_int_equal(sink_close_batch(world.sink, NULL, &err), -1);
    assert_string_equal(err.message, "no more, please");
    end(&world);
}

static void test_full(void **state)
{
    (void)state;
    static const char *const writes[] = {"SET ${name} 1", NULL};
    struct error err = {0};
    struct world world;
    char *name = calloc(1, MIGRATION_BATCH_BYTES + 1);
    assert_non_null(name);
    memset(name, 'x', MIGRATION_BATCH_BYTES);
    begin(&world, 1, NULL, writes);
    sink_rows_must_put(world.sink, 1);
    assert_false(sink_full(world.sink));
    assert_int_equal(sink_rows_put(world.sink, name, 2, &err), 0);
    assert_true(sink_full(world.sink));
    free(name);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shows_what_is_sent),
        cmocka_unit_test(test_bytes_are_escaped),
        cmocka_unit_test(test_refuses_what_others_refuse),
        cmocka_unit_test(test_who_looks_can_end_it),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
