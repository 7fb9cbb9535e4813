/*
 * Migrations held against a database, for whoever writes them: what lint cannot know without
 * one.
 *
 * A query is described and planned, never run; a statement is planned where it can be. What
 * fails behind an `sql` step may be right by the time it is run, and so is only noted. Redis is
 * not asked anything, and which rows there are does not matter: `plan` and `doctor` look at
 * those.
 */
#include "inspection.h"

#include <string.h>
#include <strings.h>

#include "arena.h"
#include "command.h"
#include "command_facts.h"
#include "config.h"
#include "db.h"
#include "db_look.h"
#include "error.h"
#include "lint_report.h"
#include "migration.h"
#include "row.h"
#include "session.h"
#include "source.h"
#include "template.h"

/* Going through the steps. */
struct inspection {
    struct lint_report *report;
    struct session *session;
    const struct migration *migration;
    const struct step *step;
    struct db *db; /* where the step reads */
    bool is_down;
    bool behind_sql; /* an `sql` step that is still to come may change what it finds */
};

static struct lint_place read_place(const struct inspection *inspection)
{
    return (struct lint_place){inspection->migration->file, inspection->step->read_line,
                               inspection->step->read_column};
}

static struct lint_place command_place(const struct inspection *inspection,
                                       const struct command *command)
{
    return (struct lint_place){inspection->migration->file, command->line, command->column};
}

/* Say what is wrong with the step. Returns 0, or -1 where err is no matter of the step. */
static int blame(struct inspection *inspection, const char *code, struct lint_place place,
                 struct error *err)
{
    const bool is_own = err->code == ERROR_FAILED || err->code == ERROR_INVALID;
    const bool may_change = inspection->behind_sql && err->code == ERROR_FAILED;
    struct lint_finding *finding = NULL;

    if (!is_own || err->passing) return -1;
    finding = lint_report_add(inspection->report, code, place, "step '%s': %s%s",
                              inspection->step->name, err->message,
                              may_change ? "; an `sql` step before it may mend that" : "");
    if (may_change) lint_report_soften(finding, LINT_NOTE);
    error_clear(err);
    return 0;
}

/* ---- types ------------------------------------------------------------------------------ */

enum number_kind { WHOLE, NUMBER };

/* Where commands take numbers: at a position (and from there on, each so many), or behind a
 * word. */
static const struct number_line {
    const char *command;
    size_t position;
    size_t step;
    const char *word;
    enum number_kind kind;
} number_lines[] = {
    {"DECRBY", 2, 0, NULL, WHOLE},        {"EXPIRE", 2, 0, NULL, WHOLE},
    {"EXPIREAT", 2, 0, NULL, WHOLE},      {"GEOADD", 2, 3, NULL, NUMBER},
    {"GEOADD", 3, 3, NULL, NUMBER},       {"HINCRBY", 3, 0, NULL, WHOLE},
    {"HINCRBYFLOAT", 3, 0, NULL, NUMBER}, {"INCRBY", 2, 0, NULL, WHOLE},
    {"INCRBYFLOAT", 2, 0, NULL, NUMBER},  {"LSET", 2, 0, NULL, WHOLE},
    {"PEXPIRE", 2, 0, NULL, WHOLE},       {"PEXPIREAT", 2, 0, NULL, WHOLE},
    {"PSETEX", 2, 0, NULL, WHOLE},        {"SET", 0, 0, "EX", WHOLE},
    {"SET", 0, 0, "EXAT", WHOLE},         {"SET", 0, 0, "PX", WHOLE},
    {"SET", 0, 0, "PXAT", WHOLE},         {"SETBIT", 2, 0, NULL, WHOLE},
    {"SETBIT", 3, 0, NULL, WHOLE},        {"SETEX", 2, 0, NULL, WHOLE},
    {"SETRANGE", 2, 0, NULL, WHOLE},      {"ZADD", 2, 2, NULL, NUMBER},
    {"ZINCRBY", 2, 0, NULL, NUMBER},
};

/* The column that the argument at position is, and nothing else; NULL where it is not so. */
static const struct column *column_at(const struct command *command, size_t position,
                                      const struct columns *columns)
{
    size_t count = 0;
    const struct template_piece *pieces = NULL;

    if (position >= command->argument_count) return NULL;
    pieces = template_pieces(command->arguments[position], &count);
    if (count != 1 || pieces[0].kind != TEMPLATE_VALUE) return NULL;
    return &columns->items[pieces[0].column];
}

/* Whether values of the column cannot be numbers of that kind, going by what the database calls
 * their type. SQLite says little, and of an expression nothing. */
static bool is_no_number(const struct column *column, enum number_kind kind,
                         enum db_dialect dialect)
{
    static const char *const texts[] = {"CHAR", "TEXT", "CLOB", "DATE", "TIME"};

    if (column->kind == VALUE_BOOLEAN || column->kind == VALUE_JSON ||
        column->kind == VALUE_BYTES)
        return true;
    if (column->kind == VALUE_FLOAT) return kind == WHOLE;
    if (column->kind != VALUE_TEXT) return false;
    if (dialect == DB_POSTGRESQL) return true;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcasestr(column->type, texts[i]) != NULL) return true;
    return false;
}

