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

/* What the two files are to say. */
static int compose(struct redferry *ferry, const redferry_create_options *options,
                   struct scaffold_texts *texts)
{
    *texts = scaffold_example;
    if (options->no_test || !ferry->config.tests) texts->test = NULL;
    return 0;
}

int redferry_create(redferry *ferry, const char *name, const redferry_create_options *options,
                    const redferry_created **created)
{
    static const redferry_create_options none = {0};
    struct session session;
    struct scaffold_texts texts;
    struct scaffold_files files = {0};
    redferry_created *out = NULL;
    int result = handle_begin(ferry, &session);
    if (result == 0) result = compose(ferry, options != NULL ? options : &none, &texts);
    if (result == 0) {
        out = arena_alloc(&ferry->results, sizeof *out);
        if (out == NULL) result = error_memory(&ferry->error);
    }
    if (result == 0)
        result = scaffold_write(ferry->config.migrations, name, &texts, &ferry->results, &files,
                                &ferry->error);
    if (result == 0) {
        *out = (redferry_created){.file = files.migration, .test = files.test};
        *created = out;
    }
    return handle_end(ferry, &session, result);
}
