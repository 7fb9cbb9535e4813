#!/usr/bin/env bash
# Goal: a runner that is stopped at any moment, loses its lock, and goes on when another one has done
# its work, writes nothing: Redis is to the last byte what it was before, every row and every `sql` step
# was carried exactly once, and the stale runner says who took over and ends with 4.
#
# The moments: before every command that it sends to Redis, and behind each, its answer unread; the
# same for every message to PostgreSQL. REDFERRY_TEST_LONG=1 takes all of them, otherwise those are
# left out that cannot differ from another one.
#
# not under valgrind: a hundred times two runs, of which none is new to it
# not with sanitizers: a hundred times two runs, of which none is new to it
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/gate.sh"

# Nothing in it may happen twice.
write_the_migration()
{
    write_migration 1_count.yaml <<'YAML'
up:
  - name: rows
    read: SELECT id FROM t
    key: id
    write:
      - INCR canary:${id}
      - RPUSH list ${id}
    publish: {channel: rows, message: "${id}"}
    batch: 2
  - name: changes
    sql: INSERT INTO changes VALUES (1)
  - name: last
    write: INCR last
publish: {channel: done, message: "${version}"}
YAML
}

# Forget all that was done: as for a first run.
begin_anew()
{
    redis FLUSHALL >/dev/null
    if [[ $DIALECT == sqlite ]]; then
        rm -f test.db*
        cp pristine test.db
    else
        sql 'DROP TABLE IF EXISTS data_migrations, data_migration_runs, data_migration_ledger;
             TRUNCATE changes' 2>/dev/null
    fi
}

# Another host does not see this lock: PostgreSQL lost the session, SQLite's lock file is another.
free_the_lock()
{
    if [[ $DIALECT == sqlite ]]; then
        [[ ! -e test.db-redferry.lock ]] || mv test.db-redferry.lock other.lock
    else
        sql "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
             WHERE application_name = 'redferry' AND datname = current_database()" >/dev/null
    fi
}

# All of Redis in one line, and what must be found in it.
redis_state()
{
    redis <<<'DEBUG DIGEST
MGET canary:1 canary:2 canary:3 last
LRANGE list 0 -1' | tr '\n' ' '
}

# Who was ended must say so. A run that had been recorded as done before it was stopped, succeeded;
# one that had not begun finds nothing to do; and one that was waiting for PostgreSQL when its session
# was ended knows no more than that.
expect_it_ended_well()
{
    local code=0 status
    wait "$up" || code=$?
    scenario_last="the stale runner, $moment"
    cp up.out "$OUT"
    cp up.err "$ERR"
    status=$(sql "SELECT status FROM data_migration_runs WHERE pid = $up")
    if [[ $code == 6 && $moment == *postgres* ]]; then
        expect_stderr_contains 'the connection to PostgreSQL was lost'
        return
    fi
    if [[ $status == succeeded || (-z $status && $code == 0) ]]; then
        expect_equal "$code" 0 "its exit code, $moment"
        return
    fi
    expect_equal "$code" 4 "its exit code, $moment"
    grep -Eq 'fenced: another run|was ended by another|lock of this ledger was lost|another runner began' "$ERR" ||
        fail "it does not say who took over, $moment"
    [[ $status != running ]] || fail "its run still says running, $moment"
}

# stop_at KIND NUMBER before|after NAME
stop_at()
{
    local before
    moment="$3 message $2 to $1, $4"
    begin_anew
    begin_up_behind "${@:1:3}"
    wait_for "the gate to hold, $moment" gate_holds_or_up_is_gone
    # It looks at its lock every half second: there may be fewer messages this time.
    gate_holds || return 0
    kill -STOP "$up"
    free_the_lock
    expect_exit 0 redferry up
    before=$(redis_state)
    expect_equal "${before#* }" '1 1 1 1 1 2 3 ' "every row once, $moment"
    open_gate
    kill -CONT "$up"
    expect_it_ended_well
    expect_equal "$(redis_state)" "$before" "all of Redis, $moment"
    expect_equal "$(sql 'SELECT count(*) FROM changes')" 1 "what SQL changed, $moment"
    kill -KILL "$gate"
    ((++moments))
}

# Whether something can be different there. What is sent in one go arrives in one go; before a message
# is the same as behind the one before it, where that one's answer is of no account; and to Redis both
# databases are the same but where it executes something.
is_interesting()
{
    [[ -z ${REDFERRY_TEST_LONG:-} ]] || return 0
    case $1-$DIALECT in
    before-sqlite) [[ ! $2 =~ ^(CLIENT|PING|INFO|RPUSH|PUBLISH)$ ]] ;;
    before-postgresql) [[ $2 == EXEC ]] ;;
    after-sqlite) [[ $2 =~ ^(EXEC|HGETALL)$ ]] ;;
    after-postgresql) [[ $2 =~ ^(EXEC|HGETALL|Q)$ ]] ;;
    esac
}

at_every_moment()
{
    local kind=$1 number name
    moments=0
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)'
    sql 'CREATE TABLE changes (one integer)'
    [[ $DIALECT != sqlite ]] || cp test.db pristine
    write_the_migration
    begin_up_behind "$kind" 0
    expect_up 0
    grep '^[0-9]' gate.out >messages
    while read -r number name <&3; do
        ! is_interesting before "$name" || stop_at "$kind" "$number" before "$name"
        ! is_interesting after "$name" || stop_at "$kind" "$number" after "$name"
    done 3<messages
    ((moments > 12)) || fail "only $moments moments"
    printf '   %s moments of %s messages\n' "$moments" "$(wc -l <messages)"
}

start_redis $(redis-server --version | grep -q 'v=6' || echo --enable-debug-command yes)
scenario_redis=("$REDIS_SOCKET" "$REDIS_URL" "$REDIS_PID" "$REDIS_DIR")
with_database sqlite at_every_moment redis
with_database postgresql at_every_moment redis
with_database postgresql at_every_moment postgres
