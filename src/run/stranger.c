/*
 * A Redis that this ledger has never seen.
 *
 * The ledger says what was applied, and not that it is still there: Redis may have been
 * emptied, or be another one since, as where a staging system was made of a dump of production.
 * So each run leaves its ledger's trace in Redis, and here the two are compared: what is
 * applied by a run that is older than the first one in the trace was carried somewhere else. By
 * the numbers of the runs, since a trace that is merely there says nothing any more once the
 * next migration has been carried.
 *
 * What is in Redis is not looked at; that is what comparing row by row is for.
 */
#include "stranger.h"

#include <inttypes.h>
#include <string.h>

#include "agenda.h"
#include "arena.h"
#include "checkpoint.h"
#include "config.h"
#include "connection.h"
#include "error.h"
#include "ledger.h"
#include "reply.h"
#include "session.h"

const char *stranger_text(enum stranger stranger)
{
    static const char *const texts[] = {
        [STRANGER_NOT_ASKED] = NULL,    [STRANGER_KNOWN] = "known",
        [STRANGER_UNKNOWN] = "unknown", [STRANGER_OTHER_SOURCE] = "other_database",
        [STRANGER_AHEAD] = "ahead",
    };
    return texts[stranger];
}

/* ---- what the ledger says -----------------------------------------------------------------
 */

/* Whether an entry is of something that was sent to Redis by us; what was marked by hand is
 * not. */
static bool was_carried(const struct entry *entry)
{
    return entry->run_id != 0 && entry->redis != NULL &&
           entry->tally.commands_sent + entry->tally.messages_published > 0;
}

/* The applied migrations that were carried by runs before first_run: how many, and the one with
 * the latest run. */
struct elsewhere {
    size_t count;
    const struct entry *latest;
};

static struct elsewhere find_elsewhere(const struct session *session, int64_t first_run)
{
    const struct record *record = &session->state.record;
    struct elsewhere found = {0};
    for (size_t i = 0; i < record->entry_count; i++) {
        const struct entry *entry = &record->entries[i];
        if (!was_carried(entry) || entry->run_id >= first_run) continue;
        found.count++;
        if (found.latest == NULL || entry->run_id > found.latest->run_id) found.latest = entry;
    }
    return found;
}

static bool has_something_to_ask(const struct session *session)
{
    return find_elsewhere(session, INT64_MAX).count > 0;
}

bool stranger_is_to_be_asked(const struct session *session)
{
    return session->config->has_redis && session->state.id != NULL &&
           session->state.layout <= LEDGER_LAYOUT;
}

/* ---- what Redis says ----------------------------------------------------------------------
 */

/* A ledger without an id, which is about to get one, has left no trace. */
int stranger_ask(const struct session *session, struct checkpoint_trace *trace,
                 struct error *err)
{
    const struct reply *reply = NULL;
    struct arena arena = {0};
    int result = -1;
    *trace = (struct checkpoint_trace){0};
    if (session->state.id == NULL) return 0;
    const char *key = arena_format(&arena, CHECKPOINT_TRACE_KEY, session->state.id);
    if (key == NULL)
        (void)error_memory(err);
    else if (connection_ask(session->redis, &reply, err, "HGETALL", key, (const char *)NULL) ==
             0)
        result = checkpoint_parse_trace(trace, reply, err);
    const bool is_forbidden = reply != NULL && reply_is_error(reply, "NOPERM");
    if (result != 0 && key != NULL)
        (void)error_prefix(err, "'%s'%s: ", key,
                           is_forbidden ? " (redferry needs the keys ~redferry:*)" : "");
    arena_release(&arena);
    return result;
}

/* ---- what it means ------------------------------------------------------------------------
 */

/* Put what is odd into words. */
static void tell_unknown(const struct session *session, const struct elsewhere *elsewhere,
                         struct error *words)
{
    const struct entry *latest = elsewhere->latest;
    const char *redis = session->config->redis.label;
    const char *are = elsewhere->count > 1 ? "are" : "is";
    struct error others = {0};
    if (elsewhere->count > 1)
        (void)error_set(&others, ERROR_NONE, " and %zu more", elsewhere->count - 1);
    if (strcmp(latest->redis, redis) == 0)
        (void)error_set(
            words, ERROR_OPERATOR,
            "Redis '%s' was emptied, or replaced by another one: it does not know of "
            "%" PRId64 "_%s%s, which %s applied",
            redis, latest->version, latest->name, others.message, are);
    else
        (void)error_set(words, ERROR_OPERATOR,
                        "Redis '%s' does not know of %" PRId64
                        "_%s%s, which %s applied: it was carried to '%s'",
                        redis, latest->version, latest->name, others.message, are,
                        latest->redis);
    struct error cause = *words;
    (void)error_set(words, ERROR_OPERATOR,
                    "%s; `redferry run --all --again` carries everything again", cause.message);
}

