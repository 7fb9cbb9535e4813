/*
 * How far a step is, fitted to a line.
 *
 * A terminal of 40 columns has to hold the same facts as one of 200, so there is a list of
 * layouts, from the most talkative to the barest, and the first that fits is drawn. Numbers in,
 * text out: when to draw, and where, is the report's affair.
 */
#include "progress_line.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "text.h"

enum {
    BAR_LEAST = 7, /* with its brackets and the blank before it */
    BAR_FAIR = 15, /* a long name leaves it so much, where it can */
    BAR_MOST = 27,
    BAR_FRAME = 3,
    NAME_LEAST = 4,
    HEAD_SIZE = 64,
    NUMBER_SIZE = 32,
    IDLE_SECONDS = 3,
    REMAINING_MOST = 99 * 24 * 3600
};

/* In which words the figures stand. What is NULL is left out. */
struct words {
    bool terse; /* 1.2M, 1m30s */
    const char *of, *rows;
    const char *rate, *per_second;
    const char *remaining, *waiting;
    const char *slow; /* it makes itself slower: before Redis' milliseconds */
};

static const struct words full = {.of = " of about ",
                                  .rows = " rows",
                                  .rate = ", ",
                                  .per_second = " rows/s",
                                  .remaining = ", ETA ",
                                  .waiting = ", waiting ",
                                  .slow = ", slowed down: Redis takes "};
static const struct words brief = {.of = "/~",
                                   .rows = " rows",
                                   .rate = ", ",
                                   .per_second = "/s",
                                   .remaining = ", ETA ",
                                   .waiting = ", waiting ",
                                   .slow = ", slow: Redis "};
static const struct words terse = {.terse = true,
                                   .of = "/~",
                                   .rows = "",
                                   .rate = " ",
                                   .per_second = "/s",
                                   .remaining = " ETA ",
                                   .waiting = " waiting ",
                                   .slow = " slow "};
static const struct words no_rate = {.terse = true,
                                     .of = "/~",
                                     .rows = "",
                                     .remaining = " ETA ",
                                     .waiting = " waiting ",
                                     .slow = " slow "};
static const struct words bare = {.terse = true, .of = "/~", .rows = "", .slow = " slow "};

/* What stands in a line, the best first. The last one is cut where it does not fit either. */
static const struct layout {
    const struct words *words;
    bool version, step, bar;
    size_t least; /* columns; what fits into fewer would leave no room for the name */
} layouts[] = {
    {&full, true, true, true, 100},   {&brief, true, true, true, 0},
    {&terse, true, true, true, 0},    {&terse, false, true, true, 0},
    {&no_rate, false, true, true, 0}, {&bare, false, true, true, 0},
    {&bare, false, false, false, 0},
};

enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

/* "9999", "45k", "1.2M": three digits are as many as an estimate bears. */
static const char *short_number(char buf[static NUMBER_SIZE], double number)
{
    static const char *const units[] = {"", "k", "M", "G", "T", "P", "E"};
    size_t unit = 0;
    if (number < 10000) {
        (void)snprintf(buf, NUMBER_SIZE, "%.0f", number);
        return buf;
    }
    for (; number >= 999.5; unit++) number /= 1000;
    const int places = number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
    int length = snprintf(buf, NUMBER_SIZE, "%.*f", places, number);
    while (places > 0 && buf[length - 1] == '0') length--;
    if (places > 0 && buf[length - 1] == '.') length--;
    (void)snprintf(buf + length, NUMBER_SIZE - (size_t)length, "%s", units[unit]);
    return buf;
}

static const char *number(char buf[static NUMBER_SIZE], const struct words *words,
                          int64_t value)
{
    if (words->terse) return short_number(buf, (double)value);
    (void)snprintf(buf, NUMBER_SIZE, "%" PRId64, value);
    return buf;
}

