/*
 * What a query's own words tell: which columns it has, whether it can have several rows, and
 * what in it makes a repeat read something else (rules RF4).
 *
 * It goes by tokens, so that strings and comments mislead nobody, and by those outside
 * parentheses, which is where a result's columns, order and limits are said. It is no parser:
 * of what is not plain it says nothing, and what the words of one database mean it leaves to
 * that.
 */
#include "lint_sql.h"

#include <string.h>
#include <strings.h>

#include "arena.h"
#include "lint_text.h"
#include "number.h"
#include "sql_text.h"
#include "template.h"

/* ---- tokens ----------------------------------------------------------------------------- */

static bool is_word(const struct lint_query *query, size_t at, const char *word)
{
    if (at >= query->count) return false;
    const struct sql_token *token = &query->tokens[at];
    return token->kind == SQL_TOKEN_WORD && token->end - token->begin == strlen(word) &&
           strncasecmp(query->sql + token->begin, word, strlen(word)) == 0;
}

static bool is_one_of(const struct lint_query *query, size_t at, const char *const *words)
{
    for (; *words != NULL; words++)
        if (is_word(query, at, *words)) return true;
    return false;
}

static bool is_symbol(const struct lint_query *query, size_t at, char symbol)
{
    return at < query->count && query->tokens[at].kind == SQL_TOKEN_SYMBOL &&
           query->sql[query->tokens[at].begin] == symbol;
}

/* Whether a token is a name: a word, or one in the quotes of names. */
static bool is_name(const struct lint_query *query, size_t at)
{
    if (at >= query->count) return false;
    const struct sql_token *token = &query->tokens[at];
    return token->kind == SQL_TOKEN_WORD || (token->kind == SQL_TOKEN_QUOTED &&
                                             strchr("\"`[", query->sql[token->begin]) != NULL);
}

/* The next token that is not inside what opens at this one. */
static size_t next_outside(const struct lint_query *query, size_t at)
{
    return query->next[at];
}

/* Find for each token the next one outside; of what never closes it is the end. What is still
 * open is a list, each one's place holding the one around it. */
static int pair(struct lint_query *query, struct arena *arena)
{
    size_t *next = arena_array(arena, query->count + 1, sizeof *next), open = query->count;
    if (next == NULL) return -1;
    for (size_t at = 0; at < query->count; at++) {
        const bool closes = is_symbol(query, at, ')') || is_symbol(query, at, ']');
        const size_t last = open;
        next[at] = at + 1;
        if (is_symbol(query, at, '(') || is_symbol(query, at, '[')) {
            next[at] = open;
            open = at;
        } else if (closes && last < query->count) {
            open = next[last];
            next[last] = at + 1;
        }
    }
    while (open < query->count) {
        const size_t around = next[open];
        next[open] = query->count;
        open = around;
    }
    query->next = next;
    return 0;
}

/* The first token from at on, outside parentheses, that is one of words, and no column of some
 * table's; count: none. */
static size_t find_outside(const struct lint_query *query, size_t at, const char *const *words)
{
    while (at < query->count) {
        if (is_one_of(query, at, words) && (at == 0 || !is_symbol(query, at - 1, '.'))) break;
        at = next_outside(query, at);
    }
    return at;
}

/* The name that a token is, without its quotes, or NULL where it is not plainly one. */
static const char *name_at(const struct lint_query *query, size_t at, struct arena *arena)
{
    const struct sql_token *token = &query->tokens[at];
    const char *begin = query->sql + token->begin;
    size_t length = token->end - token->begin;
    if (token->kind == SQL_TOKEN_WORD) return arena_copy(arena, begin, length);
    if (length < 3 || memchr(begin + 1, begin[0], length - 2) != NULL) return NULL;
    return arena_copy(arena, begin + 1, length - 2);
}

/* ---- columns ---------------------------------------------------------------------------- */

static const char *const ends_of_list[] = {"FROM",  "WHERE",  "GROUP",     "HAVING", "WINDOW",
                                           "ORDER", "LIMIT",  "OFFSET",    "FETCH",  "FOR",
                                           "UNION", "EXCEPT", "INTERSECT", NULL};

/* Where the list of columns that begins at at ends. Neither the FROM of IS DISTINCT FROM ends
 * it nor a word that is a whole column. */
