#!/usr/bin/env bash
# Goal: with --background a run goes on by itself once it has begun: the command says which run it is, and
# where its log, and ends; the run survives the terminal, holds nothing of its caller's open, and obeys
# SIGTERM. Whatever happens before a run has begun is told, and ends, as if nothing were in the background.
source "$(dirname "$0")/../support/scenario.sh"

DOCS=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../docs" && pwd)

# The value at a path of the one JSON document in $OUT.
document()
{
    sqlite3 -batch -init /dev/null :memory: \
        "SELECT CASE WHEN json_valid(text) THEN json_extract(text, '$1') ELSE 'no document' END
         FROM (SELECT CAST(readfile('$OUT') AS text) AS text)"
}

# Rows that take as long as the test likes: a batch each, and a pause behind it.
prepare()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)'
    write_migration 1_slow.yaml <<YAML
up:
  - name: rows
    read: SELECT id FROM t
    key: id
    write: SET copy:\${id} \${id}
    batch: 1
    pause: ${1:-60s}
YAML
}

# The last run's column.
run_of() { sql "SELECT $1 FROM data_migration_runs ORDER BY id DESC LIMIT 1"; }

is_over() { ! process_runs "$1"; }

# Whatever fails, nothing that went into the background is left behind.
background=
end_background()
{
    [[ -z $background ]] || kill -KILL "$background" 2>/dev/null || true
    servers_finish
}
trap end_background EXIT

# expect_background LOG: the last command said that it goes on.
expect_background()
{
    background=$(sed -n 's/.*: pid \([0-9]*\), log .*/\1/p' "$OUT")
    expect_equal "$(<"$OUT")" \
        "run $(run_of id) of 1 slow goes on in the background: pid $background, log $1
\`redferry watch $(run_of id)\` follows it" 'stdout'
    expect_equal "$(run_of pid)" "$background" 'the pid in the ledger'
    process_runs "$background" || fail 'nothing goes on'
}

goes_on_and_ends_when_told()
{
    prepare
    exec 9>held
    expect_exit 0 redferry up --background --context OPS-1
    exec 9>&-
    expect_background redferry.log
    # Somebody may wait for the end of what the caller had open.
    expect_equal "$(find "/proc/$background/fd" -lname "$PWD/held")" '' 'what it still has open'
    expect_equal "$(stat -c %a redferry.log)" 600 'who may read the log'
    expect_equal "$(<"$ERR")" '' 'stderr'

    # A session of its own, no terminal, and none of the caller's streams.
    expect_equal "$(awk '{ sub(/.*\) /, ""); print $4, $5 }' "/proc/$background/stat")" \
        "$background 0" 'its session, and its terminal'
    expect_equal "$(readlink "/proc/$background/fd/0" "/proc/$background/fd/1" \
        "/proc/$background/fd/2" "/proc/$background/cwd")" \
        "$(printf '%s\n' /dev/null "$PWD/redferry.log" "$PWD/redferry.log" "$PWD")" 'its streams'

    # It holds the lock, and does not care about a terminal that goes away.
    kill -HUP "$background"
    expect_exit 5 redferry up --on-lock fail
    expect_stderr_contains "(pid $background)"
    expect_equal "$(run_of status)" running 'the run'

    # One already at work is told of by the next command itself, with its own exit code.
    expect_exit 3 redferry up --background --on-lock skip
    expect_stderr_contains 'skipped: the lock is held by'
    expect_equal "$(<"$OUT")" '' 'stdout of one that did not begin'

    # It is followed as the command has said, to its end.
    local watch code=0
    "$REDFERRY_PROGRAM" watch "$(run_of id)" >watch.out 2>watch.err &
    watch=$!
    wait_until 'the run is seen' grep -q "run $(run_of id), begun by " watch.err
    wait_until 'rows arrive' redis EXISTS copy:1
    kill -TERM "$background"
    wait_until 'it has ended' is_over "$background"
    expect_equal "$(run_of status) $(run_of context)" 'interrupted OPS-1' 'the run, stopped'
    wait "$watch" || code=$?
    expect_equal "$code" 3 'the exit code of watch'
    grep -q "stopped by SIGTERM" watch.err || fail "watch says: $(<watch.err)"

    # Every line of the log has its time; a further run adds to it.
    expect_equal "$(sed -E 's/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{12}Z /TIME /' redferry.log)" \
        "$(printf '%s\n' 'TIME redferry: applying 1 slow' \
            "TIME redferry: data_migrations/1_slow.yaml: step 'rows': stopped by SIGTERM")" 'the log'
    prepare_again
    expect_exit 0 redferry run 1 --background
    background=$(run_of pid)
    wait_until 'it has ended' is_over "$background"
    expect_equal "$(run_of status)" succeeded 'the run that went on'
    grep -q 'Z applied 1 slow: ' redferry.log || fail 'the log does not say that it is applied'
    expect_equal "$(redis GET copy:3)" 3 'the rows'
    background=
}

# The same file without its pause: the run that stopped goes on with it.
prepare_again()
{
    sed -i '/pause/d' data_migrations/1_slow.yaml
}

tells_what_a_script_needs()
{
    prepare
    expect_exit 0 redferry up --background --json --log-format json --log-file logs.json
    background=$(document '$.background.pid')
    expect_equal "$(document '$.background.run') $(document '$.background.version')" \
        "$(run_of id) 1" 'run and version'
    expect_equal "$(document '$.background.name') $(document '$.background.log_file')" \
        "slow $PWD/logs.json" 'name and log'
    expect_equal "$(document '$.applied') $(document '$.exit')" '[] 0' 'the rest of the document'
    expect_equal "$(run_of pid)" "$background" 'the pid'
    kill -TERM "$background"
    wait_until 'it has ended' is_over "$background"
    background=
    expect_lines logs.json 'migration_begun step_begun migration_failed error'

    # Whatever is said in the middle of a run belongs to it: here, where it goes on.
    prepare_again
    expect_exit 0 redferry up -v --log-format json --context OPS-1
    expect_lines "$ERR" 'migration_begun note step_begun step_done migration_done' OPS-1
}

# expect_lines FILE EVENTS [CONTEXT]: each line is an object with every key that docs/json.md names, of the
# last run; these events come, in this order, with anything between them but progress.
expect_lines()
{
    expect_equal "$(python3 - "$1" "$(run_of id)" "${3:-}" "$DOCS/json.md" <<'PYTHON'
import json, re, sys
path, run, context, docs = sys.argv[1:]
section = open(docs).read().split('## The lines of')[1]
named = set()
for row in re.findall(r'^\| (`[^|]*) \|', section, re.M):
    named.update(re.findall(r'`(\w+)`', row))
