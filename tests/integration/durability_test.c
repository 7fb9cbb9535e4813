// servers: redis
/* durability: the number that WAIT and WAITAOF answer is compared with what was asked for, on a
 * fresh connection too; whoever waits can be stopped; and what the server cannot do is known
 * before. WAITAOF is asked of a fake as well, since the server that is installed may not have
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "clock.h"
#include "connection.h"
#include "durability.h"
#include "error.h"
#include "fake_redis.h"
#include "redis_server.h"
#include "redis_url.h"
#include "reply.h"
#include "stop.h"
#include "url.h"

enum { SOON_MS = 300, LATE_MS = 20000 };

static struct arena arena;
static struct redis_server primary, replica;

/* What a wait calls meanwhile: at the second call it does one thing. */
struct watch {
    int calls;
    pid_t wake;        /* this process goes on; 0: none */
    struct stop *stop; /* this stop is asked for; or NULL */
    bool fails;
};

static int tick(void *context, int64_t waited_ms, struct error *err)
{
    struct watch *watch = context;
    assert_true(waited_ms >= 0);
    if (++watch->calls != 2) return 0;
    if (watch->wake != 0) assert_int_equal(kill(watch->wake, SIGCONT), 0);
    if (watch->stop != NULL) stop_request(watch->stop, SIGTERM);
    return watch->fails ? error_set(err, ERROR_OPERATOR, "the lock is gone") : 0;
}

static struct connection *connect_to_primary(const struct stop *stop)
{
    return redis_connect(redis_url(&arena, "%s", primary.url), stop);
}

static void write_something(struct connection *connection)
{
    const struct reply *reply = NULL;
    REDIS_ASK(connection, &reply, "INCR", "written");
}

static void assert_says(const struct error *err, int code, const char *text)
{
    assert_int_equal(err->code, code);
    if (strstr(err->message, text) == NULL) fail_msg("'%s' lacks '%s'", err->message, text);
}

/* Waiting for replicas fails with code and text. */
static void assert_too_few(struct connection *connection, int64_t replicas, int64_t timeout_ms,
                           const char *text)
{
    struct error err = {0};
    struct watch watch = {0};
    const struct durability durability = {.replicas = replicas, .timeout_ms = timeout_ms};
    assert_int_equal(durability_wait(connection, &durability, tick, &watch, &err), -1);
    assert_says(&err, ERROR_FAILED, text);
}

static void assert_durable(struct connection *connection, int64_t replicas, struct watch *watch)
{
    struct error err = {0};
    const struct durability durability = {.replicas = replicas, .timeout_ms = LATE_MS};
    if (durability_wait(connection, &durability, tick, watch, &err) != 0)
        fail_msg("%s", err.message);
}

/* The replica reads and confirms nothing more, from now on. */
static void suspend_replica(void)
{
    assert_int_equal(kill(replica.pid, SIGSTOP), 0);
    assert_int_equal(waitpid(replica.pid, NULL, WUNTRACED), replica.pid);
}

/* ---- replicas --------------------------------------------------------------------------- */

static void test_enough_and_too_few(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct connection *connection = connect_to_primary(NULL);
    write_something(connection);
    assert_durable(connection, 1, &watch);
    assert_too_few(connection, 2, SOON_MS,
                   "1 of 2 replicas have confirmed what was written within 300ms "
                   "(--wait-replicas)");
    /* The connection is as good as before. */
    write_something(connection);
    assert_durable(connection, 1, &watch);
    connection_close(connection);
}

/* What an earlier connection wrote counts too, once the new one has written something: as it
 * has when it took the fence. */
static void test_a_new_connection_waits_for_all(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct connection *connection = connect_to_primary(NULL);
    write_something(connection);
    assert_durable(connection, 1, &watch);
    suspend_replica();
    write_something(connection);
    connection_close(connection);

    connection = connect_to_primary(NULL);
    write_something(connection);
    assert_too_few(connection, 1, SOON_MS, "0 of 1 replicas");
    /* 0 would be for ever. */
    assert_too_few(connection, 1, 0, "0 of 1 replicas");
    assert_int_equal(kill(replica.pid, SIGCONT), 0);
    assert_durable(connection, 1, &watch);
    connection_close(connection);
}

