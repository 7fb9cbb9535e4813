/*
 * What is told while a command runs.
 *
 * On a terminal one line is drawn again and again; elsewhere (a deploy's log) the same facts
 * are a line every ten seconds, so that a log is neither silent nor flooded. Every other line
 * first takes the progress line away, whichever stream it goes to: both are usually one screen.
 * The file only words and draws: rates and totals are the library's.
 *
 * Reading redferry.yaml may already give warnings, and how to print them may stand in that very
 * file; so they are held back until report_start().
 */
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "document.h"
#include "screen.h"
#include "text.h"

enum {
    DRAW_EVERY_MS = 100,
    SAY_EVERY_MS = 10 * 1000,
    BAR_LEAST = 8,
    BAR_MOST = 24,
    LABEL_LEAST = 16
};

/* In which words it is told how far a step is: the first that fit the terminal. */
static const struct manner_of_figures {
    size_t columns; /* wanted of the terminal */
    const char *of, *then, *rate, *rest;
} figure_words[] = {
    {100, " of about ", " rows, ", " rows/s", ", ETA "},
    {60, "/", " rows, ", "/s", ", ETA "},
    {0, "/", " ", "/s", " "},
};

static const char TAKE_AWAY[] = "\r\033[K";

static int64_t monotonic_ms(void)
{
    struct timespec time = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void report_init(struct report *report, FILE *err)
{
    *report = (struct report){.err = err, .clock_ms = monotonic_ms};
}

static void take_away(struct report *report)
{
    if (report->drawn) fputs(TAKE_AWAY, report->err);
    report->drawn = false;
}

/* Write a line to err: prefix, in colour, then text. */
static void say_as(struct report *report, const char *prefix, enum screen_colour colour,
                   const char *text)
{
    take_away(report);
    fputs(screen_colour(colour, report->manner.coloured), report->err);
    fputs(prefix, report->err);
    fputs(screen_colour(SCREEN_PLAIN, report->manner.coloured), report->err);
    fputs(" ", report->err);
    text_put(report->err, text);
    fputs("\n", report->err);
    (void)fflush(report->err);
}

static void say(struct report *report, const char *text)
{
    say_as(report, "redferry:", SCREEN_PLAIN, text);
}

static void warn(struct report *report, const char *text)
{
    if (report->manner.json) {
        (void)document_print(document_log("warning", text), report->err, true);
    } else {
        say_as(report, "redferry: warning:", SCREEN_YELLOW, text);
    }
}

/* Tell the warnings that were held back, and free them. */
static void let_go(struct report *report)
{
    for (size_t i = 0; i < report->held_count; i++) {
        warn(report, report->held[i]);
        free(report->held[i]);
    }
    report->held_count = 0;
}

void report_start(struct report *report, const struct report_manner *manner, FILE *out)
{
    report->manner = *manner;
    report->out = out;
    report->started = true;
    report->said_ms = report->clock_ms();
    let_go(report);
}

void report_finish(struct report *report)
{
    let_go(report);
    take_away(report);
    (void)fflush(report->err);
}

void report_error(struct report *report, const char *text)
{
    let_go(report);
    if (report->manner.json) {
        (void)document_print(document_log("error", text), report->err, true);
    } else {
        say_as(report, "redferry:", SCREEN_RED, text);
    }
}

/* "13 s": as precise as a guess can be. */
static const char *remaining(char buf[static TEXT_TIME], double seconds)
{
    if (seconds >= 60) return text_duration(buf, seconds);
    (void)snprintf(buf, TEXT_TIME, "%.0f s", seconds);
    return buf;
}

/* Print ": 2 rows, 4 commands, 2 messages in 0.01 s", without what is 0 but for the rows. */
static void put_figures(FILE *stream, const redferry_tally *tally, double seconds)
{
    char buf[64], took[TEXT_TIME];
    bool changes = tally->rows_changed > 0;
    if (tally->rows_read > 0 || !changes)
        fprintf(stream, ": %s", text_count(buf, tally->rows_read, "row"));
    if (changes)
        fprintf(stream, "%s%s changed", tally->rows_read > 0 ? ", " : ": ",
                text_count(buf, tally->rows_changed, "row"));
    if (tally->commands_sent > 0)
        fprintf(stream, ", %s", text_count(buf, tally->commands_sent, "command"));
    if (tally->messages_published > 0)
        fprintf(stream, ", %s", text_count(buf, tally->messages_published, "message"));
    fprintf(stream, " in %s", text_duration(took, seconds));
}

void report_done(struct report *report, const redferry_done *done, const char *word, bool brief)
{
    if (report->out == NULL) return;
    take_away(report);
    (void)fflush(report->err);
    fprintf(report->out, "%s %" PRId64 " ", word, done->version);
    text_put(report->out, done->name != NULL ? done->name : "");
    if (!brief) put_figures(report->out, &done->tally, done->seconds);
    fputs("\n", report->out);
    (void)fflush(report->out);
    report->done++;
}

/* The migration and, where it is in one, the step: "2020 flags: step 1 of 2 'x'". Yours to
 * free; NULL when memory runs out. */
static char *label(const redferry_event *event)
{
    char step[64] = "";
    const char *name = event->step_name;
    if (event->step > 0)
        (void)snprintf(step, sizeof step, ": step %d of %d", event->step, event->steps);
    return text_format("%s%" PRId64 " %s%s%s%s%s", event->down ? "undoing " : "",
                       event->version, event->name != NULL ? event->name : "", step,
                       event->step > 0 && name != NULL ? " '" : "",
                       event->step > 0 && name != NULL ? name : "",
                       event->step > 0 && name != NULL ? "'" : "");
}

/* The estimate, where there is one and rows have not gone beyond it; else -1. */
static int64_t total(const redferry_event *event)
{
    return event->rows_total > 0 && event->step_rows <= event->rows_total ? event->rows_total
                                                                          : -1;
}

/* "20200211131900 flags 1/2": what fits beside a bar. Yours to free. */
static char *short_label(const redferry_event *event)
{
    const char *name = event->step_name != NULL ? event->step_name : "";
    return text_format("%s%" PRId64 " %s %d/%d", event->down ? "undoing " : "", event->version,
                       name, event->step, event->steps);
}

/* "420000 of about 1000000 rows, 45000 rows/s, ETA 13 s", or shorter. Yours to free. */
static char *figures(const redferry_event *event, size_t columns)
{
    const struct manner_of_figures *words = figure_words;
    char rest[TEXT_TIME], of[64] = "", left[96] = "";
    int64_t whole = total(event);
    double rate = event->rows_per_second > 0 ? event->rows_per_second : 0;
    while (words->columns > columns) words++;
    if (whole >= 0) (void)snprintf(of, sizeof of, "%s%" PRId64, words->of, whole);
    if (whole >= 0 && rate >= 1)
        (void)snprintf(left, sizeof left, "%s%s", words->rest,
                       remaining(rest, (double)(whole - event->step_rows) / rate));
    return text_format("%" PRId64 "%s%s%.0f%s%s", event->step_rows, of, words->then, rate,
                       words->rate, left);
}

/* Draw how much of the step is done: " [####----]", in width columns. */
static void put_bar(FILE *stream, const redferry_event *event, size_t width)
{
    size_t inner = width - 3;
    size_t full = (size_t)((double)inner * (double)event->step_rows / (double)total(event));
    fputs(" [", stream);
    for (size_t i = 0; i < inner; i++) fputs(i < full ? "#" : "-", stream);
    fputs("]", stream);
}

/* Draw the line again: label, bar, figures. The figures matter most, then the label. */
static void draw(struct report *report, const char *label_text, const char *figures_text,
                 const redferry_event *event)
{
    size_t columns = screen_columns(report->err) - 1;
    size_t needed = figures_text != NULL ? text_width(figures_text) + 1 : 0;
    size_t room = columns > needed ? columns - needed : 0;
    size_t own = text_width(label_text);
    size_t bar = 0;
    if (event != NULL && total(event) > 0 && room >= LABEL_LEAST + BAR_LEAST) {
        bar = room > own + BAR_LEAST ? room - own : BAR_LEAST;
        if (bar > BAR_MOST) bar = BAR_MOST;
    }
    fputs(TAKE_AWAY, report->err);
    (void)text_put_cut(report->err, label_text, room - bar);
    if (bar > 0) put_bar(report->err, event, bar);
    if (needed > 0 && room > 0) fputs(" ", report->err);
    if (needed > 0) (void)text_put_cut(report->err, figures_text, columns);
    (void)fflush(report->err);
    report->drawn = true;
}

/* Whether something that comes often is due again; then it counts as told. */
static bool is_due(int64_t *last, int64_t every, const struct report *report)
{
    int64_t now = report->clock_ms();
    if (now - *last < every) return false;
    *last = now;
    return true;
}

static void on_warning(struct report *report, const redferry_event *event)
{
    const char *text = event->text != NULL ? event->text : "";
    if (report->started) {
        warn(report, text);
    } else if (report->held_count < REPORT_HELD) {
        char *copy = strdup(text);
        if (copy != NULL) report->held[report->held_count++] = copy;
    }
}

static void on_note(struct report *report, const redferry_event *event)
{
    if (!report->manner.quiet && event->text != NULL) say(report, event->text);
}

/* The first one is a line of its own; then the wait is shown as progress. */
static void on_waiting(struct report *report, const redferry_event *event)
{
    const char *text = event->text != NULL ? event->text : "waiting";
    bool first = event->seconds < 0.5;
    if (first) {
        say(report, text);
        report->said_ms = report->clock_ms();
        return;
    }
    if (!report->manner.progress) return;
    char *line = text_format("%s (%.0f s so far)", text, event->seconds);
    if (line != NULL && report->manner.redraws) {
        draw(report, line, NULL, NULL);
    } else if (line != NULL && is_due(&report->said_ms, SAY_EVERY_MS, report)) {
        say(report, line);
    }
    free(line);
}

/* Say "WORD 2020 flags…". */
static void say_label(struct report *report, const char *word, const redferry_event *event)
{
    char *text = label(event);
    char *line = text != NULL ? text_format("%s%s", word, text) : NULL;
    if (line != NULL) say(report, line);
    free(line);
    free(text);
}

static void on_migration_begun(struct report *report, const redferry_event *event)
{
    report->said_ms = report->clock_ms();
    if (report->manner.redraws && !report->manner.verbose) return;
    say_label(report, event->down ? "" : "applying ", event);
}

static void on_step_begun(struct report *report, const redferry_event *event)
{
    if (report->manner.verbose) say_label(report, "", event);
}

static void on_progress(struct report *report, const redferry_event *event)
{
    bool redraws = report->manner.redraws;
    if (!report->manner.progress) return;
    if (redraws && !is_due(&report->drawn_ms, DRAW_EVERY_MS, report)) return;
    if (!redraws && !is_due(&report->said_ms, SAY_EVERY_MS, report)) return;

    char *place = redraws ? short_label(event) : label(event);
    char *how_far = figures(event, redraws ? screen_columns(report->err) : SIZE_MAX);
    if (place != NULL && how_far != NULL && redraws) {
        draw(report, place, how_far, event);
    } else if (place != NULL && how_far != NULL) {
        char *line = text_format("%s: %s", place, how_far);
        if (line != NULL) say(report, line);
        free(line);
    }
    free(how_far);
    free(place);
}

static void on_step_done(struct report *report, const redferry_event *event)
{
    char buf[64];
    if (!report->manner.verbose) return;
    char *place = label(event);
    char *line = place != NULL ? text_format("%s: done, %s", place,
                                             text_count(buf, event->step_rows, "row"))
                               : NULL;
    if (line != NULL) say(report, line);
    free(line);
    free(place);
}

/* The error itself comes from the handle, at the end; here only the line goes away. */
static void on_migration_failed(struct report *report, const redferry_event *event)
{
    (void)event;
    take_away(report);
}

/* What is done with an event in text; quiet: also where only warnings and errors are wanted. */
static const struct {
    void (*tell)(struct report *report, const redferry_event *event);
    bool quiet;
} tellers[] = {
    [REDFERRY_EVENT_WARNING] = {on_warning, true},
    [REDFERRY_EVENT_NOTE] = {on_note, false},
    [REDFERRY_EVENT_WAITING] = {on_waiting, false},
    [REDFERRY_EVENT_MIGRATION_BEGUN] = {on_migration_begun, false},
    [REDFERRY_EVENT_STEP_BEGUN] = {on_step_begun, false},
    [REDFERRY_EVENT_PROGRESS] = {on_progress, false},
    [REDFERRY_EVENT_STEP_DONE] = {on_step_done, false},
    [REDFERRY_EVENT_MIGRATION_FAILED] = {on_migration_failed, true},
};

/* Write the event as a JSON line, where it is wanted and due. */
static void log_event(struct report *report, const redferry_event *event)
{
    const struct report_manner *manner = &report->manner;
    bool again = event->kind == REDFERRY_EVENT_PROGRESS ||
                 (event->kind == REDFERRY_EVENT_WAITING && event->seconds >= 0.5);
    bool wanted = event->kind == REDFERRY_EVENT_WARNING ||
                  event->kind == REDFERRY_EVENT_MIGRATION_FAILED || !manner->quiet;
    if (again && !manner->progress) wanted = false;
    if (event->kind == REDFERRY_EVENT_MIGRATION_BEGUN) report->said_ms = report->clock_ms();
    if (!wanted || (again && !is_due(&report->said_ms, SAY_EVERY_MS, report))) return;
    (void)document_print(document_event(event, manner->context), report->err, true);
    (void)fflush(report->err);
}

void report_event(const redferry_event *event, void *payload)
{
    struct report *report = payload;
    size_t kind = (size_t)event->kind;
    if (report->started && report->manner.json) {
        log_event(report, event);
    } else if (kind < sizeof tellers / sizeof tellers[0] && tellers[kind].tell != NULL) {
        bool wanted = tellers[kind].quiet || (report->started && !report->manner.quiet);
        if (wanted) tellers[kind].tell(report, event);
    }
    if (event->kind != REDFERRY_EVENT_MIGRATION_DONE) return;
    redferry_done done = {
        .version = event->version,
        .name = event->name,
        .undone = event->down,
        .run_id = event->run_id,
        .tally = event->tally,
        .seconds = event->seconds,
    };
    report_done(report, &done, event->down ? "undone" : "applied", false);
}