static size_t end_of_list(const struct lint_query *query, size_t at)
{
    const size_t begin = at;
    for (;;) {
        at = find_outside(query, at, ends_of_list);
        const bool is_from = is_word(query, at, "FROM");
        const bool is_comparison = is_from && at > 0 && is_word(query, at - 1, "DISTINCT");
        const bool is_column =
            at < query->count && !is_from && (at == begin || is_symbol(query, at - 1, ','));
        if (!is_comparison && !is_column) return at;
        at++;
    }
}

/* The token that names a column said from begin to end; count: none does, or not plainly. */
static size_t naming_token(const struct lint_query *query, size_t begin, size_t end)
{
    static const char *const no_names[] = {"NULL",   "TRUE",    "FALSE", "END",
                                           "ISNULL", "NOTNULL", NULL};
    const size_t last = end - 1;
    if (!is_name(query, last) || is_one_of(query, last, no_names)) return query->count;
    if (begin == last || is_word(query, last - 1, "AS") || is_symbol(query, last - 1, ')'))
        return last;
    /* table.column, column alias, table.column alias */
    size_t at = begin;
    while (at + 2 < end && is_name(query, at) && is_symbol(query, at + 1, '.')) at += 2;
    if (is_name(query, at) && (at == last || (at == last - 1 && at > begin))) return last;
    return query->count;
}

static void add_column(struct lint_query *query, size_t begin, size_t end, struct arena *arena)
{
    const char *name = NULL;
    const bool is_star = end > begin && is_symbol(query, end - 1, '*') &&
                         (end - begin == 1 || is_symbol(query, end - 2, '.'));
    if (is_star && !query->has_star) {
        query->has_star = true;
        query->star = query->tokens[end - 1].begin;
    }
    if (end > begin && !is_star) {
        const size_t naming = naming_token(query, begin, end);
        if (naming < query->count) name = name_at(query, naming, arena);
    }
    if (name == NULL) query->knows_columns = false;
    query->columns[query->column_count++] = name;
}

/* Read the columns of the SELECT at select. Returns the token behind them. */
static size_t read_columns(struct lint_query *query, size_t select, struct arena *arena)
{
    size_t begin = select + 1;
    if (is_word(query, begin, "ALL") || is_word(query, begin, "DISTINCT")) begin++;
    if (is_word(query, begin, "ON")) begin = next_outside(query, begin + 1);
    const size_t end = end_of_list(query, begin);
    query->columns = arena_array(arena, end - begin + 1, sizeof *query->columns);
    query->knows_columns = query->columns != NULL;
    if (query->columns == NULL) return end;
    for (size_t at = begin; at < end; at = next_outside(query, at)) {
        if (!is_symbol(query, at, ',')) continue;
        add_column(query, begin, at, arena);
        begin = at + 1;
    }
    add_column(query, begin, end, arena);
    return end;
}

bool lint_query_has(const struct lint_query *query, const char *column)
{
    for (size_t i = 0; i < query->column_count; i++)
        if (query->columns[i] != NULL && strcasecmp(query->columns[i], column) == 0)
            return true;
    return false;
}

/* ---- rows ------------------------------------------------------------------------------- */

static bool is_call(const struct lint_query *query, size_t at, const char *const *functions)
{
    return is_one_of(query, at, functions) && is_symbol(query, at + 1, '(');
}

/* Whether max() or min() of one argument stands here; of several, SQLite takes those of one
 * row.
 */
static bool is_extreme(const struct lint_query *query, size_t at)
{
    static const char *const functions[] = {"max", "min", NULL};
    if (!is_call(query, at, functions)) return false;
    for (at += 2; at < query->count && !is_symbol(query, at, ')'); at = next_outside(query, at))
        if (is_symbol(query, at, ',')) return false;
    return true;
}

/* Whether between two tokens, outside parentheses, an aggregate over all rows is called. */
static bool aggregates(const struct lint_query *query, size_t at, size_t end)
{
    static const char *const functions[] = {"count",
                                            "sum",
                                            "total",
                                            "avg",
                                            "string_agg",
                                            "json_agg",
                                            "jsonb_agg",
                                            "json_object_agg",
                                            "array_agg",
                                            "jsonb_object_agg",
                                            "bool_or",
                                            "bool_and",
                                            "group_concat",
                                            "json_group_array",
                                            "json_group_object",
                                            "every",
                                            NULL};
    static const char *const windows[] = {"OVER", NULL};
    bool found = false;
    for (; at < end; at++) {
        if (is_one_of(query, at, windows)) return false;
        found = found || is_call(query, at, functions) || is_extreme(query, at);
    }
    return found;
}

