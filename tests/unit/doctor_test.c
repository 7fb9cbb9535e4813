/* doctor: what is thought of each fact, and the command that mends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "advice.h"
#include "agenda.h"
#include "alloc_fail.h"
#include "arena.h"
#include "checkpoint.h"
#include "clock.h"
#include "config.h"
#include "doctor.h"
#include "doctor_acl.h"
#include "doctor_checkpoints.h"
#include "doctor_ledger.h"
#include "doctor_redis.h"
#include "doctor_sql.h"
#include "error.h"
#include "session.h"

/* A doctor whose session has a configuration, and nothing open. */
struct bench {
    struct doctor doctor;
    struct session session;
    struct config config;
    struct arena arena;
    struct error err;
};

static void bench_init(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    bench->session.config = &bench->config;
    bench->doctor.session = &bench->session;
    bench->doctor.arena = &bench->arena;
    bench->doctor.examination = "test";
}

typedef int (*look_fn)(struct doctor *doctor, struct error *err);

/* One finding, of this verdict, in which this is said, and this advised (NULL: nothing). */
static void expect(struct bench *bench, look_fn look, enum doctor_verdict verdict,
                   const char *says, const char *advises)
{
    bench->doctor.findings = NULL;
    bench->doctor.count = bench->doctor.capacity = 0;
    assert_int_equal(look(&bench->doctor, &bench->err), 0);
    if (says == NULL) {
        assert_int_equal(bench->doctor.count, 0);
        return;
    }
    assert_int_equal(bench->doctor.count, 1);
    const struct doctor_finding *finding = bench->doctor.findings;
    if (finding->verdict != verdict || strstr(finding->text, says) == NULL)
        fail_msg("%s: %s", doctor_verdict_text(finding->verdict), finding->text);
    if (advises == NULL)
        assert_null(finding->advice);
    else if (finding->advice == NULL || strstr(finding->advice, advises) == NULL)
        fail_msg("advised: %s", finding->advice != NULL ? finding->advice : "nothing");
}

static void bench_release(struct bench *bench)
{
    arena_release(&bench->arena);
}

/* ---- SQL -------------------------------------------------------------------------------- */

static void test_writes(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct doctor_postgres *server = &bench.doctor.postgres;
    struct doctor_sqlite *file = &bench.doctor.sqlite;
    server->role = "app";
    expect(&bench, doctor_sql_writes, DOCTOR_OK, "a primary", NULL);
    server->is_read_only = true;
    expect(&bench, doctor_sql_writes, DOCTOR_PROBLEM, "of role app only read",
           "ALTER ROLE app SET default_transaction_read_only = off");
    server->is_standby = true;
    expect(&bench, doctor_sql_writes, DOCTOR_PROBLEM, "a standby", "target_session_attrs");

    file->path = "/a.db";
    file->free_bytes = INT64_C(3) << 30;
    expect(&bench, doctor_sql_writes, DOCTOR_OK, "3.0 GiB are free", NULL);
    file->free_bytes = -1;
    expect(&bench, doctor_sql_writes, DOCTOR_OK, "unknown space", NULL);
    file->free_bytes = 63 << 20;
    expect(&bench, doctor_sql_writes, DOCTOR_WARNING, "only 63.0 MiB are free", "make room");
    file->not_written = "the file '/a.db' (Permission denied)";
    expect(&bench, doctor_sql_writes, DOCTOR_PROBLEM, "the file '/a.db'", "owns the database");
    bench_release(&bench);
}

/* The doctor's own connection is one of those in use, and goes. */
static void test_connections(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct doctor_postgres *server = &bench.doctor.postgres;
    *server = (struct doctor_postgres){.role = "app", .room = 97, .used = 95, .role_room = -1};
    expect(&bench, doctor_sql_connections, DOCTOR_OK, "3 are left", NULL);
    server->used = 96;
    expect(&bench, doctor_sql_connections, DOCTOR_WARNING, "only 2 are left",
           "raise max_connections");
    server->used = 97;
    expect(&bench, doctor_sql_connections, DOCTOR_WARNING, "only 1 is left", "--lock-timeout");
    server->used = 120;
    expect(&bench, doctor_sql_connections, DOCTOR_WARNING, "only 0 are left", "--lock-timeout");
    server->used = 1;
    server->role_room = 5;
    server->role_used = 4;
    expect(&bench, doctor_sql_connections, DOCTOR_WARNING, "only 2 are left",
           "ALTER ROLE app CONNECTION LIMIT 7");
    server->has_pooler = true;
    expect(&bench, doctor_sql_connections, DOCTOR_OK, "a run needs 3 of its connections", NULL);
    bench.doctor.sqlite.path = "/a.db";
    expect(&bench, doctor_sql_connections, DOCTOR_OK, NULL, NULL);
    bench_release(&bench);
}

