# shellcheck shell=bash
# blocks.sh: what stands in a page of docs/, to be sourced after scenario.sh by a scenario that runs it.
#
# A block is named by the comment in the line above it, so that a test can ask for it and the reader of
# the page does not see it:
#
#     <!-- how it is called -->
#     ```sh
#     …
#
#   listed PAGE TITLE      the block of docs/PAGE with this title; a page without it fails

DOCS=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../docs" && pwd)

listed()
{
    awk -v title="<!-- $2 -->" '
        $0 == title { found = 1; next }
        found && /^```/ { if (inside) exit; inside = 1; next }
        inside' "$DOCS/$1" | grep . || fail "docs/$1 has no block '$2'"
}
