#!/usr/bin/env bash
# Goal: `plan` and --dry-run say what would be done, and do none of it. A role that may only SELECT, a
# SQLite file that is read-only, and a Redis user without write commands are enough; nothing is made,
# not even a ledger. What would stop the command is shown in its own words, with its exit code.
source "$(dirname "$0")/../support/scenario.sh"

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# The figure at a path of the document that the last --json printed.
json()
{
    sqlite3 -batch -bail -init /dev/null :memory: "SELECT json_extract(readfile('$OUT'), '\$.$1')"
}

expect_json()
{
    expect_equal "$(json "$1")" "$2" "$1"
}

analyze()
{
    sql ANALYZE
}

write_flags()
{
    sql "CREATE TABLE flags (name varchar(20) PRIMARY KEY, enabled boolean NOT NULL);
         INSERT INTO flags VALUES ('a b', true), ('b', false), ('c', true), ('d', true), ('e', false)"
    analyze
    write_migration 1_flags.yaml <<'YAML'
description: Copy the flags
up:
  - name: flags
    read: SELECT name, enabled FROM flags
    key: name
    write:
      - HSET flag:${name} enabled ${enabled}
      - SADD flags ${name}
    publish: news
down:
  - read: SELECT name FROM flags
    key: name
    write:
      - DEL flag:${name}
publish: {channel: done, message: '${*|json}'}
YAML
}

