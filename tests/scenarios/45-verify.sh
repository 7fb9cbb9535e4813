#!/usr/bin/env bash
# Goal: verify compares every row with what Redis holds and writes nothing: what is equal, different,
# missing or expired is counted, and the first differences are shown as SQL says them and as Redis
# does; what cannot be compared is named. Later commands speak for earlier ones. Gone files, changed
# files, gone tables, a cut connection, Ctrl-C, a replica and a narrow terminal are taken as they come.
source "$(dirname "$0")/../support/scenario.sh"

# A user who may only read, and, in PostgreSQL, a role that may.
as_reader()
{
    local database=$DB
    [[ $DIALECT == sqlite ]] || database=${DB/user=postgres/user=reader}
    REDFERRY_DATABASE=$database REDFERRY_REDIS=unix://reader:secret@${REDIS_SOCKET} redferry "$@"
}

make_readers()
{
    redis ACL SETUSER reader on '>secret' '~*' -@all +@read >/dev/null
    [[ $DIALECT == postgresql ]] || return 0
    sql "DO \$\$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END \$\$;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"
}

# What SQL and Redis hold, to see that nothing was written.
state_of_both()
{
    if [[ $DIALECT == sqlite ]]; then
        sqlite3 "${DB#sqlite:}" .dump
    else
        pg_dump -d "$DB" | grep -v '^\\\(un\)\?restrict'
    fi | sha256sum
    redis INFO persistence | grep rdb_changes_since_last_save
}

# NAME: how often the line of the command that begins with NAME was counted.
counted()
{
    grep -F -- " $1" "$OUT" | head -n 1 | grep -oE '( +[0-9]+){4}$' | xargs
}

