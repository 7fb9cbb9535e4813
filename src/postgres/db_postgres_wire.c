/*
 * One libpq connection that never waits inside libpq.
 *
 * libpq's convenient calls (PQconnectdb, PQexec) sleep in a poll of their own, deaf to a
 * request to stop; a server that hangs would hang the program. Here everything is sent and
 * received without blocking, and every wait is stop_wait(). A connection that was lost, or that
 * a stop left in the middle of an answer, is dropped at once; since nothing ever lives outside
 * a transaction, the next transaction simply begins on a new one.
 *
 * It knows no statement and no type. Looking up a host's name is libpq's and may still block.
 */
#include "db_postgres_wire.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "clock.h"
#include "db_postgres_cancel.h"
#include "error.h"
#include "number.h"
#include "stop.h"
#include "url.h"

enum { MOST_TIMEOUT_S = 86400, SQLSTATE_LENGTH = 5 };

/* ---- what went wrong -------------------------------------------------------------------- */

/* Where waiting and trying again may help. */
static bool is_passing(const char *sqlstate)
{
    static const char *const states[] = {
        "53300", /* too_many_connections */
        "57P03", /* cannot_connect_now: starting up, shutting down */
        "55P03", /* lock_not_available */
        "40001", /* serialization_failure */
        "40P01", /* deadlock_detected */
    };
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strcmp(sqlstate, states[i]) == 0) return true;
    }
    return false;
}

/* PgBouncer answers every refusal with SQLSTATE 08P01: these say that it has no room for
 * another client. */
static bool is_full_pooler(const char *message)
{
    static const char *const beginnings[] = {
        "no more connections allowed",
        "client connections exceeded",
    };
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        if (strncmp(message, beginnings[i], strlen(beginnings[i])) == 0) return true;
    }
    return false;
}

/* " (line 1, column 8)" for the position, counted in characters from 1, in statement. */
static void append_place(struct buffer *text, const char *statement, const char *position)
{
    int64_t left;
    int line = 1, column = 1;
    if (statement == NULL || position == NULL ||
        number_parse(position, strlen(position), 1, INT64_MAX, &left) != 0)
        return;

    for (const char *at = statement; *at != '\0' && left > 1; left--) {
        column = *at == '\n' ? 1 : column + 1;
        line += *at == '\n';
        do at++;
        while (((unsigned char)*at & 0xC0) == 0x80);
    }
    buffer_append_format(text, " (line %d, column %d)", line, column);
}

static const char *field(const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);
    return text == NULL ? "" : text;
}

int db_postgres_wire_error(struct postgres *pg, const PGresult *result, const char *statement,
                           struct error *err)
{
    struct buffer text = {0};
    const char *sqlstate = field(result, PG_DIAG_SQLSTATE);
    const char *primary = field(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = field(result, PG_DIAG_MESSAGE_DETAIL);
    const char *hint = field(result, PG_DIAG_MESSAGE_HINT);
    bool lost = PQstatus(pg->connection) == CONNECTION_BAD;

    bool read_only = strcmp(sqlstate, "25006") == 0; /* read_only_sql_transaction */
    if (read_only && pg->streaming) buffer_append_text(&text, "`read` may only read: ");
    if (read_only && pg->writing) buffer_append_text(&text, "the database is read-only now: ");
    buffer_append_text(&text, *primary != '\0' ? primary : PQresultErrorMessage(result));
    append_place(&text, statement, PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION));
    /* The detail of a violated constraint is the row itself, which no message shows unasked. */
    if (*detail != '\0' && strncmp(sqlstate, "23", 2) != 0)
        buffer_append_format(&text, "; %s", detail);
    if (*hint != '\0') buffer_append_format(&text, "; hint: %s", hint);
    if (read_only && pg->writing)
        buffer_append_text(&text,
                           "; `redferry doctor` says why it is, and what lets it be written");
    if (strcmp(primary, "query_wait_timeout") == 0)
        buffer_append_text(
            &text, "; the pooler had no connection to the server free: a run needs three "
                   "of its pool, and one more for each `from`");

