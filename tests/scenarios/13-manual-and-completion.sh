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
    complaints=$(mandoc -T lint "$1" 2>&1 | grep -vE 'referenced manual not found|outdated mandoc.db') || true
    expect_equal "$complaints" '' "what mandoc says of $(basename "$1")"
    expect_equal "$(page "$1" | grep '[’”][’”]' || true)" '' "quotations within quotations in $(basename "$1")"
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
    while read -r name; do
        grep -qE "^\.It Ev .*\b$name\b" redferry.1 || fail "redferry(1) does not say what $name is for"
    done < <(grep -rhoE --exclude-dir=trial \
        '"(REDFERRY_[A-Z_]+|[A-Z]+_URL|TERM|COLUMNS|LC_ALL|LC_CTYPE|LANG|NO_COLOR|TMPDIR)"' "$DOCS/../src" | tr -d '"' | sort -u)
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

# Each table has its section, in which each column has its place, and nothing else has.
ledger_page_names_every_column()
{
    local table columns described
    is_sound "$DOCS/man/redferry-ledger.5"
    for table in data_migrations data_migration_runs data_migration_ledger; do
        columns=$(sed -nE 's/^    ([a-z_]+) +(bigint|text|uuid|integer|timestamptz).*/\1/p' "$SQL/create_$table.sql" | sort)
        described=$(awk -v section=".Ss $table" '/^\.S[hs]/ { inside = $0 == section } inside && /^\.It Va/' \
            "$DOCS/man/redferry-ledger.5" | sed 's/^\.It Va //; s/ , /\n/g' | sort)
        expect_equal "$described" "$columns" "what redferry-ledger(5) says of $table"
    done
}

# ---- completion ----------------------------------------------------------------------------------

a_directory_of_migrations()
{
    mkdir -p shell/{data_migrations,elsewhere,up}
    cd shell
    touch data_migrations/{7_flags.yaml,12_users.yml,12_users.test.yaml,redferry.yaml,notes.txt,notes2.yaml} \
        elsewhere/3_scores.yaml file.txt
}

# in_SHELL: of each line of stdin, that line, a tab, and what is offered for its last word, sorted.
in_bash()
{
    bash --norc -c '
        source <("$1" completion bash)
        compopt() { :; } # only within a completion
        while IFS= read -r line; do
            read -ra COMP_WORDS <<<"$line"
            [[ $line != *" " ]] || COMP_WORDS+=("")
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$line COMP_POINT=${#line}
            _redferry
            printf "%s\t%s\n" "$line" "$(printf "%s\n" "${COMPREPLY[@]}" | sort | paste -sd " ")"
        done' - "$REDFERRY_PROGRAM"
}

in_fish()
{
    PROGRAM=$REDFERRY_PROGRAM HOME=$SCRATCH XDG_CONFIG_HOME=$SCRATCH fish --no-config -c '
        $PROGRAM completion fish | source
        while read -l --delimiter=\n line
            printf "%s\t%s\n" $line (complete -C $line | string replace -r "\t.*" "" | string replace -r "/\$" "" |
                sort | string join " ")
        end'
}

# zsh completes only in a terminal: it is given one, and what it would list it writes to a file. Where nothing
# else may stand it offers options.
in_zsh()
{
    zsh -f -c '
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "PROMPT= RPROMPT= KEYTIMEOUT=1; stty -echo; autoload -U compinit; compinit -D -u
            source <($1 completion zsh); zstyle \":completion:*\" list-separator \"\"
            zstyle \":completion:*\" verbose no
            show() { compadd() { builtin compadd -O found \"\$@\"; print -rl -- \$found >>../found; builtin compadd \"\$@\" }
                     _main_complete; compstate[list]= compstate[insert]=; print -r -- end of list }
            zle -C show complete-word show; bindkey -e; bindkey \"^X\" show; print ready to be asked"
        zpty -r shell text "*ready to be asked*"
        while IFS= read -r line; do
            : >../found
            zpty -n -w shell "$line"$'"'\\x18'"'
            zpty -r shell text "*end of list*"
            zpty -n -w shell $'"'\\x15'"'
            found=(${(f)"$(<../found)"})
            [[ $line != *" " ]] || found=(${found:#-*})
            print -r -- "$line"$'"'\\t'"'"${(j: :)${(@ou)found%/}}"
        done' - "$REDFERRY_PROGRAM"
}

# The options of a page of help, "OPTION ARGUMENT" or "OPTION".
options_of() { redferry help "$@" | sed -nE '/^Options/,$s/^  (-.,|   ) (--[a-z-]+)( [^ ]+)?( .*)?$/\2\3/p'; }

# expect_offers LINE WORD…
expect_offers()
{
    local line=$1
    shift
    printf '%s\t%s\n' "$line" "$( (($# == 0)) || printf '%s\n' "$@" | LC_ALL=C.UTF-8 sort -u | paste -sd ' ')"
}

# expect_argument LINE ARGUMENT: what stands for VERSION, FILE, DIR, COMMAND and a|b there.
expect_argument()
{
    local line=$1 argument=${2#[}
    argument=${argument%%[]. ]*}
    case $argument in
    VERSION) expect_offers "$line" 12_users 7_flags ;;
    FILE) expect_offers "$line" data_migrations elsewhere file.txt up ;;
    DIR) expect_offers "$line" data_migrations elsewhere up ;;
    COMMAND) expect_offers "$line" "${names[@]}" ;;
    # shellcheck disable=SC2086 # a word each
    *'|'*) expect_offers "$line" ${argument//|/ } ;;
    *) expect_offers "$line" ;;
    esac
}

