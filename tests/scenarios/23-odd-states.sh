#!/usr/bin/env bash
# Goal: a modified file, a missing one, and a version that came late: `up` and `status` warn and go on,
# with --strict they refuse; `down` undoes what has no file any more by what the ledger kept; and
# `redo` undoes nothing that it could not apply again. What is blocked keeps nothing from being
# finished off. A ledger of a newer layout is read, and not written to.
source "$(dirname "$0")/../support/scenario.sh"

write_key()
{
    write_migration "$1_key.yaml" <<YAML
up:
  - write: SET key:$1 ${2:-1}
down:
  - write: DEL key:$1
YAML
}

modified()
{
    sql 'CREATE TABLE application (id integer)'
    write_key 1
    expect_exit 0 redferry up
    write_key 1 2
    local command
    for command in up status; do
        expect_exit 0 redferry $command
        expect_stderr_contains '`redferry repair 1`'
        expect_exit 4 redferry $command --strict
        expect_stderr_contains '`redferry repair 1`'
    done
    expect_exit 4 redferry status --strict --json
    expect_stdout_contains '"state": "modified"'
    expect_exit 0 redferry repair 1
    expect_exit 0 redferry up --strict
    expect_stderr_lacks modified
}

late()
{
    sql 'CREATE TABLE application (id integer)'
    write_key 2
    expect_exit 0 redferry up
    write_key 1
    expect_exit 4 redferry status --strict
    expect_stderr_contains 'below an applied version'
    expect_exit 4 redferry up --strict
    expect_stderr_contains 'below an applied version (--strict): `redferry run 1` applies it all the same'
    expect_equal "$(redis EXISTS key:1)" 0 'the key'
    expect_exit 0 redferry up
    expect_stderr_contains 'below an applied version'
    expect_exit 0 redferry redo --strict
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations')" 2 'the entries after redo'
}

missing()
{
    sql 'CREATE TABLE application (id integer)'
    write_key 1
    expect_exit 0 redferry up
    rm data_migrations/1_key.yaml
    expect_exit 0 redferry up --strict
    expect_exit 0 redferry down
    expect_equal "$(grep -c 'has no file' "$ERR")" 1 'how often it is said'
    expect_equal "$(redis EXISTS key:1)" 0 'the key'
}

redo_asks_first()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2)'
    write_migration 1_count.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    write: INCR counter
down:
  - write: DEL counter
YAML
    expect_exit 0 redferry up --allow-repeats
    expect_exit 2 redferry redo
    expect_stderr_contains 'must not be repeated'
    expect_equal "$(redis GET counter)" 2 'the counter'
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations')" 1 'the entries'
}

finished_off_though_blocked()
{
    sql 'CREATE TABLE application (id integer)'
    write_migration 1_news.yaml <<'YAML'
up:
  - write: SET key 1
publish:
  channel: news
  message: "${version}"
YAML
    write_migration 2_wrong.yaml <<'YAML'
up:
  - write: SADD key 1
YAML
    expect_exit 1 redferry up
    sql "UPDATE data_migrations SET announced_at = NULL;
         UPDATE data_migration_runs SET status = 'cancelled' WHERE version = 2"
    listen news
    expect_exit 4 redferry up
    expect_stderr_contains '`redferry run 2` goes on with it'
    expect_equal "$(heard)" 'news 1' 'the message'
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations WHERE announced_at IS NULL')" 0 'not finished off'
}

# Only the history is left of the ledger: everything looks pending, and all say that it is not.
the_entries_are_gone()
{
    sql 'CREATE TABLE application (id integer)'
    write_key 1
    expect_exit 0 redferry up
    sql 'DROP TABLE data_migrations'
    local what="knows of migrations that were applied: restore it, or everything would run again"
    expect_exit 4 redferry up
    expect_stderr_contains "$what"
    expect_exit 0 redferry status
    expect_stderr_contains "$what"
    expect_exit 4 redferry status --strict
    expect_stderr_contains "$what"
    expect_exit 4 redferry plan
    expect_stderr_contains "$what"
    expect_exit 0 redferry history
    expect_stdout_contains '1 run'
    expect_stdout_contains succeeded
}

