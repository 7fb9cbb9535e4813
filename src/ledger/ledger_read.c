/*
 * Rows of the three tables into entries and runs.
 *
 * This is what every host of every deploy asks first, so it is few and small questions: on a
 * fresh PostgreSQL connection three plain queries are planned and answered in half the time
 * that one clever join takes. Each query has its own snapshot; the runs are read first, so that
 * a run which ends in between is seen as running beside its entry, never as done without one.
 * What the rows mean (pending, crashed, modified) is the agenda's to say.
 */
#include "ledger_read.h"

#include <string.h>

#include "db.h"
#include "error.h"
#include "ledger_sql.h"
#include "ledger_tables.h"
#include "number.h"

/* One row, read value by value. The first failure sticks. */
struct decoder {
    const struct ledger *ledger;
    enum ledger_table table;
    const struct row *row;
    struct arena *arena;
    size_t next;
    struct error *err;
    bool failed;
};

static const char *next_text(struct decoder *decoder)
{
    const struct value *value = &decoder->row->values[decoder->next++];
    if (value->kind == VALUE_NULL || decoder->failed) return NULL;
    const char *text = arena_copy(decoder->arena, value->bytes, value->length);
    if (text == NULL) {
        decoder->failed = true;
        (void)error_memory(decoder->err);
    }
    return text;
}

static void fail(struct decoder *decoder, const char *text)
{
    const char *column = decoder->row->columns->items[decoder->next - 1].name;
    if (!decoder->failed)
        (void)ledger_tables_foreign(decoder->ledger, decoder->table, column, text,
                                    decoder->err);
    decoder->failed = true;
}

/* none stands for NULL. */
static int64_t next_integer(struct decoder *decoder, int64_t none)
{
    int64_t number = none;
    const char *text = next_text(decoder);
    if (text != NULL && number_parse(text, strlen(text), INT64_MIN, INT64_MAX, &number) != 0)
        fail(decoder, text);
    return number;
}

static struct tally next_tally(struct decoder *decoder)
{
    struct tally tally = {.rows_read = next_integer(decoder, 0)};
    tally.rows_changed = next_integer(decoder, 0);
    tally.commands_sent = next_integer(decoder, 0);
    tally.messages_published = next_integer(decoder, 0);
    return tally;
}

static bool next_is_down(struct decoder *decoder)
{
    const char *direction = next_text(decoder);
    return direction != NULL && strcmp(direction, "down") == 0;
}

static enum run_status next_status(struct decoder *decoder)
{
    const char *text = next_text(decoder);
    int status = text != NULL ? run_status_parse(text) : -1;
    if (status >= 0) return (enum run_status)status;
    fail(decoder, text != NULL ? text : "NULL");
    return RUN_FAILED;
}

static enum request next_request(struct decoder *decoder)
{
    const char *text = next_text(decoder);
    int request = request_parse(text);
    if (request >= 0) return (enum request)request;
    fail(decoder, text);
    return REQUEST_NONE;
}

/* The columns of read_entries.sql. */
static void decode_entry(struct decoder *decoder, struct entry *entry)
{
    entry->version = next_integer(decoder, 0);
    entry->name = next_text(decoder);
    entry->checksum = next_text(decoder);
    entry->run_id = next_integer(decoder, 0);
    entry->tally = next_tally(decoder);
    entry->redis = next_text(decoder);
    entry->applied_by = next_text(decoder);
    entry->applied_at = next_text(decoder);
    entry->announced_at = next_text(decoder);
}

/* The columns of read_runs.sql, history.sql and follow.sql. */
static void decode_run(struct decoder *decoder, struct run *run)
{
    run->id = next_integer(decoder, 0);
    run->version = next_integer(decoder, 0);
    run->name = next_text(decoder);
    run->down = next_is_down(decoder);
    run->status = next_status(decoder);
    run->request = next_request(decoder);
    run->requested_by = next_text(decoder);
    run->requested_at = next_text(decoder);
    run->step = next_integer(decoder, 0);
    run->step_name = next_text(decoder);
    run->cursor = next_text(decoder);
    run->rows_total = next_integer(decoder, -1);
    run->tally = next_tally(decoder);
    run->redis = next_text(decoder);
    const int64_t origin = next_integer(decoder, INT64_MAX);
    run->is_closed = origin <= 0;
    run->origin = origin == INT64_MAX ? 0 : origin < 0 ? -origin : origin;
    run->error = next_text(decoder);
    run->operator_name = next_text(decoder);
    run->context = next_text(decoder);
    run->host = next_text(decoder);
    run->pid = next_integer(decoder, 0);
    run->tool_version = next_text(decoder);
    run->checksum = next_text(decoder);
    run->definition = next_text(decoder);
    run->started_at = next_text(decoder);
    run->updated_at = next_text(decoder);
    run->finished_at = next_text(decoder);
    run->ended_ms_ago = next_integer(decoder, INT64_MAX);
    run->took_ms = next_integer(decoder, 0);
    run->stopped_at = next_text(decoder);
}

