// servers: postgres redis
// not under valgrind: hundreds of processes, each a run of the program
// not with sanitizers: hundreds of runs, which 62-crash-points makes there as well
// A third argument `long` adds what `down` does under each of the faults, and more delays.
/* The program under a proxy that cuts, terminates and delays what it says to PostgreSQL: each
 * message, each request, each remark of the server once. Whatever happens, the next run goes on
 * where this one stopped, and every row, message and `sql` step has happened once. The commands
 * are the ones that must not be repeated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "arena.h"
#include "buffer.h"
#include "canaries.h"
#include "clock.h"
#include "postgres_proxy.h"
#include "program.h"

enum { MOST_AT = 5000 };

static struct canaries canaries;
static struct postgres_proxy *proxy;
static PGconn *admin;
static struct program program;
static const char *direct; /* the database's URL */
static char through[256];  /* the same, behind the proxy */
static bool is_long;

/* ---- asking the server ------------------------------------------------------------------ */

static PGresult *admin_run(const char *sql)
{
    PGresult *result = PQexec(admin, sql);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(admin));
    return result;
}

/* The one cell of a query, in arena. */
static const char *admin_ask(const char *sql)
{
    PGresult *result = admin_run(sql);
    const char *cell = PQntuples(result) == 0
                           ? "no row"
                           : arena_text(&canaries.arena, PQgetvalue(result, 0, 0));
    PQclear(result);
    return cell;
}

/* ---- one run of the program ------------------------------------------------------------- */

static int run(bool down, const char *database, struct canaries_score *score)
{
    score->runs++;
    canaries_start(&canaries, &program, down, database, NULL);
    return program_wait(&program);
}

/* ---- what must be true afterwards ------------------------------------------------------- */

static void look_at_ledger(bool down, struct buffer *wrong)
{
    canaries_expect(
        wrong, "the sql step",
        admin_ask(arena_format(&canaries.arena, "SELECT %s FROM once", canaries_way(down))),
        "1");
    canaries_expect(wrong, "the entry",
                    admin_ask("SELECT count(*) || ',' || count(announced_at) || ',' || "
                              "coalesce(sum(rows_read), 0) || ',' || "
                              "coalesce(sum(rows_changed), 0) || ',' || "
                              "coalesce(sum(commands_sent), 0) || ',' || "
                              "coalesce(sum(messages_published), 0) FROM data_migrations"),
                    !down ? "1,1," CANARIES_TOTALS : "0,0,0,0,0,0");
    canaries_expect(wrong, "the last run",
                    admin_ask("SELECT direction || ',' || status FROM data_migration_runs "
                              "ORDER BY id DESC LIMIT 1"),
                    arena_format(&canaries.arena, "%s,succeeded", canaries_way(down)));
    canaries_expect(wrong, "the runs that succeeded or still run",
                    admin_ask("SELECT string_agg(status, ',') FROM data_migration_runs AS own "
                              "WHERE status NOT IN ('failed', 'interrupted') AND NOT EXISTS ("
                              "SELECT FROM data_migration_runs AS later "
                              "WHERE later.id > own.id AND later.direction <> own.direction)"),
                    "succeeded");
}

/* ---- the faults ------------------------------------------------------------------------- */

static const char *const fault_names[POSTGRES_FAULTS] = {
    [POSTGRES_NO_FAULT] = "no fault",
    [POSTGRES_CUT_MESSAGE] = "cut before a message",
    [POSTGRES_CUT_ANSWER] = "cut before an answer",
    [POSTGRES_CUT_ALL] = "all cut before an answer",
    [POSTGRES_CUT_OTHERS] = "the others cut",
    [POSTGRES_CUT_REMARK] = "cut within an answer",
    [POSTGRES_KILL_BEFORE] = "backend terminated before a request",
    [POSTGRES_KILL_AFTER] = "backend terminated behind a request",
    [POSTGRES_LATE] = "a request delivered late",
};

/* An empty ledger: its tables empty, or not there yet. */
static void begin_anew(bool down, enum postgres_fault fault, struct canaries_score *score)
{
    int64_t ignored = 0;
    if (fault == POSTGRES_CUT_MESSAGE)
        PQclear(admin_run("DROP TABLE IF EXISTS data_migrations, data_migration_runs, "
                          "data_migration_ledger"));
    else
        PQclear(admin_run("DELETE FROM data_migrations; DELETE FROM data_migration_runs"));
    PQclear(admin_run("UPDATE once SET up = 0, down = 0"));
    canaries_begin(&canaries);
    if (!down) return;
    if (run(false, direct, score) != 0) fail_msg("the migration does not apply");
    (void)canaries_hear(&canaries, &ignored);
}

