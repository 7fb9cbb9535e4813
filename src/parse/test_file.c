/*
 * From the text of a test to the test: SPEC's keys, a line each in tables, and what is given.
 *
 * Statements and commands that are given stand as they are written: what they do is found out
 * by running them. What is expected is read by test_expectation, and which migration a file
 * belongs to is test_dir's to know.
 */
#include "test_file.h"

#include <stdlib.h>

#include "command.h"
#include "error.h"
#include "file.h"
#include "reader.h"
#include "sql_text.h"
#include "yaml.h"

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
        if (test_expectation_take_command(reader, &commands.items[test->command_count],
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
    return test_expectation_read(reader, value, &test_expectation_expect,
                                 &((struct migration_test *)object)->expect);
}

static int read_after_down(struct reader *reader, const struct yaml_node *value, void *object)
{
    return test_expectation_read(reader, value, &test_expectation_after_down,
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
    static const struct reader_keys *const kinds[] = {
        &test_mapping, &given_mapping, &test_expectation_expect, &test_expectation_after_down};
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
