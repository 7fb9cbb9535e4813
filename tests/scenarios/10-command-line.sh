#!/usr/bin/env bash
# Goal: whatever is typed, the answer is what was asked for or one line that says what is wrong and
# what would be right; results are on stdout, the rest on stderr, the exit code tells which, and
# with --json stdout is one document. Nothing is written where a command line is not understood.
source "$(dirname "$0")/../support/scenario.sh"

# The value at a path of the one JSON document in $OUT.
document()
{
    sqlite3 -batch -init /dev/null :memory: \
        "SELECT CASE WHEN json_valid(text) THEN json_extract(text, '$1') ELSE 'no document' END
         FROM (SELECT CAST(readfile('$OUT') AS text) AS text)"
}

prepare()
{
    sql "CREATE TABLE flags (name text PRIMARY KEY); INSERT INTO flags VALUES ('a'), ('b')"
    for version in 10 20; do
        write_migration "${version}_flags.yaml" <<YAML
up:
  - read: SELECT name FROM flags
    key: name
    write: SADD flags:$version \${name}
down:
  - write: DEL flags:$version
YAML
    done
}

# Neither Redis nor the ledger knows anything.
expect_nothing_written()
{
    expect_equal "$(redis DBSIZE)" 0 'the keys in Redis'
    if [[ $DIALECT == sqlite ]]; then
        expect_equal "$(sql "SELECT count(*) FROM sqlite_master WHERE name LIKE 'data_m%'")" 0 \
            'the tables of the ledger'
    fi
}

# Without a wrapper: where there are very many calls, or no stderr that valgrind could use.
bare_redferry()
{
    "$REDFERRY_PROGRAM" "$@"
}

# expect_usage MESSAGE ARGUMENT…: refused with this line and nothing else, also as a document.
expect_usage()
{
    local message=$1
    shift
    expect_exit 2 bare_redferry "$@"
    expect_equal "$(<"$ERR")" "redferry: $message" 'stderr'
    expect_equal "$(<"$OUT")" '' 'stdout'
    expect_exit 2 bare_redferry --json "$@"
    expect_equal "$(document '$.error')" "$message" 'the error in the document'
    expect_equal "$(document '$.exit')" 2 'the exit code in the document'
}

mistakes_are_named()
{
    prepare
    expect_usage "which command? 'redferry help' lists them"
    expect_usage "unknown command 'stauts'; do you mean 'status'?" stauts
    expect_usage "unknown command 'rolback'; do you mean 'rollback'?" rolback
    expect_usage "unknown command 'xyzzy'; see 'redferry help'" xyzzy
    expect_usage "unknown command ''; see 'redferry help'" ''
    expect_usage "unknown command 'xyzzy'; see 'redferry help'" help xyzzy
    expect_usage "unknown option '--databse'; do you mean '--database'?" up --databse=secret
    expect_usage "unknown option '--data'; do you mean '--database'?" --data x up
    expect_usage "unknown option '-x'; see 'redferry help'" up -x
    expect_usage "option '--to' needs a value: VERSION" up --to
    expect_usage "option '--again' takes no value" run 10 --again=yes
    expect_usage "'up' has no option '--again'; see 'redferry help up'" up --again
    expect_usage "'up' does not take '10'; see 'redferry help up'" up 10
    expect_usage "'up' does not take '--json'; see 'redferry help up'" up -- --json
    expect_usage "'new' needs NAME; see 'redferry help new'" new
    expect_usage "'repair' needs VERSION; see 'redferry help repair'" repair
    expect_usage "'run' needs a VERSION; see 'redferry help run'" run
    expect_usage "'run --all' takes no VERSION" run --all --again 10
    expect_usage "'mark' takes VERSIONs or '--to', not both" mark 10 --to 10
    expect_usage "'down' takes '--to' or '--only', not both" down --to 10 --only 10
    expect_usage "'down' takes a number or '--to' or '--only', not both" down 1 --only 10
    local number
    for number in 0 +1 1.5 one '' ' 1' 99999999999999999999; do
        expect_usage "'$number' is not a number of migrations from 1 to 9999; a version is named with \
'--to' or '--only'" down "$number"
    done
    expect_usage "'-1' is no option; a number stands without '-'" down -1
    expect_usage "'20200211131900' is no likely number of migrations; to undo this version, \
'redferry down --only 20200211131900'" down 20200211131900
    expect_nothing_written
}

