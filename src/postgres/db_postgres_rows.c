/*
 * Rows from PostgreSQL, in both of the ways they come: a whole result for the ledger's small
 * questions, and COPY … TO STDOUT for a step's many rows.
 *
 * A streamed row is decoded in the very buffer that libpq hands over; nothing else is allocated
 * for it. What has been read is forgotten, so memory does not grow with the table. An
 * unfinished stream is cancelled at the server, and where that does not take effect soon, the
 * connection is given up rather than read to its end.
 */
#include "db_postgres_rows.h"

#include <stdlib.h>

#include "arena.h"
#include "buffer.h"
#include "clock.h"
#include "db_postgres_cancel.h"
#include "db_postgres_types.h"
#include "error.h"

enum { DRAIN_MS = 5000, CANCEL_AGAIN_MS = 200 };

enum phase {
    WHOLE,    /* all rows are in result */
    STARTING, /* the COPY was sent, its first answer is on its way */
    COPYING,
    OVER
};

struct postgres_rows {
    struct db_rows rows;
    struct postgres *pg;
    enum phase phase;
    struct columns columns;
    enum db_postgres_form *forms;
    size_t *formed; /* the columns of a stream whose values do not stay as they stand */
    size_t formed_count;
    struct value *values;
    struct arena arena; /* the arrays above */
    struct arena row;   /* of a whole result: what had to be converted */
    PGresult *result;
    int next;   /* the result's next row */
    char *line; /* of a stream: the current row, libpq's */
};

static int allocate(struct postgres_rows *rows, size_t count, struct error *err)
{
    rows->forms = arena_array(&rows->arena, count + 1, sizeof *rows->forms);
    rows->formed = arena_array(&rows->arena, count + 1, sizeof *rows->formed);
    rows->values = arena_array(&rows->arena, count + 1, sizeof *rows->values);
    return rows->arena.failed ? error_memory(err) : 0;
}

static int describe_result(struct postgres_rows *rows, struct error *err)
{
    size_t count = (size_t)PQnfields(rows->result);
    struct column *items = arena_array(&rows->arena, count + 1, sizeof *items);
    if (items == NULL || allocate(rows, count, err) != 0) return error_memory(err);

    for (size_t i = 0; i < count; i++) {
        items[i].name = PQfname(rows->result, (int)i);
        items[i].kind = db_postgres_types_kind(PQftype(rows->result, (int)i), &rows->forms[i]);
        items[i].type = "";
    }
    rows->columns = (struct columns){.items = items, .count = count};
    return 0;
}

int db_postgres_rows_new(struct db_rows **out, struct postgres *pg, PGresult *result,
                         struct error *err)
{
    struct postgres_rows *rows = calloc(1, sizeof *rows);
    if (rows == NULL) {
        PQclear(result);
        return error_memory(err);
    }
    rows->rows.db = &pg->db;
    rows->pg = pg;
    rows->phase = WHOLE;
    rows->result = result;
    if (describe_result(rows, err) != 0) {
        db_postgres_rows_close(&rows->rows);
        return -1;
    }
    *out = &rows->rows;
    return 0;
}

int db_postgres_rows_stream(struct db_rows **out, struct postgres *pg, const char *copy,
                            const struct columns *columns, struct error *err)
{
    struct postgres_rows *rows = calloc(1, sizeof *rows);
    if (rows == NULL) return error_memory(err);
    rows->rows.db = &pg->db;
    rows->pg = pg;
    rows->phase = OVER;
    rows->columns = *columns;
    if (allocate(rows, columns->count, err) != 0 ||
        db_postgres_wire_send(pg, PQsendQuery(pg->connection, copy), err) != 0) {
        db_postgres_rows_close(&rows->rows);
        return -1;
    }
    for (size_t i = 0; i < columns->count; i++) {
        rows->forms[i] = db_postgres_types_form(&columns->items[i]);
        if (rows->forms[i] != FORM_AS_IT_STANDS) rows->formed[rows->formed_count++] = i;
    }
    rows->phase = STARTING;
    pg->streaming = true;
    *out = &rows->rows;
    return 0;
}

