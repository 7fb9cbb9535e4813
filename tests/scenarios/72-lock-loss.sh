#!/usr/bin/env bash
# Goal: a run that loses its lock, its connections or its server, or is ended by another, stops before
# its next batch, writes nothing more, says what happened and what to type; and the next `up` goes on:
# every row is there exactly once although no command may be repeated. A server that only hangs is
# waited for, and nothing is written meanwhile.
#
# not under valgrind: it is about moments between two batches
# not with sanitizers: it is about moments between two batches
source "$(dirname "$0")/../support/scenario.sh"

readonly rows=6

# write_counting PAUSE: each row is counted, in a transaction of its own.
write_counting()
{
    write_migration 1_count.yaml <<YAML
up:
  - name: rows
    read: SELECT id FROM t
    key: id
    write:
      - INCRBY canary:\${id} 1
      - RPUSH list \${id}
    batch: 1
    pause: $1
  - write: INCR canary:last
down:
  - read: SELECT id FROM t
    key: id
    write: INCRBY undone:\${id} 1
    batch: 1
    pause: $1
YAML
}

# Begin `up`, or another command, and come back when its first row is written.
begin_counting()
{
    local i
    sql 'CREATE TABLE t (id integer PRIMARY KEY)'
    for ((i = 1; i <= rows; i++)); do echo "INSERT INTO t VALUES ($i);"; done | sql
    write_counting "$1"
    begin_up up
    wait_until 'the first row is written' exists canary:1
}

begin_up()
{
    "$REDFERRY_PROGRAM" "$@" >up.out 2>up.err &
    up=$!
}

exists() { [[ $(redis EXISTS "$1") == 1 ]]; }

end_up()
{
    code=0
    wait "$up" || code=$?
    cp up.out "$OUT"
    cp up.err "$ERR"
    scenario_last='up, which lost something'
}

state_of_redis()
{
    redis LRANGE list 0 -1 | xargs
    redis MGET $(seq -f canary:%g "$rows") canary:last | xargs -d '\n'
}

latest() { sql 'SELECT status FROM data_migration_runs ORDER BY id DESC LIMIT 1'; }

# It has ended with the code, and wrote no row after the first.
expect_stopped()
{
    local want=$1
    end_up
    ((code == want)) || fail "expected exit code $want, got $code"
    expect_equal "$(redis LRANGE list 0 -1 | xargs)" 1 'the rows that were written'
    expect_equal "$(redis KEYS 'canary:*')" canary:1 'the canaries that were written'
}

expect_all_right()
{
    write_counting 0
    expect_exit 0 redferry up --pause 0
    expect_stdout_contains 'applied 1 count'
    expect_equal "$(state_of_redis)" \
        "$(seq -s ' ' "$rows")"$'\n'"$(printf '1 %.0s' $(seq "$rows"))1" 'what is in Redis'
    expect_exit 0 redferry up
    expect_stdout_contains 'nothing to do'
    expect_equal "$(redis KEYS 'redferry:{*}:*')" '' 'the checkpoints'
}

# ---- PostgreSQL: backends ----------------------------------------------------------------------

# The three connections of a run, by what they were seen to do last.
lock_backend() { sql "SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory'"; }

ledger_backend()
{
    sql "SELECT pid FROM pg_stat_activity WHERE application_name = 'redferry'
         AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')
         ORDER BY backend_start LIMIT 1"
}

reader_backend()
{
    sql "SELECT pid FROM pg_stat_activity WHERE application_name = 'redferry'
         AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')
         ORDER BY backend_start DESC LIMIT 1"
}

terminate()
{
    expect_equal "$(sql "SELECT pg_terminate_backend($1, 10000)")" t 'whether the backend has ended'
}

lock_backend_ends()
{
    begin_counting 5s
    terminate "$(lock_backend)"
    expect_stopped 4
    expect_stderr_contains "1_count.yaml: step 'rows': the lock of this ledger was lost: "
    expect_stderr_contains 'terminating connection due to administrator command'
    expect_stderr_contains 'nothing more is written: `redferry up` goes on'
    expect_equal "$(latest)" interrupted 'the run'
    expect_all_right
}

# After it had written so many rows it was stopped and lost its lock: one that was under way may
# have come to its end, and none has begun.
expect_no_batch_behind()
{
    local now
    now=$(redis LLEN list)
    ((now == $1 || now == $1 + 1)) || fail "it went on writing: $1 rows, and then $now"
    ((now < rows)) || fail 'it wrote everything'
}

# Between two batches that follow each other closely: it is not asked for, it is seen.
lock_backend_ends_quickly()
{
    local written
    begin_counting 100ms
    kill -STOP "$up"
    terminate "$(lock_backend)"
    written=$(redis LLEN list)
    kill -CONT "$up"
    end_up
    expect_equal "$code" 4 'the exit code'
    expect_no_batch_behind "$written"
    expect_all_right
}

