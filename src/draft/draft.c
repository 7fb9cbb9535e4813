/*
 * A first draft: the migration that copies one table to Redis, and its test.
 *
 * Both are meant to be read and edited, and everything that was decided says why. Here is the
 * migration; the test is draft_sample's. No row of the table is read for either.
 */
#include "draft.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "arena.h"
#include "command_facts.h"
#include "command_line.h"
#include "draft_sample.h"
#include "draft_table.h"
#include "draft_words.h"
#include "error.h"
#include "scaffold.h"

enum { WIDTH = 90 };

bool draft_keys_may_meet(const struct draft_table *table)
{
    size_t bytes = 0;
    (void)draft_words_count_open(table, &bytes);
    return bytes > 1;
}

/* ---- the migration ---------------------------------------------------------------------- */

/* "a, b AS column_2", in lines of at most WIDTH. */
static void append_select_list(struct draft *draft, const size_t *columns, size_t count,
                               const char *indent)
{
    struct buffer *buf = &draft->text;
    size_t line = buf->length;

    for (size_t i = 0; i < count; i++) {
        size_t column = columns != NULL ? columns[i] : i;
        const char *name = draft->table->columns[column].name;
        const char *result = draft_words_result(draft, column);
        if (i > 0) buffer_append_char(buf, ',');
        if (i > 0 && buf->length - line + strlen(name) + 16 > WIDTH) {
            buffer_append_format(buf, "\n%s      ", indent);
            line = buf->length;
        }
        buffer_append_char(buf, ' ');
        draft_words_identifier(buf, name);
        if (result != NULL && result != name) buffer_append_format(buf, " AS %s", result);
    }
}

/* `read`: in its own line where that will do. */
static void append_read(struct draft *draft, const size_t *columns, size_t count)
{
    size_t begin = draft->text.length;
    const char *query = NULL;

    buffer_append_text(&draft->text, "SELECT");
    append_select_list(draft, columns, count, "");
    buffer_append_text(&draft->text, " FROM ");
    draft_words_table(draft);
    query = draft_words_take_back(draft, begin);
    if (query != NULL && strlen(query) <= WIDTH - 10 && strchr(query, '\n') == NULL &&
        draft_words_is_plain(query)) {
        buffer_append_format(&draft->text, "    read: %s\n", query);
        return;
    }
    buffer_append_text(&draft->text, "    read: |\n      SELECT");
    append_select_list(draft, columns, count, "      ");
    buffer_append_text(&draft->text, "\n      FROM ");
    draft_words_table(draft);
    buffer_append_char(&draft->text, '\n');
}

