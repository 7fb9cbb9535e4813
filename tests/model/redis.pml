/*
 * Redis, and the bytes that are on their way to it.
 *
 * A live connection's answer reaches its runner at once: one that reads late is like one whose
 * requests arrive late. So nothing is queued here but the EXEC of connections that were given up,
 * which may still arrive, at any time or never.
 */

/* The checkpoint. */
bool there;
byte fence;     /* FENCE(process, connection); the random number between is the process */
byte fence_run;
byte origin;
bool of_down;
byte at;        /* step and cursor: a place of the migration */
byte seen;      /* cursor that was seen clean: a place, `at` or one before it */
byte failed;    /* commands to send again */
#define NOTHING_OWED 0
#define OWED         1
#define OWED_UNREAD  2 /* they were sent again, and the answers were not read */
#define FENCE(process, connection) ((process << 3) | connection)

/* The data: the batches that had their effect, as sets of places. */
byte carried;
byte undid;
bool published;
bool is_stuck; /* the key of another type is there */
#define HAS(set, place) ((set >> (place)) & 1)

/* Undone, and applied again: a new story, whose first run this is. */
byte first_run;
inline begin_anew()
{
    carried = 0;
    undid = 0;
    published = false;
    first_run = runs + 1
}

/* What came to the disk last, for a restart. */
bool is_saved;
bool saved_there, saved_of_down;
byte saved_fence, saved_fence_run, saved_origin, saved_at, saved_seen, saved_failed;
byte saved_carried;

/* A connection's WATCH. */
#define UNWATCHED 0
#define CLEAN     1
#define DIRTY     2
#define RESET     3 /* Redis was restarted: the connection is lost, and all that it was sent */
byte watch[RUNNERS];

/* Transactions: what they hold beside the frame. */
#define NO_TX   0
#define TAKE    1 /* HSET fence, or a fresh checkpoint */
#define CARRY   2 /* a batch's rows, and the move of the checkpoint behind them */
#define END     3 /* the step's end */
#define KEEP    4 /* the commands that failed are kept */
#define BACK    5 /* the checkpoint goes back to what was clean */
#define AGAIN   6 /* the commands that failed, marked as sent again */
#define WRITE   7 /* what is still owed */
#define FINISH  8 /* the messages, and DEL */

/* An EXEC that a given-up connection may still deliver. */
typedef lost_bytes {
    byte tx;
    byte fence;
    byte of_run;
    byte place; /* where the checkpoint stands then */
    byte arg;   /* TAKE: afresh; CARRY: no rows; WRITE: something is owed */
    byte watch
};
lost_bytes lost[LOST];

hidden byte i; /* within one d_step only: what is hidden is not restored */
hidden byte has_failed; /* and read right behind it */

/* Somebody has written to the checkpoint: every WATCH of it but the own is void. */
inline touch(me)
{
    d_step {
        for (i : 0 .. RUNNERS - 1) {
            if
            :: i != me && watch[i] == CLEAN -> watch[i] = DIRTY
            :: else
            fi
        }
        for (i : 0 .. LOST - 1) {
            if
            :: has_watch && lost[i].tx != NO_TX && lost[i].watch == CLEAN -> forget(i)
            :: else
            fi
        }
        i = 0
    }
}

inline forget(k)
{
    if
    :: lost[k].tx == CARRY || lost[k].tx == TAKE -> REACHED(LATE_EXEC_VOID)
    :: else
    fi;
    lost[k].tx = NO_TX;
    lost[k].fence = 0;
    lost[k].of_run = 0;
    lost[k].place = 0;
    lost[k].arg = 0;
    lost[k].watch = UNWATCHED
}

/* A connection is given up with an EXEC on its way. */
inline give_up(what, name, run_, place_, arg_, watch_)
{
    d_step {
        if
        :: what != NO_TX && !(has_watch && watch_ == DIRTY) && watch_ != RESET ->
            i = 0;
            do
            :: i < LOST && lost[i].tx != NO_TX -> i++
            :: else -> break
            od;
            assert(i < LOST);
            lost[i].tx = what;
            lost[i].fence = name;
            lost[i].of_run = run_;
            lost[i].place = place_;
            lost[i].arg = arg_;
            lost[i].watch = watch_;
            i = 0
        :: else
        fi
    }
}

/* A batch has its effect: twice is once where its commands are idempotent, and wrong where not. */
inline carry(is_down, run_, place_)
{
    assert(run_ >= first_run); /* of an application that was undone since */
    if
    :: is_down ->
        assert(idempotent_at[place_] || !HAS(undid, place_));
        undid = undid | (1 << place_)
    :: else ->
        assert(undid == 0); /* what is being undone is not carried any more */
        assert(idempotent_at[place_] || !HAS(carried, place_));
        carried = carried | (1 << place_);
        if
        :: has_stuck_key && place_ == STUCK_PLACE && is_stuck -> has_failed = true
        :: has_stuck_key && place_ == STUCK_PLACE && !is_stuck -> carry_stuck_row(place_)
        :: else
        fi
    fi
}

inline carry_stuck_row(place_)
{
    assert(idempotent_at[place_] || !HAS(carried, STUCK_ROW));
    carried = carried | (1 << STUCK_ROW)
}

/* EXEC, which is not void. has_failed: an element of its array is an error. */
inline execute(what, name, run_, place_, arg_)
{
    d_step {
        has_failed = false;
        if
        :: what == TAKE -> /* compose() in fence.c; @checkpoint_append_fresh */
            there = true;
            fence = name;
            fence_run = run_;
            if
            :: arg_ ->
                origin = run_;
                of_down = IS_DOWN(name >> 3);
                at = 0;
                seen = 0;
                failed = NOTHING_OWED
            :: else
            fi
        :: what == CARRY -> /* @checkpoint_append_move */
            if
            :: arg_ == 0 -> carry(IS_DOWN(name >> 3), run_, place_ - 1)
            :: else
            fi;
            seen = place_ - 1;
            at = place_
        :: what == END -> /* @checkpoint_append_mark */
            at = place_;
            seen = place_
        :: what == KEEP -> /* @checkpoint_append_failed */
            at = place_;
            seen = place_;
            failed = OWED
        :: what == BACK ->
            at = place_;
            seen = place_
        :: what == AGAIN ->
            if
            :: is_stuck -> has_failed = true
            :: else -> carry_stuck_row(STUCK_PLACE)
            fi;
            failed = OWED_UNREAD
        :: what == WRITE ->
            failed = (arg_ -> OWED : NOTHING_OWED);
            seen = at
        :: what == FINISH ->
            if
            :: !IS_DOWN(name >> 3) -> published = true
            :: else
            fi;
            there = false;
            fence = 0;
            fence_run = 0;
            origin = 0;
            of_down = false;
            at = 0;
            seen = 0;
            failed = NOTHING_OWED
        fi
    }
}
