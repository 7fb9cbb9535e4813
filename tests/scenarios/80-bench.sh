#!/usr/bin/env bash
# Goal: the benchmark works. With a few rows every part of it runs, everybody's result is looked at,
# the tables, the JSON and the chart are written, and a peer that is not installed is named. How
# fast anything is, is of no interest here.
# not under valgrind: the programs that it measures run behind a stopwatch of its own
# not with sanitizers: it is about the benchmark, not about the program
source "$(dirname "$0")/../support/scenario.sh"

build=$(dirname "$REDFERRY_PROGRAM")
bench=$(dirname "$0")/../../bench/run

bench() { "$bench" --no-install --build "$build" --quick --into "$SCRATCH/results" "$@"; }

expect_exit 0 bench --rows 500
for part in 'flags → SET, 500 rows' '7 columns → HSET, 500 rows' 'flags → SET + PUBLISH, 500 rows' \
    'flags → SET, beside its peers' \
    'by the size of a batch' 'by the round trip to Redis' 'nothing pending' 'many rows, 5,000 rows' \
    '| redferry, PostgreSQL, batches of 100 | 500 |' '| redferry, SQLite, 2 ms | 500 |' \
    '| peak memory, 5,000 rows | ≤ 16 MiB |'; do
    expect_stdout_contains "$part"
done
# Each peer is either measured or named.
for peer in 'psql \| redis-cli --pipe' 'Python, pipelines of 1000' 'ActiveRecord, row by row'; do
    [[ $(<"$OUT") == *"| $peer | 500 |"* ||
        $(<"$OUT") == *"Not measured: ${peer//\\/} ("*' is missing)'* ]] ||
        fail "nothing is said of $peer"
done
cmp "$OUT" "$SCRATCH/results/results.md" || fail 'results.md is not what was printed'
python3 -c '
import json, sys, xml.dom.minidom
parts = json.load(open(sys.argv[1] + "/results.json"))["parts"]
assert [part["name"] for part in parts] == [
    "set", "hset", "publish", "set-peers", "hset-peers", "publish-peers", "batches", "delay", "start",
    "set-many"], parts
assert all(len(one["seconds"]) >= 1 for part in parts for one in part["contestants"].values())
xml.dom.minidom.parse(sys.argv[1] + "/chart.svg")
' "$SCRATCH/results" || fail 'the JSON or the chart is not as it should be'

# A contestant that does not do its work ends it: here a limit that sends nothing.
broken=$SCRATCH/broken
mkdir -p "$broken/bench"
ln -s "$REDFERRY_PROGRAM" "$broken/redferry"
ln -s "$(realpath "$build")"/bench/{stopwatch,delay_proxy} "$broken/bench/"
printf '#!/bin/sh\necho 1 1 500\n' >"$broken/bench/limit"
chmod +x "$broken/bench/limit"
build=$broken
expect_exit 1 bench --rows 500 --only set
expect_stderr_contains 'a wrong result: limit, flags → SET: Redis ran SET 0 times, not 500'

# What cannot be measured is refused, and not replaced by the default.
for refused in '--rounds 0' '--rows 0' '--rounds -1' '--only nothing'; do
    # shellcheck disable=SC2086
    expect_exit 2 bench $refused
done
