// servers: postgres
/* ledger: the tables are made as the contract lists them, by hand as well as by redferry;
 * another tool's are left alone; and who may not do something is told what to grant. */
#include "ledger_request.h"
#include "ledger_run.h"
#include "ledger_side.h"

#include <ctype.h>
#include <dirent.h>
#include <pthread.h>

static const char *const tables[] = {"data_migrations", "data_migration_runs",
                                     "data_migration_ledger"};

static const char *const columns[] = {
    "version|name|checksum|run_id|rows_read|rows_changed|commands_sent|messages_published|"
    "redis|"
    "applied_by|applied_at|announced_at",
    "id|version|name|direction|status|request|requested_by|requested_at|step|step_name|cursor|"
    "rows_total|rows_read|rows_changed|commands_sent|messages_published|redis|origin|error|"
    "operator|context|host|pid|tool_version|checksum|definition|started_at|updated_at|"
    "finished_at",
    "id|layout|created_at",
};

/* The names of SELECT *, in order. */
static const char *star(struct side *side, const char *table)
{
    struct buffer names = {0};
    const char *sql = arena_format(&side->arena, "SELECT * FROM %s", table);
    if (side->pg != NULL) {
        PGresult *result = PQexec(side->pg, sql);
        for (int i = 0; i < PQnfields(result); i++)
            buffer_append_format(&names, "%s%s", i > 0 ? "|" : "", PQfname(result, i));
        PQclear(result);
    } else {
        sqlite3_stmt *statement = NULL;
        assert_int_equal(sqlite3_prepare_v2(side->lite, sql, -1, &statement, NULL), SQLITE_OK);
        for (int i = 0; i < sqlite3_column_count(statement); i++)
            buffer_append_format(&names, "%s%s", i > 0 ? "|" : "",
                                 sqlite3_column_name(statement, i));
        sqlite3_finalize(statement);
    }
    const char *text = arena_text(&side->arena, buffer_text(&names));
    buffer_release(&names);
    return text;
}

static void assert_uuid(const char *text)
{
    assert_int_equal(strlen(text), 36);
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        assert_true(dash ? text[i] == '-'
                         : isxdigit((unsigned char)text[i]) && !isupper(text[i]));
    }
    assert_int_equal(text[14], '4');
    assert_non_null(strchr("89ab", text[19]));
}

/* ---- made, and read -------------------------------------------------------------------- */

static void test_nothing_there(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct run *runs = NULL;
    size_t count = 1;
    struct client client = client_open(side, "ada");
    assert_null(ledger_lock_name(client.ledger));

    struct ledger_state found = client_read(side, &client);
    assert_false(found.present);
    assert_int_equal(found.layout, 0);
    assert_null(found.id);
    assert_int_equal(found.record.entry_count, 0);
    assert_int_equal(found.record.run_count, 0);
    assert_false(found.record.lock_held);
    assert_string_equal(ledger_lock_name(client.ledger),
                        side->pg != NULL ? "public.data_migrations" : "data_migrations");
    assert_fine(ledger_history(client.ledger, 0, 0, &side->arena, &runs, &count, &err), &err);
    assert_int_equal(count, 0);
    client_close(&client);
}

static void test_made(void **state)
{
    struct side *side = *state;
    struct client client = client_open(side, "ada");
    const char *id = client_ensure(side, &client);
    assert_uuid(id);
    for (int i = 0; i < 3; i++) assert_string_equal(star(side, tables[i]), columns[i]);

    struct ledger_state found = client_read(side, &client);
    assert_true(found.present);
    assert_int_equal(found.layout, LEDGER_LAYOUT);
    assert_string_equal(found.id, id);

    assert_string_equal(client_ensure(side, &client), id);
    assert_answer(side, "SELECT count(*) FROM data_migration_ledger", "1");
    client_close(&client);
}

