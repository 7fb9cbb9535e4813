/*
 * What a command did, list by list, for whoever called the library: it outlives the run, the
 * agenda and the files, and so has texts of its own.
 */
#include "outcome.h"

#include <string.h>

#include "arena.h"
#include "error.h"
#include "session.h"

int outcome_add(struct done_list *list, struct session *session, const struct done *done,
                struct error *err)
{
    struct done *grown = list->items;
    if (list->count == list->room) {
        const size_t room = list->room == 0 ? 8 : list->room * 2;
        grown = arena_array(session->results, room, sizeof *grown);
        if (grown == NULL) return error_memory(err);
        if (list->count > 0) memcpy(grown, list->items, list->count * sizeof *grown);
        list->items = grown;
        list->room = room;
    }
    grown[list->count] = *done;
    grown[list->count].name = arena_text(session->results, done->name);
    list->count++;
    return 0;
}
