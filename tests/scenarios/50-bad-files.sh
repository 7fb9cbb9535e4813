#!/usr/bin/env bash
# Goal: a directory or a file of migrations that is not in order, and a command line that is not, are
# refused with exit code 2 and a message that says where and what, before anything is connected
# to or written; once mended, everything is carried.
source "$(dirname "$0")/../support/scenario.sh"
source "$(dirname "$0")/../support/refusals.sh"

file= # the file in question, by bad_file
version=0

# A migration in order: rows of t to keys of its own.
good_migration()
{
    cat <<YAML
up:
  - read: SELECT id, name FROM t
    key: id
    write: SET v$version:\${id} \${name}
YAML
}

# Nothing was lost: `up` applies what was refused before, and carries all the rows.
carried()
{
    expect_exit 0 redferry up
    expect_stdout_contains "applied $version "
    expect_equal "$(redis MGET "v$version:1" "v$version:2")" $'a\nb' 'the rows'
    expect_equal "$(sql "SELECT rows_read FROM data_migrations WHERE version = $version")" 2 \
        'the entry'
}

next_file()
{
    file=data_migrations/$((++version))_case.yaml
}

# bad_file TEXT: the file that stands on stdin is refused with TEXT behind its name.
bad_file()
{
    next_file
    cat >"$file"
    refused 2 "$file:$1"
    good_migration >"$file"
    carried
}

begin()
{
    behind_passwords
    version=0
    sql "CREATE TABLE t (id integer PRIMARY KEY, name text);
         INSERT INTO t VALUES (1, 'a'), (2, 'b')"
}

# ---- the directory -----------------------------------------------------------------------------

directories()
{
    begin
    rmdir data_migrations
    refused 2 "there is no migrations directory 'data_migrations'; 'redferry init' makes it"
    refused 2 "there is no migrations directory 'elsewhere'" redferry up -m elsewhere
    mkdir data_migrations
    next_file
    good_migration >"$file"
    refused 2 "$file: cannot be read: Not a directory" redferry up -m "$file"

    chmod 0 "$file"
    chmod 755 . data_migrations
    other_user
    refused 2 "$file: cannot be read: Permission denied"
    chmod 0 data_migrations
    refused 2 'data_migrations/redferry.yaml: cannot be read: Permission denied'
    same_user
    chmod 755 data_migrations
    chmod 644 "$file"
    carried
}

# Whatever is no file of one's own is not even opened.
no_files()
{
    local bad
    begin
    next_file
    good_migration >"$file"
    bad=data_migrations/2_bad.yaml

    mkfifo "$bad"
    refused 2 "$bad: is a FIFO, not a file"
    rm "$bad"
    if mknod "$bad" c 1 3 2>/dev/null; then
        refused 2 "$bad: is a device, not a file"
        rm "$bad"
    else
        echo 'no device can be made here: not tried'
    fi
    mkdir "$bad"
    refused 2 "$bad: is a directory, not a file"
    rmdir "$bad"
    ln -s /dev/zero "$bad"
    refused 2 "$bad: is a link that leaves the directory"
    cp "$file" outside
    ln -sf ../outside "$bad"
    refused 2 "$bad: is a link that leaves the directory"
    ln -sf nowhere "$bad"
    refused 2 "$bad: cannot be read: No such file or directory"
    rm "$bad"
    head -c 1048577 /dev/zero | tr '\0' '#' >"$bad"
    refused 2 "$bad: is larger than 1 MiB"
    rm "$bad"
    carried
}

versions()
{
    local bad
    begin
    next_file
    good_migration >"$file"
    cp "$file" data_migrations/01_again.yml
    refused 2 "$file: its version is also that of data_migrations/01_again.yml"
    rm data_migrations/01_again.yml
    for bad in 0 9223372036854775808 184467440737095516161; do
        cp "$file" "data_migrations/${bad}_bad.yaml"
        refused 2 "${bad}_bad.yaml: its version does not fit: it is a number from 1 to 9223372036854775807"
        rm "data_migrations/${bad}_bad.yaml"
    done
    cp "$file" data_migrations/2.yaml
    refused 2 'data_migrations/2.yaml: its name is missing: VERSION_name.yaml is expected'
    rm data_migrations/2.yaml
    carried
}

# ---- what a file holds -------------------------------------------------------------------------

yaml()
{
    begin
    bad_file '2:18: this is not valid UTF-8 (byte 0xFF)' <<<$'up:\n  - write: SET a \xff'
    bad_file '2:18: the control character U+0007 is not allowed' <<<$'up:\n  - write: SET a \a'
    bad_file '1:5: anchors are not allowed' <<<$'up: &a\n  - write: SET a b\ndown: *a'
    bad_file '2:5: aliases are not allowed' <<<$'up:\n  - *a'
    bad_file "4:1: the key 'up' is here for the second time; line 1 has it already" \
        <<<$'up:\n  - write: SET a b\n\nup:\n  - write: SET a c'
    bad_file "2:5: unknown key 'wirte'; did you mean 'write'?" <<<$'up:\n  - wirte: SET a b'
    bad_file "1:1: unknown key 'pu'; did you mean 'up'?" <<<$'pu:\n  - write: SET a b'
    bad_file "2:5: unknown key 'scan'; a step has name, read, from, key, write, sql" \
        <<<$'up:\n  - scan: a*\n    write: SET a b'
    bad_file '3:1: a second document begins here; a file holds one' \
        <<<$'up:\n  - write: SET a b\n---\nup:\n  - write: SET a c'
    bad_file '2:41: nested more than 32 levels deep' \
        <<<$'up:\n  - write: '"$(printf '[%.0s' {1..40})$(printf ']%.0s' {1..40})"
    bad_file '1:1: the file is empty' </dev/null
    bad_file '1:1: the file is empty' <<<'# nothing but a comment'
    bad_file "1:5: 'up' has no step" <<<'up: []'
}