static void check_number(struct inspection *inspection, const struct command *command,
                         const struct column *column, enum number_kind kind)
{
    if (column == NULL || !is_no_number(column, kind, db_dialect(inspection->db))) return;
    lint_report_add(inspection->report, "RF605", command_place(inspection, command),
                    "step '%s': '%s' takes %s where '${%s}' stands, and that is %s",
                    inspection->step->name, command->facts->name,
                    kind == WHOLE ? "an integer" : "a number", column->name, column->type);
}

/* The first score of ZADD stands behind its options, which are literal, as no score is. */
static size_t first_position(const struct number_line *line, const struct command *command)
{
    const char *text = NULL;
    size_t position = line->position, length = 0;

    while (line->step > 0 && position < command->argument_count &&
           template_is_literal(command->arguments[position], &text, &length) && length > 0 &&
           strspn(text, "NXCHGLTINRnxchgltinr") == length)
        position++;
    return position;
}

static void check_numbers(struct inspection *inspection, const struct command *command,
                          const struct columns *columns)
{
    const char *text = NULL;
    size_t length = 0;

    for (size_t i = 0; i < sizeof number_lines / sizeof *number_lines; i++) {
        const struct number_line *line = &number_lines[i];
        if (command->facts == NULL || strcmp(command->facts->name, line->command) != 0)
            continue;
        if (line->word == NULL) {
            size_t at = first_position(line, command);
            do {
                check_number(inspection, command, column_at(command, at, columns), line->kind);
                at += line->step;
            } while (line->step > 0 && at < command->argument_count);
            continue;
        }
        for (size_t at = 3; at + 1 < command->argument_count; at++)
            if (template_is_literal(command->arguments[at], &text, &length) &&
                length == strlen(line->word) && strncasecmp(text, line->word, length) == 0)
                check_number(inspection, command, column_at(command, at + 1, columns),
                             line->kind);
    }
}

/* ---- keys of several texts -------------------------------------------------------------- */

/* Whether values of the column are texts or bytes, which may hold anything, going by what the
 * database calls their type. */
static bool is_open(const struct column *column)
{
    static const char *const types[] = {"CHAR", "TEXT", "CLOB"};

    if (column->kind == VALUE_BYTES) return true;
    for (size_t i = 0; column->kind == VALUE_TEXT && i < sizeof types / sizeof *types; i++)
        if (strcasestr(column->type, types[i]) != NULL) return true;
    return false;
}

/* Where several values of a key may hold what stands between them, rows may meet in it. */
static void check_parts(const struct inspection *inspection, const struct command *command,
                        const struct columns *columns)
{
    enum { MOST = 64 };
    size_t positions[MOST];
    const size_t keys = command_keys(command, positions, MOST);

    if (command->facts == NULL || !command->facts->writes) return;
    for (size_t i = 0; i < keys && i < MOST; i++) {
        const struct column *first = NULL;
        size_t count = 0;
        const struct template_piece *pieces =
            template_pieces(command->arguments[positions[i]], &count);
        for (size_t j = 0; j < count; j++) {
            const struct column *column = NULL;
            if (pieces[j].kind != TEMPLATE_VALUE) continue;
            column = &columns->items[pieces[j].column];
            if (!is_open(column) || column == first) continue;
            if (first != NULL) {
                lint_report_add(inspection->report, "RF606", command_place(inspection, command),
                                "step '%s': '${%s}' and '${%s}' are both texts: rows may get "
                                "the same key",
                                inspection->step->name, first->name, column->name);
                return;
            }
            first = column;
        }
    }
}

/* ---- one step --------------------------------------------------------------------------- */

/* Every placeholder has its column, and the commands can take what that holds. */
static int check_commands(struct inspection *inspection, const struct columns *columns,
                          struct error *err)
{
    for (size_t i = 0; i < inspection->step->command_count; i++) {
        struct command *command = &inspection->step->commands[i];
        if (command_bind(command, columns, err) == 0) {
            check_numbers(inspection, command, columns);
            if (!inspection->is_down) check_parts(inspection, command, columns);
            continue;
        }
        err->code = ERROR_FAILED; /* the file is in order; the query has other columns */
        if (blame(inspection, "RF602", command_place(inspection, command), err) != 0) return -1;
    }
    return 0;
}

/* Whether the query has each column of the `key` once; else it is no matter of their types. */
static bool has_key(const struct step *step, const struct columns *columns)
{
    for (size_t i = 0; i < columns->count; i++)
        if (columns_find(columns, columns->items[i].name) != (int)i) return false;
    for (size_t i = 0; i < step->key_count; i++)
        if (columns_find(columns, step->key[i]) < 0) return false;
    return true;
}

/* "a, b" */
static const char *key_text(const struct inspection *inspection)
{
    const char *text = "";
    for (size_t i = 0; i < inspection->step->key_count && text != NULL; i++)
        text = arena_format(&inspection->report->scratch, "%s%s%s", text, i > 0 ? ", " : "",
                            inspection->step->key[i]);
    return text != NULL ? text : "";
}