many_rows()
{
    local before rows=20000
    [[ $DIALECT == sqlite ]] || rows=4000
    [[ -z ${REDFERRY_TEST_WRAPPER:-} ]] || rows=2000
    sql "CREATE TABLE flags (name text PRIMARY KEY, enabled boolean NOT NULL, note text);
        INSERT INTO flags WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
        SELECT 'flag ' || i, i % 3 = 0, CASE WHEN i % 2 = 0 THEN 'note ' || i END FROM n"
    write_migration 1_flags.yaml <<'YAML'
up:
  - name: flags
    read: SELECT name, enabled, note FROM flags
    key: name
    write:
      - DEL flag:${name}
      - HSET flag:${name} ${*}
      - SADD flags ${name}
      - ZADD board 1.50 ${name}
      - SET on:${name} ${enabled}
    publish: flags
  - name: count
    write: INCR runs
YAML
    expect_exit 0 redferry verify
    expect_stdout_contains 'nothing to verify'
    expect_exit 3 redferry verify 1
    expect_stderr_contains 'migration 1 is not applied (pending)'
    expect_exit 2 redferry verify 7
    expect_stderr_contains 'there is no migration 7'
    expect_exit 0 redferry up
    make_readers
    before=$(state_of_both)

    expect_exit 0 as_reader verify
    expect_equal "$(counted 'DEL flag:')" "0 0 0 $rows" 'the DEL in front'
    expect_equal "$(counted 'HSET flag:')" "$rows 0 0 0" 'HSET'
    expect_equal "$(counted 'SADD flags')" "$rows 0 0 0" 'SADD'
    expect_equal "$(counted 'ZADD board')" "$rows 0 0 0" 'ZADD'
    expect_stdout_contains "1 step 1 'PUBLISH flags \${*|json}': not compared: a message leaves nothing"
    expect_stdout_contains "1 step 2 'INCR runs': not compared: what it leaves depends on what was there"
    expect_stdout_contains "$((4 * rows)) equal, 0 different, 0 missing, $rows overwritten by later commands: $rows rows of 1 migration"
    expect_equal "$(state_of_both)" "$before" 'what both hold'

    redis HSET 'flag:flag 77' enabled wrong >/dev/null
    redis HDEL 'flag:flag 78' note >/dev/null
    redis DEL 'flag:flag 79' >/dev/null
    redis SREM flags 'flag 80' >/dev/null
    redis ZADD board 2 'flag 81' >/dev/null
    redis DEL 'on:flag 82' >/dev/null
    redis RPUSH 'on:flag 82' x >/dev/null
    redis SET 'on:flag 83' maybe >/dev/null
    before=$(state_of_both)
    expect_exit 8 as_reader verify
    expect_stderr_contains "Redis does not hold what SQL says: 5 different, 2 missing, of $((5 * rows)) compared"
    expect_equal "$(counted 'HSET flag:')" "$((rows - 3)) 2 1 0" 'HSET'
    expect_stdout_contains 'different "flag:flag 77" field enabled  (1 step 1 '"'HSET flag:\${name} \${*}')"
    expect_stdout_contains $'  SQL says   "false"\n  Redis says "wrong"'
    expect_stdout_contains $'missing "flag:flag 79" field name  (1 step 1 \'HSET flag:${name} ${*}\')\n  SQL says   "flag 79"\n  Redis says nothing; and 1 more of the same command'
    expect_stdout_contains $'missing "flags" member "flag 80"  (1 step 1 \'SADD flags ${name}\')\n  SQL says   a member\n  Redis says no member'
    expect_stdout_contains $'  SQL says   "1.50"\n  Redis says "2"'
    expect_stdout_contains $'  SQL says   "false"\n  Redis says a list'
    expect_stdout_contains $'  SQL says   "false"\n  Redis says "maybe"'
    expect_equal "$(state_of_both)" "$before" 'what both hold'

    expect_exit 8 as_reader verify --limit 2
    expect_equal "$(grep -c '^  SQL says' "$OUT")" 2 'how many are shown'
    expect_stdout_contains 'and 5 more (--limit shows more of them)'
    expect_exit 2 redferry verify --limit lots
    expect_exit 8 as_reader verify 1 --json --limit 1
    python3 -c '
import json, sys
document, rows = json.load(open(sys.argv[1])), int(sys.argv[2])
assert document["exit"] == 8 and "5 different" in document["error"], document
assert [document[key] for key in ("equal", "different", "missing", "overwritten")] == [4 * rows - 6, 5, 2, rows - 1]
assert document["rows"] == rows and document["migrations"] == 1 and document["complete"] is True
assert len(document["comparisons"]) == 7 and len(document["differences"]) == 1
assert document["comparisons"][1]["missing"] == 1 and document["comparisons"][1]["reason"] is None
assert document["comparisons"][6] | {"reason": None} == {"version": "1", "name": "flags", "step": 2,
    "step_name": "count", "command": "INCR runs", "equal": 0, "different": 0, "missing": 0,
    "overwritten": 0, "not_compared": 0, "reason": None}, document["comparisons"][6]
assert document["differences"][0] == {"version": "1", "step": 1, "step_name": "flags",
    "command": "HSET flag:${name} ${*}", "missing": False, "key": "\"flag:flag 77\"",
    "part": "field enabled", "sql": "\"false\"", "redis": "\"wrong\"", "hint": None}
' "$OUT" "$rows" || fail 'the document is not as it should be'

    # A user who may not send what is needed is told which command that is.
    redis ACL SETUSER reader -hmget >/dev/null
    expect_exit 1 as_reader verify
    expect_stderr_contains "'HMGET' was refused: NOPERM"
    stopped_on_the_way
    a_narrow_terminal
}

# In the middle of it: Ctrl-C, a cut connection, and --max-time.
stopped_on_the_way()
{
    local pid client how code
    for how in stop cut; do
        "$REDFERRY_PROGRAM" verify --pause 200ms --batch 100 --limit 0 >"$OUT" 2>"$ERR" &
        pid=$!
        client=
        until [[ -n $client ]]; do
            kill -0 "$pid" || fail 'it has ended before it was seen'
            client=$(redis CLIENT LIST | sed -n 's/^id=\([0-9]*\) .* name=redferry .* cmd=get .*/\1/p')
        done
        if [[ $how == stop ]]; then kill -INT "$pid"; else redis CLIENT KILL ID "$client" >/dev/null; fi
        code=0
        wait "$pid" || code=$?
        if [[ $how == stop ]]; then
            expect_equal "$code" 130 'the exit code of a stopped one'
        else
            expect_equal "$code" 7 'the exit code of one that was cut off'
        fi
        expect_stdout_contains 'not everything was compared'
    done
    expect_exit 3 redferry verify --pause 10ms --batch 100 --max-time 1ms
    expect_stderr_contains '--max-time is over: not everything was compared'
}