# Half undone, and not to be gone on with as it is: all say what it takes, and it helps.
half_undone_and_refused()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2)'
    write_migration 1_count.yaml <<'YAML'
up:
  - {read: SELECT id FROM t, key: id, write: 'INCR n:${id}', batch: 1}
down:
  - {read: SELECT id FROM t, key: id, write: 'DECR n:${id}', batch: 1}
YAML
    expect_exit 0 redferry up
    expect_exit 3 redferry down --max-time 1ms
    cp data_migrations/1_count.yaml whole.yaml
    sed -i 's/DECR n:${id}/DECRBY n:${id} 1/' data_migrations/1_count.yaml
    refuses_to_undo 'the file has changed in a step that was begun already'
    cp whole.yaml data_migrations/1_count.yaml
    expect_exit 4 redferry up
    expect_stderr_contains '1_count is half undone: `redferry down --only 1` goes on'
    redis DEL "redferry:{$(sql 'SELECT id FROM data_migration_ledger')}:1" >/dev/null
    refuses_to_undo 'the checkpoint is gone from Redis'
    redis SET n:1 1 >/dev/null
    expect_exit 0 redferry repair 1
    expect_exit 0 redferry down --only 1
    expect_equal "$(redis MGET n:1 n:2 | xargs)" '0 0' 'what is undone'

    # Who came before the latest run does not know how it stands.
    expect_exit 3 redferry watch 2
    expect_stderr_contains '; `redferry status 1` shows how it stands now'
    expect_exit 4 redferry pause 2
    expect_stderr_contains 'has ended: interrupted; `redferry status 1` shows how it stands now'
    expect_exit 4 redferry pause 1
    expect_stderr_contains 'has ended: succeeded'
    expect_stderr_lacks 'undoes it'
}

refuses_to_undo()
{
    local command
    for command in 'up' 'plan' 'run 1' 'down --only 1'; do
        # shellcheck disable=SC2086 # the words of a command
        expect_exit 4 redferry $command
        expect_stderr_contains "$1"
        expect_stderr_contains '`redferry repair 1`, and `redferry down --only 1` begins anew'
    done
    expect_exit 0 redferry status 1
    expect_stdout_contains "$1"
}

# The ledger's row is gone, and with it the name of every checkpoint: none is found again.
the_row_is_gone()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2)'
    write_migration 1_count.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: INCR n:${id}
    batch: 1
YAML
    expect_exit 3 redferry up --max-time 1ms
    sql 'DELETE FROM data_migration_ledger'
    local what='the checkpoint is gone from Redis'
    expect_exit 4 redferry plan
    expect_stderr_contains "$what"
    expect_exit 0 redferry status 1
    expect_stdout_contains "$what"
    expect_exit 4 redferry doctor --strict
    expect_stdout_contains "$what"
    expect_exit 4 redferry up
    expect_stderr_contains "$what"
    expect_equal "$(redis MGET n:1 n:2 | xargs)" '1' 'the rows'
}

# Applied, but its message could not be sent: said so, and the next `up` sends it.
announced_later()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY)'
    sql 'INSERT INTO t VALUES (1), (2)'
    write_migration 1_cut_over.yaml <<'YAML'
up:
  - read: SELECT id FROM t
    key: id
    write: INCR n:${id}
publish: {channel: cut, message: '${rows}'}
YAML
    listen cut
    redis ACL SETUSER default -publish >/dev/null
    expect_exit 1 redferry up
    expect_stdout_contains 'applied 1 cut_over: 2 rows'
    expect_stderr_contains '1_cut_over.yaml: applied, but not announced yet'
    expect_stderr_contains 'NOPERM'
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations WHERE announced_at IS NULL')" 1 \
        'applied, not announced'
    redis ACL SETUSER default +publish >/dev/null
    expect_exit 0 redferry up
    expect_equal "$(<"$OUT")" 'announced 1 cut_over' 'what is said of it'
    expect_exit 0 redferry up
    expect_equal "$(<"$OUT")" 'nothing to do' 'what is said behind it'
    expect_equal "$(heard)" 'cut 2' 'the message'
    expect_equal "$(redis MGET n:1 n:2 | xargs)" '1 1' 'the rows'
    expect_equal "$(sql 'SELECT count(*) FROM data_migrations WHERE announced_at IS NULL')" 0 \
        'what is not announced'
}

