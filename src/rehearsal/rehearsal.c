/*
 * Rehearsals: which migrations are tested, by whom, and what came of it.
 *
 * All files are read before anything is started (rehearsal_files). Then each migration is
 * rehearsed by a process of its own, which a run may crash or be killed without harm to the
 * others; what it found it leaves in a file of the directory that goes with all the rest.
 * Results are told in the order of the versions, whichever is done first.
 */
#include "rehearsal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buffer.h"
#include "clock.h"
#include "config.h"
#include "cycle.h"
#include "db_scratch.h"
#include "error.h"
#include "file.h"
#include "keeper.h"
#include "killing.h"
#include "number.h"
#include "rehearsal_files.h"
#include "stage.h"
#include "stop.h"
#include "test_file.h"
#include "url.h"

enum { MOST_SOCKET_PATH = 107, TOKEN_BYTES = 12 };

void rehearsal_release(struct rehearsal *rehearsal)
{
    for (size_t i = 0; i < rehearsal->count; i++) {
        migration_test_free(rehearsal->items[i].test);
        verdict_release(&rehearsal->items[i].verdict);
    }
    migrations_release(&rehearsal->migrations);
    migrations_release(&rehearsal->directory);
    arena_release(&rehearsal->arena);
    *rehearsal = (struct rehearsal){0};
}

/* ---- on which servers ------------------------------------------------------------------- */

static bool is_program(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISREG(facts.st_mode) && access(path, X_OK) == 0;
}

/* The first of names that is in a directory of PATH; NULL where none is. */
static const char *search(struct arena *arena, const char *path, const char *const *names,
                          size_t count)
{
    while (path != NULL && *path != '\0') {
        const size_t length = strcspn(path, ":");
        for (size_t i = 0; i < count; i++) {
            const char *found = arena_format(arena, "%.*s/%s", (int)length, path, names[i]);
            if (length > 0 && found != NULL && is_program(found)) return found;
        }
        path += length;
        if (*path == ':') path++;
    }
    return NULL;
}

static int find_redis(struct rehearsal *rehearsal, struct config *config, const char **program,
                      struct error *err)
{
    static const char *const usual[] = {"redis-server", "valkey-server"};
    bool failed = false;
    const char *named = config_variable(config, "REDFERRY_REDIS_SERVER", &failed, err);
    if (failed) return -1;
    const char *path = config_variable(config, "PATH", &failed, err);
    if (failed) return -1;
    if (named != NULL && strchr(named, '/') != NULL)
        *program = is_program(named) ? named : NULL;
    else if (named != NULL)
        *program = search(&rehearsal->arena, path, &named, 1);
    else
        *program = search(&rehearsal->arena, path, usual, 2);
    if (*program != NULL) return 0;
    if (named != NULL)
        return error_set(err, ERROR_INVALID, "REDFERRY_REDIS_SERVER: '%s' is no program",
                         named);
    return error_set(err, ERROR_INVALID,
                     "tests need a Redis of their own, and neither redis-server nor "
                     "valkey-server is in PATH: install one (Debian: apt-get install "
                     "redis-server, or valkey-server from Debian 13 on), or name it in "
                     "REDFERRY_REDIS_SERVER");
}

/* Whether a directory's name can stand in a URL, and in a socket's address. */
static bool is_fit(const char *directory)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._-+,=~@";
    enum { OWN = sizeof "/redferry-test-XXXXXX/1000000/redis.sock" };
    return directory != NULL && directory[0] == '/' &&
           strlen(directory) + OWN <= MOST_SOCKET_PATH &&
           strspn(directory, plain) == strlen(directory) && access(directory, W_OK | X_OK) == 0;
}

static int make_directory(struct rehearsal *rehearsal, struct config *config, char **directory,
                          struct error *err)
{
    bool failed = false;
    const char *parent = config_variable(config, "TMPDIR", &failed, err);
    if (failed) return -1;
    if (!is_fit(parent)) parent = "/tmp";
    *directory = arena_format(&rehearsal->arena, "%s/redferry-test-XXXXXX", parent);
    if (*directory == NULL) return error_memory(err);
    if (mkdtemp(*directory) != NULL) return 0;
    return error_set(err, ERROR_INVALID, "cannot make a directory in '%s': %s", parent,
                     strerror(errno));
}

/* A name that nothing else has. */
static int make_token(struct rehearsal *rehearsal, const char **token, struct error *err)
{
    unsigned char random[TOKEN_BYTES];
    char digits[2 * TOKEN_BYTES + 1];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return error_set(err, ERROR_FAILED, "no random numbers: %s", strerror(errno));
    for (size_t i = 0; i < sizeof random; i++)
        (void)snprintf(digits + 2 * i, 3, "%02x", random[i]);
    *token = arena_format(&rehearsal->arena, "redferry_test_%s_", digits);
    return *token != NULL ? 0 : error_memory(err);
}

