/* command: what goes onto the wire, read back with hiredis' reader; and what must not go there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis.h>

#include "alloc_fail.h"
#include "arena.h"
#include "buffer.h"
#include "command.h"
#include "command_facts.h"
#include "command_line.h"
#include "error.h"
#include "template.h"

static const struct column items[] = {
    {.name = "name", .kind = VALUE_TEXT, .type = ""},
    {.name = "none", .kind = VALUE_TEXT, .type = ""},
    {.name = "on", .kind = VALUE_BOOLEAN, .type = ""},
    {.name = "_n", .kind = VALUE_INTEGER, .type = ""},
    {.name = "empty", .kind = VALUE_TEXT, .type = ""},
    {.name = "own", .kind = VALUE_TEXT, .type = ""},
    {.name = "bytes", .kind = VALUE_BYTES, .type = ""},
};
static const struct value values[] = {
    {VALUE_TEXT, "2fa sms", 7},     {VALUE_NULL, NULL, 0}, {VALUE_BOOLEAN, "true", 4},
    {VALUE_INTEGER, "12", 2},       {VALUE_TEXT, NULL, 0}, {VALUE_TEXT, "redferry:x", 10},
    {VALUE_BYTES, "\0\r\n\xff", 4},
};
static const struct columns columns = {items, sizeof items / sizeof items[0]};
static const struct row row = {&columns, values};

/* ---- helpers ----------------------------------------------------------------------------- */

/* Read one command from buf, which must hold exactly that. The caller frees the reply. */
static redisReply *read_back(const struct buffer *buf)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    void *more = NULL;
    assert_int_equal(redisReaderFeed(reader, buf->bytes, buf->length), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    assert_int_equal(reader->pos, reader->len);
    assert_int_equal(redisReaderGetReply(reader, &more), REDIS_OK);
    assert_null(more);
    redisReaderFree(reader);
    return reply;
}

static void assert_arguments(const struct buffer *buf, const char *const *arguments,
                             const size_t *lengths, size_t count)
{
    redisReply *reply = read_back(buf);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(reply->element[i]->type, REDIS_REPLY_STRING);
        assert_int_equal(reply->element[i]->len, lengths[i]);
        if (lengths[i] > 0)
            assert_memory_equal(reply->element[i]->str, arguments[i], lengths[i]);
    }
    freeReplyObject(reply);
}

static struct command parsed(const char *line, struct arena *arena)
{
    struct command command;
    struct error err = {0};
    if (command_parse(&command, line, strlen(line), arena, &err) != 0)
        fail_msg("%s: %s", line, err.message);
    return command;
}

/* Parse, bind and render line into buf. */
static int render(const char *line, const struct row *from, struct buffer *buf,
                  struct error *err)
{
    struct arena arena = {0};
    struct command command = parsed(line, &arena);
    int result = command_bind(&command, from->columns, err);
    assert_int_equal(result, 0);
    result = command_render(&command, from, buf, err);
    arena_release(&arena);
    return result;
}

/* ---- parsing ----------------------------------------------------------------------------- */

static void test_parse(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct command command = parsed("  hset flag:${name} on\n\"${on}\"  ", &arena);
    assert_string_equal(command.text, "hset flag:${name} on \"${on}\"");
    assert_int_equal(command.argument_count, 4);
    assert_ptr_equal(command.facts, command_facts_find("HSET", 4));
    assert_non_null(command.facts);
    assert_false(command.is_publish);
    command = parsed("MODULE.SET doc:${name} $ ${*|json}", &arena);
    assert_null(command.facts);
    command = parsed("PING", &arena);
    assert_int_equal(command.argument_count, 1);
    arena_release(&arena);
}

