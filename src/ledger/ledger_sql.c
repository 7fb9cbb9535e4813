/*
 * The statements of sql/<dialect>/, as the tables of this ledger want them.
 *
 * They are written for the tables' own names, so that a person can run them as they stand.
 * Where the ledger has other names, or its schema is known, the three words are replaced here,
 * one by one as identifiers; inside a quoted text, where a statement asks the catalog for a
 * table, by the bare name. Names are checked when the ledger is opened, so neither form can end
 * a quote. Nothing here knows what a statement is for.
 */
#include "ledger_sql.h"

#include <ctype.h>
#include <string.h>

#include "db.h"
#include "error.h"
#include "number.h"

struct statement {
    const char *dialect, *name, *text;
};

static const struct statement statements[] = {
#include "ledger_statements.inc"
};

/* What the statements call the tables. */
static const char *const written[LEDGER_TABLES] = {"data_migrations", "data_migration_runs",
                                                   "data_migration_ledger"};

void ledger_sql_text(struct ledger_statement *statement, const char *text)
{
    statement->values[statement->count++] = value_text(text);
}

void ledger_sql_integer(struct ledger_statement *statement, int64_t number)
{
    size_t i = statement->count++;
    statement->values[i] = value_integer(number, statement->digits[i]);
}

void ledger_sql_optional(struct ledger_statement *statement, int64_t number, int64_t none)
{
    if (number == none) {
        ledger_sql_text(statement, NULL);
    } else {
        ledger_sql_integer(statement, number);
    }
}

const char *ledger_sql_find(enum db_dialect dialect, const char *name)
{
    const char *folder = dialect == DB_POSTGRESQL ? "postgresql" : "sqlite";
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        if (strcmp(statements[i].name, name) == 0 && strcmp(statements[i].dialect, folder) == 0)
            return statements[i].text;
    }
    return NULL;
}

bool ledger_sql_knows(const struct ledger *ledger, const char *name)
{
    return ledger_sql_find(ledger->dialect, name) != NULL;
}

void ledger_sql_append_table(const struct ledger *ledger, struct buffer *text,
                             enum ledger_table table)
{
    if (ledger->schema != NULL) {
        buffer_append_text(text, ledger->schema);
        buffer_append_char(text, '.');
    }
    if (strcmp(ledger->tables[table], written[table]) == 0) {
        buffer_append_text(text, written[table]);
    } else {
        db_append_identifier(text, ledger->tables[table]);
    }
}

/* Append the word as it stands, or the table that it means. */
static void append_word(const struct ledger *ledger, struct buffer *text, const char *word,
                        size_t length, bool quoted)
{
    for (int table = 0; table < LEDGER_TABLES; table++) {
        if (strlen(written[table]) != length || memcmp(word, written[table], length) != 0)
            continue;
        if (quoted) {
            buffer_append_text(text, ledger->tables[table]);
        } else {
            ledger_sql_append_table(ledger, text, (enum ledger_table)table);
        }
        return;
    }
    buffer_append(text, word, length);
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

void ledger_sql_append(const struct ledger *ledger, struct buffer *text, const char *name)
{
    bool quoted = false;
    for (const char *at = ledger_sql_find(ledger->dialect, name); *at != '\0';) {
        size_t length = 0;
        while (is_word(at[length])) length++;
        if (length > 0) {
            append_word(ledger, text, at, length, quoted);
            at += length;
        } else {
            if (*at == '\'') quoted = !quoted;
            buffer_append_char(text, *at++);
        }
    }
}

static const char *prepare(struct ledger *ledger, const char *name, struct error *err)
{
    buffer_clear(&ledger->text);
    ledger_sql_append(ledger, &ledger->text, name);
    const char *text = buffer_text(&ledger->text);
    if (text == NULL) (void)error_memory(err);
    return text;
}

int ledger_sql_execute(struct ledger *ledger, const struct ledger_statement *statement,
                       int64_t *changed, struct error *err)
{
    const char *text = prepare(ledger, statement->name, err);
    if (text == NULL) return -1;
    return db_execute(ledger->db, text, statement->values, statement->count, changed, err);
}

int ledger_sql_each(struct ledger *ledger, const struct ledger_statement *statement,
                    ledger_sql_take take, void *context, struct error *err)
{
    struct db_rows *rows = NULL;
    struct row row = {0};
    int result = -1;
    const char *text = prepare(ledger, statement->name, err);
    if (text == NULL) return -1;
    if (db_query(ledger->db, text, statement->values, statement->count, &rows, err) != 0)
        goto done;

    enum db_next next;
    while ((next = db_rows_next(rows, true, &row, err)) == DB_ROW) {
        if (take(context, &row, err) != 0) goto done;
    }
    if (next == DB_END) result = 0;
done:
    db_rows_close(rows);
    return result;
}

int ledger_sql_ask(struct ledger *ledger, const struct ledger_questions *questions,
                   struct error *err)
{
    enum { MOST = 4 };
    const char *texts[MOST] = {NULL};
    struct db_parameters parameters[MOST] = {{0}};
    struct arena arena = {0};
    const struct db_questions asked = {
        .queries = texts,
        .parameters = parameters,
        .count = questions->count,
        .access = questions->access,
        .any_types = true,
        .take = questions->take,
        .context = questions->context,
    };
    for (size_t i = 0; i < questions->count; i++) {
        const struct ledger_statement *statement = &questions->statements[i];
        const char *text = prepare(ledger, statement->name, err);
        if (text != NULL) texts[i] = arena_text(&arena, text);
        parameters[i] = (struct db_parameters){statement->values, statement->count};
    }
    const bool failed = arena.failed || buffer_failed(&ledger->text);
    int result = failed ? error_memory(err) : db_ask(ledger->db, &asked, err);
    arena_release(&arena);
    return result;
}

bool ledger_sql_is_true(const struct value *value)
{
    return value->length > 0 && (value->bytes[0] == 't' || value->bytes[0] == '1');
}

int ledger_sql_table(const struct value *value, enum ledger_table *table, struct error *err)
{
    int64_t number = 0;
    if (number_parse(value->bytes, value->length, 0, LEDGER_TABLES - 1, &number) != 0)
        return error_set(err, ERROR_FAILED, "the database numbers the ledger's tables wrongly");
    *table = (enum ledger_table)number;
    return 0;
}