/* Whether the code is one with which a struck run may end: done all the same, its lock lost, or
 * the database gone. */
static bool may_end_with(int code)
{
    return code == 0 || code == 4 || code == 6;
}

/* What was undone before its runner could tell is undone: there is nothing left to do. */
static bool is_undone(bool down, int code)
{
    return down && code == 2 &&
           strcmp(admin_ask("SELECT count(*) FROM data_migrations"), "0") == 0;
}

/* Let the next run, through the proxy where something is still on its way, go on. */
static void go_on(bool down, const struct postgres_plan *plan, struct buffer *wrong,
                  struct canaries_score *score)
{
    const bool is_late = plan->fault == POSTGRES_LATE;
    int code = run(down, is_late ? through : direct, score);
    if (is_late) {
        postgres_proxy_settle(proxy);
        if (code != 0) {
            canaries_count(score, code);
            code = run(down, direct, score);
        }
    }
    if (code == 0 || is_undone(down, code)) return;
    buffer_append_format(wrong, "  the next run ends with %d\n", code);
    program_show(&program);
}

/* Where `down` was struck behind its last word to SQL, its checkpoint stays behind, and the
 * next `up` knows it for a leftover. */
static void look_at_leftover(int code, struct buffer *wrong, struct canaries_score *score)
{
    if (*canaries_checkpoint(&canaries) == '\0') return;
    if (code == 0) buffer_append_text(wrong, "  the checkpoint is left, with exit code 0\n");
    canaries_forget_up(&canaries);
    PQclear(admin_run("UPDATE once SET up = 0"));
    if (run(false, direct, score) != 0) {
        buffer_append_text(wrong, "  the `up` behind it fails\n");
        program_show(&program);
    }
    canaries_look(&canaries, false, wrong);
    look_at_ledger(false, wrong);
    canaries_expect(wrong, "the checkpoint", canaries_checkpoint(&canaries), "");
}

static void look(bool down, int code, struct buffer *wrong, struct canaries_score *score)
{
    canaries_look(&canaries, down, wrong);
    look_at_ledger(down, wrong);
    if (down)
        look_at_leftover(code, wrong, score);
    else
        canaries_expect(wrong, "the checkpoint", canaries_checkpoint(&canaries), "");
}

/* One run under plan, and as many as it needs behind it. Returns whether the fault struck. */
static bool run_under(bool down, const struct postgres_plan *plan, struct canaries_score *score)
{
    struct buffer wrong = {0};
    begin_anew(down, plan->fault, score);
    postgres_proxy_arm(proxy, plan);
    const int code = run(down, through, score);
    const bool struck = postgres_proxy_has_struck(proxy);
    if (struck) canaries_count(score, code);
    if (!may_end_with(code) || (code != 0 && !struck)) {
        buffer_append_format(&wrong, "  it ends with %d\n", code);
        program_show(&program);
    }
    if (code != 0 || plan->fault == POSTGRES_LATE) go_on(down, plan, &wrong, score);
    look(down, code, &wrong, score);
    score->faults += struck;
    canaries_judge(score, &wrong,
                   arena_format(&canaries.arena, "%s, %s %lld (first exit code %d)",
                                canaries_way(down), fault_names[plan->fault],
                                (long long)plan->at, code));
    return struck;
}

static void test_untouched(void **state)
{
    (void)state;
    struct canaries_score score = {0};
    const struct postgres_plan plan = {.fault = POSTGRES_NO_FAULT};
    assert_false(run_under(false, &plan, &score));
    assert_false(run_under(true, &plan, &score));
    assert_int_equal(score.violations, 0);
}

struct attack {
    enum postgres_fault fault;
    bool down;
    int64_t late_step; /* how the delay is spread over the later requests */
};

