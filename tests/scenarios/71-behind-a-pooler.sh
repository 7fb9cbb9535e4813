#!/usr/bin/env bash
# Goal: behind PgBouncer in transaction mode everything works as it does without: the whole life of a
# migration, eight at once, the lock and its loss, the texts of values and long statements whatever
# the database is set to; and nothing is left behind for the pooler's other clients, which no
# `server_reset_query` would clear away for them.
#
# not under valgrind: the pooler's timeouts are short, to be seen
source "$(dirname "$0")/../support/scenario.sh"

says() { grep -qE -- "$2" "err.$1"; }

# pooled POOL [SETTING…]: a pooler with so many connections to the server is what redferry knows. sql
# and $DB stay direct.
pooled()
{
    local pool=$1
    shift
    start_pgbouncer "default_pool_size = $pool" "$@"
    POOLED="${DB%%\?*}?host=$PGBOUNCER_DIR&port=6432&user=postgres"
    export REDFERRY_DATABASE=$POOLED REDFERRY_OPERATOR=ada
}

end_pooler()
{
    stop_server "$PGBOUNCER_PID"
}

begin_up()
{
    "$REDFERRY_PROGRAM" up >"out.$1" 2>"err.$1" &
    up[$1]=$!
}

# end_up NAME: wait for it; its output is that of the last command.
end_up()
{
    code=0
    wait "${up[$1]}" || code=$?
    cp "out.$1" "$OUT"
    cp "err.$1" "$ERR"
    scenario_last="up ($1)"
}

# look_behind CONNECTIONS: what each of the pooler's server connections is set to, and what it holds:
# the pooler gives one to each of as many transactions as it has connections. (A library that was
# loaded, such as plpgsql, brings settings of its own.)
look_behind()
{
    local i name
    rm -f behind.*
    for ((i = 1; i <= $1; i++)); do
        psql -XAtq -d "$POOLED" >"behind.$i" <<SQL &
BEGIN;
SELECT pg_backend_pid();
SELECT count(*), pg_sleep(0.5) FROM pg_prepared_statements;
SELECT name, setting FROM pg_settings WHERE context IN ('user', 'superuser') AND name NOT LIKE '%.%'
    ORDER BY name;
SELECT relname FROM pg_class WHERE relpersistence = 't';
COMMIT;
SQL
    done
    wait
    expect_equal "$(sort -u <(head -qn 1 behind.*) | wc -l)" "$1" 'how many connections were looked at'
    for name in behind.*; do tail -n +2 "$name"; done
    sql "SELECT 'lock', classid, objid FROM pg_locks WHERE locktype = 'advisory'"
    sql "SELECT 'open', query FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
}

# ---- the whole crossing ------------------------------------------------------------------------

# All that could change the text of a value, and timeouts that a run would not survive.
be_odd()
{
    local database
    database=$(sql 'SELECT current_database()')
    sql "ALTER DATABASE $database SET DateStyle = 'SQL, DMY';
         ALTER DATABASE $database SET IntervalStyle = 'sql_standard';
         ALTER DATABASE $database SET TimeZone = 'Asia/Tokyo';
         ALTER DATABASE $database SET bytea_output = 'escape';
         ALTER DATABASE $database SET extra_float_digits = '-3';
         ALTER DATABASE $database SET default_transaction_isolation = 'repeatable read';
         ALTER DATABASE $database SET statement_timeout = '1s';
         ALTER DATABASE $database SET lock_timeout = '1s';
         ALTER DATABASE $database SET idle_in_transaction_session_timeout = '300ms'"
}

whole_life()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY, at timestamptz, took interval, raw bytea, x float8);
         INSERT INTO t SELECT i, '2025-03-01 09:00:00.5Z', '1 day 2 hours', '\\x0a00ff', 0.1
         FROM generate_series(1, 5) i"
    be_odd
    pooled 3
    look_behind 3 >before
    write_migration 1_values.yaml <<'YAML'
up:
  - sql: CREATE TABLE made (id integer PRIMARY KEY)
  - sql: INSERT INTO made SELECT id FROM t
  - read: SELECT id, at, took, raw, x FROM t WHERE pg_sleep(0.3) IS NOT NULL
    key: [x, id]
    write:
      - RPUSH list ${id}
      - HSET row:${id} at ${at} took ${took} raw ${raw} x ${x}
    publish: {channel: news, message: "${id}"}
    batch: 2
  - read: SELECT id FROM made
    key: id
    write: INCR made:${id}
    batch: 1
    pause: 100ms
publish:
  channel: news
  message: "${version} ${rows}"
down:
  - write: DEL list
  - sql: DROP TABLE made
YAML
    listen news
    expect_exit 0 redferry init
    expect_exit 0 redferry up
    expect_equal "$(redis LRANGE list 0 -1 | xargs)" '1 2 3 4 5' 'the list'
    expect_equal "$(redis HMGET row:3 at took x | tr '\n' ' ')" \
        '2025-03-01T09:00:00.5Z 1 day 02:00:00 0.1 ' 'the texts'
    expect_equal "$(redis HGET row:3 raw | od -An -tx1 | tr -d " \n")" 0a00ff0a 'the bytes'
    expect_equal "$(redis MGET made:{1,2,3,4,5} | xargs)" '1 1 1 1 1' 'the counters'
    expect_equal "$(heard | wc -l)" 6 'the messages'
    expect_exit 0 redferry up
    expect_stdout_contains 'nothing to do'
    expect_exit 0 redferry redo
    expect_equal "$(redis LRANGE list 0 -1 | xargs)" '1 2 3 4 5' 'the list, once more'
    expect_exit 0 redferry down
    expect_equal "$(redis EXISTS list)" 0 'the list'
    expect_exit 3 redferry status --check
    expect_exit 0 redferry mark 1
    expect_exit 0 redferry unmark 1
    expect_exit 0 redferry history
    look_behind 3 >after
    diff before after >"$OUT" || fail "something is left behind: $(<"$OUT")"
    end_pooler
}

