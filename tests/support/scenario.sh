# shellcheck shell=bash
# scenario.sh: the words in which a scenario tells what a user does, to be sourced.
#
# A scenario is a bash script that runs the program ($REDFERRY_PROGRAM) as a user would, against
# real servers, and stops with exit code 1 at the first thing that is not as expected, showing
# what was and what should have been. A typical one:
#
#     source "$(dirname "$0")/../support/scenario.sh"
#     applies_once()
#     {
#         sql "CREATE TABLE t (id bigint PRIMARY KEY)"
#         write_migration 1_copy.yaml <<'YAML'
#         …
#     YAML
#         expect_exit 0 redferry up
#         expect_stdout_contains '1_copy'
#         expect_equal "$(redis GET key)" 'value' 'the key'
#     }
#     for_both_databases applies_once
#
#   redferry ARGUMENT…             runs the program (behind $REDFERRY_TEST_WRAPPER, if set)
#   expect_exit CODE COMMAND…      runs a command; its output is in the files $OUT and $ERR
#   expect_stdout_contains TEXT    of the last expect_exit; also expect_stdout_lacks,
#                                  expect_stderr_contains, expect_stderr_lacks
#   expect_equal GOT WANT WHAT
#   fail MESSAGE
#   wait_for WHAT COMMAND…, wait_until WHAT COMMAND…
#                                  until the command succeeds, for at most $PATIENCE seconds
#   redis ARGUMENT…                redis-cli; an error reply fails
#   sql [STATEMENT]                psql or sqlite3 (without a statement: stdin), cells with |
#   write_migration FILE           data_migrations/FILE from stdin
#   listen CHANNEL…, heard         subscribe; then the lines `channel message` since
#   monitor, monitored             MONITOR; then the lines of commands since
#   with_database DIALECT FUNCTION [ARGUMENT…]
#   for_both_databases FUNCTION [ARGUMENT…]
#
# with_database gives the function an empty database, an empty Redis, an empty working directory
# with data_migrations in it, and the variables DIALECT (sqlite, postgresql), DB (the database's
# URL) and REDIS_URL. REDFERRY_DATABASE and REDFERRY_REDIS are exported with these two, and no
# other variable of the user's environment that the program would read; a scenario that is about
# variables or options may unset them.

set -Eeuo pipefail
# shellcheck source=tests/support/servers.sh
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

: "${REDFERRY_PROGRAM:?the program under test}"
read -ra scenario_wrapper <<<"${REDFERRY_TEST_WRAPPER:-}"
clean_environment
make_scratch
export HOME=$SCRATCH LC_ALL=C.UTF-8 TERM=dumb
OUT=$SCRATCH/stdout
ERR=$SCRATCH/stderr
: >"$OUT" >"$ERR"
scenario_count=0
scenario_listener=
scenario_monitor=
scenario_last=

# ---- what is expected --------------------------------------------------------------------------

