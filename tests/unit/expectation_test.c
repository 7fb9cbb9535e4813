/* expectation: what each command of the table is expected to leave, whatever its options; what
 * cannot be told is refused with a reason, and so is every command that is not in the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"
#include "command.h"
#include "error.h"
#include "expectation.h"
#include "wire_words.h"

static struct arena arena;

enum { NOW_MS = 1000000 };

static int make(const char *line, size_t index, struct expectation *out, const char **reason)
{
    const struct arguments arguments = wire_words(&arena, line);
    const struct resp_argument *name = &arguments.items[0];
    const struct expectation_rule *rule = expectation_rule(name->bytes, name->length);
    if (rule == NULL) fail_msg("no rule for '%s'", line);
    return expectation_make(out, rule, &arguments, index, NOW_MS, reason);
}

/* form, key, first, parts, replies, options, ttl */
static void describe(const struct expectation *e, char text[static 128])
{
    static const char *const forms[] = {
        [EXPECTATION_VALUE] = "value",
        [EXPECTATION_KEY] = "key",
        [EXPECTATION_NO_KEY] = "no-key",
        [EXPECTATION_FIELDS] = "fields",
        [EXPECTATION_ANY_FIELD] = "any-field",
        [EXPECTATION_NO_FIELDS] = "no-fields",
        [EXPECTATION_MEMBERS] = "members",
        [EXPECTATION_NO_MEMBERS] = "no-members",
        [EXPECTATION_SCORES] = "scores",
        [EXPECTATION_NO_SCORES] = "no-scores",
        [EXPECTATION_TTL] = "ttl",
        [EXPECTATION_NO_TTL] = "no-ttl",
        [EXPECTATION_JSON] = "json",
    };
    (void)snprintf(text, 128, "%s %u %u x%u r%u%s%s%s%s%s %lld", forms[e->form], e->key,
                   e->first, e->parts, e->replies, e->if_absent ? " NX" : "",
                   e->if_present ? " XX" : "", e->if_greater ? " GT" : "",
                   e->if_less ? " LT" : "", e->may_be_gone ? " gone" : "",
                   (long long)e->most_ttl_ms);
}

static void test_commands(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *want; /* one expectation; or NULL: refused */
    } cases[] = {
        {"SET k v", "value 1 2 x1 r1 0"},
        {"set k v", "value 1 2 x1 r1 0"},
        {"SET k _", "value 1 2 x1 r1 0"},
        {"SET k v EX 10", "value 1 2 x1 r2 10000"},
        {"SET k v px 10", "value 1 2 x1 r2 10"},
        {"SET k v EXAT 1060", "value 1 2 x1 r2 120000"},
        {"SET k v PXAT 1000500", "value 1 2 x1 r2 60500"},
        {"SET k v EXAT 999", "value 1 2 x1 r2 gone 60000"},
        {"SET k v KEEPTTL", "value 1 2 x1 r1 0"},
        {"SET k v GET", "value 1 2 x1 r1 0"},
        {"SET k v XX GET EX 1", "value 1 2 x1 r2 XX 1000"},
        {"SET k v NX", "key 1 2 x1 r1 NX 0"},
        {"SET k v EX 10 NX", "key 1 2 x1 r1 NX 0"},
        {"SET k v IFEQ w", NULL},
        {"SET k v EX", NULL},
        {"SET k v EX ten", NULL},
        {"SET k v EX 9223372036854775807", NULL},
        {"SET k", NULL},
        {"SETEX k 5 v", "value 1 3 x1 r2 5000"},
        {"PSETEX k 5 v", "value 1 3 x1 r2 5"},
        {"SETEX k x v", NULL},
        {"SETEX k 5", NULL},
        {"SETNX k v", "key 1 2 x1 r1 0"},
        {"HSET k f v", "fields 1 2 x1 r1 0"},
        {"HMSET k f v g w", "fields 1 2 x2 r1 0"},
        {"HSET k f", NULL},
        {"HSET k f v g", NULL},
        {"HSETNX k f v", "any-field 1 2 x1 r1 0"},
        {"HDEL k f g h", "no-fields 1 2 x3 r1 0"},
        {"SADD k a b", "members 1 2 x2 r1 0"},
        {"SADD k", NULL},
        {"SREM k a", "no-members 1 2 x1 r1 0"},
        {"ZADD k 1 a", "scores 1 2 x1 r1 0"},
        {"ZADD k NX CH 1 a 2 b", "scores 1 4 x2 r1 NX 0"},
        {"ZADD k xx gt ch 1 a", "scores 1 5 x1 r1 XX GT 0"},
        {"ZADD k LT 1 a", "scores 1 3 x1 r1 LT 0"},
        {"ZADD k INCR 1 a", NULL},
        {"ZADD k XX INCR 1 a", NULL},
        {"ZADD k 1", NULL},
        {"ZADD k NX", NULL},
        {"ZREM k a b", "no-scores 1 2 x2 r1 0"},
        {"GETDEL k", "no-key 1 1 x1 r1 0"},
        {"GETDEL k l", NULL},
        {"EXPIRE k 10", "ttl 1 2 x1 r1 10000"},
        {"PEXPIRE k 10", "ttl 1 2 x1 r1 10"},
        {"EXPIREAT k 1010", "ttl 1 2 x1 r1 70000"},
        {"PEXPIREAT k 999999", "ttl 1 2 x1 r1 gone 60000"},
        {"EXPIRE k 0", "no-key 1 2 x1 r1 0"},
        {"EXPIRE k 10 NX", NULL},
        {"EXPIRE k", NULL},
        {"PERSIST k", "no-ttl 1 1 x1 r1 0"},
        {"JSON.SET k $ {}", "json 1 2 x1 r1 0"},
        {"json.set k . {} nx", "json 1 2 x1 r1 NX 0"},
        {"JSON.SET k . {} XX", "json 1 2 x1 r1 XX 0"},
        {"JSON.SET k . {} FPHA", NULL},
        {"JSON.SET k .", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct expectation e;
        const char *reason = NULL;
        char text[128] = "";
        const int made = make(cases[i].line, 0, &e, &reason);
        if (made == 1) describe(&e, text);
        if (cases[i].want == NULL && (made != -1 || reason == NULL))
            fail_msg("'%s' is not refused: %s", cases[i].line, text);
        if (cases[i].want != NULL && (made != 1 || strcmp(text, cases[i].want) != 0))
            fail_msg("'%s': %s, expected %s", cases[i].line, text, cases[i].want);
        if (made == 1) assert_int_equal(make(cases[i].line, 1, &e, &reason), 0);
    }
}

