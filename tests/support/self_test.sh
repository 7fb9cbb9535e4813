#!/usr/bin/env bash
# self_test.sh: the support scripts do what the tests trust them to do. Servers start, answer, and
# are gone afterwards however the script that owns them ends; what is expected and is not, fails.

set -Eeuo pipefail
support=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/support/servers.sh
source "$support/servers.sh"
make_scratch
trap 'echo "self_test.sh:$LINENO: failed: $BASH_COMMAND" >&2; exit 1' ERR
export TMPDIR=$SCRATCH

check()
{
    local what=$1
    shift
    if "$@"; then
        printf 'ok    %s\n' "$what"
    else
        printf 'FAIL  %s\n' "$what" >&2
        exit 1
    fi
}

# Within five seconds: a signal to a group of processes is quick, but not instant.
gone()
{
    local pid tries
    for pid in "$@"; do
        for ((tries = 0; tries < 250; tries++)); do
            process_runs "$pid" || continue 2
            sleep 0.02
        done
        return 1
    done
}

no_scratch()
{
    [[ -z $(compgen -G "$SCRATCH/rf.*") ]]
}

# ---- with_servers.sh ---------------------------------------------------------------------------

cat >"$SCRATCH/look.sh" <<'LOOK'
set -eu
test "$(redis-cli -s "$REDFERRY_TEST_REDIS_SOCKET" PING)" = PONG
test "$REDFERRY_TEST_REDIS" = "unix://$REDFERRY_TEST_REDIS_SOCKET"
test "$(psql -XAtc 'SELECT 40 + 2' "$REDFERRY_TEST_POSTGRES")" = 42
test -d "$REDFERRY_TEST_DIR" && test -w "$REDFERRY_TEST_DIR"
test -d "$REDFERRY_TEST_PGDATA"
test -z "${PGHOST:-}${DATABASE_URL:-}${REDFERRY_DATABASE:-}"
echo "$REDFERRY_TEST_REDIS_PID $REDFERRY_TEST_POSTGRES_PID $$" >"$1.new"
mv "$1.new" "$1"
if test "$2" = stay; then exec sleep 600; fi
exit "$2"
LOOK

# with_servers PIDFILE [EXIT|stay]
with_servers()
{
    PGHOST=elsewhere DATABASE_URL=x REDFERRY_DATABASE=y \
        "$support/with_servers.sh" postgres redis -- sh "$SCRATCH/look.sh" "$@"
}

code=0
with_servers "$SCRATCH/pids" 23 || code=$?
check 'the command saw both servers, and its exit code came back' test "$code" = 23
# shellcheck disable=SC2046
check 'its servers are gone' gone $(<"$SCRATCH/pids")
check 'its scratch directory is gone' no_scratch

code=0
"$support/with_servers.sh" memcached -- true 2>/dev/null || code=$?
check 'an unknown server is refused' test "$code" = 2

for signal in TERM INT HUP KILL; do
    rm -f "$SCRATCH/pids"
    PGHOST=elsewhere env --default-signal=INT "$support/with_servers.sh" postgres redis -- \
        sh "$SCRATCH/look.sh" "$SCRATCH/pids" stay 2>/dev/null &
    script=$!
    for ((tries = 0; tries < 1500; tries++)); do
        [[ ! -e $SCRATCH/pids ]] || break
        sleep 0.02
    done
    check "SIG$signal: the command runs" test -e "$SCRATCH/pids"
    kill "-$signal" "$script"
    code=0
    wait "$script" 2>/dev/null || code=$?
    check "SIG$signal: the exit code says so" test "$code" = $((128 + $(kill -l "$signal")))
    # shellcheck disable=SC2046
    check "SIG$signal: servers and command are gone" gone $(<"$SCRATCH/pids")
    if [[ $signal != KILL ]]; then
        check "SIG$signal: the scratch directory is gone" no_scratch
    fi
done

# ---- servers.sh --------------------------------------------------------------------------------

start_redis --maxmemory 64mb
first=$REDIS_SOCKET first_pid=$REDIS_PID first_directory=$REDIS_DIR
start_redis_tcp --requirepass secret
check 'two servers of Redis are two' test "$first" != "$REDIS_SOCKET"
check 'options are passed on' \
    test "$(redis-cli -s "$first" CONFIG GET maxmemory | tail -n 1)" = 67108864
check 'TCP answers' \
    test "$(redis-cli -u "$REDIS_TCP_URL" --no-auth-warning -a secret PING)" = PONG
stop_server "$first_pid"
check 'a server stops alone' gone "$first_pid"
check 'and the other stays' process_runs "$REDIS_PID"
start_redis_in "$first_directory"
check 'it comes back on its socket' test "$(redis-cli -s "$first" PING)" = PONG
code=0
(start_redis --no-such-option 1) 2>/dev/null || code=$?
check 'an option that is none is an error' test "$code" = 1

