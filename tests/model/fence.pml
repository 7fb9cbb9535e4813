/* What is made of a checkpoint: by the fence, and by the run that it asks. */

#define MINE FENCE(me, connection)

/* @fence_see */
#define OWN     1
#define EARLIER 2
#define OTHER   3
#define GONE    4
#define SEEN_FENCE \
    (!there -> GONE : (fence == MINE -> OWN : ((fence >> 3) == me -> EARLIER : OTHER)))

/* What a chain of runs says: study() fills it in. */
typedef resume {
    byte origins; /* a set */
    byte unused;  /* a set: runs that never recorded an origin */
    byte step;
    bool sql
};

/* @resume_decide: */
#define REFUSED 0
#define ON      1
#define AFRESH  2
#define OVER    3

/* is_ours() in resume.c */
#define IS_OURS \
    (there && (!has_chain || (of_down == IS_DOWN(me) && HAS(chain.origins, origin))))

/* was_never_used() in resume.c */
#define WAS_NEVER_USED (there && of_down == IS_DOWN(me) && HAS(chain.unused, origin))

/* may_repeat() in resume.c: all up to the step that was begun, none where none was */
hidden byte is_repeatable;
#define STEP_BEGUN (is_again && own_step > chain.step -> own_step : chain.step)
inline may_repeat()
{
    is_repeatable = true;
    for (i : 0 .. PLACES - 1) {
        if
        :: step_at[i] <= STEP_BEGUN && next_at[i] == SQL -> is_repeatable = false
        :: step_at[i] <= STEP_BEGUN && next_at[i] == BATCH && !idempotent_at[i] ->
            is_repeatable = false
        :: else
        fi
    }
    i = 0
}

inline decide()
{
    d_step {
        if
        :: has_take && there && (fence >> 3) != me && fence_run >= own_run ->
            way = REFUSED /* check_fence() in resume.c */
        :: else ->
            if
            :: IS_OURS ->
                way = ON;
                if
                :: has_behind && chain.sql && at < sql_place -> /* least_step() in resume.c */
                    way = REFUSED;
                    REACHED(BEHIND_REFUSED)
                :: !chain.sql && sql_place < PLACES && at > sql_place -> /* is_ahead_of_sql() */
                    way = (has_sqlpos && has_begun -> REFUSED : ON)
                :: else
                fi
            :: !IS_OURS && chain.origins == 0 && !is_again ->
                way = AFRESH;
                if
                :: there -> REACHED(LEFTOVER_REPLACED)
                :: else
                fi
            :: !IS_OURS && chain.origins != 0 && !is_again && WAS_NEVER_USED -> way = AFRESH
            :: else -> /* answer_loss() in resume.c */
                may_repeat();
                way = (is_repeatable -> OVER : REFUSED);
                if
                :: is_repeatable -> REACHED(LOSS_STARTED_OVER)
                :: else -> REACHED(LOSS_REFUSED)
                fi
            fi
        fi
    }
}

/* @announcement_send_late: what its decide() makes of a checkpoint. */
inline decide_late()
{
    d_step {
        if
        :: there && (fence >> 3) != me && fence_run > own_run -> way = REFUSED
        :: there && ((fence >> 3) == me || fence_run <= own_run) -> way = ON
        :: !there -> way = AFRESH
        fi
    }
}

/* The run's row says whose checkpoint it goes on with; and what it has been told of the chain is
 * true of itself as well. */
inline confirm_origin()
{
    d_step {
        if
        :: has_begun ->
            row_origin[own_run] = found_origin;
            chain.unused = chain.unused & ~(1 << own_run);
            if
            :: found_origin == own_run ->
                chain.origins = 1 << own_run;
                chain.unused = 0;
                chain.step = 0;
                chain.sql = has_done
            :: else -> chain.origins = chain.origins | (1 << found_origin)
            fi
        :: else
        fi;
        found_origin = 0
    }
}
