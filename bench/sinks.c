/*
 * What exactly once costs: the same rows, read by the same source, through sink_fenced and
 * through sink_pipelined, side by side.
 *
 * Both write into the same emptied Redis, in turns, the order changing from round to round, so
 * that a noisy machine is unfair to both. It prints every round, and the ratio of the medians.
 * It measures the library's own modules; the program around them, its ledger and its lock are
 * not in it.
 *
 *     sinks ROUNDS    (behind tests/support/with_servers.sh; see bench/README.md)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arena.h"
#include "buffer.h"
#include "checkpoint.h"
#include "connection.h"
#include "db.h"
#include "error.h"
#include "migration.h"
#include "migration_file.h"
#include "sink.h"
#include "sink_fenced.h"
#include "sink_pipelined.h"
#include "source.h"
#include "url.h"

enum { MOST_ROUNDS = 99 };

static const char definition[] = "up:\n"
                                 "  - read: SELECT name, enabled FROM flags\n"
                                 "    key: name\n"
                                 "    write: SET flag:${name} ${enabled}\n";

struct bench {
    struct arena arena;
    struct db *db;
    struct url redis_url;
    struct connection *redis;
    struct migration *migration;
    int64_t rows; /* of the last crossing */
};

enum kind { FENCED, PIPELINED, KINDS };

struct measure {
    double seconds;
    double cpu; /* seconds, this process alone */
};

static _Noreturn void give_up(const struct error *err)
{
    (void)fprintf(stderr, "sinks: %s\n", err->message);
    exit(EXIT_FAILURE);
}