/* ---- lists ----------------------------------------------------------------------------- */

enum { FIRST_CAPACITY = 16 };

/* items with room for one more than count, in arena; NULL when memory ran out. */
static void *with_room(struct arena *arena, void *items, size_t count, size_t *capacity,
                       size_t size)
{
    if (count < *capacity) return items;
    size_t larger = *capacity == 0 ? FIRST_CAPACITY : 2 * *capacity;
    void *moved = arena_array(arena, larger, size);
    if (moved == NULL) return NULL;
    if (count > 0) memcpy(moved, items, count * size);
    *capacity = larger;
    return moved;
}

struct entry_list {
    struct ledger *ledger;
    struct arena *arena;
    struct entry *items;
    size_t count, capacity;
};

static struct entry *add_entry(struct entry_list *list, struct error *err)
{
    void *items =
        with_room(list->arena, list->items, list->count, &list->capacity, sizeof *list->items);
    if (items == NULL) {
        (void)error_memory(err);
        return NULL;
    }
    list->items = items;
    return &list->items[list->count++];
}

static int take_entry(void *context, const struct row *row, struct error *err)
{
    struct entry_list *list = context;
    struct decoder decoder = {list->ledger, LEDGER_ENTRIES, row, list->arena, 0, err, false};
    struct entry *entry = add_entry(list, err);
    if (entry == NULL) return -1;
    decode_entry(&decoder, entry);
    return decoder.failed ? -1 : 0;
}

/* With a layout of the future only the first three columns are known. It is for the newer
 * release to finish such an entry off, so here it counts as announced. */
static int take_name(void *context, const struct row *row, struct error *err)
{
    struct entry_list *list = context;
    struct decoder decoder = {list->ledger, LEDGER_ENTRIES, row, list->arena, 0, err, false};
    struct entry *entry = add_entry(list, err);
    if (entry == NULL) return -1;
    *entry = (struct entry){.version = next_integer(&decoder, 0), .announced_at = ""};
    entry->name = next_text(&decoder);
    entry->checksum = next_text(&decoder);
    return decoder.failed ? -1 : 0;
}

static int take_run(void *context, const struct row *row, struct error *err)
{
    struct ledger_read_runs *list = context;
    struct decoder decoder = {list->ledger, LEDGER_RUNS, row, list->arena, 0, err, false};
    void *items =
        with_room(list->arena, list->items, list->count, &list->capacity, sizeof *list->items);
    if (items == NULL) return error_memory(err);
    list->items = items;
    decode_run(&decoder, &list->items[list->count++]);
    return decoder.failed ? -1 : 0;
}

/* ---- the whole ledger ------------------------------------------------------------------ */

static int read_entries(struct ledger *ledger, const char *name, struct ledger_state *state,
                        struct arena *arena, struct error *err)
{
    struct ledger_statement statement = {.name = name};
    struct entry_list list = {.ledger = ledger, .arena = arena};
    bool names_only = strcmp(name, "read_names") == 0;
    if (ledger_sql_each(ledger, &statement, names_only ? take_name : take_entry, &list, err) !=
        0)
        return -1;
    state->record.entries = list.items;
    state->record.entry_count = list.count;
    return 0;
}

static int read_runs(struct ledger *ledger, struct ledger_state *state, struct arena *arena,
                     struct error *err)
{
    struct ledger_statement statement = {.name = "read_runs"};
    struct ledger_read_runs list = {.ledger = ledger, .arena = arena};
    if (ledger_sql_each(ledger, &statement, take_run, &list, err) != 0) return -1;
    state->record.runs = list.items;
    state->record.run_count = list.count;
    return 0;
}

static bool found_all(const struct ledger *ledger)
{
    const bool *found = ledger->found;
    return found[LEDGER_ENTRIES] && found[LEDGER_RUNS] && found[LEDGER_ROW];
}

