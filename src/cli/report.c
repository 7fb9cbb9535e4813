/*
 * What is told while a command runs.
 *
 * On a terminal one line is drawn again and again; elsewhere (a deploy's log) the same facts
 * are a line every ten seconds, so that a log is neither silent nor flooded. Every other line
 * first takes the progress line away, whichever stream it goes to: both are usually one screen.
 * The file only words and draws: rates and totals are the library's, and how a line is fitted
 * to a terminal is progress_line's.
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
#include "progress_line.h"
#include "screen.h"
#include "text.h"

enum { DRAW_EVERY_MS = 100, SAY_EVERY_MS = 10 * 1000 };

static const char TAKE_AWAY[] = "\r\033[K";

static int64_t monotonic_ms(void)
{
    struct timespec time = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void report_init(struct report *report, FILE *err)
{
    *report =
        (struct report){.err = err, .failed = {.rows_total = -1}, .clock_ms = monotonic_ms};
}

static void take_away(struct report *report)
{
    if (report->drawn) fputs(TAKE_AWAY, report->err);
    report->drawn = false;
}

/* Begin a line of a log with the time. */
static void put_stamp(const struct report *report)
{
    char time[TEXT_TIME];
    if (report->stamped) fprintf(report->err, "%s ", text_now(time));
}

