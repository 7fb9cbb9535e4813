/*
 * Files and ledger put together: what state each version is in, and what `up` would take up.
 *
 * Three lists, each in version order, are merged into one; what follows for a version is worked
 * out from its file, its entry and its latest run alone. Nothing here reads or decides for an
 * operator: what to do about a state is the runner's business.
 */
#include "agenda.h"

#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "migration.h"

static const char *const status_texts[] = {
    [RUN_RUNNING] = "running", [RUN_PAUSED] = "paused",           [RUN_SUCCEEDED] = "succeeded",
    [RUN_FAILED] = "failed",   [RUN_INTERRUPTED] = "interrupted", [RUN_CANCELLED] = "cancelled",
};

static const char *const request_texts[] = {
    [REQUEST_NONE] = NULL,
    [REQUEST_PAUSE] = "pause",
    [REQUEST_RESUME] = "resume",
    [REQUEST_CANCEL] = "cancel",
};

static const char *const state_texts[] = {
    [STATE_PENDING] = "pending",     [STATE_RUNNING] = "running",
    [STATE_PAUSED] = "paused",       [STATE_CRASHED] = "crashed",
    [STATE_FAILED] = "failed",       [STATE_INTERRUPTED] = "interrupted",
    [STATE_CANCELLED] = "cancelled", [STATE_HALF_UNDONE] = "half_undone",
    [STATE_APPLIED] = "applied",     [STATE_MODIFIED] = "modified",
    [STATE_MISSING] = "missing",
};

const char *run_status_text(enum run_status status)
{
    return status_texts[status];
}

int run_status_parse(const char *text)
{
    for (size_t i = 0; i < sizeof status_texts / sizeof *status_texts; i++)
        if (strcmp(status_texts[i], text) == 0) return (int)i;
    return -1;
}

const char *request_text(enum request request)
{
    return request_texts[request];
}

int request_parse(const char *text)
{
    if (text == NULL) return REQUEST_NONE;
    for (int i = REQUEST_PAUSE; i <= REQUEST_CANCEL; i++)
        if (strcmp(request_texts[i], text) == 0) return i;
    return -1;
}

const char *state_text(enum state state)
{
    return state_texts[state];
}

bool run_is_alive(const struct run *run)
{
    return run->status == RUN_RUNNING || run->status == RUN_PAUSED;
}

/* Advice ends a message, behind the first of these. */
size_t run_error_length(const struct run *run)
{
    static const char *const links[] = {"; `redferry ", ": `redferry "};
    const char *error = run->error != NULL ? run->error : "";
    size_t length = strlen(error);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        const char *advice = strstr(error, links[i]);
        if (advice != NULL && (size_t)(advice - error) < length)
            length = (size_t)(advice - error);
    }
    return length;
}

/* ---- the error of a run that failed --------------------------------------------------------
 */

static const char code_before[] = " (exit code ", code_behind[] = ")";

/* The length of message without its code, which is put into *code (1: it has none). */
static size_t split_code(const char *message, int *code)
{
    const size_t length = strlen(message);
    const size_t tail = sizeof code_before - 1 + 1 + sizeof code_behind - 1;
    const char *at = length >= tail ? message + length - tail : NULL;
    *code = ERROR_FAILED;
    if (at == NULL || strncmp(at, code_before, sizeof code_before - 1) != 0) return length;
    const char digit = at[sizeof code_before - 1];
    if (digit < '1' || digit > '9' || strcmp(at + sizeof code_before, code_behind) != 0)
        return length;
    *code = digit - '0';
    return length - tail;
}

/* A message that itself ends like one with a code is given its code, whatever that is. */
const char *run_error_text(const struct error *err, char text[RUN_ERROR_SIZE])
{
    int seeming = 0;
    const bool is_plain =
        err->code == ERROR_FAILED && split_code(err->message, &seeming) == strlen(err->message);
    const bool has_digit = err->code >= 1 && err->code <= 9;
    if (is_plain || !has_digit)
        (void)snprintf(text, RUN_ERROR_SIZE, "%s", err->message);
    else
        (void)snprintf(text, RUN_ERROR_SIZE, "%s%s%d%s", err->message, code_before, err->code,
                       code_behind);
    return text;
}

void run_error_read(const struct run *run, struct error *err)
{
    const char *message = run->error != NULL ? run->error : "no message";
    int code = ERROR_FAILED;
    const size_t length = split_code(message, &code);
    (void)error_set(err, code, "%.*s", (int)length, message);
}

/* ---- the state of one version ----------------------------------------------------------- */

/* Whether one ISO 8601 time in UTC lies before another; either may have a fraction. */
static bool is_before(const char *one, const char *other)
{
    size_t length = strcspn(one, "Z"), other_length = strcspn(other, "Z");
    int order = strncmp(one, other, length < other_length ? length : other_length);

    return order != 0 ? order < 0 : length < other_length;
}

bool run_is_past(const struct run *run, const struct entry *entry)
{
    if (run->is_closed) return true;
    return entry != NULL && entry->run_id == 0 && entry->applied_at != NULL &&
           run->started_at != NULL && is_before(run->started_at, entry->applied_at);
}

/* Whether the latest run still says something: it did not end well, and nobody has marked the
 * migration as applied since. */
static bool is_open(const struct run *run, const struct entry *entry)
{
    if (run == NULL || run->status == RUN_SUCCEEDED || run->is_closed) return false;
    if (entry == NULL || entry->applied_at == NULL || run->started_at == NULL) return true;
    return !is_before(run->started_at, entry->applied_at);
}

