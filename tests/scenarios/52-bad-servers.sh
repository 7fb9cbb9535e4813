#!/usr/bin/env bash
# Goal: a database or a Redis that is not there, will not have us, or cannot be written to ends in a
# clear message and an exit code of its own (6 and 7, 4 where a privilege is missing, 1 where Redis
# refused a batch), with nothing written; once it is back, `up` carries every row.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/refusals.sh"

# A database with two rows, and a migration that nothing is wrong with.
begin()
{
    behind_passwords
    sql "CREATE TABLE t (id integer PRIMARY KEY, name text);
         INSERT INTO t VALUES (1, 'a'), (2, 'b')"
    write_migration 1_copy.yaml <<'YAML'
up:
  - read: SELECT id, name FROM t
    key: id
    write: SET v:${id} ${name}
YAML
}

carried()
{
    expect_exit 0 redferry up
    no_secret
    expect_equal "$(redis MGET v:1 v:2)" $'a\nb' 'the rows'
    expect_equal "$(sql 'SELECT version, rows_read FROM data_migrations')" '1|2' 'the entry'
}

# ---- Redis -------------------------------------------------------------------------------------

# to URL COMMAND…: with this Redis
to()
{
    REDFERRY_REDIS=$1 "${@:2}"
}

# from URL COMMAND…: with this database
from()
{
    REDFERRY_DATABASE=$1 "${@:2}"
}

redis_is_not_there()
{
    begin
    to "unix://ferry:$SECRET_URL@$PWD/no.sock" \
        refused 7 "cannot connect to 'unix://ferry:***@$PWD/no.sock': No such file or directory"
    to "redis://ferry:$SECRET_URL@127.0.0.1:1/3" \
        refused 7 "cannot connect to 'redis://ferry:***@127.0.0.1:1/3': 127.0.0.1: Connection refused"
    to "redis://:$SECRET_URL@[::1]:1" refused 7 "cannot connect to 'redis://:***@[::1]:1': "
    carried
}

redis_refuses_us()
{
    local socket=$REDIS_SOCKET
    begin
    to "unix://ferry:${SECRET_URL}x@$socket" \
        refused 4 "'unix://ferry:***@$socket': the server refused the password: WRONGPASS"
    to "unix://nobody:$SECRET_URL@$socket" \
        refused 4 "'unix://nobody:***@$socket': the server refused the password: WRONGPASS"
    to "unix://ferry:$SECRET_URL@$socket?db=99" refused 7 "the server refused database 99"

    redis CONFIG SET requirepass other >/dev/null
    export REDISCLI_AUTH=other
    to "unix://$socket" refused 4 "'unix://$socket': the server asks for a password: NOAUTH"
    to "unix://:$SECRET_URL@$socket" \
        refused 4 "'unix://:***@$socket': the server refused the password: WRONGPASS"
    local begun=$SECONDS
    REDFERRY_WAIT=60s to "unix://$socket" refused 4 'has to carry the user and the password'
    ((SECONDS - begun < 30)) || fail 'it was waited for'
    redis CONFIG SET requirepass '' >/dev/null
    unset REDISCLI_AUTH
    carried
}

# It does answer: to wait for it would be to wait for somebody's decision.
redis_is_a_replica()
{
    local begun=$SECONDS
    begin
    redis REPLICAOF 127.0.0.1 1 >/dev/null
    refused 4 'a replica of 127.0.0.1:1: redferry writes to a primary, and --redis has to name it'
    REDFERRY_WAIT=60s refused 4 'a replica of 127.0.0.1:1: redferry writes to a primary'
    ((SECONDS - begun < 30)) || fail 'it was waited for'
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs' 2>/dev/null || echo 0)" 0 'runs'
    redis REPLICAOF NO ONE >/dev/null
    carried
}

# What may pass is tried again for two seconds, so it is waited for in one manner only.
redis_is_full()
{
    local MANNERS=('--json')
    begin
    expect_exit 0 redferry init
    redis CONFIG SET maxmemory 1 >/dev/null
    failed 1 "OOM command not allowed when used memory > 'maxmemory'"
    redis CONFIG SET maxmemory 0 >/dev/null
    carried
}

redis_forbids_it()
{
    begin
    expect_exit 0 redferry init
    redis ACL SETUSER ferry -set >/dev/null
    failed 1 "row 1: 'SET v:\${id} \${name}' was refused: NOPERM"
    redis ACL SETUSER ferry +set resetkeys '~v:*' >/dev/null
    refused 1 'redferry needs the keys ~redferry:*): NOPERM'
    redis ACL SETUSER ferry resetkeys '~redferry:*' >/dev/null
    failed 1 "row 1: 'SET v:\${id} \${name}' was refused: NOPERM"
    redis ACL SETUSER ferry resetkeys '~*' >/dev/null
    carried
}

# ---- the database ------------------------------------------------------------------------------

sqlite_is_not_there()
{
    begin
    from "sqlite:$PWD/no/x.db" refused 6 "cannot open '$PWD/no/x.db': No such file or directory"
    from sqlite:other.db refused 6 "cannot open 'other.db': No such file or directory"
    [[ ! -e other.db ]] || fail 'a database was made'
    from "sqlite:$PWD" refused 6 "'$PWD' is a directory, not a database"
    echo 'this is no database, however long one looks' >text.db
    from sqlite:text.db refused 6 'file is not a database'
    mkfifo fifo.db
    from sqlite:fifo.db refused 6 "'fifo.db' is not a file"
    carried
}

