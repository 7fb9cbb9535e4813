#!/usr/bin/env bash
# rooms_test.sh COMPILER SOURCE_DIR BUILD_DIR ROOM=SEEN,SEEN… …
#
# The walls of the house hold: no room sees a header of a room that is not among those it names,
# every room sees its own, and no room is over-full. The rooms come from CMake in floor order.
#
# Each pair is tried with the include options of the room's real compile command (from
# compile_commands.json; a room without a .c yet: as CMake declares it). Asked is the list of
# files the compiler would read, not only whether it succeeds: our "error.h" has a namesake in
# the system's headers. Every refusal is checked for its reason: with all folders in sight the
# same include must succeed.

set -euo pipefail
compiler=$1 source=$2 build=$3
shift 3
scratch=$(mktemp -d "${TMPDIR:-/tmp}/rf.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
failures=0 tried=0

problem()
{
    printf 'rooms_test.sh: %s\n' "$*" >&2
    failures=$((failures + 1))
}

# sees HEADER OPTION…: a file with these options that includes it by bare name gets this one.
sees()
{
    local header=$1
    shift
    tried=$((tried + 1))
    printf '#include "%s"\n' "${header##*/}" >"$scratch/probe.c"
    "$compiler" -std=c17 -D_GNU_SOURCE -M "$@" "$scratch/probe.c" 2>/dev/null |
        tr -s ' \\' '\n\n' | grep -Fqx "$header"
}

# The same with all folders in sight, asked once for each header.
declare -A readable=()
can_be_read()
{
    if [[ -z ${readable[$1]:-} ]]; then
        readable[$1]=no
        ! sees "$1" "${everything[@]}" || readable[$1]=yes
    fi
    [[ ${readable[$1]} == yes ]]
}

# The include options with which the room is really compiled, one word a line.
real_options()
{
    local database=$build/compile_commands.json
    [[ -e $database ]] || return 0
    grep -B 1 "\"file\": \"$source/src/$1/" "$database" | grep -m 1 '"command"' |
        grep -oE -- '-(I|iquote|isystem) ?[^ "]+' | tr ' ' '\n' || true
}

declare -A declared=()
rooms=()
for argument in "$@"; do
    room=${argument%%=*}
    rooms+=("$room")
    declared[$room]=,${argument#*=},
done
((${#rooms[@]} > 0)) || problem "no rooms given"
everything=(-I "$source/include")
for room in "${rooms[@]}"; do
    everything+=(-iquote "$source/src/$room")
    mapfile -t -O "${#everything[@]}" everything < <(real_options "$room")
done

for room in "${rooms[@]}"; do
    [[ -d $source/src/$room ]] || continue
    mapfile -t options < <(real_options "$room")
    if ((${#options[@]} == 0)); then
        for other in "${rooms[@]}"; do
            [[ ${declared[$room]} != *,$other,* ]] || options+=(-iquote "$source/src/$other")
        done
    fi

    # Whatever the options, a file sees the headers beside it.
    options+=(-iquote "$source/src/$room")
    below=1
    for other in "${rooms[@]}"; do
        [[ $other != "$room" ]] || below=0
        visible=0
        [[ ${declared[$room]} != *,$other,* ]] || visible=1
        if ((visible && !below)) && [[ $other != "$room" ]]; then
            problem "'$room' names '$other', which is not below it"
        fi
        for header in "$source/src/$other"/*.h; do
            [[ -e $header ]] || continue
            if [[ $other == "$room" ]]; then
                sees "$header" "${options[@]}" || problem "'$room' does not see its '$header'"
            elif ((visible)); then
                continue # it may be a room's private one, which includes a library's header
            elif sees "$header" "${options[@]}"; then
                problem "'$room' sees '$header', and must not"
            elif ! can_be_read "$header"; then
                problem "'$header' cannot be read at all, so the walls prove nothing"
            fi
        done
    done

    # The family of commands, a file each, counts as one.
    modules=$(find "$source/src/$room" -maxdepth 1 -name '*.[ch]' -printf '%f\n' |
        sed -e 's/\.[ch]$//' -e 's/^cmd_.*/cmd/' | sort -u | wc -l)
    ((modules <= 9)) || problem "'$room' has $modules modules, more than nine"
done

while read -r folder; do
    [[ " ${rooms[*]} " == *" ${folder##*/} "* ]] || problem "'$folder' is no room"
done < <(find "$source/src" -mindepth 1 -maxdepth 1 -type d -not -empty)

while read -r folder; do
    problem "'$folder' is a folder inside a room"
done < <(find "$source/src" -mindepth 2 -type d)

while read -r name; do
    problem "'$name' is the name of two headers"
done < <(find "$source/src" -name '*.h' -printf '%f\n' | sort | uniq -d)

printf '%d rooms, %d includes tried, %d problems\n' "${#rooms[@]}" "$tried" "$failures"
((failures == 0))
