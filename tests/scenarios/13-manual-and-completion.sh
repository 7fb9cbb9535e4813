#!/usr/bin/env bash
# Goal: the manual pages are sound mdoc and name every command, option, variable, exit code, key and
# column; bash, zsh and fish complete commands, options, choices and versions.
# not under valgrind: the shells are what is looked at
# not with sanitizers: the shells are what is looked at
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/blocks.sh"

SQL=$(cd "$DOCS/../sql/postgresql" && pwd)

# ---- manual pages --------------------------------------------------------------------------------

# A page as text, without a line ever being cut in the middle of a word.
page()
{
    mandoc -T utf8 -O width=200 "$1" | col -bx
}

is_sound()
{
    local complaints
    # What the pages refer to is ours, and not installed here.
    complaints=$(mandoc -T lint -W warning "$1" 2>&1 | grep -v 'referenced manual not found') || true
    expect_equal "$complaints" '' "what mandoc says of $(basename "$1")"
}

names()
{
    grep -Eq -- "(^|[^[:alnum:]_-])$2([^[:alnum:]_-]|$)" "$1" || fail "$(basename "$1") does not name '$2'"
}

program_page_names_everything()
{
    local name
    redferry help --man >redferry.1
    is_sound redferry.1
    page redferry.1 >redferry.txt
    while read -r name; do
        names redferry.txt "$name"
    done < <(redferry help | awk '
        /^[A-Z]/ { section = $0; next }
        section == "Commands" && /^  [a-z]/ { print $1 }
        section == "Exit codes" && /^  [0-9]/ { print $1 }
        section == "Options" && match($0, /--[a-z-]+/) { print substr($0, RSTART, RLENGTH) }
        section == "Options" { while (match($0, /REDFERRY_[A-Z_]+/)) {
            print substr($0, RSTART, RLENGTH); $0 = substr($0, RSTART + RLENGTH) } }' |
        sed 's/,$//; s/+/[+]/')
    names redferry.txt --check # an option of one command
    expect_exit 2 redferry help up --man
    redferry help --man --json | python3 -c '
import json, sys
assert json.load(sys.stdin)["help"] == open("redferry.1").read()'
}

# Each of the parser's keys, of migrations and of their tests.
migration_page_names_every_key()
{
    local key
    is_sound "$DOCS/man/redferry-migration.5"
    known_keys >known
    (($(wc -l <known) > 25)) || fail "only $(wc -l <known) keys are known"
    while IFS=$'\t' read -r _ key; do
        grep -Eq "^\.It Cm $key\$|^\.Cm $key( ;)?\$" "$DOCS/man/redferry-migration.5" ||
            fail "redferry-migration(5) does not describe the key '$key'"
    done <known
}

# The examples at its end: a migration, and its test, which passes.
migration_page_shows_what_works()
{
    awk '/^\.Bd -literal/ { file = count++ ? "data_migrations/1_example.test.yaml" : "data_migrations/1_example.yaml"; next }
         /^\.Ed/ { file = "" }
         file { print >file }' "$DOCS/man/redferry-migration.5"
    expect_exit 0 redferry test
    expect_stdout_contains '1 test: 1 ok'
}

ledger_page_names_every_column()
{
    local column
    is_sound "$DOCS/man/redferry-ledger.5"
    page "$DOCS/man/redferry-ledger.5" >ledger.txt
    while read -r column; do
        names ledger.txt "$column"
    done < <(sed -nE 's/^    ([a-z_]+) +(bigint|text|uuid|integer|timestamptz).*/\1/p' \
        "$SQL"/create_data_migration*.sql | sort -u)
    names ledger.txt announced_at
}

# ---- completion ----------------------------------------------------------------------------------

a_directory_of_migrations()
{
    mkdir -p data_migrations elsewhere
    touch data_migrations/{7_flags.yaml,12_users.yml,12_users.test.yaml,redferry.yaml,notes.txt} \
        elsewhere/3_scores.yaml
}

