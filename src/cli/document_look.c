/*
 * The documents of the commands that look, and of those about somebody else's run: each says
 * what its report says, key by key. docs/json.md describes them, and docs/schemas has their
 * schemas.
 */
#include "document.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A state that nothing has run for yet has no figures. */
static json_t *migration_entry(const redferry_migration *migration)
{
    json_t *rows = migration->run_id != 0 || migration->tally.rows_read != 0
                       ? json_integer(migration->tally.rows_read)
                       : json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version",
                     document_id(migration->version), "name", document_text(migration->name),
                     "state", document_text(migration->state), "applied_at",
                     document_text(migration->applied_at), "applied_by",
                     document_text(migration->applied_by), "rows_read", rows, "run_id",
                     document_id(migration->run_id), "error", document_text(migration->error));
}

static json_t *run_entry(const redferry_run_record *run)
{
    json_t *entry =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", document_id(run->id),
                  "version", document_id(run->version), "name", document_text(run->name),
                  "direction", document_text(run->direction), "status",
                  document_text(run->status), "step", document_ordinal(run->step), "step_name",
                  document_text(run->step_name), "cursor", document_text(run->cursor));
    json_t *asked = json_pack(
        "{s:o, s:o, s:o, s:o}", "request", document_text(run->request), "requested_by",
        document_text(run->requested_by), "requested_at", document_text(run->requested_at),
        "rows_total", run->rows_total >= 0 ? json_integer(run->rows_total) : json_null());
    json_t *figures =
        json_pack("{s:I, s:I, s:I, s:I}", "rows_read", (json_int_t)run->tally.rows_read,
                  "rows_changed", (json_int_t)run->tally.rows_changed, "commands_sent",
                  (json_int_t)run->tally.commands_sent, "messages_published",
                  (json_int_t)run->tally.messages_published);
    json_t *origin = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "redis", document_text(run->redis), "error",
        document_text(run->error), "operator", document_text(run->operator_name), "context",
        document_text(run->context), "host", document_text(run->host), "pid",
        document_ordinal(run->pid), "tool_version", document_text(run->tool_version),
        "checksum", document_text(run->checksum));
    json_t *times = json_pack("{s:o, s:o, s:o}", "started_at", document_text(run->started_at),
                              "updated_at", document_text(run->updated_at), "finished_at",
                              document_text(run->finished_at));
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
    return json_pack("{s:o, s:i}", "runs", run_entries(report->runs, report->count), "exit",
                     REDFERRY_OK);
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
    json_t *document = json_pack(
        "{s:o, s:I, s:I, s:o}", "migrations", entries, "pending", (json_int_t)report->pending,
        "applied", (json_int_t)report->applied, "redis", document_text(report->redis));
    int failed = 0;
    if (report->runs != NULL)
        failed |= json_object_update_new(
            document,
            json_pack("{s:o, s:o, s:o}", "runs", run_entries(report->runs, report->run_count),
                      "definition_run", document_id(report->definition_run), "definition",
                      document_text(report->definition)));
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
    for (size_t i = 0; i < count; i++)
        failed |= json_array_append_new(array, document_text(items[i]));
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
    return seconds >= 0 ? document_decimal(seconds) : json_null();
}

static json_t *plan_rows(const redferry_plan_step *step)
{
    json_t *rows = json_array();
    int failed = 0;
    for (size_t i = 0; i < step->rows_shown_count; i++) {
        const redferry_plan_row *row = &step->rows_shown[i];
        failed |= json_array_append_new(
            rows, json_pack("{s:o, s:o}", "key", document_text(row->key), "commands",
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
            json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "command",
                      document_text(line->command), "reason", document_text(line->reason),
                      "new", (json_int_t)line->fresh, "equal", (json_int_t)line->equal,
                      "different", (json_int_t)line->different, "overwritten",
                      (json_int_t)line->overwritten, "not_compared", (json_int_t)line->untold));
    }
    if (failed == 0) return lines;
    json_decref(lines);
    return NULL;
}

