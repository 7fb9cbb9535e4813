#!/usr/bin/env bash
# Goal: `redferry test` passes what is right and says of each kind of mistake where it stands, what was
# expected and what was got; with TAP and JSON; in the order of the versions, however many are tested at
# once; and nothing of it stays, whichever process is killed: no process, no directory, no database.
# not under valgrind: it is processes that are started and killed here
source "$(dirname "$0")/../support/scenario.sh"

# Everything that a test makes is below this directory, or a database of ours.
export TMPDIR=$SCRATCH/tmp
mkdir "$TMPDIR"

# tests ARGUMENT…: with PostgreSQL where that is what the scenario is about.
tests()
{
    local -a database=()
    [[ $DIALECT == sqlite ]] || database=(--database "$DB")
    redferry test ${database[@]+"${database[@]}"} "$@"
}

# What was printed, without how long it took; of 100 seconds some may have passed.
told()
{
    sed -E -e 's/ \([0-9.]+ s(, killed [0-9]+ times?)?\)$//' -e 's/^(    got       )9[5-9]$/\1100/' "$OUT"
}

expect_told()
{
    expect_equal "$(told)" "$(cat)" "${1:-what it says}"
}

databases_left()
{
    [[ $DIALECT == sqlite ]] ||
        psql -XAtq -d "$DB" -c "SELECT datname FROM pg_database WHERE datname LIKE 'redferry_test%'"
}

# Processes of ours have the directory on their command line (Redis), or our program's name.
processes_left()
{
    pgrep -f "$TMPDIR/redferry-test-" || true
}

# Whoever takes things away may still be at it when the command has ended by force.
expect_nothing_left()
{
    local tries=0
    until [[ -z $(ls -A "$TMPDIR")$(databases_left)$(processes_left) ]]; do
        ((tries++ < 1000)) ||
            fail "left: $(ls -A "$TMPDIR") $(databases_left) $(processes_left)"
        sleep 0.01
    done
}

# ---- what is right -----------------------------------------------------------------------------

flags_test()
{
    write_migration "$1.test.yaml" <<'YAML'
given:
  sql: |
    CREATE TABLE flags (name text PRIMARY KEY, enabled boolean NOT NULL);
    INSERT INTO flags VALUES ('a', true), ('b b', false);
  redis:
    - SADD flags legacy
    - RPUSH order a "b b"
expect:
  redis:
    - HGET flag:a enabled: true
    - HGETALL "flag:b b": {name: "b b", enabled: false}
    - SMEMBERS flags: [b b, legacy, a]
    - TTL ttl:a: 98
    - TTL flags: -1
    - GET nothing: null
    - ZRANGE board 0 -1 WITHSCORES: [b b, 1, a, 2.5]
    - LRANGE order 0 -1: [a, b b]
    - TYPE order: list
  published:
    - flags: '{"name":"a","enabled":true}'
    - flags: '{"name":"b b","enabled":false}'
    - done: '2 rows of 1_flags'
  sql:
    - SELECT count(*) FROM flags: 2
    - SELECT name FROM flags ORDER BY name: [a, b b]
    - SELECT name, enabled FROM flags ORDER BY name: [[a, true], [b b, false]]
    - SELECT max(name) FROM flags WHERE name > 'x': null
    - SELECT name FROM flags WHERE name > 'x': []
after_down:
  redis:
    - KEYS flag:*: []
    - SMEMBERS flags: [legacy]
  published: []
  sql:
    - SELECT count(*) FROM flags: 2
YAML
}

flags_migration()
{
    write_migration "$1.yaml" <<'YAML'
up:
  - name: flags
    read: SELECT name, enabled FROM flags
    key: name
    batch: 1
    pause: 10m
    write:
      - HSET flag:${name} ${*}
      - SADD flags ${name}
      - SET ttl:${name} x EX 100
    publish: flags
  - write: ZADD board 1 "b b" 2.5 a
down:
  - read: SELECT name FROM flags
    key: name
    write:
      - DEL flag:${name} ttl:${name} board
      - SREM flags ${name}
publish: {channel: done, message: '${rows} rows of ${version}_${name}'}
YAML
}

# Another database, an `sql` step, and a migration that `up` would leave alone.
from_elsewhere()
{
    write_migration 2_totals.yaml <<'YAML'
manual: true
up:
  - sql: UPDATE orders SET paid = true WHERE paid = false
  - name: old
    read: SELECT id, total FROM orders
    from: LEGACY_URL
    key: id
    write: HINCRBY totals ${id} ${total}
  - read: SELECT count(*) AS n FROM orders WHERE paid = true
    write: SET paid ${n}
YAML
    write_migration 2_totals.test.yaml <<'YAML'
repeatable: false # it adds
given:
  sql: CREATE TABLE orders (paid boolean); INSERT INTO orders VALUES (false), (true)
  redis: [HSET totals 1 1]
  from:
    LEGACY_URL: |
      CREATE TABLE orders (id integer PRIMARY KEY, total integer);
      INSERT INTO orders VALUES (1, 10), (2, 20);
expect:
  redis:
    - HGETALL totals: {1: 11, 2: 20}
    - GET paid: 2
  sql:
    - SELECT count(*) FROM orders WHERE paid: 2
YAML
}

