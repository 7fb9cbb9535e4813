#!/usr/bin/env bash
# Goal: whatever is killed, and when, no row is lost or written twice. One to five runners at a time
# carry rows with commands that must never be repeated, and are killed at random moments (SIGKILL)
# until the ledger says applied; so are, in rounds of their own, a Redis whose AOF is always synced,
# and PostgreSQL. Then every canary is exactly 1, lists, stream and messages hold every row once and
# in order, and ledger and checkpoint agree. Some rounds are undone the same way, and applied again.
# not under valgrind: hundreds of programs that live for a moment
# not with sanitizers: hundreds of programs that live for a moment
#
#   REDFERRY_TEST_KILLS  how many kills in all: 300, or 10000 in `cmake --build … --target nightly`
#   REDFERRY_TEST_SEED   which random numbers; each run prints its own
wanted=${REDFERRY_TEST_KILLS:-300}
seed=${REDFERRY_TEST_SEED:-$((SRANDOM % 32768))}
source "$(dirname "$0")/../support/scenario.sh"
RANDOM=$seed # drawn in this shell only: a subshell has a seed of its own

scale=$((wanted < 3000 ? 1 : 4)) # more rows, and so more kills in each round
most_strikes=1000  # in one round: then it never ends
most_violations=5 # then the scenario gives up
redis_options=(--appendonly yes --appendfsync always)
declare -A kills=([redferry]=0 [redis]=0 [postgres]=0)
declare -A endings=() # of runners that nobody killed: `what is killed:exit code` → how many
rounds=0 resumes=0 midway=0 violations=0

# ---- what is carried -----------------------------------------------------------------------------

# Some rounds pause between batches, others stream as fast as can be.
write_canaries()
{
    local pause=
    [[ $pace == streaming ]] || pause='pause: 4ms'
    write_migration 1_canaries.yaml <<YAML
up:
  - name: first
    write: INCRBY canary:first 1
  - name: rows
    read: SELECT id FROM t
    key: id
    write:
      - INCRBY canary:\${id} 1
      - RPUSH list \${id}
      - XADD stream * id \${id}
    publish: {channel: heard, message: '\${id}'}
    batch: 7
    $pause
  - name: in SQL
    sql: UPDATE t SET word = word || '!'
  - name: rows again
    read: SELECT id % 5 AS fifth, id, word FROM t
    key: [fifth, word]
    write:
      - RPUSH again \${word}
      - XADD stream * again \${word}
    batch: 20
    $pause
publish: {channel: done, message: '\${version} \${rows}'}
down:
  - name: not in SQL
    sql: UPDATE t SET word = substr(word, 1, length(word) - 1)
  - name: undo
    read: SELECT id FROM t
    key: id
    write:
      - INCRBY canary:\${id} -1
      - RPUSH undone \${id}
      - XADD stream * undone \${id}
    batch: 9
    $pause
  - name: undo first
    write: INCRBY canary:first -1
YAML
}

make_rows()
{
    redis FLUSHALL >/dev/null
    if [[ $DIALECT == sqlite ]]; then
        rm -f test.db*
        sql "PRAGMA journal_mode = $journal" >/dev/null
    else
        sql 'SET client_min_messages = error; SET synchronous_commit = on;
             DROP TABLE IF EXISTS t, data_migrations, data_migration_runs, data_migration_ledger'
    fi
    sql 'CREATE TABLE t (id integer PRIMARY KEY, word text NOT NULL)'
    sql "INSERT INTO t
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
         SELECT i, 'w' || (100000 + i) FROM n"
    # A crash of PostgreSQL may take back what it has acknowledged here.
    [[ $DIALECT == sqlite ]] || sql CHECKPOINT
}

# ---- runners, and what befalls them --------------------------------------------------------------

sleep_ms()
{
    local seconds
    printf -v seconds '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
    sleep "$seconds"
}

# Mostly until a row arrives and a little longer, so that a run is hit in the middle; or else at any
# moment from the very beginning.
a_moment()
{
    if ((RANDOM % 4)); then
        redis XREAD BLOCK 500 STREAMS stream "$newest" >/dev/null
        sleep_ms $((RANDOM % reach))
    else
        sleep_ms $((RANDOM % early))
    fi
}

