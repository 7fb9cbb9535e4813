// servers: redis
/* connection: who we are (password, user, database, name), calls and their errors, servers that
 * are not fit to be written to, and what is left of a connection that was lost. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "arena.h"
#include "clock.h"
#include "connection.h"
#include "error.h"
#include "fake_redis.h"
#include "redis_server.h"
#include "redis_url.h"
#include "reply.h"
#include "stop.h"
#include "url.h"

static struct arena arena;
static const char *shared; /* the socket of the server that every test may use */

static void assert_text(const struct reply *reply, const char *text)
{
    assert_int_equal(reply->type, REPLY_TEXT);
    assert_string_equal(reply->text, text);
}

/* Opening url fails with code, without a word of the password. Returns whether trying again may
 * help. */
static bool assert_refused_with(const struct url *url, int code, const char *why)
{
    struct error err = {0};
    struct connection *connection = NULL;
    assert_int_equal(connection_open(&connection, url, NULL, &err), -1);
    assert_null(connection);
    assert_int_equal(err.code, code);
    if (strstr(err.message, why) == NULL) fail_msg("'%s' lacks '%s'", err.message, why);
    if (strstr(err.message, "s3cret") != NULL) fail_msg("'%s' tells", err.message);
    return err.passing;
}

static bool assert_refused(const struct url *url, const char *why)
{
    return assert_refused_with(url, ERROR_REDIS_UNREACHABLE, why);
}

/* The server does answer, and does not let us in. */
static void assert_shut_out(const struct url *url, const char *why)
{
    assert_false(assert_refused_with(url, ERROR_OPERATOR, why));
}

static void test_introduces_itself(void **state)
{
    (void)state;
    const struct reply *reply = NULL;
    struct connection *connection = redis_connect(redis_url(&arena, "unix://%s", shared), NULL);
    REDIS_ASK(connection, &reply, "CLIENT", "GETNAME");
    assert_text(reply, "redferry");
    connection_close(connection);
    connection_close(NULL);
}

static void test_selects_the_database(void **state)
{
    (void)state;
    const struct reply *reply = NULL;
    struct connection *third = redis_connect(redis_url(&arena, "unix://%s?db=3", shared), NULL);
    struct connection *zeroth = redis_connect(redis_url(&arena, "unix://%s", shared), NULL);
    REDIS_ASK(third, &reply, "SET", "here", "3");
    REDIS_ASK(zeroth, &reply, "EXISTS", "here");
    assert_int_equal(reply->integer, 0);
    REDIS_ASK(zeroth, &reply, "SELECT", "3");
    REDIS_ASK(zeroth, &reply, "GET", "here");
    assert_text(reply, "3");
    connection_close(third);
    connection_close(zeroth);
    assert_false(assert_refused(redis_url(&arena, "unix://%s?db=99", shared),
                                "the server refused database 99: ERR DB index"));
}

static void test_password(void **state)
{
    (void)state;
    struct redis_server server;
    const struct reply *reply = NULL;
    redis_server_start(&server, "password",
                       (const char *[]){"--port", "PORT", "--requirepass", "s3cret", NULL});
    int port = server.port;

    struct connection *connection =
        redis_connect(redis_url(&arena, "redis://:s3cret@127.0.0.1:%d/2", port), NULL);
    REDIS_ASK(connection, &reply, "ACL", "SETUSER", "fred", "on", ">p w", "~*", "+@all");
    REDIS_ASK(connection, &reply, "ACL", "SETUSER", "least", "on", ">l", "~*", "+get");
    REDIS_ASK(connection, &reply, "CONFIG", "SET", "maxclients", "2");

    struct connection *fred =
        redis_connect(redis_url(&arena, "redis://fred:p%%20w@127.0.0.1:%d", port), NULL);
    REDIS_ASK(fred, &reply, "ACL", "WHOAMI");
    assert_text(reply, "fred");
    assert_true(assert_refused(redis_url(&arena, "redis://fred:p%%20w@127.0.0.1:%d", port),
                               "max number of clients"));
    REDIS_ASK(connection, &reply, "CONFIG", "SET", "maxclients", "100");
    connection_close(fred);

    /* A user that may neither name itself nor PING can still be used. */
    struct connection *least =
        redis_connect(redis_url(&arena, "redis://least:l@127.0.0.1:%d", port), NULL);
    REDIS_ASK(least, &reply, "GET", "x");
    assert_int_equal(reply->type, REPLY_NIL);
    connection_close(least);
    connection_close(connection);

    assert_shut_out(redis_url(&arena, "redis://:s3cret2@127.0.0.1:%d", port),
                    "the server refused the password: WRONGPASS");
    assert_shut_out(redis_url(&arena, "redis://fred:s3cret2@127.0.0.1:%d", port),
                    "'redis://fred:***@127.0.0.1:");
    assert_shut_out(redis_url(&arena, "redis://127.0.0.1:%d", port),
                    "the server asks for a password: NOAUTH");
    redis_server_stop(&server);
}