/* Whether between two tokens a function stands that can give several rows. */
static bool makes_rows(const struct lint_query *query, size_t at, size_t end)
{
    static const char *const words[] = {
        "_each",          "_to_table", "_keys",       "_elements",  "_series", "unnest",
        "regexp_matches", "_text",     "_subscripts", "_recordset", NULL};
    for (; at < end; at++) {
        if (query->tokens[at].kind != SQL_TOKEN_WORD || !is_symbol(query, at + 1, '('))
            continue;
        const char *begin = query->sql + query->tokens[at].begin;
        const size_t length = query->tokens[at].end - query->tokens[at].begin;
        for (const char *const *word = words; *word != NULL; word++) {
            const size_t part = strlen(*word);
            if (length >= part && strncasecmp(begin + length - part, *word, part) == 0)
                return true;
        }
    }
    return false;
}

/* Whether at most one row comes out of the SELECT whose columns are between begin and end. */
static bool is_one_row(const struct lint_query *query, size_t begin, size_t end)
{
    static const char *const several[] = {"GROUP", "UNION", "EXCEPT", "INTERSECT", NULL};
    static const char *const limit[] = {"LIMIT", NULL};
    static const char *const from[] = {"FROM", NULL};
    const size_t limited = find_outside(query, end, limit);
    if (limited + 1 < query->count &&
        query->tokens[limited + 1].end == query->tokens[limited + 1].begin + 1 &&
        is_symbol(query, limited + 1, '1') && !is_symbol(query, limited + 2, ','))
        return true;
    if (find_outside(query, end, several) < query->count) return false;
    if (find_outside(query, end, from) == query->count) return !makes_rows(query, begin, end);
    return aggregates(query, begin, end);
}

static int read_query(struct lint_query *query, const struct step *step, struct arena *arena)
{
    static const char *const selects[] = {"SELECT", NULL};
    static const char *const cuts[] = {"LIMIT", "OFFSET", "FETCH", NULL};
    static const char *const orders[] = {"ORDER", NULL};
    *query = (struct lint_query){.sql = step->read};
    query->tokens = sql_text_tokens(step->read, strlen(step->read), arena, &query->count);
    if (query->tokens == NULL || pair(query, arena) != 0) return -1;
    query->body = query->count;
    if (!is_word(query, 0, "SELECT") && !is_word(query, 0, "WITH")) return 0;
    const size_t select = find_outside(query, 0, selects);
    const size_t end = read_columns(query, select, arena);
    query->body = end;
    query->is_cut =
        find_outside(query, end, cuts) < query->count ||
        (is_word(query, select + 1, "DISTINCT") && is_word(query, select + 2, "ON"));
    const size_t order = find_outside(query, end, orders);
    query->is_ordered = order < query->count && is_word(query, order + 1, "BY");
    query->order = order + 2;
    query->is_one_row = is_one_row(query, select, end);
    return query->columns != NULL ? 0 : -1;
}

const struct lint_query *lint_query_read(const struct steps *steps, struct arena *arena)
{
    struct lint_query *queries = arena_array(arena, steps->count + 1, sizeof *queries);
    for (size_t i = 0; queries != NULL && i < steps->count; i++) {
        if (steps->items[i].read == NULL) continue;
        if (read_query(&queries[i], &steps->items[i], arena) != 0) return NULL;
    }
    return queries;
}

const struct lint_query *lint_query_of(const struct lint_subject *subject,
                                       const struct step *step)
{
    return lint_text_is_down(subject, step)
               ? &subject->down_queries[step - subject->migration->down.items]
               : &subject->up_queries[step - subject->migration->up.items];
}

/* Whether a string or a number stands at at. */
static bool is_constant(const struct lint_query *query, size_t at)
{
    if (at >= query->count || query->tokens[at].kind == SQL_TOKEN_WORD) return false;
    const char c = query->sql[query->tokens[at].begin];
    return c == '\'' || (c >= '0' && c <= '9');
}

