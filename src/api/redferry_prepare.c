/*
 * The commands that prepare: a directory, a ledger, a new migration. None of them touches
 * Redis.
 */
#include "db.h"
#include "draft.h"
#include "draft_schemas.h"
#include "draft_table.h"
#include "handle.h"
#include "scaffold.h"
#include "turn.h"

/* A ledger may be made late, when there are files, or anew, where all is applied. */
static int tell_next(struct redferry *ferry, const struct agenda *agenda,
                     const redferry_prepared **out)
{
    redferry_prepared *prepared = arena_alloc(&ferry->results, sizeof *prepared);
    if (prepared == NULL) return error_memory(&ferry->error);
    const bool has_work = agenda->pending > 0 || agenda->unannounced > 0;
    prepared->pending = agenda->pending;
    prepared->next = has_work            ? "redferry up"
                     : agenda->count > 0 ? "redferry status"
                                         : "redferry new NAME";
    *out = prepared;
    return 0;
}

int redferry_init(redferry *ferry, const redferry_prepared **prepared)
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
    if (result == 0) result = tell_next(ferry, &session.agenda, prepared);
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

/* Look at the table in the database, which is connected to for this alone. */
static int look_at_table(struct redferry *ferry, const char *name, struct draft_table *table)
{
    struct db *db = NULL;
    int result = config_require(&ferry->config, "database", &ferry->error);
    if (result == 0)
        result = db_open(&db, &ferry->config.database, &ferry->stop, &ferry->error);
    if (result == 0) result = draft_table_look(table, db, name, &ferry->results, &ferry->error);
    db_close(db);
    return result;
}

/* What the two files are to say. */
static int compose(struct redferry *ferry, struct session *session,
                   const redferry_create_options *options, struct scaffold_texts *texts)
{
    struct draft_table table = {0};
    *texts = scaffold_example;
    if (options->from_table != NULL) {
        if (options->key_prefix != NULL &&
            draft_check_prefix(options->key_prefix, &ferry->error) != 0)
            return -1;
        if (look_at_table(ferry, options->from_table, &table) != 0 ||
            draft_write(texts, &table, options->key_prefix, &ferry->results, &ferry->error) !=
                0)
            return -1;
        if (table.key_kind == DRAFT_KEY_NONE)
            listener_say(&session->listener, EVENT_WARNING,
                         "'%s' has neither a primary key nor a unique index over columns that "
                         "are never NULL: the migration has no `key`, and says what that means",
                         table.name);
        if (draft_keys_may_meet(&table))
            listener_say(&session->listener, EVENT_WARNING,
                         "several columns of the key of '%s' are bytes: rows may get the same "
                         "Redis key; the migration says where",
                         table.name);
    }
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
    if (result == 0)
        result = compose(ferry, &session, options != NULL ? options : &none, &texts);
    if (result == 0) {
        out = arena_alloc(&ferry->results, sizeof *out);
        if (out == NULL) result = error_memory(&ferry->error);
    }
    if (result == 0)
        result = scaffold_write(ferry->config.migrations, name, &texts, &ferry->results, &files,
                                &ferry->error);
    if (result == 0 && draft_schemas_write(ferry->config.migrations, &ferry->error) != 0) {
        listener_say(&session.listener, EVENT_WARNING, "an editor will find no schema: %s",
                     ferry->error.message);
        error_clear(&ferry->error);
    }
    if (result == 0) {
        *out = (redferry_created){.file = files.migration, .test = files.test};
        *created = out;
    }
    return handle_end(ferry, &session, result);
}
