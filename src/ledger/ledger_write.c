/*
 * What all writing has in common: the transaction that begins by locking the ledger's one row,
 * the end of everybody else's runs, and the words for a runner whose own run was ended.
 *
 * It is the same for a run, for `mark` and for `repair`, and it is what keeps a runner harmless
 * that has lost its lock without noticing. What is written in between is not decided here.
 */
#include "ledger_write.h"

#include "crash.h"
#include "db.h"
#include "error.h"
#include "ledger_run.h"
#include "ledger_tables.h"

int ledger_write_end(struct ledger *ledger, int result, struct error *err)
{
    crash_point("before COMMIT");
    if (result >= 0 && db_commit(ledger->db, err) == 0) {
        crash_point("after COMMIT");
        return result;
    }
    db_rollback(ledger->db);
    return -1;
}

int ledger_write_begin(struct ledger *ledger, struct error *err)
{
    struct arena arena = {0};
    int64_t layout = 0;
    const char *id = NULL;
    int result = -1;
    if (db_begin(ledger->db, DB_WRITE, err) != 0) return -1;
    if (!ledger->located && ledger_tables_locate(ledger, err) != 0) goto done;
    if (ledger_tables_row(ledger, "lock_ledger", &arena, &layout, &id, err) != 0) goto done;
    if (id == NULL) {
        (void)error_set(err, ERROR_OPERATOR,
                        "the table '%s' is empty: the next command that writes fills it",
                        ledger->tables[LEDGER_ROW]);
        goto done;
    }
    result = ledger_tables_check_layout(ledger, layout, err);
done:
    arena_release(&arena);
    return result;
}

int ledger_write_end_others(struct ledger *ledger, int64_t own_id, const char *by,
                            struct error *err)
{
    struct ledger_statement statement = {.name = "end_others"};
    struct buffer why = {0};
    buffer_append_format(&why, "ended by %s of %s", by, ledger->author.operator_name);
    ledger_sql_integer(&statement, own_id);
    ledger_sql_text(&statement, buffer_text(&why));
    int result = buffer_failed(&why) ? error_memory(err)
                                     : ledger_sql_execute(ledger, &statement, NULL, err);
    buffer_release(&why);
    return result;
}

static int take_alone(void *context, size_t statement, const struct row *row, struct error *err)
{
    const struct ledger_alone *alone = context;
    (void)statement;
    return alone->take == NULL ? 0 : alone->take(alone->context, row, err);
}

int ledger_write_alone(struct ledger *ledger, struct ledger_alone alone, struct error *err)
{
    const struct ledger_questions question = {alone.access, alone.statement, 1, take_alone,
                                              &alone};
    crash_point("before COMMIT");
    if (ledger_sql_ask(ledger, &question, err) != 0) return -1;
    crash_point("after COMMIT");
    return 0;
}

static int take_found(void *context, const struct row *row, struct error *err)
{
    (void)row;
    (void)err;
    *(bool *)context = true;
    return 0;
}

int ledger_write_alone_for_run(struct ledger *ledger, enum db_access access,
                               const struct ledger_statement *statement, int64_t run_id,
                               struct error *err)
{
    bool found = false;
    const struct ledger_alone alone = {access, statement, take_found, &found};
    if (ledger_write_alone(ledger, alone, err) != 0) return -1;
    return found ? 0 : ledger_write_refuse_ended(ledger, run_id, err);
}

void ledger_write_add_position(struct ledger_statement *statement, int64_t run_id,
                               const struct ledger_position *position)
{
    ledger_sql_integer(statement, run_id);
    ledger_sql_optional(statement, position->step, 0);
    ledger_sql_text(statement, position->step_name);
    ledger_sql_optional(statement, position->rows_total, -1);
    ledger_sql_integer(statement, position->tally.rows_read);
    ledger_sql_integer(statement, position->tally.rows_changed);
    ledger_sql_integer(statement, position->tally.commands_sent);
    ledger_sql_integer(statement, position->tally.messages_published);
}

struct run_end {
    struct arena *arena;
    const char *status;
    const char *error;
};

static int take_run_end(void *context, const struct row *row, struct error *err)
{
    struct run_end *found = context;
    const struct value *error = &row->values[1];
    (void)err;
    found->status = arena_copy(found->arena, row->values[0].bytes, row->values[0].length);
    if (error->kind != VALUE_NULL)
        found->error = arena_copy(found->arena, error->bytes, error->length);
    return 0;
}

int ledger_write_refuse_ended(struct ledger *ledger, int64_t run_id, struct error *err)
{
    struct ledger_statement statement = {.name = "run_end"};
    struct arena arena = {0};
    struct run_end found = {.arena = &arena};
    ledger_sql_integer(&statement, run_id);
    if (ledger_sql_each(ledger, &statement, take_run_end, &found, err) == 0)
        (void)error_set(
            err, ERROR_OPERATOR,
            "run %lld was ended by another while it ran (%s%s%s): it writes nothing "
            "more; `redferry history` shows who",
            (long long)run_id, found.status != NULL ? found.status : "its row is gone",
            found.error != NULL ? ", " : "", found.error != NULL ? found.error : "");
    arena_release(&arena);
    return -1;
}

int ledger_write_for_run(struct ledger *ledger, const struct ledger_statement *statement,
                         int64_t run_id, struct error *err)
{
    int64_t changed = 0;
    if (ledger_sql_execute(ledger, statement, &changed, err) != 0) return -1;
    return changed == 1 ? 0 : ledger_write_refuse_ended(ledger, run_id, err);
}