events = []
for text in open(path):
    line = json.loads(text)
    if set(line) != named:
        sys.exit('keys: %s' % sorted(set(line) ^ named))
    if line['event'] != 'progress':
        events.append(line['event'])
    expected = {'version': '1', 'run': run, 'name': 'slow', 'direction': 'up',
                'context': context or None}
    for key, value in expected.items():
        if line[key] != value:
            sys.exit('%s in: %s' % (key, text))
    if line['event'] not in ('migration_begun', 'note') and line['step_name'] != 'rows':
        sys.exit('step_name in: %s' % text)
    if type(line['rows']) is not int:
        sys.exit('rows in: %s' % text)
print(*events)
PYTHON
    )" "$2" "the events in $1"
}

# Nothing to do, and what is in the way, is told here and now.
fails_where_it_is_seen()
{
    prepare 0
    expect_exit 7 redferry up --background -r unix:///nowhere
    expect_stderr_contains 'redferry: '
    expect_equal "$(<"$OUT")" '' 'stdout'
    expect_exit 7 redferry up --background --json -r unix:///nowhere
    expect_equal "redferry: $(document '$.error')" "$(<"$ERR")" 'the error on both streams'
    expect_equal "$(document '$.exit') $(document '$.background')" '7 ' 'the document'
    expect_exit 2 redferry up --background --to nonsense
    expect_exit 2 redferry down --background
    expect_stderr_contains "'down' has no option '--background'"
    expect_exit 2 redferry up --background --log-file "$PWD/no/such/directory"
    expect_stderr_contains "cannot open the log file '$PWD/no/such/directory': No such file or directory"

    # What is done before it can be told of was in the background all the same.
    expect_exit 0 redferry up --background
    background=$(run_of pid)
    wait_until 'it has ended' is_over "$background"
    background=
    grep -q 'Z applied 1 slow: 3 rows' redferry.log || fail 'the log does not say that it is applied'
    expect_exit 0 redferry up --background
    expect_equal "$(<"$OUT")" 'nothing to do' 'with nothing pending'
    expect_exit 0 redferry up --background --json
    expect_equal "$(document '$.applied') $(document '$.background')" '[] ' 'its document'
}

