/*
 * kill -9, as often as wished, and the same end every time: of the run that applies the
 * migration, and of the one that undoes it.
 *
 * A run only ever meets the world in a system call that sends or writes something; between two
 * of these it makes no difference when it dies. So the run is made in a process of its own that
 * is traced, the calls that matter are counted, before and behind each, and it is killed at one
 * of these moments. How many there are is found out by a run that is only counted. Every other
 * kill is at a moment of the traffic to Redis, of which a small migration has little beside all
 * that a run does to its ledger. Moments are drawn without putting them back: where there are
 * fewer than kills, each of them is tried.
 *
 * Time has no part in it: a slow machine is as thorough as a fast one.
 */
#include "killing.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audience.h"
#include "clock.h"
#include "command_facts.h"
#include "cycle.h"
#include "drift.h"
#include "error.h"
#include "heard.h"
#include "keeper.h"
#include "migration.h"
#include "redis_state.h"
#include "stage.h"
#include "test_file.h"
#include "verdict.h"

/* One kill in so many is followed by another, of the run that goes on. */
enum { TWICE_ONE_IN = 4 };

/* ---- chance ----------------------------------------------------------------------------- */

/* SplitMix64: a number of the sequence. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t mixed = *state += 0x9E3779B97F4A7C15U;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
    return mixed ^ (mixed >> 31);
}

/* Put count numbers in random order. */
static void shuffle(size_t *numbers, size_t count, uint64_t *random)
{
    for (size_t left = count; left > 1; left--) {
        const size_t other = (size_t)(next_random(random) % left);
        const size_t number = numbers[other];
        numbers[other] = numbers[left - 1];
        numbers[left - 1] = number;
    }
}

/* ---- a run that is traced --------------------------------------------------------------- */

/* The calls by which a run does something to the world. */
static bool matters(uint64_t number)
{
    static const long calls[] = {
        SYS_write,   SYS_writev, SYS_pwrite64,  SYS_pwritev,   SYS_sendto,
        SYS_sendmsg, SYS_fsync,  SYS_fdatasync, SYS_ftruncate, SYS_unlinkat,
#ifdef SYS_unlink
        SYS_unlink,
#endif
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if ((uint64_t)calls[i] == number) return true;
    return false;
}

/* The call by which our own transport writes to Redis, and nothing else of ours or of libpq's.
 */
static bool is_redis(uint64_t number)
{
    return number == SYS_sendmsg;
}

/* Which moments of a run are of its traffic to Redis. */
struct timeline {
    bool *redis; /* from moment 1 on; [0] is unused */
    size_t count, room;
};

/* A traced run as it goes on. */
struct traced {
    pid_t pid;
    size_t last;               /* the moment at which it is killed; 0: at none */
    struct timeline *timeline; /* to be written, or NULL */
    size_t moments;            /* that have passed */
    bool is_in_one;            /* it is in a call that matters … */
    bool is_redis;             /* … and that is Redis' */
    bool was_killed;
    struct error *error; /* where it leaves why it failed */
};

/* A run that is to be killed, again and again. */
struct killing {
    struct stage *stage;
    const struct play *play;
    struct verdict *verdict;
    bool down;          /* it is the one that undoes the migration */
    size_t kills;       /* of it so far */
    const char *moment; /* what is being done, for an error */
    uint64_t random;
    int64_t begun_ms; /* wall clock */
    struct timeline timeline;
    struct heard undisturbed, heard;
    struct redis_state expected, got;
};

/* In the child. */
static void run_traced(const struct killing *killing, enum cycle_move move, struct error *err,
                       pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
        (void)error_set(err, ERROR_INVALID,
                        "--kills has to trace the run, and this system does not permit it: %s",
                        strerror(errno));
        _exit(1);
    }
    (void)raise(SIGSTOP);
    _exit(cycle_run(killing->stage, killing->play->migration, move, err) == 0 ? 0 : 1);
}

/* Write down one more moment. Without memory it is none that could be drawn. */
static void note_moment(struct timeline *timeline, bool is_of_redis)
{
    const size_t at = timeline->count + 1;
    if (at >= timeline->room) {
        const size_t room = timeline->room > 0 ? 2 * timeline->room : 1024;
        bool *redis = realloc(timeline->redis, room * sizeof *redis);
        if (redis == NULL) return;
        timeline->redis = redis;
        timeline->room = room;
    }
    timeline->redis[at] = is_of_redis;
    timeline->count = at;
}

