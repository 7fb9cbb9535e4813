#!/usr/bin/env bash
# Goal: a step goes on behind any key. For every type of PostgreSQL that has an order, and for every
# storage class and collation of SQLite, runs are stopped after every single row, in turn by SIGKILL
# and by --max-time, and the next run goes on behind it: every row arrives once, in the order of SQL.
# So do keys that compare equal and yet differ; keys that are NULL or repeat are named, and only what
# is left is carried once they are mended.
# not under valgrind: hundreds of runs, one behind the other
# not with sanitizers: hundreds of runs; source_test reads the same values
source "$(dirname "$0")/../support/scenario.sh"

tables=0 # of this world: each has a migration of the same number
total=0  # rows in all of them

begin_world()
{
    tables=0 total=0
    echo 'CREATE TABLE totals (rows integer);' >tables.sql
}

# make_keys KEY COLUMN VALUES: a table with a column k declared so, holding these values, and a column n
# that numbers the rows in the order of k; and a migration that carries n with this `key`.
make_keys()
{
    local table=t$((++tables))
    cat >>tables.sql <<SQL
CREATE TABLE unordered ($2);
INSERT INTO unordered VALUES $3;
CREATE TABLE $table ($2, n integer);
INSERT INTO $table SELECT k, row_number() OVER (ORDER BY k) FROM unordered;
DROP TABLE unordered;
INSERT INTO totals SELECT count(*) FROM $table;
SQL
    write_step $tables "SELECT n, k FROM $table" "$1"
}

end_world()
{
    sql <tables.sql
    total=$(sql 'SELECT sum(rows) FROM totals')
}

# A run that is not stopped otherwise sleeps behind each row. The stream is for whoever waits.
write_step()
{
    write_migration "$1_keys.yaml" <<YAML
up:
  - read: $2
    key: $3
    write:
      - RPUSH carried '$1 \${n}'
      - XADD rows * n \${n}
    batch: 1
    pause: 60s
YAML
}

carried() { redis LLEN carried; }

# Bash would tell of the kill.
stop_by_sigkill()
{
    local pid code=0 row last
    last=$(redis XREVRANGE rows + - COUNT 1 | sed 1q)
    scenario_last='redferry up, to be killed'
    exec 3>&2 2>/dev/null
    "$REDFERRY_PROGRAM" up -q >"$OUT" 2>"$ERR" &
    pid=$!
    row=$(redis XREAD BLOCK 30000 STREAMS rows "${last:-0}")
    kill -KILL "$pid"
    wait "$pid" || code=$?
    exec 2>&3 3>&-
    [[ -n $row ]] || fail 'no row arrived'
    expect_equal "$code" 137 'how it ended'
}

stop_by_time()
{
    expect_exit 3 redferry up -q --max-time 1ms --pause 0
}

# Stop after every row until there is none left. A run may have had no more to do than to end a
# migration whose rows are all there; the next one then has rows again.
carry_row_by_row()
{
    local before=0 after=0 idle=0 runs=0
    while ((before < total - 1)); do
        if ((++runs % 2)); then stop_by_time; else stop_by_sigkill; fi
        after=$(carried)
        ((after > before)) && idle=0 || ((++idle < 2)) || fail 'runs stop before they carry anything'
        # Behind the last row of a table, the next table's first.
        ((after <= before + 2)) || fail 'the run went on behind where it should have stopped'
        before=$after
    done
    expect_exit 0 redferry up -q --pause 0
}

expect_carried_in_order()
{
    local i
    for ((i = 1; i <= tables; i++)); do
        sql "SELECT '$i ' || n FROM t$i ORDER BY n"
    done >expected.txt
    redis LRANGE carried 0 -1 >carried.txt
    expect_equal "$(diff expected.txt carried.txt || true)" '' 'rows expected, and carried'
    expect_equal "$(redis KEYS 'redferry:*:*')" '' 'checkpoints'
}

# ---- PostgreSQL ----------------------------------------------------------------------------------

