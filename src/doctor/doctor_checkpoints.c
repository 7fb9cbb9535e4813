/*
 * Whether ledger and Redis fit together.
 *
 * A migration that stopped stands in both: as an unfinished run in SQL and as a checkpoint in
 * Redis. Where one of the two is missing, what `up` makes of it is decided by resume.c;
 * advice.c has asked for that decision beforehand. While another runner is at work both change,
 * and nothing is said of them. A large Redis is searched for a bounded time.
 */
#include "doctor_checkpoints.h"

#include <inttypes.h>
#include <string.h>

#include "advice.h"
#include "agenda.h"
#include "arena.h"
#include "checkpoint.h"
#include "clock.h"
#include "doctor.h"
#include "doctor_redis.h"
#include "error.h"
#include "ledger.h"
#include "number.h"
#include "plan_place.h"
#include "reply.h"
#include "selection.h"
#include "session.h"
#include "stop.h"
#include "stranger.h"
#include "task.h"

enum { SCAN_MS = 2000 };

/* ---- the one trace -------------------------------------------------------------------- */

/* What stranger.c warns of is a finding here. */
static void hear(const struct event *event, void *payload)
{
    if (event->kind == EVENT_WARNING)
        doctor_find((struct doctor *)payload, DOCTOR_WARNING, "%s", event->text);
}

int doctor_checkpoints_trace(struct doctor *doctor, struct error *err)
{
    struct session *session = doctor->session;
    const struct listener listener = session->listener;
    const size_t before = doctor->count;
    struct checkpoint_trace trace;
    if (session->state.layout > LEDGER_LAYOUT) return 0;
    if (stranger_ask(session, &trace, err) != 0) return -1;
    session->listener = (struct listener){hear, doctor};
    int result = stranger_check(session, &trace, false, err);
    if (result == 0 && !doctor->lock_held)
        result = stranger_check_restored(session, &trace, false, err);
    session->listener = listener;
    if (result != 0) return -1;
    if (doctor->count > before) return 0;
    if (trace.database == NULL)
        doctor_find(doctor, DOCTOR_OK, "this ledger has carried nothing to this Redis yet");
    else if (trace.last_run == 0 || trace.last_write == NULL)
        doctor_find(doctor, DOCTOR_OK, "they know each other");
    else
        doctor_find(doctor, DOCTOR_OK, "they know each other: run %" PRId64 " wrote last, %s",
                    trace.last_run, trace.last_write);
    return 0;
}

/* ---- looking for checkpoints ---------------------------------------------------------- */

/* What is looked for in Redis, and what was found. */
struct search {
    struct doctor *doctor;
    const char *prefix; /* of a checkpoint's key */
    int64_t *versions;  /* that have one */
    size_t count, capacity;
    size_t bad;
    int64_t newest_run;
    const char *unseen; /* why not all keys were looked at, or NULL */
};

static bool has_found(const struct search *search, int64_t version)
{
    for (size_t i = 0; i < search->count; i++)
        if (search->versions[i] == version) return true;
    return false;
}

/* A key of another kind is none of ours. */
static int take_key(struct search *search, const struct reply *key, struct error *err)
{
    const size_t length = strlen(search->prefix);
    int64_t version = 0;
    if (key->type != REPLY_TEXT || key->length <= length ||
        number_parse(key->text + length, key->length - length, 1, INT64_MAX, &version) != 0 ||
        has_found(search, version))
        return 0;
    int64_t *versions = doctor_grow(search->doctor, search->versions, search->count,
                                    &search->capacity, sizeof *versions);
    if (versions == NULL) return error_memory(err);
    search->versions = versions;
    versions[search->count++] = version;
    return 0;
}

