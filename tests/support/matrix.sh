# shellcheck shell=bash
# matrix.sh: tables of what every command answers in a situation, to be sourced after scenario.sh and
# refusals.sh.
#
#   answers [beside-a-run]
#                  goes through the table on stdin. A line of it:
#
#                      CODE | looks, writes or files | what it says | the command and its arguments
#
#                  Each is asked in the same world, in turn as people do and with --json, so that over
#                  both databases each is asked in both ways; what looks or is refused, in both at once. The exit
#                  code is this one; the text is on stdout or stderr, with --json where it is an error;
#                  it ends within MATRIX_LIMIT seconds; neither stream has an escape sequence; with
#                  --json stdout is one document, which knows the exit code; and where it only looks or
#                  is refused, neither the database, nor Redis, nor the directory of migrations changed
#                  (files: only that directory). Beside a run, which would not survive that the world is
#                  brought back, no line is one that writes.
#                  A table in which a command is missing that `redferry help` lists fails.
#   two_versions   what the tables are asked of: 1_copy and 2_copy, each with two rows and a way back

MATRIX_LIMIT=20
matrix_turn=0
matrix_commands=

# A hash that is a listpack keeps its order when it is copied, and so its DUMP.
two_versions()
{
    redis CONFIG SET hash-max-listpack-value 4096 >/dev/null
    sql "CREATE TABLE t (id integer PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'a'), (2, 'b')"
    local version
    for version in 1 2; do
        write_migration "${version}_copy.yaml" <<YAML
up:
  - read: SELECT id, name FROM t
    key: id
    write: SET v$version:\${id} \${name}
    batch: 1
down:
  - read: SELECT id, name FROM t
    key: id
    write: DEL v$version:\${id}
YAML
    done
}

# ---- the world as it was -----------------------------------------------------------------------

matrix_database()
{
    local name=${DB#postgresql:///}
    printf '%s' "${name%%\?*}"
}

# A database is copied from what stands on the left.
matrix_copy_database()
{
    psql -XAtq -v ON_ERROR_STOP=1 -h "$scenario_postgres" -U postgres -d postgres \
        -c 'SET client_min_messages = error' \
        -c "DROP DATABASE IF EXISTS $2 WITH (FORCE)" -c "CREATE DATABASE $2 TEMPLATE $1"
}

matrix_copy_keys()
{
    redis -n "$2" FLUSHDB >/dev/null
    redis -n "$1" EVAL "for _, key in ipairs(redis.call('KEYS', '*')) do
                            redis.call('COPY', key, key, 'DB', ARGV[1])
                        end" 0 "$2" >/dev/null
}

keep_world()
{
    rm -rf "$SCRATCH/kept"
    mkdir "$SCRATCH/kept"
    cp -a data_migrations "$SCRATCH/kept"
    [[ ${1:-} != beside-a-run ]] || return 0
    matrix_copy_keys 0 1
    if [[ $DIALECT == postgresql ]]; then
        matrix_copy_database "$(matrix_database)" "$(matrix_database)_kept"
    elif [[ -e test.db ]]; then
        cp -a test.db* "$SCRATCH/kept"
    fi
}

bring_back_files()
{
    rm -rf data_migrations
    cp -a "$SCRATCH/kept/data_migrations" .
}

bring_back_world()
{
    bring_back_files
    matrix_copy_keys 1 0
    if [[ $DIALECT == postgresql ]]; then
        matrix_copy_database "$(matrix_database)_kept" "$(matrix_database)"
    else
        rm -f test.db*
        [[ ! -e $SCRATCH/kept/test.db ]] || cp -a "$SCRATCH"/kept/test.db* .
    fi
}

matrix_world()
{
    world
    ls data_migrations
}

matrix_same_world()
{
    local now
    now=$(matrix_world)
    [[ $now == "$matrix_before" ]] || fail "the world changed:
$(diff <(printf '%s' "$matrix_before") <(printf '%s' "$now") || true)"
}

# ---- a line of a table -------------------------------------------------------------------------

within_limit()
{
    timeout -k 1 "$MATRIX_LIMIT" "${refusals_user[@]}" "$REDFERRY_PROGRAM" "$@" </dev/null
}

# One document with the exit code; `status` and `history` have it only where they fail.
matrix_one_document()
{
    expect_equal "$(sqlite3 -batch -init /dev/null :memory: \
        "SELECT coalesce(json_extract(readfile('$OUT'), '\$.exit'), '$1')")" "$1" 'the exit code in the document'
}

matrix_ask()
{
    local code=$1 text=$2
    shift 2
    expect_exit "$code" within_limit "$@"
    expect_stderr_lacks Sanitizer
    expect_stderr_lacks 'runtime error:'
    expect_stdout_lacks $'\x1b'
    expect_stderr_lacks $'\x1b'
    if [[ ${!#} != --json ]]; then
        [[ $(<"$OUT")$(<"$ERR") == *"$text"* ]] || fail "expected: '$text'"
    else
        matrix_one_document "$code"
        [[ ! -s $ERR || $code == 0 || $(refusals_texts "$OUT")$(<"$ERR") == *"$text"* ]] ||
            fail "expected: '$text'"
    fi
}

matrix_line()
{
    local code=$1 mode=$2 text=$3 manners=('' --json) manner
    shift 3
    [[ $mode != writes || $code != 0 ]] || manners=("${manners[matrix_turn++ % 2]}")
    for manner in "${manners[@]}"; do
        # shellcheck disable=SC2086 # none or one word
        matrix_ask "$code" "$text" "$@" $manner
    done
    if [[ $mode == writes && $code == 0 ]]; then
        bring_back_world
    else
        [[ $mode != files || $code != 0 ]] || bring_back_files
        matrix_same_world
    fi
}

answers()
{
    local code mode text command seen=
    [[ -n $matrix_commands ]] ||
        matrix_commands=$("$REDFERRY_PROGRAM" help | sed -n '/^Commands/,/^$/s/^  \([a-z]\+\).*/\1/p' | sort -u)
    matrix_turn=$([[ $DIALECT == sqlite ]] && echo 0 || echo 1) # each line is asked in the other way there
    keep_world "$@"
    matrix_before=$(matrix_world)
    while IFS='|' read -r code mode text command; do
        read -r text <<<"$text"
        read -ra command <<<"$command"
        seen+=${command[0]}$'\n'
        matrix_line $((code)) "${mode// /}" "$text" "${command[@]}"
    done
    expect_equal "$(printf '%s' "$seen" | sort -u)" "$matrix_commands" 'the commands of this table'
}
