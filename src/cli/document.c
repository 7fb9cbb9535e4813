/*
 * The documents of --json.
 *
 * Their keys are a contract with scripts: they are only ever added to, and docs/json.md
 * describes each. Building one has no other failure than running out of memory, which jansson
 * carries along as NULL to the end; so nothing is checked here until document_print().
 */
#include "document.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* A text, or null. File names and servers' complaints need not be UTF-8; JSON must. */
static json_t *text(const char *value)
{
    if (value == NULL) return json_null();
    json_t *string = json_string(value);
    if (string != NULL) return string;
    char *valid = text_valid(value);
    string = valid != NULL ? json_string_nocheck(valid) : NULL;
    free(valid);
    return string;
}

/* A version or an id, which may be beyond what other readers' numbers hold; 0: null. */
static json_t *id(int64_t value)
{
    char digits[24];
    if (value == 0) return json_null();
    (void)snprintf(digits, sizeof digits, "%" PRId64, value);
    return json_string(digits);
}

/* A figure to three places; JSON knows no infinity. */
static json_t *decimal(double value)
{
    if (!(value >= 0 && value < 1e12)) value = 0;
    return json_real((double)(int64_t)(value * 1000 + 0.5) / 1000);
}

/* A number that counts from 1, or null. */
static json_t *ordinal(int64_t value)
{
    return value > 0 ? json_integer(value) : json_null();
}

/* A figure of a run; null where there is no run, or it is not known. */
static json_t *figure(bool is_known, int64_t value)
{
    return is_known && value >= 0 ? json_integer(value) : json_null();
}

json_t *document_error(const char *error, int code)
{
    return json_pack("{s:o, s:i}", "error", text(error), "exit", code);
}

static json_t *done_entry(const redferry_done *done, bool brief)
{
    if (brief)
        return json_pack("{s:o, s:o}", "version", id(done->version), "name", text(done->name));
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:o}", "version", id(done->version), "name",
                     text(done->name), "rows_read", (json_int_t)done->tally.rows_read,
                     "commands_sent", (json_int_t)done->tally.commands_sent,
                     "messages_published", (json_int_t)done->tally.messages_published,
                     "seconds", decimal(done->seconds));
}

/* The entries of one of the lists: those undone, or the others; all where it is the only one.
 */
static json_t *done_entries(const struct document_lists *lists, bool undone,
                            const redferry_outcome *outcome)
{
    json_t *entries = json_array();
    bool only = lists->done == NULL || lists->undone == NULL;
    for (size_t i = 0; outcome != NULL && i < outcome->done_count; i++) {
        if (!only && outcome->done[i].undone != undone) continue;
        if (json_array_append_new(entries, done_entry(&outcome->done[i], lists->brief)) == 0)
            continue;
        json_decref(entries);
        return NULL;
    }
    return entries;
}

static json_t *failure(const redferry_outcome *outcome)
{
    if (outcome == NULL || outcome->failed_version == 0) return json_null();
    return json_pack("{s:o, s:o, s:o}", "version", id(outcome->failed_version), "step",
                     ordinal(outcome->failed_step), "error", text(outcome->failed_error));
}

json_t *document_outcome(const struct document_lists *lists, const redferry_outcome *outcome,
                         int code, const char *error)
{
    json_t *document = json_object();
    bool in_migration = outcome != NULL && outcome->failed_version != 0;
    bool elsewhere = code != REDFERRY_OK && error != NULL && *error != '\0' && !in_migration;
    int failed = 0;
    if (lists->undone != NULL)
        failed |=
            json_object_set_new(document, lists->undone, done_entries(lists, true, outcome));
    if (lists->done != NULL)
        failed |=
            json_object_set_new(document, lists->done, done_entries(lists, false, outcome));
    if (!lists->brief) failed |= json_object_set_new(document, "failed", failure(outcome));
    if (elsewhere) failed |= json_object_set_new(document, "error", text(error));
    failed |= json_object_set_new(document, "exit", json_integer(code));
    if (failed == 0) return document;
    json_decref(document);
    return NULL;
}

json_t *document_background(const struct document_background *background)
{
    char *path = realpath(background->log_path, NULL);
    json_t *run = json_pack("{s:o, s:o, s:o, s:I, s:o}", "run", id(background->run_id),
                            "version", id(background->version), "name", text(background->name),
                            "pid", (json_int_t)background->pid, "log_file",
                            text(path != NULL ? path : background->log_path));
    free(path);
    return json_pack("{s:[], s:n, s:o, s:i}", "applied", "failed", "background", run, "exit",
                     REDFERRY_OK);
}

