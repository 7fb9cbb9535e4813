#!/usr/bin/env bash
# Goal: a hundred `up` at once, against a PostgreSQL with its hundred connections of which an
# application holds ninety: those that wait have one connection each at most and wait out "too many
# connections" and "starting up"; the migration runs once; and when it fails, nobody tries it again.
# The holder is named, and --on-lock and --lock-timeout are kept, also by who cannot even connect.
#
# not under valgrind: a hundred processes at once
# not with sanitizers: a hundred processes at once
#
# In a build with AddressSanitizer the crowd is of thirty: each takes the memory of several.
source "$(dirname "$0")/../support/scenario.sh"

crowd=100
! grep -q __asan_init "$REDFERRY_PROGRAM" || crowd=30
readonly crowd application=90 gate=4711

start_postgres -c max_connections=100
scenario_postgres=$POSTGRES_DIR

# until COMMAND…: try again until it succeeds; WHAT is for the complaint.
# The program connects as a role without the superuser's reserved places; the test has those.
be_app()
{
    sql "DO \$\$ BEGIN CREATE ROLE app LOGIN; EXCEPTION WHEN duplicate_object THEN END \$\$;
         GRANT ALL ON SCHEMA public TO app;
         CREATE TABLE t (id integer PRIMARY KEY);
         INSERT INTO t SELECT generate_series(1, 20);
         GRANT SELECT ON t TO app"
    export REDFERRY_DATABASE=${DB/user=postgres/user=app}
    export REDFERRY_OPERATOR=ada
}

# A step that stands still until open_gate.
close_gate()
{
    coproc gatekeeper { exec psql -XAtq -d "$DB"; }
    gatekeeper_pid=$!
    echo "SELECT 'shut' FROM pg_advisory_lock($gate);" >&"${gatekeeper[1]}"
    local answer
    read -r -u "${gatekeeper[0]}" answer
    expect_equal "$answer" shut 'the gate'
}

open_gate()
{
    echo '\q' >&"${gatekeeper[1]}"
    wait "$gatekeeper_pid"
}

# One process with many connections, none of which does anything.
crowd_the_server()
{
    echo 'SELECT pg_sleep(600)' >sleep.sql
    PGOPTIONS='-c application_name=application' setpriv --pdeathsig KILL \
        pgbench -n -c "$application" -T 600 -f "$PWD/sleep.sql" -h "$POSTGRES_DIR" -U app \
        "$(sql 'SELECT current_database()')" >pgbench.out 2>&1 &
    bench=$!
    wait_until 'the application is connected' application_is_connected
}

