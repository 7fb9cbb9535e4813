/*
 * A first draft: the migration that copies one table to Redis, and its test.
 *
 * Both are meant to be read and edited, so that names are quoted only where they have to be,
 * and everything that was decided says why. The test's table and its two rows are made up, of
 * types that read the same in SQLite and in PostgreSQL; nothing in it comes from the table's
 * own rows.
 */
#include "draft.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "buffer.h"
#include "command_line.h"
#include "db.h"
#include "draft_table.h"
#include "error.h"
#include "json.h"
#include "scaffold.h"
#include "yaml_raw.h"

enum { WIDTH = 90, ROWS = 2, NAME_MOST = 48 };

/* A text in the making. */
struct draft {
    const struct draft_table *table;
    const char *prefix;
    struct arena *arena;
    struct buffer text;
    bool failed; /* memory ran out outside of both */
};

/* ---- names in SQL ----------------------------------------------------------------------- */

/* What one database or the other does not take for a column's or a table's name without quotes;
 * each word between blanks. */
static const char reserved[] =
    " add all alter analyse analyze and any array as asc asymmetric authorization "
    "autoincrement between binary both case cast check collate collation column "
    "commit concurrently constraint create cross current_catalog current_date "
    "current_role current_schema current_time current_timestamp current_user "
    "default deferrable delete desc distinct do drop else end escape except exists "
    "false fetch for foreign freeze from full grant group having if ilike in index "
    "initially inner insert intersect into is isnull join lateral leading left "
    "like limit localtime localtimestamp natural not nothing notnull null offset "
    "on only or order outer overlaps placing primary raise references returning "
    "right select session_user set similar some symmetric system_user table "
    "tablesample then to trailing transaction true union unique update user using "
    "values variadic verbose when where window with ";

static bool is_reserved(const char *word)
{
    const size_t length = strlen(word);

    for (const char *at = strstr(reserved, word); at != NULL; at = strstr(at + 1, word))
        if (at[-1] == ' ' && at[length] == ' ') return true;
    return false;
}

static void append_identifier(struct buffer *buf, const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    static const char all[] = "abcdefghijklmnopqrstuvwxyz_0123456789";

    if (strspn(name, letters) > 0 && name[strspn(name, all)] == '\0' && !is_reserved(name))
        buffer_append_text(buf, name);
    else
        db_append_identifier(buf, name);
}

static void append_table(struct draft *draft)
{
    if (draft->table->schema != NULL) {
        append_identifier(&draft->text, draft->table->schema);
        buffer_append_char(&draft->text, '.');
    }
    append_identifier(&draft->text, draft->table->name);
}

/* ---- names in placeholders -------------------------------------------------------------- */

static bool is_column(const struct draft_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcasecmp(table->columns[i].name, name) == 0) return true;
    return false;
}

/* What a column is called in the query's result: itself, where a placeholder can say that. */
static const char *result_name(const struct draft *draft, size_t column)
{
    const char *name = draft->table->columns[column].name;

    if (name[0] != '\0' && strpbrk(name, "}|") == NULL && strstr(name, ":-") == NULL &&
        strcmp(name, "*") != 0 && strstr(name, "${") == NULL)
        return name;
    name = arena_format(draft->arena, "column_%zu", column + 1);
    while (name != NULL && is_column(draft->table, name))
        name = arena_format(draft->arena, "%s_", name);
    return name;
}

/* ${*} leaves these out. */
static bool is_hidden(const struct draft *draft, size_t column)
{
    const char *name = result_name(draft, column);
    return name != NULL && name[0] == '_';
}

static size_t count_hidden(const struct draft *draft)
{
    size_t hidden = 0;
    for (size_t i = 0; i < draft->table->column_count; i++) hidden += is_hidden(draft, i);
    return hidden;
}

/* The columns that a row's Redis key is made of: the key's; else the one column that may tell
 * most. */
static size_t identity(const struct draft *draft, size_t *columns)
{
    const struct draft_table *table = draft->table;

    for (size_t i = 0; i < table->key_count; i++) columns[i] = table->key[i];
    if (table->key_count > 0) return table->key_count;
    columns[0] = 0;
    for (size_t i = table->column_count; i > 0; i--)
        if (table->columns[i - 1].not_null) columns[0] = i - 1;
    return 1;
}

/* Whether a value of this column may hold the ':' between the parts of a Redis key. The other
 * types are written in a form in which what follows a value's end cannot belong to it. */
static bool may_hold_separator(const struct draft_table *table, size_t column)
{
    return table->columns[column].kind == DRAFT_TEXT ||
           table->columns[column].kind == DRAFT_BYTES;
}

