/*
 * A migration as data: who owns its memory, how a list of them is searched, and what can be
 * promised of each step.
 *
 * The guarantee is worked out from the step alone, before anything is connected to. How a
 * definition is read is migration_file's; whether a refused step may run all the same
 * (--allow-repeats) is for whoever runs it.
 */
#include "migration.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command_facts.h"
#include "row.h"

void migration_free(struct migration *migration)
{
    if (migration == NULL) return;
    arena_release(&migration->arena);
    free(migration);
}

void migrations_release(struct migrations *list)
{
    for (size_t i = 0; i < list->count; i++) migration_free(list->items[i]);
    free(list->items);
    *list = (struct migrations){0};
}

struct migration *migrations_find(const struct migrations *list, int64_t version)
{
    size_t low = 0, high = list->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->items[middle]->version == version) return list->items[middle];
        if (list->items[middle]->version < version)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The first command of step that must not be sent twice, or NULL. */
static const struct command *find_culprit(const struct step *step)
{
    for (size_t i = 0; i < step->command_count; i++)
        if (!command_is_idempotent(&step->commands[i])) return &step->commands[i];
    return NULL;
}

enum guarantee step_guarantee(const struct step *step, const struct command **culprit)
{
    const struct command *found = NULL;

    if (step->read == NULL || step->key_count > 0) return GUARANTEE_EXACTLY_ONCE;
    found = find_culprit(step);
    if (found == NULL) return GUARANTEE_AT_LEAST_ONCE;
    if (culprit != NULL) *culprit = found;
    return GUARANTEE_REFUSED;
}

const char *guarantee_text(enum guarantee guarantee)
{
    static const char *const texts[] = {
        [GUARANTEE_EXACTLY_ONCE] = "exactly once",
        [GUARANTEE_AT_LEAST_ONCE] = "at least once",
        [GUARANTEE_REFUSED] = "refused",
    };
    return texts[guarantee];
}

bool step_is_idempotent(const struct step *step)
{
    return step->sql == NULL && find_culprit(step) == NULL;
}

const char *migration_undoing_caveat(const struct migration *migration)
{
    for (size_t i = 0; migration != NULL && i < migration->down.count; i++)
        if (find_culprit(&migration->down.items[i]) != NULL)
            return " (also what was never delivered, and its `down` is not idempotent: right "
                   "only once it is complete)";
    return "";
}

const char *migration_cancelled_remedy(int64_t version, const struct migration *definition,
                                       bool has_file, char text[MIGRATION_REMEDY_SIZE])
{
    const int length =
        snprintf(text, MIGRATION_REMEDY_SIZE, "%s`redferry run %" PRId64 "` goes on with it",
                 has_file ? "" : "it has no file: put it back, and ", version);
    if (definition != NULL && definition->has_down)
        (void)snprintf(text + length, MIGRATION_REMEDY_SIZE - (size_t)length,
                       ",%s `redferry down --only %" PRId64 "` undoes it%s",
                       has_file ? "" : " or", version, migration_undoing_caveat(definition));
    return text;
}

/* Whether two texts are the same; NULL is only the same as NULL. */
static bool is_same_text(const char *one, const char *other)
{
    if (one == NULL || other == NULL) return one == other;
    return strcmp(one, other) == 0;
}

bool step_is_same(const struct step *one, const struct step *other)
{
    if (!is_same_text(one->read, other->read) || !is_same_text(one->from, other->from) ||
        !is_same_text(one->sql, other->sql) || one->key_count != other->key_count ||
        one->command_count != other->command_count || one->write_count != other->write_count)
        return false;
    for (size_t i = 0; i < one->key_count; i++)
        if (strcmp(one->key[i], other->key[i]) != 0) return false;
    for (size_t i = 0; i < one->command_count; i++)
        if (strcmp(one->commands[i].text, other->commands[i].text) != 0) return false;
    return true;
}

const struct columns *migration_announcement_columns(void)
{
    static const struct column items[] = {
        {.name = "version", .kind = VALUE_INTEGER, .type = "", .plain = true},
        {.name = "name", .kind = VALUE_TEXT, .type = "", .plain = true},
        {.name = "rows", .kind = VALUE_INTEGER, .type = "", .plain = true},
    };
    static const struct columns columns = {items, sizeof items / sizeof *items};

    return &columns;
}
