#!/usr/bin/env bash
# Goal: whoever breaks an example or a recipe (another key, a lost row, a command that counts twice, a message that is
# missing, a `down` that forgets) is told so by `redferry test` or `redferry lint`, and told where.
# not under valgrind: it is the recipes that are looked at
# not with sanitizers: it is the recipes that are looked at
source "$(dirname "$0")/../support/scenario.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# ---- the copies ---------------------------------------------------------------------------------

original=            # the migration that is broken next
originals=()         # all that are
copies=()            # all of them, the unbroken ones included
declare -A how=()    # of each broken copy: what was done to it …
declare -A tells=()  # … who has to tell …
declare -A place=()  # … and which place
declare -A breaks=() # `ORIGINAL KIND`: in which ways each of them is broken

# of FILE: what follows breaks this one. An unbroken copy is made as well.
of()
{
    original=$root/$1.yaml
    originals+=("$original")
    copy
}

# A copy with a version of its own: $copy, and $copy_test. What a test says of the version is changed, too.
copy()
{
    local stem=${original##*/} version=$((1001 + ${#copies[@]}))
    stem=${stem%.yaml}
    copy=data_migrations/${version}_${stem#*_}.yaml
    copy_test=${copy%.yaml}.test.yaml
    cp "$original" "$copy"
    sed "s/${stem%%_*}/$version/" "${original%.yaml}.test.yaml" >"$copy_test"
    copies+=("$copy")
}

# broken KIND HOW SCRIPT WHO PLACE: a copy that sed changes (its test, where HOW begins with that). KIND is what goes
# wrong: another `key`, a `row` that is lost, a `command` that may not be repeated, a `message` that is missing, a `down`
# that forgets, or anything `more`. WHO is `test`, or the rule by which lint tells; PLACE is a text in the line of the
# test (for lint, of the migration) that has to be named or, behind a `~`, words of the report.
broken()
{
    local file before
    [[ " key row command message down more " == *" $1 "* ]] || fail "'$1' is no kind"
    breaks["$original $1"]=yes
    shift
    copy
    file=$copy
    [[ $1 != 'the test'* ]] || file=$copy_test
    before=$(<"$file")
    sed -i -E "$2" "$file"
    [[ $before != "$(<"$file")" ]] || fail "'$2' changes nothing in $original"
    how[$copy]=$1 tells[$copy]=$3 place[$copy]=$4
}

# Nothing is left out: every example and every recipe for this database is broken in each of the five ways, but where
# it sends no message or has no `down`.
every_kind_is_there()
{
    local file kind missing=()
    mapfile -t want < <(find "$@" -name '[0-9]*.yaml' ! -name '*.test.yaml' | LC_ALL=C sort)
    expect_equal "$(printf '%s\n' "${originals[@]}" | LC_ALL=C sort)" "$(printf '%s\n' "${want[@]}")" 'what is broken'
    for file in "${want[@]}"; do
        for kind in key row command message down; do
            case $kind in
            message) grep -q 'publish:' "$file" || continue ;;
            down) grep -q '^down:' "$file" || continue ;;
            esac
            [[ -v "breaks[$file $kind]" ]] || missing+=("${file##*/}: $kind")
        done
    done
    ((${#missing[@]} == 0)) || fail "$(printf 'nobody has broken\n'; printf '%s\n' "${missing[@]}")"
}

examples_are_broken()
{
    of data_migrations/20200211131900_migrate_flags_to_redis
    broken key 'another key' 's/HSET flag:/HSET flags:/' test 'HGETALL flag:2fa_sms'
    broken row 'a lost row' '1,/^down/s/FROM feature_flags/& WHERE enabled/' test 'HGET flag:notifications_beta'
    broken command 'a list that grows' 's/( *- )SADD flags(.*)/&\n\1RPUSH seen\2/' test '~seen'
    broken message 'no message' '/publish:/,/message:/d' test "    - flags: '"
    broken more 'another message' 's/message: .*/message: ${name}/' test "    - flags: '"
    broken down 'a down that forgets' '/SREM/d' test 'SMEMBERS flags: [legacy]'
    broken more 'no key' '0,/key: name/{/key: name/d}' RF201 'channel: flags'
    broken more 'a key of no column' '0,/key: name/s/key: name/key: id/' RF204 'key: id'

    of data_migrations/20200304101500_flags_as_strings
    broken key 'another key' 's/SET flag_state:/SET flag_states:/' test 'GET flag_state:2fa_sms'
    broken row 'a lost row' '1,/^down/s/feature_flags/& WHERE enabled/' test 'GET flag_state:notifications_beta'
    broken command 'a command that appends' 's/SET flag/APPEND flag/' test '~flag_state:2fa_sms'
    broken down 'a down that forgets' 's/DEL flag_state:/DEL flag:/' test 'KEYS flag_state:*'

    of data_migrations/20200417083000_users_to_hashes
    broken row 'a lost row' '1,/^down/s/FROM users/& WHERE id > 1/' test 'HGETALL user:1'
    broken key 'another key' 's/"user:\$\{id\}"/"users:${id}"/' test 'HGETALL user:1'
    broken more 'a lost column' 's/full_name, //' test 'HGETALL user:1'
    broken more 'a NULL' 's/( *- ).*\$\{\*\}.*/\1HSET user:${id} full_name ${full_name}/' test "~column 'full_name' is NULL"
    broken command 'a command that counts' 's/SET ("user id of)/INCRBY \1/' test '~user id of ada@example.com'
    broken down 'a down that forgets' '/^down:/,$s/(DEL user:\$\{id\}) .*/\1/' test 'KEYS user*'

    of data_migrations/20200602120000_leaderboard
    broken more 'a key that is not unique' 's/key: \[game, player\]/key: game/' test '~two rows have the same `key`'
    broken key 'another key' 's/ZADD leaderboard:/&s:/' test 'ZRANGE leaderboard:chess'
    broken row 'a lost row' '1,/^down/s/FROM scores/& WHERE points > 0/' test 'ZRANGE "leaderboard:tic tac toe"'
    broken command 'a command that counts' 's/ZADD/ZINCRBY/' test '~leaderboard:chess'
    broken down 'a down that forgets' 's/DEL leaderboard:/&s:/' test 'KEYS leaderboard:*'

    of data_migrations/20200715093000_normalise_then_count
    broken key 'another key' 's/HSET users_by_city/HSET users_by_town/' test 'HGETALL users_by_city'
    broken more 'no tidying' '/name: tidy/,/sql:/d' test 'HGETALL users_by_city'
    broken row 'a lost row' 's/city IS NOT NULL/& AND id > 2/' test 'HGETALL users_by_city'
    broken command 'a command that counts' 's/write: HSET/write: HINCRBY/' test '~users_by_city'
    broken down 'a down that forgets' '/name: forget/,/write:/d' test 'EXISTS users_by_city'
    broken more 'a down that forgets the names' '/name: restore/,/sql:/d' test 'SELECT city FROM users'

    of data_migrations/20200901060000_cut_over
    broken command 'a list that grows' 's/write: (HSET.*)/write: ["\1", "RPUSH seen ${name}"]/' test '~seen'
    broken key 'another key' 's/HSET settings/HSET setting/' test 'HGETALL settings'
    broken row 'a lost row' 's/FROM settings/& WHERE value IS NOT NULL/' test 'HGETALL settings'
    broken more 'a NULL' 's/:-\}/}/' test "~column 'value' is NULL"
    broken message 'no message' '/^publish:/,$d' test '    - cut_over: '
    broken more 'another message' 's/\$\{rows\}/0/' test '    - cut_over: '
    broken down 'a down that forgets' 's/DEL settings/DEL setting/' test 'EXISTS settings'

    of data_migrations/20201110220000_warm_session_cache
    broken key 'another key' 's/HSET session:/HSET sessions:/' test 'HGETALL session:0b5e'
    broken command 'a list that grows' 's/^( *- )HSET.*/&\n\1RPUSH seen ${token}/' test '~seen'
    broken more 'no end' '/EXPIRE/d' test 'TTL session:7c1f'
    broken more 'another end' 's/86400/8640/' test 'TTL session:7c1f'
    broken row 'a lost row' '1,/^down/s/FROM sessions/& WHERE user_id > 1/' test 'HGETALL session:0b5e'
    broken more 'a key of no column' '0,/key: token/s/key: token/key: tokn/' RF204 'key: tokn'
    broken down 'a down that forgets' 's/UNLINK session:/UNLINK sessions:/' test 'KEYS session:*'
}

flags_and_sessions_are_broken()
{
    of docs/cookbook/20240108090000_flags_with_toggles
    broken command 'a command that appends' 's/write: SET/write: APPEND/' test '~flag:2fa_sms'
    broken key 'another key' 's/SET flag:/SET flags:/' test 'GET flag:2fa_sms'
    broken row 'a lost row' '1,/^down/s/FROM feature_flags/& WHERE enabled/' test 'GET flag:new_menu'
    broken message 'no message' '1,/^down/{/publish:/,/message:/d}' test '    - flag:toggled: '
    broken more 'another channel' '1,/^down/s/channel: flag:toggled/channel: flags/' test '    - flag:toggled: '
    broken more 'no key' '0,/key: name/{/key: name/d}' RF201 'channel: flag:toggled'
    broken down 'a down that forgets' 's/UNLINK flag:/UNLINK flags:/' test 'KEYS flag:*'
    broken more 'a down that is silent' '/^down:/,${/publish:/,/message:/d}' test '"enabled":null'

    of docs/cookbook/20240115090000_flags_in_one_hash
    broken key 'another key' 's/HSET switches/HSET switch/' test 'HGETALL switches'
    broken row 'a lost row' 's/FROM switches/& WHERE enabled/' test 'HGETALL switches'
    broken command 'a list that grows' 's/HSET switches \$\{name\} (.*)/RPUSH switches ${name}/' test 'HGETALL switches'
    broken more 'a message too many' 's/^down:/    publish: switches\n&/' test 'published: []'
    broken down 'a down that forgets' 's/UNLINK switches/UNLINK switch/' test 'EXISTS switches'

    of docs/cookbook/20240122090000_sessions_with_expiry
    broken command 'a list that grows' 's/^( *- )HSET.*/&\n\1RPUSH seen ${token}/' test '~seen'
    broken more 'a relative end' 's/EXPIREAT (.*) .*/EXPIRE \1 86400/' RF304 'EXPIRE session'
    broken more 'an end that is too early' '/EXPIREAT/{h;d}; /HSET/{p;s/HSET.*/EXPIREAT session:${token} 1/}' test 'EXPIRETIME session:0b5e'
    broken more 'no end' '/EXPIREAT/d' test 'EXPIRETIME session:0b5e'
    broken key 'another key' 's/HSET session:/HSET sessions:/' test 'HGETALL session:0b5e'
    broken row 'a lost row' '1,/^down/s/FROM sessions/& WHERE agent IS NOT NULL/' test 'HGETALL session:7c1f'
    broken down 'a down that forgets' 's/UNLINK session:/UNLINK sessions:/' test 'EXISTS session:0b5e session:7c1f'
}

timestamps_are_broken()
{
    of "docs/cookbook/$DIALECT/20240122100000_sessions_from_timestamps"
    broken key 'another key' 's/SET login:/SET logins:/' test 'GET login:0b5e'
    broken command 'a list that grows' 's/write: (SET.*)/write: ["\1", "RPUSH seen ${token}"]/' test '~seen'
    broken more 'a relative end' 's/EXAT/EX/' test 'EXPIRETIME login:0b5e'
    broken more 'no end' 's/ EXAT .*//' test 'EXPIRETIME login:0b5e'
    broken more 'a column too many' 's/_until/until/' test 'GET login:0b5e'
    broken row 'a lost row' '1,/^down/s/FROM logins/& WHERE user_id = 2/' test 'GET login:0b5e'
    broken down 'a down that forgets' 's/UNLINK login:/UNLINK logins:/' test 'KEYS login:*'
}

counters_and_streams_are_broken()
{
    of docs/cookbook/20240129090000_leaderboard
    broken key 'another key' 's/ZADD leaderboard:/ZADD leaderboards:/' test 'ZRANGE leaderboard:2023'
    broken more 'a better score lost' 's/ GT//' test 'ZRANGE leaderboard:2024'
    broken more 'the worst score' 's/max\(/min(/' test 'ZRANGE leaderboard:2023'
    broken row 'a lost row' 's/FROM scores/& WHERE points > 0/' test 'ZRANGE leaderboard:2024'
    broken command 'a command that counts' 's/ZADD (.*) GT/ZINCRBY \1/' test '~leaderboard:2023'
    broken more 'a key that is not unique' 's/key: \[season, player\]/key: season/' test '~two rows have the same `key`'

    of docs/cookbook/20240205090000_counters_added
    broken more 'a count lost' '0,/INCRBY/s/INCRBY/SET/' test 'MGET views:/ views:/about views:/new: [1000017'
    broken key 'another key' '0,/INCRBY/s/INCRBY views:/INCRBY view:/' test 'MGET views:/ views:/about views:/new: [1000017'
    broken row 'a lost row' '1,/^down/s/FROM page_views/& WHERE views > 42/' test 'MGET views:/ views:/about views:/new: [1000017'
    broken command 'no key' '0,/key: page/{/key: page/d}' RF201 'write: INCRBY'
    broken more 'the test repeats it' '/repeatable/d' test '~views:/about'
    broken down 'a down that adds' 's/DECRBY/INCRBY/' test 'MGET views:/ views:/about views:/new: [17'

    of docs/cookbook/20240205100000_counters_set
    broken key 'another key' 's/SET likes:/SET like:/' test 'MGET likes:1 likes:7'
    broken command 'a command that counts' 's/SET likes/INCRBY likes/' test '~likes:1'
    broken more 'another count' 's/count\(\*\)/count(DISTINCT post_id)/' test 'MGET likes:1 likes:7'
    broken row 'a lost row' 's/FROM likes GROUP/FROM likes WHERE post_id < 7 GROUP/' test 'MGET likes:1 likes:7'
    broken down 'a down that forgets' 's/UNLINK likes:/UNLINK like:/' test 'EXISTS likes:1 likes:7'

    of docs/cookbook/20240212090000_stream_of_events
    broken key 'another key' 's/XADD events/XADD event/' test 'XLEN events: 3'
    broken row 'a lost row' 's/FROM events/& WHERE detail IS NOT NULL/' test 'XLEN events: 3'
    broken more 'a lost column' 's/ detail \$\{detail:-\}//' test '{id: 1, kind'
    broken more 'another order' 's/key: id/key: kind/' test '{id: 1, kind'
    broken command 'no key' '/key: id/d' RF201 'write: XADD'
    broken more 'the test repeats it' '/repeatable/d' test '~events'
    broken down 'a down that forgets' 's/UNLINK events/XTRIM events MAXLEN 0/' test 'EXISTS events'
}

caches_are_broken()
{
    of docs/cookbook/20240219090000_warm_article_cache
    broken key 'another key' 's/SET article:/SET articles:/' test 'GET article:1'
    broken command 'a list that grows' 's/write: (SET.*)/write: ["\1", "RPUSH seen ${id}"]/' test '~seen'
    broken more 'no end' 's/ EX .*//' test 'TTL article:1'
    broken more 'one end for all' 's/ \+ id % 600//' test 'TTL article:7'
    broken more 'a column too many' 's/_seconds/seconds/' test 'GET article:1'
    broken row 'a lost row' '1,/^down/s/FROM articles/& WHERE body IS NOT NULL/' test 'GET article:601'
    broken more 'the wrong database' '0,/from:/{/from:/d}' test '~articles'
    broken down 'a down that forgets' 's/UNLINK article:/UNLINK articles:/' test 'KEYS article:*'

    of docs/cookbook/20240226090000_orders_from_a_join
    broken command 'a list that grows' 's/write: (HSET.*)/write: ["\1", "RPUSH seen ${id}"]/' test '~seen'
    broken row 'an inner join' 's/LEFT JOIN/JOIN/' test 'HGETALL order:102'
    broken more 'a row a line' 's/count\(lines.order_id\)/lines.line/; s/coalesce\(.*\) AS/lines.cents AS/; /GROUP BY/d' test '~two rows have the same `key`'
    broken more 'a NULL' 's/coalesce\((.*), 0\)/\1/' test 'HGETALL order:102'
    broken key 'another key' 's/HSET order:/HSET orders:/' test 'HGETALL order:100'
    broken down 'a down that forgets' 's/UNLINK order:/UNLINK orders:/' test 'EXISTS order:100'

    of docs/cookbook/20240318090000_products_as_json
    broken key 'another key' 's/SET product:/SET products:/' test 'GET product:A-1'
    broken more 'a quote in the name' 's/SET product(.*) \$\{\*\|json\}/SET product\1 '"'"'{"sku":"${sku}","name":"${name}","cents":${cents|json},"attributes":${attributes|json}}'"'"'/' test 'GET product:A-1'
    broken more 'a column too many' 's/_category/category/' test 'GET product:A-1'
    broken row 'a lost row' '1,/^down/s/FROM products/& WHERE cents > 0/' test 'GET product:B-2'
    broken command 'a list that grows' 's/SADD/RPUSH/; s/SREM products:\$\{_category\}/& 0/; s/SREM/LREM/' test 'SMEMBERS products:seats'
    broken down 'a down that forgets' '/SREM/d' test 'KEYS product*'

    of docs/cookbook/20240401090000_prices_in_euro
    broken key 'another key' 's/HSET price:/HSET prices:/' test 'HGETALL price:A-1'
    broken command 'a list that grows' 's/write: (HSET.*)/write: ["\1", "RPUSH seen ${sku}"]/' test '~seen'
    broken more 'another day' 's/03-28/03-27/' test 'HGETALL price:A-1'
    broken more 'no rounding' 's/ \+ 500000\)/)/' test 'HGETALL price:A-1'
    broken row 'a rate that is missing' 's/03-28/03-30/' test 'HGETALL price:A-1'
    broken more 'the latest rate' "s/= '2024-03-28'/= CURRENT_DATE/" RF401 CURRENT_DATE
    broken down 'a down that forgets' 's/UNLINK price:/UNLINK prices:/' test 'KEYS price:*'
}

renames_and_cut_overs_are_broken()
{
    of docs/cookbook/20240304090000_copy_to_new_names
    broken command 'a key taken away' 's/COPY (.*) REPLACE/RENAME \1/' test '~no such key'
    broken more 'a field that hides the others' 's/ REPLACE//' test 'HGETALL account:1'
    broken key 'another key' 's/member:\$\{id\} account:/&s:/' test 'HGETALL account:1'
    broken row 'a lost row' '1,/^down/s/FROM members/& WHERE id > 1/' test 'HGETALL account:1'
    broken down 'a down that forgets' 's/UNLINK account:/UNLINK accounts:/' test 'KEYS account:*'
    broken more 'a down that takes the wrong one' 's/UNLINK account:/UNLINK member:/' test 'KEYS account:*'

    of docs/cookbook/20240304100000_remove_old_names
    broken command 'a list that grows' 's/write: (UNLINK.*)/write: ["\1", "RPUSH seen ${id}"]/' test '~seen'
    broken key 'another key' 's/UNLINK member:/UNLINK account:/' test 'EXISTS member:1 member:2: 0'
    broken row 'a lost row' '1,/^down/s/FROM members/& WHERE id > 1/' test 'EXISTS member:1 member:2: 0'
    broken down 'a down that forgets' 's/COPY account:\$\{id\} member:/&s:/' test 'HGETALL member:1'
    broken more 'no down' '/^down:/,$d' test 'after_down:'

    of docs/cookbook/20240311090000_split_profiles
    broken key 'another key' '1,/^down/s/(profile:.*):counts/\1:count/' test 'HGETALL profile:1:counts'
    broken more 'a field left behind' '/^down:/,$!{/- likes/d}' test 'HGETALL profile:1: {name: Ada, mail: ada@example.com}'
    broken more 'a click lost' "s/HINCRBY/HSET/" test 'HGETALL profile:2:counts'
    broken more 'a field in both' '/^down:/,$!{/HDEL/d}' test 'HGETALL profile:1: {name: Ada, mail: ada@example.com}'
    broken row 'a lost row' '1,/^down/s/FROM profiles/& WHERE id > 1/' test 'HGETALL profile:1: {name: Ada, mail: ada@example.com}'
    broken command 'no key' '0,/key: id/{/key: id/d}' RF201 'EVAL'
    broken down 'a down that forgets' '/^down:/,${/- likes/d}' test 'HGETALL profile:1: {name: Ada, mail: ada@example.com, visits: 1815, likes: 7}'

    of docs/cookbook/20240325090000_settings_cut_over
    broken command 'a list that grows' 's/write: (HSET.*)/write: ["\1", "RPUSH seen ${name}"]/' test '~seen'
    broken key 'another key' 's/HSET settings/HSET setting/' test 'HGETALL settings'
    broken row 'a lost row' 's/FROM settings/& WHERE value IS NOT NULL/' test 'HGETALL settings'
    broken message 'no message' '/^publish:/,/message:/d' test '    - settings:source: redis'
    broken more 'nothing for who comes later' '0,/name: source/{/name: source/d}; /SET settings:source redis/d' test 'GET settings:source: redis'
    broken more 'a message a row' '/^publish:/,/message:/d; s/( +)write: HSET.*/&\n\1publish: {channel: settings:source, message: redis}/' test '~settings:source'
    broken down 'a down that forgets' '/^down:/,${/name: settings/,/UNLINK/d}' test 'EXISTS settings: 0'
    broken more 'a down that is silent' '/^down:/,${/publish:/,/message:/d}' test '    - settings:source: sql'

    of docs/cookbook/20240408090000_subscribers_set
    broken key 'another key' 's/COPY subscribers:next subscribers/&:old/' test 'SMEMBERS subscribers'
    broken row 'a lost row' 's/cancelled_at IS NULL/& AND user_id > 1/' test 'SMEMBERS subscribers'
    broken command 'a list that grows' 's/write: (SADD.*)/write: ["\1", "RPUSH seen ${user_id}"]/' test '~seen'
    broken more 'a leftover' '/name: begin empty/,/write:/d' test 'SMEMBERS subscribers'
    broken more 'a row too many' 's/ WHERE cancelled_at IS NULL//' test 'SMEMBERS subscribers'
    broken more 'no switch' '/name: switch/,/UNLINK/d' test 'SMEMBERS subscribers'
    broken more 'straight into it' '/name: begin empty/,/write:/d; /name: switch/,/UNLINK/d; s/subscribers:next/subscribers/' test 'SMEMBERS subscribers'
    broken more 'a copy left behind' '/- UNLINK/d' test 'EXISTS subscribers:next'
    broken down 'a down that forgets' '/^down:/,$s/UNLINK subscribers/&:next/' test 'KEYS subscribers*'

    of docs/cookbook/two-applications/shop/20240415090000_stock
    broken key "another application's key" 's/HSET shop:stock/HSET stock/' test 'HGETALL shop:stock'
    broken command 'a command that counts' 's/HSET/HINCRBY/' test '~shop:stock'
    broken row 'a lost row' 's/FROM shop_stock/& WHERE pieces > 0/' test 'HGETALL shop:stock'
    broken message 'no message' '/^publish:/,$d' test '    - shop:stock: '
    broken down 'a down that forgets' 's/UNLINK shop:stock/UNLINK stock/' test 'EXISTS shop:stock'

    of docs/cookbook/two-applications/billing/20240415090000_open_invoices
    broken row 'a lost row' 's/NOT paid/& AND cents > 1000/' test 'ZRANGE billing:open'
    broken more 'rows too many' 's/ WHERE NOT paid//' test 'ZRANGE billing:open'
    broken command 'a command that counts' 's/ZADD/ZINCRBY/' test '~billing:open'
    broken key 'another key' 's/ZADD billing:open/ZADD billing/' test 'ZRANGE billing:open'
    broken down 'a down that forgets' 's/UNLINK billing:open/UNLINK billing/' test 'EXISTS billing:open'
}

# ---- who tells ----------------------------------------------------------------------------------

declare -A tested=() # what `test` says of each copy, from its own line to that of the next …
declare -A linted=() # … and `lint`

read_reports()
{
    local line version=
    while IFS= read -r line; do
        [[ $line == ' '* ]] || version=${line:5:4}
        tested[$version]+=$line$'\n'
    done <tested
    while IFS= read -r line; do
        [[ $line != data_migrations/*.yaml:* ]] || linted[${line%%:*}]+=$line$'\n'
    done <linted
}

# The number of the line of FILE that has this text.
line_of()
{
    grep -nF -m 1 -- "$2" "$1" | cut -d: -f1 || fail "'$2' is no line of $1"
}

# is_told COPY REPORT: whether the report of the one who has to tell names the place.
is_told()
{
    local words=${place[$1]} file=$1
    [[ ${tells[$1]} != test ]] || file=${1%.yaml}.test.yaml
    if [[ $words == '~'* ]]; then
        words=${words#'~'}
    else
        words=$file:$(line_of "$file" "$words"):
    fi
    if [[ ${tells[$1]} == test ]]; then
        [[ $2 == FAIL*"$words"* ]]
    else
        grep -F -- "$words" <<<"$2" | grep -qF "[${tells[$1]}]"
    fi
}

# Who looks at the copies: those that are not broken have to pass, of the others everything has to be told.
judge()
{
    local copy version found codes
    silent=()
    for copy in "${copies[@]}"; do
        version=${copy##*/}
        version=${version%%_*}
        found=${tested[$version]:-nothing}
        codes=$(grep -oE '\[RF[0-9]+\]' <<<"${linted[$copy]:-}" | sort -u | paste -sd' ') || true
        printf '   %-34s %-32s %s %s\n' "${copy##*/}" "${how[$copy]:-(unbroken)}" "${found:0:4}" "$codes"
        if [[ ! -v "how[$copy]" ]]; then
            [[ $found == 'ok  '* && -z $codes ]] || silent+=("$copy is not broken: $found")
            continue
        fi
        [[ ${tells[$copy]} == test ]] || found=${linted[$copy]:-nothing}
        is_told "$copy" "$found" || silent+=("$copy: ${tells[$copy]} does not tell of '${place[$copy]}': $found")
    done
}

# The judge hears who is silent: one that is called broken and is not, and one that is broken and not called so.
judge_can_fail()
{
    local copy unbroken=${copies[0]}
    for copy in "${copies[@]}"; do
        [[ ! -v "how[$copy]" || ${tells[$copy]} != test ]] || break
    done
    (
        how[$unbroken]='(nothing)' tells[$unbroken]=test place[$unbroken]=${place[$copy]}
        unset "how[$copy]"
        judge >/dev/null
        [[ "${silent[*]}" == *"$unbroken: test does not tell"*"$copy is not broken"* ]]
    ) || fail 'the judge does not hear what is not told'
}

# all_are_told [OPTION…]: all copies at once, the unbroken ones among them.
all_are_told()
{
    expect_exit 8 redferry test --jobs 8 "$@"
    cp "$OUT" tested
    expect_exit 2 redferry lint --strict
    cp "$OUT" linted
    read_reports
    judge
    ((${#silent[@]} == 0)) || fail "$(printf 'not told, or not where it is:\n'; printf '%s\n' "${silent[@]}")"
    judge_can_fail
}

# The recipes for one database alone are in a directory that is called after it.
all_are_broken()
{
    examples_are_broken
    flags_and_sessions_are_broken
    timestamps_are_broken
    counters_and_streams_are_broken
    caches_are_broken
    renames_and_cut_overs_are_broken
    every_kind_is_there "$root"/{data_migrations,docs/cookbook/{2*.yaml,sqlite,two-applications}}
    all_are_told
}

# What only PostgreSQL knows.
postgresql_is_broken()
{
    timestamps_are_broken
    every_kind_is_there "$root/docs/cookbook/postgresql"
    all_are_told --database "$DB"
}

with_database sqlite all_are_broken
originals=() copies=() how=() tested=() linted=()
with_database postgresql postgresql_is_broken
