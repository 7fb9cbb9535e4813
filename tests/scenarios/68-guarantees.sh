#!/usr/bin/env bash
# Goal: which guarantee a step gets is known before anything runs. `lint` shows it, and a step of which
# nothing can be promised is refused by `lint`, `up`, `run`, `down` and `redo` before anything is
# written anywhere, wherever it stands; --allow-repeats runs it. A server to which nothing can be
# promised (a cluster, a replica) is refused as well.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/refusals.sh"

begin()
{
    behind_passwords
    sql "CREATE TABLE t (id integer PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'a'), (2, 'b')"
}

# What is promised of the first step of `up`, whose YAML is given.
promise_of()
{
    write_migration 1_step.yaml <<<"up:
$1"
    redferry lint --json >"$OUT" 2>"$ERR" || true
    sqlite3 -batch -bail -init /dev/null :memory: \
        "SELECT json_extract(readfile('$OUT'), '\$.steps[0].guarantee')"
}

# GUARANTEE YAML
promised()
{
    expect_equal "$(promise_of "$2")" "$1" "what is promised of $2"
}

the_table()
{
    local command
    promised 'exactly once' $'  - read: SELECT id FROM t\n    key: id\n    write: INCR n:${id}'
    promised 'exactly once' $'  - read: SELECT id FROM t\n    key: id\n    write: SET n:${id} 1'
    promised 'exactly once' $'  - read: SELECT id FROM t\n    key: id\n    publish: news'
    promised 'at least once' $'  - read: SELECT id FROM t\n    write: SET n:${id} 1'
    promised 'at least once' $'  - read: SELECT id FROM t\n    write:\n      - HSET h ${id} 1\n      - SADD s ${id}\n      - ZADD z 1 ${id}'
    promised 'exactly once' '  - write: INCR n'
    promised 'exactly once' '  - publish: {channel: news, message: once}'
    promised 'exactly once' '  - sql: UPDATE t SET name = 1'
    for command in 'INCR n' 'INCRBY n ${id}' 'RPUSH l ${id}' 'LPUSH l ${id}' 'XADD x * id ${id}' \
        'PUBLISH c ${id}' 'APPEND a ${id}' 'HINCRBY h f 1' 'ZINCRBY z 1 m' 'ZADD z INCR 1 m' \
        'SPOP s' 'EVAL "return 1" 0' 'SOME.MODULE ${id}'; do
        promised refused "  - read: SELECT id FROM t
    write: '$command'"
    done
    promised refused $'  - read: SELECT id FROM t\n    publish: news'
    promised refused $'  - read: SELECT id FROM t\n    write:\n      - SET a ${id}\n      - INCR n'
}

# Refused by lint and by `up`; the run, the lock and the tables do not come to be.
refused_everywhere()
{
    local why="'INCR n:\${id}' must not be repeated, and without a \`key\` the step cannot know where it stopped: give it a \`key\` (or --allow-repeats)"
    begin
    write_migration 1_good.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: SET v:${id} 1
YAML
    write_migration 2_bad.yaml <<'YAML'
up:
  - write: SET first 1
  - name: count
    read: SELECT id FROM t
    write:
      - SET v:${id} 2
      - INCR n:${id}
down:
  - write: DEL first
YAML
    refused 2 "data_migrations/2_bad.yaml:7:9: step 'count': $why"
    refused 2 "data_migrations/2_bad.yaml:7:9: step 'count': $why" redferry run 2
    expect_equal "$(redis EXISTS v:1 first)" 0 'what Redis holds'
    expect_exit 2 redferry lint
    expect_stdout_contains "data_migrations/2_bad.yaml:7:9: error: step 'count': $why"
    expect_stdout_contains 'refused'
    expect_exit 0 redferry lint --allow-repeats
    expect_stdout_contains "data_migrations/2_bad.yaml:7:9: warning: step 'count': "
    expect_stdout_lacks refused

    expect_exit 0 redferry up --to 1 # what is not wanted is not in the way
    expect_exit 0 redferry up --allow-repeats
    expect_equal "$(redis MGET first v:1 n:1 n:2)" $'1\n2\n1\n1' 'what Redis holds'
    refused 2 "data_migrations/2_bad.yaml:7:9: step 'count': $why" redferry run 2 --again
    refused 2 "data_migrations/2_bad.yaml:7:9: step 'count': $why" redferry run --all --again
    refused 2 "data_migrations/2_bad.yaml:7:9: step 'count': $why" redferry redo
}