static json_t *plan_step(const redferry_plan_step *step)
{
    json_t *entry = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "step", document_ordinal(step->step),
        "name", document_text(step->name), "read", document_text(step->read), "from",
        document_text(step->from), "sql", document_text(step->sql), "key",
        texts(step->key, step->key_count), "guarantee", document_text(step->guarantee),
        "progress", document_text(step->progress), "cursor", document_text(step->cursor));
    json_t *expected =
        json_pack("{s:o, s:b, s:o, s:o, s:b, s:o, s:b, s:o}", "rows", estimate(step->rows),
                  "rows_exact", step->is_counted, "seconds", estimated_time(step->seconds),
                  "index", document_text(step->index), "keeps_writers_out",
                  step->keeps_writers_out, "after", document_text(step->after), "known",
                  step->is_known, "error", document_text(step->error));
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
    json_t *entry = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "version", document_id(migration->version),
        "name", document_text(migration->name), "file", document_text(migration->file),
        "description", document_text(migration->description), "state",
        document_text(migration->state), "direction", migration->down ? "down" : "up", "steps",
        steps);
    json_t *place = json_pack(
        "{s:o, s:o, s:o, s:I, s:o}", "begins", document_text(migration->begins), "step",
        document_ordinal(migration->step), "cursor", document_text(migration->cursor),
        "rows_done", (json_int_t)migration->rows_done, "notes",
        texts(migration->notes, migration->note_count));
    json_t *expected = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "rows", estimate(migration->rows), "seconds",
        estimated_time(migration->seconds), "rows_per_second",
        migration->rows_per_second > 0 ? document_decimal(migration->rows_per_second)
                                       : json_null(),
        "rate_of", document_text(migration->rate_of), "announcements",
        texts(migration->announcements, migration->announcement_count), "error",
        document_text(migration->error), "unreached", document_text(migration->unreached));
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
        return json_pack(
            "{s:o, s:o, s:o, s:o, s:i}", "migrations", entries, "unwritable",
            document_text(report->unwritable), "blocked", document_text(report->blocked),
            "error", code != REDFERRY_OK ? document_text(error) : json_null(), "exit", code);
    json_decref(entries);
    return NULL;
}

/* ---- a run that is not one's own -------------------------------------------------------- */

/* document with the error, where there is one, and the code. */
static json_t *with_end(json_t *document, int code, const char *error)
{
    int failed = 0;
    if (code != REDFERRY_OK && error != NULL && *error != '\0')
        failed |= json_object_set_new(document, "error", document_text(error));
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
        replaced = json_pack("{s:o, s:o, s:o}", "request", document_text(petition->replaced),
                             "by", document_text(petition->replaced_by), "at",
                             document_text(petition->replaced_at));
    return with_end(
        json_pack("{s:o, s:o, s:o, s:o}", "request", document_text(petition->request), "result",
                  document_text(petition->result), "replaced", replaced, "run", run),
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
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "code", document_text(finding->code),
                     "severity", document_text(finding->severity), "file",
                     document_text(finding->file), "line", document_ordinal(finding->line),
                     "column", document_ordinal(finding->column), "text",
                     document_text(finding->text));
}

static json_t *promise_entry(const redferry_promise *promise)
{
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o}", "version", document_id(promise->version),
                     "name", document_text(promise->name), "direction",
                     promise->down ? "down" : "up", "step", document_ordinal(promise->step),
                     "step_name", document_text(promise->step_name), "guarantee",
                     document_text(promise->guarantee));
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
        return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:i}", "findings", findings, "steps",
                         steps, "files", (json_int_t)report->files, "errors",
                         (json_int_t)report->errors, "warnings", (json_int_t)report->warnings,
                         "notes", (json_int_t)report->notes, "exit", code);
    json_decref(findings);
    json_decref(steps);
    return NULL;
}

