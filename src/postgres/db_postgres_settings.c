/*
 * What every transaction sets for itself: whatever the text of values and the durability of the
 * ledger depend on. It is set with the transaction and gone with it, so that nothing is left in
 * a session that a pooler hands on, and nothing is relied on that one might have lost.
 */
#include "db_postgres_settings.h"

#include "buffer.h"

struct setting {
    const char *text;
    int since;         /* the server's version */
    bool writing_only; /* not where the transaction reads only */
};

static const struct setting settings[] = {
    {"client_encoding = 'UTF8'", 0, false},
    {"DateStyle = 'ISO'", 0, false},
    {"IntervalStyle = 'postgres'", 0, false},
    {"TimeZone = 'UTC'", 0, false},
    {"bytea_output = 'hex'", 0, false},
    {"extra_float_digits = 1", 0, false},
    {"standard_conforming_strings = on", 0, false},
    {"synchronous_commit = on", 0, true},
    {"statement_timeout = 0", 0, false},
    {"lock_timeout = 0", 0, false},
    {"idle_in_transaction_session_timeout = 0", 0, false},
    {"transaction_timeout = 0", 170000, false},
};

/* Where an operator made writing the exception (default_transaction_read_only), it is not ours
 * to make it the rule. */
static void append_begin(enum db_access access, struct buffer *sql)
{
    buffer_append_format(sql, "BEGIN ISOLATION LEVEL READ COMMITTED%s",
                         access == DB_WRITE ? "" : " READ ONLY");
}

void db_postgres_settings_append(const struct postgres *pg, enum db_access access,
                                 struct buffer *sql)
{
    append_begin(access, sql);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (PQserverVersion(pg->connection) < settings[i].since) continue;
        if (settings[i].writing_only && access != DB_WRITE) continue;
        buffer_append_format(sql, "; SET LOCAL %s", settings[i].text);
    }
}

void db_postgres_settings_append_encoding(struct buffer *sql)
{
    append_begin(DB_READ, sql);
    buffer_append_format(sql, "; SET LOCAL %s", settings[0].text);
}
