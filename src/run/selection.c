/*
 * Selection: which migrations a command is about, and in what order. Pure going over the
 * agenda; nothing is asked of a server and nothing is done. What stands in the way of a run (a
 * cancelled or a half undone migration) is part of the answer, so that those before it still
 * run.
 */
#include "selection.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "config.h"
#include "migration.h"
#include "migration_file.h"
#include "number.h"
#include "session.h"

/* ---- a VERSION argument --------------------------------------------------------------- */

/* Cut "dir/1_name.yaml" down to "1_name". */
static size_t stem_of(const char **text)
{
    static const char *const extensions[] = {".yaml", ".yml"};
    const char *slash = strrchr(*text, '/');
    if (slash != NULL) *text = slash + 1;
    size_t length = strlen(*text);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        const size_t tail = strlen(extensions[i]);
        if (length > tail && strcmp(*text + length - tail, extensions[i]) == 0)
            return length - tail;
    }
    return length;
}

int selection_resolve(const struct session *session, const char *what, const char *text,
                      int64_t *version, struct error *err)
{
    const char *stem = text;
    const size_t length = stem_of(&stem);
    const size_t digits = strspn(stem, "0123456789");
    const char *name = digits < length ? stem + digits + 1 : NULL;
    if (digits == 0 || (name != NULL && stem[digits] != '_') ||
        number_parse(stem, digits, 1, INT64_MAX, version) != 0)
        return error_set(err, ERROR_INVALID,
                         "%s: '%s' is not a version: give its number, number_name, or file",
                         what, text);
    const struct agenda_item *item = agenda_find(&session->agenda, *version);
    if (item == NULL)
        return error_set(err, ERROR_INVALID,
                         "%s: there is no migration %" PRId64 " (`redferry status` lists them)",
                         what, *version);
    const size_t name_length = name != NULL ? length - digits - 1 : 0;
    if (name != NULL &&
        (strlen(item->name) != name_length || memcmp(item->name, name, name_length) != 0))
        return error_set(err, ERROR_INVALID,
                         "%s: migration %" PRId64 " is called '%s', not '%.*s'", what, *version,
                         item->name, (int)name_length, name);
    return 0;
}

/* ---- what stands in the way ----------------------------------------------------------- */

bool selection_is_stale(const struct session *session, const struct agenda_item *item)
{
    char oldest[CLOCK_TEXT_SIZE];
    if (!item->pending || !item->stopped || item->run->stopped_at == NULL) return false;
    clock_text(clock_wall_ms() - session->config->resume_within_ms, oldest);
    return strcmp(item->run->stopped_at, oldest) < 0;
}

bool selection_stops_up(const struct session *session, const struct agenda_item *item)
{
    if (item->migration != NULL && item->migration->manual) return false;
    return item->state == STATE_CANCELLED || item->state == STATE_HALF_UNDONE ||
           selection_is_stale(session, item);
}

static void block(struct selection *selection, const struct agenda_item *item)
{
    char remedy[MIGRATION_REMEDY_SIZE];
    selection->blocked_by = item->version;
    if (item->state == STATE_CANCELLED)
        error_set(&selection->blocked, ERROR_OPERATOR, "%" PRId64 "_%s was cancelled: %s",
                  item->version, item->name,
                  migration_cancelled_remedy(item->version, item->migration,
                                             item->migration != NULL, remedy));
    else if (item->state == STATE_HALF_UNDONE)
        error_set(&selection->blocked, ERROR_OPERATOR,
                  "%" PRId64 "_%s is half undone: `redferry down --only %" PRId64 "` goes on",
                  item->version, item->name, item->version);
    else
        error_set(&selection->blocked, ERROR_OPERATOR,
                  "%" PRId64
                  "_%s stopped at %s, longer ago than --resume-within: Redis may hold "
                  "newer values by now; `redferry run %" PRId64 "` goes on all the same",
                  item->version, item->name, item->run->stopped_at, item->version);
}

/* ---- up, run -------------------------------------------------------------------------- */

static void add(struct selection *selection, int64_t version, bool down, bool again)
{
    selection->items[selection->count++] =
        (struct choice){.version = version, .down = down, .again = again};
}

/* Another runner is at it now: what it leaves undone is ours, so it is waited for. */
static bool is_under_way(const struct agenda_item *item)
{
    return (item->state == STATE_RUNNING || item->state == STATE_PAUSED) &&
           item->migration != NULL;
}

