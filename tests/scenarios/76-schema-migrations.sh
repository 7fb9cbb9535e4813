#!/usr/bin/env bash
# Goal: while another tool migrates the schema, `up`, `run`, `down` and `redo` say so at once, name the
# tool and who holds its lock, wait for its end but no longer than 30 s, and keep nobody waiting
# meanwhile; with Rails itself in the middle of a migration, and with the statements by which the
# others take their locks. Vacuuming is no migration, and a role without privileges sees as much.
source "$(dirname "$0")/../support/scenario.sh"

# Autovacuum comes at once to a table that wants it.
start_postgres -c autovacuum=on -c autovacuum_naptime=1s
scenario_postgres=$POSTGRES_DIR

says() { grep -qE -- "$2" "err.$1"; }

# ---- who runs beside us ------------------------------------------------------------------------

declare -A holder_pids=() holder_fds=() up=()

# hold NAME STATEMENT…: a session that runs these and stays.
hold()
{
    local name=$1 fd
    shift
    rm -f "to.$name"
    mkfifo "to.$name"
    PGAPPNAME="$name" psql -XAtq -v ON_ERROR_STOP=1 -d "$OWNER_DB" <"to.$name" >"of.$name" 2>&1 &
    holder_pids[$name]=$!
    exec {fd}>"to.$name"
    holder_fds[$name]=$fd
    printf '%s;\n' "$@" >&"$fd"
    printf '\\echo held\n' >&"$fd"
    wait_until "$name holds its lock" grep -qx held "of.$name"
}

let_go()
{
    local fd=${holder_fds[$1]}
    printf '\\q\n' >&"$fd"
    exec {fd}>&-
    wait "${holder_pids[$1]}" || true
}

begin_up()
{
    local name=$1
    shift
    "$REDFERRY_PROGRAM" up "$@" >"out.$name" 2>"err.$name" &
    up[$name]=$!
}

# end_up NAME CODE
end_up()
{
    local code=0
    wait "${up[$1]}" || code=$?
    cp "out.$1" "$OUT"
    cp "err.$1" "$ERR"
    scenario_last="up ($1)"
    ((code == $2)) || fail "expected exit code $2, got $code"
}

# The database as a role sees it that may do its work and nothing else.
be_app()
{
    OWNER_DB=$DB
    sql "DO \$\$ BEGIN CREATE ROLE app LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END \$\$"
    sql 'GRANT ALL ON SCHEMA public TO app'
    export REDFERRY_DATABASE=${DB/user=postgres/user=app}
}

counting_migrations()
{
    local version
    for version in "$@"; do
        printf 'up:\n  - write: INCR canary:%s\ndown:\n  - write: DECR canary:%s\n' \
            "$version" "$version" | write_migration "${version}_count.yaml"
    done
}

# ---- Rails -------------------------------------------------------------------------------------

# A migration of Rails' own kind, which goes on when the file `go` can be read.
start_rails()
{
    mkdir -p db/migrate
    mkfifo go
    cat >db/migrate/20200101000000_add_things.rb <<'RUBY'
class AddThings < ActiveRecord::Migration[6.1]
  disable_ddl_transaction!
  def change
    create_table(:things) { |t| t.string :name }
    File.write("begun", "")
    File.read("go")
    add_index :things, :name, algorithm: :concurrently
  end
end
RUBY
    ruby -e '
        require "active_record"
        ActiveRecord::Base.establish_connection(
            adapter: "postgresql", host: ARGV[0], database: ARGV[1], username: "postgres")
        ActiveRecord::Migration.verbose = false
        ActiveRecord::MigrationContext.new("db/migrate", ActiveRecord::SchemaMigration).migrate' \
        "$scenario_postgres" "$(sql 'SELECT current_database()')" >rails.log 2>&1 &
    rails=$!
    wait_until 'Rails is in the middle of its migration' test -e begun
}

# One that waits for the whole time is looked after at the end.
rails_begins()
{
    be_app
    counting_migrations 1
    start_rails
    expect_exit 5 redferry up --on-lock fail
    expect_stderr_contains 'redferry: a schema migration is in progress: Rails ('
    rails_pid=$(sql "SELECT pid FROM pg_locks WHERE locktype = 'advisory'")
    expect_stderr_contains "role postgres, pid $rails_pid)"
    {
        local code=0
        "$REDFERRY_PROGRAM" up >out.patient 2>err.patient || code=$?
        printf '%s %s\n' "$code" "$(date +%s)" >end.patient
    } &
    patient=$! patient_since=$(date +%s)
    rails_place=("$PWD" "$DB" "$REDFERRY_DATABASE")
}
with_database postgresql rails_begins

