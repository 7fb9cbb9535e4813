#!/usr/bin/env bash
# Goal: an operator pauses, resumes and cancels a run from another shell. It obeys within two seconds,
# whatever it is waiting for; while it is paused it keeps no statement, snapshot or lock of the data
# open; it goes on where it was, every row exactly once; a cancelled one waits for an operator. A run
# that has crashed is said to have at once. The last request stands, and nobody is left in the dark.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/gate.sh"

# The two seconds, and what a machine may need that has other things to do.
most_us=4000000
slowest_us=0

# ---- words -------------------------------------------------------------------------------------

now_us() { awk '{ printf "%.0f\n", $1 * 1000000 }' /proc/uptime; } # monotonic, to 10 ms

# obeys COMMAND…: exit code 0, in time.
obeys()
{
    local begun took
    begun=$(now_us)
    expect_exit 0 "$@" # in time
    took=$(($(now_us) - begun))
    ((took < most_us)) || fail "it took $((took / 1000)) ms"
    ((took <= slowest_us)) || slowest_us=$took
}

by() { REDFERRY_OPERATOR=$1 redferry "${@:2}"; }

run_says() { sql "SELECT $1 FROM data_migration_runs ORDER BY id DESC LIMIT 1"; }
says() { grep -qs -- "$1" "$2"; }

# expect_in FILE TEXT…
expect_in()
{
    local text
    for text in "${@:2}"; do
        grep -qF -- "$text" "$1" || fail "expected in $1: '$text', found: $(<"$1")"
    done
}

fill()
{
    sql 'CREATE TABLE slow (f integer); INSERT INTO slow VALUES (1); CREATE TABLE t (id integer PRIMARY KEY)'
    sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
         INSERT INTO t SELECT i FROM n"
}

# Each row takes milliseconds to be read, until `quicken`: so there is time to ask for something, also where
# the machine has other things to do.
slowly()
{
    if [[ $DIALECT == postgresql ]]; then
        echo "repeat('x', 2000) || pg_sleep(0.005 * (SELECT f FROM slow))" # PostgreSQL sends 8 KiB at once
    else
        echo '(WITH RECURSIVE n(i) AS (SELECT t.id UNION ALL SELECT i + 1 FROM n
               WHERE i < t.id + 10000 * (SELECT f FROM slow)) SELECT max(i) FROM n)'
    fi
}

# So that PostgreSQL computes each row as it is sent, and not all of them to sort them.
in_order() { [[ $DIALECT != postgresql ]] || echo ' ORDER BY id'; }

quicken() { sql 'UPDATE slow SET f = 0'; }

# Commands that must not happen twice.
write_counting()
{
    write_migration 1_count.yaml <<YAML
up:
  - name: rows
    read: |
      SELECT id, $(slowly) AS slow FROM t$(in_order)
    key: id
    write:
      - INCR canary:\${id}
      - RPUSH list \${id}
    batch: ${1:-10}
    ${2:-}
down:
  - write: DEL list
YAML
}

has_rows() { (($(redis LLEN list) >= $1)); }

expect_each_once()
{
    expect_equal "$(redis LLEN list)" "$rows" 'the length of the list'
    redis LRANGE list 0 -1 >got
    seq 1 "$rows" | cmp -s - got || fail 'the list is not every row once'
    redis EVAL "local n = 0
        for i = 1, $rows do if redis.call('GET', 'canary:' .. i) == '1' then n = n + 1 end end
        return n" 0 >got
    expect_equal "$(<got)" "$rows" 'canaries that are 1'
}

begin_counting()
{
    fill
    write_counting "$@"
    REDFERRY_OPERATOR=ana begin_up
    wait_for 'some rows' has_rows 20
}

# ---- a pause -----------------------------------------------------------------------------------

