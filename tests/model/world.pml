/* What happens to the runners, and to Redis, from outside; and who there is at all. */

inline save()
{
    d_step {
        is_saved = true;
        saved_there = there;
        saved_of_down = of_down;
        saved_fence = fence;
        saved_fence_run = fence_run;
        saved_origin = origin;
        saved_at = at;
        saved_seen = seen;
        saved_failed = failed;
        saved_carried = carried
    }
}

inline restart()
{
    d_step {
        there = saved_there;
        of_down = saved_of_down;
        fence = saved_fence;
        fence_run = saved_fence_run;
        origin = saved_origin;
        at = saved_at;
        seen = saved_seen;
        failed = saved_failed;
        carried = saved_carried;
        is_saved = false;
        saved_there = false;
        saved_of_down = false;
        saved_fence = 0;
        saved_fence_run = 0;
        saved_origin = 0;
        saved_at = 0;
        saved_seen = 0;
        saved_failed = 0;
        saved_carried = 0;
        for (i : 0 .. RUNNERS - 1) {
            watch[i] = RESET
        }
        for (i : 0 .. LOST - 1) {
            lost[i].tx = NO_TX;
            lost[i].fence = 0;
            lost[i].of_run = 0;
            lost[i].place = 0;
            lost[i].arg = 0;
            lost[i].watch = UNWATCHED
        }
        i = 0
    }
}

inline evict()
{
    d_step {
        there = false;
        fence = 0;
        fence_run = 0;
        origin = 0;
        of_down = false;
        at = 0;
        seen = 0;
        failed = NOTHING_OWED
    };
    touch(NOBODY)
}

/* Bytes of a connection that was given up arrive. */
inline arrive(k)
{
    if
    :: lost[k].watch == UNWATCHED -> lost[k].watch = CLEAN
    :: else ->
        lost[k].watch = UNWATCHED; /* not voided by its own writing */
        execute(lost[k].tx, lost[k].fence, lost[k].of_run, lost[k].place, lost[k].arg);
        if
        :: lost[k].tx == CARRY -> REACHED(LATE_EXEC_RAN)
        :: else
        fi;
        d_step {
            lost[k].tx = NO_TX;
            lost[k].fence = 0;
            lost[k].of_run = 0;
            lost[k].place = 0;
            lost[k].arg = 0
        };
        touch(NOBODY)
    fi
}

active proctype world()
{
    byte k;
    atomic {
        c_code { configure(); };
        is_stuck = has_stuck_key;
        k = 0;
        do
        :: k < ups + downs -> run runner(k); k++
        :: else -> break
        od;
        k = 0
    };
end:
    do
    :: atomic { lock != NOBODY && lost_locks > 0 -> lost_locks--; lock = NOBODY }
    :: atomic { is_stuck -> is_stuck = false } /* somebody removes the key of another type */
    :: atomic { there && evictions > 0 && (!is_applied || downs > 0) -> evictions--; evict() }
    :: atomic { restarts > 0 && !is_saved -> save() }
    :: atomic {
        /* Redis losing data behind the last EXEC is excluded: no protocol helps. */
        restarts > 0 && is_saved && !is_applied && carried != EVERYTHING ->
            restarts--;
            restart()
    }
    :: atomic { lost[0].tx != NO_TX -> arrive(0) }
    :: atomic { lost[1].tx != NO_TX -> arrive(1) }
    :: atomic { lost[2].tx != NO_TX -> arrive(2) }
    :: atomic { lost[3].tx != NO_TX -> arrive(3) }
    od
}
