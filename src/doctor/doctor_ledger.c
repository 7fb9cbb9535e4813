/*
 * The doctor's look at the ledger: its tables, its lock, and the states of its migrations.
 *
 * What a command that writes would refuse is asked of the same functions beforehand, so that
 * both say the same; so is what would mend a migration. States that are normal have no line; of
 * many in the same state the first few are named. What Redis says beside the ledger is
 * doctor_checkpoints.c's.
 */
#include "doctor_ledger.h"

#include <inttypes.h>
#include <string.h>

#include "advice.h"
#include "agenda.h"
#include "arena.h"
#include "clock.h"
#include "config.h"
#include "db.h"
#include "doctor.h"
#include "error.h"
#include "ledger.h"
#include "selection.h"
#include "session.h"
#include "turn.h"

enum {
    SILENT_MS = 60000, /* a run that is alive writes every second */
    MOST_ALIKE = 5
};

/* ---- the tables ----------------------------------------------------------------------- */

int doctor_ledger_tables(struct doctor *doctor, struct error *err)
{
    struct session *session = doctor->session;
    struct error read = {0};
    const int usable = ledger_check(session->ledger, err);
    if (usable != 0 && err->code != ERROR_OPERATOR && err->code != ERROR_FAILED) return -1;
    doctor->has_ledger = session_read(session, &read) == 0;
    if (read.code > ERROR_STOPPED || read.code == ERROR_SQL_UNREACHABLE) {
        *err = read;
        return -1;
    }
    if (usable != 0 || !doctor->has_ledger) {
        const struct error *why = usable != 0 ? err : &read;
        doctor_find(doctor, DOCTOR_PROBLEM, "%s", why->message);
        /* What needs an operator says itself what it takes; of privileges there is more. */
        if (why->code != ERROR_OPERATOR || strstr(why->message, "GRANT") != NULL)
            doctor_advise(doctor, "docs/operating.md, \"Privileges\", lists what a role needs");
        return 0;
    }
    if (!session->state.present) {
        doctor_find(doctor, DOCTOR_OK,
                    "is not there yet: `redferry init`, or the first `up`, "
                    "makes it");
        return 0;
    }
    doctor_find(doctor, DOCTOR_OK, "layout %" PRId64 ", %zu applied, %zu pending",
                session->state.layout, session->agenda.applied, session->agenda.pending);
    return 0;
}

/* ---- the lock ------------------------------------------------------------------------- */

/* How long a run has said nothing, by the database's clock; 0 where that cannot be told. */
static int64_t silence_ms(const struct doctor *doctor, const struct run *run)
{
    int64_t updated_ms = 0;
    if (run->updated_at == NULL || clock_parse(run->updated_at, &updated_ms) != 0) return 0;
    return clock_wall_ms() + doctor->database_ahead_ms - updated_ms;
}

void doctor_ledger_judge_lock(struct doctor *doctor)
{
    const struct session *session = doctor->session;
    const struct run *run = session->state.record.holder;
    struct error holder = {0};
    if (!doctor->lock_held) {
        doctor_find(doctor, DOCTOR_OK, "nobody holds it");
        return;
    }
    const char *who = turn_describe_holder(session, &holder);
    if (run == NULL || silence_ms(doctor, run) < SILENT_MS) {
        const bool paused = run != NULL && run->status == RUN_PAUSED;
        doctor_find(doctor, paused ? DOCTOR_WARNING : DOCTOR_OK, "held by %s", who);
        doctor_advise(doctor, paused ? "`up` waits until `redferry resume` lets it go on"
                                     : "`up` waits for it; `redferry watch` follows it");
        return;
    }
    doctor_find(doctor, DOCTOR_WARNING, "held by %s, which has said nothing for %" PRId64 " s",
                who, silence_ms(doctor, run) / 1000);
    doctor_advise(doctor,
                  "look at process %" PRId64 " on %s; where it hangs, end it, and the next "
                  "`redferry up` goes on",
                  run->pid, run->host != NULL ? run->host : "its host");
}

int doctor_ledger_lock(struct doctor *doctor, struct error *err)
{
    const struct session *session = doctor->session;
    const int held = db_lock_held(session->db, ledger_lock_name(session->ledger), err);
    if (held < 0) return -1;
    doctor->lock_held = held == 1;
    doctor_ledger_judge_lock(doctor);
    return 0;
}

/* ---- migrations ----------------------------------------------------------------------- */

static bool is_cancelled(const struct session *session, const struct agenda_item *item)
{
    (void)session;
    return item->state == STATE_CANCELLED;
}

static bool is_half_undone(const struct session *session, const struct agenda_item *item)
{
    (void)session;
    return item->state == STATE_HALF_UNDONE;
}

static bool has_stopped(const struct session *session, const struct agenda_item *item)
{
    return (item->state == STATE_FAILED || item->state == STATE_INTERRUPTED ||
            item->state == STATE_CRASHED) &&
           !selection_is_stale(session, item);
}

static bool is_modified(const struct session *session, const struct agenda_item *item)
{
    (void)session;
    return item->state == STATE_MODIFIED;
}

