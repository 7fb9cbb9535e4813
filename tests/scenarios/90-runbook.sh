#!/usr/bin/env bash
# Goal: docs/operating.md is what an operator meets. Each state and each exit code is brought about with
# real servers; what redferry prints then is what the page shows; what the page has one type there is typed,
# and what it promises is so afterwards. No example on the page is left out.
# not under valgrind: it is the page that is looked at
# not with sanitizers: it is the page that is looked at
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/gate.sh"
source "$(dirname "$0")/../support/blocks.sh"
source "$(dirname "$0")/../support/matrix.sh" # copies of a database

readonly version=20200211131900
: >"$SCRATCH/used"

# ---- what the page says --------------------------------------------------------------------------

# What differs each time: moments, people, hosts, processes, numbers of runs, places of servers.
normalised()
{
    sed -E -e 's/20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/TIME/g' -e 's/[^ ]+@[^ :]+/WHO/g' \
        -e 's/on host [^ ]+/on host HOST/g' -e 's/pid [0-9]+/pid N/g' -e 's/\brun [0-9]+\b/run N/g' \
        -e 's/newest is [0-9]+/newest is N/' -e 's/127\.0\.0\.1:[0-9]+/ADDRESS/' -e 's/port [0-9]+/port N/' \
        -e 's/ +/ /g' -e 's/ [0-9]+$/ N/' -e 's/^ //' "$@"
}

# block TITLE: of docs/operating.md, which is now used.
block()
{
    echo "<!-- $1 -->" >>"$SCRATCH/used"
    listed operating.md "$1"
}

# said TITLE: the last command has printed what the page shows; a line may stand within a longer one.
said()
{
    local line
    normalised "$OUT" "$ERR" >"$SCRATCH/got"
    block "says: $1" | normalised >"$SCRATCH/shown"
    while IFS= read -r line; do
        grep -qF -- "$line" "$SCRATCH/got" || fail "expected for '$1': '$line'"
    done <"$SCRATCH/shown"
}

# says TITLE CODE COMMAND…: the command ends with this code, and prints what the page shows.
says()
{
    local title=$1
    shift
    expect_exit "$@"
    said "$title"
}

# typed TITLE: each line of the block succeeds.
typed()
{
    local line
    while IFS= read -r line <&3; do
        expect_exit 0 eval "${line/#redis-cli /redis }"
    done 3< <(block "$1")
}

types() { typed "type: $1"; }

state()
{
    redferry status --json 2>/dev/null >"$SCRATCH/status"
    sqlite3 -batch -init /dev/null :memory: "SELECT json_extract(readfile('$SCRATCH/status'), '\$.migrations[0].state')"
}

# becomes STATE: so it is now; with `applied`, every row has been carried once.
becomes()
{
    expect_equal "$(state)" "$1" 'the state'
    [[ $1 != applied ]] || expect_equal "$(redis SMEMBERS flags | sort | xargs) $(redis HGET flag:search enabled)" \
        '2fa_sms notifications_beta search true' 'what Redis holds'
}

# ---- a world ---------------------------------------------------------------------------------------

file=${version}_migrate_flags_to_redis.yaml

begin()
{
    sql "CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean NOT NULL);
         INSERT INTO feature_flags VALUES ('2fa_sms', true), ('notifications_beta', false), ('search', true)"
    sed '/^ *#/d' "$DOCS/../data_migrations/$file" >"data_migrations/$file"
}

# Commands that must not be repeated.
begin_counting()
{
    begin
    sed -i -e 's/SADD flags/RPUSH flags/' -e 's/SREM flags.*/DEL flags/' "data_migrations/$file"
}

is_running() { [[ $(sql 'SELECT max(status) FROM data_migration_runs WHERE finished_at IS NULL') == running ]]; }
has_a_row() { [[ $(redis EXISTS flag:2fa_sms) == 1 ]]; }

# An `up` in the background that has carried one row, and waits a minute before the next one.
carry()
{
    begin_up --batch 1 --pause 60s
    wait_for 'the first row' has_a_row
    wait_for 'the run' is_running
}

stop()
{
    kill -TERM "$up"
    expect_up 143
}

# ---- by state ------------------------------------------------------------------------------------

states()
{
    begin
    says pending 0 redferry status
    expect_exit 3 redferry status --check
    types pending
    becomes applied
    expect_exit 0 redferry down
    carry
    says running 0 redferry status
    types running
    says paused 0 redferry status
    types paused
    becomes running
    stop
    said interrupted
    becomes interrupted
    types interrupted
    becomes applied
    says applied 0 redferry up
    types applied
    expect_exit 0 redferry down
    carry
    kill -KILL "$up"
    wait "$up" 2>/dev/null || true
    says crashed 0 redferry status
    types crashed
    becomes applied
    mv "data_migrations/$file" .
    says missing 0 redferry status
    types missing
    mv "$file" data_migrations
    becomes pending
    failed_states
}

