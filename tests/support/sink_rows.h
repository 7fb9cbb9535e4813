#ifndef REDFERRY_SINK_ROWS_H
#define REDFERRY_SINK_ROWS_H

/* Needs <cmocka.h> before it. */

#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "command.h"
#include "error.h"
#include "migration.h"
#include "row.h"
#include "sink.h"

/* A step over rows of two columns: name (text, the key) and n (integer). */
struct sink_rows {
    struct step step;
    struct command commands[8];
    struct sink_step sink_step;
};

static const struct column sink_rows_items[] = {
    {.name = "name", .kind = VALUE_TEXT, .type = "text", .plain = true},
    {.name = "n", .kind = VALUE_INTEGER, .type = "bigint", .plain = true},
};
static const struct columns sink_rows_columns = {sink_rows_items, 2};
static const size_t sink_rows_key[] = {0, 1};

/* Prepare rows for the commands of writes, ended by NULL, and a message to channel (NULL:
 * none); the key has key_count columns. */
static inline void sink_rows_init(struct sink_rows *rows, struct arena *arena, size_t key_count,
                                  const char *channel, const char *const *writes)
{
    struct error err = {0};
    *rows = (struct sink_rows){.step = {.number = 1, .name = "step 1", .read = "SELECT"}};
    rows->step.commands = rows->commands;
    for (size_t i = 0; writes[i] != NULL; i++) {
        if (command_parse(&rows->commands[i], writes[i], strlen(writes[i]), arena, &err) != 0)
            fail_msg("%s", err.message);
        rows->step.write_count = ++rows->step.command_count;
    }
    if (channel != NULL && command_parse_publish(&rows->commands[rows->step.command_count++],
                                                 channel, "${*|json}", arena, &err) != 0)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < rows->step.command_count; i++) {
        if (command_bind(&rows->commands[i], &sink_rows_columns, &err) != 0)
            fail_msg("%s", err.message);
    }
    rows->sink_step = (struct sink_step){
        .step = &rows->step, .key_columns = sink_rows_key, .key_count = key_count};
}

/* Put the row (name, n); name NULL: NULL. Returns what sink_put() does. */
static inline int sink_rows_put(struct sink *sink, const char *name, int64_t n,
                                struct error *err)
{
    char digits[24];
    const struct value values[] = {value_text(name), value_integer(n, digits)};
    const struct row row = {&sink_rows_columns, values};
    return sink_put(sink, &row, err);
}

/* The same where it must not fail; the name is made from n. */
static inline void sink_rows_must_put(struct sink *sink, int64_t n)
{
    struct error err = {0};
    char name[32];
    (void)snprintf(name, sizeof name, "row%lld", (long long)n);
    if (sink_rows_put(sink, name, n, &err) != 0) fail_msg("%s", err.message);
}

#endif