static bool is_below(const struct session *session, const struct agenda_item *item)
{
    (void)session;
    return item->pending && item->below_applied;
}

static bool is_unannounced(const struct session *session, const struct agenda_item *item)
{
    (void)session;
    return item->unannounced;
}

static bool is_missing(const struct session *session, const struct agenda_item *item)
{
    (void)session;
    return item->state == STATE_MISSING;
}

/* What is worth a line of its own. */
static const struct oddity {
    bool (*is)(const struct session *session, const struct agenda_item *item);
    bool may_stop_up;            /* and where it does, that is said, and is a problem */
    enum doctor_verdict verdict; /* where it does not */
    const char *text;
    const char *advice; /* NULL: what is known of the single one */
} oddities[] = {
    {is_cancelled, true, DOCTOR_WARNING, "was cancelled", NULL},
    {is_half_undone, true, DOCTOR_WARNING, "is half undone", NULL},
    {selection_is_stale, true, DOCTOR_WARNING, "stopped longer ago than --resume-within", NULL},
    {has_stopped, false, DOCTOR_WARNING, "stopped half-way", NULL},
    {is_modified, false, DOCTOR_WARNING, "was modified since it was applied", NULL},
    {is_below, false, DOCTOR_WARNING, "is pending below an applied version", NULL},
    {is_unannounced, false, DOCTOR_WARNING,
     "is applied, but not finished off: its last message, and "
     "its checkpoint",
     "any `redferry up` does that"},
    {is_missing, false, DOCTOR_OK,
     "is applied and has no file, as after a release was rolled back", NULL},
};

/* " (crashed, run 3 by ana on db1, begun at …): the error"; what to type next is the advice's,
 * which knows how things stand by now. */
static const char *describe_run(struct doctor *doctor, const struct agenda_item *item)
{
    const struct run *run = item->run;
    const char *text = arena_format(
        doctor->arena, " (%s, run %" PRId64 " by %s on %s, begun at %s)%s%.*s",
        state_text(item->state), run->id,
        run->operator_name != NULL ? run->operator_name : "somebody",
        run->host != NULL ? run->host : "some host",
        run->started_at != NULL ? run->started_at : "some time", run->error != NULL ? ": " : "",
        (int)run_error_length(run), run->error != NULL ? run->error : "");
    return text != NULL ? text : "";
}

/* Why a checkpoint is in the way has a line of its own, where it can be looked at. */
static bool has_line_of_its_own(const struct doctor *doctor, const struct advice *advice)
{
    const struct session *session = doctor->session;
    return advice->is_refused && session->redis != NULL && session->state.id != NULL &&
           !doctor->lock_held;
}

/* What `up` and `status` say of a version that came late. */
static void advise_on_late(struct doctor *doctor, const struct agenda_item *item)
{
    if (doctor->session->config->strict)
        doctor_advise(doctor,
                      "`redferry run %" PRId64 "` applies it all the same: with --strict "
                      "`redferry up` does not",
                      item->version);
    else
        doctor_advise(doctor, "`redferry up` applies it; with --strict it does not");
}

static void tell_oddity(struct doctor *doctor, const struct oddity *oddity,
                        const struct agenda_item *item)
{
    const struct session *session = doctor->session;
    const struct advice *advice = &doctor->advices[item - session->agenda.items];
    const bool stops = oddity->may_stop_up && selection_stops_up(session, item);
    doctor_find(doctor, stops ? DOCTOR_PROBLEM : oddity->verdict, "%" PRId64 "_%s %s%s%s",
                item->version, item->name, oddity->text, stops ? ", and `up` stops there" : "",
                oddity->is == has_stopped ? describe_run(doctor, item) : "");
    if (oddity->advice != NULL)
        doctor_advise(doctor, "%s", oddity->advice);
    else if (oddity->is == is_below)
        advise_on_late(doctor, item);
    else if (has_line_of_its_own(doctor, advice))
        doctor_advise(doctor,
                      "it is not gone on with as it is: `checkpoints` says what to type");
    else if (advice->text != NULL)
        doctor_advise(doctor, "%s", advice->text);
}

void doctor_ledger_judge_migrations(struct doctor *doctor)
{
    const struct session *session = doctor->session;
    const struct agenda *agenda = &session->agenda;
    const size_t before = doctor->count;
    for (size_t i = 0; i < sizeof oddities / sizeof *oddities; i++) {
        size_t alike = 0;
        for (size_t j = 0; j < agenda->count; j++)
            if (oddities[i].is(session, &agenda->items[j]) && ++alike <= MOST_ALIKE)
                tell_oddity(doctor, &oddities[i], &agenda->items[j]);
        if (alike > MOST_ALIKE)
            doctor_find(doctor, oddities[i].verdict, "and %zu more: %s", alike - MOST_ALIKE,
                        oddities[i].text);
    }
    if (doctor->count == before)
        doctor_find(doctor, DOCTOR_OK, "none is in a state to look at");
}

int doctor_ledger_migrations(struct doctor *doctor, struct error *err)
{
    if (advice_give(doctor->session, &doctor->advices, err) != 0) return -1;
    doctor_ledger_judge_migrations(doctor);
    return 0;
}
