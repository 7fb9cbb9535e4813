#!/usr/bin/env bash
# Goal: a command line, a variable or a configuration that is not in order is refused with exit code 2
# and a suggestion where there is one, and never taken for something else: a `--to` that is no
# version does not mean "all". And where a URL stands in the wrong place, its password stays hidden.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/refusals.sh"

# Two migrations that nothing is wrong with.
begin()
{
    local version
    behind_passwords
    sql "CREATE TABLE t (id integer PRIMARY KEY, name text);
         INSERT INTO t VALUES (1, 'a'), (2, 'b')"
    for version in 1 20; do
        write_migration "${version}_copy.yaml" <<YAML
up:
  - read: SELECT id, name FROM t
    key: id
    write: SET v$version:\${id} \${name}
YAML
    done
}

carried()
{
    expect_exit 0 redferry up
    no_secret
    expect_equal "$(redis MGET v1:1 v1:2 v20:1 v20:2)" $'a\nb\na\nb' 'the rows'
}

no_version()
{
    local word
    begin
    for word in '' x latest all 0 -1 +1 1x 1.0 0x1 ' 1' '1 ' 9223372036854775808 99999999999999999999; do
        refused 2 "--to: '$word' is not a version: give its number, number_name, or file" \
            redferry up --to "$word"
    done
    refused 2 "--to: there is no migration 2 (\`redferry status\` lists them)" redferry up --to 2
    refused 2 "--to: migration 1 is called 'copy', not 'move'" redferry up --to 1_move
    refused 2 "option '--to' needs a value: VERSION" redferry up --to
    refused 2 "VERSION: 'x' is not a version" redferry run x
    refused 2 'VERSION: there is no migration 7' redferry run 1 7
    refused 2 "--to: 'x' is not a version" redferry down --to x
    refused 2 "--only: 'x' is not a version" redferry down --only x
    refused 2 'migration 1 is not applied: nothing to undo' redferry down --only 1
    refused 2 "'x' is not a number of migrations" redferry down x
    refused 2 "VERSION: 'x' is not a version" redferry mark x
    refused 2 "VERSION: 'x' is not a version" redferry status x

    expect_exit 0 redferry up --to 1_copy.yaml
    expect_equal "$(redis --scan --pattern 'v1:*' | sort)" $'v1:1\nv1:2' 'only the first is applied'
    refused 2 "--to: '' is not a version" redferry down --to ''
    carried
}

unknown_words()
{
    begin
    refused 2 "unknown command 'upp'; do you mean 'up'?" redferry upp
    refused 2 "unknown command 'rolback'; do you mean 'rollback'?" redferry rolback
    refused 2 "unknown command 'xyzzy'; see 'redferry help'" redferry xyzzy
    refused 2 "which command? 'redferry help' lists them" redferry
    refused 2 "unknown option '--strickt'; do you mean '--strict'?" redferry up --strickt
    refused 2 "unknown option '--strickt'; do you mean '--strict'?" redferry --strickt up
    refused 2 "unknown option '--databas'; do you mean '--database'?" redferry up --databas=x
    refused 2 "unknown option '--frobnicate'; see 'redferry help'" redferry up --frobnicate
    refused 2 "unknown option '-x'; see 'redferry help'" redferry up -x
    refused 2 "'up' has no option '--only'; see 'redferry help up'" redferry up --only 1
    refused 2 "'up' does not take '1'; see 'redferry help up'" redferry up 1
    refused 2 "'run' needs a VERSION" redferry run
    refused 2 "--on-lock: 'maybe' is none of wait|fail|skip" redferry up --on-lock maybe
    refused 2 "--lock-timeout: '5x' is not a duration: a number and a unit" redferry up --lock-timeout 5x
    refused 2 "--batch: '0' is not a number from 1 to" redferry up --batch 0
    REDFERRY_LOCK_TIMEOUT=soon refused 2 "REDFERRY_LOCK_TIMEOUT: 'soon' is not a duration"
    local MANNERS=('' --json)
    refused 2 "'--version' does not take 'extra'; see 'redferry help'" redferry --version extra
    refused 2 "'--version' does not take 'up'; see 'redferry help'" redferry up -V
    refused 2 "'--version' does not take '--again'; see 'redferry help'" redferry --version --again
    refused 2 "unknown command 'extra'" redferry --help extra
    refused 2 "'help' does not take 'down'; see 'redferry help help'" redferry help up down
    refused 2 "'completion' does not take 'zsh'" redferry completion bash zsh
    refused 2 "'status' does not take '20'" redferry status 1 20
    refused 2 "'down' does not take '2'" redferry down 1 2
    refused 2 "'new' does not take 'b'" redferry new a b
    carried
}

