/*
 * A table as its database knows it: columns, what their values are like, and which of them tell
 * its rows apart.
 *
 * Only the catalogue is asked, which everybody may read; no row of the table is looked at, so
 * that nothing of it can get into a file. What a query can read is found out by whoever runs
 * it.
 */
#include "draft_table.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "db.h"
#include "error.h"

enum { MOST_PARAMETERS = 4 };

/* ---- names ------------------------------------------------------------------------------ */

/* One part of a name: as it was written, and as SQL reads it without quotes. */
struct name_part {
    const char *exact; /* NULL: not given */
    const char *folded;
};

/* Take one part off *text, up to a dot or the end. Returns 0, or -1 with err. */
static int take_part(const char **text, struct name_part *part, struct arena *arena,
                     struct error *err)
{
    const char *from = *text;
    char *exact = arena_alloc(arena, strlen(from) + 1);
    char *folded = NULL;
    size_t length = 0;
    bool quoted = *from == '"';

    if (exact == NULL) return error_memory(err);
    if (quoted) from++;
    while (*from != '\0' && (quoted || *from != '.')) {
        if (quoted && *from == '"' && *++from != '"') break;
        exact[length++] = *from++;
    }
    if (length == 0 || (*from != '\0' && *from != '.') || (quoted && from[-1] != '"'))
        return error_set(err, ERROR_INVALID,
                         "'%s' is no table's name; it is written as in SQL: name, schema.name, "
                         "\"Odd Name\"",
                         *text);
    folded = arena_text(arena, exact);
    if (folded == NULL) return error_memory(err);
    for (char *c = folded; !quoted && *c != '\0'; c++)
        if ((unsigned char)*c < 0x80) *c = (char)tolower((unsigned char)*c);
    part->exact = exact;
    part->folded = folded;
    *text = from;
    return 0;
}

static int take_name(const char *text, struct name_part *schema, struct name_part *name,
                     struct arena *arena, struct error *err)
{
    const char *rest = text;

    *schema = (struct name_part){0};
    if (take_part(&rest, name, arena, err) != 0) return -1;
    if (*rest == '\0') return 0;
    *schema = *name;
    rest++;
    if (take_part(&rest, name, arena, err) != 0) return -1;
    if (*rest == '\0') return 0;
    return error_set(err, ERROR_INVALID,
                     "'%s' has too many parts for a table's name: schema.name", text);
}

/* ---- types ------------------------------------------------------------------------------ */

/* What stands for a type in a table that either database may hold. */
struct type_line {
    const char *name;
    enum draft_kind kind;
    const char *type;
};

/* clang-format off */
static const struct type_line postgres_types[] = {
    {"bool",        DRAFT_BOOLEAN,     "boolean"},
    {"int2",        DRAFT_INTEGER,     "smallint"},
    {"int4",        DRAFT_INTEGER,     "integer"},
    {"int8",        DRAFT_INTEGER,     "bigint"},
    {"oid",         DRAFT_INTEGER,     "bigint"},
    {"numeric",     DRAFT_NUMERIC,     "numeric"},
    {"float4",      DRAFT_FLOAT,       "real"},
    {"float8",      DRAFT_FLOAT,       "double precision"},
    {"date",        DRAFT_DATE,        "date"},
    {"time",        DRAFT_TIME,        "time"},
    {"timestamp",   DRAFT_TIMESTAMP,   "timestamp"},
    {"timestamptz", DRAFT_TIMESTAMPTZ, "timestamptz"},
    {"uuid",        DRAFT_UUID,        "uuid"},
    {"json",        DRAFT_JSON,        "json"},
    {"jsonb",       DRAFT_JSON,        "json"},
    {"bytea",       DRAFT_BYTES,       "bytea"},
};

