#!/usr/bin/env bash
# Goal: `up` and `down` are killed, and stopped, at each moment from the lock to the end of the
# checkpoint. The next one goes on by itself, and everything is there exactly once.
#
#   REDFERRY_CRASH_ALL=1   at every passing of every point, everywhere
# needs: crash points
# not under valgrind: hundreds of runs, of which each is slow there
# shellcheck disable=SC2034 # the variables of a world are read by their names
source "$(dirname "$0")/../support/scenario.sh"
# shellcheck source=tests/support/crashes.sh
source "$(dirname "$0")/../support/crashes.sh"

# Nothing of it may be repeated: two steps with rows, an `sql` step between them, one without rows.
write_move()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3), (4), (5);
         CREATE TABLE once (n integer); INSERT INTO once VALUES (0)'
    write_migration 1_move.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    batch: 2
    write:
      - INCRBY canary:${id} 1
      - RPUSH list ${id}
    publish:
      channel: rows
      message: ${id}
  - sql: UPDATE once SET n = n + 1
  - read: SELECT id FROM t
    key: id
    batch: 3
    write: INCRBY canary:again:${id} 1
  - write: INCRBY canary:once 1
publish:
  channel: done
  message: ${version} ${rows}
down:
  - write: DECRBY canary:once 1
  - read: SELECT id FROM t
    key: id
    batch: 3
    write:
      - DECRBY canary:again:${id} 1
      - RPUSH undone ${id}
  - sql: UPDATE once SET n = n - 1
  - read: SELECT id FROM t
    key: id
    batch: 3
    write: DECRBY canary:${id} 1
    publish:
      channel: rows
      message: ${id}
YAML
    crash_hear rows 'done'
}

# ---- up ------------------------------------------------------------------------------------------

up_late='steps done'
up_wanted='canary:1 1
canary:2 1
canary:3 1
canary:4 1
canary:5 1
canary:again:1 1
canary:again:2 1
canary:again:3 1
canary:again:4 1
canary:again:5 1
canary:once 1
list 1 2 3 4 5
entry|10|1|16|5|announced
running|0
sql|1
rows 1
rows 2
rows 3
rows 4
rows 5
done 1 10'
up_fresh() { crash_fresh; }
up_command() { crashing up; }
up_again() { crash_expect 0 redferry up; }

# The last message comes again where it was sent, and that it was could not be written down.
up_state()
{
    crash_state >"$SCRATCH/all"
    if crash_passed 'result written'; then uniq "$SCRATCH/all"; else cat "$SCRATCH/all"; fi
}

# ---- down ----------------------------------------------------------------------------------------

down_late='steps done'
down_wanted='canary:1 0
canary:2 0
canary:3 0
canary:4 0
canary:5 0
canary:again:1 0
canary:again:2 0
canary:again:3 0
canary:again:4 0
canary:again:5 0
canary:once 0
list 1 2 3 4 5
undone 1 2 3 4 5
running|0
sql|0
rows 1
rows 2
rows 3
rows 4
rows 5'
down_fresh()
{
    crash_fresh
    crash_expect 0 redferry up
    redis PUBLISH crash:mark undo >/dev/null
    crash_heard undo >/dev/null
}
down_command() { crashing down --only 1; }

# Whether the last COMMIT but that of `announced_at` was behind it.
is_undone() { crash_passed 'steps done' 'after COMMIT'; }

# What was undone already is none of its business any more.
down_again()
{
    local code=0
    ! is_undone || code=2
    crash_expect "$code" redferry down --only 1
}

# A checkpoint that stays behind is known for a leftover by whoever finds it.
down_state()
{
    crash_state >"$SCRATCH/all"
    if is_undone; then grep -v '^checkpoint$' "$SCRATCH/all"; else cat "$SCRATCH/all"; fi
}

everywhere()
{
    crash_in_memory
    write_move
    crashes up KILL "$1"
    crashes up TERM ends
    crashes down KILL ends
    crashes down TERM first
}

is_stopped() { [[ $(ps -o stat= -p "$1") == T* ]]; }

# What another had on its way all along, that it is finished off, arrives while the fence is being taken: the
# fence that was written for that goes again.
too_late_to_announce()
{
    local key late code=0
    sql 'CREATE TABLE anything (id integer)'
    echo 'up: [{write: SET x 1}]' >data_migrations/1_move.yaml
    REDFERRY_CRASH_AT='result written:KILL' expect_exit 137 redferry up
    key="redferry:{$(sql 'SELECT id FROM data_migration_ledger')}:1"
    expect_equal "$(redis EXISTS "$key")" 1 'the checkpoint, before'
    REDFERRY_CRASH_AT='fence taken:STOP' "$REDFERRY_PROGRAM" up >"$OUT" 2>"$ERR" &
    late=$!
    wait_for 'it stands still' is_stopped "$late"
    sql "UPDATE data_migrations SET announced_at = applied_at"
    kill -CONT "$late"
    wait "$late" || code=$?
    expect_equal "$code" 4 'the exit code'
    expect_stderr_contains 'another has finished it off, or undone it, meanwhile'
    expect_equal "$(redis EXISTS "$key")" 0 'the checkpoint'
    expect_exit 0 redferry up
}

with_database sqlite too_late_to_announce
with_database postgresql too_late_to_announce
with_database sqlite everywhere all
with_database postgresql everywhere ends
crashes_end