static void test_encryption(void **state)
{
    (void)state;
    static const struct {
        enum url_kind kind;
        const char *host, *password;
        enum doctor_verdict verdict;
        const char *says, *advises;
    } cases[] = {
        {URL_REDIS, "localhost", NULL, DOCTOR_OK, "on this host", NULL},
        {URL_REDIS, "127.0.0.2", NULL, DOCTOR_OK, "on this host", NULL},
        {URL_REDIS, "::1", NULL, DOCTOR_OK, "on this host", NULL},
        {URL_REDIS_UNIX, NULL, NULL, DOCTOR_OK, "on this host", NULL},
        {URL_REDIS_TLS, "r.example", "x", DOCTOR_OK, "is encrypted", NULL},
        {URL_REDIS, "r.example", NULL, DOCTOR_WARNING, "'r.example' is not encrypted: rows can",
         "rediss://"},
        {URL_REDIS, "r.example", "x", DOCTOR_WARNING, "rows and the password can", "rediss://"},
    };
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench.config.redis = (struct url){
            .kind = cases[i].kind, .host = cases[i].host, .password = cases[i].password};
        expect(&bench, doctor_redis_encryption, cases[i].verdict, cases[i].says,
               cases[i].advises);
    }
    struct doctor_postgres *server = &bench.doctor.postgres;
    expect(&bench, doctor_sql_encryption, DOCTOR_OK, "on this host", NULL);
    server->is_remote = true;
    expect(&bench, doctor_sql_encryption, DOCTOR_WARNING, "is not encrypted",
           "sslmode=verify-full");
    server->is_encrypted = true;
    expect(&bench, doctor_sql_encryption, DOCTOR_OK, "is encrypted", NULL);
    server->has_pooler = true;
    expect(&bench, doctor_sql_encryption, DOCTOR_OK, NULL, NULL);
    bench_release(&bench);
}

static int64_t ahead_ms;

static int look_at_clock(struct doctor *doctor, struct error *err)
{
    (void)err;
    doctor_judge_clock(doctor, "Redis'", ahead_ms);
    return 0;
}

static void test_clocks(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    ahead_ms = 4999;
    expect(&bench, look_at_clock, DOCTOR_OK, "less than 5 s apart", NULL);
    ahead_ms = -4999;
    expect(&bench, look_at_clock, DOCTOR_OK, "less than 5 s apart", NULL);
    ahead_ms = 5000;
    expect(&bench, look_at_clock, DOCTOR_WARNING, "5.0 s ahead of this host's", "NTP");
    ahead_ms = -61500;
    expect(&bench, look_at_clock, DOCTOR_WARNING, "61.5 s behind this host's", "NTP");
    bench.doctor.database_ahead_ms = 9000;
    expect(&bench, doctor_sql_clock, DOCTOR_WARNING, "the database server's clock is 9.0 s",
           "NTP");
    bench_release(&bench);
}

/* ---- Redis ------------------------------------------------------------------------------ */

