/*
 * Progress: what a run has done so far, told as events. Counters come in with every batch;
 * events go out at most five times a second, so that telling costs nothing however fast rows
 * flow. It knows nothing of terminals: how an event looks is the caller's affair.
 */
#include "progress.h"

#include <stdarg.h>
#include <stdio.h>

#include "clock.h"
#include "error.h"

enum { PROGRESS_INTERVAL_MS = 200 };

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

static void tell(struct progress *progress, enum event_kind kind, const char *text)
{
    const int64_t now = clock_monotonic_ms();
    const double step_seconds = (double)(now - progress->step_begun_ms) / 1000.0;
    struct event *event = &progress->event;
    event->kind = kind;
    event->text = text;
    event->seconds = progress_seconds(progress);
    event->step_rows = event->tally.rows_read - progress->rows_before_step;
    event->rows_per_second = step_seconds > 0 ? (double)event->step_rows / step_seconds : 0;
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
    tell(progress, EVENT_MIGRATION_BEGUN, NULL);
}

void progress_step(struct progress *progress, int step, const char *name)
{
    progress->event.step = step;
    progress->event.step_name = name;
    progress->rows_before_step = progress->event.tally.rows_read;
    progress->step_begun_ms = clock_monotonic_ms();
    tell(progress, EVENT_STEP_BEGUN, NULL);
}

void progress_count(struct progress *progress, const struct tally *tally)
{
    progress->event.tally = *tally;
    if (clock_monotonic_ms() - progress->told_ms >= PROGRESS_INTERVAL_MS)
        tell(progress, EVENT_PROGRESS, NULL);
}

void progress_end(struct progress *progress, enum event_kind kind, const char *text)
{
    tell(progress, kind, text);
}
