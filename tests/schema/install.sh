#!/usr/bin/env bash
# install.sh DIRECTORY: the tests of the authors' schemas, and the packages that they need, in DIRECTORY
# (of the build tree: a module is looked for beside who asks for it). Packages are fetched once, and again
# when package-lock.json is another; their scripts are not run.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
directory=$1

mkdir -p "$directory"
exec 9>"$directory/.lock" # several tests may want them at once
flock 9
cp "$source"/*.mjs "$source"/package.json "$directory"
if ! cmp -s "$source/package-lock.json" "$directory/node_modules/.of"; then
    rm -rf "$directory/node_modules"
    cp "$source/package-lock.json" "$directory"
    npm --prefix "$directory" ci --ignore-scripts --no-audit --no-fund --no-update-notifier >"$directory/npm.log" 2>&1 || {
        cat "$directory/npm.log" >&2
        exit 1
    }
    cp "$source/package-lock.json" "$directory/node_modules/.of"
fi
