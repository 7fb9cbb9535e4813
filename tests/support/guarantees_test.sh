#!/usr/bin/env bash
# docs/guarantees.md gives no promise without a test: every row of its tables names one, and every
# test that is named is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

page=docs/guarantees.md
promises=$(grep -E '^\| [A-Z]' "$page")
(($(wc -l <<<"$promises") > 20)) || { echo "$page has lost its promises" >&2; exit 1; }
if grep -vE '\| `tests/' <<<"$promises"; then
    echo "$page: these promises name no test" >&2
    exit 1
fi
grep -oE '`tests/[^`]*`' "$page" | tr -d '`' | sort -u | while read -r test; do
    [[ -e $test ]] || { echo "$page names $test, which is not there" >&2; exit 1; }
done