/* The answer comes once the replica has caught up, and not when the time is over. */
static void test_a_replica_catches_up(void **state)
{
    (void)state;
    struct watch watch = {.wake = replica.pid};
    struct connection *connection = connect_to_primary(NULL);
    suspend_replica();
    write_something(connection);
    const int64_t begun_ms = clock_monotonic_ms();
    assert_durable(connection, 1, &watch);
    assert_true(watch.calls >= 2);
    assert_true(clock_monotonic_ms() - begun_ms < LATE_MS);
    connection_close(connection);
}

/* While nobody answers, both a stop and the caller end it at once; the answer that is still
 * owed is then nobody's. */
static void test_ended_meanwhile(void **state)
{
    (void)state;
    struct stop stop;
    struct error err = {0};
    const struct reply *reply = NULL;
    const struct durability durability = {.replicas = 1, .timeout_ms = LATE_MS};
    assert_int_equal(stop_init(&stop, &err), 0);
    struct connection *connection = connect_to_primary(&stop);
    suspend_replica();

    struct watch failing = {.fails = true};
    write_something(connection);
    assert_int_equal(durability_wait(connection, &durability, tick, &failing, &err), -1);
    assert_says(&err, ERROR_OPERATOR, "the lock is gone");
    assert_int_equal(connection_ask(connection, &reply, &err, "PING", (const char *)NULL), -1);
    assert_int_equal(connection_reopen(connection, &err), 0);

    struct watch stopping = {.stop = &stop};
    const int64_t begun_ms = clock_monotonic_ms();
    write_something(connection);
    assert_int_equal(durability_wait(connection, &durability, tick, &stopping, &err), -1);
    assert_says(&err, ERROR_STOPPED + SIGTERM, "stopped by SIGTERM");
    assert_true(clock_monotonic_ms() - begun_ms < 3000);
    assert_int_equal(kill(replica.pid, SIGCONT), 0);
    connection_close(connection);
    stop_release(&stop);
}

static void test_the_connection_is_lost(void **state)
{
    (void)state;
    struct redis_server server;
    struct error err = {0};
    struct watch watch = {0};
    const struct durability durability = {.replicas = 1, .timeout_ms = LATE_MS};
    redis_server_start(&server, "lost", (const char *[]){"--port", "0", NULL});
    struct connection *connection = redis_connect(redis_url(&arena, "%s", server.url), NULL);
    redis_server_stop(&server);
    assert_int_equal(durability_wait(connection, &durability, tick, &watch, &err), -1);
    assert_int_equal(err.code, ERROR_REDIS_UNREACHABLE);
    connection_close(connection);
}

static void test_nothing_asked_for(void **state)
{
    (void)state;
    struct error err = {0};
    struct watch watch = {0};
    const struct durability none = {.timeout_ms = SOON_MS};
    struct connection *connection = connect_to_primary(NULL);
    assert_false(durability_is_asked(&none));
    assert_int_equal(durability_check(connection, &none, &err), 0);
    assert_int_equal(durability_wait(connection, &none, tick, &watch, &err), 0);
    assert_int_equal(watch.calls, 0);
    connection_close(connection);
}

/* ---- what the server can do ------------------------------------------------------------- */

static void test_may_not_wait(void **state)
{
    (void)state;
    struct error err = {0};
    const struct reply *reply = NULL;
    const struct durability durability = {.replicas = 1, .timeout_ms = SOON_MS};
    struct connection *connection = connect_to_primary(NULL);
    assert_int_equal(durability_check(connection, &durability, &err), 0);
    REDIS_ASK(connection, &reply, "ACL", "SETUSER", "hasty", "on", ">p", "~*", "+@all",
              "-wait");
    struct connection *hasty =
        redis_connect(redis_url(&arena, "unix://hasty:p@%s", primary.socket), NULL);
    assert_int_equal(durability_check(hasty, &durability, &err), -1);
    assert_says(&err, ERROR_INVALID, "--wait-replicas: Redis refuses it: NOPERM");
    connection_close(hasty);
    connection_close(connection);
}

