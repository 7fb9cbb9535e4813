#!/usr/bin/env bash
# Goal: eight `up` at once on an empty ledger: one applies, the others end with exit 0 having applied
# nothing; and when the one that does the work fails, none of the others tries in its turn.
source "$(dirname "$0")/../support/scenario.sh"

# Run eight at once; their exit codes, sorted, in $codes; their outputs in out.1 to out.8.
eight_up()
{
    local i pids=() code
    codes=
    for i in 1 2 3 4 5 6 7 8; do
        redferry up >"out.$i" 2>"err.$i" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        code=0
        wait "$i" || code=$?
        codes+="$code "
    done
}

one_applies()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY);
         INSERT INTO t VALUES (1), (2), (3)"
    write_migration 1_count.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: INCR canary:${id}
    batch: 1
    pause: 100ms
YAML
    write_migration 2_count.yaml <<'YAML'
up:
  - write: INCR canary:once
YAML
    eight_up
    expect_equal "$codes" '0 0 0 0 0 0 0 0 ' 'the exit codes'
    expect_equal "$(cat out.? | grep -c '^applied 1 count')" 1 'how many applied 1'
    expect_equal "$(cat out.? | grep -c '^applied 2 count')" 1 'how many applied 2'
    expect_equal "$(redis MGET canary:1 canary:2 canary:3 canary:once | tr '\n' ' ')" '1 1 1 1 ' 'the canaries'
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 2 'the runs'
}

none_tries_again()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY);
         INSERT INTO t VALUES (1), (2), (3)"
    redis SET wrong text >/dev/null
    write_migration 1_fails.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: SET copy:${id} ${id}
    batch: 1
    pause: 200ms
  - write: SADD wrong member
YAML
    eight_up
    expect_equal "$codes" '1 1 1 1 1 1 1 1 ' 'the exit codes'
    expect_equal "$(grep -l WRONGTYPE err.? | wc -l)" 8 'how many say why'
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 1 'the runs'
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations')" 0 'the entries'
}

for_both_databases one_applies
for_both_databases none_tries_again

# Two who undo the last one at once mean the same one.
down_undoes_one()
{
    local first second
    sql 'CREATE TABLE unused (n integer)'
    write_migration 1_a.yaml <<'YAML'
up: [{write: SET a 1}]
down: [{write: DEL a}]
YAML
    write_migration 2_b.yaml <<'YAML'
up: [{write: SET b 1}]
down:
  - read: SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3
    key: n
    write: INCR undone:${n}
    batch: 1
    pause: 300ms
YAML
    expect_exit 0 redferry up
    redferry down >out.1 2>err.1 &
    first=$!
    until [[ $(redis EXISTS undone:1) == 1 ]]; do sleep 0.02; done
    redferry down >out.2 2>err.2 &
    second=$!
    wait "$first" && wait "$second"
    expect_equal "$(sql 'SELECT version FROM data_migrations')" 1 'what is still applied'
    expect_equal "$(redis MGET undone:1 undone:2 undone:3 | tr '\n' ' ')" '1 1 1 ' 'what was undone'
}
for_both_databases down_undoes_one