/* The run has stopped before or behind a call: count. Returns whether this is the moment. */
static bool count_call(struct traced *traced)
{
    struct __ptrace_syscall_info info;
    const bool was_in_one = traced->is_in_one;
    memset(&info, 0, sizeof info);
    (void)ptrace(PTRACE_GET_SYSCALL_INFO, traced->pid, (void *)sizeof info, &info);
    traced->is_in_one = info.op == PTRACE_SYSCALL_INFO_ENTRY && matters(info.entry.nr);
    if (traced->is_in_one) traced->is_redis = is_redis(info.entry.nr);
    if (!was_in_one && !traced->is_in_one) return false;
    traced->moments++;
    if (traced->timeline != NULL) note_moment(traced->timeline, traced->is_redis);
    return traced->moments == traced->last;
}

/* Let it run, from stop to stop, to its end. Returns what waitpid() says of that. */
static int follow(struct traced *traced)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
    int status = 0, signal = 0;
    bool begun = false;
    while (waitpid(traced->pid, &status, 0) == traced->pid && WIFSTOPPED(status)) {
        const bool is_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
        signal = is_call || !begun ? 0 : WSTOPSIG(status);
        if (!begun) (void)ptrace(PTRACE_SETOPTIONS, traced->pid, NULL, (void *)options);
        begun = true;
        if (is_call && count_call(traced)) {
            traced->was_killed = true;
            (void)kill(traced->pid, SIGKILL);
            continue;
        }
        (void)ptrace(PTRACE_SYSCALL, traced->pid, NULL, (void *)(intptr_t)signal);
    }
    return status;
}

/* Make a run, and kill it at the moment traced->last. Returns 0, *traced saying how it went, or
 * -1 with err: it failed by itself. */
static int run(const struct killing *killing, enum cycle_move move, struct traced *traced,
               struct error *err)
{
    const pid_t own = getpid();
    char words[KEEPER_STATUS_SIZE];
    traced->error = mmap(NULL, sizeof *traced->error, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (traced->error == MAP_FAILED) return error_memory(err);
    traced->pid = fork();
    if (traced->pid == 0) run_traced(killing, move, traced->error, own);
    int result = 0;
    if (traced->pid < 0) {
        result = error_set(err, ERROR_FAILED, "cannot start a process: %s", strerror(errno));
    } else {
        const int status = follow(traced);
        const bool ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (!traced->was_killed && !ended_well) {
            *err = *traced->error;
            if (err->code == ERROR_NONE)
                (void)error_set(err, ERROR_FAILED, "the run %s",
                                keeper_status_text(status, words));
            result = -1;
        }
    }
    (void)munmap(traced->error, sizeof *traced->error);
    return result;
}

/* ---- trials ----------------------------------------------------------------------------- */

/* Make all as it is before the run, and begin to listen. */
static int begin(struct killing *killing, const char *moment, struct error *err)
{
    struct stage *stage = killing->stage;
    killing->moment = moment;
    stage_begin(stage, moment);
    if (stage_set(stage, killing->play->test, err) != 0 ||
        (killing->down && cycle_run(stage, killing->play->migration, CYCLE_UP, err) != 0))
        return -1;
    return audience_take(&stage->audience, &killing->heard, err);
}

/* The run that nobody disturbs. */
static int count_moments(struct killing *killing, struct error *err)
{
    struct traced traced = {.timeline = &killing->timeline};
    const enum cycle_move move = killing->down ? CYCLE_DOWN : CYCLE_UP;
    if (begin(killing, killing->down ? "down, traced" : "up, traced", err) != 0 ||
        run(killing, move, &traced, err) != 0 ||
        audience_take(&killing->stage->audience, &killing->undisturbed, err) != 0)
        return -1;
    return redis_state_take(&killing->expected, killing->stage->redis, err);
}

static bool publishes(const struct step *step)
{
    for (size_t i = 0; i < step->command_count; i++)
        if (command_publishes(&step->commands[i])) return true;
    return false;
}

/* Whether what steps publish is promised to be published once. */
static bool publishes_once(const struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->items[i];
        if (publishes(step) && step_guarantee(step, NULL) != GUARANTEE_EXACTLY_ONCE)
            return false;
    }
    return true;
}

static int compare(struct killing *killing, struct error *err)
{
    const struct migration *migration = killing->play->migration;
    const struct migration_test *test = killing->play->test;
    const struct drift_manner manner = {.since_ms = killing->begun_ms,
                                        .moment = killing->moment};
    const struct heard_promise promise = {
        .undisturbed = &killing->undisturbed,
        .often = killing->down ? 0 : migration->announcement_count,
        .once = publishes_once(killing->down ? &migration->down : &migration->up),
    };
    if (audience_take(&killing->stage->audience, &killing->heard, err) != 0 ||
        redis_state_take(&killing->got, killing->stage->redis, err) != 0 ||
        drift_note(&killing->expected, &killing->got, &manner, killing->verdict, err) != 0 ||
        heard_compare_again(&killing->heard, &promise, killing->moment, killing->verdict,
                            err) != 0)
        return -1;
    return cycle_check(killing->stage, killing->down ? &test->after_down : &test->expect,
                       killing->moment, killing->verdict, err);
}