sqlite_is_read_only()
{
    begin
    chmod 0 test.db
    chmod 755 . data_migrations
    other_user
    refused 6 "cannot open '$PWD/test.db': unable to open database file"
    chmod 444 test.db
    chmod 555 .
    refused 4 "cannot open the lock file '$PWD/test.db-redferry.lock': Permission denied"
    refused 4 "cannot open the lock file '$PWD/test.db-redferry.lock': Permission denied" redferry init
    chmod 777 .
    refused 4 "'$PWD/test.db' cannot be written: the file is read-only; run redferry as the user that owns"
    refused 4 "'$PWD/test.db' cannot be written: the file is read-only" redferry mark 1
    expect_exit 0 redferry status
    expect_stdout_contains '1 pending, 0 applied'
    chmod 755 .
    if ((EUID == 0)); then # or we could not look at the file ourselves
        sql 'PRAGMA journal_mode = wal' >/dev/null
        refused 6 "cannot open '$PWD/test.db': in WAL mode SQLite writes beside the file even to read it"
        sql 'PRAGMA journal_mode = delete' >/dev/null
    fi
    same_user
    rm -f test.db-redferry.lock
    chmod 644 test.db
    carried
}

# The read has a file of its own here, and the ledger another one.
sqlite_is_read_only_where_rows_come_from()
{
    begin
    chmod 444 test.db
    sqlite3 ledger.db 'VACUUM'
    chmod 777 . ledger.db
    chmod 755 data_migrations
    other_user
    export REDFERRY_LEDGER=sqlite:$PWD/ledger.db
    expect_exit 0 redferry up
    same_user
    expect_equal "$(redis MGET v:1 v:2)" $'a\nb' 'the rows'
    unset REDFERRY_LEDGER
}

postgresql_is_not_there()
{
    local host=$scenario_postgres name=${DB#postgresql:///}
    begin
    name=${name%%\?*}
    from "postgresql://ferry:$SECRET_URL@/$name?host=$PWD" \
        refused 6 "cannot connect to PostgreSQL: connection to server on socket \"$PWD/.s.PGSQL.5432\" failed: No such file or directory"
    from "postgresql://ferry:$SECRET_URL@127.0.0.1:1/$name" \
        refused 6 'cannot connect to PostgreSQL: connection to server at "127.0.0.1", port 1 failed: Connection refused'
    from "postgresql://ferry:$SECRET_URL@/absent?host=$host" refused 6 'database "absent" does not exist'
    from "postgresql://ferry:${SECRET_URL}x@/$name?host=$host" \
        refused 6 'password authentication failed for user "ferry"'
    from "postgresql://ferry@/$name?host=$host&password=x$SECRET_URL" \
        refused 6 'password authentication failed for user "ferry"'
    from "postgresql://ferry@/$name?host=$host" refused 6 'no password supplied'
    from "postgresql://nobody:$SECRET_URL@/$name?host=$host" refused 6 'role "nobody" does not exist'
    carried
}

postgresql_is_read_only()
{
    begin
    sql "ALTER ROLE ferry SET default_transaction_read_only = on"
    refused 4 'the database is read-only now: cannot execute CREATE TABLE in a read-only transaction'
    sql "ALTER ROLE ferry RESET default_transaction_read_only"
    expect_exit 0 redferry init
    sql "ALTER ROLE ferry SET default_transaction_read_only = on"
    refused 4 'the database is read-only now: cannot execute '
    refused 4 'the database is read-only now: cannot execute ' redferry mark 1
    expect_exit 0 redferry status
    expect_stdout_contains '1 pending, 0 applied'
    sql "ALTER ROLE ferry RESET default_transaction_read_only"
    carried
}

# The role is that of all these tests, so it gets its power back.
postgresql_grants_nothing()
{
    begin
    sql "ALTER ROLE ferry NOSUPERUSER"
    refused 4 "role 'ferry' may not make the ledger's tables in schema 'public': GRANT CREATE ON SCHEMA public TO ferry"
    sql "GRANT CREATE ON SCHEMA public TO ferry"
    expect_exit 0 redferry init
    failed 1 "data_migrations/1_copy.yaml:2:11: step 'step 1': permission denied for table t"
    sql "GRANT SELECT ON t TO ferry; ALTER TABLE data_migrations OWNER TO postgres"
    refused 4 "role 'ferry' may not use the ledger's tables: "
    sql "ALTER TABLE data_migrations OWNER TO ferry"
    carried
    sql "ALTER ROLE ferry SUPERUSER; DROP OWNED BY ferry"
}

# A hot standby takes the connection and the lock, and no writing.
postgresql_is_a_standby()
{
    local MANNERS=('-v' '--json') directory=
    begin
    sql CHECKPOINT
    stop_server "$POSTGRES_PID"
    POSTGRES_DIR=$scenario_postgres
    touch "$scenario_postgres/data/standby.signal"
    start_postgres_in "$scenario_postgres"
    refused 4 'the database is read-only now: cannot execute CREATE TABLE in a read-only transaction'
    expect_exit 4 redferry doctor
    expect_stdout_contains 'problem  database writes: this is a standby, in recovery: it only reads'
    stop_server "$POSTGRES_PID"
    rm "$scenario_postgres/data/standby.signal"
    start_postgres_in "$scenario_postgres"
    carried
}

for_both_databases redis_is_not_there
for_both_databases redis_refuses_us
for_both_databases redis_is_a_replica
for_both_databases redis_is_full
for_both_databases redis_forbids_it
with_database sqlite sqlite_is_not_there
with_database sqlite sqlite_is_read_only
with_database sqlite sqlite_is_read_only_where_rows_come_from
with_database postgresql postgresql_is_not_there
with_database postgresql postgresql_is_read_only
with_database postgresql postgresql_grants_nothing
with_database postgresql postgresql_is_a_standby