# One to five of them, mostly one.
start_runners()
{
    local i count=1
    ((RANDOM % 3)) || count=$((1 + RANDOM % 5))
    runners=()
    for ((i = 0; i < count; i++)); do
        "$REDFERRY_PROGRAM" "$@" -q --lock-timeout 60s >/dev/null 2>"told.$i" &
        runners+=($!)
    done
}

# Now and then the last ones are spared, and have to come to their end by themselves.
kill_runners()
{
    local pid
    for pid in "${runners[@]}"; do
        ((RANDOM % 12)) || break
        a_moment
        kill -KILL "$pid" || true
    done
}

# A kill can leave half a transaction at the end of the file. Redis starts all the same, but leaves the
# beginning of it in the file, where it becomes part of the next one: what ran once would run
# twice at the start after this. Hence redis-check-aof, as docs/guarantees.md says.
mend_aof()
{
    redis-check-aof --fix "$REDIS_DIR/appendonlydir/appendonly.aof.manifest" <<<y \
        >"$REDIS_DIR/check-aof.log" 2>&1 || { cat "$REDIS_DIR/check-aof.log" >&2; false; }
}

kill_redis()
{
    local times=$((1 + RANDOM % 3))
    while ((times-- > 0)); do
        a_moment
        stop_server "$REDIS_PID" # by SIGKILL
        kills[redis]=$((kills[redis] + 1))
        mend_aof
        start_redis_in "$REDIS_DIR" "${redis_options[@]}"
    done
}

kill_postgres()
{
    a_moment
    stop_server "$POSTGRES_PID" # by SIGQUIT, as `pg_ctl stop -m immediate` does it
    kills[postgres]=$((kills[postgres] + 1))
    start_postgres_in "$POSTGRES_DIR"
}

# Start runners, kill, and wait until all of them are gone; their exit codes are in $ended. Their
# shell would tell of each that was killed: its stderr is given back behind them.
strike()
{
    local pid code
    ended=()
    exec 3>&2 2>/dev/null
    start_runners "$@"
    if [[ $victim != redferry ]]; then "kill_$victim" 2>&3; fi
    if [[ $victim == redferry ]] || ((RANDOM % 2)); then kill_runners; fi
    for pid in "${runners[@]}"; do
        code=0
        wait "$pid" || code=$?
        ended+=("$code")
    done
    exec 2>&3 3>&-
}

# A runner that nobody killed has done its work, found it done, or says which server it has lost.
count_endings()
{
    local i code
    for i in "${!ended[@]}"; do
        code=${ended[i]}
        if ((code == 137)); then
            kills[redferry]=$((kills[redferry] + 1))
            continue
        fi
        endings[$victim:$code]=$((${endings[$victim:$code]:-0} + 1))
        case $victim:$code in
        *:0 | redis:7 | postgres:6) ;;
        postgres:4) grep -q 'the lock of this ledger was lost' "told.$i" || violation "$(<"told.$i")" ;;
        *:2) grep -q 'is not applied: nothing to undo' "told.$i" || violation "$(<"told.$i")" ;;
        *) violation "a runner ended with $code: $(<"told.$i")" ;;
        esac
    done
}

# What Redis says: the newest entry of the stream, and the checkpoint's step and cursor (none where it
# stands between two steps).
look_at_redis()
{
    { read -r newest && read -r place; } < <(redis EVAL "
        local newest = redis.call('XREVRANGE', 'stream', '+', '-', 'COUNT', 1)[1] or {'0'}
        local key = redis.call('KEYS', 'redferry:*:1')[1] or ''
        local step = redis.call('HGET', key, 'step') or 0
        return {newest[1], 'step ' .. step .. ' ' .. (redis.call('HGET', key, 'cursor') or '')}" 0)
}

stands_in_a_step() { [[ $place == *'['[!]]* ]]; }

