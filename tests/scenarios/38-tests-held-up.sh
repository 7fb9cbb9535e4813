#!/usr/bin/env bash
# Goal: what holds a test up, hangs, or is killed in its middle ends `redferry test` with a verdict: a query
# or a script without an end is a failed test after --timeout, a `down` that is killed ends as one that is
# not, and a server that is slow to start is waited for, under either of its names. Nothing of it stays.
# not under valgrind: it is processes that are started and killed here
source "$(dirname "$0")/../support/scenario.sh"

export TMPDIR=$SCRATCH/tmp
mkdir "$TMPDIR"

tests()
{
    local -a database=()
    [[ $DIALECT == sqlite ]] || database=(--database "$DB")
    redferry test ${database[@]+"${database[@]}"} "$@"
}

expect_nothing_left()
{
    local tries=0 databases=''
    until [[ -z $(ls -A "$TMPDIR")$databases$(pgrep -f "$TMPDIR/redferry-test-" || true) ]]; do
        ((tries++ < 1000)) || fail "left: $(ls -A "$TMPDIR") $(pgrep -af "$TMPDIR/redferry-test-")"
        sleep 0.01
    done
    [[ $DIALECT == sqlite ]] ||
        expect_equal "$(psql -XAtq -d "$DB" -c "SELECT datname FROM pg_database WHERE datname LIKE 'redferry_test%'")" '' \
            'databases that are left'
}

one_test()
{
    write_migration 1_one.yaml <<<'up: [write: SET x y]'
    write_migration 1_one.test.yaml <<<'expect: {redis: [GET x: y]}'
}

# ---- too long ------------------------------------------------------------------------------------

readonly endless='WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000) SELECT max(i) FROM n'

# Time enough for what is before it, also where others keep the machine busy.
hangs()
{
    write_migration 1_query.yaml <<<"up: [{read: $endless, write: SET x y}]"
    write_migration 1_query.test.yaml <<<'expect: {redis: [GET x: y]}'
    write_migration 2_script.yaml <<<'up: [write: EVAL "while true do end" 0]'
    write_migration 2_script.test.yaml <<<'expect: {redis: [GET x: y]}'
    write_migration 3_given.yaml <<<'up: [write: SET x y]'
    write_migration 3_given.test.yaml <<YAML
given: {sql: CREATE TABLE t AS $endless}
expect: {redis: [GET x: y]}
YAML
    write_migration 4_check.yaml <<<'up: [write: SET x y]'
    write_migration 4_check.test.yaml <<<'expect: {redis: [EVAL_RO "while true do end" 0: y]}'
    SECONDS=0
    expect_exit 8 tests --timeout 3s --jobs 4
    ((SECONDS < 20)) || fail "it took $SECONDS s"
    expect_equal "$(sed -E 's/ \([3-9]\.[0-9]+ s\)$//; s/ \([0-9.]+ s\)$/ (&)/' "$OUT")" 'FAIL 1_query
  up: took longer than 3s (--timeout)
FAIL 2_script
  up: took longer than 3s (--timeout)
FAIL 3_given
  given: took longer than 3s (--timeout)
FAIL 4_check
  after up: took longer than 3s (--timeout)
4 tests: 0 ok, 4 failed' 'what it says'
    expect_nothing_left
}

# Of two at a time, one hangs; the other is none the worse.
hangs_in_postgresql()
{
    write_migration 1_query.yaml <<<'up: [{read: SELECT pg_sleep(600), write: SET x y}]'
    write_migration 1_query.test.yaml <<<'expect: {redis: [GET x: y]}'
    write_migration 2_quick.yaml <<<'up: [write: SET x y]'
    write_migration 2_quick.test.yaml <<<'expect: {redis: [GET x: y]}'
    expect_exit 8 tests --timeout 5s --jobs 2 --json
    expect_equal "$(python3 -c '
import json, sys
for test in json.load(sys.stdin)["tests"]: print(test["verdict"], test["error_moment"], test["error"])' <"$OUT")" \
        'failed up took longer than 5s (--timeout)
ok None None' 'the document'
    expect_nothing_left
}

only_as_long_as_said()
{
    one_test
    expect_exit 0 tests --timeout 0
    expect_exit 0 tests --timeout 5m
    expect_exit 2 tests --timeout soon
    expect_stderr_contains "--timeout: 'soon' is not a duration"
}

# ---- kill -9 of down -----------------------------------------------------------------------------

