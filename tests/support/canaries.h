#ifndef REDFERRY_CANARIES_H
#define REDFERRY_CANARIES_H

/* Needs <cmocka.h> before it. */

/*
 * A migration whose commands must not be repeated, up and down, and what must be true in Redis
 * when it is done, whatever happened in between: each canary is 1, each row is in its list
 * once, each message was heard once. It reads a table `t (id)` with the rows 1, 2, 3 and counts
 * its `sql` step in `once (up, down)`. What SQL must say differs from test to test.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "arena.h"
#include "buffer.h"
#include "clock.h"
#include "connection.h"
#include "program.h"
#include "redis_url.h"
#include "reply.h"
#include "stop.h"

#define CANARIES_STEPS(way)                                                                    \
    way ":\n"                                                                                  \
        "  - read: SELECT id FROM t\n"                                                         \
        "    key: id\n"                                                                        \
        "    batch: 2\n"                                                                       \
        "    write:\n"                                                                         \
        "      - INCRBY " way ":a:${id} 1\n"                                                   \
        "      - RPUSH " way ":la ${id}\n"                                                     \
        "    publish: {channel: p, message: \"${id}\"}\n"                                      \
        "  - sql: UPDATE once SET " way " = " way " + 1\n"                                     \
        "  - read: SELECT id FROM t\n"                                                         \
        "    key: id\n"                                                                        \
        "    batch: 2\n"                                                                       \
        "    write:\n"                                                                         \
        "      - INCRBY " way ":b:${id} 1\n"                                                   \
        "      - RPUSH " way ":lb ${id}\n"

static const char canaries_migration[] =
    CANARIES_STEPS("up") "publish: {channel: d, message: applied}\n" CANARIES_STEPS("down");

enum { CANARIES_MOST_VIOLATIONS = 10 };

/* From one place of an attack to the next: all, or under a sanitizer, which is slow, a third.
 */
#ifdef __SANITIZE_ADDRESS__
enum { CANARIES_STRIDE = 3 };
#else
enum { CANARIES_STRIDE = 1 };
#endif

/* What its entry says: rows read, rows changed, commands sent, messages published. */
#define CANARIES_TOTALS "6,1,12,3"

struct canaries {
    struct arena lasting;
    struct arena arena; /* of one round */
    struct connection *observer;
    struct connection *listener; /* subscribed to "p" and "d" */
    const char *redis;           /* the URL; borrowed */
    char directory[128];         /* with the migration in it */
};

/* How an attack went. */
struct canaries_score {
    int64_t faults;
    int64_t runs;
    int64_t violations;
    int64_t codes[256]; /* of the runs that were struck */
    int64_t begun_ms;
};

/* Count the exit code of a run that was struck. */
static inline void canaries_count(struct canaries_score *score, int code)
{
    score->codes[code < 0 ? 255 : code]++;
}

/* Tell how it went. Fails the test where there was a violation, or hardly a fault. */
static inline void canaries_tell(const struct canaries_score *score, const char *attack,
                                 int64_t least)
{
    print_message("%s: %lld faults, %lld runs, %lld violations, %.1f s; exit codes", attack,
                  (long long)score->faults, (long long)score->runs,
                  (long long)score->violations,
                  (double)(clock_monotonic_ms() - score->begun_ms) / 1000.0);
    for (int code = 0; code < 256; code++)
        if (score->codes[code] > 0)
            print_message(" %d (%lld times)", code, (long long)score->codes[code]);
    print_message("\n");
    assert_int_equal(score->violations, 0);
    assert_true(score->faults >= least);
}

/* Print what is wrong after a round, if anything is, and release it. */
static inline void canaries_judge(struct canaries_score *score, struct buffer *wrong,
                                  const char *round)
{
    if (wrong->length > 0) {
        print_error("%s:\n%s", round, buffer_text(wrong));
        if (++score->violations == CANARIES_MOST_VIOLATIONS) fail_msg("that is enough");
    }
    buffer_release(wrong);
}

/* Write the migration and connect to the test's Redis. Fails the test. */
static inline void canaries_init(struct canaries *canaries)
{
    const struct reply *reply = NULL;
    char file[160];
    *canaries = (struct canaries){.redis = getenv("REDFERRY_TEST_REDIS")};
    const struct url *url = redis_url(&canaries->lasting, "%s", canaries->redis);
    canaries->observer = redis_connect(url, NULL);
    canaries->listener = redis_connect(url, NULL);
    REDIS_ASK(canaries->listener, &reply, "SUBSCRIBE", "p");
    REDIS_ASK(canaries->listener, &reply, "SUBSCRIBE", "d");
    REDIS_ASK(canaries->listener, &reply, "SUBSCRIBE", "end");
    (void)snprintf(canaries->directory, sizeof canaries->directory, "%.100s/m",
                   getenv("REDFERRY_TEST_DIR"));
    (void)snprintf(file, sizeof file, "%s/1_canaries.yaml", canaries->directory);
    if (mkdir(canaries->directory, 0700) != 0) program_give_up(canaries->directory);
    FILE *out = fopen(file, "w");
    if (out == NULL || fputs(canaries_migration, out) < 0 || fclose(out) != 0)
        program_give_up(file);
}