# A ledger that a newer release has taken over: what is in Redis cannot be compared with runs that cannot
# be read, and looks like no restored backup.
of_a_newer_layout()
{
    sql 'CREATE TABLE application (id integer)'
    write_key 1
    expect_exit 0 redferry up
    sql 'UPDATE data_migration_ledger SET layout = 2'
    expect_exit 0 redferry up
    expect_exit 0 redferry up --strict
    expect_stdout_contains 'nothing to do'
    write_key 2
    local command
    for command in 'up' 'up --strict' 'run 2' 'down' 'redo' 'mark 2'; do
        # shellcheck disable=SC2086
        expect_exit 4 redferry $command
        expect_stderr_contains 'it takes a newer redferry than'
        expect_stderr_lacks 'backup'
    done
    expect_equal "$(redis EXISTS key:1) $(redis EXISTS key:2)" '1 0' 'the keys'
}

# How old it is, what it has delivered says; to try again and deliver nothing makes it no younger.
old()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)'
    write_migration 1_count.yaml <<'YAML'
up:
  - {read: SELECT id FROM t, key: id, write: 'INCR n:${id}', batch: 1}
  - {read: SELECT id FROM t, key: id, write: 'INCR m:${id}', batch: 1}
YAML
    redis SET n:2 'no number' >/dev/null
    expect_exit 1 redferry up
    sql "UPDATE data_migration_runs SET updated_at = '2020-01-01T00:00:00.000Z'"
    expect_exit 4 redferry up
    expect_stderr_contains '1_count stopped at 2020-01-01T00:00:00'
    expect_stderr_contains 'longer ago than --resume-within'
    expect_exit 1 redferry run 1
    expect_exit 4 redferry up
    expect_stderr_contains '1_count stopped at 2020-01-01T00:00:00'
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 2 'the runs'

    # One that delivers does.
    redis DEL n:2 >/dev/null
    redis SET m:2 'no number' >/dev/null
    expect_exit 1 redferry run 1
    redis DEL m:2 >/dev/null
    expect_exit 0 redferry up
    expect_equal "$(redis MGET n:1 n:2 n:3 m:1 m:2 m:3 | xargs)" '1 1 1 1 1 1' 'the counters'
}

# What was given up has no age.
old_and_repaired()
{
    sql 'CREATE TABLE application (id integer)'
    write_migration 1_list.yaml <<'YAML'
up:
  - write: RPUSH list 1
  - write: INCR list
YAML
    expect_exit 1 redferry up
    sql "UPDATE data_migration_runs SET updated_at = '2020-01-01T00:00:00.000Z'"
    expect_exit 4 redferry up
    expect_exit 0 redferry repair 1
    sed -i 's/INCR list/INCR count/' data_migrations/1_list.yaml
    expect_exit 0 redferry up
    expect_equal "$(redis LLEN list)" 2 'the list, begun anew'
}

# ---- what status and the doctor advise is what helps -------------------------------------------

checkpoint() { printf 'redferry:{%s}:%s' "$(sql 'SELECT id FROM data_migration_ledger')" "$1"; }

# advises VERSION TEXT [ELSEWHERE]: `status`, `status VERSION` and the doctor all say TEXT of it; of what is
# wrong with a checkpoint the doctor has a line of its own.
advises()
{
    expect_exit 0 redferry status
    expect_stdout_contains "next:  $2"
    expect_exit 0 redferry status "$1"
    grep -qxF "next        $2" "$OUT" || fail "status $1 advises something else than '$2'"
    redferry doctor >doctor.out 2>&1 || expect_equal $? 4 "the doctor's exit code"
    grep -qF -- "$2" doctor.out || fail "the doctor does not say '$2': $(<doctor.out)"
}