static void test_attack(void **state)
{
    enum { LEAST = 45 / CANARIES_STRIDE };
    const struct attack *attack = *state;
    struct canaries_score score = {.begun_ms = clock_monotonic_ms()};
    struct postgres_plan plan = {.fault = attack->fault, .at = 1, .every_remark = is_long};
    while (run_under(attack->down, &plan, &score)) {
        plan.at += CANARIES_STRIDE;
        plan.late_after = plan.at * attack->late_step % 40;
        assert_true(plan.at < MOST_AT);
    }
    canaries_tell(&score,
                  arena_format(&canaries.arena, "%s, %s", canaries_way(attack->down),
                               fault_names[attack->fault]),
                  LEAST);
}

#define ATTACK(way, fault, late_step)                                                          \
    cmocka_unit_test_prestate(test_attack, (&(struct attack){fault, way, late_step}))

/* ---- the world -------------------------------------------------------------------------- */

/* The proxy listens under the server's name in a directory of its own. */
static void start_proxy(void)
{
    char directory[108], path[160], target[160];
    (void)snprintf(directory, sizeof directory, "%.80s/x", getenv("REDFERRY_TEST_DIR"));
    (void)snprintf(path, sizeof path, "%s/.s.PGSQL.%s", directory, PQport(admin));
    (void)snprintf(target, sizeof target, "%.80s/.s.PGSQL.%s", PQhost(admin), PQport(admin));
    (void)snprintf(through, sizeof through, "postgresql:///test?user=postgres&host=%s",
                   directory);
    if (mkdir(directory, 0700) != 0) program_give_up(directory);
    proxy = postgres_proxy_start(path, target, direct);
}

int main(int count, char **arguments)
{
    enum { UP = false, DOWN = true };
    program_init(&program, count > 1 ? arguments[1] : NULL);
    canaries_init(&canaries);
    direct = getenv("REDFERRY_TEST_POSTGRES");
    admin = PQconnectdb(direct);
    PQclear(admin_run("SET client_min_messages = warning; "
                      "CREATE TABLE t (id bigint PRIMARY KEY); "
                      "INSERT INTO t SELECT generate_series(1, 3); "
                      "CREATE TABLE once (up bigint, down bigint); "
                      "INSERT INTO once VALUES (0, 0)"));
    start_proxy();
    is_long = count > 3 && strcmp(arguments[3], "long") == 0;
    if (run(false, direct, &(struct canaries_score){0}) != 0)
        fail_msg("the migration does not apply");

    const struct CMUnitTest short_form[] = {
        cmocka_unit_test(test_untouched),   ATTACK(UP, POSTGRES_CUT_MESSAGE, 0),
        ATTACK(UP, POSTGRES_CUT_ANSWER, 0), ATTACK(UP, POSTGRES_CUT_OTHERS, 0),
        ATTACK(UP, POSTGRES_CUT_REMARK, 0), ATTACK(UP, POSTGRES_KILL_BEFORE, 0),
        ATTACK(UP, POSTGRES_KILL_AFTER, 0), ATTACK(UP, POSTGRES_LATE, 7),
        ATTACK(DOWN, POSTGRES_CUT_ALL, 0),
    };
    const struct CMUnitTest long_form[] = {
        ATTACK(UP, POSTGRES_CUT_ALL, 0),       ATTACK(UP, POSTGRES_LATE, 0),
        ATTACK(UP, POSTGRES_LATE, 1),          ATTACK(UP, POSTGRES_LATE, 3),
        ATTACK(DOWN, POSTGRES_CUT_MESSAGE, 0), ATTACK(DOWN, POSTGRES_CUT_ANSWER, 0),
        ATTACK(DOWN, POSTGRES_CUT_OTHERS, 0),  ATTACK(DOWN, POSTGRES_CUT_REMARK, 0),
        ATTACK(DOWN, POSTGRES_KILL_BEFORE, 0), ATTACK(DOWN, POSTGRES_KILL_AFTER, 0),
        ATTACK(DOWN, POSTGRES_LATE, 0),        ATTACK(DOWN, POSTGRES_LATE, 1),
        ATTACK(DOWN, POSTGRES_LATE, 3),        ATTACK(DOWN, POSTGRES_LATE, 7),
    };
    int failures = cmocka_run_group_tests(short_form, NULL, NULL);
    if (is_long) failures += cmocka_run_group_tests(long_form, NULL, NULL);
    postgres_proxy_stop(proxy);
    canaries_release(&canaries);
    PQfinish(admin);
    return failures;
}
