// servers: redis
/* All that a Redis holds, as it is read: what only one command tells of a stream, and the TTLs
 * of a hash's fields, asked of a fake as well, since the server that is installed may know
 * none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "arena.h"
#include "buffer.h"
#include "connection.h"
#include "error.h"
#include "fake_redis.h"
#include "likeness.h"
#include "redis_state.h"
#include "redis_url.h"
#include "reply.h"

static struct arena arena;

static void assert_tree(const struct test_value *tree, const char *want)
{
    struct buffer text = {0};
    likeness_append(&text, tree);
    assert_string_equal(buffer_text(&text), want);
    buffer_release(&text);
}

static void take(struct redis_state *state, struct connection *connection)
{
    struct error err = {0};
    if (redis_state_take(state, connection, &err) != 0) fail_msg("%s", err.message);
}

static void every_type_is_read(void **state)
{
    static const struct {
        const char *name, *type, *value;
    } keys[] = {
        {"hash", "hash", "{a: 1, b: 2}"},
        {"hll", "string", NULL},
        {"list", "list", "[b, a, b]"},
        {"set", "set", "[a, b]"},
        {"stream", "stream", "[[1-1, [f, v, g, w]], [2-0, [f, x]]]"},
        {"text", "string", "x"},
        {"zset", "zset", "{a: 2, b: 1}"},
    };
    struct connection *connection =
        redis_connect(redis_url(&arena, "%s", getenv("REDFERRY_TEST_REDIS")), NULL);
    const struct reply *reply = NULL;
    struct redis_state all = {0};
    (void)state;
    REDIS_ASK(connection, &reply, "FLUSHALL");
    REDIS_ASK(connection, &reply, "HSET", "hash", "b", "2", "a", "1");
    REDIS_ASK(connection, &reply, "PFADD", "hll", "x");
    REDIS_ASK(connection, &reply, "RPUSH", "list", "b", "a", "b");
    REDIS_ASK(connection, &reply, "SADD", "set", "b", "a");
    REDIS_ASK(connection, &reply, "XADD", "stream", "1-1", "f", "v", "g", "w");
    REDIS_ASK(connection, &reply, "XADD", "stream", "2-0", "f", "x");
    REDIS_ASK(connection, &reply, "SET", "text", "x", "EX", "100");
    REDIS_ASK(connection, &reply, "ZADD", "zset", "1", "b", "2", "a");
    REDIS_ASK(connection, &reply, "SET", "redferry:{own}", "x");
    take(&all, connection);
    assert_int_equal(all.count, sizeof keys / sizeof *keys);
    for (size_t i = 0; i < all.count; i++) {
        const struct redis_state_key *key = &all.keys[i];
        assert_string_equal(key->name, keys[i].name);
        assert_string_equal(key->type, keys[i].type);
        if (keys[i].value != NULL) assert_tree(&key->value, keys[i].value);
        assert_int_equal(key->ttl_ms > 0, strcmp(key->name, "text") == 0);
        assert_null(key->field_ttls_ms);
        assert_int_equal(key->groups.count, 0);
    }
    redis_state_release(&all);
    connection_close(connection);
}

static void groups_are_read(void **state)
{
    struct connection *connection =
        redis_connect(redis_url(&arena, "%s", getenv("REDFERRY_TEST_REDIS")), NULL);
    const struct reply *reply = NULL;
    struct redis_state all = {0};
    (void)state;
    REDIS_ASK(connection, &reply, "FLUSHALL");
    for (size_t i = 1; i <= 12; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%zu-1", i);
        REDIS_ASK(connection, &reply, "XADD", "s", id, "f", "v");
    }
    REDIS_ASK(connection, &reply, "XGROUP", "CREATE", "s", "late", "$");
    REDIS_ASK(connection, &reply, "XGROUP", "CREATE", "s", "early", "0");
    REDIS_ASK(connection, &reply, "XREADGROUP", "GROUP", "early", "bob", "COUNT", "11",
              "STREAMS", "s", ">");
    REDIS_ASK(connection, &reply, "XREADGROUP", "GROUP", "early", "ada", "STREAMS", "s", ">");
    REDIS_ASK(connection, &reply, "XACK", "s", "early", "1-1", "2-1", "3-1", "4-1", "5-1",
              "6-1", "7-1", "8-1", "9-1", "10-1");
    REDIS_ASK(connection, &reply, "XREADGROUP", "GROUP", "early", "bob", "STREAMS", "s", "0");
    take(&all, connection);
    assert_int_equal(all.count, 1);
    assert_int_equal(all.keys[0].value.count, 12);
    assert_tree(&all.keys[0].groups,
                "{early: {consumers: [ada, bob], last-delivered-id: 12-1, pending: [[11-1, "
                "bob, 2], [12-1, ada, 1]]}, late: {consumers: [], last-delivered-id: 12-1, "
                "pending: []}}");
    redis_state_release(&all);
    connection_close(connection);
}

/* What a server that knows TTLs of fields is asked, and how its answers are put to the fields,
 * which are in an order of their own. */
