/*
 * From the text of a migration to the migration: SPEC's keys, one line each in three tables.
 *
 * Everything that can be known without a server is checked here, with its place, so that
 * nothing is connected to for the sake of a file that could not run: unknown keys, commands
 * that are refused, queries that are not one query, placeholders that no row fills. Whether a
 * column exists only the query can tell, and whether a step may be repeated is asked of
 * step_guarantee().
 */
#include "migration_file.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "migration.h"
#include "number.h"
#include "reader.h"
#include "row.h"
#include "sql_text.h"
#include "template.h"
#include "yaml.h"
#include "yaml_raw.h"

enum { MOST_BATCH = 1000000000 };

/* A step that is being read. */
struct draft {
    struct step step;
    struct commands writes;
    struct commands publishes;
};

static int read_write(struct reader *reader, const struct yaml_node *value, void *object)
{
    return reader_commands(reader, value, &((struct draft *)object)->writes);
}

static int read_publish(struct reader *reader, const struct yaml_node *value, void *object)
{
    return reader_notifications(reader, value, &((struct draft *)object)->publishes);
}

/* ---- SQL -------------------------------------------------------------------------------- */

static int read_read(struct reader *reader, const struct yaml_node *value, void *object)
{
    struct step *step = &((struct draft *)object)->step;
    struct place place;

    if (reader_query(reader, value, "read", &step->read, &place) != 0) return -1;
    step->read_line = place.line;
    step->read_column = place.column;
    return 0;
}

static int read_sql(struct reader *reader, const struct yaml_node *value, void *object)
{
    struct step *step = &((struct draft *)object)->step;
    struct sql_text scan;
    struct place place;

    if (reader_statement(reader, value, "statement", &step->sql, &place) != 0) return -1;
    scan = sql_text_scan(step->sql, strlen(step->sql));
    if (sql_text_is_transaction_control(&scan, step->sql))
        return reader_error(
            reader, value,
            "'%s' is refused: redferry runs this statement in the transaction that "
            "records the step",
            scan.keyword);
    step->sql_line = place.line;
    step->sql_column = place.column;
    return 0;
}

/* ---- the other keys of a step ----------------------------------------------------------- */

static int read_name(struct reader *reader, const struct yaml_node *value, void *object)
{
    return reader_line(reader, value, "name", &((struct draft *)object)->step.name);
}

static int read_from(struct reader *reader, const struct yaml_node *value, void *object)
{
    struct step *step = &((struct draft *)object)->step;

    if (reader_line(reader, value, "variable", &step->from) != 0) return -1;
    return reader_check_variable(reader, value, step->from);
}

static int add_key_column(struct reader *reader, const struct yaml_node *node,
                          struct step *step)
{
    const char **name = &step->key[step->key_count];

    if (reader_line(reader, node, "column", name) != 0) return -1;
    for (size_t i = 0; i < step->key_count; i++)
        if (strcmp(step->key[i], *name) == 0)
            return reader_error(reader, node, "the column '%s' is in 'key' twice", *name);
    step->key_count++;
    return 0;
}

static int read_key(struct reader *reader, const struct yaml_node *value, void *object)
{
    struct step *step = &((struct draft *)object)->step;
    size_t count = value->kind == YAML_LIST ? value->count : 1;

    if (count == 0) return reader_error(reader, value, "'key' has no column");
    step->key = arena_array(reader->arena, count, sizeof *step->key);
    if (step->key == NULL) return error_memory(reader->err);
    if (value->kind != YAML_LIST) return add_key_column(reader, value, step);
    for (const struct yaml_node *item = value->first; item != NULL; item = item->next)
        if (add_key_column(reader, item, step) != 0) return -1;
    return 0;
}

static int read_batch(struct reader *reader, const struct yaml_node *value, void *object)
{
    struct step *step = &((struct draft *)object)->step;

    if (value->kind == YAML_TEXT &&
        number_parse(value->text, value->length, 1, MOST_BATCH, &step->batch) == 0)
        return 0;
    return reader_error(reader, value, "'batch' takes a number of rows from 1 to %d",
                        MOST_BATCH);
}

