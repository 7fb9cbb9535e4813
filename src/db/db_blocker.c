/*
 * Who holds the lock that a connection waits for.
 *
 * A connection that waits cannot be asked; so a second one asks PostgreSQL whom the first one's
 * process waits for, and goes away again. Behind a pooler that process is not the one that the
 * connection was told of: then it is found by what it calls itself, as whoever of us waits for
 * a lock in this database. Of those who wait for each other the one counts who waits for
 * nobody.
 *
 * To wait, or not to, is not decided here.
 */
#include "db_blocker.h"

#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "db_driver.h"
#include "error.h"
#include "stop.h"

/* Longer than it takes; where there is no room for one more connection it is not waited for. */
enum { MOMENT_MS = 700 };

static const char QUESTION[] =
    "WITH waiting AS (SELECT pid FROM pg_catalog.pg_stat_activity WHERE pid = $1::integer "
    "OR NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE pid = $1::integer) "
    "AND datname = pg_catalog.current_database() AND usename = current_user "
    "AND application_name = pg_catalog.current_setting('application_name') "
    "AND wait_event_type = 'Lock'), "
    "others AS (SELECT DISTINCT pg_catalog.unnest(pg_catalog.pg_blocking_pids(pid)) AS pid "
    "FROM waiting) "
    "SELECT o.pid, a.usename::text, nullif(a.application_name, ''), "
    "pg_catalog.to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
    "FROM others AS o LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = o.pid "
    "ORDER BY pg_catalog.cardinality(pg_catalog.pg_blocking_pids(o.pid)), a.xact_start, o.pid "
    "LIMIT 1";

/* The question's columns. */
enum answer { PID, ROLE, APPLICATION, SINCE };

struct found {
    bool is_blocked;
    struct error *words;
};

/* A text of a row, which need not be terminated, for "%.*s". */
static int length_of(const struct value *value)
{
    return value->kind == VALUE_NULL ? 0 : (int)value->length;
}

static const char *bytes_of(const struct value *value)
{
    return value->kind == VALUE_NULL ? "" : value->bytes;
}

/* A transaction that is prepared has no process. */
static int take(void *context, size_t query, const struct row *row, struct error *err)
{
    struct found *found = context;
    const struct value *values = row->values;
    const struct value *application = &values[APPLICATION], *role = &values[ROLE];
    const struct value *since = &values[SINCE];
    const bool has_since = since->kind != VALUE_NULL;
    const bool is_named = application->kind != VALUE_NULL;
    static const char nameless[] = "a session";
    (void)query;
    (void)err;
    found->is_blocked = true;
    if (role->kind == VALUE_NULL && values[PID].length == 1 && values[PID].bytes[0] == '0')
        return error_set(found->words, ERROR_NONE, "a prepared transaction"), 0;
    (void)error_set(found->words, ERROR_NONE, "%.*s (role %.*s, pid %.*s%s%.*s)",
                    is_named ? length_of(application) : (int)strlen(nameless),
                    is_named ? bytes_of(application) : nameless, length_of(role),
                    bytes_of(role), length_of(&values[PID]), bytes_of(&values[PID]),
                    has_since ? ", in a transaction since " : "", length_of(since),
                    bytes_of(since));
    return 0;
}

/* A stop that ends all waiting in a moment. */
static struct stop in_a_moment(void)
{
    struct stop stop = {.descriptor = -1};
    atomic_init(&stop.signal, 1);
    atomic_init(&stop.since_ms, clock_monotonic_ms() + MOMENT_MS - STOP_GRACE_MS);
    return stop;
}

bool db_blocker_find(struct db *db, struct error *words)
{
    const struct stop moment = in_a_moment();
    char digits[24];
    const struct value pid = value_integer(db_backend(db), digits);
    const struct db_parameters parameters = {&pid, 1};
    const char *query = QUESTION;
    struct found found = {.words = words};
    const struct db_questions questions = {.queries = &query,
                                           .parameters = &parameters,
                                           .count = 1,
                                           .take = take,
                                           .context = &found};
    struct error ignored = {0};
    struct db *beside = NULL;
    if (db->ops->open_beside == NULL)
        return error_set(words, ERROR_NONE, "another program"), true;
    if (db->ops->open_beside(db, &moment, &beside, &ignored) != 0) return false;
    const bool is_asked = db_ask(beside, &questions, &ignored) == 0;
    db_close(beside);
    return is_asked && found.is_blocked;
}
