#!/usr/bin/env bash
# Goal: an author starts from a table. What `new --from-table` writes is right as it stands: lint
# has nothing to say, `up` carries the table's rows under its key and `down` takes them away, its
# test passes; whatever the table is called, and whatever tells its rows apart. Nothing of the
# table's rows gets into a file, and nothing in the database is touched.
source "$(dirname "$0")/../support/scenario.sh"

# passes FILE [CODE]: its test does (CODE 8: it fails), on SQLite, and on PostgreSQL where the
# scenario has that.
passes()
{
    local database=()
    [[ $DIALECT == sqlite ]] || database=(--database "$DB")
    expect_exit "${2:-0}" redferry test "$1" ${database[@]+"${database[@]}"}
}

# drafted NAME ARGUMENT…: a migration of that name is written, lint has nothing to say of it, and
# its test passes.
drafted()
{
    expect_exit 0 redferry new "$@"
    FILE=$(head -n 1 "$OUT") TEST=$(tail -n 1 "$OUT")
    [[ $TEST == "${FILE%.yaml}.test.yaml" && -f $FILE && -f $TEST ]] || fail 'two files'
    ! grep -q CANARY "$FILE" "$TEST" || fail "a row of the table is in $FILE"
    expect_exit 0 redferry lint "$FILE"
    expect_stdout_contains '0 errors, 0 warnings'
    LINTED=$(<"$OUT")
    passes "$FILE"
}

# carried KEY FIELD VALUE: `up` brings it, and `down` takes it away.
carried()
{
    expect_exit 0 redferry up
    expect_equal "$(redis HGET "$1" "$2")" "$3" "$1"
    expect_exit 0 redferry down
    expect_equal "$(redis DBSIZE)" 1 'what is left in Redis'
}

# What the migration says, without its comments.
said() { grep -v '^ *#' "$FILE"; }

flags()
{
    sql "CREATE TABLE feature_flags (name varchar(40) PRIMARY KEY, enabled boolean NOT NULL,
        price numeric(10, 2), changed_on date,
        twice numeric(10, 2) GENERATED ALWAYS AS (price * 2) STORED);
        INSERT INTO feature_flags (name, enabled, price, changed_on) VALUES
            ('CANARY', true, 4, '2020-02-02'), ('CANARY2', false, NULL, NULL)"
    drafted 'Copy flags' --from-table Feature_Flags --key-prefix flag:
    carried flag:CANARY enabled true
    expect_exit 0 redferry up
    expect_equal "$(redis HKEYS flag:CANARY2 | sort | tr '\n' ' ')" 'enabled name ' 'its fields'
    grep -q '^      - HSET flag:${name} ${\*}$' "$FILE" || fail 'the command'
    grep -q '^    key: name$' "$FILE" || fail 'the key'
    grep -q "^    - HGETALL flag:name_1:$" "$TEST" || fail 'a row that is made up'
    expect_exit 0 redferry down
    rm "$FILE" "$TEST"
}

odd_names()
{
    sql <<'SQL'
CREATE TABLE "Order: #1" ("Order Id" bigint NOT NULL, "select" int NOT NULL, "a}b|c" text,
    _hidden text, "größe" text, "it's" text, PRIMARY KEY ("select", "Order Id"));
INSERT INTO "Order: #1" VALUES (7, 3, 'brace', 'CANARY', 'groß', 'is');
SQL
    drafted odd --from-table '"Order: #1"'
    carried Order:_#1:3:7 column_3 brace
    grep -qF "key: [select, 'Order Id']" "$FILE" || fail 'the key'
    [[ $(said) != *HSET*_hidden* ]] || fail 'a hidden column'
    rm "$FILE" "$TEST"
}

copies=() # KEY FIELD VALUE of each

# copied KEY FIELD VALUE ARGUMENT…: such a draft is to carry that.
copied()
{
    expect_exit 0 redferry new "${@:4}"
    copies+=("$1" "$2" "$3")
}