static int use_postgres(struct rehearsal *rehearsal, const char *text, struct url *url,
                        struct error *err)
{
    if (url_parse_database(url, text, "--database", &rehearsal->arena, err) != 0) return -1;
    if (url->kind == URL_POSTGRESQL) return 0;
    return error_set(err, ERROR_INVALID,
                     "--database: for tests it names a PostgreSQL to make scratch databases "
                     "on; without it they run on SQLite");
}

/* ---- the work --------------------------------------------------------------------------- */

/* What the processes know. */
struct work {
    struct rehearsal *rehearsal;
    struct stage_plan plan;
    struct killing_wish killing;
    struct url postgres;
    char *directory;
    struct stage_slate *slates; /* one for each piece, seen by all processes */
    size_t *tested;             /* the index of each piece among the rehearsal's items */
    size_t count;
    size_t most; /* as many at a time as the servers have room for */
};

static int sweep(void *context, struct error *err)
{
    const struct work *work = context;
    if (work->plan.postgres == NULL) return 0;
    return db_scratch_sweep(work->plan.postgres, work->plan.token, err);
}

/* Leave what was found where who asked looks for it. Returns 0, or errno. */
static int leave(const struct verdict *verdict, const char *path)
{
    struct buffer bytes = {0};
    int failed = ENOMEM;
    verdict_write(verdict, &bytes);
    if (!buffer_failed(&bytes)) {
        FILE *file = fopen(path, "we");
        failed = file == NULL || fwrite(bytes.bytes, 1, bytes.length, file) != bytes.length
                     ? errno
                     : 0;
        if (file != NULL && fclose(file) != 0 && failed == 0) failed = errno;
    }
    buffer_release(&bytes);
    return failed;
}

/* A migration that does not do what it should need not be killed. */
static void rehearse(const struct work *work, struct stage *stage, const struct play *play,
                     struct verdict *verdict)
{
    cycle_perform(stage, play, verdict);
    if (work->killing.kills > 0 && verdict_is_good(verdict))
        killing_perform(stage, play, &work->killing, verdict);
    if (verdict->error.code != ERROR_NONE) stage_look_after(stage, &verdict->error);
}

/* In a process of its own. */
static void perform(void *context, size_t index)
{
    struct work *work = context;
    struct rehearsed *item = &work->rehearsal->items[work->tested[index]];
    struct verdict *verdict = &item->verdict;
    const struct play play = {.migration = item->migration, .test = item->test};
    const int64_t begun = clock_monotonic();
    struct stage stage = {0};
    char directory[256], path[256];
    (void)snprintf(directory, sizeof directory, "%s/%zu", work->directory, index);
    (void)snprintf(path, sizeof path, "%s/%zu.verdict", work->directory, index);
    if (mkdir(directory, 0700) != 0)
        (void)error_set(&verdict->error, ERROR_FAILED, "cannot make '%s': %s", directory,
                        strerror(errno));
    else if (stage_open(&stage, &work->plan, directory, index, &work->slates[index],
                        &verdict->error) == 0)
        rehearse(work, &stage, &play, verdict);
    stage_close(&stage);
    verdict->seconds = (double)(clock_monotonic() - begun) / 1e9;
    work->slates[index].untold = leave(verdict, path);
}

/* It took too long, and the kernel has ended it. */
static void blame_time(const struct work *work, size_t index, struct verdict *verdict)
{
    char limit[32];
    verdict->failed_moment = arena_text(&work->rehearsal->arena, work->slates[index].moment);
    if (work->plan.timeout_ms > 0)
        (void)error_set(&verdict->error, ERROR_FAILED, "took longer than %s (--timeout)",
                        number_duration_text(work->plan.timeout_ms, limit));
    else
        (void)error_set(&verdict->error, ERROR_FAILED, "took too long");
}

/* What a process has left. */
static void read_verdict(const struct work *work, size_t index, int status)
{
    struct rehearsal *rehearsal = work->rehearsal;
    struct verdict *verdict = &rehearsal->items[work->tested[index]].verdict;
    struct error err = {0};
    char path[256], *bytes = NULL;
    size_t length = 0;
    const bool ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    const int untold = work->slates[index].untold;
    (void)snprintf(path, sizeof path, "%s/%zu.%s", work->directory, index,
                   ended_well ? "verdict" : "log");
    const bool is_read = file_read(path, &rehearsal->arena, &bytes, &length, &err) == 0;
    if (ended_well && untold == 0 && is_read && verdict_read(verdict, bytes, length, &err) == 0)
        return;
    const int64_t begun_ns = work->slates[index].begun_ns;
    if (begun_ns > 0) verdict->seconds = (double)(clock_monotonic() - begun_ns) / 1e9;
    if (ended_well && untold != 0) {
        (void)error_set(&verdict->error, ERROR_FAILED, "cannot write '%s': %s", path,
                        strerror(untold));
    } else if (ended_well) {
        verdict->error = err;
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        blame_time(work, index, verdict);
    } else {
        char words[KEEPER_STATUS_SIZE];
        (void)error_set(&verdict->error, ERROR_FAILED, "its process %s%s%s",
                        keeper_status_text(status, words), is_read && length > 0 ? ": " : "",
                        is_read ? bytes : "");
    }
}