right()
{
    unset REDFERRY_DATABASE REDFERRY_REDIS
    flags_migration 1_flags
    flags_test 1_flags
    from_elsewhere
    write_migration 3_more.yaml <<<'up: [write: SET x y]'
    # Whatever the environment says is left alone.
    DATABASE_URL=postgres://nobody@nowhere.invalid/x REDIS_URL=redis://nowhere.invalid LEGACY_URL=none \
        expect_exit 0 tests
    expect_told <<'TEXT'
ok   1_flags
ok   2_totals
--   3_more: has no test
2 tests: 2 ok, 0 failed; 1 migration without a test
TEXT
    expect_exit 8 tests --require-tests -q
    expect_told <<<'FAIL 3_more: has no test'
    expect_stderr_contains '1 migration has no test (--require-tests)'
    expect_exit 8 tests --require-tests 3
    expect_told <<'TEXT'
FAIL 3_more: has no test
1 test: 0 ok, 1 failed; 1 migration without a test
TEXT
    expect_exit 0 tests 2 1 --jobs 1 --tap
    expect_told 'TAP' <<'TEXT'
TAP version 13
ok 1 - 1_flags
ok 2 - 2_totals
1..2
TEXT
    expect_nothing_left
}

# What redferry itself keeps in Redis is not seen by a check, nor lost by it: also where one fails.
alone()
{
    write_migration 1_alone.yaml <<'YAML'
up:
  - read: SELECT name FROM flags
    key: name
    write: INCR flag:${name}
down:
  - write: DEL flag:a
YAML
    write_migration 1_alone.test.yaml <<'YAML'
repeatable: false
given:
  sql: CREATE TABLE flags AS SELECT 'a' AS name
  redis: [SET kept x EX 1000]
expect:
  redis:
    - KEYS *: [flag:a, kept]
    - DBSIZE: 2
    - SCAN 0: [0, [flag:a, kept]]
after_down:
  redis:
    - SCAN 0: [0, [kept]]
    - RANDOMKEY: kept
YAML
    expect_exit 0 tests --kills 6
    sed -i 's/DBSIZE: 2/DBSIZE: 3/' data_migrations/1_alone.test.yaml
    expect_exit 8 tests
    expect_told <<'TEXT'
FAIL 1_alone
  data_migrations/1_alone.test.yaml:8:7: after up: DBSIZE
    expected  3
    got       2
1 test: 0 ok, 1 failed
TEXT
}

by_name()
{
    local one
    flags_migration 1_flags
    flags_test 1_flags
    write_migration 2_more.yaml <<<'up: [write: SET x y]'
    for one in 1 1_flags data_migrations/1_flags.yaml data_migrations/1_flags.test.yaml; do
        expect_exit 0 tests "$one"
        expect_told "$one" <<'TEXT'
ok   1_flags
1 test: 1 ok, 0 failed
TEXT
    done
}

# ---- what is wrong ----------------------------------------------------------------------------

# Each expectation is wrong in its way, and so is the migration: it forgets, and it adds.
wrong_files()
{
    write_migration 1_flags.yaml <<'YAML'
up:
  - read: SELECT name, enabled FROM flags
    key: name
    write:
      - HSET flag:${name} enabled ${enabled}
      - SADD flags ${name}
      - RPUSH order ${name}
    publish: flags
  - write:
      - INCR runs
      - SETEX stamp 100 x
      - SETNX kept 1
down:
  - read: SELECT name FROM flags
    key: name
    write: DEL flag:${name}
publish: done
YAML
    write_migration 1_flags.test.yaml <<'YAML'
given:
  sql: |
    CREATE TABLE flags (name text PRIMARY KEY, enabled boolean NOT NULL);
    INSERT INTO flags VALUES ('a', true), ('b b', false);
expect:
  redis:
    - HGET flag:a enabled: "false"
    - HGETALL flag:a: {enabled: true, more: x}
    - SMEMBERS flags: [b b]
    - TTL stamp: 50
    - TTL flags: 1
    - GET nothing: nil
    - EXISTS "flag:b b": null
    - HGET flags x: 1
    - LRANGE order 0 -1: [b b, a]
  published:
    - flags: '{"name":"a","enabled":true}'
    - lost: one
    - flags: '{"name":"b b","enabled":true}'
  sql:
    - SELECT count(*) FROM flags: 3
    - SELECT name, enabled FROM flags ORDER BY name: [[a, true]]
    - SELECT enabled FROM flags ORDER BY name: [false, true]
    - SELECT name FROM flags WHERE name > 'x': a
after_down:
  redis:
    - EXISTS flags flag:a: 0
  published:
    - bye: x
YAML
    write_migration 2_fails.yaml <<'YAML'
up:
  - read: SELECT name FROM nowhere
    key: name
    write: SET ${name} x
YAML
    write_migration 2_fails.test.yaml <<<'expect: {redis: [EXISTS x: 0]}'
    write_migration 3_given.yaml <<<'up: [write: SET x y]'
    write_migration 3_given.test.yaml <<'YAML'
given:
  sql: |
    CREATE TABLE t (i integer);
    INSERT INTO nowhere
    VALUES (1);
expect:
  redis: [GET x: y]
YAML
    write_migration 4_given.yaml <<<'up: [write: SET x y]'
    write_migration 4_given.test.yaml <<'YAML'
given:
  redis:
    - SET x 1
    - HSET x y 1
expect:
  redis: [GET x: y]
YAML
}

