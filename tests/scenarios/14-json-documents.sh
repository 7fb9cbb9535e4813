#!/usr/bin/env bash
# Goal: every document of --json, and every line of --log-format json, is what its schema in docs/schemas
# says, and has no key that is not documented; and the schemas are what docs/json.md says.
# not under valgrind: it is the documents that are looked at
# not with sanitizers: it is the documents that are looked at, and 54 to 56 ask for them there as well
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/gate.sh"

SUPPORT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../support" && pwd)

# document SCHEMA CODE ARGUMENT…: run with --json; stdout is that document, and says the exit code.
document()
{
    local schema=$1 code=$2
    shift 2
    expect_exit "$code" redferry --json "$@"
    keep "$schema" "$OUT"
}

# keep SCHEMA FILE: hold it against the schema, later, with all others.
keep()
{
    cp "$2" "$DOCUMENTS/$((++kept)).$1.json"
}

kept=0
DOCUMENTS=$SCRATCH/documents
mkdir "$DOCUMENTS"

migrations()
{
    write_migration 1_flags.yaml <<'YAML'
description: Flags
up:
  - name: flags
    read: SELECT name, enabled FROM flags
    key: name
    write: HSET flag:${name} enabled ${enabled}
    publish: flags
down:
  - read: SELECT name FROM flags
    key: name
    write: DEL flag:${name}
YAML
    write_migration 2_settings.yaml <<'YAML'
up:
  - write: SET settings done
  - name: last
    sql: INSERT INTO nowhere VALUES (1)
YAML
}

