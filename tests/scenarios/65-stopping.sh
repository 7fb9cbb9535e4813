#!/usr/bin/env bash
# Goal: SIGTERM and SIGINT end `up` within five seconds whatever hangs: Redis, PostgreSQL, a connection
# that is being made, another's lock; and the next `up` goes on exactly once. A second signal ends it
# at once. So does --max-time between two batches. A pause keeps nothing open.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/gate.sh"

# The five seconds, and what a machine may need that has other things to do.
most_us=8000000
slowest_us=0
rows=3000

# ---- words -------------------------------------------------------------------------------------

says() { grep -qs "$1" "$2"; }

now_us() { awk '{ printf "%.0f\n", $1 * 1000000 }' /proc/uptime; } # monotonic, to 10 ms

# expect_to_stop SIGNAL NUMBER
expect_to_stop()
{
    local code=0 begun took
    begun=$(now_us)
    kill -"$1" "$up"
    wait "$up" || code=$?
    took=$(($(now_us) - begun))
    scenario_last="up, stopped by SIG$1"
    cp up.out "$OUT"
    cp up.err "$ERR"
    expect_equal "$code" $((128 + $2)) 'the exit code'
    ((took < most_us)) || fail "it took $((took / 1000)) ms"
    ((took <= slowest_us)) || slowest_us=$took
}

expect_at_once()
{
    local begun
    begun=$(now_us)
    expect_to_stop "$@"
    (($(now_us) - begun < 3000000)) || fail 'it was not at once'
}

latest() { sql 'SELECT status FROM data_migration_runs ORDER BY id DESC LIMIT 1'; }

# In a library's own words: what must not happen twice.
write_counting()
{
    write_migration 1_count.yaml <<YAML
up:
  - name: rows
    read: SELECT id FROM t
    key: id
    write:
      - INCR canary:\${id}
      - RPUSH list \${id}
    batch: ${1:-10}
    ${2:-}
YAML
}

fill()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY)'
    sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
         INSERT INTO t SELECT i FROM n"
}

has_rows() { (($(redis LLEN list) >= $1)); }

# Every row once, in order, and no other. Arguments are for `up`.
expect_each_once()
{
    expect_exit 0 redferry up "$@"
    expect_equal "$(redis LLEN list)" "$rows" 'the length of the list'
    redis LRANGE list 0 -1 >got
    seq 1 "$rows" | cmp -s - got || fail 'the list is not every row once'
    redis EVAL "local n = 0
        for i = 1, $rows do if redis.call('GET', 'canary:' .. i) == '1' then n = n + 1 end end
        return n" 0 >got
    expect_equal "$(<got)" "$rows" 'canaries that are 1'
}

# stopped_and_resumed SIGNAL NUMBER
expect_interrupted_and_resumed()
{
    expect_to_stop "$@"
    expect_stderr_lacks 'could not be told'
    expect_equal "$(latest)" interrupted 'the run'
    expect_each_once
}

# ---- Redis -------------------------------------------------------------------------------------

while_it_carries()
{
    local rows=20000
    fill
    write_counting 1
    begin_up
    wait_for 'some rows' has_rows 20
    expect_interrupted_and_resumed "$@"
}

while_it_pauses()
{
    local rows=30
    fill
    write_counting 10 'pause: 60s'
    begin_up
    wait_for 'the first batch' has_rows 10
    expect_at_once "$@"
    expect_equal "$(latest)" interrupted 'the run'
    expect_each_once --pause 0
}

# What it was sent before, it still does when it wakes up.
while_redis_is_stopped()
{
    local rows=20000
    fill
    write_counting 1
    begin_up
    wait_for 'some rows' has_rows 20
    kill -STOP "$REDIS_PID"
    expect_to_stop "$@"
    kill -CONT "$REDIS_PID"
    expect_stderr_lacks 'could not be told'
    expect_equal "$(latest)" interrupted 'the run'
    expect_each_once
}

while_redis_pauses()
{
    local rows=20000
    fill
    write_counting 1
    begin_up
    wait_for 'some rows' has_rows 20
    # Longer than the grace; UNPAUSE would wait as well.
    redis CLIENT PAUSE 6000 "$3" >/dev/null
    expect_to_stop "$1" "$2"
    redis SET awake 1 >/dev/null
    expect_equal "$(latest)" interrupted 'the run'
    expect_each_once
}

