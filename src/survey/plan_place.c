/*
 * Where a stopped migration would go on.
 *
 * The same two memories are held against each other as when it really does (attempt/recovery),
 * by the same rules (attempt/resume), but without a run of its own and without taking the
 * fence: the checkpoint is read once, as anybody may. What another runner does meanwhile makes
 * the answer an old one, never a wrong deed.
 */
#include "plan_place.h"

#include <inttypes.h>
#include <string.h>

#include "arena.h"
#include "checkpoint.h"
#include "config.h"
#include "fence_look.h"
#include "ledger.h"
#include "migration.h"
#include "recovery.h"
#include "resume.h"
#include "session.h"
#include "task.h"

static const struct step *find_step(const struct task *task, int64_t number)
{
    const struct steps *steps =
        task->choice.down ? &task->migration->down : &task->migration->up;
    for (size_t i = 0; i < steps->count; i++)
        if (steps->items[i].number == number) return &steps->items[i];
    return NULL;
}

/* What SQL has recorded, Redis need not know of. */
static void skip_what_sql_did(struct plan_place *place, const struct resume *resume)
{
    if (place->step > resume->sql_done) return;
    place->step = resume->sql_done + 1;
    place->cursor = NULL;
}

/* A batch whose answers nobody read is sent again where that does no harm. */
static void take_checkpoint(struct plan_place *place, const struct checkpoint *found,
                            const struct task *task, struct arena *arena)
{
    const struct step *step = find_step(task, found->step);
    const bool settled = checkpoint_is_settled(found);
    const bool repeats = !settled && step != NULL && step_is_idempotent(step);
    place->way = PLAN_RESUME;
    place->step = found->step;
    place->cursor = arena_text(arena, repeats ? found->seen : found->cursor);
    place->rows = found->tally.rows_read;
    if (found->failed != NULL)
        place->doubt = "commands that failed are kept in the checkpoint, and are sent first";
    else if (!settled && !repeats)
        place->doubt = "the answers to the last batch were not read: it is found out first "
                       "which of its commands failed";
}

/* Returns 1 with *found or a refusal in *place, 0 with *why there is none to be had, or -1 with
 * err. */
static int read_checkpoint(struct plan_place *place, struct session *session, int64_t version,
                           struct checkpoint *found, const char **why, struct error *err)
{
    const struct config *config = session->config;
    *why = "no Redis is given";
    if (!config->has_redis) return 0;
    const bool is_open = session_try_redis(session, err) == 0;
    if (!is_open || fence_look(session->redis, session->state.id, version, found, err) != 0) {
        if (err->code > ERROR_STOPPED) return -1;
        if (is_open && err->code == ERROR_OPERATOR) { /* as whoever begins would be told */
            place->way = PLAN_REFUSED;
            place->refusal = *err;
            error_clear(err);
            return 1;
        }
        *why = arena_format(session->results, "Redis was not asked: %s", err->message);
        error_clear(err);
        return *why != NULL ? 0 : error_memory(err);
    }
    return 1;
}

static void decide(struct plan_place *place, const struct resume *resume,
                   const struct checkpoint *found, const struct task *task,
                   struct session *session)
{
    switch (resume_decide(resume, found, false, &place->refusal)) {
    case RESUME_REFUSED:
        place->way = PLAN_REFUSED;
        return;
    case RESUME_AFRESH:
        return;
    case RESUME_OVER:
        place->way = PLAN_RESTART;
        place->doubt = "its checkpoint is gone from Redis (flushed, evicted, or restored); all "
                       "that it did may be repeated";
        return;
    case RESUME_ON:
        take_checkpoint(place, found, task, session->results);
        skip_what_sql_did(place, resume);
        return;
    }
}

/* See how far it came. Also where the ledger knows of no run: it may have been restored, and a
 * checkpoint of what it has lost is in the way. */
static int look(struct plan_place *place, struct session *session, const struct task *task,
                const struct resume *resume, struct error *err)
{
    struct checkpoint found = {0};
    const char *why = NULL;
    const int read =
        session->state.id == NULL
            ? 1 /* whatever lies in Redis is another ledger's */
            : read_checkpoint(place, session, task->choice.version, &found, &why, err);
    if (read < 0) return -1;
    if (place->way == PLAN_REFUSED) return 0;
    if (read == 0) resume_imagine(resume, &found);
    decide(place, resume, &found, task, session);
    if (read == 0 && found.present)
        place->doubt = arena_format(session->results,
                                    "this is what the ledger last heard; the checkpoint in "
                                    "Redis decides, and %s",
                                    why);
    checkpoint_release(&found);
    return 0;
}

int plan_place_find(struct plan_place *out, struct session *session, const struct task *task,
                    struct error *err)
{
    struct resume resume = {
        .migration = task->migration, .down = task->choice.down, .afresh = task->choice.afresh};
    struct migration *before = NULL;
    *out = (struct plan_place){.way = PLAN_START, .step = 1};
    if (!session->state.present || session->state.layout > LEDGER_LAYOUT) return 0;
    int result = recovery_study(&resume, session, &before, &session->arena, err);
    if (result == 0) result = look(out, session, task, &resume, err);
    migration_free(before);
    if (result == 0 && session->results->failed) return error_memory(err);
    return result;
}
