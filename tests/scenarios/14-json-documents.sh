#!/usr/bin/env bash
# Goal: every document of --json, and every line of --log-format json, is what its schema in docs/schemas
# says, and has no key that is not documented; and the schemas are what docs/json.md says.
# not under valgrind: it is the documents that are looked at
source "$(dirname "$0")/../support/scenario.sh"

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

lines_are_as_said()
{
    sql "CREATE TABLE flags (name text PRIMARY KEY, enabled boolean)"
    sql "INSERT INTO flags VALUES ('a', true), ('b', false)"
    migrations
    expect_exit 1 redferry up --log-format json -v --context ticket
    keep event "$ERR"
}

python3 "$SUPPORT/../../scripts/schemas" --check || fail 'docs/schemas is not as docs/json.md says'
for_both_databases documents_are_as_said
for_both_databases lines_are_as_said
documents_without_servers_are_as_said
((kept > 40)) || fail "only $kept documents"
python3 "$SUPPORT/valid_json.py" "$DOCUMENTS" || fail 'not as docs/schemas says'