/* Sorting that no index could spare is nobody's mistake. */
static void judge_index(const struct inspection *inspection, enum source_index index)
{
    static const char sorted[] = "all rows are sorted before the first is carried, and again "
                                 "wherever a run goes on";

    if (index == SOURCE_INDEX_NO)
        lint_report_add(inspection->report, "RF604", read_place(inspection),
                        "step '%s': no index serves the order of the `key` (%s): %s",
                        inspection->step->name, key_text(inspection), sorted);
    else if (index == SOURCE_INDEX_IN_VAIN)
        lint_report_soften(
            lint_report_add(
                inspection->report, "RF604", read_place(inspection),
                "step '%s': the query makes its rows itself, so that no index could "
                "serve the order of the `key` (%s): %s",
                inspection->step->name, key_text(inspection), sorted),
            LINT_NOTE);
}

/* Whether the key can order the rows, and whether an index does. */
static int check_key(struct inspection *inspection, const struct columns *columns,
                     struct error *err)
{
    const struct source_options options = {
        .db = inspection->db, .step = inspection->step, .batch = MIGRATION_DEFAULT_BATCH};
    struct source_estimate estimate = {0};
    struct source *source = NULL;
    int result = source_open(&source, &options, err);

    if (result != 0) {
        err->code = err->code == ERROR_INVALID ? ERROR_FAILED : err->code;
        return blame(inspection, has_key(inspection->step, columns) ? "RF603" : "RF602",
                     read_place(inspection), err);
    }
    if (inspection->step->key_count > 0) result = source_estimate(source, &estimate, err);
    if (result == 0) judge_index(inspection, estimate.index);
    source_close(source);
    if (result == 0 || err->code == ERROR_FAILED) {
        error_clear(err); /* an estimate is no more than that */
        return 0;
    }
    return -1;
}

static int check_query(struct inspection *inspection, struct error *err)
{
    struct arena *arena = &inspection->report->scratch;
    struct columns columns = {0};

    if (db_look_query(inspection->db, inspection->step->read, err) != 0 ||
        db_describe(inspection->db, inspection->step->read, arena, &columns, err) != 0)
        return blame(inspection, "RF601", read_place(inspection), err);
    if (check_commands(inspection, &columns, err) != 0) return -1;
    return check_key(inspection, &columns, err);
}

/* A database that is not at hand is no mistake of the file. */
static int miss_source(struct inspection *inspection, struct error *err)
{
    if (err->code != ERROR_INVALID && err->code != ERROR_SQL_UNREACHABLE) return -1;
    lint_report_soften(lint_report_add(inspection->report, "RF601", read_place(inspection),
                                       "step '%s': the query is not looked at: %s",
                                       inspection->step->name, err->message),
                       LINT_NOTE);
    error_clear(err);
    return 0;
}

static int check_read(struct inspection *inspection, struct error *err)
{
    struct session *session = inspection->session;
    struct db *from = NULL;
    int result = 0;

    if (inspection->step->from != NULL) {
        from = session_open_from(session, inspection->step->from, err);
        if (from == NULL) return miss_source(inspection, err);
        inspection->db = from;
    } else {
        inspection->db =
            session->config->ledger_is_database ? session->db : session_reader(session, err);
        if (inspection->db == NULL) return -1;
    }
    result = check_query(inspection, err);
    db_close(from);
    return result;
}

static int check_statement(struct inspection *inspection, struct error *err)
{
    const struct step *step = inspection->step;
    const struct lint_place place = {inspection->migration->file, step->sql_line,
                                     step->sql_column};
    int result = 0;

    if (db_look_can_plan(step->sql) &&
        db_look_statement(inspection->session->db, step->sql, err) != 0)
        result = blame(inspection, "RF601", place, err);
    inspection->behind_sql = true;
    return result;
}

static int check_steps(struct inspection *inspection, const struct steps *steps,
                       struct error *err)
{
    for (size_t i = 0; i < steps->count; i++) {
        inspection->step = &steps->items[i];
        if (inspection->step->sql != NULL && check_statement(inspection, err) != 0) return -1;
        if (inspection->step->read != NULL && check_read(inspection, err) != 0) return -1;
    }
    return 0;
}

static bool is_applied(const struct session *session, int64_t version)
{
    const struct record *record = &session->state.record;
    for (size_t i = 0; i < record->entry_count; i++)
        if (record->entries[i].version == version) return true;
    return false;
}

int inspection_add(struct lint_report *report, struct session *session, bool all,
                   struct error *err)
{
    struct inspection inspection = {.report = report, .session = session};

    report->asked_database = true;
    for (size_t i = 0; i < report->migrations.count; i++) {
        inspection.migration = report->migrations.items[i];
        if (!all && is_applied(session, inspection.migration->version)) continue;
        inspection.is_down = false;
        if (check_steps(&inspection, &inspection.migration->up, err) != 0) return -1;
        inspection.is_down = true;
        if (check_steps(&inspection, &inspection.migration->down, err) != 0) return -1;
    }
    return report->failed ? error_memory(err) : 0;
}