    const char *message = buffer_text(&text);
    if (message == NULL) return error_memory(err);
    if (lost || strncmp(sqlstate, "57P0", 4) == 0 || strncmp(sqlstate, "08", 2) == 0)
        error_set(err, ERROR_SQL_UNREACHABLE, "the connection to PostgreSQL was lost: %s",
                  message);
    else
        error_set(err, read_only && pg->writing ? ERROR_OPERATOR : ERROR_FAILED, "%s", message);
    err->passing = is_passing(sqlstate);
    buffer_release(&text);
    return -1;
}

int db_postgres_wire_lost(struct postgres *pg, struct error *err)
{
    /* libpq's advice on what a lost connection probably means stands on further lines. */
    const char *text = PQerrorMessage(pg->connection);
    if (*text == '\0') text = "no reason given";
    error_set(err, ERROR_SQL_UNREACHABLE, "the connection to PostgreSQL was lost: %.*s",
              (int)strcspn(text, "\n"), text);
    db_postgres_wire_drop(pg);
    return -1;
}

/* ---- connecting ------------------------------------------------------------------------- */

/* libpq's complaints may quote the URL: of those only the name of a parameter is passed on. */
int db_postgres_wire_check(const struct url *url, struct error *err)
{
    static const char unknown[] = "invalid URI query parameter: \"";
    char *complaint = NULL;
    PQconninfoOption *options = PQconninfoParse(url->text, &complaint);
    if (options != NULL) {
        PQconninfoFree(options);
        return 0;
    }
    if (complaint == NULL) return error_memory(err);

    if (strncmp(complaint, unknown, sizeof unknown - 1) == 0) {
        const char *parameter = complaint + sizeof unknown - 1;
        error_set(err, ERROR_INVALID, "%s: unknown parameter '%.*s'%s", url->name,
                  (int)strcspn(parameter, "\""), parameter, url->advice);
    } else {
        const char *quoted = strstr(complaint, ": \"");
        size_t length =
            quoted == NULL ? strcspn(complaint, "\"\n") : (size_t)(quoted - complaint);
        error_set(err, ERROR_INVALID, "%s: %.*s%s", url->name, (int)length, complaint,
                  url->advice);
    }
    PQfreemem(complaint);
    return -1;
}

/* The SQLSTATE in a verbose message ("FATAL:  53300: sorry, …"), or NULL. */
static char *find_sqlstate(char *line)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (char *at = strstr(line, ":  "); at != NULL; at = strstr(at + 3, ":  ")) {
        if (strspn(at + 3, letters) == SQLSTATE_LENGTH &&
            strncmp(at + 3 + SQLSTATE_LENGTH, ": ", 2) == 0)
            return at + 3;
    }
    return NULL;
}

/* libpq keeps no SQLSTATE of a failed connection but in its verbose text: take it from there,
 * and leave out what only verbosity added. */
static int connection_error(PGconn *connection, struct error *err)
{
    struct buffer text = {0};
    bool passing = false;
    char *copy = strdup(PQerrorMessage(connection));
    char *rest = copy, *line;

    while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
        char *sqlstate = find_sqlstate(line);
        if (strncmp(line, "LOCATION: ", 10) == 0 || *line == '\0') continue;
        if (text.length > 0) buffer_append_char(&text, '\n');
        if (sqlstate != NULL) {
            const char *message = sqlstate + SQLSTATE_LENGTH + 2;
            sqlstate[SQLSTATE_LENGTH] = '\0';
            passing = passing || is_passing(sqlstate) || is_full_pooler(message);
            buffer_append_format(&text, "%.*s%s", (int)(sqlstate - line - 1), line, message);
        } else {
            buffer_append_text(&text, line);
        }
    }
    const char *message = buffer_text(&text);
    if (copy == NULL || message == NULL)
        error_memory(err);
    else
        error_set(err, ERROR_SQL_UNREACHABLE, "cannot connect to PostgreSQL: %s", message);
    err->passing = passing;
    buffer_release(&text);
    free(copy);
    return -1;
}

