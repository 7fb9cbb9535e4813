// servers: postgres
/* ledger_request: that the last request stands and is obeyed once, that whose request was
 * replaced is known, and that nobody waits for a row that an `sql` step keeps. */
#include "ledger_side.h"

#include "ledger_request.h"
#include "ledger_run.h"

static int64_t begin(struct client *client)
{
    struct error err = {0};
    struct migration migration = a_migration(1, "one");
    const struct ledger_beginning beginning = {.migration = &migration};
    int64_t run_id = 0;
    if (ledger_begin(client->ledger, &beginning, &run_id, &err) != 1)
        fail_msg("%s", err.message);
    return run_id;
}

static struct ledger_asked ask(struct side *side, struct client *client, int64_t run_id,
                               enum request request)
{
    struct error err = {0};
    struct ledger_asked asked;
    const int found = ledger_ask(client->ledger, run_id, request, &side->arena, &asked, &err);
    if (found != 1) fail_msg("%d: %s", found, err.message);
    return asked;
}

static int obey(struct side *side, struct client *client, int64_t run_id, enum request request,
                enum run_status status, const char **by)
{
    struct error err = {0};
    const int obeyed =
        ledger_obey(client->ledger, run_id, request, status, &side->arena, by, &err);
    if (obeyed < 0) fail_msg("%s", err.message);
    return obeyed;
}

static struct run follow(struct side *side, struct client *client, int64_t run_id,
                         bool *crashed)
{
    struct error err = {0};
    struct run run = {0};
    const int found = ledger_follow(client->ledger, run_id, &side->arena, &run, crashed, &err);
    if (found != 1) fail_msg("%d: %s", found, err.message);
    return run;
}

static const char *row_of(struct side *side)
{
    return side_ask(side, "SELECT status, request, requested_by FROM data_migration_runs");
}

static void test_asked_and_obeyed(void **state)
{
    struct side *side = *state;
    struct client ada = client_open(side, "ada"), bob = client_open(side, "bob");
    const char *by = NULL;
    (void)client_ensure(side, &ada);
    const int64_t id = begin(&ada);

    struct ledger_asked asked = ask(side, &bob, id, REQUEST_PAUSE);
    assert_int_equal(asked.status, RUN_RUNNING);
    assert_int_equal(asked.before, REQUEST_NONE);
    assert_non_null(asked.at);
    assert_string_equal(row_of(side), "running|pause|bob");
    assert_int_equal(obey(side, &ada, id, REQUEST_PAUSE, RUN_PAUSED, &by), 1);
    assert_string_equal(by, "bob");
    assert_string_equal(row_of(side), "paused||bob");
    assert_answer(side, "SELECT requested_at IS NOT NULL FROM data_migration_runs",
                  side->pg != NULL ? "t" : "1");
    /* It is done, and nothing is left to obey. */
    assert_int_equal(obey(side, &ada, id, REQUEST_PAUSE, RUN_PAUSED, &by), 0);

    asked = ask(side, &ada, id, REQUEST_PAUSE);
    assert_null(asked.at);
    assert_int_equal(asked.status, RUN_PAUSED);
    assert_string_equal(row_of(side), "paused||bob");
    asked = ask(side, &ada, id, REQUEST_RESUME);
    assert_non_null(asked.at);
    assert_int_equal(obey(side, &ada, id, REQUEST_RESUME, RUN_RUNNING, NULL), 1);
    assert_string_equal(row_of(side), "running||ada");
    asked = ask(side, &bob, id, REQUEST_RESUME);
    assert_null(asked.at);
    client_close(&ada);
    client_close(&bob);
}

static void test_the_last_request_stands(void **state)
{
    struct side *side = *state;
    struct client ada = client_open(side, "ada"), bob = client_open(side, "bob");
    (void)client_ensure(side, &ada);
    const int64_t id = begin(&ada);
    const struct ledger_asked first = ask(side, &ada, id, REQUEST_PAUSE);
    const struct ledger_asked same = ask(side, &bob, id, REQUEST_PAUSE);
    assert_null(same.at);
    assert_int_equal(same.before, REQUEST_PAUSE);
    assert_string_equal(same.before_by, "ada");
    assert_string_equal(same.before_at, first.at);
    assert_string_equal(row_of(side), "running|pause|ada");

    const struct ledger_asked other = ask(side, &bob, id, REQUEST_CANCEL);
    assert_non_null(other.at);
    assert_int_equal(other.before, REQUEST_PAUSE);
    assert_string_equal(other.before_by, "ada");
    assert_string_equal(row_of(side), "running|cancel|bob");
    assert_int_equal(obey(side, &ada, id, REQUEST_PAUSE, RUN_PAUSED, NULL), 0);
    assert_string_equal(row_of(side), "running|cancel|bob");
    client_close(&ada);
    client_close(&bob);
}

