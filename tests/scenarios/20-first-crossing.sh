#!/usr/bin/env bash
# Goal: the migration of the contract, byte for byte, carries the flags once: hashes, set, messages,
# one entry and one run. A second `up` changes and sends nothing; `down` takes everything away;
# `redo` does both. What an `sql` step makes, the steps behind it can read.
source "$(dirname "$0")/../support/scenario.sh"

write_contract_migration()
{
    write_migration 20200211131900_migrate_flags_to_redis.yaml <<'YAML'
description: Move the feature flags from SQL to Redis
up:
  - name: flags
    read: SELECT name, enabled FROM feature_flags
    key: name
    write:
      - HSET flag:${name} enabled ${enabled}
      - SADD flags ${name}
    publish:
      channel: flags
      message: ${*|json}
down:
  - read: SELECT name FROM feature_flags
    key: name
    write:
      - DEL flag:${name}
      - SREM flags ${name}
YAML
}

expect_flags()
{
    expect_equal "$(redis HGET flag:2fa_sms enabled)" true 'flag:2fa_sms'
    expect_equal "$(redis HGET flag:notifications_beta enabled)" false 'flag:notifications_beta'
    expect_equal "$(redis SMEMBERS flags | sort)" $'2fa_sms\nnotifications_beta' 'the set of flags'
}

flags_cross_once()
{
    write_contract_migration
    sql "CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean NOT NULL);
         INSERT INTO feature_flags VALUES ('2fa_sms', true), ('notifications_beta', false)"
    redis SADD flags legacy >/dev/null
    redis SREM flags legacy >/dev/null
    listen flags
    monitor

    expect_exit 0 redferry up
    expect_stdout_contains 'applied 20200211131900 migrate_flags_to_redis'
    # Taking the fence; the batch; closing the step; finishing.
    expect_equal "$(monitored | cut -d'"' -f2 | tr '\n' ' ' | sed 's/.*ROLE //; s/EXEC /EXEC\n/g')" \
        'WATCH HGETALL MULTI DEL HSET HSET HSETNX EXEC
WATCH HGET MULTI HSET SADD PUBLISH HSET SADD PUBLISH HSET EXEC
WATCH HGET MULTI HDEL HSET EXEC
WATCH HGET MULTI DEL EXEC' 'the transactions'
    expect_flags
    expect_equal "$(heard)" 'flags {"name":"2fa_sms","enabled":true}
flags {"name":"notifications_beta","enabled":false}' 'the messages'
    expect_equal "$(sql "SELECT version, name, run_id, rows_read, commands_sent, messages_published
                         FROM data_migrations")" \
        '20200211131900|migrate_flags_to_redis|1|2|4|2' 'the entry'
    expect_equal "$(sql "SELECT count(*) FROM data_migrations
                         WHERE announced_at >= applied_at AND checksum LIKE 'sha256:%'")" 1 'its times'
    expect_equal "$(sql "SELECT id, version, direction, status, step, step_name, rows_read,
                                \"error\" IS NULL, \"cursor\" IS NULL
                         FROM data_migration_runs" | sed 's/|t/|1/g')" \
        '1|20200211131900|up|succeeded|1|flags|2|1|1' 'the run'

    monitor
    expect_exit 0 redferry up
    expect_stdout_contains 'nothing to do'
    expect_equal "$(monitored)" '' 'what a second up sends'
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 1 'runs after a second up'

    expect_exit 0 redferry status
    expect_stdout_contains applied
    expect_exit 0 redferry status --check

    expect_exit 0 redferry redo
    expect_flags
    expect_equal "$(sql 'SELECT id, direction, status FROM data_migration_runs ORDER BY id')" \
        $'1|up|succeeded\n2|down|succeeded\n3|up|succeeded' 'the runs of redo'

    expect_exit 0 redferry down
    expect_stdout_contains 'undone 20200211131900 migrate_flags_to_redis'
    expect_equal "$(redis KEYS 'flag*')" '' 'keys after down'
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations')" 0 'entries after down'
    expect_exit 3 redferry status --check
    expect_exit 0 redferry status
    expect_stdout_contains pending
}

reads_what_sql_made()
{
    [[ $DIALECT != sqlite ]] || sql 'CREATE TABLE application (id integer)'
    write_migration 1_a.yaml <<'YAML'
up:
  - sql: CREATE TABLE one AS SELECT 1 AS id
  - {read: SELECT id FROM one, key: id, write: 'INCR one:${id}'}
  - sql: CREATE TABLE two AS SELECT 2 AS id
  - sql: INSERT INTO two VALUES (3)
  - {read: SELECT id FROM two, key: id, write: 'INCR two:${id}'}
YAML
    expect_exit 0 redferry up
    expect_equal "$(redis MGET one:1 two:2 two:3)" $'1\n1\n1' 'the rows of the tables that it made'
}

for_both_databases flags_cross_once
for_both_databases reads_what_sql_made
