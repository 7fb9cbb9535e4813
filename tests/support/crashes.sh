# shellcheck shell=bash
# crashes.sh: interrupt a command at every moment at which it can be, one after the other; to be
# sourced after scenario.sh.
#
# A build with crash points (src/trial/crash.h) names the moments. The command runs untouched a few
# times, and lists the points that it passes; then, for each of them, in a world of its own, it is
# interrupted there, run again plainly, and what is there then is compared with what must be.
#
#   crashes WORLD SIGNAL WHICH     a world is a family of functions, called in this order:
#       WORLD_fresh                makes everything as it is before the command
#       WORLD_command              the command, by `crashing ARGUMENT…`
#       WORLD_again                what is done after a crash, by `crash_expect CODE COMMAND…`
#       WORLD_state                prints what is there then: $WORLD_wanted
#     and perhaps variables: WORLD_exit (exit code of the untouched command; default 0), WORLD_before
#     (a crash, POINT[#NUMBER]:SIGNAL, that leads to the moments of interest: what is passed behind
#     it counts) and WORLD_late (the point from which on SIGTERM comes too late to stop it).
#     WHICH passings of each point: all, ends (the first and the last), first. $REDFERRY_CRASH_ALL=1
#     makes it all.
#   crash_in_memory                puts the SQLite file where no disk is waited for: a kill leaves what
#                                  was written, synced or not
#   crash_passed POINT…            whether the interrupted command came to them, in this order
#   crash_fresh                    a ledger that knows nothing yet, in tables of its own: $table
#   crash_state                    prints what is in Redis, in the ledger and in the table once (n),
#                                  and what was heard; and empties Redis and that table
#   crash_hear CHANNEL…            subscribe, once for the whole scenario: both databases' worlds have
#                                  the same Redis
#   crash_heard MARK               prints the messages since, up to MARK on crash:mark
#   crashes_end                    prints the totals; fails where there were violations

# shellcheck disable=SC2154 # what scenario.sh sets
crash_cases=0 crash_violations=0 crash_missed=0 crash_worlds=0
declare -A crash_kinds=()

# redferry ARGUMENT…, with the points on.
crashing()
{
    REDFERRY_CRASH_AT=$crash_at REDFERRY_CRASH_LIST=$SCRATCH/points \
        ${scenario_wrapper[@]+"${scenario_wrapper[@]}"} "$REDFERRY_PROGRAM" "$@"
}