static void test_types_postgresql(void **state)
{
    struct side *side = *state;
    struct client client = client_open(side, "ada");
    (void)client_ensure(side, &client);
    assert_answer(side,
                  "SELECT count(*) FROM information_schema.columns WHERE table_name LIKE "
                  "'data_migration%' AND data_type NOT IN ('bigint', 'text', 'uuid', "
                  "'timestamp with time zone')",
                  "0");
    assert_answer(side,
                  "SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM "
                  "information_schema.columns WHERE table_name LIKE 'data_migration%' AND "
                  "column_name LIKE '%\\_at' AND data_type = 'timestamp with time zone'",
                  "announced_at applied_at created_at finished_at requested_at started_at "
                  "updated_at");
    assert_answer(
        side,
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid "
        "= c.oid WHERE c.relname IN ('data_migrations', 'data_migration_runs', "
        "'data_migration_ledger') AND a.attnum > 0 AND "
        "coalesce(col_description(c.oid, a.attnum), '') = ''",
        "");
    assert_answer(side,
                  "SELECT count(*) FROM pg_class c WHERE c.relname IN ('data_migrations', "
                  "'data_migration_runs', 'data_migration_ledger') AND "
                  "obj_description(c.oid, 'pg_class') LIKE 'redferry%'",
                  "3");
    assert_answer(side,
                  "SELECT is_identity FROM information_schema.columns WHERE table_name = "
                  "'data_migration_runs' AND column_name = 'id'",
                  "YES");
    client_close(&client);
}

static void test_types_sqlite(void **state)
{
    struct side *side = *state;
    struct client client = client_open(side, "ada");
    (void)client_ensure(side, &client);
    assert_answer(side,
                  "SELECT sum(strict) FROM pragma_table_list WHERE name LIKE 'data_migration%'",
                  "3");
    assert_answer(side,
                  "SELECT created_at GLOB '20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5]"
                  "[0-9]:[0-6][0-9].[0-9][0-9][0-9]Z' FROM data_migration_ledger",
                  "1");
    assert_answer(side,
                  "SELECT sql LIKE '%AUTOINCREMENT%' FROM sqlite_schema "
                  "WHERE name = 'data_migration_runs'",
                  "1");
    client_close(&client);
}

/* Restored from a dump of the structure only. */
static void test_empty_row(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(1, "one");
    const char *id = client_ensure(side, &client);
    side_ask(side, "DELETE FROM data_migration_ledger");

    struct ledger_state found = client_read(side, &client);
    assert_true(found.present);
    assert_int_equal(found.layout, 0);
    assert_null(found.id);
    assert_refused(ledger_mark(client.ledger, &migration, &err), &err, ERROR_OPERATOR,
                   "is empty");

    const char *other = client_ensure(side, &client);
    assert_uuid(other);
    assert_string_not_equal(other, id);
    client_close(&client);
}

struct maker {
    struct client client;
    struct arena arena;
    struct error err;
    const char *id;
    int result;
};

static void *make(void *context)
{
    struct maker *maker = context;
    do {
        error_clear(&maker->err);
        maker->result =
            ledger_ensure(maker->client.ledger, &maker->arena, &maker->id, &maker->err);
    } while (maker->result != 0 && maker->err.passing);
    return NULL;
}

/* Without the lock: however it ends, there is one row, and who succeeded has its id. */
static void race_to_make(struct side *side, const char *before)
{
    enum { MAKERS = 4 };
    pthread_t threads[MAKERS];
    struct maker makers[MAKERS];
    memset(makers, 0, sizeof makers);
    for (int i = 0; i < MAKERS; i++) makers[i].client = client_open(side, "ada");
    if (before != NULL) side_ask(side, before);
    for (int i = 0; i < MAKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make, &makers[i]), 0);
    for (int i = 0; i < MAKERS; i++) pthread_join(threads[i], NULL);

    const char *id = side_ask(side, "SELECT id FROM data_migration_ledger");
    assert_uuid(id);
    for (int i = 0; i < MAKERS; i++) {
        if (makers[i].result != 0) fail_msg("%s", makers[i].err.message);
        assert_string_equal(makers[i].id, id);
        client_close(&makers[i].client);
        arena_release(&makers[i].arena);
    }
}

static void test_made_at_once(void **state)
{
    struct side *side = *state;
    race_to_make(side, NULL);
    for (int i = 0; i < 5; i++) race_to_make(side, "DELETE FROM data_migration_ledger");
}

