/*
 * The stage: a Redis that nobody else knows, and databases that did not exist a moment ago.
 *
 * Redis listens on a Unix socket in a directory that only we may enter, keeps nothing on disk,
 * and is killed by the kernel when the process that started it ends. What a file gives is done
 * as psql or sqlite3 would: statement by statement, outside any transaction of ours.
 *
 * It does not know what is rehearsed on it.
 */
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buffer.h"
#include "clock.h"
#include "connection.h"
#include "db.h"
#include "db_scratch.h"
#include "error.h"
#include "file.h"
#include "keeper.h"
#include "reply.h"
#include "sql_text.h"
#include "stop.h"
#include "test_file.h"

/* A machine that is busy may take long to start a server. */
enum { START_MS = 30000, STOP_MS = 2000, POLL_MS = 1 };

/* ---- Redis ------------------------------------------------------------------------------ */

/* In the child: become the server. */
static void become_redis(const struct stage *stage, const char *socket_path,
                         const char *log_path, pid_t parent)
{
    const char *const arguments[] = {
        stage->plan->redis_server,
        "--port",
        "0",
        "--unixsocket",
        socket_path,
        "--unixsocketperm",
        "700",
        "--dir",
        stage->directory,
        "--daemonize",
        "no",
        "--appendonly",
        "no",
        "--client-output-buffer-limit",
        "pubsub",
        "0",
        "0",
        "0",
        "--save",
        "",
        NULL,
    };
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    (void)dup2(nothing, STDIN_FILENO);
    (void)dup2(log, STDOUT_FILENO);
    (void)dup2(log, STDERR_FILENO);
    execve(stage->plan->redis_server, (char *const *)(uintptr_t)arguments,
           (char *const *)(uintptr_t)stage->plan->environment);
    dprintf(STDERR_FILENO, "%s\n", strerror(errno));
    _exit(127);
}

/* The last line that the server wrote, for people. */
static const char *last_words(struct stage *stage, const char *log_path)
{
    struct error ignored = {0};
    char *bytes = NULL;
    size_t length = 0;
    if (file_read(log_path, &stage->arena, &bytes, &length, &ignored) != 0) length = 0;
    while (length > 0 && bytes[length - 1] == '\n') bytes[--length] = '\0';
    if (length == 0) return "it wrote nothing";
    const char *line = strrchr(bytes, '\n');
    return line != NULL ? line + 1 : bytes;
}

static bool has_ended(struct stage *stage)
{
    if (stage->redis_pid != 0 &&
        waitpid(stage->redis_pid, &stage->redis_status, WNOHANG) == stage->redis_pid)
        stage->redis_pid = 0;
    return stage->redis_pid == 0;
}

/* How long it may take: not longer than anything else may. */
static int64_t patience_ms(const struct stage *stage)
{
    const int64_t timeout_ms = stage->plan->timeout_ms;
    return timeout_ms > 0 && timeout_ms < START_MS ? timeout_ms : START_MS;
}

/* Wait until it answers. */
static int await_redis(struct stage *stage, const char *log_path, struct error *err)
{
    const int64_t begun = clock_monotonic_ms();
    for (;;) {
        error_clear(err);
        if (connection_open(&stage->redis, &stage->redis_url, NULL, err) == 0) return 0;
        stage->redis = NULL;
        const bool ended = has_ended(stage);
        if (ended || clock_monotonic_ms() - begun > patience_ms(stage))
            return error_set(err, ERROR_INVALID, "'%s' %s: %s", stage->plan->redis_server,
                             ended ? "does not start" : "does not answer as a Redis does",
                             last_words(stage, log_path));
        if (stop_sleep(NULL, POLL_MS, err) != 0) return -1;
    }
}

