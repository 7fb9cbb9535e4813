/*
 * The rules about queries (RF4): what in a query's own words makes a repeat read something
 * else, or fail.
 *
 * What the words tell is sql_query's to find out; where that says nothing, there is no finding.
 */
#include "lint_sql.h"

#include <string.h>
#include <strings.h>

#include "arena.h"
#include "lint_text.h"
#include "sql_query.h"
#include "sql_text.h"
#include "template.h"

const struct sql_query *lint_sql_read(const struct steps *steps, struct arena *arena)
{
    struct sql_query *queries = arena_array(arena, steps->count + 1, sizeof *queries);
    for (size_t i = 0; queries != NULL && i < steps->count; i++) {
        if (steps->items[i].read == NULL) continue;
        if (sql_query_read(&queries[i], steps->items[i].read, arena) != 0) return NULL;
    }
    return queries;
}

const struct sql_query *lint_sql_of(const struct lint_subject *subject, const struct step *step)
{
    return lint_text_is_down(subject, step)
               ? &subject->down_queries[step - subject->migration->down.items]
               : &subject->up_queries[step - subject->migration->up.items];
}

/* ---- what makes a repeat differ --------------------------------------------------------- */

/* Whether the word at at is called, and no column or function of some schema's. */
static bool is_own_call(const struct sql_query *query, size_t at, const char *const *functions)
{
    return sql_query_is_call(query, at, functions) &&
           (at == 0 || !sql_query_is_symbol(query, at - 1, '.'));
}

/* Whether the string at at says one of PostgreSQL's and SQLite's words for the present. */
static bool is_now(const struct sql_query *query, size_t at)
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
static bool asks_for_now(const struct sql_query *query, size_t at)
{
    enum { MOST = 1000 };
    static const char *const functions[] = {"date",     "time",      "datetime", "julianday",
                                            "strftime", "unixepoch", NULL};
    if (!is_own_call(query, at, functions)) return false;
    const size_t end = sql_query_next(query, at + 1);
    if (end == at + 3) return true;
    for (size_t i = at + 2; i < end && i < at + MOST; i++)
        if (is_now(query, i)) return true;
    return false;
}

/* Whether a time that goes by stands at at. */
static bool is_time(const struct sql_query *query, size_t at)
{
    static const char *const functions[] = {
        "now", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday",
        NULL};
    static const char *const words[] = {"CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME",
                                        "LOCALTIMESTAMP",    "LOCALTIME",    NULL};
    static const char *const types[] = {"DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ", NULL};
    const bool is_part = at > 0 && (sql_query_is_symbol(query, at - 1, '.') ||
                                    sql_query_is_word(query, at - 1, "AS"));
    if (sql_query_is_one_of(query, at, words)) return !is_part;
    if (is_own_call(query, at, functions) || asks_for_now(query, at)) return true;
    if (!is_now(query, at)) return false;
    return (at > 0 && sql_query_is_one_of(query, at - 1, types)) ||
           (sql_query_is_symbol(query, at + 1, ':') && sql_query_is_symbol(query, at + 2, ':'));
}

static bool is_chance(const struct sql_query *query, size_t at)
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
    return is_own_call(query, at, functions) || sql_query_is_word(query, at, "TABLESAMPLE");
}

/* Whether a word at at would write, which a `read` may not. */
static bool is_write(const struct sql_query *query, size_t at)
{
    static const char *const functions[] = {"nextval", "setval", NULL};
    static const char *const statements[] = {"INSERT", "UPDATE", "DELETE", "MERGE", NULL};
    static const char *const locks[] = {"UPDATE", "SHARE", "NO", "KEY", NULL};
    if (is_own_call(query, at, functions)) return true;
    if (sql_query_is_word(query, at, "FOR")) return sql_query_is_one_of(query, at + 1, locks);
    return sql_query_is_one_of(query, at, statements) && at > 1 &&
           sql_query_is_symbol(query, at - 1, '(') &&
           (sql_query_is_word(query, at - 2, "AS") ||
            sql_query_is_word(query, at - 2, "MATERIALIZED"));
}

/* What is looked for in every query, word by word; the first place of each is told. */
static const struct suspect {
    const char *code;
    bool (*is_there)(const struct sql_query *query, size_t at);
    const char *text;
} suspects[] = {
    {"RF401", is_time,
     "is another time whenever the query runs: a repeat reads other rows or values"},
    {"RF402", is_chance, "is left to chance: a repeat reads other rows or values"},
    {"RF405", is_write, "would write or lock, and a `read` runs read-only: it will fail"},
};

static void check_words(const struct lint_subject *subject, const struct step *step,
                        const struct sql_query *query)
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
                        const struct sql_query *query)
{
    static const char *const cuts[] = {"LIMIT", "OFFSET", "FETCH", NULL};
    const size_t at = sql_query_find(query, query->body, cuts);
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
                       const struct sql_query *query)
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
            const struct sql_query *query = lint_sql_of(subject, step);
            check_words(subject, step, query);
            check_limit(subject, step, query);
            check_star(subject, step, query);
        }
    }
}