/* How many parts of the key may hold the separator; bytes of them cannot be written as JSON. */
static size_t count_open(const struct draft_table *table, size_t *bytes)
{
    size_t open = 0;

    *bytes = 0;
    for (size_t i = 0; i < table->key_count; i++) {
        open += may_hold_separator(table, table->key[i]);
        *bytes += table->columns[table->key[i]].kind == DRAFT_BYTES;
    }
    return open;
}

/* Whether the texts among the key's columns are written as JSON, which says where each ends: as
 * they are, 'a:b' and 'c' would be the same Redis key as 'a' and 'b:c'. A single one may stay.
 */
static bool is_guarded(const struct draft_table *table)
{
    size_t bytes = 0;
    return count_open(table, &bytes) > 1;
}

static bool is_json_part(const struct draft *draft, size_t column)
{
    return is_guarded(draft->table) && draft->table->columns[column].kind == DRAFT_TEXT;
}

bool draft_keys_may_meet(const struct draft_table *table)
{
    size_t bytes = 0;
    (void)count_open(table, &bytes);
    return bytes > 1;
}

/* ---- YAML ------------------------------------------------------------------------------- */

/* Whether text can stand in a block without quotes, and is not taken for anything but text. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "y",    "n"};
    size_t length = strlen(text);

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0) return false;
    if (length > 0 && strspn(text, "0123456789") == length) return true;
    return isalpha((unsigned char)text[0]) && strstr(text, ": ") == NULL &&
           strstr(text, " #") == NULL && text[length - 1] != ':' && text[length - 1] != ' ';
}

static void append_quoted(struct draft *draft, const char *text)
{
    const char *quoted = yaml_raw_quoted(draft->arena, text, strlen(text));

    if (quoted == NULL)
        draft->failed = true;
    else
        buffer_append_text(&draft->text, quoted);
}

/* A text as YAML; NULL is one that there was no memory for. */
static void append_scalar(struct draft *draft, const char *text)
{
    if (text == NULL)
        draft->failed = true;
    else if (is_plain(text))
        buffer_append_text(&draft->text, text);
    else
        append_quoted(draft, text);
}

/* What was appended behind begin, taken off again, terminated. */
static const char *take_back(struct draft *draft, size_t begin)
{
    const char *text = NULL;

    if (buffer_failed(&draft->text)) return NULL;
    text = arena_copy(draft->arena, draft->text.bytes + begin, draft->text.length - begin);
    draft->text.length = begin;
    return text;
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
        const char *result = result_name(draft, column);
        if (i > 0) buffer_append_char(buf, ',');
        if (i > 0 && buf->length - line + strlen(name) + 16 > WIDTH) {
            buffer_append_format(buf, "\n%s      ", indent);
            line = buf->length;
        }
        buffer_append_char(buf, ' ');
        append_identifier(buf, name);
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
    append_table(draft);
    query = take_back(draft, begin);
    if (query != NULL && strlen(query) <= WIDTH - 10 && strchr(query, '\n') == NULL &&
        is_plain(query)) {
        buffer_append_format(&draft->text, "    read: %s\n", query);
        return;
    }
    buffer_append_text(&draft->text, "    read: |\n      SELECT");
    append_select_list(draft, columns, count, "      ");
    buffer_append_text(&draft->text, "\n      FROM ");
    append_table(draft);
    buffer_append_char(&draft->text, '\n');
}