/* ---- the rows of a whole result --------------------------------------------------------- */

/* What PGresult holds is not ours to write to. */
static int take_field(struct postgres_rows *rows, size_t column, struct error *err)
{
    struct value *value = &rows->values[column];
    int at = rows->next;
    if (PQgetisnull(rows->result, at, (int)column)) {
        *value = (struct value){.kind = VALUE_NULL};
        return 0;
    }
    *value = (struct value){.kind = rows->columns.items[column].kind,
                            .bytes = PQgetvalue(rows->result, at, (int)column),
                            .length = (size_t)PQgetlength(rows->result, at, (int)column)};
    if (rows->forms[column] == FORM_AS_IT_STANDS) return 0;
    char *copy = arena_copy(&rows->row, value->bytes, value->length);
    if (copy == NULL) return error_memory(err);
    value->bytes = copy;
    db_postgres_text_convert(rows->forms[column], copy, value);
    return 0;
}

static enum db_next next_of_result(struct postgres_rows *rows, struct error *err)
{
    if (rows->next >= PQntuples(rows->result)) return DB_END;
    arena_release(&rows->row);
    for (size_t i = 0; i < rows->columns.count; i++) {
        if (take_field(rows, i, err) != 0) return DB_FAILED;
    }
    rows->next++;
    return DB_ROW;
}

/* ---- the rows of a stream --------------------------------------------------------------- */

static enum db_next failed(struct postgres_rows *rows)
{
    rows->phase = OVER;
    db_rollback(&rows->pg->db);
    return DB_FAILED;
}

static enum db_next lost(struct postgres_rows *rows, struct error *err)
{
    db_postgres_wire_lost(rows->pg, err);
    return failed(rows);
}

/* Wait for more, or, without wait, take in what is there already. Returns DB_ROW where it is
 * worth looking again. */
static enum db_next receive(struct postgres_rows *rows, bool wait, struct error *err)
{
    if (!wait) return DB_AGAIN;
    if (db_postgres_wire_receive(rows->pg, -1, err) < 0) return failed(rows);
    return DB_ROW;
}

/* The answer to COPY itself, behind those to what began its transaction: an error, or that rows
 * follow. */
static enum db_next begin_copying(struct postgres_rows *rows, bool wait, struct error *err)
{
    PGconn *connection = rows->pg->connection;
    PGresult *result = NULL;
    if (PQconsumeInput(connection) == 0) return lost(rows, err);
    do {
        PQclear(result);
        while (PQisBusy(connection)) {
            enum db_next more = receive(rows, wait, err);
            if (more != DB_ROW) return more;
        }
        result = PQgetResult(connection);
    } while (PQresultStatus(result) == PGRES_COMMAND_OK);
    if (PQresultStatus(result) == PGRES_COPY_OUT) {
        rows->phase = COPYING;
        PQclear(result);
        return DB_ROW;
    }
    db_postgres_wire_error(rows->pg, result, NULL, err);
    PQclear(result);
    (void)db_postgres_wire_collect(rows->pg, NULL, NULL, &(struct error){0});
    return failed(rows);
}

static enum db_next end_copying(struct postgres_rows *rows, struct error *err)
{
    if (db_postgres_wire_collect(rows->pg, NULL, NULL, err) != 0) return failed(rows);
    rows->phase = OVER;
    rows->pg->in_transaction = false;
    return DB_END;
}

static enum db_next take_line(struct postgres_rows *rows, size_t length, struct error *err)
{
    if (db_postgres_text_split(rows->line, length, &rows->columns, rows->values) !=
        rows->columns.count) {
        error_set(err, ERROR_FAILED, "PostgreSQL sent a row of another shape than described");
        return failed(rows);
    }
    for (size_t i = 0; i < rows->formed_count; i++) {
        const size_t column = rows->formed[i];
        struct value *value = &rows->values[column];
        if (value->kind == VALUE_NULL) continue;
        char *bytes = rows->line + (value->bytes - rows->line);
        db_postgres_text_convert(rows->forms[column], bytes, value);
    }
    return DB_ROW;
}