static double seconds_of(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- crossing --------------------------------------------------------------------------- */

static int begin_afresh(void *context, const struct checkpoint *found, bool again,
                        enum fence_answer *answer, struct error *err)
{
    (void)context;
    (void)err;
    *answer = again && found->present ? FENCE_RESUME : FENCE_AFRESH;
    return 0;
}

static int agree(void *context, int64_t origin, struct error *err)
{
    (void)context;
    (void)origin;
    (void)err;
    return 0;
}

static int open_sink(struct bench *bench, enum kind kind, struct sink **out, struct error *err)
{
    const struct sink_fenced_options options = {
        .connection = bench->redis,
        .retry_for_ms = SINK_RETRY_FOR_MS,
        .ledger_id = "bench",
        .database = "bench",
        .version = 1,
        .run_id = 1,
        .checksum = bench->migration->checksum,
        .decide = begin_afresh,
        .confirm = agree,
    };
    return kind == FENCED ? sink_fenced_open(out, &options, err)
                          : sink_pipelined_open(out, bench->redis, SINK_RETRY_FOR_MS, err);
}

static int close_batch(struct source *source, struct sink *sink, struct error *err)
{
    struct buffer cursor = {0};
    int result = source_cursor(source, &cursor, err);
    if (result == 0) result = sink_close_batch(sink, buffer_text(&cursor), err);
    buffer_release(&cursor);
    return result;
}

/* As the program carries them. */
static int carry(struct source *source, struct sink *sink, struct error *err)
{
    struct row row = {0};
    for (;;) {
        int result = 0;
        switch (source_next(source, sink_full(sink), false, &row, err)) {
        case SOURCE_ROW:
            result = sink_put(sink, &row, err);
            break;
        case SOURCE_AGAIN:
            result = sink_wait(sink, source_descriptor(source), 250, err);
            break;
        case SOURCE_BATCH:
            result = close_batch(source, sink, err);
            break;
        case SOURCE_END:
            return close_batch(source, sink, err) == 0 ? sink_flush(sink, err) : -1;
        case SOURCE_FAILED:
            return -1;
        }
        if (result < 0) return -1;
    }
}

static int cross(struct bench *bench, enum kind kind, struct error *err)
{
    struct step *step = &bench->migration->up.items[0];
    const struct source_options options = {
        .db = bench->db, .step = step, .batch = MIGRATION_DEFAULT_BATCH};
    struct source *source = NULL;
    struct sink *sink = NULL;
    int result = source_open(&source, &options, err);
    if (result == 0) result = command_bind(&step->commands[0], source_columns(source), err);
    if (result == 0) result = open_sink(bench, kind, &sink, err);
    if (result == 0) {
        const struct sink_step sink_step = {.step = step,
                                            .key_columns = source_key_columns(source),
                                            .key_count = step->key_count,
                                            .batch = MIGRATION_DEFAULT_BATCH,
                                            .is_fixed = true};
        result = sink_begin(sink, &sink_step, err);
    }
    if (result == 0) result = carry(source, sink, err);
    if (result == 0 && kind == FENCED) result = sink_fenced_end_step(sink, 2, err);
    if (result == 0 && kind == FENCED) result = sink_fenced_finish(sink, NULL, 0, 0, err);
    if (result == 0) bench->rows = sink_tally(sink)->commands_sent;
    sink_close(sink);
    source_close(source);
    return result;
}

static struct measure measure(struct bench *bench, enum kind kind)
{
    struct error err = {0};
    const struct reply *reply = NULL;
    if (connection_ask(bench->redis, &reply, &err, "FLUSHALL", "SYNC", (const char *)NULL) != 0)
        give_up(&err);
    const double begun = seconds_of(CLOCK_MONOTONIC);
    const double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    if (cross(bench, kind, &err) != 0) give_up(&err);
    return (struct measure){.seconds = seconds_of(CLOCK_MONOTONIC) - begun,
                            .cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu};
}

/* ---- telling ---------------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(const double *values, size_t count)
{
    double sorted[MOST_ROUNDS];
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, compare);
    return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static void run_rounds(struct bench *bench, size_t rounds)
{
    double seconds[KINDS][MOST_ROUNDS], ratios[MOST_ROUNDS];
    (void)printf("round   fenced s (cpu)   pipelined s (cpu)   ratio\n");
    for (size_t round = 0; round < rounds; round++) {
        struct measure measured[KINDS] = {{0}};
        for (size_t turn = 0; turn < KINDS; turn++) {
            const enum kind kind = (enum kind)((turn + round) % KINDS);
            measured[kind] = measure(bench, kind);
        }
        for (size_t kind = 0; kind < KINDS; kind++)
            seconds[kind][round] = measured[kind].seconds;
        ratios[round] = measured[FENCED].seconds / measured[PIPELINED].seconds;
        (void)printf("%5zu   %6.3f (%.3f)   %9.3f (%.3f)   %9.3f\n", round + 1,
                     measured[FENCED].seconds, measured[FENCED].cpu,
                     measured[PIPELINED].seconds, measured[PIPELINED].cpu, ratios[round]);
        (void)fflush(stdout);
    }
    (void)printf("%" PRId64 " rows; medians: fenced %.3f s, pipelined %.3f s: ratio of the "
                 "medians %.3f, median of the ratios %.3f\n",
                 bench->rows, median(seconds[FENCED], rounds),
                 median(seconds[PIPELINED], rounds),
                 median(seconds[FENCED], rounds) / median(seconds[PIPELINED], rounds),
                 median(ratios, rounds));
}

static void open_all(struct bench *bench)
{
    struct error err = {0};
    struct url database = {0};
    const char *database_text = getenv("REDFERRY_BENCH_DATABASE");
    const char *redis_text = getenv("REDFERRY_TEST_REDIS");
    const struct migration_source source = {.file = "1_flags.yaml",
                                            .version = 1,
                                            .name = "flags",
                                            .bytes = definition,
                                            .length = strlen(definition)};
    if (database_text == NULL || redis_text == NULL) {
        (void)error_set(&err, ERROR_INVALID,
                        "REDFERRY_BENCH_DATABASE and REDFERRY_TEST_REDIS are not set");
        give_up(&err);
    }
    if (url_parse_database(&database, database_text, "database", &bench->arena, &err) != 0 ||
        url_parse_redis(&bench->redis_url, redis_text, "redis", &bench->arena, &err) != 0 ||
        migration_file_parse(&bench->migration, &source, &err) != 0 ||
        db_open(&bench->db, &database, NULL, &err) != 0 ||
        connection_open(&bench->redis, &bench->redis_url, NULL, &err) != 0)
        give_up(&err);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    const long rounds = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (rounds < 1 || rounds > MOST_ROUNDS) {
        (void)fprintf(stderr, "usage: sinks ROUNDS (1 to %d)\n", MOST_ROUNDS);
        return EXIT_FAILURE;
    }
    open_all(&bench);
    run_rounds(&bench, (size_t)rounds);
    connection_close(bench.redis);
    db_close(bench.db);
    migration_free(bench.migration);
    arena_release(&bench.arena);
    return EXIT_SUCCESS;
}
