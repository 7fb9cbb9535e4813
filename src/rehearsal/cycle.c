/*
 * The cycle: what a migration has to stand on the stage before production sees it.
 *
 * It is applied; it is applied once more from the start, which must change nothing; it is
 * undone, where it can be; and it is applied again. Each time it is the real runner that does
 * it, with the ledger on the scratch database, from a definition of its own: nothing here is
 * like redferry, it is redferry. Checks that fail do not end the cycle, since each of them may
 * have its own cause; a run that fails does.
 */
#include "cycle.h"

#include <stdlib.h>
#include <string.h>

#include "agenda.h"
#include "arena.h"
#include "buffer.h"
#include "clock.h"
#include "config.h"
#include "connection.h"
#include "contrast.h"
#include "db.h"
#include "drift.h"
#include "error.h"
#include "heard.h"
#include "likeness.h"
#include "migration_file.h"
#include "outcome.h"
#include "redis_state.h"
#include "reply.h"
#include "runner.h"
#include "selection.h"
#include "session.h"
#include "stage.h"
#include "test_file.h"
#include "verdict.h"

/* ---- one run ---------------------------------------------------------------------------- */

/* A pause says that no statement is open meanwhile, which is worth to be tried; how long it is,
 * is not. */
static void shorten_pauses(struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        if (steps->items[i].pause_ms > 0) steps->items[i].pause_ms = 1;
}

/* Give the session the migration and no other. */
static int load(struct session *session, const struct migration *migration, struct error *err)
{
    const struct migration_source source = {
        .file = migration->file,
        .version = migration->version,
        .name = migration->name,
        .bytes = migration->definition,
        .length = migration->definition_length,
    };
    struct migration **items = malloc(sizeof(struct migration *));
    if (items == NULL) return error_memory(err);
    if (migration_file_parse(items, &source, err) != 0) {
        free(items);
        return -1;
    }
    shorten_pauses(&items[0]->up);
    shorten_pauses(&items[0]->down);
    session->migrations = (struct migrations){.items = items, .count = 1};
    return 0;
}

static struct wish wish_of(enum cycle_move move, const int64_t *version)
{
    switch (move) {
    case CYCLE_DOWN:
    case CYCLE_DOWN_ON:
        return (struct wish){.kind = WISH_DOWN, .only = *version};
    case CYCLE_FINISH:
        return (struct wish){.kind = WISH_UP};
    default:
        return (struct wish){.kind = WISH_RUN,
                             .versions = version,
                             .version_count = 1,
                             .again = move == CYCLE_UP_AGAIN};
    }
}

static bool is_undone(const struct session *session, int64_t version)
{
    const struct agenda_item *item = agenda_find(&session->agenda, version);
    return item == NULL || item->state == STATE_PENDING;
}

int cycle_run(struct stage *stage, const struct migration *migration, enum cycle_move move,
              struct error *err)
{
    struct arena results = {0};
    const int64_t now = clock_monotonic_ms();
    struct session session = {
        .config = &stage->config,
        .tool_version = "test",
        .results = &results,
        .begun_ms = now,
        .queued_ms = now,
        .queues = true,
    };
    struct outcome outcome = {0};
    const struct wish wish = wish_of(move, &migration->version);
    int result = load(&session, migration, err);
    if (result == 0) result = session_connect(&session, err);
    if (result == 0) result = session_read(&session, err);
    const bool is_needless =
        result == 0 && move == CYCLE_DOWN_ON && is_undone(&session, migration->version);
    if (result == 0 && !is_needless) result = runner_carry_out(&session, &wish, &outcome, err);
    session_release(&session);
    arena_release(&results);
    return result;
}

/* ---- what is expected of replies -------------------------------------------------------- */

/* What is being checked, and where it is told. */
struct check {
    struct stage *stage;
    const char *moment;
    struct verdict *verdict;
    struct arena arena;
};

/* What stands in place of an answer. */
static int note_words(struct check *check, const struct verdict_difference *difference,
                      const struct test_value *expected, const char *got, struct error *err)
{
    struct buffer text = {0};
    struct verdict_difference item = *difference;
    likeness_append(&text, expected);
    item.expected = buffer_text(&text);
    item.got = got;
    const bool failed = item.expected == NULL || got == NULL;
    if (!failed) verdict_add(check->verdict, &item);
    buffer_release(&text);
    return failed ? error_memory(err) : 0;
}

