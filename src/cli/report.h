#ifndef REDFERRY_REPORT_H
#define REDFERRY_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <redferry/redferry.h>

/*
 * What is told while a command runs. Warnings, progress and errors go to err; the line of each
 * migration that was applied or undone goes to out as it happens.
 */
struct report_manner {
    bool json;           /* --log-format json: every line a JSON object */
    bool quiet;          /* only warnings and errors */
    bool verbose;        /* steps too */
    bool progress;       /* show how far it is */
    bool redraws;        /* err is a terminal: progress is one line that is drawn again */
    bool coloured;       /* err may be */
    bool unicode;        /* err shows UTF-8 */
    const char *context; /* for JSON lines; or NULL; borrowed */
};

enum { REPORT_HELD = 16 };

/* report.c's own. */
struct report {
    FILE *out; /* NULL: results are not printed here */
    FILE *err;
    FILE *besides; /* where the error at the end is told too; or NULL */
    struct report_manner manner;
    bool started;
    bool stamped;          /* err is a log: each line begins with the time */
    redferry_event failed; /* the failure of a migration, with texts of its own, or {0} */
    char *failed_name, *failed_step_name;
    char *held[REPORT_HELD]; /* warnings that came before the manner was known */
    size_t held_count;
    bool drawn;       /* the progress line stands on the screen */
    int64_t drawn_ms; /* when */
    int64_t said_ms;  /* when a log line last told of progress or of waiting */
    size_t done;      /* how many lines of migrations went to out */
    int64_t (*clock_ms)(void);
};

/* Prepare caller's storage. Until report_start() warnings are held back. */
void report_init(struct report *report, FILE *err);

/* Begin to tell, in this manner; out gets results (NULL: it does not). */
void report_start(struct report *report, const struct report_manner *manner, FILE *out);

/* From now on tell in log (borrowed), as lines with the time before each, instead of err;
 * besides (borrowed; NULL: nowhere) gets the error at the end as well. */
void report_to_log(struct report *report, FILE *log, FILE *besides);

/* The same, where nobody reads out any more. */
void report_to_background(struct report *report, FILE *log);

/* The library's callback; payload is the report. */
void report_event(const redferry_event *event, void *payload);

/* Print the line of a migration that was applied or undone to out, and to a log; word says
 * which ("applied"). A line without figures where brief. */
void report_done(struct report *report, const redferry_done *done, const char *word,
                 bool brief);

/* Tell what went wrong. */
void report_error(struct report *report, const char *text);

/* Tell what is held back, and take the progress line from the screen. */
void report_finish(struct report *report);

/* The same, for the last time, and free what report holds. */
void report_release(struct report *report);

#endif