/* A program that is no Redis serves no other test either: that is for whoever called. */
static int check_server(const struct verdict *verdict, struct error *err)
{
    if (verdict->error.code != ERROR_INVALID || verdict->failed_moment != NULL) return 0;
    *err = verdict->error;
    return -1;
}

/* Tell of what is known by now, in order. */
static void tell(const struct rehearsal_wish *wish, const struct rehearsal *rehearsal,
                 size_t *told)
{
    while (*told < rehearsal->count) {
        const struct rehearsed *item = &rehearsal->items[*told];
        if (item->test != NULL && !item->is_done) return;
        if (wish->tell != NULL) wish->tell(wish->context, item);
        ++*told;
    }
}

/* Were they all to wait for connections that the others have, none would go on. */
static int find_room(struct work *work, const struct stop *stop, struct error *err)
{
    enum { CONNECTIONS = 4 }; /* of a run at once: two, one for a `from`, one that is going */
    size_t room = 0;
    work->most = SIZE_MAX;
    if (work->plan.postgres == NULL) return 0;
    if (db_scratch_check(work->plan.postgres, stop, &room, err) != 0) return -1;
    work->most = room / CONNECTIONS > 1 ? room / CONNECTIONS : 1;
    return 0;
}

static int carry_out(struct work *work, const struct rehearsal_wish *wish, struct error *err)
{
    struct rehearsal *rehearsal = work->rehearsal;
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t asked = wish->jobs > 0 ? wish->jobs : processors > 0 ? (size_t)processors : 1;
    const size_t jobs = asked < work->most ? asked : work->most;
    const struct keeper_work orders = {
        .count = work->count,
        .at_once = jobs < work->count ? jobs : work->count,
        .directory = work->directory,
        .perform = perform,
        .sweep = sweep,
        .context = work,
    };
    struct keeper keeper = {.socket = -1};
    struct error left = {0};
    size_t told = 0;
    int result = keeper_open(&keeper, &orders, err);
    if (result != 0) (void)rmdir(work->directory);
    for (size_t i = 0; i < work->count && result == 0; i++) {
        size_t index = 0;
        int status = 0;
        tell(wish, rehearsal, &told);
        result = keeper_next(&keeper, wish->stop, &index, &status, err);
        if (result != 0) break;
        read_verdict(work, index, status);
        result = check_server(&rehearsal->items[work->tested[index]].verdict, err);
        if (result != 0) break;
        rehearsal->items[work->tested[index]].is_done = true;
    }
    if (result == 0) tell(wish, rehearsal, &told);
    if (keeper_close(&keeper, &left) != 0 && result == 0) {
        *err = left;
        result = -1;
    }
    return result;
}

/* Memory that the processes write to and we read. Returns 0 or -1 with err. */
static int share_slates(struct work *work, struct error *err)
{
    void *slates = mmap(NULL, work->count * sizeof *work->slates, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (slates == MAP_FAILED) return error_memory(err);
    work->slates = slates;
    return 0;
}

int rehearsal_perform(struct rehearsal *rehearsal, const struct rehearsal_wish *wish,
                      struct error *err)
{
    struct config *config = wish->config;
    struct work work = {.rehearsal = rehearsal, .killing = {wish->kills, wish->seed}};
    static const char *const nothing[] = {NULL};
    size_t told = 0;
    work.plan = (struct stage_plan){
        .environment = config->environment != NULL ? config->environment : nothing,
        .allow_repeats = config->allow_repeats,
        .batch = config->batch,
        .timeout_ms = wish->timeout_ms,
    };
    if (wish->database != NULL &&
        use_postgres(rehearsal, wish->database, &work.postgres, err) != 0)
        return -1;
    if (wish->database != NULL) work.plan.postgres = &work.postgres;
    if (rehearsal_files_read(rehearsal, wish, err) != 0) return -1;
    work.tested = arena_array(&rehearsal->arena, rehearsal->count + 1, sizeof *work.tested);
    if (work.tested == NULL) return error_memory(err);
    for (size_t i = 0; i < rehearsal->count; i++)
        if (rehearsal->items[i].test != NULL) work.tested[work.count++] = i;
    if (work.count == 0) {
        tell(wish, rehearsal, &told);
        return 0;
    }
    if (find_redis(rehearsal, config, &work.plan.redis_server, err) != 0 ||
        find_room(&work, wish->stop, err) != 0 ||
        make_token(rehearsal, &work.plan.token, err) != 0 || share_slates(&work, err) != 0 ||
        make_directory(rehearsal, config, &work.directory, err) != 0)
        return -1;
    const int result = carry_out(&work, wish, err);
    (void)munmap(work.slates, work.count * sizeof *work.slates);
    return result;
}
