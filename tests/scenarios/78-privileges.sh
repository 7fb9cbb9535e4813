#!/usr/bin/env bash
# Goal: the privileges that docs/operating.md and docs/ledger.md list are enough, and none of those in
# Redis is too many: a role and a user that have just these carry a migration up and down, the doctor has
# nothing to say of them, and of each rule that is taken away it says that it is missing.
# not under valgrind: the doctor forty times over, who is looked at there in 77
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/blocks.sh"

apply_acl()
{
    local rules
    rules=$(listed operating.md "$1")
    # shellcheck disable=SC2086 # the words of a command, as the page gives them
    redis $rules >/dev/null
}

begin()
{
    redis CONFIG SET save '3600 1' >/dev/null
    sql "CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean NOT NULL);
         INSERT INTO feature_flags VALUES ('2fa_sms', true), ('notifications_beta', false)"
    cp "$DOCS"/../data_migrations/20200211131900_migrate_flags_to_redis.yaml data_migrations
    redis ACL SETUSER ferry reset nopass >/dev/null
    apply_acl 'acl of redferry'
    apply_acl 'acl of the migration'
    if [[ $DIALECT == postgresql ]]; then
        expect_exit 0 redferry init
        sql "DROP ROLE IF EXISTS app; CREATE ROLE app LOGIN; REVOKE ALL ON SCHEMA public FROM PUBLIC;
             GRANT SELECT ON feature_flags TO app;
             $(listed ledger.md 'grants of a runner')"
        export REDFERRY_DATABASE=${DB/user=postgres/user=app}
    fi
    export REDFERRY_REDIS=unix://ferry:x@$REDIS_SOCKET
}

just_enough()
{
    begin
    expect_exit 0 redferry up
    expect_equal "$(redis HGET flag:2fa_sms enabled)" true 'a flag'
    expect_exit 0 redferry status --strict
    redis ACL SETUSER auditor reset nopass >/dev/null
    apply_acl 'acl of verify'
    REDFERRY_REDIS=unix://auditor:x@$REDIS_SOCKET expect_exit 0 redferry verify
    expect_stdout_contains '4 equal, 0 different, 0 missing'
    redis ACL DELUSER auditor >/dev/null
    expect_exit 0 redferry down
    expect_equal "$(redis --raw KEYS 'flag*')" '' 'what is left of it'
    apply_acl 'acl of looking again'
    apply_acl 'acl of the doctor'
    expect_exit 0 redferry doctor --strict
    expect_stdout_contains ' ok, 0 warnings, 0 problems'
    expect_exit 0 redferry up
    [[ $DIALECT == sqlite ]] || sql 'DROP OWNED BY app; DROP ROLE app'
    redis ACL DELUSER ferry >/dev/null
}

# Without INFO or ROLE it is not even known whether this is a primary.
none_too_many()
{
    begin
    apply_acl 'acl of the doctor'
    local rule
    for rule in $(listed operating.md 'acl of redferry' | grep -oE '[+~][^ ]+'); do
        case $rule in
        +*) redis ACL SETUSER ferry "-${rule#+}" >/dev/null ;;
        *) redis ACL SETUSER ferry resetkeys '~flag:*' '~flags' >/dev/null ;;
        esac
        expect_exit 4 redferry doctor
        grep -q "^problem.*\\($rule\\|NOPERM\\)" "$OUT" || fail "nothing is said of '$rule'"
        redis ACL SETUSER ferry "$rule" >/dev/null
        expect_exit 0 redferry doctor
    done
    redis ACL DELUSER ferry >/dev/null
}

for_both_databases just_enough
with_database sqlite none_too_many
