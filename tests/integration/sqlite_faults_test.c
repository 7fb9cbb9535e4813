// servers: redis
// not under valgrind: hundreds of processes, each a run of the program
// not with sanitizers: hundreds of runs, which 62-crash-points makes there as well
/* The program on a SQLite file whose disk is full, is broken or can no longer be written, from
 * each call on that would change it, and whose lock another program takes at each moment at
 * which the program asks for it: it says what is the matter, and the next run goes on where
 * this one stopped. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "arena.h"
#include "buffer.h"
#include "canaries.h"
#include "clock.h"
#include "program.h"

enum { MOST_AT = 5000, ONCE = 1, FOR_GOOD = 1000000 };

static struct canaries canaries;
static struct program program;
static const char *preload;
static char path[128];
static char database[160]; /* its URL */

/* What another program does when the bell rings. */
enum rival { NOBODY, WRITES, WRITES_A_MOMENT };

struct trouble {
    const char *name;
    const char *journal;
    const char *calls;
    int reason; /* 0: the bell rings, and the rival takes the lock */
    int times;
    enum rival rival;
    int64_t least;
};

/* ---- the database ----------------------------------------------------------------------- */

static sqlite3 *open_file(int busy_ms)
{
    sqlite3 *connection = NULL;
    assert_int_equal(sqlite3_open(path, &connection), SQLITE_OK);
    (void)sqlite3_busy_timeout(connection, busy_ms);
    return connection;
}

static void execute(sqlite3 *connection, const char *sql)
{
    if (sqlite3_exec(connection, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(connection));
}

/* The one cell of a query, in the round's arena. */
static const char *ask(sqlite3 *connection, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(connection, sql, -1, &statement, NULL) != SQLITE_OK)
        return arena_text(&canaries.arena, sqlite3_errmsg(connection));
    const char *cell = "no row";
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0) != NULL)
        cell = arena_text(&canaries.arena, (const char *)sqlite3_column_text(statement, 0));
    (void)sqlite3_finalize(statement);
    return cell;
}

static void make_file(const char *journal)
{
    static const char *const tails[] = {"", "-journal", "-wal", "-shm", "-redferry.lock"};
    char name[160];
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, tails[i]);
        (void)remove(name);
    }
    sqlite3 *connection = open_file(0);
    execute(connection, arena_format(&canaries.arena, "PRAGMA journal_mode = %s", journal));
    execute(connection, "PRAGMA synchronous = OFF;"
                        "BEGIN;"
                        "CREATE TABLE t (id integer PRIMARY KEY);"
                        "INSERT INTO t VALUES (1), (2), (3);"
                        "CREATE TABLE once (up integer, down integer);"
                        "INSERT INTO once VALUES (0, 0);"
                        "COMMIT");
    assert_int_equal(sqlite3_close(connection), SQLITE_OK);
}

static void look_at_ledger(struct buffer *wrong)
{
    sqlite3 *connection = open_file(5000);
    canaries_expect(wrong, "the file", ask(connection, "PRAGMA integrity_check"), "ok");
    canaries_expect(wrong, "the sql step", ask(connection, "SELECT up FROM once"), "1");
    canaries_expect(wrong, "the entry",
                    ask(connection, "SELECT count(*) || ',' || count(announced_at) || ',' || "
                                    "sum(rows_read) || ',' || sum(rows_changed) || ',' || "
                                    "sum(commands_sent) || ',' || sum(messages_published) "
                                    "FROM data_migrations"),
                    "1,1," CANARIES_TOTALS);
    canaries_expect(wrong, "the runs that succeeded or still run",
                    ask(connection, "SELECT group_concat(status) FROM data_migration_runs "
                                    "WHERE status NOT IN ('failed', 'interrupted')"),
                    "succeeded");
    assert_int_equal(sqlite3_close(connection), SQLITE_OK);
}

/* ---- one run in trouble ----------------------------------------------------------------- */