# ---- PostgreSQL --------------------------------------------------------------------------------

# Of this database, and of the whole server.
backends() { sql "SELECT pid FROM pg_stat_activity WHERE application_name = 'redferry' AND datname = current_database()"; }
everybody() { printf '%s\n' "$POSTGRES_PID" && pgrep -P "$POSTGRES_PID"; }

sleeps() { [[ $(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()") != 0 ]]; }

in_a_slow_query()
{
    local rows=3
    fill
    write_migration 1_count.yaml <<'YAML'
up:
  - read: SELECT id, pg_sleep(CASE WHEN id = 3 THEN 60 * (SELECT seconds FROM slow) ELSE 0 END) FROM t
    key: id
    write: ['INCR canary:${id}', 'RPUSH list ${id}']
    batch: 1
YAML
    sql 'CREATE TABLE slow AS SELECT 1 AS seconds'
    begin_up
    wait_for 'the query to sleep' sleeps
    expect_at_once "$@"
    expect_equal "$(latest)" interrupted 'the run'
    ! sleeps || fail 'the server still executes the query'
    sql 'UPDATE slow SET seconds = 0'
    expect_each_once
}

# Its backends stop answering, perhaps in the middle of telling the ledger; a connection that is made
# anew still works.
while_its_backends_are_stopped()
{
    local rows=20000 pids
    fill
    write_counting 1
    begin_up
    wait_for 'some rows' has_rows 20
    pids=$(backends)
    # shellcheck disable=SC2086
    kill -STOP $pids
    expect_to_stop "$@"
    # shellcheck disable=SC2086
    kill -CONT $pids
    expect_each_once
}

# Nobody answers, not even to a cancellation: the ledger cannot be told, and `up` goes on later.
while_postgres_is_stopped()
{
    local rows=20000 pids
    fill
    write_counting 1
    begin_up
    wait_for 'some rows' has_rows 20
    pids=$(everybody)
    # shellcheck disable=SC2086
    kill -STOP $pids
    expect_to_stop "$@"
    # shellcheck disable=SC2086
    kill -CONT $pids
    expect_each_once
}

is_blocked() { [[ $(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'redferry' AND datname = current_database() AND wait_event_type = 'Lock'") != 0 ]]; }

while_the_table_is_locked()
{
    local rows=30 holder
    fill
    write_counting
    mkfifo hold
    psql -XAtq -v ON_ERROR_STOP=1 -d "$DB" <hold >/dev/null &
    holder=$!
    exec 7>hold
    printf 'BEGIN; LOCK TABLE t;\n' >&7
    wait_for 'the lock' has_lock
    begin_up
    wait_for 'it to be blocked' is_blocked
    expect_to_stop "$@" # while the query is prepared: when the grace is over
    printf 'ROLLBACK;\n' >&7
    exec 7>&-
    wait "$holder"
    expect_each_once
}

has_lock() { [[ $(sql "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND mode = 'AccessExclusiveLock'") == 1 ]]; }

# ---- connecting, and waiting -------------------------------------------------------------------

# A server that takes connections and says nothing. connecting redis|postgres SIGNAL NUMBER
while_it_connects()
{
    local kind=$1
    shift
    local rows=30
    fill
    write_counting
    hold_up "$kind" 1
    expect_at_once "$@"
    kill -KILL "$gate"
    expect_each_once
}

while_another_runs()
{
    local rows=30 first
    fill
    write_counting 10 'pause: 60s'
    begin_up
    first=$up
    wait_for 'the first batch' has_rows 10
    mv up.out first.out
    mv up.err first.err
    begin_up
    wait_for 'the second to wait' says 'waiting for ' up.err
    expect_at_once "$@"
    expect_equal "$(latest)" running 'the run of the first'
    up=$first
    cp first.err up.err
    expect_at_once "$@"
    expect_equal "$(latest)" interrupted 'the run of the first'
    expect_each_once --pause 0
}

# ---- a second signal, and --max-time -----------------------------------------------------------

twice()
{
    local rows=20000 code=0 begun took
    fill
    write_counting 1
    begin_up
    wait_for 'some rows' has_rows 20
    kill -STOP "$REDIS_PID"
    kill -"$1" "$up"
    wait_for 'the notice' says 'second signal' up.err
    begun=$(now_us)
    kill -"$1" "$up"
    wait "$up" || code=$?
    took=$(($(now_us) - begun))
    kill -CONT "$REDIS_PID"
    expect_equal "$code" $((128 + $2)) 'the exit code'
    ((took < 2000000)) || fail "it took $((took / 1000)) ms"
    expect_equal "$(latest)" running 'what the ledger still says'
    expect_exit 0 redferry status
    expect_stdout_contains 'crashed'
    expect_each_once
}

for_as_long_as_it_may()
{
    local rows=30
    fill
    write_counting 10 'pause: 60s'
    expect_exit 3 redferry --max-time 1500ms up
    expect_stderr_contains '--max-time'
    expect_equal "$(latest)" interrupted 'the run'
    expect_equal "$(redis LLEN list)" 10 'rows so far'
    expect_exit 3 redferry --max-time 1500ms up
    expect_equal "$(redis LLEN list)" 20 'rows so far'
    expect_each_once --pause 0
}

# ---- a pause -----------------------------------------------------------------------------------

# The run tells the ledger how it is, and looks at its lock; but between these nothing stays open.
# The lock is a transaction by design: READ COMMITTED, between statements, so without a snapshot.
has_nothing_open()
{
    [[ $(sql "SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'redferry' AND datname = current_database()
          AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL OR (state <> 'idle' AND NOT
              (state = 'idle in transaction'
               AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory'))))") == 0 &&
    $(sql "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND pid <> pg_backend_pid()") == 0 ]]
}

a_pause_keeps_nothing_open()
{
    local rows=30
    fill
    [[ ${1:-} != wal ]] || sql 'PRAGMA journal_mode = wal' >/dev/null
    write_counting 10 'pause: 60s'
    begin_up
    wait_for 'the first batch' has_rows 10
    if [[ $DIALECT == postgresql ]]; then
        wait_for 'a moment in which nothing is open' has_nothing_open
        sql "SET lock_timeout = '1s'; ALTER TABLE t ADD COLUMN more integer"
    else
        # No writer waits; only the moment in which the ledger itself is written may be met.
        wait_for 'a writer' sqlite3 -batch -bail test.db 'BEGIN IMMEDIATE; INSERT INTO t VALUES (31); COMMIT;'
        wait_for 'a checkpoint' sqlite3 -batch -bail test.db 'BEGIN EXCLUSIVE; DELETE FROM t WHERE id = 31; COMMIT;'
    fi
    process_runs "$up" || fail "it does not run any more: $(<up.err)"
    expect_at_once TERM 15
    expect_each_once --pause 0
}

# ---- all of it ---------------------------------------------------------------------------------

with_database sqlite while_it_carries INT 2
with_database postgresql while_it_carries TERM 15
with_database sqlite while_it_pauses TERM 15
with_database postgresql while_it_pauses INT 2
with_database sqlite while_redis_is_stopped TERM 15
with_database postgresql while_redis_is_stopped INT 2
with_database sqlite while_redis_pauses INT 2 ALL
with_database postgresql while_redis_pauses TERM 15 WRITE
with_database postgresql in_a_slow_query TERM 15
with_database postgresql while_its_backends_are_stopped INT 2
with_database postgresql while_postgres_is_stopped TERM 15
with_database postgresql while_the_table_is_locked TERM 15
with_database sqlite while_it_connects redis TERM 15
with_database postgresql while_it_connects postgres INT 2
with_database sqlite while_another_runs INT 2
with_database postgresql while_another_runs TERM 15
with_database sqlite twice INT 2
with_database postgresql twice TERM 15
for_both_databases for_as_long_as_it_may
for_both_databases a_pause_keeps_nothing_open
with_database sqlite a_pause_keeps_nothing_open wal
printf 'the slowest stop took %d ms\n' $((slowest_us / 1000))
