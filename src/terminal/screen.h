#ifndef REDFERRY_SCREEN_H
#define REDFERRY_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * What the other side of a stream can do: redraw a line, show colours, and how wide it is.
 */
enum screen_colour { SCREEN_PLAIN, SCREEN_RED, SCREEN_GREEN, SCREEN_YELLOW, SCREEN_FAINT };

/* Whether stream is a terminal that knows how to go back in a line (TERM is set, not dumb). */
bool screen_is_terminal(FILE *stream);

/* Whether to colour what goes to stream: a terminal, and NO_COLOR is empty or not set. */
bool screen_is_coloured(FILE *stream);

/* Whether the environment (LC_ALL, LC_CTYPE, LANG) says that text is UTF-8. */
bool screen_is_unicode(void);

/* How many columns stream's terminal has now, else what COLUMNS says, else 80. */
size_t screen_columns(FILE *stream);

/* What switches colour on (SCREEN_PLAIN: off); "" where coloured is false. Borrowed. */
const char *screen_colour(enum screen_colour colour, bool coloured);

#endif