/* Without its entries everything would look pending, and nothing can be applied. */
static int look_for_loss(struct ledger *ledger, struct ledger_state *state, struct arena *arena,
                         struct error *err)
{
    struct error why = {0};
    if (ledger_tables_check_entries(ledger, &why) == 0) return 0;
    if (why.code != ERROR_OPERATOR) {
        *err = why;
        return -1;
    }
    state->lost = arena_text(arena, why.message);
    return state->lost != NULL ? 0 : error_memory(err);
}

/* Tables of which some are missing may be another tool's; so they are looked at first. */
static int read_found(struct ledger *ledger, struct ledger_state *state, struct arena *arena,
                      struct error *err)
{
    const bool *found = ledger->found;
    state->present = found_all(ledger);
    if (found[LEDGER_ROW] &&
        ledger_tables_row(ledger, "read_layout", arena, &state->layout, &state->id, err) != 0)
        return -1;
    if (state->layout > LEDGER_LAYOUT && found[LEDGER_ENTRIES])
        return read_entries(ledger, "read_names", state, arena, err);
    if (!state->present && (ledger_tables_check_columns(ledger, err) != 0 ||
                            look_for_loss(ledger, state, arena, err) != 0))
        return -1;
    if (found[LEDGER_RUNS] && read_runs(ledger, state, arena, err) != 0) return -1;
    if (found[LEDGER_ENTRIES]) return read_entries(ledger, "read_entries", state, arena, err);
    return 0;
}

static bool found_any(const struct ledger *ledger)
{
    for (int table = 0; table < LEDGER_TABLES; table++) {
        if (ledger->found[table]) return true;
    }
    return false;
}

/* The statements of one reading, in their order. */
enum { LOCATION, ROW, RUNS, ENTRIES, QUESTIONS };

struct reading {
    struct ledger *ledger;
    size_t first; /* LOCATION, or ROW where that was asked before */
    struct ledger_row row;
    struct ledger_read_runs runs;
    struct entry_list entries;
};

static int take_any(void *context, size_t statement, const struct row *row, struct error *err)
{
    struct reading *reading = context;
    switch (reading->first + statement) {
    case LOCATION:
        return ledger_tables_take_location(reading->ledger, row, err);
    case ROW:
        return ledger_tables_take_row(&reading->row, row, err);
    case RUNS:
        return take_run(&reading->runs, row, err);
    default:
        return take_entry(&reading->entries, row, err);
    }
}

/* Ask the questions from first to before last. */
static bool ask(struct reading *reading, size_t first, size_t last, struct error *err)
{
    struct ledger_statement statements[QUESTIONS] = {{.name = "locate"},
                                                     {.name = "read_layout"},
                                                     {.name = "read_runs"},
                                                     {.name = "read_entries"}};
    const struct ledger_questions questions = {DB_READ, statements + first, last - first,
                                               take_any, reading};
    ledger_tables_add_schema(reading->ledger, &statements[LOCATION]);
    reading->first = first;
    return ledger_sql_ask(reading->ledger, &questions, err) == 0;
}

/* Read a ledger that is as it should be in one go, or, where it is not known yet, in two; or
 * find that there is none. Returns whether that worked; otherwise it takes a closer look,
 * unless err says that a wait was ended. */
static bool read_at_once(struct ledger *ledger, struct ledger_state *state, struct arena *arena,
                         struct error *err)
{
    struct reading reading = {.ledger = ledger,
                              .row = {.ledger = ledger, .arena = arena},
                              .runs = {.ledger = ledger, .arena = arena},
                              .entries = {.ledger = ledger, .arena = arena}};
    const bool is_known = ledger->located && found_all(ledger);
    if (!is_known && !ask(&reading, LOCATION, ROW, err)) return false;
    if (!found_any(ledger)) return true;
    if (!found_all(ledger) || !ask(&reading, is_known ? LOCATION : ROW, QUESTIONS, err) ||
        !found_all(ledger) || reading.row.layout > LEDGER_LAYOUT)
        return false;
    *state = (struct ledger_state){
        .present = true,
        .layout = reading.row.layout,
        .id = reading.row.id,
        .record = {.entries = reading.entries.items,
                   .entry_count = reading.entries.count,
                   .runs = reading.runs.items,
                   .run_count = reading.runs.count},
    };
    return true;
}