/* Take the lock to write, or where somebody is about to write already, keep it from the end. */
static void take_lock(sqlite3 *rival)
{
    if (sqlite3_exec(rival, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK) return;
    (void)sqlite3_exec(rival, "BEGIN; SELECT count(*) FROM t", NULL, NULL, NULL);
}

/* Hear the bell, if it rings before the program ends, and do what the rival does. */
static bool answer_bell(const struct trouble *trouble, int bell, sqlite3 *rival)
{
    char byte = 0;
    if (recv(bell, &byte, 1, 0) != 1) return false;
    if (trouble->rival == NOBODY) return true;
    take_lock(rival);
    (void)send(bell, &byte, 1, MSG_NOSIGNAL);
    if (trouble->rival != WRITES_A_MOMENT) return true;
    (void)poll(NULL, 0, 12);
    (void)sqlite3_exec(rival, "ROLLBACK", NULL, NULL, NULL);
    return true;
}

/* Run a command (NULL: `up`) with trouble at the n-th call; *struck: there was an n-th call.
 * Returns the exit code. */
static int run_in_trouble(const struct trouble *trouble, const char *const *command, int64_t at,
                          bool *struck)
{
    struct arena *arena = &canaries.arena;
    int bell[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, bell) != 0) program_give_up("socketpair");
    (void)fcntl(bell[0], F_SETFD, FD_CLOEXEC);
    const char *const variables[] = {
        arena_format(arena, "LD_PRELOAD=%s", preload),
        arena_format(arena, "TROUBLED_FILES=%s", path),
        arena_format(arena, "TROUBLED_CALLS=%s", trouble->calls),
        arena_format(arena, "TROUBLED_AT=%lld", (long long)at),
        arena_format(arena, "TROUBLED_ERRNO=%d", trouble->reason),
        arena_format(arena, "TROUBLED_TIMES=%d", trouble->times),
        arena_format(arena, "TROUBLED_BELL=%d", bell[1]),
        NULL,
    };
    sqlite3 *rival = NULL;
    if (trouble->rival != NOBODY) {
        rival = open_file(0);
        execute(rival, "SELECT count(*) FROM t"); /* a log in WAL mode is there from now on */
    }
    if (command != NULL)
        program_start(&program, command, variables);
    else
        canaries_start(&canaries, &program, false, database, variables);
    (void)close(bell[1]);
    *struck = answer_bell(trouble, bell[0], rival);
    const int code = program_wait(&program);
    (void)close(bell[0]);
    if (rival != NULL) (void)sqlite3_close(rival);
    return code;
}

/* Whether a run in trouble may end so: done all the same; or with the reason told. */
static bool may_end_with(const struct trouble *trouble, int code)
{
    static const char *const reasons[] = {"disk is full",    "disk I/O error",
                                          "unable to open",  "cannot be written",
                                          "is locked",       "cannot open the lock file",
                                          "No space left on"};
    if (code == 0) return true;
    if (code == 5)
        return trouble->rival == WRITES && program_said(&program, "(--lock-timeout)");
    if (code != 1 && code != 4 && code != 6) return false;
    if (trouble->rival == WRITES_A_MOMENT) return false;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (program_said(&program, reasons[i])) return true;
    return false;
}

/* One run in trouble at the n-th call, and the next one. Returns whether there was one. */
static bool run_under(const struct trouble *trouble, int64_t at, struct canaries_score *score)
{
    struct buffer wrong = {0};
    bool struck = false;
    canaries_begin(&canaries);
    make_file(trouble->journal);
    const int code = run_in_trouble(trouble, NULL, at, &struck);
    score->runs++;
    score->faults += struck;
    if (struck) canaries_count(score, code);
    if (!may_end_with(trouble, code) || (code != 0 && !struck)) {
        buffer_append_format(&wrong, "  it ends with %d\n", code);
        program_show(&program);
    }
    if (code != 0) {
        score->runs++;
        canaries_start(&canaries, &program, false, database, NULL);
        const int next = program_wait(&program);
        if (next != 0) {
            buffer_append_format(&wrong, "  the next run ends with %d\n", next);
            program_show(&program);
        }
    }
    canaries_look(&canaries, false, &wrong);
    canaries_expect(&wrong, "the checkpoint", canaries_checkpoint(&canaries), "");
    look_at_ledger(&wrong);
    canaries_judge(score, &wrong,
                   arena_format(&canaries.arena, "%s, %s %lld (first exit code %d)",
                                trouble->journal, trouble->name, (long long)at, code));
    return struck;
}

