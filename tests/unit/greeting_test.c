/* greeting: what is said to a server first, all at once, and which of its answers is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"
#include "error.h"
#include "greeting.h"
#include "reply.h"
#include "url.h"

#define INFO   "$22\r\nredis_version:7.0.15\r\n\r\n"
#define MASTER "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"

/* Has url greeted, and answered with answers in RESP. Returns what the first bad one says, or
 * 0 where none is. */
static int greet(struct greeting *greeting, const struct url *url, const char *answers,
                 struct error *err)
{
    struct reply_reader *reader = NULL;
    struct buffer said = {0};
    const struct reply *reply = NULL;
    int result = 0;
    greeting_append(greeting, url, &said);
    assert_false(buffer_failed(&said));
    buffer_release(&said);
    assert_int_equal(reply_reader_new(&reader, err), 0);
    assert_int_equal(reply_reader_feed(reader, answers, strlen(answers), err), 0);
    while (result == 0 && greeting_is_due(greeting)) {
        assert_int_equal(reply_reader_next(reader, &reply, err), 1);
        result = greeting_hear(greeting, url, reply, err);
    }
    if (result == 0) assert_int_equal(reply_reader_next(reader, &reply, err), 0);
    reply_reader_free(reader);
    return result;
}

static void assert_said(const struct url *url, const char *words)
{
    struct greeting greeting;
    struct buffer said = {0};
    greeting_append(&greeting, url, &said);
    assert_string_equal(buffer_text(&said), words);
    buffer_release(&said);
}

#define NAME "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$8\r\nredferry\r\n"
#define PING "*1\r\n$4\r\nPING\r\n"
#define REST PING "*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n*1\r\n$4\r\nROLE\r\n"

static void test_what_is_said(void **state)
{
    (void)state;
    assert_said(&(struct url){0}, NAME REST);
    assert_said(&(struct url){.database = 3}, NAME "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n" REST);
    assert_said(&(struct url){.password = "p w"},
                "*2\r\n$4\r\nAUTH\r\n$3\r\np w\r\n" NAME REST);
    assert_said(&(struct url){.user = "fred"},
                "*3\r\n$4\r\nAUTH\r\n$4\r\nfred\r\n$0\r\n\r\n" NAME REST);
}

static void test_a_primary(void **state)
{
    struct greeting greeting;
    struct error err = {0};
    (void)state;
    assert_int_equal(greet(&greeting, &(struct url){.password = "p", .database = 1},
                           "+OK\r\n-NOPERM this user may not\r\n+OK\r\n+PONG\r\n" INFO MASTER,
                           &err),
                     0);
    assert_string_equal(greeting.version, "7.0.15");
    assert_int_equal(greeting.unfit.code, ERROR_NONE);
}

/* The first answer that is bad says why, whatever the others are. */
static void test_refused(void **state)
{
    static const struct {
        struct url url;
        const char *answers;
        const char *why;
        bool passing;
    } cases[] = {
        {{0},
         "-NOAUTH Authentication required.\r\n-NOAUTH x\r\n-NOAUTH x\r\n-NOAUTH x\r\n",
         "the server asks for a password: NOAUTH",
         false},
        {{.password = "p"},
         "-ERR max number of clients reached\r\n",
         "the server refused the password: ERR max number of clients",
         true},
        {{.password = "p"},
         "-WRONGPASS invalid\r\n-NOAUTH x\r\n",
         "the server refused the password: WRONGPASS invalid: --redis",
         false},
        {{.password = "p"}, "-LOADING Redis is loading\r\n", "AUTH: LOADING", true},
        {{.database = 99},
         "+OK\r\n-ERR DB index is out of range\r\n+PONG\r\n",
         "the server refused database 99: ERR DB index",
         false},
        {{0},
         "+OK\r\n-LOADING Redis is loading\r\n" INFO MASTER,
         "the server is not ready: LOADING",
         true},
        {{0},
         "-ERR max number of clients reached\r\n",
         "the server refused the connection: ERR max number of clients",
         true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct greeting greeting;
        struct error err = {0};
        assert_int_equal(greet(&greeting, &cases[i].url, cases[i].answers, &err), -1);
        if (strstr(err.message, cases[i].why) == NULL)
            fail_msg("'%s' lacks '%s'", err.message, cases[i].why);
        /* To wait for the right password is to wait for somebody. */
        const bool is_shut_out = !cases[i].passing && strstr(cases[i].why, "password") != NULL;
        assert_int_equal(err.code, is_shut_out ? ERROR_OPERATOR : ERROR_REDIS_UNREACHABLE);
        assert_int_equal(err.passing, cases[i].passing);
    }
}

/* What may not be written to may be looked at; which of two reasons is told does not change. */
static void test_unfit(void **state)
{
    static const struct {
        const char *answers;
        int code;
        const char *why;
    } cases[] = {
        {"+OK\r\n+PONG\r\n$22\r\nredis_version:6.0.16\r\n\r\n*1\r\n$8\r\nsentinel\r\n",
         ERROR_INVALID, "this is Redis 6.0.16"},
        {"+OK\r\n+PONG\r\n" INFO "*1\r\n$8\r\nsentinel\r\n", ERROR_OPERATOR,
         "a sentinel: redferry writes to a primary, and --redis has to name it"},
        {"+OK\r\n+PONG\r\n-NOPERM this user may not 'info'\r\n" MASTER, ERROR_FAILED, "NOPERM"},
        {"+OK\r\n+PONG\r\n" INFO "-NOPERM this user may not 'role'\r\n", ERROR_FAILED,
         "NOPERM"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct greeting greeting;
        struct error err = {0};
        assert_int_equal(greet(&greeting, &(struct url){0}, cases[i].answers, &err), 0);
        assert_int_equal(greeting.unfit.code, cases[i].code);
        if (strstr(greeting.unfit.message, cases[i].why) == NULL)
            fail_msg("'%s' lacks '%s'", greeting.unfit.message, cases[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_said),
        cmocka_unit_test(test_a_primary),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unfit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
