#!/usr/bin/env bash
# Goal: killed where things have gone wrong already (a command failed; what it owes is sent again; a
# stop is under way; the connection to Redis was lost, its answers unread; an announcement is late; a
# `repair`), or where rows are sent twice and count once, the next one goes on by itself all the same,
# and everything is there exactly once.
# needs: crash points
# not under valgrind: hundreds of runs, of which each is slow there
# not with sanitizers: hundreds of runs; 62-crash-points makes the like there
# shellcheck disable=SC2034 # the variables of a world are read by their names
source "$(dirname "$0")/../support/scenario.sh"
# shellcheck source=tests/support/crashes.sh
source "$(dirname "$0")/../support/crashes.sh"

write_lists()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3), (4), (5);
         CREATE TABLE once (n integer); INSERT INTO once VALUES (0)'
    write_migration 1_lists.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    batch: 2
    write:
      - RPUSH list:${id} ${id}
      - LREM list:${id} 1 other
      - INCRBY canary:${id} 1
    publish:
      channel: rows
      message: ${id}
  - sql: UPDATE once SET n = n + 1
  - write: INCRBY canary:once 1
publish:
  channel: done
  message: ${version} ${rows}
YAML
    crash_hear rows 'done'
}

# However often it was stopped.
readonly all_of_it='canary:1 1
canary:2 1
canary:3 1
canary:4 1
canary:5 1
canary:once 1
list:1 1
list:2 2
list:3 3
list:4 4
list:5 5
entry|5|1|16|5|announced
running|0
sql|1
rows 1
rows 2
rows 3
rows 4
rows 5
done 1 5'

# The last message comes again where it was sent, and that it was could not be written down.
state_said_once()
{
    crash_state >"$SCRATCH/all"
    if crash_passed 'result written'; then uniq "$SCRATCH/all"; else cat "$SCRATCH/all"; fi
}

# ---- a command fails within its transaction, and is mended ---------------------------------------

failing_exit=1 failing_late='commands failed' failing_wanted=$all_of_it
failing_fresh()
{
    crash_fresh
    redis SET list:3 'no list' >/dev/null
}
failing_command() { crashing up; }
failing_again()
{
    crash_expect 1 redferry up
    redis DEL list:3 >/dev/null
    crash_expect 0 redferry up
}
failing_state()
{
    ((crash_code != 1)) || redis DEL list:3 >/dev/null # untouched: nobody has mended it
    crash_state
}

mending_late='steps done' mending_wanted=$all_of_it
mending_fresh()
{
    failing_fresh
    crash_expect 1 redferry up
    redis DEL list:3 >/dev/null
}
mending_command() { crashing up; }
mending_again() { crash_expect 0 redferry up; }
mending_state() { state_said_once; }

# ---- a stop is under way -------------------------------------------------------------------------

stopping_before='batch settled#1:TERM' stopping_exit=143 stopping_wanted=$all_of_it
stopping_fresh() { crash_fresh; }
# With pauses a batch is answered before the next one begins, and the stop is at the same place always.
stopping_command() { crashing up --pause 1ms; }
stopping_again() { crash_expect 0 redferry up; }
stopping_state() { crash_state; }

# ---- the connection is lost ----------------------------------------------------------------------

