#!/usr/bin/env bash
# Goal: a Redis that forgot (flushed, restored, its checkpoint deleted) or that holds what does not fit,
# and a ledger that is older than it: where all may be repeated the migration starts over and says so;
# otherwise it stops with 4 and says what to type, which then works. Never does it start over in silence.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/gate.sh"

rows=50

fill()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY)'
    sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
         INSERT INTO t SELECT i FROM n"
}

# EXEC 1 takes the fence, EXEC 2 is the first batch of five; WATCH likewise. With a pause, one batch is
# on its way at a time.
begin()
{
    fill
    write_migration 1_count.yaml <<'YAML'
up:
  - name: rows
    read: SELECT id FROM t
    key: id
    write: ['INCR canary:${id}', 'RPUSH list ${id}']
    batch: 10
    pause: 1ms
down:
  - write: DEL list
  - read: SELECT id FROM t
    key: id
    write: 'DEL canary:${id}'
YAML
}

begin_idempotent()
{
    fill
    write_migration 1_set.yaml <<'YAML'
up:
  - name: rows
    read: SELECT id FROM t
    key: id
    write: 'SET v:${id} ${id}'
    batch: 10
    pause: 1ms
YAML
}

checkpoint() { printf 'redferry:{%s}:1' "$(sql 'SELECT id FROM data_migration_ledger')"; }
latest() { sql 'SELECT status FROM data_migration_runs ORDER BY id DESC LIMIT 1'; }

expect_each_once()
{
    expect_equal "$(redis LRANGE list 0 -1 | sort -n | tr '\n' ' ')" "$(seq -s ' ' "$rows") " 'the list'
    expect_equal "$(redis EVAL "local n = 0
        for i = 1, $rows do if redis.call('GET', 'canary:' .. i) == '1' then n = n + 1 end end
        return n" 0)" "$rows" 'canaries that are 1'
}

expect_all_set()
{
    expect_equal "$(redis EVAL "local n = 0
        for i = 1, $rows do if redis.call('GET', 'v:' .. i) == tostring(i) then n = n + 1 end end
        return n" 0)" "$rows" 'values that are there'
}

# Stop it by SIGTERM while it is held before a batch, which is its last one then.
# interrupt_at NUMBER NAME
interrupt_at()
{
    hold_up redis "$1" before "$2"
    [[ -z ${3:-} ]] || "$3"
    kill -TERM "$up"
    open_gate
    expect_up 143
    expect_equal "$(latest)" interrupted 'the run'
}

# ---- what is gone ------------------------------------------------------------------------------

forget()
{
    if [[ $1 == all ]]; then redis FLUSHALL; else redis DEL "$(checkpoint)"; fi >/dev/null
}

it_starts_over_in_the_middle()
{
    begin_idempotent
    hold_up redis "${@:2}"
    forget "$1"
    open_gate
    expect_up 0
    expect_stderr_contains 'its checkpoint is gone from Redis'
    expect_stderr_lacks 'came back with another checkpoint'
    expect_all_set
    expect_equal "$(redis EXISTS "$(checkpoint)")" 0 'the checkpoint'
}

it_starts_over_at_the_next_run()
{
    begin_idempotent
    interrupt_at 3 WATCH
    forget "$1"
    expect_exit 0 redferry up
    expect_stderr_contains 'its checkpoint is gone from Redis'
    expect_all_set
}

runs() { sql 'SELECT count(*) FROM data_migration_runs'; }

# expect_refused: 4, with advice, nothing written, also not a run that attempted nothing, however often; and
# what the advice says works.
expect_refused_until_repaired()
{
    local before runs
    before=$(redis LLEN list)
    runs=$(runs)
    expect_stderr_contains '`redferry repair 1`'
    expect_stderr_contains '`redferry down --only 1`'
    expect_exit 4 redferry up
    expect_exit 4 redferry up --json
    expect_stdout_contains '"version": "1"'
    expect_stdout_contains 'the checkpoint is gone from Redis'
    expect_equal "$(redis LLEN list)" "$before" 'what was written meanwhile'
    expect_equal "$(runs)" "$runs" 'the runs'
    expect_exit 0 redferry repair 1
    redis FLUSHALL >/dev/null
    expect_exit 0 redferry up
    expect_each_once
}

