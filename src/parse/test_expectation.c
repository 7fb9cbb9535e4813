/*
 * What a test expects: replies, messages and rows, read from the lists of pairs that say so.
 *
 * What could only fail once servers are running is complained of here where it can be known: a
 * check that would change what it checks, a placeholder that no row fills, rows of different
 * lengths. Expected texts are data and stand as they are written. Whether a query's columns or
 * a key exist, and what a module's command does, only the servers know.
 */
#include "test_expectation.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "command.h"
#include "command_facts.h"
#include "error.h"
#include "reader.h"
#include "template.h"
#include "yaml.h"

/* ---- values ----------------------------------------------------------------------------- */

/* A text that is compared as it stands. */
static int check_literal(struct reader *reader, const struct yaml_node *node, const char *what)
{
    if (yaml_raw_check_comment(&reader->source, node, what, reader->err) != 0) return -1;
    if (yaml_raw_check_one_line(&reader->source, node, what, reader->err) != 0) return -1;
    if (node->style != YAML_PLAIN) return 0;
    if (node->length == 0)
        return reader_error(reader, node, "the %s is missing; an empty text is written ''",
                            what);
    if (strstr(node->text, "${") == NULL) return 0;
    return reader_error(reader, node,
                        "a test fills in no '${': write what it becomes, or put quotes around "
                        "this %s where it is meant as it stands",
                        what);
}

static bool is_nil(const struct yaml_node *node)
{
    return node->style == YAML_PLAIN &&
           (strcmp(node->text, "null") == 0 || strcmp(node->text, "~") == 0);
}

static int read_text(struct reader *reader, const struct yaml_node *node, const char *what,
                     struct test_value *value)
{
    value->kind = TEST_TEXT;
    if (check_literal(reader, node, what) != 0) return -1;
    if (is_nil(node)) {
        value->kind = TEST_NIL;
        return 0;
    }
    if (node->style == YAML_PLAIN && strcasecmp(node->text, "null") == 0)
        return reader_error(reader, node, "write null for nothing, or '%s' for this text",
                            node->text);
    value->text = arena_copy(reader->arena, node->text, node->length);
    value->length = node->length;
    return value->text != NULL ? 0 : error_memory(reader->err);
}

/* A list's elements and a mapping's names and values alike: node's children, in order. A name
 * is never nil. */
static int read_value(struct reader *reader, const struct yaml_node *node, const char *what,
                      struct test_value *value)
{
    size_t each = node->kind == YAML_MAPPING ? 2 : 1;

    value->line = node->line;
    value->column = node->column;
    if (node->kind == YAML_TEXT) return read_text(reader, node, what, value);
    value->kind = node->kind == YAML_MAPPING ? TEST_MAPPING : TEST_LIST;
    if (node->count == 0) return 0;
    value->items = arena_array(reader->arena, each * node->count, sizeof *value->items);
    if (value->items == NULL) return error_memory(reader->err);
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
        bool is_name = each == 2 && value->count % 2 == 0;
        if (read_value(reader, child, is_name ? "name" : what, &value->items[value->count]) !=
            0)
            return -1;
        if (is_name && value->items[value->count].kind != TEST_TEXT)
            return reader_error(reader, child, "a name is a text; put quotes around it");
        value->count++;
    }
    return 0;
}

/* One row: as many texts as the row before it. */
static int check_row(struct reader *reader, const struct yaml_node *node, size_t columns)
{
    if (node->kind != YAML_LIST)
        return reader_error(reader, node,
                            "the rows before this one are lists; make it one, too");
    if (node->count == 0) return reader_error(reader, node, "a row has at least one column");
    if (node->count != columns)
        return reader_error(reader, node, "this row has %zu columns, the first one %zu",
                            node->count, columns);
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next)
        if (item->kind != YAML_TEXT)
            return reader_error(reader, item, "a column's value is a text, or null");
    return 0;
}

