/*
 * One process, from taking its turn to its end.
 *
 * Between two labels is what one answer causes. Wherever a runner waits it can be killed, and
 * wherever it waits for Redis it can be cut off; both leave an EXEC behind that may still arrive.
 */

#define LAST_CONNECTION 7

#define LEAVE(what)                                                                            \
    give_up(what, MINE, own_run, target, arg, watch[me])

#define OR_KILLED(what)                                                                        \
    :: atomic { kills > 0 -> kills--; LEAVE(what); goto killed }

#define OR_CUT(what, then)                                                                     \
    :: atomic {                                                                                \
        cuts > 0 && watch[me] != RESET && connection < LAST_CONNECTION ->                      \
            cuts--;                                                                            \
            LEAVE(what);                                                                       \
            connection++;                                                                      \
            watch[me] = UNWATCHED;                                                             \
            goto then                                                                          \
    }                                                                                          \
    :: atomic {                                                                                \
        watch[me] == RESET && connection < LAST_CONNECTION ->                                  \
            connection++;                                                                      \
            watch[me] = UNWATCHED;                                                             \
            goto then                                                                          \
    }

#define IS_CONNECTED (watch[me] != RESET)

byte started; /* a set of processes: those that say the same are alike, so they start in order */

/* Put down all that is not asked for any more: fewer states. */
inline leave()
{
    d_step {
        if
        :: lock == me -> lock = NOBODY
        :: else
        fi;
        watch[me] = UNWATCHED;
        own_run = 0;
        connection = 0;
        known = 0;
        target = 0;
        tx = NO_TX;
        arg = 0;
        is_afresh = false;
        own_step = 0;
        has_done = false;
        found_origin = 0;
        found_at = 0;
        found_seen = 0;
        found_failed = 0;
        is_again = false;
        was_refused = false;
        is_failing = false;
        is_doubtful = false;
        accepts_gone = false;
        was_resumed = false;
        is_announcing = false;
        way = REFUSED;
        forget_study()
    }
}

inline forget_study()
{
    chain.origins = 0;
    chain.unused = 0;
    chain.step = 0;
    chain.sql = false
}

/* The run's row says that it ended: @ledger_stop. A runner that is killed does not come to it. */
inline stop()
{
    if
    :: running == own_run && !is_announcing -> running = 0
    :: else
    fi
}

