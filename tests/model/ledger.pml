/*
 * The ledger: what the statements in sql/ say of one version. Each transaction is one transition;
 * one that was sent by a runner that is dead by then is like one that it lived to see.
 */

#define NOBODY 255
#define RUNS   (RUNNERS + 1) /* a process begins one run at most; they count from 1 */

byte lock = NOBODY;

/* data_migrations */
bool is_applied;
bool is_announced;
byte applied_run;

/* data_migration_runs. At most one says running. */
byte runs;
byte running;
byte row_origin[RUNS];
byte row_step[RUNS];  /* of the runs of the unfinished chain; else forgotten */
bool row_sql[RUNS];
byte chain_from;      /* the first run since one succeeded or went the other way */
bool chain_down;

/* What is only known to us. */
bool sql_ran;
bool is_undone; /* a `down` has succeeded */

#define IS_STOPPED       (chain_from != 0)

/* is_wanted() in ledger_run.c */
#define IS_WANTED(process) \
    (IS_DOWN(process) -> is_applied || IS_STOPPED \
                       : !is_applied && !is_undone && !(IS_STOPPED && chain_down))

/* @ledger_begin: where it is not one transaction, only its second half. */
inline begin_run()
{
    d_step {
        runs++;
        own_run = runs;
        running = own_run; /* @ledger_write_end_others */
        if
        :: chain_from == 0 || chain_down != IS_DOWN(me) ->
            forget_chain();
            chain_from = own_run;
            chain_down = IS_DOWN(me)
        :: else
        fi
    }
}

/* No run before this one is asked about again. */
inline forget_chain()
{
    for (i : 0 .. RUNS - 1) {
        row_origin[i] = 0;
        row_step[i] = 0;
        row_sql[i] = false
    }
    i = 0;
    chain_from = 0;
    chain_down = false
}

/* @resume_study: what the runs say of the unfinished chain. */
inline study()
{
    d_step {
        chain.origins = 0;
        chain.unused = 0;
        chain.step = 0;
        chain.sql = false;
        i = runs;
        do
        :: chain_from != 0 && i >= chain_from ->
            if
            :: row_origin[i] == 0 -> chain.unused = chain.unused | (1 << i)
            :: else ->
                chain.origins = chain.origins | (1 << row_origin[i]);
                chain.step = (row_step[i] > chain.step -> row_step[i] : chain.step);
                chain.sql = chain.sql || row_sql[i]
            fi;
            if
            :: row_origin[i] == i -> break
            :: else -> i--
            fi
        :: else -> break
        od;
        i = 0
    }
}
