/*
 * The commands about a run that is not one's own: pause, resume, cancel, watch. They need the
 * ledger and nothing else: neither migration files nor Redis, which a host that only operates
 * may not have.
 */
#include <string.h>

#include "agenda.h"
#include "handle.h"
#include "number.h"
#include "petition.h"
#include "watch.h"

/* A RUN that may be absent: 0 then. */
static int read_run(struct redferry *ferry, const char *text, int64_t *run_id)
{
    *run_id = 0;
    if (text == NULL || number_parse(text, strlen(text), 1, INT64_MAX, run_id) == 0) return 0;
    return error_set(&ferry->error, ERROR_INVALID,
                     "RUN: '%s' is not the number of a run (`redferry history` lists them)",
                     text);
}

/* run in the public form; *out is NULL where there is none. Returns 0 or -1. */
static int give_run(struct redferry *ferry, const struct run *run,
                    const redferry_run_record **out)
{
    redferry_run_record *record = arena_alloc(&ferry->results, sizeof *record);
    if (record == NULL) return error_memory(&ferry->error);
    *record = handle_record(run);
    *out = run->id != 0 ? record : NULL;
    return 0;
}

static const char *const end_texts[] = {
    [PETITION_NONE] = NULL,         [PETITION_OBEYED] = "obeyed",
    [PETITION_MOOT] = "moot",       [PETITION_RECORDED] = "recorded",
    [PETITION_WAITING] = "waiting", [PETITION_OVERTAKEN] = "overtaken",
    [PETITION_ENDED] = "ended",     [PETITION_CRASHED] = "crashed",
};

static int give_petition(struct redferry *ferry, const struct petition *petition,
                         const redferry_petition **out)
{
    redferry_petition *given = arena_alloc(&ferry->results, sizeof *given);
    if (given == NULL) return error_memory(&ferry->error);
    *given = (redferry_petition){
        .request = request_text(petition->request),
        .result = end_texts[petition->end],
        .replaced = request_text(petition->replaced),
        .replaced_by = petition->replaced_by,
        .replaced_at = petition->replaced_at,
        .next = petition->next,
    };
    if (give_run(ferry, &petition->run, &given->run) != 0) return -1;
    if (out != NULL) *out = given;
    return 0;
}

static int ask(struct redferry *ferry, enum request request, const char *run,
               const redferry_petition **out)
{
    struct session session;
    struct petition petition = {.request = request};
    int result = handle_open_ledger(ferry, &session);
    if (result == 0) result = read_run(ferry, run, &petition.run_id);
    if (result == 0) result = petition_make(&session, &petition, &ferry->error);
    if (give_petition(ferry, &petition, out) != 0) result = -1;
    return handle_end(ferry, &session, result);
}

int redferry_pause(redferry *ferry, const char *run, const redferry_petition **petition)
{
    return ask(ferry, REQUEST_PAUSE, run, petition);
}

int redferry_resume(redferry *ferry, const char *run, const redferry_petition **petition)
{
    return ask(ferry, REQUEST_RESUME, run, petition);
}

int redferry_cancel(redferry *ferry, const char *run, const redferry_petition **petition)
{
    return ask(ferry, REQUEST_CANCEL, run, petition);
}

int redferry_watch(redferry *ferry, const char *run, const redferry_watch_report **out)
{
    struct session session;
    struct watch watch = {.run_id = 0};
    int result = handle_open_ledger(ferry, &session);
    if (result == 0) result = read_run(ferry, run, &watch.run_id);
    if (result == 0) result = watch_run(&session, &watch, &ferry->error);
    redferry_watch_report *report = arena_alloc(&ferry->results, sizeof *report);
    if (report == NULL) {
        result = error_memory(&ferry->error);
    } else {
        *report = (redferry_watch_report){.followed = watch.followed, .crashed = watch.crashed};
        if (give_run(ferry, &watch.run, &report->run) != 0) result = -1;
        if (out != NULL) *out = report;
    }
    return handle_end(ferry, &session, result);
}
