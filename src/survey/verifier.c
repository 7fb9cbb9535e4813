/*
 * The verifier: a migration's rows once more, and what they would leave in Redis held against
 * what is there. It goes through applied migrations in the order in which they were applied,
 * since of two that write to the same key the later one counts.
 *
 * A migration is taken as it ran: its file, or, where that is gone or was modified since, the
 * definition that the ledger keeps with its run. Old migrations often read tables that are no
 * longer there; where every applied one is asked for, such a step is passed over and named.
 *
 * How a command is compared is evidence/'s affair. No lock is taken, and nothing is written.
 */
#include "verifier.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "comparison.h"
#include "config.h"
#include "connection.h"
#include "error.h"
#include "migration.h"
#include "progress.h"
#include "reply.h"
#include "session.h"
#include "verification.h"
#include "verify_step.h"

struct verifier {
    struct session *session;
    const struct verify_wish *wish;
    struct verification *out;
    struct comparison *comparison;
    struct verify_subjects subjects;
    struct listener listener;
};

static bool is_named(const struct verifier *self)
{
    return self->wish->version_count > 0;
}

/* ---- which migrations ------------------------------------------------------------------- */

static int compare_subjects(const void *one, const void *other)
{
    const struct agenda_item *a = ((const struct verify_subject *)one)->item;
    const struct agenda_item *b = ((const struct verify_subject *)other)->item;
    const int order = strcmp(a->entry->applied_at, b->entry->applied_at);
    if (order != 0) return order;
    return a->version < b->version ? -1 : a->version > b->version;
}

/* A version that was asked for has to be one that can be verified. */
static int check_asked(const struct agenda_item *item, struct error *err)
{
    if (item->state == STATE_HALF_UNDONE)
        return error_set(err, ERROR_OPERATOR,
                         "migration %" PRId64
                         " is half undone: there is nothing to compare; `redferry down --only "
                         "%" PRId64 "` goes on undoing it",
                         item->version, item->version);
    if (item->entry != NULL) return 0;
    return error_set(err, ERROR_INCOMPLETE,
                     "migration %" PRId64
                     " is not applied (%s): there is nothing to compare yet; `redferry run "
                     "%" PRId64 "` applies it",
                     item->version, state_text(item->state), item->version);
}

static bool was_asked_for(const struct verifier *self, int64_t version)
{
    for (size_t i = 0; i < self->wish->version_count; i++)
        if (self->wish->versions[i] == version) return true;
    return !is_named(self);
}

static int choose(struct verifier *self, struct error *err)
{
    struct session *session = self->session;
    const struct agenda *agenda = &session->agenda;
    struct verify_subject *subjects =
        arena_array(&session->arena, agenda->count + 1, sizeof *subjects);
    self->subjects.items = subjects;
    if (subjects == NULL) return error_memory(err);
    for (size_t i = 0; i < agenda->count; i++) {
        const struct agenda_item *item = &agenda->items[i];
        if (!was_asked_for(self, item->version)) continue;
        if (is_named(self) && check_asked(item, err) != 0) return -1;
        if (item->entry != NULL)
            self->subjects.items[self->subjects.count++] =
                (struct verify_subject){.item = item};
    }
    if (self->subjects.count > 1)
        qsort(self->subjects.items, self->subjects.count, sizeof *self->subjects.items,
              compare_subjects);
    return 0;
}

/* ---- their definitions ------------------------------------------------------------------ */

/* Leave out a whole migration, for what err says of it. */
static int pass_over(const struct verifier *self, struct verify_subject *subject,
                     struct error *err)
{
    const char *what = arena_format(&self->session->arena, "%" PRId64 "_%s",
                                    subject->item->version, subject->item->name);
    return verify_pass_over(self->session, is_named(self), what, &subject->reason, err);
}

/* What ran, if it is not what the file says now. */
static int find_definition(struct verifier *self, struct verify_subject *subject,
                           struct error *err)
{
    struct session *session = self->session;
    const struct agenda_item *item = subject->item;
    const bool is_modified = item->state == STATE_MODIFIED;
    struct migration *file = migrations_find(&session->migrations, item->version);
    if (item->state == STATE_HALF_UNDONE) {
        (void)error_set(err, ERROR_OPERATOR, "it is half undone");
        return pass_over(self, subject, err);
    }
    subject->migration = file;
    if (file != NULL && !is_modified) return 0;
    if (item->entry->run_id != 0 &&
        session_definition(session, item->entry->run_id, &subject->migration, err) != 0)
        return -1;
    subject->is_own = subject->migration != NULL && subject->migration != file;
    if (subject->migration == NULL) subject->migration = file;
    if (subject->migration == NULL) {
        (void)error_set(err, ERROR_OPERATOR,
                        "it has no file, and the ledger keeps no definition of it");
        return pass_over(self, subject, err);
    }
    listener_say(&session->listener, EVENT_NOTE, "%" PRId64 "_%s %s: %s", item->version,
                 item->name, is_modified ? "was modified since it was applied" : "has no file",
                 subject->is_own ? "compared as it ran, by the definition that is stored with "
                                   "its run"
                                 : "compared as its file is now");
    return 0;
}

