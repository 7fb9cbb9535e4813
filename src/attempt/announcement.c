/*
 * Announcing: the last words of an applied migration. The message and the end of the checkpoint
 * are one transaction, so that neither is without the other; SQL hears of it afterwards, and
 * where it does not, any later `up` says it again. Whoever does that has no run of its own, and
 * takes the fence in the name of the run that applied it: a fence taken by a later run keeps it
 * out.
 */
#include "announcement.h"

#include <inttypes.h>
#include <stdbool.h>

#include "agenda.h"
#include "buffer.h"
#include "checkpoint.h"
#include "config.h"
#include "crash.h"
#include "error.h"
#include "ledger.h"
#include "ledger_run.h"
#include "migration.h"
#include "session.h"
#include "sink.h"
#include "sink_fenced.h"

/* Append the messages, in RESP. */
static int render(const struct migration *migration, int64_t rows, struct buffer *out,
                  struct error *err)
{
    char version[24], total[24];
    const struct value values[] = {
        value_integer(migration->version, version),
        value_text(migration->name),
        value_integer(rows, total),
    };
    const struct columns *columns = migration_announcement_columns();
    const struct row row = {.columns = columns, .values = values};
    for (size_t i = 0; i < migration->announcement_count; i++) {
        struct command *command = &migration->announcements[i];
        if (command_bind(command, columns, err) != 0 ||
            command_render(command, &row, out, err) != 0)
            return error_prefix(err, "%s:%d:%d: ", migration->file, command->line,
                                command->column);
    }
    return buffer_failed(out) ? error_memory(err) : 0;
}

int announcement_send(struct session *session, struct sink *sink,
                      const struct announcement *announcement, struct error *err)
{
    const struct migration *migration = announcement->migration;
    struct buffer messages = {0};
    int result = render(migration, announcement->rows, &messages, err);
    if (result == 0)
        result = sink_fenced_finish(sink, messages.bytes, messages.length,
                                    migration->announcement_count, err);
    buffer_release(&messages);
    if (result != 0) return -1;
    crash_point("checkpoint deleted");
    return ledger_announced(session->ledger, announcement->run_id, err);
}

/* ---- for another runner ----------------------------------------------------------------- */

struct late {
    struct session *session;
    const struct entry *entry;
    struct progress progress; /* of nothing but waits */
    bool is_sending;
    bool is_too_late; /* as the fence was taken; before that it was not */
};

static int too_late(struct error *err)
{
    return error_set(err, ERROR_OPERATOR,
                     "another has finished it off, or undone it, meanwhile");
}

/* Returns 1, 0 where another was quicker, or -1 with err. */
static int ask_unannounced(const struct late *late, struct error *err)
{
    const struct entry *entry = late->entry;
    int64_t rows = 0;
    return ledger_is_unannounced(late->session->ledger, entry->version, entry->run_id, &rows,
                                 err);
}

/* Whoever comes too late leaves no checkpoint behind. */
static int decide(void *context, const struct checkpoint *found, bool again,
                  enum fence_answer *answer, struct error *err)
{
    const struct late *late = context;
    (void)again;
    const int unannounced = ask_unannounced(late, err);
    if (unannounced <= 0) return unannounced < 0 ? -1 : too_late(err);
    *answer = found->present ? FENCE_RESUME : FENCE_AFRESH;
    if (!found->present || found->is_own || found->fence_run <= late->entry->run_id) return 0;
    return error_set(err, ERROR_OPERATOR,
                     "run %" PRId64 " has written to Redis since: `redferry history %" PRId64
                     "` shows it, unless the ledger was restored from a backup; `redferry "
                     "repair %" PRId64 "` clears the checkpoint",
                     found->fence_run, late->entry->version, late->entry->version);
}

/* By now the own fence is a checkpoint, which has to go again. */
static int confirm(void *context, int64_t origin, struct error *err)
{
    struct late *late = context;
    (void)origin;
    const int unannounced = ask_unannounced(late, err);
    if (unannounced < 0) return -1;
    if (unannounced == 0 && late->is_sending) return too_late(err);
    late->is_too_late = unannounced == 0;
    return 0;
}

/* Delete the checkpoint, and nothing else. Returns -1 with err. */
static int withdraw(struct sink *sink, struct error *err)
{
    return sink_fenced_finish(sink, NULL, 0, 0, err) == 0 ? too_late(err) : -1;
}

static int waiting(void *context, const struct fence_outage *outage, struct error *err)
{
    struct late *late = context;
    (void)err;
    if (outage != NULL)
        progress_tell_outage(&late->progress, outage->why, outage->begun_ms, outage->most_ms);
    return 0;
}

int announcement_send_late(struct session *session, const struct migration *migration,
                           const struct entry *entry, struct error *err)
{
    struct late late = {.session = session,
                        .entry = entry,
                        .progress = {.listener = &session->listener,
                                     .event = {.version = entry->version,
                                               .name = migration->name,
                                               .run_id = entry->run_id,
                                               .rows_total = -1,
                                               .tally = entry->tally}}};
    const struct sink_fenced_options options = {
        .fence =
            {
                .connection = session->redis,
                .retry_for_ms = session->config->retry_for_ms,
                .ledger_id = session->ledger_id,
                .database = session->database,
                .version = entry->version,
                .run_id = entry->run_id,
                .checksum = entry->checksum,
                .decide = decide,
                .confirm = confirm,
                .waiting = waiting,
                .context = &late,
            },
    };
    const struct announcement announcement = {
        .migration = migration, .run_id = entry->run_id, .rows = entry->tally.rows_read};
    struct sink *sink = NULL;
    int result = sink_fenced_open(&sink, &options, err);
    late.is_sending = true;
    if (result == 0)
        result = late.is_too_late ? withdraw(sink, err)
                                  : announcement_send(session, sink, &announcement, err);
    sink_close(sink);
    return result;
}
