/*
 * The commands that work: up, run, down, redo, and telling the ledger by hand. Each turns its
 * options into a wish, has the runner carry it out, and gives out what was done.
 */
#include <string.h>

#include "advice.h"
#include "agenda.h"
#include "handle.h"
#include "outcome.h"
#include "remark.h"
#include "request.h"
#include "runner.h"
#include "selection.h"

/* A list in the public form; NULL when memory runs out. */
static redferry_done *done_of(struct arena *arena, const struct done_list *list)
{
    redferry_done *done = arena_array(arena, list->count + 1, sizeof *done);
    for (size_t i = 0; done != NULL && i < list->count; i++) {
        const struct done *from = &list->items[i];
        done[i] = (redferry_done){
            .version = from->version,
            .name = from->name,
            .undone = from->undone,
            .run_id = from->run_id,
            .tally = handle_tally(&from->tally),
            .seconds = from->seconds,
        };
    }
    return done;
}

/* Turn what the runner did into the public form. Without memory for that there is no outcome to
 * be had, and the caller is told so. */
static int give_out(struct redferry *ferry, const struct outcome *outcome,
                    const redferry_outcome **out)
{
    redferry_outcome *given = arena_alloc(&ferry->results, sizeof *given);
    redferry_done *done = done_of(&ferry->results, &outcome->done);
    redferry_done *announced = done_of(&ferry->results, &outcome->announced);
    if (out == NULL) return 0;
    if (given == NULL || done == NULL || announced == NULL) return error_memory(&ferry->error);
    *given = (redferry_outcome){
        .done = done,
        .done_count = outcome->done.count,
        .announced = announced,
        .announced_count = outcome->announced.count,
        .failed_version = outcome->failed_version,
        .failed_name = outcome->failed_name,
        .failed_step = outcome->failed_step,
        .failed_step_name = outcome->failed_step_name,
        .failed_error = outcome->failed_error,
        .pending = outcome->pending,
    };
    *out = given;
    return 0;
}

static int end(struct redferry *ferry, struct session *session, int result,
               const struct outcome *outcome, const redferry_outcome **out)
{
    if (give_out(ferry, outcome, out) != 0) result = -1;
    return handle_end(ferry, session, result);
}

/* What a command ended at is told with the advice that `status` gives: what it would take to go
 * on is not all known to who only selects. Where that cannot be found out, what was said
 * stands. */
static int carry_out(struct redferry *ferry, struct session *session, const struct wish *wish,
                     struct outcome *outcome)
{
    struct error ignored = {0};
    if (runner_carry_out(session, wish, outcome, &ferry->error) == 0) return 0;
    if (outcome->blocked_by != 0 && session->db != NULL)
        (void)advice_on_block(session, outcome->blocked_by, &ferry->error, &ignored);
    return -1;
}

int redferry_up(redferry *ferry, const redferry_up_options *options,
                const redferry_outcome **out)
{
    struct session session;
    struct outcome outcome = {0};
    struct wish wish = {0};
    int result = handle_open_briefly(ferry, &session);
    if (result == 0) result = request_up(ferry, &session, options, &wish);
    if (result == 0) result = carry_out(ferry, &session, &wish, &outcome);
    return end(ferry, &session, result, &outcome, out);
}

int redferry_run(redferry *ferry, const redferry_run_options *options,
                 const redferry_outcome **out)
{
    struct session session;
    struct outcome outcome = {0};
    struct wish wish = {0};
    int result = handle_open(ferry, &session, HANDLE_WORK);
    if (result == 0) result = request_run(ferry, &session, options, &wish);
    if (result == 0) result = carry_out(ferry, &session, &wish, &outcome);
    return end(ferry, &session, result, &outcome, out);
}

int redferry_down(redferry *ferry, const redferry_down_options *options,
                  const redferry_outcome **out)
{
    struct session session;
    struct outcome outcome = {0};
    struct wish wish = {0};
    int result = handle_open(ferry, &session, HANDLE_WORK);
    if (result == 0) result = request_down(ferry, &session, options, &wish);
    if (result == 0) result = carry_out(ferry, &session, &wish, &outcome);
    return end(ferry, &session, result, &outcome, out);
}

int redferry_redo(redferry *ferry, const redferry_outcome **out)
{
    struct session session;
    struct outcome outcome = {0};
    int result = handle_open(ferry, &session, HANDLE_WORK);
    if (result == 0) result = runner_redo(&session, &outcome, &ferry->error);
    return end(ferry, &session, result, &outcome, out);
}

/* ---- telling the ledger --------------------------------------------------------------- */

/* Every version with a file up to highest that is not applied. */
static int resolve_up_to(struct redferry *ferry, const struct session *session, int64_t highest,
                         int64_t **versions, size_t *count)
{
    const struct agenda *agenda = &session->agenda;
    *count = 0;
    *versions = arena_array(&ferry->results, agenda->count + 1, sizeof **versions);
    if (*versions == NULL) return error_memory(&ferry->error);
    for (size_t i = 0; i < agenda->count; i++) {
        const struct agenda_item *item = &agenda->items[i];
        if (item->version > highest || item->migration == NULL || item->entry != NULL) continue;
        (*versions)[(*count)++] = item->version;
    }
    return 0;
}

static int remark(struct redferry *ferry, enum remark remark, const char *const *texts,
                  size_t count, bool up_to, const redferry_outcome **out)
{
    struct session session;
    struct outcome outcome = {0};
    int64_t *versions = NULL;
    int result = handle_open(ferry, &session, HANDLE_WORK);
    if (result == 0 && (count == 0 || (up_to && count != 1)))
        result = error_set(&ferry->error, ERROR_INVALID,
                           up_to ? "--to takes one VERSION" : "a VERSION is missing");
    if (result == 0)
        result = request_versions(ferry, &session, up_to ? "--to" : "VERSION", texts, count,
                                  &versions);
    if (result == 0 && up_to)
        result = resolve_up_to(ferry, &session, versions[0], &versions, &count);
    if (result == 0)
        result = remark_make(&session, remark, versions, count, &outcome, &ferry->error);
    return end(ferry, &session, result, &outcome, out);
}

int redferry_mark(redferry *ferry, const char *const *versions, size_t count, bool up_to,
                  const redferry_outcome **outcome)
{
    return remark(ferry, REMARK_MARK, versions, count, up_to, outcome);
}

int redferry_unmark(redferry *ferry, const char *const *versions, size_t count,
                    const redferry_outcome **outcome)
{
    return remark(ferry, REMARK_UNMARK, versions, count, false, outcome);
}

int redferry_repair(redferry *ferry, const char *version, const redferry_outcome **outcome)
{
    return remark(ferry, REMARK_REPAIR, &version, version != NULL, false, outcome);
}
