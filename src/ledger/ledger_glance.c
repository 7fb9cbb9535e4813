/*
 * A glance at the ledger: whether it may all be settled, asked as cheaply as it can be.
 *
 * Mostly there is nothing to do, and that is asked on every host of every deploy. What has to
 * be known for it is little: what is applied and announced, by which file, and that no run was
 * left open. Three small queries tell, in one round trip and without a look into the catalog
 * first; PostgreSQL, in a process that was born for this connection, answers them in a third of
 * the time that it takes to read the ledger whole.
 *
 * Where names are looked for in several schemas, a fourth one tells whether the tables lie
 * together; asked always, it would cost as much as another two of the three.
 *
 * What it does not understand it does not judge. Tables that are missing, apart, or of another
 * shape, a newer layout, a run that did not end well: each of these is for ledger_read() to
 * look into, and to put into words.
 */
#include "ledger_glance.h"

#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "error.h"
#include "ledger_sql.h"
#include "number.h"

enum question { RUNS, ENTRIES, ROW, QUESTIONS };

/* The runs first: of what happens in between, the entries then know. */
static const char *const statements[QUESTIONS] = {
    [RUNS] = "glance_runs", [ENTRIES] = "glance_entries", [ROW] = "glance_ledger"};

enum { FIRST_CAPACITY = 16, MOST_RUNS = 1000 /* the LIMIT of glance_runs.sql */ };

/* A run, as far as a glance goes. */
struct glimpse {
    int64_t version, id;
    bool succeeded;
};

struct glance {
    const struct ledger *ledger;
    struct arena *arena;
    struct glimpse *runs; /* room for MOST_RUNS */
    size_t run_count;
    struct entry *items;
    size_t count, capacity;
    int64_t layout;    /* 0: no row seen */
    bool may_be_apart; /* the tables are not surely in one schema */
    bool is_odd;       /* something is for ledger_read() to look into */
};

/* Whether names are looked for in one schema only. The path is an array as PostgreSQL writes
 * it, with all that is looked into unasked. */
static bool is_one_schema(const struct ledger *ledger, const struct value *path)
{
    static const char system[] = "{pg_catalog,";
    const size_t length = sizeof system - 1;
    if (ledger->dialect == DB_SQLITE || ledger->given_schema != NULL) return true;
    return path->length > length && memcmp(path->bytes, system, length) == 0 &&
           memchr(path->bytes + length, ',', path->length - length) == NULL;
}

static void take_row(struct glance *glance, const struct row *row)
{
    const struct value *layout = &row->values[0];
    if (glance->layout != 0 ||
        number_parse(layout->bytes, layout->length, 1, LEDGER_LAYOUT, &glance->layout) != 0)
        glance->is_odd = true;
    glance->may_be_apart = !is_one_schema(glance->ledger, &row->values[1]);
}

/* History may be longer than what a glance takes in. */
static void take_run(struct glance *glance, const struct row *row)
{
    const struct value *version = &row->values[0], *id = &row->values[1];
    struct glimpse *run = &glance->runs[glance->run_count];
    run->succeeded = value_is(&row->values[2], run_status_text(RUN_SUCCEEDED));
    if (number_parse(version->bytes, version->length, INT64_MIN, INT64_MAX, &run->version) !=
            0 ||
        number_parse(id->bytes, id->length, INT64_MIN, INT64_MAX, &run->id) != 0 ||
        ++glance->run_count == MOST_RUNS) {
        glance->is_odd = true;
        glance->run_count = 0;
    }
}

