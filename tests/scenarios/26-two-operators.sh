#!/usr/bin/env bash
# Goal: two operators ask one run for different things at the same moment, or for the same: the run does what
# one of them asked for, whoever got it is told so, the other one is told what was asked instead, nobody waits in
# vain, and every row is carried once. Who asks a run that is just ending is told that it has ended, or gets it.
# not under valgrind: it is two operators who are looked at; 26-pause-resume-cancel asks there as well
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/gate.sh"

rows=400

run_says() { sql "SELECT $1 FROM data_migration_runs ORDER BY id DESC LIMIT 1"; }
has_rows() { (($(redis LLEN list) >= $1)); }

prepare()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY);
         INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows) SELECT i FROM n"
    write_migration 1_count.yaml <<'YAML'
up:
  - name: rows
    read: SELECT id FROM t
    key: id
    write: RPUSH list ${id}
    batch: 1
down:
  - write: DEL list
YAML
}

# begin STATUS: a run of it, from the start, that is running or paused.
begin()
{
    begin_up --pause 100ms
    wait_for 'some rows' has_rows 2
    [[ $1 != paused ]] || expect_exit 0 redferry pause
}

# ask FIRST SECOND: at once. What became of it is in $status, and for each in codes[…] and COMMAND.err.
declare -A codes=()
ask()
{
    local first second
    REDFERRY_OPERATOR=ana "$REDFERRY_PROGRAM" "$1" >ana.out 2>ana.err &
    first=$!
    REDFERRY_OPERATOR=ben "$REDFERRY_PROGRAM" "$2" >ben.out 2>ben.err &
    second=$!
    codes=([ana]=0 [ben]=0)
    wait "$first" || codes[ana]=$?
    wait "$second" || codes[ben]=$?
    status=$(run_says status)
    scenario_last="$1 beside $2: $status, ${codes[ana]} $(cat ana.out ana.err), ${codes[ben]} $(cat ben.out ben.err)"
}

# got WHO; or lost WHO COMMAND OTHER: who is told that OTHER asked for COMMAND, or that the run has ended so.
got() { [[ ${codes[$1]} == 0 ]] || fail "$1 did not get it"; }

lost()
{
    case ${codes[$1]} in
    0) ;; # its wish was obeyed before the other one's
    4) grep -Eq "$3 has asked for (\`$2\` instead|something else since)|has ended( before it could obey)?: cancelled|nothing is running" "$1.err" ||
        fail "$1 is not told of $3" ;;
    *) fail "$1 has exit code ${codes[$1]}" ;;
    esac
}

# go_on: whatever became of it, every row arrives once; and all is undone for the next time.
go_on()
{
    case $(run_says status) in
    cancelled) expect_up 4 ;;
    *)
        kill -INT "$up"
        expect_up 130
        ;;
    esac
    expect_exit 0 redferry run 1 --pause 0
    redis LRANGE list 0 -1 >got
    seq 1 "$rows" | cmp -s - got || fail 'the list is not every row once'
    expect_equal "$(sql "SELECT count(*) FROM data_migration_runs WHERE status IN ('running', 'paused')")" 0 'runs left'
    expect_exit 0 redferry down
}

two_ask_at_once()
{
    local first second
    prepare
    for first in pause cancel; do
        second=$([[ $first == pause ]] && echo cancel || echo pause)
        begin running
        ask "$first" "$second"
        expect_one_of_two "$first" "$second" pause paused
        go_on
        begin paused
        ask "${first/pause/resume}" "${second/pause/resume}"
        expect_one_of_two "${first/pause/resume}" "${second/pause/resume}" resume running
        go_on
    done
    begin running
    ask pause pause
    got ana
    got ben
    expect_equal "$status" paused 'the run that both paused'
    ask resume resume
    got ana
    got ben
    expect_equal "$status" running 'the run that both resumed'
    ask cancel cancel
    got ana
    got ben
    expect_equal "$status" cancelled 'the run that both cancelled'
    go_on
}

# expect_one_of_two FIRST SECOND COMMAND STATUS: one of them is `cancel`, the other COMMAND, which makes it STATUS.
expect_one_of_two()
{
    local canceller=ben other=ana
    [[ $1 != cancel ]] || canceller=ana other=ben
    case $status in
    cancelled)
        got "$canceller"
        lost "$other" cancel "$canceller"
        ;;
    "$4")
        got "$other"
        lost "$canceller" "$3" "$other"
        ;;
    *) fail "the run is $status" ;;
    esac
}

# The wish comes when the last rows are on their way, or later.
asked_at_its_end()
{
    local command code moment id
    prepare
    for command in pause cancel; do
        for moment in $((rows - 1)) "$rows"; do
            begin_up
            wait_for 'the last rows' has_rows "$moment"
            id=$(run_says id)
            code=0
            "$REDFERRY_PROGRAM" "$command" "$id" >ana.out 2>ana.err || code=$?
            scenario_last="$command at its end: $code $(cat ana.out ana.err)"
            [[ $code == [04] ]] || fail "exit code $code"
            [[ $code != 4 ]] || grep -q "run $id of 1_count has ended" ana.err || fail 'it is not told why'
            settle
        done
    done
}

# The run succeeds, unless it was told to do something else; then that is taken back.
settle()
{
    if [[ $(run_says status) == paused ]]; then expect_exit 0 redferry resume; fi
    local code=0
    wait "$up" || code=$?
    case $code in
    0) expect_equal "$(run_says status)" succeeded 'the run' ;;
    4)
        expect_equal "$(run_says status)" cancelled 'the run'
        expect_exit 0 redferry run 1
        ;;
    *) fail "up ends with $code: $(<up.err)" ;;
    esac
    redis LRANGE list 0 -1 >got
    seq 1 "$rows" | cmp -s - got || fail 'the list is not every row once'
    expect_exit 0 redferry down
}

for_both_databases two_ask_at_once
for_both_databases asked_at_its_end
