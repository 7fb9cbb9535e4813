/*
 * The commands that look: status and history out of the ledger, lint out of the files, the
 * doctor at everything. They write nothing anywhere and can do without Redis.
 */
#include <inttypes.h>
#include <string.h>

#include "advice.h"
#include "agenda.h"
#include "doctor.h"
#include "handle.h"
#include "inspection.h"
#include "lint.h"
#include "lint_report.h"
#include "runner.h"
#include "selection.h"
#include "stranger.h"

/* ---- status --------------------------------------------------------------------------- */

/* One line of the status. The texts are copied, since the ledger's answer goes with the
 * session. */
static redferry_migration describe(struct arena *arena, const struct agenda_item *item,
                                   const struct advice *advice)
{
    const struct entry *entry = item->entry;
    const struct run *run = item->run;
    /* What was marked as applied since it stopped is that. */
    const bool unsuccessful = item->stopped || item->state == STATE_HALF_UNDONE;
    redferry_migration line = {
        .version = item->version,
        .name = arena_text(arena, item->name),
        .state = state_text(item->state),
        .pending = item->pending,
        .below_applied = item->below_applied,
        .unannounced = item->unannounced,
        .advice = advice->text,
    };
    if (item->migration != NULL) {
        line.file = arena_text(arena, item->migration->file);
        line.description = arena_text(arena, item->migration->description);
        line.manual = item->migration->manual;
    }
    if (run != NULL) {
        line.run_id = run->id;
        line.tally = handle_tally(&run->tally);
        line.error = unsuccessful ? arena_text(arena, run->error) : NULL;
    }
    if (entry != NULL) {
        line.applied_at = arena_text(arena, entry->applied_at);
        line.applied_by = arena_text(arena, entry->applied_by);
        line.announced_at = arena_text(arena, entry->announced_at);
        line.redis = arena_text(arena, entry->redis);
        line.checksum = arena_text(arena, entry->checksum);
        line.tally = handle_tally(&entry->tally);
        if (!unsuccessful) line.run_id = entry->run_id;
    }
    return line;
}

redferry_run_record handle_record(const struct run *run)
{
    return (redferry_run_record){
        .id = run->id,
        .version = run->version,
        .name = run->name,
        .direction = run->down ? "down" : "up",
        .status = run_status_text(run->status),
        .request = request_text(run->request),
        .requested_by = run->requested_by,
        .requested_at = run->requested_at,
        .step = run->step,
        .step_name = run->step_name,
        .cursor = run->cursor,
        .rows_total = run->rows_total,
        .tally = handle_tally(&run->tally),
        .redis = run->redis,
        .error = run->error,
        .operator_name = run->operator_name,
        .context = run->context,
        .host = run->host,
        .pid = run->pid,
        .tool_version = run->tool_version,
        .checksum = run->checksum,
        .started_at = run->started_at,
        .updated_at = run->updated_at,
        .finished_at = run->finished_at,
    };
}

/* The runs of version (0: all), newest first, in the public form; id: that one alone, with its
 * file, where it is not 0. Returns 0 or -1. */
static int give_runs(struct redferry *ferry, struct session *session, int64_t version,
                     int64_t id, redferry_history_report *report, const char **definition)
{
    struct run *runs = NULL;
    size_t count = 0;
    if (ledger_history(session->ledger, version, id, &ferry->results, &runs, &count,
                       &ferry->error) != 0)
        return -1;
    redferry_run_record *records = arena_array(&ferry->results, count + 1, sizeof *records);
    if (records == NULL) return error_memory(&ferry->error);
    for (size_t i = 0; i < count; i++) records[i] = handle_record(&runs[i]);
    *report = (redferry_history_report){.runs = records, .count = count};
    if (definition != NULL && count > 0) *definition = runs[0].definition;
    return 0;
}

/* What is told of one version alone: its runs, and the file as it ran. */
static int give_details(struct redferry *ferry, struct session *session,
                        const struct agenda_item *item, redferry_status_report *report)
{
    redferry_history_report all = {0}, one = {0};
    if (item == NULL) return 0;
    report->definition_run = item->entry != NULL && item->entry->run_id != 0
                                 ? item->entry->run_id
                             : item->run != NULL ? item->run->id
                                                 : 0;
    if (give_runs(ferry, session, item->version, 0, &all, NULL) != 0) return -1;
    report->runs = all.runs;
    report->run_count = all.count;
    if (report->definition_run == 0) return 0;
    return give_runs(ferry, session, 0, report->definition_run, &one, &report->definition);
}

