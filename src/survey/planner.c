/*
 * The planner: what a command would do, worked out and not done.
 *
 * It goes the runner's way, by the same selection and the same checks, as far as that way leads
 * without writing: no lock is taken, no table is made, no run begins, and Redis is asked only
 * where a stopped migration stands, and whether it knows this ledger. What would stop the
 * command is a fact of the plan like any other, so one migration that is refused does not hide
 * the others.
 */
#include "planner.h"

#include <inttypes.h>
#include <string.h>

#include "advice.h"
#include "arena.h"
#include "buffer.h"
#include "checkpoint.h"
#include "command.h"
#include "config.h"
#include "connection.h"
#include "db_look.h"
#include "ledger.h"
#include "migration.h"
#include "plan_place.h"
#include "plan_rate.h"
#include "runner.h"
#include "schema_migration.h"
#include "selection.h"
#include "session.h"
#include "stop.h"
#include "stranger.h"
#include "task.h"

enum { MOST_NOTES = 4 };

struct planner {
    struct session *session;
    struct plan *plan;
    const struct run *runs; /* all of them, newest first */
    size_t run_count;
    bool compares;
    const char *after;    /* the last `sql` step so far that has yet to run */
    struct error refused; /* the first thing for which nothing would be begun at all */
    struct error failed;  /* the first thing that would stop it under way */
};

static void keep_first(struct error *first, const struct error *err)
{
    if (first->code == ERROR_NONE) *first = *err;
}

/* Keep why the command would refuse to begin. Returns -1 where it is a stop. */
static int keep_refusal(struct planner *planner, struct error *err)
{
    if (err->code > ERROR_STOPPED) return -1;
    keep_first(&planner->refused, err);
    error_clear(err);
    return 0;
}

static const struct steps *steps_of(const struct task *task)
{
    return task->choice.down ? &task->migration->down : &task->migration->up;
}

static int note(struct planner *planner, struct plan_migration *out, const char *text)
{
    struct arena *arena = planner->session->results;
    if (text == NULL) return 0;
    if (out->notes == NULL) out->notes = arena_array(arena, MOST_NOTES, sizeof *out->notes);
    const char *copy = arena_text(arena, text);
    if (out->notes == NULL || copy == NULL) return -1;
    if (out->note_count < MOST_NOTES) out->notes[out->note_count++] = copy;
    return 0;
}

/* ---- how long it may take --------------------------------------------------------------- */

static int find_rate(const struct planner *planner, struct plan_migration *out)
{
    const struct plan_rate_of wanted = {out->version, out->down};
    struct plan_rate rate;
    if (plan_rate_find(&rate, planner->runs, planner->run_count, wanted,
                       planner->session->results) != 0)
        return -1;
    out->rows_per_second = rate.rows_per_second;
    out->rate_of = rate.text;
    return 0;
}

/* Add up what is left. One source of which nothing is known makes the whole unknown. */
static void add_up(struct plan_migration *out)
{
    bool is_known = true;
    for (size_t i = 0; i < out->step_count; i++) {
        struct plan_step *step = &out->steps[i];
        if (step->read == NULL || strcmp(step->progress, "done") == 0) continue;
        is_known = is_known && step->rows >= 0;
        if (step->rows < 0) continue;
        out->rows += step->rows;
        if (out->rows_per_second > 0) step->seconds = (double)step->rows / out->rows_per_second;
    }
    if (!is_known) out->rows = -1;
    if (is_known && out->rows_per_second > 0)
        out->seconds = (double)out->rows / out->rows_per_second;
}

/* ---- the announcement ------------------------------------------------------------------- */