write_counts()
{
    write_migration "$1_count.yaml" <<YAML
up:
  - {read: SELECT id FROM t, key: id, write: 'INCR n$1:\${id}', batch: 1}
down:
  - {read: SELECT id FROM t, key: id, write: 'DEL n$1:\${id}', batch: 1}
YAML
}

# fails_at_row_2 VERSION: and the cause is mended
fails_at_row_2()
{
    write_counts "$1"
    redis SET "n$1:2" 'no number' >/dev/null
    expect_exit 1 redferry run "$1"
    redis DEL "n$1:2" >/dev/null
}

readonly goes_on='mend the cause, then `redferry up` goes on with it'

what_helps()
{
    local lost='the checkpoint is gone from Redis (flushed, evicted, or restored), and what was delivered before must not be delivered twice: look at what is in Redis, then `redferry repair 1` begins anew, or `redferry down --only 1` undoes it'
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)'
    fails_at_row_2 1
    fails_at_row_2 2
    advises 1 "$goes_on"
    advises 2 "$goes_on"

    # Of what is behind one that is refused.
    redis RENAME "$(checkpoint 1)" kept >/dev/null
    advises 1 "$lost"
    advises 2 'mend the cause, then see to 1_count, at which `redferry up` stops; behind it, it goes on with it'
    expect_exit 4 redferry up
    expect_stderr_contains "$lost"
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 2 'the runs'
    # Without Redis, by what the ledger last heard.
    REDFERRY_REDIS=unix://$PWD/nobody expect_exit 0 redferry status 1
    expect_stdout_contains "next        $goes_on"
    expect_stderr_contains 'Redis was not asked'
    redis RENAME kept "$(checkpoint 1)" >/dev/null

    changed_file
    by_hand
    gone_file
    expect_exit 0 redferry up
    expect_equal "$(redis MGET n1:1 n1:2 n1:3 n2:1 n2:2 n2:3 | xargs)" '1 1 1 1 1 1' 'the counters'
}

# Without Redis as well: the ledger has the file as it ran.
changed_file()
{
    local changed='the file has changed in a step that was begun already, and what that step left behind does not fit: look at what is in Redis, then `redferry repair 1` begins anew, or `redferry down --only 1` undoes it'
    sed -i 's/INCR/INCRBY/; s/{id}/{id} 2/' data_migrations/1_count.yaml
    advises 1 "$changed"
    expect_exit 4 redferry up
    expect_stderr_contains "$changed"
    REDFERRY_REDIS=unix://$PWD/nobody expect_exit 0 redferry status 1
    expect_stdout_contains "next        $changed"
    write_counts 1
    advises 1 "$goes_on"
}

by_hand()
{
    echo 'manual: true' >>data_migrations/2_count.yaml
    advises 2 'mend the cause, then `redferry run 2` goes on with it'
    write_counts 2
    sql "UPDATE data_migration_runs SET updated_at = '2020-01-01T00:00:00.000Z' WHERE version = 2"
    advises 2 'mend the cause, then `redferry run 2` goes on with it all the same: Redis may hold newer values by now (--resume-within)'
    sql "UPDATE data_migration_runs SET updated_at = finished_at WHERE version = 2"
}

gone_file()
{
    rm data_migrations/2_count.yaml
    advises 2 'it has no file: put it back, and `redferry up` goes on with it, or `redferry down --only 2` undoes it'
    write_counts 2
    advises 2 "$goes_on"
}

# What may be repeated starts over.
starts_over()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)'
    write_migration 1_set.yaml <<'YAML'
up:
  - {read: SELECT id FROM t, key: id, write: 'SADD set:${id} 1', batch: 1}
