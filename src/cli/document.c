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
json_t *document_text(const char *value)
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
json_t *document_id(int64_t value)
{
    char digits[24];
    if (value == 0) return json_null();
    (void)snprintf(digits, sizeof digits, "%" PRId64, value);
    return json_string(digits);
}

/* A figure to three places; JSON knows no infinity. */
json_t *document_decimal(double value)
{
    if (!(value >= 0 && value < 1e12)) value = 0;
    return json_real((double)(int64_t)(value * 1000 + 0.5) / 1000);
}

/* A number that counts from 1, or null. */
json_t *document_ordinal(int64_t value)
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
    return json_pack("{s:o, s:i}", "error", document_text(error), "exit", code);
}

static json_t *done_entry(const redferry_done *done, bool brief)
{
    if (brief)
        return json_pack("{s:o, s:o}", "version", document_id(done->version), "name",
                         document_text(done->name));
    return json_pack(
        "{s:o, s:o, s:I, s:I, s:I, s:o}", "version", document_id(done->version), "name",
        document_text(done->name), "rows_read", (json_int_t)done->tally.rows_read,
        "commands_sent", (json_int_t)done->tally.commands_sent, "messages_published",
        (json_int_t)done->tally.messages_published, "seconds", document_decimal(done->seconds));
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
    return json_pack("{s:o, s:o, s:o}", "version", document_id(outcome->failed_version), "step",
                     document_ordinal(outcome->failed_step), "error",
                     document_text(outcome->failed_error));
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
    if (elsewhere) failed |= json_object_set_new(document, "error", document_text(error));
    failed |= json_object_set_new(document, "exit", json_integer(code));
    if (failed == 0) return document;
    json_decref(document);
    return NULL;
}

json_t *document_background(const struct document_background *background)
{
    char *path = realpath(background->log_path, NULL);
    json_t *run =
        json_pack("{s:o, s:o, s:o, s:I, s:o}", "run", document_id(background->run_id),
                  "version", document_id(background->version), "name",
                  document_text(background->name), "pid", (json_int_t)background->pid,
                  "log_file", document_text(path != NULL ? path : background->log_path));
    free(path);
    return json_pack("{s:[], s:n, s:o, s:i}", "applied", "failed", "background", run, "exit",
                     REDFERRY_OK);
}

json_t *document_texts(int code, const char *name, ...)
{
    json_t *document = json_object();
    int failed = 0;
    va_list arguments;
    va_start(arguments, name);
    for (; name != NULL; name = va_arg(arguments, const char *))
        failed |=
            json_object_set_new(document, name, document_text(va_arg(arguments, const char *)));
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
                             document_text(event->text), "context", document_text(context),
                             "seconds", document_decimal(event->seconds));
    const bool is_placed = event->version != 0;
    json_t *place =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "version", document_id(event->version),
                  "name", document_text(event->name), "direction",
                  document_text(!is_placed    ? NULL
                                : event->down ? "down"
                                              : "up"),
                  "run", document_id(event->run_id), "step", document_ordinal(event->step),
                  "step_name", document_text(event->step_name));
    json_t *rows =
        json_pack("{s:o, s:o, s:o}", "rows", figure(is_placed, event->tally.rows_read),
                  "commands", figure(is_placed, event->tally.commands_sent), "messages",
                  figure(is_placed, event->tally.messages_published));
    json_t *slow = json_pack(
        "{s:o, s:o}", "slowed", is_placed ? json_boolean(event->slowed) : json_null(),
        "redis_ms", event->redis_ms > 0 ? document_decimal(event->redis_ms) : json_null());
    json_t *pace = json_pack(
        "{s:o, s:o, s:o, s:o}", "step_rows", figure(is_placed, event->step_rows), "rows_total",
        figure(is_placed, event->rows_total), "rows_per_second",
        is_placed ? document_decimal(event->rows_per_second) : json_null(), "idle_seconds",
        is_placed ? document_decimal(event->idle_seconds) : json_null());
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
