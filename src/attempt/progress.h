#ifndef REDFERRY_PROGRESS_H
#define REDFERRY_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "agenda.h"

/* What the library's caller is told. */
enum event_kind {
    EVENT_WARNING,
    EVENT_NOTE,
    EVENT_WAITING,
    EVENT_MIGRATION_BEGUN,
    EVENT_STEP_BEGUN,
    EVENT_PROGRESS,
    EVENT_STEP_DONE,
    EVENT_MIGRATION_DONE,
    EVENT_MIGRATION_FAILED
};

/* Good during the call that tells of it. Fields that say nothing are 0 or NULL. */
struct event {
    enum event_kind kind;
    const char *text;
    int64_t version;
    const char *name;
    bool down;
    int64_t run_id;
    int step, steps; /* step of steps, from 1 */
    const char *step_name;
    int64_t rows_total; /* -1: not known */
    struct tally tally; /* of the run so far */
    int64_t step_rows;
    double seconds;
    double rows_per_second;
};

/* Who is told. */
typedef void (*event_fn)(const struct event *event, void *payload);

struct listener {
    event_fn tell; /* NULL: nobody */
    void *payload;
};

/* Tell listener of event. */
void listener_tell(const struct listener *listener, const struct event *event);

/* Tell listener a printf-style text. */
void listener_say(const struct listener *listener, enum event_kind kind, const char *format,
                  ...) __attribute__((format(printf, 3, 4)));

/*
 * How one run of a migration gets on: counters become rates and events, a few a second and not
 * more.
 */
struct progress {
    const struct listener *listener;
    struct event event; /* what the next event says */
    int64_t begun_ms;   /* monotonic, as the next two */
    int64_t step_begun_ms;
    int64_t told_ms;
    int64_t rows_before_step;
};

/* Begin a run and tell of it. name (borrowed) lives as long as progress. */
void progress_begin(struct progress *progress, const struct listener *listener,
                    const struct run *run, int steps);

/* Begin a step and tell of it. */
void progress_step(struct progress *progress, int step, const char *name);

/* Take the run's counts so far; tell of them where a fifth of a second has passed since the
 * last time. */
void progress_count(struct progress *progress, const struct tally *tally);

/* Tell of the end of a step, or of the run (text: the error of one that failed, or NULL). */
void progress_end(struct progress *progress, enum event_kind kind, const char *text);

/* Seconds since progress_begin(). */
double progress_seconds(const struct progress *progress);

#endif