/* How many rows it will have been nobody knows yet; the placeholder stands for itself. */
static int render_announcements(struct planner *planner, struct plan_migration *out,
                                const struct migration *migration, int64_t rows,
                                struct error *err)
{
    static const char unknown[] = "${rows}";
    struct arena *arena = planner->session->results;
    char version[24], total[24];
    struct value values[] = {
        value_integer(migration->version, version),
        value_text(migration->name),
        value_integer(rows, total),
    };
    const struct columns *columns = migration_announcement_columns();
    const struct row row = {.columns = columns, .values = values};
    if (rows < 0) values[2] = (struct value){VALUE_JSON, unknown, sizeof unknown - 1};
    out->announcements =
        arena_array(arena, migration->announcement_count + 1, sizeof *out->announcements);
    if (out->announcements == NULL) return error_memory(err);
    for (size_t i = 0; i < migration->announcement_count; i++) {
        struct command *command = &migration->announcements[i];
        struct buffer text = {0};
        const bool failed = command_bind(command, columns, err) != 0 ||
                            command_render_text(command, &row, &text, err) != 0;
        const char *line = failed ? NULL : buffer_text(&text);
        if (line != NULL) line = arena_text(arena, line);
        buffer_release(&text);
        if (failed)
            return error_prefix(err, "%s:%d:%d: ", migration->file, command->line,
                                command->column);
        if (line == NULL) return error_memory(err);
        out->announcements[out->announcement_count++] = line;
    }
    return 0;
}

/* ---- one migration ---------------------------------------------------------------------- */

static struct plan_migration *add(struct planner *planner, int64_t version, const char *name)
{
    struct plan *plan = planner->plan;
    struct arena *arena = planner->session->results;
    const struct agenda_item *item = agenda_find(&planner->session->agenda, version);
    if (plan->count == plan->room) {
        const size_t room = plan->room > 0 ? 2 * plan->room : 16;
        struct plan_migration *more = arena_array(arena, room, sizeof *more);
        if (more == NULL) return NULL;
        if (plan->count > 0) memcpy(more, plan->migrations, plan->count * sizeof *more);
        plan->migrations = more;
        plan->room = room;
    }
    struct plan_migration *out = &plan->migrations[plan->count++];
    *out = (struct plan_migration){
        .version = version,
        .name = arena_text(arena, name),
        .state = item != NULL ? state_text(item->state) : NULL,
        .begins = "start",
        .step = 1,
        .seconds = -1,
    };
    return out;
}

static int describe(struct planner *planner, struct plan_migration *out,
                    const struct migration *migration)
{
    struct arena *arena = planner->session->results;
    out->file = arena_text(arena, migration->file);
    out->description = arena_text(arena, migration->description);
    return arena->failed ? -1 : 0;
}

/* What is wrong with a migration, for it and for the whole plan. */
static int keep_error(struct planner *planner, struct plan_migration *out, struct error *first,
                      struct error *err)
{
    if (err->code > ERROR_STOPPED) return -1;
    keep_first(first, err);
    if (out->error == NULL) out->error = arena_text(planner->session->results, err->message);
    const bool kept = out->error != NULL;
    error_clear(err);
    return kept ? 0 : error_memory(err);
}

static int take_place(struct planner *planner, struct plan_migration *out,
                      const struct plan_place *place, struct error *err)
{
    static const char *const words[] = {
        [PLAN_START] = "start",
        [PLAN_RESUME] = "resume",
        [PLAN_RESTART] = "restart",
        [PLAN_REFUSED] = "refused",
    };
    struct error refusal = place->refusal;
    out->begins = words[place->way];
    out->step = place->step;
    out->cursor = place->cursor;
    out->rows_done = place->rows;
    if (note(planner, out, place->doubt) != 0) return error_memory(err);
    if (place->way != PLAN_REFUSED) return 0;
    (void)error_prefix(&refusal, "%s: ", out->file);
    return keep_error(planner, out, &planner->failed, &refusal);
}

/* Look at each of the steps, in their order: what SQL comes first counts for those behind it,
 * of later migrations too. */