/* What to type next, and whether that goes by the ledger alone. */
static int advise(struct redferry *ferry, struct session *session, const struct advice **out)
{
    if (advice_give(session, out, &ferry->error) != 0) return -1;
    if (session->no_redis.code != ERROR_NONE)
        listener_say(
            &session->listener, EVENT_NOTE,
            "Redis was not asked for checkpoints, and what is said of a migration that "
            "stopped goes by the ledger: %s",
            session->no_redis.message);
    return 0;
}

/* Nothing can be applied: said, and with --strict an error. */
static int check_loss(struct redferry *ferry, const struct session *session)
{
    const char *lost = session->state.lost;
    if (lost == NULL) return 0;
    if (ferry->config.strict) return error_set(&ferry->error, ERROR_OPERATOR, "%s", lost);
    listener_say(&session->listener, EVENT_WARNING, "%s", lost);
    return 0;
}

int redferry_status(redferry *ferry, const char *version, const redferry_status_report **out)
{
    struct session session;
    struct arena *arena = &ferry->results;
    const struct advice *advice = NULL;
    enum stranger stranger = STRANGER_NOT_ASKED;
    int64_t only = 0;
    size_t count = 0;
    int result = handle_open(ferry, &session, HANDLE_LOOK);
    if (result == 0 && version != NULL)
        result = selection_resolve(&session, "VERSION", version, &only, &ferry->error);
    if (result != 0) return handle_end(ferry, &session, result);
    redferry_status_report *report = arena_alloc(arena, sizeof *report);
    redferry_migration *lines = arena_array(arena, session.agenda.count + 1, sizeof *lines);
    if (report == NULL || lines == NULL)
        return handle_end(ferry, &session, error_memory(&ferry->error));
    if (advise(ferry, &session, &advice) != 0) return handle_end(ferry, &session, -1);
    for (size_t i = 0; i < session.agenda.count; i++)
        if (only == 0 || session.agenda.items[i].version == only)
            lines[count++] = describe(arena, &session.agenda.items[i], &advice[i]);
    *report = (redferry_status_report){
        .migrations = lines,
        .count = count,
        .pending = session.agenda.pending,
        .applied = session.agenda.applied,
    };
    *out = report;
    if (only != 0)
        result = give_details(ferry, &session, agenda_find(&session.agenda, only), report);
    if (result == 0)
        result = arena->failed ? error_memory(&ferry->error)
                               : runner_check_oddities(&session, &ferry->error);
    if (result == 0) result = check_loss(ferry, &session);
    if (result == 0) {
        result = stranger_look(&session, &stranger, &ferry->error);
        report->redis = stranger_text(stranger);
    }
    return handle_end(ferry, &session, result);
}

/* ---- history -------------------------------------------------------------------------- */

/* The files only help to understand a VERSION: what ran, the ledger knows without them. */
static int open_history(struct redferry *ferry, struct session *session)
{
    struct error ignored = {0};
    if (handle_begin(ferry, session) != 0) return -1;
    (void)session_load(session, &ignored);
    if (session_connect(session, &ferry->error) != 0) return -1;
    return session_read(session, &ferry->error);
}

/* The runs of version (NULL: of all). What was undone, and has no file any more, is known by
 * its runs alone. */
static int give_history(struct redferry *ferry, struct session *session, const char *version,
                        redferry_history_report *report)
{
    int64_t only = 0;
    if (version == NULL) return give_runs(ferry, session, 0, 0, report, NULL);
    if (selection_resolve(session, "VERSION", version, &only, &ferry->error) == 0)
        return give_runs(ferry, session, only, 0, report, NULL);
    if (only == 0 || agenda_find(&session->agenda, only) != NULL) return -1;
    const struct error unknown = ferry->error;
    if (give_runs(ferry, session, only, 0, report, NULL) != 0) return -1;
    if (report->count > 0) return 0;
    ferry->error = unknown;
    return -1;
}

