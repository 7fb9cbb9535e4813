// servers: postgres
/* ledger: what is remembered of a run from its beginning to its end, that totals are those of
 * all its runs, and that of two runners only one can ever write a result. */
#include "alloc_fail.h"
#include "ledger_request.h"
#include "ledger_run.h"
#include "ledger_side.h"

#include <pthread.h>

#define NOTHING "SELECT version FROM data_migrations WHERE version = 0"

static const struct ledger_position standing = {
    .step = 2,
    .step_name = "flags",
    .cursor = "[\"2fa \\\"sms\\\"\",7]",
    .rows_total = 1000,
    .tally = {.rows_read = 100,
              .rows_changed = 3,
              .commands_sent = 200,
              .messages_published = 10},
};

static int64_t begin(struct client *client, const struct ledger_beginning *beginning)
{
    struct error err = {0};
    int64_t run_id = 0;
    int begun = ledger_begin(client->ledger, beginning, &run_id, &err);
    if (begun != 1) fail_msg("begun: %d, %s", begun, err.message);
    assert_true(run_id > 0);
    return run_id;
}

static void finish(struct client *client, int64_t run_id,
                   const struct ledger_beginning *beginning)
{
    struct error err = {0};
    assert_fine(ledger_finish(client->ledger, run_id, beginning, &standing, &err), &err);
}

static void stop(struct client *client, int64_t run_id, enum run_status status)
{
    struct error err = {0};
    assert_fine(ledger_stop(client->ledger, run_id, status, "no luck", &standing, &err), &err);
}

static const char *status_of(struct side *side, int64_t run_id)
{
    return side_ask(side, arena_format(&side->arena,
                                       "SELECT status FROM data_migration_runs WHERE id = %lld",
                                       (long long)run_id));
}

/* ISO 8601 in UTC, of this century. */
static void assert_time(const char *text)
{
    assert_non_null(text);
    assert_true(strlen(text) >= 20 && strlen(text) <= 27);
    assert_int_equal(strncmp(text, "20", 2), 0);
    assert_int_equal(text[10], 'T');
    assert_int_equal(text[strlen(text) - 1], 'Z');
}

/* ---- the life of a run ----------------------------------------------------------------- */

static void assert_begun(const struct run *run, int64_t run_id)
{
    assert_int_equal(run->id, run_id);
    assert_int_equal(run->version, 20200211131900);
    assert_string_equal(run->name, "flags");
    assert_false(run->down);
    assert_int_equal(run->status, RUN_RUNNING);
    assert_int_equal(run->request, REQUEST_NONE);
    assert_null(run->requested_by);
    assert_null(run->requested_at);
    assert_int_equal(run->step, 0);
    assert_null(run->step_name);
    assert_null(run->cursor);
    assert_int_equal(run->rows_total, -1);
    assert_int_equal(run->tally.rows_read, 0);
    assert_string_equal(run->redis, "localhost:6379/0");
    assert_int_equal(run->origin, 0);
    assert_null(run->error);
    assert_string_equal(run->operator_name, "ada");
    assert_string_equal(run->context, "TICKET-7");
    assert_string_equal(run->host, "host-1");
    assert_int_equal(run->pid, 4711);
    assert_string_equal(run->tool_version, "0.1.0");
    assert_string_equal(run->checksum, "sha256:00ff");
    assert_null(run->definition);
    assert_time(run->started_at);
    assert_time(run->updated_at);
    assert_null(run->finished_at);
    assert_int_equal(run->ended_ms_ago, INT64_MAX);
}

static void assert_mirrored(const struct run *run)
{
    assert_int_equal(run->status, RUN_RUNNING);
    assert_int_equal(run->step, standing.step);
    assert_string_equal(run->step_name, standing.step_name);
    assert_string_equal(run->cursor, standing.cursor);
    assert_int_equal(run->rows_total, standing.rows_total);
    assert_memory_equal(&run->tally, &standing.tally, sizeof run->tally);
}

static void assert_applied(const struct entry *entry, int64_t run_id)
{
    assert_int_equal(entry->version, 20200211131900);
    assert_string_equal(entry->name, "flags");
    assert_string_equal(entry->checksum, "sha256:00ff");
    assert_int_equal(entry->run_id, run_id);
    assert_memory_equal(&entry->tally, &standing.tally, sizeof entry->tally);
    assert_string_equal(entry->redis, "localhost:6379/0");
    assert_string_equal(entry->applied_by, "ada");
    assert_time(entry->applied_at);
    assert_null(entry->announced_at);
}

