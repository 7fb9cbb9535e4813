#!/usr/bin/env bash
# Goal: whoever watches a run at a terminal sees how far it is: one line, drawn again and again, with the step,
# a bar, rows of the total that the database expects, the rate, and when it may end; at 80 columns and at 40,
# also when that changes; that it waits, when it does; and nothing of it once the run is over. So does who
# follows it by `watch`. Where lines cannot be drawn again, or nobody wants to see it, there is none.
# not with sanitizers: the screen is what is looked at; 27-watch and 56-… draw on terminals there as well
source "$(dirname "$0")/../support/scenario.sh"

# A server for each terminal: one that is told to go is not gone yet.
terminals=0
TERMINAL=(false)

close_terminal() { "${TERMINAL[@]}" kill-server 2>/dev/null || true; }

end_scenario()
{
    close_terminal
    servers_finish
}
trap end_scenario EXIT

# open_terminal COMMAND: a screen of 80 columns on which a command runs, and what it ended with.
open_terminal()
{
    close_terminal
    TERMINAL=(tmux -S "$SCRATCH/tmux$((++terminals))" -f /dev/null -u)
    look_at up "$1"
}

# look_at SCREEN [COMMAND]: what follows is about this screen, which runs the command where it is new.
look_at()
{
    SCREEN=$1
    (($# == 1)) || "${TERMINAL[@]}" new-session -d -s "$1" -x 80 -y 24 \
        "$2; echo \"exit \$?\"; read -r -t 120"
}

screen() { "${TERMINAL[@]}" capture-pane -p -t "$SCREEN"; }

resize() { "${TERMINAL[@]}" resize-window -t "$SCREEN" -x "$1" -y 24; }

press() { "${TERMINAL[@]}" send-keys -t "$SCREEN" "$1"; }

# Until a line of the screen is as the pattern says, whole; it is then in $line.
see()
{
    local tries=0
    until line=$(screen | grep -Ex -m 1 -- "$1"); do
        ((tries++ < 1000)) || fail "$(printf 'waited in vain for %s on the screen\n' "$1" && screen)"
        sleep 0.02
    done
}

expect_on_screen()
{
    local times
    times=$(screen | grep -Ecx -- "$1" || true)
    [[ $times == "$2" ]] || fail "$(printf 'expected %s times %s on the screen\n' "$2" "$1" && screen)"
}

# 4000 rows, which the database has counted, in 40 batches.
prepare()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY);
         INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) SELECT i FROM n;
         ANALYZE t'
    write_migration 7_slow.yaml <<'YAML'
up:
  - name: rows
    read: SELECT id FROM t
    key: id
    write: SET copy:${id} ${id}
    batch: 100
    pause: 600ms
  - sql: DELETE FROM t WHERE id > 10000
YAML
}

ETA='ETA ([0-9]+ s|[0-9]+ min [0-9]+ s)'
WIDE="7 1/2 rows \\[█*░+\\] [0-9]+/~4000 rows, [0-9.]+/s, $ETA"
LATER="7 1/2 rows \\[█+░+\\] [1-9][0-9]{2,3}/~4000 rows, [0-9.]+/s, $ETA"
NARROW='7 1/2( rows)? \[█*░+\] [0-9]+/~4000 [0-9]+/s ETA [0-9ms]+'

# The rows that a line says are done.
rows_of() { sed -E 's/.*\] ([0-9]+)\/.*/\1/' <<<"$1"; }

is_drawn_as_wide_as_the_terminal()
{
    prepare
    open_terminal "'$REDFERRY_PROGRAM' up"
    see "$WIDE"
    local first=$line
    see "$LATER"
    expect_on_screen '.*ETA.*' 1
    expect_equal "$(sql 'SELECT rows_total FROM data_migration_runs')" 4000 'the total in the ledger'

    resize 40
    see "$NARROW"
    (($(rows_of "$line") >= $(rows_of "$first"))) || fail "the rows went back from '$first' to '$line'"
    resize 120
    see "7 1/2 rows \\[█*░+\\] [0-9]+ of about 4000 rows, [0-9.]+ rows/s, $ETA"

    # Somebody else follows it, from the ledger.
    look_at watch "'$REDFERRY_PROGRAM' watch"
    see "$WIDE"
    resize 40
    see "$NARROW"

    # Ctrl-C, as it is typed. The next one counts from where this one stopped.
    look_at up
    press C-c
    see 'exit 130'
    look_at watch
    see 'exit 3'
    look_at up
    expect_on_screen '.*ETA.*' 1 # it stands above the word that the run is stopping
    local left=$((4000 - $(sql 'SELECT rows_read FROM data_migration_runs')))
    open_terminal "'$REDFERRY_PROGRAM' up"
    if [[ $DIALECT == postgresql ]]; then
        see "7 1/2 rows \\[█*░+\\] [0-9]+/~[0-9]+ rows, [0-9.]+/s, $ETA"
        local expected
        expected=$(sed -E 's/.*~([0-9]+) .*/\1/' <<<"$line")
        ((expected > left - 200 && expected < left + 200)) ||
            fail "$left rows are left, and $expected are expected"
    else # which does not say how many rows are behind a key
        see '7 1/2 rows [0-9]+ rows, [0-9.]+/s'
    fi
    press C-c
    see 'exit 130'
}