proctype runner(byte me)
{
    byte own_run;        /* 0: none yet */
    byte connection; /* a number */
    byte known;      /* up to where all has run, and was clean */
    byte tx;         /* what is on its way, or is to be */
    byte target;     /* where the checkpoint stands once it ran */
    byte arg;
    bool is_afresh;  /* the checkpoint is to be a new one */
    byte own_step;   /* what the own row says, and whether its `sql` step is done */
    bool has_done;
    byte found_origin;
    byte found_at;   /* the checkpoint as the fence was taken */
    byte found_seen;
    byte found_failed;
    bool is_again;   /* the fence was taken before */
    bool is_failing; /* the run ends with what is on its way */
    bool is_doubtful;
    bool accepts_gone;
    bool was_resumed, was_refused; /* known for REACHED() only */
    bool is_announcing; /* what another has applied is finished off */
    byte way;
    resume chain;

end_turn: /* @turn_take, and the ledger is read under the lock */
    atomic {
        lock == NOBODY && (me == 0 || me == ups || HAS(started, me - 1)) ->
            lock = me;
            started = started | (1 << me)
    };

choose: /* @selection_make */
    if
    :: atomic {
        true ->
            if
            :: !IS_DOWN(me) && is_applied && !is_announced && has_announced ->
                /* finish_off() in runner.c */
                is_announcing = true;
                own_run = applied_run;
                goto connect
            :: IS_WANTED(me) -> goto ahead
            :: else ->
                /* That there is nothing to do is said only where all is done. */
                assert(IS_DOWN(me) || !is_applied || published);
                leave();
                goto end_
            fi
    }
    OR_KILLED(NO_TX)
    fi;
ahead: /* @fence_look_open */
    if
    :: atomic {
        true ->
            if
            :: IS_CONNECTED && !there -> watch[me] = CLEAN
            :: else
            fi;
            goto begin
    }
    OR_KILLED(NO_TX)
    fi;
begin:
    if
    :: atomic {
        true ->
            if
            :: has_begin_atomic && !IS_WANTED(me) -> watch[me] = UNWATCHED; goto choose
            :: else
            fi;
            begin_run();
            goto history
    }
    OR_KILLED(NO_TX)
    fi;

history: /* @recovery_init */
    if
    :: atomic {
        true ->
            if
            :: runs != own_run -> stop(); leave(); goto end_ /* another began meanwhile */
            :: else
            fi;
            study();
            goto connect
    }
    OR_KILLED(NO_TX)
    fi;

    /* ---- the fence: @fence_take, @fence_retake ---- */
connect:
    connection = 1;
look: /* look() and decide() in fence.c */
    if
    :: atomic {
        IS_CONNECTED ->
            if
            :: is_announcing -> watch[me] = CLEAN; decide_late()
            :: !is_announcing && watch[me] != UNWATCHED && chain.origins == 0 ->
                way = AFRESH /* look_again() in recovery.c: nothing was there, and it suffices */
            :: else -> watch[me] = CLEAN; decide()
            fi;
            if
            :: way == REFUSED ->
                /* Where Redis forgot nothing, only a run that was ended is refused. */
                assert(is_lossy || is_announcing || !is_courteous || running != own_run);
                stop();
                leave();
                goto end_
            :: way == OVER && has_over && running != own_run ->
                /* @recovery_open: what was begun since is not for it to judge */
                leave();
                goto end_
            :: way == ON ->
                is_afresh = false;
                found_at = at;
                found_seen = seen;
                found_failed = failed;
                found_origin = origin
            :: else ->
                is_afresh = true;
                found_origin = own_run;
                found_at = 0;
                found_seen = 0;
                found_failed = NOTHING_OWED
            fi;
            way = REFUSED;
            goto take
    }
    OR_KILLED(NO_TX)
    OR_CUT(NO_TX, look)
    fi;
take: /* try_to_take() in fence.c */
    if
    :: atomic {
        IS_CONNECTED && (watch[me] != DIRTY || !has_take || !has_watch) ->
            execute(TAKE, MINE, own_run, target, is_afresh);
            touch(me);
            watch[me] = UNWATCHED;
            goto confirm
    }
    :: atomic { watch[me] == DIRTY && has_take && has_watch -> watch[me] = UNWATCHED; goto look }
    :: atomic {
        IS_CONNECTED && refusals > 0 && connection < LAST_CONNECTION ->
            refusals--;
            connection++;
            watch[me] = UNWATCHED;
            goto look
    }
    :: atomic { kills > 0 -> kills--; give_up(TAKE, MINE, own_run, 0, is_afresh, watch[me]); goto killed }
    :: atomic {
        cuts > 0 && IS_CONNECTED && connection < LAST_CONNECTION ->
            cuts--;
            give_up(TAKE, MINE, own_run, 0, is_afresh, watch[me]);
            connection++;
            watch[me] = UNWATCHED;
            goto look
    }
    :: atomic {
        watch[me] == RESET && connection < LAST_CONNECTION ->
            connection++;
            watch[me] = UNWATCHED;
            goto look
    }
    fi;
confirm: /* @ledger_confirm; for what another applied @ledger_is_unannounced */
    if
    :: atomic {
        is_announcing ->
            if
            :: is_applied && !is_announced && applied_run == own_run -> tx = FINISH; goto body
            :: else -> leave(); goto end_
            fi
    }
    :: atomic {
        !is_announcing ->
            if
            :: has_sqlcheck && running != own_run -> stop(); leave(); goto end_
            :: else
            fi;
            confirm_origin();
            is_afresh = false;
            is_again = true;
            goto locate
    }
    OR_KILLED(NO_TX)
    fi;

    /* ---- where things stand: locate() in settle.c, @delivery_work, @resume_decide ---- */
locate:
    atomic {
        if
        :: !has_locate && tx != NO_TX -> goto body
        :: has_locate && tx == CARRY && found_at == known -> goto next
        :: has_locate && tx == CARRY && found_at == target ->
            if
            :: idempotent_at[target - 1] -> goto body
            :: else -> goto probe
            fi
        :: has_locate && tx == END && (found_at == known || found_at == target) -> goto body
        :: has_locate && tx == BACK && (found_at == target + 1 || found_at == target) -> goto body
        :: has_locate && (tx == KEEP || tx == WRITE) && found_at == target -> goto body
        :: tx == NO_TX || (has_locate && tx == AGAIN) -> known = found_at; goto weigh
        :: else ->
            /* @delivery_fail_behind, @sink_fenced_go_back */
            REACHED(WENT_BACK);
            is_failing = false;
            known = found_at;
            goto weigh
        fi
    };
weigh: /* @recovery_find_place, of @sink_fenced_checkpoint */
    atomic {
        was_resumed = was_resumed || (known > 0 && wanted == APPLIED_AFTER_RESUME);
        tx = NO_TX;
        arg = 0;
        if
        :: has_seen && found_seen != found_at && idempotent_at[found_at - 1] ->
            /* @sink_fenced_repeat */
            tx = BACK;
            known = found_at;
            target = found_seen;
            goto body
        :: has_seen && found_seen != found_at && !idempotent_at[found_at - 1] ->
            /* @sink_fenced_check_unread */
            target = found_at;
            goto probe
        :: !(has_seen && found_seen != found_at) && found_failed == OWED ->
            /* @sink_fenced_send_failed; send_marked() in owed.c */
            tx = AGAIN;
            target = found_at;
            goto body
        :: !(has_seen && found_seen != found_at) && found_failed == OWED_UNREAD ->
            target = found_at;
            goto probe
        :: else ->
            goto next
        fi
    };
probe: /* @probe_commands, @arrears_check, inspect() in owed.c */
    if
    :: atomic {
        IS_CONNECTED ->
            found_seen = found_at;
            arg = (has_stuck_key && !IS_DOWN(me) && target - 1 >= STUCK_PLACE &&
                   !HAS(carried, STUCK_ROW) && HAS(carried, STUCK_PLACE) -> 1 : 0);
            if
            :: arg == 1 -> REACHED(UNREAD_FOUND_MISSING)
            :: else
            fi;
            if
            :: tx == CARRY && arg == 1 -> arg = 0; is_failing = true; tx = KEEP; goto body
            :: tx == CARRY && arg == 0 -> known = target; goto next
            :: else -> tx = WRITE; goto body
            fi
    }
    OR_KILLED(NO_TX)
    OR_CUT(NO_TX, look)
    fi;

    /* ---- what comes next: @step_execute ---- */
next:
    atomic {
        tx = NO_TX;
        arg = 0;
        target = 0;
        found_at = 0;
        found_seen = 0;
        found_failed = 0;
        if
        :: next_at[known] == DONE -> goto finish
        :: next_at[known] == CLOSE -> /* @sink_fenced_end_step */
            tx = END;
            target = known + 1;
            goto body
        :: next_at[known] == SQL && !(has_sqlpos && chain.sql) -> goto sql
        :: next_at[known] == SQL && has_sqlpos && chain.sql -> REACHED(SQL_SKIPPED)
        :: else
        fi;
        if
        :: stops > 0 && !is_failing ->
            /* @attempt_check_stop; settle() in step.c: @sink_fenced_drop_unsent; settle() in
             * attempt.c: @sink_fenced_set_position */
            stops--;
            is_failing = true;
            tx = BACK;
            target = known;
            goto body
        :: has_begun && own_step != step_at[SHIFTED(known)] -> goto begin_step
        :: !(has_begun && own_step != step_at[SHIFTED(known)]) -> goto rows
        fi
    };
begin_step: /* @ledger_mirror */
    if
    :: atomic {
        true ->
            if
            :: has_sqlcheck && running != own_run -> stop(); leave(); goto end_
            :: else
            fi;
            own_step = step_at[SHIFTED(known)];
            row_step[own_run] = own_step;
            goto rows
    }
    OR_KILLED(NO_TX)
    fi;
sql: /* @ledger_run_sql */
    if
    :: atomic {
        true ->
            if
            :: running != own_run -> stop(); leave(); goto end_
            :: else
            fi;
            assert(!sql_ran);
            sql_ran = true;
            chain.sql = true;
            has_done = true;
            row_sql[own_run] = true;
            if
            :: has_sqlpos -> skip
            :: else -> known++ /* the checkpoint alone says that it is done */
            fi;
            goto next
    }
    OR_KILLED(NO_TX)
    fi;
rows: /* @sink_put, @sink_close_batch: what the step reads now */
    atomic {
        tx = CARRY;
        target = SHIFTED(known) + 1;
        /* The rows of the steps before it are those that the `sql` step takes away. */
        arg = (sql_ran && target <= sql_place -> 1 : 0);
        goto body
    };

    /* ---- a transaction: flight.c's batches, and @fence_execute ---- */
body: /* @flight_send, @fence_append_frame: WATCH, HGET, MULTI, what is to be done */
    if
    :: atomic {
        IS_CONNECTED ->
            watch[me] = CLEAN;
            if
            :: SEEN_FENCE == OWN || !has_hold -> goto exec
            :: tx == FINISH && SEEN_FENCE == EARLIER -> goto exec
            :: tx == FINISH && SEEN_FENCE == GONE && accepts_gone -> goto exec
            :: tx == FINISH && SEEN_FENCE == GONE && !accepts_gone && is_doubtful ->
                REACHED(FINISH_IN_DOUBT);
                goto announce
            :: tx == FINISH && SEEN_FENCE == GONE && !accepts_gone && !is_doubtful ->
                accepts_gone = true;
                watch[me] = UNWATCHED;
                goto body
            :: else -> watch[me] = UNWATCHED; goto changed
            fi
    }
    OR_KILLED((has_hold -> NO_TX : tx))
    OR_CUT((has_hold -> NO_TX : tx), cut)
    fi;
exec: /* @flight_execute */
    if
    :: atomic {
        IS_CONNECTED && (watch[me] != DIRTY || !has_watch) ->
            execute(tx, MINE, own_run, target, arg);
            touch(me);
            watch[me] = UNWATCHED;
            is_failing = is_failing || has_failed;
            goto answered
    }
    :: atomic { watch[me] == DIRTY && has_watch -> watch[me] = UNWATCHED; goto changed }
    :: atomic {
        /* An error instead of EXEC's array: @settle_all. */
        IS_CONNECTED && refusals > 0 && tx == CARRY ->
            refusals--;
            watch[me] = UNWATCHED;
            was_refused = (wanted == REFUSED_THEN_APPLIED);
            if
            :: !has_gate_exec && next_at[target] == BATCH ->
                /* The EXEC behind it has left already. */
                execute(CARRY, MINE, own_run, target + 1, arg);
                touch(me)
            :: else
            fi;
            goto body
    }
    :: atomic {
        /* The same of a transaction of our own: @delivery_mend. */
        IS_CONNECTED && refusals > 0 && tx != CARRY && connection < LAST_CONNECTION ->
            refusals--;
            connection++;
            watch[me] = UNWATCHED;
            goto cut
    }
    OR_KILLED(tx)
    OR_CUT(tx, cut_in_doubt)
    fi;
cut_in_doubt:
    is_doubtful = (tx == FINISH);
cut: /* @delivery_lose, @delivery_retake; settle_finish() in sink_fenced.c: @fence_reopen */
    if
    :: tx == FINISH -> goto body
    :: else -> goto look
    fi;
changed: /* @fence_lost */
    if
    :: atomic {
        IS_CONNECTED && connection < LAST_CONNECTION ->
            if
            :: SEEN_FENCE == GONE && tx != FINISH -> connection++; goto look
            :: SEEN_FENCE != OTHER && tx == FINISH -> goto body
            :: else ->
                REACHED(FENCED);
                /* Whoever is fenced was ended before, so that one is left who is not. */
                assert(is_lossy || is_announcing || !is_courteous || tx == FINISH || running != own_run);
                stop();
                leave();
                goto end_
            fi
    }
    OR_KILLED(NO_TX)
    OR_CUT(NO_TX, cut)
    fi;
answered: /* settle_answered() in settle.c */
    atomic {
        if
        :: tx == CARRY && !is_failing ->
            known = target; /* @flight_retire */
            goto next
        :: tx == CARRY && is_failing ->
            /* @arrears_settle: @flight_abandon, and then keep_failed() or set_back() */
            if
            :: idempotent_at[target - 1] -> tx = BACK; target--
            :: else -> tx = KEEP
            fi;
            goto body
        :: tx == END -> known = target; goto next
        :: tx == BACK && !is_failing -> known = target; tx = NO_TX; goto next
        :: (tx == BACK || tx == KEEP) && is_failing -> stop(); leave(); goto end_
        :: tx == AGAIN ->
            arg = is_failing;
            tx = WRITE;
            goto body
        :: tx == WRITE && is_failing -> stop(); leave(); goto end_
        :: tx == WRITE && !is_failing ->
            found_failed = (arg -> OWED : NOTHING_OWED);
            found_at = target;
            found_seen = target;
            if
            :: arg == 0 -> REACHED(FAILED_SENT_AGAIN)
            :: else
            fi;
            goto weigh
        :: tx == FINISH -> goto announce
        fi
    };
    /* ---- the end ---- */
finish: /* @ledger_finish */
    if
    :: atomic {
        true ->
            if
            :: has_final_cond && running != own_run -> stop(); leave(); goto end_
            :: else
            fi;
            assert(IS_DOWN(me) || (carried & EVERYTHING) == EVERYTHING);
            assert(IS_DOWN(me) || sql_place == PLACES || sql_ran);
            assert(IS_DOWN(me) || !is_undone); /* rolled back is not applied again */
            assert(!IS_DOWN(me) || undid == all);
            if
            :: has_redo && IS_DOWN(me) -> begin_anew()
            :: else
            fi;
            if
            :: was_resumed && !IS_DOWN(me) -> REACHED(APPLIED_AFTER_RESUME)
            :: else
            fi;
            if
            :: was_refused && !IS_DOWN(me) -> REACHED(REFUSED_THEN_APPLIED)
            :: else
            fi;
            if
            :: IS_DOWN(me) -> REACHED(UNDONE)
            :: else
            fi;
            is_applied = !IS_DOWN(me);
            is_undone = is_undone || (IS_DOWN(me) && !has_redo);
            is_announced = false;
            applied_run = (is_applied -> own_run : 0);
            running = 0;
            d_step { forget_chain() };
            tx = FINISH; /* @sink_fenced_finish */
            target = 0;
            goto body
    }
    OR_KILLED(NO_TX)
    fi;
announce: /* @ledger_announced */
    if
    :: atomic {
        true ->
            watch[me] = UNWATCHED;
            if
            :: !IS_DOWN(me) && is_applied && (applied_run == own_run || !has_announce_run) ->
                assert(published || !has_announce_run);
                is_announced = true;
                if
                :: is_announcing -> REACHED(FINISHED_OFF)
                :: else
                fi
            :: else
            fi;
            leave();
            goto end_
    }
    OR_KILLED(NO_TX)
    fi;

killed:
    atomic { leave() };
end_:
    skip
}