/* One SCAN; cursor moves on. Returns 1, 0 where it is refused, or -1 with err. */
static int scan_once(struct search *search, char cursor[24], struct error *err)
{
    struct doctor *doctor = search->doctor;
    const char *pattern = arena_format(doctor->arena, "%s*", search->prefix);
    const char *const words[] = {"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"};
    const struct reply *reply = NULL;
    if (pattern == NULL) return error_memory(err);
    const int answered = doctor_redis_ask(doctor, 6, words, &reply, err);
    if (answered != 1) return answered;
    const struct reply *next = reply_element(reply, 0), *keys = reply_element(reply, 1);
    if (next == NULL || next->type != REPLY_TEXT || next->length > 20 || keys == NULL)
        return error_set(err, ERROR_FAILED, "SCAN: an answer without a cursor");
    for (size_t i = 0; i < keys->count; i++)
        if (take_key(search, reply_element(keys, i), err) != 0) return -1;
    memcpy(cursor, next->text, next->length + 1);
    return 1;
}

/* A large Redis is not walked through to its end. */
static int scan(struct search *search, struct error *err)
{
    const struct stop *stop = search->doctor->session->stop;
    const int64_t until_ms = clock_monotonic_ms() + SCAN_MS;
    char cursor[24] = "0";
    do {
        if (stop_requested(stop)) return stop_error(stop, err);
        const int scanned = scan_once(search, cursor, err);
        if (scanned < 0) return -1;
        if (scanned == 0) {
            search->unseen = arena_text(search->doctor->arena, err->message);
            return 0;
        }
        if (strcmp(cursor, "0") != 0 && clock_monotonic_ms() > until_ms) {
            search->unseen = "there are too many keys";
            return 0;
        }
    } while (strcmp(cursor, "0") != 0);
    return 0;
}

/* ---- held against the ledger ---------------------------------------------------------- */

static bool is_unfinished(const struct agenda_item *item)
{
    return item->stopped || item->state == STATE_HALF_UNDONE;
}

enum doctor_match doctor_checkpoints_match(const struct agenda_item *item,
                                           const struct checkpoint *found, int64_t newest_run)
{
    if (found->fence_run > newest_run || found->origin > newest_run) return DOCTOR_FROM_LATER;
    if (item != NULL && (is_unfinished(item) || item->unannounced)) return DOCTOR_FITS;
    return DOCTOR_LEFT_OVER;
}

/* The checkpoint of version; *found is yours to checkpoint_release(). */
static int read_checkpoint(struct search *search, int64_t version, struct checkpoint *found,
                           struct error *err)
{
    struct doctor *doctor = search->doctor;
    const char *key = arena_format(doctor->arena, "%s%" PRId64, search->prefix, version);
    const struct reply *reply = NULL;
    *found = (struct checkpoint){0};
    if (key == NULL) return error_memory(err);
    const char *const words[] = {"HGETALL", key};
    if (doctor_redis_ask(doctor, 2, words, &reply, err) != 1) return -1;
    return checkpoint_parse(found, reply, err);
}

static void tell_leftover(struct search *search, const struct agenda_item *item,
                          int64_t version, const struct checkpoint *found,
                          enum doctor_match match)
{
    struct doctor *doctor = search->doctor;
    search->bad++;
    if (match == DOCTOR_FROM_LATER) {
        doctor_find(doctor, DOCTOR_PROBLEM,
                    "'%s%" PRId64 "' was written by run %" PRId64
                    ", and the newest that the ledger knows is %" PRId64
                    ": was it restored from a backup?",
                    search->prefix, version, found->fence_run, search->newest_run);
        doctor_advise(doctor,
                      "restore a newer ledger, or look at what is in Redis, then "
                      "`redferry mark %" PRId64 "` or `redferry repair %" PRId64 "`",
                      version, version);
        return;
    }
    doctor_find(doctor, DOCTOR_WARNING, "'%s%" PRId64 "' is left over: no run needs it",
                search->prefix, version);
    if (item != NULL)
        doctor_advise(doctor, "`redferry repair %" PRId64 "` clears it", version);
    else
        doctor_advise(doctor, "redis-cli DEL '%s%" PRId64 "'", search->prefix, version);
}

