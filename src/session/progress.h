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
    EVENT_MIGRATION_FAILED,
    EVENT_PAUSED,
    EVENT_RESUMED
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
    double idle_seconds;
    bool slowed;      /* because Redis takes too long to answer */
    int64_t redis_us; /* how long it took last; 0: not measured */
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
 * How fast rows go at present: over the last ten seconds, or over the last few times that any
 * came, where that is longer. The longer none comes, the lower the rate.
 */
enum { PROGRESS_SAMPLES = 16 };

struct progress_pace {
    struct progress_sample {
        int64_t at_ms; /* monotonic */
        int64_t rows;
    } samples[PROGRESS_SAMPLES]; /* the oldest first */
    int count;
    int64_t rows;     /* so far */
    int64_t moved_ms; /* when the last ones came */
};

/* Begin with no rows at now_ms (monotonic, as below). */
void progress_pace_begin(struct progress_pace *pace, int64_t now_ms);

/* Take how many rows there are by now. */
void progress_pace_note(struct progress_pace *pace, int64_t now_ms, int64_t rows);

/* Rows per second. */
double progress_pace_rate(const struct progress_pace *pace, int64_t now_ms);

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
    int64_t outage_ms;         /* monotonic: when the outage began that was told of last */
    struct progress_pace pace; /* of the step */
};

/* Begin a run and tell of it. name (borrowed) lives as long as progress. */
void progress_begin(struct progress *progress, const struct listener *listener,
                    const struct run *run, int steps);

/* Begin a step and tell of it. rows_total: how many rows are expected of it, -1: not known. */
void progress_step(struct progress *progress, int step, const char *name, int64_t rows_total);

/* Take the run's counts so far; tell of them where a fifth of a second has passed since the
 * last time. */
void progress_count(struct progress *progress, const struct tally *tally);

/* ms of this step were spent without working: they do not count for the rate. */
void progress_skip(struct progress *progress, int64_t ms);

/* The step that was begun just now was begun ms ago, and had rows since then: it is seen only
 * from here on. */
void progress_join(struct progress *progress, int64_t ms, int64_t rows);

/* Tell of the end of a step, or of the run (text: the error of one that failed, or NULL). */
void progress_end(struct progress *progress, enum event_kind kind, const char *text);

/* Tell text beside the figures, and how long what it is about has lasted. */
void progress_tell(const struct progress *progress, enum event_kind kind, const char *text,
                   double seconds);

/* Redis is away since begun_ms (monotonic), or refuses: say why, and that it is waited for
 * until most_ms later, once for each outage; then, from a second on, how long it has lasted by
 * now. Right behind that no count is told, so that a line that is drawn stays. */
void progress_tell_outage(struct progress *progress, const char *why, int64_t begun_ms,
                          int64_t most_ms);

/* Whoever asked or does something, as told to others; by may be NULL: not known. */
const char *progress_name(const char *by);

/* A pause of the run, as those who are told of it see it; {0}: there is none. */
struct progress_pause {
    int64_t begun_ms; /* monotonic, as the other */
    int64_t told_ms;
};

/* The run is paused by somebody (NULL: not known): say so at once, and then about every second.
 */
void progress_pause(const struct progress *progress, struct progress_pause *pause,
                    const char *by);

/* It goes on, resumed by somebody: say so. The pause, which is over, does not count for the
 * rate. */
void progress_resume(struct progress *progress, struct progress_pause *pause, const char *by);

/* Seconds since progress_begin(). */
double progress_seconds(const struct progress *progress);

#endif