# Where the program stops itself, its connections to Redis are cut before it goes on. One that ends
# before it stops, since the moment came sooner this time, is not cut: it is a zombie, or gone already
# where the shell was quick to bury it. Not by the function: its process would be a subshell's.
up_that_is_cut()
{
    local up code=0 stat=R tries=0
    REDFERRY_CRASH_AT=$crash_at REDFERRY_CRASH_LIST=$SCRATCH/points \
        ${scenario_wrapper[@]+"${scenario_wrapper[@]}"} "$REDFERRY_PROGRAM" up &
    up=$!
    until [[ ${stat##*) } == [TZ]* ]]; do
        if ((tries++ == 1000)); then
            echo "'$crash_at' does not stop it"
            kill -KILL "$up"
        fi
        sleep 0.01
        read -r stat 2>/dev/null <"/proc/$up/stat" || stat=Z
    done
    if [[ ${stat##*) } == T* ]]; then
        redis CLIENT KILL TYPE normal >/dev/null
        kill -CONT "$up"
    fi
    wait "$up" || code=$?
    return "$code"
}

unsent_before='batch opened#2:STOP' unsent_wanted=$all_of_it
unsent_fresh() { crash_fresh; }
unsent_command() { up_that_is_cut; }
unsent_again() { crash_expect 0 redferry up; }
unsent_state() { state_said_once; }

# EXEC has left, and its answer is never read; and it ran, or did not.
unread_before='' unread_wanted=$all_of_it
unread_fresh() { crash_fresh; }
unread_command() { up_that_is_cut; }
unread_again() { crash_expect 0 redferry up; }
unread_state() { state_said_once; }

# What is written first after a batch was opened is its EXEC.
find_exec()
{
    local crash_at=
    crash_fresh
    rm -f "$SCRATCH/points"
    expect_exit 0 crashing up
    unread_before=$(awk '
        $0 == "requests written" { n++; if (opened) { print $0 "#" n ":STOP"; exit } }
        $0 == "batch opened" { opened = 1 }' "$SCRATCH/points")
    crash_state >/dev/null
}

# ---- the announcement is late --------------------------------------------------------------------

announcing_wanted=$all_of_it announcing_late='announced late'
announcing_fresh()
{
    crash_fresh
    REDFERRY_CRASH_AT='result written:KILL' crash_expect 137 redferry up
}
announcing_command() { crashing up; }
announcing_again() { crash_expect 0 redferry up; }
announcing_state()
{
    crash_state >"$SCRATCH/all"
    uniq "$SCRATCH/all"
}

# ---- repair --------------------------------------------------------------------------------------

write_repairable()
{
    rm data_migrations/*
    write_migration 1_later.yaml <<'YAML'
up:
  - sql: UPDATE later SET n = n + 1
  - write: INCRBY canary:once 1
YAML
}

repairing_late='lock taken'
repairing_wanted='canary:once 1
entry|0|1|1|0|announced
running|0
sql|0'
repairing_fresh()
{
    crash_fresh
    sql 'DROP TABLE IF EXISTS later' 2>/dev/null
    crash_expect 1 redferry up
}
repairing_command() { crashing repair 1; }
repairing_again()
{
    crash_expect 0 redferry repair 1
    sql 'CREATE TABLE later (n integer); INSERT INTO later VALUES (0)'
    crash_expect 0 redferry up
}
repairing_state() { crash_state; }

# ---- what may be sent twice ----------------------------------------------------------------------

# Where answers were not read, or there is no key, rows are carried again; they count once.
write_repeatable()
{
    rm data_migrations/*
    write_migration 1_same.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    batch: 2
    write:
      - SET keyed:${id} ${id}
      - SET other:${id} ${id}
  - read: SELECT id FROM t
    batch: 2
    write: SET keyless:${id} ${id}
  - write: SET once 1
publish:
  channel: done
  message: ${version} ${rows}
YAML
}

repeating_late='steps done' repeating_wanted='keyed:1 1
keyed:2 2
keyed:3 3
keyed:4 4
keyed:5 5
keyless:1 1
keyless:2 2
keyless:3 3
keyless:4 4
keyless:5 5
once 1
other:1 1
other:2 2
other:3 3
other:4 4
other:5 5
entry|10|0|16|0|announced
running|0
sql|0
done 1 10'
repeating_fresh() { crash_fresh; }
repeating_command() { crashing up; }
repeating_again() { crash_expect 0 redferry up; }
repeating_state() { state_said_once; }

# Killed twice: what the second run told the ledger is taken back as well.
twice_late='steps done' twice_wanted=$repeating_wanted
twice_fresh()
{
    crash_fresh
    REDFERRY_CRASH_AT='batch settled#2:KILL' crash_expect 137 redferry up
}
twice_command() { crashing up; }
twice_again() { crash_expect 0 redferry up; }
twice_state() { state_said_once; }

repeating_cut_before='' repeating_cut_wanted=$repeating_wanted
repeating_cut_fresh() { crash_fresh; }
repeating_cut_command() { up_that_is_cut; }
repeating_cut_again() { crash_expect 0 redferry up; }
repeating_cut_state() { state_said_once; }

beside()
{
    crash_in_memory
    write_lists
    crashes failing KILL ends
    crashes mending KILL "$1"
    crashes mending TERM first
    crashes stopping KILL ends
    crashes unsent KILL "$1"
    find_exec
    crashes unread KILL "$1"
    crashes announcing KILL "$1"
    crashes announcing TERM first
    write_repeatable
    crashes repeating KILL "$1"
    if [[ $DIALECT == sqlite ]]; then
        crashes repeating TERM first
        crashes twice KILL first
        find_exec
        repeating_cut_before=$unread_before
        crashes repeating_cut KILL first
    fi
    write_repairable
    crashes repairing KILL all
    crashes repairing TERM all
}

with_database sqlite beside ends
with_database postgresql beside first
crashes_end
