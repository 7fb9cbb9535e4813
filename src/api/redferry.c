/*
 * include/redferry/redferry.h, implemented: the handle itself, its settings and its events. A
 * call opens a session, hands it to the floor below, turns what comes back into the public
 * structs, and closes the session; between two calls nothing is open. The commands are in the
 * files beside this one: redferry_work.c, redferry_look.c, redferry_prepare.c.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "config_settings.h"
#include "handle.h"

_Static_assert((int)REDFERRY_FAILED == (int)ERROR_FAILED &&
                   (int)REDFERRY_INVALID == (int)ERROR_INVALID &&
                   (int)REDFERRY_INCOMPLETE == (int)ERROR_INCOMPLETE &&
                   (int)REDFERRY_OPERATOR == (int)ERROR_OPERATOR &&
                   (int)REDFERRY_LOCKED == (int)ERROR_LOCKED &&
                   (int)REDFERRY_SQL_UNREACHABLE == (int)ERROR_SQL_UNREACHABLE &&
                   (int)REDFERRY_REDIS_UNREACHABLE == (int)ERROR_REDIS_UNREACHABLE &&
                   (int)REDFERRY_DIFFERENT == (int)ERROR_DIFFERENT &&
                   (int)REDFERRY_STOPPED == (int)ERROR_STOPPED,
               "the public codes are the internal ones");

_Static_assert((int)REDFERRY_EVENT_WARNING == (int)EVENT_WARNING &&
                   (int)REDFERRY_EVENT_RESUMED == (int)EVENT_RESUMED,
               "the public events are the internal ones");

const char *redferry_version(void)
{
    return REDFERRY_VERSION;
}

/* The table of settings as the public header has it. */
static int copy_settings(struct redferry *ferry)
{
    const struct config_setting *from = config_settings(&ferry->setting_count);
    ferry->settings = calloc(ferry->setting_count, sizeof *ferry->settings);
    if (ferry->settings == NULL) return -1;
    while (ferry->setting_count > 0 && from[ferry->setting_count - 1].help == NULL)
        ferry->setting_count--;
    for (size_t i = 0; i < ferry->setting_count; i++)
        ferry->settings[i] = (redferry_setting){
            .name = from[i].name,
            .letter = from[i].letter,
            .argument = from[i].argument,
            .environment = from[i].environment,
            .fallback = from[i].fallback,
            .standard = from[i].standard,
            .help = from[i].help,
        };
    return 0;
}

redferry *redferry_new(void)
{
    struct redferry *ferry = calloc(1, sizeof *ferry);
    struct error err = {0};
    if (ferry == NULL) return NULL;
    config_init(&ferry->config);
    if (stop_init(&ferry->stop, &err) != 0 || copy_settings(ferry) != 0) {
        redferry_free(ferry);
        return NULL;
    }
    return ferry;
}

void redferry_free(redferry *ferry)
{
    if (ferry == NULL) return;
    config_release(&ferry->config);
    stop_release(&ferry->stop);
    arena_release(&ferry->results);
    free(ferry->settings);
    free(ferry);
}

const char *redferry_error(const redferry *ferry)
{
    return ferry->error.message;
}

/* ---- settings ------------------------------------------------------------------------- */

const redferry_setting *redferry_settings(const redferry *ferry, size_t *count)
{
    *count = ferry->setting_count;
    return ferry->settings;
}

int redferry_set(redferry *ferry, const char *name, const char *value)
{
    error_clear(&ferry->error);
    if (ferry->resolved)
        return error_set(&ferry->error, ERROR_INVALID,
                         "'%s' cannot be set after the first command", name),
               REDFERRY_INVALID;
    return config_set(&ferry->config, name, value, &ferry->error) == 0 ? REDFERRY_OK
                                                                       : ferry->error.code;
}

int redferry_set_environment(redferry *ferry, const char *const *environment)
{
    error_clear(&ferry->error);
    return config_read_environment(&ferry->config, environment, &ferry->error) == 0
               ? REDFERRY_OK
               : ferry->error.code;
}

redferry_tally handle_tally(const struct tally *tally)
{
    return (redferry_tally){tally->rows_read, tally->rows_changed, tally->commands_sent,
                            tally->messages_published};
}

