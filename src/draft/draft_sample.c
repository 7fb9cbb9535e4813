/*
 * The test of a drafted migration: a table and two rows that are made up, and what they become.
 *
 * They are of types that read the same in SQLite and in PostgreSQL, and told apart where the
 * migration has to tell rows apart; nothing in them comes from the table's own rows.
 */
#include "draft_sample.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "command_line.h"
#include "draft_table.h"
#include "draft_words.h"
#include "json.h"
#include "scaffold.h"

enum { ROWS = 2, NAME_MOST = 48 };

/* ---- made-up rows ----------------------------------------------------------------------- */

/* The text of a made-up value, and whether SQL wants it in quotes. Each kind has one for either
 * row; a text is called after its column. */
/* clang-format off */
static const struct sample {
    const char *texts[ROWS];
    bool quoted;
} samples[] = {
    [DRAFT_TEXT]        = {{NULL, NULL}, true},
    [DRAFT_BOOLEAN]     = {{"true", "false"}, false},
    [DRAFT_INTEGER]     = {{"1", "2"}, false},
    [DRAFT_NUMERIC]     = {{"12.5", "7.25"}, false},
    [DRAFT_FLOAT]       = {{"1.5", "2.25"}, false},
    [DRAFT_DATE]        = {{"2025-03-01", "2025-03-02"}, true},
    [DRAFT_TIME]        = {{"09:30:00", "17:45:00"}, true},
    [DRAFT_TIMESTAMP]   = {{"2025-03-01T09:30:00", "2025-03-02T17:45:00"}, true},
    [DRAFT_TIMESTAMPTZ] = {{"2025-03-01T09:30:00Z", "2025-03-02T17:45:00Z"}, true},
    [DRAFT_UUID]        = {{"11111111-1111-4111-8111-111111111111",
                            "22222222-2222-4222-8222-222222222222"}, true},
    [DRAFT_JSON]        = {{"{\"color\":\"red\"}", "{\"color\":\"blue\"}"}, true},
    [DRAFT_BYTES]       = {{NULL, NULL}, true},
};
/* clang-format on */

/* A value that is called after its column, or one of a kind that has such values. */
static const char *plain_sample(struct draft *draft, size_t column, size_t row)
{
    const struct draft_column *one = &draft->table->columns[column];
    const char *text = samples[one->kind].texts[row];
    char stem[NAME_MOST + 1];
    size_t length = 0;

    if (text != NULL) return text;
    for (const char *c = one->name; *c != '\0' && length < NAME_MOST; c++)
        if ((unsigned char)*c < 0x80 && isalnum((unsigned char)*c))
            stem[length++] = (char)tolower((unsigned char)*c);
        else if (length > 0 && stem[length - 1] != '_')
            stem[length++] = '_';
    while (length > 0 && stem[length - 1] == '_') length--;
    stem[length] = '\0';
    return arena_format(draft->arena, "%s_%zu", length > 0 ? stem : "text", row + 1);
}

/* Where column stands in the key; key_count: nowhere. */
static size_t key_position(const struct draft_table *table, size_t column)
{
    size_t at = 0;
    while (at < table->key_count && table->key[at] != column) at++;
    return at;
}

/* The first position of the key from at on whose column is a text; key_count: none. */
static size_t text_position(const struct draft_table *table, size_t at)
{
    while (at < table->key_count && table->columns[table->key[at]].kind != DRAFT_TEXT) at++;
    return at;
}

/*
 * What a column holds in a made-up row; NULL where memory runs out. The rows of a table with
 * several texts in its key differ in nothing but where the one text ends and the other begins:
 * row 1 has a_1:b_2 and b_1, row 2 a_1 and b_2:b_1, and what stands between the two in the key
 * in the middle, so that without |json they would be one key, and the test would fail.
 */
static const char *sample_text(struct draft *draft, size_t column, size_t row)
{
    const struct draft_table *table = draft->table;
    const size_t first = text_position(table, 0), second = text_position(table, first + 1);
    const size_t at = key_position(table, column);
    const char *between = "", *left = NULL, *right = NULL;

    if (second >= table->key_count || at == table->key_count)
        return plain_sample(draft, column, row);
    if (at != (row == 0 ? first : second)) return plain_sample(draft, column, 0);
    for (size_t i = first + 1; i < second && between != NULL; i++) {
        const char *middle = plain_sample(draft, table->key[i], 0);
        between = middle == NULL ? NULL : arena_format(draft->arena, "%s:%s", between, middle);
    }
    left = plain_sample(draft, table->key[row == 0 ? first : second], row);
    right = plain_sample(draft, table->key[second], 1 - row);
    if (between == NULL || left == NULL || right == NULL) return NULL;
    return arena_format(draft->arena, "%s%s:%s", left, between, right);
}

/* The Redis key of a made-up row, as an argument of a command. */
static void append_sample_key(struct draft *draft, size_t row)
{
    size_t columns[DRAFT_KEY_MOST] = {0};
    size_t count = draft_words_identity(draft, columns);
    size_t begin = draft->text.length;
    const char *key = NULL;

    buffer_append_text(&draft->text, draft->prefix);
    for (size_t i = 0; i < count; i++) {
        const char *text = sample_text(draft, columns[i], row);
        if (i > 0) buffer_append_char(&draft->text, ':');
        if (text == NULL) text = "";
        if (draft_words_is_json_part(draft, columns[i]))
            (void)json_append_string(&draft->text, text, strlen(text));
        else
            buffer_append_text(&draft->text, text);
    }
    key = draft_words_take_back(draft, begin);
    if (key != NULL) command_line_append(&draft->text, key, strlen(key));
}

