#!/usr/bin/env bash
# Goal: 1,000,000 flags cross from either database, each exactly as it stood, in memory that does not grow
# with the table: ten times the rows cost no more than a MiB. (Sanitizers and valgrind have
# memory of their own: there fewer rows cross, and only the rows are looked at.)
# not with sanitizers: it measures memory
source "$(dirname "$0")/../support/scenario.sh"

many=1000000
few_rows=100000 # enough to fill every cache and buffer
measured=yes
if [[ -n ${REDFERRY_TEST_WRAPPER:-} ]] || ldd "$REDFERRY_PROGRAM" | grep -q libasan; then
    many=30000 few_rows=1000 measured=no
fi

# Run `up`; its peak memory in KiB is in $peak.
measured_up()
{
    /usr/bin/time -q -f %M -o peak "$REDFERRY_PROGRAM" up -q
    peak=$(<peak)
}

make_flags()
{
    sql "CREATE TABLE $1 (name text PRIMARY KEY, enabled boolean NOT NULL)"
    sql "INSERT INTO $1
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
         SELECT 'flag_' || i, i % 3 = 0 FROM n"
    write_migration "$3_$1.yaml" <<YAML
up:
  - read: SELECT name, enabled FROM $1
    key: name
    write: SET $1:\${name} \${enabled}
YAML
}

memory_does_not_grow()
{
    local few
    make_flags few $few_rows 1
    if [[ $measured == yes ]]; then measured_up; few=$peak; else redferry up -q; fi
    make_flags flags $many 2
    if [[ $measured == yes ]]; then measured_up; else redferry up -q; fi

    expect_equal "$(redis EVAL "
        local right = 0
        for i = 1, tonumber(ARGV[1]) do
            local value = redis.call('GET', 'flags:flag_' .. i)
            if value == (i % 3 == 0 and 'true' or 'false') then right = right + 1 end
        end
        return right" 0 $many)" $many 'how many flags are right'
    # One more says that this ledger writes here.
    expect_equal "$(redis DBSIZE)" $((many + few_rows + 1)) 'how many keys there are'
    expect_equal "$(sql 'SELECT rows_read, commands_sent FROM data_migrations WHERE version = 2')" \
        "$many|$many" 'what the ledger says'
    [[ $measured == yes ]] || return 0
    printf 'peak memory: %s KiB for %s rows, %s KiB for %s\n' "$few" $few_rows "$peak" $many
    ((peak <= few + 1024)) || fail "memory grew with the table: $few KiB, then $peak KiB"
    ((peak <= 16384)) || fail "more than 16 MiB: $peak KiB"
}

for_both_databases memory_does_not_grow