wrong()
{
    local nowhere='no such table: nowhere' given='no such table: nowhere'
    if [[ $DIALECT == postgresql ]]; then
        nowhere='relation "nowhere" does not exist (line 1, column 18)'
        given='relation "nowhere" does not exist (line 1, column 13)'
    fi
    wrong_files
    expect_exit 8 tests
    expect_told <<TEXT
FAIL 1_flags
  data_migrations/1_flags.test.yaml:7:7: after up: HGET flag:a enabled
    expected  false
    got       true
  data_migrations/1_flags.test.yaml:8:7: after up: HGETALL flag:a
    expected  {enabled: true, more: x}
    got       {enabled: true}
  data_migrations/1_flags.test.yaml:9:7: after up: SMEMBERS flags
    expected  ["b b"]
    got       [a, "b b"]
  data_migrations/1_flags.test.yaml:10:7: after up: TTL stamp
    expected  50
    got       100
  data_migrations/1_flags.test.yaml:11:7: after up: TTL flags
    expected  1
    got       -1
  data_migrations/1_flags.test.yaml:12:7: after up: GET nothing
    expected  "nil"
    got       nil
  data_migrations/1_flags.test.yaml:13:7: after up: EXISTS "flag:b b"
    expected  nil
    got       1
  data_migrations/1_flags.test.yaml:14:7: after up: HGET flags x
    expected  1
    got       the error WRONGTYPE Operation against a key holding the wrong kind of value: 'flags' is a set
  data_migrations/1_flags.test.yaml:15:7: after up: LRANGE order 0 -1
    expected  ["b b", a]
    got       [a, "b b"]
  data_migrations/1_flags.test.yaml:21:7: after up: SELECT count(*) FROM flags
    expected  3
    got       2
  data_migrations/1_flags.test.yaml:22:7: after up: SELECT name, enabled FROM flags ORDER BY name
    expected  [[a, true]]
    got       [[a, true], ["b b", false]]
  data_migrations/1_flags.test.yaml:23:7: after up: SELECT enabled FROM flags ORDER BY name
    expected  [false, true]
    got       [true, false]
  data_migrations/1_flags.test.yaml:24:7: after up: SELECT name FROM flags WHERE name > 'x'
    expected  a
    got       []
  data_migrations/1_flags.test.yaml:18:7: after up: published
    expected  lost: one
    got       flags: '{"name":"b b","enabled":false}'
  data_migrations/1_flags.test.yaml:19:7: after up: published
    expected  flags: '{"name":"b b","enabled":true}'
    got       done: '{"version":1,"name":"flags","rows":2}'
  data_migrations/1_flags.test.yaml: after a second up: key order, element 2
    expected  nothing
    got       a
  data_migrations/1_flags.test.yaml: after a second up: key order, element 3
    expected  nothing
    got       "b b"
  data_migrations/1_flags.test.yaml: after a second up: key runs
    expected  1
    got       2
  data_migrations/1_flags.test.yaml:27:7: after down: EXISTS flags flag:a
    expected  0
    got       1
  data_migrations/1_flags.test.yaml:29:7: after down: published
    expected  bye: x
    got       no message
FAIL 2_fails
  up: data_migrations/2_fails.yaml:2:11: step 'step 1': $nowhere
FAIL 3_given
  given: data_migrations/3_given.test.yaml:3:5: given.sql: statement 2 (INSERT INTO nowhere…): $given
FAIL 4_given
  given: data_migrations/4_given.test.yaml:4:7: 'HSET x y 1': Redis answered: WRONGTYPE Operation against a key holding the wrong kind of value
4 tests: 0 ok, 4 failed
TEXT
    expect_stderr_contains 'redferry: 4 of 4 tests failed'
    expect_nothing_left
}

# What is given and never committed would be gone before the migration reads it.
left_open()
{
    write_migration 1_open.yaml <<'YAML'
up:
  - read: SELECT name FROM features
    key: name
    write: SADD flags ${name}
YAML
    write_migration 1_open.test.yaml <<'YAML'
given:
  sql: |
    BEGIN;
    CREATE TABLE features (name text PRIMARY KEY);
    COMMIT;
    begin;
    INSERT INTO features VALUES ('a');
    SAVEPOINT here;
    ROLLBACK TO here;
expect:
  redis:
    - EXISTS flags: 0
YAML
    expect_exit 8 tests
    expect_stdout_contains 'data_migrations/1_open.test.yaml:3:5: given.sql: statement 4 begins a transaction that nothing ends: what follows it would be lost; a COMMIT is missing'
    sed -i 's/^    ROLLBACK TO here;/&\n    COMMIT;/; s/EXISTS flags: 0/SMEMBERS flags: [a]/' data_migrations/1_open.test.yaml
    expect_exit 0 tests
    expect_nothing_left
}

