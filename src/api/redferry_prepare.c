/*
 * The commands that prepare: a directory, a ledger, a new migration. None of them touches
 * Redis.
 */
#include "handle.h"
#include "scaffold.h"
#include "turn.h"

int redferry_init(redferry *ferry)
{
    struct session session;
    const struct turn turn = {.needed = NULL};
    int result = handle_begin(ferry, &session);
    if (result == 0 && scaffold_directory(ferry->config.migrations, &ferry->error) < 0)
        result = -1;
    session.queues = true;
    if (result == 0) result = session_load(&session, &ferry->error);
    if (result == 0) result = session_connect(&session, &ferry->error);
    if (result == 0) result = session_read(&session, &ferry->error);
    if (result == 0 && turn_take(&session, &turn, &ferry->error) != 1) result = -1;
    if (result == 0) result = session_ensure(&session, &ferry->error);
    session_release_lock(&session);
    return handle_end(ferry, &session, result);
}

int redferry_init_sql(redferry *ferry, const char **sql)
{
    struct session session;
    struct ledger *ledger = NULL;
    const struct config *config = &ferry->config;
    int result = handle_begin(ferry, &session);
    if (result == 0)
        result = config_require(config, config->ledger_is_database ? "database" : "ledger",
                                &ferry->error);
    if (result == 0)
        result = ledger_open_to_print(&ledger, db_dialect_of(&config->ledger),
                                      config->ledger_table, &ferry->error);
    if (result == 0) {
        *sql = ledger_creation_sql(ledger, &ferry->results);
        if (*sql == NULL) result = error_memory(&ferry->error);
    }
    ledger_close(ledger);
    return handle_end(ferry, &session, result);
}

int redferry_create(redferry *ferry, const char *name, const char **path)
{
    struct session session;
    int result = handle_begin(ferry, &session);
    if (result == 0)
        result = scaffold_migration(ferry->config.migrations, name, &ferry->results, path,
                                    &ferry->error);
    return handle_end(ferry, &session, result);
}
