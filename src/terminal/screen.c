/*
 * What the other side of a stream can do.
 *
 * The few sequences used here (carriage return, erase to the end of the line, four colours) are
 * understood by every terminal but a dumb one, so no terminal database is asked.
 */
#include "screen.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"

enum { STANDARD_COLUMNS = 80, MOST_COLUMNS = 10000 };

bool screen_is_terminal(FILE *stream)
{
    const char *term = getenv("TERM");
    bool knows = term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
    return knows && isatty(fileno(stream)) == 1;
}

bool screen_is_coloured(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR");
    return (no_color == NULL || *no_color == '\0') && screen_is_terminal(stream);
}

bool screen_is_unicode(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value == NULL || *value == '\0') continue;
        return strcasestr(value, "UTF-8") != NULL || strcasestr(value, "utf8") != NULL;
    }
    return false;
}

size_t screen_columns(FILE *stream)
{
    struct winsize size = {0};
    const char *columns = getenv("COLUMNS");
    int64_t number = STANDARD_COLUMNS;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    if (columns != NULL) (void)text_number(columns, 1, MOST_COLUMNS, &number);
    return (size_t)number;
}

const char *screen_colour(enum screen_colour colour, bool coloured)
{
    static const char *const sequences[] = {
        [SCREEN_PLAIN] = "\033[0m",   [SCREEN_RED] = "\033[31m",  [SCREEN_GREEN] = "\033[32m",
        [SCREEN_YELLOW] = "\033[33m", [SCREEN_FAINT] = "\033[2m",
    };
    return coloured ? sequences[colour] : "";
}