rails_ends()
{
    local code ended
    cd "${rails_place[0]}"
    DIALECT=postgresql DB=${rails_place[1]}
    export REDFERRY_DATABASE=${rails_place[2]} REDFERRY_REDIS=$REDIS_URL
    wait "$patient"
    read -r code ended <end.patient
    cp err.patient "$ERR"
    expect_equal "$code" 5 'the exit code of who waited'
    ((ended - patient_since >= 29 && ended - patient_since < 60)) ||
        fail "it waited for $((ended - patient_since)) s"
    expect_equal "$(grep -c '^redferry: waiting for a schema migration to end: Rails (.*, pid [0-9]*)$' "$ERR")" 1 \
        'how often it says that it waits'
    expect_stderr_contains "redferry: a schema migration is still in progress after 30s: Rails ("
    expect_stderr_contains '; try again when it is done, or go on all the same with --during-schema-migration'
    redis FLUSHALL >/dev/null
    # Nor does Rails wait for us: it makes an index that waits for every transaction.
    begin_up next
    wait_until 'up waits for Rails' says next 'waiting for a schema migration to end: Rails'
    echo >go
    wait "$rails" || fail "Rails fails: $(<rails.log)"
    end_up next 0
    expect_equal "$(redis GET canary:1)" 1 'the canary'
    expect_equal "$(sql 'SELECT count(*) FROM schema_migrations')" 1 'the migrations of Rails'
}

# ---- the locks of the others -------------------------------------------------------------------

# keys_of DATABASE: what these tools make of its name, by their rules, in another language.
keys_of()
{
    ruby -rzlib -e '
        name = ARGV[0]
        java_hash = ->(text) { text.each_char.inject(0) { |h, c| (31 * h + c.ord) & 0xffffffff } }
        go = ->(*names) { Zlib.crc32(names.join("\0")) * 1486364155 & 0xffffffff }
        puts 0x3d32ad9e * Zlib.crc32(name),
             go["public", "schema_migrations", "/" + name],
             go["Other", "schema_migrations", name],
             77431708279161 + [java_hash[%("public"."flyway_schema_history")]].pack("L").unpack1("l")' "$1"
}

# seen TOOL STATEMENT…: while a session that has run them stays, nothing is done.
seen()
{
    local tool=$1
    hold "$@"
    expect_exit 5 redferry up --on-lock fail
    expect_stderr_contains "redferry: a schema migration is in progress: $tool ($tool, role postgres, pid "
    let_go "$tool"
}

all_are_seen()
{
    local keys
    be_app
    counting_migrations 1
    mapfile -t keys < <(keys_of "$(sql 'SELECT current_database()')")
    expect_equal "${#keys[@]}" 4 'how many keys'
    sql 'CREATE TABLE schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp);
         CREATE SCHEMA "Other";
         CREATE TABLE "Other".schema_migrations (version bigint PRIMARY KEY, dirty boolean);
         CREATE TABLE "__EFMigrationsHistory" ("MigrationId" varchar(150) PRIMARY KEY);
         CREATE TABLE knex_migrations_lock (index serial PRIMARY KEY, is_locked integer);
         INSERT INTO knex_migrations_lock (is_locked) VALUES (0)'
    seen sqlx "SELECT pg_advisory_lock(${keys[0]})"
    seen golang-migrate "SELECT pg_advisory_lock('${keys[1]}')"
    seen golang-migrate "SELECT pg_advisory_lock('${keys[2]}')"
    seen Flyway BEGIN "SELECT pg_try_advisory_xact_lock(${keys[3]})"
    seen Flyway "SELECT pg_try_advisory_lock(${keys[3]})"
    seen tern 'select pg_advisory_lock(9628173550095224)'
    seen goose 'SELECT pg_try_advisory_lock(5887940537704921958)'
    seen Atlas 'SELECT pg_try_advisory_lock(2686470616)'
    seen Prisma 'SELECT pg_advisory_lock(72707369)'
    seen node-pg-migrate 'SELECT pg_try_advisory_lock(7241865325823964) AS "lockObtained"'
    seen Kysely BEGIN 'select pg_advisory_xact_lock(3853314791062309107)'
    seen Ecto BEGIN 'LOCK TABLE "schema_migrations" IN SHARE UPDATE EXCLUSIVE MODE' \
        'SELECT version FROM schema_migrations'
    seen Ecto BEGIN 'LOCK TABLE "Other"."schema_migrations" IN SHARE UPDATE EXCLUSIVE MODE'
    seen 'EF Core' BEGIN 'LOCK TABLE "__EFMigrationsHistory" IN ACCESS EXCLUSIVE MODE'
    seen Knex BEGIN 'update "knex_migrations_lock" set "is_locked" = 1 where "is_locked" = 0'
    expect_equal "$(redis EXISTS canary:1)" 0 'the canary'

    # Other locks are nobody's business: the same keys of two halves, shared tables of others, keys
    # in another database.
    hold other 'SELECT pg_advisory_lock(0, 72707369)' 'SELECT pg_advisory_lock(1)' BEGIN \
        'LOCK TABLE schema_migrations IN ROW EXCLUSIVE MODE' 'CREATE TABLE others (id integer)'
    OWNER_DB=${DB/s${scenario_count}\?/postgres?} hold elsewhere 'SELECT pg_advisory_lock(72707369)'
    expect_exit 0 redferry up --on-lock fail
    expect_equal "$(redis GET canary:1)" 1 'the canary'
    let_go other
    let_go elsewhere
}
with_database postgresql all_are_seen

