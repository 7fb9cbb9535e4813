#!/usr/bin/env bash
# Goal: what only the database and its rows can show (SQL that is wrong or writes, a column that is
# not there, a key that repeats, a NULL) fails the migration with exit code 1, names file, step,
# row and column, and delivers nothing of the batch; once mended, `up` carries every row.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/refusals.sh"

file= # the migration in question, by step
version=0

begin()
{
    behind_passwords
    version=0
    sql "CREATE TABLE t (id integer PRIMARY KEY, name text, n integer);
         INSERT INTO t VALUES (1, 'a', 10), (2, 'b', 20), (3, 'c', 30)"
    expect_exit 0 redferry init
    no_secret
}

# step: the next migration has the one step that stands on stdin.
step()
{
    file=data_migrations/$((++version))_case.yaml
    { echo 'up:' && cat; } >"$file"
}

# bad_step TEXT: the step on stdin fails with TEXT behind the file's name, also in the ledger, and
# once the step is mended all rows are carried.
bad_step()
{
    step
    failed 1 "$file$1"
    step_of_good_rows >"$file"
    carried
}

step_of_good_rows()
{
    cat <<YAML
up:
  - read: SELECT id, name FROM t
    key: id
    write: SET v$version:\${id} \${name}
YAML
}

# carried [VALUES]: the three rows, each in a key of its own.
carried()
{
    expect_exit 0 redferry up
    no_secret
    expect_stdout_contains "applied $version "
    expect_equal "$(redis MGET "v$version:1" "v$version:2" "v$version:3")" "${1-$'a\nb\nc'}" 'the rows'
    expect_equal "$(sql "SELECT count(*) FROM data_migrations WHERE version = $version")" 1 'entries'
}

by_dialect()
{
    if [[ $DIALECT == sqlite ]]; then printf '%s' "$1"; else printf '%s' "$2"; fi
}

# ---- SQL ---------------------------------------------------------------------------------------

sql_is_wrong()
{
    begin
    bad_step ":2:11: step 'bad': $(by_dialect \
        'near "t": syntax error (line 1, column 22)' \
        'syntax error at or near "t" (line 1, column 22)')" <<'YAML'
  - read: SELECT id, name FORM t
    name: bad
    key: id
    write: SET v:${id} ${name}
YAML
    bad_step ":2:11: step 'step 1': $(by_dialect 'no such table: nowhere' 'relation "nowhere" does not exist')" <<'YAML'
  - read: SELECT id FROM nowhere
    key: id
    write: SET v:${id} 1
YAML
    bad_step ":2:11: step 'step 1': $(by_dialect 'no such column: nmae' 'column "nmae" does not exist')" <<'YAML'
  - read: SELECT id, nmae FROM t
    key: id
    write: SET v:${id} 1
YAML
    bad_step ":2:11: step 'step 1': the query has a parameter (\$1), and nothing is given for it" <<'YAML'
  - read: SELECT id FROM t WHERE id = $1
    key: id
    write: SET v:${id} 1
YAML
    bad_step ":2:11: step 'step 1': two columns of the query are called 'id': give one another name with AS" <<'YAML'
  - read: SELECT id, n AS id FROM t
    key: id
    write: SET v:${id} 1
YAML
}

# What an `sql` step began is rolled back with it.
statement_is_wrong()
{
    begin
    bad_step ": step 'step 1': $(by_dialect 'near "UPDAET": syntax error' 'syntax error at or near "UPDAET"')" <<'YAML'
  - sql: UPDAET t SET n = 0
YAML
    bad_step ": step 'step 1': $(by_dialect 'UNIQUE constraint failed: t.id' 'duplicate key value violates unique constraint')" <<'YAML'
  - sql: INSERT INTO t SELECT 6 - id, name, n FROM t WHERE id <> 1
YAML
}