static void test_trouble(void **state)
{
    const struct trouble *trouble = *state;
    struct canaries_score score = {.begun_ms = clock_monotonic_ms()};
    for (int64_t at = 1; run_under(trouble, at, &score); at += CANARIES_STRIDE)
        assert_true(at < MOST_AT);
    canaries_tell(&score,
                  arena_format(&canaries.arena, "%s, %s", trouble->journal, trouble->name),
                  trouble->least / CANARIES_STRIDE);
}

/* ---- a file system that is mounted read-only --------------------------------------------- */

static void test_read_only_disk(void **state)
{
    static const struct {
        const char *journal;
        const char *command;
        int code;
        const char *says;
        bool has_ledger; /* another one, elsewhere, would have all carried again */
    } cases[] = {
        {"delete", "up", 4,
         "f.db-redferry.lock': Read-only file system; its file system is mounted read-only: "
         "mount it for writing, or keep the ledger elsewhere (--ledger)",
         false},
        {"delete", "up", 4, "its file system is mounted read-only: mount it for writing", true},
        {"delete", "doctor", 4,
         "f.db' (Read-only file system); its file system is mounted read-only: mount it for "
         "writing, or keep the ledger elsewhere (--ledger)",
         false},
        {"delete", "doctor", 4, "its file system is mounted read-only: mount it for writing",
         true},
        {"delete", "plan", 0, "1 migration to do; nothing was written", false},
        {"wal", "up", 6,
         "in WAL mode SQLite writes beside the file even to read it, and that is not "
         "permitted; "
         "its file system is mounted read-only: mount it for writing",
         false},
    };
    static const struct trouble mount = {.calls = "mount", .reason = EROFS, .times = FOR_GOOD};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool struck = false;
        canaries_begin(&canaries);
        make_file(cases[i].journal);
        const char *const command[] = {
            "redferry",       "-d", database, "-r", canaries.redis, "-m", canaries.directory,
            cases[i].command, NULL};
        const char *const init[] = {"redferry",         "-d",   database, "-m",
                                    canaries.directory, "init", NULL};
        if (cases[i].has_ledger) {
            program_start(&program, init, (const char *const[]){NULL});
            assert_int_equal(program_wait(&program), 0);
        }
        const int code = run_in_trouble(&mount, command, 1, &struck);
        if (code != cases[i].code || !struck || !program_said(&program, cases[i].says) ||
            (cases[i].has_ledger && program_said(&program, "--ledger"))) {
            program_show(&program);
            fail_msg("%s, %s: exit code %d", cases[i].journal, cases[i].command, code);
        }
    }
}

#define TROUBLE(...) cmocka_unit_test_prestate(test_trouble, (&(struct trouble){__VA_ARGS__}))

int main(int count, char **arguments)
{
    const char *asan = getenv("ASAN_OPTIONS");
    char options[256];
    program_init(&program, count > 2 ? arguments[1] : NULL);
    preload = arguments[2];
    canaries_init(&canaries);
    (void)snprintf(path, sizeof path, "%.100s/f.db", getenv("REDFERRY_TEST_DIR"));
    (void)snprintf(database, sizeof database, "sqlite:%s", path);
    /* The sanitizer asks to be loaded first, and need not be. */
    (void)snprintf(options, sizeof options, "%s:verify_asan_link_order=0",
                   asan != NULL ? asan : "");
    (void)setenv("ASAN_OPTIONS", options, 1);

    const struct CMUnitTest tests[] = {
        TROUBLE("full", "delete", "change", ENOSPC, FOR_GOOD, NOBODY, 100),
        TROUBLE("full", "wal", "change", ENOSPC, FOR_GOOD, NOBODY, 50),
        TROUBLE("broken once", "delete", "change", EIO, ONCE, NOBODY, 100),
        TROUBLE("broken once", "wal", "change", EIO, ONCE, NOBODY, 50),
        TROUBLE("not to be written any more", "delete", "change", EROFS, FOR_GOOD, NOBODY, 100),
        TROUBLE("locked for long", "delete", "lock", 0, 0, WRITES, 15),
        TROUBLE("locked for long", "wal", "lock", 0, 0, WRITES, 15),
        TROUBLE("locked a moment", "delete", "lock", 0, 0, WRITES_A_MOMENT, 15),
        TROUBLE("locked a moment", "wal", "lock", 0, 0, WRITES_A_MOMENT, 15),
        cmocka_unit_test(test_read_only_disk),
    };
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    canaries_release(&canaries);
    return failures;
}