documents_are_as_said()
{
    sql "CREATE TABLE flags (name text PRIMARY KEY, enabled boolean)"
    sql "INSERT INTO flags VALUES ('a', true), ('b', false)"
    document status 0 status
    document history 0 history
    document init 0 init
    document init 0 init --print-sql
    document new 0 new something
    rm data_migrations/*_something.*
    migrations
    document lint 0 lint
    document test 0 test
    document test 8 test --require-tests
    write_migration 1_flags.test.yaml <<'YAML'
given:
  sql: CREATE TABLE flags (name text PRIMARY KEY, enabled boolean)
expect:
  redis:
    - EXISTS flag:a: 1
YAML
    document test 8 test
    rm data_migrations/1_flags.test.yaml
    document plan 0 plan
    document plan 0 plan 1 --compare
    document doctor 4 doctor
    document status 0 status --context ticket
    document up 1 up
    document status 0 status
    document status 3 status --check
    document history 0 history 1
    document status 0 status 1
    document status 0 status 2
    document verify 0 verify
    redis HSET flag:a enabled maybe >/dev/null
    document verify 8 verify 1
    document plan 0 down --only 1 --dry-run
    document plan 0 up --dry-run
    document plan 0 redo --dry-run
    document down 0 down --only 1
    document run 0 run 1
    document redo 0 redo
    document watch 0 watch
    document watch 2 watch 999
    document pause 4 pause
    document resume 4 resume 1
    document cancel 2 cancel 999
    document mark 0 mark 2
    document unmark 0 unmark 2
    document repair 0 repair 2
    document up 1 up
    redis FLUSHALL >/dev/null
    document status 0 status
    grep -q '"redis": *"unknown"' "$OUT" || fail "of an emptied Redis: $(<"$OUT")"
    document up 7 up --redis "unix://$SCRATCH/nowhere.sock"
}

documents_without_servers_are_as_said()
{
    cd "$SCRATCH"
    mkdir -p data_migrations
    document help 0 help
    document help 0 help up
    document version 0 --version
    document lint-explain 0 lint --explain
    document completion 0 completion fish
    document error 2 stauts
    document error 2 up --lock-timeout soon
    document error 6 status --database "sqlite:$SCRATCH/nowhere/app.db"
    mkdir -p data_migrations
    echo 'up: [' >data_migrations/1_a.yaml
    document lint 2 lint
    document up 2 up --database sqlite:app.db --redis redis://localhost
}

# ---- a run that is asked for things, and all that may become of it ---------------------------------

has_carried() { [[ $(sql "SELECT rows_read > 0 FROM data_migration_runs WHERE id = $1") == [1t] ]]; }

beside_a_run()
{
    local waiter watch
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3), (4), (5), (6), (7), (8)'
    write_migration 1_list.yaml <<'YAML'
up: [{read: SELECT id FROM t, key: id, write: 'RPUSH list ${id}'}]
down: [{write: SADD list x}]
YAML
    begin_up --log-format json -v --batch 1 --pause 60s
    wait_until 'a row arrives' has_carried 1
    "$REDFERRY_PROGRAM" up --log-format json >waiter.out 2>waiter.err &
    waiter=$!
    wait_for 'the second to wait' grep -q waiting waiter.err
    "$REDFERRY_PROGRAM" watch --log-format json >watch.out 2>watch.err &
    watch=$!
    wait_for 'the run to be seen' grep -q step_begun watch.err
    document status 0 status
    document up 5 up --on-lock fail
    document up 3 up --on-lock skip
    document mark 5 mark 1 --on-lock fail
    document plan 0 plan
    document pause 0 pause
    document pause 0 pause 1
    wait_for 'the pause to be seen' grep -q '"event":"paused"' watch.err
    document status 0 status
    document resume 0 resume
    document cancel 0 cancel
    expect_up 4
    wait "$waiter" || expect_equal $? 4 'the exit code of the second'
    wait "$watch" || expect_equal $? 4 'the exit code of watch'
    keep event up.err
    keep event waiter.err
    keep event watch.err
}

behind_it()
{
    document cancel 0 cancel 1
    document watch 4 watch
    document status 3 status --check
    document plan 4 plan
    document up 4 up
    sed -i 's/list \${id}/list ${id:-x}/' data_migrations/1_list.yaml
    document plan 4 plan 1
    document run 4 run 1
    sed -i 's/list \${id:-x}/list ${id}/' data_migrations/1_list.yaml
    "$REDFERRY_PROGRAM" run 1 --batch 1 --pause 60s 2>run.err &
    up=$!
    wait_until 'a row arrives' has_carried 2
    kill -KILL "$up"
    wait "$up" 2>/dev/null || true
    document watch 3 watch
    document status 0 status 1
    document history 0 history
    document pause 4 pause
    document doctor 4 doctor --strict
    document cancel 0 cancel
    document run 3 run 1 --batch 1 --pause 1ms --max-time 1ms
    document run 0 run 1 --background
    wait_until 'it is applied' eval '[[ $(sql "SELECT count(*) FROM data_migrations WHERE announced_at IS NOT NULL") == 1 ]]'
    document up 0 up
    redis CONFIG SET save '3600 1' >/dev/null
    document doctor 0 doctor
    document down 1 down
    document watch 1 watch 5
    document status 0 status
    document plan 4 plan
    document redo 1 redo
    redis DEL list >/dev/null
    document down 0 down --only 1
    document down 0 down
    document redo 2 redo
}

what_is_refused()
{
    redis DEL list >/dev/null
    document run 0 run 1
    echo '# more' >>data_migrations/1_list.yaml
    document status 4 status --strict
    document plan 4 plan --strict
    document up 4 up --strict
    document repair 0 repair 1
    document verify 0 verify
    document error 2 verify 9
    document error 2 history 9
    document error 2 status 9
    document mark 2 mark 9
    document unmark 2 unmark 9
    document repair 2 repair 9
    document error 2 init twice
    document error 2 new ../9
    document error 2 completion tcsh
    document error 2 help 9
    document error 2 lint --explain RF999
    document error 2 test 9
    document error 2 plan 9
    document run 2 run 9
    document down 2 down --only 9
    document cancel 2 cancel 9
    document resume 2 resume 9
    document lint-explain 0 lint --explain RF100
    document test 8 test --require-tests --kills 1
    document error 7 verify --redis "unix://$SCRATCH/nowhere.sock"
    document error 6 history --database "sqlite:$SCRATCH/nowhere/app.db"
    document error 2 plan --batch 0
}

asked_and_refused()
{
    beside_a_run
    behind_it
    what_is_refused
}

# ---- lines -----------------------------------------------------------------------------------------

lines_are_as_said()
{
    sql "CREATE TABLE flags (name text PRIMARY KEY, enabled boolean)"
    sql "INSERT INTO flags VALUES ('a', true), ('b', false)"
    migrations
    expect_exit 1 redferry up --log-format json -v --context ticket
    keep event "$ERR"
    REDFERRY_LOG_FILE=$PWD/run.log expect_exit 1 redferry up --log-format json
    keep event run.log
    echo '# more' >>data_migrations/1_flags.yaml
    expect_exit 1 redferry up --log-format json
    keep event "$ERR"
}

# `progress` comes after ten seconds: a run that takes so long, in a place of its own, beside all others.
begin_to_progress()
{
    start_redis
    mkdir -p slow/data_migrations
    sqlite3 slow/test.db 'CREATE TABLE t (id integer PRIMARY KEY);
        INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 14) SELECT i FROM n'
    (cd slow && write_migration 1_slow.yaml) <<'YAML'
up: [{read: SELECT id FROM t, key: id, write: 'SET id:${id} 1', batch: 1, pause: 900ms}]
YAML
    "$REDFERRY_PROGRAM" up --database sqlite:slow/test.db --redis "$REDIS_URL" --migrations slow/data_migrations \
        --log-format json >slow.out 2>slow.err &
    slow=$!
}

every_event_was_seen()
{
    wait "$slow" || fail "the slow run: $(<"$SCRATCH/slow.err")"
    keep event "$SCRATCH/slow.err"
    expect_equal "$(cat "$DOCUMENTS"/*.event.json | sed 's/.*"event":"\([a-z_]*\)".*/\1/' | sort -u | xargs)" \
        "$(python3 -c 'import json, sys
print(*sorted(json.load(open(sys.argv[1]))["properties"]["event"]["enum"]))' \
            "$SUPPORT/../../docs/schemas/event.json")" 'the events that were seen'
}

python3 "$SUPPORT/../../scripts/schemas" --check || fail 'docs/schemas is not as docs/json.md says'
cd "$SCRATCH"
begin_to_progress
for_both_databases documents_are_as_said
for_both_databases asked_and_refused
for_both_databases lines_are_as_said
every_event_was_seen
documents_without_servers_are_as_said
((kept > 200)) || fail "only $kept documents"
python3 "$SUPPORT/valid_json.py" "$DOCUMENTS" || fail 'not as docs/schemas says'
