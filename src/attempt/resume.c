/*
 * Resuming: what a checkpoint in Redis means to the ledger in SQL. Either may have been lost,
 * restored or left behind, each without the other knowing; every such case has one answer here,
 * and none is to start over in silence. It decides only; the sink takes the fence and the
 * attempt goes on.
 */
#include "resume.h"

#include <inttypes.h>
#include <stdio.h>
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

/* The newest runs of one direction that did not succeed, the own one first, back to one that
 * began at step 1: what was before that is past, and so is what was before a `mark`. */
static size_t count_chain(const struct resume *resume)
{
    for (size_t i = 0; i < resume->run_count; i++) {
        const struct run *run = &resume->runs[i];
        if (run->down != resume->down || run->status == RUN_SUCCEEDED) return i;
        if (run->id != resume->run_id && run_is_past(run, resume->entry)) return i;
        if (run->origin == run->id) return i + 1;
    }
    return resume->run_count;
}

void resume_study(struct resume *resume)
{
    const struct steps *steps = steps_of(resume->migration, resume->down);
    resume->chain_count = count_chain(resume);
    resume->origin = resume->sql_done = resume->begun = 0;
    resume->then = NULL;
    for (size_t i = 0; i < resume->chain_count; i++) {
        const struct run *run = &resume->runs[i];
        /* Before its origin was recorded a run did nothing; `repair` takes origins away again.
         */
        if (run->origin == 0) continue;
        if (resume->origin == 0) resume->origin = run->origin;
        if (run->step > resume->begun) resume->begun = run->step;
        if (run->id != resume->run_id && resume->then == NULL) resume->then = run;
        for (size_t j = 0; j < steps->count; j++) {
            const struct step *step = &steps->items[j];
            if (step->sql != NULL && has_done(run, step) && step->number > resume->sql_done)
                resume->sql_done = step->number;
        }
    }
}

/* The step in which, or behind which, a checkpoint stands once the recorded `sql` steps are
 * done: Redis steps in front of them are closed before they begin. */
static int64_t least_step(const struct resume *resume)
{
    const struct steps *steps = steps_of(resume->migration, resume->down);
    int64_t least = 1;
    for (size_t i = 0; i < steps->count && steps->items[i].number < resume->sql_done; i++)
        if (steps->items[i].sql == NULL) least = steps->items[i].number + 1;
    return least;
}

void resume_imagine(const struct resume *resume, struct checkpoint *out)
{
    const struct run *far = NULL;
    *out = (struct checkpoint){0};
    for (size_t i = 0; i < resume->chain_count; i++) {
        const struct run *run = &resume->runs[i];
        if (resume->origin == 0 || run->origin != resume->origin) continue;
        out->tally.rows_read += run->tally.rows_read;
        out->tally.commands_sent += run->tally.commands_sent;
        out->tally.messages_published += run->tally.messages_published;
        if (far == NULL || run->step > far->step) far = run;
    }
    if (far == NULL) return;
    const int64_t least = least_step(resume);
    const bool is_behind = far->step < least; /* than SQL has recorded: its step is not begun */
    out->present = true;
    out->down = resume->down;
    out->fence_run = far->id;
    out->fence = "";
    out->origin = far->origin;
    out->checksum = far->checksum;
    out->step = is_behind ? least : far->step;
    out->cursor = out->seen = is_behind ? NULL : far->cursor;
}

static const struct run *find_run(const struct resume *resume, int64_t id)
{
    for (size_t i = 0; i < resume->run_count; i++)
        if (resume->runs[i].id == id) return &resume->runs[i];
    return NULL;
}

/* Whether a checkpoint was made and then never moved. */
static bool is_empty(const struct checkpoint *found)
{
    return found->step == 1 && found->cursor == NULL && found->failed == NULL &&
           found->tally.commands_sent == 0 && found->tally.messages_published == 0;
}

/* Whether SQL knows who made the checkpoint, and that it was let write. A ledger that was
 * restored gives the same numbers once more, to runs that never came so far. */
static bool is_of_known_origin(const struct resume *resume, const struct checkpoint *found)
{
    const struct run *origin = find_run(resume, found->origin);
    return is_empty(found) || (origin != NULL && origin->origin == origin->id);
}

/* Whether the checkpoint belongs to the unfinished chain. */
static bool is_ours(const struct resume *resume, const struct checkpoint *found)
{
    if (!found->present || found->down != resume->down || found->origin == 0) return false;
    for (size_t i = 0; i < resume->chain_count; i++)
        if (resume->runs[i].origin == found->origin) return true;
    return false;
}

/* Whether a run of the chain made the checkpoint to begin at step 1, and came no further: it
 * may write only once its origin is recorded. */
static bool was_never_used(const struct resume *resume, const struct checkpoint *found)
{
    if (!found->present || found->down != resume->down || found->origin == 0) return false;
    for (size_t i = 0; i < resume->chain_count; i++)
        if (resume->runs[i].id == found->origin) return resume->runs[i].origin == 0;
    return false;
}

/* Whether Redis stands behind an `sql` step that SQL knows nothing of. */
static bool is_ahead_of_sql(const struct resume *resume, const struct checkpoint *found)
{
    const struct steps *steps = steps_of(resume->migration, resume->down);
    for (size_t i = 0; i < steps->count && steps->items[i].number < found->step; i++)
        if (steps->items[i].sql != NULL && steps->items[i].number > resume->sql_done)
            return true;
    return false;
}

/* ---- what is in the way --------------------------------------------------------------- */

enum { NAMES_SIZE = 512, LEAST_ROOM = 16 };

/* What `repair` has SQL forget, so that it runs again: ", also with …", or "" where there is
 * none; in text. Returns text. */