static int start_redis(struct stage *stage, struct error *err)
{
    const char *socket_path = arena_format(&stage->arena, "%s/redis.sock", stage->directory);
    const char *log_path = arena_format(&stage->arena, "%s/redis.log", stage->directory);
    const char *url = arena_format(&stage->arena, "unix://%s/redis.sock", stage->directory);
    if (socket_path == NULL || log_path == NULL || url == NULL) return error_memory(err);
    if (url_parse_redis(&stage->redis_url, url, "the scratch Redis", &stage->arena, err) != 0)
        return -1;
    const pid_t own = getpid(), child = fork();
    if (child < 0)
        return error_set(err, ERROR_FAILED, "cannot start '%s': %s", stage->plan->redis_server,
                         strerror(errno));
    if (child == 0) become_redis(stage, socket_path, log_path, own);
    stage->redis_pid = child;
    return await_redis(stage, log_path, err);
}

void stage_look_after(struct stage *stage, struct error *err)
{
    char words[KEEPER_STATUS_SIZE];
    if (stage->redis == NULL || !has_ended(stage)) return;
    (void)error_prefix(
        err, "the scratch Redis %s: ", keeper_status_text(stage->redis_status, words));
}

static void stop_redis(struct stage *stage)
{
    struct error ignored = {0};
    const struct reply *reply = NULL;
    if (stage->redis != NULL)
        (void)connection_ask(stage->redis, &reply, &ignored, "SHUTDOWN", "NOSAVE",
                             (const char *)NULL);
    audience_close(&stage->audience);
    connection_close(stage->redis);
    stage->redis = NULL;
    for (int i = 0; i < STOP_MS / POLL_MS && !has_ended(stage); i++)
        (void)stop_sleep(NULL, POLL_MS, &ignored);
    if (stage->redis_pid == 0) return;
    (void)kill(stage->redis_pid, SIGKILL);
    (void)waitpid(stage->redis_pid, NULL, 0);
    stage->redis_pid = 0;
}

static int call(struct stage *stage, const struct test_command *command, const char *file,
                struct error *err)
{
    const struct reply *reply = NULL;
    if (connection_call(stage->redis, command->count, command->arguments, command->lengths,
                        &reply, err) != 0)
        return -1;
    if (reply->type != REPLY_ERROR) return 0;
    return error_at(err, file, command->line, command->column, "'%s': Redis answered: %s",
                    command->text, reply->text);
}

/* Functions and scripts are no keys, and go as well. */
static int set_redis(struct stage *stage, const struct migration_test *test, struct error *err)
{
    const struct reply *reply = NULL;
    struct error ignored = {0}; /* a server before 7.0 has no functions */
    if (connection_ask(stage->redis, &reply, err, "FLUSHALL", (const char *)NULL) != 0)
        return -1;
    (void)connection_ask(stage->redis, &reply, &ignored, "FUNCTION", "FLUSH",
                         (const char *)NULL);
    for (size_t i = 0; i < test->command_count; i++)
        if (call(stage, &test->commands[i], test->file, err) != 0) return -1;
    return 0;
}

/* ---- scratch databases ------------------------------------------------------------------ */

static void drop_databases(struct stage *stage)
{
    const struct url *postgres = stage->plan->postgres;
    struct error ignored = {0}; /* the keeper looks after what is left, and says why */
    if (postgres != NULL && stage->made_count > 0)
        (void)db_scratch_drop(postgres, stage->made, stage->made_count, &ignored);
    for (size_t i = 0; i < stage->made_count && postgres == NULL; i++)
        (void)unlink(stage->made[i]);
    stage->made_count = 0;
}

/* libpq lets a later parameter win over the name in the path. */
static const char *url_in_postgres(struct stage *stage, const char *name)
{
    const char *text = stage->plan->postgres->text;
    return arena_format(&stage->setting, "%s%cdbname=%s", text,
                        strchr(text, '?') != NULL ? '&' : '?', name);
}

/* An empty file is an empty database. */
static int create_file(const char *path, struct error *err)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, ERROR_FAILED, "cannot make '%s': %s", path, strerror(errno));
    (void)close(fd);
    return 0;
}