static void test_persistence(void **state)
{
    (void)state;
    static const struct {
        struct doctor_redis redis;
        enum doctor_verdict verdict;
        const char *says, *advises;
    } cases[] = {
        {{.has_aof = true, .save = "3600 1"},
         DOCTOR_OK,
         "an append-only file, and snapshots",
         NULL},
        {{.has_aof = true}, DOCTOR_OK, "an append-only file", NULL},
        {{.has_aof = true, .save = "", .snapshot_failed = true},
         DOCTOR_OK,
         "append-only file",
         NULL},
        {{.has_aof = true, .save = "60 1", .snapshot_failed = true},
         DOCTOR_PROBLEM,
         "the last snapshot failed",
         "BGSAVE"},
        {{.save = "3600 1"}, DOCTOR_OK, "snapshots (save 3600 1)", "appendonly yes"},
        {{.save = ""}, DOCTOR_WARNING, "is off", "CONFIG SET appendonly yes"},
        {{.no_config = "NOPERM no"},
         DOCTOR_WARNING,
         "cannot be known: NOPERM no",
         "+config|get"},
        {{.save = "60 1", .snapshot_failed = true},
         DOCTOR_PROBLEM,
         "the last snapshot failed",
         "BGSAVE"},
        {{.has_aof = true, .aof_failed = true}, DOCTOR_PROBLEM, "MISCONF", "its disk"},
    };
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench.doctor.redis = cases[i].redis;
        expect(&bench, doctor_redis_persistence, cases[i].verdict, cases[i].says,
               cases[i].advises);
    }
    bench_release(&bench);
}

static void test_durability(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct doctor_redis *redis = &bench.doctor.redis;
    *redis = (struct doctor_redis){.major = 7, .minor = 2, .has_aof = true, .replicas = 1};
    expect(&bench, doctor_redis_durability, DOCTOR_OK, NULL, NULL);
    bench.config.wait_replicas = 1;
    expect(&bench, doctor_redis_durability, DOCTOR_OK, "--wait-replicas", NULL);
    bench.config.wait_replicas = 2;
    expect(&bench, doctor_redis_durability, DOCTOR_PROBLEM, "asks for 2, and 1 is connected",
           "fewer");
    bench.config.wait_replicas = 0;
    bench.config.wait_aof = true;
    expect(&bench, doctor_redis_durability, DOCTOR_OK, "--wait-aof", NULL);
    redis->has_aof = false;
    expect(&bench, doctor_redis_durability, DOCTOR_PROBLEM, "there is no append-only file",
           "CONFIG SET appendonly yes");
    redis->minor = 0;
    expect(&bench, doctor_redis_durability, DOCTOR_PROBLEM, "needs a Redis that has WAITAOF",
           "a newer Redis");
    bench_release(&bench);
}

static void test_eviction(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct doctor_redis *redis = &bench.doctor.redis;
    expect(&bench, doctor_redis_eviction, DOCTOR_OK, "is not told", NULL);
    *redis = (struct doctor_redis){.policy = "noeviction", .limit = 1};
    expect(&bench, doctor_redis_eviction, DOCTOR_OK, "noeviction", NULL);
    redis->policy = "volatile-lfu";
    expect(&bench, doctor_redis_eviction, DOCTOR_OK, "volatile-lfu", NULL);
    redis->policy = "allkeys-random";
    expect(&bench, doctor_redis_eviction, DOCTOR_WARNING, "allkeys-random",
           "CONFIG SET maxmemory-policy noeviction");
    redis->limit = 0;
    expect(&bench, doctor_redis_eviction, DOCTOR_OK, "nothing is evicted", NULL);
    bench_release(&bench);
}

static void test_memory(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct doctor_redis *redis = &bench.doctor.redis;
    expect(&bench, doctor_redis_memory, DOCTOR_OK, "does not say", NULL);
    *redis = (struct doctor_redis){.used = 1 << 20, .limit = 3 << 20, .policy = "noeviction"};
    expect(&bench, doctor_redis_memory, DOCTOR_OK,
           "1.0 MiB of 3.0 MiB (maxmemory) are used, nothing that takes memory", NULL);
    bench.doctor.load = (struct doctor_load){.rows = 1000, .bytes = 2 << 20};
    expect(&bench, doctor_redis_memory, DOCTOR_OK, "about 1000 rows, 2.0 MiB, are to come",
           NULL);
    bench.doctor.load.bytes += 1;
    expect(&bench, doctor_redis_memory, DOCTOR_PROBLEM, "(maxmemory) are used, and about 1000",
           "CONFIG SET maxmemory");
    redis->policy = "allkeys-lru";
    expect(&bench, doctor_redis_memory, DOCTOR_WARNING, "(maxmemory)", "CONFIG SET maxmemory");
    redis->limit = 0;
    redis->machine = 2 << 20;
    expect(&bench, doctor_redis_memory, DOCTOR_WARNING, "(its machine's memory)",
           "more memory");
    bench.doctor.load = (struct doctor_load){.is_partial = true};
    expect(&bench, doctor_redis_memory, DOCTOR_OK, "how much is to come cannot be known", NULL);
    bench_release(&bench);
}

