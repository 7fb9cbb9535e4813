#!/usr/bin/env bash
# No example goes stale: each fenced block of README.md and of the pages in docs/ is claimed by a test.
#
# A block is claimed by its title, the comment in the line above it (`<!-- three commands -->`), where a
# test has that title in quotes; or by the list below, where one test takes all blocks of a page, or all of a
# language there.
set -euo pipefail
cd "$(dirname "$0")/../.."

# page, language (* for all), test
claims='
README.md             yaml  tests/scenarios/01-readme.sh
docs/migrations.md    yaml  tests/scenarios/31-migrations-page.sh
docs/migrations.md    text  tests/scenarios/31-migrations-page.sh
docs/tests.md         yaml  tests/scenarios/33-tests-page.sh
docs/json.md          json  tests/scenarios/92-pages.sh
docs/operating.md     *     tests/scenarios/90-runbook.sh
docs/lint.md          *     tests/scenarios/34-lint.sh
docs/cookbook/README.md yaml tests/scenarios/35-cookbook.sh
'

while read -r _ _ test; do
    [[ -z $test || -e $test ]] || { echo "$test claims examples, and is not there" >&2; exit 1; }
done <<<"$claims"

claimed()
{
    local page=$1 language=$2 title=$3
    while read -r its_page its_language _; do
        [[ $its_page != "$page" || $its_language != @('*'|"$language") ]] || return 0
    done <<<"$claims"
    [[ -n $title ]] && grep -rqE --include='*.sh' --include='*.[ch]' -- "['\"](<!-- )?$title( -->)?['\"]|${page#docs/} $title\b" tests
}

count=0
while IFS=$'\t' read -r page line language title; do
    count=$((count + 1))
    claimed "$page" "$language" "$title" || {
        echo "$page:$line: no test claims this example${title:+, called '$title'}" >&2
        failed=yes
    }
done < <(find README.md docs data_migrations bench -name '*.md' -print0 | xargs -0 awk '
    /^```/ && !inside {
        inside = 1
        title = (previous ~ /^<!-- .* -->$/) ? substr(previous, 6, length(previous) - 9) : ""
        printf "%s\t%d\t%s\t%s\n", FILENAME, FNR, (length($0) > 3 ? substr($0, 4) : "-"), title
        next
    }
    /^```$/ { inside = 0 }
    { previous = $0 }')
((count > 100)) || { echo "only $count examples were found" >&2; exit 1; }
[[ -z ${failed:-} ]]