static void test_life(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(20200211131900, "flags");
    struct ledger_beginning beginning = {.migration = &migration, .redis = "localhost:6379/0"};
    (void)client_ensure(side, &client);
    int64_t run_id = begin(&client, &beginning);
    struct ledger_state found = client_read(side, &client);
    assert_int_equal(found.record.entry_count, 0);
    assert_int_equal(found.record.run_count, 1);
    assert_begun(&found.record.runs[0], run_id);

    enum request request = REQUEST_CANCEL;
    assert_fine(ledger_mirror(client.ledger, run_id, &standing, &request, &err), &err);
    assert_int_equal(request, REQUEST_NONE);
    found = client_read(side, &client);
    assert_mirrored(&found.record.runs[0]);
    side_ask(side, "UPDATE data_migration_runs SET request = 'pause'");
    assert_fine(ledger_mirror(client.ledger, run_id, &standing, &request, &err), &err);
    assert_int_equal(request, REQUEST_PAUSE);

    finish(&client, run_id, &beginning);
    found = client_read(side, &client);
    assert_int_equal(found.record.entry_count, 1);
    assert_applied(&found.record.entries[0], run_id);
    const struct run *run = &found.record.runs[0];
    assert_int_equal(run->status, RUN_SUCCEEDED);
    assert_null(run->cursor);
    assert_int_equal(run->step, standing.step);
    assert_memory_equal(&run->tally, &standing.tally, sizeof run->tally);
    assert_time(run->finished_at);
    assert_in_range(run->ended_ms_ago, 0, 60000);

    assert_int_equal(ledger_begin(client.ledger, &beginning, &run_id, &err), 0);
    assert_fine(ledger_announced(client.ledger, run_id, &err), &err);
    found = client_read(side, &client);
    assert_time(found.record.entries[0].announced_at);
    assert_answer(side, "SELECT count(*) FROM data_migration_runs", "1");
    client_close(&client);
}

static void test_history(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct run *runs = NULL;
    size_t count = 0;
    struct client client = client_open(side, "ada");
    struct migration one = a_migration(1, "one"), two = a_migration(2, "two");
    struct ledger_beginning first = {.migration = &one}, second = {.migration = &two};
    (void)client_ensure(side, &client);
    int64_t a = begin(&client, &first);
    stop(&client, a, RUN_FAILED);
    int64_t b = begin(&client, &second);
    finish(&client, b, &second);
    int64_t c = begin(&client, &first);
    stop(&client, c, RUN_INTERRUPTED);
    assert_true(a < b && b < c);

    assert_fine(ledger_history(client.ledger, 0, 0, &side->arena, &runs, &count, &err), &err);
    assert_int_equal(count, 3);
    assert_true(runs[0].id == c && runs[1].id == b && runs[2].id == a);
    assert_int_equal(runs[2].status, RUN_FAILED);
    assert_string_equal(runs[2].error, "no luck");
    assert_string_equal(runs[2].cursor, standing.cursor);
    assert_null(runs[0].definition);

    assert_fine(ledger_history(client.ledger, 1, 0, &side->arena, &runs, &count, &err), &err);
    assert_int_equal(count, 2);
    assert_fine(ledger_history(client.ledger, 0, b, &side->arena, &runs, &count, &err), &err);
    assert_int_equal(count, 1);
    assert_string_equal(runs[0].definition, two.definition);

    struct ledger_state found = client_read(side, &client);
    assert_int_equal(found.record.run_count, 2);
    assert_true(found.record.runs[0].id == c && found.record.runs[1].id == b);
    client_close(&client);
}

/* More of them than the first list has room for, in version order. */
static void test_many(void **state)
{
    struct side *side = *state;
    struct client client = client_open(side, "ada");
    (void)client_ensure(side, &client);
    side_ask(side,
             "INSERT INTO data_migrations (version, name, checksum, applied_by, applied_at) "
             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) "
             "SELECT 9223372036854775807 - i, 'ü''\"', 'c', 'ada', CURRENT_TIMESTAMP FROM n");
    struct ledger_state found = client_read(side, &client);
    assert_int_equal(found.record.entry_count, 100);
    for (int64_t i = 0; i < 100; i++)
        assert_int_equal(found.record.entries[i].version, INT64_MAX - 100 + i);
    assert_string_equal(found.record.entries[99].name, "ü'\"");
    client_close(&client);
}

/* ---- at a glance ----------------------------------------------------------------------- */

/* What a glance says: 1 with *state, 0, or -1. */
static int glance(struct side *side, struct client *client, struct ledger_state *state)
{
    struct error err = {0};
    const int result = ledger_glance(client->ledger, state, &side->arena, &err);
    assert_int_equal(result < 0, err.code != ERROR_NONE);
    return result;
}

/* What decides whether there is anything to do is what reading it all would say. */
static void test_glance(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct ledger_state seen, read;
    struct client client = client_open(side, "ada");
    struct migration one = a_migration(1, "ü'\""), two = a_migration(INT64_MAX, "two");
    struct ledger_beginning first = {.migration = &one}, second = {.migration = &two};
    assert_int_equal(glance(side, &client, &seen), -1);
    (void)client_ensure(side, &client);
    assert_int_equal(glance(side, &client, &seen), 1);
    assert_true(seen.present);
    assert_int_equal(seen.layout, LEDGER_LAYOUT);
    assert_int_equal(seen.record.entry_count, 0);

    stop(&client, begin(&client, &second), RUN_FAILED);
    finish(&client, begin(&client, &second), &second);
    int64_t run_id = begin(&client, &first);
    finish(&client, run_id, &first);
    assert_fine(ledger_announced(client.ledger, run_id, &err), &err);
    assert_int_equal(glance(side, &client, &seen), 1);
    read = client_read(side, &client);
    assert_int_equal(seen.record.run_count, 0);
    assert_int_equal(seen.record.entry_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct entry *brief = &seen.record.entries[i], *whole = &read.record.entries[i];
        assert_int_equal(brief->version, whole->version);
        assert_string_equal(brief->name, whole->name);
        assert_string_equal(brief->checksum, whole->checksum);
        assert_int_equal(brief->announced_at == NULL, whole->announced_at == NULL);
    }
    assert_non_null(seen.record.entries[0].announced_at);
    assert_null(seen.record.entries[1].announced_at);
    client_close(&client);
}