# What an unwatched second time changes, type by type.
second_time()
{
    write_migration 1_again.yaml <<'YAML'
up:
  - write:
      - HINCRBY hash a 1
      - HSET hash b 1
      - SADD set x
      - ZADD zset INCR 1 m
      - XADD stream * f v
      - APPEND text x
      - GETSET other x
      - SETEX late 1000 x
      - EVAL "if redis.call('EXISTS','second')==1 then redis.call('SADD','set','y'); redis.call('EXPIRE','late',10); redis.call('DEL','list','other'); redis.call('RPUSH','other','x') else redis.call('RPUSH','list','x','y'); redis.call('SET','second','1') end" 0
YAML
    write_migration 1_again.test.yaml <<<'expect: {redis: [EXISTS hash: 1]}'
    write_migration 2_groups.yaml <<'YAML'
up:
  - write: EVAL "if redis.call('EXISTS','st')==0 then redis.call('XADD','st','1-1','f','v'); redis.call('XGROUP','CREATE','st','g 1','0'); redis.call('XGROUP','CREATE','st','g2','0') else redis.call('XREADGROUP','GROUP','g 1','bob','STREAMS','st','>'); redis.call('XGROUP','DESTROY','st','g2'); redis.call('XGROUP','CREATE','st','g3','$') end" 0
YAML
    write_migration 2_groups.test.yaml <<<'expect: {redis: [XLEN st: 1]}'
    expect_exit 8 tests
    sed -i -E 's/[0-9]{13}-[0-9]+/ID/; s/(9|10)[0-9]*\.[0-9]{3} s/TTL/' "$OUT"
    expect_told <<'TEXT'
FAIL 1_again
  data_migrations/1_again.test.yaml: after a second up: key hash, field a
    expected  1
    got       2
  data_migrations/1_again.test.yaml: after a second up: key late, TTL
    expected  TTL
    got       TTL
  data_migrations/1_again.test.yaml: after a second up: key list
    expected  [x, y]
    got       no such key
  data_migrations/1_again.test.yaml: after a second up: key other, type
    expected  string
    got       list
  data_migrations/1_again.test.yaml: after a second up: key set, member y
    expected  nothing
    got       there
  data_migrations/1_again.test.yaml: after a second up: key stream, entry 1
    expected  nothing
    got       [ID, [f, v]]
  data_migrations/1_again.test.yaml: after a second up: key text
    expected  x
    got       xx
  data_migrations/1_again.test.yaml: after a second up: key zset, member m
    expected  1
    got       2
FAIL 2_groups
  data_migrations/2_groups.test.yaml: after a second up: key st, group "g 1", at consumers
    expected  []
    got       [bob]
  data_migrations/2_groups.test.yaml: after a second up: key st, group "g 1", at last-delivered-id
    expected  0-0
    got       1-1
  data_migrations/2_groups.test.yaml: after a second up: key st, group "g 1", at pending
    expected  []
    got       [[1-1, bob, 1]]
  data_migrations/2_groups.test.yaml: after a second up: key st, group g2
    expected  {consumers: [], last-delivered-id: 0-0, pending: []}
    got       nothing
  data_migrations/2_groups.test.yaml: after a second up: key st, group g3
    expected  nothing
    got       {consumers: [], last-delivered-id: 1-1, pending: []}
2 tests: 0 ok, 2 failed
TEXT
}

