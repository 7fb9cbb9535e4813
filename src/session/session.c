/*
 * The session: what one command has open. Connections are made when they are first needed and
 * in one place, so that waiting for a server that is starting, or that has no room for another
 * connection, is written once. What to do with them is the runner's affair.
 */
#include "session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "connection.h"
#include "crash.h"
#include "db.h"
#include "error.h"
#include "migration_dir.h"
#include "migration_file.h"
#include "number.h"
#include "stop.h"

enum { CONNECT_FIRST_MS = 50, CONNECT_MOST_MS = 1000, TELL_EVERY_MS = 1000 };

/* Trying to connect until it works or is hopeless. */
struct wait {
    const char *server; /* "the database", "Redis": for whom */
    int64_t begun_ms;
    int64_t *told_ms; /* when it was last told of; 0: not yet */
    struct clock_backoff backoff;
};

static struct wait wait_for(const char *server, int64_t begun_ms, int64_t *told_ms)
{
    return (struct wait){
        .server = server,
        .begun_ms = begun_ms,
        .told_ms = told_ms,
        .backoff = {.first_ms = CONNECT_FIRST_MS, .most_ms = CONNECT_MOST_MS},
    };
}

void session_release(struct session *session)
{
    ledger_close(session->ledger);
    connection_close(session->redis);
    db_close(session->reader);
    if (session->lock != session->db) db_close(session->lock);
    db_close(session->db);
    migrations_release(&session->migrations);
    arena_release(&session->reading);
    arena_release(&session->arena);
    *session = (struct session){0};
}

int session_load(struct session *session, struct error *err)
{
    struct complaint *complaints = NULL;
    return migration_dir_read(&session->migrations, session->config->migrations,
                              &session->arena, &complaints, err);
}

int64_t session_batch_said(const struct session *session, const struct step *step)
{
    const int64_t flag = session->config->batch;
    return flag > 0 ? flag : step->batch;
}

int64_t session_pause_ms(const struct session *session, const struct step *step)
{
    const int64_t flag = session->config->pause_ms;
    if (step->key_count == 0) return 0;
    if (flag >= 0) return flag;
    return step->pause_ms > 0 ? step->pause_ms : 0;
}

bool session_is_ledger(const struct session *session, const struct db *db)
{
    return db == session->db || db == session->lock;
}

bool session_is_late(const struct session *session)
{
    const int64_t most_ms = session->config->max_time_ms;
    return most_ms >= 0 && clock_monotonic_ms() - session->begun_ms >= most_ms;
}

bool session_is_over(const struct session *session)
{
    return session->has_progressed && session_is_late(session);
}

/* Say for whom we wait and why, at once and then about every second. */
static void tell_waiting(const struct session *session, struct wait *wait,
                         const struct error *why)
{
    const int64_t now = clock_monotonic_ms();
    struct error words = {0};
    if (*wait->told_ms != 0 && now - *wait->told_ms < TELL_EVERY_MS) return;
    error_set(&words, ERROR_NONE, "waiting for %s: %s", wait->server, why->message);
    const struct event event = {
        .kind = EVENT_WAITING,
        .text = words.message,
        .rows_total = -1,
        .seconds = *wait->told_ms == 0 ? 0 : (double)(now - wait->begun_ms) / 1000.0,
    };
    listener_tell(&session->listener, &event);
    *wait->told_ms = now;
}

/* How long a server that cannot be connected to is waited for, and by which option. */
static int64_t patience(const struct session *session, const struct error *err,
                        const char **option)
{
    const struct config *config = session->config;
    const bool unreachable =
        err->code == ERROR_SQL_UNREACHABLE || err->code == ERROR_REDIS_UNREACHABLE;
    const bool has_room_later =
        err->passing && err->code != ERROR_REDIS_UNREACHABLE && err->code != ERROR_OPERATOR;
    const int64_t wait_ms = unreachable ? config->wait_ms : 0;
    *option = "--wait";
    if (!has_room_later || !session->queues || config->on_lock != ON_LOCK_WAIT ||
        config->lock_timeout_ms <= wait_ms)
        return wait_ms;
    *option = "--lock-timeout";
    return config->lock_timeout_ms;
}

