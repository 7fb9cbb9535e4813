#!/usr/bin/env bash
# Goal: every example in data_migrations/ does what its comment says, alone and with all the others, and
# `down` takes back all of it: nothing stays in Redis, and the tables are what they were.
source "$(dirname "$0")/../support/scenario.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly examples=$root/data_migrations tables=$root/tests/fixtures/examples.sql
readonly channels=(flags cut_over)
shopt -s extglob
readonly migrations=("$examples"/[0-9]!(*.test).yaml) # their tests stand beside them: 35-cookbook

# ---- what each one leaves ----------------------------------------------------------------------

# A hash as sorted lines `field=value`.
hash()
{
    redis HGETALL "$1" | awk 'NR % 2 { field = $0; next } { print field "=" $0 }' | LC_ALL=C sort
}

expect_20200211131900()
{
    expect_equal "$(hash flag:2fa_sms)" enabled=true 'flag:2fa_sms'
    expect_equal "$(hash flag:dark_mode)" enabled=true 'flag:dark_mode'
    expect_equal "$(hash flag:notifications_beta)" enabled=false 'flag:notifications_beta'
    expect_equal "$(redis SMEMBERS flags | sort)" $'2fa_sms\ndark_mode\nnotifications_beta' 'flags'
}

expect_20200304101500()
{
    expect_equal "$(redis MGET flag_state:2fa_sms flag_state:dark_mode flag_state:notifications_beta)" \
        $'true\ntrue\nfalse' 'the flags as strings'
}

expect_20200417083000()
{
    expect_equal "$(hash user:1)" 'email=Ada@Example.com
full_name=Ada "Countess" Lovelace
id=1
visits=1815' 'user:1'
    expect_equal "$(hash user:3)" $'email=emmy@example.com\nid=3\nvisits=1882' 'user:3, who has no name'
    expect_equal "$(redis HGET user:4 full_name)" 'Hedy Lamarr  ✨' 'blanks and UTF-8'
    expect_equal "$(redis HEXISTS user:5 full_name)" 1 'an empty name, which is not NULL'
    expect_equal "$(redis HGET user:5 visits)" -1 'a negative number'
    expect_equal "$(redis GET 'user id of ada@example.com')" 1 'the id of an address'
    expect_equal "$(redis GET "user id of o'neil@example.com")" 5 'the id of an address with a quote'
}

expect_20200602120000()
{
    local game
    for game in chess go 'tic tac toe'; do
        expect_equal "$(redis ZRANGE "leaderboard:$game" 0 -1 WITHSCORES | paste -d'|' - - | LC_ALL=C sort)" \
            "$(sql "SELECT player, points FROM scores WHERE game = '$game'" | LC_ALL=C sort)" \
            "leaderboard:$game"
    done
}

# Small transactions, where a step asks for them.
expect_batches()
{
    expect_equal "$(monitored |
        awk '$1 == "\"ZADD\"" { rows++ } $1 == "\"EXEC\"" && rows { print rows; rows = 0 }' | paste -sd' ')" \
        '500 500 500 500 500' 'the rows of each transaction'
}

expect_20200715093000()
{
    expect_equal "$(hash users_by_city)" $'LONDON=2\nPARIS=2' 'users_by_city'
    expect_equal "$(sql 'SELECT id, city, city_before FROM users ORDER BY id')" '1|LONDON|London
2|PARIS|paris
3|PARIS|Paris
4||
5|LONDON|LONDON' 'the names of cities in SQL'
}

expect_20200901060000()
{
    expect_equal "$(hash settings)" 'contact=
greeting=Hello, world: how are you?
limit=100
motto=' 'settings'
}

expect_20201110220000()
{
    local ttl
    expect_equal "$(hash session:0b5e)" $'expires_at=2020-11-11T09:00:00Z\nuser=1' 'session:0b5e'
    expect_equal "$(hash session:7c1f)" $'expires_at=2020-11-11T09:30:00.5Z\nuser=2' 'session:7c1f'
    ttl=$(redis TTL session:e9a2)
    ((ttl > 86000 && ttl <= 86400)) || fail "session:e9a2 expires in ${ttl}s"
}

# VERSION|rows read|rows changed|commands sent|messages published, as the ledger has them.
readonly counts='20200211131900|3|0|6|3
20200304101500|3|0|3|0
20200417083000|5|0|10|0
20200602120000|2500|0|2500|0
20200715093000|2|5|2|0
20200901060000|4|0|4|0
20201110220000|3|0|6|0'