# Messages of SPUBLISH, from `write`, from a script, and of any bytes, in their places among the others; and
# where nothing may be said they are not passed over.
shards()
{
    write_migration 1_shards.yaml <<'YAML'
up:
  - read: SELECT name, message FROM said
    key: name
    write:
      - SPUBLISH ${name} ${message}
      - PUBLISH all ${name}
  - write: EVAL "redis.call('spublish', 'script', ARGV[1])" 0 "$${x} \"q\"\n"
down:
  - read: SELECT name FROM said
    key: name
    write: SPUBLISH ${name} ''
YAML
    write_migration 1_shards.test.yaml <<'YAML'
repeatable: false
given:
  sql: |
    CREATE TABLE said (name text PRIMARY KEY, message text NOT NULL);
    INSERT INTO said VALUES ('a', '] "SPUBLISH" "x" "y"'), ('b b', 'ü');
expect:
  published:
    - a: '] "SPUBLISH" "x" "y"'
    - all: a
    - b b: ü
    - all: b b
    - script: "${x} \"q\"\n"
after_down:
  published:
    - a: ''
    - b b: ''
YAML
    expect_exit 0 tests --allow-repeats
    # What a script did whose answer was lost nobody can know.
    sed -i '/EVAL/d' data_migrations/1_shards.yaml
    sed -i '/- script:/d' data_migrations/1_shards.test.yaml
    expect_exit 0 tests --kills 6
    sed -i -e '/^expect:/,/^after_down:/{/^  published:$/d;/^    - /d}' -e 's/^expect:$/&\n  published: []/' -e 's/^    - a: .*/    - a: none/' \
        data_migrations/1_shards.test.yaml
    expect_exit 8 tests
    expect_told <<'TEXT'
FAIL 1_shards
  data_migrations/1_shards.test.yaml:7:3: after up: published
    expected  no message
    got       a: '] "SPUBLISH" "x" "y"'
  data_migrations/1_shards.test.yaml:7:3: after up: published
    expected  no message
    got       all: a
  data_migrations/1_shards.test.yaml:7:3: after up: published
    expected  no message
    got       "b b": ü
  data_migrations/1_shards.test.yaml:7:3: after up: published
    expected  no message
    got       all: "b b"
  data_migrations/1_shards.test.yaml:10:7: after down: published
    expected  a: none
    got       a: ""
1 test: 0 ok, 1 failed
TEXT
}

# What a `down` leaves may be in the way of the next `up`, in Redis and in SQL.
behind_down()
{
    write_migration 1_down.yaml <<'YAML'
up:
  - write: SETNX state done
down:
  - write: SET state undone
YAML
    write_migration 1_down.test.yaml <<'YAML'
expect:
  redis: [GET state: done]
after_down:
  redis: [GET state: undone]
YAML
    write_migration 2_down.yaml <<'YAML'
up:
  - sql: DELETE FROM names
down:
  - sql: DROP TABLE names
YAML
    write_migration 2_down.test.yaml <<'YAML'
given:
  sql: CREATE TABLE names (name text)
expect:
  sql: [SELECT count(*) FROM names: 0]
YAML
    expect_exit 8 tests
    sed -i 's/up behind down: .*names.*/up behind down: names/' "$OUT"
    expect_told <<'TEXT'
FAIL 1_down
  data_migrations/1_down.test.yaml:2:11: after up behind down: GET state
    expected  done
    got       undone
FAIL 2_down
  up behind down: names
2 tests: 0 ok, 2 failed
TEXT
}

# tap_is_valid FILE WANT: numbers in turn, one plan, and blocks that are YAML; and Perl's parser, from where the
# protocol comes, has nothing against it, and counts so many passed, failed, skipped.
tap_is_valid()
{
    expect_equal "$(perl -MTAP::Parser -e '
        local $/;
        my $parser = TAP::Parser->new({tap => <STDIN>});
        $parser->run;
        print join " ", (map { scalar $parser->$_ } qw(passed failed skipped todo)), $parser->parse_errors' <"$1")" \
        "$2" 'passed, failed, skipped, to do; no error'
    python3 - "$1" <<'PYTHON'
import re, sys, yaml
lines = open(sys.argv[1]).read().splitlines()
assert lines[0] == "TAP version 13", lines[0]
number, plans, block = 0, [], None
for line in lines[1:]:
    if block is not None:
        if line == "  ...":
            assert isinstance(yaml.safe_load("\n".join(block)), dict), block
            block = None
        else:
            assert line.startswith("  "), line
            block.append(line)
    elif line == "  ---":
        block = []
    elif re.fullmatch(r"1\.\.\d+", line):
        plans.append(int(line[3:]))
    elif not line.startswith("# "):
        found = re.fullmatch(r"(not )?ok (\d+) - (?:[^#\\]|\\[#\\])+(# SKIP .*)?", line)
        assert found, line
        number += 1
        assert int(found[2]) == number, line
assert block is None and plans == [number], (plans, number)
PYTHON
}

tap_and_json()
{
    wrong_files
    write_migration 5_none.yaml <<<'up: [write: SET x y]'
    write_migration '6_made # TODO it \#.yaml' <<<'up: [write: SET x y]' # no directive
    write_migration '6_made # TODO it \#.test.yaml' <<<'expect: {redis: [GET x: z]}'
    expect_exit 8 tests --tap
    tap_is_valid "$OUT" '1 5 1 0' || fail 'no valid TAP'
    expect_stdout_contains 'not ok 6 - 6_made \# TODO it \\\#'
    rm data_migrations/6_*
    expect_stdout_contains 'ok 5 - 5_none # SKIP it has no test'
    expect_stdout_contains '      expected: "{enabled: true, more: x}"'
    expect_stdout_contains '      line: 7'
    grep -q 'line: 0' "$OUT" && fail 'a line that is none'
    expect_exit 8 tests --tap --require-tests 3 5
    tap_is_valid "$OUT" '0 2 0 0' || fail 'no valid TAP'
    expect_stdout_contains 'not ok 2 - 5_none'
    expect_exit 2 tests --tap 9
    expect_stdout_contains 'Bail out! there is no migration 9'
    expect_exit 8 tests --json
    expect_equal "$(python3 -c '
import json, sys
document = json.load(sys.stdin)
print(document["ok"], document["failed"], document["untested"], document["exit"], document["seed"])
for test in document["tests"]:
    print(test["name"], test["verdict"], len(test["differences"]), test["error_moment"], test["omitted"])
print(document["tests"][0]["differences"][0])' <"$OUT")" "0 4 1 8 None
flags failed 20 None 0
fails failed 0 up 0
given failed 0 given 0
given failed 0 given 0
none untested 0 None 0
{'line': 7, 'column': 7, 'moment': 'after up', 'what': 'HGET flag:a enabled', 'expected': 'false', 'got': 'true'}" 'the document'
    expect_exit 2 redferry test --json --tap
}

