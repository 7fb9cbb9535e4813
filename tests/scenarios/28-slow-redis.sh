#!/usr/bin/env bash
# Goal: with --max-redis-latency a run makes itself smaller while Redis is slow to answer, says so, goes back
# to its pace, can still be paused within two seconds, and everything is there exactly once.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/gate.sh"
: "${REDFERRY_TEST_DELAY_PROXY:?the delay proxy of bench}"

rows=3000

fill()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY);
         INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
         SELECT i FROM n"
    write_migration 1_count.yaml <<YAML
up:
  - name: rows
    read: SELECT id FROM t
    key: id
    write: RPUSH list \${id}
    ${1:-}
YAML
}

# begin_line MICROSECONDS: Redis seems to be so far away.
begin_line()
{
    exec {line}< <(exec "$REDFERRY_TEST_DELAY_PROXY" "$PWD/far" "$REDIS_SOCKET" "$1")
    proxy=$!
    read -r -t 30 -u "$line" || fail 'there is no line'
    REDFERRY_REDIS=unix://$PWD/far
}

end_line()
{
    kill "$proxy"
    exec {line}<&-
    REDFERRY_REDIS=$REDIS_URL
}

expect_each_once()
{
    redis LRANGE list 0 -1 >got
    seq 1 "$rows" | cmp -s - got || fail 'the list is not every row once'
}

has_rows() { (($(redis LLEN list) >= $1)); }
says() { grep -qs -- "$1" "$2"; }

# In the background; what is seen there goes to the file `drawn`.
on_a_terminal()
{
    TERM=xterm script -qfec "stty columns 160; '$REDFERRY_PROGRAM' $*" drawn >/dev/null 2>&1 &
    up=$!
}

# Every answer takes 30 ms: so batches shrink, as far as they go.
makes_itself_smaller()
{
    local rows=20000 done
    fill
    begin_line 30000
    on_a_terminal up --max-redis-latency 5ms
    wait_for 'the reason to be told' says 'slowed down: Redis takes 3[0-9]\.[0-9] ms' drawn
    wait_for 'some batches' has_rows 7000 # of which six were on their way before the first answer
    expect_exit 0 redferry pause
    expect_stdout_contains "paused run 1 (1_count): step 1 'rows', "
    end_line
    expect_exit 0 redferry cancel
    wait "$up" || true
    done=$(sql 'SELECT rows_read FROM data_migration_runs')
    ((done % 1000 != 0)) || fail "$done rows: batches did not shrink"
    expect_exit 0 redferry run 1 --max-redis-latency 10s
    expect_each_once
}

# What somebody said of the batches is kept to; then there is only the waiting.
waits_where_the_batch_is_given()
{
    fill 'batch: 300'
    begin_line 30000
    begin_up --max-redis-latency 5ms --log-format json
    wait_for 'two batches' has_rows 600
    expect_up 0
    end_line
    expect_each_once
    # Six batches are on their way before the first answer; the last waits are the longest.
    grep '"event":"migration_done"' "$ERR" | grep -Eq '"seconds":([2-9]|[1-9][0-9]+)\..*"slowed":true' ||
        fail 'it did not wait'
}

# A Redis that hangs, and is quick again. One hang may be over before the line is drawn again.
goes_back_to_its_pace()
{
    local rows=100000
    fill 'batch: 20'
    on_a_terminal up --max-redis-latency 20ms
    wait_for 'some rows' has_rows 1000
    until says 'slowed down: Redis takes [23][0-9][0-9]\.[0-9] ms' drawn; do
        kill -0 "$up" 2>/dev/null || fail "it was not slowed down: $(<drawn)"
        redis CLIENT PAUSE 300 ALL >/dev/null
    done
    wait "$up" || fail "up: $(<drawn)"
    expect_each_once
}

is_quick_without_reason()
{
    fill
    expect_exit 0 redferry up --max-redis-latency 10s --log-format json
    grep '"event":"migration_done"' "$ERR" | grep -Eq '"slowed":false,"redis_ms":[0-9.]+' ||
        fail 'it was not looked at'
    expect_each_once
    redis DEL list >/dev/null
    expect_exit 0 redferry run 1 --again --log-format json
    grep '"event":"migration_done"' "$ERR" | grep -q '"slowed":false,"redis_ms":null' ||
        fail 'it was looked at'
    expect_exit 2 redferry up --max-redis-latency 5
    expect_stderr_contains "'5' is not a duration"
}

with_database sqlite makes_itself_smaller
with_database postgresql waits_where_the_batch_is_given
with_database postgresql goes_back_to_its_pace
for_both_databases is_quick_without_reason