static void test_creation_sql(void **state)
{
    struct side *side = *state;
    static const char *const names[] = {"data_migrations", "Other"};
    for (int i = 0; i < 2; i++) {
        struct client client = client_open_as(side, names[i], NULL, "ada");
        side_ask(side, ledger_creation_sql(client.ledger, &side->arena));
        struct ledger_state found = client_read(side, &client);
        assert_true(found.present);
        assert_uuid(found.id);
        assert_string_equal(client_ensure(side, &client), found.id);
        client_close(&client);
    }
}

/* ---- every file of sql/ is one statement that can be run by hand ----------------------- */

static const char *slurp(struct side *side, const char *path)
{
    char text[16384];
    FILE *file = fopen(path, "r");
    if (file == NULL) fail_msg("no '%s'", path);
    size_t length = fread(text, 1, sizeof text - 1, file);
    assert_true(length > 0 && length < sizeof text - 1);
    text[length] = '\0';
    (void)fclose(file);
    return arena_text(&side->arena, text);
}

static void prepare_by_hand(struct side *side, const char *name, const char *sql)
{
    if (side->pg != NULL) {
        PGresult *result = PQprepare(side->pg, "", sql, 0, NULL);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            fail_msg("%s: %s", name, PQerrorMessage(side->pg));
        PQclear(result);
        return;
    }
    sqlite3_stmt *statement = NULL;
    const char *rest = NULL;
    if (sqlite3_prepare_v2(side->lite, sql, -1, &statement, &rest) != SQLITE_OK)
        fail_msg("%s: %s", name, sqlite3_errmsg(side->lite));
    assert_non_null(statement);
    assert_string_equal(rest, "\n");
    sqlite3_finalize(statement);
}