static int look_at_steps(struct planner *planner, struct plan_migration *out,
                         const struct task *task, struct error *err)
{
    struct arena *arena = planner->session->results;
    const struct steps *steps = steps_of(task);
    struct plan_view view = {.session = planner->session,
                             .task = task,
                             .place = out->step,
                             .cursor = out->cursor,
                             .after = planner->after,
                             .compares = planner->compares};
    out->steps = arena_array(arena, steps->count + 1, sizeof *out->steps);
    if (out->steps == NULL) return error_memory(err);
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->items[i];
        struct plan_step *looked = &out->steps[out->step_count];
        if (stop_requested(planner->session->stop))
            return stop_error(planner->session->stop, err);
        if (plan_step_look(looked, &view, step, err) != 0) return -1;
        out->step_count++;
        /* Before that SQL has run, nobody knows whether it will still be wrong. */
        if (looked->error.code != ERROR_NONE && looked->after == NULL) {
            struct error wrong = looked->error;
            if (keep_error(planner, out, &planner->failed, &wrong) != 0) return -1;
        }
        if (step->sql == NULL || step->number < out->step) continue;
        view.after = arena_format(arena, "step %d", step->number);
        planner->after = arena_format(arena, "step %d of %" PRId64 "_%s", step->number,
                                      out->version, out->name);
        if (view.after == NULL || planner->after == NULL) return error_memory(err);
    }
    return 0;
}

/* Say of what another runner is at, or was when the ledger was read. */
static int note_state(struct planner *planner, struct plan_migration *out,
                      const struct task *task)
{
    const struct agenda_item *item =
        agenda_find(&planner->session->agenda, task->choice.version);
    if (task->own && note(planner, out,
                          "it has no file: this is the definition that is stored with its "
                          "run") != 0)
        return -1;
    if (item == NULL || item->run == NULL ||
        (item->state != STATE_RUNNING && item->state != STATE_PAUSED))
        return 0;
    const char *text =
        arena_format(planner->session->results,
                     "run %" PRId64 " is at it now; it is waited for", item->run->id);
    return text != NULL ? note(planner, out, text) : -1;
}

static int plan_found(struct planner *planner, struct plan_migration *out,
                      const struct task *task, struct error *err)
{
    struct plan_place place;
    const struct migration *migration = task->migration;
    if (describe(planner, out, migration) != 0 || note_state(planner, out, task) != 0)
        return error_memory(err);
    if (task_check(task, planner->session, err) != 0 &&
        keep_error(planner, out, &planner->refused, err) != 0)
        return -1;
    if (plan_place_find(&place, planner->session, task, err) != 0 ||
        take_place(planner, out, &place, err) != 0 || find_rate(planner, out) != 0 ||
        look_at_steps(planner, out, task, err) != 0)
        return planner->session->results->failed ? error_memory(err) : -1;
    add_up(out);
    if (task->choice.down || render_announcements(planner, out, migration, -1, err) == 0)
        return 0;
    return keep_error(planner, out, &planner->failed, err);
}

static int plan_choice(struct planner *planner, const struct choice *choice, struct error *err)
{
    const struct agenda_item *item = agenda_find(&planner->session->agenda, choice->version);
    struct plan_migration *out = add(planner, choice->version, item != NULL ? item->name : "");
    struct task task = {0};
    if (out == NULL) return error_memory(err);
    out->down = choice->down;
    int result = task_find(&task, planner->session, choice, err);
    if (result == 0)
        result = plan_found(planner, out, &task, err);
    else
        result = keep_error(planner, out, &planner->refused, err);
    task_release(&task);
    return result;
}

/* What was applied and not finished off, any `up` finishes off. */
static int plan_unannounced(struct planner *planner, const struct agenda_item *item,
                            struct error *err)
{
    struct session *session = planner->session;
    struct migration *migration = NULL;
    struct plan_migration *out = add(planner, item->version, item->name);
    if (out == NULL) return error_memory(err);
    out->begins = "announce";
    int result = task_definition(session, item->version, &migration, err);
    if (result != 0) return keep_error(planner, out, &planner->failed, err);
    if (describe(planner, out, migration) != 0)
        result = error_memory(err);
    else if (render_announcements(planner, out, migration, item->entry->tally.rows_read, err) !=
             0)
        result = keep_error(planner, out, &planner->failed, err);
    if (item->migration == NULL) migration_free(migration);
    return result;
}

