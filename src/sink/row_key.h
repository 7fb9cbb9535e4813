#ifndef REDFERRY_ROW_KEY_H
#define REDFERRY_ROW_KEY_H

#include <stddef.h>

struct buffer;
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

/* Append the key of the index-th row (from 0) of log to text. */
void row_key_append_logged(struct buffer *text, const struct sink_step *step,
                           const struct buffer *log, size_t index);

#endif
