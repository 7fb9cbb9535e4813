/*
 * Schema migrations in progress: what is read now may be gone or half-made a moment later, so a
 * runner that has something to do waits for the end of one, and gives up where that is not
 * near.
 *
 * It is looked for under the ledger's lock, in one round trip that nothing-to-do never makes:
 * whoever looked before would look past one that began while it queued. It is waited for
 * without the lock, the connection or a transaction: a schema migration may itself wait for all
 * of those, and a crowd waits for it side by side and not one after the other. Then the turn is
 * taken anew.
 *
 * Not done: nothing keeps a schema migration from beginning while a run is under way. What of
 * it is seen, and of which tools, is schema_tool.c's affair. What the role may not see is no
 * failure.
 */
#include "schema_migration.h"

#include <stdint.h>

#include "arena.h"
#include "buffer.h"
#include "clock.h"
#include "config.h"
#include "db.h"
#include "error.h"
#include "ledger_sql.h"
#include "number.h"
#include "row.h"
#include "schema_tool.h"
#include "session.h"
#include "stop.h"
#include "turn.h"

enum { PATIENCE_MS = 30000, POLL_FIRST_MS = 50, POLL_MOST_MS = 1000, TELL_EVERY_MS = 1000 };

/* What was seen when we looked last. */
struct sight {
    const struct schema_tool *tool; /* NULL: no schema migration */
    struct error words;             /* "Rails (rake, role app, pid 12)" */
};

struct vigil {
    struct sight sight;
    int64_t begun_ms; /* monotonic: since when we wait */
    int64_t told_ms;  /* 0: not yet */
    bool blind;       /* that nothing can be seen was told */
};

/* ---- looking ------------------------------------------------------------------------------
 */

/* The questions in their order; SQLite, which has no locks with a name, is asked the first. */
enum question { TABLES, LOCKS, QUESTIONS };

static const char *const statements[QUESTIONS] = {
    [TABLES] = "schema_migration_tables", [LOCKS] = "schema_migration"};

struct look {
    struct sight *sight;
    struct arena arena;
    struct buffer rows; /* the question for the rows of the tables that were found; or empty */
};

/* The cell as a terminated text, "" for NULL; NULL without memory. */
static const char *text_of(struct arena *arena, const struct value *cell)
{
    return cell->kind == VALUE_NULL ? "" : arena_copy(arena, cell->bytes, cell->length);
}

/* Columns of schema_migration.sql. */
enum lock_column { KEY, DATABASE, SCHEMA, RELATION, MODE, PID, ROLE, APPLICATION };

static int take_lock(struct look *look, const struct row *row, struct error *err)
{
    struct sight *sight = look->sight;
    const struct value *cells = row->values;
    struct schema_lock lock = {
        .is_advisory = cells[KEY].kind != VALUE_NULL,
        .database = cells[DATABASE],
        .schema = cells[SCHEMA],
        .table = cells[RELATION],
        .mode = cells[MODE],
    };
    if (sight->tool != NULL) return 0;
    if (lock.is_advisory &&
        number_parse(cells[KEY].bytes, cells[KEY].length, INT64_MIN, INT64_MAX, &lock.key) != 0)
        return error_set(err, ERROR_FAILED, "the key of a lock is no integer");
    sight->tool = schema_tool_of(&lock);
    if (sight->tool == NULL) return 0;
    const char *application = text_of(&look->arena, &cells[APPLICATION]),
               *role = text_of(&look->arena, &cells[ROLE]),
               *pid = text_of(&look->arena, &cells[PID]);
    if (application == NULL || role == NULL || pid == NULL) return error_memory(err);
    error_set(&sight->words, ERROR_NONE, "%s (%s%srole %s, pid %s)", sight->tool->name,
              application, application[0] != '\0' ? ", " : "", role, pid);
    return 0;
}

/* Have the rows of a table looked at, too. */
static int take_table(struct look *look, const struct row *row, struct error *err)
{
    const struct schema_tool *tool = schema_tool_writing(&row->values[1]);
    const char *schema = text_of(&look->arena, &row->values[0]),
               *table = text_of(&look->arena, &row->values[1]);
    size_t count = 0;
    if (schema == NULL || table == NULL) return error_memory(err);
    if (tool == NULL) return 0;
    if (look->rows.length > 0) buffer_append_text(&look->rows, "\nUNION ALL ");
    buffer_append_format(&look->rows, "SELECT %d, %s FROM ", (int)(tool - schema_tools(&count)),
                         tool->holder);
    if (schema[0] != '\0') {
        db_append_identifier(&look->rows, schema);
        buffer_append_char(&look->rows, '.');
    }
    db_append_identifier(&look->rows, table);
    buffer_append_format(&look->rows, " WHERE %s", tool->held);
    return buffer_text(&look->rows) != NULL ? 0 : error_memory(err);
}