# Everything that could have been written to, in one text.
state_of_all()
{
    if [[ $DIALECT == sqlite ]]; then
        ls -la --time-style=full-iso "$PWD" | sed 1d
        sha256sum "${DB#sqlite:}"
    else
        sql "SELECT relname, relkind,
                CASE relkind WHEN 'r' THEN query_to_xml('SELECT * FROM ' || oid::regclass, true, true, '') END
             FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname"
    fi
    redis EVAL "local all = {}
                for _, key in ipairs(redis.call('KEYS', '*')) do
                    all[#all + 1] = key .. redis.sha1hex(redis.call('DUMP', key))
                end
                table.sort(all)
                return #all .. redis.sha1hex(table.concat(all))" 0
}

# What Redis was asked, but by state_of_all.
asked()
{
    monitored | grep -Ev '^"(EVAL|KEYS|DUMP)"' || true
}

# CODE ARGUMENT…: which must change nothing.
unchanged()
{
    local before code=$1
    before=$(state_of_all)
    shift
    expect_exit "$code" redferry "$@"
    expect_equal "$(state_of_all)" "$before" "what 'redferry $*' left behind"
}

shows_what_would_be_done()
{
    write_flags
    monitor
    unchanged 0 plan
    expect_equal "$(asked)" '' 'what Redis was asked'
    expect_equal "$(<"$OUT")" "1_flags: up, from the start
  Copy the flags
  rows: about 5 rows; no run yet to reckon the time with
  1. flags: exactly once
     reads      SELECT name, enabled FROM flags
     key        name (an index serves its order)
     rows       about 5 rows
     touches    flag:\${name}
                flags
     tells      news
     for 'a b':
       HSET \"flag:a b\" enabled true
       SADD flags \"a b\"
       PUBLISH news '{\"name\":\"a b\",\"enabled\":true}'
     for 'b':
       HSET flag:b enabled false
       SADD flags b
       PUBLISH news '{\"name\":\"b\",\"enabled\":false}'
     for 'c':
       HSET flag:c enabled true
       SADD flags c
       PUBLISH news '{\"name\":\"c\",\"enabled\":true}'
  then, once it is recorded as applied:
       PUBLISH done '{\"version\":1,\"name\":\"flags\",\"rows\":\${rows}}'

1 migration to do; nothing was written" 'the plan'

    # It is what is sent.
    local shown
    shown=$(grep -E '^ {7}(HSET|SADD|PUBLISH news)' "$OUT" | sed 's/^ *//' | head -n 9)
    monitor
    expect_exit 0 redferry up
    # MONITOR quotes every argument; so does redis-cli, which gets the shown commands.
    local sent
    sent=$(monitored | grep -E '^"(HSET" "flag|SADD|PUBLISH" "news)' | head -n 9)
    monitor
    redis <<<"$shown" >/dev/null
    expect_equal "$(monitored | grep -E '^"(HSET" "flag|SADD|PUBLISH" "news)')" "$sent" 'what was sent'

    expect_exit 0 redferry plan
    expect_equal "$(<"$OUT")" 'nothing to do' 'the plan when all is applied'
    expect_exit 0 redferry plan 1
    expect_equal "$(<"$OUT")" 'nothing to do' 'the plan of an applied one'
}

# Neither for the plan nor for the progress of the run: PostgreSQL's log has every statement.
nothing_is_counted()
{
    local log=$scenario_postgres/postgres.log before
    write_flags
    sql "ALTER DATABASE s$scenario_count SET log_statement = 'all'"
    before=$(wc -c <"$log")
    unchanged 0 plan
    expect_stdout_contains 'about 5 rows'
    expect_exit 0 redferry up --batch 1
    tail -c "+$before" "$log" >statements
    sql "ALTER DATABASE s$scenario_count RESET log_statement"
    grep -q 'SELECT name, enabled FROM flags' statements || fail 'the log does not show what was read'
    expect_equal "$(grep -iE 'count *\(' statements | grep flags || true)" '' 'what was counted'
    expect_equal "$(sql 'SELECT rows_total FROM data_migration_runs')" 5 'the total in the ledger'
}

# What docs/commands.md shows.
page_shows_what_is_shown()
{
    sql <"$ROOT/tests/fixtures/examples.sql"
    cp "$ROOT/data_migrations/20200211131900_migrate_flags_to_redis.yaml" data_migrations
    unchanged 0 plan
    expect_equal "$(<"$OUT")" "$(awk '/^## The plan/ { here = 1 } here && /^```/ { n++; next }
                                      here && n == 1' "$ROOT/docs/commands.md")" 'docs/commands.md'
}

documents()
{
    write_flags
    unchanged 0 plan --json
    expect_json 'migrations[0].version' 1
    expect_json 'migrations[0].begins' start
    expect_json 'migrations[0].steps[0].guarantee' 'exactly once'
    expect_json 'migrations[0].steps[0].rows' 5
    expect_json 'migrations[0].steps[0].index' yes
    expect_json 'migrations[0].steps[0].touches' '["flag:${name}","flags"]'
    expect_json 'migrations[0].steps[0].first_rows[0].commands[0]' 'HSET "flag:a b" enabled true'
    expect_json 'migrations[0].steps[0].seconds' ''
    expect_json 'blocked' ''
    expect_json 'exit' 0
    sql "CREATE TABLE databasechangeloglock (id integer PRIMARY KEY, locked boolean, lockgranted varchar(30), lockedby varchar(30));
         INSERT INTO databasechangeloglock VALUES (1, true, NULL, 'somebody')"
    unchanged 0 plan
    expect_stderr_contains 'a schema migration is in progress (Liquibase'
    expect_stderr_contains '`liquibase release-locks`'
    unchanged 0 plan --during-schema-migration
    expect_stderr_lacks Liquibase
    sql 'DROP TABLE databasechangeloglock'
    unchanged 2 plan 7 --json
    expect_json 'exit' 2
    unchanged 0 up --dry-run --json
    expect_json 'migrations[0].direction' up
}

# ---- nothing more than reading ------------------------------------------------------------------

# Stopped behind four of five rows, of which one met a key of the wrong type.
stop_half_way()
{
    write_flags
    redis SET flag:c x >/dev/null
    expect_exit 1 redferry up --batch 2
    redis DEL flag:c >/dev/null
}

# As one who may only look.
with_least_privileges()
{
    redis ACL SETUSER looker on '>p' '~*' '&*' -@all +@read -@write +@connection >/dev/null
    local url=${REDIS_URL/unix:\/\//unix:\/\/looker:p@}
    if [[ $DIALECT == postgresql ]]; then
        sql "CREATE ROLE looker LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker"
        REDFERRY_DATABASE=${DB/user=postgres/user=looker} REDFERRY_REDIS=$url "$@"
        sql "DROP OWNED BY looker; DROP ROLE looker"
    else
        chmod 444 "${DB#sqlite:}"
        REDFERRY_REDIS=$url "$@"
        chmod 644 "${DB#sqlite:}"
    fi
    redis ACL DELUSER looker >/dev/null
}

# What stands behind what stops the command is planned, and told to be out of its reach.
behind_it_nothing_is_reached()
{
    write_migration 2_two.yaml <<<'up: [{write: SET two 2}]'
    unchanged 4 plan
    expect_stdout_contains '2_two: up, from the start
  not reached: 1_flags stands in the way
  1. step 1'
    expect_stdout_contains '
0 migrations to do, 1 refused, 1 not reached; nothing was written'
    unchanged 4 plan --json
    expect_json 'migrations[0].unreached' ''
    expect_json 'migrations[1].unreached' '1_flags stands in the way'
    unchanged 0 plan 2
    expect_stdout_lacks 'not reached'

    # Nor anything before what is refused beforehand.
    write_migration 3_three.yaml <<<'up: [{read: SELECT 1 AS one, write: INCR three}]'
    unchanged 2 plan 2 3
    expect_equal "$(grep -c '^  not reached: nothing is begun: data_migrations/3_three.yaml:1:' "$OUT")" 2 \
        'how many are not begun'
    expect_stdout_contains '0 migrations to do, 2 not reached; nothing was written'
    rm data_migrations/[23]_*.yaml
}

goes_on()
{
    stop_half_way
    monitor
    with_least_privileges unchanged 0 plan
    expect_equal "$(asked | grep -Ev '^"(PING|AUTH|CLIENT|ACL|HGETALL)"' || true)" '' 'what Redis was asked'
    expect_stdout_contains '1_flags: up, goes on in step 1 (4 rows before)'
    expect_stdout_contains '1. flags: exactly once, goes on behind ["d"]'
    expect_stdout_contains 'commands that failed are kept in the checkpoint, and are sent first'
    expect_stdout_contains "for 'e':"
    expect_stdout_lacks "for 'd':"
    expect_stdout_lacks 'last heard'

    # Without Redis: as the ledger last heard.
    unset REDFERRY_REDIS
    unchanged 0 plan
    expect_stdout_contains 'goes on behind ["d"]'
    expect_stdout_contains 'no Redis is given'
    export REDFERRY_REDIS=unix:///nowhere/redis.sock
    unchanged 0 plan
    expect_stdout_contains 'Redis was not asked'
    export REDFERRY_REDIS=$REDIS_URL

    # What was done is lost, and may be repeated; what must not be, is not.
    redis FLUSHALL >/dev/null
    unchanged 4 plan
    expect_stdout_contains '1_flags: up, refused'
    expect_stdout_contains 'redferry repair 1'
    behind_it_nothing_is_reached
    expect_exit 4 redferry up
    expect_stderr_contains 'redferry repair 1'
}

# The steps that are done, the one that is half done, and those to come; and what may be repeated.
goes_on_in_a_later_step()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3), (4), (5)"
    write_migration 1_steps.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: SADD ids ${id}
  - name: mark
    sql: CREATE TABLE marked (id integer PRIMARY KEY)
  - name: last
    read: SELECT id FROM t
    key: id
    write: HSET last:${id} id ${id}
YAML
    redis SET last:4 x >/dev/null
    expect_exit 1 redferry up --batch 1
    redis DEL last:4 >/dev/null
    unchanged 0 plan
    expect_stdout_contains '  1. step 1: done
  2. mark: done
  3. last: exactly once, goes on behind ['
    expect_stdout_contains "for 4:"
    expect_stdout_lacks "for 3:"
    expect_stdout_lacks 'as of now'
    unchanged 0 plan --json
    expect_json 'migrations[0].begins' resume
    expect_json 'migrations[0].step' 3
    expect_json 'migrations[0].steps[1].progress' 'done'
    expect_json 'migrations[0].steps[2].progress' half
    expect_exit 0 redferry up

    # All of it may be repeated, and so begins anew where Redis has lost what it knew.
    write_migration 2_again.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: HSET again:${id} id ${id}
YAML
    redis SET again:4 x >/dev/null
    expect_exit 1 redferry up --batch 1
    redis FLUSHALL >/dev/null
    unchanged 0 plan
    expect_stdout_contains '2_again: up, starts over'
    expect_stdout_contains 'its checkpoint is gone from Redis'
    expect_stdout_contains 'for 1:'
}

# Another runner is at it.
under_way()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)"
    write_migration 1_slow.yaml <<<'up: [{read: SELECT id FROM t, key: id, write: "SET id:${id} 1"}]'
    "$REDFERRY_PROGRAM" up --batch 1 --pause 60s >/dev/null 2>&1 &
    local runner=$! tries=0
    until [[ $(redis EXISTS id:1) == 1 ]]; do
        ((tries++ < 1000)) || fail 'it does not run'
        sleep 0.02
    done
    expect_exit 0 redferry plan
    expect_stdout_contains 'run 1 is at it now; it is waited for'
    expect_stdout_contains '1_slow: up, goes on in step 1 (1 row before)'

    # And is so no more.
    kill -KILL "$runner"
    wait "$runner" 2>/dev/null || true
    tries=0
    until redferry status 2>/dev/null | grep -q crashed; do
        ((tries++ < 1000)) || fail 'it has not crashed'
        sleep 0.02
    done
    unchanged 0 plan
    expect_stdout_contains '1_slow: up, goes on in step 1 (1 row before)'
    expect_stdout_lacks 'at it now'
}