static inline void canaries_release(struct canaries *canaries)
{
    connection_close(canaries->observer);
    connection_close(canaries->listener);
    arena_release(&canaries->arena);
    arena_release(&canaries->lasting);
}

static inline const char *canaries_way(bool down)
{
    return down ? "down" : "up";
}

/* Start the program on the migration: `up`, or `down --only 1`. */
static inline void canaries_start(const struct canaries *canaries, struct program *program,
                                  bool down, const char *database, const char *const *variables)
{
    const char *arguments[] = {
        "redferry", "--no-progress",     "-d", database, "-r", canaries->redis,
        "-m",       canaries->directory, "up", NULL,     NULL, NULL};
    if (down) {
        arguments[8] = "down";
        arguments[9] = "--only";
        arguments[10] = "1";
    }
    program_start(program, arguments, variables);
}

/* The texts of an array, or one text, with blanks between them; in the round's arena. */
static inline const char *canaries_text(struct canaries *canaries, const struct reply *reply)
{
    struct buffer text = {0};
    if (reply->type == REPLY_TEXT) buffer_append_text(&text, reply->text);
    for (size_t i = 0; reply->type == REPLY_ARRAY && i < reply->count; i++)
        buffer_append_format(&text, "%s%s", i > 0 ? " " : "", reply_element(reply, i)->text);
    const char *copy = arena_text(&canaries->arena, buffer_text(&text));
    buffer_release(&text);
    return copy;
}

/* The messages heard on "p" since the last call, with blanks between them; *done becomes the
 * number of those on "d". Whatever was published before is among them. */
static inline const char *canaries_hear(struct canaries *canaries, int64_t *done)
{
    struct error err = {0};
    const struct reply *reply = NULL;
    struct buffer text = {0};
    REDIS_ASK(canaries->observer, &reply, "PUBLISH", "end", "1");
    for (*done = 0;;) {
        struct stop_poll wire = connection_poll(canaries->listener, false);
        const int got = connection_receive(canaries->listener, &reply, &err);
        if (got < 0) fail_msg("%s", err.message);
        if (got == 0) {
            assert_int_equal(stop_wait(NULL, &wire, 1, 5000, false, &err), 1);
            continue;
        }
        const char *channel = reply_element(reply, 1)->text;
        if (strcmp(channel, "end") == 0) break;
        if (strcmp(channel, "d") == 0)
            ++*done;
        else
            buffer_append_format(&text, "%s%s", text.length > 0 ? " " : "",
                                 reply_element(reply, 2)->text);
    }
    const char *copy = arena_text(&canaries->arena, buffer_text(&text));
    buffer_release(&text);
    return copy;
}

/* Forget the round before: an empty Redis, nothing heard. */
static inline void canaries_begin(struct canaries *canaries)
{
    const struct reply *reply = NULL;
    int64_t ignored = 0;
    arena_release(&canaries->arena);
    REDIS_ASK(canaries->observer, &reply, "FLUSHALL");
    (void)canaries_hear(canaries, &ignored);
}

/* Append to wrong what is not as it should be. */
static inline void canaries_expect(struct buffer *wrong, const char *what, const char *got,
                                   const char *want)
{
    if (strcmp(got, want) != 0)
        buffer_append_format(wrong, "  %s is '%s', not '%s'\n", what, got, want);
}

/* The name of the checkpoint; "" where there is none. */
static inline const char *canaries_checkpoint(struct canaries *canaries)
{
    const struct reply *reply = NULL;
    REDIS_ASK(canaries->observer, &reply, "KEYS", "redferry:{*}:*");
    return canaries_text(canaries, reply);
}

/* Forget what `up` carried, but not the checkpoint. */
static inline void canaries_forget_up(struct canaries *canaries)
{
    const struct reply *reply = NULL;
    int64_t ignored = 0;
    REDIS_ASK(canaries->observer, &reply, "DEL", "up:a:1", "up:a:2", "up:a:3", "up:la",
              "up:b:1", "up:b:2", "up:b:3", "up:lb");
    (void)canaries_hear(canaries, &ignored);
}

/* What is in Redis and what was heard since the beginning, when the migration is done. */
static inline void canaries_look(struct canaries *canaries, bool down, struct buffer *wrong)
{
    static const char *const steps[] = {"a", "b"};
    const char *way = canaries_way(down);
    const struct reply *reply = NULL;
    int64_t done = 0;
    for (size_t i = 0; i < 2; i++) {
        const char *key = NULL;
        for (int n = 1; n <= 3; n++) {
            key = arena_format(&canaries->arena, "%s:%s:%d", way, steps[i], n);
            REDIS_ASK(canaries->observer, &reply, "GET", key);
            canaries_expect(wrong, key, canaries_text(canaries, reply), "1");
        }
        key = arena_format(&canaries->arena, "%s:l%s", way, steps[i]);
        REDIS_ASK(canaries->observer, &reply, "LRANGE", key, "0", "-1");
        canaries_expect(wrong, key, canaries_text(canaries, reply), "1 2 3");
    }
    canaries_expect(wrong, "what was heard", canaries_hear(canaries, &done), "1 2 3");
    if (!down && done < 1) buffer_append_text(wrong, "  it was not announced\n");
    if (down && done > 0) buffer_append_text(wrong, "  it was announced\n");
}

#endif