static void test_several_keys(void **state)
{
    (void)state;
    static const char *const wants[][3] = {
        {"DEL a b", "no-key 1 1 x1 r1 0", "no-key 2 2 x1 r1 0"},
        {"UNLINK a b", "no-key 1 1 x1 r1 0", "no-key 2 2 x1 r1 0"},
        {"MSET a 1 b 2", "value 1 2 x1 r1 0", "value 3 4 x1 r1 0"},
    };
    struct expectation e;
    const char *reason = NULL;
    char text[128];
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
        for (size_t index = 0; index < 2; index++) {
            assert_int_equal(make(wants[i][0], index, &e, &reason), 1);
            describe(&e, text);
            assert_string_equal(text, wants[i][1 + index]);
        }
        assert_int_equal(make(wants[i][0], 2, &e, &reason), 0);
    }
    assert_int_equal(make("MSET a 1 b", 0, &e, &reason), -1);
    assert_int_equal(make("DEL", 0, &e, &reason), -1);
}

static void parse(struct command *command, const char *line)
{
    struct error err = {0};
    if (command_parse(command, line, strlen(line), &arena, &err) != 0)
        fail_msg("%s", err.message);
}

static void test_no_rule(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *reason;
        bool overwrites;
    } cases[] = {
        {"INCR k", "depends on what was there", true},
        {"RPUSH k a", "depends on what was there", true},
        {"XADD k * f v", "depends on what was there", true},
        {"FT.CREATE i", "does not know", true},
        {"PUBLISH c m", "a message", false},
        {"SPUBLISH c m", "a message", false},
        {"GET k", "leaves nothing", false},
        {"SETBIT k 1 1", "not read back", true},
    };
    struct error err = {0};
    struct command command;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        parse(&command, cases[i].line);
        assert_null(expectation_rule(cases[i].line, strcspn(cases[i].line, " ")));
        if (strstr(expectation_reason(&command), cases[i].reason) == NULL)
            fail_msg("'%s': %s", cases[i].line, expectation_reason(&command));
        assert_int_equal(expectation_may_overwrite(&command), cases[i].overwrites);
    }
    assert_int_equal(command_parse_publish(&command, "c", "m", &arena, &err), 0);
    assert_false(expectation_may_overwrite(&command));
    assert_null(expectation_rule("SETE", 4));
    assert_null(expectation_rule("", 0));
}

static void test_reach(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum expectation_reach reach;
        const char *part;
    } cases[] = {
        {"HINCRBY k f 1", EXPECTATION_PART, "f"},
        {"HINCRBYFLOAT k f 1", EXPECTATION_PART, "f"},
        {"ZINCRBY k 1 m", EXPECTATION_PART, "m"},
        {"ZADD k INCR 1 m", EXPECTATION_PART, "m"},
        {"EXPIRE k 1 NX", EXPECTATION_LIFE, NULL},
        {"PEXPIREAT k 1 GT", EXPECTATION_LIFE, NULL},
        {"HEXPIRE k 1 FIELDS 1 f", EXPECTATION_LIFE, NULL},
        {"INCR k", EXPECTATION_WHOLE, NULL},
        {"RPUSH k f", EXPECTATION_WHOLE, NULL},
        {"HINCRBY k", EXPECTATION_WHOLE, NULL},
        {"ZADD k", EXPECTATION_WHOLE, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct arguments arguments = wire_words(&arena, cases[i].line);
        const struct resp_argument *part = NULL;
        if (expectation_reach(arguments.items[0].bytes, &arguments, &part) != cases[i].reach)
            fail_msg("'%s'", cases[i].line);
        if (cases[i].part == NULL)
            assert_null(part);
        else
            assert_string_equal(part->bytes, cases[i].part);
    }
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_several_keys),
        cmocka_unit_test(test_no_rule),
        cmocka_unit_test(test_reach),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
