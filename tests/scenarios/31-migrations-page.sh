#!/usr/bin/env bash
# Goal: docs/migrations.md and README.md say what is so. Every migration in them passes `lint`, every
# refused command is refused, every message appears, and values become what the tables say. Every key and
# every placeholder has an example that is run.
#
# The pages are read by their form:
#
#   ```yaml   a migration, a list of steps, or a migration's `publish`: passes lint …
#   ```text   … or, where such a block follows next: lint says this of it
#   ```yaml   the test of the migration before it (it begins with `given`): passes `redferry test`
#   a table   by its heading: the functions below name theirs
#
# A yaml block of another kind, or a table that is not there, is an error: what is not checked goes stale.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/blocks.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly page=$root/docs/migrations.md readme=$root/README.md
readonly facts=$root/src/model/command_facts.c grammar=$root/src/model/template.h

# ---- reading a page ----------------------------------------------------------------------------

count=0
counted() { count=$((count + 1)); }

# At least so many checks since the last time, or the page was not understood.
expect_checks()
{
    printf '   %d %s\n' "$count" "$2"
    ((count >= $1)) || fail "only $count $2 were found on the page; there should be $1 or more"
    count=0
}

# ---- files -------------------------------------------------------------------------------------

# The lines of a step, from a cell, as a migration.
step_migration()
{
    echo 'up:'
    spans "$1" | sed '1s/^/  - /; 2,$s/^/    /'
}

# One command, quoted as YAML, in a step without rows.
command_migration()
{
    printf "up:\n  - write:\n      - '%s'\n" "${1//\'/\'\'}"
}

# What a yaml block shows, as a whole migration.
block_migration()
{
    case $(head -n 1 "$1") in
    up:* | description:*) cat "$1" ;;
    *) fail "a yaml block of no known kind: $1 begins '$(head -n 1 "$1")'" ;;
    esac
}

# Without a wrapper: there are very many calls, and the parser's own tests are quicker under valgrind.
lint()
{
    "$REDFERRY_PROGRAM" lint "$@" >"$OUT" 2>"$ERR" || true
}

# Lint the migration on stdin as 1_example.yaml; its output stays in $OUT.
lint_example()
{
    cat >1_example.yaml
    lint 1_example.yaml
    scenario_last="lint of
$(<1_example.yaml)"
}

# What lint complained of, without place, severity and code.
findings()
{
    sed -nE 's/^[^ ]+: (error|warning): (.*) \[RF[0-9]+\]$/\2/p' "$OUT"
}

expect_finding()
{
    expect_equal "$(findings)" "$1" 'what lint says'
    counted
}

# ---- what the pages say ------------------------------------------------------------------------

blocks_pass()
{
    local block next
    blocks "$1" blocks
    for block in blocks/*.yaml; do
        [[ -e $block ]] || continue
        if grep -qE '^(given|expect|# yaml-lang)' "$block"; then continue; fi
        next=$(printf 'blocks/%03d.text' $((10#$(basename "$block" .yaml) + 1)))
        if [[ $1 == "$readme" && $(head -n 1 "$block") != @(up|description):* ]]; then continue; fi
        lint_example < <(block_migration "$block")
        if [[ -e $next ]]; then
            expect_stdout_contains "$(<"$next")"
        else
            expect_stdout_contains '1 file checked: 0 errors, 0 warnings'
        fi
        counted
    done
}

steps_are_answered()
{
    local step message
    while IFS=$'\037' read -r step message; do
        lint_example < <(step_migration "$step")
        expect_finding "$(spans "$message")"
    done < <(rows "$page" 'in a step | lint says')
}

migrations_are_answered()
{
    local line message
    while IFS=$'\037' read -r line message; do
        lint_example < <(spans "$line"; printf 'up:\n  - write: SET a b\n')
        expect_finding "$(spans "$message")"
    done < <(rows "$page" 'in a migration | lint says')
}

names_are_answered()
{
    local names message name
    while IFS=$'\037' read -r names message; do
        rm -f data_migrations/*
        for name in $(spans "$names"); do
            printf 'up:\n  - write: SET a b\n' >"data_migrations/$name"
        done
        lint
        scenario_last="lint of $names"
        expect_finding "$(spans "$message")"
    done < <(rows "$page" 'a file called | lint says')
    rm -f data_migrations/*
}

commands_are_refused()
{
    local commands why text
    while IFS=$'\037' read -r commands why; do
        while read -r text; do
            lint_example < <(command_migration "$text")
            expect_finding "'${text%% *}' is refused: $(spans "$why")"
        done < <(spans "$commands")
    done < <(rows "$page" 'refused | lint says')
}

# What the program's own table refuses is on the page, and nothing else.
refused_commands_are_complete()
{
    local named name word
    named=$(rows "$page" 'refused | lint says' | while IFS= read -r row; do spans "${row%%$'\037'*}"; done)
    expect_equal "$(grep -E '^[A-Z-]+$' <<<"$named" | LC_ALL=C sort)" \
        "$(sed -nE 's/^ *(CONNECTION|REACH)\("([^"]+)"\),$/\2/p' "$facts" | LC_ALL=C sort)" \
        'the refused commands'
    while read -r name word; do
        grep -qE "^$name .*$word( |\$)" <<<"$named" || fail "the page does not refuse $name … $word"
        counted
    done < <(sed -nE 's/^ *\{"([A-Z]+)", "([A-Z]+)", [0-9]+, [0-9]+, COMMAND_REFUSED.*/\1 \2/p' "$facts")
}