# What the tables that `redferry help` prints have a shell offer, for each command and each option.
as_the_tables_say()
{
    local common name option argument names=() line
    mapfile -t names < <(redferry help | sed -nE '/^Commands/,/^$/s/^  ([a-z]+(, [a-z]+)?)( .*)?$/\1/p' | sed 's/, /\n/')
    options_of >../common
    expect_offers 'redferry ' "${names[@]}"
    mapfile -t common < <(cut -d ' ' -f 1 ../common)
    expect_offers 'redferry --' "${common[@]}"
    for name in "${names[@]}"; do
        options_of "$name" >../own
        # shellcheck disable=SC2046 # a word each
        expect_offers "redferry $name --" "${common[@]}" $(cut -d ' ' -f 1 ../own)
        line=$(redferry help "$name" | sed -n '1s/^usage: redferry [a-z]* \{0,1\}//p')
        expect_argument "redferry $name " "$(sed -E 's/\[?--.*//' <<<"$line")"
        while read -r option argument; do
            [[ -z $argument ]] || expect_argument "redferry $name $option " "$argument"
        done <../own
    done
    while read -r option argument; do
        [[ -z $argument ]] || expect_argument "redferry up $option " "$argument"
    done <../common
}

# What stands before the command, or before the cursor, has its say.
and_besides()
{
    expect_offers 'redferry stat' status
    expect_offers 'redferry up --on-' --on-lock
    expect_offers 'redferry up --on-lock s' skip
    expect_offers 'redferry -m elsewhere run ' 3_scores
    expect_offers 'redferry run -m elsewhere ' 3_scores
    expect_offers 'redferry -m else' elsewhere
    expect_offers 'redferry run 7_flags ' 12_users 7_flags
    expect_offers 'redferry run --strict --batch 5 ' 12_users 7_flags
    expect_offers 'redferry run --strict --batch 5 --ag' --again
    expect_offers 'redferry --json down --on' --on-lock --only
    expect_offers 'redferry --only 7 down --on-lock ' fail skip wait
    expect_offers 'redferry -m up stat' status
    expect_offers 'redferry --operator up completion ' bash fish zsh
    expect_offers 'redferry help up --m' --man --max-redis-latency --max-time --migrations
}

completes()
{
    cut -f 1 ../wanted | "in_$1" >../offered
    diff ../wanted ../offered >../differences || fail "what $1 offers (>) is not what it should: $(<../differences)"
}

others_do_not()
{
    local shell
    expect_offers 'redferry run --migrations=elsewhere ' 3_scores >../wanted
    expect_offers 'redferry --migrations=elsewhere --strict run ' 3_scores >>../wanted
    for shell in fish zsh; do completes "$shell"; done
}

bash_takes_words_apart_at_equals_signs()
{
    local line want
    while IFS=$'\t' read -r line want; do
        printf '%s\t%s\n' "$line" "$want" >../wanted
        completes bash
    done <<TABLE
redferry up --on-lock =	fail skip wait
redferry up --on-lock = sk	skip
redferry --migrations = elsewhere run 	3_scores
redferry up --database 	
TABLE
}

cd "$SCRATCH"
program_page_names_everything
migration_page_names_every_key
mkdir data_migrations
migration_page_shows_what_works
rm data_migrations/*
ledger_page_names_every_column
a_directory_of_migrations
others_do_not
bash_takes_words_apart_at_equals_signs
{ as_the_tables_say && and_besides; } >../wanted
(($(wc -l <../wanted) > 90)) || fail "only $(wc -l <../wanted) lines are asked about"
for shell in bash fish zsh; do completes "$shell"; done
cd "$SCRATCH"
expect_exit 2 redferry completion tcsh
expect_stderr_contains 'bash, zsh, fish'
redferry completion fish --json | python3 -c '
import json, sys
document = json.load(sys.stdin)
assert document["shell"] == "fish" and "complete -c redferry" in document["script"]'