/* The real server: without WAITAOF it says so, with it it wants an append-only file. */
static void test_the_append_only_file(void **state)
{
    (void)state;
    struct error err = {0};
    struct watch watch = {0};
    const struct reply *reply = NULL;
    const struct durability durability = {.aof = true, .timeout_ms = LATE_MS};
    struct connection *connection = connect_to_primary(NULL);
    assert_int_equal(connection_check_server(connection, &err), 0);
    assert_int_equal(durability_check(connection, &durability, &err), -1);
    if (strstr(err.message, "refuses it") == NULL) {
        assert_says(&err, ERROR_INVALID,
                    "--wait-aof needs a Redis that has WAITAOF, as from "
                    "7.2 on; this is Redis ");
        assert_non_null(strstr(err.message, connection_version(connection)));
    } else {
        assert_says(&err, ERROR_INVALID, "appendonly is disabled");
        REDIS_ASK(connection, &reply, "CONFIG", "SET", "appendonly", "yes");
        write_something(connection);
        assert_int_equal(durability_check(connection, &durability, &err), 0);
        assert_int_equal(durability_wait(connection, &durability, tick, &watch, &err), 0);
        REDIS_ASK(connection, &reply, "CONFIG", "SET", "appendonly", "no");
    }
    connection_close(connection);
}

/* ---- WAITAOF, of a fake ----------------------------------------------------------------- */

/* One answer to one WAITAOF, and what is made of it. */
struct aof_case {
    const char *reply; /* NULL: none */
    int64_t replicas;
    int code;
    const char *says;     /* code ERROR_NONE: nothing */
    const char *is_asked; /* the command */
};

static void check_aof(const struct aof_case *one)
{
    struct error err = {0};
    struct watch watch = {.fails = true};
    const struct fake_redis_reply replies[] = {{"WAITAOF", one->reply}, {NULL, NULL}};
    const struct durability durability = {
        .replicas = one->replicas, .aof = true, .timeout_ms = 30000};
    struct fake_redis fake = {.replies = replies};
    fake_redis_start(&fake, getenv("REDFERRY_TEST_DIR"));
    struct connection *connection =
        redis_connect(redis_url(&arena, "unix://%s", fake.path), NULL);
    const int result = durability_wait(connection, &durability, tick, &watch, &err);
    connection_close(connection);
    fake_redis_join(&fake);
    assert_string_equal(buffer_text(&fake.replied), one->is_asked);
    fake_redis_release(&fake);
    assert_int_equal(result, one->code == ERROR_NONE ? 0 : -1);
    if (one->code != ERROR_NONE) assert_says(&err, one->code, one->says);
}

