#ifndef REDFERRY_COMPARISON_H
#define REDFERRY_COMPARISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;
struct connection;
struct error;
struct expectation_rule;
struct row;

/*
 * What rows' commands leave in Redis, held against what is there: the commands are rendered as
 * if they were to be sent, and what they would leave is read back instead, streamed, full
 * duplex, in bounded memory. Nothing is written. Commands are to come in the order in which
 * they were (or would be) sent: where one differs, and a later one that is put writes to the
 * same key (the same field, the same member), the later one speaks for it, and the earlier
 * counts as overwritten.
 */
struct comparison;

/* One command of a step, and what became of it. Caller's storage, until comparison_close();
 * begin with comparison_line(). What is counted is a command of
 * a row, or a key of it where it has several. */
struct comparison_line {
    const struct command *command; /* bound to the rows' columns; borrowed */
    const struct expectation_rule *rule;
    const char *reason; /* why it is not compared (expectation_reason()); NULL: it is */
    int64_t equal;
    int64_t different;
    int64_t missing;     /* nothing of what it names is there */
    int64_t overwritten; /* it differs, and a later one has written to the same place */
    int64_t untold;      /* options leave nothing to be compared; *reason then says why */
};

/* The line of a command that nothing is counted for yet. */
struct comparison_line comparison_line(const struct command *command);

/* One difference, in words: shortened, quoted as redis-cli does. */
struct comparison_finding {
    const struct comparison_line *line;
    bool is_missing;
    bool may_have_expired;
    size_t more; /* further parts of the same command that differ */
    const char *key;
    const char *part; /* "field enabled", "member a", "TTL"; "": the whole value */
    const char *sql;
    const char *redis;
};

/* connection is borrowed, and used by nobody else until comparison_close(). Of the differences
 * the first limit are kept in words. Returns 0 with *out, or -1 with err. */
int comparison_open(struct comparison **out, struct connection *connection, size_t limit,
                    struct error *err);

/* Compare what the commands of lines leave for row. The answers may come later. Returns 0, or
 * -1 with err: a row that cannot be rendered, a lost connection, a command that the server does
 * not let us use (which it names). */
int comparison_put(struct comparison *comparison, struct comparison_line *lines, size_t count,
                   const struct row *row, struct error *err);

/* Let the wire move, until descriptor (-1: none) is readable or timeout_ms has passed. Returns
 * 1: readable; 0; or -1 with err. */
int comparison_wait(struct comparison *comparison, int descriptor, int64_t timeout_ms,
                    struct error *err);

/* Wait until all that was put is judged. Returns 0 or -1 with err. */
int comparison_flush(struct comparison *comparison, struct error *err);

/* Whether it has come to an end, because of the wire or for want of memory, and every call
 * fails with that; a row that cannot be rendered does not end it. */
bool comparison_has_failed(const struct comparison *comparison);

/* Whether some difference is open: a command that is put later might still speak for it. */
bool comparison_is_open(const struct comparison *comparison);

/* Whether so many differences were open at once that some of them were given up as open, and
 * count although a later command may have written to the same place. */
bool comparison_has_overflowed(const struct comparison *comparison);

/* The first differences, by the order of their commands, *count of them (at most limit).
 * Borrowed until comparison_close(). After comparison_flush(). */
const struct comparison_finding *comparison_findings(struct comparison *comparison,
                                                     size_t *count);

/* Forget what is in flight and free. NULL is harmless. */
void comparison_close(struct comparison *comparison);

#endif