it_stops_in_the_middle()
{
    begin
    hold_up redis "${@:2}"
    forget "$1"
    open_gate
    expect_up 4
    expect_stderr_contains 'the checkpoint is gone from Redis'
    expect_refused_until_repaired
}

it_stops_at_the_next_run()
{
    begin
    interrupt_at 3 WATCH
    forget "$1"
    expect_exit 4 redferry up
    expect_stderr_contains 'the checkpoint is gone from Redis'
    expect_equal "$(runs) $(latest)" '1 interrupted' 'the one run'
    expect_refused_until_repaired
}

# Who was killed says that he runs: he is ended before anybody is refused for what he left.
it_stops_behind_a_crash()
{
    begin
    hold_up redis 3 before WATCH
    kill -KILL "$up" "$gate"
    wait "$up" 2>/dev/null || true
    forget "$1"
    expect_exit 4 redferry up
    expect_stderr_contains 'the checkpoint is gone from Redis'
    expect_equal "$(runs) $(latest)" '1 interrupted' 'the one run'
    expect_refused_until_repaired
}

it_is_undone_instead()
{
    begin
    interrupt_at 3 WATCH
    forget checkpoint
    expect_exit 4 redferry up
    expect_exit 0 redferry down --only 1
    expect_equal "$(redis EXISTS list canary:1 canary:20)" 0 'what is left'
    expect_exit 0 redferry up
    expect_each_once
}

# ---- what is older -----------------------------------------------------------------------------

# own_redis FUNCTION …: with a Redis of its own, which may be stopped
own_redis()
{
    local before=("${scenario_redis[@]}")
    start_redis
    directory=$REDIS_DIR
    export REDFERRY_REDIS=$REDIS_URL
    "$@"
    stop_server "$REDIS_PID"
    scenario_redis=("${before[@]}")
}

keep_a_copy()
{
    redis SAVE >/dev/null
    cp "$directory/dump.rdb" "$directory/copy.rdb"
}

come_back_older()
{
    stop_server "$REDIS_PID"
    cp "$directory/copy.rdb" "$directory/dump.rdb"
    start_redis_in "$directory"
}

# In between two runs: the second one had gone further.
older_between_runs()
{
    begin
    interrupt_at 3 WATCH keep_a_copy
    interrupt_at 3 WATCH
    expect_equal "$(redis LLEN list)" 30 'rows so far'
    come_back_older
    expect_equal "$(redis LLEN list)" 10 'rows in the copy'
    expect_exit 0 redferry up
    expect_each_once
}

older_in_the_middle()
{
    begin
    interrupt_at 3 WATCH keep_a_copy
    hold_up redis 3 before EXEC -- --batch 5
    come_back_older
    open_gate
    expect_up 0
    expect_stderr_contains 'going on from there'
    expect_each_once
}

# What SQL has recorded would be done twice, or what follows without it.
older_than_a_sql_step()
{
    fill
    sql 'CREATE TABLE changes (one integer)'
    write_migration 1_count.yaml <<'YAML'
up:
  - {read: SELECT id FROM t, key: id, write: 'RPUSH list ${id}', batch: 10, pause: 1ms}
  - {name: clear, sql: DELETE FROM changes}
  - {name: change, sql: INSERT INTO changes VALUES (1)}
  - {read: SELECT id FROM t, key: id, write: 'INCR canary:${id}', batch: 10, pause: 1ms}
down:
  - write: DEL list
  - {read: SELECT id FROM t, key: id, write: 'DEL canary:${id}'}
  - sql: DELETE FROM changes
YAML
    interrupt_at 3 WATCH keep_a_copy
    interrupt_at 1 INCR
    expect_equal "$(sql 'SELECT count(*) FROM changes')" 1 'what SQL changed'
    come_back_older
    expect_exit 4 redferry up
    expect_stderr_contains 'before an `sql` step that SQL has recorded: look at what is in Redis and in SQL, then `redferry repair 1` begins anew, also with what SQL has recorded as done ('"'clear', 'change'"'), or'
    redis RENAME "$(checkpoint)" kept >/dev/null
    expect_exit 4 redferry up
    expect_stderr_contains 'the checkpoint is gone from Redis'
    expect_stderr_contains 'look at what is in Redis and in SQL, then `redferry repair 1` begins anew, also with what SQL has recorded as done ('
    expect_exit 4 redferry doctor
    expect_stdout_contains 'look at what is in Redis and in SQL, then'
    redis RENAME kept "$(checkpoint)" >/dev/null
    expect_exit 0 redferry down --only 1
    expect_exit 0 redferry up
    expect_each_once
    expect_equal "$(sql 'SELECT count(*) FROM changes')" 1 'what SQL changed'
}

