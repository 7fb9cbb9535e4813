#!/usr/bin/env bash
# Goal: every example in data_migrations/ and every recipe of docs/cookbook passes its own test on both databases,
# some of them also where they are killed in the middle, and lint has nothing to say of it; all recipes together
# are one valid directory, in which none comes in another's way; and the cookbook's page shows the files as they
# are, all of them.
# not under valgrind: it is the recipes that are looked at
# not with sanitizers: it is the recipes that are looked at
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/blocks.sh"

root=$(cd "$DOCS/.." && pwd)
readonly cookbook=$DOCS/cookbook
readonly page=$cookbook/README.md
shopt -s extglob
shopt -s globstar
BIN=$SCRATCH/bin
mkdir "$BIN"
ln -s "$REDFERRY_PROGRAM" "$BIN/redferry"
PATH=$BIN:$PATH

# ---- the page -----------------------------------------------------------------------------------

# The page shows each file to the byte; a test is shown or has its migration shown.
page_is_the_files()
{
    local file name shown=0
    for file in "$cookbook"/**/*.yaml; do
        name=${file#"$cookbook"/}
        if [[ $name == *.test.yaml ]]; then
            [[ -e ${file%.test.yaml}.yaml ]] || fail "$name is the test of no recipe"
            grep -qF "<!-- $name -->" "$page" || continue
        elif [[ $name != */redferry.yaml ]]; then
            [[ -e ${file%.yaml}.test.yaml ]] || fail "$name has no test beside it"
        fi
        listed cookbook/README.md "$name" >shown
        cmp -s shown "$file" || fail "$(printf '%s is not what the page shows:\n' "$name"; diff shown "$file" || true)"
        grep -qF "[\`$name\`]($name)" "$page" || fail "the page does not link to $name"
        shown=$((shown + 1))
    done
    ((shown >= 20)) || fail "only $shown files are on the page"
    expect_equal "$(grep -c '^<!-- .*\.yaml -->$' "$page")" "$shown" 'the files that the page shows'
}

# A heading as a link has it.
anchor()
{
    tr 'A-Z ' 'a-z-' <<<"$1" | tr -d ',.:'"'"
}

# The table names each situation, in the order of the page, and each has its three paragraphs.
page_is_whole()
{
    local headings
    headings=$(sed -n 's/^## //p' "$page")
    expect_equal "$(sed -nE 's/^\| \[(.*)\]\(#.*/\1/p' "$page")" "$headings" 'the situations in the table'
    expect_equal "$(sed -nE 's/^\| \[.*\]\(#(.*)\) \|.*/\1/p' "$page")" \
        "$(while read -r heading; do anchor "$heading"; done <<<"$headings")" 'their anchors'
    expect_equal "$(awk '/^## / { heading = $0; promise = undo = careless = 0 }
        /^- \*\*(It promises|They promise)\*\*/ { promise = 1 }
        /^- \*\*Undone/ && promise { undo = 1 }
        /^- \*\*Carelessly:\*\*/ && undo { print substr(heading, 4) }' "$page")" "$headings" \
        'situations with a promise, how it is undone, and what goes wrong'
}

# What the page says to type for a file of one's own; and the command of a module, as far as lint can say.
page_is_tried()
{
    cp "$cookbook"/20240115090000_flags_in_one_hash.yaml data_migrations/1_NAME.yaml
    cp "$cookbook"/20240115090000_flags_in_one_hash.test.yaml data_migrations/1_NAME.test.yaml
    expect_exit 0 bash -ec "$(listed cookbook/README.md 'trying one')"
    listed cookbook/README.md 'with JSON.SET' >data_migrations/1_NAME.yaml
    expect_exit 0 redferry lint data_migrations/1_NAME.yaml
    expect_stdout_contains '2 files checked: 0 errors, 0 warnings'
}

# ---- each with its test -------------------------------------------------------------------------

# What is not meant for both databases is in a directory with the name of the one. Of the two applications each
# has its own directory, since they have a version in common.
tests_pass()
{
    local files=("$root"/data_migrations/!(*.test).yaml "$cookbook"/!(*.test).yaml
        "$cookbook/$DIALECT"/!(*.test).yaml "$cookbook"/two-applications/shop/2!(*.test).yaml) scratch=()
    [[ $DIALECT == sqlite ]] || scratch=(--database "$DB")
    expect_exit 0 redferry test --require-tests --jobs 8 "${scratch[@]}" "${files[@]}"
    expect_stdout_contains "${#files[@]} tests: ${#files[@]} ok, 0 failed"
    expect_exit 0 redferry test --require-tests "${scratch[@]}" --migrations "$cookbook/two-applications/billing"
    expect_stdout_contains '1 test: 1 ok, 0 failed'
}

# A file takes less than a second, its servers' begin and end included. Of ten times the quickest shows that nobody
# waits for anything but the work, however busy the machine is.
one_takes_no_second()
{
    local try took scratch=()
    [[ $DIALECT == sqlite ]] || scratch=(--database "$DB")
    for try in {1..10}; do
        expect_exit 0 redferry test "${scratch[@]}" "$root"/data_migrations/20200211131900_migrate_flags_to_redis.yaml
        took=$(sed -nE 's/^ok .* \(([0-9.]+) s\)$/\1/p' "$OUT")
        printf '   try %d: %s s\n' "$try" "$took"
        ! awk -v took="${took:-9}" 'BEGIN { exit !(took < 1) }' || return 0
    done
    fail "a test takes $took s"
}

# Those that count, tell, switch, or change SQL as well.
kills_do_no_harm()
{
    local files=("$root"/data_migrations/20200715093000_normalise_then_count.yaml
        "$cookbook"/20240{205090000_counters_added,108090000_flags_with_toggles,212090000_stream_of_events}.yaml
        "$cookbook"/20240{325090000_settings_cut_over,408090000_subscribers_set}.yaml) scratch=()
    [[ $DIALECT == sqlite ]] || { scratch=(--database "$DB"); files=("${files[@]:0:2}"); } # each kill makes one anew
    expect_exit 0 redferry test --kills "$1" --jobs 8 "${scratch[@]}" "${files[@]}"
    expect_equal "$(grep -Ec ", killed ($1|$((2 * $1))) times\)$" "$OUT")" "${#files[@]}" 'how many were killed'
}