# A --to that is half understood must never become "all of them".
to_is_a_version_or_nothing()
{
    prepare
    local to
    for to in '' bla 10x -1 1e1 ' 10' 15 99999999999999999999 10_other data_migrations; do
        expect_exit 2 bare_redferry up --to "$to"
        expect_stderr_contains 'redferry: --to: '
        expect_equal "$(<"$OUT")" '' 'stdout'
    done
    expect_nothing_written
}

options_stand_anywhere()
{
    prepare
    local database=$REDFERRY_DATABASE
    unset REDFERRY_DATABASE
    expect_exit 0 redferry -d "$database" up --to 10
    expect_equal "$(<"$OUT" sed 's/ in .*//')" 'applied 10 flags: 2 rows, 2 commands' 'up --to 10'
    expect_exit 0 redferry --to=20_flags up "--database=$database"
    expect_stdout_contains 'applied 20 flags'
    expect_exit 0 redferry status --database "$database" -- 10
    expect_stdout_contains 'version     10'
    expect_stdout_lacks 'version     20'
    POSIXLY_CORRECT=1 expect_exit 0 redferry migrate -d "$database"
    expect_equal "$(<"$OUT")" 'nothing to do' 'the alias'
    expect_exit 0 redferry -d "$database" rollback 2
    expect_equal "$(<"$OUT" sed 's/:.*//')" $'undone 20 flags\nundone 10 flags' 'rollback'
}

help_and_version()
{
    expect_exit 0 bare_redferry --version
    expect_equal "$(<"$OUT" grep -Ec '^redferry [0-9]+\.[0-9]+\.[0-9]+$')" 1 'the version'
    expect_exit 0 bare_redferry --json -V
    expect_equal "redferry $(document '$.version')" "$(bare_redferry --version)" 'its document'
    expect_exit 0 redferry help
    expect_stdout_contains 'usage: redferry [options] <command> [arguments]'
    cp "$OUT" "$SCRATCH/help"
    local words
    for words in -h --help 'help --strict'; do
        # shellcheck disable=SC2086 # they are words
        expect_exit 0 bare_redferry $words
        cmp -s "$OUT" "$SCRATCH/help" || fail "'redferry $words' is not 'redferry help'"
    done
    expect_exit 0 bare_redferry help down
    expect_stdout_contains 'usage: redferry down [N] [--to VERSION] [--only VERSION]'
    expect_stdout_contains 'alias: redferry rollback'
    cp "$OUT" "$SCRATCH/help"
    for words in 'down --help' '-h down' 'help rollback'; do
        # shellcheck disable=SC2086
        expect_exit 0 bare_redferry $words
        cmp -s "$OUT" "$SCRATCH/help" || fail "'redferry $words' is not 'redferry help down'"
    done
    expect_exit 0 bare_redferry help status --json
    expect_equal "$(document '$.help' | head -n 1)" 'usage: redferry status [VERSION] [--check]' \
        'the help in its document'
    expect_nothing_written
}