/* Make a run and kill it at moment. */
static int kill_at(struct killing *killing, enum cycle_move move, size_t moment,
                   struct error *err)
{
    struct traced traced = {.last = moment};
    const int result = run(killing, move, &traced, err);
    killing->kills += traced.was_killed;
    return result;
}

/* Have what was killed come to its end. */
static int go_on(const struct killing *killing, struct error *err)
{
    struct stage *stage = killing->stage;
    const struct migration *migration = killing->play->migration;
    if (!killing->down)
        return cycle_run(stage, migration, CYCLE_UP, err) == 0
                   ? cycle_run(stage, migration, CYCLE_FINISH, err)
                   : -1;
    if (cycle_run(stage, migration, CYCLE_DOWN_ON, err) == 0) return 0;
    /* The server may have ended meanwhile what it was told before the kill. */
    if (err->code != ERROR_INVALID) return -1;
    error_clear(err);
    return cycle_run(stage, migration, CYCLE_DOWN_ON, err);
}

/* Kill a run at moment, and now and then the one that goes on, too; then let it come to its
 * end. */
static int try_moment(struct killing *killing, size_t moment, bool may_twice, struct error *err)
{
    const size_t moments = killing->timeline.count;
    const char *words = arena_format(&killing->verdict->arena, "after a kill%s at %zu of %zu",
                                     killing->down ? " of down" : "", moment, moments);
    if (words == NULL) return error_memory(err);
    if (begin(killing, words, err) != 0 ||
        kill_at(killing, killing->down ? CYCLE_DOWN : CYCLE_UP, moment, err) != 0)
        return -1;
    const size_t second = 1 + (size_t)(next_random(&killing->random) % moments);
    if (may_twice && next_random(&killing->random) % TWICE_ONE_IN == 0 &&
        kill_at(killing, killing->down ? CYCLE_DOWN_ON : CYCLE_UP, second, err) != 0)
        return -1;
    if (go_on(killing, err) != 0) return -1;
    return compare(killing, err);
}

/* The moments of a run in random order, the first ones in turn of the traffic to Redis and of
 * all else. Yours to free(); NULL without memory. */
static size_t *draw(struct killing *killing)
{
    const struct timeline *timeline = &killing->timeline;
    size_t *list = calloc(2 * timeline->count + 2, sizeof *list);
    size_t *sorted = list != NULL ? list + timeline->count + 1 : NULL;
    size_t redis = 0, others = 0, i = 0, j = 0;
    if (list == NULL) return NULL;
    for (size_t at = 1; at <= timeline->count; at++)
        if (timeline->redis[at]) sorted[redis++] = at;
    for (size_t at = 1; at <= timeline->count; at++)
        if (!timeline->redis[at]) sorted[redis + others++] = at;
    shuffle(sorted, redis, &killing->random);
    shuffle(sorted + redis, others, &killing->random);
    for (size_t at = 0; at < timeline->count; at++)
        list[at] = i < redis && (i <= j || j == others) ? sorted[i++] : sorted[redis + j++];
    return list;
}

static int try_moments(struct killing *killing, size_t kills, struct error *err)
{
    size_t *moments = draw(killing);
    int result = moments != NULL ? 0 : error_memory(err);
    for (size_t i = 0; result == 0 && i < killing->timeline.count; i++) {
        if (killing->kills >= kills) break;
        result = try_moment(killing, moments[i], killing->kills + 1 < kills, err);
        if (!verdict_is_good(killing->verdict)) break;
    }
    free(moments);
    return result;
}

/* Kill the run that applies the migration, or the one that undoes it. */
static void perform(struct killing *killing, size_t kills)
{
    struct verdict *verdict = killing->verdict;
    struct error err = {0};
    int result = count_moments(killing, &err);
    if (result == 0) result = try_moments(killing, kills, &err);
    if (result != 0) {
        verdict->error = err;
        verdict->failed_moment = killing->moment;
    }
    verdict->kills += killing->kills;
    free(killing->timeline.redis);
    heard_release(&killing->undisturbed);
    heard_release(&killing->heard);
    redis_state_release(&killing->expected);
    redis_state_release(&killing->got);
}

void killing_perform(struct stage *stage, const struct play *play,
                     const struct killing_wish *wish, struct verdict *verdict)
{
    for (int down = 0; down <= play->migration->has_down && verdict_is_good(verdict); down++) {
        struct killing killing = {
            .stage = stage,
            .play = play,
            .verdict = verdict,
            .down = down,
            .begun_ms = clock_wall_ms(),
            .random = wish->seed ^ (uint64_t)play->migration->version,
        };
        perform(&killing, wish->kills);
    }
}
