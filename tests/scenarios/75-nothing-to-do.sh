#!/usr/bin/env bash
# Goal: what every host of every deploy does, `up` with nothing to do, costs next to nothing: one
# connection to the database, on which everything is asked in one go; no Redis, no lock, nothing
# written, no OpenSSL set up. How many migrations there are does not matter.
source "$(dirname "$0")/../support/scenario.sh"

flags()
{
    sql 'CREATE TABLE flags (name text PRIMARY KEY, enabled boolean NOT NULL)'
    sql "INSERT INTO flags VALUES ('a', true), ('b', false)"
}

write_flags()
{
    write_migration "$1_flags.yaml" <<'YAML'
up:
  - read: SELECT name, enabled FROM flags
    key: name
    write: SET flag:${name} ${enabled}
down:
  - read: SELECT name FROM flags
    key: name
    write: DEL flag:${name}
YAML
}

# ---- what the server heard ---------------------------------------------------------------------

# From now on PostgreSQL logs who connects and what it is sent, a line each.
log_everything()
{
    local tries=0
    sql "ALTER SYSTEM SET log_connections = on"
    sql "ALTER SYSTEM SET log_statement = 'all'"
    sql "SELECT pg_reload_conf()" >/dev/null
    until sql "SELECT 'logged'" >/dev/null && grep -q "statement: SELECT 'logged'" "$POSTGRES_DIR/postgres.log" &&
        grep -q 'connection received' "$POSTGRES_DIR/postgres.log"; do
        ((tries++ < 500)) || fail 'PostgreSQL does not log'
        sleep 0.02
    done
}

log_no_more()
{
    sql 'ALTER SYSTEM RESET ALL'
    sql 'SELECT pg_reload_conf()' >/dev/null
}

# heard_by_postgresql COMMAND…: run it, expecting success; then what it cost, "connections messages".
heard_by_postgresql()
{
    local before
    before=$(wc -l <"$POSTGRES_DIR/postgres.log")
    expect_exit 0 "$@"
    tail -n +$((before + 1)) "$POSTGRES_DIR/postgres.log" >log
    heard="$(grep -c 'connection received' log || true) $(grep -cE 'LOG:  (statement|execute)' log || true)"
}

# ---- what it costs -----------------------------------------------------------------------------

# Whoever opened Redis would fail; whoever read OpenSSL's configuration would wait for ever.
idle_up()
{
    [[ -p openssl.cnf ]] || mkfifo openssl.cnf
    OPENSSL_CONF=$PWD/openssl.cnf REDFERRY_REDIS=unix:///nowhere/redis.sock timeout 60 \
        ${scenario_wrapper[@]+"${scenario_wrapper[@]}"} "$REDFERRY_PROGRAM" up "$@"
}

costs_next_to_nothing()
{
    local i heard
    flags
    write_flags 1
    expect_exit 0 redferry up
    log_everything
    heard_by_postgresql idle_up
    expect_stdout_contains 'nothing to do'
    expect_equal "$heard" '1 1' 'connections and messages'
    grep -q 'INSERT\|UPDATE\|advisory' log && fail "more than a look was taken: $(<log)"

    # One that has something to do opens three connections, and is not talkative either.
    write_flags 2
    heard_by_postgresql redferry up
    expect_equal "${heard% *}" 3 'connections of a run'
    ((${heard#* } <= 45)) || fail "a run sends ${heard#* } messages"

    for ((i = 3; i <= 40; i++)); do write_flags "$i"; done
    expect_exit 0 redferry up
    heard_by_postgresql idle_up --to 20
    expect_equal "$heard" '1 1' 'connections and messages, with forty migrations'
    heard_by_postgresql redferry status
    expect_equal "$heard" '1 2' 'connections and messages of status'

    # A named schema leaves no doubt where the tables are; a path of several takes a second look.
    heard_by_postgresql idle_up --ledger-table public.data_migrations
    expect_equal "$heard" '1 1' 'connections and messages, with a schema'
    sql 'CREATE SCHEMA wide'
    REDFERRY_DATABASE="$DB&options=-csearch_path%3Dwide,public" heard_by_postgresql idle_up
    expect_equal "$heard" '1 2' 'connections and messages, with a longer path'
    log_no_more
}

leaves_the_file_alone()
{
    local before
    flags
    write_flags 1
    expect_exit 0 redferry up
    rm "${DB#sqlite:}-redferry.lock"
    before=$(sha256sum "${DB#sqlite:}")
    expect_exit 0 idle_up
    expect_stdout_contains 'nothing to do'
    expect_equal "$(sha256sum "${DB#sqlite:}")" "$before" 'the database'
    expect_equal "$(find . -name '*lock' -o -name '*wal' -o -name '*journal')" '' 'the files beside it'
}

# ---- what it must not overlook -----------------------------------------------------------------

overlooks_nothing()
{
    flags
    write_flags 1
    write_flags 2
    expect_exit 0 redferry up
    expect_exit 0 idle_up

    sql "UPDATE data_migrations SET checksum = 'sha256:0' WHERE version = 2"
    expect_exit 0 idle_up
    expect_stderr_contains '2_flags.yaml was modified since it was applied'
    expect_exit 4 redferry up --strict
    expect_exit 0 redferry repair 2

    expect_exit 7 idle_up --strict # which asks Redis whether it knows the ledger

    sql 'UPDATE data_migrations SET announced_at = NULL WHERE version = 1'
    expect_exit 7 idle_up # the message is still to be sent
    expect_exit 0 redferry up
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations WHERE announced_at IS NULL')" 0 'not announced'

    mv data_migrations/2_flags.yaml .
    expect_exit 0 idle_up
    mv 2_flags.yaml data_migrations

    sql "INSERT INTO data_migration_runs (version, name, direction, status, operator, host, pid,
             tool_version, checksum, definition, started_at, updated_at)
         SELECT version, name, 'down', 'failed', operator, host, pid, tool_version, checksum, definition,
             '2999-01-01 00:00:00Z', '2999-01-01 00:00:00Z'
         FROM data_migration_runs WHERE version = 2"
    expect_exit 4 idle_up
    expect_stderr_contains '2_flags is half undone'
    sql "DELETE FROM data_migration_runs WHERE status = 'failed'"
    expect_exit 0 idle_up

    sql 'UPDATE data_migration_ledger SET layout = 2'
    expect_exit 0 idle_up
    sql 'UPDATE data_migration_ledger SET layout = 1'

    write_flags 3
    expect_exit 7 idle_up
    expect_exit 0 redferry up
    expect_stdout_contains 'applied 3 flags'
}

with_database postgresql costs_next_to_nothing
with_database sqlite leaves_the_file_alone
for_both_databases overlooks_nothing