# Also where configuration, servers or migrations are at fault, and from wherever --json comes.
one_document_whatever_happens()
{
    prepare
    expect_exit 0 redferry up --json --to 10
    expect_equal "$(document '$.applied[0].version') $(document '$.applied[0].rows_read')" '10 2' \
        'what was applied'
    expect_equal "$(document '$.applied[0].version' | wc -l) $(document '$.exit')" '1 0' 'the end'
    expect_exit 7 env REDFERRY_JSON=yes "$REDFERRY_PROGRAM" up -r unix:///nowhere
    expect_equal "$(document '$.applied') $(document '$.exit')" '[] 7' 'without a Redis'
    expect_equal "redferry: $(document '$.error')" "$(<"$ERR")" 'the error on both streams'
    expect_exit 2 redferry up --json --on-lock perhaps
    expect_equal "$(document '$.exit')" 2 'a value that does not fit'
    expect_exit 2 env REDFERRY_ON_LOCK=perhaps "$REDFERRY_PROGRAM" up --json
    expect_equal "$(document '$.exit')" 2 'a variable that does not fit'
    printf 'json: true\nlock_timeout: long\n' >data_migrations/redferry.yaml
    expect_exit 2 redferry up --json
    expect_equal "$(document '$.exit')" 2 'a configuration that does not fit'
    printf 'json: true\n' >data_migrations/redferry.yaml
    expect_exit 3 redferry status --check
    expect_equal "$(document '$.pending') $(document '$.applied')" '1 1' 'the counts of status'
    expect_equal "$(document '$.migrations[1].applied_at')" '' 'an absent fact'
    expect_exit 0 redferry history
    expect_equal "$(document '$.runs[0].status')" succeeded 'the history'
    rm data_migrations/redferry.yaml

    write_migration 30_wrong.yaml <<'YAML'
up:
  - read: SELECT name FROM flags
    key: name
    write: HSET flags:10 ${name} 1
YAML
    expect_exit 1 redferry up --json
    expect_equal "$(document '$.applied[0].version') $(document '$.failed.version')" '20 30' \
        'what was applied, and what failed'
    expect_equal "$(document '$.failed.step') $(document '$.error')" '1 ' 'where it failed'
    [[ $(document '$.failed.error') == *WRONGTYPE* ]] || fail 'the error is not in the document'
    expect_exit 2 redferry lint --json data_migrations/30_wrong.yaml data_migrations/40_none.yaml
    expect_equal "$(document '$.exit')" 2 'lint'
}

check_tells_what_is_pending()
{
    prepare
    expect_exit 3 redferry status --check
    expect_stdout_contains '2 pending, 0 applied'
    expect_equal "$(<"$ERR")" '' 'stderr'
    expect_nothing_written
    expect_exit 0 redferry status
    expect_exit 0 redferry up -q
    expect_equal "$(<"$OUT")$(<"$ERR")" '' 'a quiet up'
    expect_exit 0 redferry status --check -q
    expect_stdout_contains '0 pending, 2 applied'
}

# Results that nobody reads any more do not stop a run; a full disk is told.
stdout_may_go_away()
{
    prepare
    local code=0
    {
        while (echo) 2>/dev/null; do :; done # until the reader is gone
        redferry up 2>"$ERR" || code=$?
        echo "$code" >"$SCRATCH/code"
    } | true
    expect_equal "$(<"$SCRATCH/code")" 0 'the exit code without a reader'
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations')" 2 'what was applied'

    code=0
    redferry status >/dev/full 2>"$ERR" || code=$?
    expect_equal "$code" 2 'the exit code on a full disk'
    expect_stderr_contains 'cannot write the result'
    sql 'DELETE FROM data_migrations'
    code=0
    redferry up >/dev/full 2>"$ERR" || code=$?
    expect_equal "$code" 2 'the exit code of a run on a full disk'
    expect_stderr_contains 'cannot write the result'
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations')" 2 'what was applied all the same'
    code=0
    redferry status --json >&- 2>"$ERR" || code=$?
    expect_equal "$code" 2 'the exit code without a stdout'
    expect_stderr_contains 'cannot write the result'
    bare_redferry status >/dev/null 2>&- <&- || fail 'status needs stdin or stderr'
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations')" 2 'the database is whole'
}

nothing_obeys_the_terminal()
{
    expect_exit 2 redferry $'sta\033[31m\ntus\302\233\377'
    expect_stderr_contains "unknown command 'sta\\x1b[31m\\ntus\\u009b\\xff'"
    expect_exit 2 redferry --json $'sta\033[31m\377'
    expect_equal "$(document '$.error')" \
        $'unknown command \'sta\033[31m\357\277\275\'; see \'redferry help\'' 'the error as JSON'
}

