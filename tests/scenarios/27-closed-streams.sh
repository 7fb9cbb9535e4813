#!/usr/bin/env bash
# Goal: whoever reads the output may go away in the middle of a run, a disk may be full, streams may be closed
# from the start, the terminal may vanish: the migration ends as it would have, and the exit code and the ledger
# say how; except that a run at a terminal which is closed is stopped, and can be gone on with.
source "$(dirname "$0")/../support/scenario.sh"

# Two migrations, of a few batches each.
prepare()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY);
         INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT i FROM n'
    local version
    for version in 1 2; do
        write_migration "${version}_copy.yaml" <<YAML
up:
  - read: SELECT id FROM t
    key: id
    write: SET copy$version:\${id} \${id}
    batch: 50
    pause: ${1:-5ms}
down:
  - read: SELECT id FROM t
    key: id
    write: DEL copy$version:\${id}
YAML
    done
}

# Both migrations are applied, whole; then they are undone for the next try.
expect_applied()
{
    expect_equal "$1" "$2" "the exit code of $3"
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations WHERE rows_read = 300')" 2 "what $3 applied"
    expect_equal "$(redis DBSIZE)" 601 "the rows that $3 carried, and the ledger's key"
    expect_exit 0 redferry down 2 -q
}

# Run a command at the head of a pipe, and keep its exit code.
coded()
{
    local code=0
    "$@" || code=$?
    echo "$code" >code
}

readers_may_leave()
{
    prepare
    coded redferry up | head -n 0
    expect_applied "$(<code)" 0 'up | head -n 0'
    # In the middle: what is printed after the first line finds nobody.
    coded redferry up -v 2>&1 | head -n 1 >first
    expect_equal "$(<first)" 'redferry: applying 1 copy' 'the one line that was read'
    expect_applied "$(<code)" 0 'up -v | head -n 1'
    coded redferry up --json --log-format json 2>&1 | head -c 1 >first
    expect_applied "$(<code)" 0 'up --json | head -c 1'
}

# A full disk is told where it can be, and stops nothing.
disks_may_be_full()
{
    prepare
    local code=0
    redferry up >/dev/full 2>"$ERR" || code=$?
    expect_stderr_contains 'cannot write the result'
    expect_applied "$code" 2 'up >/dev/full'
    code=0
    redferry up -v --log-format json >"$OUT" 2>/dev/full || code=$?
    expect_equal "$(sed 's/:.*//' "$OUT")" $'applied 1 copy\napplied 2 copy' 'stdout beside a full stderr'
    expect_applied "$code" 0 'up 2>/dev/full'
    code=0
    redferry up >/dev/full 2>&1 || code=$?
    expect_applied "$code" 2 'up >/dev/full 2>&1'
}

# What is opened next must not be taken for them.
streams_may_be_closed()
{
    prepare
    local code=0
    redferry up 2>&- >"$OUT" || code=$?
    expect_equal "$(sed 's/:.*//' "$OUT")" $'applied 1 copy\napplied 2 copy' 'stdout without a stderr'
    expect_applied "$code" 0 'up 2>&-'
    code=0
    "$REDFERRY_PROGRAM" up >&- 2>&- <&- || code=$?
    expect_applied "$code" 2 'up without any stream'
    code=0
    "$REDFERRY_PROGRAM" up -q >&- 2>&- <&- || code=$?
    expect_applied "$code" 0 'a quiet up without any stream'
    if [[ $DIALECT == sqlite ]]; then
        expect_equal "$(sql 'PRAGMA integrity_check')" ok 'the database'
    fi
}

# Nobody hears of a failure, but the exit code and the ledger know.
failures_stay_failures()
{
    prepare
    redis LPUSH copy2:200 x >/dev/null
    sed -i 's/SET copy2/HSET copy2/; s/} \${id}/} id \${id}/' data_migrations/2_copy.yaml
    local code=0
    "$REDFERRY_PROGRAM" up >&- 2>&- <&- || code=$?
    expect_equal "$code" 1 'the exit code of a failure that nobody hears'
    coded redferry up 2>&1 | head -n 0
    expect_equal "$(<code)" 1 'the exit code of a failure that nobody waits for'
    [[ $(sql 'SELECT error FROM data_migration_runs ORDER BY id DESC LIMIT 1') == *WRONGTYPE* ]] ||
        fail 'the ledger does not say why'
}

begun() { [[ $(sql "SELECT status FROM data_migration_runs WHERE id = $1") == running ]]; }

is_over() { ! process_runs "$1"; }

terminal=(false)
background=
end_scenario()
{
    "${terminal[@]}" kill-server 2>/dev/null || true
    [[ -z $background ]] || kill -KILL "$background" 2>/dev/null || true
    servers_finish
}
trap end_scenario EXIT

# The connection to a host breaks, a window is closed: SIGHUP, and a terminal that is no more.
terminals_may_vanish()
{
    prepare 60s
    terminal=(tmux -S "$SCRATCH/tmux1" -f /dev/null)
    "${terminal[@]}" new-session -d "'$REDFERRY_PROGRAM' up"
    wait_until 'the run has begun' begun 1
    wait_until 'a row arrives' redis EXISTS copy1:1
    local pid
    pid=$(sql 'SELECT pid FROM data_migration_runs WHERE id = 1')
    "${terminal[@]}" kill-server
    wait_until 'it has ended' is_over "$pid"
    expect_equal "$(sql 'SELECT status FROM data_migration_runs')" interrupted 'a run whose terminal is gone'

    # One in the background does not mind.
    terminal=(tmux -S "$SCRATCH/tmux2" -f /dev/null)
    "${terminal[@]}" new-session -d "'$REDFERRY_PROGRAM' up --background; read -r -t 120"
    wait_until 'the run has begun' begun 2
    background=$(sql 'SELECT pid FROM data_migration_runs WHERE id = 2')
    wait_until 'it is in the background' grep -q 'applying 1 copy' redferry.log
    "${terminal[@]}" kill-server
    wait_until 'the terminal is gone' is_gone
    kill -0 "$background" || fail 'it went with the terminal'
    expect_equal "$(sql 'SELECT status FROM data_migration_runs WHERE id = 2')" running 'the run'
    kill -TERM "$background"
    wait_until 'it has ended' is_over "$background"
    background=
    expect_equal "$(sql 'SELECT status FROM data_migration_runs WHERE id = 2')" interrupted 'the run, stopped'
}

is_gone() { ! "${terminal[@]}" list-sessions; }

for_both_databases readers_may_leave
with_database postgresql disks_may_be_full
for_both_databases streams_may_be_closed
with_database sqlite failures_stay_failures
for_both_databases terminals_may_vanish