keys_of_postgresql()
{
    begin_world
    sql 'CREATE EXTENSION citext' # the types are known before the first run
    sql "CREATE TYPE mood AS ENUM ('sad', 'glad', 'angry')"
    sql 'CREATE TYPE pair AS (a integer, b text)'
    sql 'CREATE DOMAIN short AS citext CHECK (length(VALUE) < 3)'
    while IFS='|' read -r type values; do
        make_keys k "k ${type%"${type##*[! ]}"}" "$values"
    done <<'TYPES'
smallint                 | (-32768), (0), (32767)
integer                  | (-2147483648), (0), (2147483647)
bigint                   | (-9223372036854775808), (-1), (10), (9223372036854775807)
oid                      | (0), (5), (4294967295)
numeric                  | (-1e30), (0), (0.1), (1), (1.50), ('NaN'), (12345678901234567890.123456789), ('Infinity'), ('-Infinity')
numeric(10,2)            | (1), (1.5), (-99999999.99)
double precision         | (0.1), (0.30000000000000004), (-1e308), (5e-324), (1e15), (1e16), ('NaN'), ('Infinity'), ('-Infinity'), (-0.0)
real                     | (0.1), (-1e38), (16777216), ('NaN'), (1e-45)
boolean                  | (true), (false)
text                     | (''), ('a'), ('A'), ('é'), ('🚢'), ('it''s'), (E'back\\slash'), (E'tab\tline\ncr\r'), ('"q"'), ('-- no'), (E'\x01'), ('${k}'), ('%s'), (repeat('long', 50000)), (repeat('long', 50000) || '!')
text COLLATE "en-x-icu"  | ('a'), ('A'), ('b'), ('B'), ('ä'), ('z'), ('co-op'), ('coop')
text COLLATE "C"         | ('a'), ('A'), ('b'), ('ä')
character varying(5)     | ('abcde'), (''), ('b')
character(5)             | ('abcde'), (''), ('b'), ('b c')
"char"                   | ('a'), ('B'), ('z')
name                     | ('a'), ('B'), ('')
citext                   | ('a'), ('B'), ('c'), ('Ä')
mood                     | ('sad'), ('glad'), ('angry')
short                    | ('x'), ('A'), ('b')
bytea                    | (''), ('\x00'), ('\x0000'), ('\x0d0a'), ('\xff'), ('\xff00'), ('\x5c78'), ('\x27')
uuid                     | ('00000000-0000-0000-0000-000000000000'), ('ffffffff-ffff-ffff-ffff-ffffffffffff'), ('6ba7b810-9dad-11d1-80b4-00c04fd430c8')
date                     | ('2025-03-01'), ('infinity'), ('-infinity'), ('0044-03-15 BC'), ('12345-01-01')
time                     | ('00:00'), ('24:00'), ('09:00:00.123456')
timetz                   | ('09:00+00'), ('10:00+01'), ('09:00:00.5-03')
timestamp                | ('2025-03-01 09:00:00.123456'), ('infinity'), ('-infinity'), ('0044-03-15 01:02:03 BC'), ('294276-12-31 23:59:59.999999')
timestamptz              | ('2025-03-01 09:00:00.123456+01'), ('infinity'), ('-infinity'), ('0044-03-15 01:02:03+00 BC'), ('294276-12-31 23:59:59.999999+00')
interval                 | ('1 day'), ('23 hours'), ('1 month'), ('-1 year -2 days +3:04:05.678'), ('0'), ('25 hours 1 microsecond')
inet                     | ('10.0.0.1'), ('10.0.0.0/8'), ('::1'), ('192.168.1.5/24')
cidr                     | ('10.0.0.0/8'), ('192.168.1.0/24')
macaddr                  | ('08:00:2b:01:02:03'), ('00:00:00:00:00:00')
macaddr8                 | ('08:00:2b:01:02:03:04:05'), ('00:00:00:00:00:00:00:00')
bit(3)                   | (B'101'), (B'000'), (B'111')
bit varying              | (B'101'), (B''), (B'1')
money                    | (1.5), (-2), (1000000)
jsonb                    | ('{"a": [1, "it''s"]}'), ('1'), ('1.5'), ('"x"'), ('null')
integer[]                | ('{}'), ('{1}'), ('{1,2}'), ('{NULL}'), ('{2}')
text[]                   | ('{}'), ('{a,"b c"}'), ('{"it''s"}'), ('{"\\\\"}')
int4range                | ('empty'), ('[1,5)'), ('[1,)'), ('(,3)')
int4multirange           | ('{}'), ('{[1,5)}'), ('{[1,5),[7,9)}')
tstzrange                | ('[2025-01-01,2025-02-01)'), ('[2024-01-01 00:00:00.5,)')
pair                     | (ROW(1, 'a b')), (ROW(1, NULL)), (ROW(2, 'x'))
pg_lsn                   | ('0/0'), ('16/B374D848')
xid8                     | ('3'), ('18446744073709551615')
tid                      | ('(0,1)'), ('(4294967295,65535)')
tsvector                 | ('a fat cat'), ('the')
TYPES
    end_world
    carry_row_by_row
    expect_carried_in_order
}

# Of equal keys it is another column that says which is behind which. Where there is a collation that
# takes different texts for equal, redferry compares no text by its bytes any more.
equal_keys_of_postgresql()
{
    begin_world
    sql 'CREATE EXTENSION citext'
    sql "CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
    sql "CREATE COLLATION plain (provider = icu, locale = 'und-u-ks-level1', deterministic = false)"
    sql 'CREATE TYPE price AS (amount numeric, unit citext)'
    while IFS='|' read -r type values; do
        make_keys '[k, n]' "k ${type%"${type##*[! ]}"}" "$values"
    done <<'TYPES'
numeric                  | (1.0), (1.00), (0), (0.000), (2), (1), ('NaN'), ('NaN')
double precision         | (0.0), (-0.0), (1), ('NaN'), ('NaN')
real                     | (-0.0), (0.0)
text COLLATE folded      | ('a'), ('A'), ('b'), ('a'), ('B'), ('Ä'), ('ä')
text COLLATE plain       | ('resume'), ('Résumé'), ('résumé'), ('s')
text                     | ('a'), ('a'), ('b')
citext                   | ('a'), ('A'), ('b'), ('Ä'), ('ä')
character(5)             | ('b'), ('b  '), ('c')
interval                 | ('1 month'), ('30 days'), ('720 hours'), ('24 hours'), ('1 day')
jsonb                    | ('1'), ('1.0'), ('{"a": 1.00}'), ('{"a": 1}')
numeric[]                | ('{1.0}'), ('{1.00}'), ('{1,2}')
numrange                 | ('[1.0,2)'), ('[1.00,2.0)'), ('empty')
price                    | (ROW(1.0, 'Eur')), (ROW(1.00, 'EUR')), (ROW(1, 'usd'))
TYPES
    make_keys k 'k text COLLATE folded' "('a'), ('B'), ('c'), ('Ä'), ('')"
    make_keys k 'k text' "('a'), ('A'), ('b')"
    end_world
    carry_row_by_row
    expect_carried_in_order
}

# ---- SQLite --------------------------------------------------------------------------------------

# keys_of_sqlite JOURNAL [INDEX]: in rollback mode a step with an index reads batch by batch.
keys_of_sqlite()
{
    begin_world
    sql "PRAGMA journal_mode = $1" >/dev/null
    while IFS='|' read -r key column values; do
        make_keys "$key" "$column" "$values"
        [[ -z ${2-} ]] || echo "CREATE INDEX i$tables ON t$tables (${key//[][]/});" >>tables.sql
    done <<'COLUMNS'
k|k INTEGER PRIMARY KEY| (-9223372036854775808), (-1), (0), (9223372036854775807)
k|k TEXT| (''), ('a'), ('A'), ('é'), ('🚢'), ('it''s'), ('"q"'), ('\'), (char(9, 10, 13)), (CAST(x'ff41' AS TEXT)), (CAST(x'610062' AS TEXT)), (x'61'), (hex(zeroblob(100000))), (hex(zeroblob(100000)) || '!')
k|k TEXT COLLATE NOCASE| ('a'), ('B'), ('c'), ('Ä'), ('ä')
k|k TEXT COLLATE RTRIM| ('a '), ('b'), ('c  '), ('')
k|k REAL| (1), (1.5), (-1e308), (5e-324), (0.1), (9e999), (-9e999), (-0.0)
k|k NUMERIC| (1), (1.5), ('x'), (9007199254740993), (1e20), ('2'), (-0.5)
k|k BOOLEAN| (0), (1), ('maybe'), (2)
k|k BLOB| (x''), (x'00'), (x'0d0a'), (x'ff'), (x'ff00')
k|k| (-1e308), (-5), (0), (0.5), (1), (9007199254740993), (9.1e15), (9223372036854775807), (9.3e18), (9e999), (''), ('1'), ('1.0'), ('a'), (CAST(x'00' AS TEXT)), (x''), (x'00'), (x'31'), (x'61')
k|k DATETIME| ('2025-03-01 09:00:00'), ('2025-03-01T09:00:00Z'), (1740819600)
k|k JSON| ('[1]'), ('{}'), (5)
[k, n]|k| (1), (1.0), ('1'), (x'31'), (1), (0.0), (-0.0), (9007199254740992), (9007199254740992.0)
[k, n]|k TEXT COLLATE NOCASE| ('a'), ('A'), ('b'), ('a'), ('B')
[k, n]|k TEXT COLLATE RTRIM| ('a'), ('a '), ('a  '), ('b')
COLUMNS
    end_world
    carry_row_by_row
    expect_carried_in_order
}

# ---- keys of several columns ---------------------------------------------------------------------

several_columns()
{
    local columns='a text COLLATE NOCASE, b, c text, d date'
    begin_world
    if [[ $DIALECT == postgresql ]]; then
        sql 'CREATE EXTENSION citext'
        columns='a citext, b numeric, c text, d date'
    fi
    tables=1
    sql <<SQL
CREATE TABLE raw ($columns);
INSERT INTO raw VALUES ('x', 1.0, 'it''s', '2025-03-01'), ('X', 1, 'it''s', '2025-03-01'),
    ('X', 1.00, '', '2025-03-02'), ('y', -1, '{"a":[1]}', '2025-03-01'), ('Y', -1.0, '{"a":[1]}', '2025-02-01'),
    ('', 10, 'é', '0001-01-01'), ('', 9, 'é', '0001-01-01');
CREATE TABLE t1 ($columns, n integer);
INSERT INTO t1 SELECT raw.*, row_number() OVER (ORDER BY d, a, b, c) FROM raw;
SQL
    total=7
    write_step 1 'SELECT * FROM t1' '[d, a, b, c, n]'
    echo "publish: {channel: done, message: '\${rows} rows'}" >>data_migrations/1_keys.yaml
    listen 'done'
    carry_row_by_row
    expect_carried_in_order
    expect_equal "$(heard)" 'done 7 rows' 'the message: all rows, not only those of the last run'
}

# ---- keys that are none --------------------------------------------------------------------------

# A run that goes on compares with the cursor, and no comparison finds a NULL: the step looks for it
# at its end, before its last batch is sent.
null_at_the_end()
{
    begin_world
    sql 'CREATE TABLE t1 (k integer, n integer)'
    sql 'INSERT INTO t1 VALUES (1, 1), (2, 2), (3, 3)'
    tables=1
    write_step 1 'SELECT n, k FROM t1' k
    stop_by_time
    expect_equal "$(carried)" 1 'rows carried'
    sql 'INSERT INTO t1 VALUES (NULL, 4)'
    for _ in once again; do
        expect_exit 1 redferry up -q --pause 0
        expect_stderr_contains "a row's \`key\` is NULL: k = NULL"
        expect_equal "$(redis LRANGE carried 0 -1)" $'1 1\n1 2' 'what is carried before it is mended'
    done
    sql 'UPDATE t1 SET k = 4 WHERE k IS NULL'
    expect_exit 0 redferry up -q --pause 0
    expect_carried_in_order
}

# Nothing of a batch with a repeated key is written; here that is the batch of the first 'b'.
repeated_key()
{
    begin_world
    local odd='text COLLATE NOCASE'
    if [[ $DIALECT == postgresql ]]; then
        sql 'CREATE EXTENSION citext'
        odd=citext
    fi
    sql "CREATE TABLE t1 (k $odd, n integer)"
    sql "INSERT INTO t1 VALUES ('a', 1), ('b', 2), ('B', 3), ('d', 4)"
    tables=1
    write_step 1 'SELECT n, k FROM t1' k
    for _ in once again; do
        expect_exit 1 redferry up -q --pause 0
        expect_stderr_contains 'two rows have the same `key`: k = '
        expect_equal "$(redis LRANGE carried 0 -1)" '1 1' 'what is carried before it is mended'
    done
    sql "UPDATE t1 SET k = 'c' WHERE n = 3"
    expect_exit 0 redferry up -q --pause 0
    expect_carried_in_order
}

with_database postgresql keys_of_postgresql
with_database postgresql equal_keys_of_postgresql
with_database sqlite keys_of_sqlite wal
with_database sqlite keys_of_sqlite delete index
for_both_databases several_columns
for_both_databases null_at_the_end
for_both_databases repeated_key