bool lint_query_pins(const struct lint_query *query, const char *column)
{
    static const char *const where[] = {"WHERE", NULL};
    static const char *const either[] = {"OR", "GROUP", "UNION", "EXCEPT", "INTERSECT", NULL};
    const size_t begin = find_outside(query, query->body, where);
    if (find_outside(query, begin, either) < query->count) return false;
    for (size_t at = begin; at < query->count; at = next_outside(query, at)) {
        if (!is_symbol(query, at, '=') || !is_name(query, at - 1)) continue;
        const struct sql_token *name = &query->tokens[at - 1];
        const bool is_meant = column == NULL || (name->end - name->begin == strlen(column) &&
                                                 strncasecmp(query->sql + name->begin, column,
                                                             strlen(column)) == 0);
        if (is_meant && is_constant(query, at + 1)) return true;
    }
    return false;
}

/* ---- order ------------------------------------------------------------------------------ */

/* The column that a term of an ORDER BY names, from begin to end, or NULL. */
static const char *ordering_column(const struct lint_query *query, size_t begin, size_t end,
                                   struct arena *arena)
{
    int64_t number = 0;
    if (end > begin && is_word(query, end - 1, "ASC")) end--;
    if (end <= begin) return NULL;
    const struct sql_token *last = &query->tokens[end - 1];
    if (end - begin == 1 && number_parse(query->sql + last->begin, last->end - last->begin, 1,
                                         (int64_t)query->column_count, &number) == 0)
        return query->columns[number - 1];
    for (size_t at = begin; at + 1 < end; at += 2)
        if (!is_name(query, at) || !is_symbol(query, at + 1, '.')) return NULL;
    return is_name(query, end - 1) ? name_at(query, end - 1, arena) : NULL;
}

bool lint_query_contradicts(const struct lint_query *query, const char *const *key,
                            size_t count, struct arena *arena)
{
    size_t terms = 0, begin = query->order;
    bool same = true;
    if (!query->is_ordered || query->is_cut) return false;
    for (size_t at = begin; at <= query->count; at = next_outside(query, at)) {
        if (at < query->count && !is_symbol(query, at, ',')) continue;
        const char *column = ordering_column(query, begin, at, arena);
        same = same && column != NULL && terms < count && strcasecmp(column, key[terms]) == 0;
        terms++;
        begin = at + 1;
        if (at == query->count) break;
    }
    return !same;
}

/* ---- what makes a repeat differ --------------------------------------------------------- */

/* Whether the word at at is called, and no column or function of some schema's. */
static bool is_own_call(const struct lint_query *query, size_t at, const char *const *functions)
{
    return is_call(query, at, functions) && (at == 0 || !is_symbol(query, at - 1, '.'));
}