# Nothing depends on these: they are made anew.
ledger_backend_ends()
{
    begin_counting 300ms
    terminate "$(ledger_backend)"
    end_up
    expect_equal "$code" 0 'the exit code'
    expect_all_right_already
}

expect_all_right_already()
{
    expect_equal "$(state_of_redis)" \
        "$(seq -s ' ' "$rows")"$'\n'"$(printf '1 %.0s' $(seq "$rows"))1" 'what is in Redis'
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 1 'the runs'
}

reader_backend_rests()
{
    begin_counting 300ms
    terminate "$(reader_backend)"
    end_up
    expect_equal "$code" 0 'the exit code'
    expect_all_right_already
}

# In the middle of its one statement.
reader_backend_ends()
{
    begin_counting 0
    end_up
    expect_equal "$code" 0 'the exit code'
    expect_exit 0 redferry unmark 1
    redis FLUSHALL >/dev/null
    sed -i 's/FROM t$/FROM t WHERE id = 1 OR pg_sleep(0.5) IS NOT NULL/' data_migrations/1_count.yaml
    begin_up up
    wait_until 'the query runs' query_runs
    terminate "$(sql "SELECT pid FROM pg_stat_activity WHERE query LIKE 'BEGIN%COPY (%' AND state = 'active'")"
    end_up
    expect_equal "$code" 6 'the exit code'
    expect_stderr_contains "step 'rows': "
    expect_stderr_contains 'terminating connection due to administrator command'
    write_counting 0
    expect_all_right
}

query_runs()
{
    [[ $(sql "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'BEGIN%COPY (%' AND state = 'active'") == 1 ]]
}

# ---- PostgreSQL: the server --------------------------------------------------------------------

# stop_postgres SIGNAL: INT is a fast shutdown, QUIT an immediate one.
stop_postgres()
{
    kill -"$1" "$POSTGRES_PID"
    wait_until 'the server has ended' has_ended "$POSTGRES_PID"
}

has_ended() { ! process_runs "$1"; }

server_stops()
{
    begin_counting 5s
    sql CHECKPOINT
    stop_postgres "$1"
    expect_stopped 6
    expect_stderr_contains 'the lock of this ledger was lost: '
    expect_stderr_contains '`redferry up` goes on'
    expect_stderr_contains 'the ledger could not be told: '
    expect_exit 6 redferry up
    start_postgres_in "$POSTGRES_DIR"
    expect_equal "$(latest)" running 'the run'
    expect_all_right
}

# It is back before the run looks.
server_restarts()
{
    begin_counting 5s
    sql CHECKPOINT
    kill -STOP "$up"
    stop_postgres "$1"
    start_postgres_in "$POSTGRES_DIR"
    kill -CONT "$up"
    expect_stopped 4
    expect_stderr_contains 'the lock of this ledger was lost: '
    expect_equal "$(latest)" interrupted 'the run'
    expect_all_right
}

# Whoever waits for the lock outlives the restart.
waiter_outlives_a_restart()
{
    local waiter
    begin_counting 5s
    sql CHECKPOINT
    "$REDFERRY_PROGRAM" up --pause 0 --wait 30s >waiter.out 2>waiter.err &
    waiter=$!
    wait_until 'it waits' grep -q '^redferry: waiting for .*running 1_count' waiter.err
    stop_postgres INT
    expect_stopped 6
    wait_until 'it waits for the server' grep -q '^redferry: waiting for the database: ' waiter.err
    start_postgres_in "$POSTGRES_DIR"
    code=0
    wait "$waiter" || code=$?
    ((code == 0)) || fail "the waiting one ends with $code: $(<waiter.err)"
    expect_equal "$(state_of_redis)" \
        "$(seq -s ' ' "$rows")"$'\n'"$(printf '1 %.0s' $(seq "$rows"))1" 'what is in Redis'
}

# A backend that hangs, as behind a network that is gone, still holds the lock: the run waits for it,
# writes nothing, and goes on with it.
backend_hangs()
{
    local backend
    begin_counting 300ms
    backend=$("$1")
    kill -STOP "$backend"
    wait_until 'nothing is written any more' is_quiet
    kill -CONT "$backend"
    end_up
    expect_equal "$code" 0 'the exit code'
    expect_all_right_already
}

# For three times the pause between two batches, and before the last one.
is_quiet()
{
    local before
    before=$(redis LLEN list)
    ((before < rows)) || fail 'it did not wait for the backend'
    sleep 0.9
    [[ $(redis LLEN list) == "$before" ]]
}