failed_states()
{
    redis SET flags 'in the way' >/dev/null
    expect_exit 1 redferry up --batch 1
    expect_exit 0 redferry status
    said failed
    types failed
    becomes applied
    redis SET flags 'in the way' >/dev/null
    expect_exit 1 redferry down
    says half_undone 4 redferry up
    becomes half_undone
    types half_undone
    becomes pending
    expect_exit 0 redferry up
    echo '# a comment' >>"data_migrations/$file"
    says modified 4 redferry up --strict
    becomes modified
    types modified
    becomes applied
}

# cancelled_then TITLE STATE
cancelled_then()
{
    expect_exit 0 redferry down
    carry
    expect_exit 0 redferry cancel
    expect_up 4
    becomes cancelled
    says cancelled 4 redferry up
    types "$1"
    becomes "$2"
}

cancelled()
{
    begin
    expect_exit 0 redferry up
    cancelled_then cancelled applied
    cancelled_then 'cancelled, the other way' pending
}

# ---- by message ------------------------------------------------------------------------------------

of_values()
{
    sql "CREATE TABLE t (id integer, name text); INSERT INTO t VALUES (1, 'a'), (2, NULL)"
    write_migration 20200304101500_copy.yaml <<'YAML'
up:
  - name: copies
    read: SELECT id, name FROM t
    key: id
    write: SET v:${id} ${name}
YAML
    says 'a NULL value' 1 redferry up
    sed -i 's/{name}/{name:-unknown}/' data_migrations/*
    types 'a NULL value'
    expect_equal "$(redis GET v:2)" unknown 'the value'
    expect_exit 0 redferry unmark 20200304101500
    sql 'UPDATE t SET id = NULL WHERE id = 2'
    says 'a NULL key' 1 redferry up
    sql 'UPDATE t SET id = 2 WHERE id IS NULL'
    types 'a NULL key'
    expect_equal "$(state)" applied 'the state'

    begin
    rm data_migrations/20200304101500_copy.yaml
    sed -i 's/read:/raed:/' "data_migrations/$file"
    says 'a wrong file' 2 redferry up
    expect_equal "$(block 'type: a wrong file')" 'redferry lint' 'what to type'
    expect_exit 2 redferry lint
    expect_stdout_contains "unknown key 'raed'"
    says 'a wrong option' 2 redferry up --strickt
    types 'a wrong option'
}

of_redis()
{
    begin
    expect_exit 0 redferry init
    redis CONFIG SET maxmemory 1 >/dev/null
    says OOM 1 redferry up
    types OOM
    becomes applied
    redis CONFIG SET maxmemory 0 >/dev/null
    redis HSET flag:2fa_sms enabled maybe >/dev/null
    says different 8 redferry verify
    types different
    redis FLUSHALL >/dev/null
    expect_exit 0 redferry status
    says 'unknown Redis' 4 redferry up --strict
    types 'unknown Redis'
    becomes applied
    expect_exit 0 redferry up --strict
    redis FLUSHALL >/dev/null
    typed 'behind a restore of Redis'
    becomes applied
}

has_failed_to_save() { redis INFO persistence | grep -q '^rdb_last_bgsave_status:err'; }

# Its directory is gone, so that nobody can save there, root neither.
of_a_redis_that_cannot_save()
{
    local before=("${scenario_redis[@]}") gone=$SCRATCH/gone
    mkdir "$gone"
    start_redis --dir "$gone" --save "3600 1000000" --enable-protected-configs yes
    export REDFERRY_REDIS=$REDIS_URL
    begin
    expect_exit 0 redferry init
    rmdir "$gone"
    redis BGSAVE >/dev/null
    wait_for 'the failure to save' has_failed_to_save
    says MISCONF 1 redferry up
    mkdir "$gone"
    redis CONFIG SET dir "$gone" >/dev/null
    types MISCONF
    becomes applied
    stop_server "$REDIS_PID"
    scenario_redis=("${before[@]}")
}

of_locks()
{
    begin
    expect_exit 0 redferry init
    says max-time 3 redferry up --batch 1 --max-time 1ms
    types max-time
    becomes applied
    expect_exit 0 redferry down
    carry
    says skipped 3 redferry up --on-lock skip
    says 'the lock' 5 redferry up --lock-timeout 1s
    "$REDFERRY_PROGRAM" watch >watch.out 2>watch.err &
    stop
    wait $! || expect_equal "$?" 3 'the exit code of watch'
    expect_equal "$(block 'type: the lock' | tail -n 1)" 'redferry up' 'what to type'
    expect_exit 0 redferry up
    types skipped
    becomes applied
    expect_exit 0 redferry down
    sql 'CREATE TABLE knex_migrations_lock (is_locked integer); INSERT INTO knex_migrations_lock VALUES (1)'
    says 'a schema migration' 5 redferry up --on-lock fail
    types 'a schema migration'
    becomes applied
    sql 'DROP TABLE knex_migrations_lock'
    another_has_a_lock
}

# The page shows it of PostgreSQL, which says who it is.
another_has_a_lock()
{
    local session
    [[ $DIALECT == postgresql ]] || return 0
    expect_exit 0 redferry down
    psql -XAtq -d "$DB" -c 'BEGIN; LOCK TABLE data_migrations; SELECT pg_sleep(600)' >/dev/null 2>&1 &
    session=$!
    wait_for 'the lock' eval '[[ $(sql "SELECT count(*) FROM pg_locks WHERE mode = '\''AccessExclusiveLock'\''
        AND granted AND relation = '\''data_migrations'\''::regclass") == 1 ]]'
    says "another's lock" 5 redferry up --on-lock fail
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%'
         AND pid <> pg_backend_pid()" >/dev/null
    wait "$session" || true
    types "another's lock"
    becomes applied
}

# What is lost is judged by its run, so that these need none of a server's.
of_checkpoints()
{
    begin_counting
    carry
    stop
    redis DEL "$(checkpoint)" >/dev/null
    says 'checkpoint lost' 4 redferry up
    types 'checkpoint lost'
    expect_equal "$(redis LLEN flags)" 3 'the list'
    expect_exit 0 redferry down
    carry
    stop
    redis DEL "$(checkpoint)" >/dev/null
    expect_exit 4 redferry up
    types 'checkpoint lost, the other way'
    expect_equal "$(redis LLEN flags)" 3 'the list'

    expect_exit 0 redferry down
    carry
    stop
    cp "data_migrations/$file" .
    sed -i 's/RPUSH flags/LPUSH flags/' "data_migrations/$file"
    says 'changed half-way' 4 redferry up
    mv "$file" data_migrations
    types 'changed half-way'
    expect_equal "$(redis LLEN flags)" 3 'the list'

    expect_exit 0 redferry down
    carry
    stop
    says 'too old' 4 redferry up --resume-within 1ms
    types 'too old'
    expect_equal "$(redis LLEN flags)" 3 'the list'
}

checkpoint() { printf 'redferry:{%s}:%s' "$(sql 'SELECT id FROM data_migration_ledger')" "$version"; }

of_two_runners()
{
    begin
    carry
    sql "UPDATE data_migration_runs SET status = 'interrupted', error = 'ended by run 2 of bob'"
    expect_up 4
    said fenced
    types fenced
    becomes applied
    [[ $DIALECT == postgresql ]] || return 0
    expect_exit 0 redferry down
    carry
    sql "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'" >/dev/null
    expect_up 4
    said 'the lock was lost'
    types 'the lock was lost'
    becomes applied
}

# The database is backed up, and restored.
backup()
{
    if [[ $DIALECT == sqlite ]]; then cp test.db before.db; else
        matrix_copy_database "$(matrix_database)" "$(matrix_database)_before"
    fi
}

restore()
{
    if [[ $DIALECT == sqlite ]]; then cp before.db test.db; else
        matrix_copy_database "$(matrix_database)_before" "$(matrix_database)"
    fi
}

of_ledgers()
{
    begin
    expect_exit 0 redferry init
    backup
    expect_exit 0 redferry up
    restore
    says 'ledger older' 4 redferry up
    types 'ledger older'
    becomes applied
    restore
    typed 'behind a restore of SQL'
    becomes applied

    printf 'up:\n  - write: SET late 1\n' >data_migrations/1_late.yaml
    says late 4 redferry up --strict
    types late
    expect_equal "$(redis GET late)" 1 'what came late'

    printf 'up:\n  - write: SET next 1\n' >data_migrations/20200212000000_next.yaml
    sql 'UPDATE data_migration_ledger SET layout = 2'
    says 'newer layout' 4 redferry up
    types 'newer layout'
    sql 'DROP TABLE data_migration_runs; DROP TABLE data_migration_ledger; DROP TABLE data_migrations;
         CREATE TABLE data_migrations (version text)'
    redis FLUSHALL >/dev/null
    says 'another table' 4 redferry up
    types 'another table'
    expect_equal "$(redis GET next)" 1 'the last one'
}

of_servers()
{
    begin
    says 'no database' 6 redferry up -d postgresql://app@127.0.0.1:1/app
    types 'no database'
    becomes applied
    expect_exit 0 redferry down
    says 'no Redis' 7 redferry up -r redis://127.0.0.1:1
    redis REPLICAOF 127.0.0.1 1 >/dev/null
    says 'a replica' 4 redferry up --wait 60s
    redis REPLICAOF NO ONE >/dev/null
    types 'a replica'
    becomes applied
    expect_exit 0 redferry down
    says 'no entry' 4 redferry up --wait 60s -r "unix://nobody:x@$REDIS_SOCKET"
    types 'no entry'
    becomes applied
    expect_exit 0 redferry down
    types 'no Redis'
    becomes applied
}

# ---- a deploy, and questions ----------------------------------------------------------------------

deploy()
{
    begin
    redis CONFIG SET save '3600 1' >/dev/null
    typed 'before a deploy'
    becomes pending
    carry
    while_it_runs
    local line
    while IFS= read -r line <&3; do
        if [[ $line == 'redferry watch'* ]]; then # to its end, which is told by its exit code
            "$REDFERRY_PROGRAM" watch >watch.out 2>&1 &
            watch=$!
        else
            expect_exit 0 eval "$line"
        fi
        [[ $line != 'redferry pause'* ]] || while_it_is_paused
    done 3< <(block 'during a deploy')
    expect_up 4
    local code=0
    wait "$watch" || code=$?
    expect_equal "$code" 4 'the exit code of watch'
    once_it_is_cancelled
    expect_exit 0 redferry run "$version"
    answered 4 ''
    answered 5 "$version\\|migrate_flags_to_redis\\|2\\|0"
    typed 'after a deploy'
    expect_stdout_contains '0 different, 0 missing'
    becomes applied
}

# question NUMBER: what the page's question of that number is answered now.
question()
{
    local title="operator's queries"
    [[ $DIALECT == postgresql ]] || title+=' in SQLite'
    block "$title" | awk -v number="$1" '/^-- / { n++ } n == number' | sql
}

# answered NUMBER REGEX: one line, which is this. Here the number is PostgreSQL's: SQLite is shown two of its five.
answered()
{
    local number=$1
    if [[ $DIALECT == sqlite ]]; then
        case $1 in
        1) ;;
        3) number=2 ;;
        *) return 0 ;;
        esac
    fi
    question "$number" >answer
    [[ $(<answer) =~ ^$2$ ]] || fail "question $1 is answered '$(<answer)'"
}

who='[^|@]+@[^|]+' some='[^|]+' any='[^|]*'

while_it_runs()
{
    wait_until 'the ledger knows of the row' eval '[[ $(sql "SELECT max(rows_read) FROM data_migration_runs") == 1 ]]'
    answered 1 "1\\|$version\\|migrate_flags_to_redis\\|up\\|running\\|$who\\|$(hostname)\\|$up\\|$some\\|flags\\|1\\|$any\\|$some"
    answered 2 ''
}

while_it_is_paused()
{
    answered 1 "1\\|$version\\|migrate_flags_to_redis\\|up\\|paused\\|.*"
    answered 2 "1\\|\\|$who\\|$some"
}

once_it_is_cancelled()
{
    local rate=
    [[ $DIALECT == sqlite ]] || rate="\\|$some"
    answered 1 ''
    answered 3 "$who\\|$version\\|migrate_flags_to_redis\\|up\\|cancelled\\|$any\\|$some\\|[1-3]$rate"
    answered 4 "$version\\|migrate_flags_to_redis\\|up\\|cancelled\\|flags\\|\\[$some\\]\\|$some\\|$some"
    answered 5 "$version\\|migrate_flags_to_redis\\|1\\|0"
}

# Each exit code of the program has its line, and each state its section.
nothing_is_left_out()
{
    expect_equal "$(rows "$DOCS/operating.md" 'code | what it is | who acts | see' | cut -d $'\x1f' -f 1 | tr -d '`' | xargs)" \
        "$(redferry help | sed -nE '/^Exit codes/,/^$/s/^  ([0-9n+]+) .*/\1/p' | xargs)" 'the exit codes on the page'
    expect_equal "$(sed -n '/^### By state/,/^### By message/s/^#### //p' "$DOCS/operating.md" | sort | xargs)" \
        "$(python3 -c 'import json, sys
schema = json.load(open(sys.argv[1]))["properties"]["migrations"]["items"]["properties"]["state"]
print(*sorted(schema["enum"]))' "$DOCS/schemas/status.json")" 'the states on the page'
}

every_example_was_used()
{
    grep -E '^<!-- .* -->$' "$DOCS/operating.md" | grep -v '<!-- acl of ' | sort >"$SCRATCH/shown"
    sort -u "$SCRATCH/used" | diff "$SCRATCH/shown" - || fail 'examples on the page that were not used: <'
}

nothing_is_left_out
for_both_databases states
for_both_databases cancelled
for_both_databases of_values
with_database sqlite of_redis
with_database sqlite of_a_redis_that_cannot_save
for_both_databases of_locks
for_both_databases of_checkpoints
for_both_databases of_two_runners
for_both_databases of_ledgers
for_both_databases of_servers
for_both_databases deploy
every_example_was_used
