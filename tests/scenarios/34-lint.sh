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

# What is known is told of a test, too: of one alone, of one beside its migration, and of none.
tests_are_looked_at()
{
    local word
    rm data_migrations/*
    write_migration 1_users.yaml <<'YAML'
up:
  - read: SELECT id, name FROM users
    key: id
    write: SET user:${id} ${name}
YAML
    expect_exit 0 redferry lint
    expect_stdout_contains '1_users.yaml: note: there is no test beside this migration [RF701]'
    expect_stdout_contains '1 file checked: 0 errors, 0 warnings, 2 notes'
    expect_exit 0 redferry lint --quiet
    expect_equal "$(sed -n '/note:/p' "$OUT")" '' 'notes with --quiet'
    expect_exit 0 redferry lint --strict
    echo 'tests: false' >data_migrations/redferry.yaml
    expect_exit 0 redferry lint
    expect_equal "$(sed -n '/RF701/p' "$OUT")" '' 'missing tests where none are wanted'
    rm data_migrations/redferry.yaml

    write_migration 1_users.test.yml <<'YAML'
expect:
  redis:
    - DBSIZE: 0
after_down:
  redis:
    - DBSIZE: 0
YAML
    cp data_migrations/1_users.test.yml data_migrations/2_gone.test.yaml
    expect_exit 0 redferry lint
    expect_stdout_contains 'data_migrations/1_users.test.yml:4:1: warning: '
    expect_stdout_contains ' [RF703]'
    expect_stdout_contains 'data_migrations/2_gone.test.yaml: warning: there is no migration beside this test [RF702]'
    expect_stdout_contains '3 files checked'
    sed -i '1i # redferry: allow RF702 it will come' data_migrations/2_gone.test.yaml
    expect_exit 0 redferry lint --strict data_migrations/2_gone.test.yaml
    expect_stdout_contains '1 file checked: 0 errors, 0 warnings'
    echo 'unexpected: {}' >>data_migrations/2_gone.test.yaml
    expect_exit 2 redferry lint
    expect_stdout_contains 'data_migrations/2_gone.test.yaml:8:1: error: '
    expect_stdout_contains ' [RF700]'
    # What `write` says to subscribers is published as well.
    for word in PUBLISH SPUBLISH; do
        write_migration 3_loud.yaml <<<"up: [{read: SELECT id FROM t, key: id, write: $word news x}]"
        write_migration 3_loud.test.yaml <<<'expect: {redis: [DBSIZE: 0]}'
        expect_exit 0 redferry lint data_migrations/3_loud.yaml
        expect_stdout_contains ' [RF704]'
    done
}

# A comment silences what stands on its line, and is told where nothing does.
comments_allow()
{
    rm data_migrations/*
    write_migration 1_sessions.yaml <<'YAML'
# redferry: allow RF501, RF701
up:
  - read: |  # redferry: allow RF401 the cache holds what lives
      SELECT id, name
      FROM sessions WHERE expires_at > now()
    key: id
    write:
      - 'SET session:${id} "${name} # redferry: allow RF999"'
      - EXPIRE session:${id} 60 # redferry: allow RF304 RF305
YAML
    expect_exit 2 redferry lint --strict
    expect_stdout_contains '1_sessions.yaml:9:33: warning: RF305 is allowed here, and nothing here is against it [RF102]'
    expect_stdout_contains '1 file checked: 0 errors, 1 warning'
}

cd "$SCRATCH"
mkdir -p data_migrations
severities_count
tests_are_looked_at
comments_allow
rules_are_explained