/*
 * Whether a failed attempt to connect is worth another one: within --wait for any server that
 * does not answer, within --lock-timeout for a database that says it will have room later. A
 * Redis that is not there is told at once without --wait; a replica, which answers, always.
 * Sleeps.
 */
static int try_again(struct session *session, struct wait *wait, struct error *err)
{
    const char *option = NULL;
    const int64_t patience_ms = patience(session, err, &option);
    const int64_t left = wait->begun_ms + patience_ms - clock_monotonic_ms();
    char text[32];
    if (patience_ms <= 0) return -1;
    if (left <= 0)
        return error_prefix(
            err, "waited for %s (%s): ", number_duration_text(patience_ms, text), option);
    tell_waiting(session, wait, err);
    int64_t pause = clock_backoff_next(&wait->backoff);
    if (pause > left) pause = left;
    if (stop_sleep(session->stop, pause, err) == 0) return 0;
    const struct error stopped = *err;
    return error_set(err, stopped.code, "%s while waiting for %s", stopped.message,
                     wait->server);
}

/* Open without connecting yet, and watch over its waits. */
static int open_ahead(struct session *session, struct db **db, const struct url *url,
                      struct error *err)
{
    if (session->watch.look == NULL) blockade_watch(session);
    if (db_open_ahead(db, url, session->stop, err) != 0) return -1;
    db_set_watch(*db, &session->watch);
    return 0;
}

/*
 * *db is what was opened ahead, or NULL. Returns 0; or -1 with err, *db then being whatever it
 * was in the end. A connection to PostgreSQL is kept for the next attempt: steps that are
 * prepared may know it. A file is opened anew, since it may be another one by then.
 */
static int connect_until(struct session *session, struct db **db, const struct url *url,
                         struct wait *wait, struct error *err)
{
    for (;;) {
        if ((*db != NULL || open_ahead(session, db, url, err) == 0) &&
            db_connect(*db, err) == 0)
            return 0;
        if (*db != NULL && db_dialect(*db) == DB_SQLITE) {
            db_close(*db);
            *db = NULL;
        }
        if (try_again(session, wait, err) != 0) return -1;
        error_clear(err);
    }
}

/* For the one whose turn it is: it is a wait of its own. Returns as connect_until(). */
static int open_database(struct session *session, struct db **db, const struct url *url,
                         struct error *err)
{
    int64_t told_ms = 0;
    struct wait wait = wait_for("the database", clock_monotonic_ms(), &told_ms);
    return connect_until(session, db, url, &wait, err);
}

/* For one that queues: for a place here, then for the lock, it is one wait. NULL with err. */
static struct db *open_in_queue(struct session *session, struct error *err)
{
    struct wait wait = wait_for("the database", session->queued_ms, &session->told_ms);
    struct db *db = NULL;
    if (connect_until(session, &db, &session->config->ledger, &wait, err) == 0) return db;
    db_close(db);
    return NULL;
}

/* The label of the ledger's database; a file has many, and one that is not relative. NULL with
 * err. */
static const char *name_database(struct session *session, struct error *err)
{
    const struct url *url = &session->config->ledger;
    char *path = url->kind == URL_SQLITE ? realpath(url->path, NULL) : NULL;
    const char *name = arena_text(&session->arena, path != NULL ? path : url->label);
    if (name == NULL) (void)error_memory(err);
    free(path);
    return name;
}

int session_connect(struct session *session, struct error *err)
{
    const struct config *config = session->config;
    if (session->db != NULL) return 0;
    if (config_require(config, config->ledger_is_database ? "database" : "ledger", err) != 0)
        return -1;
    session->db = open_in_queue(session, err);
    if (session->db == NULL) return -1;
    if (session->database == NULL) session->database = name_database(session, err);
    if (session->database == NULL) return -1;
    const struct ledger_author author = {
        .context = config->context,
        .host = config->host,
        .pid = getpid(),
        .tool_version = session->tool_version,
    };
    return ledger_open(&session->ledger, session->db, config->ledger_table, &author, err);
}

void session_disconnect(struct session *session)
{
    db_close(session->reader);
    db_close(session->db);
    session->reader = session->db = NULL;
    ledger_use(session->ledger, NULL);
}

int session_reconnect(struct session *session, struct error *err)
{
    if (session->db != NULL) return 0;
    session->db = open_in_queue(session, err);
    if (session->db == NULL) return -1;
    ledger_use(session->ledger, session->db);
    return 0;
}