/* What an open run makes of its migration. A wish to have it cancelled stands, also where the
 * run ended before it could obey. */
static enum state open_state(const struct run *run, bool lock_held)
{
    static const enum state states[] = {
        [RUN_RUNNING] = STATE_CRASHED,         [RUN_PAUSED] = STATE_CRASHED,
        [RUN_SUCCEEDED] = STATE_PENDING,       [RUN_FAILED] = STATE_FAILED,
        [RUN_INTERRUPTED] = STATE_INTERRUPTED, [RUN_CANCELLED] = STATE_CANCELLED,
    };

    if (lock_held && run->status == RUN_RUNNING) return STATE_RUNNING;
    if (lock_held && run->status == RUN_PAUSED) return STATE_PAUSED;
    if (run->request == REQUEST_CANCEL && !run->down) return STATE_CANCELLED;
    return run->down ? STATE_HALF_UNDONE : states[run->status];
}

static enum state closed_state(const struct migration *migration, const struct entry *entry)
{
    if (entry == NULL) return STATE_PENDING;
    if (migration == NULL) return STATE_MISSING;
    if (entry->checksum != NULL && strcmp(entry->checksum, migration->checksum) != 0)
        return STATE_MODIFIED;
    return STATE_APPLIED;
}

/* Whether `up` takes up a migration in this state. */
static bool is_taken_up(enum state state)
{
    return state == STATE_PENDING || state == STATE_FAILED || state == STATE_INTERRUPTED ||
           state == STATE_CRASHED;
}

static void judge(struct agenda_item *item, bool lock_held)
{
    bool open = is_open(item->run, item->entry);

    item->state =
        open ? open_state(item->run, lock_held) : closed_state(item->migration, item->entry);
    item->pending =
        item->migration != NULL && !item->migration->manual && is_taken_up(item->state);
    item->stopped = open && !item->run->down;
    item->unannounced = !open && item->entry != NULL && item->entry->announced_at == NULL;
    item->name = item->migration != NULL ? item->migration->name
                 : item->entry != NULL   ? item->entry->name
                                         : item->run->name;
}

/* ---- all versions ----------------------------------------------------------------------- */

/* How far each of the three lists has been gone through. */
struct merge {
    const struct migrations *migrations;
    const struct record *record;
    size_t migration;
    size_t entry;
    size_t run;
};

static void take_lower(int64_t *lowest, bool *any, int64_t version)
{
    if (!*any || version < *lowest) *lowest = version;
    *any = true;
}

/* The next version of any list with all that is known of it; false where all lists are through.
 */
static bool next_item(struct merge *merge, struct agenda_item *item)
{
    const struct migrations *migrations = merge->migrations;
    const struct record *record = merge->record;
    int64_t version = 0;
    bool any = false;

    if (merge->migration < migrations->count)
        take_lower(&version, &any, migrations->items[merge->migration]->version);
    if (merge->entry < record->entry_count)
        take_lower(&version, &any, record->entries[merge->entry].version);
    if (merge->run < record->run_count)
        take_lower(&version, &any, record->runs[merge->run].version);
    *item = (struct agenda_item){.version = version};
    if (merge->migration < migrations->count &&
        migrations->items[merge->migration]->version == version)
        item->migration = migrations->items[merge->migration++];
    if (merge->entry < record->entry_count && record->entries[merge->entry].version == version)
        item->entry = &record->entries[merge->entry++];
    if (merge->run < record->run_count && record->runs[merge->run].version == version)
        item->run = &record->runs[merge->run++];
    return any;
}

/* Whether there is nothing left to say: undone, or said to be, and its file is gone. */
static bool is_history(const struct agenda_item *item)
{
    return item->migration == NULL && item->entry == NULL && !is_open(item->run, NULL);
}

static void count(struct agenda *agenda)
{
    int64_t highest = 0;

    for (size_t i = 0; i < agenda->count; i++) {
        const struct agenda_item *item = &agenda->items[i];
        agenda->pending += item->pending;
        agenda->applied += item->entry != NULL;
        agenda->unannounced += item->unannounced;
        if (item->entry != NULL) highest = item->version;
    }
    for (size_t i = 0; i < agenda->count; i++)
        agenda->items[i].below_applied =
            agenda->items[i].pending && agenda->items[i].version < highest;
}

int agenda_build(struct agenda *agenda, const struct migrations *migrations,
                 const struct record *record, struct arena *arena, struct error *err)
{
    struct merge merge = {.migrations = migrations, .record = record};
    size_t most = migrations->count + record->entry_count + record->run_count;
    struct agenda_item item;

    *agenda = (struct agenda){.items = arena_array(arena, most + 1, sizeof *agenda->items)};
    if (agenda->items == NULL) return error_memory(err);
    while (next_item(&merge, &item)) {
        if (is_history(&item)) continue;
        judge(&item, record->lock_held);
        agenda->items[agenda->count++] = item;
    }
    count(agenda);
    return 0;
}

int64_t record_newest_run(const struct record *record)
{
    int64_t newest = 0;
    for (size_t i = 0; i < record->run_count; i++)
        if (record->runs[i].id > newest) newest = record->runs[i].id;
    return newest;
}

struct agenda_item *agenda_find(const struct agenda *agenda, int64_t version)
{
    size_t low = 0, high = agenda->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (agenda->items[middle].version == version) return &agenda->items[middle];
        if (agenda->items[middle].version < version)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
