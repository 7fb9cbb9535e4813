#!/usr/bin/env bash
# Goal: where Redis is far away, a small run waits for it but a few times; batches grow until it does
# not stand idle between two of them; a number of rows that somebody wrote down is kept to; and
# everything is there exactly once.
# not under valgrind: a program that is slow by itself finds Redis busy, not idle
# not with sanitizers: a program that is slow by itself finds Redis busy, not idle
source "$(dirname "$0")/../support/scenario.sh"
: "${REDFERRY_TEST_DELAY_PROXY:?the delay proxy of bench}"

rows=60000 round_trip_us=20000

# What a small `up` waits for: the greeting, the trace of its ledger, the checkpoint, the fence; what
# opens the batch, what executes it, the end of the step; and twice for the announcement.
few_round_trips=9

# Put a line of that length before Redis, and have `line` say what is to be heard of it.
make_far()
{
    exec {line}< <(exec "$REDFERRY_TEST_DELAY_PROXY" "$PWD/far" "$REDIS_SOCKET" $round_trip_us)
    proxy=$!
    read -r -t 30 -u "$line" || fail 'there is no line'
    REDFERRY_REDIS=unix://$PWD/far
}

make_near()
{
    kill "$proxy"
    exec {line}<&-
    rm far
}

wait_seldom()
{
    local line proxy text
    sql 'CREATE TABLE f (name text PRIMARY KEY); INSERT INTO f VALUES (1), (2), (3)'
    write_migration 3_few.yaml <<'YAML'
up:
  - read: SELECT name FROM f
    key: name
    write: INCRBY few:${name} 1
publish:
  channel: done
  message: ${rows}
YAML
    make_far
    redferry up -q
    read -r -t 30 -u "$line" text || fail 'the line does not end'
    make_near
    printf '3 rows, %s us away: %s\n' $round_trip_us "$text"
    ((${text%% *} <= few_round_trips)) || fail "$text, not $few_round_trips"
    expect_equal "$(redis MGET few:1 few:2 few:3 | tr '\n' ' ')" '1 1 1 ' 'what is there'
}

# Prints how many batches the command wrote.
batches_of()
{
    local before after
    before=$(executions)
    redferry "$@" -q
    after=$(executions)
    echo $((after - before))
}

# Redis also executes what is around the batches: the fence, the steps, the end. Those are few.
executions()
{
    redis INFO commandstats | sed -nE 's/^cmdstat_exec:calls=([0-9]+),.*/\1/p' | grep . || echo 0
}

carry_far()
{
    local line proxy grown kept
    sql "CREATE TABLE t (id integer PRIMARY KEY);
         INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
         SELECT i FROM n"
    write_migration 1_default.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: INCRBY default:${id} 1
YAML
    make_far
    # On a machine that stands still again and again, one run may see too little of it.
    for _ in 1 2 3 4 5 6; do
        redis FLUSHALL >/dev/null
        grown=$(batches_of run 1 --again)
        ((grown >= rows / 1000)) || break
    done
    write_migration 2_kept.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: INCRBY kept:${id} 1
    batch: 2000
YAML
    kept=$(batches_of up)
    make_near

    printf '%s rows, %s us away: %s batches, where 2000 rows each are asked for %s\n' \
        $rows $round_trip_us "$grown" "$kept"
    ((kept >= rows / 2000)) || fail "$kept batches: more rows than was said"
    ((grown < rows / 1000)) || fail "$grown batches: they did not grow"
    expect_equal "$(redis EVAL "
        local once = 0
        for i = 1, tonumber(ARGV[1]) do
            for _, name in ipairs({'default:', 'kept:'}) do
                if redis.call('GET', name .. i) == '1' then once = once + 1 end
            end
        end
        return once" 0 $rows)" $((2 * rows)) 'how many rows are there exactly once'
}

# Rows so wide that two batches of them fill the queue are waited for no less.
carry_wide()
{
    local line proxy grown
    write_migration 4_wide.yaml <<YAML
up:
  - read: SELECT id, CAST(id AS text) AS name FROM t WHERE id <= 20000
    key: id
    write: SET wide:\${id} \${name}$(printf '%0440d' 0)
YAML
    make_far
    for _ in 1 2 3 4 5 6; do
        grown=$(batches_of run 4 --again)
        ((grown >= 20)) || break
    done
    make_near
    printf '20000 wide rows: %s batches\n' "$grown"
    ((grown < 20)) || fail "$grown batches of wide rows: they did not grow"
}

many_and_few()
{
    carry_far
    carry_wide
    wait_seldom
}

with_database sqlite many_and_few
with_database postgresql many_and_few
