#ifndef REDFERRY_PROGRESS_LINE_H
#define REDFERRY_PROGRESS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <redferry/redferry.h>

/*
 * How far a step is, in words: as wide as there is room for, or as a line for a log. A total is
 * an estimate, and shown as one; where more rows have come than it said, no end is promised.
 */
enum { PROGRESS_LINE_FIGURES = 256 };

/*
 * Write step, bar, rows of total, rate and what remains, in at most columns. What is less
 * needed gives way first: long words, the version, the step's name, the rate, the bar. The bar
 * is drawn in blocks where unicode. Of an event without rows (REDFERRY_EVENT_STEP_BEGUN) only
 * the step is shown. Returns the columns filled.
 */
size_t progress_line_put(FILE *stream, const redferry_event *event, size_t columns,
                         bool unicode);

/* "420000 of about 1000000 rows, 45000 rows/s, ETA 13 s" in buf. Returns buf. */
const char *progress_line_figures(char buf[static PROGRESS_LINE_FIGURES],
                                  const redferry_event *event);

#endif