/* One that cannot be asked is not. */
static void test_old_redis_is_not_asked(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.doctor.redis = (struct doctor_redis){.major = 6, .minor = 2};
    expect(&bench, doctor_acl, DOCTOR_OK, "cannot be known beforehand", NULL);
    bench_release(&bench);
}

static void test_info(void **state)
{
    (void)state;
    static const char info[] =
        "# Memory\r\nused_memory:12\r\nmaxmemory:0\r\nmaxmemory_policy:x y"
        "\r\n";
    struct arena arena = {0};
    assert_string_equal(doctor_redis_info(&arena, info, "used_memory"), "12");
    assert_string_equal(doctor_redis_info(&arena, info, "maxmemory"), "0");
    assert_string_equal(doctor_redis_info(&arena, info, "maxmemory_policy"), "x y");
    assert_null(doctor_redis_info(&arena, info, "memory"));
    assert_null(doctor_redis_info(&arena, info, "used"));
    assert_null(doctor_redis_info(&arena, NULL, "used"));
    assert_string_equal(doctor_redis_info(&arena, "a:1", "a"), "1");
    arena_release(&arena);
}

static void test_sizes(void **state)
{
    (void)state;
    char text[DOCTOR_SIZE_TEXT];
    assert_string_equal(doctor_size_text(0, text), "0 bytes");
    assert_string_equal(doctor_size_text(1023, text), "1023 bytes");
    assert_string_equal(doctor_size_text(1536, text), "1.5 KiB");
    assert_string_equal(doctor_size_text(200.0 * 1024 * 1024, text), "200 MiB");
    assert_string_equal(doctor_size_text(3.0 * 1024 * 1024 * 1024 * 1024 * 1024, text),
                        "3072 TiB");
}

/* ---- the ledger ------------------------------------------------------------------------- */

static void test_checkpoints(void **state)
{
    (void)state;
    const struct checkpoint of_three = {.present = true, .fence_run = 3, .origin = 3};
    const struct checkpoint of_nine = {.present = true, .fence_run = 9, .origin = 3};
    const struct agenda_item stopped = {.stopped = true}, settled = {.state = STATE_APPLIED},
                             half = {.state = STATE_HALF_UNDONE}, late = {.unannounced = true};
    assert_int_equal(doctor_checkpoints_match(&stopped, &of_three, 5), DOCTOR_FITS);
    assert_int_equal(doctor_checkpoints_match(&half, &of_three, 5), DOCTOR_FITS);
    assert_int_equal(doctor_checkpoints_match(&late, &of_three, 5), DOCTOR_FITS);
    assert_int_equal(doctor_checkpoints_match(&settled, &of_three, 5), DOCTOR_LEFT_OVER);
    assert_int_equal(doctor_checkpoints_match(NULL, &of_three, 5), DOCTOR_LEFT_OVER);
    assert_int_equal(doctor_checkpoints_match(&stopped, &of_nine, 5), DOCTOR_FROM_LATER);
    assert_int_equal(doctor_checkpoints_match(NULL, &of_nine, 9), DOCTOR_LEFT_OVER);
}

static int look_at_lock(struct doctor *doctor, struct error *err)
{
    (void)err;
    doctor_ledger_judge_lock(doctor);
    return 0;
}

