/*
 * Advice: the next command to type for a migration that is not as it should be.
 *
 * It is for who looks, before he types: what is advised has to be what helps. So nothing is
 * concluded from a state alone; what `up` passes over or stops at is asked of the selection,
 * and whether what stopped can be gone on with, of the same place where a plan would find it.
 * Only of a cause that is to be mended first nothing is known here: the run's error names it.
 */
#include "advice.h"

#include <inttypes.h>

#include "arena.h"
#include "checkpoint.h"
#include "error.h"
#include "migration.h"
#include "plan_place.h"
#include "selection.h"
#include "session.h"
#include "stranger.h"
#include "task.h"

struct adviser {
    struct session *session;
    const struct agenda_item *obstacle; /* the first at which `up` stops, so far; or NULL */
    bool is_restored; /* Redis knows of a later run than the ledger does: `up` begins nothing */
    bool
        has_trace; /* a run of this ledger wrote to Redis once, and may have left checkpoints */
};

/* ---- words ------------------------------------------------------------------------------ */

static const char *gone_on_with(const struct plan_place *place)
{
    static const char *const words[] = {
        [PLAN_START] = "begins it anew",
        [PLAN_RESUME] = "goes on with it",
        [PLAN_RESTART] =
            ("starts it over from step 1: its checkpoint is gone from Redis, and all "
             "that it did may be repeated"),
        [PLAN_REFUSED] = "",
    };
    return words[place->way];
}

/* An up run that stopped, and may be gone on with. */
static const char *on_stopped(const struct adviser *adviser, const struct agenda_item *item,
                              const struct plan_place *place)
{
    struct arena *arena = adviser->session->results;
    const char *words = gone_on_with(place);
    const char *first = item->state == STATE_FAILED ? "mend the cause, then " : "";
    if (selection_is_stale(adviser->session, item))
        return arena_format(arena,
                            "%s`redferry run %" PRId64
                            "` %s all the same: Redis may hold newer values by now "
                            "(--resume-within)",
                            first, item->version, words);
    if (item->migration->manual)
        return arena_format(arena, "%s`redferry run %" PRId64 "` %s", first, item->version,
                            words);
    if (adviser->obstacle != NULL)
        return arena_format(
            arena, "%ssee to %" PRId64 "_%s, at which `redferry up` stops; behind it, it %s",
            first, adviser->obstacle->version, adviser->obstacle->name, words);
    if (adviser->is_restored)
        return arena_format(arena,
                            "%ssee to the run that Redis knows of and this ledger does not, at "
                            "which `redferry up` stops; behind it, it %s",
                            first, words);
    return arena_format(arena, "%s`redferry up` %s", first, words);
}

/* What has no file is passed over by `up`; what the ledger has kept of it can only be undone.
 */
static const char *on_missing(struct arena *arena, const struct agenda_item *item,
                              const struct migration *definition)
{
    static const char put_back[] =
        "it has no file: put it back, and `redferry up` goes on with it";
    if (!definition->has_down) return put_back;
    return arena_format(arena, "%s, or `redferry down --only %" PRId64 "` undoes it%s",
                        put_back, item->version, migration_undoing_caveat(definition));
}

static const char *on_unfinished(const struct adviser *adviser, const struct agenda_item *item,
                                 const struct task *task, const struct plan_place *place)
{
    struct arena *arena = adviser->session->results;
    char remedy[MIGRATION_REMEDY_SIZE];
    if (item->state == STATE_HALF_UNDONE)
        return arena_format(arena, "`redferry down --only %" PRId64 "` %s", item->version,
                            place->way == PLAN_RESUME ? "goes on undoing it"
                                                      : "begins anew to undo it");
    if (item->state == STATE_CANCELLED)
        return arena_text(arena, migration_cancelled_remedy(item->version, task->migration,
                                                            item->migration != NULL, remedy));
    if (item->migration == NULL) return on_missing(arena, item, task->migration);
    return on_stopped(adviser, item, place);
}

/* ---- one item --------------------------------------------------------------------------- */

static bool is_unfinished(const struct agenda_item *item)
{
    return item->state == STATE_HALF_UNDONE || item->state == STATE_CANCELLED ||
           item->state == STATE_CRASHED || item->state == STATE_FAILED ||
           item->state == STATE_INTERRUPTED;
}

/* The command would refuse it before it looks at Redis: that is what is to be mended. */
static int keep_refusal(struct adviser *adviser, struct advice *out, struct error *err)
{
    if (err->code > ERROR_STOPPED) return -1;
    out->is_barred = true;
    out->text = arena_text(adviser->session->results, err->message);
    error_clear(err);
    return out->text != NULL ? 0 : error_memory(err);
}

static int find_place(struct adviser *adviser, const struct agenda_item *item,
                      const struct task *task, struct advice *out, struct error *err)
{
    struct plan_place place;
    if (plan_place_find(&place, adviser->session, task, err) != 0) return -1;
    out->is_refused = place.way == PLAN_REFUSED;
    out->is_lost = place.way == PLAN_RESTART;
    out->text = out->is_refused ? arena_text(adviser->session->results, place.refusal.message)
                                : on_unfinished(adviser, item, task, &place);
    return out->text != NULL ? 0 : error_memory(err);
}