application_is_connected()
{
    [[ $(sql "SELECT count(*) FROM pg_stat_activity
              WHERE usename = 'app' AND query LIKE 'SELECT pg_sleep%'") == "$application" ]]
}

application_ends()
{
    kill -KILL "$bench"
    wait "$bench" 2>/dev/null || true
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE usename = 'app' AND query LIKE 'SELECT pg_sleep%'" >/dev/null
}

# Start `up` in the background: its output is in out.N and err.N, its pid in pids[N].
begin_up()
{
    local name=$1
    shift
    "$REDFERRY_PROGRAM" up "$@" >"out.$name" 2>"err.$name" &
    pids[$name]=$!
}

begin_crowd()
{
    local i
    declare -gA pids=()
    for ((i = 1; i <= crowd; i++)); do begin_up "$i"; done
}

all_wait()
{
    [[ $(cat err.* | grep -c '^redferry: applying 1 count$') == 1 ]] &&
        (($(grep -l '^redferry: waiting for ' err.* | wc -l) >= crowd - 1))
}

# Two seconds, while everybody asks at least once: whoever has more than one socket.
count_connections()
{
    local end=$((SECONDS + 3)) pid directories=()
    for pid in "${pids[@]}"; do directories+=("/proc/$pid/fd"); done
    while ((SECONDS < end)); do
        # A descriptor may be closed while find looks.
        { find "${directories[@]}" -lname 'socket:*' -printf '%h\n' 2>/dev/null || true; } |
            sort | uniq -c | awk '$1 > 1 { print $2 }'
    done | sort -u
}

# Wait for all of them; their exit codes in $codes, each once.
end_crowd()
{
    local i code
    declare -A seen=()
    for i in "${!pids[@]}"; do
        code=0
        wait "${pids[$i]}" || code=$?
        seen[$code]=1
    done
    codes=${!seen[*]}
}

crowd_meets()
{
    local holder
    be_app
    write_migration 1_count.yaml
    crowd_the_server
    close_gate
    begin_crowd
    wait_until 'all wait' all_wait
    holder=$(sql "SELECT pid FROM data_migration_runs WHERE status = 'running'")
    expect_equal "$(count_connections)" "/proc/$holder/fd" 'who has more than one connection'
    open_gate
    end_crowd
    application_ends
}

one_applies()
{
    crowd_meets <<YAML
up:
  - sql: SELECT pg_advisory_xact_lock($gate)
  - read: SELECT id FROM t
    key: id
    write:
      - INCR canary:\${id}
      - RPUSH list \${id}
    batch: 3
YAML
    expect_equal "$codes" 0 'the exit codes'
    expect_equal "$(cat out.* | grep -c '^applied 1 count')" 1 'how many applied it'
    expect_equal "$(cat out.* | grep -c '^nothing to do')" "$((crowd - 1))" 'how many found it applied'
    grep -qE 'waiting for ada on host .* \(pid [0-9]+\), running 1_count since 2' err.* ||
        fail 'nobody names the holder'
    grep -q 'waiting for the database: .*connection' err.* || fail 'nobody had to wait for a place'
    expect_equal "$(redis LRANGE list 0 -1 | tr '\n' ' ')" "$(seq -s ' ' 20) " 'the list'
    expect_equal "$(redis MGET $(seq -f canary:%g 20) | sort | uniq -c | xargs)" '20 1' 'the canaries'
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 1 'the runs'
}

none_tries_again()
{
    redis SET wrong text >/dev/null
    crowd_meets <<YAML
up:
  - sql: SELECT pg_advisory_xact_lock($gate)
  - write: SADD wrong member
YAML
    expect_equal "$codes" 1 'the exit codes'
    expect_equal "$(grep -l WRONGTYPE err.* | wc -l)" "$crowd" 'how many say why'
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 1 'the runs'
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations')" 0 'the entries'
}

with_database postgresql one_applies
with_database postgresql none_tries_again

# ---- who cannot connect ------------------------------------------------------------------------

says() { grep -q -- "$2" "err.$1"; }

# Whoever came while the first was at it ends as the first, also where it could not connect before
# that was over; who comes later tries again.
too_late_to_see_it_run()
{
    local code
    declare -gA pids=()
    be_app
    redis SET wrong text >/dev/null
    write_migration 1_count.yaml <<YAML
up:
  - sql: SELECT pg_advisory_xact_lock($gate)
  - write: SADD wrong member
YAML
    close_gate
    begin_up first
    wait_until 'the first one applies' says first applying
    sql 'ALTER ROLE app CONNECTION LIMIT 0'

    begin_up late
    begin_up stopped
    for code in late stopped; do
        wait_until "$code waits for a place" says "$code" 'waiting for the database: .*too many'
    done
    kill -TERM "${pids[stopped]}"
    code=0
    wait "${pids[stopped]}" || code=$?
    expect_equal "$code" 143 'the exit code of the stopped one'

    expect_exit 6 redferry up --lock-timeout 300ms
    expect_stderr_contains 'waiting for the database'
    expect_stderr_contains 'waited for 300ms (--lock-timeout): '
    expect_exit 6 redferry status --wait 300ms
    expect_stderr_contains 'waited for 300ms (--wait): '
    for code in 'status' 'history' 'up --on-lock fail' 'up --on-lock skip'; do
        # shellcheck disable=SC2086
        expect_exit 6 redferry $code
        expect_stderr_contains 'too many connections'
        expect_stderr_lacks 'wait'
    done

    open_gate
    for code in first late; do
        [[ $code == first ]] || sql 'ALTER ROLE app CONNECTION LIMIT -1'
        got=0
        wait "${pids[$code]}" || got=$?
        expect_equal "$got" 1 "the exit code of the $code one"
        says "$code" WRONGTYPE || fail "the $code one does not say why"
    done
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 1 'the runs'
    expect_exit 1 redferry up
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 2 'the runs, tried again'
}
with_database postgresql too_late_to_see_it_run

turns_everybody_away()
{
    [[ $(psql -XAtq -h "$POSTGRES_DIR" -U postgres -d postgres -c 'SELECT 1' 2>&1) == *'the database system is '* ]]
}

# A standby that lets nobody in answers as a server that starts, for as long as it is not promoted.
starting_up()
{
    declare -gA pids=()
    local code=0
    be_app
    write_migration 1_count.yaml <<'YAML'
up:
  - write: INCR canary
YAML
    sql CHECKPOINT
    stop_server "$POSTGRES_PID"
    servers_as_postgres touch "$PGDATA_DIR/standby.signal"
    servers_await() { wait_until 'it turns everybody away' turns_everybody_away; }
    start_postgres_in "$POSTGRES_DIR" -c hot_standby=off
    begin_up patient
    wait_until 'the patient one waits' says patient 'waiting for the database: .*the database system is '
    expect_exit 6 redferry status
    expect_stderr_contains 'the database system is '
    expect_stderr_lacks 'waiting'
    servers_as_postgres touch "$PGDATA_DIR/promote"
    kill -USR1 "$POSTGRES_PID"
    wait "${pids[patient]}" || code=$?
    ((code == 0)) || fail "the patient one ends with $code: $(<err.patient)"
    expect_equal "$(redis GET canary)" 1 'the canary'
}
with_database postgresql starting_up

# ---- what is said of the holder, and when to give up -------------------------------------------

options_are_kept()
{
    declare -gA pids=()
    local code=0 holder='ada on host .* \(pid '
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2)'
    write_migration 1_slow.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: INCR canary:${id}
    batch: 1
    pause: 60s
YAML
    REDFERRY_OPERATOR=ada begin_up first
    wait_until 'the first one applies' says first applying
    holder+="${pids[first]}\\), running 1_slow since 2.*Z"
    expect_exit 5 redferry up --on-lock fail
    grep -qE "^redferry: the lock is held by $holder; \`redferry watch 1\` follows it, --on-lock wait waits for its end\$" \
        "$ERR" || fail 'the holder, or what to type next, is not named'
    expect_stderr_lacks 'waiting'
    expect_exit 3 redferry up --on-lock skip
    grep -qE "^redferry: skipped: the lock is held by $holder; \`redferry watch 1\` follows it\$" "$ERR" ||
        fail 'the holder, or what to type next, is not named'
    expect_stderr_lacks 'waiting'
    expect_exit 5 redferry up --lock-timeout 1500ms
    expect_equal "$(grep -cE "^redferry: waiting for $holder" "$ERR")" 1 'how often it says that it waits'
    grep -qE "^redferry: the lock is still held after 1500ms \(--lock-timeout\) by $holder; \`redferry watch 1\`" \
        "$ERR" || fail 'the holder, or what to type next, is not named'
    expect_exit 5 env REDFERRY_LOCK_TIMEOUT=100ms REDFERRY_ON_LOCK=wait "$REDFERRY_PROGRAM" mark 1
    expect_exit 0 redferry status --on-lock fail
    kill -TERM "${pids[first]}"
    wait "${pids[first]}" || code=$?
    expect_equal "$code" 143 'the exit code of the first'
}
for_both_databases options_are_kept