static void test_parse_errors(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *says;
    } cases[] = {
        {"", "an empty command"},
        {"  \t", "an empty command"},
        {"\"\" x", "the command's name is empty"},
        {"${name} x", "a placeholder in the name of the command; it must be literal"},
        {"H${name}", "a placeholder in the name"},
        {"${*}", "a placeholder in the name"},
        {"\"SET\\x00\" a b", "a NUL byte in the name of the command"},
        {"SET \"\" x", "argument 1 is a key, and empty"},
        {"DEL a '' b", "argument 2 is a key, and empty"},
        {"SET a \"b", "a double quote is not closed"},
        {"SET a ${b", "unclosed placeholder '${b'"},
        {"HSET k x${*}", "'${*}' must be an argument of its own"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct command command;
        struct error err = {0};
        const char *line = cases[i].line;
        assert_int_equal(command_parse(&command, line, strlen(line), &arena, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        if (strstr(err.message, cases[i].says) == NULL) fail_msg("%s: %s", line, err.message);
        arena_release(&arena);
    }
}

static void test_parse_list(void **state)
{
    (void)state;
    static const char *const arguments[] = {"SET", "a b:${name}", "it's \"\\x41\" ${none:-\0}"};
    static const size_t lengths[] = {3, 11, 22};
    struct arena arena = {0};
    struct buffer buf = {0};
    struct error err = {0};
    struct command command;
    assert_int_equal(command_parse_list(&command, arguments, lengths, 3, &arena, &err), 0);
    assert_string_equal(command.text,
                        "SET \"a b:${name}\" \"it's \\\"\\\\x41\\\" ${none:-\\x00}\"");
    assert_int_equal(command_bind(&command, &columns, &err), 0);
    assert_int_equal(command_render(&command, &row, &buf, &err), 0);
    assert_arguments(&buf, (const char *[]){"SET", "a b:2fa sms", "it's \"\\x41\" \0"},
                     (size_t[]){3, 11, 13}, 3);

    assert_int_equal(command_parse_list(&command, NULL, NULL, 0, &arena, &err), -1);
    assert_string_equal(err.message, "an empty command");
    assert_int_equal(
        command_parse_list(&command, (const char *[]){"${x}"}, (size_t[]){4}, 1, &arena, &err),
        -1);
    assert_int_equal(command_parse_list(&command, (const char *[]){"SET", "${x"},
                                        (size_t[]){3, 3}, 2, &arena, &err),
                     -1);
    buffer_release(&buf);
    arena_release(&arena);
}

static void test_parse_publish(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buffer buf = {0};
    struct error err = {0};
    struct command command;
    assert_int_equal(
        command_parse_publish(&command, "flags:${on}", "${name} \"x\"", &arena, &err), 0);
    assert_true(command.is_publish);
    assert_string_equal(command.facts->name, "PUBLISH");
    assert_int_equal(command_bind(&command, &columns, &err), 0);
    assert_int_equal(command_render(&command, &row, &buf, &err), 0);
    assert_arguments(&buf, (const char *[]){"PUBLISH", "flags:true", "2fa sms \"x\""},
                     (size_t[]){7, 10, 11}, 3);

    assert_int_equal(command_parse_publish(&command, "flags", "${*}", &arena, &err), -1);
    assert_string_equal(err.message, "'${*}' is several arguments, and a message is one; the "
                                     "row as one text is '${*|json}'");
    assert_int_equal(command_parse_publish(&command, "${*}", "x", &arena, &err), -1);
    assert_non_null(strstr(err.message, "and a channel is one"));
    assert_int_equal(command_parse_publish(&command, "a", "${x", &arena, &err), -1);
    buffer_release(&buf);
    arena_release(&arena);
}

static void test_bind_errors(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error err = {0};
    struct command command = parsed("SET flag:${name} ${nane}", &arena);
    assert_int_equal(command_bind(&command, &columns, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_string_equal(
        err.message, "'SET flag:${name} ${nane}': unknown column 'nane'; the query has name, "
                     "none, on, _n, empty, own, bytes");

    /* A long command is cut, between two characters, so that the reason is always read. */
    char line[500] = "SET x ${nane}";
    while (strlen(line) < 490) strcat(line, "ü");
    command = parsed(line, &arena);
    assert_int_equal(command_bind(&command, &columns, &err), -1);
    assert_non_null(strstr(err.message, "ü…': unknown column 'nane'"));
    arena_release(&arena);
}

/* ---- rendering --------------------------------------------------------------------------- */

static void test_render_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *wire;
    } cases[] = {
        {"PING", "*1\r\n$4\r\nPING\r\n"},
        {"SET a \"\"", "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n"},
        {"SADD flags ${name}", "*3\r\n$4\r\nSADD\r\n$5\r\nflags\r\n$7\r\n2fa sms\r\n"},
        {"HSET flag:${name} enabled ${on}",
         "*4\r\n$4\r\nHSET\r\n$12\r\nflag:2fa sms\r\n$7\r\nenabled\r\n$4\r\ntrue\r\n"},
        {"HSET a on ${on} n ${_n}",
         "*6\r\n$4\r\nHSET\r\n$1\r\na\r\n$2\r\non\r\n$4\r\ntrue\r\n$1\r\nn\r\n$2\r\n12\r\n"},
        {"SET a ${none:-}", "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n"},
        {"SET a <${none:-nil}${empty}>", "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\n<nil>\r\n"},
        {"SET a ${none|json} ${on|json}",
         "*4\r\n$3\r\nSET\r\n$1\r\na\r\n$4\r\nnull\r\n$4\r\ntrue\r\n"},
        {"SET a:${name|json} b", "*3\r\n$3\r\nSET\r\n$11\r\na:\"2fa sms\"\r\n$1\r\nb\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer buf = {0};
        struct error err = {0};
        buffer_append_text(&buf, "before");
        assert_int_equal(render(cases[i].line, &row, &buf, &err), 0);
        assert_string_equal(buffer_text(&buf) + strlen("before"), cases[i].wire);
        buffer_release(&buf);
    }
}

static void test_render_row_json(void **state)
{
    (void)state;
    static const struct column two[] = {{.name = "name", .type = ""},
                                        {.name = "enabled", .type = ""},
                                        {.name = "_hidden", .type = ""}};
    const struct value ones[] = {
        {VALUE_TEXT, "2fa_sms", 7}, {VALUE_BOOLEAN, "true", 4}, {VALUE_TEXT, "x", 1}};
    struct columns some = {two, 3};
    struct buffer buf = {0};
    struct error err = {0};
    assert_int_equal(render("PUBLISH flags ${*|json}", &(struct row){&some, ones}, &buf, &err),
                     0);
    assert_string_equal(buffer_text(&buf),
                        "*3\r\n$7\r\nPUBLISH\r\n$5\r\nflags\r\n"
                        "$33\r\n{\"name\":\"2fa_sms\",\"enabled\":true}\r\n");
    buffer_release(&buf);
}

static void test_render_pairs(void **state)
{
    (void)state;
    static const struct column four[] = {{.name = "a", .type = ""},
                                         {.name = "_b", .type = ""},
                                         {.name = "c", .type = ""},
                                         {.name = "d", .type = ""}};
    const struct value some[] = {
        {VALUE_TEXT, "1", 1}, {VALUE_TEXT, "2", 1}, {VALUE_NULL, NULL, 0}, {VALUE_TEXT, "", 0}};
    struct columns all = {four, 4};
    struct row pairs = {&all, some};
    static const struct {
        const char *line;
        const char *wire;
    } cases[] = {
        {"HSET k ${*}",
         "*6\r\n$4\r\nHSET\r\n$1\r\nk\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nd\r\n$0\r\n\r\n"},
        {"HSET k:${a} ${*} z ${_b}",
         "*8\r\n$4\r\nHSET\r\n$3\r\nk:1\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nd\r\n$0\r\n\r\n"
         "$1\r\nz\r\n$1\r\n2\r\n"},
        {"MSET ${*} \"${*}\"", "*9\r\n$4\r\nMSET\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nd\r\n$0\r\n\r\n"
                               "$1\r\na\r\n$1\r\n1\r\n$1\r\nd\r\n$0\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer buf = {0};
        struct error err = {0};
        assert_int_equal(render(cases[i].line, &pairs, &buf, &err), 0);
        assert_string_equal(buffer_text(&buf), cases[i].wire);
        buffer_release(&buf);
    }
}

static void test_bytes_are_safe(void **state)
{
    (void)state;
    struct buffer buf = {0};
    struct error err = {0};
    assert_int_equal(render("SET k:${bytes} ${bytes}", &row, &buf, &err), 0);
    assert_arguments(&buf, (const char *[]){"SET", "k:\0\r\n\xff", "\0\r\n\xff"},
                     (size_t[]){3, 6, 4}, 3);
    buffer_release(&buf);
}

/* Every refusal names the command, and leaves the buffer as long as it was. */
static void test_render_errors(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *says;
    } cases[] = {
        {"SET ${name} ${none}",
         "'SET ${name} ${none}': column 'none' is NULL; '${none:-text}' puts a text in its "
         "place"},
        {"SET ${name|json} ${none}", "column 'none' is NULL"},
        {"SET ${none} x", "column 'none' is NULL"},
        {"SET ${empty} x", "'SET ${empty} x': argument 1 (column 'empty') is a key, and empty"},
        {"SET ${none:-} x", "argument 1 (column 'none') is a key, and empty"},
        {"DEL a ${name} ${empty}", "argument 3 (column 'empty') is a key, and empty"},
        {"SET ${own} x", "argument 1 (column 'own') begins with 'redferry:'; such keys are"},
        {"SET ${empty}${own} x", "argument 1 (column 'empty') begins with 'redferry:'"},
        {"SET r${none:-edferry:}x y", "begins with 'redferry:'"},
        {"SET ${none:-red}ferry: y", "begins with 'redferry:'"},
        {"RENAME ${name} ${own}", "argument 2 (column 'own') begins with 'redferry:'"},
        {"EVAL script 2 a ${own} c", "argument 4 (column 'own') begins with 'redferry:'"},
        {"MODULE.SET ${name} ${own}", "argument 2 (column 'own') begins with 'redferry:'"},
        {"SORT a STORE ${own}", "argument 3 (column 'own') begins with 'redferry:'"},
        {"SET a ${bytes|json}", "column 'bytes' is not valid UTF-8"},
        {"SET a ${*|json}", "column 'bytes' is not valid UTF-8"},
        {"DEL ${*}", "argument 1 (column 'empty') is a key, and empty"},
        {"HSET ${own} ${*}", "argument 1 (column 'own') begins with 'redferry:'"},
        {"RPUSH ${empty} ${*}", "argument 1 (column 'empty') is a key, and empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer buf = {0};
        struct error err = {0};
        buffer_append_text(&buf, "before");
        assert_int_equal(render(cases[i].line, &row, &buf, &err), -1);
        assert_int_equal(err.code, ERROR_FAILED);
        if (strstr(err.message, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].line, err.message);
        assert_string_equal(buffer_text(&buf), "before");
        buffer_release(&buf);
    }
}

/* What is no key may be empty and begin with anything. */
static void test_values_are_no_keys(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "SET a ${empty}",
        "SET a ${own}",
        "HSET a ${own} ${empty}",
        "MSET a ${empty} b ${own}",
        "EVAL s 1 a ${own} ${empty}",
        "PUBLISH ${own} ${empty}",
        "HSET a ${*}",
        "MSET ${*}",
        "MODULE.SET a ${empty}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct buffer buf = {0};
        struct error err = {0};
        if (render(lines[i], &row, &buf, &err) != 0) fail_msg("%s", err.message);
        buffer_release(&buf);
    }
}

/* Names become keys, or not, by where ${*} puts them. */
static void test_keys_among_pairs(void **state)
{
    (void)state;
    static const struct column two[] = {{.name = "redferry:a", .type = ""},
                                        {.name = "b", .type = ""}};
    const struct value ones[] = {{VALUE_TEXT, "1", 1}, {VALUE_TEXT, "redferry:2", 10}};
    struct columns both = {two, 2};
    struct columns second = {two + 1, 1};
    struct row names = {&both, ones};
    struct row plain = {&second, ones + 1};
    static const struct {
        const char *line;
        bool names, plain; /* whether it is refused */
    } cases[] = {
        {"MSET ${*}", true, false},        {"MSET a 1 ${*}", true, false},
        {"DEL ${*}", true, true},          {"DEL a ${*}", true, true},
        {"HSET k ${*}", false, false},     {"EVAL s 1 ${*}", true, true},
        {"MODULE.X ${*}", true, true},     {"MSET ${*} ${b} x", true, true},
        {"MSET ${*} x ${b}", true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer buf = {0};
        struct error err = {0};
        assert_int_equal(render(cases[i].line, &names, &buf, &err), cases[i].names ? -1 : 0);
        assert_int_equal(render(cases[i].line, &plain, &buf, &err), cases[i].plain ? -1 : 0);
        if (cases[i].plain) assert_non_null(strstr(err.message, "begins with 'redferry:'"));
        buffer_release(&buf);
    }
}

static void test_no_pair_left(void **state)
{
    (void)state;
    static const struct column two[] = {{.name = "_a", .type = ""}, {.name = "b", .type = ""}};
    const struct value none[] = {{VALUE_TEXT, "1", 1}, {VALUE_NULL, NULL, 0}};
    struct columns both = {two, 2};
    struct buffer buf = {0};
    struct error err = {0};
    assert_int_equal(render("HSET k ${*}", &(struct row){&both, none}, &buf, &err), -1);
    assert_string_equal(err.message, "'HSET k ${*}': '${*}' has nothing to give: every column "
                                     "is NULL or begins with '_'");
    assert_int_equal(buf.length, 0);
    buffer_release(&buf);
}

/* 512 MB go, one byte more does not; nothing is copied to find that out. */
static void test_too_long(void **state)
{
    (void)state;
    static const size_t limit = (size_t)512 * 1024 * 1024;
    static const struct column one[] = {{.name = "big", .type = ""}};
    struct columns columns_of_one = {one, 1};
    const char *bytes = ""; /* too long a value is refused before it is read */
    static const char *const lines[] = {"SET a ${big}", "SET a b${big}", "HSET a ${*}"};
    static const size_t lengths[] = {limit + 1, limit, limit + 1};
    for (size_t i = 0; i < 3; i++) {
        struct value value = {VALUE_BYTES, bytes, lengths[i]};
        struct buffer buf = {0};
        struct error err = {0};
        assert_int_equal(render(lines[i], &(struct row){&columns_of_one, &value}, &buf, &err),
                         -1);
        assert_non_null(strstr(err.message, "(column 'big') is over 512 MB, more than Redis"));
        assert_int_equal(buf.length, 0);
        buffer_release(&buf);
    }
}

static void test_render_text(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *text;
    } cases[] = {
        {"HSET 'flag:${name}' enabled ${on}", "HSET \"flag:2fa sms\" enabled true"},
        {"SET a ${empty}", "SET a \"\""},
        {"SET a ${bytes}", "SET a \"\\x00\\r\\n\\xff\""},
        {"PUBLISH a ${name|json}", "PUBLISH a '\"2fa sms\"'"},
    };
    struct buffer buf = {0};
    struct error err = {0};
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct command command = parsed(cases[i].line, &arena);
        buffer_clear(&buf);
        assert_int_equal(command_bind(&command, &columns, &err), 0);
        assert_int_equal(command_render_text(&command, &row, &buf, &err), 0);
        assert_string_equal(buffer_text(&buf), cases[i].text);
    }
    struct command command = parsed("SET a ${none}", &arena);
    assert_int_equal(command_bind(&command, &columns, &err), 0);
    assert_int_equal(command_render_text(&command, &row, &buf, &err), -1);
    arena_release(&arena);
    buffer_release(&buf);
}

static void test_append(void **state)
{
    (void)state;
    struct buffer buf = {0};
    command_append(&buf, 2, (const char *[]){"GET", "a\0b"}, (size_t[]){3, 3});
    assert_int_equal(buf.length, 22);
    assert_memory_equal(buf.bytes, "*2\r\n$3\r\nGET\r\n$3\r\na\0b\r\n", 22);
    buffer_clear(&buf);
    command_append_texts(&buf, 3, (const char *[]){"SET", "0123456789", ""});
    assert_string_equal(buffer_text(&buf),
                        "*3\r\n$3\r\nSET\r\n$10\r\n0123456789\r\n$0\r\n\r\n");
    buffer_release(&buf);
}

/* ---- at random --------------------------------------------------------------------------- */

static uint32_t seed = 20200211;

static uint32_t random_below(uint32_t limit)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % limit;
}

enum { ARGUMENTS = 6, COLUMNS = 3, MOST_BYTES = 40 };

/* A command written down, and, kept apart from all of redferry's code, what it comes to. */
struct example {
    char bytes[COLUMNS][MOST_BYTES];
    struct value values[COLUMNS];
    struct buffer line;
    struct buffer arguments[ARGUMENTS];
    size_t count;
};

static const struct column random_items[COLUMNS] = {
    {.name = "a", .type = ""}, {.name = "b", .type = ""}, {.name = "c", .type = ""}};

static void make_values(struct example *e)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t length = random_below(MOST_BYTES);
        for (size_t k = 0; k < length; k++) e->bytes[i][k] = (char)random_below(256);
        e->values[i] = (struct value){VALUE_BYTES, e->bytes[i], length};
        if (random_below(5) == 0) e->values[i] = (struct value){VALUE_NULL, NULL, 0};
    }
}

