#!/usr/bin/env bash
# Goal: `watch` follows a run from another shell, as if it were an own one: its steps, how far it is, who
# paused it, how it ends; it sees a crash at once, changes nothing, and to end it does not end the run.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/gate.sh"

now_us() { awk '{ printf "%.0f\n", $1 * 1000000 }' /proc/uptime; } # monotonic, to 10 ms
says() { grep -qs -- "$1" "$2"; }
has_rows() { (($(redis LLEN list) >= $1)); }

begin_watch()
{
    "$REDFERRY_PROGRAM" watch "$@" >watch.out 2>watch.err &
    watch=$!
}

expect_watch()
{
    local code=0
    wait "$watch" || code=$?
    scenario_last='watch, in the background'
    cp watch.out "$OUT"
    cp watch.err "$ERR"
    ((code == $1)) || fail "expected exit code $1, got $code"
}

# Two steps of slow rows. What was not begun when SLOW is emptied is quick.
begin_run()
{
    local slow='(WITH RECURSIVE n(i) AS (SELECT t.id UNION ALL SELECT i + 1 FROM n
               WHERE i < t.id + 10000 * (SELECT f FROM slow)) SELECT max(i) FROM n)'
    local order=
    # So that PostgreSQL computes each row as it is sent, 8 KiB at once, and not all of them to sort them.
    [[ $DIALECT != postgresql ]] ||
        slow="repeat('x', 2000) || pg_sleep(0.002 * (SELECT f FROM slow))" order=' ORDER BY id'
    sql 'CREATE TABLE slow (f integer); INSERT INTO slow VALUES (1);
         CREATE TABLE t (id integer PRIMARY KEY)'
    sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO t SELECT i FROM n"
    write_migration 1_two.yaml <<YAML
up:
  - name: first
    read: |
      SELECT id, $slow AS slow FROM t$order
    key: id
    write: RPUSH list \${id}
    batch: 10
    pause: 1ms
  - name: second
    read: SELECT id FROM t
    key: id
    write: RPUSH other \${id}
down:
  - write: DEL list other
YAML
    REDFERRY_OPERATOR=ana begin_up "$@"
    wait_for 'some rows' has_rows 20
}

quicken() { sql 'UPDATE slow SET f = 0'; }

follows_a_run()
{
    begin_run
    begin_watch --log-format json
    wait_for 'the run to be seen' says '"event":"step_begun"' watch.err
    REDFERRY_OPERATOR=ben expect_exit 0 redferry pause
    wait_for 'the pause to be seen' says 'run 1 is paused by ben; `redferry resume 1` has it go on' watch.err
    quicken
    expect_exit 0 redferry resume
    expect_up 0
    expect_watch 0
    expect_stdout_contains 'applied 1 two: 6000 rows, 6000 commands in '
    expect_stderr_contains 'run 1, begun by ana on host '
    grep '"event":"step_begun"' "$ERR" | grep -q '"step":1,"step_name":"first"' || fail 'no first step'
    grep '"event":"migration_done"' "$ERR" | grep -q '"run":"1".*"rows":6000' || fail 'not done'
    expect_stderr_contains '"event":"resumed"'
    expect_exit 0 redferry watch
    expect_stdout_contains 'nothing is running; the latest:'
    expect_stdout_contains 'run 1 (1_two, up): succeeded, 6000 rows, at '
    expect_exit 0 redferry watch 1 --json
    expect_stdout_contains '"status": "succeeded"'
    expect_stdout_contains '"exit": 0'
    expect_exit 2 redferry watch 2
    expect_stderr_contains 'there is no run 2'
}

# On a terminal: one line, drawn again.
looks_like_an_own_run()
{
    begin_run
    TERM=xterm timeout --foreground 60 script -qfec "stty columns 120; '$REDFERRY_PROGRAM' watch" drawn >/dev/null 2>&1 &
    watch=$!
    wait_for 'the line' says '1 1/2 first .*rows' drawn
    quicken
    redferry pause >/dev/null
    redferry resume >/dev/null
    expect_up 0
    wait "$watch" || fail "watch: $(<drawn)"
    says 'applied 1 two: 6000 rows' drawn || fail "watch: $(<drawn)"
}