/* In SQLite a part of what was declared decides; the first line that fits. */
static const struct type_line sqlite_types[] = {
    {"BOOL",      DRAFT_BOOLEAN,   "boolean"},
    {"JSON",      DRAFT_JSON,      "json"},
    {"UUID",      DRAFT_UUID,      "uuid"},
    {"CHAR",      DRAFT_TEXT,      "text"},
    {"CLOB",      DRAFT_TEXT,      "text"},
    {"TEXT",      DRAFT_TEXT,      "text"},
    {"DATETIME",  DRAFT_TIMESTAMP, "timestamp"},
    {"TIMESTAMP", DRAFT_TIMESTAMP, "timestamp"},
    {"DATE",      DRAFT_DATE,      "date"},
    {"TIME",      DRAFT_TIME,      "time"},
    {"INT",       DRAFT_INTEGER,   "bigint"},
    {"BLOB",      DRAFT_BYTES,     "bytea"},
    {"REAL",      DRAFT_FLOAT,     "double precision"},
    {"FLOA",      DRAFT_FLOAT,     "double precision"},
    {"DOUB",      DRAFT_FLOAT,     "double precision"},
    {"NUM",       DRAFT_NUMERIC,   "numeric"},
    {"DEC",       DRAFT_NUMERIC,   "numeric"},
};
/* clang-format on */

static struct type_line type_of(enum db_dialect dialect, const char *name)
{
    static const struct type_line other = {"", DRAFT_TEXT, "text"};

    if (dialect == DB_SQLITE) {
        for (size_t i = 0; i < sizeof sqlite_types / sizeof *sqlite_types; i++)
            if (strcasestr(name, sqlite_types[i].name) != NULL) return sqlite_types[i];
        return other;
    }
    for (size_t i = 0; i < sizeof postgres_types / sizeof *postgres_types; i++)
        if (strcmp(name, postgres_types[i].name) == 0) return postgres_types[i];
    return other;
}

/* ---- asking ----------------------------------------------------------------------------- */

/* A look at one table. */
struct look {
    struct draft_table *table;
    struct db *db;
    struct arena *arena;
    const char *id; /* what its database knows it by: an oid, or its name */
    size_t capacity;
    const char *elsewhere; /* a schema off the search path that has such a table */
};

/* What each question is, to either database, and what becomes of a row of its answer. */
struct question {
    const char *sql[2]; /* by dialect */
    int (*take)(struct look *look, const struct row *row);
};

/* A cell's text in the look's arena; NULL for NULL. */
static const char *cell(struct look *look, const struct row *row, size_t index)
{
    const struct value *value = &row->values[index];
    return value->kind == VALUE_NULL ? NULL
                                     : arena_copy(look->arena, value->bytes, value->length);
}

static bool is_true(const struct row *row, size_t index)
{
    const struct value *value = &row->values[index];
    return value->length > 0 && (value->bytes[0] == 't' || value->bytes[0] == '1');
}

/* Returns 0 or -1 with err. */
static int ask(struct look *look, const struct question *question,
               const char *const *parameters, size_t count, struct error *err)
{
    struct value values[MOST_PARAMETERS];
    struct db_rows *rows = NULL;
    struct row row = {0};
    enum db_next next = DB_END;

    for (size_t i = 0; i < count; i++) values[i] = value_text(parameters[i]);
    if (db_query(look->db, question->sql[db_dialect(look->db)], values, count, &rows, err) != 0)
        return -1;
    while ((next = db_rows_next(rows, true, &row, err)) == DB_ROW)
        if (question->take(look, &row) != 0) {
            error_memory(err);
            next = DB_FAILED;
            break;
        }
    db_rows_close(rows);
    return next == DB_END ? 0 : -1;
}

/* ---- which table ------------------------------------------------------------------------ */

/* $1, $2: the name exactly and folded; $3, $4: the schema's. SQL's own reading, folded, comes
 * first, and what the search path does not find last. */
static int take_table(struct look *look, const struct row *row)
{
    const char *schema = cell(look, row, 1);

    if (look->id != NULL || look->elsewhere != NULL) return 0;
    if (!is_true(row, 4)) {
        look->elsewhere = schema;
        return schema != NULL ? 0 : -1;
    }
    look->id = cell(look, row, 0);
    look->table->name = cell(look, row, 2);
    look->table->schema = is_true(row, 3) ? NULL : schema;
    return look->id != NULL && look->table->name != NULL && schema != NULL ? 0 : -1;
}