/* A run that is open, or did not end well, is not for a glance to judge. */
static void test_glance_at_open_runs(void **state)
{
    static const enum run_status statuses[] = {RUN_FAILED, RUN_INTERRUPTED, RUN_CANCELLED};
    struct side *side = *state;
    struct ledger_state seen;
    struct client client = client_open(side, "ada");
    struct migration one = a_migration(1, "one"), two = a_migration(2, "two");
    struct ledger_beginning first = {.migration = &one}, second = {.migration = &two};
    struct ledger_beginning down = {.migration = &one, .down = true};
    (void)client_ensure(side, &client);
    finish(&client, begin(&client, &first), &first);
    finish(&client, begin(&client, &second), &second);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        int64_t run_id = begin(&client, &down);
        assert_int_equal(glance(side, &client, &seen), 0);
        stop(&client, run_id, statuses[i]);
        assert_int_equal(glance(side, &client, &seen), 0);
    }
    side_ask(side, "UPDATE data_migration_runs SET status = 'paused' WHERE id = "
                   "(SELECT max(id) FROM data_migration_runs)");
    assert_int_equal(glance(side, &client, &seen), 0);
    finish(&client, begin(&client, &down), &down);
    assert_int_equal(glance(side, &client, &seen), 1);
    assert_int_equal(seen.record.entry_count, 1);
    client_close(&client);
}

static void test_glance_at_odd_ledgers(void **state)
{
    struct side *side = *state;
    struct ledger_state seen;
    struct client client = client_open(side, "ada");
    (void)client_ensure(side, &client);
    side_ask(side, "UPDATE data_migration_ledger SET layout = 2");
    assert_int_equal(glance(side, &client, &seen), 0);
    side_ask(side, "UPDATE data_migration_ledger SET layout = 1");
    assert_int_equal(glance(side, &client, &seen), 1);
    side_ask(side, "DELETE FROM data_migration_ledger");
    assert_int_equal(glance(side, &client, &seen), 0);
    (void)client_ensure(side, &client);
    assert_int_equal(glance(side, &client, &seen), 1);
    side_ask(side, "ALTER TABLE data_migrations RENAME COLUMN announced_at TO told_at");
    assert_int_equal(glance(side, &client, &seen), -1);
    side_ask(side, "ALTER TABLE data_migrations RENAME COLUMN told_at TO announced_at");
    side_ask(side, "DROP TABLE data_migration_runs");
    assert_int_equal(glance(side, &client, &seen), -1);
    client_close(&client);
}

/* The latest run counts, in whatever order they come; and no more of them than a glance takes
 * in. */
static void test_glance_at_many_runs(void **state)
{
    static const char insert[] =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 998) "
        "INSERT INTO data_migration_runs (version, name, direction, status, operator, host, "
        "pid, tool_version, checksum, definition, started_at, updated_at) "
        "SELECT 1 + i % 7, 'n', 'up', CASE WHEN i > 991 THEN 'succeeded' ELSE 'failed' END, "
        "'o', 'h', 1, '0', 'c', 'd', '2025-01-01 00:00:00Z', '2025-01-01 00:00:00Z' FROM n";
    struct side *side = *state;
    struct ledger_state seen;
    struct migration migration = a_migration(8, "eight");
    struct ledger_beginning up = {.migration = &migration};
    struct client client = client_open(side, "ada");
    (void)client_ensure(side, &client);
    side_ask(side, insert);
    assert_int_equal(glance(side, &client, &seen), 1);
    side_ask(side, "UPDATE data_migration_runs SET status = 'failed' WHERE id = 995");
    assert_int_equal(glance(side, &client, &seen), 0);
    side_ask(side, "UPDATE data_migration_runs SET status = 'succeeded' WHERE id = 995");
    finish(&client, begin(&client, &up), &up);
    assert_int_equal(glance(side, &client, &seen), 1);
    stop(&client,
         begin(&client, &(struct ledger_beginning){.migration = &migration, .again = true}),
         RUN_FAILED);
    assert_int_equal(glance(side, &client, &seen), 0);
    finish(&client,
           begin(&client, &(struct ledger_beginning){.migration = &migration, .again = true}),
           &up);
    assert_int_equal(glance(side, &client, &seen), 0);
    client_close(&client);
}

/* Where names are looked for in several schemas, the tables can lie in different ones. */
static void test_glance_along_a_path(void **state)
{
    struct side *side = *state;
    struct ledger_state seen;
    struct client client = client_open(side, "ada"),
                  named = client_open_as(side, "public.data_migrations", NULL, "ada");
    (void)client_ensure(side, &client);
    side_ask(side, "CREATE SCHEMA other");
    assert_int_equal(glance(side, &client, &seen), 1);
    side_ask(side, "SET client_min_messages = warning; "
                   "ALTER ROLE postgres SET search_path = other, public");
    struct client wider = client_open(side, "ada"),
                  told = client_open_as(side, "public.data_migrations", NULL, "ada");
    assert_int_equal(glance(side, &wider, &seen), 1);
    side_ask(side, "CREATE TABLE other.data_migration_runs (LIKE public.data_migration_runs)");
    assert_int_equal(glance(side, &wider, &seen), 0);
    assert_int_equal(glance(side, &told, &seen), 1);
    assert_int_equal(glance(side, &named, &seen), 1);
    side_ask(side, "ALTER ROLE postgres RESET search_path");
    client_close(&told);
    client_close(&wider);
    client_close(&named);
    client_close(&client);
}