/* Write a placeholder for some column; every NULL has a text to stand for it. */
static void make_placeholder(struct example *e, struct buffer *argument)
{
    size_t column = random_below(COLUMNS);
    const struct value *value = &e->values[column];
    buffer_append_format(&e->line, "${%s:-d \"\\}'%zu}", random_items[column].name, column);
    if (value->kind == VALUE_NULL)
        buffer_append_format(argument, "d \"}'%zu", column);
    else
        buffer_append(argument, value->bytes, value->length);
}

/* Write literal bytes, as they have to be written between these quotes (or without any). */
static void make_literal(struct example *e, struct buffer *argument, char quote)
{
    static const char letters[] = "abc:{}x09$ \"'\\\n\xc3\xff";
    for (uint32_t count = random_below(6); count > 0; count--) {
        char c = letters[random_below(sizeof letters - 1)];
        if (quote == '\0' && strchr(" \"'\n", c) != NULL) c = '_';
        if (quote == '\'' && c == '\\') c = '/'; /* before a quote it would escape that */
        if (c == '$' && quote != '"') {          /* there it might meet a brace */
            buffer_append_text(&e->line, "$.");
            buffer_append_text(argument, "$.");
            continue;
        }
        if (quote == '"' && random_below(2) == 0)
            buffer_append_format(&e->line, "\\x%02x", (unsigned)(unsigned char)c);
        else if (quote == '"' && strchr("$\"\\", c) != NULL)
            buffer_append_format(&e->line, "\\%c", c);
        else if (quote == '\'' && c == '\'')
            buffer_append_text(&e->line, "\\'");
        else
            buffer_append_char(&e->line, c);
        buffer_append_char(argument, c);
    }
}