start_postgres
first=$POSTGRES_URL first_pid=$POSTGRES_PID first_directory=$POSTGRES_DIR
start_postgres -c max_connections=7
check 'two servers of PostgreSQL are two' test "$first" != "$POSTGRES_URL"
check 'options are passed on' test "$(psql -XAtc 'SHOW max_connections' "$POSTGRES_URL")" = 7
check 'text is UTF-8' test "$(psql -XAtc 'SHOW server_encoding' "$first")" = UTF8
psql -Xqc 'CREATE TABLE kept (a int)' "$first"
psql -Xqc 'CHECKPOINT' "$first"
stop_server "$first_pid"
start_postgres_in "$first_directory"
check 'it comes back with its data' \
    test "$(psql -XAtc 'SELECT count(*) FROM kept' "$first")" = 0
pids=("${!servers_signal[@]}")
check 'four servers are ours' test "${#pids[@]}" = 4
stop_servers
check 'all of them stop' gone "${pids[@]}"

# ---- scenario.sh -------------------------------------------------------------------------------

cat >"$SCRATCH/program" <<'PROGRAM'
#!/bin/sh
echo "out: $*"
echo "err: ${REDFERRY_DATABASE:-none}" >&2
exit "${1:-0}"
PROGRAM
chmod +x "$SCRATCH/program"

# scenario: one that reads its lines from stdin; its output is in $SCRATCH/said
scenario()
{
    { printf 'source %q\n' "$support/scenario.sh" && cat; } >"$SCRATCH/scenario"
    REDFERRY_PROGRAM=$SCRATCH/program bash "$SCRATCH/scenario" >"$SCRATCH/said" 2>&1
}

# refuses WHAT MESSAGE: the scenario must fail with this message and its own line (line 2).
refuses()
{
    local code=0
    scenario || code=$?
    check "$1 fails" test "$code" = 1
    check "$1 says why" grep -Fq -- "$2" "$SCRATCH/said"
    check "$1 says where" grep -Fq -- "$SCRATCH/scenario:2:" "$SCRATCH/said"
}

refuses 'another exit code' 'expected exit code 0, got 3' <<<'expect_exit 0 redferry 3'
refuses 'an exit code that should not be 0' 'expected exit code 1, got 0' \
    <<<'expect_exit 1 redferry'
refuses 'missing output' "expected in stdout: 'other'" \
    <<<'expect_exit 0 redferry 0; expect_stdout_contains other'
refuses 'missing errors' "expected in stderr: 'other'" \
    <<<'expect_exit 0 redferry 0; expect_stderr_contains other'
refuses 'unwanted output' "expected not in stdout: 'out'" \
    <<<'expect_exit 0 redferry 0; expect_stdout_lacks out'
refuses 'unwanted errors' "expected not in stderr: 'none'" \
    <<<'expect_exit 0 redferry 0; expect_stderr_lacks none'
refuses 'another value' 'the sum: expected' <<<'expect_equal 1 2 "the sum"'
refuses 'a command that fails by itself' 'a command failed' <<<'false; true'
refuses 'a statement that is wrong' 'a command failed' \
    <<<'f() { sql "SELECT nonsense"; }; with_database sqlite f'
refuses 'a statement that PostgreSQL refuses' 'a command failed' \
    <<<'f() { sql "SELECT nonsense"; }; with_database postgresql f'
refuses 'an error reply' 'a command failed' <<<'start_redis; redis NONSENSE'

DATABASE_URL=x REDFERRY_STRICT=1 PGHOST=y scenario <<'SCENARIO'
seen=()
world()
{
    [[ -z ${DATABASE_URL:-}${REDFERRY_STRICT:-}${PGHOST:-} ]] || fail 'the environment is not clean'
    expect_equal "$(redis DBSIZE)" 0 'keys'
    expect_equal "$(ls -A)" data_migrations 'the directory'
    expect_equal "$(ls -A data_migrations)" '' 'data_migrations'
    sql 'CREATE TABLE t (a integer, b text)'
    sql <<<"INSERT INTO t VALUES (1, 'x')"
    expect_equal "$(sql 'SELECT a, b FROM t')" '1|x' 'the row'
    echo 'up:' | write_migration 1_a.yaml
    expect_equal "$(<data_migrations/1_a.yaml)" 'up:' 'the migration'
    listen flags other
    monitor
    redis SET "$1" v >/dev/null
    redis PUBLISH flags 'a message' >/dev/null
    expect_equal "$(heard)" 'flags a message' 'the messages'
    expect_equal "$(monitored | head -n 1)" '"SET" "argument" "v"' 'the commands'
    expect_exit 5 redferry 5 up
    expect_stdout_contains 'out: 5 up'
    expect_stderr_contains "err: $DB"
    seen+=("$DIALECT")
}
for_both_databases world argument
expect_equal "${seen[*]}" 'sqlite postgresql' 'the dialects'
SCENARIO
check 'a scenario with nothing wrong passes on both databases' true

check 'nothing is left of the scenarios' test "$(compgen -G "$SCRATCH/rf.*" | wc -l)" = 1
