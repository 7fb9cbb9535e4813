#ifndef REDFERRY_RESP_H
#define REDFERRY_RESP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Commands in RESP, as command.h writes them, read again: one after the other, without copying
 * a byte. {bytes, length} starts a walk; it has come to the end, or to what is no command,
 * where resp_next() returns false (length tells which).
 */
struct resp {
    const char *bytes; /* what is still to be read */
    size_t length;
};

struct resp_command {
    const char *bytes; /* the whole command */
    size_t length;
    size_t count;          /* its arguments, the name included */
    struct resp arguments; /* for resp_argument() */
};

struct resp_argument {
    const char *bytes;
    size_t length;
};

/* The next whole command, borrowed. */
bool resp_next(struct resp *resp, struct resp_command *command);

/* The next argument of a command, borrowed; false behind the last. */
bool resp_argument(struct resp_command *command, struct resp_argument *argument);

/* Whether the argument is this word, in any case. */
bool resp_is_word(const struct resp_argument *argument, const char *word);

#endif