# The first line of the call stack that is in the scenario itself, not in what it sources.
scenario_where()
{
    local i
    for ((i = 1; i < ${#BASH_SOURCE[@]} - 1; i++)); do
        [[ ${BASH_SOURCE[i]} == */support/*.sh ]] || break
    done
    printf '%s:%s' "${BASH_SOURCE[i]}" "${BASH_LINENO[i - 1]}"
}

fail()
{
    trap - ERR
    {
        printf '%s: %s\n' "$(scenario_where)" "$*"
        if [[ -n $scenario_last ]]; then
            printf -- '---- the last command%s: %s\n' "${DIALECT:+ ($DIALECT)}" "$scenario_last"
            printf -- '---- its stdout\n'
            cat "$OUT"
            printf -- '---- its stderr\n'
            cat "$ERR"
        fi
    } >&2
    exit 1
}

trap 'fail "a command failed: $BASH_COMMAND"' ERR

redferry()
{
    ${scenario_wrapper[@]+"${scenario_wrapper[@]}"} "$REDFERRY_PROGRAM" "$@"
}

expect_exit()
{
    local want=$1 got=0
    shift
    scenario_last=$*
    "$@" >"$OUT" 2>"$ERR" || got=$?
    ((got == want)) || fail "expected exit code $want, got $got"
}

expect_stdout_contains() { scenario_contains stdout "$OUT" "$1"; }
expect_stderr_contains() { scenario_contains stderr "$ERR" "$1"; }
expect_stdout_lacks() { scenario_lacks stdout "$OUT" "$1"; }
expect_stderr_lacks() { scenario_lacks stderr "$ERR" "$1"; }

scenario_contains()
{
    [[ $(<"$2") == *"$3"* ]] || fail "expected in $1: '$3'"
}

scenario_lacks()
{
    [[ $(<"$2") != *"$3"* ]] || fail "expected not in $1: '$3'"
}

expect_equal()
{
    local got=$1 want=$2 what=$3
    [[ $got == "$want" ]] ||
        fail "$(printf '%s: expected\n%s\n---- got\n%s' "$what" "$want" "$got")"
}

PATIENCE=60

wait_for() { scenario_wait "for $1" "${@:2}"; }
wait_until() { scenario_wait "until $1" "${@:2}"; }

scenario_wait()
{
    local what=$1 end=$((SECONDS + PATIENCE))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || fail "waited in vain $what$([[ ! -s up.err ]] || printf '; up says: %s' "$(<up.err)")"
        sleep 0.01
    done
}

# ---- the servers -------------------------------------------------------------------------------

redis()
{
    redis-cli -e -s "$REDIS_SOCKET" "$@"
}

sql()
{
    if [[ $DIALECT == sqlite ]]; then
        sqlite3 -batch -bail -init /dev/null -cmd '.timeout 5000' "${DB#sqlite:}" "$@"
    elif (($# > 0)); then
        psql -XAtq -v ON_ERROR_STOP=1 -d "$DB" -c "$1"
    else
        psql -XAtq -v ON_ERROR_STOP=1 -d "$DB"
    fi
}

write_migration()
{
    cat >"data_migrations/$1"
}

# Both end when they have received a mark that is sent after everything else: no waiting for luck.
listen()
{
    scenario_listener=$SCRATCH/listener.$((++scenario_count))
    : >"$scenario_listener"
    setpriv --pdeathsig KILL redis-cli -s "$REDIS_SOCKET" \
        SUBSCRIBE "$@" scenario:mark >"$scenario_listener" 2>&1 &
    disown $!
    scenario_wait_line "$scenario_listener" scenario:mark
}

heard()
{
    local mark=mark.$((++scenario_count))
    redis PUBLISH scenario:mark "$mark" >/dev/null
    scenario_wait_line "$scenario_listener" "$mark"
    awk '{ line[NR % 3] = $0 }
         NR % 3 == 0 && line[1] == "message" && line[2] != "scenario:mark" { print line[2], $0 }' \
        "$scenario_listener"
}

monitor()
{
    scenario_monitor=$SCRATCH/monitor.$((++scenario_count))
    : >"$scenario_monitor"
    setpriv --pdeathsig KILL redis-cli -s "$REDIS_SOCKET" MONITOR >"$scenario_monitor" 2>&1 &
    disown $!
    scenario_wait_line "$scenario_monitor" OK
}

# The commands as Redis shows them, "HSET" "flag:a" "enabled" "true", without time and client.
monitored()
{
    local mark=mark.$((++scenario_count))
    redis PUBLISH scenario:mark "$mark" >/dev/null
    scenario_wait_line "$scenario_monitor" "$mark"
    sed -n 's/^[0-9.]* \[[^]]*\] //p' "$scenario_monitor" | grep -v '"scenario:mark"' || true
}

# The file's line, whole, or as the last word of one (as MONITOR quotes it).
scenario_wait_line()
{
    local tries=0
    until grep -Eq -- "^$2\$|\"$2\"\$" "$1"; do
        ((tries++ < 1000)) || fail "waited in vain for '$2' in '$1'"
        sleep 0.01
    done
}

# ---- one fresh world for each database ---------------------------------------------------------

scenario_start_servers()
{
    [[ -z ${scenario_redis:-} ]] || return 0
    start_redis
    scenario_redis=("$REDIS_SOCKET" "$REDIS_URL" "$REDIS_PID" "$REDIS_DIR")
}

scenario_start_postgres()
{
    [[ -z ${scenario_postgres:-} ]] || return 0
    start_postgres
    scenario_postgres=$POSTGRES_DIR
}

with_database()
{
    local function=$2 directory=$SCRATCH/w$((++scenario_count))
    DIALECT=$1
    shift 2
    clean_environment
    scenario_start_servers
    REDIS_SOCKET=${scenario_redis[0]} REDIS_URL=${scenario_redis[1]}
    REDIS_PID=${scenario_redis[2]} REDIS_DIR=${scenario_redis[3]}
    redis FLUSHALL >/dev/null
    mkdir -p "$directory/data_migrations"
    cd "$directory"
    case $DIALECT in
    sqlite)
        DB=sqlite:$directory/test.db
        ;;
    postgresql)
        scenario_start_postgres
        psql -Xq -h "$scenario_postgres" -U postgres -d postgres \
            -c "CREATE DATABASE s$scenario_count"
        DB="postgresql:///s$scenario_count?host=$scenario_postgres&user=postgres"
        ;;
    *)
        fail "no dialect '$DIALECT'"
        ;;
    esac
    export REDFERRY_DATABASE=$DB REDFERRY_REDIS=$REDIS_URL
    printf -- '-- %s on %s\n' "$function" "$DIALECT"
    "$function" "$@"
    cd "$SCRATCH"
}

for_both_databases()
{
    with_database sqlite "$@"
    with_database postgresql "$@"
}
