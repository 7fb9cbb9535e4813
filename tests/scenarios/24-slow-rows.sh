#!/usr/bin/env bash
# Goal: while a database takes long for each row of one batch, or Redis does not answer, or is away, the
# ledger is told all the same: `updated_at` moves at least every second, so that a run at work does not look
# like a dead one.
source "$(dirname "$0")/../support/scenario.sh"

slow_rows()
{
    local begun moved tries=0
    local slow='(WITH RECURSIVE n(i) AS (SELECT t.id UNION ALL SELECT i + 1 FROM n WHERE i < 500000) SELECT max(i) FROM n)'
    sql 'CREATE TABLE t (id integer PRIMARY KEY);
         INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999) SELECT i FROM n'
    write_migration 1_slow.yaml <<YAML
up:
  - read: SELECT id, $slow AS slow FROM t
    key: id
    write: SET copy:\${id} \${slow}
YAML
    ${scenario_wrapper[@]+"${scenario_wrapper[@]}"} "$REDFERRY_PROGRAM" up >up.out 2>up.err &
    local up=$!
    until moved=$(sql 'SELECT count(*) FROM data_migration_runs
                       WHERE updated_at > started_at' 2>/dev/null) && [[ $moved == 1 ]]; do
        ((tries++ < 1000)) || fail "updated_at does not move; up says: $(<up.err)"
        sleep 0.01
    done
    begun=$(sql 'SELECT updated_at FROM data_migration_runs')
    tries=0
    until [[ $(sql 'SELECT updated_at FROM data_migration_runs') != "$begun" ]]; do
        ((tries++ < 1000)) || fail 'updated_at does not move any more'
        sleep 0.01
    done
    expect_equal "$(sql 'SELECT rows_read FROM data_migration_runs')" 0 'rows of finished batches'
    kill -TERM "$up"
    wait "$up" || true
    expect_equal "$(sql 'SELECT status FROM data_migration_runs')" interrupted 'the run'
}

# Twice, a second apart at most.
expect_moving()
{
    local before now begun tries=0 times
    for times in 1 2; do
        before=$(sql 'SELECT updated_at FROM data_migration_runs')
        begun=$EPOCHREALTIME
        until now=$(sql 'SELECT updated_at FROM data_migration_runs') && [[ $now != "$before" ]]; do
            ((tries++ < 1000)) || fail "updated_at does not move while $1"
            sleep 0.01
        done
        # What it takes to look is more than nothing on a slow machine.
        ((${EPOCHREALTIME/./} - ${begun/./} < 3000000)) || fail "updated_at moves late while $1"
    done
}

slow_redis()
{
    write_migration 1_many.yaml <<'YAML'
up:
  - read: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT i FROM n
    key: i
    write: SET copy:${i} ${i}
    batch: 10
YAML
    sql 'CREATE TABLE application (id integer)' # so that there is a file
    ${scenario_wrapper[@]+"${scenario_wrapper[@]}"} "$REDFERRY_PROGRAM" up >up.out 2>up.err &
    local up=$! tries=0
    until [[ $(redis EXISTS copy:1) == 1 ]]; do
        ((tries++ < 1000)) || fail "no row arrives; up says: $(<up.err)"
        sleep 0.01
    done
    kill -STOP "$REDIS_PID"
    expect_moving 'Redis is silent'
    stop_server "$REDIS_PID"
    expect_moving 'Redis is away'
    kill -TERM "$up"
    wait "$up" || true
    expect_equal "$(sql 'SELECT status FROM data_migration_runs')" interrupted 'the run'
    start_redis_in "$REDIS_DIR"
    scenario_redis[2]=$REDIS_PID
}

# The one batch there is, and the end of the step behind it.
slow_redis_in_the_end()
{
    sql 'CREATE TABLE application (id integer)'
    write_migration 1_one.yaml <<'YAML'
up:
  - read: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n
    key: i
    write: EVAL "local n = 0; for i = 1, 3000000 do n = n + i end" 0 ${i}
YAML
    ${scenario_wrapper[@]+"${scenario_wrapper[@]}"} "$REDFERRY_PROGRAM" up --allow-repeats >up.out 2>up.err &
    local up=$! tries=0
    until [[ $(sql 'SELECT count(*) FROM data_migration_runs WHERE step = 1' 2>/dev/null || true) == 1 ]]; do
        ((tries++ < 1000)) || fail "no step begins; up says: $(<up.err)"
        sleep 0.01
    done
    expect_moving 'Redis works on the last batch'
    kill -TERM "$up"
    wait "$up" || true
    stop_server "$REDIS_PID"
    start_redis_in "$REDIS_DIR"
    scenario_redis[2]=$REDIS_PID
}

for_both_databases slow_rows
with_database postgresql slow_redis_in_the_end
for_both_databases slow_redis
