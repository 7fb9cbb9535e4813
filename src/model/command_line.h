#ifndef REDFERRY_COMMAND_LINE_H
#define REDFERRY_COMMAND_LINE_H

#include <stddef.h>

struct arena;
struct buffer;
struct error;
struct template;

/* A command line split into its arguments; both live in an arena. */
struct command_line {
    struct template **arguments;
    size_t count;
};

/*
 * Split length bytes as redis-cli does (blanks; "…" with \n \r \t \b \a \\ \" \xHH; '…' with
 * \'), each argument becoming a template. A placeholder is one piece whatever stands in it, and
 * nothing in it is an escape; what an escape makes is literal, so "\x24{" and "\${" are ${ and
 * no placeholder. Returns 0 with *out filled (count may be 0), or -1 with err (ERROR_INVALID,
 * no place in it).
 */
int command_line_split(struct command_line *out, const char *line, size_t length,
                       struct arena *arena, struct error *err);

/* Append length bytes as one argument of such a line: bare where that will do, else quoted the
 * way that is read more easily. */
void command_line_append(struct buffer *buf, const char *bytes, size_t length);

#endif