# ---- in order ----------------------------------------------------------------------------------

# The slowest is told first all the same.
in_order()
{
    local i
    for i in 1 2 3 4 5 6; do
        write_migration "${i}_m.yaml" <<<'up: [write: SET x y]'
        write_migration "${i}_m.test.yaml" <<<'expect: {redis: [GET x: y]}'
    done
    write_migration 1_m.test.yaml <<'YAML'
given:
  sql: CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) AS i FROM n
expect: {redis: [GET x: y]}
YAML
    expect_exit 0 tests --jobs 3
    expect_told <<'TEXT'
ok   1_m
ok   2_m
ok   3_m
ok   4_m
ok   5_m
ok   6_m
6 tests: 6 ok, 0 failed
TEXT
}

# ---- files and servers that are not right ------------------------------------------------------

refused()
{
    expect_exit 2 tests "${@:2}"
    expect_stderr_contains "$1"
    [[ ! -s $OUT ]] || fail 'a test was run'
    expect_nothing_left
}

bad_files()
{
    flags_migration 1_flags
    flags_test 1_flags
    refused "'nonsense' is neither a file nor a version" nonsense
    refused 'there is no migration 9' 9
    refused "migration 1 is called 'flags', not 'flogs'" 1_flogs
    refused 'nowhere.yaml: cannot be read' nowhere.yaml
    write_migration 2_lost.test.yaml <<<'expect: {redis: [GET x: y]}'
    refused 'data_migrations/2_lost.test.yaml: there is no migration that this is a test of'
    refused 'data_migrations/2_lost.test.yaml: there is no migration that this is a test of' \
        data_migrations/2_lost.test.yaml
    rm data_migrations/2_lost.test.yaml
    sed -i 's/^expect:/except:/' data_migrations/1_flags.test.yaml
    refused "data_migrations/1_flags.test.yaml:8:1: unknown key 'except'"
    from_elsewhere
    sed -i '/^  from:/,/INSERT INTO orders VALUES (1/d' data_migrations/2_totals.test.yaml
    LEGACY_URL=sqlite:legacy.db refused "data_migrations/2_totals.test.yaml: step 'old' reads from LEGACY_URL, which the test does not give: add 'LEGACY_URL:' with its statements to 'given: from:'" 2
    rm data_migrations/2_totals.*
    cp data_migrations/1_flags.test.yaml data_migrations/2_b.test.yaml
    cp data_migrations/1_flags.yaml data_migrations/2_b.yaml
    refused '(and 1 more)'
    echo 'up: [' >data_migrations/2_b.yaml
    refused 'data_migrations/2_b.yaml:2:1'
    rm -r data_migrations
    refused "there is no migrations directory 'data_migrations'"
    mkdir data_migrations
    expect_exit 0 tests
    expect_told <<<'nothing to test: there are no migrations'
    expect_exit 0 tests --tap
    expect_told <<<$'TAP version 13\n1..0 # SKIP there are no migrations'
}

# Directories of PATH without a Redis.
without_redis()
{
    mkdir -p "$SCRATCH/empty"
    PATH=$SCRATCH/empty "$REDFERRY_PROGRAM" "$@"
}