int ledger_read_state(struct ledger *ledger, struct ledger_state *state, struct arena *arena,
                      struct error *err)
{
    *state = (struct ledger_state){.present = false};
    if (read_at_once(ledger, state, arena, err)) return 0;
    if (error_ends_waiting(err)) return -1;
    error_clear(err);
    if (db_begin(ledger->db, DB_READ, err) != 0) return -1;
    if (ledger_tables_locate(ledger, err) == 0 &&
        (!found_any(ledger) || read_found(ledger, state, arena, err) == 0) &&
        db_commit(ledger->db, err) == 0)
        return 0;
    return ledger_tables_explain(ledger, err);
}

/* ---- history --------------------------------------------------------------------------- */

/* Find the tables, and see that their layout is one that we know. */
static int find_runs(struct ledger *ledger, struct arena *arena, struct error *err)
{
    int64_t layout = 0;
    const char *id = NULL;
    if (ledger_tables_locate(ledger, err) != 0) return -1;
    if (!ledger->found[LEDGER_ROW]) return 0;
    if (ledger_tables_row(ledger, "read_layout", arena, &layout, &id, err) != 0) return -1;
    return ledger_tables_check_layout(ledger, layout, err);
}

static int read_history(struct ledger_read_runs *runs, const struct ledger_statement *statement,
                        struct error *err)
{
    if (find_runs(runs->ledger, runs->arena, err) != 0) return -1;
    if (!runs->ledger->found[LEDGER_RUNS]) return 0;
    return ledger_sql_each(runs->ledger, statement, take_run, runs, err);
}

/* The statements of a history, in their order. */
struct past {
    struct ledger_row row;
    struct ledger_read_runs runs;
};

static int take_past(void *context, size_t statement, const struct row *row, struct error *err)
{
    struct past *past = context;
    return statement == 0 ? ledger_tables_take_row(&past->row, row, err)
                          : take_run(&past->runs, row, err);
}

/* As read_at_once(), but for the history. */
static bool read_history_at_once(struct ledger_read_runs *runs,
                                 const struct ledger_statement *history, struct error *err)
{
    const struct ledger *ledger = runs->ledger;
    struct past past = {.row = {.ledger = ledger, .arena = runs->arena}, .runs = *runs};
    struct ledger_statement statements[2] = {{.name = "read_layout"}, {.name = history->name}};
    const struct ledger_questions questions = {DB_READ, statements, 2, take_past, &past};
    for (size_t i = 0; i < history->count; i++) statements[1].values[i] = history->values[i];
    statements[1].count = history->count;
    if (!ledger->located || !found_all(ledger) ||
        ledger_sql_ask(runs->ledger, &questions, err) != 0 || past.row.layout > LEDGER_LAYOUT)
        return false;
    *runs = past.runs;
    return true;
}

int ledger_read_history(struct ledger_read_runs *runs, int64_t version, int64_t run_id,
                        struct error *err)
{
    struct ledger_statement statement = {.name = "history"};
    ledger_sql_integer(&statement, version);
    ledger_sql_integer(&statement, run_id);
    if (read_history_at_once(runs, &statement, err)) return 0;
    if (error_ends_waiting(err)) return -1;
    error_clear(err);
    if (db_begin(runs->ledger->db, DB_READ, err) != 0) return -1;
    if (read_history(runs, &statement, err) == 0 && db_commit(runs->ledger->db, err) == 0)
        return 0;
    return ledger_tables_explain(runs->ledger, err);
}

/* ---- one run ---------------------------------------------------------------------------- */

static int read_run(struct ledger_read_runs *runs, int64_t run_id, struct error *err)
{
    struct ledger *ledger = runs->ledger;
    struct ledger_statement statement = {.name = "follow"};
    if (!ledger->found[LEDGER_RUNS] && find_runs(ledger, runs->arena, err) != 0) return -1;
    if (!ledger->found[LEDGER_RUNS]) return 0;
    ledger_sql_integer(&statement, run_id);
    return ledger_sql_each(ledger, &statement, take_run, runs, err);
}

int ledger_read_run(struct ledger *ledger, int64_t run_id, struct arena *arena, struct run *run,
                    struct error *err)
{
    struct ledger_read_runs runs = {.ledger = ledger, .arena = arena};
    if (db_begin(ledger->db, DB_READ, err) != 0) return -1;
    if (read_run(&runs, run_id, err) != 0 || db_commit(ledger->db, err) != 0)
        return ledger_tables_explain(ledger, err);
    if (runs.count == 0) return 0;
    *run = runs.items[0];
    return 1;
}