static int lay_out(struct verifier *self, struct verify_subject *subject, struct error *err)
{
    struct session *session = self->session;
    const struct steps *steps = &subject->migration->up;
    subject->steps = arena_array(&session->arena, steps->count + 1, sizeof *subject->steps);
    if (subject->steps == NULL) return error_memory(err);
    for (size_t i = 0; i < steps->count; i++)
        if (verify_step_init(&subject->steps[i], &steps->items[i], session, err) != 0)
            return -1;
    return 0;
}

static int prepare(struct verifier *self, struct error *err)
{
    for (size_t i = 0; i < self->subjects.count; i++) {
        struct verify_subject *subject = &self->subjects.items[i];
        if (find_definition(self, subject, err) != 0) return -1;
        if (subject->reason == NULL && lay_out(self, subject, err) != 0) return -1;
    }
    return 0;
}

/* ---- one migration after the other ------------------------------------------------------ */

/* That a migration begins and ends means that it is applied. */
static void tell(const struct event *event, void *payload)
{
    const struct verifier *self = payload;
    if (event->kind != EVENT_MIGRATION_BEGUN) listener_tell(&self->session->listener, event);
}

static int compare_subject(struct verifier *self, const struct verify_subject *subject,
                           struct error *err)
{
    struct verify_work work = {.session = self->session,
                               .comparison = self->comparison,
                               .migration = subject->migration,
                               .is_named = is_named(self)};
    int result = 0;
    if (subject->reason != NULL) return 0;
    const struct run run = {.version = work.migration->version, .name = work.migration->name};
    const struct steps *steps = &work.migration->up;
    progress_begin(&work.progress, &self->listener, &run, (int)steps->count);
    for (size_t i = 0; result == 0 && i < steps->count; i++)
        result = verify_step_compare(&work, &subject->steps[i], err);
    self->out->rows += work.tally.rows_read;
    self->out->migrations++;
    return result;
}

/* A replica may be read, but what it holds may be older than what was written. */
static void note_replica(struct verifier *self)
{
    const struct reply *role = NULL;
    struct error ignored = {0};
    if (connection_ask(self->session->redis, &role, &ignored, "ROLE", (const char *)NULL) != 0)
        return;
    const struct reply *kind = reply_element(role, 0);
    if (kind == NULL || kind->type != REPLY_TEXT || strcmp(kind->text, "slave") != 0) return;
    listener_say(&self->session->listener, EVENT_WARNING,
                 "'%s' is a replica: what it holds may be older than what its primary does",
                 self->session->config->redis.label);
}

static int compare_all(struct verifier *self, struct error *err)
{
    struct session *session = self->session;
    struct error ignored = {0};
    int result = 0;
    if (session_look_at_redis(session, err) != 0) return -1;
    note_replica(self);
    if (comparison_open(&self->comparison, session->redis, self->wish->limit, err) != 0)
        return -1;
    for (size_t i = 0; result == 0 && i < self->subjects.count; i++)
        result = compare_subject(self, &self->subjects.items[i], err);
    /* Where it ends early, what is on its way is told all the same. */
    if (result != 0) (void)comparison_flush(self->comparison, &ignored);
    return result;
}

/* ---- what the figures do not say -------------------------------------------------------- */

/* Where a version was asked for and differs: what was applied behind it was not looked at. */
static void note_later_ones(const struct verifier *self)
{
    const struct agenda *agenda = &self->session->agenda;
    size_t later = 0;
    if (!is_named(self) || self->subjects.count == 0) return;
    const struct verify_subject *first = &self->subjects.items[0];
    for (size_t i = 0; i < agenda->count; i++) {
        const struct verify_subject other = {.item = &agenda->items[i]};
        if (other.item->entry != NULL && !was_asked_for(self, other.item->version) &&
            compare_subjects(first, &other) < 0)
            later++;
    }
    if (later == 0) return;
    listener_say(&self->session->listener, EVENT_NOTE,
                 "%zu applied after it %s not read: what they may have overwritten is told "
                 "apart by `redferry verify` without a version",
                 later, later == 1 ? "was" : "were");
}

static void note_limits(const struct verifier *self)
{
    if (self->out->different + self->out->missing == 0) return;
    note_later_ones(self);
    if (comparison_has_overflowed(self->comparison))
        listener_say(&self->session->listener, EVENT_WARNING,
                     "so much differs that not all of it could be watched: some of it may have "
                     "been overwritten by later rows");
}

int verifier_run(struct session *session, const struct verify_wish *wish,
                 struct verification *out, struct error *err)
{
    struct verifier self = {.session = session, .wish = wish, .out = out};
    struct error later = {0};
    *out = (struct verification){0};
    self.listener = (struct listener){tell, &self};
    int result = choose(&self, err);
    if (result == 0) result = prepare(&self, err);
    if (result == 0 && self.subjects.count > 0) result = compare_all(&self, err);
    out->is_complete = result == 0;
    out->seconds = (double)(clock_monotonic_ms() - session->begun_ms) / 1000.0;
    if ((result == 0 || self.comparison != NULL) &&
        verification_fill(out, session, &self.subjects, self.comparison, &later) != 0 &&
        result == 0) {
        *err = later;
        result = -1;
    }
    if (result == 0) note_limits(&self);
    comparison_close(self.comparison);
    for (size_t i = 0; i < self.subjects.count; i++)
        if (self.subjects.items[i].is_own) migration_free(self.subjects.items[i].migration);
    return result;
}