/* The value of one of the options that are in force, or "". */
static const char *option(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *at = options; at != NULL && at->keyword != NULL; at++) {
        if (strcmp(at->keyword, keyword) == 0 && at->val != NULL) return at->val;
    }
    return "";
}

/* How long connecting may take: connect_timeout for each of the hosts. libpq itself keeps it
 * only in its blocking calls. Negative: no limit. */
static int64_t connect_timeout_ms(PGconn *connection)
{
    PQconninfoOption *options = PQconninfo(connection);
    const char *text = option(options, "connect_timeout");
    int64_t seconds = 0, hosts = 1;
    if (number_parse(text, strlen(text), 0, MOST_TIMEOUT_S, &seconds) != 0) seconds = 0;
    for (const char *at = option(options, "host"); *at != '\0'; at++) hosts += *at == ',';
    PQconninfoFree(options);
    return seconds > 0 ? seconds * hosts * 1000 : -1;
}

static struct stop_poll awaited_events(const struct postgres *pg)
{
    const bool reads = pg->awaited == PGRES_POLLING_READING;
    return (struct stop_poll){.descriptor = PQsocket(pg->coming),
                              .events = reads ? POLLIN : POLLOUT};
}

/* A stop that comes meanwhile ends it at once. One that came before has last words to say on
 * this connection, and they have its grace. */
static int await_connection(struct postgres *pg, struct error *err)
{
    PGconn *connection = pg->coming;
    const bool interruptible = !stop_requested(pg->stop);
    int64_t timeout_ms = connect_timeout_ms(connection);
    int64_t begun = clock_monotonic_ms();

    while (pg->awaited != PGRES_POLLING_OK) {
        int64_t left = timeout_ms < 0 ? -1 : begun + timeout_ms - clock_monotonic_ms();
        if (PQstatus(connection) == CONNECTION_BAD) return connection_error(connection, err);
        struct stop_poll poll = awaited_events(pg);
        int ready = timeout_ms >= 0 && left <= 0
                        ? 0
                        : stop_wait(pg->stop, &poll, 1, left, interruptible, err);
        if (ready < 0) return -1;
        if (ready == 0)
            return error_set(err, ERROR_SQL_UNREACHABLE,
                             "cannot connect to PostgreSQL: no answer within %d s",
                             (int)(timeout_ms / 1000));
        pg->awaited = PQconnectPoll(connection);
        if (pg->awaited == PGRES_POLLING_FAILED) return connection_error(connection, err);
    }
    return 0;
}

/* What the URL does not say. Given before it, so that the URL overrides it; a dead peer is
 * noticed within a minute. */
static PGconn *begin_connection(const char *url)
{
    const char *timeout = getenv("PGCONNECT_TIMEOUT") == NULL ? "10" : "";
    const char *const keywords[] = {"connect_timeout",  "fallback_application_name",
                                    "keepalives_idle",  "keepalives_interval",
                                    "keepalives_count", "tcp_user_timeout",
                                    "dbname",           NULL};
    const char *const values[] = {timeout, "redferry", "30", "10", "3", "60000", url, NULL};
    return PQconnectStartParams(keywords, values, 1);
}

static void name_server(struct postgres *pg)
{
    const char *version = PQparameterStatus(pg->connection, "server_version");
    if (version == NULL) version = "";
    size_t length = strcspn(version, " ");
    memcpy(pg->server, "PostgreSQL ", sizeof "PostgreSQL ");
    strncat(pg->server, version, length < 40 ? length : 40);
}

/* libpq would print what the server only remarks. */
static void ignore_notice(void *argument, const PGresult *notice)
{
    (void)argument;
    (void)notice;
}

/* Without memory there is no connection being made. */
static void begin_to_connect(struct postgres *pg)
{
    if (pg->coming != NULL) return;
    pg->coming = begin_connection(pg->url);
    pg->awaited = PGRES_POLLING_WRITING;
    (void)PQsetNoticeReceiver(pg->coming, ignore_notice, NULL);
    (void)PQsetErrorVerbosity(pg->coming, PQERRORS_VERBOSE);
}