# ---- what is done, and what is not -------------------------------------------------------------

ECTO=(BEGIN 'LOCK TABLE "schema_migrations" IN SHARE UPDATE EXCLUSIVE MODE')

manners()
{
    be_app
    sql 'CREATE TABLE schema_migrations (version bigint PRIMARY KEY) WITH (autovacuum_enabled = off)'
    counting_migrations 1
    expect_exit 0 redferry up
    hold ecto "${ECTO[@]}"
    # Nothing to do, and nothing that reads: nobody looks.
    expect_exit 0 redferry up
    expect_stdout_contains 'nothing to do'
    expect_exit 0 redferry run 1
    expect_exit 0 redferry status
    expect_exit 0 redferry unmark 1
    expect_exit 0 redferry mark 1
    expect_stderr_lacks 'schema'
    for code in 'run 1 --again' down redo; do
        # shellcheck disable=SC2086
        expect_exit 5 redferry $code --on-lock fail
        expect_stderr_contains 'a schema migration is in progress: Ecto (ecto, role postgres'
        expect_stderr_lacks 'waiting'
    done
    expect_exit 3 redferry down --on-lock skip
    expect_stderr_contains 'redferry: skipped: a schema migration is in progress: Ecto ('
    expect_exit 5 redferry down --lock-timeout 300ms
    expect_stderr_contains 'redferry: waiting for a schema migration to end: Ecto ('
    expect_stderr_contains 'is still in progress after 300ms (--lock-timeout): Ecto ('
    expect_exit 5 redferry down --json --on-lock fail
    expect_stdout_contains '"error": "a schema migration is in progress: Ecto ('
    expect_equal "$(redis GET canary:1)" 1 'the canary'
}

# A wait that ends: by a signal; since another has done it; since the schema migration is over.
waits_end()
{
    counting_migrations 2
    begin_up stopped
    wait_until 'it waits' says stopped 'waiting for a schema migration to end: Ecto'
    kill -TERM "${up[stopped]}"
    end_up stopped 143
    begin_up needless
    wait_until 'it waits' says needless 'waiting for a schema migration to end: Ecto'
    expect_exit 0 redferry up --during-schema-migration
    expect_stderr_lacks 'schema migration'
    expect_equal "$(redis GET canary:2)" 1 'the canary'
    end_up needless 0
    expect_stdout_contains 'nothing to do'
    counting_migrations 3
    begin_up first
    begin_up second
    wait_until 'the first waits' says first 'waiting for a schema migration to end: Ecto'
    wait_until 'the second waits' says second 'waiting for a schema migration to end: Ecto'
    expect_equal "$(redis EXISTS canary:3)" 0 'the canary'
    let_go ecto
    end_up first 0
    end_up second 0
    expect_equal "$(redis GET canary:3)" 1 'the canary'
    counting_migrations 4
    hold ecto "${ECTO[@]}"
    expect_exit 5 redferry run 4 --lock-timeout 10ms
    expect_exit 0 redferry run 4 --during-schema-migration
    expect_stderr_lacks 'schema migration'
    expect_exit 0 redferry down --only 4 --during-schema-migration
    expect_exit 0 env REDFERRY_DURING_SCHEMA_MIGRATION=true "$REDFERRY_PROGRAM" up
    let_go ecto
    expect_equal "$(redis GET canary:4)" 1 'the canary'
}

