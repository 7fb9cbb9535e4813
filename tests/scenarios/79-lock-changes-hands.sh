#!/usr/bin/env bash
# Goal: in PostgreSQL the lock moves to a connection of its own once it was found to be free, and another
# runner may take it in that moment: whoever lost it waits like everybody else, with one connection, and
# finds everything applied. What else a run needs is connected to only by who has the lock, and once more
# where the server did not wait for it.
#
# needs: crash points
# not under valgrind: it is about who comes first
source "$(dirname "$0")/../support/scenario.sh"

readonly gate=4711

is_stopped() { [[ $(</proc/"$1"/stat) == *') T '* ]]; }
says() { grep -q -- "$2" "err.$1"; }

# begin_up NAME [CRASH]: its output is in out.NAME and err.NAME, its pid in pids[NAME].
begin_up()
{
    REDFERRY_CRASH_AT=${2-} REDFERRY_OPERATOR=$1 "$REDFERRY_PROGRAM" up >"out.$1" 2>"err.$1" &
    pids[$1]=$!
}

# ends_with NAME CODE
ends_with()
{
    local code=0
    wait "${pids[$1]}" || code=$?
    cp "out.$1" "$OUT"
    cp "err.$1" "$ERR"
    scenario_last="up ($1)"
    expect_equal "$code" "$2" 'the exit code'
}

# end_up NAME SAYS
end_up()
{
    ends_with "$1" 0
    expect_stdout_contains "$2"
}

sockets_of() { find "/proc/$1/fd" -lname 'socket:*' -printf . 2>/dev/null | wc -c; }
has_one_socket() { (($(sockets_of "$1") == 1)); }

# The database has its gate shut for a step of the migration.
shut_the_gate()
{
    coproc gatekeeper { exec psql -XAtq -d "$DB"; }
    gatekeeper_pid=$!
    echo "SELECT 'shut' FROM pg_advisory_lock($gate);" >&"${gatekeeper[1]}"
    local answer
    read -r -u "${gatekeeper[0]}" answer
    expect_equal "$answer" shut 'the gate'
}

open_the_gate()
{
    echo '\q' >&"${gatekeeper[1]}"
    wait "$gatekeeper_pid"
}

count_rows()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2)'
    write_migration 1_count.yaml <<YAML
up:
  - sql: SELECT pg_advisory_xact_lock_shared($gate)
  - read: SELECT id FROM t
    key: id
    write: RPUSH list \${id}
YAML
}

expect_one_run()
{
    expect_equal "$(redis LRANGE list 0 -1 | xargs)" '1 2' 'the list'
    expect_equal "$(sql 'SELECT operator, status FROM data_migration_runs')" 'quick|succeeded' 'the runs'
}

# ---- who comes in between is still at it -------------------------------------------------------

another_is_at_it()
{
    declare -A pids=()
    count_rows
    shut_the_gate
    begin_up slow 'lock given back:STOP'
    wait_until 'the slow one has given the lock back' is_stopped "${pids[slow]}"
    begin_up quick
    wait_until 'the quick one applies' says quick 'applying 1 count'
    kill -CONT "${pids[slow]}"
    wait_until 'the slow one waits for the quick one' says slow 'waiting for quick on host'
    wait_until 'the slow one keeps one connection' has_one_socket "${pids[slow]}"
    open_the_gate
    end_up quick 'applied 1 count'
    end_up slow 'nothing to do'
    expect_one_run
}

# ---- who crashed is not waited for -------------------------------------------------------------

# The ledger still says that the killed one runs, as long as who has the lock has not begun.
the_living_one_is_named()
{
    declare -A pids=()
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2)'
    write_migration 1_count.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: RPUSH list ${id}
