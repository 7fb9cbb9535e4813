#!/usr/bin/env bash
# Goal: an editor completes, explains and checks what an author writes: the schemas of docs/schemas say what the
# parser says, of every key, every example and every invalid file, and an editor's language server makes of them
# what an author needs.
# not under valgrind: the schemas are looked at
# not with sanitizers: the schemas are looked at
home=$HOME # npm's settings are its user's
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/blocks.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly tools=${REDFERRY_TEST_CACHE:-$SCRATCH}/schema
: "${REDFERRY_TEST_PARSER:?what tests/schema/parser.c becomes}"

HOME=$home "$root/tests/schema/install.sh" "$tools" || fail 'the packages of tests/schema are not to be had'

export TMPDIR=$SCRATCH
mkdir "$SCRATCH/offered"
node "$tools/authors.mjs" "$root" "$REDFERRY_TEST_PARSER" "$SCRATCH/offered" || fail 'the schemas and the parser differ'
expect_exit 0 redferry lint -m "$SCRATCH/offered"
expect_stdout_contains '0 errors, 0 warnings'
expect_exit 0 redferry test -m "$SCRATCH/offered"
expect_stdout_contains '1 test: 1 ok'
mkdir "$SCRATCH/dm"
redferry new 'what an author edits' -m "$SCRATCH/dm" >/dev/null
expect_equal "$(head -qn 1 "$SCRATCH"/dm/*[a-z].yaml)" "$(listed migrations.md 'the first line' | sed 'h; s/migration\./migration-test./; G')" \
    'the lines that name a schema'
node "$tools/editor.mjs" "$root" "$SCRATCH"/dm/*.yaml || fail 'an editor does not make of the schemas what it should'