/* ---- the whole -------------------------------------------------------------------------- */

static int plan_wish(struct planner *planner, const struct wish *wish, struct error *err)
{
    struct session *session = planner->session;
    struct selection selection = {0};
    if (wish->kind == WISH_UP && runner_check_oddities(session, err) != 0 &&
        keep_refusal(planner, err) != 0)
        return -1;
    if (selection_make(&selection, session, wish, &session->arena, err) != 0) return -1;
    for (size_t i = 0; wish->kind == WISH_UP && i < session->agenda.count; i++) {
        const struct agenda_item *item = &session->agenda.items[i];
        if (!item->unannounced || item->stopped || item->state == STATE_HALF_UNDONE) continue;
        if (plan_unannounced(planner, item, err) != 0) return -1;
    }
    for (size_t i = 0; i < selection.count; i++)
        if (plan_choice(planner, &selection.items[i], err) != 0) return -1;
    if (selection.blocked.code == ERROR_NONE) return 0;
    if (advice_on_block(session, selection.blocked_by, &selection.blocked, err) != 0) return -1;
    planner->plan->blocked = arena_text(session->results, selection.blocked.message);
    keep_first(&planner->failed, &selection.blocked);
    return planner->plan->blocked != NULL ? 0 : error_memory(err);
}

/* Undo the one applied last, and then apply it as if for the first time. */
static int plan_redo(struct planner *planner, struct error *err)
{
    const struct wish last = {.kind = WISH_DOWN, .count = 1};
    struct session *session = planner->session;
    struct selection selection = {0};
    if (selection_make(&selection, session, &last, &session->arena, err) != 0) return -1;
    if (selection.count == 0)
        return error_set(err, ERROR_INVALID, "nothing is applied: nothing to redo");
    const struct choice down = selection.items[0];
    const struct choice up = {.version = down.version, .again = true, .afresh = true};
    if (migrations_find(&session->migrations, down.version) == NULL)
        return error_set(err, ERROR_OPERATOR,
                         "migration %" PRId64
                         " has no file to apply again: put it back, or `redferry down --only "
                         "%" PRId64 "` undoes it",
                         down.version, down.version);
    if (plan_choice(planner, &down, err) != 0) return -1;
    return plan_choice(planner, &up, err);
}

/* A ledger of a newer release may be read, not written; nor may one whose entries are gone. */
static void check_ledger(struct planner *planner)
{
    const struct session *session = planner->session;
    struct error err = {0};
    if (planner->plan->count > 0 && session->state.lost != NULL)
        (void)error_set(&planner->refused, ERROR_OPERATOR, "%s", session->state.lost);
    if (planner->plan->count > 0 &&
        ledger_check_layout(session->ledger, session->state.layout, &err) != 0)
        planner->refused = err;
}

/* Where a Redis is given, and answers: whether it knows this ledger, and the ledger it. The
 * command asks the same before it begins. wish NULL: of `redo`, which names its version. */
static int look_for_strangers(struct planner *planner, const struct wish *wish,
                              struct error *err)
{
    struct session *session = planner->session;
    const struct config *config = session->config;
    const bool insists = wish == NULL || wish->kind == WISH_RUN || wish->only != 0;
    struct checkpoint_trace trace;
    if (planner->plan->count == 0 || !config->has_redis || session->state.id == NULL) return 0;
    if (session_try_redis(session, err) != 0 || stranger_ask(session, &trace, err) != 0) {
        if (err->code > ERROR_STOPPED) return -1;
        listener_say(&session->listener, EVENT_NOTE,
                     "Redis was not asked whether it knows this ledger: %s", err->message);
        error_clear(err);
        return 0;
    }
    if (stranger_check_restored(session, &trace, insists, err) != 0)
        return keep_refusal(planner, err);
    if (wish != NULL && wish->all) return 0;
    const bool is_strict = config->strict && (wish == NULL || !wish->again);
    if (stranger_check(session, &trace, is_strict, err) != 0) return keep_refusal(planner, err);
    return 0;
}