# ---- what is newer -----------------------------------------------------------------------------

keep_the_ledger()
{
    if [[ $DIALECT == sqlite ]]; then
        cp test.db kept.db
    else
        pg_dump -Fc -d "$DB" >kept.dump
    fi
}

restore_the_ledger()
{
    if [[ $DIALECT == sqlite ]]; then
        cp kept.db test.db
    else
        pg_restore --clean --if-exists -d "$DB" kept.dump
    fi
}

# It knows the first run; the second one wrote as well. However often it is tried.
the_ledger_is_older()
{
    begin
    interrupt_at 3 WATCH
    keep_the_ledger
    interrupt_at 3 WATCH
    expect_equal "$(redis LLEN list)" 30 'rows so far'
    restore_the_ledger
    looks_restored 1
    expect_stdout_contains '`redferry repair 1`'
    expect_exit 4 redferry up
    expect_stderr_contains 'which this ledger does not know: its newest is 1. Was it restored from a backup?'
    expect_stderr_contains '`redferry repair VERSION`'
    expect_exit 4 redferry up
    expect_exit 4 redferry up
    expect_equal "$(redis LLEN list)" 30 'rows so far'
    expect_exit 0 redferry repair 1
    redis FLUSHALL >/dev/null
    expect_exit 0 redferry up
    expect_each_once
}

# The run that Redis knows is another one's number by now. Plan and doctor say what `up` says.
the_ledger_gave_the_number_again()
{
    local unknown='was written to by run 1, which this ledger does not know'
    begin
    expect_exit 0 redferry init
    keep_the_ledger
    interrupt_at 3 WATCH
    restore_the_ledger
    write_migration 2_later.yaml <<<'up: [{write: SET later 1}]'
    expect_exit 0 redferry run 2
    expect_exit 4 redferry plan 1
    expect_stderr_contains "$unknown"
    expect_exit 4 redferry doctor
    expect_stdout_contains "problem  checkpoints: 1_count: Redis $unknown"
    expect_stdout_contains 'and what was delivered is then delivered again'
    expect_stdout_lacks 'left over'
    expect_exit 4 redferry up
    expect_stderr_contains "$unknown"
    expect_exit 4 redferry up
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 1 'the runs'
    expect_equal "$(redis LLEN list)" 20 'rows so far'
    # Also where somebody says that it is there: `down` would be refused.
    expect_exit 0 redferry mark 1
    expect_exit 4 redferry doctor
    expect_stdout_contains "problem  checkpoints: 1_count: Redis $unknown"
    expect_exit 4 redferry down --only 1
    expect_exit 0 redferry repair 1
    expect_exit 0 redferry doctor
}

# Somebody has put something else there: said before anything begins, by whoever looks as well.
no_checkpoint_at_all()
{
    local text
    begin
    interrupt_at 3 WATCH
    redis SET "$(checkpoint)" hello >/dev/null
    text="'$(checkpoint)' is no hash: it is not redferry's; \`redferry repair 1\` removes it, and what was delivered is delivered again"
    expect_exit 4 redferry plan
    expect_stderr_contains "$text"
    expect_exit 4 redferry doctor
    expect_stdout_contains "problem  checkpoints: 1_count: $text"
    expect_exit 0 redferry status
    expect_stdout_contains "next:  $text"
    expect_exit 4 redferry up
    expect_stderr_contains "$text"
    expect_exit 4 redferry up
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 1 'the runs'
    # Nor is this a place among the rows.
    redis DEL "$(checkpoint)" >/dev/null
    redis HSET "$(checkpoint)" fence 1.0123456789abcdef.1 origin 1 direction up step 1 cursor '{' seen '{' >/dev/null
    expect_exit 4 redferry plan
    expect_stderr_contains "look at what is in Redis, then \`redferry repair 1\` begins anew"
    expect_exit 4 redferry up
    expect_stderr_contains "does not fit the step's \`key\`; look at what is in Redis, then \`redferry repair 1\` begins anew"
    redis SET "$(checkpoint)" hello >/dev/null
    # Where it stands in the way of what is yet to begin, it is the same.
    expect_exit 0 redferry mark 1
    expect_exit 0 redferry unmark 1
    expect_exit 4 redferry plan
    expect_stderr_contains "$text"
    expect_exit 4 redferry doctor
    expect_stdout_contains "problem  checkpoints: 1_count: $text"
    expect_exit 0 redferry repair 1
    redis DEL list >/dev/null
    redis EVAL "for i = 1, $rows do redis.call('DEL', 'canary:' .. i) end" 0 >/dev/null
    expect_exit 0 redferry up
    expect_each_once
}

