/*
 * The words that a draft is made of: names in SQL, in placeholders and in YAML.
 *
 * Both files are meant to be read and edited, so that names are quoted only where they have to
 * be. What is said with them is the migration's and the test's affair.
 */
#include "draft_words.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "db.h"
#include "draft_table.h"
#include "yaml_raw.h"

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

void draft_words_identifier(struct buffer *buf, const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    static const char all[] = "abcdefghijklmnopqrstuvwxyz_0123456789";

    if (strspn(name, letters) > 0 && name[strspn(name, all)] == '\0' && !is_reserved(name))
        buffer_append_text(buf, name);
    else
        db_append_identifier(buf, name);
}

void draft_words_table(struct draft *draft)
{
    if (draft->table->schema != NULL) {
        draft_words_identifier(&draft->text, draft->table->schema);
        buffer_append_char(&draft->text, '.');
    }
    draft_words_identifier(&draft->text, draft->table->name);
}

/* ---- names in placeholders -------------------------------------------------------------- */

static bool is_column(const struct draft_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcasecmp(table->columns[i].name, name) == 0) return true;
    return false;
}

const char *draft_words_result(const struct draft *draft, size_t column)
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

bool draft_words_is_hidden(const struct draft *draft, size_t column)
{
    const char *name = draft_words_result(draft, column);
    return name != NULL && name[0] == '_';
}

size_t draft_words_count_hidden(const struct draft *draft)
{
    size_t hidden = 0;
    for (size_t i = 0; i < draft->table->column_count; i++)
        hidden += draft_words_is_hidden(draft, i);
    return hidden;
}

size_t draft_words_identity(const struct draft *draft, size_t *columns)
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

size_t draft_words_count_open(const struct draft_table *table, size_t *bytes)
{
    size_t open = 0;

    *bytes = 0;
    for (size_t i = 0; i < table->key_count; i++) {
        open += may_hold_separator(table, table->key[i]);
        *bytes += table->columns[table->key[i]].kind == DRAFT_BYTES;
    }
    return open;
}

bool draft_words_is_guarded(const struct draft_table *table)
{
    size_t bytes = 0;
    return draft_words_count_open(table, &bytes) > 1;
}

bool draft_words_is_json_part(const struct draft *draft, size_t column)
{
    return draft_words_is_guarded(draft->table) &&
           draft->table->columns[column].kind == DRAFT_TEXT;
}

/* ---- YAML ------------------------------------------------------------------------------- */

bool draft_words_is_plain(const char *text)
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

void draft_words_quoted(struct draft *draft, const char *text)
{
    const char *quoted = yaml_raw_quoted(draft->arena, text, strlen(text));

    if (quoted == NULL)
        draft->failed = true;
    else
        buffer_append_text(&draft->text, quoted);
}

void draft_words_scalar(struct draft *draft, const char *text)
{
    if (text == NULL)
        draft->failed = true;
    else if (draft_words_is_plain(text))
        buffer_append_text(&draft->text, text);
    else
        draft_words_quoted(draft, text);
}

const char *draft_words_take_back(struct draft *draft, size_t begin)
{
    const char *text = NULL;

    if (buffer_failed(&draft->text)) return NULL;
    text = arena_copy(draft->arena, draft->text.bytes + begin, draft->text.length - begin);
    draft->text.length = begin;
    return text;
}