crash_passed()
{
    local point
    while IFS= read -r point; do
        [[ $point != "$1" ]] || shift
        (($# > 0)) || return 0
    done <"$SCRATCH/points"
    return 1
}

# Whether it came to POINT#NUMBER.
crash_reached()
{
    local point left=${1##*#}
    while IFS= read -r point; do
        [[ $point != "${1%#*}" ]] || ((--left > 0)) || return 0
    done <"$SCRATCH/points"
    return 1
}

# Run the command with REDFERRY_CRASH_AT=$1. Sets crash_code and crash_us.
crash_run()
{
    local begun=$EPOCHREALTIME
    : >"$SCRATCH/points"
    crash_at=$1 crash_code=0
    "${crash_world}_command" >"$SCRATCH/crashed" 2>&1 || crash_code=$?
    crash_us=$((${EPOCHREALTIME/./} - ${begun/./}))
}

# Say what is wrong with a case; the next one is tried all the same.
crash_violation()
{
    crash_violations=$((crash_violations + 1))
    {
        printf 'VIOLATION: %s on %s, %s: %s\n' "$crash_world" "$DIALECT" "$crash_at" "$*"
        printf -- '---- the crashed run: exit code %s, its output\n' "$crash_code"
        cat "$SCRATCH/crashed"
        printf -- '---- the last command: %s, its stderr\n' "$scenario_last"
        cat "$ERR"
    } >&2
}

crash_expect()
{
    local want=$1 got=0
    shift
    scenario_last=$*
    "$@" >"$OUT" 2>"$ERR" || got=$?
    ((got == want)) || crash_violation "'$*' after it: exit code $got, not $want"
}

# ---- the moments ---------------------------------------------------------------------------------

# Sets crash_passings to those behind WORLD_before, POINT#NUMBER. How often a run tells the ledger of
# itself depends on the time that it takes: what counts is what each of three runs passes.
crash_find_passings()
{
    local before=${crash_world}_before want=${crash_world}_exit last
    last=${!before:-}
    : >"$SCRATCH/passings"
    for _ in 1 2 3; do
        "${crash_world}_fresh"
        crash_run "$last"
        ((crash_code == ${!want:-0})) ||
            fail "$crash_world, untouched: exit code $crash_code; $(<"$SCRATCH/crashed")"
        awk -v last="${last%:*}" '
            { passing = $0 "#" ++number[$0] }
            on || last == "" { print passing }
            passing == last || passing == last "#1" { on = 1 }' \
            "$SCRATCH/points" >>"$SCRATCH/passings"
        "${crash_world}_state" >/dev/null
    done
    mapfile -t crash_passings < <(awk -F '#' -v which="${REDFERRY_CRASH_ALL:+all}$1" '
        ++seen[$0] == 3 {
            if (!($1 in first)) first[$1] = $2
            last[$1] = $2
            name[++count] = $1
            number[count] = $2
        }
        END {
            for (i = 1; i <= count; i++)
                if (which ~ /^all/ || number[i] == first[name[i]] ||
                    (which == "ends" && number[i] == last[name[i]]))
                    print name[i] "#" number[i]
        }' "$SCRATCH/passings")
    ((${#crash_passings[@]} > 0)) || fail "$crash_world passes no points"
}

# ---- one of them ---------------------------------------------------------------------------------

# In a fresh world. What Redis is written goes in one piece or in two, by the moment: where a passing
# does not come this time, once more.
crash_interrupt()
{
    local at=$1 signal=$2 before=${crash_world}_before
    for _ in 1 2 3 4; do
        "${crash_world}_fresh"
        crash_run "${!before:+${!before},}$at:$signal"
        ((crash_code != 137)) || return 0
        ! crash_reached "$at" || return 0
        "${crash_world}_state" >/dev/null
    done
    return 1
}

# The interrupted command ended as it must: a signal behind the last place where anything could be
# stopped changes nothing.
crash_check_end()
{
    local late=${crash_world}_late want=${crash_world}_exit
    if [[ $1 == KILL ]]; then
        ((crash_code == 137)) || crash_violation "exit code $crash_code, not 137"
        return
    fi
    ((crash_us < 5000000)) || crash_violation "it took $crash_us us to stop"
    ((crash_code == 143)) || { ((crash_code == ${!want:-0})) && crash_passed "${!late}"; } ||
        crash_violation "exit code $crash_code, not 143"
    [[ $(<"$SCRATCH/crashed") != *'could not be told'* ]] ||
        crash_violation 'the ledger could not be told'
    [[ $(sql "SELECT count(*) FROM ${table}_runs WHERE status = 'running'" 2>&1) != [1-9]* ]] ||
        crash_violation 'a run that was stopped still says that it runs'
}

crash_case()
{
    local at=$1 signal=$2 wanted=${crash_world}_wanted state=
    crash_interrupt "$at" "$signal" || { crash_missed=$((crash_missed + 1)); return 0; }
    crash_cases=$((crash_cases + 1))
    crash_kinds[${at%#*}]=1
    crash_check_end "$signal"
    "${crash_world}_again"
    "${crash_world}_state" >"$SCRATCH/state"
    IFS= read -r -d '' state <"$SCRATCH/state" || true
    state=${state%$'\n'}
    [[ $state == "${!wanted}" ]] ||
        crash_violation "it left, other than wanted,
$(diff <(printf '%s\n' "${!wanted}") "$SCRATCH/state" | sed -n '/^[<>]/p' || true)"
}

crashes()
{
    local crash_world=$1 signal=$2 crash_at='' crash_code=0 crash_us=0 passing crash_passings
    crash_find_passings "$3"
    for passing in "${crash_passings[@]}"; do
        crash_case "$passing" "$signal"
    done
    printf '%s, %s: %d passings\n' "$crash_world" "$signal" "${#crash_passings[@]}"
}

crashes_end()
{
    printf '%d points, %d crashes, %d violations; %d passings did not come again\n' \
        "${#crash_kinds[@]}" "$crash_cases" "$crash_violations" "$crash_missed"
    ((crash_violations == 0)) || fail "$crash_violations violations"
    ((crash_missed * 20 <= crash_cases)) || fail 'too few crashes'
}

# ---- a world -------------------------------------------------------------------------------------

crash_in_memory()
{
    local directory
    [[ $DIALECT == sqlite && -w /dev/shm ]] || return 0
    directory=$(mktemp -d /dev/shm/rf.XXXXXX)
    servers_scratches+=("$directory")
    export REDFERRY_DATABASE=sqlite:$directory/test.db
    DB=$REDFERRY_DATABASE
}

crash_fresh()
{
    table=case_$((++crash_worlds))
    export REDFERRY_LEDGER_TABLE=$table REDFERRY_LOCK_TIMEOUT=30s
}

# Counters, lists, and whether there are checkpoints. The last word to who listens is said here, too.
readonly crash_look="
    local lines, keys = {}, redis.call('KEYS', '*')
    table.sort(keys)
    for _, key in ipairs(keys) do
        local kind = redis.call('TYPE', key).ok
        if kind == 'string' then
            lines[#lines + 1] = key .. ' ' .. redis.call('GET', key)
        elseif kind == 'list' then
            lines[#lines + 1] = key .. ' ' .. table.concat(redis.call('LRANGE', key, 0, -1), ' ')
        elseif redis.call('HEXISTS', key, 'fence') == 1 then
            lines[#lines + 1] = 'checkpoint'
        end
    end
    redis.call('FLUSHALL')
    redis.call('PUBLISH', 'crash:mark', ARGV[1])
    return lines"

crash_state()
{
    redis EVAL "$crash_look" 0 "$table"
    sql "SELECT 'entry', rows_read, rows_changed, commands_sent, messages_published,
                CASE WHEN announced_at IS NULL THEN 'unannounced' ELSE 'announced' END FROM $table;
         SELECT 'running', count(*) FROM ${table}_runs WHERE status IN ('running', 'paused');
         SELECT 'sql', n FROM once;
         UPDATE once SET n = 0"
    crash_heard "$table"
}

# ---- what is heard -------------------------------------------------------------------------------

crash_hear()
{
    local tries=0
    [[ -z ${crash_ear:-} ]] || return 0
    exec {crash_ear}< <(exec setpriv --pdeathsig KILL redis-cli -s "$REDIS_SOCKET" \
        SUBSCRIBE "$@" crash:mark 2>&1)
    until [[ $(redis PUBLISH crash:mark ready) == 1 ]]; do
        ((tries++ < 1000)) || fail 'nobody listens'
    done
    crash_heard ready
}

# `channel message`, a line each: the reader sees three lines a message, of which the first says so.
crash_heard()
{
    local line last='' before=''
    while read -r -t 10 -u "$crash_ear" line && [[ $last != crash:mark || $line != "$1" ]]; do
        [[ $before != message || $last == crash:mark ]] || printf '%s %s\n' "$last" "$line"
        before=$last last=$line
    done
}