static void ttls_of_fields_are_read(void **state)
{
    static const struct fake_redis_reply replies[] = {
        {"COMMAND", "*1\r\n*2\r\n$5\r\nhpttl\r\n:-5"},
        {"SCAN", "*2\r\n$1\r\n0\r\n*3\r\n$1\r\nh\r\n$1\r\ni\r\n$1\r\nt"},
        {"TYPE", "+hash"},
        {"PTTL", ":-1"},
        {"TYPE", "+hash"},
        {"PTTL", ":-1"},
        {"TYPE", "+string"},
        {"PTTL", ":-1"},
        {"HGETALL", "*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\na\r\n$1\r\n1"},
        {"HGETALL", "*2\r\n$1\r\na\r\n$1\r\n1"},
        {"GET", "$1\r\nx"},
        {"HPTTL", "*2\r\n:-1\r\n:60000"},
        {"HPTTL", "*1\r\n:-1"},
        {NULL, NULL},
    };
    struct fake_redis fake = {.replies = replies};
    struct redis_state all = {0};
    (void)state;
    fake_redis_start(&fake, getenv("REDFERRY_TEST_DIR"));
    struct connection *connection =
        redis_connect(redis_url(&arena, "unix://%s", fake.path), NULL);
    take(&all, connection);
    connection_close(connection);
    fake_redis_join(&fake);
    assert_int_equal(all.count, 3);
    assert_int_equal(all.keys[0].field_ttls_ms[0], -1);
    assert_int_equal(all.keys[0].field_ttls_ms[1], 60000);
    assert_null(all.keys[1].field_ttls_ms);
    assert_non_null(
        strstr(buffer_text(&fake.replied), "HPTTL h FIELDS 2 a b\nHPTTL i FIELDS 1 a\n"));
    fake_redis_release(&fake);
    redis_state_release(&all);
}

/* The same of a real one, where it knows them. */
static void ttls_of_fields_are_so(void **state)
{
    struct connection *connection =
        redis_connect(redis_url(&arena, "%s", getenv("REDFERRY_TEST_REDIS")), NULL);
    const struct reply *reply = NULL;
    struct redis_state all = {0};
    (void)state;
    REDIS_ASK(connection, &reply, "FLUSHALL");
    REDIS_ASK(connection, &reply, "COMMAND", "INFO", "HPEXPIRE");
    const bool known = reply_element(reply, 0)->type == REPLY_ARRAY;
    REDIS_ASK(connection, &reply, "HSET", "h", "a", "1", "b", "2");
    if (known) REDIS_ASK(connection, &reply, "HPEXPIRE", "h", "60000", "FIELDS", "1", "b");
    take(&all, connection);
    if (known) {
        assert_int_equal(all.keys[0].field_ttls_ms[0], -1);
        assert_in_range(all.keys[0].field_ttls_ms[1], 1, 60000);
    } else {
        assert_null(all.keys[0].field_ttls_ms);
    }
    redis_state_release(&all);
    connection_close(connection);
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(groups_are_read),
        cmocka_unit_test(ttls_of_fields_are_read),
        cmocka_unit_test(ttls_of_fields_are_so),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
