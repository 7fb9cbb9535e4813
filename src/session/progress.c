/*
 * Progress: what a run has done so far, told as events. Counters come in with every batch;
 * events go out at most five times a second, so that telling costs nothing however fast rows
 * flow. The rate that they tell is a recent one: it falls while a server keeps the run waiting,
 * and what it promises of the end is what the present promises. It knows nothing of terminals:
 * how an event looks is the caller's affair.
 */
#include "progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "number.h"

enum {
    PROGRESS_INTERVAL_MS = 200,
    TELL_PAUSE_EVERY_MS = 1000,
    TELL_OUTAGE_FROM_MS = 1000,
    TEXT_SIZE = 512,
    SAMPLE_EVERY_MS = 1000,
    WINDOW_MS = 10 * 1000,
    SAMPLES_LEAST = 4 /* so that rows which come in bursts give no rate of 0 between them */
};

_Static_assert((int)PROGRESS_SAMPLES > (int)WINDOW_MS / (int)SAMPLE_EVERY_MS + 1,
               "the window's samples have room");

void listener_tell(const struct listener *listener, const struct event *event)
{
    if (listener->tell != NULL) listener->tell(event, listener->payload);
}

void listener_say(const struct listener *listener, enum event_kind kind, const char *format,
                  ...)
{
    char text[ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    listener_tell(listener, &(struct event){.kind = kind, .text = text, .rows_total = -1});
}

double progress_seconds(const struct progress *progress)
{
    return (double)(clock_monotonic_ms() - progress->begun_ms) / 1000.0;
}

/* ---- pace ----------------------------------------------------------------------------- */

void progress_pace_begin(struct progress_pace *pace, int64_t now_ms)
{
    *pace = (struct progress_pace){.samples = {{now_ms, 0}}, .count = 1, .moved_ms = now_ms};
}

static void drop_oldest(struct progress_pace *pace)
{
    pace->count--;
    memmove(pace->samples, pace->samples + 1, (size_t)pace->count * sizeof *pace->samples);
}

void progress_pace_note(struct progress_pace *pace, int64_t now_ms, int64_t rows)
{
    if (rows == pace->rows) return;
    pace->rows = rows;
    pace->moved_ms = now_ms;
    if (now_ms - pace->samples[pace->count - 1].at_ms < SAMPLE_EVERY_MS) return;
    pace->samples[pace->count++] = (struct progress_sample){now_ms, rows};
    while (pace->count == PROGRESS_SAMPLES ||
           (pace->count > SAMPLES_LEAST && pace->samples[1].at_ms <= now_ms - WINDOW_MS))
        drop_oldest(pace);
}

static double per_second(int64_t rows, int64_t ms)
{
    return rows > 0 && ms > 0 ? (double)rows * 1000.0 / (double)ms : 0;
}

double progress_pace_rate(const struct progress_pace *pace, int64_t now_ms)
{
    const struct progress_sample *from = &pace->samples[0];
    return per_second(pace->rows - from->rows, now_ms - from->at_ms);
}

/* ---- telling -------------------------------------------------------------------------- */

/* While a step lasts its rate is the present one, in the end that of the whole. */
static void tell(struct progress *progress, enum event_kind kind, const char *text)
{
    const int64_t now = clock_monotonic_ms();
    struct event *event = &progress->event;
    event->kind = kind;
    event->text = text;
    event->seconds = progress_seconds(progress);
    event->step_rows = event->tally.rows_read - progress->rows_before_step;
    progress_pace_note(&progress->pace, now, event->step_rows);
    event->idle_seconds = (double)(now - progress->pace.moved_ms) / 1000.0;
    event->rows_per_second = kind == EVENT_PROGRESS
                                 ? progress_pace_rate(&progress->pace, now)
                                 : per_second(event->step_rows, now - progress->step_begun_ms);
    progress->told_ms = now;
    listener_tell(progress->listener, event);
}

void progress_begin(struct progress *progress, const struct listener *listener,
                    const struct run *run, int steps)
{
    const int64_t now = clock_monotonic_ms();
    *progress = (struct progress){
        .listener = listener,
        .event = {.version = run->version,
                  .name = run->name,
                  .down = run->down,
                  .run_id = run->id,
                  .steps = steps,
                  .rows_total = -1},
        .begun_ms = now,
        .step_begun_ms = now,
    };
    progress_pace_begin(&progress->pace, now);
    tell(progress, EVENT_MIGRATION_BEGUN, NULL);
}

void progress_step(struct progress *progress, int step, const char *name, int64_t rows_total)
{
    progress->event.step = step;
    progress->event.step_name = name;
    progress->event.rows_total = rows_total;
    progress->rows_before_step = progress->event.tally.rows_read;
    progress->step_begun_ms = clock_monotonic_ms();
    progress_pace_begin(&progress->pace, progress->step_begun_ms);
    tell(progress, EVENT_STEP_BEGUN, NULL);
}

/* Redis came back with less, and what it has lost is carried again: that is counted from there,
 * and how fast the rows went that are gone says nothing. */
static void go_back(struct progress *progress, int64_t rows_read)
{
    if (progress->rows_before_step > rows_read) progress->rows_before_step = rows_read;
    progress_pace_begin(&progress->pace, clock_monotonic_ms());
    progress->pace.rows = rows_read - progress->rows_before_step;
    progress->pace.samples[0].rows = progress->pace.rows;
}

void progress_count(struct progress *progress, const struct tally *tally)
{
    if (tally->rows_read < progress->event.tally.rows_read) go_back(progress, tally->rows_read);
    progress->event.tally = *tally;
    if (clock_monotonic_ms() - progress->told_ms >= PROGRESS_INTERVAL_MS)
        tell(progress, EVENT_PROGRESS, NULL);
}

void progress_skip(struct progress *progress, int64_t ms)
{
    progress->step_begun_ms += ms;
    progress->pace.moved_ms += ms;
    for (int i = 0; i < progress->pace.count; i++) progress->pace.samples[i].at_ms += ms;
}

void progress_join(struct progress *progress, int64_t ms, int64_t rows)
{
    progress->step_begun_ms -= ms;
    progress->rows_before_step -= rows;
    progress->pace.samples[0].rows = progress->pace.rows = rows;
}

void progress_end(struct progress *progress, enum event_kind kind, const char *text)
{
    tell(progress, kind, text);
}

/* ---- a pause, an outage ---------------------------------------------------------------- */

const char *progress_name(const char *by)
{
    return by != NULL ? by : "somebody";
}

void progress_tell(const struct progress *progress, enum event_kind kind, const char *text,
                   double seconds)
{
    struct event event = progress->event;
    event.kind = kind;
    event.text = text;
    event.seconds = seconds;
    /* The row counts are of this moment, so that rows and step_rows agree. */
    event.step_rows = event.tally.rows_read - progress->rows_before_step;
    listener_tell(progress->listener, &event);
}

void progress_pause(const struct progress *progress, struct progress_pause *pause,
                    const char *by)
{
    const int64_t now = clock_monotonic_ms();
    const bool is_first = pause->told_ms == 0;
    char text[TEXT_SIZE];
    if (pause->begun_ms == 0) pause->begun_ms = now;
    if (!is_first && now - pause->told_ms < TELL_PAUSE_EVERY_MS) return;
    (void)snprintf(text, sizeof text,
                   "run %" PRId64 " is paused by %s; `redferry resume %" PRId64
                   "` has it go on",
                   progress->event.run_id, progress_name(by), progress->event.run_id);
    progress_tell(progress, EVENT_PAUSED, text,
                  is_first ? 0 : (double)(now - pause->begun_ms) / 1000.0);
    pause->told_ms = now;
}

void progress_resume(struct progress *progress, struct progress_pause *pause, const char *by)
{
    const int64_t paused_ms = clock_monotonic_ms() - pause->begun_ms;
    char text[TEXT_SIZE];
    (void)snprintf(text, sizeof text, "run %" PRId64 " goes on: resumed by %s",
                   progress->event.run_id, progress_name(by));
    progress_tell(progress, EVENT_RESUMED, text, (double)paused_ms / 1000.0);
    progress_skip(progress, paused_ms);
    *pause = (struct progress_pause){0};
}

void progress_tell_outage(struct progress *progress, const char *why, int64_t begun_ms,
                          int64_t most_ms)
{
    const int64_t now = clock_monotonic_ms();
    const bool is_first = progress->outage_ms != begun_ms;
    struct error words = {0};
    char most[32];
    progress->told_ms = now;
    if (!is_first && now - begun_ms < TELL_OUTAGE_FROM_MS) return;
    error_set(&words, ERROR_NONE, "waiting for Redis, for %s at most: %s",
              number_duration_text(most_ms, most), why);
    progress_tell(progress, EVENT_WAITING, words.message,
                  is_first ? 0 : (double)(now - begun_ms) / 1000.0);
    progress->outage_ms = begun_ms;
}
