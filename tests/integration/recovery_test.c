// servers: postgres redis
/* recovery: a run that has lost its lock without noticing finds the checkpoint gone. What the
 * runs after it have begun it cannot know from the history that it has read; so it may not
 * judge by that whether all can be done over. */
#include "ledger_side.h"

#include "attempt.h"
#include "command.h"
#include "config.h"
#include "connection.h"
#include "ledger_run.h"
#include "migration_file.h"
#include "recovery.h"
#include "redis_url.h"
#include "reply.h"
#include "row.h"
#include "session.h"
#include "sink.h"

static const char file[] = "up:\n"
                           "  - write: SET a 1\n"
                           "  - write: INCR b\n";

static const struct columns no_columns = {0};

/* A process that works on one migration. */
struct runner {
    struct client client;
    struct config config;
    struct session session;
    struct attempt attempt;
    struct migration *migration;
};

static void runner_open(struct runner *runner, struct side *side, const char *operator_name)
{
    const struct migration_source source = {.file = "1_one.yaml",
                                            .version = 1,
                                            .name = "one",
                                            .bytes = file,
                                            .length = strlen(file)};
    struct error err = {0};
    *runner = (struct runner){.client = client_open(side, operator_name)};
    runner->config = (struct config){.retry_for_ms = 5000};
    runner->session = (struct session){
        .config = &runner->config,
        .ledger = runner->client.ledger,
        .redis = redis_connect(
            redis_url(&side->arena, "unix://%s", getenv("REDFERRY_TEST_REDIS_SOCKET")), NULL),
        .ledger_id = client_ensure(side, &runner->client),
        .database = "app",
    };
    assert_fine(migration_file_parse(&runner->migration, &source, &err), &err);
    runner->attempt = (struct attempt){.session = &runner->session,
                                       .beginning = {.migration = runner->migration},
                                       .steps = &runner->migration->up,
                                       .position = {.rows_total = -1}};
    for (size_t i = 0; i < runner->migration->up.count; i++)
        assert_fine(command_bind(runner->migration->up.items[i].commands, &no_columns, &err),
                    &err);
}

static void runner_close(struct runner *runner)
{
    attempt_release(&runner->attempt);
    migration_free(runner->migration);
    connection_close(runner->session.redis);
    client_close(&runner->client);
}

/* Begin a run, which ends all others; take the fence; and record that the step was begun. */
static void begin(struct runner *runner, int step)
{
    struct attempt *attempt = &runner->attempt;
    struct error err = {0};
    assert_int_equal(
        ledger_begin(runner->client.ledger, &attempt->beginning, &attempt->run_id, &err), 1);
    assert_fine(recovery_init(&attempt->recovery, attempt, false, &err), &err);
    assert_fine(recovery_open(&attempt->recovery, &err), &err);
    attempt->position.step = step;
    assert_fine(
        ledger_mirror(runner->client.ledger, attempt->run_id, &attempt->position, NULL, &err),
        &err);
}

/* Write what the step says, in one batch. */
static int carry(struct runner *runner, int step, struct error *err)
{
    struct sink *sink = runner->attempt.sink;
    const struct sink_step sink_step = {.step = &runner->migration->up.items[step - 1]};
    const struct row row = {.columns = &no_columns};
    if (sink_begin(sink, &sink_step, err) != 0 || sink_put(sink, &row, err) != 0 ||
        sink_close_batch(sink, NULL, err) != 0)
        return -1;
    return sink_flush(sink, err);
}

static void test_a_stale_run_starts_nothing_over(void **state)
{
    struct side *side = *state;
    struct runner stale;
    struct runner next;
    struct error err = {0};
    const struct reply *reply = NULL;
    runner_open(&stale, side, "ada");
    runner_open(&next, side, "bob");
    char *key = arena_format(&side->arena, "redferry:{%s}:1", stale.session.ledger_id);

    begin(&stale, 1);
    begin(&next, 2);
    REDIS_ASK(next.session.redis, &reply, "DEL", key);
    /* Of its own step all may be repeated; of the step that was begun since, not. */
    assert_refused(carry(&stale, 1, &err), &err, ERROR_OPERATOR, "was ended by another");
    REDIS_ASK(stale.session.redis, &reply, "EXISTS", key);
    assert_int_equal(reply->integer, 0);
    assert_refused(carry(&next, 2, &err), &err, ERROR_OPERATOR, "must not be delivered twice");
    REDIS_ASK(next.session.redis, &reply, "EXISTS", key);
    assert_int_equal(reply->integer, 0);
    runner_close(&stale);
    runner_close(&next);
}

static void test_the_own_run_starts_over(void **state)
{
    struct side *side = *state;
    struct runner runner;
    struct error err = {0};
    const struct reply *reply = NULL;
    runner_open(&runner, side, "ada");
    char *key = arena_format(&side->arena, "redferry:{%s}:1", runner.session.ledger_id);

    begin(&runner, 1);
    REDIS_ASK(runner.session.redis, &reply, "DEL", key);
    assert_fine(carry(&runner, 1, &err), &err);
    REDIS_ASK(runner.session.redis, &reply, "HGET", key, "cursor");
    assert_string_equal(reply->text, "[]");
    runner_close(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_a_stale_run_starts_nothing_over),
        ON_BOTH(test_the_own_run_starts_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
