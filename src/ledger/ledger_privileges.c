/*
 * What a PostgreSQL role may do with the three tables, and the GRANT that mends what it may
 * not.
 *
 * It is asked before the tables are made, and after something failed, so that an operator reads
 * what to type and not "permission denied". SQLite has no roles, and there the file system has
 * the say. Nothing is granted here.
 */
#include "ledger_privileges.h"

#include "buffer.h"
#include "db.h"
#include "error.h"
#include "ledger_sql.h"

enum { MAY_SELECT = 1, MAY_INSERT = 2, MAY_UPDATE = 4, MAY_DELETE = 8 };

static const char *const privilege_words[] = {"SELECT", "INSERT", "UPDATE", "DELETE"};
enum { PRIVILEGES = sizeof privilege_words / sizeof *privilege_words };

/* What each table must allow. UPDATE of the ledger's row is what FOR UPDATE asks for. */
#define ENTRIES_TO_WRITE (MAY_SELECT | MAY_INSERT | MAY_UPDATE | MAY_DELETE)
#define RUNS_TO_WRITE    (MAY_SELECT | MAY_INSERT | MAY_UPDATE)

static const unsigned needs[][LEDGER_TABLES] = {
    [LEDGER_TO_READ] = {MAY_SELECT, MAY_SELECT, MAY_SELECT},
    [LEDGER_TO_ASK] = {MAY_SELECT, MAY_SELECT | MAY_UPDATE, MAY_SELECT},
    [LEDGER_TO_WRITE] = {ENTRIES_TO_WRITE, RUNS_TO_WRITE, MAY_SELECT | MAY_UPDATE},
    [LEDGER_TO_FILL] = {ENTRIES_TO_WRITE, RUNS_TO_WRITE, MAY_SELECT | MAY_INSERT | MAY_UPDATE},
};

struct privileges {
    const struct ledger *ledger;
    const unsigned *needs;
    bool schema_there, may_use, may_create;
    struct buffer role;
    struct buffer grants; /* what is missing, as the statements that mend it */
};

static void append_grant(struct privileges *privileges, enum ledger_table table,
                         unsigned missing)
{
    struct buffer *grants = &privileges->grants;
    const char *before = grants->length > 0 ? "; GRANT " : "GRANT ";
    for (unsigned i = 0; i < PRIVILEGES; i++) {
        if ((missing & 1u << i) == 0) continue;
        buffer_append_text(grants, before);
        buffer_append_text(grants, privilege_words[i]);
        before = ", ";
    }
    buffer_append_text(grants, " ON ");
    ledger_sql_append_table(privileges->ledger, grants, table);
    buffer_append_text(grants, " TO ");
    buffer_append(grants, privileges->role.bytes, privileges->role.length);
}

/* Columns: the table's number, its privileges (NULL: no table), the schema's, the role. */
static int take_privileges(void *context, const struct row *row, struct error *err)
{
    struct privileges *privileges = context;
    const struct value *values = row->values;
    enum ledger_table table = LEDGER_ENTRIES;
    unsigned missing = 0;
    if (ledger_sql_table(&values[0], &table, err) != 0) return -1;

    privileges->schema_there = values[5].kind != VALUE_NULL;
    privileges->may_use = ledger_sql_is_true(&values[5]);
    privileges->may_create = ledger_sql_is_true(&values[6]);
    buffer_clear(&privileges->role);
    buffer_append(&privileges->role, values[7].bytes, values[7].length);
    if (values[1].kind == VALUE_NULL) return 0;

    for (unsigned i = 0; i < PRIVILEGES; i++) {
        if (!ledger_sql_is_true(&values[1 + i])) missing |= privileges->needs[table] & 1u << i;
    }
    if (missing != 0) append_grant(privileges, table, missing);
    return 0;
}

/* Say what is missing; creates: the schema must allow to make tables. */
static int judge(struct privileges *privileges, bool creates, struct error *err)
{
    const char *role = buffer_text(&privileges->role);
    const char *grants = buffer_text(&privileges->grants);
    const char *schema = privileges->ledger->schema;
    if (role == NULL || grants == NULL) return error_memory(err);
    if (!privileges->schema_there)
        return error_set(err, ERROR_OPERATOR,
                         "the schema '%s', where the ledger should be, does not exist: CREATE "
                         "SCHEMA %s, or name another one with --ledger-table schema.NAME",
                         schema, schema);
    if (!privileges->may_use)
        return error_set(
            err, ERROR_OPERATOR,
            "role '%s' may not use the schema of the ledger: GRANT USAGE ON SCHEMA "
            "%s TO %s",
            role, schema, role);
    if (grants[0] != '\0')
        return error_set(err, ERROR_OPERATOR, "role '%s' may not use the ledger's tables: %s",
                         role, grants);
    if (creates && !privileges->may_create)
        return error_set(
            err, ERROR_OPERATOR,
            "role '%s' may not make the ledger's tables in schema '%s': GRANT CREATE "
            "ON SCHEMA %s TO %s, or let a role that may run what `redferry init "
            "--print-sql` prints, and grant %s their use",
            role, schema, schema, role, role);
    return 0;
}

int ledger_privileges_check(struct ledger *ledger, enum ledger_need need, bool creates,
                            struct error *err)
{
    struct ledger_statement statement = {.name = "privileges"};
    struct privileges privileges = {.ledger = ledger, .needs = needs[need]};
    if (ledger->dialect == DB_SQLITE) return 0;
    if (ledger->schema == NULL) {
        if (!creates) return 0;
        return error_set(err, ERROR_OPERATOR,
                         "the role's search_path names no schema that exists: say where the "
                         "ledger should be with --ledger-table schema.NAME");
    }

    ledger_sql_text(&statement, ledger->schema);
    int result = ledger_sql_each(ledger, &statement, take_privileges, &privileges, err);
    if (result == 0) result = judge(&privileges, creates, err);
    buffer_release(&privileges.role);
    buffer_release(&privileges.grants);
    return result;
}