YAML
    begin_up killed 'run begun:KILL'
    wait "${pids[killed]}" 2>/dev/null || true
    begin_up quick 'lock kept:STOP,run begun:STOP'
    wait_until 'the quick one has the lock' is_stopped "${pids[quick]}"
    begin_up slow
    wait_until 'the slow one waits' says slow 'waiting for another redferry that is starting or finishing$'
    begin_up impatient
    wait_until 'another one waits' says impatient 'waiting for '
    kill -TERM "${pids[impatient]}"
    ends_with impatient 143
    expect_stderr_contains 'redferry: stopped by SIGTERM while waiting for the lock'
    expect_exit 5 redferry up --on-lock fail
    expect_stderr_contains 'the lock is held by another redferry that is starting or finishing; `redferry watch` shows'
    redferry doctor >doctor.out || true
    grep -q 'lock: held by another redferry that is starting or finishing' doctor.out ||
        fail "the doctor names who is dead: $(<doctor.out)"
    kill -CONT "${pids[quick]}"
    wait_until 'the slow one knows for whom' says slow "waiting for quick on host .* (pid ${pids[quick]})"
    # At once, and not when it is time for another line.
    wait_until 'it says so' says slow "(pid ${pids[quick]}), .* since [^ ]*$"
    ! says slow "(pid ${pids[killed]})" || fail 'it waits for who is dead'
    wait_until 'the quick one has begun' is_stopped "${pids[quick]}"
    kill -CONT "${pids[quick]}"
    end_up quick 'applied 1 count'
    end_up slow 'nothing to do'
}

# ---- or has done all there was -----------------------------------------------------------------

another_has_done_it()
{
    declare -A pids=()
    count_rows
    begin_up slow 'lock given back:STOP'
    wait_until 'the slow one has given the lock back' is_stopped "${pids[slow]}"
    begin_up quick
    end_up quick 'applied 1 count'
    kill -CONT "${pids[slow]}"
    end_up slow 'nothing to do'
    expect_one_run
}

# ---- a server with room for the one only -------------------------------------------------------

# Whoever has the lock waits for the places that it still needs.
no_room_yet()
{
    declare -A pids=()
    count_rows
    sql "DO \$\$ BEGIN CREATE ROLE app LOGIN; EXCEPTION WHEN duplicate_object THEN END \$\$;
         GRANT ALL ON SCHEMA public TO app;
         GRANT SELECT ON t TO app;
         ALTER ROLE app CONNECTION LIMIT $1"
    REDFERRY_DATABASE=${DB/user=postgres/user=app} begin_up quick
    wait_until 'it waits for a place' says quick 'waiting for the database: .*too many connections'
    sql 'ALTER ROLE app CONNECTION LIMIT -1'
    end_up quick 'applied 1 count'
    expect_one_run
}

# ---- a server that does not wait for the reader ------------------------------------------------

# The pid of who has begun to connect, and has not said the password yet.
half_open()
{
    local pid
    for pid in $(<"/proc/$POSTGRES_PID/task/$POSTGRES_PID/children"); do
        ! grep -qs 'ferry .* authentication' "/proc/$pid/cmdline" || echo "$pid"
    done
}

is_half_open() { [[ -n $(half_open) ]]; }

# Whoever does not go on is thrown out after authentication_timeout; here, at once.
reader_is_given_up()
{
    declare -A pids=()
    sql "CREATE ROLE ferry LOGIN SUPERUSER PASSWORD 'x'; CREATE TABLE t (id integer PRIMARY KEY);
         INSERT INTO t VALUES (1), (2)"
    sed -i '1i local all ferry scram-sha-256' "$(sql 'SHOW hba_file')"
    sql 'SELECT pg_reload_conf()' >/dev/null
    write_migration 1_wait.yaml <<YAML
up:
  - sql: SELECT pg_advisory_xact_lock_shared($gate)
YAML
    write_migration 2_count.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: RPUSH list ${id}
YAML
    shut_the_gate
    PGPASSWORD=x REDFERRY_DATABASE=${DB/user=postgres/user=ferry} begin_up quick
    wait_until 'the first one is under way' says quick 'applying 1 wait'
    wait_until 'the reader is on its way' is_half_open
    kill "$(half_open)"
    wait_until 'the reader is gone' eval '! is_half_open'
    open_the_gate
    end_up quick 'applied 2 count'
    expect_equal "$(redis LRANGE list 0 -1 | xargs)" '1 2' 'the list'
}

with_database postgresql another_is_at_it
with_database postgresql another_has_done_it
for_both_databases the_living_one_is_named
with_database postgresql no_room_yet 1
with_database postgresql no_room_yet 2
with_database postgresql reader_is_given_up
