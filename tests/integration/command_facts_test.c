// servers: redis
/* The table of command facts against a real server: what its own table says of keys and writes,
 * and whether a command that counts as idempotent can really be sent twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "buffer.h"
#include "command.h"
#include "command_facts.h"
#include "error.h"

static redisContext *redis;

static int connect_redis(void **state)
{
    (void)state;
    redis = redisConnectUnix(getenv("REDFERRY_TEST_REDIS_SOCKET"));
    return redis != NULL && redis->err == 0 ? 0 : -1;
}

static int disconnect_redis(void **state)
{
    (void)state;
    redisFree(redis);
    return 0;
}

/* Send a line of words. The reply is the caller's. */
static redisReply *send_line(const char *line)
{
    const char *words[32];
    size_t lengths[32];
    int count = 0;
    redisReply *reply = NULL;

    while (line[strspn(line, " ")] != '\0') {
        line += strspn(line, " ");
        words[count] = line;
        lengths[count] = strcspn(line, " ");
        line += lengths[count++];
    }
    reply = redisCommandArgv(redis, count, words, lengths);
    assert_non_null(reply);
    return reply;
}

static bool has_flag(const redisReply *command, const char *flag)
{
    for (size_t i = 0; i < command->element[2]->elements; i++)
        if (strcmp(command->element[2]->element[i]->str, flag) == 0) return true;
    return false;
}

/* Whether our line of the table and the server's say the same. */
static void compare(const struct command_facts *facts, const redisReply *command)
{
    bool container = command->elements > 9 && command->element[9]->elements > 0;
    int first = (int)command->element[3]->integer;

    if (has_flag(command, "blocking") && facts->use == COMMAND_ALLOWED)
        assert_true(strcmp(facts->name, "XREAD") == 0 ||
                    strcmp(facts->name, "XREADGROUP") == 0);
    if (has_flag(command, "admin") && facts->use == COMMAND_ALLOWED)
        fail_msg("%s is for administrators, and allowed", facts->name);
    if (facts->use != COMMAND_ALLOWED || container || has_flag(command, "pubsub")) return;
    if (has_flag(command, "write") && !facts->writes) fail_msg("%s writes", facts->name);
    if (has_flag(command, "readonly") && facts->writes) fail_msg("%s only reads", facts->name);
    /* What a later server takes, this one need not. */
    if (facts->arity != 0 && (abs(facts->arity) != abs((int)command->element[1]->integer) ||
                              (facts->arity > 0 && command->element[1]->integer < 0)))
        fail_msg("%s: arity %lld", facts->name, command->element[1]->integer);
    if (first == 0 && facts->first_key == 0) return;
    if (facts->first_key != first || facts->last_key != (int)command->element[4]->integer ||
        facts->key_step != (int)command->element[5]->integer)
        fail_msg("%s: keys at %d, %d, %d", facts->name, facts->first_key, facts->last_key,
                 facts->key_step);
}

static void test_server_table(void **state)
{
    redisReply *info = send_line("INFO server");
    redisReply *commands = send_line("COMMAND");
    const char *version = strstr(info->str, "redis_version:") + strlen("redis_version:");
    bool ours = version[0] == '6' || strncmp(version, "7.0.", 4) == 0;
    size_t known = 0;
    (void)state;

    for (size_t i = 0; i < commands->elements; i++) {
        const redisReply *command = commands->element[i];
        const char *name = command->element[0]->str;
        const struct command_facts *facts = command_facts_find(name, strlen(name));
        if (facts != NULL) {
            known++;
            compare(facts, command);
        } else if (ours) {
            fail_msg("%s is not in the table", name);
        }
    }
    assert_true(known > 200);
    freeReplyObject(commands);
    freeReplyObject(info);
}

/* ---- twice is as once ------------------------------------------------------------------- */

/* Append what a reply holds. */
static void append_reply(struct buffer *text, const redisReply *reply)
{
    for (size_t i = 0; i < reply->elements; i++) append_reply(text, reply->element[i]);
    if (reply->str != NULL) buffer_append(text, reply->str, reply->len);
    buffer_append_char(text, ' ');
}

/* Every key of one letter with its value: sets sorted, since their order may differ where their
 * members do not; everything else by its DUMP. The buffer is the caller's. */
static struct buffer snapshot(void)
{
    struct buffer text = {0};

    for (char key = 'a'; key <= 'z'; key++) {
        redisReply *type = redisCommand(redis, "TYPE %b", &key, (size_t)1);
        redisReply *value = NULL;
        assert_non_null(type);
        value = redisCommand(redis, strcmp(type->str, "set") == 0 ? "SORT %b ALPHA" : "DUMP %b",
                             &key, (size_t)1);
        assert_non_null(value);
        append_reply(&text, type);
        append_reply(&text, value);
        freeReplyObject(value);
        freeReplyObject(type);
    }
    assert_false(buffer_failed(&text));
    return text;
}

