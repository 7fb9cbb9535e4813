# shellcheck shell=bash
# refusals.sh: what holds whenever the program refuses or fails, to be sourced after scenario.sh.
#
# Each complaint is provoked in every manner of speaking (plain, -v, --json, --log-format json),
# and each time the exit code is looked at, a telling part of the message, and two things that
# are not negotiable: nothing was lost or half done, and no password was said.
#
#   behind_passwords            a scenario's first line: Redis and PostgreSQL want the password
#                               that stands in REDFERRY_REDIS and REDFERRY_DATABASE
#   refused CODE TEXT [COMMAND…]
#                               the command (`redferry up`) is refused before anything runs: Redis
#                               and the whole database stay as they are
#   failed CODE TEXT [COMMAND…] it fails at work: its run says so in the ledger, with this text,
#                               and nothing else changed
#   no_secret                   neither stream of the last command shows the password
#   world [but-runs]            what Redis and the database hold, as text; but-runs: without the
#                               history of runs
#   same_world BEFORE [but-runs]
#                               what `world` printed BEFORE is what it prints now
#   other_user, same_user       run the program as a user who may not read and write everything;
#                               as before
#
# MANNERS may be narrowed by a scenario that has to wait for its complaint. Where a program wraps
# ours and makes it slow (valgrind), each complaint is heard in one manner, the next in another,
# and only one run in seventeen is wrapped.

# Both spellings begin alike, and with nothing that a message would say by chance. In a URL two
# of its bytes need escapes.
SECRET='Tr0ub4dor&3/x'
SECRET_URL='Tr0ub4dor%263%2Fx'
SECRET_TRACE='Tr0ub4dor'
MANNERS=('' '-v' '--json' '--log-format json')
refusals_count=0
refusals_runs=0
refusals_user=() # what makes the program run as another user

redferry()
{
    local wrapper=()
    ((refusals_runs++ % 17 > 0)) || wrapper=(${scenario_wrapper[@]+"${scenario_wrapper[@]}"})
    "${refusals_user[@]}" "${wrapper[@]}" "$REDFERRY_PROGRAM" "$@"
}

# ---- passwords ---------------------------------------------------------------------------------

behind_passwords()
{
    redis ACL SETUSER ferry on ">$SECRET" '~*' '&*' '+@all' >/dev/null
    export REDFERRY_REDIS=unix://ferry:$SECRET_URL@$REDIS_SOCKET
    [[ $DIALECT == postgresql ]] || return 0
    refusals_password_role
    export REDFERRY_DATABASE=postgresql://ferry:$SECRET_URL@/${DB#postgresql:///}
    REDFERRY_DATABASE=${REDFERRY_DATABASE%&user=postgres}
}

# Once a server: everybody else is trusted, the role `ferry` must know the password.
refusals_password_role()
{
    [[ -z ${refusals_role:-} ]] || return 0
    sed -i '1i local all ferry scram-sha-256' "${scenario_postgres:?}/data/pg_hba.conf"
    sql "CREATE ROLE ferry LOGIN SUPERUSER PASSWORD '$SECRET'; SELECT pg_reload_conf()" >/dev/null
    refusals_role=there
}

no_secret()
{
    ! grep -Fq -- "$SECRET_TRACE" "$OUT" || fail 'stdout shows the password'
    ! grep -Fq -- "$SECRET_TRACE" "$ERR" || fail 'stderr shows the password'
}

# ---- what there is -----------------------------------------------------------------------------

