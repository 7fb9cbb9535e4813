/*
 * Several questions in one message, and so in one round trip.
 *
 * On every host of every deploy the ledger is asked whether there is anything to do, and what
 * that takes is above all going to and fro. So the transaction and all that it asks travel as
 * one text, and the answers come back in one go. It is the simple protocol's way, which a
 * pooler takes to one server connection like any other; it knows no parameters.
 *
 * Of the settings that a transaction makes for itself only the encoding is made: the text of
 * integers, booleans and texts depends on no other. Who needs other types asks with db_query().
 */
#include "db_postgres_ask.h"

#include "buffer.h"
#include "db_postgres_rows.h"
#include "error.h"

enum { MOST_QUESTIONS = 8 };

static int send(struct postgres *pg, const struct db_questions *questions, struct error *err)
{
    struct buffer text = {0};
    int status = -1;
    buffer_append_text(&text, "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; "
                              "SET LOCAL client_encoding = 'UTF8'");
    for (size_t i = 0; i < questions->count; i++)
        buffer_append_format(&text, ";\n%s", questions->queries[i]);
    buffer_append_text(&text, ";\nCOMMIT");
    if (buffer_text(&text) == NULL)
        error_memory(err);
    else
        status = db_postgres_wire_send(pg, PQsendQuery(pg->connection, text.bytes), err);
    buffer_release(&text);
    return status;
}

/* Hand on the rows of one answer, which becomes ours. */
static int hand_on(struct postgres *pg, const struct db_questions *questions, size_t question,
                   PGresult *answer, struct error *err)
{
    struct db_rows *rows = NULL;
    struct row row = {0};
    enum db_next next = DB_END;
    if (db_postgres_rows_new(&rows, pg, answer, err) != 0) return -1;
    while ((next = db_postgres_rows_next(rows, true, &row, err)) == DB_ROW) {
        if (questions->take(questions->context, question, &row, err) == 0) continue;
        next = DB_FAILED;
        break;
    }
    db_postgres_rows_close(rows);
    return next == DB_END ? 0 : -1;
}

static int hand_on_all(struct postgres *pg, const struct db_questions *questions,
                       PGresult **answers, struct error *err)
{
    int status = 0;
    for (size_t i = 0; i < questions->count; i++) {
        PGresult *answer = answers[i];
        answers[i] = NULL;
        if (status == 0)
            status = hand_on(pg, questions, i, answer, err);
        else
            PQclear(answer);
    }
    return status;
}

int db_postgres_ask(struct db *db, const struct db_questions *questions, struct error *err)
{
    struct postgres *pg = (struct postgres *)db;
    PGresult *answers[MOST_QUESTIONS] = {NULL};
    if (pg->in_transaction || questions->count > MOST_QUESTIONS)
        return error_set(err, ERROR_FAILED, "these questions cannot be asked at once");
    if (db_postgres_wire_connect(pg, err) != 0) return -1;

    /* What fails leaves the transaction behind that the text began. */
    pg->in_transaction = true;
    pg->streaming = pg->writing = false;
    if (send(pg, questions, err) != 0 ||
        db_postgres_wire_collect_rows(pg, answers, questions->count, err) != 0) {
        db_rollback(db);
        return -1;
    }
    pg->in_transaction = false;
    return hand_on_all(pg, questions, answers, err);
}