/* Hold an answer against what is expected, by the rule, and note what differs. */
static int judge(struct check *check, const struct verdict_difference *difference,
                 const struct contrast *answer, struct error *err)
{
    struct test_value expected, got;
    const struct contrast settled = {&expected, &got, answer->rule};
    if (likeness_settle(answer->expected, answer->rule, &check->arena, &expected, err) != 0 ||
        likeness_settle(answer->got, answer->rule, &check->arena, &got, err) != 0)
        return -1;
    if (likeness_holds(&expected, &got, answer->rule)) return 0;
    return contrast_note(&settled, difference, check->verdict, err);
}

/* An error reply, as it is told: of a wrong type it says which one the key has. */
static const char *describe_error(struct check *check, const struct test_command *command,
                                  const struct reply *reply)
{
    struct error ignored = {0};
    const bool is_type = reply_is_error(reply, "WRONGTYPE") && command->count > 1;
    const char *words = arena_format(&check->arena, "the error %s", reply->text);
    if (!is_type || words == NULL ||
        connection_ask(check->stage->redis, &reply, &ignored, "TYPE", command->arguments[1],
                       (const char *)NULL) != 0 ||
        reply_is_status(reply, "none"))
        return words;
    return arena_format(&check->arena, "%s: '%s' is a %s", words, command->arguments[1],
                        reply->text);
}

static int check_reply(struct check *check, const struct test_check *expected,
                       struct error *err)
{
    const struct test_command *command = &expected->command;
    const struct reply *reply = NULL;
    struct test_value got;
    const struct verdict_difference difference = {.line = command->line,
                                                  .column = command->column,
                                                  .moment = check->moment,
                                                  .what = command->text};
    if (connection_call(check->stage->redis, command->count, command->arguments,
                        command->lengths, &reply, err) != 0)
        return -1;
    if (reply->type == REPLY_ERROR)
        return note_words(check, &difference, &expected->reply,
                          describe_error(check, command, reply), err);
    const struct likeness_rule rule = likeness_rule_of(command);
    if (likeness_of_reply(reply, rule.is_list ? NULL : &expected->reply, &check->arena, &got,
                          err) != 0)
        return -1;
    const struct contrast answer = {&expected->reply, &got, &rule};
    return judge(check, &difference, &answer, err);
}

/* redferry's own keys are no part of what a migration leaves: KEYS, SCAN and DBSIZE are not to
 * tell of them. They are back before anything is run. */
static int check_replies(struct check *check, const struct test_expectation *expected,
                         struct error *err)
{
    struct connection *redis = check->stage->redis;
    struct error later = {0};
    if (expected->check_count == 0) return 0;
    int result = redis_state_set_aside(redis, true, err);
    for (size_t i = 0; i < expected->check_count && result == 0; i++)
        result = check_reply(check, &expected->checks[i], err);
    if (redis_state_set_aside(redis, false, result == 0 ? err : &later) != 0) result = -1;
    return result;
}

/* ---- what is expected of queries -------------------------------------------------------- */

static int make_cell(const struct value *cell, struct arena *arena, struct test_value *out,
                     struct error *err)
{
    *out = (struct test_value){.kind = TEST_NIL};
    if (cell->kind == VALUE_NULL) return 0;
    *out = (struct test_value){.kind = TEST_TEXT, .length = cell->length};
    out->text = arena_copy(arena, cell->bytes, cell->length);
    return out->text != NULL ? 0 : error_memory(err);
}

/* A row as a list of its cells, or (flat) as its only one. */
static int make_row(const struct row *row, bool flat, struct arena *arena,
                    struct test_value *out, struct error *err)
{
    const size_t count = row->columns->count;
    if (flat) return make_cell(&row->values[0], arena, out, err);
    *out = (struct test_value){.kind = TEST_LIST, .count = count};
    out->items = arena_array(arena, count + 1, sizeof *out->items);
    if (out->items == NULL) return error_memory(err);
    for (size_t i = 0; i < count; i++)
        if (make_cell(&row->values[i], arena, &out->items[i], err) != 0) return -1;
    return 0;
}