# It begins while we wait for another redferry: that is seen once it is our turn.
begins_later()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2); GRANT SELECT ON t TO app'
    write_migration 5_slow.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: INCR slow:${id}
    batch: 1
    pause: 60s
YAML
    REDFERRY_OPERATOR=ada begin_up ada
    wait_until 'ada applies' says ada applying
    begin_up bob
    wait_until 'bob waits for ada' says bob 'waiting for ada on host'
    hold ecto "${ECTO[@]}"
    kill -TERM "${up[ada]}"
    end_up ada 143
    wait_until 'bob waits for Ecto' says bob 'waiting for a schema migration to end: Ecto'
    let_go ecto
    end_up bob 0
    expect_equal "$(redis MGET slow:1 slow:2 | xargs)" '1 1' 'the rows'
}

# The ledger may lie elsewhere: what counts is also where rows are read.
ledger_elsewhere()
{
    local ledger=$PWD/ledger.db
    sqlite3 "$ledger" 'CREATE TABLE made (id integer)'
    hold ecto "${ECTO[@]}"
    expect_exit 5 redferry up --ledger "sqlite:$ledger" --on-lock fail
    expect_stderr_contains 'a schema migration is in progress: Ecto ('
    let_go ecto
}

# The view may be closed to us: then we do not see, and say so.
blind()
{
    counting_migrations 6
    sql 'REVOKE SELECT ON pg_catalog.pg_stat_activity FROM PUBLIC'
    expect_exit 0 redferry up
    expect_stderr_contains 'whether a schema migration is in progress cannot be seen: '
    expect_stderr_contains 'permission denied for view pg_stat_activity'
    sql 'GRANT SELECT ON pg_catalog.pg_stat_activity TO PUBLIC'
    expect_equal "$(redis GET canary:6)" 1 'the canary'
}

behind_a_pooler()
{
    counting_migrations 7
    start_pgbouncer 'default_pool_size = 3'
    hold ecto "${ECTO[@]}"
    expect_exit 5 redferry up --on-lock fail -d "${DB%%\?*}?host=$PGBOUNCER_DIR&port=6432&user=app"
    expect_stderr_contains 'a schema migration is in progress: Ecto (ecto, role postgres'
    let_go ecto
    stop_server "$PGBOUNCER_PID"
}

# VACUUM and autovacuum take Ecto's lock, and keep it for long where they are told to take their time.
vacuums()
{
    local held="FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = l.relation
                WHERE c.relname = 'schema_migrations' AND l.granted AND l.mode = 'ShareUpdateExclusiveLock'"
    sql 'INSERT INTO schema_migrations SELECT generate_series(1, 30000); DELETE FROM schema_migrations'
    PGOPTIONS='-c vacuum_cost_delay=100 -c vacuum_cost_limit=1' \
        psql -Xq -d "$DB" -c 'VACUUM schema_migrations' >vacuum.log 2>&1 &
    local vacuum=$!
    is_held() { [[ $(sql "SELECT count(*) $held AND a.backend_type = '$1'") == 1 ]]; }
    vacuums_slowly() { [[ $(sql 'SELECT count(*) FROM pg_stat_progress_vacuum') == 1 ]]; }
    wait_until 'VACUUM is under way' vacuums_slowly
    is_held 'client backend' || fail 'VACUUM holds no lock'
    expect_exit 0 redferry up --on-lock fail
    is_held 'client backend' || fail 'VACUUM was over too soon'
    expect_equal "$(redis GET canary:7)" 1 'the canary'
    sql "SELECT pg_cancel_backend(pid) FROM pg_stat_progress_vacuum" >/dev/null
    wait "$vacuum" || true

    counting_migrations 8
    # It analyzes only, which no view of vacuums in progress shows.
    sql 'INSERT INTO schema_migrations SELECT generate_series(1, 30000)'
    sql 'ALTER TABLE schema_migrations SET (autovacuum_enabled = on, autovacuum_analyze_threshold = 1,
         autovacuum_analyze_scale_factor = 0, autovacuum_vacuum_threshold = 1000000000,
         autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 100,
         autovacuum_vacuum_cost_limit = 1)'
    wait_until 'autovacuum is under way' is_held 'autovacuum worker'
    expect_equal "$(sql 'SELECT count(*) FROM pg_stat_progress_vacuum')" 0 'the vacuums in progress'
    expect_exit 0 redferry up --on-lock fail
    is_held 'autovacuum worker' || fail 'autovacuum was over too soon'
    expect_equal "$(redis GET canary:8)" 1 'the canary'
    sql 'DROP TABLE schema_migrations'
}