/* A state that nothing has run for yet has no figures. */
static json_t *migration_entry(const redferry_migration *migration)
{
    json_t *rows = migration->run_id != 0 || migration->tally.rows_read != 0
                       ? json_integer(migration->tally.rows_read)
                       : json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version",
                     id(migration->version), "name", text(migration->name), "state",
                     text(migration->state), "applied_at", text(migration->applied_at),
                     "applied_by", text(migration->applied_by), "rows_read", rows, "run_id",
                     id(migration->run_id), "error", text(migration->error));
}

static json_t *run_entry(const redferry_run_record *run)
{
    json_t *entry =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", id(run->id), "version",
                  id(run->version), "name", text(run->name), "direction", text(run->direction),
                  "status", text(run->status), "step", ordinal(run->step), "step_name",
                  text(run->step_name), "cursor", text(run->cursor));
    json_t *asked = json_pack(
        "{s:o, s:o, s:o, s:o}", "request", text(run->request), "requested_by",
        text(run->requested_by), "requested_at", text(run->requested_at), "rows_total",
        run->rows_total >= 0 ? json_integer(run->rows_total) : json_null());
    json_t *figures =
        json_pack("{s:I, s:I, s:I, s:I}", "rows_read", (json_int_t)run->tally.rows_read,
                  "rows_changed", (json_int_t)run->tally.rows_changed, "commands_sent",
                  (json_int_t)run->tally.commands_sent, "messages_published",
                  (json_int_t)run->tally.messages_published);
    json_t *origin =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "redis", text(run->redis),
                  "error", text(run->error), "operator", text(run->operator_name), "context",
                  text(run->context), "host", text(run->host), "pid", ordinal(run->pid),
                  "tool_version", text(run->tool_version), "checksum", text(run->checksum));
    json_t *times =
        json_pack("{s:o, s:o, s:o}", "started_at", text(run->started_at), "updated_at",
                  text(run->updated_at), "finished_at", text(run->finished_at));
    int failed = json_object_update_new(entry, asked);
    failed |= json_object_update_new(entry, figures);
    failed |= json_object_update_new(entry, origin);
    failed |= json_object_update_new(entry, times);
    if (failed == 0) return entry;
    json_decref(entry);
    return NULL;
}

static json_t *run_entries(const redferry_run_record *runs, size_t count)
{
    json_t *entries = json_array();
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(entries, run_entry(&runs[i])) == 0) continue;
        json_decref(entries);
        return NULL;
    }
    return entries;
}

json_t *document_history(const redferry_history_report *report)
{
    return json_pack("{s:o}", "runs", run_entries(report->runs, report->count));
}

json_t *document_status(const redferry_status_report *report, int code, const char *error)
{
    json_t *entries = json_array();
    for (size_t i = 0; i < report->count; i++) {
        if (json_array_append_new(entries, migration_entry(&report->migrations[i])) == 0)
            continue;
        json_decref(entries);
        return NULL;
    }
    json_t *document = json_pack("{s:o, s:I, s:I, s:o}", "migrations", entries, "pending",
                                 (json_int_t)report->pending, "applied",
                                 (json_int_t)report->applied, "redis", text(report->redis));
    int failed = 0;
    if (report->runs != NULL)
        failed |= json_object_update_new(document,
                                         json_pack("{s:o, s:o, s:o}", "runs",
                                                   run_entries(report->runs, report->run_count),
                                                   "definition_run", id(report->definition_run),
                                                   "definition", text(report->definition)));
    if (code != REDFERRY_OK)
        failed |= json_object_update_new(document, document_error(error, code));
    if (failed == 0) return document;
    json_decref(document);
    return NULL;
}

/* ---- the plan --------------------------------------------------------------------------- */

static json_t *texts(const char *const *items, size_t count)
{
    json_t *array = json_array();
    int failed = 0;
    for (size_t i = 0; i < count; i++) failed |= json_array_append_new(array, text(items[i]));
    if (failed == 0) return array;
    json_decref(array);
    return NULL;
}

/* What is not known is below 0. */
static json_t *estimate(int64_t value)
{
    return value >= 0 ? json_integer(value) : json_null();
}

static json_t *estimated_time(double seconds)
{
    return seconds >= 0 ? decimal(seconds) : json_null();
}

static json_t *plan_rows(const redferry_plan_step *step)
{
    json_t *rows = json_array();
    int failed = 0;
    for (size_t i = 0; i < step->rows_shown_count; i++) {
        const redferry_plan_row *row = &step->rows_shown[i];
        failed |= json_array_append_new(
            rows, json_pack("{s:o, s:o}", "key", text(row->key), "commands",
                            texts(row->commands, row->command_count)));
    }
    if (failed == 0) return rows;
    json_decref(rows);
    return NULL;
}