static void tell_other_source(const struct session *session,
                              const struct checkpoint_trace *trace, struct error *words)
{
    (void)error_set(
        words, ERROR_OPERATOR,
        "Redis '%s' was last written to from the database '%s'%s%s, and this is "
        "'%s' with the same ledger: if one is a copy, give it a Redis of its own; if "
        "it has moved: HSET redferry:{%s} database '%s'",
        session->config->redis.label, trace->database, trace->last_write != NULL ? " at " : "",
        trace->last_write != NULL ? trace->last_write : "", session->database,
        session->state.id, session->database);
}

/* Judge, and where something is odd, fill words. */
static enum stranger judge_trace(const struct session *session,
                                 const struct checkpoint_trace *trace, struct error *words)
{
    if (!has_something_to_ask(session)) return STRANGER_NOT_ASKED;
    const struct elsewhere elsewhere =
        find_elsewhere(session, trace->database == NULL ? INT64_MAX : trace->first_run);
    if (elsewhere.count > 0) {
        tell_unknown(session, &elsewhere, words);
        return STRANGER_UNKNOWN;
    }
    if (strcmp(trace->database, session->database) == 0) return STRANGER_KNOWN;
    tell_other_source(session, trace, words);
    return STRANGER_OTHER_SOURCE;
}

/* Warn, or refuse. */
static int judge(const struct session *session, bool is_strict, const struct error *words,
                 struct error *err)
{
    if (words->code == ERROR_NONE) return 0;
    if (is_strict) return error_set(err, ERROR_OPERATOR, "%s (--strict)", words->message);
    listener_say(&session->listener, EVENT_WARNING, "%s", words->message);
    return 0;
}

int stranger_check(const struct session *session, const struct checkpoint_trace *trace,
                   bool is_strict, struct error *err)
{
    struct error words = {0};
    (void)judge_trace(session, trace, &words);
    return judge(session, is_strict, &words, err);
}

/* Whether there is such a run by now: another may have begun since the ledger was read. Returns
 * 1, 0 or -1 with err. */
static int has_begun_since(const struct session *session, int64_t run_id, struct error *err)
{
    struct arena arena = {0};
    struct run run;
    bool crashed = false;
    const int found = ledger_follow(session->ledger, run_id, &arena, &run, &crashed, err);
    arena_release(&arena);
    return found;
}

int stranger_check_restored(const struct session *session, const struct checkpoint_trace *trace,
                            bool insists, struct error *err)
{
    const int64_t newest = record_newest_run(&session->state.record);
    struct error words = {0};
    if (trace->last_run <= newest) return 0;
    const int begun = has_begun_since(session, trace->last_run, err);
    if (begun != 0) return begun < 0 ? -1 : 0;
    (void)error_set(&words, ERROR_OPERATOR,
                    "Redis was written to by run %" PRId64
                    ", which this ledger does not know: its newest is %" PRId64
                    ". Was it restored from a backup? What was done since is in Redis already: "
                    "`redferry mark VERSION` records it, `redferry run VERSION` carries what "
                    "was finished all the same, `redferry repair VERSION` begins anew what "
                    "stands half-way; "
                    "behind a `mark`, one `repair` has Redis believe this ledger again",
                    trace->last_run, newest);
    if (!insists) {
        *err = words;
        return -1;
    }
    return judge(session, false, &words, err);
}

int stranger_look_restored(struct session *session, bool *restored, struct error *err)
{
    struct checkpoint_trace trace;
    struct error why = {0};
    *restored = false;
    if (!stranger_is_to_be_asked(session)) return 0;
    if (session_try_redis(session, &why) != 0 || stranger_ask(session, &trace, &why) != 0) {
        if (why.code <= ERROR_STOPPED) return 0;
    } else {
        *restored = stranger_check_restored(session, &trace, false, &why) != 0 &&
                    why.code == ERROR_OPERATOR;
        if (*restored || why.code == ERROR_NONE) return 0;
    }
    *err = why;
    return -1;
}

/* `up` refuses it, also without --strict. What is odd besides may be why, and stays the answer.
 */
static int judge_restored(const struct session *session, const struct checkpoint_trace *trace,
                          enum stranger *found, struct error *err)
{
    if (stranger_check_restored(session, trace, false, err) == 0) return 0;
    if (err->code != ERROR_OPERATOR) return -1;
    if (*found == STRANGER_KNOWN || *found == STRANGER_NOT_ASKED) *found = STRANGER_AHEAD;
    if (session->config->strict) return -1;
    listener_say(&session->listener, EVENT_WARNING, "%s", err->message);
    error_clear(err);
    return 0;
}

int stranger_look(struct session *session, enum stranger *found, struct error *err)
{
    const struct config *config = session->config;
    struct checkpoint_trace trace;
    struct error words = {0};
    *found = STRANGER_NOT_ASKED;
    if (!stranger_is_to_be_asked(session)) return 0;
    if (session_try_redis(session, err) != 0 || stranger_ask(session, &trace, err) != 0) {
        if (err->code > ERROR_STOPPED) return -1;
        listener_say(&session->listener, config->strict ? EVENT_WARNING : EVENT_NOTE,
                     "Redis was not asked whether it knows this ledger: %s", err->message);
        error_clear(err);
        return 0;
    }
    *found = judge_trace(session, &trace, &words);
    if (judge(session, config->strict, &words, err) != 0) return -1;
    return judge_restored(session, &trace, found, err);
}
