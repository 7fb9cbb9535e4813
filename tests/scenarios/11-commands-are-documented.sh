#!/usr/bin/env bash
# Goal: docs/commands.md lists every command, option, variable, default and exit code that
# `redferry help` does, and none that it does not. docs/json.md has a section for each command.
source "$(dirname "$0")/../support/scenario.sh"

DOCS=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../docs" && pwd)

# One section of `redferry help`, each entry on one line: what it is called, two blanks, the rest.
help_section()
{
    redferry help | awk -v heading="$1" '
        $0 == heading { inside = 1; next }
        inside && /^$/ { exit }
        !inside { next }
        match($0, /[^ ]/) <= 7 {
            if (entry != "") print entry
            entry = $0
            sub(/^ +/, "", entry)
            bare = entry !~ /  /
            next
        }
        {
            sub(/^ +/, "")
            entry = entry (bare ? "  " : " ") $0
            bare = 0
        }
        END { if (entry != "") print entry }'
}

# The cells of the table under a heading of docs/commands.md, separated by tabs, without the
# backticks and the heading of the table.
docs_table()
{
    awk -v heading="## $1" '
        $0 == heading { inside = 1; next }
        /^## / { inside = 0 }
        inside && /^\| `/' "$DOCS/commands.md" |
        sed -e 's/\\|/\x01/g' -e 's/^| //' -e 's/ *|$//' -e 's/ *| */\t/g' -e 's/`//g' \
            -e 's/\x01/|/g'
}

# name, environment, default
options_of_help()
{
    help_section Options | sed -E \
        -e 's/^(.*[^ ])  +(.*)$/\1\t\2/;t bracket' -e ':bracket' \
        -e 's/\t.* \[default ([^]]*)\]$/\t\t\1/;t' \
        -e 's/\t.* \[([^];]*); default ([^]]*)\]$/\t\1\t\2/;t' \
        -e 's/\t.* \[([^]]*)\]$/\t\1\t/;t' \
        -e 's/\t.*$/\t\t/'
}

options_of_docs()
{
    docs_table Options | cut -f 1-3
}

commands_are_listed()
{
    expect_equal "$(docs_table Commands | cut -f 1)" \
        "$(help_section Commands | sed 's/  .*//')" 'the commands of docs/commands.md'
}

options_are_listed()
{
    expect_equal "$(options_of_docs)" "$(options_of_help)" 'the options of docs/commands.md'
    options_of_help | grep -q $'^-d, --database URL\tREDFERRY_DATABASE, DATABASE_URL\t$' ||
        fail 'the help of --database is not understood'
}

# usage: redferry up [--to VERSION]
arguments_are_listed()
{
    local line name arguments
    while IFS= read -r line; do
        name=$(cut -f 1 <<<"$line")
        name=${name%%,*}
        arguments=$(cut -f 2 <<<"$line")
        expect_equal "usage: redferry $name${arguments:+ $arguments}" \
            "$(redferry help "$name" | head -n 1)" "the arguments of '$name' in docs/commands.md"
    done < <(docs_table Commands)
}

exit_codes_are_listed()
{
    expect_equal "$(docs_table 'Exit codes' | cut -f 1,2)" \
        "$(help_section 'Exit codes' | sed -E "s/^([^ ]+) +/\1\t/; s/; do not retry$//; s/; the next.*//")" \
        'the exit codes of docs/commands.md'
}

documents_are_described()
{
    local name
    while read -r name; do
        grep -Eq "^##.*\`$name\`|^\| \`$name" "$DOCS/json.md" ||
            fail "docs/json.md does not describe the document of '$name'"
    done < <(help_section Commands | sed -E 's/[, ].*//')
}

cd "$SCRATCH"
commands_are_listed
options_are_listed
arguments_are_listed
exit_codes_are_listed
documents_are_described