/* In [ ] more characters mean something. */
static void append_key_column(struct draft *draft, const char *name, bool in_list)
{
    static const char word[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

    if (name != NULL && in_list && name[strspn(name, word)] != '\0')
        append_quoted(draft, name);
    else
        append_scalar(draft, name);
}

static void append_key(struct draft *draft)
{
    const struct draft_table *table = draft->table;
    bool in_list = table->key_count > 1;

    if (table->key_count == 0) return;
    buffer_append_text(&draft->text, in_list ? "    key: [" : "    key: ");
    for (size_t i = 0; i < table->key_count; i++) {
        if (i > 0) buffer_append_text(&draft->text, ", ");
        append_key_column(draft, result_name(draft, table->key[i]), in_list);
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
    (void)identity(draft, columns);
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
    else if (is_guarded(draft->table))
        buffer_append_text(
            &draft->text,
            "    # |json: as plain text, 'a:b' and 'c' would be the same Redis key as 'a' and\n"
            "    # 'b:c'. Where these columns never hold a ':', it can go, here and below.\n");
}

/* PREFIX${a}:${b}, or PREFIX${a|json}:${b|json} */
static void append_redis_key(struct draft *draft)
{
    size_t columns[DRAFT_KEY_MOST] = {0};
    size_t count = identity(draft, columns);

    buffer_append_text(&draft->text, draft->prefix);
    for (size_t i = 0; i < count; i++) {
        const char *name = result_name(draft, columns[i]);
        buffer_append_format(&draft->text, "%s${%s%s}", i > 0 ? ":" : "",
                             name != NULL ? name : "",
                             is_json_part(draft, columns[i]) ? "|json" : "");
    }
}

/* ${*}, or each column where that would leave all of them out. */
static void append_pairs(struct draft *draft)
{
    if (count_hidden(draft) < draft->table->column_count) {
        buffer_append_text(&draft->text, " ${*}");
        return;
    }
    for (size_t i = 0; i < draft->table->column_count; i++) {
        const char *name = result_name(draft, i);
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
    const char *line = take_back(draft, begin);
    buffer_append_text(&draft->text, "    write:\n      - ");
    append_scalar(draft, line);
    buffer_append_char(&draft->text, '\n');
}

static void append_name(struct draft *draft, const char *key)
{
    buffer_append_text(&draft->text, key);
    append_scalar(draft, draft->table->name);
    buffer_append_char(&draft->text, '\n');
}

static void write_up(struct draft *draft)
{
    const size_t hidden = count_hidden(draft);

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
    size_t count = identity(draft, columns);

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
    append_scalar(draft, description);
    buffer_append_char(&draft->text, '\n');
    write_up(draft);
    write_down(draft);
}

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
    size_t count = identity(draft, columns);
    size_t begin = draft->text.length;
    const char *key = NULL;

    buffer_append_text(&draft->text, draft->prefix);
    for (size_t i = 0; i < count; i++) {
        const char *text = sample_text(draft, columns[i], row);
        if (i > 0) buffer_append_char(&draft->text, ':');
        if (text == NULL) text = "";
        if (is_json_part(draft, columns[i]))
            (void)json_append_string(&draft->text, text, strlen(text));
        else
            buffer_append_text(&draft->text, text);
    }
    key = take_back(draft, begin);
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
    append_table(draft);
    buffer_append_text(&draft->text, " (\n");
    for (size_t i = 0; i < table->column_count; i++) {
        buffer_append_text(&draft->text, "        ");
        append_identifier(&draft->text, table->columns[i].name);
        buffer_append_format(&draft->text, " %s%s%s\n", test_type(table, i),
                             table->columns[i].not_null ? " NOT NULL" : "",
                             i + 1 < table->column_count || table->key_count > 0 ? "," : "");
    }
    for (size_t i = 0; i < table->key_count; i++) {
        buffer_append_text(&draft->text, i == 0 ? "        PRIMARY KEY (" : ", ");
        append_identifier(&draft->text, table->columns[table->key[i]].name);
    }
    buffer_append_text(&draft->text, table->key_count > 0 ? ")\n    );\n" : "    );\n");
}

static void append_insert(struct draft *draft)
{
    const struct draft_table *table = draft->table;

    buffer_append_text(&draft->text, "    INSERT INTO ");
    append_table(draft);
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
    const bool all = count_hidden(draft) == draft->table->column_count;
    size_t begin = draft->text.length;
    const char *command = NULL;

    buffer_append_text(&draft->text, "HGETALL ");
    append_sample_key(draft, row);
    command = take_back(draft, begin);
    buffer_append_text(&draft->text, "    - ");
    append_scalar(draft, command);
    buffer_append_text(&draft->text, ":\n");
    for (size_t i = 0; i < draft->table->column_count; i++) {
        if (!all && is_hidden(draft, i)) continue;
        buffer_append_text(&draft->text, "        ");
        append_scalar(draft, result_name(draft, i));
        buffer_append_text(&draft->text, ": ");
        append_scalar(draft, sample_text(draft, i, row));
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
    command = take_back(draft, begin);
    buffer_append_text(&draft->text, "\nafter_down:\n  redis:\n    - ");
    append_scalar(draft, command);
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

static void write_test(struct draft *draft)
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
        append_identifier(&draft->text, schema);
        buffer_append_text(&draft->text, ";\n");
    }
    append_create(draft);
    append_insert(draft);
    buffer_append_text(&draft->text, "\nexpect:\n  redis:\n");
    for (size_t row = 0; row < ROWS; row++) append_check(draft, row);
    append_after_down(draft);
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
    if (strncmp(prefix, "redferry:", strlen("redferry:")) == 0)
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
    if (prefix != NULL && strcmp(prefix, "redferry:") == 0) return "redferry_:";
    return prefix;
}

int draft_write(struct scaffold_texts *out, const struct draft_table *table, const char *prefix,
                struct arena *arena, struct error *err)
{
    struct draft draft = {.table = table, .prefix = prefix, .arena = arena};

    if (prefix == NULL) draft.prefix = default_prefix(&draft);
    if (draft.prefix != NULL) {
        write_migration(&draft);
        out->migration = take_back(&draft, 0);
        write_test(&draft);
        out->test = take_back(&draft, 0);
    }
    buffer_release(&draft.text);
    if (arena->failed || draft.failed || draft.prefix == NULL || out->test == NULL ||
        out->migration == NULL)
        return error_memory(err);
    return 0;
}