json_t *document_rules(const redferry_rule *rules, size_t count)
{
    json_t *entries = json_array();
    for (size_t i = 0; i < count; i++) {
        const redferry_rule *rule = &rules[i];
        json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "code", rule->code,
                                  "name", rule->name, "severity", rule->severity, "summary",
                                  rule->summary, "explanation", rule->explanation, "wrong",
                                  rule->wrong, "right", rule->right);
        if (json_array_append_new(entries, entry) == 0) continue;
        json_decref(entries);
        return NULL;
    }
    return json_pack("{s:o, s:i}", "rules", entries, "exit", REDFERRY_OK);
}

static json_t *examination_entry(const redferry_examination *item)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "verdict", document_text(item->verdict),
                     "examination", document_text(item->name), "text",
                     document_text(item->text), "advice", document_text(item->advice));
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
        document_id(comparison->version), "name", document_text(comparison->name), "step",
        document_ordinal(comparison->step), "step_name", document_text(comparison->step_name),
        "command", document_text(comparison->command), "equal", (json_int_t)comparison->equal,
        "different", (json_int_t)comparison->different, "missing",
        (json_int_t)comparison->missing, "overwritten", (json_int_t)comparison->overwritten,
        "not_compared", (json_int_t)comparison->untold, "reason",
        document_text(comparison->reason));
}

static json_t *difference_entry(const redferry_difference *difference)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "version",
                     document_id(difference->version), "step",
                     document_ordinal(difference->step), "step_name",
                     document_text(difference->step_name), "command",
                     document_text(difference->command), "missing", difference->missing, "key",
                     document_text(difference->key), "part", document_text(difference->part),
                     "sql", document_text(difference->sql), "redis",
                     document_text(difference->redis), "hint", document_text(difference->hint));
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
        document_decimal(report->seconds), "exit", code);
    if (code != REDFERRY_OK && *error != '\0')
        failed |= json_object_set_new(document, "error", document_text(error));
    if (failed == 0) return document;
    json_decref(document);
    return NULL;
}

static json_t *test_difference_entry(const redferry_test_difference *difference)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o}", "line", document_ordinal(difference->line), "column",
        document_ordinal(difference->column), "moment", document_text(difference->moment),
        "what", document_text(difference->what), "expected",
        document_text(difference->expected), "got", document_text(difference->got));
}

static json_t *test_entry(const redferry_test_result *result)
{
    json_t *differences = json_array();
    int failed = 0;
    for (size_t i = 0; i < result->difference_count; i++)
        failed |=
            json_array_append_new(differences, test_difference_entry(&result->differences[i]));
    if (failed != 0) {
        json_decref(differences);
        return NULL;
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "version",
                     document_id(result->version), "name", document_text(result->name), "file",
                     document_text(result->file), "test", document_text(result->test),
                     "verdict", document_text(result->verdict), "error",
                     document_text(result->error), "error_moment",
                     document_text(result->error_moment), "differences", differences, "omitted",
                     (json_int_t)result->omitted, "kills", (json_int_t)result->kills, "seconds",
                     document_decimal(result->seconds));
}

json_t *document_test(const redferry_test_report *report, bool kills, int code,
                      const char *error)
{
    json_t *tests = json_array();
    int failed = 0;
    for (size_t i = 0; i < report->count; i++)
        failed |= json_array_append_new(tests, test_entry(&report->results[i]));
    json_t *document = json_pack("{s:o, s:I, s:I, s:I, s:o, s:o, s:i}", "tests", tests, "ok",
                                 (json_int_t)report->ok, "failed", (json_int_t)report->failed,
                                 "untested", (json_int_t)report->untested, "seed",
                                 document_id(kills ? (int64_t)report->seed : 0), "seconds",
                                 document_decimal(report->seconds), "exit", code);
    if (code != REDFERRY_OK && *error != '\0')
        failed |= json_object_set_new(document, "error", document_text(error));
    if (failed == 0) return document;
    json_decref(document);
    return NULL;
}