# in_SHELL WORD…: what it offers for the last word, one a line, sorted.
in_bash()
{
    bash --norc -c '
        source <("$1" completion bash)
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
        compopt() { :; } # only within a completion
        _redferry
        printf "%s\n" "${COMPREPLY[@]}"' - "$REDFERRY_PROGRAM" "$@" | sort
}

in_fish()
{
    PROGRAM=$REDFERRY_PROGRAM LINE="$*" HOME=$SCRATCH XDG_CONFIG_HOME=$SCRATCH fish --no-config -c '
        eval $PROGRAM completion fish | source
        complete -C "$LINE"' | cut -f 1 | sort
}

# zsh completes only in a terminal: it is given one, asked to list, and what it lists is read.
in_zsh()
{
    zsh -f -c '
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "PROMPT= RPROMPT= ; stty -echo; autoload -U compinit; compinit -D -u
            source <($1 completion zsh); zstyle \":completion:*\" list-separator \"\"
            zstyle \":completion:*\" verbose no
            show() { compadd() { builtin compadd -O found \"\$@\"; print -rl -- \${found/#/ offer:}; builtin compadd \"\$@\" }
                     _main_complete; print -r -- end of list; exit }
            zle -C show complete-word show; bindkey \"^X\" show; print ready to be asked"
        zpty -r shell text "*ready to be asked*"
        shift
        zpty -n -w shell "${(j: :)@}"$'"'\\x18'"'
        zpty -r shell text "*end of list*"
        print -r -- $text' - "$REDFERRY_PROGRAM" "$@" | tr -d '\r' |
        sed -n '/end of list/q; s/.* offer://p' | sort -u
}

# offers SHELL WANT WORD…: all words of WANT are among what is offered.
offers()
{
    local shell=$1 want=$2 word got
    shift 2
    got=$("in_$shell" "$@")
    for word in $want; do
        grep -qx -e "$word" <<<"$got" || fail "$shell: '$*' offers '$got' and not '$word'"
    done
}

# offers_just SHELL WANT WORD…: exactly these, sorted.
offers_just()
{
    local shell=$1 want=$2
    shift 2
    expect_equal "$("in_$shell" "$@" | sed 's,/$,,' | paste -sd ' ')" "$want" "$shell: '$*'"
}

completes()
{
    local shell=$1
    offers "$shell" 'up migrate status rollback completion' redferry ''
    offers_just "$shell" 'status' redferry stat
    offers "$shell" '--to --database --on-lock --json' redferry up --
    offers_just "$shell" 'fail skip wait' redferry up --on-lock ''
    offers_just "$shell" '12_users 7_flags' redferry run ''
    offers_just "$shell" '12_users 7_flags' redferry down --only ''
    offers_just "$shell" '3_scores' redferry -m elsewhere run ''
    offers_just "$shell" 'bash fish zsh' redferry completion ''
    offers_just "$shell" 'elsewhere' redferry -m else
}

bash_takes_words_apart_at_equals_signs()
{
    offers_just bash 'fail skip wait' redferry up --on-lock =
    offers_just bash 'skip' redferry up --on-lock = sk
    offers_just bash '3_scores' redferry --migrations = elsewhere run ''
    offers_just bash '' redferry up --database ''
}

cd "$SCRATCH"
program_page_names_everything
migration_page_names_every_key
mkdir data_migrations
migration_page_shows_what_works
rm data_migrations/*
ledger_page_names_every_column
a_directory_of_migrations
bash_takes_words_apart_at_equals_signs
for shell in bash fish zsh; do completes "$shell"; done
expect_exit 2 redferry completion tcsh
expect_stderr_contains 'bash, zsh, fish'
redferry completion fish --json | python3 -c '
import json, sys
document = json.load(sys.stdin)
assert document["shell"] == "fish" and "complete -c redferry" in document["script"]'