static int take(void *context, size_t query, const struct row *row, struct error *err)
{
    return query == TABLES ? take_table(context, row, err) : take_lock(context, row, err);
}

static int take_row(void *context, size_t query, const struct row *row, struct error *err)
{
    struct look *look = context;
    const struct value *number = &row->values[0];
    size_t count = 0;
    int64_t index = 0;
    (void)query;
    const struct schema_tool *tools = schema_tools(&count);
    if (look->sight->tool != NULL) return 0;
    const char *holder = text_of(&look->arena, &row->values[1]);
    if (holder == NULL) return error_memory(err);
    if (number_parse(number->bytes, number->length, 0, (int64_t)count - 1, &index) != 0)
        return error_set(err, ERROR_FAILED, "a row names no tool");
    look->sight->tool = &tools[index];
    error_set(&look->sight->words, ERROR_NONE, "%s (as '%s' says%s%s)", tools[index].name,
              tools[index].table, holder[0] != '\0' ? ": " : "", holder);
    return 0;
}

/* Look into one database. Returns 0, or -1 with err. */
static int look_into(struct db *db, struct sight *sight, struct error *err)
{
    struct look look = {.sight = sight};
    const char *texts[QUESTIONS] = {NULL};
    size_t count = 0;
    while (count < QUESTIONS &&
           (texts[count] = ledger_sql_find(db_dialect(db), statements[count])) != NULL)
        count++;
    const struct db_questions questions = {
        .queries = texts, .count = count, .take = take, .context = &look};
    int result = db_ask(db, &questions, err);
    if (result == 0 && look.rows.length > 0 && sight->tool == NULL) {
        const char *text = buffer_text(&look.rows);
        const struct db_questions rows = {
            .queries = &text, .count = 1, .take = take_row, .context = &look};
        result = db_ask(db, &rows, err);
    }
    buffer_release(&look.rows);
    arena_release(&look.arena);
    return result;
}

/* Look into the ledger's database, where `sql` steps write, and the one that rows are read
 * from. */
static int look_into_all(struct session *session, struct sight *sight, struct error *err)
{
    const struct config *config = session->config;
    if (look_into(session->db, sight, err) != 0) return -1;
    if (sight->tool != NULL || !config->has_database || config->ledger_is_database) return 0;
    struct db *reader = session_reader(session, err);
    return reader != NULL ? look_into(reader, sight, err) : -1;
}

/* Whether a schema migration is in progress, into vigil's sight, which stays as it was in err's
 * case. A database that does not let us look is told of, once, and keeps nobody waiting. */
static int look_around(struct vigil *vigil, struct session *session, struct error *err)
{
    struct sight sight = {0};
    if (look_into_all(session, &sight, err) != 0) {
        if (err->code != ERROR_FAILED) return -1;
        if (!vigil->blind)
            listener_say(&session->listener, EVENT_WARNING,
                         "whether a schema migration is in progress cannot be seen: %s",
                         err->message);
        vigil->blind = true;
        error_clear(err);
    }
    vigil->sight = sight;
    return 0;
}

/* ---- waiting ------------------------------------------------------------------------------
 */

/* Say for what we wait, at once and then about every second. */
static void tell(struct vigil *vigil, const struct session *session)
{
    const int64_t now = clock_monotonic_ms();
    struct error words = {0};
    if (vigil->told_ms != 0 && now - vigil->told_ms < TELL_EVERY_MS) return;
    error_set(&words, ERROR_NONE, "waiting for a schema migration to end: %s",
              vigil->sight.words.message);
    const struct event event = {
        .kind = EVENT_WAITING,
        .text = words.message,
        .rows_total = -1,
        .seconds = vigil->told_ms == 0 ? 0 : (double)(now - vigil->begun_ms) / 1000.0,
    };
    listener_tell(&session->listener, &event);
    vigil->told_ms = now;
}

/* How much longer we wait, in milliseconds; *option, where that is told, says what set the end.
 */
