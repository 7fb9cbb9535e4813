#!/usr/bin/env bash
# rooms_test.sh COMPILER SOURCE_DIR BUILD_DIR ROOM=SEEN,SEEN… …
#
# The walls of the house hold: no room sees a header of a room that is not among those it names,
# every room sees its own, and no room is over-full. The rooms come from CMake in floor order.
#
# What a room sees is asked of the compiler, with the include options of the room's real compile
# command (from compile_commands.json; a room without a .c yet: as CMake declares it), as from a
# file in the room's folder. First by __has_include, for all headers of the house at once; then, for
# each that is there, by an include, whose file must be the header itself: our "error.h" has a
# namesake in the system's headers. That the question can be answered with yes is shown by asking
# it with all folders in sight.

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

# The include options with which the room is really compiled, one word a line.
real_options()
{
    local database=$build/compile_commands.json
    [[ -e $database ]] || return 0
    grep -B 1 "\"file\": \"$source/src/$1/" "$database" | grep -m 1 '"command"' |
        grep -oE -- '-(I|iquote|isystem) ?[^ "]+' | tr ' ' '\n' || true
}

# found OPTION…: the names of those headers of the house that an include finds anything under.
found()
{
    tried=$((tried + ${#names[@]}))
    printf '#if __has_include("%s")\nFOUND %s\n#endif\n' "${doubled[@]}" >"$scratch/probe.c"
    "$compiler" -E -P "$@" "$scratch/probe.c" | sed -n 's/^FOUND //p' | tr -d ' '
}

# sees HEADER OPTION…: what is found under the header's name is this header.
sees()
{
    local header=$1
    shift
    tried=$((tried + 1))
    printf '#include "%s"\n' "${header##*/}" >"$scratch/probe.c"
    "$compiler" -std=c17 -D_GNU_SOURCE -M "$@" "$scratch/probe.c" |
        tr -s ' \\' '\n\n' | grep -Fqx "$header"
}

declare -A declared=() home=()
rooms=() names=() doubled=()
for argument in "$@"; do
    room=${argument%%=*}
    rooms+=("$room")
    declared[$room]=,${argument#*=},
    for header in "$source/src/$room"/*.h; do
        [[ -e $header ]] || continue
        name=${header##*/}
        [[ -z ${home[$name]:-} ]] || problem "'$name' is the name of two headers"
        home[$name]=$room
        names+=("$name")
        doubled+=("$name" "$name")
    done
done
((${#names[@]} > 0)) || problem "no rooms, or no headers in them"

everything=()
for room in "${rooms[@]}"; do
    everything+=(-iquote "$source/src/$room")
done
[[ $(found "${everything[@]}" | wc -l) == "${#names[@]}" ]] ||
    problem "not every header can be found at all, so the walls prove nothing"

for room in "${rooms[@]}"; do
    [[ -d $source/src/$room ]] || continue
    mapfile -t options < <(real_options "$room")
    if ((${#options[@]} == 0)); then
        for other in "${rooms[@]}"; do
            [[ ${declared[$room]} != *,$other,* ]] || options+=(-iquote "$source/src/$other")
        done
    fi
    options+=(-iquote "$source/src/$room")

    own=0 mine=("$source/src/$room"/*.h)
    for name in $(found "${options[@]}"); do
        header=$source/src/${home[$name]}/$name
        if [[ ${home[$name]} == "$room" ]]; then
            own=$((own + 1))
            sees "$header" "${options[@]}" || problem "'$room' cannot include its own '$name'"
        elif [[ ${declared[$room]} != *,${home[$name]},* ]] && sees "$header" "${options[@]}"; then
            problem "'$room' sees '${home[$name]}/$name', and must not"
        fi
    done
    [[ ! -e ${mine[0]} ]] || ((own == ${#mine[@]})) || problem "'$room' does not see all its own"

    # Whatever the options, a file sees the headers beside it.
    options+=(-iquote "$source/src/$room")
    below=1
    for other in "${rooms[@]}"; do
        [[ $other != "$room" ]] || below=0
        if ((!below)) && [[ $other != "$room" && ${declared[$room]} == *,$other,* ]]; then
            problem "'$room' names '$other', which is not below it"
        fi
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

printf '%d rooms, %d headers, asked for %d times, %d problems\n' \
    "${#rooms[@]}" "${#names[@]}" "$tried" "$failures"
((failures == 0))