# The steps of `down` are judged when they are to run; lint tells of them at once. What the ledger
# kept of a file that is gone is judged as the file was.
undoing()
{
    begin
    write_migration 1_bad_down.yaml <<'YAML'
up:
  - write: SET n 2
down:
  - read: SELECT id FROM t
    write: DECR n
YAML
    expect_exit 2 redferry lint
    expect_stdout_contains "1_bad_down.yaml:5:12: error: step 'step 1': 'DECR n' must not be repeated"
    expect_exit 0 redferry up
    refused 2 "1_bad_down.yaml:5:12: step 'step 1': 'DECR n' must not be repeated" redferry down
    rm data_migrations/1_bad_down.yaml
    refused 2 "(ledger, run 1):5:12: step 'step 1': 'DECR n' must not be repeated" redferry down --only 1
    expect_equal "$(redis GET n)" 2 'what Redis holds'
    expect_exit 0 redferry down --allow-repeats
    expect_equal "$(redis GET n)" 0 'what Redis holds after down'
}

# The message at the end is sent at least once, and needs no key.
top_level()
{
    begin
    write_migration 1_news.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    write: SET v:${id} 1
publish: {channel: news, message: "${rows}"}
YAML
    expect_exit 0 redferry lint
    listen news
    expect_exit 0 redferry up
    expect_equal "$(heard)" 'news 2' 'the message'
}

# ---- servers ----------------------------------------------------------------------------------

# The URL, and why it is refused with which code.
server_refused()
{
    refused_url=$1
    refused "$2" "$3" up_to_it
    expect_equal "$(sql "SELECT count(*) FROM sqlite_master WHERE name LIKE 'data_migration%'")" 0 \
        'the tables'
}

up_to_it()
{
    redferry up -r "$refused_url" "$@"
}

servers()
{
    local MANNERS=('' '--json') socket=$REDIS_SOCKET url=$REDIS_URL pid=$REDIS_PID directory=$REDIS_DIR
    sql 'CREATE TABLE t (id integer PRIMARY KEY)'
    write_migration 1_key.yaml <<<$'up:\n  - write: SET key 1'

    start_redis_tcp --cluster-enabled yes
    REDIS_SOCKET=$socket server_refused "unix://$REDIS_SOCKET" 2 \
        "'unix://$REDIS_SOCKET': a Redis Cluster is not supported yet"
    start_redis_tcp
    local primary=$REDIS_PORT
    start_redis --replicaof "127.0.0.1 $primary"
    until redis INFO replication | grep -q master_link_status:up; do sleep 0.02; done
    REDIS_SOCKET=$socket server_refused "unix://$REDIS_SOCKET" 4 \
        "'unix://$REDIS_SOCKET': a replica of 127.0.0.1:$primary: redferry writes to a primary"

    # Once it is promoted, it will do.
    redis REPLICAOF NO ONE >/dev/null
    expect_exit 0 redferry up -r "unix://$REDIS_SOCKET"
    expect_equal "$(redis GET key)" 1 'what the new primary holds'
    REDIS_SOCKET=$socket REDIS_URL=$url REDIS_PID=$pid REDIS_DIR=$directory
}

with_database sqlite the_table
for_both_databases refused_everywhere
for_both_databases undoing
with_database sqlite top_level
with_database sqlite servers
