#!/usr/bin/env bash
# Goal: before a deploy, `doctor` says all that would stand in its way, each in one line with what mends
# it: a server that is not there, that does not keep what it is given, that has no room, that is a
# replica; privileges that are missing; a lock that is held, a run that crashed, a checkpoint that was
# lost or left over. What is typed as it says mends it. It exits 0 or 4, and writes nothing anywhere.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/refusals.sh"
source "$(dirname "$0")/../support/gate.sh"

DOCS=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../docs" && pwd)

# A Redis that keeps what it is given, two rows, and a migration that nothing is wrong with.
begin()
{
    redis CONFIG SET save '3600 1' >/dev/null
    redis CONFIG SET maxmemory 0 maxmemory-policy noeviction >/dev/null
    sql "CREATE TABLE t (id integer PRIMARY KEY, name text);
         INSERT INTO t VALUES (1, 'a'), (2, 'b')"
    write_migration 1_copy.yaml <<'YAML'
up:
  - name: rows
    read: SELECT id, name FROM t
    key: id
    write: 'SET v:${id} ${name}'
    publish: {channel: rows, message: '${id}'}
    batch: 1
YAML
}

# finds VERDICT TEXT: in a line of the last `doctor`
finds()
{
    grep -E "^$1 " "$OUT" | grep -Fq -- "$2" || fail "expected a line of '$1' with '$2'"
}

# examined CODE [OPTION…]: the doctor exits so, and the world stays as it is
examined()
{
    local code=$1 before
    shift
    before=$(world)
    expect_exit "$code" redferry doctor "$@"
    same_world "$before"
    expect_stderr_lacks Sanitizer
    expect_stderr_lacks 'runtime error:'
}

# What stands behind the last ';' of the line that holds TEXT.
advice() { sed -n "\\|$1|s/.*; //p" "$OUT"; }

all_is_well()
{
    begin
    monitor
    expect_exit 0 redferry doctor
    local sent
    sent=$(monitored | sed 's/^"\([A-Z]*\)".*/\1/' | sort -u)
    expect_equal "$(grep -vE '^(AUTH|CLIENT|PING|INFO|ROLE|CONFIG|ACL|TIME|HGETALL|SCAN)$' <<<"$sent" || true)" \
        '' 'what it sent besides questions'
    [[ $sent == *ACL*INFO* ]] || fail 'the monitor has not seen it'
    expect_stdout_contains ' ok, 0 warnings, 0 problems'
    case $DIALECT in
    sqlite) finds ok "database: SQLite 3." ;;
    *) finds ok 'database: PostgreSQL 1' ;;
    esac
    finds ok 'ledger: is not there yet'
    finds ok 'redis and ledger: this ledger has carried nothing to this Redis yet'
    finds ok 'lock: nobody holds it'
    finds ok 'steps: of 1 pending migration 1 query can be read and 0 statements planned'
    finds ok 'about 2 rows, 136 bytes, are to come'
    finds ok "redis privileges: user 'default' may send what redferry itself needs, and the pending"
    examined 0 -q
    expect_equal "$(<"$OUT")" '' 'what it prints with -q'
    examined 0 --strict
    [[ ! -e test.db-redferry.lock ]] || fail 'it left a lock file'

    expect_exit 0 redferry up
    examined 0 --strict
    finds ok 'ledger: layout 1, 1 applied, 0 pending'
    finds ok 'steps: nothing is pending'
    finds ok 'redis and ledger: they know each other: run 1 wrote last, 20'
    finds ok 'checkpoints: each that is there has its run'
}