/* What is said in the middle of a run belongs to it. */
static void put_in_place(struct redferry *ferry, redferry_event *told)
{
    const bool is_over = told->kind == REDFERRY_EVENT_MIGRATION_DONE ||
                         told->kind == REDFERRY_EVENT_MIGRATION_FAILED;
    if (is_over) {
        ferry->place = (redferry_event){0};
    } else if (told->version != 0) {
        if (told->kind != REDFERRY_EVENT_WAITING) ferry->place = *told; /* for another's run */
    } else if (ferry->place.version != 0) {
        const redferry_event said = *told;
        *told = ferry->place;
        told->kind = said.kind;
        told->text = said.text;
        told->seconds = said.seconds;
    }
}

static void tell(const struct event *event, void *payload)
{
    struct redferry *ferry = payload;
    redferry_event told = {
        .kind = (redferry_event_kind)event->kind,
        .text = event->text,
        .version = event->version,
        .name = event->name,
        .down = event->down,
        .run_id = event->run_id,
        .step = event->step,
        .steps = event->steps,
        .step_name = event->step_name,
        .rows_total = event->rows_total,
        .tally = handle_tally(&event->tally),
        .step_rows = event->step_rows,
        .seconds = event->seconds,
        .rows_per_second = event->rows_per_second,
        .idle_seconds = event->idle_seconds,
        .slowed = event->slowed,
        .redis_ms = (double)event->redis_us / 1000.0,
    };
    put_in_place(ferry, &told);
    if (ferry->callback != NULL) ferry->callback(&told, ferry->payload);
}

/* Each line of the configuration's warnings is an event of its own. */
static void tell_warnings(const struct listener *listener, const char *warnings)
{
    while (warnings != NULL && *warnings != '\0') {
        const size_t length = strcspn(warnings, "\n");
        listener_say(listener, EVENT_WARNING, "%.*s", (int)length, warnings);
        warnings += length;
        if (*warnings == '\n') warnings++;
    }
}

static int resolve(struct redferry *ferry, const struct listener *listener)
{
    if (ferry->resolved) return 0;
    if (config_resolve(&ferry->config, &ferry->warnings, &ferry->error) != 0) return -1;
    ferry->resolved = true;
    tell_warnings(listener, ferry->warnings);
    return 0;
}

const char *redferry_get(redferry *ferry, const char *name)
{
    const struct listener listener = {tell, ferry};
    error_clear(&ferry->error);
    if (resolve(ferry, &listener) != 0) return NULL;
    return config_text(&ferry->config, name);
}

void redferry_on_event(redferry *ferry, redferry_event_fn callback, void *payload)
{
    ferry->callback = callback;
    ferry->payload = payload;
}

void redferry_stop(redferry *ferry, int signal)
{
    stop_request(&ferry->stop, signal);
}

/* ---- a call --------------------------------------------------------------------------- */

int handle_begin(struct redferry *ferry, struct session *session)
{
    const int64_t now = clock_monotonic_ms();
    error_clear(&ferry->error);
    arena_release(&ferry->results);
    ferry->place = (redferry_event){0};
    *session = (struct session){
        .config = &ferry->config,
        .stop = &ferry->stop,
        .listener = {tell, ferry},
        .tool_version = redferry_version(),
        .results = &ferry->results,
        .begun_ms = now,
        .queued_ms = now,
    };
    return resolve(ferry, &session->listener);
}

static int connect(struct redferry *ferry, struct session *session, enum handle_aim aim)
{
    if (handle_begin(ferry, session) != 0) return -1;
    session->queues = aim == HANDLE_WORK;
    if (session_load(session, &ferry->error) != 0) return -1;
    return session_connect(session, &ferry->error);
}

int handle_open(struct redferry *ferry, struct session *session, enum handle_aim aim)
{
    if (connect(ferry, session, aim) != 0) return -1;
    return session_read(session, &ferry->error);
}

int handle_open_ledger(struct redferry *ferry, struct session *session)
{
    if (handle_begin(ferry, session) != 0) return -1;
    return session_connect(session, &ferry->error);
}

int handle_open_briefly(struct redferry *ferry, struct session *session)
{
    if (connect(ferry, session, HANDLE_WORK) != 0) return -1;
    const int settled = session_is_settled(session, &ferry->error);
    if (settled != 0) return settled == 1 ? 0 : -1;
    return session_read(session, &ferry->error);
}

int handle_end(struct redferry *ferry, struct session *session, int result)
{
    session_release(session);
    if (result == 0) {
        error_clear(&ferry->error);
        return REDFERRY_OK;
    }
    return ferry->error.code != ERROR_NONE ? ferry->error.code : ERROR_FAILED;
}
