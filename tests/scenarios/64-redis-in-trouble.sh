#!/usr/bin/env bash
# Goal: a Redis that refuses, hangs, fails over or restarts in the middle of a migration costs time or
# stops it with the server's own reason; and however that ends, every row is carried exactly once, at
# the latest by the next `up`. The commands are such that a second time would be seen.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/gate.sh"

rows=30

# EXEC 1 takes the fence, EXEC 2 is the first batch, EXEC 3 the second one; WATCH likewise.
begin()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY)'
    sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
         INSERT INTO t SELECT i FROM n"
    write_migration 1_count.yaml <<'YAML'
up:
  - name: rows
    read: SELECT id FROM t
    key: id
    write:
      - INCR canary:${id}
      - RPUSH list ${id}
    batch: 10
YAML
}

latest() { sql 'SELECT status FROM data_migration_runs ORDER BY id DESC LIMIT 1'; }

# The list may be out of order where commands were sent again.
expect_each_once()
{
    expect_equal "$(redis LRANGE list 0 -1 | sort -n | tr '\n' ' ')" "$(seq -s ' ' "$rows") " 'the list'
    expect_equal "$(redis EVAL "local n = 0
        for i = 1, $rows do if redis.call('GET', 'canary:' .. i) == '1' then n = n + 1 end end
        return n" 0)" "$rows" 'canaries that are 1'
    expect_equal "$(sql 'SELECT rows_read, commands_sent FROM data_migrations')" "$rows|$((2 * rows))" \
        'the entry'
}

expect_the_next_carries_the_rest()
{
    expect_exit 0 redferry up
    expect_each_once
}

# expect_failed CODE REASON ROWS: so many rows are there, and `up` stopped.
expect_failed()
{
    expect_up "$1"
    expect_stderr_contains "$2"
    expect_equal "$(redis LLEN list)" "$3" 'rows so far'
    expect_equal "$(latest)" failed 'the run'
}

errors() { redis INFO stats | sed -n 's/^total_error_replies:\([0-9]*\).*/\1/p'; }
has_more_errors() { (($(errors) > $1)); }

# ---- memory, disk ------------------------------------------------------------------------------

# full EVENT…: for good, and where it is mended before patience ends
it_is_full()
{
    begin
    hold_up redis "$@"
    redis CONFIG SET maxmemory 1 >/dev/null
    open_gate
    expect_failed 1 'OOM' 10
    redis CONFIG SET maxmemory 0 >/dev/null
    expect_the_next_carries_the_rest
}

it_was_full()
{
    local before
    begin
    hold_up redis 3 before EXEC
    before=$(errors)
    redis CONFIG SET maxmemory 1 >/dev/null
    open_gate
    wait_for 'a refusal' has_more_errors "$before"
    redis CONFIG SET maxmemory 0 >/dev/null
    expect_up 0
    expect_each_once
}

has_failed_to_save() { redis INFO persistence | grep -q '^rdb_last_bgsave_status:err'; }

# Its directory is gone, so that nobody can save there, root neither.
it_cannot_save()
{
    local before=("${scenario_redis[@]}")
    mkdir "$SCRATCH/gone"
    start_redis --dir "$SCRATCH/gone" --save '3600 1000000'
    rmdir "$SCRATCH/gone"
    export REDFERRY_REDIS=$REDIS_URL
    begin
    hold_up redis 3 before WATCH
    redis BGSAVE >/dev/null
    wait_for 'the failure to save' has_failed_to_save
    open_gate
    expect_failed 1 'MISCONF' 10
    redis CONFIG SET save '' >/dev/null
    expect_the_next_carries_the_rest
    stop_server "$REDIS_PID"
    scenario_redis=("${before[@]}")
}

# ---- privileges --------------------------------------------------------------------------------

as_a_user()
{
    redis ACL SETUSER ferry on '>ferry' '~*' '&*' +@all >/dev/null
    export REDFERRY_REDIS=unix://ferry:ferry@$REDIS_SOCKET
}

it_lacks_a_privilege()
{
    as_a_user
    begin
    hold_up redis 3 before WATCH
    redis ACL SETUSER ferry -rpush >/dev/null
    open_gate
    expect_failed 1 'NOPERM' 10
    expect_stderr_contains 'row 11'
    expect_equal "$(redis EXISTS canary:11)" 0 'a command beside the one that was refused'
    expect_exit 1 redferry up
    redis ACL SETUSER ferry +rpush >/dev/null
    expect_the_next_carries_the_rest
    redis ACL DELUSER ferry >/dev/null
}

# Redis asks again when it executes: only this command fails, and only it is sent again.
it_loses_a_privilege_in_a_transaction()
{
    as_a_user
    begin
    hold_up redis 3 before EXEC
    redis ACL SETUSER ferry -rpush >/dev/null
    open_gate
    expect_failed 1 'NOPERM' 10
    expect_equal "$(redis MGET canary:11 canary:20 canary:21)" $'1\n1' 'what ran beside it'
    expect_exit 1 redferry up
    redis ACL SETUSER ferry +rpush >/dev/null
    expect_the_next_carries_the_rest
    redis ACL DELUSER ferry >/dev/null
}