/* A server that is not asked says nothing, unless it is to end the connection. */
static bool is_connected(const struct postgres *pg)
{
    struct pollfd poll_server = {.fd = PQsocket(pg->connection), .events = POLLIN};
    if (pg->connection == NULL || PQstatus(pg->connection) != CONNECTION_OK) return false;
    while (poll(&poll_server, 1, 0) > 0)
        if (PQconsumeInput(pg->connection) == 0) return false;
    return true;
}

void db_postgres_wire_start(struct postgres *pg)
{
    struct error ignored;
    if (is_connected(pg)) return;
    begin_to_connect(pg);
    while (PQstatus(pg->coming) != CONNECTION_BAD && pg->awaited != PGRES_POLLING_OK) {
        struct stop_poll poll = awaited_events(pg);
        if (stop_wait(NULL, &poll, 1, 0, false, &ignored) != 1) return;
        pg->awaited = PQconnectPoll(pg->coming);
    }
}

int db_postgres_wire_connect(struct postgres *pg, struct error *err)
{
    if (is_connected(pg)) return 0;
    db_postgres_wire_drop(pg);
    begin_to_connect(pg);
    if (pg->coming == NULL) return error_memory(err);
    if (await_connection(pg, err) != 0) goto failed;
    (void)PQsetErrorVerbosity(pg->coming, PQERRORS_DEFAULT);
    if (PQsetnonblocking(pg->coming, 1) != 0) {
        (void)connection_error(pg->coming, err);
        goto failed;
    }
    pg->connection = pg->coming;
    pg->coming = NULL;
    name_server(pg);
    return 0;

failed:
    PQfinish(pg->coming);
    pg->coming = NULL;
    return -1;
}

void db_postgres_wire_drop(struct postgres *pg)
{
    PQfinish(pg->connection);
    pg->connection = NULL;
    pg->in_transaction = false;
    pg->locked = false;
}

void db_postgres_wire_close(struct postgres *pg)
{
    db_postgres_wire_drop(pg);
    PQfinish(pg->coming);
    pg->coming = NULL;
}

/* ---- sending and receiving -------------------------------------------------------------- */

/* As stop_wait(), without a limit, while somebody looks up now and then. */
static int await_watched(struct postgres *pg, struct stop_poll *poll, struct error *err)
{
    const struct db_watch *watch = pg->db.watch;
    const int64_t begun = clock_monotonic_ms();
    for (;;) {
        const int ready = stop_wait(pg->stop, poll, 1, DB_WATCH_EVERY_MS, false, err);
        if (ready != 0) return ready;
        if (watch->look(&pg->db, clock_monotonic_ms() - begun, watch->context, err) < 0)
            return -1;
    }
}

/* Wait for events on the socket. Returns those that came; 0 where the time has passed; -1 with
 * err. A stop whose grace is over, or who watches, leaves the answer unread: the connection is
 * of no use any more, and the server need not go on. */
static int await(struct postgres *pg, short events, int64_t timeout_ms, struct error *err)
{
    struct stop_poll poll = {.descriptor = PQsocket(pg->connection), .events = events};
    int ready = timeout_ms < 0 && pg->db.watch != NULL
                    ? await_watched(pg, &poll, err)
                    : stop_wait(pg->stop, &poll, 1, timeout_ms, false, err);
    if (ready > 0) return poll.revents;
    if (ready == 0) return 0;
    (void)db_postgres_cancel(pg->connection);
    db_postgres_wire_drop(pg);
    return -1;
}

int db_postgres_wire_send(struct postgres *pg, int sent, struct error *err)
{
    if (sent == 0) return db_postgres_wire_lost(pg, err);
    for (;;) {
        int left = PQflush(pg->connection);
        if (left == 0) return 0;
        if (left < 0) return db_postgres_wire_lost(pg, err);
        /* The server may itself wait for us to read before it reads on. */
        int events = await(pg, POLLIN | POLLOUT, -1, err);
        if (events < 0) return -1;
        if ((events & POLLIN) != 0 && PQconsumeInput(pg->connection) == 0)
            return db_postgres_wire_lost(pg, err);
    }
}