int redferry_history(redferry *ferry, const char *version, const redferry_history_report **out)
{
    struct session session;
    int result = open_history(ferry, &session);
    if (result != 0) return handle_end(ferry, &session, result);
    redferry_history_report *report = arena_alloc(&ferry->results, sizeof *report);
    result = report == NULL ? error_memory(&ferry->error)
                            : give_history(ferry, &session, version, report);
    if (result == 0) *out = report;
    return handle_end(ferry, &session, result);
}

/* ---- lint ----------------------------------------------------------------------------- */

/* The rules in the public form, that of code (NULL: all of them), *count in number. NULL where
 * memory runs out. */
static const redferry_rule *rules_of(struct arena *arena, const char *code, size_t *count)
{
    size_t all = 0;
    const struct lint_rule *rules = lint_rules(&all);
    redferry_rule *copies = arena_array(arena, all, sizeof *copies);
    *count = 0;
    for (size_t i = 0; copies != NULL && i < all; i++) {
        if (code != NULL && strcmp(rules[i].code, code) != 0) continue;
        copies[(*count)++] = (redferry_rule){.code = rules[i].code,
                                             .name = rules[i].name,
                                             .severity = lint_severity_text(rules[i].severity),
                                             .summary = rules[i].summary,
                                             .explanation = rules[i].explanation,
                                             .wrong = rules[i].wrong,
                                             .right = rules[i].right};
    }
    return copies;
}

int redferry_lint_rules(redferry *ferry, const char *code, const redferry_rule **out,
                        size_t *count)
{
    struct session session;
    int result = handle_begin(ferry, &session);
    *count = 0;
    *out = result == 0 ? rules_of(&ferry->results, code, count) : NULL;
    if (result == 0 && *out == NULL) result = error_memory(&ferry->error);
    if (result == 0 && *count == 0)
        result = error_set(&ferry->error, ERROR_INVALID,
                           "there is no rule '%s'; 'redferry lint --explain' lists them", code);
    return handle_end(ferry, &session, result);
}

static redferry_lint_report *lint_report_of(struct arena *arena,
                                            const struct lint_report *found)
{
    size_t findings = 0, promises = 0;
    for (const struct lint_finding *one = found->findings; one != NULL; one = one->next)
        findings++;
    for (const struct lint_promise *one = found->promises; one != NULL; one = one->next)
        promises++;
    redferry_lint_report *report = arena_alloc(arena, sizeof *report);
    redferry_finding *finding = arena_array(arena, findings + 1, sizeof *finding);
    redferry_promise *promise = arena_array(arena, promises + 1, sizeof *promise);
    if (report == NULL || finding == NULL || promise == NULL) return NULL;
    *report = (redferry_lint_report){.findings = finding,
                                     .count = findings,
                                     .promises = promise,
                                     .promise_count = promises,
                                     .files = found->files,
                                     .errors = found->errors,
                                     .warnings = found->warnings,
                                     .notes = found->notes};
    report->rules = rules_of(arena, NULL, &report->rule_count);
    if (report->rules == NULL) return NULL;
    for (const struct lint_finding *one = found->findings; one != NULL; one = one->next)
        *finding++ = (redferry_finding){
            .code = one->rule->code,
            .severity = lint_severity_text(one->severity),
            .file = arena_text(arena, one->place.file),
            .line = one->place.line,
            .column = one->place.column,
            .text = one->text,
        };
    for (const struct lint_promise *one = found->promises; one != NULL; one = one->next)
        *promise++ = (redferry_promise){
            .version = one->migration->version,
            .name = arena_text(arena, one->migration->name),
            .down = one->down,
            .step = one->step->number,
            .step_name = arena_text(arena, one->step->name),
            .guarantee = guarantee_text(one->guarantee),
        };
    return report;
}

/* Whether what was found makes the command fail. */
static int lint_verdict(const struct lint_report *found, bool strict, struct error *err)
{
    const size_t warnings = strict ? found->warnings : 0;
    if (found->errors > 0)
        return error_set(err, ERROR_INVALID, "%zu %s", found->errors,
                         found->errors == 1 ? "error" : "errors");
    if (warnings > 0)
        return error_set(err, ERROR_INVALID, "%zu %s, and --strict", warnings,
                         warnings == 1 ? "warning" : "warnings");
    return 0;
}

