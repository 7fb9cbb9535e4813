/* What is known of each Redis command: one line a case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "command.h"
#include "command_facts.h"
#include "error.h"

static void parse(struct command *command, const char *line, struct arena *arena)
{
    struct error err = {0};
    if (command_parse(command, line, strlen(line), arena, &err) != 0)
        fail_msg("%s: %s", line, err.message);
}

static void test_find(void **state)
{
    static const char *const names[] = {
        "ACL",          "append", "EVAL",    "EvalSha",     "EVAL_RO",  "GEORADIUS",
        "GEORADIUS_RO", "SORT",   "SORT_RO", "ZUNIONSTORE", "JSON.SET", "RESTORE-ASKING"};
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct command_facts *facts = command_facts_find(names[i], strlen(names[i]));
        if (facts == NULL) fail_msg("%s is not found", names[i]);
        assert_int_equal(strcasecmp(facts->name, names[i]), 0);
    }
    assert_non_null(command_facts_find("SETX", 3));
    assert_null(command_facts_find("SETX", 4));
    assert_null(command_facts_find("SE", 2));
    assert_null(command_facts_find("", 0));
    assert_null(command_facts_find("FT.CREATE", 9));
}

static void test_idempotent(void **state)
{
    static const struct {
        const char *line;
        bool idempotent;
    } cases[] = {
        {"SET a ${b}", true},
        {"SET a ${b} NX EX 10 GET", true},
        {"SETNX a b", true},
        {"HSET h ${*}", true},
        {"DEL a", true},
        {"EXPIRE a 10", true},
        {"GETDEL a", true},
        {"GET a", true},
        {"INCR a", false},
        {"hincrby h f 1", false},
        {"APPEND a b", false},
        {"RPUSH l x", false},
        {"PUBLISH c m", false},
        {"XADD s * f v", false},
        {"XADD s 5-1 f v", false},
        {"XTRIM s MAXLEN 5", true},
        {"RENAME a b", false},
        {"EVAL 'return 1' 0", false},
        {"EVAL_RO 'return 1' 0", true},
        {"FT.CREATE i", false},
        {"ZADD z 1 m", true},
        {"ZADD z GT CH 1 m", true},
        {"ZADD z XX INCR 1 m", false},
        {"ZADD z 1 INCR", true},
        {"BITFIELD b SET u8 0 1", true},
        {"BITFIELD b SET u8 0 1 INCRBY u8 8 1", false},
        {"LREM l 0 x", true},
        {"LREM l 1 x", false},
        {"LREM l ${n} x", false},
        {"LTRIM l 0 99", true},
        {"LTRIM l -100 -1", true},
        {"LTRIM l 0 -1", true},
        {"LTRIM l 0 -2", false},
        {"LTRIM l 1 -1", false},
        {"LTRIM l 0 ${n}", false},
        {"ZREMRANGEBYRANK z 0 -101", true},
        {"ZREMRANGEBYRANK z 100 -1", true},
        {"ZREMRANGEBYRANK z 0 9", false},
        {"RESTORE a 0 x", false},
        {"RESTORE a 0 x REPLACE", true},
        {"XGROUP CREATE s g 0", false},
        {"XGROUP DESTROY s g", true},
        {"COPY a b", true},
        {"SUNIONSTORE a a b", true},
        {"SDIFFSTORE d a b", true},
        {"SDIFFSTORE b a b", false},
        {"ZUNIONSTORE d 2 a b", true},
        {"ZUNIONSTORE a 2 a b", false},
        {"ZUNIONSTORE all:${x} 2 a:${x} b:${x}", true},
        {"ZUNIONSTORE a:${x} 2 a:${y} b:${x}", false},
        {"ZUNIONSTORE ${x} 1 b", false},
        {"ZUNIONSTORE d ${n} a b", false},
        {"BITOP NOT d s", true},
        {"BITOP NOT s s", false},
        {"SORT l", true},
        {"SORT l STORE d", true},
        {"SORT l STORE l", false},
        {"GEORADIUS g 0 0 1 km STORE d", true},
        {"GEORADIUS g 0 0 1 km STOREDIST d", false},
        {"FUNCTION LOAD x", false},
        {"FUNCTION LOAD REPLACE x", true},
        {"JSON.SET k $ ${a}", true},
        {"JSON.DEL k", true},
        {"JSON.DEL k $.a[0]", false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct command command = {0};
        parse(&command, cases[i].line, &arena);
        if (command_is_idempotent(&command) != cases[i].idempotent)
            fail_msg("%s: %d", cases[i].line, !cases[i].idempotent);
        arena_release(&arena);
    }
}

static void test_refusals(void **state)
{
    static const char *const refused[] = {
        "MULTI",
        "EXEC",
        "DISCARD",
        "WATCH a",
        "UNWATCH",
        "SELECT 1",
        "AUTH x",
        "HELLO 3",
        "RESET",
        "QUIT",
        "SUBSCRIBE c",
        "PSUBSCRIBE c",
        "SSUBSCRIBE c",
        "UNSUBSCRIBE",
        "MONITOR",
        "CLIENT REPLY OFF",
        "WAIT 1 0",
        "WAITAOF 1 0 0",
        "BLPOP a 0",
        "BRPOP a 0",
        "BLMOVE a b LEFT LEFT 0",
        "BRPOPLPUSH a b 0",
        "BLMPOP 0 1 a LEFT",
        "BZPOPMIN a 0",
        "BZPOPMAX a 0",
        "BZMPOP 0 1 a MIN",
        "XREAD BLOCK 0 STREAMS a 0",
        "XREADGROUP GROUP g c COUNT 1 BLOCK 0 STREAMS a >",
        "SYNC",
        "PSYNC ? -1",
        "READONLY",
        "READWRITE",
        "ASKING",
        "FLUSHALL",
        "flushdb",
        "SWAPDB 0 1",
        "MIGRATE h 1 k 0 0",
        "SHUTDOWN",
        "CONFIG SET a b",
        "DEBUG SLEEP 1",
        "REPLICAOF NO ONE",
        "SLAVEOF NO ONE",
        "FAILOVER",
        "CLUSTER RESET",
        "SAVE",
        "BGSAVE",
        "BGREWRITEAOF",
        "ACL SETUSER x",
        "MODULE LOAD x",
        "LATENCY RESET",
        "SLOWLOG RESET",
        "RESTORE-ASKING a 0 x",
        "FUNCTION FLUSH",
        "FUNCTION RESTORE x FLUSH",
        "SCRIPT FLUSH",
        "MOVE a 1",
        "COPY a b DB 1",
        "COPY a b REPLACE db 1",
        "DEL redferry:x",
        "DEL a redferry:${x}",
        "SET 'redferry:{' x",
        "MOD.SET redferry:x y",
        "COPY a redferry:x",
        "EVAL x 1 redferry:x",
    };
    static const char *const allowed[] = {
        "SET a FLUSHALL",       "COPY a b",          "COPY DB a",     "XREAD STREAMS BLOCK 0",
        "XGROUP DESTROY s g",   "EVAL 'return 1' 0", "MOD.SET a b",   "SCRIPT LOAD x",
        "FUNCTION LOAD FLUSH",  "SET redferry x",    "SET red${a} x", "SET a redferry:x",
        "PUBLISH redferry:x y", "HSET h ${*}",       "MSET ${*}",
    };
    (void)state;

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct arena arena = {0};
        struct command command = {0};
        parse(&command, refused[i], &arena);
        if (command_refusal(&command) == NULL) fail_msg("%s is not refused", refused[i]);
        arena_release(&arena);
    }
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        struct arena arena = {0};
        struct command command = {0};
        parse(&command, allowed[i], &arena);
        if (command_refusal(&command) != NULL) fail_msg("%s is refused", allowed[i]);
        arena_release(&arena);
    }
}

static void test_keys(void **state)
{
    static const struct {
        const char *line;
        const char *positions;
    } cases[] = {
        {"SET a b", "1"},
        {"DEL a b c", "1 2 3"},
        {"MSET a 1 b 2", "1 3"},
        {"MSET a 1 ${*} b 2", "1 3 4"},
        {"HSET h ${*}", "1"},
        {"RENAME a b", "1 2"},
        {"BITOP AND d a b", "2 3 4"},
        {"JSON.MSET a $ 1 b $ 2", "1 4"},
        {"EVAL x 2 a b c", "3 4"},
        {"EVAL x ${n} a b", ""},
        {"EVAL x 9 a", "3"},
        {"EVAL x -1 a", ""},
        {"ZUNIONSTORE d 2 a b WEIGHTS 1 2", "1 3 4"},
        {"ZINTER 2 a b", "2 3"},
        {"SORT a BY x STORE d", "1 5"},
        {"XREAD COUNT 1 STREAMS a b 0 0", "4 5"},
        {"XGROUP CREATE s g 0", "2"},
        {"OBJECT ENCODING a", "2"},
        {"PUBLISH c m", ""},
        {"PING", ""},
        {"GET", ""},
        {"MOD.SET a b", ""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct command command = {0};
        size_t positions[8], count = 0;
        char text[64] = "";
        parse(&command, cases[i].line, &arena);
        count = command_keys(&command, positions, 8);
        for (size_t j = 0; j < count; j++)
            sprintf(text + strlen(text), "%s%zu", j > 0 ? " " : "", positions[j]);
        if (strcmp(text, cases[i].positions) != 0) fail_msg("%s: %s", cases[i].line, text);
        arena_release(&arena);
    }
}

/* More keys than there is room for are counted, and not written. */
static void test_keys_room(void **state)
{
    struct arena arena = {0};
    struct command command = {0};
    size_t positions[3] = {0, 0, 77};
    (void)state;

    parse(&command, "DEL a b c d", &arena);
    assert_int_equal(command_keys(&command, positions, 2), 4);
    assert_int_equal(positions[1], 2);
    assert_int_equal(positions[2], 77);
    arena_release(&arena);
}