int db_postgres_wire_receive(struct postgres *pg, int64_t timeout_ms, struct error *err)
{
    int events = await(pg, POLLIN, timeout_ms, err);
    if (events <= 0) return events;
    return PQconsumeInput(pg->connection) != 0 ? 1 : db_postgres_wire_lost(pg, err);
}

/* COPY from or to a client that offers neither end: talk the server out of it. */
static int refuse_copy(struct postgres *pg, ExecStatusType status, struct error *err)
{
    error_set(err, ERROR_FAILED, "COPY from or to the client is not possible here");
    if (status == PGRES_COPY_IN && PQputCopyEnd(pg->connection, "not possible here") == 1 &&
        db_postgres_wire_send(pg, 1, &(struct error){0}) == 0)
        return -1;
    db_postgres_wire_drop(pg);
    return -1;
}

static int judge(struct postgres *pg, const PGresult *result, const char *statement,
                 struct error *err)
{
    ExecStatusType status = PQresultStatus(result);
    switch (status) {
    case PGRES_FATAL_ERROR:
    case PGRES_BAD_RESPONSE:
        return db_postgres_wire_error(pg, result, statement, err);
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        return refuse_copy(pg, status, err);
    default:
        return 0;
    }
}

/* What becomes of a result: keep takes it over. */
struct keeper {
    void (*keep)(struct keeper *keeper, PGresult *result);
    PGresult **results;
    size_t most, count;
};

static void release(struct keeper *keeper)
{
    for (size_t i = 0; i < keeper->most; i++) {
        PQclear(keeper->results[i]);
        keeper->results[i] = NULL;
    }
    keeper->count = 0;
}

static void keep_last(struct keeper *keeper, PGresult *result)
{
    release(keeper);
    keeper->results[0] = result;
    keeper->count = 1;
}

static void keep_rows(struct keeper *keeper, PGresult *result)
{
    if (PQresultStatus(result) == PGRES_TUPLES_OK && keeper->count < keeper->most)
        keeper->results[keeper->count++] = result;
    else
        PQclear(result);
}

/* Take all results; those that are kept are released again where one is an error. */
static int collect(struct postgres *pg, const char *statement, struct keeper *keeper,
                   struct error *err)
{
    struct error later; /* the first error is the one to tell */
    int status = 0;

    while (pg->connection != NULL) {
        if (PQisBusy(pg->connection)) {
            if (db_postgres_wire_receive(pg, -1, status == 0 ? err : &later) < 0) status = -1;
            continue;
        }
        PGresult *result = PQgetResult(pg->connection);
        if (result == NULL) break;
        if (judge(pg, result, statement, status == 0 ? err : &later) != 0) status = -1;
        keeper->keep(keeper, result);
    }
    if (pg->connection != NULL && PQstatus(pg->connection) == CONNECTION_BAD) {
        if (status == 0) status = db_postgres_wire_lost(pg, err);
        db_postgres_wire_drop(pg);
    }
    if (status != 0) release(keeper);
    return status;
}

int db_postgres_wire_collect(struct postgres *pg, const char *statement, PGresult **out,
                             struct error *err)
{
    PGresult *last = NULL;
    struct keeper keeper = {.keep = keep_last, .results = &last, .most = 1};
    int status = collect(pg, statement, &keeper, err);
    if (out != NULL)
        *out = last;
    else
        PQclear(last);
    return status;
}

int db_postgres_wire_collect_rows(struct postgres *pg, PGresult **results, size_t count,
                                  struct error *err)
{
    struct keeper keeper = {.keep = keep_rows, .results = results, .most = count};
    if (collect(pg, NULL, &keeper, err) != 0) return -1;
    if (keeper.count == count) return 0;
    release(&keeper);
    return error_set(err, ERROR_FAILED, "PostgreSQL answered %zu of %zu queries", keeper.count,
                     count);
}

int db_postgres_wire_run(struct postgres *pg, const char *sql, struct error *err)
{
    if (db_postgres_wire_send(pg, PQsendQuery(pg->connection, sql), err) != 0) return -1;
    return db_postgres_wire_collect(pg, NULL, NULL, err);
}