static void select_up(struct selection *selection, const struct session *session,
                      const struct wish *wish)
{
    const struct agenda *agenda = &session->agenda;
    for (size_t i = 0; i < agenda->count; i++) {
        const struct agenda_item *item = &agenda->items[i];
        if (wish->to != 0 && item->version > wish->to) break;
        if (item->migration != NULL && item->migration->manual) continue;
        if (selection_stops_up(session, item)) {
            block(selection, item);
            return;
        }
        if (!item->pending && !is_under_way(item)) continue;
        /* An entry beside an unfinished run: `run --again` was stopped, and goes on. */
        add(selection, item->version, false, item->entry != NULL);
    }
}

static int select_run(struct selection *selection, const struct session *session,
                      const struct wish *wish, struct error *err)
{
    const struct agenda *agenda = &session->agenda;
    for (size_t i = 0; wish->all && i < agenda->count; i++) {
        if (agenda->items[i].entry == NULL || agenda->items[i].migration == NULL) continue;
        add(selection, agenda->items[i].version, false, true);
        selection->items[selection->count - 1].afresh = true;
    }
    for (size_t i = 0; i < wish->version_count; i++) {
        const struct agenda_item *item = agenda_find(agenda, wish->versions[i]);
        if (item == NULL || item->migration == NULL)
            return error_set(err, ERROR_INVALID,
                             "migration %" PRId64
                             " has no file to run: put it back (`redferry status %" PRId64
                             "` shows it as it ran)",
                             wish->versions[i], wish->versions[i]);
        if (item->state == STATE_HALF_UNDONE) {
            block(selection, item);
            return 0;
        }
        const bool unfinished = item->run != NULL && item->stopped;
        if (item->entry != NULL && !wish->again && !unfinished) continue;
        add(selection, item->version, false, wish->again || item->entry != NULL);
        selection->items[selection->count - 1].afresh = wish->again;
    }
    return 0;
}

/* ---- down ----------------------------------------------------------------------------- */

/* Newest application first; what was applied at the same moment, the later run first. */
static int compare_applied(const void *left, const void *right)
{
    const struct entry *a = (*(const struct agenda_item *const *)left)->entry;
    const struct entry *b = (*(const struct agenda_item *const *)right)->entry;
    const int order = strcmp(b->applied_at, a->applied_at);
    if (order != 0) return order;
    if (a->run_id != b->run_id) return a->run_id < b->run_id ? 1 : -1;
    return a->version < b->version ? 1 : -1;
}

static int select_only(struct selection *selection, const struct session *session,
                       int64_t version, struct error *err)
{
    const struct agenda_item *item = agenda_find(&session->agenda, version);
    if (item == NULL ||
        (item->entry == NULL && !item->stopped && item->state != STATE_HALF_UNDONE))
        return error_set(err, ERROR_INVALID,
                         "migration %" PRId64 " is not applied: nothing to undo", version);
    add(selection, version, true, item->entry == NULL);
    return 0;
}

static int select_down(struct selection *selection, const struct session *session,
                       const struct wish *wish, struct arena *arena, struct error *err)
{
    const struct agenda *agenda = &session->agenda;
    size_t applied = 0;
    if (wish->only != 0) return select_only(selection, session, wish->only, err);
    const struct agenda_item **items = arena_array(arena, agenda->count + 1, sizeof *items);
    if (items == NULL) return error_memory(err);
    for (size_t i = 0; i < agenda->count; i++)
        if (agenda->items[i].entry != NULL) items[applied++] = &agenda->items[i];
    qsort(items, applied, sizeof *items, compare_applied);
    for (size_t i = 0; i < applied; i++) {
        if (wish->to != 0 ? items[i]->version <= wish->to : (int64_t)i >= wish->count) continue;
        add(selection, items[i]->version, true, false);
    }
    return 0;
}

int selection_make(struct selection *selection, const struct session *session,
                   const struct wish *wish, struct arena *arena, struct error *err)
{
    *selection = (struct selection){0};
    selection->items = arena_array(arena, session->agenda.count + wish->version_count + 1,
                                   sizeof *selection->items);
    if (selection->items == NULL) return error_memory(err);
    switch (wish->kind) {
    case WISH_UP:
        select_up(selection, session, wish);
        return 0;
    case WISH_RUN:
        return select_run(selection, session, wish, err);
    case WISH_DOWN:
        return select_down(selection, session, wish, arena, err);
    }
    return 0;
}
