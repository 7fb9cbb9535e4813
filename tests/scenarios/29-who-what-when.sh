#!/usr/bin/env bash
# Goal: a week later, `status VERSION` and `history` tell who ran what, when, on which host, why, for how
# long, with how many rows and which error, and show the file as it ran, also where that is gone.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/blocks.sh"

write_flags()
{
    write_migration 7_flags.yaml <<'YAML'
description: Flags, with a comment

up:
  - read: SELECT name, enabled FROM flags # not all of them
    key: name
    write: SET flag:${name} ${enabled}
YAML
}

fails_then_succeeds()
{
    sql "CREATE TABLE flags (name text PRIMARY KEY, enabled boolean); INSERT INTO flags VALUES ('a', true), ('b', NULL)"
    write_flags
    expect_exit 1 redferry up --operator ada --context 'ticket 12'
    expect_exit 0 redferry status 7
    expect_stdout_contains 'state       failed'
    expect_stdout_contains "column 'enabled' is NULL"
    expect_stdout_contains 'next        mend the cause'
    sql "UPDATE flags SET enabled = false"
    expect_exit 0 redferry up --operator grace
}

tells_all_of_one()
{
    fails_then_succeeds
    expect_exit 0 redferry status 7
    cp "$OUT" before
    for line in 'version     7' 'name        flags' 'state       applied' \
        'description Flags, with a comment' 'file        data_migrations/7_flags.yaml' \
        'rows        2 read, 0 changed; 2 commands, 0 messages'; do
        grep -qxF -- "$line" "$OUT" || fail "no line '$line'"
    done
    grep -qE '^applied     [0-9-]{10}T[0-9:]{8}Z by grace$' "$OUT" || fail 'applied, but when, and by whom?'
    grep -qE '^finished    [0-9-]{10}T[0-9:]{8}Z$' "$OUT" || fail 'when was it finished off?'
    grep -qE '^checksum    sha256:[0-9a-f]{64}$' "$OUT" || fail 'which file was it?'
    grep -qE '^redis       .*redis.sock' "$OUT" || fail 'where was it written to?'
    grep -qE " failed .* ada  *$(hostname)" "$OUT" || fail 'who failed, and on which host?'
    expect_stdout_contains 'context: ticket 12'
    expect_equal "$(sed -n '/^the file as run 2 had it$/,$p' "$OUT" | sed -e 1d -e 's/^    //')" \
        "$(<data_migrations/7_flags.yaml)" 'the file as it ran'
}

also_where_the_file_is_gone()
{
    rm data_migrations/7_flags.yaml
    expect_exit 0 redferry status 7
    expect_stdout_contains 'state       missing'
    expect_stdout_contains 'file        none'
    expect_equal "$(sed -n '/^the file as/,$p' "$OUT")" "$(sed -n '/^the file as/,$p' before)" \
        'the file as it ran, gone'
    expect_exit 0 redferry history 7
    expect_stdout_contains 'context: ticket 12'
    expect_stdout_contains "error:   "
    expect_stdout_contains "$(hostname)"
    expect_stdout_contains '2 runs'
    expect_exit 2 redferry status 8

    # Nor does it take the directory, or files that are in order.
    mv data_migrations elsewhere
    expect_exit 0 redferry history
    expect_stdout_contains '2 runs'
    expect_exit 0 redferry history 7_flags
    expect_stdout_contains '2 runs'
    expect_exit 2 redferry history 8
    expect_stderr_contains 'there is no migration 8'
    expect_exit 2 redferry status
    expect_stderr_contains "there is no migrations directory 'data_migrations'"
    mv elsewhere data_migrations
    echo 'up: 1' >data_migrations/8_bad.yaml
    expect_exit 0 redferry history
    expect_stdout_contains '2 runs'
    rm data_migrations/8_bad.yaml
}

# The log's last words and the ledger's are of the same rows, also of those that were on their way.
log_and_ledger_agree()
{
    sql "CREATE TABLE many (id integer PRIMARY KEY, v text);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
         INSERT INTO many SELECT i, CASE WHEN i < 2400 THEN 'v' END FROM n"
    write_migration 8_many.yaml <<'YAML'
up:
  - read: SELECT id, v FROM many
    key: id
    write: SET many:${id} ${v}
    batch: 500
YAML
    expect_exit 1 redferry up --log-format json
    expect_equal "$(grep '"event":"migration_failed"' "$ERR" | grep -oE '"(rows|commands)":[0-9]+' | xargs)" \
        'rows:2000 commands:2000' 'what the log says'
    expect_equal "$(sql 'SELECT rows_read, commands_sent FROM data_migration_runs WHERE version = 8')" \
        '2000|2000' 'what the ledger says'
    rm data_migrations/8_many.yaml
}