static enum db_next next_of_stream(struct postgres_rows *rows, bool wait, struct error *err)
{
    bool looked = wait; /* whether what lies in the socket was taken in */
    if (rows->pg->connection == NULL) {
        error_set(err, ERROR_SQL_UNREACHABLE, "the connection to PostgreSQL was lost");
        return failed(rows);
    }
    if (rows->phase == STARTING) {
        enum db_next begun = begin_copying(rows, wait, err);
        if (begun != DB_ROW) return begun;
    }
    for (;;) {
        PQfreemem(rows->line);
        rows->line = NULL;
        int length = PQgetCopyData(rows->pg->connection, &rows->line, 1);
        if (length > 0) return take_line(rows, (size_t)length, err);
        if (length < 0) return end_copying(rows, err);
        if (!looked) {
            looked = true;
            if (PQconsumeInput(rows->pg->connection) == 0) return lost(rows, err);
            continue;
        }
        enum db_next more = receive(rows, wait, err);
        if (more != DB_ROW) return more;
    }
}

/* ---- functions of struct db_ops --------------------------------------------------------- */

enum db_next db_postgres_rows_next(struct db_rows *base, bool wait, struct row *row,
                                   struct error *err)
{
    struct postgres_rows *rows = (struct postgres_rows *)base;
    enum db_next next = DB_END;
    if (rows->phase == WHOLE)
        next = next_of_result(rows, err);
    else if (rows->phase != OVER)
        next = next_of_stream(rows, wait, err);
    if (next == DB_ROW) *row = (struct row){.columns = &rows->columns, .values = rows->values};
    return next;
}

int db_postgres_rows_descriptor(const struct db_rows *base)
{
    const struct postgres *pg = ((const struct postgres_rows *)base)->pg;
    return pg->connection == NULL ? -1 : PQsocket(pg->connection);
}

struct value db_postgres_rows_raw(const struct db_rows *base, size_t column)
{
    return ((const struct postgres_rows *)base)->values[column];
}

/* Forget the next line or result, or wait for it a moment. Returns whether there are more. */
static bool drain_one(struct postgres *pg)
{
    struct error ignored;
    char *line = NULL;
    int length = PQgetCopyData(pg->connection, &line, 1);
    PQfreemem(line);
    if (length < 0 && !PQisBusy(pg->connection)) {
        PGresult *result = PQgetResult(pg->connection);
        PQclear(result);
        return result != NULL;
    }
    if (length <= 0) (void)db_postgres_wire_receive(pg, CANCEL_AGAIN_MS, &ignored);
    return true;
}

/* Read on until the cancelled COPY has ended. Cancelling is asked for again: it does nothing
 * where it overtakes the statement. Where it does not help, the connection is given up. */
static void drain(struct postgres *pg)
{
    int64_t deadline = clock_monotonic_ms() + DRAIN_MS;
    int64_t cancel_at = 0;
    bool more = true;
    while (more && pg->connection != NULL) {
        int64_t now = clock_monotonic_ms();
        bool helps = now < deadline;
        if (helps && now >= cancel_at) {
            helps = db_postgres_cancel(pg->connection);
            cancel_at = now + CANCEL_AGAIN_MS;
        }
        if (!helps) db_postgres_wire_drop(pg);
        more = helps && drain_one(pg);
    }
}

void db_postgres_rows_close(struct db_rows *base)
{
    struct postgres_rows *rows = (struct postgres_rows *)base;
    if (rows->phase == STARTING || rows->phase == COPYING) {
        drain(rows->pg);
        db_rollback(&rows->pg->db);
    }
    PQclear(rows->result);
    PQfreemem(rows->line);
    arena_release(&rows->row);
    arena_release(&rows->arena);
    free(rows);
}