static json_t *plan_comparisons(const redferry_plan_step *step)
{
    json_t *lines = json_array();
    int failed = 0;
    for (size_t i = 0; i < step->comparison_count; i++) {
        const redferry_plan_comparison *line = &step->comparisons[i];
        failed |= json_array_append_new(
            lines,
            json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "command", text(line->command),
                      "reason", text(line->reason), "new", (json_int_t)line->fresh, "equal",
                      (json_int_t)line->equal, "different", (json_int_t)line->different,
                      "overwritten", (json_int_t)line->overwritten, "not_compared",
                      (json_int_t)line->untold));
    }
    if (failed == 0) return lines;
    json_decref(lines);
    return NULL;
}

static json_t *plan_step(const redferry_plan_step *step)
{
    json_t *entry = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "step", ordinal(step->step), "name",
        text(step->name), "read", text(step->read), "from", text(step->from), "sql",
        text(step->sql), "key", texts(step->key, step->key_count), "guarantee",
        text(step->guarantee), "progress", text(step->progress), "cursor", text(step->cursor));
    json_t *expected = json_pack(
        "{s:o, s:b, s:o, s:o, s:b, s:o, s:b, s:o}", "rows", estimate(step->rows), "rows_exact",
        step->is_counted, "seconds", estimated_time(step->seconds), "index", text(step->index),
        "keeps_writers_out", step->keeps_writers_out, "after", text(step->after), "known",
        step->is_known, "error", text(step->error));
    json_t *sent = json_pack("{s:o, s:o, s:o, s:o, s:o}", "touches",
                             texts(step->touches, step->touch_count), "channels",
                             texts(step->channels, step->channel_count), "not_known",
                             texts(step->opaque, step->opaque_count), "first_rows",
                             plan_rows(step), "compared", plan_comparisons(step));
    int failed = json_object_update_new(entry, expected);
    failed |= json_object_update_new(entry, sent);
    if (failed == 0) return entry;
    json_decref(entry);
    return NULL;
}

static json_t *plan_entry(const redferry_plan_migration *migration)
{
    json_t *steps = json_array();
    int failed = 0;
    for (size_t i = 0; i < migration->step_count; i++)
        failed |= json_array_append_new(steps, plan_step(&migration->steps[i]));
    json_t *entry =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "version", id(migration->version),
                  "name", text(migration->name), "file", text(migration->file), "description",
                  text(migration->description), "state", text(migration->state), "direction",
                  migration->down ? "down" : "up", "steps", steps);
    json_t *place =
        json_pack("{s:o, s:o, s:o, s:I, s:o}", "begins", text(migration->begins), "step",
                  ordinal(migration->step), "cursor", text(migration->cursor), "rows_done",
                  (json_int_t)migration->rows_done, "notes",
                  texts(migration->notes, migration->note_count));
    json_t *expected = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o}", "rows", estimate(migration->rows), "seconds",
        estimated_time(migration->seconds), "rows_per_second",
        migration->rows_per_second > 0 ? decimal(migration->rows_per_second) : json_null(),
        "rate_of", text(migration->rate_of), "announcements",
        texts(migration->announcements, migration->announcement_count), "error",
        text(migration->error));
    failed |= json_object_update_new(entry, place);
    failed |= json_object_update_new(entry, expected);
    if (failed == 0) return entry;
    json_decref(entry);
    return NULL;
}

json_t *document_plan(const redferry_plan_report *report, int code, const char *error)
{
    json_t *entries = json_array();
    int failed = 0;
    for (size_t i = 0; i < report->count; i++)
        failed |= json_array_append_new(entries, plan_entry(&report->migrations[i]));
    if (failed == 0)
        return json_pack("{s:o, s:o, s:o, s:i}", "migrations", entries, "blocked",
                         text(report->blocked), "error",
                         code != REDFERRY_OK ? text(error) : json_null(), "exit", code);
    json_decref(entries);
    return NULL;
}

/* ---- a run that is not one's own -------------------------------------------------------- */

/* document with the error, where there is one, and the code. */
static json_t *with_end(json_t *document, int code, const char *error)
{
    int failed = 0;
    if (code != REDFERRY_OK && error != NULL && *error != '\0')
        failed |= json_object_set_new(document, "error", text(error));
    failed |= json_object_set_new(document, "exit", json_integer(code));
    if (failed == 0) return document;
    json_decref(document);
    return NULL;
}