# What was undone, and has no file any more, is known by its runs alone.
also_where_it_is_undone()
{
    printf 'up:\n  - write: SET x 1\ndown:\n  - write: DEL x\n' >data_migrations/10_undone.yaml
    expect_exit 0 redferry up
    expect_exit 0 redferry down --only 10
    rm data_migrations/10_undone.yaml
    expect_exit 0 redferry history 10
    expect_stdout_contains '2 runs'
    expect_exit 0 redferry history 10_undone
    expect_exit 2 redferry status 10
}

# The questions of docs/ledger.md and, as 8 and 9, those of redferry-ledger(5), about this ledger.
question()
{
    {
        listed ledger.md queries
        awk '/^\.Bd/ { inside = 1; print "-- "; next } /^\.Ed/ { inside = 0 } inside' "$DOCS/man/redferry-ledger.5"
    } | sed 's/20200211131900/7/' | awk -v number="$1" '/^-- / { n++ } n == number' | sql
}

# answered NUMBER REGEX…: so many lines, which are these
answered()
{
    local number=$1 line
    shift
    question "$number" >answer
    while IFS= read -r line <&3; do
        (($# > 0)) || fail "question $number has one answer more: '$line'"
        [[ $line =~ ^$1$ ]] || fail "question $number is answered '$line'"
        shift
    done 3<answer
    (($# == 0)) || fail "question $number is not answered '$1'"
}

plain_sql_answers()
{
    local time='20[0-9]{2}-[^|]*' host
    host=$(hostname)
    answered 1 "7\\|flags\\|grace\\|$time\\|2\\|2\\|0"
    answered 2 "1\\|7\\|flags\\|up\\|step 1\\|.*column 'enabled' is NULL.*\\|$time"
    answered 3
    answered 4 "1\\|up\\|failed\\|ada\\|ticket 12\\|$time\\|$time\\|0\\|.*is NULL.*" \
        "2\\|up\\|succeeded\\|grace\\|\\|$time\\|$time\\|2\\|"
    answered 5 "10\\|undone\\|[^|]+\\|$time"
    expect_equal "$(question 6)" "$(sed -n '/^the file as/,$p' before | sed -e 1d -e 's/^    //')" 'the file as it was applied'
    answered 7
    answered 8 "7\\|flags\\|grace\\|$time\\|2"
    answered 9 "1\\|7\\|flags\\|$host\\|$time\\|.*is NULL.*"
    expect_equal "$(question 10)" '' 'questions that nobody looked at'
}

# What a file may hold must not reach a terminal as it is.
a_terminal_is_safe()
{
    write_migration 9_marked.yaml <<YAML
# $(printf '\xe2\x80\xae')turned
up:
  - write: SET a b
YAML
    expect_exit 0 redferry up
    expect_exit 0 redferry status 9
    expect_stdout_contains '# \u202eturned'
    expect_exit 0 redferry mark 9
    expect_exit 0 redferry unmark 9
    expect_exit 0 redferry mark 9
    expect_exit 0 redferry status 9
    expect_stdout_contains 'the file as run'
}

# Every field of a checkpoint has its line in docs/ledger.md, and the other way round but for `failed`.
checkpoint_is_described()
{
    local key
    write_migration 11_slow.yaml <<'YAML'
up:
  - read: SELECT 1 AS id UNION SELECT 2
    key: id
    write: INCR slow:${id}
    batch: 1
    pause: 1m
YAML
    expect_exit 3 redferry run 11 --max-time 300ms
    key="redferry:{$(sql 'SELECT id FROM data_migration_ledger')}:11"
    awk '/^## The checkpoint/ { inside = 1; next } /^## / { inside = 0 } inside && /^\| `/' "$DOCS/ledger.md" |
        cut -d '|' -f 2 | grep -o '[a-z]*' | sort >described
    { redis HKEYS "$key" && echo failed; } | sort >kept
    expect_equal "$(<described)" "$(<kept)" 'the fields of a checkpoint'
    expect_exit 0 redferry repair 11
    expect_equal "$(redis EXISTS "$key")" 0 'the checkpoint that was removed'
    rm data_migrations/11_slow.yaml
}

whole_story()
{
    tells_all_of_one
    also_where_the_file_is_gone
    also_where_it_is_undone
    plain_sql_answers
    log_and_ledger_agree
    a_terminal_is_safe
    checkpoint_is_described
}

for_both_databases whole_story