static void tell_refused(struct search *search, const struct agenda_item *item,
                         const char *text)
{
    search->bad++;
    doctor_find(search->doctor, DOCTOR_PROBLEM, "%" PRId64 "_%s: %s", item->version, item->name,
                text);
}

/* Who begins may be refused for it, `up` or what comes behind it. Returns 1 where that was
 * told, 0, or -1 with err. */
static int judge_next(struct search *search, const struct agenda_item *item, struct error *err)
{
    struct session *session = search->doctor->session;
    const bool undoes = item->entry != NULL && item->migration->has_down;
    const struct choice next = {
        .version = item->version, .down = undoes, .afresh = item->entry != NULL && !undoes};
    struct task task = {0};
    struct plan_place place;
    int result = task_find(&task, session, &next, err);
    if (result == 0) result = plan_place_find(&place, session, &task, err);
    task_release(&task);
    if (result != 0) return -1;
    if (place.way != PLAN_REFUSED) return 0;
    tell_refused(search, item, place.refusal.message);
    return 1;
}

static int judge_found(struct search *search, int64_t version, struct error *err)
{
    const struct agenda *agenda = &search->doctor->session->agenda;
    const struct agenda_item *item = agenda_find(agenda, version);
    struct checkpoint found;
    /* judge_advised() does that. */
    if (item != NULL &&
        (is_unfinished(item) || search->doctor->advices[item - agenda->items].is_refused))
        return 0;
    if (item != NULL && item->migration != NULL) {
        const int told = judge_next(search, item, err);
        if (told != 0) return told < 0 ? -1 : 0;
    }
    if (read_checkpoint(search, version, &found, err) != 0) return -1;
    const enum doctor_match match =
        found.present ? doctor_checkpoints_match(item, &found, search->newest_run)
                      : DOCTOR_FITS;
    if (match != DOCTOR_FITS) tell_leftover(search, item, version, &found, match);
    checkpoint_release(&found);
    return 0;
}

/* What the next run would make of its checkpoint, or of there being none. */
static void judge_advised(struct search *search, const struct agenda_item *item,
                          const struct advice *advice)
{
    if (!advice->is_refused && !advice->is_lost) return;
    if (advice->is_refused) {
        tell_refused(search, item, advice->text);
        return;
    }
    search->bad++;
    doctor_find(search->doctor, DOCTOR_WARNING,
                "%" PRId64
                "_%s stopped half-way, and its checkpoint is gone from Redis (flushed, "
                "evicted, or restored)",
                item->version, item->name);
    doctor_advise(search->doctor, "%s", advice->text);
}

static int judge_all(struct search *search, struct error *err)
{
    const struct agenda *agenda = &search->doctor->session->agenda;
    for (size_t i = 0; i < search->count; i++)
        if (judge_found(search, search->versions[i], err) != 0) return -1;
    for (size_t i = 0; i < agenda->count; i++)
        judge_advised(search, &agenda->items[i], &search->doctor->advices[i]);
    return 0;
}

int doctor_checkpoints(struct doctor *doctor, struct error *err)
{
    const struct session *session = doctor->session;
    struct search search = {.doctor = doctor,
                            .newest_run = record_newest_run(&session->state.record)};
    if (session->state.id == NULL || session->state.layout > LEDGER_LAYOUT) return 0;
    if (doctor->advices == NULL) return 0; /* `migrations` has said why */
    if (doctor->lock_held) {
        doctor_find(doctor, DOCTOR_OK, "not looked at: a run is at work");
        return 0;
    }
    search.prefix = arena_format(doctor->arena, CHECKPOINT_TRACE_KEY ":", session->state.id);
    if (search.prefix == NULL) return error_memory(err);
    if (scan(&search, err) != 0 || judge_all(&search, err) != 0) return -1;
    if (search.bad == 0)
        doctor_find(doctor, DOCTOR_OK,
                    "each that is there has its run, and the other way round");
    if (search.unseen != NULL)
        doctor_find(doctor, DOCTOR_OK, "those that no run needs were not all looked for: %s",
                    search.unseen);
    return 0;
}
