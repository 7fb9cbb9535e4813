#!/usr/bin/env bash
# Goal: where an operator may not write, where another holds the lock, and where two operators ask for
# different things at once, every command ends by itself with a documented exit code and says what comes
# next; what only looks works all the same; and what is left behind is what one of the two asked for.
# not under valgrind: hundreds of calls, each of which is made elsewhere, too
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/refusals.sh"
source "$(dirname "$0")/../support/matrix.sh"

NOBODY='nothing is running that could be asked to'

# ---- a database that cannot be written ---------------------------------------------------------

# may_not_write TEXT: of a directory and a file that are read-only, or a role that may only SELECT
may_not_write()
{
    answers <<TABLE
$2|writes| $1                                         | init
$3|files | $4                                         | new third
0|looks | 2 files checked                             | lint
0|looks | 2 migrations without a test                 | test
0|looks | this plan cannot be carried out from here   | plan
4|writes| $1                                          | up
4|writes| $1                                          | run 2
4|writes| $1                                          | down
4|writes| $1                                          | redo
0|looks | 1 pending, 1 applied                        | status
3|looks | 1 pending, 1 applied                        | status --check
0|looks | applied                                     | status 1
0|looks | 1 run                                       | history
0|looks | nothing is running; the latest:             | watch
4|writes| $NOBODY pause                               | pause
4|writes| $NOBODY resume                              | resume
4|writes| $NOBODY cancel                              | cancel
0|looks | 2 equal, 0 different, 0 missing             | verify
4|looks | 1 problem                                   | doctor
4|writes| $1                                          | mark 2
4|writes| $1                                          | unmark 1
4|writes| $1                                          | repair 1
0|looks | complete -F                                 | completion bash
0|looks | Exit codes                                  | help
TABLE
}

a_role_that_may_only_read()
{
    two_versions
    expect_exit 0 redferry up --to 1
    sql "CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"
    REDFERRY_DATABASE=${DB/user=postgres/user=reader} \
        may_not_write "role 'reader' may not use the ledger's tables: GRANT " 4 0 _third.yaml
}

a_file_that_may_only_be_read()
{
    two_versions
    expect_exit 0 redferry up --to 1
    chmod 755 data_migrations
    chmod 644 data_migrations/*
    chmod 444 test.db*
    chmod 555 .
    ((EUID == 0)) || chmod 555 data_migrations
    other_user
    may_not_write 'Permission denied; run redferry as the user that owns the database, or' 4 2 'Permission denied'
    same_user
    chmod -R u+w . "$SCRATCH/kept"
}

# ---- a lock that another holds -----------------------------------------------------------------

holder=
end_scenario()
{
    [[ -z $holder ]] || let_go
    servers_finish
}
trap end_scenario EXIT

# hold: `up` of the second migration, which goes on after one of its two rows when it is told to
hold()
{
    local tries=0
    two_versions
    expect_exit 0 redferry up --to 1
    sed -i 's/batch: 1/&\n    pause: 60s/' data_migrations/2_copy.yaml
    "$REDFERRY_PROGRAM" up -q --operator ana >holder.out 2>holder.err &
    holder=$!
    until [[ $(redis EXISTS v2:1) == 1 &&
        $(sql 'SELECT rows_read FROM data_migration_runs WHERE id = 2') == 1 ]]; do
        ((tries++ < 1000)) || fail 'no row arrives'
        sleep 0.01
    done
}

let_go()
{
    kill -KILL "$holder" 2>/dev/null || true
    wait "$holder" 2>/dev/null || true
    holder=
}

# It stands still, or its row would say something else every second. `watch` of it would stay as well.
a_lock_that_is_held()
{
    local held='the lock is held by ana'
    export REDFERRY_ON_LOCK=fail
    hold
    kill -STOP "$holder"
    answers beside-a-run <<TABLE
5|looks | $held                                       | init
0|files | _third.yaml                                 | new third
0|looks | 2 files checked                             | lint
0|looks | 2 migrations without a test                 | test
0|looks | nothing was written                         | plan
5|looks | $held                                       | up
3|looks | $held                                       | up --on-lock skip
5|looks | the lock is still held after 10ms           | up --on-lock wait --lock-timeout 10ms
5|looks | $held                                       | run 2
5|looks | $held                                       | down
5|looks | $held                                       | redo
0|looks | running                                     | status
3|looks | running                                     | status --check
0|looks | running                                     | status 2
0|looks | 2 runs                                      | history
0|looks | run 1 (1_copy, up): succeeded               | watch 1
4|looks | 1                                           | pause 1
4|looks | 1                                           | resume 1
4|looks | 1                                           | cancel 1
0|looks | 2 equal, 0 different, 0 missing             | verify
0|looks | lock                                        | doctor
5|looks | $held                                       | mark 2
5|looks | $held                                       | unmark 1
5|looks | $held                                       | repair 1
0|looks | complete -F                                 | completion bash
0|looks | Exit codes                                  | help
TABLE
    let_go
    unset REDFERRY_ON_LOCK
}

# ---- two operators -----------------------------------------------------------------------------

# at_once FIRST SECOND CODES STATES: both commands begin together; their exit codes are one of the pairs, and
# what the ledger then says of version 1 and 2 is one of these. Redis agrees with it, and nothing is left
# running.
at_once()
{
    local first second code=0 codes='' states
    rm -f a.* b.*
    # shellcheck disable=SC2086 # each word is one
    timeout 20 "$REDFERRY_PROGRAM" $1 --operator ana >a.out 2>a.err &
    first=$!
    # shellcheck disable=SC2086
    timeout 20 "$REDFERRY_PROGRAM" $2 --operator ben >b.out 2>b.err &
    second=$!
    wait "$first" || code=$?
    codes=$code
    code=0
    wait "$second" || code=$?
    codes+=" $code"
    [[ "|$3|" == *"|$codes|"* ]] ||
        fail "$1 beside $2: exit codes $codes, not one of $3: $(cat a.err b.err)"
    states=$(sql 'SELECT version FROM data_migrations ORDER BY version' | tr -d '\n')
    [[ "|$4|" == *"|$states|"* ]] || fail "$1 beside $2: '$states' is applied, not one of '$4'"
    expect_equal "$(sql "SELECT count(*) FROM data_migration_runs WHERE status IN ('running', 'paused')")" 0 \
        "the runs that $1 beside $2 left"
    expect_equal "$(redis --raw --scan --pattern 'v*' | sort | tr '\n' ' ')" \
        "$(for ((i = 0; i < ${#states}; i++)); do printf 'v%s:1 v%s:2 ' "${states:i:1}" "${states:i:1}"; done)" \
        "the keys after $1 beside $2"
}

two_operators()
{
    two_versions
    expect_exit 0 redferry init
    keep_world
    at_once up up '0 0' 12
    at_once down up '0 0' '1|12'
    redferry up -q
    at_once down down '0 0' '1|' # the second one undoes no other than the one it was asked for
    at_once 'up --to 1' up '0 0' 12
    at_once redo down '0 0|2 0' '1|12'
    redferry up -q
    at_once 'down --only 1' 'run 1 --again' '0 0|0 2' '2|12'
    bring_back_world
    at_once 'run 1' 'run 2' '0 0' 12
    at_once 'down --only 2' 'down --only 2' '0 2|2 0|0 0' 1
    at_once 'repair 1' 'down --only 1' '0 0|2 0' ''
}

with_database sqlite a_file_that_may_only_be_read
with_database postgresql a_role_that_may_only_read
for_both_databases a_lock_that_is_held
for_both_databases two_operators