/* Add a row to those in out, whose room doubles. */
static int add_row(struct test_value *out, size_t *room, const struct row *row, bool flat,
                   struct arena *arena, struct error *err)
{
    if (out->count == *room) {
        struct test_value *items = arena_array(arena, 2 * *room, sizeof *items);
        if (items == NULL) return error_memory(err);
        memcpy(items, out->items, out->count * sizeof *items);
        out->items = items;
        *room *= 2;
    }
    return make_row(row, flat, arena, &out->items[out->count++], err);
}

/* Whether the expectation lists rows as lists. */
static bool expects_rows(const struct test_value *expected)
{
    return expected->kind == TEST_LIST && expected->count > 0 &&
           expected->items[0].kind == TEST_LIST;
}

/* All rows of a query, as nearly in the form of what is expected as they can be. */
static int read_rows(struct db *db, const struct test_query *query, struct arena *arena,
                     struct test_value *out, struct error *err)
{
    struct columns columns = {0};
    struct db_rows *rows = NULL;
    struct row row = {0};
    enum db_next next = DB_FAILED;
    size_t room = 16;
    *out = (struct test_value){.kind = TEST_LIST};
    out->items = arena_array(arena, room, sizeof *out->items);
    if (out->items == NULL) return error_memory(err);
    if (db_describe(db, query->sql, arena, &columns, err) != 0 ||
        db_stream(db, query->sql, NULL, 0, &columns, &rows, err) != 0)
        return -1;
    const bool flat = columns.count == 1 && !expects_rows(&query->value);
    while ((next = db_rows_next(rows, true, &row, err)) == DB_ROW)
        if (add_row(out, &room, &row, flat, arena, err) != 0) break;
    db_rows_close(rows);
    if (next != DB_END) return -1;
    const bool is_scalar = query->value.kind == TEST_TEXT || query->value.kind == TEST_NIL;
    if (flat && is_scalar && out->count == 1) *out = out->items[0];
    return 0;
}

static int check_query(struct check *check, struct db *db, const struct test_query *query,
                       struct error *err)
{
    static const struct likeness_rule as_it_stands = {0};
    struct test_value got;
    const struct verdict_difference difference = {.line = query->line,
                                                  .column = query->column,
                                                  .moment = check->moment,
                                                  .what = query->sql};
    if (read_rows(db, query, &check->arena, &got, err) != 0) {
        const char *words = arena_format(&check->arena, "the error %s", err->message);
        if (err->code == ERROR_SQL_UNREACHABLE) return -1;
        error_clear(err);
        return note_words(check, &difference, &query->value, words, err);
    }
    const struct contrast answer = {&query->value, &got, &as_it_stands};
    return judge(check, &difference, &answer, err);
}

static int check_queries(struct check *check, const struct test_expectation *expected,
                         struct error *err)
{
    int result = 0;
    if (expected->query_count == 0) return 0;
    struct db *db = stage_database(check->stage, err);
    if (db == NULL) return -1;
    for (size_t i = 0; i < expected->query_count && result == 0; i++)
        result = check_query(check, db, &expected->queries[i], err);
    db_close(db);
    return result;
}

int cycle_check(struct stage *stage, const struct test_expectation *expected,
                const char *moment, struct verdict *verdict, struct error *err)
{
    struct check check = {.stage = stage, .moment = moment, .verdict = verdict};
    stage_say(stage, moment);
    int result = check_replies(&check, expected, err);
    if (result == 0) result = check_queries(&check, expected, err);
    arena_release(&check.arena);
    return result;
}

/* ---- the whole -------------------------------------------------------------------------- */

/* Where the cycle stands. */
struct cycle {
    struct stage *stage;
    const struct play *play;
    struct verdict *verdict;
    const char *moment; /* what is being done, for an error */
    struct heard heard;
    struct redis_state before, after;
};