a_narrow_terminal()
{
    TERM=xterm script -qec "stty cols 40; '$REDFERRY_PROGRAM' verify --no-color --limit 0" /dev/null \
        </dev/null >"$SCRATCH/narrow" || true
    sed -E 's/\r$//; s/.*(\r|\x1b\[K)//' "$SCRATCH/narrow" | grep -E '^(command|[A-Z]+ .* [0-9]+$)' >"$SCRATCH/table"
    expect_equal "$(wc -l <"$SCRATCH/table")" 6 'lines of the table'
    expect_equal "$(awk 'length > 40' "$SCRATCH/table")" '' 'lines of the table that are too wide'
}

odd_values()
{
    local bytes=bytea hex="'\\x00ff0d0a22'::bytea"
    [[ $DIALECT == postgresql ]] || bytes=BLOB hex="x'00ff0d0a22'"
    sql "CREATE TABLE odd (id integer PRIMARY KEY, name text NOT NULL, bytes $bytes, long text)"
    # shellcheck disable=SC2016
    printf "INSERT INTO odd VALUES (1, 'a \"b\" ''c'' \${*} \x1b[31m', %s, '%s'), (2, 'Zoë', NULL, '');" \
        "$hex" "$(printf 'long%.0s' {1..5000})" | sql
    write_migration 1_odd.yaml <<'YAML'
up:
  - read: SELECT id, name, bytes, long FROM odd
    key: id
    write:
      - SET name:${name} ${bytes:-none}
      - HSET ${name} ${name} ${long}
      - SETEX gone:${id} 100 ${name}
      - SET here:${id} ${name} EX 100
      - EXPIRE ${name} 100
YAML
    expect_exit 0 redferry up
    expect_exit 0 redferry verify
    expect_stdout_contains '10 equal, 0 different, 0 missing'

    redis HSET Zoë Zoë "$(printf 'x%.0s' {1..3000})" >/dev/null
    redis PEXPIRE gone:1 1 >/dev/null
    redis PERSIST here:2 >/dev/null
    printf 'SET "name:a \\"b\\" \x27c\x27 ${*} \\x1b[31m" "\\x00\\xff\\r\\n"\n' | redis >/dev/null
    until [[ $(redis EXISTS gone:1) == 0 ]]; do sleep 0.01; done
    expect_exit 8 redferry verify
    expect_stdout_contains $'different "name:a \\"b\\" \'c\' ${*} \\x1b[31m"  (1 step 1'
    expect_stdout_contains $'  SQL says   "\\x00\\xff\\r\\n\\""\n  Redis says "\\x00\\xff\\r\\n"'
    expect_stdout_contains $'missing "gone:1"  (1 step 1 \'SETEX gone:${id} 100 ${name}\')'
    expect_stdout_contains 'Redis says nothing; it may have expired'
    expect_stdout_contains $'different "here:2" TTL  (1 step 1'
    expect_stdout_contains $'  SQL says   at most 100s\n  Redis says none'
    expect_stdout_contains $'different "Zoë" field Zoë  (1 step 1'
    expect_stdout_contains '… (3000 bytes)'
    expect_stdout_lacks $'\x1b'
    expect_stdout_contains '6 equal, 3 different, 1 missing'
}