/* Write a line to err: prefix, in colour, then text. */
static void say_as(struct report *report, const char *prefix, enum screen_colour colour,
                   const char *text)
{
    take_away(report);
    put_stamp(report);
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

static void log_line(struct report *report, struct json_t *line)
{
    (void)document_print(line, report->err, true);
    (void)fflush(report->err);
}

static void warn(struct report *report, const char *text)
{
    say_as(report, "redferry: warning:", SCREEN_YELLOW, text);
}

/* Tell the warnings that were held back, and free them. */
static void let_go(struct report *report)
{
    for (size_t i = 0; i < report->held_count; i++) {
        const redferry_event held = {
            .kind = REDFERRY_EVENT_WARNING, .text = report->held[i], .rows_total = -1};
        if (report->manner.json)
            log_line(report, document_event(&held, report->manner.context));
        else
            warn(report, held.text);
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

void report_to_log(struct report *report, FILE *log, FILE *besides)
{
    take_away(report);
    (void)fflush(report->err);
    report->err = log;
    report->besides = besides;
    report->stamped = true;
    report->manner.redraws = report->manner.coloured = false;
}

void report_to_background(struct report *report, FILE *log)
{
    report_to_log(report, log, NULL);
    report->out = NULL;
}

static void forget_failure(struct report *report)
{
    free(report->failed_name);
    free(report->failed_step_name);
    report->failed_name = report->failed_step_name = NULL;
    report->failed = (redferry_event){.rows_total = -1};
}

void report_finish(struct report *report)
{
    let_go(report);
    take_away(report);
    (void)fflush(report->err);
}

void report_release(struct report *report)
{
    report_finish(report);
    forget_failure(report);
}

void report_error(struct report *report, const char *text)
{
    let_go(report);
    if (report->manner.json)
        log_line(report, document_failure(&report->failed, text, report->manner.context));
    else
        say_as(report, "redferry:", SCREEN_RED, text);
    if (report->besides == NULL) return;

    struct report screen = *report;
    screen.err = report->besides;
    screen.besides = NULL;
    screen.stamped = screen.drawn = false;
    report_error(&screen, text);
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

static void put_done(FILE *stream, const redferry_done *done, const char *word, bool brief)
{
    fprintf(stream, "%s %" PRId64 " ", word, done->version);
    text_put(stream, done->name != NULL ? done->name : "");
    if (!brief) put_figures(stream, &done->tally, done->seconds);
    fputs("\n", stream);
    (void)fflush(stream);
}

void report_done(struct report *report, const redferry_done *done, const char *word, bool brief)
{
    const struct report_manner *manner = &report->manner;
    const bool is_logged = report->stamped && !manner->json && !manner->quiet;
    if (report->out == NULL && !is_logged) return;
    take_away(report);
    (void)fflush(report->err);
    if (is_logged) {
        put_stamp(report);
        put_done(report->err, done, word, brief);
    }
    if (report->out != NULL) put_done(report->out, done, word, brief);
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

/* Make room for a line that is drawn again. Returns how many columns it may have: in the last
 * one some terminals would break the line. */
static size_t begin_drawing(struct report *report)
{
    fputs(TAKE_AWAY, report->err);
    report->drawn = true;
    return screen_columns(report->err) - 1;
}

static void draw_progress(struct report *report, const redferry_event *event)
{
    const size_t columns = begin_drawing(report);
    (void)progress_line_put(report->err, event, columns, report->manner.unicode);
    (void)fflush(report->err);
}

/* Draw for what we wait, and for how long: where there is no room for both, the former is cut,
 * since it was told at the beginning, and only the latter moves. */
static void draw_wait(struct report *report, const char *text, const char *so_far)
{
    const size_t columns = begin_drawing(report), width = strlen(so_far);
    (void)text_put_cut(report->err, text, columns > width ? columns - width : 0);
    (void)text_put_cut(report->err, so_far, columns);
    (void)fflush(report->err);
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
    char so_far[64];
    (void)snprintf(so_far, sizeof so_far, " (%.0f s so far)", event->seconds);
    if (report->manner.redraws) {
        draw_wait(report, text, so_far);
    } else if (is_due(&report->said_ms, SAY_EVERY_MS, report)) {
        char *line = text_format("%s%s", text, so_far);
        if (line != NULL) say(report, line);
        free(line);
    }
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

/* A statement may take its time, and tells of nothing meanwhile. */
static void on_step_begun(struct report *report, const redferry_event *event)
{
    if (report->manner.verbose) say_label(report, "", event);
    if (report->manner.redraws) draw_progress(report, event);
}

static void on_progress(struct report *report, const redferry_event *event)
{
    bool redraws = report->manner.redraws;
    if (!report->manner.progress) return;
    if (redraws && !is_due(&report->drawn_ms, DRAW_EVERY_MS, report)) return;
    if (!redraws && !is_due(&report->said_ms, SAY_EVERY_MS, report)) return;

    if (redraws) {
        draw_progress(report, event);
        return;
    }
    char figures[PROGRESS_LINE_FIGURES];
    char *place = label(event);
    char *line = place != NULL
                     ? text_format("%s: %s", place, progress_line_figures(figures, event))
                     : NULL;
    if (line != NULL) say(report, line);
    free(line);
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
    [REDFERRY_EVENT_PAUSED] = {on_waiting, false},
    [REDFERRY_EVENT_RESUMED] = {on_note, false},
};

/* Write the event as a JSON line, where it is wanted and due. */
static void log_event(struct report *report, const redferry_event *event)
{
    const struct report_manner *manner = &report->manner;
    bool is_wait =
        event->kind == REDFERRY_EVENT_WAITING || event->kind == REDFERRY_EVENT_PAUSED;
    bool again = event->kind == REDFERRY_EVENT_PROGRESS || (is_wait && event->seconds >= 0.5);
    bool wanted = event->kind == REDFERRY_EVENT_WARNING ||
                  event->kind == REDFERRY_EVENT_MIGRATION_FAILED || !manner->quiet;
    if (again && !manner->progress) wanted = false;
    if (event->kind == REDFERRY_EVENT_MIGRATION_BEGUN) report->said_ms = report->clock_ms();
    if (!wanted || (again && !is_due(&report->said_ms, SAY_EVERY_MS, report))) return;
    log_line(report, document_event(event, manner->context));
}

/* The error at the end is a line of its own, and belongs to the same run. */
static void keep_failure(struct report *report, const redferry_event *event)
{
    forget_failure(report);
    report->failed = *event;
    report->failed.text = NULL;
    if (event->name != NULL) report->failed_name = strdup(event->name);
    if (event->step_name != NULL) report->failed_step_name = strdup(event->step_name);
    report->failed.name = report->failed_name;
    report->failed.step_name = report->failed_step_name;
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
    if (event->kind == REDFERRY_EVENT_MIGRATION_FAILED) keep_failure(report, event);
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