/* A file of the largest size comes back as it was. */
static void test_large_definition(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct run *runs = NULL;
    size_t count = 0;
    enum { SIZE = 1024 * 1024 };
    char *definition = arena_alloc(&side->arena, SIZE + 1);
    for (int i = 0; i < SIZE; i++) definition[i] = "a'\"\\\n$1?1"[i % 9];
    struct migration migration = a_migration(1, "one");
    migration.definition = definition;
    migration.definition_length = SIZE;
    struct ledger_beginning beginning = {.migration = &migration, .down = false};
    struct client client = client_open(side, "ada");
    (void)client_ensure(side, &client);
    int64_t run_id = begin(&client, &beginning);
    assert_fine(ledger_history(client.ledger, 0, run_id, &side->arena, &runs, &count, &err),
                &err);
    assert_string_equal(runs[0].definition, definition);
    client_close(&client);
}

/* ---- totals ---------------------------------------------------------------------------- */

static void assert_rows_read(struct side *side, const char *expected)
{
    assert_answer(side,
                  "SELECT rows_read, rows_changed, commands_sent, messages_published "
                  "FROM data_migrations",
                  expected);
}

static void test_totals(void **state)
{
    struct side *side = *state;
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(1, "one"), other = a_migration(2, "two");
    struct ledger_beginning up = {.migration = &migration};
    struct ledger_beginning again = {.migration = &migration, .again = true};
    struct ledger_beginning down = {.migration = &migration, .down = true};
    struct ledger_beginning noise = {.migration = &other};
    struct error err = {0};
    (void)client_ensure(side, &client);

    int64_t first = begin(&client, &up);
    assert_fine(ledger_confirm(client.ledger, first, first, &err), &err);
    stop(&client, first, RUN_FAILED);
    stop(&client, begin(&client, &noise), RUN_FAILED);
    int64_t second = begin(&client, &up);
    assert_fine(ledger_confirm(client.ledger, second, first, &err), &err);
    stop(&client, second, RUN_INTERRUPTED);
    int64_t third = begin(&client, &up);
    assert_fine(ledger_confirm(client.ledger, third, first, &err), &err);
    finish(&client, third, &up);
    assert_rows_read(side, "300|9|600|30");
    assert_string_equal(
        side_ask(side, arena_format(&side->arena,
                                    "SELECT origin FROM data_migration_runs WHERE id = %lld",
                                    (long long)second)),
        arena_format(&side->arena, "%lld", (long long)first));

    int64_t once_more = begin(&client, &again);
    assert_rows_read(side, "300|9|600|30");
    finish(&client, once_more, &again);
    assert_rows_read(side, "100|3|200|10");

    stop(&client, begin(&client, &down), RUN_FAILED);
    finish(&client, begin(&client, &again), &again);
    assert_rows_read(side, "100|3|200|10");
    finish(&client, begin(&client, &down), &down);
    assert_answer(side, "SELECT count(*) FROM data_migrations", "0");
    stop(&client, begin(&client, &up), RUN_FAILED);
    finish(&client, begin(&client, &up), &up);
    assert_rows_read(side, "200|6|400|20");

    /* What began anew counts once, but for what `sql` steps changed. */
    int64_t lost = begin(&client, &again);
    assert_fine(ledger_confirm(client.ledger, lost, lost, &err), &err);
    stop(&client, lost, RUN_FAILED);
    int64_t anew = begin(&client, &again);
    assert_fine(ledger_confirm(client.ledger, anew, anew, &err), &err);
    finish(&client, anew, &again);
    assert_rows_read(side, "100|6|200|10");
    client_close(&client);
}

/* Applied once more: the entry is the new run's, and it is not announced any more. */
static void test_again(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client ada = client_open(side, "ada"), bob = client_open(side, "bob");
    struct migration migration = a_migration(1, "one");
    struct ledger_beginning up = {.migration = &migration, .redis = "a:1/0"};
    struct ledger_beginning again = {.migration = &migration, .again = true, .redis = "b:2/0"};
    (void)client_ensure(side, &ada);
    int64_t first = begin(&ada, &up);
    finish(&ada, first, &up);
    assert_fine(ledger_announced(ada.ledger, first, &err), &err);
    memcpy(migration.checksum, "sha256:1111", sizeof "sha256:1111");
    int64_t run_id = begin(&bob, &again);
    finish(&bob, run_id, &again);
    /* Ada is late: what she announced is not what is applied now. */
    assert_fine(ledger_announced(ada.ledger, first, &err), &err);
    struct ledger_state found = client_read(side, &bob);
    assert_int_equal(found.record.entry_count, 1);
    assert_int_equal(found.record.entries[0].run_id, run_id);
    assert_string_equal(found.record.entries[0].checksum, "sha256:1111");
    assert_string_equal(found.record.entries[0].redis, "b:2/0");
    assert_string_equal(found.record.entries[0].applied_by, "bob");
    assert_null(found.record.entries[0].announced_at);
    client_close(&ada);
    client_close(&bob);
}

