#!/usr/bin/env bash
# install_test.sh BUILD_DIR HEADERS_DIR GENERATOR COMPILER VERSION [LINK_OPTION…]
# (under with_servers.sh redis)
#
# What is installed is enough: from a prefix of its own, an application finds the library by
# pkg-config and by CMake's find_package, is built, and carries rows across. The link options are
# those without which a sanitized library does not link.

set -Eeuo pipefail
build=$1 headers=$2 generator=$3 compiler=$4 version=$5
shift 5
options=()
for option in "$@"; do # an empty list of CMake's can arrive as an empty word
    [[ -z $option ]] || options+=("$option")
done
trap 'echo "install_test.sh:$LINENO: failed: $BASH_COMMAND" >&2' ERR
cd "$REDFERRY_TEST_DIR"
prefix=$PWD/prefix

cmake --install "$build" --prefix "$prefix" >install.log
test "$("$prefix/bin/redferry" --version)" = "redferry $version"
for schema in migration migration-test redferry; do # what an author's editor is pointed to
    test -s "$prefix/share/redferry/$schema.schema.json"
done
test -s "$prefix/share/redferry/schemas/status.json"

# The manual is where man looks, and what completes command lines is where each shell looks for it by itself.
for page in 1/redferry.1 5/redferry-migration.5 5/redferry-ledger.5; do
    grep -q '^\.Sh NAME' "$prefix/share/man/man$page"
done
test "$(bash --norc -c '. "$1" && complete -p redferry' - "$prefix/share/bash-completion/completions/redferry")" = \
    'complete -F _redferry redferry'
test "$(zsh -fc 'fpath=($1 $fpath); autoload -U compinit && compinit -D -u && autoload +X _redferry &&
    print $_comps[redferry]' - "$prefix/share/zsh/site-functions")" = _redferry
test "$(PATH=$prefix/bin:$PATH HOME=$PWD XDG_DATA_DIRS=$prefix/share fish -c 'complete -C "redferry stat"' | cut -f 1)" = status

# crosses EXAMPLE: it carries a row across, says so, and finds nothing to do after that.
crosses()
{
    redis-cli -s "$REDFERRY_TEST_REDIS_SOCKET" FLUSHALL >/dev/null
    rm -rf crossing
    mkdir -p crossing/data_migrations
    sqlite3 crossing/app.db \
        "CREATE TABLE flags (name TEXT PRIMARY KEY, enabled BOOLEAN); INSERT INTO flags VALUES ('sms', 1)"
    cat >crossing/data_migrations/1_flags.yaml <<'YAML'
up:
  - read: SELECT name, enabled FROM flags
    key: name
    write: SET flag:${name} ${enabled}
YAML
    local arguments=("sqlite:$PWD/crossing/app.db" "$REDFERRY_TEST_REDIS" crossing/data_migrations)
    test "$("$1" "${arguments[@]}")" = 'flags: 1 rows'
    test "$(redis-cli -s "$REDFERRY_TEST_REDIS_SOCKET" GET flag:sms)" = true
    test -z "$("$1" "${arguments[@]}")"
}

pc=$(find "$prefix" -name redferry.pc)
export PKG_CONFIG_PATH=${pc%/*}
test "$(pkg-config --modversion redferry)" = "$version"
# shellcheck disable=SC2046
"$compiler" -std=c11 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags redferry) \
    -o by_pkg_config "$headers/example.c" "${options[@]}" $(pkg-config --libs redferry)
LD_LIBRARY_PATH=${pc%/*/*} crosses ./by_pkg_config
unset PKG_CONFIG_PATH

mkdir application
cat >application/CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.23)
project(application LANGUAGES C)
find_package(redferry ${VERSION} REQUIRED)
add_executable(by_cmake ${EXAMPLE})
target_link_libraries(by_cmake PRIVATE redferry::redferry)
target_link_options(by_cmake PRIVATE ${OPTIONS})
CMAKE
cmake -S application -B by_cmake -G "$generator" -DCMAKE_C_COMPILER="$compiler" \
    -DCMAKE_PREFIX_PATH="$prefix" -DVERSION="$version" -DEXAMPLE="$headers/example.c" \
    -DOPTIONS="$(IFS=';' && echo "${options[*]}")" >configure.log
cmake --build by_cmake >build.log
crosses by_cmake/by_cmake
echo "installed, found twice, and used"