static int64_t patience_left(const struct vigil *vigil, const struct session *session,
                             const char **option)
{
    const int64_t now = clock_monotonic_ms();
    const int64_t own = vigil->begun_ms + PATIENCE_MS - now;
    const int64_t all = session->queued_ms + session->config->lock_timeout_ms - now;
    *option = all < own ? " (--lock-timeout)" : "";
    return all < own ? all : own;
}

/* What --on-lock and the time that passed say to a schema migration. */
static int check_patience(const struct vigil *vigil, const struct session *session,
                          int64_t *left, struct error *err)
{
    const struct config *config = session->config;
    const struct schema_tool *tool = vigil->sight.tool;
    const char *what = vigil->sight.words.message, *option = NULL;
    char patience[32];
    if (config->on_lock == ON_LOCK_SKIP)
        return error_set(err, ERROR_INCOMPLETE,
                         "skipped: a schema migration is in progress: %s", what);
    if (config->on_lock == ON_LOCK_FAIL)
        return error_set(err, ERROR_LOCKED, "a schema migration is in progress: %s", what);
    *left = patience_left(vigil, session, &option);
    if (*left > 0) return 0;
    return error_set(err, ERROR_LOCKED,
                     "a schema migration is still in progress after %s%s: %s; try again when "
                     "it is done%s%s%s, "
                     "or go on all the same with --during-schema-migration",
                     number_duration_text(
                         option[0] != '\0' ? config->lock_timeout_ms : PATIENCE_MS, patience),
                     option, what, tool->remedy != NULL ? ", take away with `" : "",
                     tool->remedy != NULL ? tool->remedy : "",
                     tool->remedy != NULL ? "` what one that crashed has left" : "");
}

/* Hold nothing open while we wait. */
static void disconnect(struct session *session)
{
    session_disconnect(session);
    db_close(session->reader);
    session->reader = NULL;
}

/* What a wait may come to, besides -1 with err. */
enum { NEEDLESS = 0, OVER = 1, GOES_ON = 2 };

/* Read the ledger again, and look again. A connection that was lost says nothing about either:
 * what was seen before counts. */
static int look_again(struct vigil *vigil, struct session *session, const struct turn *turn,
                      struct error *err)
{
    if (session_reconnect(session, err) != 0) return -1;
    if (session_read(session, err) != 0 || look_around(vigil, session, err) != 0) {
        if (err->code != ERROR_SQL_UNREACHABLE) return -1;
        error_clear(err);
        return GOES_ON;
    }
    if (turn->needed != NULL && !turn->needed(session, turn->question)) return NEEDLESS;
    return vigil->sight.tool == NULL ? OVER : GOES_ON;
}

static int wait_for_end(struct vigil *vigil, struct session *session, const struct turn *turn,
                        struct error *err)
{
    struct clock_backoff backoff = {.first_ms = POLL_FIRST_MS, .most_ms = POLL_MOST_MS};
    int seen = GOES_ON;
    vigil->begun_ms = clock_monotonic_ms();
    vigil->told_ms = 0;
    while (seen == GOES_ON) {
        int64_t left = 0;
        const int64_t pause = clock_backoff_next(&backoff);
        if (session->config->on_lock == ON_LOCK_WAIT) tell(vigil, session);
        if (check_patience(vigil, session, &left, err) != 0) return -1;
        disconnect(session);
        if (stop_sleep(session->stop, pause < left ? pause : left, err) != 0) return -1;
        seen = look_again(vigil, session, turn, err);
    }
    return seen;
}

int schema_migration_take_turn(struct session *session, const struct turn *turn,
                               struct error *err)
{
    struct vigil vigil = {0};
    for (;;) {
        const int taken = turn_take(session, turn, err);
        if (taken != 1 || session->config->during_schema_migration) return taken;
        if (look_around(&vigil, session, err) != 0) return -1;
        if (vigil.sight.tool == NULL) return 1;
        session_release_lock(session);
        const int seen = wait_for_end(&vigil, session, turn, err);
        if (seen != OVER) return seen;
    }
}

int schema_migration_see(struct session *session, struct error *words, const char **remedy,
                         struct error *err)
{
    struct sight sight = {0};
    if (look_into_all(session, &sight, err) != 0) return -1;
    if (sight.tool == NULL) return 0;
    *words = sight.words;
    *remedy = sight.tool->remedy;
    return 1;
}