# ---- a pause -----------------------------------------------------------------------------------

# it_is_paused MS WHAT NUMBER WHEN NAME
it_is_paused()
{
    begin
    hold_up redis "${@:3}"
    redis CLIENT PAUSE "$1" "$2" >/dev/null
    open_gate
    expect_up 0
    expect_each_once
}

# ---- another primary ---------------------------------------------------------------------------

it_is_a_replica_for_a_while()
{
    local before
    begin
    hold_up redis "$@"
    before=$(errors)
    redis REPLICAOF 127.0.0.1 1 >/dev/null
    open_gate
    wait_for 'a refusal' has_more_errors "$before"
    redis REPLICAOF NO ONE >/dev/null
    expect_up 0
    expect_each_once
}

it_is_a_replica_now()
{
    begin
    hold_up redis 3 before EXEC -- --retry-for 1s
    redis REPLICAOF 127.0.0.1 1 >/dev/null
    open_gate
    expect_failed 4 'a replica of 127.0.0.1:1: redferry writes to a primary' 10
    redis REPLICAOF NO ONE >/dev/null
    expect_the_next_carries_the_rest
}

# ---- a restart ---------------------------------------------------------------------------------

# All of it is saved; then it takes its time to load.
it_restarts()
{
    local before=("${scenario_redis[@]}") directory
    start_redis
    directory=$REDIS_DIR
    export REDFERRY_REDIS=$REDIS_URL
    begin
    redis EVAL "for i = 1, 300 do redis.call('SET', 'ballast:' .. i, string.rep('x', 100)) end" 0
    hold_up redis "$@"
    redis SAVE >/dev/null
    stop_server "$REDIS_PID"
    open_gate
    start_redis_in "$directory" --key-load-delay 5000 --loading-process-events-interval-bytes 1024
    expect_up 0
    expect_each_once
    redis INFO errorstats | grep -q '^errorstat_LOADING' || fail 'nobody met it while it was loading'
    stop_server "$REDIS_PID"
    scenario_redis=("${before[@]}")
}

# ---- it is gone --------------------------------------------------------------------------------

has_rows() { (($(redis LLEN list) > 0)); }

begin_slowly()
{
    begin
    begin_up --batch 1 --pause 100ms "$@"
    wait_for 'a row' has_rows
}

# it_is_gone WORDS [OPTION…]: who looks on is told, and once only.
it_is_gone()
{
    local before=("${scenario_redis[@]}") directory
    start_redis --appendonly yes
    directory=$REDIS_DIR
    export REDFERRY_REDIS=$REDIS_URL
    begin_slowly "${@:2}"
    kill -KILL "$REDIS_PID"
    stop_server "$REDIS_PID"
    wait_for 'word of it' grep -q "$1" up.err
    sleep 0.5
    start_redis_in "$directory" --appendonly yes
    expect_up 0
    expect_each_once
    expect_equal "$(grep -c 'waiting' up.err)" 1 'words of it'
    stop_server "$REDIS_PID"
    scenario_redis=("${before[@]}")
}

it_is_gone_for_good()
{
    local before=("${scenario_redis[@]}")
    start_redis
    export REDFERRY_REDIS=$REDIS_URL
    begin_slowly --retry-for 1s
    stop_server "$REDIS_PID"
    expect_up 7
    expect_stderr_contains 'redferry: waiting for Redis, for 1s at most: cannot connect to '
    expect_stderr_contains '(tried again for 1s)'
    scenario_redis=("${before[@]}")
}

it_is_back_at_once()
{
    begin_slowly
    redis CLIENT KILL TYPE normal >/dev/null
    expect_up 0
    expect_each_once
    expect_stderr_lacks 'waiting'
}

with_database sqlite it_is_full 3 before EXEC
with_database postgresql it_is_full 3 before WATCH
with_database sqlite it_was_full
with_database sqlite it_cannot_save
with_database sqlite it_lacks_a_privilege
with_database postgresql it_loses_a_privilege_in_a_transaction
with_database sqlite it_is_paused 1000 WRITE 3 before EXEC
with_database postgresql it_is_paused 1000 ALL 3 before WATCH
# Longer than an answer is waited for: the connection is given up, and wakes up later.
with_database sqlite it_is_paused 6500 ALL 3 before EXEC
with_database postgresql it_is_paused 6500 WRITE 3 after EXEC
with_database sqlite it_is_a_replica_for_a_while 3 before EXEC
with_database postgresql it_is_a_replica_for_a_while 3 before WATCH
with_database sqlite it_is_a_replica_now
with_database sqlite it_restarts 3 before EXEC
with_database postgresql it_restarts 3 after EXEC
gone="waiting for Redis, for 30s at most: cannot connect to '.*'"
with_database sqlite it_is_gone "^redferry: $gone"
with_database postgresql it_is_gone "\"event\":\"waiting\",\"text\":\"$gone.*\"step\":1" --log-format json
with_database sqlite it_is_gone_for_good
with_database sqlite it_is_back_at_once