# Whoever looks is told what `up` says, and of the one version what `run` says.
looks_restored()
{
    local says="which this ledger does not know: its newest is $1. Was it restored from a backup?" code
    expect_exit 0 redferry status
    expect_stderr_contains "$says"
    expect_exit 3 redferry status --check
    expect_exit 4 redferry status --strict
    expect_stderr_contains "$says"
    expect_exit 0 redferry status --json
    expect_stdout_contains '"redis": "ahead"'
    expect_exit 4 redferry plan
    expect_stderr_contains "$says"
    code=0
    [[ $1 == 0 ]] || code=4 # what stands half-way is in the way of `run` as well
    expect_exit "$code" redferry run 1 --dry-run
    expect_stderr_contains "which this ledger does not know"
    expect_exit 0 redferry status 1
}

# What was begun since the backup, and stands half-way: the ledger does not know of it at all.
the_ledger_does_not_know_what_was_begun()
{
    begin
    write_migration 2_first.yaml <<'YAML'
up:
  - write: SET first 1
YAML
    mv data_migrations/1_*.yaml .
    expect_exit 0 redferry up
    mv 1_*.yaml data_migrations/
    keep_the_ledger
    interrupt_at 3 WATCH
    restore_the_ledger
    expect_exit 0 redferry status
    expect_stderr_contains 'its newest is 1. Was it restored from a backup?'
    expect_exit 4 redferry plan
    expect_exit 4 redferry run 1 --dry-run
    cut_of "$ERR" >planned
    expect_exit 4 redferry run 1
    expect_equal "$(cut_of "$ERR")" "$(<planned)" 'what `run` says, and its plan'
    expect_stderr_contains '`redferry repair 1` clears the checkpoint'
    expect_exit 0 redferry repair 1
    expect_exit 0 redferry run 1 --dry-run
    redis FLUSHALL >/dev/null
    expect_exit 0 redferry run 1
    expect_each_once
}

# The error, without its warnings.
cut_of()
{
    grep -v 'warning:' "$1" | tail -n 1
}

# What was finished since the backup left no checkpoint behind: the last run's number tells.
the_ledger_knows_nothing_of_what_is_done()
{
    begin
    expect_exit 0 redferry init
    keep_the_ledger
    expect_exit 0 redferry up
    expect_each_once
    restore_the_ledger
    looks_restored 0
    expect_exit 4 redferry up
    expect_stderr_contains 'which this ledger does not know: its newest is 0. Was it restored from a backup?'
    expect_stderr_contains '`redferry mark VERSION` records it'
    expect_stderr_contains 'behind a `mark`, one `repair` has Redis believe this ledger again'
    expect_exit 4 redferry up
    expect_each_once
    expect_exit 0 redferry mark 1
    expect_exit 0 redferry up
    printf 'up:\n  - write: SET later 1\n' >data_migrations/2_later.yaml
    expect_exit 4 redferry up
    expect_exit 0 redferry repair 1
    expect_equal "$(<"$OUT")" 'repaired 1 count' 'what `repair` did'
    expect_stderr_contains 'Redis has forgotten run 1, which this ledger does not know'
    expect_exit 0 redferry repair 1
    expect_equal "$(<"$OUT")$(<"$ERR")" 'nothing to do' 'what it does once more'
    expect_exit 0 redferry up
    expect_equal "$(redis GET later)" 1 'what came later'
    rm data_migrations/2_later.yaml
    redis FLUSHALL >/dev/null
    expect_exit 0 redferry run 1 --again
    expect_equal "$(redis LLEN list)" "$(sql 'SELECT count(*) FROM t')" 'rows, carried again on request'
}