/* What a query can answer: one value, the rows of one column, or rows. */
static int check_rows(struct reader *reader, const struct yaml_node *node)
{
    if (node->kind == YAML_MAPPING)
        return reader_error(reader, node,
                            "a row is a list of its values, in the order of the query's "
                            "columns");
    if (node->kind == YAML_TEXT || node->count == 0) return 0;
    for (const struct yaml_node *row = node->first; row != NULL; row = row->next) {
        if (node->first->kind == YAML_LIST) {
            if (check_row(reader, row, node->first->count) != 0) return -1;
        } else if (row->kind != YAML_TEXT) {
            return reader_error(reader, row,
                                "the rows before this one are a value each; make them lists, "
                                "too, or this one a value");
        }
    }
    return 0;
}

/* ---- commands --------------------------------------------------------------------------- */

int test_expectation_take_command(struct reader *reader, const struct command *command,
                                  struct test_command *out)
{
    size_t count = command->argument_count;

    *out = (struct test_command){
        .text = command->text, .line = command->line, .column = command->column};
    out->arguments = arena_array(reader->arena, count, sizeof *out->arguments);
    out->lengths = arena_array(reader->arena, count, sizeof *out->lengths);
    if (out->arguments == NULL || out->lengths == NULL) return error_memory(reader->err);
    for (; out->count < count; out->count++) {
        const struct template *argument = command->arguments[out->count];
        const char *column = template_column(argument, 0);
        if (template_is_literal(argument, &out->arguments[out->count],
                                &out->lengths[out->count]))
            continue;
        return error_at(reader->err, reader->source.file, command->line, command->column,
                        "a test has no row that could fill '${%s}'; a literal ${ is written "
                        "$${",
                        column != NULL ? column : "*");
    }
    return 0;
}

/* A check that changed what it checks would prove nothing. */
static int check_looks_only(struct reader *reader, const struct command *command)
{
    const struct command_facts *facts = command->facts;
    char twin[32];

    if (facts == NULL || !facts->writes) return 0;
    snprintf(twin, sizeof twin, "%s_RO", facts->name);
    if (command_facts_find(twin, strlen(twin)) != NULL)
        return error_at(reader->err, reader->source.file, command->line, command->column,
                        "'%s' can write, and a check only looks; '%s' does not write",
                        facts->name, twin);
    return error_at(reader->err, reader->source.file, command->line, command->column,
                    "'%s' writes, and a check only looks; what is there beforehand is written "
                    "by 'given'",
                    facts->name);
}

/* ---- what is expected ------------------------------------------------------------------- */

/* One kind of list of pairs: how it is called, and what reads a pair into an item. */
struct pairs {
    const char *key;
    const char *left;  /* what stands in front of ': ' */
    const char *right; /* and behind it */
    size_t size;
    int (*read)(struct reader *reader, const struct yaml_node *name, void *item);
};

/* An element that should be one pair and is not. */
static int complain_no_pair(struct reader *reader, const struct yaml_node *item,
                            const struct pairs *pairs)
{
    if (item->kind == YAML_MAPPING && item->count > 1)
        return reader_error(reader, item->first->next->next,
                            "an element of '%s' is one pair; begin this one with '- '",
                            pairs->key);
    if (yaml_raw_check_comment(&reader->source, item, pairs->left, reader->err) != 0) return -1;
    if (item->kind == YAML_TEXT && item->style == YAML_QUOTED)
        return reader_error(reader, item,
                            "an element of '%s' is a %s, ': ' and a %s; quotes go around the "
                            "%s alone",
                            pairs->key, pairs->left, pairs->right, pairs->left);
    return reader_error(reader, item, "an element of '%s' is a %s, ': ' and a %s", pairs->key,
                        pairs->left, pairs->right);
}

/* Read a list of pairs into *items, *count of them. */
static int read_pairs(struct reader *reader, const struct yaml_node *value,
                      const struct pairs *pairs, void **items, size_t *count)
{
    if (value->kind != YAML_LIST)
        return reader_error(reader, value,
                            "'%s' is a list, each element '- ', a %s, ': ' and a %s",
                            pairs->key, pairs->left, pairs->right);
    *items = arena_array(reader->arena, value->count + 1, pairs->size);
    if (*items == NULL) return error_memory(reader->err);
    for (const struct yaml_node *item = value->first; item != NULL; item = item->next) {
        if (item->kind != YAML_MAPPING || item->count != 1)
            return complain_no_pair(reader, item, pairs);
        if (pairs->read(reader, item->first, (char *)*items + *count * pairs->size) != 0)
            return -1;
        ++*count;
    }
    return 0;
}