# In rollback mode a statement that is open keeps others from writing; an index lets them in between.
keeps_writers_out()
{
    sql "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'a')"
    write_migration 1_t.yaml <<<'up: [{read: SELECT name FROM t, key: name, write: "SET ${name} 1"}]'
    local said='nobody else can write to this SQLite file'
    expect_exit 0 redferry plan
    expect_stdout_contains "$said"
    sql 'CREATE INDEX i ON t (name)'
    expect_exit 0 redferry plan
    expect_stdout_contains '(an index serves its order)'
    expect_stdout_lacks "$said"
    sql 'DROP INDEX i; PRAGMA journal_mode = wal' >/dev/null
    expect_exit 0 redferry plan
    expect_stdout_contains '(no index: '
    expect_stdout_lacks "$said"
}

# ---- what comes first ---------------------------------------------------------------------------

known_later()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY, city varchar(20)); INSERT INTO t VALUES (1, 'a'), (2, NULL)"
    write_migration 1_make.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: SADD ids ${id}
  - sql: CREATE TABLE later (id integer PRIMARY KEY)
  - read: SELECT id FROM later
    key: id
    write: SET later:${id} 1
  - read: SELECT id, city FROM t
    key: id
    write: SET city:${id} ${city}
YAML
    write_migration 2_after.yaml <<'YAML'
