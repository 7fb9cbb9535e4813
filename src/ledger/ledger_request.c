/*
 * Requests: what an operator asks of a run, and the run's obeying.
 *
 * Both go through three columns of the run's row, so that they work from any host and leave a
 * trace of who it was. The last request stands: whoever asks is told whose request was
 * replaced, and a run obeys only what still stands when it says so. `request` is cleared then;
 * `requested_by` and `requested_at` stay, and say who paused or cancelled it.
 *
 * An `sql` step holds the run's row for as long as its statement takes. Nobody waits for that
 * inside the database: the row is passed over, and asked for again by who has patience.
 */
#include "ledger_request.h"

#include <string.h>

#include "db.h"
#include "error.h"
#include "ledger_sql.h"
#include "ledger_tables.h"
#include "ledger_write.h"

enum { LONGEST_WORD = 16 };

int ledger_request_take(const struct value *value, enum request *request, struct error *err)
{
    char word[LONGEST_WORD] = "";
    int found = REQUEST_NONE;
    if (value->kind != VALUE_NULL && value->length < sizeof word)
        memcpy(word, value->bytes, value->length);
    if (value->kind != VALUE_NULL) found = request_parse(word);
    if (found < 0)
        return error_set(err, ERROR_FAILED, "the ledger has a request '%s', which nobody knows",
                         word);
    *request = (enum request)found;
    return 0;
}

/* A text of a row, kept in arena; NULL for NULL, and without memory (which arena remembers). */
static const char *keep(struct arena *arena, const struct value *value)
{
    return value->kind == VALUE_NULL ? NULL : arena_copy(arena, value->bytes, value->length);
}

/* ---- asking ----------------------------------------------------------------------------- */

struct looking {
    struct arena *arena;
    struct ledger_asked *asked;
    bool found;
};

/* The columns of lock_run.sql. */
static int take_asked(void *context, const struct row *row, struct error *err)
{
    struct looking *looking = context;
    struct ledger_asked *asked = looking->asked;
    const char *status = keep(looking->arena, &row->values[0]);
    const int known = status != NULL ? run_status_parse(status) : -1;
    looking->found = true;
    asked->before_by = keep(looking->arena, &row->values[2]);
    asked->before_at = keep(looking->arena, &row->values[3]);
    if (looking->arena->failed) return error_memory(err);
    if (known < 0)
        return error_set(err, ERROR_FAILED, "the ledger has a status '%s', which nobody knows",
                         status);
    asked->status = (enum run_status)known;
    return ledger_request_take(&row->values[1], &asked->before, err);
}

static int take_text(void *context, const struct row *row, struct error *err)
{
    struct looking *looking = context;
    looking->found = true;
    looking->asked->at = keep(looking->arena, &row->values[0]);
    return looking->arena->failed ? error_memory(err) : 0;
}

static bool is_moot(const struct ledger_asked *asked, enum request request)
{
    const bool runs = asked->status == RUN_RUNNING, pauses = asked->status == RUN_PAUSED;
    if (!runs && !pauses) return true;
    if (asked->before != REQUEST_NONE) return asked->before == request;
    return (runs && request == REQUEST_RESUME) || (pauses && request == REQUEST_PAUSE);
}

static int write_request(struct ledger *ledger, int64_t run_id, enum request request,
                         struct looking *looking, struct error *err)
{
    struct ledger_statement ask = {.name = "ask"};
    ledger_sql_integer(&ask, run_id);
    ledger_sql_text(&ask, request_text(request));
    ledger_sql_text(&ask, ledger->author.operator_name);
    return ledger_sql_each(ledger, &ask, take_text, looking, err);
}

int ledger_ask(struct ledger *ledger, int64_t run_id, enum request request, struct arena *arena,
               struct ledger_asked *asked, struct error *err)
{
    struct ledger_statement look = {.name = "lock_run"};
    struct looking looking = {.arena = arena, .asked = asked};
    *asked = (struct ledger_asked){.before = REQUEST_NONE};
    ledger_sql_integer(&look, run_id);
    if (db_begin(ledger->db, DB_WRITE, err) != 0) return -1;
    int result = ledger_sql_each(ledger, &look, take_asked, &looking, err);
    if (result == 0 && looking.found && !is_moot(asked, request))
        result = write_request(ledger, run_id, request, &looking, err);
    if (result == 0 && db_commit(ledger->db, err) == 0) return looking.found;
    return ledger_tables_explain_asking(ledger, err);
}

/* ---- obeying ---------------------------------------------------------------------------- */

/* Run a statement that returns a name, in a transaction of its own. Returns whether it had a
 * row, or -1 with err. */
static int ask_name(struct ledger *ledger, const struct ledger_statement *statement,
                    enum db_access access, struct looking *looking, struct error *err)
{
    int result = db_begin(ledger->db, access, err);
    if (result == 0) result = ledger_sql_each(ledger, statement, take_text, looking, err);
    return ledger_write_end(ledger, result == 0 ? looking->found : -1, err);
}

int ledger_obey(struct ledger *ledger, int64_t run_id, enum request request,
                enum run_status status, struct arena *arena, const char **by, struct error *err)
{
    struct ledger_statement statement = {.name = "obey"};
    struct ledger_asked answer = {.at = NULL};
    struct looking looking = {.arena = arena, .asked = &answer};
    ledger_sql_integer(&statement, run_id);
    ledger_sql_text(&statement, run_status_text(status));
    ledger_sql_text(&statement, request_text(request));
    const int obeyed = ask_name(ledger, &statement, DB_WRITE, &looking, err);
    if (obeyed == 1 && by != NULL) *by = answer.at;
    return obeyed;
}

int ledger_cancel(struct ledger *ledger, int64_t run_id, const char *message, struct error *err)
{
    struct ledger_statement stop = {.name = "stop_run"};
    struct arena arena = {0};
    struct ledger_asked asked = {.at = NULL};
    struct looking looking = {.arena = &arena, .asked = &asked};
    int64_t changed = 0;
    ledger_sql_integer(&stop, run_id);
    ledger_sql_text(&stop, run_status_text(RUN_CANCELLED));
    ledger_sql_text(&stop, message);
    int result = ledger_write_begin(ledger, err);
    if (result == 0) result = write_request(ledger, run_id, REQUEST_CANCEL, &looking, err);
    if (result == 0) result = ledger_sql_execute(ledger, &stop, &changed, err);
    result = ledger_write_end(ledger, result == 0 ? changed == 1 : -1, err);
    arena_release(&arena);
    return result;
}
