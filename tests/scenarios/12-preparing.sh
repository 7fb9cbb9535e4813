#!/usr/bin/env bash
# Goal: what is done before there is anything to migrate: the directory, the ledger's tables (or only
# their statements, without a server), new files that never collide, and a lint that misses nothing
# it was asked to look at.
source "$(dirname "$0")/../support/scenario.sh"

prepares()
{
    rmdir data_migrations
    [[ $DIALECT != sqlite ]] || sqlite3 test.db VACUUM
    expect_exit 4 redferry doctor
    expect_stdout_contains "there is no migrations directory 'data_migrations'; 'redferry init' makes it, --migrations names another"
    expect_stdout_lacks 'redferry lint'
    [[ $DIALECT != sqlite ]] || sql 'CREATE TABLE application (id integer)'
    expect_exit 0 redferry init
    expect_stdout_contains 'next:       redferry new NAME'
    [[ -d data_migrations ]] || fail 'init made no directory'
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_ledger')" 1 'the ledger'
    expect_exit 0 redferry init

    expect_exit 0 redferry new 'Copy the FLAGS'
    expect_exit 0 redferry new copy-the-flags
    expect_exit 0 redferry new again
    expect_equal "$(ls data_migrations | cut -d_ -f1 | sort -u | wc -l)" 3 'different versions'
    expect_equal "$(ls data_migrations | cut -d_ -f2- | sort | head -n 2)" \
        $'again.test.yaml\nagain.yaml' 'names'
    expect_exit 0 redferry init
    expect_stdout_contains 'next:       redferry up (3 pending, which redferry plan shows)'
    expect_exit 0 redferry init --json
    expect_stdout_contains '"next": "redferry up"'
    expect_exit 0 redferry lint
    expect_stdout_contains '6 files checked: 0 errors, 0 warnings'
    expect_exit 2 redferry new '../escape'
    expect_exit 2 redferry new ''
    expect_exit 2 redferry new -- '- _'
    expect_exit 2 redferry new prefixed --key-prefix flag:
    expect_exit 2 redferry new nowhere -m elsewhere
    expect_stderr_contains "there is no migrations directory 'elsewhere'"

    expect_exit 0 redferry new untested --no-test
    [[ ! -e $(cut -d. -f1 "$OUT").test.yaml ]] || fail '--no-test wrote one'
    echo 'tests: false' >data_migrations/redferry.yaml
    expect_exit 0 redferry new untested_too --json
    expect_stdout_contains '"test": null'
    expect_equal "$(find data_migrations -name '*_untested_too*' | wc -l)" 1 'its files'
    rm data_migrations/redferry.yaml

    expect_exit 2 redferry lint absent.yaml
    expect_stdout_contains 'absent.yaml'
    expect_exit 2 redferry lint "$OUT"
    expect_stdout_contains 'does not end in .yaml'
}

# The statements are those that init runs: made by hand, they are taken as they are.
prints_sql()
{
    expect_exit 0 redferry init --print-sql
    cp "$OUT" tables.sql
    sql <tables.sql >/dev/null
    expect_exit 0 redferry status
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_ledger')" 1 'the ledger'
    expect_exit 0 redferry init --print-sql -d postgresql://nobody:SECRET@unreachable.invalid/none
    expect_stdout_contains 'timestamptz'
    expect_exit 0 redferry init --print-sql -d sqlite:absent.db --ledger-table other
    expect_stdout_contains 'other_runs'
    [[ ! -e absent.db ]] || fail 'print-sql made a database'
}

for_both_databases prepares
for_both_databases prints_sql
