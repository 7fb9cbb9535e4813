/*
 * The tools that migrate schemas, and how one of them shows that it is at work.
 *
 * Nearly all of them keep a second one out, and what does that can be seen from outside: an
 * advisory lock, whose key is fixed or made of the database's name; a lock on the table that
 * tells of their migrations; a row that says so. The numbers are theirs. What cannot be told
 * from somebody else's lock is not here: Ecto's advisory lock, whose key is a hash of a
 * module's name, and locks whose key a user has chosen. Django, Alembic, dbmate and others take
 * none.
 *
 * Pure: what is seen of a lock goes in, a tool comes out.
 */
#include "schema_tool.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "digest.h"

/* clang-format off */
static const struct schema_tool tools[] = {
    {.name = "Rails",           .kind = SCHEMA_LOCK_BY_NAME,   .number = 2053462845},
    {.name = "sqlx",            .kind = SCHEMA_LOCK_BY_NAME,   .number = 0x3d32ad9e},
    {.name = "golang-migrate",  .kind = SCHEMA_LOCK_BY_SCHEMA, .number = 1486364155,
     .table = "schema_migrations"},
    {.name = "Flyway",          .kind = SCHEMA_LOCK_KEYS,      .number = 77431708279161},
    {.name = "tern",            .kind = SCHEMA_LOCK_KEY,       .number = 9628173550095224},
    {.name = "goose",           .kind = SCHEMA_LOCK_KEY,       .number = 5887940537704921958},
    {.name = "Atlas",           .kind = SCHEMA_LOCK_KEY,       .number = 2686470616},
    {.name = "Prisma",          .kind = SCHEMA_LOCK_KEY,       .number = 72707369},
    {.name = "node-pg-migrate", .kind = SCHEMA_LOCK_KEY,       .number = 7241865325823964},
    {.name = "Kysely",          .kind = SCHEMA_LOCK_KEY,       .number = 3853314791062309107},
    {.name = "Ecto",            .kind = SCHEMA_LOCK_TABLE,
     .table = "schema_migrations",     .mode = "ShareUpdateExclusiveLock"},
    {.name = "EF Core",         .kind = SCHEMA_LOCK_TABLE,
     .table = "__EFMigrationsHistory", .mode = "AccessExclusiveLock"},
    {.name = "EF Core",         .kind = SCHEMA_LOCK_ROW,
     .table = "__EFMigrationsLock",    .held = "true",          .holder = "NULL"},
    {.name = "Knex",            .kind = SCHEMA_LOCK_TABLE,
     .table = "knex_migrations_lock",  .mode = "RowExclusiveLock"},
    {.name = "Knex",            .kind = SCHEMA_LOCK_ROW,
     .table = "knex_migrations_lock",  .held = "is_locked = 1", .holder = "NULL",
     .remedy = "knex migrate:unlock"},
    {.name = "Liquibase",       .kind = SCHEMA_LOCK_ROW,
     .table = "databasechangeloglock", .held = "locked",        .holder = "lockedby",
     .remedy = "liquibase release-locks"},
};
/* clang-format on */

enum { TOOLS = sizeof tools / sizeof *tools };

const struct schema_tool *schema_tools(size_t *count)
{
    *count = TOOLS;
    return tools;
}

/* ---- keys ---------------------------------------------------------------------------------
 */

static uint32_t add(uint32_t crc, const struct value *text)
{
    return digest_crc32(crc, text->bytes, text->length);
}

static bool is_key(const struct schema_tool *tool, const struct schema_lock *lock)
{
    return lock->key == tool->number;
}

static bool is_among_keys(const struct schema_tool *tool, const struct schema_lock *lock)
{
    return lock->key >= tool->number + INT32_MIN && lock->key <= tool->number + INT32_MAX;
}

/* Below 2^63 for each of the numbers. */
static bool is_key_of_name(const struct schema_tool *tool, const struct schema_lock *lock)
{
    return lock->key == tool->number * (int64_t)add(0, &lock->database);
}

/* It has been made of more names with time, the database's last and all with a NUL between
 * them; the database's is a path where golang-migrate was given a URL. */
static bool is_key_of_schema(const struct schema_tool *tool, const struct schema_lock *lock)
{
    const uint32_t schema = digest_crc32(add(0, &lock->schema), "", 1);
    const struct value table = value_text(tool->table);
    const uint32_t before[] = {0, schema, digest_crc32(add(schema, &table), "", 1)};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        const uint32_t plain = add(before[i], &lock->database);
        const uint32_t path = add(digest_crc32(before[i], "/", 1), &lock->database);
        if (lock->key == (uint32_t)(plain * (uint32_t)tool->number) ||
            lock->key == (uint32_t)(path * (uint32_t)tool->number))
            return true;
    }
    return false;
}

/* ---- other locks --------------------------------------------------------------------------
 */

static bool is_on_table(const struct schema_tool *tool, const struct schema_lock *lock)
{
    return value_is(&lock->table, tool->table) && value_is(&lock->mode, tool->mode);
}

/* ---- one of them --------------------------------------------------------------------------
 */

static const struct {
    bool is_advisory;
    bool (*matches)(const struct schema_tool *tool, const struct schema_lock *lock);
} kinds[] = {
    [SCHEMA_LOCK_KEY] = {true, is_key},
    [SCHEMA_LOCK_KEYS] = {true, is_among_keys},
    [SCHEMA_LOCK_BY_NAME] = {true, is_key_of_name},
    [SCHEMA_LOCK_BY_SCHEMA] = {true, is_key_of_schema},
    [SCHEMA_LOCK_TABLE] = {false, is_on_table},
    [SCHEMA_LOCK_ROW] = {false, NULL},
};

const struct schema_tool *schema_tool_of(const struct schema_lock *lock)
{
    for (size_t i = 0; i < TOOLS; i++) {
        const struct schema_tool *tool = &tools[i];
        if (kinds[tool->kind].matches != NULL &&
            kinds[tool->kind].is_advisory == lock->is_advisory &&
            kinds[tool->kind].matches(tool, lock))
            return tool;
    }
    return NULL;
}

const struct schema_tool *schema_tool_writing(const struct value *table)
{
    for (size_t i = 0; i < TOOLS; i++) {
        const struct schema_tool *tool = &tools[i];
        if (tool->kind == SCHEMA_LOCK_ROW && table->length == strlen(tool->table) &&
            strncasecmp(table->bytes, tool->table, table->length) == 0)
            return tool;
    }
    return NULL;
}
