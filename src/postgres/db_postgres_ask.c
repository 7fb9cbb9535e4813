/*
 * Several questions in one message, and so in one round trip.
 *
 * What the ledger is asked, and what it is told by a single statement, is above all going to
 * and fro. So the transaction and all that it asks travel as one text, and the answers come
 * back in one go. It is the simple protocol's way, which a pooler takes to one server
 * connection like any other; it knows no parameters, and so they become literals, as in COPY.
 *
 * A message is decoded, and cut into words, before its settings are made. Where that could
 * matter, the same is asked step by step.
 *
 * Of the settings that a transaction makes for itself only the encoding is made where the
 * answers depend on no other: on every host of every deploy that is all there is.
 */
#include "db_postgres_ask.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "db_postgres_rows.h"
#include "db_postgres_settings.h"
#include "db_postgres_text.h"
#include "error.h"

enum { MOST_QUESTIONS = 8 };

static const struct db_parameters *parameters_of(const struct db_questions *questions,
                                                 size_t question)
{
    static const struct db_parameters none = {0};
    return questions->parameters != NULL ? &questions->parameters[question] : &none;
}

/* ---- in one message --------------------------------------------------------------------- */

static int append_literal(const struct db_parameters *parameters, long number,
                          struct buffer *text, struct error *err)
{
    if (number < 1 || (size_t)number > parameters->count)
        return error_set(err, ERROR_FAILED, "there is no parameter $%ld", number);
    const struct value *value = &parameters->values[number - 1];
    if (value->kind == VALUE_NULL)
        buffer_append_text(text, "NULL");
    else if (db_postgres_text_append_literal(text, value) != 0)
        return error_set(err, ERROR_FAILED, "PostgreSQL's text cannot hold a NUL byte");
    return 0;
}

/* Append a query with its parameters in place. Comments are left out; of quotes it knows those
 * that the ledger's statements have. */
static int append_query(const char *query, const struct db_parameters *parameters,
                        struct buffer *text, struct error *err)
{
    char quote = '\0';
    for (const char *at = query; *at != '\0';) {
        char *end = NULL;
        if (quote == '\0' && strncmp(at, "--", 2) == 0) {
            at += strcspn(at, "\n");
        } else if (quote == '\0' && at[0] == '$' && isdigit((unsigned char)at[1])) {
            if (append_literal(parameters, strtol(at + 1, &end, 10), text, err) != 0) return -1;
            at = end;
        } else {
            if (quote != '\0')
                quote = *at == quote ? '\0' : quote;
            else if (*at == '\'' || *at == '"')
                quote = *at;
            buffer_append_char(text, *at++);
        }
    }
    return 0;
}

static int compose(const struct postgres *pg, const struct db_questions *questions,
                   struct buffer *text, struct error *err)
{
    if (questions->any_types || questions->access == DB_WRITE)
        db_postgres_settings_append(pg, questions->access, text);
    else
        db_postgres_settings_append_encoding(text);
    for (size_t i = 0; i < questions->count; i++) {
        buffer_append_text(text, ";\n");
        if (append_query(questions->queries[i], parameters_of(questions, i), text, err) != 0)
            return -1;
    }
    buffer_append_text(text, ";\nCOMMIT");
    return buffer_text(text) == NULL ? error_memory(err) : 0;
}

/* Hand on the rows of one answer. */
static int hand_on(struct db_rows *rows, const struct db_questions *questions, size_t question,
                   struct error *err)
{
    struct row row = {0};
    enum db_next next = DB_END;
    while ((next = db_postgres_rows_next(rows, true, &row, err)) == DB_ROW) {
        if (questions->take(questions->context, question, &row, err) == 0) continue;
        next = DB_FAILED;
        break;
    }
    db_postgres_rows_close(rows);
    return next == DB_END ? 0 : -1;
}

/* The answers become ours. */
static int hand_on_all(struct postgres *pg, const struct db_questions *questions,
                       PGresult **answers, struct error *err)
{
    int status = 0;
    for (size_t i = 0; i < questions->count; i++) {
        struct db_rows *rows = NULL;
        if (status == 0) {
            status = db_postgres_rows_new(&rows, pg, answers[i], err);
            if (status == 0) status = hand_on(rows, questions, i, err);
        } else {
            PQclear(answers[i]);
        }
    }
    return status;
}

static int ask_at_once(struct postgres *pg, const struct db_questions *questions,
                       const char *text, struct error *err)
{
    PGresult *answers[MOST_QUESTIONS] = {NULL};
    /* What fails leaves the transaction behind that the text began. */
    pg->in_transaction = true;
    pg->streaming = false;
    pg->writing = questions->access == DB_WRITE;
    if (db_postgres_wire_send(pg, PQsendQuery(pg->connection, text), err) != 0 ||
        db_postgres_wire_collect_rows(pg, answers, questions->count, err) != 0) {
        db_rollback(&pg->db);
        return -1;
    }
    pg->in_transaction = false;
    return hand_on_all(pg, questions, answers, err);
}

/* ---- step by step ----------------------------------------------------------------------- */

static int ask_one(struct db *db, const struct db_questions *questions, size_t question,
                   struct error *err)
{
    const struct db_parameters *parameters = parameters_of(questions, question);
    struct db_rows *rows = NULL;
    if (db_query(db, questions->queries[question], parameters->values, parameters->count, &rows,
                 err) != 0)
        return -1;
    return hand_on(rows, questions, question, err);
}

static int ask_one_by_one(struct db *db, const struct db_questions *questions,
                          struct error *err)
{
    int status = db_begin(db, questions->access, err);
    for (size_t i = 0; i < questions->count && status == 0; i++)
        status = ask_one(db, questions, i, err);
    if (status == 0) return db_commit(db, err);
    db_rollback(db);
    return -1;
}

int db_postgres_ask(struct db *db, const struct db_questions *questions, struct error *err)
{
    struct postgres *pg = (struct postgres *)db;
    struct buffer text = {0};
    const bool careful = questions->any_types || questions->access == DB_WRITE;
    int status = -1;
    if (pg->in_transaction || questions->count > MOST_QUESTIONS)
        return error_set(err, ERROR_FAILED, "these questions cannot be asked at once");
    if (db_postgres_wire_connect(pg, err) == 0 && compose(pg, questions, &text, err) == 0)
        status = careful && !db_postgres_text_is_plain(text.bytes)
                     ? ask_one_by_one(db, questions, err)
                     : ask_at_once(pg, questions, text.bytes, err);
    buffer_release(&text);
    return status;
}