static void test_who_has_ended_is_not_asked(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client ada = client_open(side, "ada");
    (void)client_ensure(side, &ada);
    const int64_t id = begin(&ada);
    (void)ask(side, &ada, id, REQUEST_CANCEL);
    assert_fine(ledger_stop(ada.ledger, id, RUN_CANCELLED, "by ada", NULL, &err), &err);
    assert_string_equal(row_of(side), "cancelled||ada");
    const struct ledger_asked asked = ask(side, &ada, id, REQUEST_PAUSE);
    assert_null(asked.at);
    assert_int_equal(asked.status, RUN_CANCELLED);
    assert_int_equal(ledger_cancel(ada.ledger, id, "again", &err), 0);
    assert_answer(side, "SELECT error FROM data_migration_runs", "by ada");
    client_close(&ada);
}

/* What was asked and never obeyed stays to be seen. */
static void test_ends_otherwise(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client ada = client_open(side, "ada");
    (void)client_ensure(side, &ada);
    const int64_t id = begin(&ada);
    (void)ask(side, &ada, id, REQUEST_PAUSE);
    assert_fine(ledger_stop(ada.ledger, id, RUN_FAILED, "no luck", NULL, &err), &err);
    assert_string_equal(row_of(side), "failed|pause|ada");
    client_close(&ada);
}

static void test_passes_over_a_row_in_other_hands(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client ada = client_open(side, "ada");
    struct ledger_asked asked;
    (void)client_ensure(side, &ada);
    const int64_t id = begin(&ada);
    side_ask(side, "BEGIN");
    side_ask(side, "SELECT 1 FROM data_migration_runs FOR UPDATE");
    assert_int_equal(ledger_ask(ada.ledger, id, REQUEST_PAUSE, &side->arena, &asked, &err), 0);
    side_ask(side, "ROLLBACK");
    (void)ask(side, &ada, id, REQUEST_PAUSE);
    client_close(&ada);
}

static void test_follows_and_cancels_what_crashed(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client ada = client_open(side, "ada"), bob = client_open(side, "bob");
    struct run run = {0};
    bool crashed = false;
    assert_int_equal(ledger_follow(ada.ledger, 0, &side->arena, &run, &crashed, &err), 0);
    (void)client_ensure(side, &ada);
    const int64_t first = begin(&ada);
    assert_fine(ledger_stop(ada.ledger, first, RUN_FAILED, "no luck", NULL, &err), &err);
    run = follow(side, &bob, 0, &crashed);
    assert_int_equal(run.id, first);
    assert_false(crashed);
    assert_true(run.took_ms >= 0 && run.took_ms < 600000);

    const int64_t id = begin(&ada);
    run = follow(side, &bob, 0, &crashed);
    assert_int_equal(run.id, id);
    assert_true(crashed);
    assert_int_equal(follow(side, &bob, first, &crashed).id, first);
    assert_false(crashed);
    assert_int_equal(ledger_follow(bob.ledger, 4711, &side->arena, &run, &crashed, &err), 0);

    assert_int_equal(db_lock_try(ada.db, ledger_lock_name(ada.ledger), &err), 1);
    (void)follow(side, &bob, id, &crashed);
    assert_false(crashed);
    db_lock_release(ada.db);

    assert_int_equal(ledger_cancel(bob.ledger, id, "cancelled by bob", &err), 1);
    run = follow(side, &bob, id, &crashed);
    assert_false(crashed);
    assert_int_equal(run.status, RUN_CANCELLED);
    assert_int_equal(run.request, REQUEST_NONE);
    assert_string_equal(run.requested_by, "bob");
    assert_string_equal(run.error, "cancelled by bob");
    assert_non_null(run.finished_at);
    client_close(&ada);
    client_close(&bob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_asked_and_obeyed),
        ON_BOTH(test_the_last_request_stands),
        ON_BOTH(test_who_has_ended_is_not_asked),
        ON_BOTH(test_ends_otherwise),
        ON_POSTGRESQL(test_passes_over_a_row_in_other_hands),
        ON_BOTH(test_follows_and_cancels_what_crashed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
