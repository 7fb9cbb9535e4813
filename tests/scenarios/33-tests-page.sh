#!/usr/bin/env bash
# Goal: docs/tests.md says what is so of the file of a test: every key has an example that is run on both
# databases, every reply and every answer in its tables holds and another one would not, and each message is
# the one that is seen.
# not under valgrind: it is the page that is looked at
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/blocks.sh"

readonly page=$DOCS/tests.md
count=0

# At least so many since the last time, or the page was not understood.
expect_checks()
{
    printf '   %d %s\n' "$count" "$2"
    ((count >= $1)) || fail "only $count $2 were found on the page; there should be $1 or more"
    count=0
}

run_tests()
{
    local options=()
    [[ $DIALECT == sqlite ]] || options=(--database "$DB")
    scenario_last="test of $*"
    "$REDFERRY_PROGRAM" test "${options[@]}" "$@"
}

# Without times, which are never the same.
untimed() { sed -E 's/\([0-9.]+ s\)/(TIME)/' "$@"; }

examples_are_so()
{
    blocks "$page" tested
    pairs tested data_migrations
    expect_exit 0 run_tests
    count=$(grep -c '^ok ' "$OUT")
}

keys_are_complete()
{
    local owners="a test|'given'|'expect'|'after_down'"
    known_keys | grep -E "^($owners)" >known
    expect_equal "$(rows "$page" 'key | meaning' | cut -d$'\037' -f1 | tr -d '`' | sort)" \
        "$(grep -v "^'after_down'" known | cut -f2 | sort)" 'the keys in the tables'
    expect_equal "$(used_keys data_migrations | grep -E "^($owners)")" "$(<known)" 'the keys in examples that are run'
    count=$(grep -c . known)
}

# An element of a list, in quotes of YAML's.
quoted() { printf "    - '%s'\n" "${1//\'/\'\'}"; }

# The elements of a list that a column of a table is.
given_commands() { rows "$page" 'given | this holds |' | while IFS=$'\037' read -r given _; do quoted "$(spans "$given")"; done; }
expected_replies() { rows "$page" 'given | this holds |' | while IFS=$'\037' read -r _ check _; do echo "    - $(spans "$check")"; done; }
expected_answers() { rows "$page" 'this holds |' | while IFS=$'\037' read -r check _; do echo "    - $(spans "$check")"; done; }

# All of them hold; and in an empty Redis none does, but for the one that expects nothing.
replies_hold()
{
    printf 'up:\n  - write: SET unheard_of x\n' >replies/1_nothing.yaml
    {
        printf 'given:\n  redis:\n'
        given_commands
        printf 'expect:\n  redis:\n'
        expected_replies
    } >replies/1_nothing.test.yaml
    expect_exit 0 run_tests --migrations replies
    count=$(expected_replies | wc -l)
    {
        printf 'expect:\n  redis:\n'
        expected_replies | grep -v 'GET nobody: null'
    } >replies/1_nothing.test.yaml
    expect_exit 8 run_tests --migrations replies
    expect_equal "$(grep -c ': after up: ' "$OUT")" $((count - 1)) 'replies that are complained of'
}

# All of them hold; and of other rows none does.
answers_hold()
{
    sed 's/${enabled}/${enabled:-}/' data_migrations/1_example.yaml >answers/1_example.yaml
    {
        sed '/^expect:/,$d' data_migrations/1_example.test.yaml
        printf 'expect:\n  sql:\n'
        expected_answers
    } >answers/1_example.test.yaml
    expect_exit 0 run_tests --migrations answers
    count=$(expected_answers | wc -l)
    sed -i -e 's/boolean NOT NULL/boolean/' -e "s/INSERT .*/INSERT INTO feature_flags VALUES ('a: x', NULL), ('y', NULL), ('z', NULL);/" \
        answers/1_example.test.yaml
    expect_exit 8 run_tests --migrations answers
    expect_equal "$(grep -c ': after up: ' "$OUT")" "$count" 'answers that are complained of'
}

takes_too_long()
{
    local endless
    mkdir long
    endless='WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0'
    printf 'up:\n  - read: %s\n    write: SET a ${i}\n' "$endless" >long/1_example.yaml
    printf 'expect: {redis: [DBSIZE: 0]}\n' >long/1_example.test.yaml
    expect_exit 8 run_tests --migrations long --timeout 300ms
    expect_equal "$(untimed "$OUT" | head -n 2 | sed 's/300ms/1m/')" \
        "$(listed tests.md 'what a test says that takes too long' | untimed)" 'what a test says that takes too long'
}

long_values()
{
    cat >data_migrations/3_long.yaml <<'YAML'
up:
  - write:
      - HSET user name "Ada Lovelace" city London born 1815 died 1852 field mathematics
      - SET motto "whatever there is to be done, do it well, and make it simple"
YAML
    cat >data_migrations/3_long.test.yaml <<'YAML'
expect:
  redis:
    - HGETALL user:
        name: Ada Lovelace
        born: 1815
        city: Paris
        died: 1852
        field: mathematics
    - GET motto: whatever there is to be done, do it well, and make it simpel
YAML
}

messages_are_so()
{
    local lines message
    expect_exit 0 run_tests 1
    expect_equal "$(untimed "$OUT")" "$(listed tests.md 'what test prints' | untimed)" 'what test prints'
    sed -i '/SREM/d' data_migrations/1_example.yaml
    expect_exit 8 run_tests 1
    expect_equal "$(untimed "$OUT")" "$(listed tests.md 'what a failed test says' | untimed)" 'what a failed test says'
    takes_too_long
    long_values
    expect_exit 8 run_tests 3
    expect_equal "$(untimed "$OUT")" "$(listed tests.md 'what is said of long values' | untimed)" 'what is said of long values'
    printf 'up:\n  - write: SET a b\n' >wrong/1_a.yaml
    while IFS=$'\037' read -r lines message; do
        spans "$lines" >wrong/1_a.test.yaml
        expect_exit 2 run_tests --migrations wrong
        expect_equal "$(sed -E 's/^redferry: [^ ]+:[0-9]+:[0-9]+: //' "$ERR")" "$(spans "$message")" "what is said of $lines"
        count=$((count + 1))
    done < <(rows "$page" 'in a test | test says')
}

page_is_so()
{
    mkdir replies answers wrong
    examples_are_so
    expect_checks 2 'examples that are run'
    replies_hold
    expect_checks 12 'replies'
    answers_hold
    expect_checks 6 'answers'
    [[ $DIALECT == sqlite ]] || return 0
    keys_are_complete
    expect_checks 13 'keys'
    messages_are_so
    expect_checks 12 'complaints'
}

for_both_databases page_is_so