static const struct question which_table = {
    {[DB_POSTGRESQL] =
         "SELECT c.oid::text, n.nspname::text, c.relname::text,\n"
         "       pg_catalog.pg_table_is_visible(c.oid),\n"
         "       $3::text IS NOT NULL OR pg_catalog.pg_table_is_visible(c.oid)\n"
         "  FROM pg_catalog.pg_class c\n"
         "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
         " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')\n"
         "   AND c.relname::text IN ($1::text, $2::text)\n"
         "   AND ($3::text IS NULL OR n.nspname::text IN ($3::text, $4::text))\n"
         " ORDER BY 5 DESC, c.relname::text = $2::text DESC, n.nspname::text = $4::text DESC",
     [DB_SQLITE] = "SELECT name, 'main', name, true, true\n"
                   "  FROM main.sqlite_schema\n"
                   " WHERE type IN ('table', 'view') AND lower(name) = lower(?1)\n"
                   "   AND coalesce(lower(?3), 'main') = 'main' AND ?2 = ?2\n"
                   "   AND coalesce(?4, '') = coalesce(?4, '')\n"
                   " ORDER BY name = ?1 DESC"},
    take_table};

static int find_table(struct look *look, const char *text, struct error *err)
{
    struct name_part schema, name;
    const char *parameters[4];

    if (take_name(text, &schema, &name, look->arena, err) != 0) return -1;
    parameters[0] = name.exact;
    parameters[1] = name.folded;
    parameters[2] = schema.exact;
    parameters[3] = schema.folded;
    if (ask(look, &which_table, parameters, 4, err) != 0) return -1;
    if (look->id != NULL) return 0;
    if (look->elsewhere != NULL)
        return error_set(err, ERROR_INVALID,
                         "there is no table '%s' on the search path, but one in the schema "
                         "'%s': %s.%s",
                         text, look->elsewhere, look->elsewhere, text);
    return error_set(err, ERROR_INVALID, "there is no table '%s' in this database", text);
}

/* ---- its columns ------------------------------------------------------------------------ */

static int take_column(struct look *look, const struct row *row)
{
    struct draft_table *table = look->table;
    const char *name = cell(look, row, 0), *declared = cell(look, row, 1);
    struct type_line type;

    if (name == NULL || declared == NULL) return -1;
    if (table->column_count == look->capacity) {
        size_t capacity = look->capacity > 0 ? 2 * look->capacity : 16;
        struct draft_column *columns = arena_array(look->arena, capacity, sizeof *columns);
        if (columns == NULL) return -1;
        if (table->column_count > 0)
            memcpy(columns, table->columns, table->column_count * sizeof *columns);
        table->columns = columns;
        look->capacity = capacity;
    }
    type = type_of(db_dialect(look->db), declared);
    table->columns[table->column_count++] =
        (struct draft_column){name, type.kind, type.type, is_true(row, 2)};
    return 0;
}

static const struct question its_columns = {
    {[DB_POSTGRESQL] = "WITH RECURSIVE typed (number, name, type, not_null) AS (\n"
                       "SELECT attnum, attname, atttypid, attnotnull\n"
                       "  FROM pg_catalog.pg_attribute\n"
                       " WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped\n"
                       " UNION ALL\n"
                       "SELECT c.number, c.name, d.typbasetype, c.not_null OR d.typnotnull\n"
                       "  FROM typed c\n"
                       "  JOIN pg_catalog.pg_type d ON d.oid = c.type AND d.typtype = 'd')\n"
                       "SELECT c.name::text, t.typname::text, c.not_null\n"
                       "  FROM typed c\n"
                       "  JOIN pg_catalog.pg_type t ON t.oid = c.type AND t.typtype <> 'd'\n"
                       " ORDER BY c.number",
     /* 1: the hidden columns of a virtual table; generated ones are 2 and 3 */
     [DB_SQLITE] = "SELECT name, coalesce(type, ''), \"notnull\"\n"
                   "  FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid"},
    take_column};

/* Whether a name holds what YAML ends a line at, or refuses; beyond ASCII it ends lines at NEL,
 * LS and PS. */
static bool breaks_lines(const char *name)
{
    static const char *const breaks[] = {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"};

    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F) return true;
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++)
        if (strstr(name, breaks[i]) != NULL) return true;
    return false;
}