/* Whether the string at at says one of PostgreSQL's and SQLite's words for the present. */
static bool is_now(const struct lint_query *query, size_t at)
{
    static const char *const words[] = {"'now'", "'today'", "'yesterday'", "'tomorrow'"};
    const struct sql_token *token = &query->tokens[at];
    if (at >= query->count || token->kind != SQL_TOKEN_QUOTED) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (token->end - token->begin == strlen(words[i]) &&
            strncasecmp(query->sql + token->begin, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

/* Whether SQLite's function at at is asked for the present: of 'now', or of nothing. Arguments
 * that nobody writes by hand are not read to their end. */
static bool asks_for_now(const struct lint_query *query, size_t at)
{
    enum { MOST = 1000 };
    static const char *const functions[] = {"date",     "time",      "datetime", "julianday",
                                            "strftime", "unixepoch", NULL};
    if (!is_own_call(query, at, functions)) return false;
    const size_t end = next_outside(query, at + 1);
    if (end == at + 3) return true;
    for (size_t i = at + 2; i < end && i < at + MOST; i++)
        if (is_now(query, i)) return true;
    return false;
}

/* Whether a time that goes by stands at at. */
static bool is_time(const struct lint_query *query, size_t at)
{
    static const char *const functions[] = {
        "now", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday",
        NULL};
    static const char *const words[] = {"CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME",
                                        "LOCALTIMESTAMP",    "LOCALTIME",    NULL};
    static const char *const types[] = {"DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ", NULL};
    const bool is_part =
        at > 0 && (is_symbol(query, at - 1, '.') || is_word(query, at - 1, "AS"));
    if (is_one_of(query, at, words)) return !is_part;
    if (is_own_call(query, at, functions) || asks_for_now(query, at)) return true;
    if (!is_now(query, at)) return false;
    return (at > 0 && is_one_of(query, at - 1, types)) ||
           (is_symbol(query, at + 1, ':') && is_symbol(query, at + 2, ':'));
}

static bool is_chance(const struct lint_query *query, size_t at)
{
    static const char *const functions[] = {"random",
                                            "random_normal",
                                            "randomblob",
                                            "gen_random_uuid",
                                            "uuid_generate_v1",
                                            "uuid_generate_v1mc",
                                            "uuid_generate_v4",
                                            "uuidv4",
                                            "uuidv7",
                                            "gen_random_bytes",
                                            NULL};
    return is_own_call(query, at, functions) || is_word(query, at, "TABLESAMPLE");
}

/* Whether a word at at would write, which a `read` may not. */
static bool is_write(const struct lint_query *query, size_t at)
{
    static const char *const functions[] = {"nextval", "setval", NULL};
    static const char *const statements[] = {"INSERT", "UPDATE", "DELETE", "MERGE", NULL};
    static const char *const locks[] = {"UPDATE", "SHARE", "NO", "KEY", NULL};
    if (is_own_call(query, at, functions)) return true;
    if (is_word(query, at, "FOR")) return is_one_of(query, at + 1, locks);
    return is_one_of(query, at, statements) && at > 1 && is_symbol(query, at - 1, '(') &&
           (is_word(query, at - 2, "AS") || is_word(query, at - 2, "MATERIALIZED"));
}

/* What is looked for in every query, word by word; the first place of each is told. */
static const struct suspect {
    const char *code;
    bool (*is_there)(const struct lint_query *query, size_t at);
    const char *text;
} suspects[] = {
    {"RF401", is_time,
     "is another time whenever the query runs: a repeat reads other rows or values"},
    {"RF402", is_chance, "is left to chance: a repeat reads other rows or values"},
    {"RF405", is_write, "would write or lock, and a `read` runs read-only: it will fail"},
};

static void check_words(const struct lint_subject *subject, const struct step *step,
                        const struct lint_query *query)
{
    for (size_t i = 0; i < sizeof suspects / sizeof *suspects; i++) {
        for (size_t at = 0; at < query->count; at++) {
            if (!suspects[i].is_there(query, at)) continue;
            const struct sql_token *token = &query->tokens[at];
            lint_report_add(
                subject->report, suspects[i].code, lint_text_query(subject, step, token->begin),
                "step '%s': '%.*s' %s", step->name, (int)(token->end - token->begin),
                query->sql + token->begin, suspects[i].text);
            break;
        }
    }
}

/* A LIMIT picks rows; without an order it is anybody's guess which. */
static void check_limit(const struct lint_subject *subject, const struct step *step,
                        const struct lint_query *query)
{
    static const char *const cuts[] = {"LIMIT", "OFFSET", "FETCH", NULL};
    const size_t at = find_outside(query, query->body, cuts);
    if (at >= query->count || query->is_ordered) return;
    lint_report_add(subject->report, "RF403",
                    lint_text_query(subject, step, query->tokens[at].begin),
                    "step '%s': which rows '%.*s' leaves is not said: the query needs an ORDER "
                    "BY of its own",
                    step->name, (int)(query->tokens[at].end - query->tokens[at].begin),
                    query->sql + query->tokens[at].begin);
}

/* Whether a command takes all columns, whichever they are. */
static bool takes_all(const struct command *command)
{
    for (size_t i = 1; i < command->argument_count; i++) {
        size_t count = 0;
        const struct template_piece *pieces = template_pieces(command->arguments[i], &count);
        for (size_t j = 0; j < count; j++)
            if (pieces[j].kind == TEMPLATE_PAIRS || pieces[j].kind == TEMPLATE_ROW_JSON)
                return true;
    }
    return false;
}

static void check_star(const struct lint_subject *subject, const struct step *step,
                       const struct lint_query *query)
{
    for (size_t i = 0; query->has_star && i < step->command_count; i++) {
        if (!takes_all(&step->commands[i])) continue;
        lint_report_add(subject->report, "RF404", lint_text_query(subject, step, query->star),
                        "step '%s': '%s' takes every column of '*', also one that the table "
                        "gets later",
                        step->name, step->commands[i].text);
        return;
    }
}

void lint_sql_check(const struct lint_subject *subject)
{
    const struct steps *const lists[] = {&subject->migration->up, &subject->migration->down};
    for (size_t down = 0; down < 2; down++) {
        for (size_t i = 0; i < lists[down]->count; i++) {
            const struct step *step = &lists[down]->items[i];
            const struct lint_query *query = lint_query_of(subject, step);
            check_words(subject, step, query);
            check_limit(subject, step, query);
            check_star(subject, step, query);
        }
    }
}
