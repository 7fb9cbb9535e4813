/*
 * What a command did, list by list, for whoever called the library: it outlives the run, the
 * agenda and the files, and so has texts of its own.
 */
#include "outcome.h"

#include <string.h>

#include "arena.h"
#include "error.h"
#include "session.h"

int outcome_add(struct outcome *outcome, struct session *session, const struct done *done,
                struct error *err)
{
    struct done *grown = outcome->done;
    if (outcome->done_count == outcome->room) {
        const size_t room = outcome->room == 0 ? 8 : outcome->room * 2;
        grown = arena_array(session->results, room, sizeof *grown);
        if (grown == NULL) return error_memory(err);
        if (outcome->done_count > 0)
            memcpy(grown, outcome->done, outcome->done_count * sizeof *grown);
        outcome->done = grown;
        outcome->room = room;
    }
    grown[outcome->done_count] = *done;
    grown[outcome->done_count].name = arena_text(session->results, done->name);
    outcome->done_count++;
    return 0;
}
