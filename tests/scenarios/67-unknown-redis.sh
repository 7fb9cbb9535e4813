#!/usr/bin/env bash
# Goal: a Redis that this ledger has never written to is noticed, though the ledger says that everything
# is applied: a staging copy with an empty Redis, a Redis that was emptied. `up` and `status` warn, also
# once the next migration was carried there; with --strict they exit 4; `run --all --again` mends it. So
# is a copied database that writes to the Redis of its original. An `up` with nothing to do leaves Redis
# alone, and `status` does without it.
source "$(dirname "$0")/../support/scenario.sh"

begin()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2)"
    write_migration 1_rows.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: SET row:${id} 1
YAML
    write_migration 2_count.yaml <<'YAML'
up:
  - write: INCR count
YAML
}

next_migration()
{
    write_migration "$1_next.yaml" <<YAML
up:
  - write: SET next:$1 1
YAML
}

trace()
{
    redis HGET "redferry:{$(sql 'SELECT id FROM data_migration_ledger')}" "$1"
}

# What `status --json` says of Redis.
known_as()
{
    redferry status --json >"$OUT" 2>"$ERR"
    sqlite3 -batch -bail -init /dev/null :memory: "SELECT json_extract(readfile('$OUT'), '\$.redis')"
}

the_trace()
{
    begin
    expect_exit 0 redferry status
    expect_equal "$(known_as)" '' 'Redis, before anything was carried'
    expect_exit 0 redferry up
    expect_equal "$(trace first_run)" 1 'the first run'
    [[ $(trace last_write) == 20??-* ]] || fail "last_write is '$(trace last_write)'"
    next_migration 3
    expect_exit 0 redferry up --strict
    expect_equal "$(trace first_run)" 1 'the first run, later'
    expect_equal "$(known_as)" known 'Redis'
    expect_exit 0 redferry status --strict
    expect_exit 0 redferry up --strict
    expect_equal "$(cat "$ERR")" '' 'what was said'
    [[ $DIALECT == sqlite ]] || return 0
    expect_equal "$(trace database)" "$PWD/test.db" 'the database'
    expect_exit 0 redferry status --strict -d sqlite:test.db
    ln -s test.db other.db
    expect_exit 0 redferry status --strict -d other.db
}

emptied()
{
    begin
    expect_exit 0 redferry up
    redis FLUSHALL >/dev/null
    local what="Redis '$REDIS_SOCKET' was emptied, or replaced by another one: it does not know of 2_count and 1 more, which are applied"
    local mend='`redferry run --all --again` carries everything again'

    expect_equal "$(known_as)" unknown 'Redis'
    expect_exit 0 redferry status
    expect_stderr_contains "$what; $mend"
    expect_exit 4 redferry status --strict
    expect_stderr_contains "$what; $mend (--strict)"
    expect_exit 4 redferry status --strict --json
    expect_stdout_contains '"state": "applied"'
    expect_stdout_contains '"exit": 4'

    # Nothing pending: Redis is left alone, unless --strict says otherwise.
    expect_exit 0 redferry up
    expect_equal "$(cat "$ERR")" '' 'what an idle `up` says'
    expect_exit 4 redferry up --strict
    expect_stderr_contains "$what"

    next_migration 3
    expect_exit 4 redferry up --strict
    expect_stderr_contains "$what"
    expect_equal "$(redis DBSIZE)" 0 'what was written all the same'
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 2 'the runs'
    expect_exit 0 redferry up
    expect_stderr_contains "$what; $mend"

    # It is there now, and still does not know of the first two.
    expect_equal "$(trace first_run)" 3 'the first run'
    expect_equal "$(known_as)" unknown 'Redis, after the next migration'
    next_migration 4
    expect_exit 0 redferry up
    expect_stderr_contains "$what"

    # One that was carried again is known again; what was marked by hand is not asked about.
    expect_exit 0 redferry run 1 --again --strict
    expect_stderr_contains 'does not know of 2_count and 1 more'
    expect_exit 0 redferry status
    expect_stderr_contains 'does not know of 2_count, which is applied'
    expect_exit 0 redferry unmark 2
    expect_exit 0 redferry mark 2
    expect_exit 0 redferry status --strict
    expect_equal "$(cat "$ERR")" '' 'what was said'
    expect_equal "$(known_as)" known 'Redis'
}

all_again()
{
    begin
    next_migration 3
    expect_exit 0 redferry up
    redis FLUSHALL >/dev/null
    expect_exit 0 redferry run --all --again --strict
    expect_stderr_lacks 'does not know'
    expect_equal "$(redis MGET row:1 row:2 count next:3)" $'1\n1\n1\n1' 'what Redis holds'
    expect_exit 0 redferry status --strict
    expect_equal "$(known_as)" known 'Redis'
}