# A checkpoint of an earlier life, which has been finished and undone since, is of no account.
it_finds_a_leftover()
{
    local copy
    begin
    hold_up redis 3 before WATCH
    redis-cli -s "$REDIS_SOCKET" DUMP "$(checkpoint)" | head -c -1 >leftover
    copy=$(checkpoint)
    open_gate
    expect_up 0
    expect_exit 0 redferry down
    redis-cli -s "$REDIS_SOCKET" -x RESTORE "$copy" 0 <leftover >/dev/null
    expect_equal "$(redis EXISTS "$copy")" 1 'the leftover'
    expect_exit 0 redferry up
    expect_each_once
    expect_equal "$(redis EXISTS "$copy")" 0 'the checkpoint'
}

# ---- what is of another type -------------------------------------------------------------------

in_the_way()
{
    fill
    write_migration 1_sets.yaml <<YAML
up:
  - name: rows
    read: SELECT id FROM t
    key: id
    write: ["\${command} set:\${id} x"]
    batch: 10
    pause: 1ms
YAML
    sed -i "s/\${command}/$1/" data_migrations/1_sets.yaml
    redis SET set:15 'in the way' >/dev/null
    expect_exit 1 redferry up
    expect_stderr_contains 'row 15'
    expect_stderr_contains "$1 set:\${id} x"
    expect_stderr_contains 'WRONGTYPE'
    expect_equal "$(latest)" failed 'the run'
}

a_batch_runs_again()
{
    in_the_way SADD
    expect_exit 1 redferry up
    redis DEL set:15 >/dev/null
    expect_exit 0 redferry up
    expect_equal "$(redis EVAL "local n = 0
        for i = 1, $rows do n = n + redis.call('SCARD', 'set:' .. i) end
        return n" 0)" "$rows" 'members'
}

only_what_failed_is_sent_again()
{
    in_the_way RPUSH
    expect_equal "$(redis HGET "$(checkpoint)" failed | tr -d '\r' | tr '\n' ' ')" \
        '*3 $5 RPUSH $6 set:15 $1 x  ' 'what is kept'
    expect_exit 1 redferry up
    expect_stderr_contains 'WRONGTYPE'
    redis DEL set:15 >/dev/null
    monitor
    expect_exit 0 redferry up
    expect_equal "$(monitored | grep -o '^"RPUSH" "set:[0-9]*"' | head -n 2 | tr '\n' ' ')" \
        '"RPUSH" "set:15" "RPUSH" "set:21" ' 'what is sent first'
    expect_equal "$(redis EVAL "local n = 0
        for i = 1, $rows do if redis.call('LLEN', 'set:' .. i) == 1 then n = n + 1 end end
        return n" 0)" "$rows" 'lists of one'
    expect_equal "$(sql 'SELECT rows_read, commands_sent FROM data_migrations')" "$rows|$rows" 'the entry'
}

with_database sqlite it_starts_over_in_the_middle all 3 before EXEC
with_database postgresql it_starts_over_in_the_middle checkpoint 3 before WATCH
with_database postgresql it_starts_over_at_the_next_run all
with_database sqlite it_starts_over_at_the_next_run checkpoint
with_database postgresql it_stops_in_the_middle all 3 before EXEC
with_database sqlite it_stops_in_the_middle checkpoint 3 after EXEC
with_database sqlite it_stops_at_the_next_run all
with_database postgresql it_stops_at_the_next_run checkpoint
with_database sqlite it_stops_behind_a_crash checkpoint
with_database postgresql it_stops_behind_a_crash all
for_both_databases it_is_undone_instead
for_both_databases own_redis older_between_runs
for_both_databases own_redis older_in_the_middle
for_both_databases own_redis older_than_a_sql_step
for_both_databases the_ledger_is_older
for_both_databases the_ledger_gave_the_number_again
with_database sqlite no_checkpoint_at_all
with_database sqlite the_ledger_does_not_know_what_was_begun
for_both_databases the_ledger_knows_nothing_of_what_is_done
for_both_databases it_finds_a_leftover
for_both_databases a_batch_runs_again
for_both_databases only_what_failed_is_sent_again