static void set_up(void)
{
    static const char *const lines[] = {
        "FLUSHALL",          "SET a 5",        "SET b abc",      "HSET h f 1 g 2",
        "RPUSH l 3 1 2 1 3", "SADD s x y z",   "SADD t y",       "ZADD z 1 x 2 y 3 w",
        "ZADD y 5 x",        "XADD x 1-1 f v", "XADD x 2-1 f v", "GEOADD g 1 1 p 2 2 q",
        "PFADD p a b",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        redisReply *reply = send_line(lines[i]);
        if (reply->type == REDIS_REPLY_ERROR) fail_msg("%s: %s", lines[i], reply->str);
        freeReplyObject(reply);
    }
}

/* Whether sending line a second time leaves the data as they are, and is no error. */
static bool is_same_twice(const char *line)
{
    redisReply *once = send_line(line), *twice = NULL;
    struct buffer before = snapshot(), after;
    bool same = false;

    if (once->type == REDIS_REPLY_ERROR) fail_msg("%s: %s", line, once->str);
    twice = send_line(line);
    after = snapshot();
    same = twice->type != REDIS_REPLY_ERROR && before.length == after.length &&
           memcmp(before.bytes, after.bytes, before.length) == 0;
    buffer_release(&before);
    buffer_release(&after);
    freeReplyObject(once);
    freeReplyObject(twice);
    return same;
}

static void test_twice(void **state)
{
    static const char *const lines[] = {
        "SET a x",
        "SETNX c x",
        "GETSET a 6",
        "GETDEL a",
        "SETRANGE b 1 z",
        "SETBIT b 3 1",
        "MSET a 1 c 2",
        "MSETNX c 1 d 2",
        "DEL a b",
        "COPY a c",
        "COPY a b REPLACE",
        "BITFIELD b SET u8 0 7",
        "BITFIELD b INCRBY u8 0 7",
        "BITOP NOT c b",
        "BITOP NOT b b",
        "INCR a",
        "DECRBY a 2",
        "INCRBYFLOAT a 0.5",
        "APPEND b x",
        "HSET h f 2",
        "HMSET h f 3",
        "HSETNX h k 1",
        "HDEL h f",
        "HINCRBY h f 1",
        "HINCRBYFLOAT h f 0.5",
        "LSET l 0 x",
        "LREM l 0 1",
        "LREM l 1 1",
        "LTRIM l 0 2",
        "LTRIM l 0 -1",
        "LTRIM l -2 -1",
        "LTRIM l 1 -1",
        "LTRIM l 0 -2",
        "LPUSH l x",
        "RPUSHX l x",
        "LINSERT l BEFORE 2 x",
        "LPOP l",
        "RPOPLPUSH l l",
        "LMOVE l m LEFT LEFT",
        "SORT l STORE c",
        "SADD s w",
        "SREM s x",
        "SMOVE s t x",
        "SPOP s",
        "SDIFFSTORE c s t",
        "SDIFFSTORE t s t",
        "SINTERSTORE s s t",
        "SUNIONSTORE s s t",
        "ZADD z 9 x",
        "ZADD z GT CH 9 x",
        "ZADD z NX 9 v",
        "ZADD z INCR 1 x",
        "ZINCRBY z 1 x",
        "ZREM z x",
        "ZPOPMIN z",
        "ZREMRANGEBYRANK z 0 0",
        "ZREMRANGEBYRANK z 0 -2",
        "ZREMRANGEBYRANK z 2 -1",
        "ZREMRANGEBYSCORE z 1 2",
        "ZUNIONSTORE c 2 z y",
        "ZUNIONSTORE z 2 z y",
        "ZINTERSTORE c 2 z y",
        "ZDIFFSTORE c 2 z y",
        "ZRANGESTORE c z 0 1",
        "XADD x * f v",
        "XADD x 3-1 f v",
        "XTRIM x MAXLEN 1",
        "XDEL x 1-1",
        "XGROUP CREATE x n 0",
        "XSETID x 9-1",
        "GEOADD g 3 3 r",
        "GEOSEARCHSTORE c g FROMMEMBER p BYRADIUS 900 km",
        "PFADD p c",
        "PFMERGE c p",
        "RENAME a c",
        "RENAMENX a c",
        "UNLINK a",
        "GEORADIUS g 1 1 900 km STORE c",
    };
    (void)state;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct arena arena = {0};
        struct command command = {0};
        struct error err = {0};
        bool same = false;
        set_up();
        assert_int_equal(command_parse(&command, lines[i], strlen(lines[i]), &arena, &err), 0);
        same = is_same_twice(lines[i]);
        if (command_is_idempotent(&command) && !same)
            fail_msg("%s counts as idempotent, and is not", lines[i]);
        if (!command_is_idempotent(&command) && same)
            fail_msg("%s counts as not idempotent without need", lines[i]);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_table),
        cmocka_unit_test(test_twice),
    };
    return cmocka_run_group_tests(tests, connect_redis, disconnect_redis);
}
