/*
 * How fast it went before: what a plan reckons its times with.
 *
 * A run is taken as a whole, from its beginning to its last word, with all the waiting that was
 * in it: that is what the next one will be like, too. Only what an operator asked of it the
 * next one need not be asked: how long such a run was paused the ledger does not say, so it is
 * left out. What other servers, other hours, or a wider row would make of it nobody can know,
 * so the plan says which runs it went by.
 */
#include "plan_rate.h"

#include <inttypes.h>

#include "agenda.h"
#include "arena.h"
#include "clock.h"

/* How long a run took, in seconds; false where it says nothing. One that was killed was ended
 * by another, perhaps days later: what counts is when it last spoke. */
static bool took(const struct run *run, double *seconds)
{
    int64_t begun = 0, ended = 0;
    if (run->tally.rows_read < PLAN_RATE_ROWS || run->requested_at != NULL ||
        run->started_at == NULL || run->updated_at == NULL ||
        clock_parse(run->started_at, &begun) != 0 ||
        clock_parse(run->updated_at, &ended) != 0 || ended <= begun)
        return false;
    *seconds = (double)(ended - begun) / 1000.0;
    return true;
}

static int say(struct plan_rate *out, struct arena *arena, int64_t counted, int64_t newest,
               bool own)
{
    out->text = counted == 1 ? arena_format(arena, "run %" PRId64 " of %s", newest,
                                            own ? "this migration" : "another migration")
                             : arena_format(arena, "the last %" PRId64 " runs of %s", counted,
                                            own ? "this migration" : "other migrations");
    return out->text != NULL ? 0 : -1;
}

/* Reckon with the runs that are, or are not, of the one that is wanted. Returns 1; 0 where
 * there are none; or -1. */
static int reckon(struct plan_rate *out, const struct run *runs, size_t count,
                  struct plan_rate_of wanted, bool own, struct arena *arena)
{
    double rows = 0, total = 0, seconds = 0;
    int64_t counted = 0, newest = 0;
    for (size_t i = 0; i < count && counted < PLAN_RATE_RUNS; i++) {
        const bool same = runs[i].version == wanted.version && runs[i].down == wanted.down;
        if (same != own || !took(&runs[i], &seconds)) continue;
        rows += (double)runs[i].tally.rows_read;
        total += seconds;
        if (counted++ == 0) newest = runs[i].id;
    }
    if (counted == 0) return 0;
    out->rows_per_second = rows / total;
    return say(out, arena, counted, newest, own) == 0 ? 1 : -1;
}

int plan_rate_find(struct plan_rate *out, const struct run *runs, size_t count,
                   struct plan_rate_of wanted, struct arena *arena)
{
    *out = (struct plan_rate){0};
    int found = reckon(out, runs, count, wanted, true, arena);
    if (found == 0) found = reckon(out, runs, count, wanted, false, arena);
    return found < 0 ? -1 : 0;
}