# A connection that is lost while we look says nothing: neither that the schema migration is over,
# nor that nothing is left to do.
lost_while_looking()
{
    is_stuck() { [[ $(sql "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND wait_event_type = 'Lock'") == 1 ]]; }
    sql 'CREATE TABLE schema_migrations (version bigint PRIMARY KEY)'
    counting_migrations 9
    hold ecto "${ECTO[@]}"
    begin_up cut
    wait_until 'it waits' says cut 'waiting for a schema migration to end: Ecto'
    hold table BEGIN 'LOCK TABLE data_migrations IN ACCESS EXCLUSIVE MODE'
    wait_until 'it reads the ledger' is_stuck
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'" >/dev/null
    wait_until 'it reads the ledger again' is_stuck
    expect_equal "$(redis EXISTS canary:9)" 0 'the canary'
    let_go table
    let_go ecto
    end_up cut 0
    expect_stderr_lacks 'terminat'
    expect_equal "$(redis GET canary:9)" 1 'the canary'
}

one_after_the_other()
{
    manners
    waits_end
    begins_later
    ledger_elsewhere
    blind
    behind_a_pooler
    vacuums
    lost_while_looking
}
with_database postgresql one_after_the_other

# ---- a row that says so ------------------------------------------------------------------------

# Liquibase and Knex do so in either database.
rows_tell()
{
    local truth=true
    [[ $DIALECT == postgresql ]] || truth=1
    counting_migrations 1
    sql 'CREATE TABLE databasechangeloglock (id integer PRIMARY KEY, locked boolean NOT NULL,
             lockgranted timestamp, lockedby varchar(255))'
    sql 'CREATE TABLE knex_migrations_lock ("index" integer PRIMARY KEY, is_locked integer)'
    sql "INSERT INTO databasechangeloglock VALUES (1, $truth, '2025-03-01 09:00:00', 'db1 (10.0.0.1)')"
    sql 'INSERT INTO knex_migrations_lock VALUES (1, 0)'
    expect_exit 5 redferry up --on-lock fail
    expect_stderr_contains "in progress: Liquibase (as 'databasechangeloglock' says: db1 (10.0.0.1))"
    expect_exit 5 redferry up --lock-timeout 100ms
    expect_stderr_contains 'take away with `liquibase release-locks` what one that crashed has left'
    sql "UPDATE databasechangeloglock SET locked = NOT $truth, lockedby = NULL"
    sql 'UPDATE knex_migrations_lock SET is_locked = 1'
    expect_exit 5 redferry up --on-lock fail
    expect_stderr_contains "in progress: Knex (as 'knex_migrations_lock' says)"
    # `run` waits as `up` does, until the row says that it is over.
    local code=0 waiter
    "$REDFERRY_PROGRAM" run 1 >run.out 2>run.err &
    waiter=$!
    wait_until 'run waits' grep -q 'waiting for a schema migration to end: Knex (as' run.err
    expect_equal "$(redis EXISTS canary:1)" 0 'the canary'
    sql 'UPDATE knex_migrations_lock SET is_locked = 0'
    wait "$waiter" || code=$?
    expect_equal "$code $(redis GET canary:1)" '0 1' "what run came to ($(<run.err))"
    expect_exit 0 redferry down
    if [[ $DIALECT == sqlite ]]; then
        sql 'CREATE TABLE "__EFMigrationsLock" ("Id" INTEGER PRIMARY KEY, "Timestamp" TEXT NOT NULL)'
        sql "INSERT INTO \"__EFMigrationsLock\" VALUES (1, '2025-03-01 09:00:00')"
        expect_exit 5 redferry up --on-lock fail
        expect_stderr_contains "in progress: EF Core (as '__EFMigrationsLock' says)"
        sql 'DELETE FROM "__EFMigrationsLock"'
    fi
    expect_exit 0 redferry up --on-lock fail
    expect_stderr_lacks 'schema'
    expect_equal "$(redis GET canary:1)" 1 'the canary'
}
for_both_databases rows_tell

rails_ends
