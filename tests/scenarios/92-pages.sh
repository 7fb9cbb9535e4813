#!/usr/bin/env bash
# Goal: what README.md, redferry(1), docs/commands.md, docs/json.md and the pages beside the examples and the benchmark
# show is so: what is to be typed is typed, what is said to be printed is printed, the program in C
# compiles, each JSON document is as its schema says. (The other pages have scenarios of their own:
# 31-migrations-page, 78-privileges, 90-runbook, 91-recipes; support/examples holds the list.)
# not under valgrind: it is the pages that are looked at
# not with sanitizers: it is the pages that are looked at
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/gate.sh"
source "$(dirname "$0")/../support/blocks.sh"

root=$(cd "$DOCS/.." && pwd)
BIN=$SCRATCH/bin
mkdir "$BIN"
ln -s "$REDFERRY_PROGRAM" "$BIN/redferry"
PATH=$BIN:$PATH

# Numbers, moments, people and hosts differ each time.
normalised()
{
    sed -E -e 's/20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/TIME/g' -e 's/\b[0-9]+(\.[0-9]+)?([kM]?|s)\b/N/g' \
        -e 's/\[[#-]+\]/BAR/g' -e 's/ +/ /g' -e 's/^ | $//g' "$@"
}

# shown PAGE TITLE: each line of the block was printed by the last command.
shown()
{
    local line
    normalised "$OUT" "$ERR" >got
    while IFS= read -r line; do
        grep -qF -- "$line" got || fail "expected for '$2': '$line' in $(<got)"
    done < <(listed "$1" "$2" | normalised)
}