# ---- URLs --------------------------------------------------------------------------------------

redis_urls()
{
    local own='give redferry a URL of its own with --redis or REDFERRY_REDIS'
    begin
    REDFERRY_REDIS='' refused 2 'no Redis: give --redis URL, or set REDFERRY_REDIS or REDIS_URL'
    REDFERRY_REDIS="redis://ferry:$SECRET_URL@localhost?pool=5" \
        refused 2 "REDFERRY_REDIS: unknown parameter 'pool'; $own"
    REDFERRY_REDIS='' REDIS_URL="redis://ferry:$SECRET_URL@localhost?timeout=5" \
        refused 2 "REDIS_URL: unknown parameter 'timeout'; $own"
    REDFERRY_REDIS="redis://localhost?password=$SECRET_URL" refused 2 "unknown parameter 'password'"
    REDFERRY_REDIS=redis://ferry:$SECRET_URL@localhost:0 refused 2 'the port is not a number from 1 to 65535'
    REDFERRY_REDIS=redis://ferry:$SECRET_URL@localhost:65536 refused 2 'the port is not a number'
    REDFERRY_REDIS=redis://ferry:$SECRET_URL@localhost:http refused 2 'the port is not a number'
    REDFERRY_REDIS=redis://localhost:$SECRET refused 2 'the port is not a number'
    REDFERRY_REDIS=redis://ferry:$SECRET_URL@localhost/x refused 2 'the database is not a number'
    REDFERRY_REDIS=http://ferry:$SECRET_URL@localhost refused 2 "'http://' is not supported; it may be redis://HOST"
    REDFERRY_REDIS="redis://ferry:$SECRET@localhost" refused 2 'cannot tell where the password ends'
    REDFERRY_REDIS="redis://ferry:$SECRET_TRACE%zz@localhost" refused 2 "write % as %25"
    carried
}

database_urls()
{
    local own='give redferry a URL of its own with --database or REDFERRY_DATABASE'
    begin
    REDFERRY_DATABASE='' refused 2 'no database: give --database URL, or set REDFERRY_DATABASE or DATABASE_URL'
    REDFERRY_DATABASE="postgres://ferry:$SECRET_URL@localhost/app?pool=5" \
        refused 2 "REDFERRY_DATABASE: unknown parameter 'pool'; $own"
    REDFERRY_DATABASE='' DATABASE_URL="postgres://ferry:$SECRET_URL@localhost/app?sslmode=prefer&pool=5" \
        refused 2 "DATABASE_URL: unknown parameter 'pool'; $own"
    REDFERRY_DATABASE="sqlite:x.db?mode=ro" refused 2 "a SQLite URL takes no parameters"
    REDFERRY_DATABASE=postgres://ferry:$SECRET_URL@localhost:0/app refused 2 'the port is not a number from 1 to 65535'
    REDFERRY_DATABASE=postgres://ferry:$SECRET_URL@localhost:65536/app refused 2 'the port is not a number'
    REDFERRY_DATABASE=postgres://ferry:$SECRET_URL@localhost:http/app refused 2 'the port is not a number'
    REDFERRY_DATABASE="postgres://localhost/app?port=x&password=$SECRET_URL" refused 2 'the port is not a number'
    REDFERRY_DATABASE="postgres://localhost/app?sslmode=x&password=$SECRET_URL" refused 6 'invalid sslmode value'
    REDFERRY_DATABASE=ecto://ferry:$SECRET_URL@localhost refused 2 "'ecto://' is not supported; it may be postgres://"
    REDFERRY_DATABASE=postgres://ferry:$SECRET@localhost/app refused 2 'cannot tell where the password ends'
    REDFERRY_DATABASE="host=localhost password=$SECRET" refused 2 'is not a URL that redferry knows'
    REDFERRY_LEDGER="postgres://ferry:$SECRET_URL@localhost/app?pool=5" \
        refused 2 "REDFERRY_LEDGER: unknown parameter 'pool'; give redferry a URL of its own with --ledger"
    refused 2 "--database: unknown parameter 'pool'; $own" \
        redferry up --database "postgres://ferry:$SECRET_URL@localhost/app?pool=5"
    carried
}