# until_ledger COUNT REDFERRY-ARGUMENT…: strike until so many migrations are applied.
until_ledger()
{
    local count=$1 strikes=0 before newest place
    shift
    look_at_redis
    until ! stands_in_a_step &&
        [[ $(sql 'SELECT count(*) FROM data_migrations' 2>/dev/null || true) == "$count" ]]; do
        if ((++strikes > most_strikes)); then
            violation "not at its end after $most_strikes strikes: $*"
            return
        fi
        before=$place
        strike "$@"
        count_endings
        look_at_redis
        if [[ $place != "$before" ]] && stands_in_a_step; then midway=$((midway + 1)); fi
    done
}

# ---- what must be true ---------------------------------------------------------------------------

# It is told and counted, and the next round begins anew.
violation()
{
    violations=$((violations + 1))
    {
        printf 'VIOLATION in round %d (%s, %s %s, %s killed): %s\n' $((rounds + 1)) "$pace" \
            "$DIALECT" "${journal-}" "$victim" "$*"
        sql 'SELECT id, direction, status, step, "cursor", rows_read, rows_changed, commands_sent,
                    messages_published, origin, error FROM data_migration_runs
             ORDER BY id' | tail -n 12 || true
    } >&2
    ((violations < most_violations)) || report
}

expect_once()
{
    [[ $1 == "$2" ]] || violation "$3: $(diff <(echo "$2") <(echo "$1") | sed 20q || true)"
}

canaries()
{
    # shellcheck disable=SC2046
    redis MGET canary:first $(seq -f 'canary:%g' 1 "$rows") | sort | uniq -c | awk '{ print $1, $2 }'
}