/* By the database's clock, which may be another one. */
static void test_lock(void **state)
{
    (void)state;
    struct bench bench;
    char updated[CLOCK_TEXT_SIZE];
    struct run run = {.id = 3,
                      .version = 7,
                      .name = "flags",
                      .status = RUN_RUNNING,
                      .operator_name = "ana",
                      .host = "db1",
                      .pid = 12,
                      .started_at = "2025-03-01T09:00:00.000Z",
                      .updated_at = clock_text(clock_wall_ms() - 50000, updated)};
    bench_init(&bench);
    expect(&bench, look_at_lock, DOCTOR_OK, "nobody holds it", NULL);
    bench.doctor.lock_held = true;
    expect(&bench, look_at_lock, DOCTOR_OK, "held by another redferry", "`up` waits");
    bench.session.state.record = (struct record){.runs = &run, .run_count = 1};
    expect(&bench, look_at_lock, DOCTOR_OK, "held by another redferry", "`up` waits");
    bench.session.state.record.holder = &run;
    expect(&bench, look_at_lock, DOCTOR_OK, "held by ana on host db1 (pid 12), running 7_flags",
           "`up` waits");
    bench.doctor.database_ahead_ms = 15000;
    expect(&bench, look_at_lock, DOCTOR_WARNING, "which has said nothing for ",
           "process 12 on db1");
    bench.doctor.database_ahead_ms = 0;
    run.status = RUN_PAUSED;
    expect(&bench, look_at_lock, DOCTOR_WARNING, "held by ana", "`redferry resume`");
    bench_release(&bench);
}

static int look_at_migrations(struct doctor *doctor, struct error *err)
{
    (void)err;
    doctor_ledger_judge_migrations(doctor);
    return 0;
}

/* States that are as they should be have no line of their own; what to type is given, but where
 * another line says it. */
static void test_states(void **state)
{
    (void)state;
    struct bench bench;
    struct run run = {.id = 3,
                      .status = RUN_FAILED,
                      .error = "no room",
                      .operator_name = "ana",
                      .host = "db1",
                      .started_at = "2025"};
    struct agenda_item item = {.version = 7, .name = "flags", .run = &run};
    struct agenda_item eight[8];
    struct advice advices[8] = {{.text = "type this"}};
    struct migration by_hand = {.manual = true};
    bench_init(&bench);
    bench.doctor.advices = advices;
    bench.session.agenda = (struct agenda){.items = &item, .count = 1};
    item.state = STATE_APPLIED;
    expect(&bench, look_at_migrations, DOCTOR_OK, "none is in a state to look at", NULL);
    item.state = STATE_RUNNING;
    expect(&bench, look_at_migrations, DOCTOR_OK, "none is in a state to look at", NULL);
    item.state = STATE_CANCELLED;
    expect(&bench, look_at_migrations, DOCTOR_PROBLEM,
           "7_flags was cancelled, and `up` stops there", "type this");
    item.migration = &by_hand;
    expect(&bench, look_at_migrations, DOCTOR_WARNING, "7_flags was cancelled", "type this");
    item.migration = NULL;
    item.state = STATE_HALF_UNDONE;
    expect(&bench, look_at_migrations, DOCTOR_PROBLEM, "half undone", "type this");
    item.state = STATE_FAILED;
    expect(&bench, look_at_migrations, DOCTOR_WARNING,
           "7_flags stopped half-way (failed, run 3 by ana on db1, begun at 2025): no room",
           "type this");
    run.error = NULL;
    item.state = STATE_CRASHED;
    expect(&bench, look_at_migrations, DOCTOR_WARNING,
           "stopped half-way (crashed, run 3 by ana", "type this");
    /* Redis can be asked: there is a line about checkpoints. */
    advices[0].is_refused = true;
    bench.session.redis = (struct connection *)&bench;
    expect(&bench, look_at_migrations, DOCTOR_WARNING, "stopped half-way", "type this");
    bench.session.state.id = "a ledger";
    expect(&bench, look_at_migrations, DOCTOR_WARNING, "stopped half-way",
           "`checkpoints` says");
    bench.doctor.lock_held = true;
    expect(&bench, look_at_migrations, DOCTOR_WARNING, "stopped half-way", "type this");
    bench.doctor.lock_held = advices[0].is_refused = false;
    bench.session.redis = NULL;
    item.state = STATE_MODIFIED;
    expect(&bench, look_at_migrations, DOCTOR_WARNING, "was modified", "type this");
    advices[0].text = NULL;
    item.state = STATE_MISSING;
    expect(&bench, look_at_migrations, DOCTOR_OK, "has no file", NULL);
    item.state = STATE_PENDING;
    item.pending = item.below_applied = true;
    expect(&bench, look_at_migrations, DOCTOR_WARNING, "below an applied",
           "`redferry up` applies it; with --strict it does not");
    bench.config.strict = true;
    expect(&bench, look_at_migrations, DOCTOR_WARNING, "below an applied",
           "`redferry run 7` applies it all the same: with --strict");
    bench.config.strict = false;

    /* At what is too old `up` stops, at what came late it does not. */
    run.stopped_at = "2020-01-01T00:00:00.000Z";
    item.state = STATE_FAILED;
    item.stopped = true;
    bench.session.config = &(struct config){.resume_within_ms = 1};
    bench.doctor.count = 0;
    doctor_ledger_judge_migrations(&bench.doctor);
    assert_int_equal(bench.doctor.count, 2);
    assert_int_equal(bench.doctor.findings[0].verdict, DOCTOR_PROBLEM);
    assert_non_null(strstr(bench.doctor.findings[0].text, "--resume-within, and `up` stops"));
    assert_int_equal(bench.doctor.findings[1].verdict, DOCTOR_WARNING);

    for (size_t i = 0; i < 8; i++)
        eight[i] = (struct agenda_item){
            .version = (int64_t)i + 1, .name = "x", .state = STATE_MODIFIED};
    bench.session.agenda = (struct agenda){.items = eight, .count = 8};
    bench.doctor.count = 0;
    doctor_ledger_judge_migrations(&bench.doctor);
    assert_int_equal(bench.doctor.count, 6);
    assert_non_null(strstr(bench.doctor.findings[5].text, "and 3 more"));
    bench_release(&bench);
}