/* ---- down ------------------------------------------------------------------------------ */

static void test_down(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    int64_t run_id = 0;
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(1, "one");
    struct ledger_beginning up = {.migration = &migration};
    struct ledger_beginning down = {.migration = &migration, .down = true};
    (void)client_ensure(side, &client);
    assert_int_equal(ledger_begin(client.ledger, &down, &run_id, &err), 0);
    finish(&client, begin(&client, &up), &up);

    int64_t undoing = begin(&client, &down);
    struct ledger_state found = client_read(side, &client);
    assert_true(found.record.runs[0].down);
    assert_int_equal(found.record.entry_count, 1);
    stop(&client, undoing, RUN_FAILED);
    assert_refused(ledger_begin(client.ledger, &up, &run_id, &err), &err, ERROR_OPERATOR,
                   "`redferry down --only 1`");

    finish(&client, begin(&client, &down), &down);
    assert_answer(side, NOTHING, "");
    assert_int_equal(ledger_begin(client.ledger, &down, &run_id, &err), 0);
    assert_answer(side, "SELECT count(*) FROM data_migration_runs", "3");
    client_close(&client);
}

/* What stopped half-way up can be undone as well. */
static void test_down_of_a_stopped_one(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    int64_t run_id = 0;
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(1, "one");
    struct ledger_beginning up = {.migration = &migration};
    struct ledger_beginning down = {.migration = &migration, .down = true};
    (void)client_ensure(side, &client);
    stop(&client, begin(&client, &up), RUN_CANCELLED);
    finish(&client, begin(&client, &down), &down);
    assert_int_equal(ledger_begin(client.ledger, &down, &run_id, &err), 0);
    assert_int_equal(begin(&client, &up) > 0, 1);
    client_close(&client);
}

/* ---- two runners ----------------------------------------------------------------------- */

static void test_ended_by_another(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client ada = client_open(side, "ada"), bob = client_open(side, "bob");
    struct migration one = a_migration(1, "one"), two = a_migration(2, "two");
    struct ledger_beginning first = {.migration = &one}, second = {.migration = &two};
    struct ledger_position position = standing;
    (void)client_ensure(side, &ada);
    int64_t stale = begin(&ada, &first);
    int64_t own = begin(&bob, &second);
    assert_string_equal(status_of(side, stale), "interrupted");
    assert_string_equal(status_of(side, own), "running");
    const char *why = arena_format(&side->arena, "ended by run %lld of bob", (long long)own);
    assert_string_equal(
        side_ask(side, "SELECT error FROM data_migration_runs WHERE version = 1"), why);
    assert_answer(side,
                  "SELECT finished_at IS NOT NULL FROM data_migration_runs WHERE version = 1",
                  side->pg != NULL ? "t" : "1");

    assert_refused(ledger_mirror(ada.ledger, stale, &standing, NULL, &err), &err,
                   ERROR_OPERATOR, why);
    assert_refused(ledger_finish(ada.ledger, stale, &first, &standing, &err), &err,
                   ERROR_OPERATOR, why);
    side_ask(side, "CREATE TABLE mark (a integer)");
    assert_refused(
        ledger_run_sql(ada.ledger, stale, "INSERT INTO mark VALUES (1)", &position, &err), &err,
        ERROR_OPERATOR, why);
    assert_answer(side, "SELECT count(*) FROM mark", "0");
    assert_memory_equal(&position, &standing, sizeof position);
    assert_refused(ledger_credit(ada.ledger, stale, own, &standing.tally, &err), &err,
                   ERROR_OPERATOR, why);
    assert_answer(side, "SELECT sum(rows_read) FROM data_migration_runs", "0");
    assert_fine(ledger_credit(bob.ledger, own, stale, &standing.tally, &err), &err);
    assert_string_equal(
        side_ask(side, "SELECT rows_read FROM data_migration_runs WHERE version = 1"),
        arena_format(&side->arena, "%lld", (long long)standing.tally.rows_read));

    assert_fine(ledger_stop(ada.ledger, stale, RUN_FAILED, "fenced", &standing, &err), &err);
    assert_string_equal(status_of(side, stale), "interrupted");
    assert_string_equal(
        side_ask(side, "SELECT error FROM data_migration_runs WHERE version = 1"), why);
    assert_answer(side, "SELECT count(*) FROM data_migrations", "0");
    finish(&bob, own, &second);
    assert_answer(side, "SELECT version FROM data_migrations", "2");
    client_close(&ada);
    client_close(&bob);
}

/* A paused run is ended as well; one that has ended is left as it is. */
static void test_ends_only_what_runs(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(1, "one");
    struct ledger_beginning up = {.migration = &migration};
    (void)client_ensure(side, &client);
    int64_t failed = begin(&client, &up);
    stop(&client, failed, RUN_FAILED);
    int64_t paused = begin(&client, &up);
    side_ask(side, "UPDATE data_migration_runs SET status = 'paused' WHERE status = 'running'");
    assert_fine(ledger_mirror(client.ledger, paused, &standing, NULL, &err), &err);
    assert_string_equal(status_of(side, paused), "paused");
    int64_t own = begin(&client, &up);
    assert_string_equal(status_of(side, failed), "failed");
    assert_string_equal(status_of(side, paused), "interrupted");
    assert_string_equal(status_of(side, own), "running");
    client_close(&client);
}