up:
  - read: SELECT id, later FROM later
    key: id
    write: SET again:${id} ${later}
YAML
    unchanged 0 plan
    expect_stdout_contains '     rows       known after step 2
'
    expect_stdout_contains 'known after step 2 of 1_make'
    expect_stdout_contains 'as of now  step 2 comes first'
    # What is wrong now may not be wrong then.
    expect_stdout_contains "error: data_migrations/1_make.yaml: step 'step 4': row 2: 'SET city:\${id} \${city}': column 'city' is NULL"
    unchanged 0 plan --json
    expect_json 'migrations[0].steps[2].known' 0
    expect_json 'migrations[0].steps[2].after' 'step 2'
    expect_json 'migrations[0].steps[3].known' 1
    expect_json 'migrations[0].steps[0].after' ''
}

# ---- what would go wrong ------------------------------------------------------------------------

# What `plan` complains of is what `up` does.
complains_like()
{
    local code=$1 said
    shift
    unchanged "$code" "$@" --dry-run
    said=$(<"$ERR")
    expect_exit "$code" redferry "$@"
    expect_equal "$(sed 's/^redferry: //; s/^[0-9]*_[a-z]*: //' "$ERR" | tail -n 1)" \
        "$(sed 's/^redferry: //' <<<"$said" | tail -n 1)" "what 'redferry $*' says"
}

