#ifndef REDFERRY_NUMBER_H
#define REDFERRY_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/*
 * Numbers from text, strictly: the whole text, decimal digits, no blanks, no sign but where
 * said, no silent overflow. Each returns 0, or -1 and leaves *number alone; the caller words
 * the complaint.
 */

/* An integer between least and most; a leading '-' where least is negative. length bytes. */
int number_parse(const char *text, size_t length, int64_t least, int64_t most, int64_t *number);

/* A duration: "0", or an integer with a unit: 50ms, 2s, 5m, 24h, 7d. *ms in milliseconds. */
int number_parse_duration(const char *text, int64_t *ms);

/* A size in bytes: an integer, or one with KiB, MiB, GiB. */
int number_parse_size(const char *text, int64_t *bytes);

/* true/false, yes/no, on/off, 1/0 (any case). *flag becomes 1 or 0. */
int number_parse_flag(const char *text, int *flag);

/* Write ms, 0 or more, as the shortest duration that number_parse_duration() reads back:
 * 1500ms, 2s, 5m. Returns text. */
const char *number_duration_text(int64_t ms, char text[32]);

#endif
