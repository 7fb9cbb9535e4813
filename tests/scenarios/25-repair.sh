#!/usr/bin/env bash
# Goal: `repair` gives up what a run that stopped has left, in the ledger and in Redis: the next run begins
# at step 1, recorded `sql` steps included; a checkpoint that does not fit the ledger is out of the way.
source "$(dirname "$0")/../support/scenario.sh"

checkpoint()
{
    printf 'redferry:{%s}:1' "$(sql 'SELECT id FROM data_migration_ledger')"
}

begin()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY, n integer NOT NULL, m integer)"
    sql "INSERT INTO t VALUES (1, 0, 7), (2, 0, NULL)"
    write_migration 1_a.yaml <<'YAML'
up:
  - sql: UPDATE t SET n = n + 1
  - read: SELECT id, m FROM t
    key: id
    write: INCRBY sum:${id} ${m}
    batch: 1
YAML
    expect_exit 1 redferry up
    expect_stderr_contains '${m}'
    expect_equal "$(redis GET sum:1)" 7 'the first row'
}

it_begins_anew()
{
    begin
    expect_equal "$(redis EXISTS "$(checkpoint)")" 1 'the checkpoint of a run that failed'
    expect_exit 0 redferry repair 1
    expect_stdout_contains 'repaired'
    expect_equal "$(redis EXISTS "$(checkpoint)")" 0 'the checkpoint'
    expect_exit 0 redferry repair 1
    expect_stdout_lacks 'repaired'
    sql 'UPDATE t SET m = 1 WHERE m IS NULL'
    expect_exit 0 redferry up
    expect_equal "$(redis MGET sum:1 sum:2)" $'14\n1' 'both rows once more'
    expect_equal "$(sql 'SELECT sum(n) FROM t')" 4 'what the sql step did twice'
}

# Without it: only what is left is delivered.
it_goes_on()
{
    begin
    sql 'UPDATE t SET m = 1 WHERE m IS NULL'
    expect_exit 0 redferry up
    expect_stderr_contains 'going on in step 2, behind 1 rows'
    expect_equal "$(redis MGET sum:1 sum:2)" $'7\n1' 'both rows once'
    expect_equal "$(sql 'SELECT sum(n) FROM t')" 2 'what the sql step did once'
    expect_equal "$(sql 'SELECT rows_read, commands_sent FROM data_migrations')" '2|2' 'the totals'
}

# The ledger was restored: Redis knows of a run that it does not.
it_removes_what_is_ahead()
{
    begin
    sql 'UPDATE t SET m = 1 WHERE m IS NULL'
    redis HSET "$(checkpoint)" fence 99.0123456789abcdef.1 >/dev/null
    expect_exit 4 redferry up
    expect_stderr_contains 'was written to by run 99, which this ledger does not know'
    expect_stderr_contains '`redferry repair 1`'
    expect_equal "$(redis MGET sum:1 sum:2)" 7 'nothing was written'
    expect_exit 0 redferry repair 1
    expect_exit 0 redferry up
    expect_equal "$(redis MGET sum:1 sum:2)" $'14\n1' 'the rows'
}

# The restored ledger gives the same numbers once more; that does not make them the same runs.
a_second_try_changes_nothing()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY)"
    sql "INSERT INTO t VALUES (1), (2)"
    write_migration 1_a.yaml <<'YAML'
up:
  - {read: SELECT id FROM t, key: id, write: 'INCR n:${id}', batch: 1}
  - write: RPUSH log done
YAML
    redis SET log 'no list' >/dev/null
    expect_exit 1 redferry up
    redis HSET "$(checkpoint)" fence 2.0123456789abcdef.1 origin 2 >/dev/null
    sql 'DELETE FROM data_migration_runs'
    redis DEL log >/dev/null
    local i
    for i in 1 2 3; do
        expect_exit 4 redferry up
        expect_stderr_contains 'was written to by run 1, which this ledger does not know'
    done
    expect_equal "$(redis MGET n:1 n:2)" $'1\n1' 'the rows, once'
    expect_exit 0 redferry repair 1
    expect_exit 0 redferry up
}

# Behind a backup another migration got the number of the run that Redis knows: its checkpoint alone tells.
a_number_is_used_again()
{
    local says='Redis was written to by run 1, which this ledger does not know: was the ledger restored'
    begin
    write_migration 2_b.yaml <<'YAML'
up:
  - write: INCR other
YAML
    sql "UPDATE data_migration_runs SET version = 2, name = 'b', status = 'succeeded'"
    expect_exit 0 redferry status
    expect_stdout_contains "    next:  $says from a backup?"
    expect_exit 0 env REDFERRY_REDIS= "$REDFERRY_PROGRAM" status
    expect_stdout_lacks 'next:'
    expect_exit 4 redferry doctor
    expect_equal "$(grep -c "$says" "$OUT")" 1 'how often the doctor says it'
    expect_exit 4 redferry up
    expect_stderr_contains "$says"
    expect_equal "$(redis MGET sum:1 other)" 7 'nothing was written'
}

# Also what is applied, and half undone, or not finished off.
it_removes_what_is_ahead_of_the_applied()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY, m integer)"
    sql "INSERT INTO t VALUES (1, 7), (2, NULL)"
    write_migration 1_a.yaml <<'YAML'
up:
  - write: INCR applied
publish: {channel: done, message: '${name}'}
down:
  - {read: 'SELECT id, m FROM t', key: id, write: 'INCRBY sum:${id} ${m}', batch: 1}
YAML
    expect_exit 0 redferry up
    sql 'UPDATE data_migrations SET announced_at = NULL'
    redis HSET "$(checkpoint)" fence 99.0123456789abcdef.1 >/dev/null
    expect_exit 4 redferry up
    expect_stderr_contains '`redferry repair 1` clears the checkpoint'
    expect_exit 0 redferry repair 1
    expect_exit 0 redferry up
    expect_equal "$(redis EXISTS "$(checkpoint)")" 0 'the checkpoint of what is finished off'

    # Not even a run begins.
    redis HSET "$(checkpoint)" fence 99.0123456789abcdef.1 >/dev/null
    expect_exit 4 redferry down --only 1
    expect_stderr_contains '`redferry repair 1` clears the checkpoint'
    expect_exit 0 env REDFERRY_REDIS=unix:///nowhere "$REDFERRY_PROGRAM" repair 1
    expect_stderr_contains 'Redis was not asked'
    expect_exit 0 redferry repair 1

    expect_exit 1 redferry down --only 1
    redis HSET "$(checkpoint)" fence 99.0123456789abcdef.1 >/dev/null
    sql 'UPDATE t SET m = 1 WHERE m IS NULL'
    expect_exit 4 redferry down --only 1
    expect_stderr_contains '`redferry repair 1` clears the checkpoint'
    mv data_migrations/1_a.yaml .
    expect_exit 0 redferry repair 1
    expect_exit 0 redferry down --only 1
    expect_equal "$(redis MGET sum:1 sum:2)" $'14\n1' 'begun anew'
}

for_both_databases it_goes_on
for_both_databases it_begins_anew
for_both_databases it_removes_what_is_ahead
for_both_databases a_second_try_changes_nothing
for_both_databases a_number_is_used_again
for_both_databases it_removes_what_is_ahead_of_the_applied
