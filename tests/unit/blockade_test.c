/* blockade: of two connections that wait at the same time, one within the other's look, what
 * was seen of the one says nothing about the other. And an interruption is obeyed once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attempt.h"
#include "blockade.h"
#include "config.h"
#include "db_driver.h"
#include "error.h"
#include "obedience.h"
#include "session.h"

static const char *file(const struct db *db)
{
    (void)db;
    return "some.db";
}

static int64_t backend(const struct db *db)
{
    (void)db;
    return 0;
}

/* There is nobody to be asked, so that it is not seen as locked. */
static int refuse_another(const struct db *db, const struct stop *stop, struct db **out,
                          struct error *err)
{
    (void)db;
    (void)stop;
    (void)out;
    return error_set(err, ERROR_FAILED, "no room");
}

static const struct db_ops locked_ops = {.file = file, .backend = backend};
static const struct db_ops slow_ops = {
    .file = file, .backend = backend, .open_beside = refuse_another};

static void test_another_connection(void **state)
{
    struct config config = {.on_lock = ON_LOCK_WAIT};
    struct session session = {.config = &config};
    struct db locked = {.ops = &locked_ops}, slow = {.ops = &slow_ops};
    (void)state;
    assert_false(blockade_see(&session, &slow, 3000));
    assert_false(blockade_see(&session, &locked, 400));
    assert_true(blockade_see(&session, &locked, 600));
    assert_true(blockade_see(&session, &locked, 700));
    assert_false(blockade_see(&session, &slow, 4000));
}

static void test_interrupted_once(void **state)
{
    struct attempt attempt = {.is_interrupted = true};
    struct error err = {0};
    (void)state;
    assert_int_equal(obedience_heed(&attempt, &err), 0);
    assert_int_equal(error_set(&err, ERROR_FAILED, "of its own"), -1);
    assert_int_equal(obedience_take_up(&attempt, &err), -1);
    assert_string_equal(err.message, "of its own");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_another_connection),
                                       cmocka_unit_test(test_interrupted_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