/* A rate below ten has a digit behind the point: 0.4 rows/s is not none. */
static const char *rate(char buf[static NUMBER_SIZE], const struct words *words, double value)
{
    if (!(value > 0)) value = 0;
    if (value >= 9.95 && words->terse) return short_number(buf, value);
    (void)snprintf(buf, NUMBER_SIZE, "%.*f", value >= 9.95 || value < 0.05 ? 0 : 1, value);
    return buf;
}

/* "13 s", "1 min 30 s", "13s", "1m30s": as precise as a guess can be. */
static const char *duration(char buf[static TEXT_TIME], const struct words *words,
                            double seconds)
{
    const int64_t whole = (int64_t)(seconds + 0.5);
    if (whole < 60) {
        (void)snprintf(buf, TEXT_TIME, "%" PRId64 "%s", whole, words->terse ? "s" : " s");
    } else if (!words->terse) {
        return text_duration(buf, (double)whole);
    } else if (whole < 3600) {
        (void)snprintf(buf, TEXT_TIME, "%" PRId64 "m%02" PRId64 "s", whole / 60, whole % 60);
    } else if (whole < 24 * 3600) {
        (void)snprintf(buf, TEXT_TIME, "%" PRId64 "h%02" PRId64 "m", whole / 3600,
                       whole / 60 % 60);
    } else {
        (void)snprintf(buf, TEXT_TIME, "%" PRId64 "d%02" PRId64 "h", whole / 86400,
                       whole / 3600 % 24);
    }
    return buf;
}

/* Whether rows have not gone beyond the estimate, so that it still says something of the end.
 */
static bool has_end(const redferry_event *event)
{
    return event->rows_total > 0 && event->step_rows <= event->rows_total;
}

/* How many seconds remain at the present rate; negative: who knows. */
static double seconds_left(const redferry_event *event)
{
    if (!has_end(event) || !(event->rows_per_second > 0)) return -1;
    const double left = (double)(event->rows_total - event->step_rows) / event->rows_per_second;
    return left <= REMAINING_MOST ? left : -1;
}

/* What is to come: when it ends, or that nothing moves. "" where there is nothing to say. */
static void put_outlook(char buf[static HEAD_SIZE], const struct words *words,
                        const redferry_event *event)
{
    char time[TEXT_TIME];
    const bool waits = event->idle_seconds >= IDLE_SECONDS;
    const double seconds = waits ? event->idle_seconds : seconds_left(event);
    buf[0] = '\0';
    if (words->remaining == NULL || seconds < 0) return;
    (void)snprintf(buf, HEAD_SIZE, "%s%s", waits ? words->waiting : words->remaining,
                   duration(time, words, seconds));
}

/* Why it is slow, where it makes itself so. */
static void put_slowness(char buf[static HEAD_SIZE], const struct words *words,
                         const redferry_event *event)
{
    buf[0] = '\0';
    if (words->slow == NULL || !event->slowed) return;
    (void)snprintf(buf, HEAD_SIZE, "%s%.*f%s", words->slow, words->terse ? 0 : 1,
                   event->redis_ms, words->terse ? "ms" : " ms");
}

static const char *figures(char buf[static PROGRESS_LINE_FIGURES], const struct words *words,
                           const redferry_event *event)
{
    char rows[NUMBER_SIZE], total[NUMBER_SIZE], speed[NUMBER_SIZE], outlook[HEAD_SIZE];
    char slowness[HEAD_SIZE];
    const bool is_estimated = event->rows_total > 0;
    put_outlook(outlook, words, event);
    put_slowness(slowness, words, event);
    (void)snprintf(buf, PROGRESS_LINE_FIGURES, "%s%s%s%s%s%s%s%s%s",
                   number(rows, words, event->step_rows), is_estimated ? words->of : "",
                   is_estimated ? number(total, words, event->rows_total) : "", words->rows,
                   words->rate != NULL ? words->rate : "",
                   words->rate != NULL ? rate(speed, words, event->rows_per_second) : "",
                   words->rate != NULL ? words->per_second : "", outlook, slowness);
    return buf;
}

