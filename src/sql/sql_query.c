/*
 * What a query's own words tell: which columns it has, in which order, and whether it can have
 * several rows.
 *
 * It goes by tokens, so that strings and comments mislead nobody, and by those outside
 * parentheses, which is where a result's columns, order and limits are said. It is no parser:
 * of what is not plain it says nothing, and what the words of one database mean it leaves to
 * that.
 */
#include "sql_query.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "number.h"
#include "sql_text.h"

/* ---- tokens ----------------------------------------------------------------------------- */

bool sql_query_is_word(const struct sql_query *query, size_t at, const char *word)
{
    if (at >= query->count) return false;
    const struct sql_token *token = &query->tokens[at];
    return token->kind == SQL_TOKEN_WORD && token->end - token->begin == strlen(word) &&
           strncasecmp(query->sql + token->begin, word, strlen(word)) == 0;
}

bool sql_query_is_one_of(const struct sql_query *query, size_t at, const char *const *words)
{
    for (; *words != NULL; words++)
        if (sql_query_is_word(query, at, *words)) return true;
    return false;
}

bool sql_query_is_symbol(const struct sql_query *query, size_t at, char symbol)
{
    return at < query->count && query->tokens[at].kind == SQL_TOKEN_SYMBOL &&
           query->sql[query->tokens[at].begin] == symbol;
}

/* Whether a token is a name: a word, or one in the quotes of names. */
static bool is_name(const struct sql_query *query, size_t at)
{
    if (at >= query->count) return false;
    const struct sql_token *token = &query->tokens[at];
    return token->kind == SQL_TOKEN_WORD || (token->kind == SQL_TOKEN_QUOTED &&
                                             strchr("\"`[", query->sql[token->begin]) != NULL);
}

size_t sql_query_next(const struct sql_query *query, size_t at)
{
    return query->next[at];
}

/* Find for each token the next one outside; of what never closes it is the end. What is still
 * open is a list, each one's place holding the one around it. */