json_t *document_petition(const redferry_petition *petition, int code, const char *error)
{
    json_t *run = petition->run != NULL ? run_entry(petition->run) : json_null();
    json_t *replaced = json_null();
    if (petition->replaced != NULL)
        replaced = json_pack("{s:o, s:o, s:o}", "request", text(petition->replaced), "by",
                             text(petition->replaced_by), "at", text(petition->replaced_at));
    return with_end(json_pack("{s:o, s:o, s:o, s:o}", "request", text(petition->request),
                              "result", text(petition->result), "replaced", replaced, "run",
                              run),
                    code, error);
}

json_t *document_watch(const redferry_watch_report *report, int code, const char *error)
{
    json_t *run = report->run != NULL ? run_entry(report->run) : json_null();
    return with_end(json_pack("{s:o, s:b}", "run", run, "crashed", (int)report->crashed), code,
                    error);
}

static json_t *finding_entry(const redferry_finding *finding)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "severity", text(finding->severity), "file",
                     text(finding->file), "line", ordinal(finding->line), "column",
                     ordinal(finding->column), "text", text(finding->text));
}

static json_t *promise_entry(const redferry_promise *promise)
{
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "version", id(promise->version), "name",
                     text(promise->name), "direction", promise->down ? "down" : "up", "step",
                     ordinal(promise->step), "step_name", text(promise->step_name), "guarantee",
                     text(promise->guarantee));
}

json_t *document_lint(const redferry_lint_report *report, int code)
{
    json_t *findings = json_array(), *steps = json_array();
    int failed = 0;
    for (size_t i = 0; i < report->count; i++)
        failed |= json_array_append_new(findings, finding_entry(&report->findings[i]));
    for (size_t i = 0; i < report->promise_count; i++)
        failed |= json_array_append_new(steps, promise_entry(&report->promises[i]));
    if (failed == 0)
        return json_pack("{s:o, s:o, s:I, s:i}", "findings", findings, "steps", steps, "files",
                         (json_int_t)report->files, "exit", code);
    json_decref(findings);
    json_decref(steps);
    return NULL;
}

static json_t *examination_entry(const redferry_examination *item)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "verdict", text(item->verdict), "examination",
                     text(item->name), "text", text(item->text), "advice", text(item->advice));
}

json_t *document_doctor(const redferry_doctor_report *report, int code)
{
    json_t *entries = json_array();
    for (size_t i = 0; i < report->count; i++) {
        if (json_array_append_new(entries, examination_entry(&report->items[i])) == 0) continue;
        json_decref(entries);
        return NULL;
    }
    return json_pack("{s:o, s:I, s:I, s:I, s:i}", "examinations", entries, "ok",
                     (json_int_t)report->ok, "warnings", (json_int_t)report->warnings,
                     "problems", (json_int_t)report->problems, "exit", code);
}

static json_t *comparison_entry(const redferry_comparison *comparison)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "version",
        id(comparison->version), "name", text(comparison->name), "step",
        ordinal(comparison->step), "step_name", text(comparison->step_name), "command",
        text(comparison->command), "equal", (json_int_t)comparison->equal, "different",
        (json_int_t)comparison->different, "missing", (json_int_t)comparison->missing,
        "overwritten", (json_int_t)comparison->overwritten, "not_compared",
        (json_int_t)comparison->untold, "reason", text(comparison->reason));
}

static json_t *difference_entry(const redferry_difference *difference)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "version",
                     id(difference->version), "step", ordinal(difference->step), "step_name",
                     text(difference->step_name), "command", text(difference->command),
                     "missing", difference->missing, "key", text(difference->key), "part",
                     text(difference->part), "sql", text(difference->sql), "redis",
                     text(difference->redis), "hint", text(difference->hint));
}

json_t *document_verify(const redferry_verify_report *report, int code, const char *error)
{
    json_t *comparisons = json_array(), *differences = json_array();
    int failed = 0;
    for (size_t i = 0; i < report->count; i++)
        failed |= json_array_append_new(comparisons, comparison_entry(&report->comparisons[i]));
    for (size_t i = 0; i < report->difference_count; i++)
        failed |= json_array_append_new(differences, difference_entry(&report->differences[i]));
    json_t *document = json_pack(
        "{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:i}", "comparisons", comparisons,
        "differences", differences, "migrations", (json_int_t)report->migrations, "rows",
        (json_int_t)report->rows, "equal", (json_int_t)report->equal, "different",
        (json_int_t)report->different, "missing", (json_int_t)report->missing, "overwritten",
        (json_int_t)report->overwritten, "complete", report->complete, "seconds",
        decimal(report->seconds), "exit", code);
    if (code != REDFERRY_OK && *error != '\0')
        failed |= json_object_set_new(document, "error", text(error));
    if (failed == 0) return document;
    json_decref(document);
    return NULL;
}

