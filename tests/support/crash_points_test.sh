#!/usr/bin/env bash
# crash_points_test.sh ON|OFF SOURCE_DIR BUILD_DIR FILE…
#
# Crash points are in a build that asks for them, and in no other: neither in the FILEs of this
# build (the program and the library), if it does not; nor in any source, compiled as here but without
# asking. Nobody gets them unasked, and the presets for users do not ask.

set -euo pipefail
asked=$1 source=$2 build=$3
shift 3
scratch=$(mktemp -d "${TMPDIR:-/tmp}/rf.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

fail()
{
    printf 'crash_points_test.sh: %s\n' "$*" >&2
    exit 1
}

mapfile -t sources < <(grep -lE 'crash_point\(' "$source"/src/*/*.c)
grep -ohE 'crash_point\("[^"]+"' "${sources[@]}" | cut -d '"' -f 2 | sort -u >"$scratch/points"
points=$(wc -l <"$scratch/points")
((points >= 20)) || fail "only $points points are found in the sources"

# Whether one of the files holds the names of points, or what reads them from the environment.
has_points()
{
    grep -qaFf "$scratch/points" "$@" && grep -qaF REDFERRY_CRASH_AT "$@"
}

has_any()
{
    grep -qaFf "$scratch/points" "$@" || grep -qaE 'REDFERRY_CRASH_AT|crash_point' "$@"
}

if [[ $asked == ON ]]; then
    has_points "$@" || fail 'this build asks for crash points, and has none'
else
    ! has_any "$@" || fail 'this build does not ask for crash points, and has them'
fi

# The compile command of a source, without what asks for crash points; its object in $scratch.
compile()
{
    local command=() word previous=
    read -ra command <<<"$(grep -B 1 "\"file\": \"$1\"" "$build/compile_commands.json" |
        sed -nE 's/^ *"command": "(.*)",?$/\1/p' | sed 's/\\"/"/g')"
    ((${#command[@]} > 0)) || fail "'$1' is not compiled here"
    local kept=()
    for word in "${command[@]}"; do
        [[ $previous != -o ]] || word=$scratch/object.o
        [[ $word == -DREDFERRY_CRASH_POINTS ]] || kept+=("${word//\'/}")
        previous=$word
    done
    (cd "$build" && "${kept[@]}" -g0)
}

for file in "${sources[@]}"; do
    compile "$file"
    ! has_any "$scratch/object.o" || fail "'$file' has crash points that nobody asked for"
done

grep -qE '^option\(REDFERRY_CRASH_POINTS .* OFF\)$' "$source/CMakeLists.txt" ||
    fail 'the default is not OFF'
asking=$(grep -B 5 '"REDFERRY_CRASH_POINTS": "ON"' "$source/CMakePresets.json" |
    sed -nE 's/^ *"name": "(.*)",$/\1/p')
[[ $asking == dev ]] || fail "the presets that ask for crash points: '$asking', not only 'dev'"

printf '%d points in %d sources; this build: %s\n' "$points" "${#sources[@]}" "$asked"
