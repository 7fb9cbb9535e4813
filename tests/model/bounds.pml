/*
 * What is tried: who takes part, what may go wrong how often, and what the migration consists of.
 * All of it is read from the environment, so that one compiled search serves every question.
 */

#define RUNNERS 4 /* at most, up and down together; they are numbered from 0 */
#define LOST    4 /* connections that were given up with an EXEC on its way, at once */
#define PLACES  7

c_decl {
\#include <stdlib.h>
static int setting(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : atoi(text);
}
}

hidden byte ups;   /* processes that say `up` */
hidden byte downs; /* processes that say `down` */
hidden byte has_redo;  /* what was undone may be applied again */
hidden byte has_stuck_key; /* a row's command meets a key of another type, until it is mended */
#define IS_DOWN(process) (process >= ups)

/* What may still go wrong. */
byte kills;
byte cuts;
byte lost_locks;
byte refusals;
byte evictions;
byte restarts;
byte stops; /* signals */
hidden byte is_lossy;     /* Redis may forget */
hidden byte is_courteous; /* that nobody gives up for nothing is asked for, too */

/* The safeguards. */
hidden byte has_begin_atomic; /* one transaction re-reads, ends other runs and begins the own */
hidden byte has_sqlcheck;     /* SQL confirms the run after the fence was taken, and where a step begins */
hidden byte has_gate_exec;    /* EXEC waits for the clean array of the EXEC before it */
hidden byte has_hold;         /* EXEC waits for what its own HGET shows */
hidden byte has_watch;        /* WATCH: EXEC is void where the checkpoint has changed */
hidden byte has_locate;       /* what was on its way is looked for in the checkpoint */
hidden byte has_take;         /* WATCH and refusal of a higher run where the fence is taken */
hidden byte has_over;         /* SQL is asked before it starts over what was lost */
hidden byte has_announce_run; /* announced_at is set for the run that was announced */
hidden byte has_final_cond;   /* the last SQL transaction demands that the run still runs */
hidden byte has_seen;         /* `seen`: an array that was never read is found out about */
hidden byte has_sqlpos;       /* `sql` steps are positioned by SQL */
hidden byte has_behind;       /* a checkpoint behind a recorded `sql` step is refused */
hidden byte has_chain;        /* the checkpoint says whose it is: origin, direction */
hidden byte has_begun;        /* origin and step are in SQL before the first EXEC */
hidden byte has_announced;    /* announced_at: what is not finished off is work */

/* Never true; so that a state is known to be reached. */
hidden byte wanted;
#define REACHED(what) assert(wanted != what)
#define APPLIED_AFTER_RESUME  1
#define LATE_EXEC_RAN         2
#define LATE_EXEC_VOID        3
#define REFUSED_THEN_APPLIED  4
#define FENCED                5
#define LOSS_REFUSED          6
#define LOSS_STARTED_OVER     7
#define WENT_BACK             8
#define FAILED_SENT_AGAIN     9
#define UNDONE                10
#define FINISHED_OFF          11
#define SQL_SKIPPED           12
#define UNREAD_FOUND_MISSING  13
#define LEFTOVER_REPLACED     14
#define BEHIND_REFUSED        15
#define FINISH_IN_DOUBT       16

/*
 * The migration: places where a checkpoint can stand, and what comes next there. An `sql` step
 * does not move the checkpoint, so the batch behind it starts from the place before it.
 */
#define BATCH 0
#define CLOSE 1 /* the step's batches are through */
#define SQL   2
#define DONE  3
hidden byte next_at[PLACES];
hidden byte step_at[PLACES];
hidden byte idempotent_at[PLACES]; /* the batch there */
hidden byte all;                   /* the batches, as a set of places */
hidden byte sql_place;             /* or PLACES */
#define STUCK_PLACE 1              /* the batch that has the row with the stuck key */
#define STUCK_ROW   7              /* that row, in the sets of what was carried */
#define EVERYTHING  (all | (has_stuck_key -> 1 << STUCK_ROW : 0))

#define SHIFTED(place) (next_at[place] == SQL -> place + 1 : place)

c_code {
struct place { int next, step, idempotent; };
static const struct place migrations[][PLACES] = {
    /* 0: a step of two batches */
    {{0, 1, 0}, {0, 1, 0}, {1, 1, 0}, {3, 2, 0}, {3, 2, 0}, {3, 2, 0}, {3, 2, 0}},
    /* 1: a step of three batches */
    {{0, 1, 0}, {0, 1, 0}, {0, 1, 0}, {1, 1, 0}, {3, 2, 0}, {3, 2, 0}, {3, 2, 0}},
    /* 2: Redis, sql, Redis */
    {{0, 1, 0}, {1, 1, 0}, {2, 2, 0}, {0, 3, 0}, {1, 3, 0}, {3, 4, 0}, {3, 4, 0}},
    /* 3: an idempotent step, and one that is not */
    {{0, 1, 1}, {1, 1, 1}, {0, 2, 0}, {1, 2, 0}, {3, 3, 0}, {3, 3, 0}, {3, 3, 0}},
    /* 4: a step of two batches, idempotent */
    {{0, 1, 1}, {0, 1, 1}, {1, 1, 1}, {3, 2, 0}, {3, 2, 0}, {3, 2, 0}, {3, 2, 0}},
};

static void configure(void)
{
    const struct place *places = migrations[setting("migration", 0)];
    sql_place = PLACES;
    all = 0;
    for (int i = 0; i < PLACES; i++) {
        next_at[i] = places[i].next;
        step_at[i] = places[i].step;
        idempotent_at[i] = places[i].idempotent;
        if (places[i].next == 0) all |= 1 << i;
        if (places[i].next == 2) sql_place = i;
    }
    ups = setting("ups", 2);
    downs = setting("downs", 0);
    has_stuck_key = setting("stuck", 0);
    now.kills = setting("kills", 0);
    now.cuts = setting("cuts", 0);
    now.lost_locks = setting("lost_locks", 0);
    now.refusals = setting("refusals", 0);
    now.evictions = setting("evictions", 0);
    now.restarts = setting("restarts", 0);
    now.stops = setting("stops", 0);
    has_redo = setting("redo", 0);
    has_over = setting("over", 1);
    has_announce_run = setting("announce_run", 1);
    is_courteous = setting("courteous", 1);
    is_lossy = now.evictions + now.restarts > 0;
    has_begin_atomic = setting("begin_atomic", 1);
    has_sqlcheck = setting("sqlcheck", 1);
    has_gate_exec = setting("gate_exec", 1);
    has_hold = setting("hold", 1);
    has_watch = setting("watch", 1);
    has_locate = setting("locate", 1);
    has_take = setting("take", 1);
    has_final_cond = setting("final_cond", 1);
    has_seen = setting("seen", 1);
    has_sqlpos = setting("sqlpos", 1);
    has_behind = setting("behind", 1);
    has_chain = setting("chain", 1);
    has_begun = setting("begun", 1);
    has_announced = setting("announced", 1);
    wanted = setting("wanted", 0);
}
};