/* As many arguments as the server takes, whatever ${*} becomes. */
static void test_arity(void **state)
{
    static const struct {
        const char *line;
        bool fits;
    } cases[] = {
        {"SET f", false},
        {"SET f 1", true},
        {"SET f 1 EX 2", true},
        {"GETSET f 1", true},
        {"GETSET f 1 2", false},
        {"GETSET f", false},
        {"GETSET f ${*}", false},
        {"HSET f a", false},
        {"HSET f a b", true},
        {"HSET f a b c", false},
        {"HSET f ${*}", true},
        {"HSET f ${*} a", false},
        {"HSET f ${*} a b", true},
        {"MSET ${*}", true},
        {"MSET a", false},
        {"MSET a 1 b", false},
        {"ZADD z 1", false},
        {"ZADD z ${*}", true},
        {"PING", true},
        {"JSON.SET a", true},
        {"MOD.SET", true},
        {"HEXPIRE h 1 FIELDS 1 f", true},
        {"XADD s * f", false},
        {"XADD s * ${*}", true},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct command command = {0};
        parse(&command, cases[i].line, &arena);
        if (command_arity_fits(&command) != cases[i].fits) fail_msg("%s", cases[i].line);
        arena_release(&arena);
    }
}

/* A slip of the keyboard, and not a command of somebody else's. */
static void test_nearest(void **state)
{
    (void)state;

    assert_string_equal(command_facts_nearest("HST"), "HSET");
    assert_string_equal(command_facts_nearest("zad"), "ZADD");
    assert_null(command_facts_nearest("JSON.STE"));
    assert_null(command_facts_nearest("BF.ADD"));
    assert_null(command_facts_nearest("msetex"));
    assert_null(command_facts_nearest("FROBNICATE"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),      cmocka_unit_test(test_idempotent),
        cmocka_unit_test(test_refusals),  cmocka_unit_test(test_keys),
        cmocka_unit_test(test_keys_room), cmocka_unit_test(test_arity),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