/* Make one more database; *url becomes what it is reached by. */
static int create(struct stage *stage, const char **url, struct error *err)
{
    const bool is_file = stage->plan->postgres == NULL;
    const size_t which = stage->databases++;
    const char *name = is_file
                           ? arena_format(&stage->setting, "%s/%zu.db", stage->directory, which)
                           : arena_format(&stage->setting, "%s%zu_%zu", stage->plan->token,
                                          stage->number, which);
    if (name == NULL) return error_memory(err);
    stage->made[stage->made_count++] = name;
    *url = is_file ? arena_format(&stage->setting, "sqlite:%s", name)
                   : url_in_postgres(stage, name);
    if (*url == NULL) return error_memory(err);
    return is_file ? create_file(name, err)
                   : db_scratch_create(stage->plan->postgres, stage->plan->token, name, err);
}

/* ---- filling them ----------------------------------------------------------------------- */

/* What is given need not last, and is in UTF-8. */
static const char *const preparations[] = {
    [DB_POSTGRESQL] = "SET client_encoding = 'UTF8'; SET synchronous_commit = off",
    [DB_SQLITE] = "PRAGMA synchronous = OFF",
};

/* A statement as a complaint shows it: its first line, shortened. */
static int refuse(const struct test_source *source, const char *file, const char *statement,
                  size_t number, struct error *err)
{
    struct error cause = *err;
    const size_t length = strcspn(statement, "\n");
    const bool is_cut = length > 60 || statement[length] != '\0';
    return error_at(err, file, source->line, source->column, "%s: statement %zu (%.*s%s): %s",
                    source->name, number, (int)(length > 60 ? 60 : length), statement,
                    is_cut ? "…" : "", cause.message);
}

/* The statement that left a transaction open behind this one, the number-th: open is the one
 * that had before it, 0 for none. */
static size_t open_behind(size_t open, size_t number, const char *statement)
{
    static const char *const ends[] = {"COMMIT", "END", "ABORT", "ROLLBACK", "PREPARE"};
    const struct sql_text text = sql_text_scan(statement, strlen(statement));
    if (!sql_text_is_transaction_control(&text, statement)) return open;
    if (strcmp(text.keyword, "BEGIN") == 0 || strcmp(text.keyword, "START") == 0) return number;
    if (sql_text_find(statement, strlen(statement), "TO", NULL) >= 0)
        return open; /* ROLLBACK TO a savepoint */
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(text.keyword, ends[i]) == 0) return 0;
    return open;
}

static int run_statements(struct stage *stage, struct db *db, const struct test_source *source,
                          const char *file, struct error *err)
{
    const char *rest = source->sql;
    size_t open = 0;
    for (size_t number = 1; *rest != '\0'; number++) {
        const struct sql_text text = sql_text_scan(rest, strlen(rest));
        if (text.statements == 0) break;
        const char *statement =
            arena_copy(&stage->setting, rest + text.begin,
                       (text.second != 0 ? text.second : text.end) - text.begin);
        if (statement == NULL) return error_memory(err);
        if (db_execute_alone(db, statement, err) != 0)
            return refuse(source, file, statement, number, err);
        open = open_behind(open, number, statement);
        if (text.second == 0) break;
        rest += text.second;
    }
    if (open == 0) return 0;
    return error_at(err, file, source->line, source->column,
                    "%s: statement %zu begins a transaction that nothing ends: what follows it "
                    "would be lost; a COMMIT is missing",
                    source->name, open);
}

static int fill(struct stage *stage, const char *url_text, const struct test_source *source,
                const char *file, struct error *err)
{
    struct url url;
    struct db *db = NULL;
    if (source->sql == NULL) return 0;
    if (url_parse_database(&url, url_text, "a scratch database", &stage->setting, err) != 0 ||
        db_scratch_open(&db, &url, NULL, err) != 0)
        return -1;
    int result = db_execute_alone(db, preparations[db_dialect(db)], err);
    if (result == 0) result = run_statements(stage, db, source, file, err);
    db_close(db);
    return result;
}