/* What the command would wait for is no error; whoever reads the plan may be told all the same.
 * That the database does not let us look is its affair. */
static int look_for_schema_migration(struct session *session, const struct plan *plan,
                                     struct error *err)
{
    struct error words = {0};
    const char *remedy = NULL;
    if (plan->count == 0 || session->config->during_schema_migration) return 0;
    const int seen = schema_migration_see(session, &words, &remedy, err);
    if (seen < 0 && err->code > ERROR_STOPPED) return -1;
    error_clear(err);
    if (seen <= 0) return 0;
    listener_say(&session->listener, EVENT_WARNING,
                 "a schema migration is in progress (%s): it would be waited for, and what is "
                 "shown may change with it%s%s%s",
                 words.message, remedy != NULL ? "; where it has crashed: `" : "",
                 remedy != NULL ? remedy : "", remedy != NULL ? "`" : "");
    return 0;
}

/* A plan may well be made by who may only read. But who would type the command here has to know
 * that it would not work here. */
static int look_whether_writable(struct planner *planner, struct error *err)
{
    struct session *session = planner->session;
    struct error why = {0};
    if (planner->plan->count == 0 || planner->refused.code != ERROR_NONE) return 0;
    if (db_look_writable(session->db, &why) == 0 && ledger_check(session->ledger, &why) == 0)
        return 0;
    if (error_ends_waiting(&why)) {
        *err = why;
        return -1;
    }
    if (why.code != ERROR_OPERATOR) return 0;
    planner->plan->unwritable = arena_text(session->results, why.message);
    if (planner->plan->unwritable == NULL) return error_memory(err);
    listener_say(
        &session->listener, EVENT_WARNING,
        "this plan cannot be carried out from here, the ledger cannot be written (exit "
        "code %d): %s; `redferry doctor` says what lets it be written",
        ERROR_OPERATOR, planner->plan->unwritable);
    return 0;
}

/* What is planned is shown whatever stops the command, since that can be mended; but it is not
 * what the command would do today. */
static int note_unreached(struct planner *planner, struct error *err)
{
    struct plan *plan = planner->plan;
    struct arena *arena = planner->session->results;
    const char *reason = NULL;
    if (planner->refused.code != ERROR_NONE)
        reason = arena_format(arena, "nothing is begun: %s", planner->refused.message);
    for (size_t i = 0; i < plan->count; i++) {
        struct plan_migration *migration = &plan->migrations[i];
        if (reason != NULL)
            migration->unreached = reason;
        else if (migration->error != NULL)
            reason = arena_format(arena, "%" PRId64 "_%s stands in the way", migration->version,
                                  migration->name);
    }
    return arena->failed ? error_memory(err) : 0;
}

int planner_make(struct session *session, const struct plan_question *question,
                 struct plan *plan, struct error *err)
{
    struct run *runs = NULL;
    struct planner planner = {.session = session, .plan = plan, .compares = question->compares};
    *plan = (struct plan){0};
    if (question->compares && session_look_at_redis(session, err) != 0) return -1;
    if (session->state.present && session->state.layout <= LEDGER_LAYOUT &&
        ledger_history(session->ledger, 0, 0, &session->arena, &runs, &planner.run_count,
                       err) != 0)
        return -1;
    planner.runs = runs;
    const int result = question->wish != NULL ? plan_wish(&planner, question->wish, err)
                                              : plan_redo(&planner, err);
    if (result != 0 || look_for_strangers(&planner, question->wish, err) != 0 ||
        look_for_schema_migration(session, plan, err) != 0)
        return -1;
    check_ledger(&planner);
    if (look_whether_writable(&planner, err) != 0) return -1;
    if (note_unreached(&planner, err) != 0) return -1;
    plan->verdict = planner.refused.code != ERROR_NONE ? planner.refused : planner.failed;
    return 0;
}