# What a run undoes without a key it undoes twice, where it is killed.
a_killed_down()
{
    write_migration 1_count.yaml <<'YAML'
up:
  - read: SELECT name FROM flags
    key: name
    write: INCR total
    publish: {channel: counted, message: '${name}'}
down:
  - read: SELECT name FROM flags
    key: name
    batch: 1
    write: DECR total
    publish: {channel: undone, message: '${name}'}
  - sql: DELETE FROM undone
publish: {channel: done, message: '${rows}'}
YAML
    write_migration 1_count.test.yaml <<'YAML'
repeatable: false
given:
  sql: |
    CREATE TABLE flags AS SELECT 'a' AS name UNION ALL SELECT 'b' UNION ALL SELECT 'c';
    CREATE TABLE undone AS SELECT 1 AS n;
expect:
  redis: [GET total: 3]
after_down:
  redis: [GET total: 0]
  sql: [SELECT count(*) FROM undone: 0]
YAML
    expect_exit 0 tests --kills "$1"
    grep -Eq "^ok   1_count \([0-9.]+ s, killed $((2 * $1)) times\)$" "$OUT" ||
        fail "it was not killed as often: $(<"$OUT")"
    expect_nothing_left
    [[ $DIALECT == sqlite ]] || return 0
    # The same without its key is done twice, and the end is another one.
    sed -i '/^down:/,$ { /key: name/d }' data_migrations/1_count.yaml
    expect_exit 0 tests --allow-repeats
    expect_exit 8 tests --allow-repeats --kills 40 --json
    expect_equal "$(python3 -c '
import json, re, sys
difference = json.load(sys.stdin)["tests"][0]["differences"][0]
print(re.sub(r"\d+ of \d+$", "N of M", difference["moment"]), difference["what"])' <"$OUT")" \
        'after a kill of down at N of M key total' 'what is told of'
    expect_nothing_left
}

# ---- the server ----------------------------------------------------------------------------------

# with_path PROGRAM…: with nothing in PATH but these.
with_path()
{
    PATH=$SCRATCH/bin "$REDFERRY_PROGRAM" test
}

either_name()
{
    local server
    server=$(command -v redis-server)
    one_test
    mkdir "$SCRATCH/bin"
    expect_exit 2 with_path
    expect_stderr_contains 'neither redis-server nor valkey-server is in PATH: install one (Debian: apt-get install redis-server, or valkey-server from Debian 13 on), or name it in REDFERRY_REDIS_SERVER'
    # Something of that name that is no program is passed over.
    mkdir "$SCRATCH/bin/redis-server"
    touch "$SCRATCH/bin/valkey-server"
    expect_exit 2 with_path
    rm "$SCRATCH/bin/valkey-server"
    ln -s "$server" "$SCRATCH/bin/valkey-server"
    expect_exit 0 with_path
    # A name without a directory is looked up in the same way.
    ln -s "$server" "$SCRATCH/bin/my-redis"
    REDFERRY_REDIS_SERVER=my-redis expect_exit 0 with_path
    REDFERRY_REDIS_SERVER=another expect_exit 2 with_path
    expect_stderr_contains "REDFERRY_REDIS_SERVER: 'another' is no program"
    # Where both are there, the usual one.
    rmdir "$SCRATCH/bin/redis-server"
    printf '#!%s\necho the usual one\nexit 1\n' "$(command -v bash)" >"$SCRATCH/bin/redis-server"
    chmod +x "$SCRATCH/bin/redis-server"
    expect_exit 2 with_path
    expect_stderr_contains "'$SCRATCH/bin/redis-server' does not start: the usual one"
    expect_nothing_left
}

# One that needs six seconds is waited for; one that dies is not.
slow_to_start()
{
    one_test
    printf '#!/bin/sh\nsleep 6\nexec "%s" "$@"\n' "$(command -v redis-server)" >"$SCRATCH/slow-redis"
    printf '#!/bin/sh\nsleep 0.3\necho first\necho the disk is full\nexit 1\n' >"$SCRATCH/dying-redis"
    printf '#!/bin/sh\necho at your service\nexec sleep 60\n' >"$SCRATCH/deaf-redis"
    chmod +x "$SCRATCH"/*-redis
    SECONDS=0
    REDFERRY_REDIS_SERVER=$SCRATCH/slow-redis expect_exit 0 redferry test
    ((SECONDS >= 6)) || fail 'nothing was slow'
    SECONDS=0
    REDFERRY_REDIS_SERVER=$SCRATCH/dying-redis expect_exit 2 redferry test
    expect_stderr_contains "'$SCRATCH/dying-redis' does not start: the disk is full"
    # It is not waited for longer than a test may take.
    REDFERRY_REDIS_SERVER=$SCRATCH/deaf-redis expect_exit 2 redferry test --timeout 500ms
    expect_stderr_contains "'$SCRATCH/deaf-redis' does not answer as a Redis does: at your service"
    ((SECONDS < 5)) || fail "it took $SECONDS s"
    expect_nothing_left
}

with_database sqlite hangs
with_database postgresql hangs_in_postgresql
with_database sqlite only_as_long_as_said
with_database sqlite a_killed_down 10
with_database postgresql a_killed_down 2
with_database sqlite either_name
with_database sqlite slow_to_start