/* Forget what was read last. */
static void begin_reading(struct session *session)
{
    arena_release(&session->reading);
    session->agenda = (struct agenda){0};
    session->state = (struct ledger_state){0};
    session->read_ms = clock_monotonic_ms();
}

int session_read(struct session *session, struct error *err)
{
    begin_reading(session);
    if (ledger_read(session->ledger, &session->state, &session->reading, err) != 0) return -1;
    /* The lock is ours: whoever else says that it runs is dead. */
    if (session->lock != NULL) {
        session->state.record.lock_held = false;
        session->state.record.holder = NULL;
    }
    return agenda_build(&session->agenda, &session->migrations, &session->state.record,
                        &session->reading, err);
}

/* What else went wrong, session_read() will say better. */
int session_is_settled(struct session *session, struct error *err)
{
    if (session->config->strict) return 0;
    begin_reading(session);
    const int seen =
        ledger_glance(session->ledger, &session->state, &session->reading, err) == 1 &&
        agenda_build(&session->agenda, &session->migrations, &session->state.record,
                     &session->reading, err) == 0;
    if (seen) return session->agenda.pending == 0 && session->agenda.unannounced == 0;
    if (error_ends_waiting(err)) return -1;
    error_clear(err);
    return 0;
}

/* The reader is on its way while the lock's connection is: that it fails is told to whoever
 * needs it. */
static void open_reader_ahead(struct session *session)
{
    struct error ignored = {0};
    const struct config *config = session->config;
    if (!session->will_read || session->reader != NULL) return;
    if (config_require(config, "database", &ignored) != 0) return;
    (void)open_ahead(session, &session->reader, &config->database, &ignored);
}

/*
 * The ledger stays where it was read: a new backend of PostgreSQL would have to look all of it
 * up again. So the lock moves to the new connection, and another may take it in that moment.
 */
static int hand_lock_over(struct session *session, struct error *err)
{
    struct db *lock = NULL;
    (void)open_ahead(session, &lock, &session->config->ledger, &(struct error){0});
    open_reader_ahead(session);
    if (open_database(session, &lock, &session->config->ledger, err) != 0) {
        db_close(lock);
        return -1;
    }
    db_lock_release(session->db);
    crash_point("lock given back");
    const int taken = db_lock_try(lock, ledger_lock_name(session->ledger), err);
    if (taken == 1)
        session->lock = lock;
    else
        db_close(lock);
    return taken;
}

/* Nothing may be written beside the file that rows are read from. Another ledger would know
 * nothing of what the one in it says, and carry all of that again; so it is an offer only where
 * there is none. */
static int offer_ledger(const struct session *session, struct error *err)
{
    if (err->code != ERROR_OPERATOR || session->state.present ||
        db_dialect(session->db) != DB_SQLITE)
        return -1;
    const struct error why = *err;
    return error_set(err, why.code, "%s, or keep the ledger elsewhere (--ledger)", why.message);
}

/* Who waits is to be told for whom. */
static int sign_lock(struct session *session, struct error *err)
{
    struct arena arena = {0};
    int result = -1;
    const char *name =
        ledger_holder_name(session->ledger, session->config->host, getpid(), &arena);
    if (name == NULL)
        (void)error_memory(err);
    else
        result = db_lock_sign(session->lock, name, err);
    arena_release(&arena);
    return result;
}

/* SQLite's lock is a file of its own, and does not keep its connection from other work. */
static int take_lock(struct session *session, struct error *err)
{
    const int taken = db_lock_try(session->db, ledger_lock_name(session->ledger), err);
    if (taken != 1) return taken < 0 ? offer_ledger(session, err) : taken;
    crash_point("lock taken");
    if (db_dialect(session->db) == DB_POSTGRESQL) return hand_lock_over(session, err);
    session->lock = session->db;
    return 1;
}

int session_take_lock(struct session *session, struct error *err)
{
    const int taken = take_lock(session, err);
    if (taken != 1 || sign_lock(session, err) == 0) return taken;
    session_release_lock(session);
    return -1;
}

void session_release_lock(struct session *session)
{
    if (session->lock == NULL) return;
    db_lock_release(session->lock);
    if (session->lock != session->db) db_close(session->lock);
    session->lock = NULL;
}

