#!/usr/bin/env bash
# Goal: with --wait-replicas a migration counts as applied (or undone) once so many replicas have all of
# it, and with --wait-aof once Redis has it on disk. Are there too few, the run fails and says how many;
# whoever comes next only waits again, and nothing is sent twice, however the waiting ended: too few, a
# signal, kill -9, a lost connection, Redis gone. What the server cannot do is refused before anything is
# written.
source "$(dirname "$0")/../support/scenario.sh"

# A primary and a replica of it, both empty, and a migration that must not run twice.
begin()
{
    if [[ -z ${primary:-} ]]; then
        start_redis_tcp --repl-diskless-sync-delay 0 --repl-diskless-load swapdb
        primary=("$REDIS_SOCKET" "$REDIS_URL" "$REDIS_PID" "$REDIS_DIR" "$REDIS_PORT")
        start_redis --replicaof "127.0.0.1 $REDIS_PORT"
        replica=("$REDIS_SOCKET" "$REDIS_PID")
    fi
    REDIS_SOCKET=${primary[0]} REDIS_URL=${primary[1]}
    export REDFERRY_REDIS=$REDIS_URL
    redis FLUSHALL >/dev/null
    await_replica
    sql "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)"
    write_migration 1_count.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    batch: 2
    write: INCR n:${id}
  - write: INCR once
  - sql: INSERT INTO t VALUES (4)
down:
  - write: INCR undone
  - sql: DELETE FROM t WHERE id = 4
YAML
}

on_replica()
{
    redis-cli -e -s "${replica[0]}" "$@"
}

await_replica()
{
    local tries=0
    until [[ $(redis WAIT 1 100) == 1 ]]; do
        ((tries++ < 300)) || fail 'the replica does not come'
    done
}

