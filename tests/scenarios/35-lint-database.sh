#!/usr/bin/env bash
# Goal: lint with a database says what only a database knows: queries that it refuses, columns that
# are not there, types that a command cannot take, keys without order or index. Its rules' own
# examples show each; what is applied, or may be mended by an `sql` step, is not held against
# anyone; and nothing is written.
source "$(dirname "$0")/../support/scenario.sh"

# example CODE Wrong|Right: that example of the rule, as a file.
example()
{
    redferry lint --explain "$1" | sed -n "/^$2\$/,\$p" | sed '1,2d; /^[^ ]/,$d' | sed 's/^    //' \
        >data_migrations/1_example.yaml
}

# found: the codes that lint finds, each once; that an example has no test does not count.
found()
{
    redferry lint --database "$DB" >"$OUT" 2>"$ERR" || true
    sed -nE '/RF701/d; s/^[^ ]+: (error|warning|note): .* \[(RF[0-9]+)\]$/\2/p' "$OUT" | sort -u | tr '\n' ' '
}

examples()
{
    local code rules=0
    for code in $(redferry lint --explain | grep -oE '^RF6[0-9]+'); do
        rules=$((rules + 1))
        example "$code" Wrong
        [[ $code == RF603 && $DIALECT == sqlite ]] || expect_equal "$(found)" "$code " "$code, wrong"
        example "$code" Right
        expect_equal "$(found)" '' "$code, right"
        expect_exit 0 redferry lint # without a database nothing is asked
    done
    ((rules == 6)) || fail "$rules rules"
    rm data_migrations/*
}

# fault CODE TEXT [COUNT]: lint exits so, and says that, among so many findings of the database.
fault()
{
    expect_exit "$1" redferry lint --database "$DB"
    expect_stdout_contains "$2"
    expect_equal "$(grep -c '\[RF6' "$OUT")" "${3:-1}" 'findings'
}

types()
{
    write_migration 1_numbers.yaml <<'YAML'
up:
  - read: SELECT id, name, seen_at, price, is_new, rank FROM users
    key: id
    write:
      - INCRBY a ${price}
      - INCRBYFLOAT a ${price}
      - ZADD z NX CH ${rank} ${id} ${is_new} b
      - EXPIREAT a ${seen_at}
      - SET a b EX ${is_new} NX
      - SET a ${seen_at}
      - HINCRBY h ${name} ${id}
      - ZADD z 5${name} x
down:
  - write: DEL a z h
YAML
    expect_exit 0 redferry lint --database "$DB"
    expect_equal "$(sed -nE 's/^[^:]*:([0-9]+):.*\[RF605\]$/\1/p' "$OUT" | tr '\n' ' ')" "$1" 'its lines'
    expect_stdout_contains "'ZADD' takes a number where '\${is_new}' stands, and that is bool"
    expect_stdout_contains "'SET' takes an integer where '\${is_new}' stands"
    if [[ $DIALECT == postgresql ]]; then
        expect_stdout_contains "'INCRBY' takes an integer where '\${price}' stands"
    else
        expect_stdout_lacks 'price' # SQLite says nothing of a number
    fi
    rm data_migrations/*
}

# What is refused today may be there behind an `sql` step; what was applied may be gone.
later()
{
    write_migration 1_made.yaml <<'YAML'
up:
  - read: SELECT a FROM made
    key: a
    write: SET made ${a}
  - sql: CREATE TABLE made (a integer PRIMARY KEY)
  - read: SELECT a FROM made
    key: a
    write: SET made ${a}
  - sql: DELETE FROM made WHERE b = 1
down:
  - write: DEL made
YAML
    fault 2 'error: step' 3
    expect_equal "$(grep -c 'note: .*an `sql` step before it may mend that' "$OUT")" 2 'what is only noted'
    rm data_migrations/*
    write_migration 2_users.yaml <<'YAML'
up:
  - read: SELECT id, name FROM users
    key: id
    write: SET user:${id} ${name}
down:
  - read: SELECT id FROM users
    key: id
    write: DEL user:${id}
YAML
    expect_exit 0 redferry up
    sql 'ALTER TABLE users RENAME TO people'
    fault 0 '0 errors' 0
    expect_exit 2 redferry lint --database "$DB" data_migrations/2_users.yaml
    expect_equal "$(grep -c 'RF601' "$OUT")" 2 'what is found in a file that is named'
    sql 'ALTER TABLE people RENAME TO users'
    rm data_migrations/*
}

other_databases()
{
    write_migration 3_from.yaml <<'YAML'
up:
  - read: SELECT id FROM elsewhere
    from: OTHER_URL
    key: id
    write: SADD ids ${id}
down:
  - write: DEL ids
YAML
    fault 0 'note: step '
    OTHER_URL=$DB fault 2 elsewhere
    rm data_migrations/*
    write_migration 4_right.yaml <<'YAML'
up:
  - read: SELECT id FROM users
    key: id
    write: SADD ids ${id}
down:
  - write: DEL ids
YAML
    expect_exit 6 redferry lint --database sqlite:absent.db
    REDFERRY_DATABASE=sqlite:absent.db expect_exit 0 redferry lint
    rm data_migrations/*
}

# Groups are the query's own rows: to SQLite no index could spare sorting them, to PostgreSQL one does.
groups()
{
    sql 'CREATE TABLE likes (post bigint, person bigint, day date, PRIMARY KEY (post, person))'
    write_migration 1_likes.yaml <<'YAML'
up:
  - read: SELECT post, count(*) AS likes FROM likes GROUP BY post
    key: post
    write: SET likes:${post} ${likes}
  - read: SELECT day, count(*) AS likes FROM likes GROUP BY day
    key: day
    write: SET likes_on:${day} ${likes}
  - read: SELECT * FROM (VALUES (1), (2)) AS v
    key: column1
    write: SET number:${column1} yes
down:
  - read: SELECT DISTINCT post FROM likes
    key: post
    write: DEL likes:${post}
  - read: SELECT DISTINCT day FROM likes
    key: day
    write: DEL likes_on:${day}
  - write: DEL number:1 number:2
YAML
    redferry lint --database "$DB" >"$OUT" 2>"$ERR" || fail 'lint'
    expect_equal "$(sed -nE 's/^[^:]*:([0-9]+):[0-9]+: (note|warning): .*\[RF604\]$/\1 \2/p' "$OUT" | paste -sd,)" "$1" \
        'the lines where an index is missed'
    rm data_migrations/*
    sql 'DROP TABLE likes'
}

# A partitioned table says nothing of its indexes before it has a partition.
partitions()
{
    sql 'CREATE TABLE part (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)'
    write_migration 1_part.yaml <<'YAML'
up:
  - read: SELECT id, v FROM part
    key: id
    write: SET part:${id} ${v}
down:
  - read: SELECT id FROM part
    key: id
    write: DEL part:${id}
YAML
    expect_equal "$(found)" '' 'what is found of a table without partitions'
    sql 'CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (100)'
    expect_equal "$(found)" '' 'what is found of one partition'
    rm data_migrations/*
    sql 'DROP TABLE part'
}

# All that a database holds: its statements, or what a dump of it says.
contents()
{
    if [[ $DIALECT == sqlite ]]; then
        sql .dump
    else
        pg_dump --no-owner --restrict-key=same "$DB" 2>/dev/null || pg_dump --no-owner "$DB"
    fi
}

with_a_database()
{
    local timestamp=timestamptz before
    [[ $DIALECT == postgresql ]] || timestamp=timestamp
    sql "CREATE TABLE users (id bigint PRIMARY KEY, name text, country varchar(60), doc json, seen_at $timestamp,
        price double precision, is_new boolean, rank numeric)"
    before=$(contents)
    examples
    if [[ $DIALECT == postgresql ]]; then types '5 7 8 9 '; else types '7 8 9 '; fi
    if [[ $DIALECT == postgresql ]]; then
        groups '5 warning,8 note,15 warning'
        partitions
    else
        groups '2 note,5 note,8 note,12 note,15 note'
    fi
    other_databases
    expect_equal "$(contents)" "$before" 'the database'
    later
}

for_both_databases with_a_database