YAML
    redis SET set:2 'no set' >/dev/null
    expect_exit 1 redferry up
    redis DEL set:2 "$(checkpoint 1)" >/dev/null
    advises 1 'mend the cause, then `redferry up` starts it over from step 1: its checkpoint is gone from Redis, and all that it did may be repeated'
    expect_exit 0 redferry up
    expect_stderr_contains 'it starts over from step 1'
}

# Cancelled, half undone, and of neither there is a way to undo it.
stopped_by_an_operator()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)'
    fails_at_row_2 1
    sql "UPDATE data_migration_runs SET status = 'cancelled'"
    advises 1 '`redferry run 1` goes on with it, `redferry down --only 1` undoes it'
    # What takes back what was never delivered is said to.
    local caveat=' (also what was never delivered, and its `down` is not idempotent: right only once it is complete)'
    sed -i 's/DEL n1/DECR n1/' data_migrations/1_count.yaml
    advises 1 '`redferry run 1` goes on with it, `redferry down --only 1` undoes it'"$caveat"
    redis RENAME "$(checkpoint 1)" kept >/dev/null
    advises 1 'the checkpoint is gone from Redis (flushed, evicted, or restored), and what was delivered before must not be delivered twice: look at what is in Redis, then `redferry repair 1` begins anew, or `redferry down --only 1` undoes it'"$caveat"
    redis RENAME kept "$(checkpoint 1)" >/dev/null
    sed -i '/^down/,$d' data_migrations/1_count.yaml
    advises 1 '`redferry run 1` goes on with it'
    expect_exit 4 redferry up
    expect_stderr_contains '1_count was cancelled: `redferry run 1` goes on with it'
    expect_stderr_lacks 'down --only'
    write_counts 1
    expect_exit 0 redferry run 1
    redis SET n1:1 x >/dev/null
    sed -i 's/DEL n1/LPOP n1/' data_migrations/1_count.yaml
    expect_exit 1 redferry down
    advises 1 '`redferry down --only 1` goes on undoing it'
    redis DEL "$(checkpoint 1)" n1:1 >/dev/null
    advises 1 'the checkpoint is gone from Redis (flushed, evicted, or restored), and what was delivered before must not be delivered twice: look at what is in Redis, then `redferry repair 1`, and `redferry down --only 1` begins anew'
    expect_exit 4 redferry down --only 1
    expect_exit 0 redferry repair 1
    advises 1 '`redferry down --only 1` begins anew to undo it'

    # He may as well say that it is applied; then it is, and of what went wrong no more is said.
    expect_exit 0 redferry mark 1
    expect_stdout_contains 'marked 1 count'
    expect_exit 0 redferry status --check
    expect_stdout_lacks 'error:'
    expect_exit 0 redferry status --json
    expect_stdout_contains '"error": null'
    expect_stdout_contains '"run_id": null'
    expect_exit 0 redferry mark 1
    expect_stdout_contains 'nothing to do'
    redis DEL n1:2 n1:3 >/dev/null
    expect_exit 0 redferry down --only 1
}

# Half undone, mended by hand and marked: who undoes it then, undoes all of it.
marked_half_undone()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)'
    write_migration 1_count.yaml <<'YAML'
up:
  - {read: SELECT id FROM t, key: id, write: 'INCR n:${id}', batch: 1}
down:
  - {read: SELECT id FROM t, key: id, write: 'DECR n:${id}', batch: 1}
YAML
    expect_exit 0 redferry up
    redis SET n:2 x >/dev/null
    expect_exit 1 redferry down
    redis MSET n:1 1 n:2 1 >/dev/null
    expect_exit 0 redferry mark 1
    expect_exit 0 redferry down --dry-run
    expect_stdout_lacks 'goes on'
    expect_exit 0 redferry down
    expect_stderr_lacks 'going on'
    expect_equal "$(redis MGET n:1 n:2 n:3 | xargs)" '0 0 0' 'the counters'

    # And who takes that mark back has it pending, for `up` and `run` as well as for `status`.
    expect_exit 0 redferry up
    redis SET n:2 x >/dev/null
    expect_exit 1 redferry down
    expect_exit 0 redferry mark 1
    expect_exit 0 redferry unmark 1
    redis DEL n:1 n:2 n:3 >/dev/null
    expect_exit 3 redferry status --check
    expect_stdout_contains '  pending  '
    expect_exit 2 redferry down --only 1
    expect_exit 0 redferry up
    expect_stderr_lacks 'going on'
    expect_equal "$(redis MGET n:1 n:2 n:3 | xargs)" '1 1 1' 'the counters, applied anew'
}