static int read_pause(struct reader *reader, const struct yaml_node *value, void *object)
{
    struct step *step = &((struct draft *)object)->step;

    if (value->kind == YAML_TEXT && strlen(value->text) == value->length &&
        number_parse_duration(value->text, &step->pause_ms) == 0)
        return 0;
    return reader_error(reader, value,
                        "'pause' takes a duration, a number and a unit: 50ms, 2s, 5m");
}

/* ---- steps ------------------------------------------------------------------------------ */

/* clang-format off */
static const struct reader_key step_keys[] = {
    {"name",    READER_TEXT,               read_name},
    {"read",    READER_TEXT,               read_read},
    {"from",    READER_TEXT,               read_from},
    {"key",     READER_TEXT | READER_LIST, read_key},
    {"write",   READER_TEXT | READER_LIST, read_write},
    {"sql",     READER_TEXT,               read_sql},
    {"publish", READER_TEXT | READER_LIST | READER_MAPPING, read_publish},
    {"batch",   READER_TEXT,               read_batch},
    {"pause",   READER_TEXT,               read_pause},
};
/* clang-format on */

static const struct reader_keys step_mapping = {"a step", step_keys,
                                                sizeof step_keys / sizeof *step_keys};

/* Which keys need which, and which cannot stand together. */
static const struct pairing {
    const char *key;
    const char *other;
    int needed; /* else excluded */
    const char *text;
} pairings[] = {
    {"key", "read", 1, "'key' needs 'read': it names columns of its query"},
    {"from", "read", 1, "'from' needs 'read': it says where its query runs"},
    {"batch", "read", 1, "'batch' needs 'read': it counts its rows"},
    {"pause", "read", 1, "'pause' needs 'read': it waits between batches of its rows"},
    {"sql", "read", 0,
     "'sql' runs once and cannot stand beside 'read'; make it a step of its own"},
    {"sql", "write", 0, "'sql' cannot stand beside 'write'; make it a step of its own"},
    {"sql", "publish", 0, "'sql' cannot stand beside 'publish'; make it a step of its own"},
};

static int check_pairings(struct reader *reader, const struct yaml_node *node)
{
    for (size_t i = 0; i < sizeof pairings / sizeof *pairings; i++) {
        const struct yaml_node *name = NULL;
        if (yaml_get(node, pairings[i].key, &name) == NULL) continue;
        if ((yaml_get(node, pairings[i].other, NULL) != NULL) == (pairings[i].needed != 0))
            continue;
        return reader_error(reader, name, "%s", pairings[i].text);
    }
    return 0;
}

/* Without a source there is no row, and nothing that could fill a placeholder. */
static int check_placeholders(struct reader *reader, const struct commands *commands)
{
    const char *text = NULL;
    size_t length = 0;

    for (size_t i = 0; i < commands->count; i++) {
        const struct command *command = &commands->items[i];
        for (size_t j = 0; j < command->argument_count; j++) {
            const struct template *argument = command->arguments[j];
            const char *column = template_column(argument, 0);
            if (template_is_literal(argument, &text, &length)) continue;
            return error_at(reader->err, reader->source.file, command->line, command->column,
                            "a step without 'read' has no row that could fill '${%s}'%s",
                            column != NULL ? column : "*",
                            command->is_publish ? "; give a 'message' of its own" : "");
        }
    }
    return 0;
}

/* The commands of `write`, then those of `publish`. */
static int join_commands(struct reader *reader, struct draft *draft)
{
    struct step *step = &draft->step;

    step->write_count = draft->writes.count;
    step->command_count = draft->writes.count + draft->publishes.count;
    if (step->command_count == 0) return 0;
    step->commands = arena_array(reader->arena, step->command_count, sizeof *step->commands);
    if (step->commands == NULL) return error_memory(reader->err);
    if (draft->writes.count > 0)
        memcpy(step->commands, draft->writes.items,
               draft->writes.count * sizeof *step->commands);
    if (draft->publishes.count > 0)
        memcpy(step->commands + draft->writes.count, draft->publishes.items,
               draft->publishes.count * sizeof *step->commands);
    return 0;
}