# What the program prints on a terminal with this environment.
on_a_terminal()
{
    script -qec "env $1 '$REDFERRY_PROGRAM' status" /dev/null </dev/null
}

colour_only_where_it_may_be()
{
    prepare
    local yellow=$'\033[33mpending'
    [[ $(on_a_terminal 'TERM=xterm') == *"$yellow"* ]] || fail 'no colour on a terminal'
    [[ $(on_a_terminal 'TERM=xterm NO_COLOR=1') != *$'\033'* ]] || fail 'colour with NO_COLOR'
    [[ $(on_a_terminal 'TERM=xterm NO_COLOR=') == *"$yellow"* ]] || fail 'an empty NO_COLOR counts'
    [[ $(on_a_terminal 'TERM=dumb') != *$'\033'* ]] || fail 'colour on a dumb terminal'
    [[ $(on_a_terminal 'TERM=xterm REDFERRY_NO_COLOR=1') != *$'\033'* ]] ||
        fail 'colour with REDFERRY_NO_COLOR'
    TERM=xterm expect_exit 0 redferry status
    expect_stdout_lacks $'\033'
}

# Until the process catches SIGHUP, SIGINT and SIGTERM.
await_handlers()
{
    local caught=0
    until (((16#$caught & 16#4003) == 16#4003)); do
        kill -0 "$1" 2>/dev/null || fail 'it ended before it could be stopped'
        sleep 0.01
        caught=$(awk '$1 == "SigCgt:" { print substr($2, 9) }' "/proc/$1/status")
    done
}

# A wait for a server that never comes, ended by a signal.
signals_stop()
{
    prepare
    local signal code pid
    for signal in INT TERM HUP; do
        env --default-signal=INT,HUP "$REDFERRY_PROGRAM" up --json --wait 10m \
            -r unix:///nowhere -v >"$OUT" 2>"$ERR" &
        pid=$!
        await_handlers "$pid"
        wait_until 'it waits' grep -q 'waiting for Redis' "$ERR"
        kill -"$signal" "$pid"
        code=0
        wait "$pid" || code=$?
        expect_equal "$code" $((128 + $(kill -l "$signal"))) "the exit code after SIG$signal"
        expect_equal "$(document '$.exit')" "$code" 'the exit code in the document'
        expect_stderr_contains 'stopping once what is in flight is done'
        expect_stderr_contains "redferry: stopped by SIG$signal while waiting for Redis"
    done
    expect_nothing_written
}

# Redis hangs in the middle of a run, so the first signal has to give the batches in flight their
# time; the second has not.
a_second_signal_exits_at_once()
{
    prepare
    local pid code=0 tries=0
    write_migration 30_endless.yaml <<'YAML'
up:
  - read: WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n
    write: SET endless ${id}
YAML
    env --default-signal=INT "$REDFERRY_PROGRAM" up --json >"$OUT" 2>"$ERR" &
    pid=$!
    until [[ $(redis EXISTS endless) == 1 ]]; do
        ((tries++ < 1000)) && process_runs "$pid" || fail 'no row arrives'
        sleep 0.01
    done
    kill -STOP "$REDIS_PID"
    kill -TERM "$pid"
    wait_until 'it has heard the first one' grep -q 'stopping once' "$ERR"
    kill -INT "$pid"
    wait "$pid" || code=$?
    kill -CONT "$REDIS_PID"
    expect_equal "$code" 130 'the exit code after SIGTERM, then SIGINT'
    expect_equal "$(<"$OUT")" '' 'what it had time to print'
}

for_both_databases options_stand_anywhere
for_both_databases one_document_whatever_happens
with_database postgresql check_tells_what_is_pending
with_database sqlite stdout_may_go_away
with_database sqlite mistakes_are_named
with_database sqlite to_is_a_version_or_nothing
with_database sqlite help_and_version
with_database sqlite nothing_obeys_the_terminal
with_database sqlite colour_only_where_it_may_be
with_database sqlite signals_stop
with_database sqlite a_second_signal_exits_at_once