lint_is_content()
{
    local directory
    for directory in data_migrations docs/cookbook{,/postgresql,/sqlite,/two-applications/{shop,billing}}; do
        expect_exit 0 redferry lint --strict --migrations "$root/$directory"
        grep -qE '^[0-9]+ files? checked: 0 errors, 0 warnings$' "$OUT" || fail 'lint has something to say'
    done
}

# ---- all of them at once ------------------------------------------------------------------------

# give TEST…: what these tests are given, the database of each `from` included.
give()
{
    python3 - "$@" <<'PYTHON'
import sys, yaml
tests = [yaml.load(open(path), yaml.BaseLoader)["given"] for path in sys.argv[1:]]
with open("given.sql", "w") as sql, open("given.redis", "w") as redis:
    for given in tests:
        print(given.get("sql", ""), *given.get("from", {}).values(), file=sql)
        print(*given.get("redis", []), sep="\n", file=redis)
PYTHON
    sql <given.sql
    redis <given.redis >/dev/null
}

keys()
{
    redis --scan | grep -v '^redferry:' | LC_ALL=C sort || true
}

# One directory, one database and one Redis: no version, table or key is used twice, and `down` leaves
# nothing of anyone's behind. The leaderboard has none, and says so.
together()
{
    cp "$cookbook"/*.yaml "$cookbook/$DIALECT"/*.yaml data_migrations
    give data_migrations/!(*_remove_old_names).test.yaml # which goes on with what the copies are given
    keys >before
    export REPLICA_URL=$DB
    expect_exit 0 redferry lint --database "$DB"
    expect_equal "$(sed -nE 's/.*\[(RF[0-9]+)\]$/\1/p' "$OUT" | grep -v RF604 || true)" '' 'what lint finds but that groups are sorted'
    expect_exit 0 redferry up
    expect_exit 0 redferry run 20240219090000 # the manual one
    expect_exit 0 redferry status --check
    expect_stdout_contains '0 pending, 17 applied'
    expect_equal "$(keys | wc -l)" 39 'the keys of all, none of them twice'
    redis HINCRBY profile:1 visits 1 >/dev/null # as a process of the old release would
    expect_exit 0 redferry run 20240311090000 --again
    expect_equal "$(redis HGET profile:1:counts visits)" 1816 'visits in both hashes'
    expect_exit 0 redferry verify 20240108090000 20240226090000 20240318090000

    expect_exit 1 redferry down --only 20240129090000
    expect_stderr_contains 'leaderboard.yaml: has no `down`: it cannot be rolled back'
    expect_exit 0 redferry unmark 20240129090000
    expect_exit 0 redferry down 16
    expect_exit 0 redferry status
    expect_stdout_contains '16 pending, 0 applied'
    expect_equal "$(keys | comm -13 before - | grep -v '^leaderboard:')" \
        $'settings:source\nviews:/about\nviews:/new' 'what stays: nobody to ask, and two counts of nothing'
    unset REPLICA_URL
}

two_applications()
{
    cp -r "$cookbook/two-applications" .
    give two-applications/*/*.test.yaml
    expect_exit 0 bash -ec "$(listed cookbook/README.md 'two applications')"
    expect_stdout_contains '0 pending, 1 applied'
    expect_stdout_lacks missing
    expect_equal "$(sql 'SELECT name FROM shop_migrations UNION ALL SELECT name FROM billing_migrations')" \
        $'stock\nopen_invoices' 'the entries of both'
    expect_equal "$(redis --scan --pattern 'redferry:*' | wc -l)" 2 'the traces of two ledgers'

    expect_exit 0 redferry down --migrations two-applications/shop
    expect_equal "$(keys)" billing:open 'what is left of both'
    expect_equal "$(sql 'SELECT count(*) FROM billing_migrations')" 1 "billing's entries"
}

with_database sqlite page_is_the_files
with_database sqlite page_is_whole
with_database sqlite page_is_tried
with_database sqlite lint_is_content
for_both_databases tests_pass
for_both_databases one_takes_no_second
with_database sqlite kills_do_no_harm 3
with_database postgresql kills_do_no_harm 2
for_both_databases together
for_both_databases two_applications