# What an earlier step or migration wrote and a later one removed or replaced.
later_ones()
{
    sql "CREATE TABLE t (id integer PRIMARY KEY, u integer); INSERT INTO t VALUES (1, 1), (2, 1), (3, 2)"
    write_migration 1_first.yaml <<'YAML'
up:
  - read: SELECT id, u FROM t
    key: id
    write:
      - SET tmp:${id} 1
      - SET last:${u} ${id}
      - SET kept:${id} 1
  - sql: UPDATE t SET u = u
  - read: SELECT id FROM t
    key: id
    write: DEL tmp:${id}
YAML
    write_migration 2_second.yaml <<'YAML'
up:
  - read: SELECT id FROM t WHERE id = 2
    key: id
    write: SET kept:${id} 2
YAML
    expect_exit 0 redferry up
    expect_exit 0 redferry verify
    expect_equal "$(counted 'SET tmp:')" '0 0 0 3' 'SET tmp'
    expect_equal "$(counted 'SET last:')" '2 0 0 1' 'SET last'
    expect_equal "$(counted 'SET kept:${id} 1')" '2 0 0 1' 'SET kept'
    expect_equal "$(counted 'DEL tmp:')" '3 0 0 0' 'DEL tmp'
    expect_stdout_contains "1 step 2 'step 2': not compared: an \`sql\` statement leaves nothing in Redis"
    expect_exit 8 redferry verify 1
    expect_equal "$(counted 'SET kept:')" '2 1 0 0' 'SET kept without the second migration'
    expect_stderr_contains '1 applied after it was not read'
    expect_exit 0 redferry verify 2 2
    expect_stdout_contains '1 equal, 0 different, 0 missing: 1 row of 1 migration'

    # As it ran: where its file is gone, and where it was changed since.
    mv data_migrations/2_second.yaml .
    sed -i 's/SET kept:${id} 1/SET kept:${id} 9/' data_migrations/1_first.yaml
    expect_exit 0 redferry verify
    expect_stderr_contains '2_second has no file: compared as it ran'
    expect_stderr_contains '1_first was modified since it was applied: compared as it ran'
    expect_exit 0 redferry verify 2
    expect_exit 0 redferry repair 1
    expect_exit 8 redferry verify 1
    expect_stdout_contains 'SQL says   "9"'

    # Its table is gone: passed over, unless it was asked for.
    sql "ALTER TABLE t RENAME TO gone"
    expect_exit 0 redferry verify
    expect_stderr_contains "warning: not compared: data_migrations/1_first.yaml: step 'step 1'"
    grep -qE "^1 step 1 'step 1': not compared: (no such table: t|relation \"t\" does not exist .*)\$" "$OUT" ||
        fail 'the reason, and nothing else, is not told'
    expect_stdout_contains '0 equal, 0 different, 0 missing: 0 rows of 2 migrations'
    expect_exit 1 redferry verify 1
    expect_stderr_contains "data_migrations/1_first.yaml: step 'step 1'"
    sql "ALTER TABLE gone RENAME TO t"

    # Neither a file nor a definition: it was marked by hand.
    mv 2_second.yaml data_migrations
    cp data_migrations/2_second.yaml data_migrations/3_marked.yaml
    expect_exit 0 redferry mark 3
    expect_exit 0 redferry verify 3
    rm data_migrations/3_marked.yaml
    expect_exit 8 redferry verify
    expect_stdout_contains '3: not compared: it has no file, and the ledger keeps no definition'
    expect_stderr_contains 'warning: not compared: 3_marked: it has no file'
    expect_exit 4 redferry verify 3
    expect_stderr_contains '3_marked: it has no file, and the ledger keeps no definition of it'

    # A row that could not be carried any more is named.
    sql "INSERT INTO t VALUES (7, NULL)"
    expect_exit 1 redferry verify 1
    expect_stderr_contains "step 'step 1': row 7: 'SET last:\${u} \${id}': column 'u' is NULL"

    # Another database, and a variable that is not set.
    write_migration 4_from.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    from: OTHER_DATABASE
    write: SET other:${id} 1
YAML
    OTHER_DATABASE=$DB expect_exit 0 redferry up
    OTHER_DATABASE=$DB expect_exit 0 redferry verify 4
    expect_stdout_contains '4 equal, 0 different, 0 missing: 4 rows of 1 migration'
    expect_exit 2 redferry verify 4
    expect_stderr_contains "'OTHER_DATABASE', which is not set"
    a_replica
}

# A replica may be read; that it is one is said. A server that is not there is exit code 7.
a_replica()
{
    local primary=$REDIS_SOCKET replica copy=$SCRATCH/copy$scenario_count
    mkdir "$copy"
    redis-cli -s "$primary" --rdb "$copy/copy.rdb" >/dev/null 2>&1
    start_redis --dir "$copy" --dbfilename copy.rdb --replicaof 127.0.0.1 1
    replica=$REDIS_SOCKET
    REDIS_SOCKET=$primary
    OTHER_DATABASE=$DB expect_exit 0 redferry verify 4 -r "unix://$replica"
    expect_stderr_contains 'is a replica: what it holds may be older'
    expect_stdout_contains '4 equal'
    OTHER_DATABASE=$DB expect_exit 7 redferry verify 4 -r "unix://$SCRATCH/nobody.sock"
    expect_equal "$(cat "$OUT")" '' 'what is printed where nothing was compared'
}

for_both_databases many_rows
for_both_databases odd_values
for_both_databases later_ones
