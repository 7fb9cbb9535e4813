#ifndef REDFERRY_ERROR_H
#define REDFERRY_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a failure asks of whoever meets it. The numbers are the program's exit codes. */
enum error_code {
    ERROR_NONE = 0,
    ERROR_FAILED = 1,     /* the work itself failed */
    ERROR_INVALID = 2,    /* usage, configuration, or an invalid file */
    ERROR_INCOMPLETE = 3, /* stopped on purpose before the end */
    ERROR_OPERATOR = 4,   /* a person is needed; trying again does not help */
    ERROR_LOCKED = 5,     /* a lock was not obtained in time */
    ERROR_SQL_UNREACHABLE = 6,
    ERROR_REDIS_UNREACHABLE = 7,
    ERROR_DIFFERENT = 8, /* a comparison found differences */
    ERROR_STOPPED = 128  /* + the signal's number, see stop_error() */
};

enum { ERROR_MESSAGE_SIZE = 2048 };

/*
 * Where and why something failed. Caller's storage; {0} is "no error". A function that returns
 * -1 has filled the one it was given, once, where the failure was first seen; the floors above
 * only put words in front. Messages are UTF-8, one line, lower case, without a full stop.
 */
struct error {
    int code;     /* enum error_code */
    bool passing; /* waiting and trying again may help; error_set() clears it */
    char message[ERROR_MESSAGE_SIZE]; /* always terminated */
};

/* Fill err with code and a printf-style message; too long a message ends in "…". Always returns
 * -1, so that a function can say `return error_set(…)`. err may not be NULL. */
int error_set(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with ERROR_INVALID, and "FILE:LINE:COLUMN: " in front. Lines and columns count
 * from 1. */
int error_at(struct error *err, const char *file, int line, int column, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Put a printf-style text and nothing else in front of the message; code and passing stay.
 * Returns -1. */
int error_prefix(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Put version wherever a command in the message ends in VERSION ("`redferry repair VERSION`"),
 * for whoever set it did not know which. Returns -1. */
int error_name_version(struct error *err, int64_t version);

/* Fill err with "out of memory" and ERROR_FAILED. Returns -1. */
int error_memory(struct error *err);

/* Whether err says that a wait was ended: by a stop, or because of a lock of somebody else's.
 * Nothing is known then of what was waited for, and to ask again would be to wait again. */
bool error_ends_waiting(const struct error *err);

/* Forget what err held. */
void error_clear(struct error *err);

/* Of the count candidates, the one nearest to word by edit distance, for "did you mean"; NULL
 * where none is near enough to be a slip of the keyboard. The result is one of candidates. */
const char *error_nearest(const char *word, const char *const *candidates, size_t count);

#endif