static int read_step(struct reader *reader, const struct yaml_node *node, int number,
                     struct step *step)
{
    struct draft draft = {.step = {.number = number, .pause_ms = -1},
                          .writes = {.key = "write"}};

    draft.step.line = node->line;
    draft.step.column = node->column;
    if (reader_mapping(reader, node, &step_mapping, &draft) != 0) return -1;
    if (check_pairings(reader, node) != 0) return -1;
    if (draft.step.sql == NULL && draft.writes.count + draft.publishes.count == 0)
        return reader_error(
            reader, node, "this step has nothing to do: it needs 'write', 'publish' or 'sql'");
    if (draft.step.read == NULL && (check_placeholders(reader, &draft.writes) != 0 ||
                                    check_placeholders(reader, &draft.publishes) != 0))
        return -1;
    if (draft.step.name == NULL)
        draft.step.name = arena_format(reader->arena, "step %d", number);
    if (draft.step.name == NULL) return error_memory(reader->err);
    if (join_commands(reader, &draft) != 0) return -1;
    *step = draft.step;
    return 0;
}

static int read_steps(struct reader *reader, const struct yaml_node *value, const char *key,
                      struct steps *steps)
{
    if (value->kind != YAML_LIST)
        return reader_error(reader, value, "'%s' is a list of steps, each begun with '- '",
                            key);
    if (value->count == 0) return reader_error(reader, value, "'%s' has no step", key);
    steps->items = arena_array(reader->arena, value->count, sizeof *steps->items);
    if (steps->items == NULL) return error_memory(reader->err);
    for (const struct yaml_node *item = value->first; item != NULL; item = item->next) {
        int number = (int)steps->count + 1;
        if (read_step(reader, item, number, &steps->items[steps->count]) != 0) return -1;
        steps->count++;
    }
    return 0;
}

/* ---- the top level ---------------------------------------------------------------------- */

static int read_description(struct reader *reader, const struct yaml_node *value, void *object)
{
    return reader_line(reader, value, "description",
                       &((struct migration *)object)->description);
}

static int read_up(struct reader *reader, const struct yaml_node *value, void *object)
{
    return read_steps(reader, value, "up", &((struct migration *)object)->up);
}

static int read_down(struct reader *reader, const struct yaml_node *value, void *object)
{
    struct migration *migration = object;

    migration->has_down = true;
    return read_steps(reader, value, "down", &migration->down);
}

/* The announcement is made when all rows are through: it knows the migration, not a row. */
static int check_announcement(struct reader *reader, const struct command *command)
{
    const struct columns *columns = migration_announcement_columns();

    for (size_t i = 0; i < command->argument_count; i++) {
        const char *column = NULL;
        for (size_t j = 0; (column = template_column(command->arguments[i], j)) != NULL; j++)
            if (columns_find(columns, column) < 0)
                return error_at(reader->err, reader->source.file, command->line,
                                command->column,
                                "the 'publish' of a migration knows ${version}, ${name} and "
                                "${rows}, not '${%s}'",
                                column);
    }
    return 0;
}

static int read_announcements(struct reader *reader, const struct yaml_node *value,
                              void *object)
{
    struct migration *migration = object;
    struct commands commands = {0};

    if (reader_notifications(reader, value, &commands) != 0) return -1;
    for (size_t i = 0; i < commands.count; i++)
        if (check_announcement(reader, &commands.items[i]) != 0) return -1;
    migration->announcements = commands.items;
    migration->announcement_count = commands.count;
    return 0;
}

static int read_manual(struct reader *reader, const struct yaml_node *value, void *object)
{
    return reader_switch(reader, value, "manual", &((struct migration *)object)->manual);
}