static int pair(struct sql_query *query, struct arena *arena)
{
    size_t *next = arena_array(arena, query->count + 1, sizeof *next), open = query->count;
    if (next == NULL) return -1;
    for (size_t at = 0; at < query->count; at++) {
        const bool closes =
            sql_query_is_symbol(query, at, ')') || sql_query_is_symbol(query, at, ']');
        const size_t last = open;
        next[at] = at + 1;
        if (sql_query_is_symbol(query, at, '(') || sql_query_is_symbol(query, at, '[')) {
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

size_t sql_query_find(const struct sql_query *query, size_t at, const char *const *words)
{
    while (at < query->count) {
        if (sql_query_is_one_of(query, at, words) &&
            (at == 0 || !sql_query_is_symbol(query, at - 1, '.')))
            break;
        at = sql_query_next(query, at);
    }
    return at;
}

/* The name that a token is, without its quotes, or NULL where it is not plainly one. */
static const char *name_at(const struct sql_query *query, size_t at, struct arena *arena)
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
static size_t end_of_list(const struct sql_query *query, size_t at)
{
    const size_t begin = at;
    for (;;) {
        at = sql_query_find(query, at, ends_of_list);
        const bool is_from = sql_query_is_word(query, at, "FROM");
        const bool is_comparison =
            is_from && at > 0 && sql_query_is_word(query, at - 1, "DISTINCT");
        const bool is_column = at < query->count && !is_from &&
                               (at == begin || sql_query_is_symbol(query, at - 1, ','));
        if (!is_comparison && !is_column) return at;
        at++;
    }
}

/* The token that names a column said from begin to end; count: none does, or not plainly. */
static size_t naming_token(const struct sql_query *query, size_t begin, size_t end)
{
    static const char *const no_names[] = {"NULL",   "TRUE",    "FALSE", "END",
                                           "ISNULL", "NOTNULL", NULL};
    const size_t last = end - 1;
    if (!is_name(query, last) || sql_query_is_one_of(query, last, no_names))
        return query->count;
    if (begin == last || sql_query_is_word(query, last - 1, "AS") ||
        sql_query_is_symbol(query, last - 1, ')'))
        return last;
    /* table.column, column alias, table.column alias */
    size_t at = begin;
    while (at + 2 < end && is_name(query, at) && sql_query_is_symbol(query, at + 1, '.'))
        at += 2;
    if (is_name(query, at) && (at == last || (at == last - 1 && at > begin))) return last;
    return query->count;
}

static void add_column(struct sql_query *query, size_t begin, size_t end, struct arena *arena)
{
    const char *name = NULL;
    const bool is_star = end > begin && sql_query_is_symbol(query, end - 1, '*') &&
                         (end - begin == 1 || sql_query_is_symbol(query, end - 2, '.'));
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
static size_t read_columns(struct sql_query *query, size_t select, struct arena *arena)
{
    size_t begin = select + 1;
    if (sql_query_is_word(query, begin, "ALL") || sql_query_is_word(query, begin, "DISTINCT"))
        begin++;
    if (sql_query_is_word(query, begin, "ON")) begin = sql_query_next(query, begin + 1);
    const size_t end = end_of_list(query, begin);
    query->columns = arena_array(arena, end - begin + 1, sizeof *query->columns);
    query->knows_columns = query->columns != NULL;
    if (query->columns == NULL) return end;
    for (size_t at = begin; at < end; at = sql_query_next(query, at)) {
        if (!sql_query_is_symbol(query, at, ',')) continue;
        add_column(query, begin, at, arena);
        begin = at + 1;
    }
    add_column(query, begin, end, arena);
    return end;
}

bool sql_query_has(const struct sql_query *query, const char *column)
{
    for (size_t i = 0; i < query->column_count; i++)
        if (query->columns[i] != NULL && strcasecmp(query->columns[i], column) == 0)
            return true;
    return false;
}

/* ---- rows ------------------------------------------------------------------------------- */

bool sql_query_is_call(const struct sql_query *query, size_t at, const char *const *functions)
{
    return sql_query_is_one_of(query, at, functions) && sql_query_is_symbol(query, at + 1, '(');
}

/* Whether max() or min() of one argument stands here; of several, SQLite takes those of one
 * row.
 */
static bool is_extreme(const struct sql_query *query, size_t at)
{
    static const char *const functions[] = {"max", "min", NULL};
    if (!sql_query_is_call(query, at, functions)) return false;
    for (at += 2; at < query->count && !sql_query_is_symbol(query, at, ')');
         at = sql_query_next(query, at))
        if (sql_query_is_symbol(query, at, ',')) return false;
    return true;
}

/* Whether between two tokens, outside parentheses, an aggregate over all rows is called. */
static bool aggregates(const struct sql_query *query, size_t at, size_t end)
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
        if (sql_query_is_one_of(query, at, windows)) return false;
        found = found || sql_query_is_call(query, at, functions) || is_extreme(query, at);
    }
    return found;
}

/* Whether between two tokens a function stands that can give several rows. */
static bool makes_rows(const struct sql_query *query, size_t at, size_t end)
{
    static const char *const words[] = {
        "_each",          "_to_table", "_keys",       "_elements",  "_series", "unnest",
        "regexp_matches", "_text",     "_subscripts", "_recordset", NULL};
    for (; at < end; at++) {
        if (query->tokens[at].kind != SQL_TOKEN_WORD ||
            !sql_query_is_symbol(query, at + 1, '('))
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
static bool is_one_row(const struct sql_query *query, size_t begin, size_t end)
{
    static const char *const several[] = {"GROUP", "UNION", "EXCEPT", "INTERSECT", NULL};
    static const char *const limit[] = {"LIMIT", NULL};
    static const char *const from[] = {"FROM", NULL};
    const size_t limited = sql_query_find(query, end, limit);
    if (limited + 1 < query->count &&
        query->tokens[limited + 1].end == query->tokens[limited + 1].begin + 1 &&
        sql_query_is_symbol(query, limited + 1, '1') &&
        !sql_query_is_symbol(query, limited + 2, ','))
        return true;
    if (sql_query_find(query, end, several) < query->count) return false;
    if (sql_query_find(query, end, from) == query->count) return !makes_rows(query, begin, end);
    return aggregates(query, begin, end);
}

int sql_query_read(struct sql_query *query, const char *sql, struct arena *arena)
{
    static const char *const selects[] = {"SELECT", NULL};
    static const char *const cuts[] = {"LIMIT", "OFFSET", "FETCH", NULL};
    static const char *const orders[] = {"ORDER", NULL};
    *query = (struct sql_query){.sql = sql};
    query->tokens = sql_text_tokens(sql, strlen(sql), arena, &query->count);
    if (query->tokens == NULL || pair(query, arena) != 0) return -1;
    query->body = query->count;
    if (!sql_query_is_word(query, 0, "SELECT") && !sql_query_is_word(query, 0, "WITH"))
        return 0;
    const size_t select = sql_query_find(query, 0, selects);
    const size_t end = read_columns(query, select, arena);
    query->body = end;
    query->is_cut = sql_query_find(query, end, cuts) < query->count ||
                    (sql_query_is_word(query, select + 1, "DISTINCT") &&
                     sql_query_is_word(query, select + 2, "ON"));
    const size_t order = sql_query_find(query, end, orders);
    query->is_ordered = order < query->count && sql_query_is_word(query, order + 1, "BY");
    query->order = order + 2;
    query->is_one_row = is_one_row(query, select, end);
    return query->columns != NULL ? 0 : -1;
}

/* Whether a string or a number stands at at. */
static bool is_constant(const struct sql_query *query, size_t at)
{
    if (at >= query->count || query->tokens[at].kind == SQL_TOKEN_WORD) return false;
    const char c = query->sql[query->tokens[at].begin];
    return c == '\'' || (c >= '0' && c <= '9');
}

bool sql_query_pins(const struct sql_query *query, const char *column)
{
    static const char *const where[] = {"WHERE", NULL};
    static const char *const either[] = {"OR", "GROUP", "UNION", "EXCEPT", "INTERSECT", NULL};
    const size_t begin = sql_query_find(query, query->body, where);
    if (sql_query_find(query, begin, either) < query->count) return false;
    for (size_t at = begin; at < query->count; at = sql_query_next(query, at)) {
        if (!sql_query_is_symbol(query, at, '=') || !is_name(query, at - 1)) continue;
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
static const char *ordering_column(const struct sql_query *query, size_t begin, size_t end,
                                   struct arena *arena)
{
    int64_t number = 0;
    if (end > begin && sql_query_is_word(query, end - 1, "ASC")) end--;
    if (end <= begin) return NULL;
    const struct sql_token *last = &query->tokens[end - 1];
    if (end - begin == 1 && number_parse(query->sql + last->begin, last->end - last->begin, 1,
                                         (int64_t)query->column_count, &number) == 0)
        return query->columns[number - 1];
    for (size_t at = begin; at + 1 < end; at += 2)
        if (!is_name(query, at) || !sql_query_is_symbol(query, at + 1, '.')) return NULL;
    return is_name(query, end - 1) ? name_at(query, end - 1, arena) : NULL;
}

bool sql_query_contradicts(const struct sql_query *query, const char *const *key, size_t count,
                           struct arena *arena)
{
    size_t terms = 0, begin = query->order;
    bool same = true;
    if (!query->is_ordered || query->is_cut) return false;
    for (size_t at = begin; at <= query->count; at = sql_query_next(query, at)) {
        if (at < query->count && !sql_query_is_symbol(query, at, ',')) continue;
        const char *column = ordering_column(query, begin, at, arena);
        same = same && column != NULL && terms < count && strcasecmp(column, key[terms]) == 0;
        terms++;
        begin = at + 1;
        if (at == query->count) break;
    }
    return !same;
}
