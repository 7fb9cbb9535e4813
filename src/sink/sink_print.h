#ifndef REDFERRY_SINK_PRINT_H
#define REDFERRY_SINK_PRINT_H

#include <stdint.h>

struct command;
struct error;
struct sink;

/* A command that would be sent. Good until the call that shows it returns. */
struct sink_print_line {
    int64_t row;     /* the number of its row within the step, from 1 */
    const char *key; /* how an error would name the row: 'a', ('a', 3); NULL: no `key` */
    const struct command *command;
    const char *text; /* as a person would type it into redis-cli: one line, UTF-8, no control
                         character */
};

/* Is shown one command. Returns 0, or -1 with err, which ends it. */
typedef int (*sink_print_fn)(void *context, const struct sink_print_line *line,
                             struct error *err);

/*
 * Open the sink that sends nothing: it has no connection. Each batch that is closed is shown,
 * command by command, read from the very bytes that another sink would send; rows that another
 * sink would refuse are refused with the same words. Its tally counts what was shown. Returns 0
 * with *out yours to sink_close(), or -1 with err.
 */
int sink_print_open(struct sink **out, sink_print_fn show, void *context, struct error *err);

#endif
