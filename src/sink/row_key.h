#ifndef REDFERRY_ROW_KEY_H
#define REDFERRY_ROW_KEY_H

#include <stddef.h>
#include <stdint.h>

struct buffer;
struct error;
struct row;
struct sink_step;

/*
 * How an error names a row: by its key, 'a' or ('a', 3), shortened where it is long. Rows are
 * borrowed and gone when their answers come, so what names them is kept in a log, a few bytes a
 * row. A step without `key` has nothing to log.
 */

/* Append row's key to log. */
void row_key_log(struct buffer *log, const struct sink_step *step, const struct row *row);

/* Append row's key to text. */
void row_key_append(struct buffer *text, const struct sink_step *step, const struct row *row);

/* Put "row KEY: " in front of err; where the step has no key, its number (from 1; 0: nothing).
 * Returns -1. */
int row_key_blame(struct error *err, const struct sink_step *step, const struct row *row,
                  int64_t number);

/* Append the key of the index-th row (from 0) of log to text. */
void row_key_append_logged(struct buffer *text, const struct sink_step *step,
                           const struct buffer *log, size_t index);

#endif
