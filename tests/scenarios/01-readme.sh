#!/usr/bin/env bash
# Goal: what README.md shows is so. Its migration is the example of data_migrations/, its three
# commands carry it across, its table names every command there is and none that is not.
source "$(dirname "$0")/../support/scenario.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# The first block of README.md in this language.
block()
{
    awk -v fence="\`\`\`$1" '$0 == "```" && inside { exit } inside { print } $0 == fence { inside = 1 }' \
        "$root/README.md"
}

shown_migration()
{
    local file=20200211131900_migrate_flags_to_redis.yaml
    block yaml | write_migration "$file"
    expect_equal "$(<"data_migrations/$file")" \
        "$(sed '/^ *#/d' "$root/data_migrations/$file")" "the migration in README.md"

    sql "CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean NOT NULL)"
    sql "INSERT INTO feature_flags VALUES ('2fa_sms', true), ('notifications_beta', false)"
    listen flags
    expect_exit 0 redferry init
    expect_exit 0 redferry up
    expect_exit 0 redferry status
    expect_stdout_contains '1 applied'
    expect_equal "$(redis HGET flag:2fa_sms enabled)" true 'a flag'
    expect_equal "$(redis SCARD flags)" 2 'the set of names'
    expect_equal "$(heard)" 'flags {"name":"2fa_sms","enabled":true}
flags {"name":"notifications_beta","enabled":false}' 'the messages'
}

shown_commands()
{
    local shown known
    shown=$(grep '^| `redferry ' "$root/README.md" | grep -oE '`redferry [a-z]+' | awk '{ print $2 }' | sort -u)
    expect_exit 0 redferry help
    known=$(awk '/^Commands/ { inside = 1; next } /^[A-Z]/ { inside = 0 }
                 inside && /^  [a-z]/ { sub(",", "", $1); print $1 }' "$OUT" | sort -u)
    expect_equal "$shown" "$known" 'the commands in README.md'
}

for_both_databases shown_migration
shown_commands