# A read that writes, in every way that SQL has, in neither database does.
reads_only()
{
    begin
    bad_step ":2:11: step 'step 1': $(by_dialect 'near "INSERT": syntax error' "\`read\` may only read")" <<'YAML'
  - read: WITH x AS (INSERT INTO t VALUES (9, 'x', 9) RETURNING id) SELECT id FROM x
    key: id
    write: SET v:${id} 1
YAML
    bad_step ":2:11: step 'step 1': \`read\` may only read" <<'YAML'
  - read: WITH x AS (SELECT 9 AS id) INSERT INTO t SELECT id, 'x', 9 FROM x RETURNING id
    key: id
    write: SET v:${id} 1
YAML
    bad_step ":2:11: step 'step 1': \`read\` may only read" <<'YAML'
  - read: WITH x AS (SELECT 1 AS id) DELETE FROM t WHERE id IN (SELECT id FROM x) RETURNING id
    key: id
    write: SET v:${id} 1
YAML
    [[ $DIALECT == postgresql ]] || return 0
    reads_only_in_postgresql
}

reads_only_in_postgresql()
{
    sql "CREATE SEQUENCE s;
         CREATE FUNCTION sly() RETURNS integer LANGUAGE plpgsql
         AS 'BEGIN DELETE FROM t; RETURN 1; END'"
    bad_step ": step 'step 1': \`read\` may only read: cannot execute nextval() in a read-only transaction" <<'YAML'
  - read: SELECT id, nextval('s') AS n FROM t
    key: id
    write: SET v:${id} 1
YAML
    bad_step ": step 'step 1': \`read\` may only read: cannot execute setval() in a read-only transaction" <<'YAML'
  - read: SELECT id, setval('s', 100) AS n FROM t
    key: id
    write: SET v:${id} 1
YAML
    bad_step ": step 'step 1': \`read\` may only read: cannot execute DELETE in a read-only transaction" <<'YAML'
  - read: SELECT sly() AS id
    key: id
    write: SET v:${id} 1
YAML
    bad_step ":2:11: step 'step 1': \`read\` may only read: cannot execute SELECT FOR UPDATE in a read-only transaction" <<'YAML'
  - read: SELECT id FROM t FOR UPDATE
    key: id
    write: SET v:${id} 1
YAML
}

# ---- columns -----------------------------------------------------------------------------------

columns_are_unknown()
{
    begin
    bad_step ":4:12: step 'step 1': 'SET v:\${id} \${nmae}': unknown column 'nmae'; the query has id, name, n" <<'YAML'
  - read: SELECT id, name, n FROM t
    key: id
    write: SET v:${id} ${nmae}
YAML
    bad_step ":6:9: step 'step 1': 'PUBLISH c:\${chanel} \${*|json}': unknown column 'chanel'; the query has id, name" <<'YAML'
  - read: SELECT id, name FROM t
    key: id
    write: SET v:${id} ${name}
    publish:
      - channel: c:${chanel}
YAML
    bad_step ":2:11: step 'step 1': the query has no column 'ident' for \`key\`; it has id, name, n" <<'YAML'
  - read: SELECT id, name, n FROM t
    key: ident
    write: SET v:${id} ${name}
YAML
}

# ---- rows: here the data are mended, and the file stays as it is ---------------------------------

# bad_rows TEXT MEND [VALUES]: the step on stdin fails with TEXT; after the SQL statement MEND all
# rows are carried.
bad_rows()
{
    step
    failed 1 "$file: step 'step 1': $1"
    sql "$2"
    carried "${@:3}"
}

values_are_missing()
{
    begin
    sql "UPDATE t SET name = NULL WHERE id = 2"
    bad_rows "row 2: 'SET v1:\${id} \${name}': column 'name' is NULL; '\${name:-text}' puts a text in its place" \
        "UPDATE t SET name = 'b' WHERE id = 2" <<'YAML'
  - read: SELECT id, name FROM t
    key: id
    write: SET v1:${id} ${name}
YAML
    sql "UPDATE t SET name = '' WHERE id = 3"
    bad_rows "row 3: 'LPUSH \${name} \${id}': argument 1 (column 'name') is a key, and empty" \
        "UPDATE t SET name = 'c' WHERE id = 3" <<'YAML'
  - read: SELECT id, name FROM t
    key: id
    write:
      - SET v2:${id} ${name}
      - LPUSH ${name} ${id}
YAML
    sql "UPDATE t SET name = 'redferry:x' WHERE id = 3"
    bad_rows "row 3: 'RPUSH \${name} \${id}': argument 1 (column 'name') begins with 'redferry:'" \
        "UPDATE t SET name = 'c' WHERE id = 3" <<'YAML'
  - read: SELECT id, name FROM t
    key: id
    write:
      - SET v3:${id} ${name}
      - RPUSH ${name} ${id}
YAML
}

# Whether they meet within a batch or across its edge, and at whichever row of it.
keys_repeat()
{
    local batch before
    begin
    sql "UPDATE t SET n = 10 WHERE id = 2"
    bad_rows "two rows have the same \`key\`: n = 10; a \`key\` must be unique and not NULL" \
        "UPDATE t SET n = 20 WHERE id = 2" <<'YAML'
  - read: SELECT id, name, n FROM t
    key: n
    write: SET v1:${id} ${name}
YAML
    for batch in 1 2; do
        sql "UPDATE t SET n = 10"
        step <<YAML
  - read: SELECT id, name, n FROM t
    key: n
    batch: $batch
    write: SET v$((version + 1)):\${id} \${name}
YAML
        failed 1 "$file: step 'step 1': two rows have the same \`key\`: n = 10"
        sql "UPDATE t SET n = 10 * id"
        carried
    done

    # The batches before the one that repeats a key are delivered, and it is not.
    sql "INSERT INTO t VALUES (4, 'd', 30)"
    step <<'YAML'
  - read: SELECT id, name, n FROM t
    key: n
    batch: 1
    write: SET v4:${n} ${name}
YAML
    expect_exit 1 redferry up
    expect_stderr_contains "two rows have the same \`key\`: n = 30"
    no_secret
    expect_equal "$(redis --scan --pattern 'v4:*' | sort)" $'v4:10\nv4:20' 'what is delivered'
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations WHERE version = 4')" 0 'entries'
    sql 'UPDATE t SET n = 40 WHERE id = 4'
    expect_exit 0 redferry up
    expect_equal "$(redis MGET v4:10 v4:20 v4:30 v4:40)" $'a\nb\nc\nd' 'the rows'

    sql "DELETE FROM t WHERE id > 3; UPDATE t SET n = NULL WHERE id = 2"
    bad_rows "a row's \`key\` is NULL: n = NULL; a \`key\` must be unique and not NULL" \
        "UPDATE t SET n = 20 WHERE id = 2" <<'YAML'
  - read: SELECT id, name, n FROM t
    key: n
    write: SET v5:${id} ${name}
YAML
    sql "UPDATE t SET n = 10, name = 'a' WHERE id < 3"
    bad_rows "two rows have the same \`key\`: n, name = (10, 'a')" "UPDATE t SET name = 'b' WHERE id = 2" <<'YAML'
  - read: SELECT id, name, n FROM t
    key: [n, name]
    write: SET v6:${id} ${name}
YAML
}

# Two texts that the database holds to be one key are one, across the edge of a batch as well.
keys_are_equal_to_the_database()
{
    local batch columns first second last
    begin
    if [[ $DIALECT == sqlite ]]; then
        columns='(id integer, name text COLLATE NOCASE)' first="'Ada'" second="'ADA'" last="'zoe'"
    else
        columns='(id integer, name numeric)' first=1.0 second=1.00 last=9
    fi
    sql "CREATE TABLE same $columns"
    for batch in 1 2 1000; do
        sql "DELETE FROM same; INSERT INTO same VALUES (1, $first), (2, $second), (3, $last)"
        step <<YAML
  - read: SELECT id, name FROM same
    key: name
    batch: $batch
    write: SET v$((version + 1)):\${id} \${name}
YAML
        failed 1 "$file: step 'step 1': two rows have the same \`key\`: name = "
        sql "UPDATE same SET name = 8 WHERE id = 2"
        carried "$(by_dialect $'Ada\n8\nzoe' $'1.0\n8\n9')"
    done
}

# Redis' own objection to a row: the row's batch has run, the command is named, nothing is recorded.
types_are_wrong()
{
    begin
    redis SADD v1:2 member >/dev/null
    step <<'YAML'
  - read: SELECT id, name FROM t
    key: id
    write: APPEND v1:${id} ${name}
    batch: 1
YAML
    expect_exit 1 redferry up
    no_secret
    expect_stderr_contains "$file: step 'step 1': row 2: 'APPEND v1:\${id} \${name}' failed: WRONGTYPE"
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations')" 0 'entries'
    expect_equal "$(sql 'SELECT status FROM data_migration_runs')" failed 'the run'
    expect_equal "$(redis SMEMBERS v1:2)" member 'what was there'
}

for_both_databases sql_is_wrong
for_both_databases statement_is_wrong
for_both_databases reads_only
for_both_databases columns_are_unknown
for_both_databases values_are_missing
for_both_databases keys_repeat
for_both_databases keys_are_equal_to_the_database
for_both_databases types_are_wrong