lets_the_run_go_on()
{
    begin_run
    begin_watch
    wait_for 'the run to be seen' says 'run 1, begun by ana' watch.err
    kill -INT "$watch"
    expect_watch 130
    expect_stderr_contains 'watching was stopped by SIGINT; run 1 goes on'
    expect_stderr_lacks 'second signal'
    process_runs "$up" || fail "the run has ended: $(<up.err)"
    quicken

    begin_watch 1
    redferry cancel >/dev/null
    expect_up 4
    expect_watch 4
    expect_stderr_contains 'run 1 of 1_two was cancelled: '
    expect_exit 4 redferry watch 1
    expect_exit 0 redferry run 1
    expect_exit 0 redferry watch
    expect_exit 4 redferry watch 1 # what was to be typed then is none of today's advice
    expect_equal "$(sed 's/.*: step/step/' "$ERR")" \
        "step 'first': cancelled by $(id -un)@$(hostname); \`redferry status 1\` shows how it stands now" \
        'what is said of one that was cancelled'
}

sees_a_crash()
{
    local begun
    begin_run
    begin_watch
    wait_for 'the run to be seen' says 'run 1, begun by ana' watch.err
    kill -KILL "$up"
    wait "$up" 2>/dev/null || true
    begun=$(now_us)
    expect_watch 3
    (($(now_us) - begun < 3000000)) || fail 'it was not at once'
    expect_stderr_contains 'run 1 of 1_two has crashed: it says that it runs '
    expect_exit 3 redferry watch --json
    expect_stdout_contains '"crashed": true'
    expect_equal "$(sql 'SELECT status FROM data_migration_runs')" running 'what the ledger says'
    quicken
    expect_exit 0 redferry up

    # What the run said of itself names the next command already.
    expect_exit 3 redferry run 1 --again --max-time 1ms
    expect_exit 3 redferry watch
    expect_equal "$(sed 's/.*: step/step/' "$ERR")" "step 'first': --max-time is over; \`redferry up\` goes on" \
        'what is said of one that was interrupted'
    redferry doctor >doctor.out || true
    says '): .*--max-time is over; `redferry up` goes on with it$' doctor.out ||
        fail "it is not advised once: $(<doctor.out)"
}

sees_a_failure()
{
    begin_run
    begin_watch
    wait_for 'the run to be seen' says 'run 1, begun by ana' watch.err
    redis SET other x >/dev/null
    quicken
    redferry pause >/dev/null
    redferry resume >/dev/null
    expect_up 1
    expect_watch 1
    expect_stderr_contains 'run 1 of 1_two failed: '
    expect_stderr_contains WRONGTYPE
}

# A role that may only read is enough.
writes_nothing()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY)'
    expect_exit 0 redferry watch
    expect_stdout_contains 'nothing is running, and nothing ever ran'
    [[ $(sql "SELECT count(*) FROM pg_class WHERE relname LIKE 'data_migration%'") == 0 ]] || fail 'it made tables'
    begin_run_as_reader
}

begin_run_as_reader()
{
    sql 'DROP TABLE t'
    begin_run
    sql "CREATE ROLE looker LOGIN; GRANT SELECT ON data_migrations, data_migration_runs, data_migration_ledger TO looker"
    REDFERRY_DATABASE=${DB/user=postgres/user=looker} begin_watch
    wait_for 'the run to be seen' says 'run 1, begun by ana' watch.err
    quicken
    redferry pause >/dev/null
    redferry resume >/dev/null
    expect_up 0
    expect_watch 0
}

for_both_databases follows_a_run
with_database postgresql looks_like_an_own_run
for_both_databases lets_the_run_go_on
for_both_databases sees_a_crash
with_database sqlite sees_a_failure
with_database postgresql writes_nothing