static const char *recorded_in_sql(const struct resume *resume, char text[NAMES_SIZE])
{
    static const char before[] = ", also with what SQL has recorded as done (";
    const struct steps *steps = steps_of(resume->migration, resume->down);
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < steps->count && steps->items[i].number <= resume->sql_done; i++) {
        const struct step *step = &steps->items[i];
        if (step->sql == NULL) continue;
        const bool fits = length + strlen(step->name) + sizeof before + LEAST_ROOM < NAMES_SIZE;
        length += (size_t)snprintf(text + length, NAMES_SIZE - length, "%s%s%s%s",
                                   length == 0 ? before : ", ", fits ? "'" : "…",
                                   fits ? step->name : "", fits ? "'" : "");
        if (!fits) break;
    }
    if (length > 0) (void)snprintf(text + length, NAMES_SIZE - length, ")");
    return text;
}

/* Advice that ends most refusals. */
static int refuse(const struct resume *resume, struct error *err, const char *why)
{
    const int64_t version = resume->migration->version;
    char text[NAMES_SIZE];
    const char *recorded = recorded_in_sql(resume, text);
    (void)error_set(err, ERROR_OPERATOR,
                    "%s: look at what is in Redis%s, then `redferry repair %" PRId64 "`", why,
                    *recorded != '\0' ? " and in SQL" : "", version);
    const struct error words = *err;
    if (resume->down)
        return error_set(err, ERROR_OPERATOR,
                         "%s, and `redferry down --only %" PRId64 "` begins anew%s",
                         words.message, version, recorded);
    if (!resume->migration->has_down)
        return error_set(err, ERROR_OPERATOR, "%s begins anew%s", words.message, recorded);
    return error_set(err, ERROR_OPERATOR,
                     "%s begins anew%s, or `redferry down --only %" PRId64 "` undoes it%s",
                     words.message, recorded, version,
                     migration_undoing_caveat(resume->migration));
}

static int refuse_run(const struct resume *resume, int64_t fence_run, struct error *err)
{
    const bool has_namesake = find_run(resume, fence_run) != NULL;
    const int64_t version = resume->migration->version;
    (void)error_set(err, ERROR_OPERATOR,
                    "Redis was written to by run %" PRId64
                    ", which this ledger does not know%s: was the ledger restored from a "
                    "backup? `redferry status` shows what it knows; `redferry repair %" PRId64
                    "` clears the checkpoint, and what was %s again",
                    fence_run,
                    has_namesake ? " (its own run of that number is another one)" : "", version,
                    resume->down ? "undone is then undone" : "delivered is then delivered");
    if (resume->down) return -1;
    const struct error words = *err;
    return error_set(err, ERROR_OPERATOR,
                     "%s; `redferry mark %" PRId64 "` says that all of it is in Redis",
                     words.message, version);
}

/* A fence of a run that SQL does not know, or has not reached yet: this ledger is older than
 * this Redis. */
static int check_fence(const struct resume *resume, const struct checkpoint *found,
                       struct error *err)
{
    const struct run *namesake = find_run(resume, found->fence_run);
    if (!found->present || found->is_own) return 0;
    if (namesake != NULL && namesake->id < resume->run_id && is_of_known_origin(resume, found))
        return 0;
    return refuse_run(resume, found->fence_run, err);
}

/* Whether every step up to the last one begun may be done again; of one that is not begun,
 * nothing was sent. */
static bool may_repeat(const struct resume *resume)
{
    const struct steps *steps = steps_of(resume->migration, resume->down);
    for (size_t i = 0; i < steps->count && steps->items[i].number <= resume->begun; i++)
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

/* Whether the finished steps and the current one, where it is not behind the last one, still
 * say what they said when they ran. */
static bool is_unchanged_up_to(const struct resume *resume, int64_t current)
{
    const struct steps *now = steps_of(resume->migration, resume->down);
    const struct steps *before =
        resume->before != NULL ? steps_of(resume->before, resume->down) : NULL;
    if (resume->then == NULL ||
        strcmp(resume->then->checksum, resume->migration->checksum) == 0)
        return true;
    if (before == NULL) return false;
    const size_t ran = (size_t)current < before->count ? (size_t)current : before->count;
    if (now->count < ran) return false;
    for (size_t i = 0; i < ran; i++)
        if (!step_is_same(&now->items[i], &before->items[i])) return false;
    return true;
}

enum resume_way resume_decide(const struct resume *resume, const struct checkpoint *found,
                              bool again, struct error *err)
{
    if (check_fence(resume, found, err) != 0) return RESUME_REFUSED;
    if (resume->afresh && !again) return RESUME_AFRESH;
    if (!is_ours(resume, found)) {
        /* An `sql` step may come first: SQL knows of it, and Redis rightly knows nothing yet.
         */
        const bool has_nothing = resume->origin == 0 || was_never_used(resume, found);
        return has_nothing && !again ? RESUME_AFRESH : answer_loss(resume, err);
    }
    const char *why = NULL;
    const int64_t current = found->step > resume->sql_done ? found->step : resume->sql_done;
    if (found->step < least_step(resume))
        why = "Redis went back to an older state, before an `sql` step that SQL has recorded";
    else if (is_unchanged_up_to(resume, current))
        why = is_ahead_of_sql(resume, found)
                  ? "Redis stands behind an `sql` step that SQL knows nothing of: was the "
                    "database restored from a backup?"
                  : NULL;
    else if (resume->sql_done == 0 && is_empty(found))
        return RESUME_AFRESH;
    else
        why = "the file has changed in a step that was begun already, and what that step left "
              "behind does not fit";
    if (why == NULL) return RESUME_ON;
    (void)refuse(resume, err, why);
    return RESUME_REFUSED;
}
