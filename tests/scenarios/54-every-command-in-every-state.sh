#!/usr/bin/env bash
# Goal: whatever state a ledger is in (none at all; tables without a row, as a dump of the structure leaves
# them; a run that crashed) and whatever version is asked for, every command ends by itself with a
# documented exit code, says what comes next, and changes nothing where it only looks or refuses.
# not under valgrind: hundreds of calls, each of which is made elsewhere, too
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/refusals.sh"
source "$(dirname "$0")/../support/matrix.sh"

NOBODY='nothing is running that could be asked to'

# Where nothing was ever applied, with tables or without, they all say the same.
nothing_applied()
{
    answers <<TABLE
0|writes| next:       redferry up (2 pending, which redferry  | init
0|files | _third.yaml                                     | new third
0|looks | 2 files checked: 0 errors, 0 warnings           | lint
0|looks | 2 migrations without a test                     | test
0|looks | 2 migrations to do; nothing was written         | plan
0|writes| applied 2 copy: 2 rows                          | up
0|writes| applied 2 copy: 2 rows                          | run 2
0|writes| nothing to do                                   | down
2|writes| nothing is applied: nothing to redo             | redo
0|looks | 2 pending, 0 applied                            | status
3|looks | 2 pending, 0 applied                            | status --check
0|looks | pending                                         | status 1
0|looks | 0 runs                                          | history
0|looks | nothing is running, and nothing ever ran        | watch
4|writes| $NOBODY pause (\`redferry history\`             | pause
4|writes| $NOBODY resume (\`redferry history\`            | resume
4|writes| $NOBODY cancel (\`redferry history\`            | cancel
0|looks | nothing to verify: nothing is applied           | verify
0|looks | 0 problems                                      | doctor
0|writes| marked 2 copy                                   | mark 2
0|writes| nothing to do                                   | unmark 1
0|writes| nothing to do                                   | repair 1
0|looks | complete -F                                     | completion bash
0|looks | Exit codes                                      | help
TABLE
}

no_ledger()
{
    two_versions
    nothing_applied
}

an_empty_ledger()
{
    two_versions
    expect_exit 0 redferry init
    sql 'DELETE FROM data_migration_ledger'
    nothing_applied
    expect_exit 0 redferry up --to 1
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_ledger')" 1 'the row that is made'
}

# The second of two was killed between its two rows.
crash()
{
    local pid tries=0
    two_versions
    expect_exit 0 redferry up --to 1
    sed -i 's/batch: 1/&\n    pause: 60s/' data_migrations/2_copy.yaml
    "$REDFERRY_PROGRAM" up -q &
    pid=$!
    until [[ $(redis EXISTS v2:1) == 1 ]]; do
        ((tries++ < 1000)) || fail 'no row arrives'
        sleep 0.01
    done
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
    sed -i '/pause:/d' data_migrations/2_copy.yaml
}

a_crashed_run()
{
    local crashed='run 2 of 2_copy has crashed: it says that it runs'
    crash
    answers <<TABLE
0|writes| next:       redferry up (1 pending, which redferry      | init
0|files | _third.yaml                                         | new third
0|looks | 2 files checked                                     | lint
0|looks | 2 migrations without a test                         | test
0|looks | 2_copy: up, goes on in step 1 (1 row before)        | plan
0|writes| applied 2 copy: 2 rows                              | up
0|writes| applied 2 copy: 2 rows                              | run 2
0|writes| undone 1 copy: 2 rows                               | down
0|writes| undone 2 copy                                       | down --only 2
0|writes| applied 1 copy: 2 rows                              | redo
0|looks | next:  \`redferry up\` goes on with it              | status
3|looks | next:  \`redferry up\` goes on with it              | status --check
0|looks | crashed                                             | status 2
0|looks | 2 runs                                              | history
3|looks | $crashed                                            | watch
4|writes| $crashed                                            | pause
4|writes| $crashed                                            | resume
0|writes| which had crashed: \`redferry run 2\` goes on       | cancel
0|looks | 2 equal, 0 different, 0 missing                     | verify
0|looks | redferry up                                         | doctor
0|writes| marked 2 copy                                       | mark 2
0|writes| unmarked 1 copy                                     | unmark 1
0|writes| repaired 2 copy                                     | repair 2
0|looks | complete -F                                         | completion bash
0|looks | Exit codes                                          | help
TABLE
}

# 9 is no migration; to those commands that take none, it is a word too many.
an_unknown_version()
{
    two_versions
    expect_exit 0 redferry up --to 1
    answers <<'TABLE'
2|writes| 'init' does not take '9'; see 'redferry help init'  | init 9
2|writes| '../9' cannot be a migration's name: use                            | new ../9
2|looks | cannot be read: No such file                           | lint 9_nope.yaml
2|looks | there is no migration 9                             | test 9
2|looks | there is no migration 9 (`redferry status` lists    | plan 9
2|writes| --to: there is no migration 9 (`redferry status`    | up --to 9
2|writes| VERSION: there is no migration 9                    | run 9
2|writes| there is no migration 9                             | down --only 9
2|writes| 'redo' does not take '9'; see 'redferry help redo'  | redo 9
2|looks | there is no migration 9                             | status 9
2|looks | there is no migration 9                             | history 9
2|looks | there is no run 9                                   | watch 9
2|writes| there is no run 9                                   | pause 9
2|writes| there is no run 9                                   | resume 9
2|writes| there is no run 9                                   | cancel 9
2|looks | there is no migration 9                             | verify 9
2|looks | 'doctor' does not take '9'                          | doctor 9
2|writes| there is no migration 9                             | mark 9
2|writes| there is no migration 9                             | unmark 9
2|writes| there is no migration 9                             | repair 9
2|looks | bash, zsh                                           | completion 9
2|looks | unknown command '9'                                 | help 9
TABLE
}

for_both_databases no_ledger
with_database sqlite an_empty_ledger
for_both_databases a_crashed_run
with_database sqlite an_unknown_version
with_database postgresql an_empty_ledger