# The same, and then it is gone for good.
backend_hangs_and_dies()
{
    local backend
    begin_counting 5s
    backend=$(lock_backend)
    kill -STOP "$backend"
    sql "SELECT pg_terminate_backend($backend)" >/dev/null
    kill -CONT "$backend"
    expect_stopped 4
    expect_stderr_contains 'the lock of this ledger was lost: '
    expect_all_right
}

# SIGTERM is answered while the lock's backend hangs.
stopped_while_it_hangs()
{
    local backend begun
    begin_counting 60s
    backend=$(lock_backend)
    kill -STOP "$backend"
    sleep 0.6 # by now it asks, or is about to
    begun=$EPOCHREALTIME
    kill -TERM "$up"
    expect_stopped 143
    ((${EPOCHREALTIME/./} - ${begun/./} < 5000000)) || fail 'it took five seconds or more'
    kill -CONT "$backend"
    expect_equal "$(latest)" interrupted 'the run'
    expect_all_right
}

# ---- SQLite ------------------------------------------------------------------------------------

lock_file_goes()
{
    begin_counting 5s
    rm test.db-redferry.lock
    expect_stopped 4
    expect_stderr_contains "the lock of this ledger was lost: '"
    expect_stderr_contains 'nothing more is written: `redferry up` goes on'
    expect_equal "$(latest)" interrupted 'the run'
    expect_all_right
}

lock_file_is_another()
{
    begin_counting 100ms
    kill -STOP "$up"
    local written
    cp test.db-redferry.lock new.lock
    mv new.lock test.db-redferry.lock
    written=$(redis LLEN list)
    kill -CONT "$up"
    end_up
    expect_equal "$code" 4 'the exit code'
    expect_no_batch_behind "$written"
    expect_all_right
}

# ---- both --------------------------------------------------------------------------------------

# Its row says that it has ended, as it would where another one began.
ended_by_another()
{
    begin_counting 5s
    sql "UPDATE data_migration_runs SET status = 'interrupted', error = 'ended by run 2 of bob'"
    expect_stopped 4
    expect_stderr_contains 'run 1 was ended by another while it ran (interrupted, ended by run 2 of bob)'
    expect_stderr_contains '`redferry history`'
    expect_all_right
}

# Another one really begins, since the lock is free: the first finds the fence taken, too.
another_takes_over()
{
    begin_counting 5s
    kill -STOP "$up"
    free_the_lock
    expect_exit 0 redferry up --pause 0
    expect_all_right_but_two_runs
    kill -CONT "$up"
    end_up
    expect_equal "$code" 4 'the exit code'
    expect_all_right_but_two_runs
}

free_the_lock()
{
    if [[ $DIALECT == sqlite ]]; then
        rm test.db-redferry.lock
    else
        terminate "$(lock_backend)"
    fi
}

expect_all_right_but_two_runs()
{
    expect_equal "$(state_of_redis)" \
        "$(seq -s ' ' "$rows")"$'\n'"$(printf '1 %.0s' $(seq "$rows"))1" 'what is in Redis'
    expect_equal "$(sql 'SELECT status FROM data_migration_runs ORDER BY id' | xargs)" \
        'interrupted succeeded' 'the runs'
}

# An undoing that loses its lock is gone on with by name.
undoing_stops()
{
    begin_counting 0
    end_up
    expect_equal "$code" 0 'the exit code'
    write_counting 5s
    begin_up down
    wait_until 'the first row is undone' exists undone:1
    free_the_lock
    end_up
    expect_equal "$code" 4 'the exit code'
    expect_stderr_contains 'nothing more is written: `redferry down --only 1` goes on'
    expect_equal "$(redis KEYS 'undone:*')" undone:1 'what is undone'
    expect_exit 0 redferry down --only 1 --pause 0
    expect_equal "$(redis MGET $(seq -f undone:%g "$rows") | xargs)" \
        "$(printf '1 %.0s' $(seq $((rows - 1))))1" 'what is undone'
}

for_both_databases ended_by_another
for_both_databases another_takes_over
for_both_databases undoing_stops
with_database sqlite lock_file_goes
with_database sqlite lock_file_is_another
with_database postgresql lock_backend_ends
with_database postgresql lock_backend_ends_quickly
with_database postgresql ledger_backend_ends
with_database postgresql reader_backend_rests
with_database postgresql reader_backend_ends
with_database postgresql backend_hangs lock_backend
with_database postgresql backend_hangs ledger_backend
with_database postgresql backend_hangs reader_backend
with_database postgresql backend_hangs_and_dies
with_database postgresql stopped_while_it_hangs
with_database postgresql server_stops INT
with_database postgresql server_stops QUIT
with_database postgresql server_restarts INT
with_database postgresql server_restarts QUIT
with_database postgresql waiter_outlives_a_restart