struct racer {
    struct client client;
    const struct ledger_beginning *beginning;
    pthread_barrier_t *barrier;
    int64_t run_id;
    int begun;
    int finished;
    struct error err;
};

static void *race(void *context)
{
    struct racer *racer = context;
    pthread_barrier_wait(racer->barrier);
    do {
        error_clear(&racer->err);
        racer->begun =
            ledger_begin(racer->client.ledger, racer->beginning, &racer->run_id, &racer->err);
    } while (racer->begun < 0 && racer->err.passing);
    pthread_barrier_wait(racer->barrier);
    racer->finished = -1;
    if (racer->begun != 1) return NULL;
    do {
        error_clear(&racer->err);
        racer->finished = ledger_finish(racer->client.ledger, racer->run_id, racer->beginning,
                                        &standing, &racer->err);
    } while (racer->finished < 0 && racer->err.passing);
    return NULL;
}

/* Without any lock: all may begin, one may finish. */
static void test_race(void **state)
{
    enum { RACERS = 4, ROUNDS = 10 };
    struct side *side = *state;
    struct racer racers[RACERS];
    pthread_t threads[RACERS];
    pthread_barrier_t barrier;
    memset(racers, 0, sizeof racers);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, RACERS), 0);
    for (int i = 0; i < RACERS; i++) racers[i].client = client_open(side, "ada");
    (void)client_ensure(side, &racers[0].client);

    for (int round = 1; round <= ROUNDS; round++) {
        struct migration migration = a_migration(round, "one");
        struct ledger_beginning up = {.migration = &migration};
        int finished = 0;
        for (int i = 0; i < RACERS; i++) {
            racers[i].beginning = &up;
            racers[i].barrier = &barrier;
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        }
        for (int i = 0; i < RACERS; i++) pthread_join(threads[i], NULL);
        for (int i = 0; i < RACERS; i++) {
            if (racers[i].begun != 1) fail_msg("%s", racers[i].err.message);
            finished += racers[i].finished == 0;
            if (racers[i].finished != 0) assert_int_equal(racers[i].err.code, ERROR_OPERATOR);
        }
        assert_int_equal(finished, 1);
    }
    assert_answer(side, "SELECT count(*) FROM data_migrations", "10");
    assert_answer(side,
                  "SELECT status, count(*) FROM data_migration_runs GROUP BY status ORDER BY 1",
                  "interrupted|30\nsucceeded|10");
    for (int i = 0; i < RACERS; i++) client_close(&racers[i].client);
    pthread_barrier_destroy(&barrier);
}

/* Whether a run is alive is what the lock says. */
static void test_lock_held(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(1, "one");
    struct ledger_beginning up = {.migration = &migration};
    (void)client_ensure(side, &client);
    int64_t run_id = begin(&client, &up);
    assert_false(client_read(side, &client).record.lock_held);

    struct db *holder = side_open(side, NULL);
    assert_int_equal(db_lock_try(holder, ledger_lock_name(client.ledger), &err), 1);
    const struct record record = client_read(side, &client).record;
    assert_true(record.lock_held);
    assert_null(record.holder); /* that it is the run's process, nothing shows */
    const struct run *run = &record.runs[0];
    const char *other = ledger_holder_name(client.ledger, "elsewhere", run->pid, &side->arena);
    assert_fine(db_lock_sign(holder, other, &err), &err);
    assert_null(client_read(side, &client).record.holder);
    const char *own = ledger_holder_name(client.ledger, run->host, run->pid, &side->arena);
    assert_fine(db_lock_sign(holder, own, &err), &err);
    assert_int_equal(client_read(side, &client).record.holder->id, run_id);
    stop(&client, run_id, RUN_FAILED);
    assert_null(client_read(side, &client).record.holder);
    assert_false(client_read(side, &client).record.lock_held);
    db_close(holder);
    client_close(&client);
}

/* The ledger goes on with another connection. */
static void test_use(void **state)
{
    struct side *side = *state;
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(1, "one");
    struct ledger_beginning up = {.migration = &migration};
    (void)client_ensure(side, &client);
    int64_t run_id = begin(&client, &up);
    struct db *other = side_open(side, NULL);
    db_close(client.db);
    client.db = other;
    ledger_use(client.ledger, other);
    finish(&client, run_id, &up);
    client_close(&client);
}

/* ---- sql steps ------------------------------------------------------------------------- */

static void test_run_sql(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(1, "one");
    struct ledger_beginning up = {.migration = &migration};
    struct ledger_position position = {
        .step = 1, .step_name = "mend", .rows_total = -1, .tally = {.rows_changed = 5}};
    (void)client_ensure(side, &client);
    side_ask(side, "CREATE TABLE flags (name text)");
    side_ask(side, "INSERT INTO flags VALUES ('a'), ('b'), ('c')");
    int64_t run_id = begin(&client, &up);

    assert_fine(ledger_run_sql(client.ledger, run_id, "UPDATE flags SET name = name || '!'",
                               &position, &err),
                &err);
    assert_int_equal(position.tally.rows_changed, 8);
    assert_string_equal(position.cursor, "[]");
    assert_answer(side, "SELECT step, step_name, cursor, rows_changed FROM data_migration_runs",
                  "1|mend|[]|8");
    assert_answer(side, "SELECT name FROM flags ORDER BY name", "a!\nb!\nc!");

    position.step = 2;
    assert_refused(
        ledger_run_sql(client.ledger, run_id, "UPDATE nothing SET x = 1", &position, &err),
        &err, ERROR_FAILED, "nothing");
    assert_int_equal(position.tally.rows_changed, 8);
    assert_answer(side, "SELECT step, status FROM data_migration_runs", "1|running");
    client_close(&client);
}

