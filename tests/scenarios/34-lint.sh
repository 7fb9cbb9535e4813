#!/usr/bin/env bash
# Goal: `lint` tells an author, with place and code, what is wrong with a file before anything is connected
# to; explains each rule; and docs/lint.md says the same.
source "$(dirname "$0")/../support/scenario.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Warnings are told, and count where --strict is given; errors always count.
severities_count()
{
    write_migration 1_users.yaml <<'YAML'
up:
  - read: SELECT id, name FROM users ORDER BY name
    key: id
    write: SET user:${id} ${name}
down:
  - read: SELECT id FROM users
    key: id
    write: DEL user:${id}
YAML
    expect_exit 0 redferry lint
    expect_stdout_contains 'data_migrations/1_users.yaml:2:38: warning: '
    expect_stdout_contains ' [RF202]'
    expect_stdout_contains '1 file checked: 0 errors, 1 warning'
    expect_exit 2 redferry lint --strict
    expect_stderr_contains '1 warning'
    echo 'up: [' >data_migrations/2_open.yaml
    expect_exit 2 redferry lint
    expect_stdout_contains ' [RF100]'
    expect_stderr_contains '1 error'
}

rules_are_explained()
{
    local code
    expect_exit 0 redferry lint --explain
    cp "$OUT" all
    while read -r code; do
        expect_exit 0 redferry lint --explain "$code"
        expect_stdout_contains "$code "
        expect_stdout_contains 'Wrong'
        grep -q "^$code " all || fail "--explain does not list $code"
    done < <(grep -oE '^### RF[0-9]+' "$root/docs/lint.md" | cut -c5- | head -n 3)
    expect_exit 2 redferry lint --explain RF999
    expect_stderr_contains "there is no rule 'RF999'"
    expect_exit 2 redferry lint --explain RF100 RF201
    python3 "$root/scripts/rules" "$REDFERRY_PROGRAM" --check || fail 'docs/lint.md is stale'
}

cd "$SCRATCH"
mkdir -p data_migrations
severities_count
rules_are_explained