# Nobody has the table, or a snapshot; the lock's transaction is between two statements by design.
has_nothing_open()
{
    [[ $(sql "SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'redferry' AND datname = current_database()
          AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL OR (state <> 'idle' AND NOT
              (state = 'idle in transaction'
               AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory'))))") == 0 &&
    $(sql "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND pid <> pg_backend_pid()") == 0 ]]
}

expect_nothing_open()
{
    if [[ $DIALECT == postgresql ]]; then
        wait_for 'a moment in which nothing is open' has_nothing_open
        sql "SET lock_timeout = '1s'; ALTER TABLE t ADD COLUMN more integer"
    else
        # Only the moment in which the ledger itself is written may be met.
        wait_for 'a writer' sqlite3 -batch -bail test.db 'BEGIN EXCLUSIVE; INSERT INTO t VALUES (999999);
            DELETE FROM t WHERE id = 999999; COMMIT;'
        [[ ${1:-} != wal ]] || wait_for 'a checkpoint of all' truncates
    fi
}

truncates() { [[ $(sqlite3 -batch test.db 'PRAGMA wal_checkpoint(TRUNCATE)') == 0\|* ]]; }
moves() { [[ $(run_says updated_at) != "$1" ]]; }

pauses_and_goes_on()
{
    local rows=3000 length waiter
    [[ ${1:-} != wal ]] || { sql 'CREATE TABLE w (a)' && sql 'PRAGMA journal_mode = wal' >/dev/null; }
    REDFERRY_LOG_FORMAT=json begin_counting 1
    obeys by ben pause
    expect_stdout_contains 'paused run 1 (1_count): step 1 '"'rows', "
    expect_equal "$(run_says "status || ' ' || coalesce(request, '-') || ' ' || requested_by")" \
        'paused - ben' 'the run'
    expect_nothing_open "${1:-}"
    length=$(redis LLEN list)
    wait_for 'the run to be heard of' moves "$(run_says updated_at)"
    expect_equal "$(redis LLEN list)" "$length" 'the rows while it is paused'
    expect_equal "$(run_says "cursor || ' ' || rows_read")" "[$length] $length" 'where it stands'
    expect_exit 0 redferry status
    expect_stdout_contains 'paused'
    expect_exit 0 redferry pause
    expect_stdout_contains 'run 1 (1_count) is paused already, by ben'

    "$REDFERRY_PROGRAM" up >second.out 2>second.err &
    waiter=$!
    quicken
    wait_for 'the second to say whom it waits for' says 'waiting for ana .* paused by ben' second.err
    obeys by cem resume
    expect_stdout_contains 'resumed run 1 (1_count)'
    expect_up 0
    expect_stderr_contains 'run 1 is paused by ben; `redferry resume 1` has it go on'
    expect_stderr_contains 'run 1 goes on: resumed by cem'
    sed -n 's/.*"event":"\(paused\|resumed\)".*"rows":\([0-9]*\),.*"step_rows":\([0-9]*\),.*/\1 \2 \3/p' \
        "$ERR" >told
    expect_equal "$(cut -d ' ' -f 1 told | uniq | paste -sd ' ')" 'paused resumed' 'what it told of'
    expect_equal "$(awk '$2 != $3' told)" '' 'lines whose step_rows are not the rows of the only step'
    wait "$waiter" || fail "the second: $(<second.err)"
    expect_each_once
    expect_exit 4 redferry pause 1
    expect_stderr_contains 'run 1 of 1_count has ended: succeeded; `redferry down --only 1` undoes it'
}

# It sleeps between two batches, for longer than anybody waits.
pauses_while_it_sleeps()
{
    local rows=60
    begin_counting 20 'pause: 60s'
    obeys redferry pause 1
    obeys redferry resume
    kill -TERM "$up"
    expect_up 143
    expect_exit 0 redferry up --pause 0
    expect_each_once
}

# What was read of the next batch is not sent; it is read again.
pauses_while_rows_are_slow()
{
    local rows=40 length
    local slow="repeat('x', 2000) || pg_sleep(CASE WHEN id > 25 THEN 60 * (SELECT f FROM slow) ELSE 0 END)"
    fill
    if [[ $DIALECT == sqlite ]]; then
        slow='(WITH RECURSIVE n(i) AS (SELECT t.id UNION ALL SELECT i + 1 FROM n WHERE i < 300000 *
               (SELECT f FROM slow) * (t.id > 25)) SELECT max(i) FROM n)'
    fi
    write_migration 1_slow.yaml <<YAML
up:
  - read: |
      SELECT id, $slow AS slow FROM t$(in_order)
    key: id
    write: ['INCR canary:\${id}', 'RPUSH list \${id}']
    batch: 20
YAML
    begin_up
    wait_for 'the first batch' has_rows 20
    obeys redferry pause
    length=$(redis LLEN list)
    expect_equal "$(run_says "status || cursor")" "paused[$length]" 'the run'
    [[ $DIALECT != postgresql ]] || wait_for 'a moment in which nothing is open' has_nothing_open
    quicken
    obeys redferry resume
    expect_up 0
    expect_each_once
}

# In SQLite's rollback mode one statement keeps everybody from writing, a request as well.
starts_over_without_a_key()
{
    local rows=3000
    [[ $DIALECT != sqlite ]] || sql 'PRAGMA journal_mode = wal' >/dev/null
    fill
    write_migration 1_all.yaml <<YAML
up:
  - name: all
    read: SELECT id, $(slowly | tr -d '\n') AS slow FROM t
    write: ['SET copy:\${id} \${id}', 'SADD list \${id}']
    batch: 1
YAML
    begin_up
    wait_for 'some rows' has_members 20
    obeys redferry pause
    expect_equal "$(run_says "status || ' ' || coalesce(cursor, 'from the start')")" \
        'paused from the start' 'the run'
    expect_nothing_open
    sql 'DELETE FROM t WHERE id > 500'
    quicken
    obeys redferry resume
    expect_up 0
    expect_stderr_contains "step 'all' has no \`key\`, so it starts over"
    expect_equal "$(redis EXISTS copy:500)" 1 'the last row'
}

has_members() { (($(redis SCARD list) >= $1)); }

# ---- stopped while it is paused ------------------------------------------------------------------

ends_while_it_is_paused()
{
    local rows=3000
    begin_counting 1
    obeys redferry pause
    kill -INT "$up"
    expect_up 130
    expect_equal "$(run_says status)" interrupted 'the run'

    ask_from_the_beginning
    begin_up --max-time 1s
    expect_up 3
    ask_no_more
    expect_stderr_contains 'run 2 is paused by ben'
    expect_stderr_contains '--max-time is over'
    expect_equal "$(run_says status)" interrupted 'the run'

    begin_up
    wait_for 'the run to go on' eval '[[ $(run_says status) == running ]]'
    obeys redferry pause
    kill -KILL "$up"
    wait "$up" 2>/dev/null || true
    expect_equal "$(run_says status)" paused 'what the ledger says'
    expect_exit 0 redferry status
    expect_stdout_contains crashed
    at_once 4 redferry resume
    expect_stderr_contains 'run 3 of 1_count has crashed: it says that it runs '
    expect_stderr_contains 'and nobody holds the lock; `redferry run 1` goes on with it'
    quicken
    expect_exit 0 redferry up
    expect_each_once
}

# A run is asked to pause in the moment in which it begins: nobody has to be quicker than --max-time.
ask_from_the_beginning()
{
    local update="UPDATE data_migration_runs SET request = 'pause', requested_by = 'ben',
        requested_at = started_at WHERE id = NEW.id;"
    if [[ $DIALECT == sqlite ]]; then
        sql "CREATE TRIGGER ask AFTER INSERT ON data_migration_runs BEGIN $update END"
    else
        sql "CREATE FUNCTION ask() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN $update RETURN NULL; END \$\$;
             CREATE TRIGGER ask AFTER INSERT ON data_migration_runs FOR EACH ROW EXECUTE FUNCTION ask()"
    fi
}

ask_no_more()
{
    sql "DROP TRIGGER ask$([[ $DIALECT == sqlite ]] || echo ' ON data_migration_runs')"
}

# at_once CODE COMMAND…
at_once()
{
    local begun
    begun=$(now_us)
    expect_exit "$@"
    (($(now_us) - begun < 3000000)) || fail 'it was not at once'
}

# ---- cancelled -----------------------------------------------------------------------------------

cancels_and_goes_on()
{
    local rows=3000 waiter code=0
    begin_counting 1
    "$REDFERRY_PROGRAM" up >second.out 2>second.err &
    waiter=$!
    wait_for 'the second to wait' says 'waiting for ana' second.err
    obeys by ben cancel 1
    expect_stdout_contains 'cancelled run 1 (1_count): `redferry run 1` goes on with it, `redferry down --only 1` undoes it'
    expect_up 4
    expect_stderr_contains "step 'rows': cancelled by ben: \`redferry run 1\` goes on with it, \`redferry down --only 1\` undoes it"
    wait "$waiter" || code=$?
    expect_equal "$code" 4 'the exit code of the second'
    expect_equal "$(run_says "status || ' ' || coalesce(request, '-') || ' ' || requested_by")" \
        'cancelled - ben' 'the run'
    expect_exit 0 redferry status
    expect_stdout_contains cancelled
    expect_exit 4 redferry up
    expect_stderr_contains '1_count was cancelled: `redferry run 1` goes on with it, `redferry down --only 1` undoes it'
    mv data_migrations/1_count.yaml . # what the ledger keeps can still undo it
    expect_exit 4 redferry up
    expect_stderr_contains 'put it back, and `redferry run 1` goes on with it, or `redferry down --only 1` undoes it'
    mv 1_count.yaml data_migrations
    quicken
    expect_exit 0 redferry cancel 1
    expect_stdout_contains 'run 1 (1_count) is cancelled already, by ben'
    expect_exit 0 redferry run 1
    expect_each_once
}

cancels_and_undoes()
{
    local rows=3000
    begin_counting 1
    obeys redferry pause
    obeys redferry cancel
    expect_up 4
    expect_exit 0 redferry down --only 1
    expect_equal "$(redis EXISTS list)" 0 'the list'
    expect_exit 0 redferry status
    expect_stdout_contains '1 pending, 0 applied'
}

# Who asked has been told that it stands, and may have gone home.
a_wish_outlives_its_run()
{
    local rows=3000
    fill
    write_counting 1
    begin_up
    wait_for 'some rows' has_rows 20
    kill -KILL "$up"
    wait "$up" 2>/dev/null || true
    sql "UPDATE data_migration_runs SET request = 'cancel', requested_by = 'ben'"
    expect_exit 0 redferry status
    expect_stdout_contains ' cancelled '
    expect_exit 4 redferry up
    expect_stderr_contains '1_count was cancelled: `redferry run 1` goes on with it'
    echo 'up: [{write: SET other 1}]' >data_migrations/2_other.yaml
    expect_exit 0 redferry run 2 # which ends what still says that it runs
    expect_equal "$(sql 'SELECT status, request FROM data_migration_runs WHERE id = 1' | tr -d '|')" cancelled 'the run'
    expect_exit 4 redferry up
    expect_exit 0 redferry run 1
    expect_equal "$(redis LLEN list)" 3000 'the list'
}

cancels_what_has_crashed()
{
    local rows=3000
    fill
    write_counting 1
    sed -i '/^down:/,$d' data_migrations/1_count.yaml # so that nobody is told to undo it
    begin_up
    wait_for 'some rows' has_rows 20
    kill -KILL "$up"
    wait "$up" 2>/dev/null || true
    at_once 4 redferry pause
    expect_stderr_contains 'has crashed'
    at_once 0 by ben cancel
    expect_stdout_contains 'cancelled run 1 (1_count), which had crashed: `redferry run 1` goes on with it'
    expect_stdout_lacks 'down --only'
    expect_equal "$(run_says "status || ' ' || requested_by || ' ' || error")" \
        'cancelled ben it had crashed, and was cancelled by ben' 'the run'
    expect_exit 4 redferry up
    expect_stderr_lacks 'down --only'
    mv data_migrations/1_count.yaml .
    expect_exit 4 redferry up
    expect_stderr_contains '1_count was cancelled: it has no file: put it back, and `redferry run 1` goes on with it'
    expect_stderr_lacks 'down --only'
    expect_exit 0 redferry status
    expect_stdout_lacks 'down --only'
    mv 1_count.yaml data_migrations
    quicken
    expect_exit 0 redferry run 1
    expect_each_once
}

# ---- two operators -------------------------------------------------------------------------------

the_last_request_stands()
{
    local rows=3000 first second code=0
    fill
    write_counting 1
    sed -i '/^down:/,$d' data_migrations/1_count.yaml
    REDFERRY_OPERATOR=ana begin_up
    wait_for 'some rows' has_rows 20
    kill -STOP "$REDIS_PID" # what is in flight is waited for
    REDFERRY_OPERATOR=ben "$REDFERRY_PROGRAM" pause --json >ben.out 2>ben.err &
    first=$!
    wait_for 'the first request' eval '[[ $(run_says request) == pause ]]'
    REDFERRY_OPERATOR=cem "$REDFERRY_PROGRAM" cancel --json >cem.out 2>cem.err &
    second=$!
    wait "$first" || code=$?
    expect_equal "$code" 4 'the exit code of the first'
    [[ $(<ben.err) == *'cem has asked for `cancel` instead'* ]] || fail "the first: $(<ben.err)"
    expect_in ben.out '"result": "overtaken"' '"status": "running"' '"request": "cancel"'
    kill -CONT "$REDIS_PID"
    code=0
    wait "$second" || code=$?
    expect_equal "$code" 0 'the exit code of the second'
    expect_in cem.out '"result": "obeyed"' '"request": "pause"' '"by": "ben"' '"status": "cancelled"'
    expect_up 4
    expect_stderr_contains 'cancelled by cem: `redferry run 1` goes on'
    expect_stderr_lacks 'down --only'
}

# Nobody obeys while it hangs; what was asked stands.
is_not_obeyed_yet()
{
    local rows=3000
    begin_counting 1
    kill -STOP "$REDIS_PID" # what is in flight is waited for
    expect_exit 3 redferry pause
    expect_stderr_contains 'run 1 has not obeyed yet: `pause` stands'
    kill -CONT "$REDIS_PID"
    wait_for 'the pause' eval '[[ $(run_says status) == paused ]]'
    obeys redferry cancel
    expect_up 4
}

# ---- steps that are not to be divided --------------------------------------------------------------

# An `sql` step is one statement: it is obeyed behind it, and until then cannot even be asked.
within_an_sql_step()
{
    local rows=3000
    fill
    write_migration 1_sql.yaml <<YAML
up:
  - sql: SELECT pg_sleep(7)
  - name: then
    read: SELECT id, $(slowly) AS slow FROM t$(in_order)
    key: id
    write: ['INCR canary:\${id}', 'RPUSH list \${id}']
YAML
    begin_up
    wait_for 'the statement' sleeps
    expect_exit 5 redferry pause
    expect_stderr_contains "run 1 is in an \`sql\` step ('step 1')"
    obeys redferry pause
    expect_equal "$(run_says "status || ' ' || step_name")" 'paused then' 'the run'
    quicken
    obeys redferry resume
    expect_up 0
    expect_each_once
}

sleeps() { [[ $(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()") != 0 ]]; }

# ---- nothing to ask --------------------------------------------------------------------------------

has_clear_answers()
{
    local command
    sql 'CREATE TABLE t (id integer PRIMARY KEY)'
    rmdir data_migrations # a host that only operates has none
    for command in pause resume cancel; do
        expect_exit 4 redferry "$command"
        expect_stderr_contains "nothing is running that could be asked to $command"
        expect_exit 2 redferry "$command" 7
        expect_stderr_contains 'there is no run 7 (`redferry history` lists them)'
        expect_exit 2 redferry "$command" 1_x
        expect_stderr_contains "'1_x' is not the number of a run"
    done
    mkdir data_migrations
    expect_exit 0 redferry init
    expect_exit 4 redferry pause --json
    expect_in "$OUT" '"request": "pause"' '"result": null' '"run": null' '"replaced": null' '"exit": 4'
}

for_both_databases has_clear_answers
for_both_databases pauses_and_goes_on
with_database sqlite pauses_and_goes_on wal
with_database sqlite pauses_while_it_sleeps
for_both_databases pauses_while_rows_are_slow
for_both_databases starts_over_without_a_key
for_both_databases ends_while_it_is_paused
for_both_databases cancels_and_goes_on
with_database postgresql cancels_and_undoes
for_both_databases cancels_what_has_crashed
for_both_databases a_wish_outlives_its_run
with_database sqlite the_last_request_stands
with_database postgresql is_not_obeyed_yet
with_database postgresql within_an_sql_step
printf 'the slowest to obey took %d ms\n' $((slowest_us / 1000))