/* Whoever lost the connection before the answer to COMMIT takes the step for not done; its last
 * words do not make it so. */
static void test_run_sql_untold(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(1, "one");
    struct ledger_beginning up = {.migration = &migration};
    const struct ledger_position before = {
        .step = 2, .step_name = "mend", .rows_total = -1, .tally = {.rows_changed = 5}};
    struct ledger_position after = before;
    (void)client_ensure(side, &client);
    side_ask(side, "CREATE TABLE flags (name text)");
    int64_t run_id = begin(&client, &up);
    assert_fine(
        ledger_run_sql(client.ledger, run_id, "INSERT INTO flags VALUES ('a')", &after, &err),
        &err);
    assert_fine(ledger_stop(client.ledger, run_id, RUN_FAILED, "the connection was lost",
                            &before, &err),
                &err);
    assert_answer(side, "SELECT step, cursor, rows_changed, status FROM data_migration_runs",
                  "2|[]|6|failed");
    client_close(&client);
}

/* What the server says beside its answers is nobody's to print. */
static void test_notices(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(1, "one");
    struct ledger_beginning up = {.migration = &migration};
    struct ledger_position position = standing;
    (void)client_ensure(side, &client);
    int64_t run_id = begin(&client, &up);

    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    assert_true(file != NULL && before >= 0);
    dup2(fileno(file), STDERR_FILENO);
    int result = ledger_run_sql(client.ledger, run_id, "DO $$BEGIN RAISE WARNING 'oh'; END$$",
                                &position, &err);
    dup2(before, STDERR_FILENO);
    close(before);
    assert_fine(result, &err);
    (void)fseek(file, 0, SEEK_END);
    assert_int_equal(ftell(file), 0);
    (void)fclose(file);
    client_close(&client);
}

/* ---- by hand --------------------------------------------------------------------------- */

static void test_mark(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client client = client_open(side, "ada"), bob = client_open(side, "bob");
    struct migration migration = a_migration(5, "five");
    struct ledger_beginning up = {.migration = &migration};
    int64_t run_id = 0;
    (void)client_ensure(side, &client);
    int64_t running = begin(&bob, &up);
    assert_int_equal(ledger_mark(client.ledger, &migration, &err), 1);
    assert_int_equal(ledger_mark(client.ledger, &migration, &err), 0);
    assert_string_equal(status_of(side, running), "interrupted");
    assert_answer(side, "SELECT error FROM data_migration_runs",
                  "ended by `redferry mark 5` of ada");

    struct ledger_state found = client_read(side, &client);
    assert_int_equal(found.record.entry_count, 1);
    const struct entry *entry = &found.record.entries[0];
    assert_int_equal(entry->version, 5);
    assert_int_equal(entry->run_id, 0);
    assert_int_equal(entry->tally.rows_read, 0);
    assert_null(entry->redis);
    assert_string_equal(entry->applied_by, "ada");
    assert_time(entry->applied_at);
    assert_time(entry->announced_at);
    assert_int_equal(ledger_begin(client.ledger, &up, &run_id, &err), 0);

    memcpy(migration.checksum, "sha256:2222", sizeof "sha256:2222");
    assert_int_equal(ledger_repair(client.ledger, migration.version, migration.checksum, &err),
                     1);
    assert_answer(side, "SELECT checksum FROM data_migrations", "sha256:2222");

    assert_int_equal(ledger_unmark(client.ledger, 5, &err), 1);
    assert_int_equal(ledger_unmark(client.ledger, 5, &err), 0);
    assert_int_equal(ledger_repair(client.ledger, migration.version, migration.checksum, &err),
                     0);
    assert_answer(side, "SELECT count(*) FROM data_migrations", "0");
    assert_answer(side, "SELECT count(*) FROM data_migration_runs", "1");
    client_close(&client);
    client_close(&bob);
}

/* Over an entry of a run, where another one stopped since: what they did is not the mark's. */
static void test_mark_over_an_entry(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(5, "five");
    struct ledger_beginning up = {.migration = &migration, .redis = "redis://a"};
    struct ledger_position position = {.step = 1, .rows_total = -1};
    position.tally = (struct tally){
        .rows_read = 4, .rows_changed = 3, .commands_sent = 2, .messages_published = 1};
    (void)client_ensure(side, &client);
    const int64_t run_id = begin(&client, &up);
    assert_fine(ledger_finish(client.ledger, run_id, &up, &position, &err), &err);
    assert_int_equal(ledger_mark(client.ledger, &migration, &err), 0);
    assert_int_equal(client_read(side, &client).record.entries[0].run_id, run_id);

    up.again = true;
    const int64_t again = begin(&client, &up);
    assert_fine(ledger_stop(client.ledger, again, RUN_FAILED, "no", &position, &err), &err);
    assert_int_equal(ledger_mark(client.ledger, &migration, &err), 1);
    const struct entry entry = client_read(side, &client).record.entries[0];
    assert_int_equal(entry.run_id, 0);
    assert_int_equal(entry.tally.rows_read, 0);
    assert_int_equal(entry.tally.rows_changed, 0);
    assert_int_equal(entry.tally.commands_sent, 0);
    assert_int_equal(entry.tally.messages_published, 0);
    assert_null(entry.redis);
    client_close(&client);
}