/* Make the databases; *url is the one that is migrated, environment names the others. */
static int set_databases(struct stage *stage, const struct migration_test *test,
                         const char **url, const char **environment, struct error *err)
{
    const struct test_source own = {"given.sql", test->sql, test->sql_line, test->sql_column};
    stage->made = arena_array(&stage->setting, test->source_count + 1, sizeof(const char *));
    if (stage->made == NULL) return error_memory(err);
    if (create(stage, url, err) != 0 || fill(stage, *url, &own, test->file, err) != 0)
        return -1;
    for (size_t i = 0; i < test->source_count; i++) {
        const char *other = NULL;
        if (create(stage, &other, err) != 0 ||
            fill(stage, other, &test->sources[i], test->file, err) != 0)
            return -1;
        environment[i] = arena_format(&stage->setting, "%s=%s", test->sources[i].name, other);
        if (environment[i] == NULL) return error_memory(err);
    }
    return 0;
}

/* ---- what a run is told ----------------------------------------------------------------- */

static int configure(struct stage *stage, const char *database, const char *const *environment,
                     struct error *err)
{
    char batch[24];
    (void)snprintf(batch, sizeof batch, "%lld", (long long)stage->plan->batch);
    const struct {
        const char *name, *value;
    } settings[] = {
        {"database", database},
        {"redis", stage->redis_url.text},
        {"migrations", stage->directory}, /* where no redferry.yaml is */
        {"operator", "redferry test"},
        {"retry-for", "2s"}, /* this Redis fails over to no other, and loads nothing */
        {stage->plan->allow_repeats ? "allow-repeats" : NULL, "true"},
        {stage->plan->batch > 0 ? "batch" : NULL, batch},
    };
    config_release(&stage->config);
    config_init(&stage->config);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (settings[i].name == NULL) continue;
        if (config_set(&stage->config, settings[i].name, settings[i].value, err) != 0)
            return -1;
    }
    if (config_read_environment(&stage->config, environment, err) != 0) return -1;
    return config_resolve(&stage->config, NULL, err);
}

int stage_set(struct stage *stage, const struct migration_test *test, struct error *err)
{
    const char *url = NULL;
    drop_databases(stage);
    config_release(&stage->config);
    arena_release(&stage->setting);
    const char **environment =
        arena_array(&stage->setting, test->source_count + 1, sizeof(const char *));
    if (environment == NULL) return error_memory(err);
    if (set_redis(stage, test, err) != 0 ||
        set_databases(stage, test, &url, environment, err) != 0)
        return -1;
    return configure(stage, url, environment, err);
}

struct db *stage_database(const struct stage *stage, struct error *err)
{
    struct db *db = NULL;
    return db_scratch_open(&db, &stage->config.database, NULL, err) == 0 ? db : NULL;
}

/* ---- from beginning to end -------------------------------------------------------------- */

/* Have SIGALRM end this process in ms; 0: not at all. */
static void end_in(int64_t ms)
{
    const struct itimerval timer = {
        .it_value = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000}};
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

void stage_say(struct stage *stage, const char *moment)
{
    (void)snprintf(stage->slate->moment, sizeof stage->slate->moment, "%s", moment);
}

void stage_begin(struct stage *stage, const char *moment)
{
    stage_say(stage, moment);
    end_in(stage->plan->timeout_ms);
}

int stage_open(struct stage *stage, const struct stage_plan *plan, const char *directory,
               size_t number, struct stage_slate *slate, struct error *err)
{
    *stage =
        (struct stage){.plan = plan, .directory = directory, .number = number, .slate = slate};
    /* Something that takes a connection and says nothing is waited for without end. */
    slate->begun_ns = clock_monotonic();
    stage_say(stage, "the start of Redis");
    end_in(patience_ms(stage) + START_MS);
    if (start_redis(stage, err) != 0) return -1;
    return audience_open(&stage->audience, &stage->redis_url, NULL, err);
}

void stage_close(struct stage *stage)
{
    end_in(0);
    stop_redis(stage);
    if (stage->plan != NULL) drop_databases(stage);
    config_release(&stage->config);
    arena_release(&stage->setting);
    arena_release(&stage->arena);
    *stage = (struct stage){0};
}