const char *progress_line_figures(char buf[static PROGRESS_LINE_FIGURES],
                                  const redferry_event *event)
{
    return figures(buf, &full, event);
}

/* "20200211131900 1/2", "1/2" or nothing. */
static const char *head(char buf[static HEAD_SIZE], const struct layout *layout,
                        const redferry_event *event)
{
    char version[NUMBER_SIZE] = "", step[NUMBER_SIZE] = "";
    if (layout->version)
        (void)snprintf(version, sizeof version, "%" PRId64 " ", event->version);
    if (layout->step) (void)snprintf(step, sizeof step, "%d/%d", event->step, event->steps);
    (void)snprintf(buf, HEAD_SIZE, "%s%s%s", layout->version && event->down ? "undoing " : "",
                   version, step);
    return buf;
}

/* Write the step's name in at most columns, with a blank before it, unless it says no more than
 * its number. Returns the columns filled. */
static size_t put_name(FILE *stream, const redferry_event *event, size_t columns)
{
    char usual[NUMBER_SIZE];
    const char *name = event->step_name != NULL ? event->step_name : "";
    const size_t width = text_width(name);
    (void)snprintf(usual, sizeof usual, "step %d", event->step);
    if (width == 0 || strcmp(name, usual) == 0) return 0;
    if (columns <= width && columns <= NAME_LEAST) return 0; /* ".." names nothing */
    fputs(" ", stream);
    return 1 + text_put_cut(stream, name, columns - 1);
}

/* Write how much of the step is done, " [####----]", in width columns. */
static void put_bar(FILE *stream, const redferry_event *event, size_t width, bool unicode)
{
    const char *done = unicode ? "\xe2\x96\x88" : "#";
    const char *left = unicode ? "\xe2\x96\x91" : "-";
    const size_t inner = width - BAR_FRAME;
    const size_t filled =
        (size_t)((double)inner * (double)event->step_rows / (double)event->rows_total);
    fputs(" [", stream);
    for (size_t i = 0; i < inner; i++) fputs(i < filled ? done : left, stream);
    fputs("]", stream);
}

/* What of room, the columns between head and figures, the name may take. */
static size_t name_room(size_t room, size_t bar)
{
    if (bar == 0) return room;
    const size_t fair = room / 2 < BAR_FAIR ? room / 2 : BAR_FAIR;
    return room - (fair > bar ? fair : bar);
}

size_t progress_line_put(FILE *stream, const redferry_event *event, size_t columns,
                         bool unicode)
{
    char front[HEAD_SIZE], back[PROGRESS_LINE_FIGURES] = "";
    const bool has_rows = event->kind != REDFERRY_EVENT_STEP_BEGUN;
    size_t at = 0, own = 0, behind = 0, bar = 0;
    for (; at < LAYOUTS; at++) {
        const struct layout *layout = &layouts[at];
        if (columns < layout->least) continue;
        if (has_rows) (void)figures(back, layout->words, event);
        own = strlen(head(front, layout, event));
        behind = strlen(back) + (has_rows && own > 0 ? 1 : 0);
        bar = has_rows && layout->bar && has_end(event) ? BAR_LEAST : 0;
        if (own + bar + behind <= columns) break;
    }
    if (at == LAYOUTS) return text_put_cut(stream, back, columns);

    size_t filled = text_put_cut(stream, front, columns);
    if (own > 0) filled += put_name(stream, event, name_room(columns - own - behind, bar));
    if (bar > 0) {
        bar = columns - filled - behind;
        if (bar > BAR_MOST) bar = BAR_MOST;
        put_bar(stream, event, bar, unicode);
    }
    if (has_rows && own > 0) fputs(" ", stream);
    fputs(back, stream);
    return filled + bar + behind;
}