# The messages that VERSION publishes.
messages()
{
    case $1 in
    20200211131900)
        echo 'flags {"name":"2fa_sms","enabled":true}'
        echo 'flags {"name":"dark_mode","enabled":true}'
        echo 'flags {"name":"notifications_beta","enabled":false}'
        ;;
    20200901060000)
        echo 'cut_over {"migration":"20200901060000","name":"cut_over","rows":4}'
        ;;
    esac
}

# ---- what all of them have in common -----------------------------------------------------------

# All that the examples read, as text.
dump()
{
    sql "SELECT name, enabled FROM feature_flags ORDER BY name"
    sql "SELECT * FROM users ORDER BY id"
    sql "SELECT * FROM scores ORDER BY game, player"
    sql "SELECT name, value, value IS NULL FROM settings ORDER BY name"
    sql "SELECT token, user_id, expires_at FROM sessions ORDER BY token"
}

ledger_counts()
{
    sql "SELECT version, rows_read, rows_changed, commands_sent, messages_published
         FROM data_migrations ORDER BY version"
}

# The keys in Redis, but redferry's own.
keys()
{
    redis --scan | grep -v '^redferry:' || true
}

version_of()
{
    local file=${1##*/}
    printf '%s' "${file%%_*}"
}

is_manual() { grep -q '^manual: true' "$1"; }

expect_gone()
{
    expect_equal "$(keys)" '' 'keys that stay in Redis'
    expect_equal "$(dump)" "$before" 'the tables'
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations')" 0 'entries in the ledger'
}

alone()
{
    local file=$1 version
    version=$(version_of "$file")
    cp "$file" data_migrations/
    sql <"$tables"
    before=$(dump)
    listen "${channels[@]}"
    monitor

    if is_manual "$file"; then
        expect_exit 0 redferry up
        expect_stdout_contains 'nothing to do'
        expect_equal "$(keys)" '' 'what up left of a manual one'
        expect_exit 0 redferry run "$version"
    else
        expect_exit 0 redferry up
    fi
    "expect_$version"
    [[ $version != 20200602120000 ]] || expect_batches
    expect_equal "$(heard)" "$(messages "$version")" 'the messages'
    expect_equal "$(ledger_counts)" "$(grep "^$version" <<<"$counts")" 'the entry in the ledger'

    expect_exit 0 redferry down
    expect_gone
}

together()
{
    local file version versions=() all
    cp "${migrations[@]}" data_migrations/
    sql <"$tables"
    before=$(dump)
    for file in data_migrations/*.yaml; do versions+=("$(version_of "$file")"); done
    all=$(for version in "${versions[@]}"; do messages "$version"; done)
    listen "${channels[@]}"

    expect_exit 0 redferry lint
    expect_stdout_contains "${#versions[@]} files checked: 0 errors, 0 warnings"
    expect_exit 0 redferry up
    expect_equal "$(ledger_counts)" "$(grep -v ^20201110220000 <<<"$counts")" 'the ledger after up'
    expect_exit 0 redferry run "${versions[@]}" # the manual one; the others are applied already
    expect_equal "$(ledger_counts)" "$counts" 'the ledger after all'
    expect_equal "$(heard)" "$all" 'the messages of all'
    for version in "${versions[@]}"; do "expect_$version"; done

    expect_exit 0 redferry down ${#versions[@]}
    expect_gone
    expect_equal "$(sql "SELECT version FROM data_migration_runs WHERE direction = 'down' ORDER BY id DESC")" \
        "$(printf '%s\n' "${versions[@]}")" 'what down takes: the newest application first'

    expect_exit 0 redferry run "${versions[@]}" # what was undone can be done again
    for version in "${versions[@]}"; do "expect_$version"; done
}

# An example that nobody looks at would be none.
expect_equal "$(for file in "${migrations[@]}"; do version_of "$file"; echo; done)" \
    "$(cut -d'|' -f1 <<<"$counts")" 'the examples'

for_both_databases together
# Nothing else of the program runs here: not worth it where each call takes seconds (valgrind).
((${#scenario_wrapper[@]} == 0)) || exit 0
for file in "${migrations[@]}"; do
    printf -- '-- %s\n' "${file##*/}"
    for_both_databases alone "$file"
done