/* Connect, waiting for Redis as --wait says, until check (NULL: nothing) is content with it. */
static int open_redis(struct session *session,
                      int (*check)(struct connection *connection, struct error *err),
                      struct error *err)
{
    const struct config *config = session->config;
    int64_t told_ms = 0;
    struct wait wait = wait_for("Redis", clock_monotonic_ms(), &told_ms);
    if (session->redis != NULL) return 0;
    if (config_require(config, "redis", err) != 0) return -1;
    for (;;) {
        if (connection_open(&session->redis, &config->redis, session->stop, err) == 0 &&
            (check == NULL || check(session->redis, err) == 0))
            return 0;
        connection_close(session->redis);
        session->redis = NULL;
        if (try_again(session, &wait, err) != 0) return -1;
        error_clear(err);
    }
}

int session_open_redis(struct session *session, struct error *err)
{
    return open_redis(session, connection_check_server, err);
}

int session_look_at_redis(struct session *session, struct error *err)
{
    return open_redis(session, NULL, err);
}

int session_try_redis(struct session *session, struct error *err)
{
    const struct config *config = session->config;
    struct error *why = &session->no_redis;
    if (session->redis != NULL) return 0;
    if (why->code == ERROR_NONE && config_require(config, "redis", why) == 0 &&
        connection_open(&session->redis, &config->redis, session->stop, why) == 0)
        return 0;
    *err = *why;
    return -1;
}

int session_ensure(struct session *session, struct error *err)
{
    const char *operator_name = config_operator(session->config);
    if (operator_name == NULL) return error_memory(err);
    ledger_sign(session->ledger, operator_name);
    const int ready = ledger_is_ready(session->ledger, &session->state, err);
    if (ready < 0) return -1;
    if (ready == 0)
        return ledger_ensure(session->ledger, &session->arena, &session->ledger_id, err);
    session->ledger_id = arena_text(&session->arena, session->state.id);
    return session->ledger_id != NULL ? 0 : error_memory(err);
}

int session_definition(struct session *session, int64_t run_id, struct migration **migration,
                       struct error *err)
{
    struct run *runs = NULL;
    size_t count = 0;
    *migration = NULL;
    if (ledger_history(session->ledger, 0, run_id, &session->arena, &runs, &count, err) != 0)
        return -1;
    if (count == 0 || runs[0].definition == NULL) return 0;
    const struct migration_source source = {
        .file = arena_format(&session->arena, "(ledger, run %" PRId64 ")", run_id),
        .version = runs[0].version,
        .name = runs[0].name,
        .bytes = runs[0].definition,
        .length = strlen(runs[0].definition),
    };
    if (source.file == NULL) return error_memory(err);
    return migration_file_parse(migration, &source, err);
}

/* Whether what reads has to be the ledger's connection: a statement that is open on another one
 * would keep the ledger from being written. Returns 1, 0, or -1 with err. */
static int reads_where_it_writes(struct session *session, struct error *err)
{
    if (!session->config->ledger_is_database || db_dialect(session->db) != DB_SQLITE) return 0;
    return db_reading_blocks_writers(session->db, err);
}

struct db *session_reader(struct session *session, struct error *err)
{
    const struct config *config = session->config;
    if (config_require(config, "database", err) != 0) return NULL;
    const int same = reads_where_it_writes(session, err);
    if (same != 0) return same == 1 ? session->db : NULL;
    /* What was opened ahead may have waited for long, and a server gives up who does not say
     * more (authentication_timeout): that is no reason yet. */
    if (session->reader != NULL) (void)db_connect(session->reader, &(struct error){0});
    const int opened = open_database(session, &session->reader, &config->database, err);
    return opened == 0 ? session->reader : NULL;
}

struct db *session_open_from(struct session *session, const char *variable, struct error *err)
{
    bool failed = false;
    struct url url = {0};
    const char *text = config_variable(session->config, variable, &failed, err);
    if (failed) return NULL;
    if (text == NULL) {
        error_set(err, ERROR_INVALID,
                  "`from` names the environment variable '%s', which is not set", variable);
        return NULL;
    }
    if (url_parse_database(&url, text, variable, &session->arena, err) != 0) return NULL;
    struct db *db = NULL;
    if (open_database(session, &db, &url, err) == 0) return db;
    db_close(db);
    return NULL;
}