/* A name stands in a query, in a placeholder and in comments. */
static int check_names(const struct draft_table *table, struct error *err)
{
    if (table->column_count == 0)
        return error_set(err, ERROR_INVALID, "the table '%s' has no columns", table->name);
    for (size_t i = 0; i <= table->column_count; i++) {
        const char *name = i < table->column_count ? table->columns[i].name : table->name;
        if (breaks_lines(name))
            return error_set(err, ERROR_INVALID,
                             "the name '%s' holds a control character; a migration of this "
                             "table has to be written by hand",
                             name);
    }
    return 0;
}

/* ---- its key ---------------------------------------------------------------------------- */

static int take_key_column(struct look *look, const struct row *row)
{
    struct draft_table *table = look->table;
    const char *name = cell(look, row, 2);

    if (name == NULL) return -1;
    if (table->key == NULL)
        table->key = arena_array(look->arena, table->column_count, sizeof *table->key);
    if (table->key == NULL) return -1;
    table->key_kind = is_true(row, 1) ? DRAFT_KEY_PRIMARY : DRAFT_KEY_UNIQUE;
    table->key_name = table->key_kind == DRAFT_KEY_UNIQUE ? cell(look, row, 0) : NULL;
    /* It is only told, in a comment: one that would not stay there is not. */
    if (table->key_name != NULL && breaks_lines(table->key_name)) table->key_name = NULL;
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, name) == 0) table->key[table->key_count++] = i;
    return 0;
}

static const struct question its_key = {
    {[DB_POSTGRESQL] =
         "SELECT best.name, best.is_primary, a.attname::text\n"
         "  FROM (SELECT i.indrelid, x.relname::text AS name, i.indisprimary AS is_primary,\n"
         "               i.indkey, i.indnkeyatts\n"
         "          FROM pg_catalog.pg_index i\n"
         "          JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid\n"
         "         WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid\n"
         "           AND i.indpred IS NULL AND i.indexprs IS NULL\n"
         "           AND NOT EXISTS (\n"
         "               SELECT FROM generate_series(0, i.indnkeyatts - 1) AS g (n)\n"
         "                 JOIN pg_catalog.pg_attribute a\n"
         "                   ON a.attrelid = i.indrelid AND a.attnum = i.indkey[g.n]\n"
         "                WHERE NOT a.attnotnull)\n"
         "         ORDER BY i.indisprimary DESC, i.indnkeyatts, x.relname LIMIT 1) AS best\n"
         " CROSS JOIN generate_series(0, best.indnkeyatts - 1) AS g (n)\n"
         "  JOIN pg_catalog.pg_attribute a\n"
         "    ON a.attrelid = best.indrelid AND a.attnum = best.indkey[g.n]\n"
         " ORDER BY g.n",
     [DB_SQLITE] =
         "SELECT NULL, 1, name, pk AS n FROM pragma_table_xinfo(?1) WHERE pk > 0\n"
         "UNION ALL\n"
         "SELECT best.name, 0, k.name, k.seqno\n"
         "  FROM (SELECT l.name\n"
         "          FROM pragma_index_list(?1) AS l\n"
         "         WHERE l.\"unique\" AND NOT l.partial\n"
         "           AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1) WHERE pk > 0)\n"
         "           AND NOT EXISTS (\n"
         "               SELECT 1 FROM pragma_index_info(l.name) AS k\n"
         "                 LEFT JOIN pragma_table_xinfo(?1) AS c ON c.name = k.name\n"
         "                WHERE coalesce(c.\"notnull\", 0) = 0)\n"
         "         ORDER BY (SELECT count(*) FROM pragma_index_info(l.name)), l.name\n"
         "         LIMIT 1) AS best\n"
         "  JOIN pragma_index_info(best.name) AS k\n"
         " ORDER BY n"},
    take_key_column};

int draft_table_look(struct draft_table *out, struct db *db, const char *name,
                     struct arena *arena, struct error *err)
{
    struct look look = {.table = out, .db = db, .arena = arena};
    int result = db_begin(db, DB_READ, err);

    *out = (struct draft_table){0};
    if (result == 0) result = find_table(&look, name, err);
    if (result == 0) result = ask(&look, &its_columns, &look.id, 1, err);
    if (result == 0) result = check_names(out, err);
    if (result == 0) result = ask(&look, &its_key, &look.id, 1, err);
    if (out->key_count > DRAFT_KEY_MOST) {
        out->key_count = 0;
        out->key_kind = DRAFT_KEY_NONE;
    }
    db_rollback(db);
    return result;
}