# flags [NUMBER]: the migration of README.md, and what it reads.
flags()
{
    sql "CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean NOT NULL);
         INSERT INTO feature_flags VALUES ('2fa_sms', true), ('notifications_beta', false)"
    (($# == 0)) || sql "INSERT INTO feature_flags WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
                        SELECT 'x' || i, true FROM n"
    cp "$root"/data_migrations/20200211131900_migrate_flags_to_redis.yaml data_migrations
}

# ---- README.md, and the pages beside it ---------------------------------------------------------

readme()
{
    local line
    while read -r line _; do
        [[ -x $root/$line ]] || fail "README.md shows '$line'"
    done < <(listed ../README.md 'try it')
    flags
    expect_exit 0 bash -ec "$(listed ../README.md 'three commands' | sed "s|^export .*|export DATABASE_URL='$DB' REDIS_URL='$REDIS_URL'|")"
    expect_stdout_contains '0 pending, 1 applied'
    expect_exit 0 bash -ec "$(listed ../README.md 'write, lint, test')"
    expect_stdout_contains '0 errors, 0 warnings'
    expect_stdout_contains '1 test: 1 ok, 0 failed'
    {
        printf '#include <stdio.h>\n'
        listed ../README.md 'in your own program' | sed -e 's/^redferry \*ferry/int main(void)\n{\n&/'
        printf 'return 0;\n}\n'
    } >program.c
    expect_exit 0 cc -std=c17 -Wall -Wextra -Werror -fsyntax-only -I"$root/include" program.c
}

# Configured as it says, with another directory, and what would then be built and installed is there.
readme_builds()
{
    local configure
    configure=$(listed ../README.md 'build it' | head -n 1)
    cd "$root"
    expect_exit 0 eval "$configure -B '$SCRATCH/built'"
    expect_exit 0 cmake --build "$SCRATCH/built" -- -n
    expect_exit 0 cmake --build --list-presets
    expect_stdout_contains '"release"'
    expect_equal "$(listed ../README.md 'build it' | tail -n +2)" 'cmake --build --preset release
cmake --install build/release --prefix /usr/local' 'how it is built, and installed (headers/install does that)'
    cd "$SCRATCH"
}

# What redferry(1) shows, one behind the other.
manual()
{
    sql "CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean NOT NULL);
         INSERT INTO feature_flags VALUES ('2fa_sms', true)"
    redferry help --man | awk '/^\.Bd -literal/ { inside = 1; next } /^\.Ed/ { inside = 0 } inside' |
        sed "s|^export .*|export REDFERRY_DATABASE='$DB' REDFERRY_REDIS='$REDIS_URL'|" >lines
    (($(wc -l <lines) == 5)) || fail "redferry(1) shows $(<lines)"
    expect_exit 0 bash -ec "$(<lines)"
    expect_stdout_contains '0 pending, 1 applied'
}

examples()
{
    local tried=$PWD/tried
    mkdir -p "$tried/tests/fixtures"
    cp -r "$root/data_migrations" "$tried"
    cp "$root/tests/fixtures/examples.sql" "$tried/tests/fixtures"
    cd "$tried"
    expect_exit 0 bash -ec "$(listed ../data_migrations/README.md 'try the examples' |
        sed -e "s|redis://localhost|$REDIS_URL|" -e 's|^sqlite3|sqlite3 -init /dev/null|')"
    expect_equal "$(redis DBSIZE)" 1 'what is left: the trace of the ledger'
}

# 80-bench runs them; here, that the page's options are the program's.
benchmarks()
{
    local word
    while read -r word; do
        grep -rqw --exclude=README.md -- "${word#--}" "$root/bench" || fail "bench/run does not know '$word'"
    done < <(listed ../bench/README.md benchmarks | sed 's/#.*//' | grep -oE -- '--[a-z]+')
}

# ---- docs/commands.md ---------------------------------------------------------------------------

what_is_printed()
{
    flags
    expect_exit 0 redferry help
    shown commands.md usage
    expect_exit 0 redferry up
    shown commands.md 'what up prints'
    redis HSET flag:2fa_sms enabled false >/dev/null
    expect_exit 8 redferry verify
    shown commands.md 'what verify prints'
    redis CONFIG SET save '' >/dev/null
    expect_exit 0 redferry doctor
    shown commands.md 'a line of the doctor'
    expect_exit 0 redferry down
    expect_exit 0 eval "$(listed commands.md 'a table copied' | sed -n 's/^\$ //p')"
    expect_equal "$(sed -E 's/[0-9]+_/_/' "$OUT")" "$(listed commands.md 'a table copied' | sed -E '1d; s/[0-9]+_/_/')" 'what new prints'
    rm data_migrations/*_copy_the_flags*
    expect_exit 0 redferry up --background
    shown commands.md 'in the background'
    wait_for 'its end' eval '[[ $(sql "SELECT count(*) FROM data_migrations") == 1 ]]'
}

asked_for()
{
    local line command=
    flags 10
    begin_up --batch 1 --pause 60s
    wait_for 'a row' eval '[[ $(redis SCARD flags) == 1 ]]'
    while IFS= read -r line <&3; do
        case $line in
        '$ '*) command=${line#'$ '} && expect_exit 0 eval "$command" ;;
        *) expect_equal "$(normalised "$OUT" | sed 's/\brow\b/rows/')" "$(normalised <<<"$line")" "what '$command' prints" ;;
        esac
    done 3< <(listed commands.md 'pause and resume')
    kill -TERM "$up"
    expect_up 143
}

planned()
{
    flags
    sql "INSERT INTO feature_flags VALUES ('dark_mode', true)"
    expect_exit 0 redferry plan
    shown commands.md 'a plan'
}

# A lock as Rails takes it, by a role and with a name as on the page.
waits_for_rails()
{
    local key
    flags
    sql "CREATE ROLE app LOGIN"
    key=$(python3 -c 'import sys, zlib; print(2053462845 * zlib.crc32(sys.argv[1].encode()))' "$(sql 'SELECT current_database()')")
    mkfifo rails
    PGAPPNAME=bin/rails psql -XAtq -d "${DB/user=postgres/user=app}" <rails >rails.out &
    exec 4>rails
    echo "SELECT 'held' FROM pg_advisory_lock($key);" >&4
    wait_for 'the lock of Rails' grep -q held rails.out
    expect_exit 5 redferry up --lock-timeout 1s
    exec 4>&-
    shown commands.md 'waiting for Rails'
}

is_drawn() { tr '\r\033' '\n\n' <drawn | sed 's/^\[K//' | normalised | grep -qF -- "$1"; }

# Wide and narrow, in a terminal that shows no UTF-8.
progress_is_shown()
{
    local columns line terminal
    flags 3998
    sql 'ANALYZE feature_flags'
    awk '/^down:/ { print "  - sql: DELETE FROM feature_flags WHERE name IS NULL" } { print }' \
        "$root"/data_migrations/20200211131900_migrate_flags_to_redis.yaml >data_migrations/20200211131900_migrate_flags_to_redis.yaml
    while IFS= read -r line <&3; do
        columns=$((${#line} + 1)) line=$(normalised <<<"$line")
        : >drawn
        TERM=xterm LC_ALL=C script -qefc "stty cols $columns; '$REDFERRY_PROGRAM' up --batch 100 --pause 150ms" \
            drawn </dev/null >up.err 2>&1 &
        terminal=$!
        wait_for "the line '$line'" is_drawn "$line"
        kill -INT "$(sql 'SELECT pid FROM data_migration_runs ORDER BY id DESC LIMIT 1')"
        wait "$terminal" || true
        expect_exit 0 redferry down --only 20200211131900
    done 3< <(listed commands.md 'the progress line')
}

completes()
{
    listed commands.md completion >lines
    expect_equal "$(wc -l <lines)" 4 'the lines'
    expect_exit 0 bash -ec "$(sed -n 1p lines)
        complete -p redferry"
    expect_exit 0 zsh -fec "autoload -U compinit; compinit -u -d '$PWD/dump'; $(sed -n 2p lines)
        (( \$+_comps[redferry] ))"
    expect_exit 0 fish --no-config -c "$(sed -n 3p lines)
        complete -C 'redferry stat'"
    expect_stdout_contains status
    expect_exit 0 bash -ec "$(sed -n '4s/man -l -/mandoc -T utf8 | col -bx/p' lines)"
    expect_stdout_contains REDFERRY
}

# ---- docs/json.md -------------------------------------------------------------------------------

# A key "…" stands for those that are left out.
documents()
{
    expect_exit 0 python3 - "$DOCS" <<'PYTHON'
import json, re, sys
from pathlib import Path

import jsonschema

docs, count = Path(sys.argv[1]), 0


def close(schema):
    if isinstance(schema, dict):
        if "properties" in schema:
            schema["additionalProperties"] = False
        for part in schema.values():
            close(part)


def without(node):
    if isinstance(node, dict):
        return {key: without(value) for key, value in node.items() if key != "…"}
    return [without(part) for part in node] if isinstance(node, list) else node


for section in re.split(r"(?m)^## ", (docs / "json.md").read_text())[1:]:
    name = re.match(r"`([a-z]+)`", section)
    schema = json.loads((docs / "schemas" / f"{name.group(1) if name else 'error'}.json").read_text())
    close(schema)
    for text in re.findall(r"(?ms)^```json\n(.*?)^```$", section):
        count += 1
        for error in jsonschema.Draft202012Validator(schema).iter_errors(without(json.loads(text))):
            if not (error.validator == "required" and "…" in text):
                sys.exit(f"docs/json.md: {error.json_path}: {error.message}\n{text}")
if count < 8:
    sys.exit(f"only {count} documents")
PYTHON
}

for_both_databases readme
readme_builds
with_database sqlite manual
with_database sqlite examples
benchmarks
with_database sqlite what_is_printed
with_database sqlite asked_for
with_database postgresql planned
with_database postgresql waits_for_rails
with_database sqlite progress_is_shown
with_database sqlite completes
documents