static void test_files(void **state)
{
    struct side *side = *state;
    char directory[1024];
    (void)snprintf(directory, sizeof directory, TESTS_DIRECTORY "/../sql/%s",
                   side->pg != NULL ? "postgresql" : "sqlite");
    static const char *const order[] = {"create_data_migrations.sql",
                                        "create_data_migration_runs.sql",
                                        "create_data_migration_ledger.sql", "fill_ledger.sql"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        side_ask(side, slurp(side, arena_format(&side->arena, "%s/%s", directory, order[i])));

    DIR *files = opendir(directory);
    assert_non_null(files);
    int count = 0;
    for (struct dirent *file; (file = readdir(files)) != NULL;) {
        const char *path = arena_format(&side->arena, "%s/%s", directory, file->d_name);
        if (file->d_name[0] == '.') continue;
        const char *sql = slurp(side, path);
        assert_int_equal(strncmp(sql, "-- ", 3), 0);
        count++;
        bool creates = strncmp(file->d_name, "create_data", 11) == 0;
        if (creates) continue;
        prepare_by_hand(side, file->d_name, sql);
        if (strncmp(file->d_name, "comment_", 8) == 0) side_ask(side, sql);
    }
    closedir(files);
    assert_true(count > 20);
}

/* ---- tables that are not ours ---------------------------------------------------------- */

static void test_foreign(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct ledger_state found;
    const char *id = NULL;
    struct client client = client_open(side, "ada");
    side_ask(side, "CREATE TABLE data_migrations (version varchar(20) PRIMARY KEY, name text)");

    assert_refused(ledger_read(client.ledger, &found, &side->arena, &err), &err, ERROR_OPERATOR,
                   "'checksum', 'run_id'");
    assert_non_null(strstr(err.message, "--ledger-table"));
    assert_null(strstr(err.message, "'name'"));
    assert_refused(ledger_ensure(client.ledger, &side->arena, &id, &err), &err, ERROR_OPERATOR,
                   "'checksum', 'run_id'");
    assert_string_equal(star(side, "data_migrations"), "version|name");
    client_close(&client);

    client = client_open_as(side, "redferry", NULL, "ada");
    (void)client_ensure(side, &client);
    assert_string_equal(star(side, "redferry"), columns[0]);
    assert_string_equal(star(side, "redferry_runs"), columns[1]);
    assert_string_equal(star(side, "redferry_ledger"), columns[2]);
    client_close(&client);
}

/* All three names are taken, and data_migration_ledger is a view. */
static void test_foreign_all(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct ledger_state found;
    const char *id = NULL;
    struct client client = client_open(side, "ada");
    side_ask(side, "CREATE TABLE data_migrations (version varchar(20) PRIMARY KEY)");
    side_ask(side, "CREATE TABLE data_migration_runs (id integer)");
    side_ask(side, "CREATE VIEW data_migration_ledger AS SELECT id FROM data_migration_runs");
    assert_refused(ledger_read(client.ledger, &found, &side->arena, &err), &err, ERROR_OPERATOR,
                   "it has no column 'name', 'checksum'");
    assert_refused(ledger_ensure(client.ledger, &side->arena, &id, &err), &err, ERROR_OPERATOR,
                   "data_migrations' is not redferry's");
    client_close(&client);
}

static void test_foreign_values(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct ledger_state found;
    struct client client = client_open(side, "ada");
    (void)client_ensure(side, &client);
    side_ask(side, "DROP TABLE data_migrations");
    side_ask(side,
             "CREATE TABLE data_migrations (version text, name text, checksum text, run_id "
             "text, rows_read text, rows_changed text, commands_sent text, "
             "messages_published text, redis text, applied_by text, applied_at text, "
             "announced_at text)");
    side_ask(side, "INSERT INTO data_migrations (version) VALUES ('v1')");
    assert_refused(ledger_read(client.ledger, &found, &side->arena, &err), &err, ERROR_OPERATOR,
                   "'version'");
    assert_non_null(strstr(err.message, "'v1'"));
    client_close(&client);
}

static void test_lost_entries(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    const char *id = NULL;
    int64_t run_id = 0;
    struct client client = client_open(side, "ada");
    struct migration migration = a_migration(1, "one");
    struct ledger_beginning beginning = {.migration = &migration};
    struct ledger_position position = {.step = 1, .rows_total = -1};
    const char *made = client_ensure(side, &client);
    side_ask(side, "DROP TABLE data_migrations");
    assert_string_equal(client_ensure(side, &client), made);
    assert_int_equal(ledger_begin(client.ledger, &beginning, &run_id, &err), 1);
    assert_fine(ledger_finish(client.ledger, run_id, &beginning, &position, &err), &err);

    side_ask(side, "DROP TABLE data_migrations");
    assert_refused(ledger_ensure(client.ledger, &side->arena, &id, &err), &err, ERROR_OPERATOR,
                   "everything would run again");
    assert_false(client_read(side, &client).present);
    client_close(&client);
}

/* ---- a layout of the future ------------------------------------------------------------ */

static void test_newer_layout(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    const char *id = NULL;
    int64_t run_id = 0;
    struct run *runs = NULL;
    size_t count = 0;
    struct migration migration = a_migration(7, "seven");
    struct ledger_beginning beginning = {.migration = &migration, .again = true};
    struct client client = client_open(side, "ada");
    (void)client_ensure(side, &client);
    assert_int_equal(ledger_mark(client.ledger, &migration, &err), 1);
    side_ask(side, "UPDATE data_migration_ledger SET layout = 2");
    side_ask(side, "ALTER TABLE data_migrations DROP COLUMN announced_at");
    side_ask(side, "ALTER TABLE data_migration_runs DROP COLUMN step_name");

    struct ledger_state found = client_read(side, &client);
    assert_true(found.present);
    assert_int_equal(found.layout, 2);
    assert_int_equal(found.record.entry_count, 1);
    assert_int_equal(found.record.entries[0].version, 7);
    assert_string_equal(found.record.entries[0].name, "seven");
    assert_string_equal(found.record.entries[0].checksum, migration.checksum);
    assert_non_null(found.record.entries[0].announced_at);

    assert_refused(ledger_ensure(client.ledger, &side->arena, &id, &err), &err, ERROR_OPERATOR,
                   "layout 2");
    assert_non_null(strstr(err.message, "newer redferry than 0.1.0"));
    assert_refused(ledger_begin(client.ledger, &beginning, &run_id, &err), &err, ERROR_OPERATOR,
                   "layout 2");
    assert_refused(ledger_unmark(client.ledger, 7, &err), &err, ERROR_OPERATOR, "layout 2");
    assert_refused(ledger_history(client.ledger, 0, 0, &side->arena, &runs, &count, &err), &err,
                   ERROR_OPERATOR, "layout 2");
    assert_answer(side, "SELECT count(*) FROM data_migration_runs", "0");
    client_close(&client);
}

/* ---- names ----------------------------------------------------------------------------- */

static int open_as(struct db *db, const char *table, struct error *err)
{
    struct ledger *ledger = NULL;
    struct ledger_author author = {.operator_name = "ada", .host = "h", .tool_version = "0"};
    error_clear(err);
    int result = ledger_open(&ledger, db, table, &author, err);
    if (result == 0) ledger_close(ledger);
    return result;
}

static void test_names_refused(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct db *db = side_open(side, NULL);
    static const char *const bad[] = {
        "",
        "a b",
        "a'b",
        "a\"b",
        "a;b",
        "a\\b",
        "a.b.c",
        ".a",
        "a.",
        "a\nb",
        "x23456789_123456789_123456789_123456789_123456789_1234567",
        "s23456789_123456789_123456789_123456789_123456789_123456789_1234.a",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(open_as(db, bad[i], &err), &err, ERROR_INVALID,
                       "cannot be the ledger's");
    assert_fine(open_as(db, "x23456789_123456789_123456789_123456789_123456789_123456", &err),
                &err);
    assert_fine(open_as(db, "user", &err), &err);
    assert_fine(open_as(db, "größe-1$", &err), &err);
    if (side->pg == NULL) {
        assert_refused(open_as(db, "main.a", &err), &err, ERROR_INVALID, "no schemas");
        assert_refused(open_as(db, "SQLite_x", &err), &err, ERROR_INVALID, "sqlite_");
    } else {
        assert_fine(open_as(db, "main.a", &err), &err);
    }
    db_close(db);
}

/* Reserved words, capitals, and the longest name work, beside each other. */
static void test_names(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    static const char *const names[] = {
        "data_migrations", "order", "Größe-1$",
        "x23456789_123456789_123456789_123456789_123456789_123456"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct client client = client_open_as(side, names[i], NULL, "ada");
        struct migration migration = a_migration((int64_t)i + 1, "one");
        (void)client_ensure(side, &client);
        assert_int_equal(ledger_mark(client.ledger, &migration, &err), 1);
        struct ledger_state found = client_read(side, &client);
        assert_int_equal(found.record.entry_count, 1);
        assert_int_equal(found.record.entries[0].version, (int64_t)i + 1);
        const char *runs = arena_format(&side->arena, "\"%s_runs\"", names[i]);
        assert_string_equal(star(side, i == 0 ? "data_migration_runs" : runs), columns[1]);
        client_close(&client);
    }
}

static void test_schemas(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    const char *id = NULL;
    side_ask(side, "CREATE SCHEMA other; CREATE SCHEMA \"Odd-one\"");
    struct client plain = client_open_as(side, "data_migrations", NULL, "ada");
    struct client same = client_open_as(side, "public.data_migrations", NULL, "ada");
    struct client other = client_open_as(side, "other.data_migrations", NULL, "ada");
    struct client odd = client_open_as(side, "Odd-one.Name", NULL, "ada");
    struct client nowhere = client_open_as(side, "nowhere.name", NULL, "ada");
    assert_false(client_read(side, &same).present);
    assert_string_equal(ledger_lock_name(same.ledger), "public.data_migrations");

    assert_string_equal(client_ensure(side, &plain), client_ensure(side, &same));
    assert_string_equal(ledger_lock_name(plain.ledger), ledger_lock_name(same.ledger));
    assert_string_not_equal(client_ensure(side, &plain), client_ensure(side, &other));
    assert_string_equal(star(side, "other.data_migration_runs"), columns[1]);
    (void)client_ensure(side, &odd);
    assert_string_equal(star(side, "\"Odd-one\".\"Name_ledger\""), columns[2]);
    assert_string_equal(ledger_lock_name(odd.ledger), "\"Odd-one\".Name");
    assert_refused(ledger_ensure(nowhere.ledger, &side->arena, &id, &err), &err, ERROR_OPERATOR,
                   "schema 'nowhere', where the ledger should be, does not exist");
    client_close(&plain);
    client_close(&same);
    client_close(&other);
    client_close(&odd);
    client_close(&nowhere);
}

/* The search path finds the ledger where it is, and all three tables beside each other. */
static void test_search_path(void **state)
{
    struct side *side = *state;
    struct client client = client_open(side, "ada");
    const char *id = client_ensure(side, &client);
    client_close(&client);

    side_ask(side, "CREATE SCHEMA other; CREATE TABLE other.data_migration_runs (x int); "
                   "ALTER DATABASE test SET search_path = other, public");
    client = client_open(side, "ada");
    struct ledger_state found = client_read(side, &client);
    assert_true(found.present);
    assert_string_equal(found.id, id);
    assert_string_equal(ledger_lock_name(client.ledger), "public.data_migrations");
    client_close(&client);

    side_ask(side, "ALTER DATABASE test SET search_path = nowhere");
    client = client_open(side, "ada");
    struct error err = {0};
    assert_false(client_read(side, &client).present);
    assert_refused(ledger_ensure(client.ledger, &side->arena, &id, &err), &err, ERROR_OPERATOR,
                   "--ledger-table schema.NAME");
    client_close(&client);
    side_ask(side, "ALTER DATABASE test RESET search_path");
}

/* ---- roles ----------------------------------------------------------------------------- */

static void make_role(struct side *side)
{
    side_ask(side,
             "DO $$ BEGIN IF to_regrole('app') IS NULL THEN CREATE ROLE app LOGIN; END IF; "
             "END $$");
}

/* Run the statements behind the message's colon, as an operator would. */
static void grant_as_told(struct side *side, const struct error *err)
{
    const char *grant = strstr(err->message, ": GRANT");
    assert_non_null(grant);
    side_ask(side, grant + 2);
}

static void test_role_that_may_not_create(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    const char *id = NULL;
    make_role(side);
    struct client client = client_open_as(side, "data_migrations", "app", "app");
    assert_false(client_read(side, &client).present);
    assert_refused(ledger_ensure(client.ledger, &side->arena, &id, &err), &err, ERROR_OPERATOR,
                   "GRANT CREATE ON SCHEMA public TO app");
    assert_non_null(strstr(err.message, "redferry init --print-sql"));
    client_close(&client);
}

static void test_role_is_told_what_to_grant(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    const char *id = NULL;
    struct ledger_state found;
    make_role(side);
    struct client owner = client_open(side, "owner");
    struct client app = client_open_as(side, "data_migrations", "app", "app");
    const char *made = client_ensure(side, &owner);

    assert_refused(ledger_read(app.ledger, &found, &side->arena, &err), &err, ERROR_OPERATOR,
                   "GRANT SELECT ON public.data_migrations TO app");
    grant_as_told(side, &err);
    assert_true(client_read(side, &app).present);

    assert_refused(ledger_ensure(app.ledger, &side->arena, &id, &err), &err, ERROR_OPERATOR,
                   "GRANT INSERT, UPDATE, DELETE ON public.data_migrations TO app");
    grant_as_told(side, &err);
    assert_string_equal(client_ensure(side, &app), made);

    side_ask(side, "DELETE FROM data_migration_ledger");
    assert_refused(ledger_ensure(app.ledger, &side->arena, &id, &err), &err, ERROR_OPERATOR,
                   "GRANT INSERT ON public.data_migration_ledger TO app");
    client_close(&owner);
    client_close(&app);
}

static void test_role_without_the_schema(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    struct ledger_state found;
    make_role(side);
    side_ask(side, "CREATE SCHEMA other");
    struct client owner = client_open_as(side, "other.ferry", NULL, "owner");
    struct client app = client_open_as(side, "other.ferry", "app", "app");
    (void)client_ensure(side, &owner);
    assert_refused(ledger_read(app.ledger, &found, &side->arena, &err), &err, ERROR_OPERATOR,
                   "GRANT USAGE ON SCHEMA");
    grant_as_told(side, &err);
    assert_refused(ledger_read(app.ledger, &found, &side->arena, &err), &err, ERROR_OPERATOR,
                   "GRANT SELECT ON other.\"ferry\" TO app");
    client_close(&owner);
    client_close(&app);
}

/* The block behind the mark in docs/ledger.md. */
static const char *documented(struct side *side, const char *mark)
{
    const char *text = strstr(slurp(side, TESTS_DIRECTORY "/../docs/ledger.md"), mark);
    assert_non_null(text);
    const char *begin = strstr(text, "```sql\n");
    assert_non_null(begin);
    begin += strlen("```sql\n");
    const char *end = strstr(begin, "```");
    assert_non_null(end);
    return arena_copy(&side->arena, begin, (size_t)(end - begin));
}

/* What docs/ledger.md grants is enough to do everything. */
static void test_documented_grants(void **state)
{
    struct side *side = *state;
    struct error err = {0};
    int64_t run_id = 0;
    struct run run;
    bool crashed = false;
    struct ledger_asked asked;
    struct migration migration = a_migration(1, "one");
    struct ledger_beginning beginning = {.migration = &migration};
    struct ledger_position position = {.step = 1, .rows_total = -1};
    make_role(side);
    struct client owner = client_open(side, "owner");
    struct client app = client_open_as(side, "data_migrations", "app", "app");
    (void)client_ensure(side, &owner);
    side_ask(side, documented(side, "<!-- grants of a runner -->"));

    (void)client_ensure(side, &app);
    assert_int_equal(ledger_begin(app.ledger, &beginning, &run_id, &err), 1);
    assert_fine(ledger_mirror(app.ledger, run_id, &position, NULL, &err), &err);
    assert_fine(ledger_run_sql(app.ledger, run_id, "SELECT 1", &position, &err), &err);
    assert_fine(ledger_finish(app.ledger, run_id, &beginning, &position, &err), &err);
    assert_fine(ledger_announced(app.ledger, run_id, &err), &err);
    assert_int_equal(ledger_repair(app.ledger, migration.version, migration.checksum, &err), 0);
    migration.checksum[7] ^= 1;
    assert_int_equal(ledger_repair(app.ledger, migration.version, migration.checksum, &err), 1);
    assert_int_equal(ledger_unmark(app.ledger, 1, &err), 1);
    assert_int_equal(ledger_mark(app.ledger, &migration, &err), 1);
    assert_int_equal(client_read(side, &app).record.entry_count, 1);
    client_close(&app);

    side_ask(side, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM app");
    side_ask(side, documented(side, "<!-- grants of a reader -->"));
    app = client_open_as(side, "data_migrations", "app", "app");
    assert_int_equal(client_read(side, &app).record.entry_count, 1);
    assert_int_equal(ledger_begin(owner.ledger, &beginning, &run_id, &err), 0);
    beginning.again = true;
    assert_int_equal(ledger_begin(owner.ledger, &beginning, &run_id, &err), 1);
    assert_int_equal(ledger_follow(app.ledger, 0, &side->arena, &run, &crashed, &err), 1);
    assert_refused(ledger_ask(app.ledger, run_id, REQUEST_PAUSE, &side->arena, &asked, &err),
                   &err, ERROR_OPERATOR, "GRANT UPDATE ON ");
    side_ask(side, documented(side, "<!-- grants of an operator -->"));
    assert_int_equal(ledger_ask(app.ledger, run_id, REQUEST_PAUSE, &side->arena, &asked, &err),
                     1);
    client_close(&app);
    client_close(&owner);
}

/* The queries that docs/ledger.md shows. */
static void test_documented_queries(void **state)
{
    struct side *side = *state;
    struct client client = client_open(side, "ada");
    (void)client_ensure(side, &client);
    side_ask(side, documented(side, "<!-- queries -->"));
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_nothing_there),
        ON_BOTH(test_made),
        ON_POSTGRESQL(test_types_postgresql),
        ON_SQLITE(test_types_sqlite),
        ON_BOTH(test_empty_row),
        ON_BOTH(test_made_at_once),
        ON_BOTH(test_creation_sql),
        ON_BOTH(test_files),
        ON_BOTH(test_foreign),
        ON_BOTH(test_foreign_all),
        ON_BOTH(test_foreign_values),
        ON_BOTH(test_lost_entries),
        ON_BOTH(test_newer_layout),
        ON_BOTH(test_names_refused),
        ON_BOTH(test_names),
        ON_POSTGRESQL(test_schemas),
        ON_POSTGRESQL(test_search_path),
        ON_POSTGRESQL(test_role_that_may_not_create),
        ON_POSTGRESQL(test_role_is_told_what_to_grant),
        ON_POSTGRESQL(test_role_without_the_schema),
        ON_POSTGRESQL(test_documented_grants),
        ON_BOTH(test_documented_queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