static int run(struct cycle *cycle, enum cycle_move move, const char *moment, struct error *err)
{
    cycle->moment = moment;
    stage_say(cycle->stage, moment);
    return cycle_run(cycle->stage, cycle->play->migration, move, err);
}

/* What is expected of one moment, messages included. */
static int check_all(struct cycle *cycle, const struct test_expectation *expected,
                     const char *moment, struct error *err)
{
    if (audience_take(&cycle->stage->audience, &cycle->heard, err) != 0) return -1;
    if (cycle_check(cycle->stage, expected, moment, cycle->verdict, err) != 0) return -1;
    if (!expected->has_published) return 0;
    return heard_compare(&cycle->heard, expected, moment, cycle->verdict, err);
}

/* The queries of expect alone. */
static int check_sql(struct cycle *cycle, const char *moment, struct error *err)
{
    struct test_expectation expected = cycle->play->test->expect;
    expected.check_count = 0;
    return cycle_check(cycle->stage, &expected, moment, cycle->verdict, err);
}

static int apply(struct cycle *cycle, struct error *err)
{
    if (run(cycle, CYCLE_UP, "up", err) != 0) return -1;
    return check_all(cycle, &cycle->play->test->expect, "after up", err);
}

/* What was wrong the first time is wrong the next time, too, and need not be told again. */
static int apply_again(struct cycle *cycle, bool was_good, struct error *err)
{
    const struct drift_manner manner = {.moment = "after a second up"};
    struct connection *redis = cycle->stage->redis;
    if (redis_state_take(&cycle->before, redis, err) != 0 ||
        run(cycle, CYCLE_UP_AGAIN, "a second up", err) != 0 ||
        redis_state_take(&cycle->after, redis, err) != 0 ||
        drift_note(&cycle->before, &cycle->after, &manner, cycle->verdict, err) != 0)
        return -1;
    return was_good ? check_sql(cycle, manner.moment, err) : 0;
}

static int undo_and_apply(struct cycle *cycle, bool was_good, struct error *err)
{
    const struct migration_test *test = cycle->play->test;
    if (audience_take(&cycle->stage->audience, &cycle->heard, err) != 0 ||
        run(cycle, CYCLE_DOWN, "down", err) != 0 ||
        check_all(cycle, &test->after_down, "after down", err) != 0 ||
        run(cycle, CYCLE_UP, "up behind down", err) != 0)
        return -1;
    if (!was_good) return 0;
    return cycle_check(cycle->stage, &test->expect, "after up behind down", cycle->verdict,
                       err);
}

/* Nobody would ever look at what is expected behind a `down` that is not there. */
static void miss_down(struct cycle *cycle)
{
    const struct test_expectation *expected = &cycle->play->test->after_down;
    const struct verdict_difference difference = {
        .line = expected->line,
        .column = expected->column,
        .moment = "after down",
        .what = "the migration",
        .expected = "a `down` that undoes it",
        .got = "no `down`",
    };
    if (expected->line > 0) verdict_add(cycle->verdict, &difference);
}

static int perform(struct cycle *cycle, struct error *err)
{
    const struct play *play = cycle->play;
    cycle->moment = "given";
    stage_begin(cycle->stage, cycle->moment);
    if (audience_attend(&cycle->stage->audience, play->migration, err) != 0) return -1;
    if (stage_set(cycle->stage, play->test, err) != 0) return -1;
    if (audience_take(&cycle->stage->audience, &cycle->heard, err) != 0) return -1;
    if (apply(cycle, err) != 0) return -1;
    const bool was_good = verdict_is_good(cycle->verdict);
    if (play->test->repeatable && apply_again(cycle, was_good, err) != 0) return -1;
    if (play->migration->has_down) return undo_and_apply(cycle, was_good, err);
    miss_down(cycle);
    return 0;
}

void cycle_perform(struct stage *stage, const struct play *play, struct verdict *verdict)
{
    struct cycle cycle = {.stage = stage, .play = play, .verdict = verdict};
    struct error err = {0};
    if (perform(&cycle, &err) != 0) {
        verdict->error = err;
        verdict->failed_moment = cycle.moment;
    }
    heard_release(&cycle.heard);
    redis_state_release(&cycle.before);
    redis_state_release(&cycle.after);
}