steps()
{
    begin
    bad_file "2:5: this step has nothing to do: it needs 'write', 'publish' or 'sql'" \
        <<<$'up:\n  - name: idle'
    bad_file "2:5: this step has nothing to do: it needs 'write', 'publish' or 'sql'" \
        <<<$'up:\n  - read: SELECT id FROM t\n    key: id'
    bad_file '2:12: a double quote is not closed: "b' <<<$'up:\n  - write: SET a "b'
    bad_file "2:12: a single quote is not closed: 'b" <<<$'up:\n  - write: SET a \'b'
    bad_file "4:12: unclosed placeholder '\${id': a '}' is missing" \
        <<<$'up:\n  - read: SELECT id FROM t\n    key: id\n    write: SET a ${id'
    bad_file "2:12: 'FLUSHALL' is refused: it reaches past this migration" <<<$'up:\n  - write: FLUSHALL'
    bad_file "2:12: 'config' is refused: it reaches past" <<<$'up:\n  - write: config set maxmemory 1'
    bad_file "2:12: 'MULTI' is refused: it changes the connection" <<<$'up:\n  - write: MULTI'
    bad_file "2:12: 'BLPOP' is refused: it changes the connection" <<<$'up:\n  - write: BLPOP a 0'
    bad_file "2:12: 'SET' is refused: keys that begin with 'redferry:' are redferry's own" \
        <<<$'up:\n  - write: SET redferry:a b'
    bad_file "2:10: 'COMMIT' is refused: redferry runs this statement in the transaction" \
        <<<$'up:\n  - sql: COMMIT'
    bad_file '4:12: a placeholder in the name of the command' \
        <<<$'up:\n  - read: SELECT id FROM t\n    key: id\n    write: ${id} a'
    bad_file "3:12: step 'step 1': 'INCR a' must not be repeated, and without a \`key\`" \
        <<<$'up:\n  - read: SELECT id FROM t\n    write: INCR a'
}

queries()
{
    begin
    bad_file '2:29: a second statement begins here; a query is one' \
        <<<$'up:\n  - read: SELECT id FROM t; SELECT id FROM t\n    key: id\n    write: SET a ${id}'
    bad_file '2:29: a second statement begins here; a query is one' \
        <<<$'up:\n  - read: SELECT id FROM t; DELETE FROM t\n    key: id\n    write: SET a ${id}'
    bad_file "2:11: 'read' takes a query, which begins with SELECT, WITH, VALUES or TABLE, not with SELEC" \
        <<<$'up:\n  - read: SELEC id FROM t\n    key: id\n    write: SET a ${id}'
    bad_file "2:11: 'read' takes a query, which begins with SELECT, WITH, VALUES or TABLE, not with INSERT" \
        <<<$'up:\n  - read: INSERT INTO t VALUES (9) RETURNING id\n    key: id\n    write: SET a ${id}'
    bad_file "2:11: 'read' takes a query, which begins with SELECT, WITH, VALUES or TABLE, not with PRAGMA" \
        <<<$'up:\n  - read: PRAGMA user_version = 7\n    key: id\n    write: SET a ${id}'
    bad_file '2:11: the query leaves a quote unclosed' \
        <<<$'up:\n  - read: SELECT id FROM t WHERE name = \'x\n    key: id\n    write: SET a ${id}'
    bad_file '2:11: the query is empty' \
        <<<$'up:\n  - read: ""\n    key: id\n    write: SET a ${id}'
    bad_file '2:24: a second statement begins here; a statement is one' \
        <<<$'up:\n  - sql: DELETE FROM t;DELETE FROM t'
}

# All files are read before any server is asked, by every command.
before_connecting()
{
    local command
    begin
    next_file
    echo 'up: []' >"$file"
    export REDFERRY_DATABASE=postgresql://ferry:$SECRET_URL@127.0.0.1:1/x
    export REDFERRY_REDIS=redis://ferry:$SECRET_URL@127.0.0.1:1
    for command in up 'run 1' down redo 'down --only 1' status 'mark 1'; do
        # shellcheck disable=SC2086 # each word is one
        refused 2 "$file:1:5: 'up' has no step" redferry $command
    done
    good_migration >"$file"
    expect_exit 6 redferry up
    no_secret
    behind_passwords
    REDFERRY_DATABASE=$DB carried
}

with_database sqlite directories
with_database sqlite no_files
with_database sqlite versions
with_database sqlite yaml
with_database sqlite steps
for_both_databases queries
with_database sqlite before_connecting