# The command waits for its turn where it is seen, and can be stopped there.
waits_where_it_is_seen()
{
    prepare
    expect_exit 0 redferry up --background
    background=$(run_of pid)
    local signal waiting code
    for signal in TERM INT; do
        : >"$ERR"
        env --default-signal=INT "$REDFERRY_PROGRAM" up --background >"$OUT" 2>"$ERR" &
        waiting=$!
        wait_until 'it says that it waits' grep -q 'waiting for ' "$ERR"
        kill -"$signal" "$waiting"
        code=0
        wait "$waiting" || code=$?
        expect_equal "$code" $((128 + $(kill -l "$signal"))) "the exit code after SIG$signal"
        expect_stderr_contains "stopped by SIG$signal"
    done
    expect_equal "$(run_of status)" running 'the run that was waited for'
    # Who is killed outright takes what has not begun yet with it.
    : >"$ERR"
    "$REDFERRY_PROGRAM" up --background --lock-timeout 1m >"$OUT" 2>"$ERR" &
    waiting=$!
    wait_until 'it says that it waits' grep -q 'waiting for ' "$ERR"
    local child
    child=$(<"/proc/$waiting/task/$waiting/children")
    kill -KILL "$waiting"
    wait "$waiting" 2>/dev/null || true
    [[ -n $child ]] || fail 'there is no other half'
    wait_until 'its other half has ended' is_over "${child// /}"
    kill -TERM "$background"
    wait_until 'it has ended' is_over "$background"
    background=
}

# --max-time holds there, and `manual` ones go there when they are named.
long_work_stays_out_of_the_way()
{
    prepare 20ms
    printf 'manual: true\n' >>data_migrations/1_slow.yaml
    expect_exit 0 redferry up --background
    expect_equal "$(<"$OUT")" 'nothing to do' 'up, where all is manual'
    [[ ! -s redferry.log ]] || fail 'there is something in the log'
    expect_exit 0 redferry run 1 --background --max-time 1ms
    background=$(run_of pid)
    wait_until 'it has ended' is_over "$background"
    background=
    expect_equal "$(run_of status)" interrupted 'the run, out of time'
    grep -q -- 'Z redferry: .*--max-time is over; `redferry run 1` goes on' redferry.log ||
        fail 'the log does not say that its time is over'
    expect_exit 0 redferry run 1
    expect_equal "$(redis GET copy:3)" 3 'the rows'
}

# A log without --background: what would be on stderr, with times, and the end on both.
logs_to_a_file()
{
    prepare 0
    export REDFERRY_LOG_FILE=$PWD/migrations.log
    expect_exit 0 redferry up
    expect_equal "$(sed 's/ in .*//' "$OUT")" 'applied 1 slow: 3 rows, 3 commands' 'stdout'
    expect_equal "$(<"$ERR")" '' 'stderr'
    expect_equal "$(cut -d ' ' -f 2-4 migrations.log)" $'redferry: applying 1\napplied 1 slow:' 'the log'
    expect_exit 0 redferry status
    expect_equal "$(wc -l <migrations.log)" 2 'the lines of the log after a command that only looks'
    expect_exit 1 redferry down
    expect_equal "$(cut -d ' ' -f 2- migrations.log | tail -n 1)" "$(<"$ERR")" 'the error on both'
    redis FLUSHALL >/dev/null
    REDFERRY_LOG_FILE=/dev/full expect_exit 0 redferry run 1 --again
    expect_equal "$(redis GET copy:3)" 3 'what a full disk for the log did not stop'
    unset REDFERRY_LOG_FILE
}

# While the command says what it has begun, here to somebody who does not listen yet, a signal comes
# too late: it says so to its end, and the run, which is not asked to stop, does not wake up by it.
is_saying() { [[ $(<"/proc/$1/wchan") == *pipe_write* ]]; }

a_signal_comes_too_late()
{
    local log code=0 parent
    prepare
    log=$(printf './%.0s' {1..2030})late.log
    mkfifo pipe
    exec 8<>pipe
    head -c 65536 /dev/zero >&8
    "$REDFERRY_PROGRAM" up --background --log-file "$log" >&8 2>"$ERR" &
    parent=$!
    wait_until 'it waits for who listens' is_saying "$parent"
    background=$(run_of pid)
    kill -TERM "$parent"
    head -c 65536 <&8 >filler
    wait "$parent" || code=$?
    head -n 2 <&8 >"$OUT"
    exec 8>&-
    expect_equal "$code" 0 'the exit code'
    expect_background "$log"
    expect_equal "$(sed -n 's/eventfd-count: *//p' /proc/"$background"/fdinfo/* | xargs)" 0 \
        'what wakes the run up'
    expect_equal "$(run_of status)" running 'the run'
    kill -TERM "$background"
    wait_until 'it has ended' is_over "$background"
    background=
}

for_both_databases goes_on_and_ends_when_told
for_both_databases fails_where_it_is_seen
with_database postgresql tells_what_a_script_needs
with_database sqlite waits_where_it_is_seen
with_database postgresql waits_where_it_is_seen
with_database sqlite long_work_stays_out_of_the_way
with_database sqlite logs_to_a_file
with_database sqlite a_signal_comes_too_late