is_gone_in_the_end()
{
    prepare
    open_terminal "'$REDFERRY_PROGRAM' up --pause 50ms"
    see "$WIDE"
    see 'exit 0'
    expect_equal "$(screen | sed -e 's/ in .*//' -e '/^$/d')" \
        $'applied 7 slow: 4000 rows, 4000 commands\nexit 0' 'the screen in the end'
}

# With less than nothing to say it does not pretend.
says_that_it_waits()
{
    prepare
    open_terminal "'$REDFERRY_PROGRAM' up --pause 10ms --batch 10"
    see '7 1/2 rows \[█*░+\] [1-9][0-9]*/~4000 .*'
    redis REPLICAOF 127.0.0.1 1 >/dev/null
    see 'waiting for Redis, for 30s at most: .* \([0-9]+ s so far\)'
    redis REPLICAOF NO ONE >/dev/null
    see '7 1/2 rows \[█*░+\] [1-9][0-9]*/~4000 .*'
    kill -STOP "$REDIS_PID"
    see '7 1/2 rows \[█*░+\] [0-9]+/~4000 rows, [0-9.]+/s, waiting [0-9]+ s'
    kill -CONT "$REDIS_PID"
    see 'exit 0'

    # More rows than were expected: that is said, and no end promised.
    sql 'INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 4001 UNION ALL SELECT i + 1 FROM n WHERE i < 8000) SELECT i FROM n'
    open_terminal "'$REDFERRY_PROGRAM' run 7 --again --pause 20ms"
    see '7 1/2 rows [4-7][0-9]{3}/~4000 rows, [0-9.]+/s'
    see 'exit 0'
}

looks_as_the_terminal_can()
{
    prepare
    open_terminal "LC_ALL=C NO_COLOR=1 '$REDFERRY_PROGRAM' up --pause 50ms"
    see '7 1/2 rows \[#*-+\] [0-9]+/~4000 rows, [0-9.]+/s, ETA [0-9]+ s'
    see 'exit 0'
    open_terminal "TERM=dumb '$REDFERRY_PROGRAM' run 7 --again --pause 10ms"
    see 'exit 0'
    expect_equal "$(screen | sed -e 's/ in .*//' -e '/^$/d')" \
        $'redferry: applying 7 slow\napplied 7 slow: 4000 rows, 4000 commands\nexit 0' \
        'the screen of a dumb terminal'
    open_terminal "'$REDFERRY_PROGRAM' run 7 --again --pause 50ms --no-progress"
    redis DEL copy:1000 >/dev/null
    local tries=0
    until [[ $(redis EXISTS copy:1000) == 1 ]]; do
        ((tries++ < 1000)) || fail 'no row arrives'
        sleep 0.01
    done
    expect_on_screen '.*7 1/2.*' 0
    see 'exit 0'
}

# What a test finds: side by side in 80 columns, and in lines of their own below each other in 40.
shows_what_differs()
{
    local text='Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore'
    write_migration 1_page.yaml <<<"up: [{write: [[SET, page, '$text']]}]"
    write_migration 1_page.test.yaml <<<"expect: {redis: [GET page: '${text/adip/adep}']}"
    open_terminal "'$REDFERRY_PROGRAM' test"
    see 'exit 8'
    expect_on_screen '    expected  …"amet, consectetur adepiscing elit, sed do eius"… \(99 bytes\)' 1
    expect_on_screen '    got       …"amet, consectetur adipiscing elit, sed do eius"… \(99 bytes\)' 1
    [[ $("${TERMINAL[@]}" capture-pane -e -p -t "$SCREEN") == *$'\e[31mgot'* ]] || fail 'no colours'
    open_terminal "stty cols 40; NO_COLOR=1 '$REDFERRY_PROGRAM' test"
    see 'exit 8'
    expect_on_screen '    got       …"amet, consectetur adipis' 1
    expect_on_screen '              cing elit, sed do eius"… \(' 2
    [[ $("${TERMINAL[@]}" capture-pane -e -p -t "$SCREEN") != *$'\e[3'* ]] || fail 'colours'
}

for_both_databases is_drawn_as_wide_as_the_terminal
with_database postgresql is_gone_in_the_end
with_database sqlite says_that_it_waits
with_database sqlite looks_as_the_terminal_can
with_database sqlite shows_what_differs