# stream FIELD: its values, of all entries that have it.
stream()
{
    redis EVAL "local values = {}
        for _, entry in ipairs(redis.call('XRANGE', 'stream', '-', '+')) do
            if entry[2][1] == ARGV[1] then values[#values + 1] = entry[2][2] end
        end
        return values" 0 "$1"
}

# expect_carried TIMES: the rows are there, this often one behind the other.
expect_carried()
{
    local again totals i once twice='' twice_again=''
    once=$(seq 1 "$rows")
    again=$(for ((i = 0; i < 5; i++)); do seq $((i == 0 ? 5 : i)) 5 "$rows"; done |
        awk '{ print "w" 100000 + $1 "!" }')
    for ((i = 0; i < $1; i++)); do
        twice+=${twice:+$'\n'}$once
        twice_again+=${twice_again:+$'\n'}$again
    done
    expect_once "$(canaries)" "$((rows + 1)) 1" 'canaries'
    expect_once "$(redis LRANGE list 0 -1)" "$twice" 'the list'
    expect_once "$(redis LRANGE again 0 -1)" "$twice_again" 'the list of rows behind the SQL step'
    expect_once "$(stream id)" "$twice" 'the stream'
    expect_once "$(stream again)" "$twice_again" 'the stream behind the SQL step'
    if [[ $victim != redis ]]; then
        heard >heard.txt
        expect_once "$(sed -n 's/^heard //p' heard.txt)" "$twice" 'messages'
        expect_once "$(sed -n 's/^done //p' heard.txt | sort -u)" "1 $((2 * rows))" 'the last message'
    fi
    totals=$(sql 'SELECT rows_read, rows_changed, commands_sent, messages_published,
                         announced_at IS NOT NULL FROM data_migrations')
    expect_once "${totals/%t/1}" "$((2 * rows))|$rows|$((5 * rows + 1))|$rows|1" 'the entry'
    expect_ledger_agrees
}

# One run has done it, none is left running, and only the key that stays for good is there.
expect_ledger_agrees()
{
    expect_once "$(sql "SELECT count(*) FROM data_migrations m JOIN data_migration_runs r
                        ON r.id = m.run_id AND r.status = 'succeeded' AND r.cursor IS NULL")" 1 \
        'the run that applied it'
    expect_once "$(sql "SELECT count(*) FROM data_migration_runs
                        WHERE status IN ('running', 'paused')")" 0 'runs that still run'
    expect_once "$(redis KEYS 'redferry:*')" \
        "redferry:{$(sql 'SELECT id FROM data_migration_ledger')}" 'the keys of redferry'
}

expect_undone()
{
    expect_once "$(canaries)" "$((rows + 1)) 0" 'canaries, undone'
    expect_once "$(redis LRANGE undone 0 -1)" "$(seq 1 "$rows")" 'the list of what was undone'
    expect_once "$(stream undone)" "$(seq 1 "$rows")" 'the stream of what was undone'
    expect_once "$(sql "SELECT count(*) FROM t WHERE word NOT LIKE '%!%'")" "$rows" 'rows, undone'
}

# ---- rounds --------------------------------------------------------------------------------------

finish_up()
{
    local code=0
    redferry up -q >/dev/null 2>told.last || code=$?
    ((code == 0)) || violation "the last up ended with $code: $(<told.last)"
}

one_round()
{
    make_rows
    write_canaries
    [[ $victim == redis ]] || listen heard 'done'
    until_ledger 1 up
    finish_up
    expect_carried 1
    if ! ((RANDOM % 3)); then
        until_ledger 0 down --only 1
        expect_undone
        until_ledger 1 up
        finish_up
        expect_carried 2
    fi
    [[ $victim == redis ]] || redis CLIENT KILL TYPE pubsub >/dev/null
    resumes=$((resumes + $(sql 'SELECT count(*) FROM data_migration_runs WHERE origin <> id')))
    rounds=$((rounds + 1))
}

# Nobody is killed: all must be right then, too; and it shows how long a run takes, so that most
# kills hit one.
one_round_untouched()
{
    local begun whole
    make_rows
    write_canaries
    listen heard 'done'
    begun=${EPOCHREALTIME/./}
    finish_up
    whole=$(((${EPOCHREALTIME/./} - begun) / 1000))
    expect_carried 1
    begun=${EPOCHREALTIME/./}
    finish_up
    early=$(((${EPOCHREALTIME/./} - begun) / 500 + 1))
    reach=$((whole / 16 / scale + 1))
    redis CLIENT KILL TYPE pubsub >/dev/null
}

# rounds_of VICTIM SHARE PACE [JOURNAL]: until the victim has had this share of all kills, in
# thousandths.
rounds_of()
{
    local most=$((kills[$1] + (wanted * $2 + 999) / 1000))
    pace=$3 journal=${4-}
    rows=$((150 * scale))
    [[ $pace == pausing ]] || rows=$((2000 * scale))
    if [[ $1 == redis ]]; then
        start_redis "${redis_options[@]}"
        export REDFERRY_REDIS=$REDIS_URL
    fi
    victim=nobody
    one_round_untouched
    victim=$1
    [[ $victim == redferry ]] || reach=$((reach * 6)) # whose return takes longer
    while ((kills[$victim] < most)); do one_round; done
    [[ $1 != redis ]] || stop_server "$REDIS_PID"
}

report()
{
    local ending
    printf 'kills: %d (redferry %d, Redis %d, PostgreSQL %d)  resumes: %d  stopped in the middle of a step: %d\n' \
        $((kills[redferry] + kills[redis] + kills[postgres])) \
        "${kills[redferry]}" "${kills[redis]}" "${kills[postgres]}" $resumes $midway
    for ending in "${!endings[@]}"; do
        printf 'ended by themselves (killed:exit code) %s: %d\n' "$ending" "${endings[$ending]}"
    done | sort
    printf 'rounds: %d  violations: %d  REDFERRY_TEST_SEED=%d\n' $rounds $violations "$seed"
    ((violations == 0)) || fail 'exactly once it was not'
}

printf 'REDFERRY_TEST_SEED=%d REDFERRY_TEST_KILLS=%d\n' "$seed" "$wanted"
with_database sqlite rounds_of redferry 150 pausing wal
with_database sqlite rounds_of redferry 110 streaming wal
with_database sqlite rounds_of redferry 150 pausing delete
with_database sqlite rounds_of redferry 110 streaming delete
with_database postgresql rounds_of redferry 180 pausing
with_database postgresql rounds_of redferry 130 streaming
with_database sqlite rounds_of redis 50 pausing wal
with_database postgresql rounds_of redis 50 streaming
with_database postgresql rounds_of postgres 40 pausing
with_database postgresql rounds_of postgres 30 streaming
report
((midway * 10 > wanted)) || fail "only $midway kills hit a step: nothing is shown"