static void test_password_that_nobody_asked_for(void **state)
{
    (void)state;
    struct redis_server server;
    redis_server_start(&server, "open", (const char *[]){"--port", "PORT", NULL});
    assert_shut_out(redis_url(&arena, "redis://:s3cret@127.0.0.1:%d", server.port),
                    "the server refused the password: ERR AUTH");
    redis_server_stop(&server);
}

static void test_calls(void **state)
{
    (void)state;
    struct error err = {0};
    const struct reply *reply = NULL;
    struct connection *connection = redis_connect(redis_url(&arena, "unix://%s", shared), NULL);

    static const char *const set[] = {"SET", "bin\0ary", "a\r\n\0b"};
    static const char *const get[] = {"GET", "bin\0ary"};
    static const size_t lengths[] = {3, 7, 5};
    assert_int_equal(connection_call(connection, 3, set, lengths, &reply, &err), 0);
    assert_true(reply_is_status(reply, "OK"));
    assert_int_equal(connection_call(connection, 2, get, lengths, &reply, &err), 0);
    assert_int_equal(reply->length, 5);
    assert_memory_equal(reply->text, "a\r\n\0b", 5);

    /* An error reply is an answer to a call, and a failure of a question; both go on. */
    static const char *const wrong[] = {"INCR", "bin\0ary"};
    static const size_t wrong_lengths[] = {4, 7};
    assert_int_equal(connection_call(connection, 2, wrong, wrong_lengths, &reply, &err), 0);
    assert_int_equal(reply->type, REPLY_ERROR);
    assert_int_equal(
        connection_ask(connection, &reply, &err, "HSETT", "k", "s3cret", (const char *)NULL),
        -1);
    assert_int_equal(err.code, ERROR_FAILED);
    assert_non_null(strstr(err.message, "unknown command"));
    assert_null(strstr(err.message, "s3cret"));
    REDIS_ASK(connection, &reply, "PING");
    assert_true(reply_is_status(reply, "PONG"));

    /* A call and an answer larger than any buffer on the way. */
    enum { HUGE = 8 * 1024 * 1024 };
    char *value = malloc(HUGE);
    assert_non_null(value);
    memset(value, 'v', HUGE);
    const char *const huge[] = {"ECHO", value};
    const size_t huge_lengths[] = {4, HUGE};
    assert_int_equal(connection_call(connection, 2, huge, huge_lengths, &reply, &err), 0);
    assert_int_equal(reply->length, HUGE);
    assert_memory_equal(reply->text, value, HUGE);
    free(value);
    connection_close(connection);
}

/* ---- what kind of server ---- */

static void test_a_primary_will_do(void **state)
{
    (void)state;
    struct error err = {0};
    struct connection *connection = redis_connect(redis_url(&arena, "unix://%s", shared), NULL);
    if (connection_check_server(connection, &err) != 0) fail_msg("%s", err.message);
    assert_true(atoi(connection_version(connection)) >= 6);
    connection_close(connection);
}