# With but-runs: without what a run that failed leaves behind, in the ledger and in the checkpoint.
world()
{
    redis EVAL_RO "
        local keys, all = redis.call('KEYS', '*'), {}
        table.sort(keys)
        for _, key in ipairs(keys) do
            if ARGV[1] ~= 'but-runs' or key:sub(1, 9) ~= 'redferry:' then
                table.insert(all, key .. ' ' .. redis.sha1hex(redis.call('DUMP', key)))
            end
        end
        return all" 0 "${1:-}"
    if [[ $DIALECT == sqlite ]]; then
        [[ -r ${DB#sqlite:} ]] || return 0
        sql .dump | if [[ ${1:-} == but-runs ]]; then
            grep -Ev '^INSERT INTO (data_migration_(runs|ledger)|sqlite_sequence) ' || true
        else
            cat
        fi
    else
        sql "SELECT relname, query_to_xml(format('TABLE %I', relname), true, true, '')
             FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'v', 'm')
               AND ('${1:-}' <> 'but-runs' OR relname !~ '^data_migration_(runs|ledger)')
             ORDER BY relname"
    fi
}

same_world()
{
    local now
    now=$(world "${@:2}")
    [[ $now == "$1" ]] || fail "the world changed:
$(diff <(printf '%s' "$1") <(printf '%s' "$now") || true)"
}

# ---- complaints --------------------------------------------------------------------------------

# Every text in a stream of JSON, one document a line or one in all.
refusals_texts()
{
    sqlite3 -batch -bail -init /dev/null :memory: "
        WITH stream(text) AS (SELECT trim(CAST(readfile('$1') AS text), char(10)))
        SELECT atom FROM stream, json_tree(CASE WHEN json_valid(text) THEN text
            ELSE '[' || replace(text, char(10), ',') || ']' END) WHERE type = 'text'" ||
        fail "no JSON: $1"
}

# complained CODE TEXT MANNER: of the last command
complained()
{
    no_secret
    expect_stderr_lacks 'Sanitizer' # which may end with the very code that is expected
    expect_stderr_lacks 'runtime error:'
    case $3 in
    --json)
        [[ $(refusals_texts "$OUT") == *"$2"* ]] || fail "expected in the document: '$2'"
        expect_equal "$(sqlite3 -batch -init /dev/null :memory: \
            "SELECT json_extract(readfile('$OUT'), '\$.exit')")" "$1" 'the exit code in the document'
        expect_stderr_contains "$2"
        ;;
    '--log-format json')
        [[ $(refusals_texts "$ERR") == *"$2"* ]] || fail "expected in the log: '$2'"
        ;;
    *) expect_stderr_contains "$2" ;;
    esac
}

# refusals_provoke BUT-RUNS CODE TEXT COMMAND…
refusals_provoke()
{
    local but=$1 code=$2 text=$3 manner before
    shift 3
    (($# > 0)) || set -- redferry up
    before=$(world "$but")
    refusals_heard=("${MANNERS[@]}")
    [[ -z ${REDFERRY_TEST_WRAPPER:-} ]] ||
        refusals_heard=("${MANNERS[refusals_count++ % ${#MANNERS[@]}]}")
    for manner in "${refusals_heard[@]}"; do
        # shellcheck disable=SC2086 # of a manner's words each is one
        expect_exit "$code" "$1" $manner "${@:2}"
        complained "$code" "$text" "$manner"
    done
    same_world "$before" "$but"
}

refused()
{
    refusals_provoke all "$@"
}

failed()
{
    local runs
    runs=$(sql 'SELECT count(*) FROM data_migration_runs')
    refusals_provoke but-runs "$@"
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" $((runs + ${#refusals_heard[@]})) \
        'the runs'
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs
                         WHERE id > '"$runs AND status <> 'failed'")" 0 'runs that did not fail'
    [[ $(sql "SELECT error FROM data_migration_runs WHERE id > $runs") == *"$2"* ]] ||
        fail "expected in the ledger: '$2'"
    ! sql 'SELECT error FROM data_migration_runs' | grep -Fq -- "$SECRET_TRACE" ||
        fail 'the ledger shows the password'
}

# ---- another user ------------------------------------------------------------------------------

# To root no file is read-only. The build may lie where nobody else gets, so the program is copied.
other_user()
{
    ((EUID == 0)) || return 0
    refusals_program=$REDFERRY_PROGRAM
    cp "$REDFERRY_PROGRAM" "$SCRATCH/redferry"
    chmod 755 "$SCRATCH/redferry"
    chmod 777 "$REDIS_SOCKET"
    REDFERRY_PROGRAM=$SCRATCH/redferry
    refusals_user=(setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups)
}

same_user()
{
    ((EUID == 0)) || return 0
    REDFERRY_PROGRAM=$refusals_program
    refusals_user=()
}