# A step for each row of the page's table, in the table's order.
guarantees_are_so()
{
    lint_example <<'YAML'
up:
  - {name: one, read: SELECT a FROM t, key: a, write: INCR a}
  - {name: two, read: SELECT a FROM t, write: SET a b}
  - {name: three, read: SELECT a FROM t, write: INCR a}
  - {name: four, write: INCR a, publish: {channel: a, message: b}}
  - {name: five, sql: DELETE FROM t}
YAML
    expect_equal "$(rows "$page" 'step | lint prints | when it is stopped half-way' | cut -d$'\037' -f2 |
        while IFS= read -r cell; do spans "$cell"; done)" \
        "$(sed -nE 's/^1 .*  (.*[^ ]) *$/\1/p' "$OUT")" 'the guarantees'
    count=$(grep -c '^1  ' "$OUT")
}

errors_are_said()
{
    local step message code
    while IFS=$'\037' read -r step message code; do
        rm -f data_migrations/*
        redis FLUSHALL >/dev/null
        step_migration "$step" >"data_migrations/1_example.yaml"
        expect_exit "$code" redferry up
        expect_stderr_contains "$(spans "$message")"
        expect_equal "$(sql 'SELECT count(*) FROM data_migrations')" 0 'entries'
        sql 'DELETE FROM data_migration_runs' # the next file has the same version, and is another one
        counted
    done < <(rows "$page" 'in a step | up says | exit code')
    rm -f data_migrations/*
    redis FLUSHALL >/dev/null
}

# MONITOR's form of arguments that are given one a line.
as_monitored()
{
    sed -E 's/["\\]/\\&/g; s/.*/"&"/' | paste -sd' '
}

placeholders_are_filled()
{
    local command arguments want=
    {
        blocks "$page" blocks
        sed '/write:/,$d' "$(grep -l 'AS _mail' blocks/*.yaml)"
        echo '    write:'
        while IFS=$'\037' read -r command arguments; do
            command=$(spans "$command")
            printf "      - '%s'\n" "${command//\'/\'\'}"
        done < <(rows "$page" 'you write | Redis gets')
    } >data_migrations/1_example.yaml
    while IFS=$'\037' read -r command arguments; do
        want+=$(spans "$arguments" | as_monitored)$'\n'
        counted
    done < <(rows "$page" 'you write | Redis gets')
    monitor
    expect_exit 0 redferry up
    expect_equal "$(monitored | sed -n '/^"MULTI"/,/^"EXEC"/p' | grep -vE '^"(MULTI|DISCARD|EXEC)"|"redferry:')" \
        "${want%$'\n'}" 'what Redis gets'
    rm data_migrations/1_example.yaml
    redis FLUSHALL >/dev/null
}