static void make_argument(struct example *e, struct buffer *argument)
{
    static const char quotes[] = {'\0', '"', '\''};
    char quote = quotes[random_below(3)];
    if (quote == '\0') { /* a bare argument is never empty */
        buffer_append_char(&e->line, '-');
        buffer_append_char(argument, '-');
    } else {
        buffer_append_char(&e->line, quote);
    }
    for (uint32_t pieces = random_below(5); pieces > 0; pieces--) {
        uint32_t kind = random_below(4);
        if (kind == 0) {
            buffer_append_text(&e->line, "$${");
            buffer_append_text(argument, "${");
        } else if (kind == 1) {
            make_placeholder(e, argument);
        } else {
            make_literal(e, argument, quote);
        }
    }
    if (quote != '\0') buffer_append_char(&e->line, quote);
}

static void make_example(struct example *e)
{
    *e = (struct example){.count = 1 + random_below(ARGUMENTS - 1)};
    make_values(e);
    buffer_append_text(&e->arguments[0], "X.COMMAND");
    buffer_append_text(&e->line, "X.COMMAND");
    for (size_t i = 1; i < e->count; i++) {
        buffer_append_text(&e->line, random_below(2) == 0 ? " " : " \t\n ");
        make_argument(e, &e->arguments[i]);
    }
}

