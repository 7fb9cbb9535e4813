#!/usr/bin/env bash
# Goal: another program has locked what redferry reads or writes: the rows' tables, the ledger's, a SQLite
# file. Who it is, is said, once; an operator is obeyed within two seconds all the same, as are signals and
# --max-time; and --on-lock and --lock-timeout mean this lock, too. Who waited for a run that failed ends as
# it did.
source "$(dirname "$0")/../support/scenario.sh"
DOCS=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../docs" && pwd)

# The two seconds, and what a machine may need that has other things to do.
most_us=4000000

now_us() { awk '{ printf "%.0f\n", $1 * 1000000 }' /proc/uptime; }

# in_time CODE COMMAND…
in_time()
{
    local begun
    begun=$(now_us)
    expect_exit "$@" # in time
    (($(now_us) - begun < most_us)) || fail "it took $((($(now_us) - begun) / 1000)) ms"
}

run_says() { sql "SELECT $1 FROM data_migration_runs ORDER BY id DESC LIMIT 1"; }
is_said() { [[ $(run_says "$1") == "$2" ]]; }
says() { grep -qsF -- "$1" "$2"; }
moves() { [[ $(run_says updated_at) != "$1" ]]; }

# ---- the other program -------------------------------------------------------------------------

other=

# locks STATEMENT [FILE]: another program begins a transaction, and keeps it until let_go; in SQLite it has
# the whole file.
locks()
{
    [[ -p orders ]] || mkfifo orders
    rm -f locked
    if [[ $DIALECT == postgresql ]]; then
        PGAPPNAME=nightly psql -XAtq -v ON_ERROR_STOP=1 -d "$DB" <orders >other.out 2>&1 &
    else
        sqlite3 -batch -bail -init /dev/null "${2:-${DB#sqlite:}}" <orders >other.out 2>&1 &
    fi
    other=$!
    exec 7>orders
    if [[ $DIALECT == postgresql ]]; then
        printf 'BEGIN; %s;\n\\! touch locked\n' "$1" >&7
    else
        printf '.timeout 20000\nBEGIN EXCLUSIVE;\n.shell touch locked\n' >&7
    fi
    wait_for 'the lock' test -e locked
}

let_go()
{
    [[ -n $other ]] || return 0
    printf "COMMIT;\n" >&7
    exec 7>&-
    wait "$other" || true
    other=
}

end_scenario()
{
    let_go
    servers_finish
}
trap end_scenario EXIT

# ---- what is read ------------------------------------------------------------------------------

copies_flags()
{
    write_migration 1_copy.yaml <<YAML
up:
  - name: flags
    read: SELECT id FROM flags
    ${1:+from: $1}
    key: id
    write: RPUSH list \${id}
    batch: 1
    pause: 10ms
down:
  - write: DEL list
YAML
}

begin_up()
{
    : >up.err # what an earlier one said must not be taken for what this one says
    "$REDFERRY_PROGRAM" up "$@" >up.out 2>up.err 7>&- &
    up=$!
}

# ended CODE: `up` has ended with it, in time from now.
ended()
{
    local code=0 begun
    begun=$(now_us)
    wait "$up" || code=$?
    [[ $code == "$1" ]] || fail "up ended with $code, not $1: $(<up.err)"
    (($(now_us) - begun < most_us)) || fail "up took $((($(now_us) - begun) / 1000)) ms to end"
}