# One table with a column for each value, so that SQLite's have their declared types.
values_become_text()
{
    local postgresql sqlite text json cell value type columns= values= number=0
    local -a texts=() jsons=()
    while IFS=$'\037' read -r postgresql sqlite text json; do
        cell=${!DIALECT}
        [[ $cell != – ]] || continue
        { read -r value; read -r type || type=; } < <(spans "$cell")
        columns+=", v$((++number)) $type"
        values+=", $value AS v$number"
        [[ $text != 'its bytes' ]] || text=$'`AB\r`'
        [[ $text != 'an error'* ]] || text='`nothing`'
        texts+=("$(spans "$text")")
        jsons+=("$(spans "$json")")
        counted
    done < <(rows "$page" 'PostgreSQL | SQLite | text | JSON')

    if [[ $DIALECT == sqlite ]]; then
        sql "CREATE TABLE cells (id integer PRIMARY KEY $columns); INSERT INTO cells SELECT 1 $values"
    else
        sql "CREATE TABLE cells AS SELECT 1 AS id $values"
    fi
    {
        printf 'up:\n  - read: SELECT * FROM cells\n    key: id\n    write:\n'
        for ((i = 1; i <= number; i++)); do
            printf '      - RPUSH texts ${v%d:-nothing}\n      - RPUSH jsons ${v%d|json}\n' $i $i
        done
    } >data_migrations/2_cells.yaml
    expect_exit 0 redferry up
    for ((i = 0; i < number; i++)); do
        expect_equal "$(redis LINDEX texts $i)" "${texts[i]}" "the text of value $((i + 1))"
        expect_equal "$(redis LINDEX jsons $i)" "${jsons[i]}" "the JSON of value $((i + 1))"
    done
}

# Each migration with a test behind it, on this database.
examples_are_so()
{
    local options=()
    [[ $DIALECT == sqlite ]] || options=(--database "$DB")
    blocks "$1" tested
    pairs tested examples
    expect_exit 0 redferry test --migrations examples "${options[@]}"
    count=$(grep -c '^ok ' "$OUT")
}

# The tables of keys are the parser's, and each of their keys is in an example that was run.
keys_are_complete()
{
    local owners="a migration|a step|a 'publish'"
    known_keys | grep -E "^($owners)" >known
    expect_equal "$(rows "$page" 'key | meaning' | cut -d$'\037' -f1 | tr -d '`' | sort)" \
        "$(grep -v "^a 'publish'" known | cut -f2 | sort)" 'the keys in the tables'
    expect_equal "$(used_keys examples | grep -E "^($owners)")" "$(<known)" 'the keys in examples that are run'
    count=$(grep -c . known)
}

# What the parser knows is in the table, and each of it in a command that is sent, or in a message that is heard.
placeholders_are_complete()
{
    local placeholder forms
    forms=$(rows "$page" 'placeholder | gives' | cut -d$'\037' -f1 | tr -d '`')
    expect_equal "$forms" "$(sed -nE 's/^ \*   (\$\{column\}.*) for a literal \$\{$/\1/p' "$grammar" | sed 's/  */\n/g')" \
        'the placeholders'
    while read -r placeholder; do
        rows "$page" 'you write | Redis gets' | cut -d$'\037' -f1 |
            grep -qE "$(sed -e 's/[$*{}|]/\\&/g' -e 's/column/[a-z_]+/' -e 's/text/.*/' <<<"$placeholder")" ||
            fail "no example sends $placeholder"
        counted
    done <<<"$forms"
    while read -r placeholder; do
        grep -qF "\${$placeholder}" examples/20200901060000_cut_over.yaml || fail "no announcement says $placeholder"
        counted
    done < <("$REDFERRY_TEST_PARSER" keys | python3 -c 'import json, sys; print(*json.load(sys.stdin)["announcement"], sep="\n")')
}

files_are_checked()
{
    names_are_answered
    expect_checks 4 'names of files'
    blocks_pass "$page"
    expect_checks 13 'yaml blocks'
    steps_are_answered
    expect_checks 30 'steps that lint answers'
    migrations_are_answered
    expect_checks 5 'keys of migrations that lint answers'
    commands_are_refused
    expect_checks 60 'refused commands'
    refused_commands_are_complete
    expect_checks 9 'refused words'
    guarantees_are_so
    expect_checks 5 'guarantees'
    examples_are_so "$page"
    expect_checks 6 'examples that are run'
    keys_are_complete
    expect_checks 16 'keys'
    placeholders_are_complete
    expect_checks 9 'placeholders'
}

rows_are_carried()
{
    if [[ $DIALECT == postgresql ]]; then
        examples_are_so "$page"
        expect_checks 6 'examples that are run'
    fi
    sql 'CREATE TABLE something (id integer)' # a SQLite database is there from its first table on
    errors_are_said
    expect_checks 10 'errors'
    placeholders_are_filled
    expect_checks 15 'placeholders'
    values_become_text
    expect_checks 15 'values'
}

readme_is_true()
{
    blocks_pass "$readme"
    expect_checks 1 'migrations in the README'
}

with_database sqlite files_are_checked
with_database sqlite readme_is_true
for_both_databases rows_are_carried
