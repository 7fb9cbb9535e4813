/*
 * Resuming: what a checkpoint in Redis means to the ledger in SQL. Either may have been lost,
 * restored or left behind, each without the other knowing; every such case has one answer here,
 * and none is to start over in silence. It decides only; the sink takes the fence and the
 * attempt goes on.
 */
#include "resume.h"

#include <inttypes.h>
#include <string.h>

#include "checkpoint.h"
#include "error.h"
#include "migration.h"

/* ---- what SQL remembers --------------------------------------------------------------- */

static const struct steps *steps_of(const struct migration *migration, bool down)
{
    return down ? &migration->down : &migration->up;
}

/* Whether run recorded the `sql` step: it stands behind it, or on it and done. */
static bool has_done(const struct run *run, const struct step *step)
{
    if (run->step > step->number) return true;
    return run->step == step->number && run->cursor != NULL && strcmp(run->cursor, "[]") == 0;
}

/* The newest runs of one direction that did not succeed, the own one first. */
static size_t count_chain(const struct resume *resume)
{
    size_t count = 0;
    while (count < resume->run_count && resume->runs[count].down == resume->down &&
           resume->runs[count].status != RUN_SUCCEEDED)
        count++;
    return count;
}

void resume_init(struct resume *resume, const struct migration *migration, bool down,
                 int64_t run_id, const struct run *runs, size_t count)
{
    const struct steps *steps = steps_of(migration, down);
    *resume = (struct resume){.migration = migration,
                              .down = down,
                              .run_id = run_id,
                              .runs = runs,
                              .run_count = count};
    resume->chain_count = count_chain(resume);
    for (size_t i = 0; i < resume->chain_count; i++) {
        const struct run *run = &runs[i];
        /* Before its origin was recorded a run did nothing; `repair` takes origins away again.
         */
        if (run->origin == 0) continue;
        if (resume->origin == 0) resume->origin = run->origin;
        if (run->step > resume->begun) resume->begun = run->step;
        if (run->id != run_id && resume->then == NULL) resume->then = run;
        for (size_t j = 0; j < steps->count; j++) {
            const struct step *step = &steps->items[j];
            if (step->sql != NULL && has_done(run, step) && step->number > resume->sql_done)
                resume->sql_done = step->number;
        }
    }
}

static bool is_known_run(const struct resume *resume, int64_t id)
{
    for (size_t i = 0; i < resume->run_count; i++)
        if (resume->runs[i].id == id) return true;
    return false;
}

/* Whether the checkpoint belongs to the unfinished chain. */
static bool is_ours(const struct resume *resume, const struct checkpoint *found)
{
    if (!found->present || found->down != resume->down || found->origin == 0) return false;
    for (size_t i = 0; i < resume->chain_count; i++)
        if (resume->runs[i].origin == found->origin) return true;
    return false;
}

/* ---- what is in the way --------------------------------------------------------------- */

/* Advice that ends most refusals. */
static int refuse(const struct resume *resume, struct error *err, const char *why)
{
    const int64_t version = resume->migration->version;
    return error_set(err, ERROR_OPERATOR,
                     "%s: look at what is in Redis, then `redferry repair %" PRId64
                     "` begins anew, or `redferry down --only %" PRId64 "` undoes it",
                     why, version, version);
}

/* A fence of a run that SQL does not know, or has not reached yet: this ledger is older than
 * this Redis. */
static int check_fence(const struct resume *resume, const struct checkpoint *found,
                       struct error *err)
{
    if (!found->present || found->is_own) return 0;
    if (found->fence_run < resume->run_id && is_known_run(resume, found->fence_run)) return 0;
    return error_set(
        err, ERROR_OPERATOR,
        "Redis was written to by run %" PRId64
        ", which this ledger does not know: was the ledger restored from a backup? "
        "`redferry status` shows what it knows; `redferry repair %" PRId64
        "` clears the checkpoint",
        found->fence_run, resume->migration->version);
}

/* Whether every step up to the last one begun may be done again. */
static bool may_repeat(const struct resume *resume)
{
    const struct steps *steps = steps_of(resume->migration, resume->down);
    const int64_t begun = resume->begun > 0 ? resume->begun : 1;
    for (size_t i = 0; i < steps->count && steps->items[i].number <= begun; i++)
        if (!step_is_idempotent(&steps->items[i])) return false;
    return true;
}

static enum resume_way answer_loss(const struct resume *resume, struct error *err)
{
    if (may_repeat(resume)) return RESUME_OVER;
    (void)refuse(
        resume, err,
        "the checkpoint is gone from Redis (flushed, evicted, or restored), and what was "
        "delivered before must not be delivered twice");
    return RESUME_REFUSED;
}

/* ---- a file that has changed ---------------------------------------------------------- */

/* Whether the finished steps and the current one still say what they said when they ran. */
static bool is_unchanged_up_to(const struct resume *resume, int64_t current)
{
    const struct steps *now = steps_of(resume->migration, resume->down);
    const struct steps *before =
        resume->before != NULL ? steps_of(resume->before, resume->down) : NULL;
    if (resume->then == NULL ||
        strcmp(resume->then->checksum, resume->migration->checksum) == 0)
        return true;
    if (before == NULL) return false;
    for (size_t i = 0; i < (size_t)current; i++)
        if (i >= now->count || i >= before->count ||
            !step_is_same(&now->items[i], &before->items[i]))
            return false;
    return true;
}

enum resume_way resume_decide(const struct resume *resume, const struct checkpoint *found,
                              bool again, struct error *err)
{
    if (check_fence(resume, found, err) != 0) return RESUME_REFUSED;
    if (!is_ours(resume, found)) {
        /* An `sql` step may come first: SQL knows of it, and Redis rightly knows nothing yet.
         */
        if (resume->origin == 0 && !again) return RESUME_AFRESH;
        return answer_loss(resume, err);
    }
    const int64_t current = found->step > resume->sql_done ? found->step : resume->sql_done;
    if (found->step < resume->sql_done) {
        (void)refuse(
            resume, err,
            "Redis went back to an older state, before an `sql` step that SQL has recorded");
        return RESUME_REFUSED;
    }
    if (is_unchanged_up_to(resume, current)) return RESUME_ON;
    (void)refuse(
        resume, err,
        "the file has changed in a step that was begun already, and what that step left "
        "behind does not fit");
    return RESUME_REFUSED;
}
