#ifndef REDFERRY_TEXT_H
#define REDFERRY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Text on its way to a person. It may come from a file's name, a server's complaint or a row,
 * and so may hold anything: what could move a cursor or turn the writing direction is shown as
 * an escape (\n, \x1b, \u202e), in the width as on the screen.
 */

/* How many columns text_put() fills. */
size_t text_width(const char *text);

/* Write text, escaped. */
void text_put(FILE *stream, const char *text);

/* The same in at most columns; what does not fit is cut, with ".." at its end. Returns the
 * columns filled. */
size_t text_put_cut(FILE *stream, const char *text, size_t columns);

/* Write text escaped, as a paragraph: it begins at column indent (what stands before it is the
 * caller's), and further lines begin there as well. Words are kept whole; a newline in text
 * starts a new line. Ends with a newline. */
void text_put_wrapped(FILE *stream, const char *text, size_t indent, size_t columns);

/* Write text escaped and whole, every blank of it: where a line is full, the next one goes on
 * at column indent. Ends with a newline. */
void text_put_folded(FILE *stream, const char *text, size_t indent, size_t columns);

/* A copy with U+FFFD for whatever is not UTF-8, yours to free(); NULL when memory runs out. */
char *text_valid(const char *text);

/* A printed text, yours to free(); NULL when memory runs out. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Put *** in place of the user and the password of every URL in text that shows them: what a
 * complaint quotes may be a URL where none belongs. */
void text_hide_secrets(char *text);

/* The decimal number that text is, wholly, between least (0 or more) and most. Returns 0, or -1
 * and leaves *number alone. */
int text_number(const char *text, int64_t least, int64_t most, int64_t *number);

/* "1 row", "2 rows": a number and its noun, in buf. Returns buf. */
enum { TEXT_COUNT = 64 };
const char *text_count(char buf[static TEXT_COUNT], int64_t number, const char *noun);

/* A time (ISO 8601 in UTC) to the second, in buf; time itself where it is none; NULL for NULL.
 */
enum { TEXT_TIME = 40 };
const char *text_time(char buf[static TEXT_TIME], const char *time);

/* The present time, ISO 8601 in UTC to the millisecond, in buf. Returns buf. */
const char *text_now(char buf[static TEXT_TIME]);

/* How long it took from one such time to the other, "1.25 s", in buf; NULL where either is
 * missing or no time. */
const char *text_between(char buf[static TEXT_TIME], const char *from, const char *to);

/* "0.01 s", "12.5 s", "3 min 20 s" in buf. Returns buf. */
const char *text_duration(char buf[static TEXT_TIME], double seconds);

/* Looks among names for what a mistyped word may have meant. Begin with {.word = word}. */
struct text_nearest {
    const char *word;
    const char *name; /* the nearest so far, borrowed; NULL: none is near */
    size_t distance;
};

/* Consider name (NULL: nothing to consider). */
void text_nearest_offer(struct text_nearest *nearest, const char *name);

#endif