# Every examination has its line in docs/commands.md, and its document is as docs/json.md says.
documented()
{
    begin
    examined 0 --json
    sqlite3 -batch -bail -init /dev/null :memory: \
        "SELECT json_extract(value, '\$.examination') FROM json_each(readfile('$OUT'), '\$.examinations')" |
        sort -u >said
    awk '/^## The doctor/ { inside = 1; next } /^## / { inside = 0 } inside && /^\| `/' "$DOCS/commands.md" |
        sed 's/^| `\([^`]*\)`.*/\1/' | sort -u >described
    expect_equal "$(comm -23 said described)" '' 'examinations that docs/commands.md does not list'
    (($(wc -l <said) > 12)) || fail 'few examinations were done'
    expect_equal "$(sqlite3 -batch -init /dev/null :memory: "
        SELECT json_extract(d, '\$.ok') + json_extract(d, '\$.warnings') + json_extract(d, '\$.problems')
               = json_array_length(d, '\$.examinations'), json_extract(d, '\$.exit'),
               (SELECT group_concat(DISTINCT key) FROM (SELECT j.key FROM
                    json_each(d, '\$.examinations') AS e, json_each(e.value) AS j ORDER BY 1))
        FROM (SELECT readfile('$OUT') AS d)")" '1|0|advice,examination,text,verdict' 'the document'
    examined 4 --json --redis "unix://$PWD/no.sock"
    expect_equal "$(sqlite3 -batch -init /dev/null :memory: \
        "SELECT json_extract(readfile('$OUT'), '\$.exit', '\$.problems')")" '[4,1]' 'exit and problems'
}

# On a narrow terminal a line goes on below itself, and nothing is cut off.
narrow()
{
    begin
    redis CONFIG SET save '' >/dev/null
    TERM=xterm COLUMNS=40 script -qec "stty cols 40; '$REDFERRY_PROGRAM' doctor --no-color" /dev/null \
        </dev/null | tr -d '\r' >"$OUT"
    local wide
    wide=$(awk 'length($0) > 40' "$OUT" | grep -v '/' || true)
    expect_equal "$wide" '' 'lines that are too long'
    [[ $(tr -s ' \n' ' ' <"$OUT") == *'warning redis persistence: is off: a restart of Redis loses all that was carried; CONFIG SET appendonly yes'* ]] ||
        fail 'the line of persistence is not whole'
}

# ---- Redis -------------------------------------------------------------------------------------