# ---- eight at once -----------------------------------------------------------------------------

eight_at_once()
{
    local i
    declare -A up=()
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 10)'
    pooled 4
    look_behind 4 >before
    write_migration 1_count.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: INCR canary:${id}
    batch: 1
    pause: 150ms
YAML
    write_migration 2_fails.yaml <<'YAML'
up:
  - write: INCR canary:once
  - read: SELECT id FROM t
    key: id
    write: SADD canary:1 ${id}
    batch: 1
    pause: 150ms
YAML
    for i in 1 2 3 4 5 6 7 8; do begin_up "$i"; done
    for i in 1 2 3 4 5 6 7 8; do
        end_up "$i"
        expect_equal "$code" 1 'the exit code'
        expect_stderr_contains WRONGTYPE
    done
    expect_equal "$(grep -lE 'waiting for ada on host .* \(pid [0-9]+\), running 1_count since' err.? | wc -l)" \
        7 'how many name the one they wait for'
    expect_equal "$(sql 'SELECT version, status FROM data_migration_runs ORDER BY id' | xargs)" \
        '1|succeeded 2|failed' 'the runs'
    expect_equal "$(redis MGET canary:{1,2,3,4,5,6,7,8,9,10} canary:once | sort | uniq -c | xargs)" '11 1' \
        'the canaries'
    look_behind 4 >after
    diff before after >"$OUT" || fail "something is left behind: $(<"$OUT")"
    end_pooler
}

# ---- losses ------------------------------------------------------------------------------------

slow_rows()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 6)'
    write_migration 1_slow.yaml <<YAML
up:
  - read: SELECT id FROM t
    key: id
    write: INCR canary:\${id}
    batch: 1
    pause: $1
YAML
}

exists() { [[ $(redis EXISTS "$1") == 1 ]]; }

# The server connection behind the lock is killed: the pooler closes the client's.
lock_lost()
{
    declare -A up=()
    slow_rows 2s
    pooled 3
    begin_up first
    wait_until 'the first row is written' exists canary:1
    sql "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'" >/dev/null
    end_up first
    expect_equal "$code" 4 'the exit code'
    expect_stderr_contains 'the lock of this ledger was lost'
    expect_equal "$(redis KEYS 'canary:*')" canary:1 'what is written'
    expect_exit 0 redferry up --pause 0
    expect_equal "$(redis MGET canary:{1,2,3,4,5,6} | xargs)" '1 1 1 1 1 1' 'the canaries'
    end_pooler
}

# The pooler itself is gone.
pooler_lost()
{
    declare -A up=()
    slow_rows 2s
    pooled 3
    begin_up first
    wait_until 'the first row is written' exists canary:1
    end_pooler
    end_up first
    ((code == 4 || code == 6)) || fail "the exit code is $code"
    expect_equal "$(redis KEYS 'canary:*')" canary:1 'what is written'
    expect_exit 6 redferry up
    pooled 3
    expect_exit 0 redferry up --pause 0
    expect_equal "$(redis MGET canary:{1,2,3,4,5,6} | xargs)" '1 1 1 1 1 1' 'the canaries'
    end_pooler
}

# ---- no room -----------------------------------------------------------------------------------

no_room_for_clients()
{
    local i others=()
    declare -A up=()
    slow_rows 0
    pooled 4 'max_client_conn = 4'
    for i in 1 2 3 4; do
        psql -XAtq -d "$POOLED" -c 'SELECT pg_sleep(600)' >/dev/null 2>&1 &
        others[i]=$!
    done
    wait_until 'the pooler is full' is_full
    expect_exit 6 redferry status
    expect_stderr_contains 'no more connections allowed'
    expect_stderr_lacks 'waiting'
    begin_up patient
    wait_until 'it waits' says patient '^redferry: waiting for the database: .*no more connections allowed'
    kill "${others[@]}"
    end_up patient
    expect_equal "$code" 0 'the exit code'
    end_pooler
}

is_full()
{
    [[ $(sql "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'") == 4 ]]
}

# The lock, the rows and the ledger are three at once.
pool_too_small()
{
    slow_rows 0
    sed -i 's/FROM t$/FROM t WHERE pg_sleep(2) IS NOT NULL/' data_migrations/1_slow.yaml
    pooled 2 'query_wait_timeout = 1'
    expect_exit 6 redferry up
    expect_stderr_contains 'query_wait_timeout; the pooler had no connection'
    end_pooler
    sed -i 's/pg_sleep(2)/pg_sleep(0.1)/' data_migrations/1_slow.yaml
    pooled 3
    expect_exit 0 redferry up
    expect_equal "$(redis MGET canary:{1,2,3,4,5,6} | xargs)" '1 1 1 1 1 1' 'the canaries'
    end_pooler
}

with_database postgresql whole_life
with_database postgresql eight_at_once
with_database postgresql lock_lost
with_database postgresql pooler_lost
with_database postgresql no_room_for_clients
with_database postgresql pool_too_small