bad_servers()
{
    flags_migration 1_flags
    flags_test 1_flags
    expect_exit 2 without_redis test
    expect_stderr_contains 'neither redis-server nor valkey-server is in PATH: install one'
    REDFERRY_REDIS_SERVER=/nowhere/redis-server expect_exit 2 redferry test
    expect_stderr_contains "REDFERRY_REDIS_SERVER: '/nowhere/redis-server' is no program"
    printf '#!/bin/sh\necho something\necho no memory today\nexit 1\n' >"$SCRATCH/bad-redis"
    chmod +x "$SCRATCH/bad-redis"
    REDFERRY_REDIS_SERVER=$SCRATCH/bad-redis expect_exit 2 redferry test
    expect_stderr_contains "'$SCRATCH/bad-redis' does not start: no memory today"
    REDFERRY_REDIS_SERVER=/bin/true expect_exit 2 redferry test
    expect_stderr_contains "'/bin/true' does not start: it wrote nothing"
    # A server behind a shell is one all the same, and goes with it.
    printf '#!/bin/sh\n"%s" "$@"\n' "$(command -v redis-server)" >"$SCRATCH/wrapped-redis"
    chmod +x "$SCRATCH/wrapped-redis"
    REDFERRY_REDIS_SERVER=$SCRATCH/wrapped-redis expect_exit 0 redferry test
    expect_exit 2 redferry test --redis redis://localhost
    expect_exit 2 redferry test --ledger sqlite:ledger.db
    expect_stderr_contains "'test' keeps each ledger in its scratch database, and takes no '--ledger'"
    expect_exit 2 redferry test --max-time 1m
    expect_stderr_contains "'test' has '--timeout', and takes no '--max-time'"
    expect_exit 2 redferry test --database sqlite:app.db
    expect_stderr_contains 'it names a PostgreSQL to make scratch databases on'
    expect_exit 6 redferry test --database 'postgresql:///x?host=/nowhere'
    expect_exit 2 redferry test --jobs 0
    expect_exit 2 redferry test --seed 1
    # A directory whose name is no address for a socket.
    mkdir -p "$SCRATCH/a b%/$(printf 'x%.0s' {1..80})"
    TMPDIR=$(echo "$SCRATCH"/a*/x*) expect_exit 0 redferry test
    expect_nothing_left
}

# A server that dies is not waited for, and named as what it is.
redis_dies()
{
    printf '#!/bin/sh\n%s\n%s\n%s\n' "'$(command -v redis-server)' \"\$@\" & pid=\$!" \
        'while [ "$(redis-cli -s "$4" EXISTS x 2>&1)" != 1 ]; do sleep 0.02; done' \
        'kill -KILL $pid; exit 7' >"$SCRATCH/mortal-redis"
    chmod +x "$SCRATCH/mortal-redis"
    write_migration 1_long.yaml <<'YAML'
up:
  - read: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i FROM n
    key: i
    batch: 10
    write: SET x ${i}
YAML
    write_migration 1_long.test.yaml <<<'expect: {redis: [GET x: 1]}'
    SECONDS=0
    REDFERRY_REDIS_SERVER=$SCRATCH/mortal-redis expect_exit 8 redferry test
    expect_stdout_contains '  up: the scratch Redis ended with exit code 7: '
    ((SECONDS < 20)) || fail "it took $SECONDS s"
    expect_nothing_left
}

# No file may grow longer than so many KiB, which is what a full disk is like; what is told goes elsewhere.
short_of_disk()
{
    (
        ulimit -f "$1"
        trap '' XFSZ
        exec "$REDFERRY_PROGRAM" test 2>&1
    ) | cat
}

# Where there is no room, that is what a test fails with, wherever it is, and nothing stays.
full_disk()
{
    local size
    flags_migration 1_flags
    flags_test 1_flags
    for size in 0 8 16 24; do
        expect_exit 8 short_of_disk $size
        expect_stdout_contains "$([[ $size == 0 ]] && echo "0.verdict': File too large" || echo ': disk I/O error')"
        expect_nothing_left
    done
}

# Where the server has few connections, tests wait for each other.
few_connections()
{
    local i url="${DB/user=postgres/user=few}" busy=()
    sql 'CREATE ROLE few LOGIN CREATEDB CONNECTION LIMIT 4'
    for i in 1 2 3 4 5 6; do
        write_migration "${i}_m.yaml" <<<'up: [{read: SELECT 1 AS a, key: a, write: "SET x ${a}"}]'
        write_migration "${i}_m.test.yaml" <<<'expect: {redis: [GET x: 1], sql: [SELECT 1: 1]}'
    done
    expect_exit 0 redferry test --database "$url" --jobs 6
    for i in 1 2 3 4; do
        psql -XAtq -d "$url" -c 'SELECT pg_sleep(2)' >/dev/null &
        busy+=($!)
    done
    until [[ $(psql -XAtq -d "$DB" -c "SELECT count(*) FROM pg_stat_activity WHERE usename = 'few' AND query LIKE '%pg_sleep%'") == 4 ]]; do
        sleep 0.02
    done
    expect_exit 0 redferry test 1 2 --database "$url" --jobs 2
    wait "${busy[@]}"
    expect_nothing_left
}

a_role_without_rights()
{
    flags_migration 1_flags
    flags_test 1_flags
    sql 'CREATE ROLE plain LOGIN'
    expect_exit 2 redferry test --database "${DB/user=postgres/user=plain}"
    expect_stderr_contains 'the role may not make scratch databases: ALTER ROLE … CREATEDB permits it'
    sql 'ALTER ROLE plain CREATEDB'
    expect_exit 0 redferry test --database "${DB/user=postgres/user=plain}"
    # The encoding is that of the database that is named.
    psql -XAtq -d "$DB" -c "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
    write_migration 2_encoding.yaml <<<'up: [write: SET x y]'
    write_migration 2_encoding.test.yaml <<'YAML'
given:
  sql: CREATE TABLE t AS SELECT 'Zoë'::text AS name
expect:
  sql:
    - SHOW server_encoding: LATIN1
    - SELECT name FROM t: Zoë
    - SELECT datcollate FROM pg_database WHERE datname = current_database(): C
YAML
    sed -i '/SHOW/d' data_migrations/2_encoding.test.yaml
    sed -i "s/^  sql:\$/&\n    - SELECT current_setting('server_encoding'): LATIN1/" data_migrations/2_encoding.test.yaml
    expect_exit 0 redferry test 2 --database "${DB/\/s*\?//latin?}"
    expect_nothing_left
}