static void assert_unfit(const char *name, const char *const *options, int code,
                         const char *why)
{
    struct redis_server server;
    struct error err = {0};
    redis_server_start(&server, name, options);
    struct connection *connection = redis_connect(redis_url(&arena, "%s", server.url), NULL);
    assert_int_equal(connection_check_server(connection, &err), -1);
    assert_int_equal(err.code, code);
    if (strstr(err.message, why) == NULL) fail_msg("'%s' lacks '%s'", err.message, why);
    assert_non_null(strstr(err.message, server.url));
    connection_close(connection);
    redis_server_stop(&server);
}

static void test_a_replica_will_not(void **state)
{
    (void)state;
    assert_unfit("replica",
                 (const char *[]){"--port", "0", "--replicaof", "127.0.0.1", "1", NULL},
                 ERROR_OPERATOR, "a replica of 127.0.0.1:1: redferry writes to a primary");
}

static void test_a_cluster_will_not(void **state)
{
    (void)state;
    assert_unfit("cluster",
                 (const char *[]){"--port", "PORT", "--cluster-enabled", "yes", NULL},
                 ERROR_INVALID, "a Redis Cluster is not supported yet");
}

/* The version is the fake's to say; no server as old as that can be had. */
static void assert_version(const char *info, const char *why)
{
    char reply[256];
    struct error err = {0};
    (void)snprintf(reply, sizeof reply, "$%zu\r\n%s", strlen(info), info);
    const struct fake_redis_reply replies[] = {
        {"INFO", reply}, {"ROLE", "*1\r\n$6\r\nmaster"}, {NULL, NULL}};
    struct fake_redis fake = {.replies = replies};
    fake_redis_start(&fake, getenv("REDFERRY_TEST_DIR"));
    struct connection *connection =
        redis_connect(redis_url(&arena, "unix://%s", fake.path), NULL);
    assert_int_equal(connection_check_server(connection, &err), why == NULL ? 0 : -1);
    connection_close(connection);
    fake_redis_join(&fake);
    fake_redis_release(&fake);
    if (why == NULL) return;
    assert_int_equal(err.code, ERROR_INVALID);
    if (strstr(err.message, why) == NULL) fail_msg("'%s' lacks '%s'", err.message, why);
}

static void test_an_old_one_will_not(void **state)
{
    (void)state;
    assert_version("redis_version:6.2.0\r\nredis_mode:standalone\r\n", NULL);
    assert_version("redis_version:10.0.1\r\n", NULL);
    assert_version("redis_version:6.0.16\r\n", "this is Redis 6.0.16: redferry needs 6.2");
    assert_version("redis_version:5.0.14\r\n", "this is Redis 5.0.14: redferry needs 6.2");
    assert_version("redis_version:7.2.4\r\nredis_mode:cluster\r\n", "Redis Cluster");
    assert_version("other:1\r\n", "the server does not say its version");
}

/* ---- trouble ---- */

static void test_lost_and_opened_again(void **state)
{
    (void)state;
    struct redis_server server;
    struct error first = {0};
    struct error second = {0};
    const struct reply *reply = NULL;
    const char *const options[] = {"--port", "0", NULL};
    redis_server_start(&server, "lost", options);
    struct connection *connection =
        redis_connect(redis_url(&arena, "%s?db=1", server.url), NULL);

    redis_server_stop(&server);
    assert_int_equal(connection_ask(connection, &reply, &first, "PING", (const char *)NULL),
                     -1);
    assert_int_equal(first.code, ERROR_REDIS_UNREACHABLE);
    assert_true(first.passing);
    assert_non_null(strstr(first.message, server.url));
    assert_int_equal(
        connection_ask(connection, &reply, &second, "GET", "x", (const char *)NULL), -1);
    assert_string_equal(first.message, second.message);
    assert_int_equal(connection_check_server(connection, &second), -1);
    assert_string_equal(first.message, second.message);

    assert_int_equal(connection_reopen(connection, &second), -1);
    assert_non_null(strstr(second.message, "cannot connect to '"));
    assert_int_equal(connection_ask(connection, &reply, &first, "PING", (const char *)NULL),
                     -1);
    assert_string_equal(first.message, second.message);

    redis_server_start_again(&server, options);
    assert_int_equal(connection_reopen(connection, &first), 0);
    REDIS_ASK(connection, &reply, "SET", "x", "1");
    REDIS_ASK(connection, &reply, "INFO", "keyspace");
    assert_non_null(strstr(reply->text, "db1:"));
    connection_close(connection);
    redis_server_stop(&server);
}