redis_does_not_keep()
{
    local used
    begin
    redis CONFIG SET save '' >/dev/null
    examined 0
    finds warning 'redis persistence: is off'
    examined 4 --strict
    expect_stderr_contains '0 problems, 1 warning (--strict)'
    examined 4 --wait-replicas 1
    finds problem 'redis durability: --wait-replicas asks for 1, and 0 are connected'
    # Both are told of, and where Redis is too old for WAITAOF, no ACL is said to mend it.
    examined 4 --wait-replicas 1 --wait-aof
    finds problem 'redis durability: --wait-replicas asks for 1, and 0 are connected'
    finds problem 'redis durability: --wait-aof'
    expect_stdout_lacks '+waitaof'
    # shellcheck disable=SC2046 # the words of a command, as the program gives them
    redis $(advice 'redis persistence' | sed 's/,.*//') >/dev/null
    examined 0 --strict
    finds ok 'redis persistence: there is an append-only file'
    redis CONFIG SET appendonly no save '3600 1' >/dev/null

    redis CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lru >/dev/null
    examined 0
    finds warning 'redis eviction: maxmemory-policy is allkeys-lru'
    redis CONFIG SET maxmemory-policy volatile-lru >/dev/null
    examined 0 --strict
    redis CONFIG SET maxmemory 1mb >/dev/null 2>&1
    examined 4
    finds problem 'redis memory: '
    expect_equal "$(grep -c '^problem' "$OUT")" 1 'problems'
    redis CONFIG SET maxmemory 0 >/dev/null
    examined 0 --strict

    # Each takes a KiB and some more, and there is room for one MiB.
    sql "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO t SELECT i, hex(zeroblob(512)) FROM n;
         UPDATE t SET name = hex(zeroblob(512))"
    used=$(redis INFO memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p')
    redis CONFIG SET maxmemory $((used + (1 << 20))) >/dev/null
    expect_exit 4 redferry doctor
    finds problem 'are used, and about 3000 rows, 3.1 MiB, are to come; CONFIG SET maxmemory to more'
    redis CONFIG SET maxmemory $((used + (8 << 20))) >/dev/null
    expect_exit 0 redferry doctor
    finds ok 'about 3000 rows, 3.1 MiB, are to come'
    redis CONFIG SET maxmemory 0 >/dev/null
}

redis_is_a_replica()
{
    begin
    redis REPLICAOF 127.0.0.1 1 >/dev/null
    examined 4
    finds problem 'a replica of 127.0.0.1:1: redferry writes to a primary'
    finds ok 'redis persistence'
    redis REPLICAOF NO ONE >/dev/null
    examined 0
}

one_is_not_there()
{
    begin
    REDFERRY_REDIS=unix://$PWD/no.sock examined 4
    finds problem "redis: cannot connect to 'unix://$PWD/no.sock'"
    finds ok 'steps: of 1 pending'
    expect_stdout_lacks 'redis persistence'
    expect_stderr_contains '1 problem, 0 warnings'
    REDFERRY_DATABASE=sqlite:no.db examined 4
    finds problem "database: cannot open 'no.db'"
    finds ok 'redis persistence'
    expect_stdout_lacks 'ledger:'
    (
        unset REDFERRY_REDIS REDFERRY_DATABASE
        expect_exit 4 redferry doctor
        finds problem 'redis: no Redis: give --redis'
        finds problem 'database: no database: give --database'
        finds ok 'migration files: 1 in'
    )
    write_migration 2_wrong.yaml <<<'up: nothing'
    examined 4
    finds problem 'migration files: data_migrations/2_wrong.yaml:1:5'
    expect_stdout_lacks 'steps:'
    rm data_migrations/2_wrong.yaml
    expect_exit 2 redferry doctor --lock-timeout soon
    expect_exit 2 redferry doctor 1
}

# Who may do less is told so, each with the rule that mends it, and nothing is tried.
redis_grants_little()
{
    begin
    redis ACL SETUSER little on nopass resetchannels +info +role '+acl|dryrun' '+acl|whoami' >/dev/null
    local socket=$REDIS_SOCKET
    export REDFERRY_REDIS=unix://little:x@$socket
    examined 4
    finds problem "redis privileges: user 'little' may not send MULTI, EXEC, DISCARD, WATCH"
    finds problem "data_migrations/1_copy.yaml:5:12: user 'little' may not send 'SET v:\${id} \${name}'"
    finds problem "user 'little' may not send 'PUBLISH rows \${id}'"
    expect_equal "$(grep -c "may not send 'SET" "$OUT")" 1 'how often one command is told of'
    expect_stdout_lacks 'v:1'
    finds ok 'redis clock: cannot be known: NOPERM'
    finds warning 'redis persistence: no append-only file; whether there are snapshots cannot be known: NOPERM'
    local tries=0 rule
    while ! redferry doctor >"$OUT" 2>"$ERR"; do
        ((tries++ < 5)) || fail 'the rules that it gives do not mend it'
        while read -r rule; do
            # shellcheck disable=SC2086 # the words of a command, as the program gives them
            redis ${rule} >/dev/null
        done < <(grep '^problem' "$OUT" | sed 's/.*; //')
    done
    finds ok "redis privileges: user 'little' may send"
    redis ACL SETUSER little resetkeys '~redferry:*' >/dev/null
    examined 4
    finds problem "may not send 'SET v:\${id} \${name}', its key is none of the user's; ACL SETUSER little ~v:*"
    redis ACL SETUSER little '~v:*' resetchannels >/dev/null
    examined 4
    finds problem "its channel is none of the user's; ACL SETUSER little &rows"
    redis ACL SETUSER little '&rows' '-acl|dryrun' '-acl|whoami' >/dev/null
    examined 0
    finds warning "redis privileges: what user 'little' may send cannot be known beforehand: NOPERM"
    expect_exit 0 redferry up
    examined 0
    redis ACL DELUSER little >/dev/null
}

# ---- SQL ---------------------------------------------------------------------------------------

postgresql_grants_little()
{
    begin
    sql "DROP ROLE IF EXISTS little; CREATE ROLE little LOGIN"
    export REDFERRY_DATABASE=${DB/user=postgres/user=little}
    examined 4
    finds problem "ledger: role 'little' may not make the ledger's tables in schema 'public': GRANT CREATE ON SCHEMA public TO little"
    finds problem "data_migrations/1_copy.yaml:3:11: step 'rows': permission denied for table t; GRANT what it needs there TO little"
    sql "GRANT CREATE ON SCHEMA public TO little; GRANT SELECT ON t TO little"
    examined 0
    write_migration 2_change.yaml <<'YAML'
up:
  - sql: DELETE FROM t WHERE id = 2
  - sql: CREATE TABLE made (id integer)
  - read: SELECT id FROM made
    key: id
    write: SET made:${id} 1
YAML
    examined 4
    finds problem 'data_migrations/2_change.yaml:2:10: step '
    sql "GRANT DELETE ON t TO little"
    examined 0
    finds ok '1 query can be read and 1 statement planned; 1 step can be known only behind an `sql` step; 1 statement cannot be known beforehand'
    expect_equal "$(sql 'SELECT count(*) FROM t')" 2 'the rows'

    sql "ALTER ROLE little CONNECTION LIMIT 2"
    examined 0
    finds warning 'database connections: only 2 are left, and a run takes 3; ALTER ROLE little CONNECTION LIMIT 4'
    sql "$(advice 'database connections')"
    examined 0 --strict
    sql "ALTER ROLE little SET default_transaction_read_only = on"
    examined 4
    finds problem 'database writes: transactions of role little only read'
    sql "$(advice 'database writes')"
    examined 0 --strict
    sql "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON t FOR SELECT USING (id = 1)"
    examined 0
    finds warning "1_copy.yaml:3:11: step 'rows': row-level security may hide rows from its role"
    sql "ALTER ROLE little BYPASSRLS"
    examined 0 --strict
    sql "DROP OWNED BY little; DROP ROLE little"
}

# The ledger in one database, the rows from another, which is not there at first.
two_databases()
{
    begin
    sqlite3 ledger.db 'PRAGMA user_version = 1'
    export REDFERRY_LEDGER=sqlite:$PWD/ledger.db
    examined 0 --strict
    finds ok "database: SQLite 3."
    finds ok 'database: where rows come from: SQLite 3.'
    REDFERRY_DATABASE=sqlite:no.db examined 4
    finds problem "database: where rows come from: cannot open 'no.db'"
    expect_equal "$(grep -c '^problem' "$OUT")" 1 'problems'
    finds ok 'redis and ledger:'
    unset REDFERRY_LEDGER
}

# Who lets us in is not who answers.
postgresql_behind_a_pooler()
{
    begin
    POSTGRES_DIR=$scenario_postgres
    start_pgbouncer
    REDFERRY_DATABASE="${DB/"$scenario_postgres"/"$PGBOUNCER_DIR&port=6432"}" examined 0 --strict
    finds ok ', through a pooler'
    finds ok 'database connections: a pooler stands before the server: a run needs 3'
    stop_server "$PGBOUNCER_PID"
    examined 0
    expect_stdout_lacks pooler
}

# A server that hangs is waited for until somebody has enough of it.
stopped()
{
    begin
    kill -STOP "$REDIS_PID"
    "$REDFERRY_PROGRAM" doctor >"$OUT" 2>"$ERR" &
    local pid=$! code=0
    wait_for 'it to wait for Redis' has_socket "$pid"
    kill -TERM "$pid"
    wait "$pid" || code=$?
    kill -CONT "$REDIS_PID"
    expect_equal "$code" 143 'the exit code'
    expect_equal "$(<"$OUT")" '' 'what it printed'
}

has_socket() { [[ $(readlink /proc/"$1"/fd/*) == *socket:* ]]; }

# What another session has locked is not waited for.
postgresql_has_a_lock()
{
    begin
    coproc HOLDER { psql -XAtq -d "$DB"; }
    printf 'BEGIN; LOCK TABLE t; SELECT 1 FROM pg_advisory_lock(9628173550095224);\n' >&"${HOLDER[1]}"
    read -r _ <&"${HOLDER[0]}"
    expect_exit 4 redferry doctor
    finds problem 'canceling statement due to lock timeout'
    finds warning 'schema migrations: one is in progress, which `up` waits for: tern ('
    printf 'ROLLBACK;\n\\q\n' >&"${HOLDER[1]}"
    wait "$HOLDER_PID" || true
    examined 0
    finds ok 'schema migrations: none is in progress'
}

# A tool that crashed has left its row.
sqlite_has_a_lock()
{
    begin
    sql 'CREATE TABLE knex_migrations_lock (is_locked integer); INSERT INTO knex_migrations_lock VALUES (1)'
    examined 0
    finds warning 'Knex (as '
    finds warning '; where it has crashed: `knex migrate:unlock`'
}

sqlite_may_not_be_written()
{
    begin
    chmod 755 . "$SCRATCH" data_migrations
    chmod 644 test.db data_migrations/*
    other_user
    examined 4
    finds problem "database writes: may not be written: the file '$PWD/test.db' (Permission denied)"
    chmod 666 test.db
    examined 4
    finds problem "may not be written: its directory '$PWD', where SQLite's journal belongs"
    same_user
    chmod 700 "$REDIS_SOCKET"
    examined 0
}

of_another_shape()
{
    begin
    sql 'CREATE TABLE data_migrations (version text)'
    examined 4
    finds problem "ledger: the table '"
    finds problem "is not redferry's, it has no column 'name'"
    finds ok 'redis persistence'
    sql 'DROP TABLE data_migrations'
    expect_exit 0 redferry up
    sql 'UPDATE data_migration_ledger SET layout = 7'
    examined 4
    finds problem 'it takes a newer redferry'
}

steps_that_cannot_be()
{
    begin
    write_migration 2_wrong.yaml <<'YAML'
up:
  - name: a
    read: SELECT id FROM absent
    key: id
    write: SET a:${id} 1
  - name: b
    read: SELECT id, name FROM t
    key: id
    from: OTHER_URL
    write: SET b:${id} 1
  - name: c
    read: SELECT id, NULL AS name FROM t
    key: id
    write: SET c:${id} ${name}
  - name: f
    read: SELECT id FROM t
    key: id
    write:
      - SET f:${id} 1
      - SET f:${id} ${nope}
  - name: d
    sql: DELETE FROM absent
  - name: e
    read: SELECT id FROM t
    write: INCR e:${id}
YAML
    examined 4
    finds problem "2_wrong.yaml:3:11: step 'a': "
    finds problem "2_wrong.yaml:7:11: step 'b': \`from\` names the environment variable 'OTHER_URL', which is not set"
    finds problem "2_wrong.yaml:14:12: step 'c': row 1: 'SET c:\${id} \${name}': column 'name' is NULL"
    expect_equal "$(grep -c "step 'c'" "$OUT")" 1 'how often step c is told of'
    finds problem "2_wrong.yaml:22:10: step 'd': "
    finds problem "2_wrong.yaml:20:9: step 'f': 'SET f:\${id} \${nope}': unknown column 'nope'; the query has id"
    finds problem "2_wrong.yaml:25:12: step 'e': 'INCR e:\${id}' must not be repeated"
    OTHER_URL=sqlite:$PWD/no.db examined 4
    finds problem "step 'b': cannot open '$PWD/no.db'"
}

# ---- the ledger --------------------------------------------------------------------------------

checkpoint() { printf 'redferry:{%s}:%s' "$(sql 'SELECT id FROM data_migration_ledger')" "$1"; }

# Who works is named; who was killed left a run and a checkpoint, which belong together, until one goes.
a_run_at_work_and_a_crashed_one()
{
    begin
    sed -i 's/batch: 1/batch: 1\n    pause: 1ms/; s/SET v/INCR v/; s/ ${name}//' data_migrations/1_copy.yaml
    hold_up redis 3 before EXEC
    expect_exit 0 redferry doctor
    finds ok "lock: held by $(id -un)@"
    finds ok ", running 1_copy since 20"
    finds ok 'checkpoints: not looked at: a run is at work'
    kill -KILL "$up"
    wait "$up" 2>/dev/null || true
    kill -KILL "$gate"
    wait_for 'the lock to be free' lock_is_free
    examined 0
    finds warning 'migrations: 1_copy stopped half-way (crashed, run 1 by '
    finds ok 'checkpoints: each that is there has its run'

    # Of a file that has changed it counts whether what was begun is the same.
    echo '# changed' >>data_migrations/1_copy.yaml
    examined 0
    finds ok 'checkpoints: each that is there has its run'

    redis RENAME "$(checkpoint 1)" kept >/dev/null
    examined 4
    finds problem 'checkpoints: 1_copy: '
    finds problem '`redferry repair 1`'
    redis RENAME kept "$(checkpoint 1)" >/dev/null
    if [[ $DIALECT == sqlite ]]; then
        sql "UPDATE data_migration_runs SET updated_at = '2020-01-01T00:00:00.000Z'"
    else
        sql "UPDATE data_migration_runs SET updated_at = '2020-01-01'"
    fi
    examined 4
    finds problem 'migrations: 1_copy stopped longer ago than --resume-within'
    expect_exit 0 redferry run 1
    examined 0 --strict
}

# What may be repeated is only warned of.
lost()
{
    begin
    sed -i '/publish:/d' data_migrations/1_copy.yaml
    hold_up redis 3 before EXEC
    kill -KILL "$up"
    wait "$up" 2>/dev/null || true
    kill -KILL "$gate"
    wait_for 'the lock to be free' lock_is_free
    redis DEL "$(checkpoint 1)" >/dev/null
    examined 0
    finds warning 'checkpoints: 1_copy stopped half-way, and its checkpoint is gone from Redis'
    expect_exit 0 redferry up
    expect_stderr_contains 'it starts over from step 1'
    examined 0 --strict
}

lock_is_free() { redferry doctor 2>&1 | grep -q 'lock: nobody holds it'; }

left_over()
{
    begin
    expect_exit 0 redferry up
    redis HSET "$(checkpoint 1)" fence 1.0.1 origin 1 direction up step 1 >/dev/null
    redis HSET "$(checkpoint 77)" fence 1.0.1 origin 1 direction up step 1 >/dev/null
    redis HSET "$(checkpoint 78)" fence 9.0.1 origin 9 direction up step 1 >/dev/null
    examined 4
    finds warning "checkpoints: '$(checkpoint 1)' is left over: no run needs it; \`redferry repair 1\` clears it"
    finds warning "checkpoints: '$(checkpoint 77)' is left over"
    finds problem "checkpoints: '$(checkpoint 78)' was written by run 9, and the newest that the ledger knows is 1"
    eval "redis $(advice 'checkpoints:.*:77. is left' | sed 's/^redis-cli //')" >/dev/null
    redis DEL "$(checkpoint 78)" >/dev/null
    expect_exit 0 redferry repair 1
    examined 0 --strict

    echo '# changed' >>data_migrations/1_copy.yaml
    examined 0
    finds warning 'migrations: 1_copy was modified since it was applied; `redferry repair 1` accepts the changed file'
    expect_exit 0 redferry repair 1
    mv data_migrations/1_copy.yaml kept.yaml
    examined 0 --strict
    finds ok 'migrations: 1_copy is applied and has no file'
    mv kept.yaml data_migrations/1_copy.yaml
    redis FLUSHALL >/dev/null
    examined 0
    finds warning "redis and ledger: Redis '$REDIS_SOCKET' was emptied, or replaced by another one"
    expect_exit 0 redferry run --all --again
    sql "DELETE FROM data_migration_runs; DELETE FROM data_migrations"
    examined 4
    finds problem 'redis and ledger: Redis was written to by run 2, which this ledger does not know'
}

secrets()
{
    begin
    redis ACL SETUSER ferry on '>hush-hush' '~*' '&*' +@all >/dev/null
    echo "unix://ferry:hush-hush@$REDIS_SOCKET" >url
    chmod 644 url
    unset REDFERRY_REDIS
    REDFERRY_REDIS_FILE=$PWD/url examined 0
    finds warning "secrets: $PWD/url holds a password, and everybody may read it; chmod o-r"
    chmod 600 url
    REDFERRY_REDIS_FILE=$PWD/url examined 0 --strict
    examined 0 --redis "unix://ferry:hush-hush@$REDIS_SOCKET"
    finds warning 'secrets: a password in --redis can be seen'
    expect_stdout_lacks hush
    redis ACL DELUSER ferry >/dev/null
}

for_both_databases all_is_well
with_database sqlite documented
with_database sqlite narrow
with_database sqlite redis_does_not_keep
with_database sqlite redis_is_a_replica
with_database sqlite one_is_not_there
with_database sqlite redis_grants_little
with_database postgresql postgresql_grants_little
with_database postgresql postgresql_has_a_lock
with_database postgresql postgresql_behind_a_pooler
with_database sqlite sqlite_has_a_lock
with_database sqlite two_databases
with_database sqlite stopped
with_database sqlite sqlite_may_not_be_written
with_database postgresql of_another_shape
for_both_databases steps_that_cannot_be
for_both_databases a_run_at_work_and_a_crashed_one
with_database sqlite lost
with_database sqlite left_over
with_database sqlite secrets
