#!/usr/bin/env bash
# Goal: the delivery protocol, as tests/model describes it, is searched exhaustively by spin: it
# holds with all safeguards; without any one of them a violation is found; what is worth reaching
# is reached; and every function that the model names is in src/.
#
#   tests/model/check.sh           within a minute
#   tests/model/check.sh --large   larger bounds: minutes, and gigabytes of memory

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

large=0
case ${1:-} in
'') ;;
--large) large=1 ;;
*) echo 'usage: check.sh [--large]' >&2; exit 2 ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/rft-model.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail()
{
    echo "FAIL: $*" >&2
    exit 1
}

# ---- what is asked ----------------------------------------------------------------------------

# A name, and what differs from one `up` that nothing happens to.
small_cases()
{
    cat <<'CASES'
two runners             ups=2 kills=1 cuts=1 lost_locks=1
three batches           ups=2 kills=1 cuts=1 lost_locks=1 migration=1
an EXEC refused         ups=2 kills=1 cuts=1 lost_locks=1 refusals=1
signals                 ups=2 kills=1 cuts=1 lost_locks=1 stops=1
Redis, sql, Redis       ups=2 kills=1 cuts=1 lost_locks=1 migration=2
the same, restart       ups=2 kills=1 cuts=1 restarts=1 migration=2
an older Redis          ups=2 kills=1 cuts=1 restarts=1
an element's error      ups=2 kills=1 cuts=1 lost_locks=1 stuck=1
the same, restart       ups=2 kills=1 cuts=1 restarts=1 stuck=1
the same, idempotent    ups=2 kills=1 cuts=1 lost_locks=1 stuck=1 migration=4
eviction                ups=2 kills=1 cuts=1 lost_locks=1 evictions=1
eviction, two steps     ups=2 kills=1 lost_locks=1 evictions=1 migration=3
eviction, idempotent    ups=2 kills=1 lost_locks=1 evictions=1 migration=4
up and down             ups=1 downs=1 kills=1 cuts=1 lost_locks=1
two up, one down        ups=2 downs=1 kills=1 lost_locks=1
up, down, up            ups=2 downs=1 kills=1 lost_locks=1 redo=1
CASES
}

large_cases()
{
    cat <<'CASES'
three runners           ups=3 kills=1 cuts=1 lost_locks=2 migration=1
two kills, two cuts     ups=3 kills=2 cuts=2 lost_locks=1
an EXEC refused         ups=3 kills=1 cuts=1 lost_locks=1 refusals=1 migration=1
signals                 ups=3 kills=1 cuts=1 lost_locks=1 stops=1
Redis, sql, Redis       ups=3 kills=1 cuts=1 lost_locks=1 refusals=1 migration=2
the same, restart       ups=2 kills=1 cuts=1 lost_locks=1 restarts=1 migration=2
the same, eviction      ups=2 kills=1 cuts=1 lost_locks=1 restarts=1 evictions=1 migration=2
an older Redis          ups=3 kills=1 cuts=1 lost_locks=1 restarts=1
an element's error      ups=3 kills=1 cuts=1 lost_locks=1 stuck=1
the same, restart       ups=3 kills=1 cuts=1 restarts=1 stuck=1
the same, idempotent    ups=3 kills=1 cuts=1 lost_locks=1 stuck=1 migration=4
eviction                ups=3 kills=1 cuts=1 lost_locks=1 evictions=1
eviction, two steps     ups=4 kills=1 lost_locks=1 evictions=1 migration=3
eviction, idempotent    ups=2 kills=1 cuts=1 lost_locks=1 evictions=2 migration=4
two up, two down        ups=2 downs=2 kills=1 lost_locks=1
up, down, up            ups=3 downs=1 kills=1 lost_locks=2 redo=1
CASES
}

# A safeguard, and bounds within which it is missed. Where others would be refused or fenced for
# nothing (courteous) is asked only where that is all that a safeguard is for.
missed_cases()
{
    cat <<'CASES'
begin_atomic            ups=2 kills=1 cuts=1 lost_locks=1 courteous=0
sqlcheck                ups=2 kills=1 lost_locks=1 courteous=0
gate_exec               ups=2 refusals=1 courteous=0
hold                    ups=2 kills=1 cuts=1 lost_locks=1 courteous=0
watch                   ups=2 kills=1 cuts=1 lost_locks=1 courteous=0
locate                  ups=2 cuts=1 courteous=0
take                    ups=2 lost_locks=1
final_cond              ups=2 downs=1 kills=1 lost_locks=1 courteous=0
seen                    ups=2 kills=1 stuck=1 courteous=0
sqlpos                  ups=2 kills=1 migration=2 courteous=0
behind                  ups=2 kills=1 restarts=1 migration=2 courteous=0
chain                   ups=1 downs=1 kills=1 courteous=0
begun                   ups=2 kills=1 evictions=1 courteous=0
over                    ups=2 cuts=1 lost_locks=1 evictions=1 migration=3 courteous=0
announced               ups=2 kills=1 courteous=0
announce_run            ups=3 downs=1 kills=1 lost_locks=1 redo=1 courteous=0
CASES
}