# What sent nothing to Redis is not missed there.
nothing_was_sent()
{
    begin
    rm data_migrations/*
    write_migration 1_sql.yaml <<'YAML'
up:
  - sql: DELETE FROM t WHERE id = 2
  - read: SELECT id FROM t WHERE id > 7
    key: id
    write: SET row:${id} 1
YAML
    expect_exit 0 redferry up
    redis FLUSHALL >/dev/null
    expect_exit 0 redferry status --strict
    expect_equal "$(known_as)" '' 'Redis'
}

# The database of production, restored for staging, with a Redis of its own.
staging()
{
    begin
    expect_exit 0 redferry up
    local socket=$REDIS_SOCKET url=$REDIS_URL pid=$REDIS_PID directory=$REDIS_DIR
    start_redis
    export REDFERRY_REDIS=$REDIS_URL
    expect_exit 0 redferry status
    expect_stderr_contains "Redis '$REDIS_SOCKET' does not know of 2_count and 1 more, which are applied: it was carried to '$socket'; \`redferry run --all --again\` carries everything again"
    expect_exit 4 redferry up --strict
    expect_exit 0 redferry run --all --again
    expect_exit 0 redferry up --strict
    expect_equal "$(redis MGET row:1 row:2 count)" $'1\n1\n1' 'what the staging Redis holds'
    stop_server "$REDIS_PID"
    REDIS_SOCKET=$socket REDIS_URL=$url REDIS_PID=$pid REDIS_DIR=$directory
    expect_equal "$(redis GET count)" 1 'what the Redis of production holds'
}

# The same, but with the Redis of production.
copied()
{
    begin
    expect_exit 0 redferry up
    copy_database
    expect_exit 0 redferry status -d "$COPY"
    expect_stderr_contains "Redis '$REDIS_SOCKET' was last written to from the database '$(trace database)' at 20"
    expect_stderr_contains 'with the same ledger: if one is a copy, give it a Redis of its own; if it has moved: HSET redferry:{'
    next_migration 3
    expect_exit 4 redferry up --strict -d "$COPY"
    expect_stderr_contains 'with the same ledger'
    expect_equal "$(redis EXISTS next:3)" 0 'what the copy wrote'
    expect_exit 0 redferry up -d "$COPY"
    expect_stderr_contains 'with the same ledger'

    # And the other way round.
    expect_equal "$(known_as)" other_database 'Redis, for the original'
    expect_exit 4 redferry status --strict
    local hset
    hset=$(sed -n "s/.*it has moved: \(HSET [^']*\)'\(.*\)' (--strict)\$/\1\2/p" "$ERR")
    # shellcheck disable=SC2086 # the words of a command, as the program gives them
    redis $hset >/dev/null
    expect_equal "$(known_as)" ahead 'Redis, with a run of the copy'
    expect_exit 0 redferry mark 3
    expect_exit 0 redferry repair 3
    expect_exit 0 redferry status --strict
    expect_equal "$(known_as)" known 'Redis, for the original that it was told of'
}

copy_database()
{
    if [[ $DIALECT == sqlite ]]; then
        cp test.db copy.db
        COPY=sqlite:$PWD/copy.db
    else
        local name=${DB#postgresql:///}
        name=${name%%\?*}
        psql -Xq -h "$scenario_postgres" -U postgres -d postgres \
            -c "CREATE DATABASE ${name}_copy TEMPLATE $name"
        COPY=${DB/$name/${name}_copy}
    fi
}

# `status` is for looking, also where there is nothing to look at.
does_without()
{
    begin
    expect_exit 0 redferry up
    export REDFERRY_REDIS=unix://$PWD/no.sock
    expect_exit 0 redferry status -q
    expect_equal "$(cat "$ERR")" '' 'what status -q says'
    expect_exit 0 redferry status
    expect_stderr_contains "Redis was not asked whether it knows this ledger: cannot connect to 'unix://$PWD/no.sock'"
    expect_exit 0 redferry status --strict -q
    expect_stderr_contains 'Redis was not asked whether it knows this ledger'
    expect_equal "$(known_as)" '' 'Redis'
    expect_exit 0 redferry up
    expect_exit 7 redferry up --strict
    export REDFERRY_REDIS=nonsense
    expect_exit 0 redferry status
    unset REDFERRY_REDIS
    expect_exit 0 redferry status --strict
    expect_equal "$(cat "$ERR")" '' 'what status says without a Redis'
    expect_exit 0 redferry up --strict
}

for_both_databases the_trace
for_both_databases emptied
for_both_databases all_again
with_database sqlite nothing_was_sent
with_database sqlite staging
for_both_databases copied
with_database sqlite does_without