static int read_check(struct reader *reader, const struct yaml_node *name, void *item)
{
    struct test_check *check = item;
    struct commands commands = {.key = "redis"};

    if (reader_command(reader, name, &commands) != 0) return -1;
    if (check_looks_only(reader, &commands.items[0]) != 0) return -1;
    if (test_expectation_take_command(reader, &commands.items[0], &check->command) != 0)
        return -1;
    return read_value(reader, name->next, "reply", &check->reply);
}

static int read_expected_redis(struct reader *reader, const struct yaml_node *value,
                               void *object)
{
    static const struct pairs pairs = {"redis", "command", "reply", sizeof(struct test_check),
                                       read_check};
    struct test_expectation *expectation = object;
    void *items = NULL;
    int result = read_pairs(reader, value, &pairs, &items, &expectation->check_count);

    expectation->checks = items;
    if (result != 0 || value->count > 0) return result;
    return reader_error(reader, value, "'redis' has no command");
}

static int read_published(struct reader *reader, const struct yaml_node *name, void *item)
{
    const struct yaml_node *node = name->next;
    struct test_message *message = item;

    if (node->kind != YAML_TEXT)
        return yaml_raw_not_text(&reader->source, node, "message", reader->err);
    if (check_literal(reader, name, "channel") != 0 ||
        check_literal(reader, node, "message") != 0)
        return -1;
    if (is_nil(node))
        return reader_error(reader, node,
                            "a message is a text; put quotes around it. 'published: []' "
                            "expects none");
    message->line = name->line;
    message->column = name->column;
    message->channel_length = name->length;
    message->message_length = node->length;
    message->channel = arena_copy(reader->arena, name->text, name->length);
    message->message = arena_copy(reader->arena, node->text, node->length);
    return message->channel != NULL && message->message != NULL ? 0 : error_memory(reader->err);
}

static int read_expected_published(struct reader *reader, const struct yaml_node *value,
                                   void *object)
{
    static const struct pairs pairs = {"published", "channel", "message",
                                       sizeof(struct test_message), read_published};
    struct test_expectation *expectation = object;
    const struct yaml_node *name = reader->name;
    void *items = NULL;
    int result = read_pairs(reader, value, &pairs, &items, &expectation->message_count);

    expectation->has_published = true;
    expectation->published_line = name->line;
    expectation->published_column = name->column;
    expectation->messages = items;
    return result;
}

static int read_query(struct reader *reader, const struct yaml_node *name, void *item)
{
    struct test_query *query = item;
    struct place place = {0};

    if (reader_query(reader, name, "sql", &query->sql, &place) != 0) return -1;
    query->line = place.line;
    query->column = place.column;
    if (check_rows(reader, name->next) != 0) return -1;
    return read_value(reader, name->next, "value", &query->value);
}

static int read_expected_sql(struct reader *reader, const struct yaml_node *value, void *object)
{
    static const struct pairs pairs = {"sql", "query", "value", sizeof(struct test_query),
                                       read_query};
    struct test_expectation *expectation = object;
    void *items = NULL;
    int result = read_pairs(reader, value, &pairs, &items, &expectation->query_count);

    expectation->queries = items;
    if (result != 0 || value->count > 0) return result;
    return reader_error(reader, value, "'sql' has no query");
}

static const struct reader_key expectation_keys[] = {
    {"redis", READER_LIST, read_expected_redis},
    {"published", READER_LIST, read_expected_published},
    {"sql", READER_LIST, read_expected_sql},
};

const struct reader_keys test_expectation_expect = {
    "'expect'", expectation_keys, sizeof expectation_keys / sizeof *expectation_keys};
const struct reader_keys test_expectation_after_down = {
    "'after_down'", expectation_keys, sizeof expectation_keys / sizeof *expectation_keys};

int test_expectation_read(struct reader *reader, const struct yaml_node *value,
                          const struct reader_keys *keys, struct test_expectation *expectation)
{
    expectation->line = reader->name->line;
    expectation->column = reader->name->column;
    if (reader_mapping(reader, value, keys, expectation) != 0) return -1;
    if (value->count > 0) return 0;
    return reader_error(
        reader, value, "%s says nothing; it takes 'redis', 'published' and 'sql'", keys->owner);
}