# What somebody has marked is past, also where he takes that back: `up` begins at the first row.
marked_half_way()
{
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)'
    fails_at_row_2 1
    redis DEL n1:1 >/dev/null
    expect_exit 0 redferry mark 1
    expect_exit 0 redferry unmark 1
    expect_exit 0 redferry status --json
    expect_stdout_contains '"state": "pending"'
    expect_exit 0 redferry plan
    expect_stdout_contains '1_count: up, from the start'
    # What lies there is a leftover, as the doctor says, but `repair` is not needed.
    expect_exit 0 redferry doctor
    expect_stdout_contains "'$(checkpoint 1)' is left over: no run needs it; \`redferry repair 1\` clears it"
    expect_exit 0 redferry up
    expect_stderr_lacks 'going on'
    expect_equal "$(redis MGET n1:1 n1:2 n1:3 | xargs)" '1 1 1' 'the counters'

    # Of what did not come so far either, and of one that was cancelled, and has no file any more.
    expect_exit 0 redferry unmark 1
    redis SET n1:1 x >/dev/null
    expect_exit 1 redferry up
    sql "UPDATE data_migration_runs SET status = 'cancelled', origin = NULL WHERE id = (SELECT max(id) FROM data_migration_runs)"
    expect_exit 0 redferry mark 1
    expect_stdout_contains 'marked 1 count'
    expect_exit 0 redferry mark 1
    expect_stdout_contains 'nothing to do'
    expect_exit 0 redferry unmark 1
    expect_exit 0 redferry status --json
    expect_stdout_contains '"state": "pending"'
    expect_exit 0 redferry repair 1
    rm data_migrations/1_count.yaml
    expect_exit 0 redferry status
    expect_stdout_lacks 1_count
}

# A release that cannot read any more what ran does not know what was changed in it; it says so of
# that one, and of the others what it says anyway.
unreadable()
{
    write_key 2
    sql 'CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)'
    fails_at_row_2 1
    sql "UPDATE data_migration_runs SET definition = 'up: [{from_then: 1}]', checksum = 'sha256:00'"
    local changed='the file has changed in a step that was begun already, and what that step left behind does not fit: look at what is in Redis, then `redferry repair 1` begins anew, or `redferry down --only 1` undoes it'
    advises 1 "$changed"
    expect_exit 4 redferry up
    expect_stderr_contains "$changed"
    expect_equal "$(sql 'SELECT count(*) FROM data_migration_runs')" 1 'the runs'
    expect_exit 0 redferry repair 1
    advises 1 'mend the cause, then `redferry up` begins it anew'

    # Of a ledger that is damaged as well the doctor says what he can.
    fails_at_row_2 1
    sql "PRAGMA ignore_check_constraints = 1; UPDATE data_migration_runs SET request = '?' WHERE id = 1"
    expect_exit 4 redferry doctor
    expect_stdout_contains "problem  migrations: the column 'request'"
    expect_stdout_lacks 'ok       checkpoints'
}

with_database postgresql what_helps
with_database sqlite starts_over
for_both_databases stopped_by_an_operator
for_both_databases marked_half_undone
for_both_databases marked_half_way
with_database sqlite unreadable
for_both_databases modified
for_both_databases old
for_both_databases old_and_repaired
for_both_databases late
for_both_databases missing
for_both_databases redo_asks_first
for_both_databases finished_off_though_blocked
for_both_databases the_entries_are_gone
with_database sqlite half_undone_and_refused
with_database sqlite the_row_is_gone
for_both_databases announced_later
for_both_databases of_a_newer_layout