/* clang-format off */
static const struct reader_key migration_keys[] = {
    {"description", READER_TEXT, read_description},
    {"up",          READER_LIST, read_up},
    {"down",        READER_LIST, read_down},
    {"publish",     READER_TEXT | READER_LIST | READER_MAPPING, read_announcements},
    {"manual",      READER_TEXT, read_manual},
};
/* clang-format on */

static const struct reader_keys migration_mapping = {
    "a migration", migration_keys, sizeof migration_keys / sizeof *migration_keys};

const struct reader_keys *migration_file_keys(size_t index)
{
    static const struct reader_keys *const kinds[] = {&migration_mapping, &step_mapping,
                                                      &reader_notification_keys};
    return index < sizeof kinds / sizeof *kinds ? kinds[index] : NULL;
}

static int read_migration(struct reader *reader, const struct yaml_node *root,
                          struct migration *migration)
{
    if (reader_mapping(reader, root, &migration_mapping, migration) != 0) return -1;
    if (migration->up.count > 0) return 0;
    return reader_error(reader, root,
                        "'up' is missing: the list of steps that this migration takes");
}

/* ---- the file --------------------------------------------------------------------------- */

int migration_file_name(const char *file_name, int64_t *version, const char **name,
                        size_t *name_length)
{
    size_t digits = strspn(file_name, "0123456789");
    const char *rest = file_name + digits;
    const char *dot = strrchr(rest, '.');

    if (digits == 0) return 0;
    *name = rest[0] == '_' ? rest + 1 : rest + strlen(rest);
    *name_length = 0;
    if (rest[0] == '_' && dot != NULL &&
        (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0))
        *name_length = (size_t)(dot - *name);
    else if (rest[0] == '_')
        *name_length = strlen(*name);
    while (digits > 1 && file_name[0] == '0') {
        file_name++;
        digits--;
    }
    return number_parse(file_name, digits, 1, INT64_MAX, version) == 0 ? 1 : -1;
}

/* The bytes without a byte order mark and with '\n' for CR LF: what a checksum is taken of, so
 * that a checkout on another system is the same migration. */
static int normalise(struct migration *migration, const char *bytes, size_t length)
{
    char *text = arena_alloc(&migration->arena, length + 1);
    size_t written = 0;
    size_t from = length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

    if (text == NULL) return -1;
    for (size_t i = from; i < length; i++)
        if (bytes[i] != '\r' || i + 1 == length || bytes[i + 1] != '\n')
            text[written++] = bytes[i];
    migration->definition = text;
    migration->definition_length = written;
    return 0;
}

/* A migration that knows who it is and what its file says, but not yet what that means. */
static struct migration *new_migration(const struct migration_source *source, struct error *err)
{
    struct migration *migration = calloc(1, sizeof *migration);

    if (migration == NULL) {
        error_memory(err);
        return NULL;
    }
    migration->version = source->version;
    migration->name = arena_text(&migration->arena, source->name);
    migration->file = arena_text(&migration->arena, source->file);
    if (migration->name == NULL || migration->file == NULL ||
        normalise(migration, source->bytes, source->length) != 0)
        error_memory(err);
    else if (digest_text(migration->definition, migration->definition_length,
                         migration->checksum, err) == 0)
        return migration;
    migration_free(migration);
    return NULL;
}

int migration_file_parse(struct migration **out, const struct migration_source *source,
                         struct error *err)
{
    struct migration *migration = new_migration(source, err);
    struct arena tree = {0};
    struct yaml_node *root = NULL;
    struct reader reader = {.err = err};
    int result = -1;

    *out = NULL;
    if (migration == NULL) return -1;
    reader.arena = &migration->arena;
    reader.source = (struct yaml_source){migration->file, migration->definition,
                                         migration->definition_length};
    if (yaml_parse(migration->file, migration->definition, migration->definition_length, &tree,
                   &root, err) == 0 &&
        read_migration(&reader, root, migration) == 0) {
        *out = migration;
        migration = NULL;
        result = 0;
    }
    arena_release(&tree);
    migration_free(migration);
    return result;
}
