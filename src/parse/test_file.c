/*
 * From the text of a test to the test: SPEC's keys, a line each in four tables, and which file
 * belongs to which migration.
 *
 * What could only fail once servers are running is complained of here where it can be known: a
 * check that would change what it checks, a placeholder that no row fills, rows of different
 * lengths. Expected texts are data and stand as they are written. Whether a query's columns or
 * a key exist, and what a module's command does, only the servers know.
 */
#include "test_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "command.h"
#include "command_facts.h"
#include "error.h"
#include "file.h"
#include "reader.h"
#include "sql_text.h"
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

/* The command's arguments, which are literal. */
static int take_command(struct reader *reader, const struct command *command,
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

/* ---- what is given ---------------------------------------------------------------------- */

/* Statements, as they stand. */
static int read_script(struct reader *reader, const struct yaml_node *node, const char **sql,
                       struct place *place)
{
    struct sql_text scan;

    if (reader_check_sql(reader, node, "sql", &scan) != 0) return -1;
    yaml_raw_text_place(&reader->source, node, 0, &place->line, &place->column);
    *sql = arena_copy(reader->arena, node->text, node->length);
    return *sql != NULL ? 0 : error_memory(reader->err);
}

static int read_given_sql(struct reader *reader, const struct yaml_node *value, void *object)
{
    struct migration_test *test = object;
    struct place place = {0};

    if (read_script(reader, value, &test->sql, &place) != 0) return -1;
    test->sql_line = place.line;
    test->sql_column = place.column;
    return 0;
}

static int read_given_redis(struct reader *reader, const struct yaml_node *value, void *object)
{
    struct migration_test *test = object;
    struct commands commands = {.key = "redis"};

    if (reader_commands(reader, value, &commands) != 0) return -1;
    test->commands = arena_array(reader->arena, commands.count, sizeof *test->commands);
    if (test->commands == NULL) return error_memory(reader->err);
    for (; test->command_count < commands.count; test->command_count++)
        if (take_command(reader, &commands.items[test->command_count],
                         &test->commands[test->command_count]) != 0)
            return -1;
    return 0;
}

static int read_given_from(struct reader *reader, const struct yaml_node *value, void *object)
{
    struct migration_test *test = object;

    if (value->kind != YAML_MAPPING || value->count == 0)
        return reader_error(reader, value,
                            "'from' is a mapping of the variables that steps name in 'from' "
                            "and the SQL that fills their databases");
    test->sources = arena_array(reader->arena, value->count, sizeof *test->sources);
    if (test->sources == NULL) return error_memory(reader->err);
    for (const struct yaml_node *name = value->first; name != NULL; name = name->next->next) {
        struct test_source *source = &test->sources[test->source_count++];
        struct place place = {0};
        if (reader_check_variable(reader, name, name->text) != 0 ||
            read_script(reader, name->next, &source->sql, &place) != 0)
            return -1;
        source->name = arena_text(reader->arena, name->text);
        if (source->name == NULL) return error_memory(reader->err);
        source->line = place.line;
        source->column = place.column;
    }
    return 0;
}

static const struct reader_key given_keys[] = {
    {"sql", READER_TEXT, read_given_sql},
    {"redis", READER_TEXT | READER_LIST, read_given_redis},
    {"from", READER_MAPPING, read_given_from},
};

static const struct reader_keys given_mapping = {"'given'", given_keys,
                                                 sizeof given_keys / sizeof *given_keys};

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
    if (take_command(reader, &commands.items[0], &check->command) != 0) return -1;
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
    void *items = NULL;
    int result = read_pairs(reader, value, &pairs, &items, &expectation->message_count);

    expectation->has_published = true;
    expectation->published_line = value->line;
    expectation->published_column = value->column;
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

static const struct reader_keys expect_mapping = {
    "'expect'", expectation_keys, sizeof expectation_keys / sizeof *expectation_keys};
static const struct reader_keys after_down_mapping = {
    "'after_down'", expectation_keys, sizeof expectation_keys / sizeof *expectation_keys};

static int read_expectation(struct reader *reader, const struct yaml_node *value,
                            const struct reader_keys *keys,
                            struct test_expectation *expectation)
{
    expectation->line = value->line;
    expectation->column = value->column;
    if (reader_mapping(reader, value, keys, expectation) != 0) return -1;
    if (value->count > 0) return 0;
    return reader_error(
        reader, value, "%s says nothing; it takes 'redis', 'published' and 'sql'", keys->owner);
}

/* ---- the top level ---------------------------------------------------------------------- */

static int read_repeatable(struct reader *reader, const struct yaml_node *value, void *object)
{
    return reader_switch(reader, value, "repeatable",
                         &((struct migration_test *)object)->repeatable);
}

static int read_given(struct reader *reader, const struct yaml_node *value, void *object)
{
    return reader_mapping(reader, value, &given_mapping, object);
}

static int read_expect(struct reader *reader, const struct yaml_node *value, void *object)
{
    return read_expectation(reader, value, &expect_mapping,
                            &((struct migration_test *)object)->expect);
}

static int read_after_down(struct reader *reader, const struct yaml_node *value, void *object)
{
    return read_expectation(reader, value, &after_down_mapping,
                            &((struct migration_test *)object)->after_down);
}

static const struct reader_key test_keys[] = {
    {"repeatable", READER_TEXT, read_repeatable},
    {"given", READER_MAPPING, read_given},
    {"expect", READER_MAPPING, read_expect},
    {"after_down", READER_MAPPING, read_after_down},
};

static const struct reader_keys test_mapping = {"a test", test_keys,
                                                sizeof test_keys / sizeof *test_keys};

const struct reader_keys *test_file_keys(size_t index)
{
    static const struct reader_keys *const kinds[] = {&test_mapping, &given_mapping,
                                                      &expect_mapping, &after_down_mapping};
    return index < sizeof kinds / sizeof *kinds ? kinds[index] : NULL;
}

static int read_test(struct reader *reader, const struct yaml_node *root,
                     struct migration_test *test)
{
    if (reader_mapping(reader, root, &test_mapping, test) != 0) return -1;
    if (test->expect.line > 0) return 0;
    return reader_error(reader, root,
                        "'expect' is missing: what the migration leaves in Redis, what it "
                        "publishes, and what the database then holds");
}

/* ---- the file --------------------------------------------------------------------------- */

void migration_test_free(struct migration_test *test)
{
    if (test == NULL) return;
    arena_release(&test->arena);
    free(test);
}

int test_file_parse(struct migration_test **out, const char *file, const char *bytes,
                    size_t length, struct error *err)
{
    struct migration_test *test = calloc(1, sizeof *test);
    struct arena tree = {0};
    struct yaml_node *root = NULL;
    struct reader reader = {.source = {file, bytes, length}, .err = err};
    int result = -1;

    *out = NULL;
    if (test == NULL) return error_memory(err);
    reader.arena = &test->arena;
    test->repeatable = true;
    test->file = arena_text(&test->arena, file);
    if (test->file == NULL) {
        error_memory(err);
    } else if (yaml_parse(file, bytes, length, &tree, &root, err) == 0 &&
               read_test(&reader, root, test) == 0) {
        *out = test;
        test = NULL;
        result = 0;
    }
    arena_release(&tree);
    migration_test_free(test);
    return result;
}

int test_file_read(struct migration_test **out, const char *path, struct error *err)
{
    struct arena scratch = {0};
    char *bytes = NULL;
    size_t length = 0;
    int result = -1;

    *out = NULL;
    if (file_read(path, &scratch, &bytes, &length, err) == 0)
        result = test_file_parse(out, path, bytes, length, err);
    arena_release(&scratch);
    return result;
}

/* ---- which belongs to which ------------------------------------------------------------- */

static const char *const extensions[] = {".yaml", ".yml"};
static const char *const test_extensions[] = {".test.yaml", ".test.yml"};

/* How much of path stands in front of one of two endings, or 0. */
static size_t stem_length(const char *path, const char *const *endings)
{
    for (size_t i = 0; i < 2; i++)
        if (file_has_ending(path, endings[i])) return strlen(path) - strlen(endings[i]);
    return 0;
}

/* The file that begins as path does, up to stem, and has one of two endings: there, absent
 * (NULL), or with both of them. */
static int find_beside(const char *path, size_t stem, const char *const *endings,
                       struct arena *arena, const char *found[2])
{
    size_t count = 0;

    found[0] = found[1] = NULL;
    for (size_t i = 0; stem > 0 && i < 2; i++) {
        struct stat facts;
        const char *file = arena_format(arena, "%.*s%s", (int)stem, path, endings[i]);
        if (file == NULL) return -1;
        if (lstat(file, &facts) == 0) found[count++] = file;
    }
    return 0;
}

bool test_file_is_test(const char *path)
{
    return stem_length(path, test_extensions) > 0;
}

int test_file_of(const char *migration, struct arena *arena, const char **path,
                 struct error *err)
{
    const char *found[2];

    *path = NULL;
    if (find_beside(migration, stem_length(migration, extensions), test_extensions, arena,
                    found) != 0)
        return error_memory(err);
    *path = found[0];
    if (found[1] == NULL) return 0;
    return error_set(err, ERROR_INVALID, "%s: the migration has another test: %s", found[1],
                     found[0]);
}

int test_file_migration(const char *test, struct arena *arena, const char **path,
                        struct error *err)
{
    const char *found[2];

    *path = NULL;
    if (find_beside(test, stem_length(test, test_extensions), extensions, arena, found) != 0)
        return error_memory(err);
    *path = found[0];
    return 0;
}

static int is_visible_test(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && test_file_is_test(entry->d_name);
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

int test_file_list(const char *directory, struct arena *arena, const char *const **paths,
                   size_t *count, struct error *err)
{
    struct dirent **entries = NULL;
    int found = scandir(directory, &entries, is_visible_test, by_name);
    int length = (int)strlen(directory);
    const char **list = NULL;
    bool failed = false;

    *paths = NULL;
    *count = 0;
    if (found < 0 && errno == ENOMEM) return error_memory(err);
    if (found < 0)
        return error_set(err, ERROR_INVALID, "%s: cannot be read: %s", directory,
                         strerror(errno));
    while (length > 1 && directory[length - 1] == '/') length--;
    list = arena_array(arena, (size_t)found + 1, sizeof *list);
    failed = list == NULL;
    for (int i = 0; i < found; i++) {
        if (!failed)
            list[i] = arena_format(arena, "%.*s/%s", length, directory, entries[i]->d_name);
        failed = failed || list[i] == NULL;
        free(entries[i]);
    }
    free(entries);
    if (failed) return error_memory(err);
    *paths = list;
    *count = (size_t)found;
    return 0;
}