rows_that_are_refused()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY, name varchar(20)); INSERT INTO t VALUES (1, 'a'), (2, NULL)"
    write_migration 1_names.yaml <<'YAML'
up:
  - read: SELECT id, name FROM t
    key: id
    write: SET name:${id} ${name}
YAML
    complains_like 1 up
    expect_exit 1 redferry plan
    expect_stdout_contains 'SET name:1 a'
    expect_stdout_contains "row 2: 'SET name:\${id} \${name}': column 'name' is NULL"

    write_migration 1_names.yaml <<'YAML'
up:
  - read: SELECT id AS name, nothing FROM t
    key: id
    write: SET name:${id} ${name}
YAML
    complains_like 1 up
    write_migration 1_names.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    write: INCR n
YAML
    complains_like 2 up
    unchanged 0 plan --allow-repeats
    expect_stdout_contains 'no guarantee (--allow-repeats)'
}

# Values may hold anything. A terminal sees none of it raw.
odd_values()
{
    local bytes="CAST(X'1b5b324aff0d' AS TEXT)"
    [[ $DIALECT == sqlite ]] || bytes="'\\x1b5b324aff0d'::bytea"
    sql "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1)"
    write_migration 1_odd.yaml <<YAML
up:
  - read: |
      SELECT id, $bytes AS odd, 'x' AS "a  b" FROM t
    write:
      - SET odd \${odd}
      - SET "two  blanks" "\${a  b}  \${a  b}"
      - UNHEARD.OF \${id}
YAML
    expect_exit 0 redferry plan --allow-repeats
    expect_stdout_contains 'SET odd "\x1b[2J\xff\r"'
    expect_stdout_contains 'SET "two  blanks" "x  x"'
    expect_stdout_contains '     not known  UNHEARD.OF ${id}'
    expect_stdout_contains '     for row 1:'
    expect_stdout_contains '  rows: 1 row
'
    expect_stdout_contains 'rows       1 row'
    script -qec "stty cols 40; TERM=xterm NO_COLOR=1 '$REDFERRY_PROGRAM' plan --allow-repeats" /dev/null \
        </dev/null | tr -d '\r' >"$OUT"
    expect_stdout_contains '\x1b[2J'
    expect_equal "$(LC_ALL=C grep -c '[^[:print:]]' "$OUT" || true)" 0 'lines with raw bytes'
    expect_equal "$(awk 'length($0) > 40' "$OUT")" '' 'lines that are too long'

    # Nor does the name of a row run over two lines.
    sql "CREATE TABLE u (name text PRIMARY KEY); INSERT INTO u VALUES ('two
lines')"
    write_migration 1_odd.yaml <<'YAML'
up:
  - read: SELECT name FROM u
    key: name
    write: SADD names ${name}
YAML
    expect_exit 0 redferry plan
    expect_stdout_contains "     for 'two\\nlines':"
}

# ---- what is in the way -------------------------------------------------------------------------