# All of them at once: right as they stand, carried, and taken away again.
all_are_copied()
{
    local i count=$((${#copies[@]} / 3)) database=()
    [[ $DIALECT == sqlite ]] || database=(--database "$DB")
    ! grep -rq CANARY data_migrations || fail 'a row of a table is in a file'
    expect_exit 0 redferry lint
    expect_stdout_contains "$((2 * count)) files checked: 0 errors, 0 warnings"
    expect_exit 0 redferry test "${database[@]}"
    expect_stdout_contains "$count tests: $count ok, 0 failed"
    expect_exit 0 redferry up
    for ((i = 0; i < ${#copies[@]}; i += 3)); do
        expect_equal "$(redis HGET "${copies[i]}" "${copies[i + 1]}")" "${copies[i + 2]}" "${copies[i]}"
    done
    expect_exit 0 redferry down $count
    expect_equal "$(redis DBSIZE)" 1 'what is left in Redis'
    rm data_migrations/*
    copies=()
}

# Whatever SQL and YAML reserve, and columns that another one's new name would be.
more_names()
{
    local words='abort action between cast check collate current_date desc end exclude except exists for glob group
        if into isnull join key limit match natural no null of on or over pragma raise row set table temp to trigger
        true union using values view when window without yes y n false'
    sql "CREATE TABLE \"table\" (\"user\" int PRIMARY KEY, \"~\" text, \"a: b\" text, \"a #b\" text, \"0x1\" text,
            \" a \" text, \"a:\" text, \"q\"\"q\" text, \"- d\" text, \"\${x}\" text,
            $(for word in $words; do printf '"%s" text, ' "$word"; done) last text);
        INSERT INTO \"table\" (\"user\", \"${words##* }\", \"\${x}\") VALUES (1, 'CANARY', 'braces');
        CREATE TABLE clash (\"column_2\" int PRIMARY KEY, \"a}b\" text);
        INSERT INTO clash VALUES (1, 'CANARY');
        CREATE TABLE _x (_x int PRIMARY KEY, _y text);
        INSERT INTO _x VALUES (1, 'CANARY');
        CREATE TABLE \"größe\" (\"schlüssel\" text NOT NULL PRIMARY KEY, \"名前\" text);
        INSERT INTO \"größe\" VALUES ('ä', 'ö');
        CREATE TABLE redferry (a int PRIMARY KEY, b text);
        INSERT INTO redferry VALUES (1, 'CANARY')"
    copied table:1 "${words##* }" CANARY words --from-table table
    copied clash:1 column_2_ CANARY clash --from-table clash
    copied _x:1 _y CANARY hidden --from-table _x
    copied größe:ä 名前 ö unicode --from-table größe
    copied redferry_:1 b CANARY reserved --from-table redferry
    sql 'CREATE VIEW shown AS SELECT a AS b, b AS a FROM redferry'
    copied shown:1 a CANARY shown --from-table shown
}

# Types without a counterpart in the other database, and tables that are none.
types()
{
    if [[ $DIALECT == sqlite ]]; then
        sql "CREATE TABLE wide ($(printf 'c%d int NOT NULL, ' {1..70}) v text, PRIMARY KEY (c1$(printf ', c%d' {2..70})));
            INSERT INTO wide VALUES ($(printf '%d, ' {1..70}) 'CANARY');
            CREATE TABLE w (a text, b int, v, d decimal(5, 2), PRIMARY KEY (a, b)) WITHOUT ROWID;
            INSERT INTO w VALUES ('CANARY', 1, x'41', 2.5);
            CREATE TABLE odd (id INTEGER PRIMARY KEY, \"\" text, u uuid, m datetime, k 'weird type', j jsonb,
                g int GENERATED ALWAYS AS (id * 2) VIRTUAL, a ANY);
            INSERT INTO odd (\"\", j) VALUES ('CANARY', '{}');
            CREATE VIRTUAL TABLE pages USING fts5(title, body);
            INSERT INTO pages VALUES ('one', 'CANARY')"
        copied "wide$(printf ':%d' {1..70})" v CANARY wide --from-table wide
        copied w:CANARY:1 v A rowless --from-table w
        copied odd:1 column_2 CANARY odd --from-table odd
        copied pages:one body CANARY pages --from-table pages
        return 0
    fi
    sql "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN few AS int; CREATE DOMAIN fewer AS few NOT NULL;
        CREATE TABLE odd (m mood, n inet, f fewer, a int[], j jsonb, iv interval, mo money, bt bit(3), x xml,
            pt point, r int4range, tz timestamptz, tt timetz, o oid, c \"char\", ts tsvector, f4 real,
            g int GENERATED ALWAYS AS (f * 2) STORED, i bigint GENERATED ALWAYS AS IDENTITY,
            PRIMARY KEY (n, m));
        INSERT INTO odd (m, n, f) VALUES ('ok', '::1', 4);
        CREATE TABLE docs (d jsonb PRIMARY KEY, v int); INSERT INTO docs VALUES ('{\"a\":1}', 5);
        CREATE TABLE parts (id int, day date, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
        CREATE TABLE part PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        INSERT INTO parts VALUES (1, '2024-02-02', 'CANARY');
        CREATE TABLE twins (id int PRIMARY KEY, \"Name\" text, name text);
        INSERT INTO twins VALUES (1, 'x', 'CANARY');
        CREATE MATERIALIZED VIEW kept AS SELECT 1 AS a, 'CANARY'::text AS b"
    copied 'odd:"::1":"ok"' g 8 odd --from-table odd
    copied 'docs:{"a": 1}' v 5 docs --from-table docs
    copied parts:1:2024-02-02 v CANARY parts --from-table parts
    copied twins:1 name CANARY twins --from-table twins
    copied kept:1 b CANARY kept --from-table kept
}

# No primary key: an index will do, if it is unique and without NULLs; or else there is no key.
other_keys()
{
    sql "CREATE TABLE codes (a int UNIQUE, b int NOT NULL, c text NOT NULL, d int NOT NULL);
        CREATE UNIQUE INDEX codes_by_b_c ON codes (b, c);
        CREATE UNIQUE INDEX codes_partly ON codes (d) WHERE d > 5;
        CREATE UNIQUE INDEX codes_shouting ON codes (lower(c));
        INSERT INTO codes VALUES (NULL, 1, 'CANARY', 2);
        CREATE TABLE lines (a text, b int NOT NULL);
        INSERT INTO lines VALUES ('CANARY', 1), ('CANARY', 2);
        CREATE VIEW seen AS SELECT b, a FROM lines"
    drafted codes --from-table codes
    grep -q 'The unique index codes_by_b_c:' "$FILE" || fail 'which index'
    carried codes:1:CANARY d 2
    rm "$FILE" "$TEST"
    # A name that would end the comment that it stands in is not told, and one that stands elsewhere refused.
    sql "CREATE TABLE notes (a int NOT NULL);
        CREATE UNIQUE INDEX \"notes
up: []\" ON notes (a);
        CREATE TABLE broken (\"a"$'\u2028'"b\" int NOT NULL)"
    expect_exit 0 redferry new notes --from-table notes
    FILE=$(head -n 1 "$OUT")
    grep -q 'The unique index:' "$FILE" || fail 'the index without its name'
    expect_exit 0 redferry lint "$FILE"
    rm "$FILE" "${FILE%.yaml}.test.yaml"
    expect_exit 2 redferry new broken --from-table broken
    expect_stderr_contains 'holds a control character'
    drafted lines --from-table lines
    [[ $LINTED == *'at least once'* ]] || fail 'the guarantee'
    [[ $(said) != *key:* ]] || fail 'a key'
    grep -q 'no primary key, and no unique index' "$FILE" || fail 'the reason'
    carried lines:2 a CANARY
    rm "$FILE" "$TEST"
    expect_exit 0 redferry new seen --from-table seen
    expect_stderr_contains 'has neither a primary key nor a unique index'
    rm data_migrations/*
}

# Texts may hold what stands between the parts of a key: rows that would meet are the test's, too.
texts_in_key()
{
    sql "CREATE TABLE c (a varchar(9) NOT NULL, b text NOT NULL, v int, PRIMARY KEY (a, b));
        INSERT INTO c VALUES ('x:y', 'CANARY', 1), ('x', 'y:CANARY', 2)"
    drafted texts --from-table c
    grep -qF 'HSET c:${a|json}:${b|json} ${*}' "$FILE" || fail 'the key'
    carried 'c:"x:y":"CANARY"' v 1
    carried 'c:"x":"y:CANARY"' v 2
    sed -i 's/|json}/}/g' "$FILE"
    passes "$FILE" 8
    rm "$FILE" "$TEST"
}

refusals()
{
    local files
    files=$(ls -A data_migrations)
    expect_exit 2 redferry new x --from-table absent
    expect_stderr_contains "there is no table 'absent'"
    expect_exit 2 redferry new x --from-table 'a.b.c'
    expect_stderr_contains 'too many parts'
    expect_exit 2 redferry new x --from-table '"open'
    expect_exit 2 redferry new x --from-table ''
    expect_exit 2 redferry new x --from-table lines --key-prefix 'two words:'
    expect_exit 2 redferry new x --from-table lines --key-prefix 'x${b}:'
    expect_exit 2 redferry new x --from-table lines --key-prefix 'redferry:'
    expect_exit 2 redferry new '../x' --from-table lines
    expect_exit 6 redferry new x --from-table lines -d sqlite:absent.db
    REDFERRY_DATABASE='' expect_exit 2 redferry new x --from-table lines
    expect_stderr_contains 'no database'
    expect_equal "$(ls -A data_migrations)" "$files" 'no file'
}

# A .redferry that leads elsewhere is not followed; the author's files are written all the same.
linked()
{
    rm -r data_migrations/.redferry
    mkdir elsewhere
    ln -s ../elsewhere data_migrations/.redferry
    expect_exit 0 redferry new linked --from-table lines
    expect_stderr_contains "data_migrations/.redferry' is a symbolic link, which is not followed"
    expect_equal "$(ls -A elsewhere)" '' 'where the link leads'
    rm data_migrations/.redferry data_migrations/*
    rmdir elsewhere
}

schemas()
{
    sql "CREATE SCHEMA \"Billing\";
        CREATE TABLE \"Billing\".invoices (id bigint PRIMARY KEY, due timestamptz, data jsonb,
            tags text[], ref uuid);
        INSERT INTO \"Billing\".invoices VALUES (9, '2020-02-02 00:00+00', '{\"a\": 1}', '{CANARY}')"
    expect_exit 2 redferry new x --from-table invoices
    expect_stderr_contains "one in the schema 'Billing'"
    drafted invoices --from-table '"Billing".invoices' --key-prefix invoice:
    grep -q 'FROM "Billing".invoices' "$FILE" || fail 'the schema'
    carried invoice:9 due 2020-02-02T00:00:00Z
    rm "$FILE" "$TEST"
    drafted invoices --from-table Billing.INVOICES
    rm "$FILE" "$TEST"
}

# Somebody may have the table open for writing, and the file need not be writable at all.
touches_nothing()
{
    local before
    before=$(sha256sum "${DB#sqlite:}")
    chmod a-w "${DB#sqlite:}"
    drafted copied --from-table lines
    expect_equal "$(sha256sum "${DB#sqlite:}")" "$before" 'the database'
    chmod u+w "${DB#sqlite:}"
}

from_tables()
{
    drafted example
    rm "$FILE" "$TEST"
    flags
    odd_names
    more_names
    types
    all_are_copied
    other_keys
    texts_in_key
    refusals
    linked
    if [[ $DIALECT == postgresql ]]; then schemas; else touches_nothing; fi
}

for_both_databases from_tables
