#!/usr/bin/env bash
# src/README.md names every module of every room, and none that is not there.
set -euo pipefail
cd "$(dirname "$0")/../../src"

named=$(grep -oE '^\| `[a-z]+` \| \*\*.*' README.md |
    while IFS='|' read -r _ room modules _; do
        room=$(tr -d '` ' <<<"$room")
        grep -oE '\*\*[^*]+\*{2,3}' <<<"$modules" | sed -e 's/^\*\*//' -e 's/\*\*$//' -e "s|^|$room/|"
    done | sort)
present=$(find . -name '*.[ch]' | sed -e 's|^\./||' -e 's/\.[ch]$//' -e 's|cmd_[a-z]*$|cmd_*|' | sort -u)
diff <(echo "$present") <(echo "$named") || {
    echo 'src/README.md (>) and src/ (<) differ' >&2
    exit 1
}