in_the_way()
{
    write_flags
    expect_exit 0 redferry init
    unchanged 0 plan
    expect_stdout_contains '1_flags: up, from the start'
    expect_exit 0 redferry up
    sql "UPDATE data_migrations SET announced_at = NULL"
    unchanged 0 plan
    expect_stdout_contains '1_flags: applied, and only its end is left'
    expect_stdout_contains 'PUBLISH done '"'"'{"version":1,"name":"flags","rows":5}'"'"
    expect_exit 0 redferry up

    write_migration 2_two.yaml <<'YAML'
up: [{write: SADD two 1}]
down: [{write: INCR two}]
YAML
    write_migration 3_three.yaml <<<'up: [{write: SET three 3}]'
    write_migration 4_by_hand.yaml <<'YAML'
manual: true
up: [{write: SET four 4}]
YAML
    redis SET two 2 >/dev/null
    expect_exit 1 redferry up
    sql "UPDATE data_migration_runs SET status = 'cancelled' WHERE version = 2"
    unchanged 4 plan
    expect_equal "$(<"$OUT")" 'in the way: 2_two was cancelled: `redferry run 2` goes on with it, `redferry down --only 2` undoes it (also what was never delivered, and its `down` is not idempotent: right only once it is complete)' 'the plan'
    unchanged 0 plan 3 4
    expect_stdout_contains '4_by_hand: up, from the start'
    expect_stdout_contains '     once:
       SET four 4'
    redis DEL two >/dev/null
    expect_exit 0 redferry run 2
    expect_exit 1 redferry down --only 2
    unchanged 4 plan
    expect_stdout_contains 'in the way: 2_two is half undone: `redferry down --only 2` goes on'
    unchanged 0 down --only 2 --dry-run
    expect_stdout_contains '2_two: down, goes on'
    redis DEL two >/dev/null
    expect_exit 0 redferry down --only 2
    redis DEL two >/dev/null
    expect_exit 0 redferry up
    complains_like 1 down --only 3

    unchanged 0 plan --to 2
    expect_equal "$(<"$OUT")" 'nothing to do' 'the plan up to what is applied'
    unchanged 2 plan --to 9
    expect_stderr_contains 'no migration 9'
    unchanged 2 plan --to 2 3
    write_migration 2_two.yaml <<<'up: [{write: INCRBY two 2}]'
    unchanged 4 plan --strict
    expect_stderr_contains '`redferry repair 2` accepts it'
    unchanged 0 plan
    expect_stderr_contains 'was modified'
}

# What `up` asks Redis before it begins.
strangers()
{
    write_flags
    expect_exit 0 redferry up
    write_migration 2_two.yaml <<<'up: [{write: SET two 2}]'
    unchanged 0 plan
    expect_equal "$(<"$ERR")" '' 'what is said of a Redis that knows the ledger'
    redis HSET "redferry:{$(sql 'SELECT id FROM data_migration_ledger')}" last_run 99 >/dev/null
    complains_like 4 up
    expect_stderr_contains 'run 99'
    unchanged 0 plan 2
    redis FLUSHALL >/dev/null
    unchanged 0 plan
    expect_stderr_contains 'does not know of 1_flags'
    complains_like 4 up --strict
    unchanged 0 plan --redis unix:///nowhere/redis.sock
    expect_stderr_contains 'Redis was not asked whether it knows this ledger'
}

dry_runs()
{
    write_flags
    unchanged 2 redo --dry-run
    expect_stderr_contains 'nothing to redo'
    unchanged 0 up --dry-run
    unchanged 0 up --dry-run --background
    expect_exit 0 redferry up
    unchanged 0 down --dry-run
    expect_stdout_contains '1_flags: down, from the start'
    expect_stdout_contains 'DEL "flag:a b"'
    unchanged 0 redo --dry-run
    expect_stdout_contains '1_flags: down, from the start'
    expect_stdout_contains '1_flags: up, from the start'
    unchanged 0 run 1 --again --dry-run
    expect_stdout_contains '1_flags: up, from the start'
    unchanged 0 run 1 --dry-run
    expect_equal "$(<"$OUT")" 'nothing to do' 'the plan of what is applied'
    unchanged 2 run --dry-run
    rm data_migrations/1_flags.yaml
    unchanged 0 down --dry-run
    expect_stdout_contains 'stored with its run'
}

# Reckoned with the rate of runs that were long enough to say something.
takes_a_while()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY)"
    sql "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 2000)
         INSERT INTO t SELECT id FROM n"
    analyze
    write_migration 1_ids.yaml <<'YAML'
up: [{read: SELECT id FROM t, key: id, write: 'SET id:${id} 1'}]
down: [{read: SELECT id FROM t, key: id, write: 'DEL id:${id}'}]
YAML
    expect_exit 0 redferry up
    sql "UPDATE data_migration_runs SET started_at = '2025-03-01T09:00:00.000Z',
         updated_at = '2025-03-01T09:00:04.000Z', finished_at = '2025-03-02T09:00:00.000Z'"
    unchanged 0 run 1 --again --dry-run --json
    expect_json 'migrations[0].rows' 2000
    expect_json 'migrations[0].rows_per_second' 500.0
    expect_json 'migrations[0].rate_of' 'run 1 of this migration'
    expect_json 'migrations[0].seconds' 4.0
    unchanged 0 down --dry-run
    expect_stdout_contains 'rows: about 2000 rows, about 4.00 s (500 rows/s: run 1 of another migration)'
}