/* ---- the test --------------------------------------------------------------------------- */

/* PostgreSQL has no order for json, and jsonb is written in another way than it was read. */
static const char *test_type(const struct draft_table *table, size_t column)
{
    const struct draft_column *one = &table->columns[column];
    const bool is_key = key_position(table, column) < table->key_count;
    return one->kind == DRAFT_JSON && is_key ? "text" : one->type;
}

static void append_create(struct draft *draft)
{
    const struct draft_table *table = draft->table;

    buffer_append_text(&draft->text, "    CREATE TABLE ");
    draft_words_table(draft);
    buffer_append_text(&draft->text, " (\n");
    for (size_t i = 0; i < table->column_count; i++) {
        buffer_append_text(&draft->text, "        ");
        draft_words_identifier(&draft->text, table->columns[i].name);
        buffer_append_format(&draft->text, " %s%s%s\n", test_type(table, i),
                             table->columns[i].not_null ? " NOT NULL" : "",
                             i + 1 < table->column_count || table->key_count > 0 ? "," : "");
    }
    for (size_t i = 0; i < table->key_count; i++) {
        buffer_append_text(&draft->text, i == 0 ? "        PRIMARY KEY (" : ", ");
        draft_words_identifier(&draft->text, table->columns[table->key[i]].name);
    }
    buffer_append_text(&draft->text, table->key_count > 0 ? ")\n    );\n" : "    );\n");
}

static void append_insert(struct draft *draft)
{
    const struct draft_table *table = draft->table;

    buffer_append_text(&draft->text, "    INSERT INTO ");
    draft_words_table(draft);
    buffer_append_text(&draft->text, " VALUES\n");
    for (size_t row = 0; row < ROWS; row++) {
        buffer_append_text(&draft->text, "        (");
        for (size_t i = 0; i < table->column_count; i++) {
            const char *quote = samples[table->columns[i].kind].quoted ? "'" : "";
            const char *text = sample_text(draft, i, row);
            buffer_append_format(&draft->text, "%s%s%s%s", i > 0 ? ", " : "", quote,
                                 text != NULL ? text : "", quote);
        }
        buffer_append_text(&draft->text, row + 1 < ROWS ? "),\n" : ");\n");
    }
}

/* All fields of one row's hash. */
static void append_check(struct draft *draft, size_t row)
{
    const bool all = draft_words_count_hidden(draft) == draft->table->column_count;
    size_t begin = draft->text.length;
    const char *command = NULL;

    buffer_append_text(&draft->text, "HGETALL ");
    append_sample_key(draft, row);
    command = draft_words_take_back(draft, begin);
    buffer_append_text(&draft->text, "    - ");
    draft_words_scalar(draft, command);
    buffer_append_text(&draft->text, ":\n");
    for (size_t i = 0; i < draft->table->column_count; i++) {
        if (!all && draft_words_is_hidden(draft, i)) continue;
        buffer_append_text(&draft->text, "        ");
        draft_words_scalar(draft, draft_words_result(draft, i));
        buffer_append_text(&draft->text, ": ");
        draft_words_scalar(draft, sample_text(draft, i, row));
        buffer_append_char(&draft->text, '\n');
    }
}

static void append_after_down(struct draft *draft)
{
    size_t begin = draft->text.length;
    const char *command = NULL;

    buffer_append_text(&draft->text, "EXISTS");
    for (size_t row = 0; row < ROWS; row++) {
        buffer_append_char(&draft->text, ' ');
        append_sample_key(draft, row);
    }
    command = draft_words_take_back(draft, begin);
    buffer_append_text(&draft->text, "\nafter_down:\n  redis:\n    - ");
    draft_words_scalar(draft, command);
    buffer_append_text(&draft->text, ": 0\n");
}

/* Whether two columns are one to SQLite, where case makes no difference. */
static bool has_twins(const struct draft_table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcasecmp(table->columns[i].name, table->columns[j].name) == 0) return true;
    return false;
}

void draft_sample_write(struct draft *draft)
{
    const char *schema = draft->table->schema;

    buffer_append_text(&draft->text, scaffold_test_schema);
    buffer_append_text(
        &draft->text,
        "# What the migration beside this file does to two rows that are made up: `redferry "
        "test`\n"
        "# applies it on servers of its own, twice, undoes it, and applies it again.\n");
    if (schema != NULL)
        buffer_append_text(&draft->text,
                           "# SQLite has no schemas: this test needs --database and a "
                           "PostgreSQL.\n");
    else if (has_twins(draft->table))
        buffer_append_text(
            &draft->text, "# To SQLite names that differ only in case are one: this test needs "
                          "--database\n# and a PostgreSQL.\n");
    buffer_append_text(&draft->text, "given:\n  sql: |\n");
    if (schema != NULL) {
        buffer_append_text(&draft->text, "    CREATE SCHEMA ");
        draft_words_identifier(&draft->text, schema);
        buffer_append_text(&draft->text, ";\n");
    }
    append_create(draft);
    append_insert(draft);
    buffer_append_text(&draft->text, "\nexpect:\n  redis:\n");
    for (size_t row = 0; row < ROWS; row++) append_check(draft, row);
    append_after_down(draft);
}