/* In [ ] more characters mean something. */
static void append_key_column(struct draft *draft, const char *name, bool in_list)
{
    static const char word[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

    if (name != NULL && in_list && name[strspn(name, word)] != '\0')
        draft_words_quoted(draft, name);
    else
        draft_words_scalar(draft, name);
}

static void append_key(struct draft *draft)
{
    const struct draft_table *table = draft->table;
    bool in_list = table->key_count > 1;

    if (table->key_count == 0) return;
    buffer_append_text(&draft->text, in_list ? "    key: [" : "    key: ");
    for (size_t i = 0; i < table->key_count; i++) {
        if (i > 0) buffer_append_text(&draft->text, ", ");
        append_key_column(draft, draft_words_result(draft, table->key[i]), in_list);
    }
    buffer_append_text(&draft->text, in_list ? "]\n" : "\n");
}

/* What was taken for the key, and why. */
static void append_reason(struct draft *draft)
{
    const struct draft_table *table = draft->table;
    size_t columns[DRAFT_KEY_MOST] = {0};

    if (table->key_kind != DRAFT_KEY_NONE) {
        buffer_append_format(
            &draft->text,
            "    # The %s%s%s: it makes the step exactly-once, and able to go on where\n"
            "    # it stopped.\n",
            table->key_kind == DRAFT_KEY_PRIMARY ? "primary key" : "unique index",
            table->key_name != NULL ? " " : "", table->key_name != NULL ? table->key_name : "");
        return;
    }
    (void)draft_words_identity(draft, columns);
    buffer_append_format(
        &draft->text,
        "    # No `key`: there is no primary key, and no unique index over columns that are\n"
        "    # never NULL. A run that is stopped starts over, and of rows with the same\n"
        "    # %s the last one is what Redis keeps. Columns that tell all rows apart,\n"
        "    # here and in `write`, mend both.\n",
        table->columns[columns[0]].name);
}

/* Why the Redis key looks as it does. */
static void append_guard(struct draft *draft)
{
    if (draft_keys_may_meet(draft->table))
        buffer_append_text(
            &draft->text,
            "    # CAREFUL: several columns of the key are bytes, which may hold a ':', so "
            "that\n"
            "    # two rows can have the same Redis key. Have the query encode them.\n");
    else if (draft_words_is_guarded(draft->table))
        buffer_append_text(
            &draft->text,
            "    # |json: as plain text, 'a:b' and 'c' would be the same Redis key as 'a' and\n"
            "    # 'b:c'. Where these columns never hold a ':', it can go, here and below.\n");
}

/* PREFIX${a}:${b}, or PREFIX${a|json}:${b|json} */
static void append_redis_key(struct draft *draft)
{
    size_t columns[DRAFT_KEY_MOST] = {0};
    size_t count = draft_words_identity(draft, columns);

    buffer_append_text(&draft->text, draft->prefix);
    for (size_t i = 0; i < count; i++) {
        const char *name = draft_words_result(draft, columns[i]);
        buffer_append_format(&draft->text, "%s${%s%s}", i > 0 ? ":" : "",
                             name != NULL ? name : "",
                             draft_words_is_json_part(draft, columns[i]) ? "|json" : "");
    }
}

/* ${*}, or each column where that would leave all of them out. */
static void append_pairs(struct draft *draft)
{
    if (draft_words_count_hidden(draft) < draft->table->column_count) {
        buffer_append_text(&draft->text, " ${*}");
        return;
    }
    for (size_t i = 0; i < draft->table->column_count; i++) {
        const char *name = draft_words_result(draft, i);
        buffer_append_char(&draft->text, ' ');
        command_line_append(&draft->text, name != NULL ? name : "",
                            name != NULL ? strlen(name) : 0);
        buffer_append_format(&draft->text, " ${%s%s}", name != NULL ? name : "",
                             draft->table->columns[i].not_null ? "" : ":-");
    }
}

static void append_command(struct draft *draft, const char *command, bool with_pairs)
{
    size_t begin = draft->text.length;

    buffer_append_format(&draft->text, "%s ", command);
    append_redis_key(draft);
    if (with_pairs) append_pairs(draft);
    const char *line = draft_words_take_back(draft, begin);
    buffer_append_text(&draft->text, "    write:\n      - ");
    draft_words_scalar(draft, line);
    buffer_append_char(&draft->text, '\n');
}

static void append_name(struct draft *draft, const char *key)
{
    buffer_append_text(&draft->text, key);
    draft_words_scalar(draft, draft->table->name);
    buffer_append_char(&draft->text, '\n');
}

static void write_up(struct draft *draft)
{
    const size_t hidden = draft_words_count_hidden(draft);

    buffer_append_text(&draft->text, "\nup:\n");
    append_name(draft, "  - name: ");
    append_read(draft, NULL, draft->table->column_count);
    append_reason(draft);
    append_key(draft);
    if (hidden < draft->table->column_count)
        buffer_append_format(&draft->text,
                             "    # ${*}: every column as a field with its value; what is NULL "
                             "is left out%s.\n",
                             hidden > 0 ? ",\n    # and so are columns whose name begins with _"
                                        : "");
    append_guard(draft);
    append_command(draft, "HSET", true);
    buffer_append_text(&draft->text,
                       "    # Told to subscribers, once per row, in the same transaction.\n"
                       "    # publish:\n");
    append_name(draft, "    #   channel: ");
    buffer_append_text(&draft->text, "    #   message: ${*|json}\n");
}

static void write_down(struct draft *draft)
{
    size_t columns[DRAFT_KEY_MOST] = {0};
    size_t count = draft_words_identity(draft, columns);

    buffer_append_text(&draft->text,
                       "\n# What undoes it; without it `redferry down` refuses.\ndown:\n");
    append_name(draft, "  - name: ");
    append_read(draft, columns, count);
    append_key(draft);
    append_command(draft, "DEL", false);
}

static void write_migration(struct draft *draft)
{
    const char *description =
        arena_format(draft->arena, "Copy %s to Redis", draft->table->name);

    buffer_append_text(&draft->text, scaffold_migration_schema);
    buffer_append_text(&draft->text, "# Written for the columns that the table had then.\n"
                                     "description: ");
    draft_words_scalar(draft, description);
    buffer_append_char(&draft->text, '\n');
    write_up(draft);
    write_down(draft);
}

/* ---- both ------------------------------------------------------------------------------- */

int draft_check_prefix(const char *prefix, struct error *err)
{
    for (const char *c = prefix; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7F || strchr("\"'\\", *c) != NULL)
            return error_set(err, ERROR_INVALID,
                             "the key prefix '%s' holds a blank, a quote, a backslash or a "
                             "control character",
                             prefix);
    if (strchr(prefix, '$') != NULL)
        return error_set(err, ERROR_INVALID,
                         "the key prefix '%s' holds a '$'; the key's columns follow it by "
                         "themselves",
                         prefix);
    if (command_is_own_key(prefix, strlen(prefix)))
        return error_set(err, ERROR_INVALID,
                         "keys that begin with 'redferry:' are redferry's own");
    return 0;
}

/* The table's name and a colon, without what a prefix may not hold. */
static const char *default_prefix(const struct draft *draft)
{
    char *prefix = arena_format(draft->arena, "%s:", draft->table->name);

    for (char *c = prefix; c != NULL && *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || strchr("\"'\\$", *c) != NULL) *c = '_';
    if (prefix != NULL && strcmp(prefix, COMMAND_OWN_KEY) == 0) return "redferry_:";
    return prefix;
}

int draft_write(struct scaffold_texts *out, const struct draft_table *table, const char *prefix,
                struct arena *arena, struct error *err)
{
    struct draft draft = {.table = table, .prefix = prefix, .arena = arena};

    if (prefix == NULL) draft.prefix = default_prefix(&draft);
    if (draft.prefix != NULL) {
        write_migration(&draft);
        out->migration = draft_words_take_back(&draft, 0);
        draft_sample_write(&draft);
        out->test = draft_words_take_back(&draft, 0);
    }
    buffer_release(&draft.text);
    if (arena->failed || draft.failed || draft.prefix == NULL || out->test == NULL ||
        out->migration == NULL)
        return error_memory(err);
    return 0;
}