static int by_version_and_id(const void *left, const void *right)
{
    const struct glimpse *a = left, *b = right;
    if (a->version != b->version) return a->version < b->version ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

/* Whether each version's latest run succeeded. */
static bool all_succeeded(struct glance *glance)
{
    struct glimpse *runs = glance->runs;
    const size_t count = glance->run_count;
    if (count > 1) qsort(runs, count, sizeof *runs, by_version_and_id);
    for (size_t i = 0; i < count; i++) {
        const bool is_latest = i + 1 == count || runs[i + 1].version != runs[i].version;
        if (is_latest && !runs[i].succeeded) return false;
    }
    return true;
}

/* Room for one entry more, or NULL. */
static struct entry *add_entry(struct glance *glance)
{
    if (glance->count == glance->capacity) {
        const size_t larger = glance->capacity == 0 ? FIRST_CAPACITY : 2 * glance->capacity;
        struct entry *moved = arena_array(glance->arena, larger, sizeof *moved);
        if (moved == NULL) return NULL;
        if (glance->count > 0) memcpy(moved, glance->items, glance->count * sizeof *moved);
        glance->items = moved;
        glance->capacity = larger;
    }
    return &glance->items[glance->count++];
}

static int take_entry(struct glance *glance, const struct row *row, struct error *err)
{
    const struct value *version = &row->values[0], *name = &row->values[1],
                       *checksum = &row->values[2];
    struct entry *entry = add_entry(glance);
    if (entry == NULL) return error_memory(err);
    *entry = (struct entry){.announced_at = ledger_sql_is_true(&row->values[3]) ? "" : NULL};
    if (name->kind == VALUE_NULL || checksum->kind == VALUE_NULL ||
        number_parse(version->bytes, version->length, INT64_MIN, INT64_MAX, &entry->version) !=
            0) {
        glance->is_odd = true;
        return 0;
    }
    entry->name = arena_copy(glance->arena, name->bytes, name->length);
    entry->checksum = arena_copy(glance->arena, checksum->bytes, checksum->length);
    return entry->name != NULL && entry->checksum != NULL ? 0 : error_memory(err);
}

static int take(void *context, size_t query, const struct row *row, struct error *err)
{
    struct glance *glance = context;
    if (query == ENTRIES) return take_entry(glance, row, err);
    if (query == ROW)
        take_row(glance, row);
    else
        take_run(glance, row);
    return 0;
}

static int by_version(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    return (a->version > b->version) - (a->version < b->version);
}

/* The statement called name as the ledger's tables want it, in arena; NULL without memory. */
static const char *prepare(struct ledger *ledger, const char *name, struct arena *arena)
{
    buffer_clear(&ledger->text);
    ledger_sql_append(ledger, &ledger->text, name);
    if (buffer_text(&ledger->text) == NULL) return NULL;
    return arena_copy(arena, ledger->text.bytes, ledger->text.length);
}

static int take_truth(void *context, size_t query, const struct row *row, struct error *err)
{
    (void)query;
    (void)err;
    *(bool *)context = ledger_sql_is_true(&row->values[0]);
    return 0;
}

/* Whether the tables lie in one schema: 1, 0, or -1 with err. */
static int ask_together(struct ledger *ledger, struct arena *arena, struct error *err)
{
    bool together = false;
    const char *text = prepare(ledger, "glance_schemas", arena);
    const struct db_questions question = {
        .queries = &text, .count = 1, .take = take_truth, .context = &together};
    if (text == NULL) return error_memory(err);
    return db_ask(ledger->db, &question, err) == 0 ? together : -1;
}

int ledger_glance_state(struct ledger *ledger, struct ledger_state *state, struct arena *arena,
                        struct error *err)
{
    const char *texts[QUESTIONS] = {NULL};
    struct glance glance = {.ledger = ledger, .arena = arena};
    const struct db_questions questions = {
        .queries = texts, .count = QUESTIONS, .take = take, .context = &glance};
    glance.runs = arena_array(arena, MOST_RUNS, sizeof *glance.runs);
    if (glance.runs == NULL) return error_memory(err);
    for (int i = 0; i < QUESTIONS; i++) {
        texts[i] = prepare(ledger, statements[i], arena);
        if (texts[i] == NULL) return error_memory(err);
    }
    if (db_ask(ledger->db, &questions, err) != 0) return -1;
    if (glance.is_odd || glance.layout == 0 || !all_succeeded(&glance)) return 0;
    const int together = glance.may_be_apart ? ask_together(ledger, arena, err) : 1;
    if (together != 1) return together;
    if (glance.count > 1) qsort(glance.items, glance.count, sizeof *glance.items, by_version);
    *state = (struct ledger_state){
        .present = true,
        .layout = glance.layout,
        .record = {.entries = glance.items, .entry_count = glance.count},
    };
    return 1;
}