static void release_example(struct example *e)
{
    buffer_release(&e->line);
    for (size_t i = 0; i < ARGUMENTS; i++) buffer_release(&e->arguments[i]);
}

/* Lines of every kind of quoting with values of any bytes: the arguments arrive exactly. */
static void test_round_trips(void **state)
{
    (void)state;
    struct columns some = {random_items, COLUMNS};
    struct buffer buf = {0};
    for (int round = 0; round < 20000; round++) {
        struct example e;
        struct arena arena = {0};
        struct error err = {0};
        struct command command;
        const char *arguments[ARGUMENTS];
        size_t lengths[ARGUMENTS];

        make_example(&e);
        buffer_clear(&buf);
        if (command_parse(&command, e.line.bytes, e.line.length, &arena, &err) != 0)
            fail_msg("%s: %s", buffer_text(&e.line), err.message);
        assert_int_equal(command_bind(&command, &some, &err), 0);
        assert_int_equal(command_render(&command, &(struct row){&some, e.values}, &buf, &err),
                         0);
        for (size_t i = 0; i < e.count; i++) {
            arguments[i] = e.arguments[i].bytes;
            lengths[i] = e.arguments[i].length;
        }
        assert_arguments(&buf, arguments, lengths, e.count);
        release_example(&e);
        arena_release(&arena);
    }
    buffer_release(&buf);
}

