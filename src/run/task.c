/*
 * Tasks: what a command has chosen, each with the definition that it is carried out by, checked
 * as far as that goes without a lock and without Redis. All of them are found and checked
 * before the first is attempted, and `plan` asks the same questions.
 */
#include "task.h"

#include <inttypes.h>

#include "arena.h"
#include "config.h"
#include "error.h"
#include "migration.h"
#include "session.h"

/* A step of which nothing can be promised is refused before anything is locked or written. */
int task_check_guarantees(const struct session *session, const struct migration *migration,
                          const struct steps *steps, struct error *err)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->items[i];
        const struct command *culprit = NULL;
        if (session->config->allow_repeats ||
            step_guarantee(step, &culprit) != GUARANTEE_REFUSED)
            continue;
        return error_at(
            err, migration->file, culprit->line, culprit->column,
            "step '%s': '%s' must not be repeated, and without a `key` the step cannot "
            "know where it stopped: give it a `key` (or --allow-repeats)",
            step->name, culprit->text);
    }
    return 0;
}

int task_definition(struct session *session, int64_t version, struct migration **migration,
                    struct error *err)
{
    const struct agenda_item *item = agenda_find(&session->agenda, version);
    *migration = migrations_find(&session->migrations, version);
    if (*migration != NULL) return 0;
    const int64_t run_id = item == NULL          ? 0
                           : item->entry != NULL ? item->entry->run_id
                                                 : item->run->id;
    if (run_id != 0 && session_definition(session, run_id, migration, err) != 0) return -1;
    if (*migration != NULL) return 0;
    return error_set(err, ERROR_OPERATOR,
                     "migration %" PRId64
                     " has no file, and the ledger keeps no definition of it: `redferry unmark "
                     "%" PRId64 "` forgets it",
                     version, version);
}

/* A variable that `from` names is missed before anything is written, not in the middle. */
static int check_variables(const struct session *session, const struct migration *migration,
                           const struct steps *steps, struct error *err)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->items[i];
        bool failed = false;
        if (step->from == NULL ||
            config_variable(session->config, step->from, &failed, err) != NULL)
            continue;
        if (failed) return -1;
        return error_at(
            err, migration->file, step->line, step->column,
            "step '%s': `from` names the environment variable '%s', which is not set",
            step->name, step->from);
    }
    return 0;
}

/* What is undone by a file that has changed since it was applied may not be what was done. */
static int check_undoing(const struct session *session, const struct migration *migration,
                         struct error *err)
{
    const struct agenda_item *item = agenda_find(&session->agenda, migration->version);
    if (item == NULL || item->state != STATE_MODIFIED) return 0;
    if (session->config->strict)
        return error_set(err, ERROR_OPERATOR,
                         "%s was modified since it was applied, and its `down` with it perhaps "
                         "(--strict): `redferry repair %" PRId64 "` accepts it",
                         migration->file, migration->version);
    if (session->lock == NULL)
        listener_say(
            &session->listener, EVENT_WARNING,
            "%s was modified since it was applied: it is undone by the `down` that it has "
            "now",
            migration->file);
    return 0;
}

/* Without a `down` only the ledger can be told something else. */
static int refuse_undoing(const struct session *session, const struct migration *migration,
                          struct error *err)
{
    const struct agenda_item *item = agenda_find(&session->agenda, migration->version);
    const bool is_applied = item == NULL || item->entry != NULL;
    return error_set(
        err, ERROR_FAILED,
        "%s: has no `down`: it cannot be rolled back (`redferry %s %" PRId64 "` %s)",
        migration->file, is_applied ? "unmark" : "repair", migration->version,
        is_applied ? "only forgets that it was applied" : "only gives up how far it came");
}

int task_find(struct task *task, struct session *session, const struct choice *choice,
              struct error *err)
{
    *task = (struct task){.choice = *choice};
    if (task_definition(session, choice->version, &task->migration, err) != 0) return -1;
    task->own = migrations_find(&session->migrations, choice->version) == NULL;
    return 0;
}

int task_check(const struct task *task, const struct session *session, struct error *err)
{
    const struct migration *migration = task->migration;
    const bool down = task->choice.down;
    const struct steps *steps = down ? &migration->down : &migration->up;
    if (down && !migration->has_down) return refuse_undoing(session, migration, err);
    if (task_check_guarantees(session, migration, steps, err) != 0 ||
        check_variables(session, migration, steps, err) != 0)
        return -1;
    return down ? check_undoing(session, migration, err) : 0;
}

void task_release(struct task *task)
{
    if (task->own) migration_free(task->migration);
    *task = (struct task){0};
}

int tasks_make(struct tasks *tasks, struct session *session, const struct selection *selection,
               struct error *err)
{
    *tasks = (struct tasks){0};
    tasks->items = arena_array(&session->arena, selection->count + 1, sizeof *tasks->items);
    if (tasks->items == NULL) return error_memory(err);
    for (size_t i = 0; i < selection->count; i++) {
        struct task *task = &tasks->items[tasks->count++];
        if (task_find(task, session, &selection->items[i], err) != 0 ||
            task_check(task, session, err) != 0)
            return -1;
    }
    return 0;
}

void tasks_release(struct tasks *tasks)
{
    for (size_t i = 0; i < tasks->count; i++) task_release(&tasks->items[i]);
    tasks->count = 0;
}