# Something worth reaching (bounds.pml numbers them), and bounds within which it is.
reached_cases()
{
    cat <<'CASES'
APPLIED_AFTER_RESUME    ups=2 kills=1
LATE_EXEC_RAN           ups=1 cuts=1
LATE_EXEC_VOID          ups=1 cuts=1
REFUSED_THEN_APPLIED    ups=1 refusals=1
FENCED                  ups=2 lost_locks=1
LOSS_REFUSED            ups=1 evictions=1
LOSS_STARTED_OVER       ups=1 evictions=1 migration=4
WENT_BACK               ups=1 restarts=1
FAILED_SENT_AGAIN       ups=2 stuck=1
UNDONE                  ups=1 downs=1
FINISHED_OFF            ups=2 kills=1
SQL_SKIPPED             ups=2 kills=1 migration=2
UNREAD_FOUND_MISSING    ups=2 kills=1 stuck=1
LEFTOVER_REPLACED       ups=1 downs=1 kills=1
BEHIND_REFUSED          ups=2 kills=1 restarts=1 migration=2
FINISH_IN_DOUBT         ups=1 cuts=1
CASES
}

# ---- the model and the sources ------------------------------------------------------------------

# `@name` is a function of some header of src/; `name() in file.c` one of that file.
check_names()
{
    local name file missing=0 count=0
    while read -r name; do
        count=$((count + 1))
        grep -rqE --include='*.h' "(^|[ *])$name\(" ../../src && continue
        echo "the model names $name(), which no header in src/ declares" >&2
        missing=1
    done < <(grep -ohE '@[a-z_]+[a-z]' -- *.pml | tr -d @ | sort -u)
    while read -r name file; do
        count=$((count + 1))
        grep -qE "^[a-z].*[ *]$name\(" ../../src/*/"$file" 2>/dev/null && continue
        echo "the model names $name() in $file, which is not there" >&2
        missing=1
    done < <(grep -ohE '[a-z_]+\(\) in [a-z_]+\.c' -- *.pml | sed 's/() in / /' | sort -u)
    ((missing == 0)) || fail 'the model is not in step with the code'
    ((count > 30)) || fail "only $count functions are named"
    # What a run asks of the fenced sink is the protocol's outside: none of it may be forgotten.
    while read -r name; do
        grep -q "@$name\b" -- *.pml || fail "the model does not name $name() of sink_fenced.h"
    done < <(grep -oE '\bsink_fenced_[a-z_]+\(' ../../src/fenced/sink_fenced.h | tr -d '(' |
        grep -vxE 'sink_fenced_(open|total|went_back)' | sort -u)
    echo "$count functions are named, and are there"
}

# ---- searching ----------------------------------------------------------------------------------

build()
{
    local options=(-DSAFETY -O0) # the small searches are over before -O2 would be
    ((large == 0)) || options=(-DSAFETY -O2 -DCOLLAPSE)
    cp -- *.pml "$work"
    cd "$work"
    spin -a delivery.pml >spin.log 2>&1 || { cat spin.log >&2; fail 'spin does not take the model'; }
    "${CC:-cc}" "${options[@]}" -o pan pan.c 2>cc.log || { cat cc.log >&2; fail 'pan.c'; }
}

# search NAME SETTING…: into pan.log; one line about it.
search()
{
    local name=$1 bits=20
    shift
    ((large == 0)) || bits=26
    env -i "$@" ./pan -m1000000 -w$bits >pan.log 2>&1 || true
    grep -q 'State-vector' pan.log || { cat pan.log >&2; fail "$name: the search broke off"; }
    printf '  %-24s %9s states %7s s  %s\n' "$name" \
        "$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log | awk '{ printf "%d", $1 }')" \
        "$(sed -n 's/.*elapsed time \([0-9.e-]*\) seconds.*/\1/p' pan.log)" "$*"
}

# Searched to the end.
is_complete()
{
    ! grep -qE 'Search not completed|max search depth too small|out of memory|reached -DMEMLIM' \
        pan.log && grep -q 'errors: 0$' pan.log
}

holds()
{
    local name settings
    while IFS= read -r line; do
        name=${line:0:24} settings=${line:24}
        # shellcheck disable=SC2086
        search "${name%"${name##*[! ]}"}" $settings
        is_complete || { cat pan.log >&2; fail "a violation, or no complete search: $line"; }
    done
}

missed()
{
    local safeguard settings
    while read -r safeguard settings; do
        # shellcheck disable=SC2086
        search "$safeguard" $settings "$safeguard=0"
        grep -q 'assertion violated' pan.log ||
            fail "without $safeguard nothing goes wrong: the check is blind to it"
        # shellcheck disable=SC2086
        search '  with it' $settings
        is_complete || fail "it goes wrong with $safeguard, too"
    done
}

reached()
{
    local what number settings
    while read -r what settings; do
        number=$(awk -v what="$what" '$1 == "#define" && $2 == what { print $3 }' bounds.pml)
        # shellcheck disable=SC2086
        search "$what" $settings "wanted=$number"
        grep -q "assertion violated (wanted!=$number)" pan.log ||
            fail "$what is never reached: the model does less than it says"
    done
}

check_names
build
echo "built after $SECONDS s"
echo 'with all safeguards, to the end:'
if ((large)); then large_cases; else small_cases; fi | holds
if ((large == 0)); then
    echo 'without one of them, a violation:'
    missed_cases | missed
    echo 'reached:'
    reached_cases | reached
fi
echo "ok after $SECONDS s"