# ---- killed ------------------------------------------------------------------------------------

# One that is under way for long, so that it can be killed.
long_one()
{
    local query='SELECT pg_sleep(600)'
    [[ $DIALECT == postgresql ]] ||
        query='WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000) SELECT max(i) FROM n'
    write_migration 1_long.yaml <<YAML
up:
  - read: $query
    write: SET x y
YAML
    write_migration 1_long.test.yaml <<<'expect: {redis: [GET x: y]}'
    cp data_migrations/1_long.yaml data_migrations/2_long.yaml
    cp data_migrations/1_long.test.yaml data_migrations/2_long.test.yaml
}

# begin_long_one [WRAPPER]: and wait until two servers are there. Sets tester, keeper.
begin_long_one()
{
    local -a database=()
    local tries=0
    [[ $DIALECT == sqlite ]] || database=(--database "$DB")
    # A shell starts what is in its background deaf to SIGINT.
    "$@" env --default-signal=INT "$REDFERRY_PROGRAM" test --jobs 2 ${database[@]+"${database[@]}"} >"$OUT" 2>"$ERR" &
    tester=$!
    until [[ $(compgen -G "$TMPDIR/redferry-test-*/[01]/redis.sock" | wc -l) == 2 ]]; do
        ((tries++ < 2000)) || fail 'no server is started'
        sleep 0.01
    done
    keeper=$(pgrep -P "$tester")
}

# Returns how it ended.
end_long_one()
{
    local code=0
    wait "$tester" 2>/dev/null || code=$?
    expect_nothing_left
    return "$code"
}

killed()
{
    local worker
    long_one

    begin_long_one
    kill -KILL "$tester"
    expect_exit 137 end_long_one

    begin_long_one
    kill -INT "$tester"
    expect_exit 130 end_long_one

    # Who gives up on a job, and kills all of it at once, does not reach whoever takes things away.
    begin_long_one setsid
    kill -KILL -- "-$tester"
    expect_exit 137 end_long_one

    begin_long_one
    kill -KILL "$keeper"
    expect_exit 1 end_long_one

    # One of those that do the work: only its test fails.
    begin_long_one
    for worker in $(pgrep -P "$keeper"); do
        kill -KILL "$worker"
    done
    wait "$tester" && fail 'a test was killed, and passed' || expect_equal $? 8 'the exit code'
    scenario_last=
    expect_stdout_contains 'its process was killed by signal 9 (Killed)'
    expect_nothing_left
}

# ---- kill -9 inside ----------------------------------------------------------------------------

kills()
{
    local seed
    flags_migration 1_flags
    flags_test 1_flags
    expect_exit 0 tests --kills 8
    grep -Eq '^ok   1_flags \([0-9.]+ s, killed 1[678] times\)$' "$OUT" || fail 'it was not killed'
    # Without a key it starts over, and what it counted before is counted twice.
    write_migration 2_count.yaml <<'YAML'
up:
  - read: SELECT name FROM flags
    batch: 1
    write: INCR total
YAML
    write_migration 2_count.test.yaml <<'YAML'
repeatable: false
given:
  sql: CREATE TABLE flags AS SELECT 'a' AS name UNION ALL SELECT 'b' UNION ALL SELECT 'c'
expect:
  redis: [GET total: 3]
YAML
    expect_exit 0 tests 2 --allow-repeats
    expect_exit 8 tests 2 --allow-repeats --kills 60
    grep -Eq '^  data_migrations/2_count.test.yaml: after a kill at [0-9]+ of [0-9]+: key total$' "$OUT" ||
        fail 'no kill is told of'
    [[ $DIALECT == sqlite ]] || return 0
    seed=$(sed -n 's/^--seed \([0-9]*\) repeats .*/\1/p' "$OUT")
    expect_exit 8 tests 2 --allow-repeats --kills 60 --seed "$seed" --json
    expect_stdout_contains "\"seed\": \"$seed\""
    expect_nothing_left
}

for_both_databases right
with_database sqlite alone
with_database sqlite by_name
for_both_databases wrong
for_both_databases left_open
with_database sqlite second_time
with_database sqlite shards
for_both_databases behind_down
with_database sqlite tap_and_json
with_database sqlite in_order
with_database sqlite bad_files
with_database sqlite bad_servers
with_database sqlite redis_dies
with_database sqlite full_disk
with_database postgresql few_connections
with_database postgresql a_role_without_rights
for_both_databases killed
for_both_databases kills