static void test_a_server_that_loads(void **state)
{
    (void)state;
    struct redis_server server;
    const struct reply *reply = NULL;
    redis_server_start(&server, "loads", (const char *[]){"--port", "0", NULL});
    struct connection *connection = redis_connect(redis_url(&arena, "%s", server.url), NULL);
    REDIS_ASK(connection, &reply, "EVAL",
              "for i = 1, 20000 do redis.call('SET', 'key:' .. i, i) end", "0");
    REDIS_ASK(connection, &reply, "SAVE");
    connection_close(connection);
    redis_server_stop(&server);

    redis_server_start_again(
        &server, (const char *[]){"--port", "0", "--key-load-delay", "1000",
                                  "--loading-process-events-interval-bytes", "1024", NULL});
    assert_true(assert_refused(redis_url(&arena, "%s", server.url),
                               "the server is not ready: LOADING"));
    redis_server_stop(&server);
}

static void *request_soon(void *stop)
{
    (void)usleep(100000);
    stop_request(stop, SIGTERM);
    return NULL;
}

/* A server that hangs: a stop ends the wait for an answer when its grace is over, and
 * connecting at once, since nothing is in flight. */
static void test_stop_while_the_server_hangs(void **state)
{
    (void)state;
    struct redis_server server;
    struct stop stop;
    struct error err = {0};
    const struct reply *reply = NULL;
    redis_server_start(&server, "hangs", (const char *[]){"--port", "0", NULL});
    assert_int_equal(stop_init(&stop, &err), 0);
    struct connection *connection = redis_connect(redis_url(&arena, "%s", server.url), &stop);
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    stop_request(&stop, SIGTERM);

    int64_t begun = clock_monotonic_ms();
    assert_int_equal(connection_ask(connection, &reply, &err, "PING", (const char *)NULL), -1);
    assert_int_equal(err.code, ERROR_STOPPED + SIGTERM);
    assert_in_range(clock_monotonic_ms() - begun, STOP_GRACE_MS - 500, STOP_GRACE_MS + 900);
    stop_release(&stop);

    pthread_t thread;
    assert_int_equal(stop_init(&stop, &err), 0);
    assert_int_equal(pthread_create(&thread, NULL, request_soon, &stop), 0);
    begun = clock_monotonic_ms();
    assert_int_equal(connection_reopen(connection, &err), -1);
    assert_int_equal(err.code, ERROR_STOPPED + SIGTERM);
    assert_in_range(clock_monotonic_ms() - begun, 50, STOP_GRACE_MS - 500);
    assert_int_equal(pthread_join(thread, NULL), 0);

    connection_close(connection);
    stop_release(&stop);
    redis_server_stop(&server);
}

static int set_up(void **state)
{
    (void)state;
    shared = getenv("REDFERRY_TEST_REDIS_SOCKET");
    return shared == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_introduces_itself),
        cmocka_unit_test(test_selects_the_database),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_password_that_nobody_asked_for),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_a_primary_will_do),
        cmocka_unit_test(test_a_replica_will_not),
        cmocka_unit_test(test_a_cluster_will_not),
        cmocka_unit_test(test_an_old_one_will_not),
        cmocka_unit_test(test_lost_and_opened_again),
        cmocka_unit_test(test_a_server_that_loads),
        cmocka_unit_test(test_stop_while_the_server_hangs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
