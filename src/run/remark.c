/*
 * Remarks: what a person tells the ledger without running anything, `mark`, `unmark` and
 * `repair`. They take their turn like a run, and end whatever run still says that it runs.
 */
#include "remark.h"

#include <inttypes.h>

#include "checkpoint.h"
#include "config.h"
#include "error.h"
#include "fence.h"
#include "ledger.h"
#include "migration.h"
#include "outcome.h"
#include "session.h"
#include "stranger.h"
#include "turn.h"

/* Whether a run of it that is not finished, or not finished off, may have left a checkpoint. */
static bool may_have_checkpoint(const struct agenda_item *item)
{
    return item->entry == NULL || item->stopped || item->unannounced ||
           item->state == STATE_HALF_UNDONE;
}

/* Open Redis for clearing a checkpoint. Where none is to be expected, only a restored ledger
 * does not know of it, and that Redis cannot be asked is no failure. Returns 1, 0 where it is
 * not asked, or -1 with err. */
static int open_to_clear(struct session *session, bool is_expected, struct error *err)
{
    if (!is_expected && !session->config->has_redis) return 0;
    if (session_open_redis(session, err) == 0) return 1;
    if (is_expected || err->code > ERROR_STOPPED) return -1;
    listener_say(&session->listener, EVENT_WARNING,
                 "Redis was not asked whether it holds a checkpoint: %s", err->message);
    error_clear(err);
    return 0;
}

/* Clear what Redis knows of version, and have it believe this ledger again; said where that
 * mends something. Returns 1, 0 where it mends nothing, or -1 with err. */
static int clear(struct session *session, int64_t version, struct error *err)
{
    const int64_t newest = record_newest_run(&session->state.record);
    struct checkpoint_trace trace;
    if (stranger_ask(session, &trace, err) != 0) return -1;
    const int64_t last_run = trace.last_run; /* before Redis is asked again */
    const int cleared = fence_clear(session->redis, session->ledger_id, version, err);
    if (cleared < 0) return -1;
    if (cleared == 1)
        listener_say(&session->listener, EVENT_NOTE,
                     "removed the checkpoint of %" PRId64 " from Redis", version);
    if (last_run <= newest) return cleared;
    listener_say(&session->listener, EVENT_NOTE,
                 "Redis has forgotten run %" PRId64
                 ", which this ledger does not know: it believes this ledger again",
                 last_run);
    return 1;
}

/* Accept the file, where there is one, as it is; and what an unfinished run of it has left, in
 * the ledger and in Redis, is not gone on with. Returns 1, 0 where nothing was to be mended, or
 * -1 with err. */
static int repair(struct session *session, int64_t version, struct error *err)
{
    const struct agenda_item *item = agenda_find(&session->agenda, version);
    const struct migration *migration = migrations_find(&session->migrations, version);
    const char *checksum = migration != NULL ? migration->checksum : NULL;
    const int repaired = ledger_repair(session->ledger, version, checksum, err);
    if (repaired < 0 || item == NULL) return repaired;
    const int opened = open_to_clear(session, may_have_checkpoint(item), err);
    if (opened <= 0) return opened < 0 ? -1 : repaired;
    const int cleared = clear(session, version, err);
    return cleared != 0 ? cleared : repaired;
}

static int make_one(struct session *session, enum remark remark, int64_t version,
                    struct error *err)
{
    const struct migration *migration = migrations_find(&session->migrations, version);
    if (remark == REMARK_UNMARK) return ledger_unmark(session->ledger, version, err);
    if (remark == REMARK_REPAIR) return repair(session, version, err);
    if (migration == NULL)
        return error_set(err, ERROR_INVALID, "migration %" PRId64 " has no file", version);
    return ledger_mark(session->ledger, migration, err);
}

int remark_make(struct session *session, enum remark remark, const int64_t *versions,
                size_t count, struct outcome *outcome, struct error *err)
{
    const struct turn turn = {.needed = NULL};
    int result = turn_take(session, &turn, err) == 1 ? session_ensure(session, err) : -1;
    for (size_t i = 0; result >= 0 && i < count; i++) {
        const struct agenda_item *item = agenda_find(&session->agenda, versions[i]);
        const struct done done = {
            .version = versions[i],
            .name = item != NULL ? item->name : "",
            .undone = remark == REMARK_UNMARK,
        };
        result = make_one(session, remark, versions[i], err);
        if (result == 1) result = outcome_add(&outcome->done, session, &done, err);
    }
    session_release_lock(session);
    return result;
}