/* Numbers of runs grow for ever: not even an empty table gives one out twice. */
static void test_ever_growing(void **state)
{
    struct side *side = *state;
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(1, "one");
    struct ledger_beginning up = {.migration = &migration};
    (void)client_ensure(side, &client);
    int64_t first = begin(&client, &up);
    side_ask(side, "DELETE FROM data_migration_runs");
    assert_true(begin(&client, &up) > first);
    client_close(&client);
}

/* ---- without memory -------------------------------------------------------------------- */

/* A bit of everything. Returns 0, or -1 with err. */
static int everything(struct side *side, struct db *db, struct error *err)
{
    const struct ledger_author author = {
        .operator_name = "ada", .context = "c", .host = "h", .tool_version = "0.1.0"};
    struct migration migration = a_migration(1, "one");
    const struct ledger_beginning up = {.migration = &migration};
    struct ledger_position position = standing;
    struct ledger_state found;
    struct ledger *ledger = NULL;
    struct run *runs = NULL, run;
    struct ledger_asked asked;
    enum request request = REQUEST_NONE;
    bool crashed = false;
    size_t count = 0;
    int64_t run_id = 0;
    const char *text = NULL;
    int result = ledger_open(&ledger, db, "ferry", &author, err);
    if (result == 0) result = ledger_ensure(ledger, &side->arena, &text, err);
    if (result == 0 && ledger_creation_sql(ledger, &side->arena) == NULL)
        result = error_memory(err);
    if (result == 0 && ledger_begin(ledger, &up, &run_id, err) != 1) result = -1;
    if (result == 0) result = ledger_mirror(ledger, run_id, &standing, &request, err);
    if (result == 0 &&
        ledger_ask(ledger, run_id, REQUEST_PAUSE, &side->arena, &asked, err) != 1)
        result = -1;
    if (result == 0 &&
        ledger_obey(ledger, run_id, REQUEST_PAUSE, RUN_RUNNING, &side->arena, &text, err) != 1)
        result = -1;
    if (result == 0 && ledger_follow(ledger, run_id, &side->arena, &run, &crashed, err) != 1)
        result = -1;
    if (result == 0) result = ledger_run_sql(ledger, run_id, "DELETE FROM t", &position, err);
    if (result == 0) result = ledger_finish(ledger, run_id, &up, &standing, err);
    if (result == 0) result = ledger_announced(ledger, run_id, err);
    if (result == 0) result = ledger_read(ledger, &found, &side->arena, err);
    if (result == 0 && ledger_glance(ledger, &found, &side->arena, err) < 0) result = -1;
    if (result == 0)
        result = ledger_history(ledger, 0, run_id, &side->arena, &runs, &count, err);
    if (result == 0 && ledger_unmark(ledger, 1, err) != 1) result = -1;
    if (result == 0 && ledger_mark(ledger, &migration, err) != 1) result = -1;
    ledger_close(ledger);
    return result;
}

/* Whichever allocation fails, it is said, and the connection is whole. */
static void test_no_memory(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct error later = {0};
    bool failed = true;
    size_t nth = 1;
    side_ask(side, "CREATE TABLE t (a integer)");
    for (; failed; nth += side->pg != NULL ? 3 : 1) { /* PostgreSQL takes its time */
        struct db *db = side_open(side, NULL);
        side_ask(side, "DROP TABLE IF EXISTS ferry; DROP TABLE IF EXISTS ferry_runs; "
                       "DROP TABLE IF EXISTS ferry_ledger");
        error_clear(&err);
        alloc_fail_at(nth, false);
        int result = everything(side, db, &err);
        failed = alloc_fail_happened();
        alloc_fail_never();
        assert_fine(db_begin(db, DB_READ, &later), &later);
        db_close(db);
        arena_release(&side->arena);
        if (!failed) assert_fine(result, &err);
        if (result != 0 && strstr(err.message, "out of memory") == NULL)
            fail_msg("allocation %zu: '%s'", nth, err.message);
    }
    assert_true(nth > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_life),
        ON_BOTH(test_history),
        ON_BOTH(test_many),
        ON_BOTH(test_glance),
        ON_BOTH(test_glance_at_open_runs),
        ON_BOTH(test_glance_at_many_runs),
        ON_BOTH(test_glance_at_odd_ledgers),
        ON_POSTGRESQL(test_glance_along_a_path),
        ON_BOTH(test_large_definition),
        ON_BOTH(test_totals),
        ON_BOTH(test_again),
        ON_BOTH(test_down),
        ON_BOTH(test_down_of_a_stopped_one),
        ON_BOTH(test_ended_by_another),
        ON_BOTH(test_ends_only_what_runs),
        ON_BOTH(test_race),
        ON_BOTH(test_lock_held),
        ON_BOTH(test_use),
        ON_BOTH(test_run_sql),
        ON_BOTH(test_run_sql_untold),
        ON_POSTGRESQL(test_notices),
        ON_BOTH(test_mark),
        ON_BOTH(test_mark_over_an_entry),
        ON_BOTH(test_ever_growing),
        ON_BOTH(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