# ---- against Redis ------------------------------------------------------------------------------

compares()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY, place varchar(20));
         INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e'), (6, 'e')"
    write_migration 1_compare.yaml <<'YAML'
up:
  - name: several
    read: SELECT id, place FROM t
    key: id
    write:
      - SET id:${id} ${place}
      - HSET place:${place} id ${id}
      - INCR counter
    publish: news
  - name: one
    write: SADD names a
YAML
    redis MSET id:1 a id:2 other id:3 c >/dev/null
    redis HSET place:e id 6 >/dev/null
    redis SADD names a >/dev/null
    monitor
    with_least_privileges unchanged 0 plan --compare
    expect_stderr_contains "comparing step 'several' with Redis"
    expect_equal "$(asked | grep -Ev '^"(PING|AUTH|CLIENT|ACL|GET|MGET|HMGET|HGET|SISMEMBER|SMISMEMBER)"' || true)" '' 'what Redis was asked'
    expect_stdout_contains '     rows       6 rows
'
    expect_stdout_contains '     in Redis   SET id:${id} ${place}
                3 new, 2 equal, 1 different
                HSET place:${place} id ${id}
                4 new, 1 equal, 0 different
                1 overwritten by later rows
                INCR counter
                not compared: what it leaves depends on what was there before
'
    expect_stdout_contains '     in Redis   SADD names a
                0 new, 1 equal, 0 different
'
    unchanged 0 plan --compare --json
    expect_json 'migrations[0].steps[0].rows_exact' 1
    expect_json 'migrations[0].steps[0].compared[0].new' 3
    expect_json 'migrations[0].steps[0].compared[0].equal' 2
    expect_json 'migrations[0].steps[0].compared[0].different' 1

    # Behind the first three rows too.
    sql "UPDATE t SET place = NULL WHERE id = 5"
    unchanged 0 plan
    unchanged 1 plan --compare
    local said
    said=$(tail -n 1 "$ERR")
    expect_exit 1 redferry up
    expect_equal "$(tail -n 1 "$ERR")" "$said" 'what up says'

    unchanged 7 plan --compare --redis unix:///nowhere/redis.sock
    unset REDFERRY_REDIS
    unchanged 2 plan --compare
    expect_stderr_contains 'REDFERRY_REDIS'
    export REDFERRY_REDIS=$REDIS_URL
}

# Who may only read may plan, and is told that it ends there.
cannot_write()
{
    write_flags
    expect_exit 0 redferry init
    expect_exit 0 redferry plan
    expect_stderr_lacks 'cannot be written'
    REDFERRY_DATABASE="$DB&options=-cdefault_transaction_read_only%3Don"
    expect_exit 0 redferry plan --json
    expect_stderr_contains 'this plan cannot be carried out from here, the ledger cannot be written (exit code 4): transactions there only read (default_transaction_read_only); `redferry doctor` says what lets it be written'
    expect_json unwritable 'transactions there only read (default_transaction_read_only)'
    expect_json exit 0
    expect_exit 4 redferry up
    REDFERRY_DATABASE=$DB
    expect_exit 0 redferry plan --json
    expect_json unwritable ''
}

for_both_databases compares
with_database postgresql cannot_write
for_both_databases shows_what_would_be_done
with_database postgresql nothing_is_counted
for_both_databases page_shows_what_is_shown
for_both_databases documents
for_both_databases goes_on
for_both_databases goes_on_in_a_later_step
for_both_databases under_way
with_database sqlite keeps_writers_out
for_both_databases known_later
for_both_databases rows_that_are_refused
for_both_databases odd_values
for_both_databases in_the_way
for_both_databases strangers
for_both_databases dry_runs
for_both_databases takes_a_while
