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
# A migration on a page may have its test behind it: the next yaml block, which begins with a test's key.
# Such a pair is called 1_example.yaml and so on, unless the migration's block is called SOMETHING.yaml.
#
#   listed PAGE TITLE      the block of docs/PAGE with this title; a page without it fails
#   blocks FILE DIRECTORY  every block of FILE as DIRECTORY/NUMBER.LANGUAGE (with NUMBER.title, where it has one)
#   pairs DIRECTORY PAIRS  of these blocks, the migrations with a test behind them, and the tests, as files in PAIRS
#   used_keys PAIRS        the keys in all these files, a line each: what has it ("a step"), a tab, the key
#   known_keys             the same of the parser's own tables
#   rows FILE HEADING      the rows of every table in FILE with this heading: cells parted by \x1f, `\|` undone
#   spans CELL             the code spans of a cell, one a line; *(empty)* is an empty one

DOCS=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../docs" && pwd)

listed()
{
    awk -v title="<!-- $2 -->" '
        $0 == title { found = 1; next }
        found && /^```/ { if (inside) exit; inside = 1; next }
        inside' "$DOCS/$1" | grep . || fail "docs/$1 has no block '$2'"
}

blocks()
{
    mkdir "$2"
    awk -v directory="$2" '
        /^```/ && !inside {
            stem = sprintf("%s/%03d", directory, ++count)
            file = stem "." substr($0, 4)
            printf "" >file
            if (previous ~ /^<!-- .* -->$/) {
                print substr(previous, 6, length(previous) - 9) >(stem ".title")
                close(stem ".title")
            }
            inside = 1
            next
        }
        /^```$/ { close(file); inside = 0; next }
        inside { print >file }
        { previous = $0 }' "$1"
}

pairs()
{
    local block before= name count=0
    mkdir -p "$2"
    for block in "$1"/*.yaml; do
        if grep -qE '^(given|expect|repeatable):' "$block"; then
            [[ -n $before ]] || fail "a test without a migration before it: $block"
            name=$((++count))_example.yaml
            if [[ -e ${before%.yaml}.title ]]; then name=$(<"${before%.yaml}.title"); fi
            cp "$before" "$2/$name"
            cp "$block" "$2/${name%.yaml}.test.yaml"
            before=
        else
            before=$block
        fi
    done
}

used_keys()
{
    python3 - "$1" <<'PYTHON'
import sys
from pathlib import Path

import yaml

STEPS = {"up", "down"}
found = set()


def keys(owner, mapping):
    found.update((owner, key) for key in mapping)
    return mapping


def notifications(value):
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            keys("a 'publish'", one)


for path in Path(sys.argv[1]).glob("*.yaml"):
    root = yaml.load(path.read_text(), yaml.BaseLoader)
    if path.name.endswith(".test.yaml"):
        for part in {"given", "expect", "after_down"} & set(keys("a test", root)):
            keys(f"'{part}'", root[part])
        continue
    notifications(keys("a migration", root).get("publish", []))
    for step in (step for part in STEPS & set(root) for step in root[part]):
        notifications(keys("a step", step).get("publish", []))
for owner, key in sorted(found):
    print(f"{owner}\t{key}")
PYTHON
}

known_keys()
{
    "${REDFERRY_TEST_PARSER:?what tests/schema/parser.c becomes}" keys | python3 -c '
import json, sys
known = json.load(sys.stdin)
for owner, key in sorted((mapping["owner"], key) for kind in ("migration", "test")
                         for mapping in known[kind] for key in mapping["keys"]):
    print(f"{owner}\t{key}")'
}

rows()
{
    awk -v heading="| $2 |" '
        $0 == heading { inside = 1; getline; next }
        !/^\|/ { inside = 0 }
        inside {
            gsub(/\\\|/, "\001")
            gsub(/^\| *| *\|$/, "")
            gsub(/ *\| */, "\037")
            gsub(/\001/, "|")
            print
        }' "$1"
}

spans()
{
    awk '{
        while (match($0, /`+|\*\(empty\)\*/)) {
            mark = substr($0, RSTART, RLENGTH)
            $0 = substr($0, RSTART + RLENGTH)
            if (mark ~ /empty/) { print ""; continue }
            end = index($0, mark)
            text = substr($0, 1, end - 1)
            if (length(mark) > 1 && text ~ /^ .* $/) text = substr(text, 2, length(text) - 2)
            print text
            $0 = substr($0, end + length(mark))
        }
    }' <<<"$1"
}