/* Lengths around every change of the header's width, in all three ways to render. */
static void test_lengths(void **state)
{
    (void)state;
    static const struct column one[] = {{.name = "a", .type = ""}};
    static const size_t lengths[] = {0,    1,    7,     8,     9,     10,     11,     97,
                                     98,   99,   100,   101,   997,   998,    999,    1000,
                                     9998, 9999, 10000, 10001, 99999, 100000, 999999, 1000000};
    struct columns some = {one, 1};
    char *bytes = malloc(1000002);
    memset(bytes, 'x', 1000002);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct value value = {VALUE_TEXT, bytes, lengths[i]};
        struct row single = {&some, &value};
        struct buffer buf = {0};
        struct error err = {0};
        assert_int_equal(render("SET a ${a}", &single, &buf, &err), 0);
        assert_arguments(&buf, (const char *[]){"SET", "a", bytes},
                         (size_t[]){3, 1, lengths[i]}, 3);
        buffer_clear(&buf);
        assert_int_equal(render("HSET k ${*}", &single, &buf, &err), 0);
        assert_arguments(&buf, (const char *[]){"HSET", "k", "a", bytes},
                         (size_t[]){4, 1, 1, lengths[i]}, 4);
        buffer_clear(&buf);
        bytes[0] = bytes[lengths[i] + 1] = '"';
        value.bytes = bytes + 1;
        assert_int_equal(render("SET a ${a|json}", &single, &buf, &err), 0);
        assert_arguments(&buf, (const char *[]){"SET", "a", bytes},
                         (size_t[]){3, 1, lengths[i] + 2}, 3);
        bytes[0] = bytes[lengths[i] + 1] = 'x';
        buffer_release(&buf);
    }
    free(bytes);
}