# From here on the replica confirms nothing.
suspend()
{
    local stat=
    kill -STOP "${replica[1]}"
    until [[ $stat == T ]]; do
        read -r stat <"/proc/${replica[1]}/stat"
        stat=${stat##*) }
        stat=${stat%% *}
    done
}

resume()
{
    kill -CONT "${replica[1]}"
}

# Every command has run, and once.
once()
{
    expect_equal "$(redis MGET n:1 n:2 n:3 n:4 once)" $'1\n1\n1\n\n1' 'what Redis holds'
    expect_equal "$(sql 'SELECT count(*) FROM t')" 4 'what the sql step inserted'
}

# STATUS of the latest run, and how many migrations are applied.
ledger_says()
{
    expect_equal "$(sql 'SELECT status FROM data_migration_runs ORDER BY id DESC LIMIT 1')" "$1" 'the run'
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations')" "$2" 'the entries'
}

applied()
{
    once
    ledger_says succeeded 1
    expect_equal "$(redis EXISTS "redferry:{$(sql 'SELECT id FROM data_migration_ledger')}:1")" 0 'checkpoints'
}

# Start `up` in the background, and wait until it waits. Its process is $PROGRAM.
up_until_it_waits()
{
    scenario_last="up ${*@Q} &"
    : >"$OUT"
    : >"$ERR"
    "$REDFERRY_PROGRAM" up --wait-replicas 1 --retry-for 60s "$@" >"$OUT" 2>"$ERR" &
    PROGRAM=$!
    local tries=0
    until grep -q 'waiting for 1 replica to confirm what was written' "$ERR"; do
        ((tries++ < 2000)) && process_runs "$PROGRAM" || fail 'it does not wait'
        sleep 0.01
    done
}

# CODE, within five seconds
expect_end()
{
    local got=0 tries=0
    while process_runs "$PROGRAM"; do
        ((tries++ < 500)) || fail 'it does not end'
        sleep 0.01
    done
    wait "$PROGRAM" || got=$?
    ((got == $1)) || fail "expected exit code $1, got $got"
}

# ---- replicas ---------------------------------------------------------------------------------

enough()
{
    begin
    REDFERRY_WAIT_REPLICAS=1 expect_exit 0 redferry up
    expect_equal "$(on_replica MGET n:1 n:2 n:3 once)" $'1\n1\n1\n1' 'what the replica holds'
    applied
    expect_exit 1 redferry down --wait-replicas 2 --retry-for 50ms
    expect_stderr_contains '1 of 2 replicas have confirmed what was written within 50ms'
    expect_exit 0 redferry down --only 1 --wait-replicas 1
    expect_equal "$(on_replica GET undone)" 1 'what the replica holds after down'
    expect_equal "$(sql 'SELECT count(*) FROM t')" 3 'the rows after down'
    ledger_says succeeded 0
}

# The last try begins behind everything: its connection has written nothing but the fence.
too_few()
{
    begin
    suspend
    expect_exit 1 redferry up --wait-replicas 1 --retry-for 100ms
    expect_stderr_contains 'data_migrations/1_count.yaml: 0 of 1 replicas have confirmed what was written within 100ms (--wait-replicas); all is written, and the next try only waits again'
    once
    ledger_says failed 0
    expect_exit 0 redferry status
    expect_stdout_contains 'failed'

    monitor
    expect_exit 1 redferry up --wait-replicas 1 --retry-for 100ms
    expect_stderr_contains '0 of 1 replicas have confirmed'
    expect_equal "$(monitored | grep -c '"INCR"' || true)" 0 'what was sent again'
    once
    ledger_says failed 0
    resume
    await_replica
    expect_exit 0 redferry up --wait-replicas 1
    applied
    expect_exit 0 redferry up --wait-replicas 9
    expect_stdout_contains 'nothing to do'
}

# Whoever goes on without the option is not held up by it.
given_up()
{
    begin
    expect_exit 1 redferry up --wait-replicas 2 --retry-for 0
    expect_stderr_contains '1 of 2 replicas have confirmed what was written'
    expect_exit 0 redferry up
    applied
}

stopped()
{
    local signal code
    begin
    suspend
    for signal in TERM INT; do
        code=$((128 + $(kill -l "$signal")))
        up_until_it_waits
        kill -"$signal" "$PROGRAM"
        expect_end "$code"
        ledger_says interrupted 0
    done
    up_until_it_waits
    kill -KILL "$PROGRAM"
    wait "$PROGRAM" 2>/dev/null || true
    up_until_it_waits
    once
    resume
    expect_end 0
    applied
}

# The connection is lost while it waits: the new one takes the fence, and waits for all the same.
cut()
{
    begin
    suspend
    up_until_it_waits
    redis CLIENT KILL TYPE normal SKIPME yes >/dev/null
    # WAIT of the new connection, behind the fence.
    local tries=0
    until redis CLIENT LIST | grep 'name=redferry ' | grep -q 'cmd=wait '; do
        ((tries++ < 500)) || fail 'it does not wait again'
        sleep 0.01
    done
    resume
    expect_end 0
    applied
}

# Redis comes back with nothing while it waits: what may be repeated is, and then waited for.
restarted()
{
    begin
    write_migration 1_count.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: SET n:${id} 1
YAML
    suspend
    up_until_it_waits
    stop_server "${primary[2]}"
    servers_redis "${primary[3]}" "${primary[4]}" --bind 127.0.0.1 --repl-diskless-sync-delay 0 \
        --repl-diskless-load swapdb || fail 'the primary does not come back'
    primary[2]=$REDIS_PID
    resume
    expect_end 0
    expect_stderr_contains 'its checkpoint is gone from Redis'
    expect_equal "$(on_replica MGET n:1 n:2 n:3)" $'1\n1\n1' 'what the replica holds'
    ledger_says succeeded 1
}

# ---- the disk ---------------------------------------------------------------------------------

refused_before_anything()
{
    expect_exit 2 redferry up --wait-aof
    expect_stderr_contains "$1"
    expect_equal "$(redis DBSIZE)" 0 'what Redis holds'
    expect_equal "$(sql "SELECT count(*) FROM sqlite_master WHERE name LIKE 'data_migration%'")" 0 \
        'the tables'
}

disk()
{
    begin
    if [[ $(redis COMMAND INFO WAITAOF) == '' ]]; then
        echo '   this Redis has no WAITAOF: only the refusal is tested here, the rest with a fake (durability_test)'
        refused_before_anything '--wait-aof needs a Redis that has WAITAOF, as from 7.2 on; this is Redis '
        return
    fi
    refused_before_anything 'appendonly is disabled'
    redis CONFIG SET appendonly yes >/dev/null
    expect_exit 0 redferry up --wait-aof
    applied
    expect_exit 1 redferry down --wait-aof --wait-replicas 1 --retry-for 2s
    expect_stderr_contains '0 of 1 replicas have confirmed what was written and synced it to disk'
    redis CONFIG SET appendonly no >/dev/null
}

may_not_wait()
{
    begin
    redis ACL SETUSER hasty on '>p' '~*' '&*' '+@all' -wait >/dev/null
    REDFERRY_REDIS=unix://hasty:p@$REDIS_SOCKET expect_exit 2 redferry up --wait-replicas 1
    expect_stderr_contains '--wait-replicas: Redis refuses it: NOPERM'
    expect_equal "$(redis DBSIZE)" 0 'what Redis holds'
}

for_both_databases enough
for_both_databases too_few
with_database sqlite given_up
for_both_databases stopped
for_both_databases cut
with_database sqlite restarted
with_database sqlite disk
with_database sqlite may_not_wait