/* Hold what was found in files against the database, as its ledger says what is applied. */
static int ask_database(struct redferry *ferry, struct session *session,
                        struct lint_report *found, bool all)
{
    if (config_require(&ferry->config, "database", &ferry->error) != 0 ||
        session_connect(session, &ferry->error) != 0 ||
        session_read(session, &ferry->error) != 0)
        return -1;
    return inspection_add(found, session, all, &ferry->error);
}

static int lint(redferry *ferry, const struct lint_wish *files, bool asks,
                const redferry_lint_report **out)
{
    struct session session;
    struct lint_report found = {0};
    int result = handle_begin(ferry, &session);
    struct lint_wish wish = *files;
    wish.directory = ferry->config.migrations;
    wish.allow_repeats = ferry->config.allow_repeats;
    wish.expects_tests = ferry->config.tests;
    if (result == 0) result = lint_check(&found, &wish, &ferry->results, &ferry->error);
    if (result == 0 && asks) result = ask_database(ferry, &session, &found, wish.count > 0);
    if (result == 0) result = lint_settle(&found, &ferry->error);
    if (result == 0) {
        *out = lint_report_of(&ferry->results, &found);
        result = *out == NULL ? error_memory(&ferry->error)
                              : lint_verdict(&found, ferry->config.strict, &ferry->error);
    }
    lint_release(&found);
    return handle_end(ferry, &session, result);
}

int redferry_lint(redferry *ferry, const char *const *files, size_t count,
                  const redferry_lint_report **out)
{
    const struct lint_wish wish = {.files = files, .count = count};
    return lint(ferry, &wish, false, out);
}

int redferry_lint_with_database(redferry *ferry, const char *const *files, size_t count,
                                const redferry_lint_report **out)
{
    const struct lint_wish wish = {.files = files, .count = count};
    return lint(ferry, &wish, true, out);
}

/* ---- doctor --------------------------------------------------------------------------- */

static redferry_doctor_report *doctor_report_of(struct arena *arena,
                                                const struct doctor *doctor)
{
    redferry_doctor_report *report = arena_alloc(arena, sizeof *report);
    redferry_examination *items = arena_array(arena, doctor->count + 1, sizeof *items);
    if (report == NULL || items == NULL) return NULL;
    for (size_t i = 0; i < doctor->count; i++) {
        const struct doctor_finding *finding = &doctor->findings[i];
        items[i] = (redferry_examination){
            .verdict = doctor_verdict_text(finding->verdict),
            .name = finding->examination,
            .text = finding->text,
            .advice = finding->advice,
        };
    }
    *report = (redferry_doctor_report){.items = items,
                                       .count = doctor->count,
                                       .ok = doctor->counts[DOCTOR_OK],
                                       .warnings = doctor->counts[DOCTOR_WARNING],
                                       .problems = doctor->counts[DOCTOR_PROBLEM]};
    return report;
}

/* Whether what was found lets a deploy go on. */
static int judge_report(struct redferry *ferry, const redferry_doctor_report *report)
{
    const bool strict = ferry->config.strict;
    if (report->problems == 0 && (!strict || report->warnings == 0)) return 0;
    return error_set(&ferry->error, ERROR_OPERATOR, "%zu %s, %zu %s%s", report->problems,
                     report->problems == 1 ? "problem" : "problems", report->warnings,
                     report->warnings == 1 ? "warning" : "warnings",
                     report->problems == 0 ? " (--strict)" : "");
}

int redferry_doctor(redferry *ferry, const redferry_doctor_report **out)
{
    struct session session;
    int result = handle_begin(ferry, &session);
    struct doctor doctor = {
        .session = &session, .warnings = ferry->warnings, .arena = &ferry->results};
    if (result == 0) result = doctor_examine(&doctor, &ferry->error);
    if (result == 0) {
        const redferry_doctor_report *report = doctor_report_of(&ferry->results, &doctor);
        *out = report;
        result = report != NULL ? judge_report(ferry, report) : error_memory(&ferry->error);
    }
    return handle_end(ferry, &session, result);
}