# In files, variables and places that no URL belongs to.
passwords_elsewhere()
{
    local url=redis://ferry:$SECRET_URL@127.0.0.1:1 word
    begin
    for word in "up --to" run 'down' 'down --only' status history mark new help 'up --lock-timeout' \
        'up -m' 'up --config' 'up --ledger-table' ''; do
        # shellcheck disable=SC2086 # each word is one
        expect_exit 2 redferry $word "$url"
        no_secret
        # shellcheck disable=SC2086
        expect_exit 2 redferry --json $word "$url"
        no_secret
    done
    refused 2 "unknown option '--redis://***@127.0.0.1:1'" redferry up "--$url"
    refused 2 "unknown command 'redis://***@127.0.0.1:1'" redferry "$url"

    printf '%s\nand more\n' "$url" >url
    REDFERRY_REDIS='' REDFERRY_REDIS_FILE=$PWD/url refused 2 'holds more than one line of text'
    REDFERRY_REDIS_FILE=$PWD/url refused 2 'REDFERRY_REDIS and REDFERRY_REDIS_FILE are both set'
    REDFERRY_REDIS='' REDFERRY_REDIS_FILE=$PWD/absent refused 2 "$PWD/absent: cannot be read: No such file"
    printf '%s' "$url" >url
    chmod 644 url
    REDFERRY_REDIS='' REDFERRY_REDIS_FILE=$PWD/url refused 7 'Connection refused'
    REDFERRY_REDIS='' refused 7 'Connection refused' redferry up --redis "$url"
    expect_stderr_contains 'a password in --redis can be seen by everybody on this host'
}

# The configuration file holds URLs as well, and complaints of YAML like to quote.
configurations()
{
    local url=redis://ferry:$SECRET_URL@127.0.0.1:1 file=data_migrations/redferry.yaml
    begin
    echo "redis: $url" >"$file"
    chmod 644 "$file"
    REDFERRY_REDIS='' refused 7 'Connection refused'
    expect_stderr_contains "$file holds a password, and everybody may read it"
    echo "rediss: $url" >"$file"
    refused 2 "$file:1:1: unknown key 'rediss'; did you mean 'redis'?"
    echo "redis: ${url%1}0" >"$file"
    REDFERRY_REDIS='' refused 2 "$file:1:8: the port is not a number"
    echo "redis: ${url%1} 1" >"$file"
    refused 2 "$file:1:49: ': ' begins a mapping here"
    echo "$url: x" >"$file"
    refused 2 "$file:1:1: unknown key 'redis://***@127.0.0.1:1'"
    echo "redis: [$url]" >"$file"
    refused 2 "$file:1:8: 'redis' is a text"
    echo "lock_timeout: $url" >"$file"
    refused 2 "is not a duration"
    printf 'redis: %s\nredis: %s\n' "$url" "$url" >"$file"
    refused 2 "$file:2:1: the key 'redis' is here for the second time"
    rm "$file"
    carried
}

with_database sqlite no_version
with_database sqlite unknown_words
with_database sqlite redis_urls
with_database sqlite database_urls
with_database sqlite passwords_elsewhere
with_database sqlite configurations
with_database postgresql no_version