static void test_what_waitaof_answers(void **state)
{
    (void)state;
    static const struct aof_case cases[] = {
        {"*2\r\n:1\r\n:0", 0, ERROR_NONE, NULL, "WAITAOF 1 0 30000\n"},
        {"*2\r\n:1\r\n:3", 2, ERROR_NONE, NULL, "WAITAOF 1 2 30000\n"},
        {"*2\r\n:0\r\n:0", 0, ERROR_FAILED,
         "Redis has not synced its append-only file within 30s (--wait-aof)",
         "WAITAOF 1 0 30000\n"},
        {"*2\r\n:0\r\n:2", 2, ERROR_FAILED, "has not synced", "WAITAOF 1 2 30000\n"},
        {"*2\r\n:1\r\n:1", 2, ERROR_FAILED,
         "1 of 2 replicas have confirmed what was written and synced it to disk within 30s",
         "WAITAOF 1 2 30000\n"},
        {":1", 0, ERROR_FAILED, "WAITAOF: an answer that counts nothing",
         "WAITAOF 1 0 30000\n"},
        {"*1\r\n:1", 0, ERROR_FAILED, "counts nothing", "WAITAOF 1 0 30000\n"},
        {"*2\r\n$1\r\n1\r\n:1", 0, ERROR_FAILED, "counts nothing", "WAITAOF 1 0 30000\n"},
        {"-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.", 0,
         ERROR_FAILED, "appendonly is disabled", "WAITAOF 1 0 30000\n"},
        {NULL, 0, ERROR_OPERATOR, "the lock is gone", "WAITAOF 1 0 30000\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_aof(&cases[i]);
}

/* Before anything is written, a server is asked with the least that it could refuse. */
static void test_can_waitaof(void **state)
{
    (void)state;
    struct error err = {0};
    const struct durability durability = {.replicas = 1, .aof = true, .timeout_ms = 30000};
    static const struct fake_redis_reply replies[] = {
        {"WAITAOF", "*2\r\n:0\r\n:0"},
        {"WAITAOF", "-ERR WAITAOF cannot be used when numlocal is set but appendonly is "
                    "disabled."},
        {"WAITAOF", "-ERR unknown command 'WAITAOF', with args beginning with: '1' '0' '1' "},
        {NULL, NULL},
    };
    struct fake_redis fake = {.replies = replies};
    fake_redis_start(&fake, getenv("REDFERRY_TEST_DIR"));
    struct connection *connection =
        redis_connect(redis_url(&arena, "unix://%s", fake.path), NULL);
    assert_int_equal(durability_check(connection, &durability, &err), 0);
    assert_int_equal(durability_check(connection, &durability, &err), -1);
    assert_says(&err, ERROR_INVALID,
                "--wait-aof: Redis refuses it: ERR WAITAOF cannot be used");
    assert_int_equal(durability_check(connection, &durability, &err), -1);
    assert_says(&err, ERROR_INVALID, "--wait-aof needs a Redis that has WAITAOF");
    connection_close(connection);
    fake_redis_join(&fake);
    assert_string_equal(buffer_text(&fake.replied),
                        "WAITAOF 1 0 1\nWAITAOF 1 0 1\nWAITAOF 1 0 1\n");
    fake_redis_release(&fake);
}

/* ---- the servers ------------------------------------------------------------------------ */

static bool is_linked(struct connection *connection)
{
    const struct reply *reply = NULL;
    REDIS_ASK(connection, &reply, "INFO", "replication");
    return strstr(reply->text, "state=online") != NULL;
}

static int set_up(void **state)
{
    (void)state;
    char port[16];
    int tries = 0;
    redis_server_start(&primary, "primary",
                       (const char *[]){"--port", "PORT", "--repl-diskless-sync-delay", "0",
                                        "--save", "", NULL});
    (void)snprintf(port, sizeof port, "%d", primary.port);
    redis_server_start(&replica, "replica",
                       (const char *[]){"--port", "0", "--replicaof", "127.0.0.1", port, NULL});
    struct connection *connection = connect_to_primary(NULL);
    while (!is_linked(connection) && tries++ < 2000) (void)poll(NULL, 0, 10);
    connection_close(connection);
    return tries < 2000 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    redis_server_stop(&replica);
    redis_server_stop(&primary);
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enough_and_too_few),
        cmocka_unit_test(test_a_new_connection_waits_for_all),
        cmocka_unit_test(test_a_replica_catches_up),
        cmocka_unit_test(test_ended_meanwhile),
        cmocka_unit_test(test_the_connection_is_lost),
        cmocka_unit_test(test_nothing_asked_for),
        cmocka_unit_test(test_may_not_wait),
        cmocka_unit_test(test_the_append_only_file),
        cmocka_unit_test(test_what_waitaof_answers),
        cmocka_unit_test(test_can_waitaof),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