/* There is room for as many as come, and each is counted. */
static void test_many_findings(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    for (int i = 0; i < 100; i++)
        doctor_find(&bench.doctor, i % 3 == 0 ? DOCTOR_PROBLEM : DOCTOR_OK, "number %d", i);
    doctor_advise(&bench.doctor, "do %d", 1);
    assert_int_equal(bench.doctor.count, 100);
    assert_int_equal(bench.doctor.counts[DOCTOR_PROBLEM], 34);
    assert_int_equal(bench.doctor.counts[DOCTOR_OK], 66);
    assert_string_equal(bench.doctor.findings[37].text, "number 37");
    assert_null(bench.doctor.findings[37].advice);
    assert_string_equal(bench.doctor.findings[99].advice, "do 1");
    bench_release(&bench);
}

/* What cannot be said for want of memory is not left out in silence. */
static void test_memory_runs_out(void **state)
{
    (void)state;
    static const look_fn looks[] = {doctor_sql_writes,        doctor_sql_connections,
                                    doctor_sql_encryption,    doctor_sql_clock,
                                    doctor_redis_persistence, doctor_redis_eviction,
                                    doctor_redis_memory,      doctor_redis_encryption,
                                    look_at_migrations,       look_at_lock};
    struct run run = {.id = 3, .status = RUN_FAILED, .error = "no room"};
    struct agenda_item items[40];
    struct advice advices[40] = {{.text = "type this"}};
    struct bench bench;
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        items[i] = (struct agenda_item){
            .version = 7, .name = "x", .run = &run, .state = (enum state)(i % 11)};
    for (size_t nth = 1;; nth++) {
        bench_init(&bench);
        bench.doctor.load = (struct doctor_load){.rows = 1, .bytes = 1};
        bench.doctor.redis =
            (struct doctor_redis){.used = 2, .limit = 1, .policy = "allkeys-lru"};
        bench.session.agenda = (struct agenda){.items = items, .count = 40};
        bench.doctor.advices = advices;
        alloc_fail_at(nth, false);
        for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
            assert_int_equal(looks[i](&bench.doctor, &bench.err), 0);
        const bool failed = alloc_fail_happened();
        alloc_fail_never();
        const bool noticed = bench.arena.failed;
        bench_release(&bench);
        if (!failed) break;
        assert_true(noticed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes),        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_encryption),    cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_persistence),   cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_durability),    cmocka_unit_test(test_old_redis_is_not_asked),
        cmocka_unit_test(test_memory),        cmocka_unit_test(test_info),
        cmocka_unit_test(test_sizes),         cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_lock),          cmocka_unit_test(test_states),
        cmocka_unit_test(test_many_findings), cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
