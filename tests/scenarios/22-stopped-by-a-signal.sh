#!/usr/bin/env bash
# Goal: SIGTERM ends `up` within five seconds wherever it hits (between batches, while it waits for
# another, in a long statement, with a Redis that does not answer), with 128 + 15; and the ledger says
# interrupted, not running.
source "$(dirname "$0")/../support/scenario.sh"

# Not the function: the signal would be its subshell's.
begin_up()
{
    ${scenario_wrapper[@]+"${scenario_wrapper[@]}"} "$REDFERRY_PROGRAM" up >up.out 2>up.err &
    up=$!
}

# Start `up` in the background, on a database that is there, and wait until its run is in the ledger.
start_up()
{
    sql 'CREATE TABLE application (id integer)'
    begin_up
    wait_for_sql "SELECT count(*) FROM data_migration_runs WHERE status = 'running'" 1
}

# The tables may not be there yet.
sql_says() { [[ $(sql "$1") == "$2" ]]; }
wait_for_sql() { wait_for "$2 from: $1" sql_says "$1" "$2"; }
wait_for_words() { wait_for "'$1' on stderr" grep -q -- "$1" up.err; }

stop_up()
{
    local code=0 begun=$EPOCHREALTIME
    kill -TERM "$up"
    wait "$up" || code=$?
    scenario_last='up, stopped'
    cp up.out "$OUT"
    cp up.err "$ERR"
    expect_equal "$code" 143 'the exit code'
    ((${EPOCHREALTIME/./} - ${begun/./} < 5000000)) || fail 'it took five seconds or more'
    expect_stderr_lacks 'could not be told'
}

latest() { sql 'SELECT status FROM data_migration_runs ORDER BY id DESC LIMIT 1'; }

in_a_long_statement()
{
    local long='SELECT pg_sleep(60)'
    [[ $DIALECT == postgresql ]] ||
        long='WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'
    write_migration 1_long.yaml <<YAML
up:
  - sql: $long
YAML
    start_up
    stop_up
    expect_equal "$(latest)" interrupted 'the run'
}

in_a_pause()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2)'
    write_migration 1_pause.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: SET copy:${id} ${id}
    batch: 1
    pause: 60s
YAML
    start_up
    stop_up
    expect_equal "$(latest)" interrupted 'the run'
}

# Batch follows batch, so one is always in flight when Redis falls silent.
before_a_deaf_redis()
{
    write_migration 1_deaf.yaml <<'YAML'
up:
  - read: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT i FROM n
    key: i
    write: SET copy:${i} ${i}
    batch: 1
YAML
    start_up
    kill -STOP "$REDIS_PID"
    stop_up
    kill -CONT "$REDIS_PID"
    expect_equal "$(latest)" interrupted 'the run'
}

while_it_waits()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2)'
    write_migration 1_pause.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: SET copy:${id} ${id}
    batch: 1
    pause: 60s
YAML
    start_up
    local first=$up
    mv up.out first.out
    mv up.err first.err
    begin_up
    wait_for_words 'waiting for '
    stop_up
    expect_equal "$(latest)" running 'the run of the other'
    up=$first
    cp first.err up.err
    stop_up
    expect_equal "$(latest)" interrupted 'the run'
}

while_redis_is_away()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY)'
    write_migration 1_key.yaml <<'YAML'
up:
  - write: SET key 1
YAML
    export REDFERRY_REDIS="unix://$PWD/nobody.sock" REDFERRY_WAIT=10m
    begin_up
    wait_for_words 'waiting for Redis: '
    stop_up
    export REDFERRY_WAIT=0
    expect_exit 7 redferry up
    expect_stderr_lacks 'waiting'
    unset REDFERRY_WAIT
}

for_both_databases in_a_pause
for_both_databases while_redis_is_away
for_both_databases while_it_waits
for_both_databases in_a_long_statement
for_both_databases before_a_deaf_redis