/* Whether the ledger knows of nothing that would keep its first run from beginning. */
static bool is_new(const struct agenda_item *item)
{
    return item->state == STATE_PENDING && item->migration != NULL;
}

/* What the ledger has lost may have left a checkpoint, and whoever begins is refused for it.
 * Another runner may be beginning at this very moment: a second look knows of that. */
static int on_new(struct adviser *adviser, const struct agenda_item *item, struct advice *out,
                  struct error *err)
{
    struct session *session = adviser->session;
    const struct choice choice = {.version = item->version};
    struct plan_place place = {.way = PLAN_START};
    struct task task = {0};
    int result = task_find(&task, session, &choice, err);
    if (result == 0) result = plan_place_find(&place, session, &task, err);
    if (result == 0 && place.way == PLAN_REFUSED)
        result = plan_place_find(&place, session, &task, err);
    task_release(&task);
    if (result != 0 || place.way != PLAN_REFUSED) return result;
    out->is_refused = true;
    out->text = arena_text(session->results, place.refusal.message);
    return out->text != NULL ? 0 : error_memory(err);
}

static int on_item(struct adviser *adviser, const struct agenda_item *item, struct advice *out,
                   struct error *err)
{
    struct session *session = adviser->session;
    const struct choice choice = {.version = item->version,
                                  .down = item->state == STATE_HALF_UNDONE};
    struct task task = {0};
    if (item->state == STATE_MODIFIED) {
        out->text = arena_format(session->results,
                                 "`redferry repair %" PRId64 "` accepts the changed file",
                                 item->version);
        return out->text != NULL ? 0 : error_memory(err);
    }
    if (is_new(item) && adviser->has_trace) return on_new(adviser, item, out, err);
    if (!is_unfinished(item)) return 0;
    int result = 0;
    if (task_find(&task, session, &choice, err) != 0 || task_check(&task, session, err) != 0)
        result = keep_refusal(adviser, out, err);
    else
        result = find_place(adviser, item, &task, out, err);
    task_release(&task);
    return result;
}

/* Redis is asked for nothing where nothing has stopped. */
static int look_for_restored(struct adviser *adviser, struct error *err)
{
    const struct agenda *agenda = &adviser->session->agenda;
    for (size_t i = 0; i < agenda->count; i++)
        if (is_unfinished(&agenda->items[i]))
            return stranger_look_restored(adviser->session, &adviser->is_restored, err);
    return 0;
}

/* See whether Redis may hold checkpoints of what the ledger says never began: it was restored
 * perhaps, and gave the numbers of runs once more. */
static int look_for_trace(struct adviser *adviser, struct error *err)
{
    struct session *session = adviser->session;
    struct checkpoint_trace trace;
    struct error why = {0};
    bool has_new = false;
    for (size_t i = 0; i < session->agenda.count; i++)
        has_new |= is_new(&session->agenda.items[i]);
    if (!has_new || !stranger_is_to_be_asked(session)) return 0;
    const bool is_answered =
        session_try_redis(session, &why) == 0 && stranger_ask(session, &trace, &why) == 0;
    adviser->has_trace = is_answered && trace.database != NULL;
    if (is_answered || why.code <= ERROR_STOPPED) return 0;
    *err = why;
    return -1;
}

int advice_give(struct session *session, const struct advice **out, struct error *err)
{
    const struct agenda *agenda = &session->agenda;
    struct adviser adviser = {.session = session};
    struct advice *all = arena_array(session->results, agenda->count + 1, sizeof *all);
    if (all == NULL) return error_memory(err);
    if (look_for_restored(&adviser, err) != 0 || look_for_trace(&adviser, err) != 0) return -1;
    for (size_t i = 0; i < agenda->count; i++) {
        const struct agenda_item *item = &agenda->items[i];
        all[i] = (struct advice){0};
        if (on_item(&adviser, item, &all[i], err) != 0) return -1;
        const bool stops =
            selection_stops_up(session, item) || (item->pending && all[i].is_refused);
        if (stops && adviser.obstacle == NULL) adviser.obstacle = item;
    }
    *out = all;
    return 0;
}

int advice_on_block(struct session *session, int64_t version, struct error *blocked,
                    struct error *err)
{
    static const char *const stands[] = {
        [STATE_HALF_UNDONE] = "is half undone",
        [STATE_CANCELLED] = "was cancelled",
    };
    const struct agenda_item *item = agenda_find(&session->agenda, version);
    struct adviser adviser = {.session = session};
    struct advice advice = {0};
    if (item == NULL) return 0;
    if (on_item(&adviser, item, &advice, err) != 0) return -1;
    const bool has_own = item->state == STATE_CANCELLED && item->migration == NULL;
    if (!advice.is_refused && !advice.is_barred && !has_own) return 0;
    const bool is_stale = item->state != STATE_HALF_UNDONE && item->state != STATE_CANCELLED;
    (void)error_set(blocked, blocked->code, "%" PRId64 "_%s %s: %s", version, item->name,
                    is_stale ? "stopped longer ago than --resume-within" : stands[item->state],
                    advice.text);
    return 0;
}