json_t *document_texts(int code, const char *name, ...)
{
    json_t *document = json_object();
    int failed = 0;
    va_list arguments;
    va_start(arguments, name);
    for (; name != NULL; name = va_arg(arguments, const char *))
        failed |= json_object_set_new(document, name, text(va_arg(arguments, const char *)));
    va_end(arguments);
    failed |= json_object_set_new(document, "exit", json_integer(code));
    if (failed == 0) return document;
    json_decref(document);
    return NULL;
}

static json_t *now(void)
{
    char buf[TEXT_TIME];
    return json_string(text_now(buf));
}

json_t *document_event(const redferry_event *event, const char *context)
{
    static const struct {
        const char *level, *name;
    } kinds[] = {
        [REDFERRY_EVENT_WARNING] = {"warning", "warning"},
        [REDFERRY_EVENT_NOTE] = {"info", "note"},
        [REDFERRY_EVENT_WAITING] = {"info", "waiting"},
        [REDFERRY_EVENT_MIGRATION_BEGUN] = {"info", "migration_begun"},
        [REDFERRY_EVENT_STEP_BEGUN] = {"info", "step_begun"},
        [REDFERRY_EVENT_PROGRESS] = {"info", "progress"},
        [REDFERRY_EVENT_STEP_DONE] = {"info", "step_done"},
        [REDFERRY_EVENT_MIGRATION_DONE] = {"info", "migration_done"},
        [REDFERRY_EVENT_MIGRATION_FAILED] = {"error", "migration_failed"},
        [REDFERRY_EVENT_PAUSED] = {"info", "paused"},
        [REDFERRY_EVENT_RESUMED] = {"info", "resumed"},
    };
    json_t *line = json_pack("{s:o, s:s, s:s, s:o, s:o, s:o}", "time", now(), "level",
                             kinds[event->kind].level, "event", kinds[event->kind].name, "text",
                             text(event->text), "context", text(context), "seconds",
                             decimal(event->seconds));
    const bool is_placed = event->version != 0;
    json_t *place = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "version", id(event->version),
                              "name", text(event->name), "direction",
                              text(!is_placed    ? NULL
                                   : event->down ? "down"
                                                 : "up"),
                              "run", id(event->run_id), "step", ordinal(event->step),
                              "step_name", text(event->step_name));
    json_t *rows =
        json_pack("{s:o, s:o, s:o}", "rows", figure(is_placed, event->tally.rows_read),
                  "commands", figure(is_placed, event->tally.commands_sent), "messages",
                  figure(is_placed, event->tally.messages_published));
    json_t *slow =
        json_pack("{s:o, s:o}", "slowed", is_placed ? json_boolean(event->slowed) : json_null(),
                  "redis_ms", event->redis_ms > 0 ? decimal(event->redis_ms) : json_null());
    json_t *pace =
        json_pack("{s:o, s:o, s:o, s:o}", "step_rows", figure(is_placed, event->step_rows),
                  "rows_total", figure(is_placed, event->rows_total), "rows_per_second",
                  is_placed ? decimal(event->rows_per_second) : json_null(), "idle_seconds",
                  is_placed ? decimal(event->idle_seconds) : json_null());
    int failed = json_object_update_new(line, place);
    failed |= json_object_update_new(line, rows);
    failed |= json_object_update_new(line, pace);
    failed |= json_object_update_new(line, slow);
    if (failed == 0) return line;
    json_decref(line);
    return NULL;
}

json_t *document_failure(const redferry_event *place, const char *error, const char *context)
{
    redferry_event event = *place;
    event.kind = REDFERRY_EVENT_MIGRATION_FAILED;
    event.text = error;
    json_t *line = document_event(&event, context);
    if (json_object_set_new(line, "event", json_string("error")) == 0) return line;
    json_decref(line);
    return NULL;
}

int document_print(json_t *document, FILE *stream, bool compact)
{
    size_t flags = compact ? JSON_COMPACT : JSON_INDENT(2);
    char *dump = json_dumps(document, flags | JSON_REAL_PRECISION(15));
    int result = dump != NULL ? 0 : -1;
    json_decref(document);
    fputs(dump != NULL ? dump : "{\"error\":\"out of memory\",\"exit\":1}", stream);
    fputs("\n", stream);
    free(dump);
    return result;
}

void document_free(json_t *document)
{
    json_decref(document);
}