/* ---- memory ------------------------------------------------------------------------------ */

static void test_out_of_memory(void **state)
{
    (void)state;
    static const char line[] = "HSET flag:${name} on ${on} all \"${name|json}\"";
    size_t failures = 0;
    for (size_t nth = 1;; nth++) {
        struct arena arena = {0};
        struct buffer buf = {0};
        struct error err = {0};
        struct command command;
        alloc_fail_at(nth, false);
        int result = command_parse(&command, line, strlen(line), &arena, &err);
        if (result == 0) result = command_bind(&command, &columns, &err);
        if (result == 0) result = command_render(&command, &row, &buf, &err);
        if (result == 0) result = command_render_text(&command, &row, &buf, &err);
        bool happened = alloc_fail_happened();
        alloc_fail_never();
        buffer_release(&buf);
        arena_release(&arena);
        assert_int_equal(result, happened ? -1 : 0);
        if (!happened) break;
        assert_non_null(strstr(err.message, "out of memory"));
        failures++;
    }
    assert_true(failures >= 5);
}

static void test_out_of_memory_in_lists(void **state)
{
    (void)state;
    for (size_t nth = 1;; nth++) {
        struct arena arena = {0};
        struct error err = {0};
        struct command command;
        alloc_fail_at(nth, false);
        int result = command_parse_publish(&command, "${on}", "a ${*|json}", &arena, &err);
        bool happened = alloc_fail_happened();
        alloc_fail_never();
        arena_release(&arena);
        assert_int_equal(result, happened ? -1 : 0);
        if (!happened) break;
        assert_string_equal(err.message, "out of memory");
    }
}

/* Once the buffer has grown, rows cost no allocation. */
static void test_rows_do_not_allocate(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct buffer buf = {0};
    struct error err = {0};
    static const char *const lines[] = {"HSET flag:${name} on ${on}", "PUBLISH a ${name|json}",
                                        "HSET flag:${name} ${*}"};
    for (size_t i = 0; i < 3; i++) {
        struct command command = parsed(lines[i], &arena);
        assert_int_equal(command_bind(&command, &columns, &err), 0);
        assert_int_equal(command_render(&command, &row, &buf, &err), 0);
        alloc_fail_at(1, true);
        for (int k = 0; k < 100; k++) {
            buffer_clear(&buf);
            assert_int_equal(command_render(&command, &row, &buf, &err), 0);
        }
        assert_false(alloc_fail_happened());
        alloc_fail_never();
    }
    buffer_release(&buf);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_errors),
        cmocka_unit_test(test_parse_list),
        cmocka_unit_test(test_parse_publish),
        cmocka_unit_test(test_bind_errors),
        cmocka_unit_test(test_render_bytes),
        cmocka_unit_test(test_render_row_json),
        cmocka_unit_test(test_render_pairs),
        cmocka_unit_test(test_bytes_are_safe),
        cmocka_unit_test(test_render_errors),
        cmocka_unit_test(test_values_are_no_keys),
        cmocka_unit_test(test_keys_among_pairs),
        cmocka_unit_test(test_no_pair_left),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_render_text),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_out_of_memory_in_lists),
        cmocka_unit_test(test_rows_do_not_allocate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
