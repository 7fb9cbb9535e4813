#!/usr/bin/env bash
# Goal: wherever the output of a command goes (a reader that leaves, a full disk, nowhere, a terminal of 40
# columns, one that is dumb, one whose user wants no colour), it ends by itself, with the exit code that
# it would have had (2 where a result could not be written), it draws on terminals only, and no line of a
# table is wider than the terminal.
# not under valgrind: hundreds of calls, each of which is made elsewhere, too
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/refusals.sh"
source "$(dirname "$0")/../support/matrix.sh"

# The exit code, whether it has a result to write, and the command, of a ledger whose first version is applied and
# whose second is not.
commands()
{
    cat <<'TABLE'
0 says  init
0 says  new third
0 says  lint
0 says  lint --explain
0 says  plan
0 says  up
0 says  run 20260101000000
0 says  down
0 says  redo
0 says  status
3 says  status --check
0 says  status 20200211131900
0 says  history
0 says  watch
4 mute  pause
4 mute  resume
4 mute  cancel
0 says  verify
0 says  doctor
0 says  mark 20260101000000
0 says  unmark 20200211131900
0 says  repair 20200211131900
0 says  completion bash
0 says  completion zsh
0 says  completion fish
0 says  help
0 says  help up
0 says  help --man
TABLE
}

begin()
{
    two_versions
    mv data_migrations/1_copy.yaml data_migrations/20200211131900_copy_with_a_name_that_is_long_for_a_terminal.yaml
    mv data_migrations/2_copy.yaml data_migrations/20260101000000_copy.yaml
    expect_exit 0 redferry up --to 20200211131900
    redis CONFIG SET save '3600 1' >/dev/null
    keep_world
}

# ended CODE WHAT: the last call's exit code is in $code
ended()
{
    ((code == $1)) || fail "$2: expected exit code $1, got $code"
    expect_stderr_lacks Sanitizer
}

# A crash, a hang and a signal all have other codes than these.
streams()
{
    local want says words code unwritten
    begin
    while read -r want says words; do
        scenario_last=$words
        read -ra words <<<"$words"
        unwritten=$want
        [[ $says != says || $want != 0 ]] || unwritten=2
        : >"$OUT"

        code=0
        within_limit "${words[@]}" >/dev/full 2>"$ERR" || code=$?
        ended "$unwritten" '>/dev/full'
        [[ $unwritten == "$want" ]] || expect_stderr_contains 'cannot write the result'
        bring_back_world
        code=0
        within_limit "${words[@]}" --json >&- 2>"$ERR" || code=$?
        [[ $want != 0 ]] || expect_stderr_contains 'cannot write the result'
        ended "$([[ $want == 0 ]] && echo 2 || echo "$want")" '>&-'
        bring_back_world
        code=0
        within_limit "${words[@]}" >"$OUT" 2>&- || code=$?
        ended "$want" '2>&-'
        [[ $says != says || -s $OUT ]] || fail '2>&-: nothing on stdout'
        bring_back_world
        code=0
        within_limit "${words[@]}" >"$OUT" 2>/dev/full || code=$?
        ended "$want" '2>/dev/full'
        [[ $says != says || -s $OUT ]] || fail '2>/dev/full: nothing on stdout'
        bring_back_world
        { code=0 && { within_limit "${words[@]}" 2>"$ERR" || code=$?; } && echo "$code" >code; } | true
        code=$(<code)
        ended "$want" '| true'
        bring_back_world
    done < <(commands)
}

# on_terminal COLUMNS COMMAND…: what it shows there is in $OUT, its stderr in $ERR
on_terminal()
{
    local columns=$1
    shift
    code=0
    : >"$ERR"
    timeout -k 1 "$MATRIX_LIMIT" script -qec "stty cols $columns && '$REDFERRY_PROGRAM' $* 2>'$ERR'" /dev/null \
        </dev/null 2>&1 | tr -d '\r' >"$OUT" || code=$?
}

# Lines that are wider than they may be, other than a single word behind the label of a fact, which cannot be
# broken.
too_wide()
{
    sed 's/\x1b\[[0-9;]*[A-Za-z]//g' "$OUT" | awk -v most=40 '
        length($0) > most {
            line = $0
            sub(/^ *([a-z]+ +)?/, "", line)
            if (line ~ / /) print
        }'
}

terminals()
{
    local want says words code
    begin
    export LC_ALL=C.UTF-8
    while read -r want says words; do
        scenario_last="$words, on a terminal"
        TERM=xterm on_terminal 40 "$words"
        ended "$want" 'on 40 columns'
        case $words in
        status | 'status 2'* | history | watch | lint* | verify | doctor | plan | help | 'help up')
            expect_equal "$(too_wide)" '' "the lines of '$words' that are wider than 40"
            ;;
        esac
        bring_back_world
        TERM=xterm NO_COLOR=1 on_terminal 80 "$words"
        ended "$want" 'with NO_COLOR'
        ! grep -Eq $'\x1b\\[[0-9;]*m' "$OUT" "$ERR" || fail 'a colour in spite of NO_COLOR'
        bring_back_world
        TERM=dumb on_terminal 40 "$words"
        ended "$want" 'on a dumb terminal'
        ! grep -q $'\x1b' "$OUT" "$ERR" || fail 'an escape sequence to a dumb terminal'
        bring_back_world
    done < <(commands)
}

# Were these not there, the tests above would look for nothing.
colours_are_there()
{
    begin
    local code
    TERM=xterm on_terminal 80 status
    ended 0 'with colours'
    grep -Eq $'\x1b\\[[0-9;]*m' "$OUT" || fail 'no colour on a terminal'
}

with_database sqlite streams
with_database sqlite terminals
with_database sqlite colours_are_there
