#!/usr/bin/env bash
# Goal: what lint finds can be shown by a code review: `lint --sarif` prints a log that the schema of SARIF
# 2.1.0 accepts, whose paths are the repository's, wherever it is run.
# not under valgrind: it is the document that is looked at
# not with sanitizers: it is the document that is looked at
home=$HOME # npm's settings are its user's
source "$(dirname "$0")/../support/scenario.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly tools=${REDFERRY_TEST_CACHE:-$SCRATCH}/schema
HOME=$home "$root/tests/schema/install.sh" "$tools" || fail 'the packages of tests/schema are not to be had'

# uris CODE WORD…: lint's paths, each once, and its exit code.
expect_uris()
{
    local want=$1 code=$2
    shift 2
    expect_exit "$code" redferry lint --sarif "$@"
    cp "$OUT" "$SCRATCH/$((++logs)).sarif"
    expect_equal "$(grep -o '"uri": "[^"]*"' "$OUT" | cut -d'"' -f4 | sort -u | paste -sd' ')" "$want" 'the paths'
}

logs=0
mkdir -p "$SCRATCH/repository/.git" "$SCRATCH/repository/app one/data_migrations"
cd "$SCRATCH/repository/app one"
printf 'up:\n  - write: GET a\n' >data_migrations/1_ä.yaml
printf 'up:\n  - write: "GET \xff\n' >data_migrations/2_b.yaml
expect_uris 'app%20one/data_migrations/1_%C3%A4.yaml app%20one/data_migrations/2_b.yaml' 2
expect_uris 'app%20one/data_migrations/1_%C3%A4.yaml' 0 "$PWD/data_migrations/1_ä.yaml"
expect_uris 'app%20one/data_migrations/1_%C3%A4.yaml' 2 --strict data_migrations/1_ä.yaml
cd ..
expect_uris 'app%20one/data_migrations/1_%C3%A4.yaml' 0 'app one/data_migrations/1_ä.yaml'
rmdir .git
cd 'app one'
expect_uris 'data_migrations/1_%C3%A4.yaml' 0 data_migrations/1_ä.yaml
expect_uris '../1_c.yaml' 2 ../1_c.yaml
node "$tools/sarif.mjs" "$SCRATCH"/*.sarif || fail 'that is no SARIF'

expect_exit 2 redferry lint --sarif --json
expect_exit 2 redferry lint --sarif -m nowhere
expect_equal "$(<"$OUT")" '' 'what is printed of a directory that is not there'