# asks_in_vain: of what is queued for the table, nothing is left.
nobody_queues() { [[ $(sql "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0 ]]; }

# The table is locked before its query can even be described.
obeys_before_it_reads()
{
    local holder=$1
    begin_up
    wait_for 'the wait' says "$holder" up.err
    wait_for 'the run to be heard of' moves "$(run_says updated_at)"
    in_time 0 redferry pause
    is_said status paused || fail 'it is not paused'
    [[ $DIALECT != postgresql ]] || wait_for 'nobody in the queue for the table' nobody_queues
    wait_for 'the run to be heard of' moves "$(run_says updated_at)"
    in_time 0 redferry resume
    wait_for 'the wait, once more' eval '(($(grep -cF "$holder" up.err) >= 2))'
    in_time 0 redferry cancel
    ended 4
    expect_equal "$(run_says status)" cancelled 'the run'
}

ends_before_it_reads()
{
    in_time 3 redferry run 1 --max-time 1s
    expect_stderr_contains '--max-time is over; `redferry up` goes on'
    expect_equal "$(run_says status)" interrupted 'the run'
    begin_up
    wait_for 'the wait' says "$1" up.err
    kill -TERM "$up"
    ended 143
    expect_equal "$(run_says status)" interrupted 'the run'
}

# It rests between two batches; then somebody locks the table. Whatever --on-lock says, that is waited for
# by now, and so it is told.
obeys_in_the_middle()
{
    let_go
    begin_up --on-lock fail
    wait_for 'a row' eval '(($(redis LLEN list) >= 2))'
    locks 'LOCK TABLE flags' other.db
    wait_for 'the wait' says "$1" up.err
    in_time 0 redferry pause
    let_go
    in_time 0 redferry resume
    wait "$up" || fail "up: $(<up.err)"
    expect_equal "$(redis LLEN list)" 60 'the rows, each once'
}

the_rows_are_locked()
{
    local file=
    if [[ $DIALECT == sqlite ]]; then
        file=$PWD/other.db
        DB=$file sql 'CREATE TABLE flags (id integer PRIMARY KEY)'
        export OTHER_URL=$file
        sql 'CREATE TABLE application (id integer)'
        copies_flags OTHER_URL
    else
        sql 'CREATE TABLE flags (id integer PRIMARY KEY)'
        copies_flags
    fi
    DB=${file:-$DB} sql 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
        INSERT INTO flags SELECT i FROM n'
    expect_exit 0 redferry init
    locks 'LOCK TABLE flags' "$file"
    local who="waiting for the tables that are read, locked by nightly (role postgres, pid "
    [[ $DIALECT == postgresql ]] || who="waiting for '$file', locked by another program"
    obeys_before_it_reads "$who"
    ends_before_it_reads "$who"
    obeys_in_the_middle "$who"
}

# A pause ends the wait, and with it the connection that the step before knows, too; and for another one
# there is no room at first.
no_room_behind_the_pause()
{
    sql 'CREATE ROLE ferry LOGIN; GRANT ALL ON SCHEMA public TO ferry; CREATE TABLE flags (id integer PRIMARY KEY);
         CREATE TABLE late (id integer PRIMARY KEY); INSERT INTO flags VALUES (1), (2); INSERT INTO late VALUES (3);
         GRANT SELECT ON flags, late TO ferry'
    write_migration 1_copy.yaml <<'YAML'
up:
  - name: flags
    read: SELECT id FROM flags
    key: id
    write: RPUSH list ${id}
  - name: late
    read: SELECT id FROM late
    key: id
    write: RPUSH list ${id}
YAML
    locks 'LOCK TABLE late'
    REDFERRY_DATABASE=${DB/user=postgres/user=ferry} begin_up
    wait_for 'the wait' says 'waiting for the tables that are read' up.err
    in_time 0 redferry pause
    wait_for 'nobody in the queue for the table' nobody_queues
    sql 'ALTER ROLE ferry CONNECTION LIMIT 1'
    in_time 0 redferry resume
    wait_for 'the wait for room' says 'too many connections for role' up.err
    sql 'ALTER ROLE ferry CONNECTION LIMIT -1'
    let_go
    wait "$up" || fail "up: $(<up.err)"
    expect_equal "$(redis LRANGE list 0 -1 | xargs)" '1 2 3' 'the rows, each once'
}

# Where it is the ledger's own file, nobody can ask for anything; but the time is over all the same.
the_only_file_is_locked()
{
    sql 'CREATE TABLE flags (id integer PRIMARY KEY); INSERT INTO flags VALUES (1), (2), (3)'
    copies_flags
    begin_up --pause 1s --max-time 3s
    wait_for 'a row' eval '(($(redis LLEN list) >= 1))'
    locks ''
    PATIENCE=20 wait_for 'its end' eval '! kill -0 $up'
    let_go
    ended 3
    says 'locked by another program' up.err || fail "nobody said why: $(<up.err)"
    expect_exit 0 redferry up
    expect_equal "$(redis LRANGE list 0 -1 | tr '\n' ' ')" '1 2 3 ' 'the rows, each once'
}

# ---- the ledger --------------------------------------------------------------------------------

# held_up_by TABLE WHO: `up`, with nothing or something to do, waits as it would for redferry's own lock.
held_up_by()
{
    local who=$2
    locks "LOCK TABLE $1"
    in_time 5 redferry up --on-lock fail
    expect_stderr_contains "it would have to wait for $who"
    in_time 3 redferry up --on-lock skip
    expect_stderr_contains "skipped: it would have to wait for $who"
    in_time 5 redferry up --lock-timeout 1s
    expect_stderr_contains "waiting for $who"
    expect_stderr_contains "waited 1s (--lock-timeout) for $who"
    expect_equal "$(grep -c 'waiting for' "$ERR")" 1 'how often that is said'
    begin_up
    wait_for 'the wait' says "waiting for $who" up.err
    kill -INT "$up"
    ended 130
    begin_up
    wait_for 'the wait' says "waiting for $who" up.err
    let_go
    wait "$up" || fail "up: $(<up.err)"
}

# said_as_documented TITLE: as docs/commands.md shows it, but for who, which process and since when.
said_as_documented()
{
    local page="$DOCS/commands.md" shown
    shown=$(awk -v title="<!-- $1 -->" '$0 == title { getline; getline; print; exit }' "$page")
    whoever() { sed 's/by [a-z]* (role [a-z]*, pid [0-9]*,/by X (role X, pid N,/; s/since [0-9TZ.:-]*)/since T)/'; }
    [[ $shown == waiting* ]] || fail "docs/commands.md has no such example: '$shown'"
    grep -o 'waiting for .*' up.err | whoever | grep -qxF -- "$(whoever <<<"$shown")" ||
        fail "docs/commands.md shows '$shown', said was: $(<up.err)"
}

the_ledger_is_locked()
{
    sql 'CREATE TABLE flags (id integer PRIMARY KEY); INSERT INTO flags VALUES (1), (2), (3)'
    copies_flags
    expect_exit 0 redferry up
    local who="the ledger's tables, locked by nightly (role postgres, pid "
    [[ $DIALECT == postgresql ]] || who="'${DB#sqlite:}', locked by another program"
    held_up_by data_migrations "$who" # with nothing to do
    says 'nothing to do' up.out || fail "up: $(<up.out)"
    locks 'LOCK TABLE data_migrations'
    in_time 5 redferry status --on-lock fail
    in_time 5 redferry status --lock-timeout 600ms
    let_go
    [[ $DIALECT == postgresql ]] || return 0
    sed 's/list/again/' data_migrations/1_copy.yaml >data_migrations/2_copy.yaml
    held_up_by data_migration_ledger "$who"
    says 'applied 2 copy' up.out || fail "up: $(<up.out)"
    said_as_documented 'waiting for a lock'
    locks 'SELECT FROM data_migration_ledger FOR UPDATE' # no table, but the row
    in_time 5 redferry mark 2 --on-lock fail
    let_go
}

# ---- redferry's own lock -----------------------------------------------------------------------

# Whoever waited for a run that failed ends as that did, whatever its exit code was.
the_awaited_one_fails()
{
    local code=0 second
    sql 'CREATE TABLE flags (id integer PRIMARY KEY); INSERT INTO flags VALUES (1), (2), (3)'
    write_migration 1_copy.yaml <<'YAML'
up:
  - read: SELECT id FROM flags
    key: id
    write: RPUSH list ${id}
    batch: 1
    pause: 700ms
  - sql: CREATE TABLE made (id integer)
  - name: elsewhere
    read: SELECT 1 AS id
    from: ELSEWHERE
    write: SET x ${id}
YAML
    export ELSEWHERE=sqlite:$PWD/nowhere.db
    begin_up
    wait_for 'a row' eval '(($(redis LLEN list) >= 1))'
    "$REDFERRY_PROGRAM" up >second.out 2>second.err &
    second=$!
    wait_for 'the second to wait' says 'waiting for ' second.err
    wait "$second" || code=$?
    ended 6
    expect_equal "$code" 6 'the exit code of the one that waited'
    says '1_copy failed on host ' second.err || fail "the second: $(<second.err)"
    ! says 'exit code' second.err || fail "the second: $(<second.err)"
    [[ $(run_says error) == *"cannot open '$PWD/nowhere.db'"*' (exit code 6)' ]] ||
        fail "the ledger says: $(run_says error)"
}

for_both_databases the_rows_are_locked
with_database postgresql no_room_behind_the_pause
with_database sqlite the_only_file_is_locked
for_both_databases the_ledger_is_locked
for_both_databases the_awaited_one_fails
